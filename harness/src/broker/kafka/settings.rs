//! The settings of our broker: one node, quick to start, on loopback alone.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
};

use crate::runtime::ports;

/// The ports of one broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For the harness, and for the broker itself.
    pub own: u16,
    /// For workers.
    pub client: u16,
    /// For the controller.
    pub controller: u16,
    /// For workers that come by the proxy. A broker tells its clients where it is, so a listener has to know where its
    /// proxy is.
    pub links: [LinkPorts; 2],
}

/// The two ports of a listener behind the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkPorts {
    /// Where the broker listens.
    pub listens: u16,
    /// Where it says that it is: there the proxy listens, when there is one.
    pub advertised: u16,
}

/// Where a broker is, for those who connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its listener for workers.
    pub workers: SocketAddr,
    /// Its listener for the harness: past whatever may stand before the workers' one.
    pub own: SocketAddr,
    /// The host of its listeners behind the proxy is that of `workers`; that of their advertised ends is the harness's.
    pub links: [LinkPorts; 2],
}

impl Reach {
    /// Every port that workers' connections may be on, on either side of the proxy.
    pub fn worker_ports(&self) -> Vec<u16> {
        let links = self.links.into_iter().flat_map(|link| [link.listens, link.advertised]);
        links.chain([self.workers.port()]).collect()
    }
}

impl Ports {
    /// Some that are free at this moment. They have to be known before the start: the settings name them.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn choose() -> io::Result<Self> {
        let held: Vec<_> = (0..7).map(|_| ports::listen()).collect::<Result<_, _>>()?;
        let port = |at: usize| held[at].local_addr().map(|address| address.port());
        let link =
            |at: usize| Ok::<_, io::Error>(LinkPorts { listens: port(at)?, advertised: port(at + 1)? });
        Ok(Self { own: port(0)?, client: port(1)?, controller: port(2)?, links: [link(3)?, link(5)?] })
    }

    /// Whether nobody has any of them.
    pub fn are_free(&self) -> bool {
        // Where the proxy listens is none of the broker's.
        let links = self.links.map(|link| link.listens);
        [self.own, self.client, self.controller].into_iter().chain(links).all(|port| listen(port).is_ok())
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}

/// The folder of the data, in the broker's folder. A relative path is at home in any folder: the file of the settings
/// knows neither letters beyond Latin-1 nor a comma in a path.
pub const DATA: &str = "data";

/// On which hosts a broker's listeners are, and where it says that they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Where it listens.
    pub listens: String,
    /// Where its clients find it.
    pub broker: IpAddr,
    /// Where the proxy listens.
    pub links: IpAddr,
}

impl Hosts {
    /// All of it on this machine.
    pub fn local() -> Self {
        let here = IpAddr::from([127, 0, 0, 1]);
        Self { listens: here.to_string(), broker: here, links: here }
    }
}

/// The text of `server.properties`, with the data in this folder. `more` are further lines, and win.
pub fn text(ports: &Ports, hosts: &Hosts, data: &str, more: &str) -> String {
    let Ports { own, client, controller, links } = ports;
    let Hosts { listens, broker, links: proxy } = hosts;
    let links = || links.iter().enumerate();
    let listen: String =
        links().map(|(number, link)| format!(",LINK{number}://{listens}:{}", link.listens)).collect();
    let advertise: String =
        links().map(|(number, link)| format!(",LINK{number}://{proxy}:{}", link.advertised)).collect();
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=BROKER://{listens}:{own},CLIENT://{listens}:{client},CONTROLLER://127.0.0.1:{controller}{listen}\n\
         advertised.listeners=BROKER://{broker}:{own},CLIENT://{broker}:{client}{advertise}\n\
         log.dirs={data}\n\
         {ORDINARY}{more}\n"
    )
}

/// What does not differ. A session of 1.5 s decides how long a killed broker stays away: until then the controller takes
/// it to be there. Below that, a machine that stalls for a moment would lose a healthy broker. Whether a transaction
/// is older than it may be is looked at twice a second, not every 10 s.
const ORDINARY: &str = "\
listener.security.protocol.map=BROKER:PLAINTEXT,CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,LINK0:PLAINTEXT,LINK1:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
group.consumer.min.session.timeout.ms=500
group.consumer.min.heartbeat.interval.ms=100
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=200
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
num.network.threads=2
num.io.threads=2
background.threads=2
num.replica.fetchers=1
group.coordinator.threads=1
share.coordinator.threads=1
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.io.buffer.size=65536
auto.include.jmx.reporter=false
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_until_somebody_takes_one() {
        // Other tests take ports at the same time.
        let ports = (0..100).filter_map(|_| Ports::choose().ok()).find(Ports::are_free).unwrap();
        assert!(
            ports.own != ports.client && ports.client != ports.controller && ports.own != ports.controller
        );
        let taken = listen(0).unwrap();
        let ports = Ports { client: taken.local_addr().unwrap().port(), ..ports };
        assert!(!ports.are_free());
    }

    #[test]
    fn further_settings_come_last_and_so_win() {
        let links = [(4, 5), (6, 7)].map(|(listens, advertised)| LinkPorts { listens, advertised });
        let text = text(
            &Ports { own: 1, client: 2, controller: 3, links },
            &Hosts::local(),
            DATA,
            "num.io.threads=7\n",
        );
        let last = text.lines().rfind(|line| line.starts_with("num.io.threads=")).unwrap();
        assert_eq!(last, "num.io.threads=7");
        assert!(
            text.contains(
                "advertised.listeners=BROKER://127.0.0.1:1,CLIENT://127.0.0.1:2,LINK0://127.0.0.1:5"
            ),
            "{text}"
        );
    }
}
