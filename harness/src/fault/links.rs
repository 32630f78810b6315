//! The links of one run: the proxy between its workers and the brokers on which a fault of the network is planned.
//!
//! Where no such fault is planned there is no proxy, and workers talk to their brokers directly.

use std::net::{IpAddr, SocketAddr};

use crate::{
    broker::{Brokers, Reach, Server},
    error::Error,
    fault::driver::is_called,
    proxy::{Link, Mode, Proxy, Seen, Way},
    scenario::{Action, Broker, Direction, Network, Plan, Role},
};

/// All links of a run. They are closed when this is dropped.
#[derive(Debug)]
pub struct Links {
    all: Vec<Named>,
    trouble_told: bool,
    /// Dropped last: the links run on its thread.
    _proxy: Proxy,
}

/// A link and whose it is.
#[derive(Debug)]
struct Named {
    broker: Broker,
    workers: Vec<String>,
    link: Link,
    /// The number of the fault that is on it.
    fault: Option<usize>,
}

/// What became of the beginning of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is on its links.
    Armed,
    /// There is no such link.
    NoLink,
    /// Another fault, of this number, is on a link still.
    Taken(usize),
}

impl Links {
    /// The links that the plan needs, if any: one for each worker, and for Kafka one for the producers and one for all
    /// others, since a broker tells all clients of a listener the same address. They listen on the address `own`.
    pub async fn set_up(own: IpAddr, brokers: &Brokers, plan: &Plan) -> Result<Option<Self>, Error> {
        let faults = plan.faults.iter().filter_map(|fault| fault.network.as_ref());
        let mut linked: Vec<Broker> = faults.map(|network| network.broker).collect();
        linked.sort();
        linked.dedup();
        if linked.is_empty() {
            return Ok(None);
        }
        let proxy = Proxy::start()?;
        let mut all = Vec::new();
        for broker in linked {
            let Some(server) = brokers.get(broker) else { continue };
            for (workers, listens, target) in ends(server, &plan.worker_names()) {
                let link = proxy.link(SocketAddr::new(own, listens), target).await?;
                all.push(Named { broker, workers, link, fault: None });
            }
        }
        Ok(Some(Self { all, trouble_told: false, _proxy: proxy }))
    }

    /// Where a worker finds a broker, if there is a link between them.
    pub fn address(&self, worker: &str, broker: Broker) -> Option<SocketAddr> {
        self.of(worker, broker).map(|named| named.link.address()).next()
    }

    /// The links of a worker, or of all workers where a fault is on the broker's side.
    fn of<'a>(&'a self, worker: &'a str, broker: Broker) -> impl Iterator<Item = &'a Named> {
        self.all.iter().filter(move |named| named.is_of(worker, broker))
    }

    /// What was done so far on the links of a worker.
    pub fn seen(&self, worker: &str, broker: Broker) -> Seen {
        self.of(worker, broker).fold(Seen::default(), |seen, named| seen.and(&named.link.seen()))
    }

    /// Begins a fault on the links of a worker. One at a time: of two, nobody could say which one took the bytes.
    pub async fn begin(
        &mut self,
        number: usize,
        worker: &str,
        action: Action,
        network: &Network,
    ) -> Result<Begun, Error> {
        let mut begun = Begun::NoLink;
        if let Some(other) = self.of(worker, network.broker).find_map(|named| named.fault) {
            return Ok(Begun::Taken(other));
        }
        for named in self.all.iter_mut().filter(|named| named.is_of(worker, network.broker)) {
            begun = Begun::Armed;
            match action {
                // Over as soon as it has begun.
                Action::Reset => named.link.reset().await?,
                _ => {
                    named.fault = Some(number);
                    named.link.set(mode(action, network)).await?;
                }
            }
        }
        Ok(begun)
    }

    /// Ends whatever a fault does on its links; may be called twice, and is no matter of other faults.
    pub async fn end(&mut self, number: usize) -> Result<(), Error> {
        for named in self.all.iter_mut().filter(|named| named.fault == Some(number)) {
            named.fault = None;
            named.link.set(Mode::default()).await?;
        }
        Ok(())
    }

    /// Why a connection was refused that should not have been, told once.
    pub fn trouble(&mut self) -> Option<String> {
        if self.trouble_told {
            return None;
        }
        let trouble = self.all.iter().find_map(|named| named.link.trouble());
        self.trouble_told = trouble.is_some();
        trouble
    }

    /// While a broker is down, its links refuse, as its own port would.
    pub async fn broker_is_down(&mut self, broker: Broker, down: bool) -> Result<(), Error> {
        for named in self.all.iter_mut().filter(|named| named.broker == broker) {
            named.link.target_is_down(down).await?;
        }
        Ok(())
    }
}

impl Named {
    fn is_of(&self, worker: &str, broker: Broker) -> bool {
        let of_all = worker == "broker" || worker == broker.word();
        self.broker == broker && (of_all || self.workers.iter().any(|name| name == worker))
    }
}

/// For each link: whose it is, at which port it listens (0 for any free one), and where it leads.
fn ends(server: &Server, workers: &[String]) -> Vec<(Vec<String>, u16, SocketAddr)> {
    let reach = server.reach();
    if let Reach::Kafka(reach) = &reach {
        let of_producers = |name: &&String| is_called(name, Role::Producer.word());
        let producers = workers.iter().filter(of_producers).cloned().collect();
        let others = workers.iter().filter(|name| !of_producers(name)).cloned().collect();
        let ends = [producers, others].into_iter().zip(reach.links);
        let at = |port| SocketAddr::new(reach.workers.ip(), port);
        return ends.map(|(workers, link)| (workers, link.advertised, at(link.listens))).collect();
    }
    workers.iter().map(|name| (vec![name.clone()], 0, reach.address())).collect()
}

fn mode(action: Action, network: &Network) -> Mode {
    let way = match action {
        Action::BlackHole | Action::DropReply if !network.close => Way::Withhold,
        Action::DropReply => Way::TakeOnce,
        Action::Delay => Way::Delay(network.by.unwrap_or_default()),
        Action::Throttle => Way::Throttle(network.rate.unwrap_or(1)),
        _ => Way::Pass,
    };
    let (to_broker, to_worker) = match (action, network.direction) {
        (Action::DropReply, _) | (_, Direction::ToWorker) => (Way::Pass, way),
        (_, Direction::ToBroker) => (way, Way::Pass),
        (_, Direction::Both) => (way, way),
    };
    Mode { to_broker, to_worker, cut: action == Action::Cut }
}
