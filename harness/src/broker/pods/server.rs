//! One server on a cluster: started, killed, paused, started again on the same data and at the same address.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    answer,
    log::Follower,
    objects::{self, pod},
    settings,
};
use crate::{
    broker::{Reach, kafka, nats, postgres},
    error::{Error, LogTail},
    runtime::{
        k8s::{Cluster, pods::Known, shell},
        ports,
    },
    scenario::Broker,
};

/// A start takes a few seconds, Kafka's more; the bound is for an image that has to be fetched.
const START_BOUND: Duration = Duration::from_secs(180);

/// How long what was done to a pod may take to be seen: the kubelet looks at its containers once a second.
const SEEN_BOUND: Duration = Duration::from_secs(30);

/// How long an orderly end may take.
const END_BOUND: Duration = Duration::from_secs(30);

/// Keeps the container that comes after a killed one from starting the server.
const CLOSE: &str = ": > /gate/closed";

/// A running server.
#[derive(Debug)]
pub struct Server {
    cluster: Cluster,
    broker: Broker,
    name: String,
    reach: Reach,
    /// The id of Kafka's cluster.
    id: String,
    version: String,
    log: PathBuf,
    /// Which pod it is, and how often that one's container was started before.
    standing: (String, i32),
    /// How it ended, where a fault ended it.
    ended: Option<String>,
    _follower: Follower,
}

impl Server {
    /// Starts one with a volume of its own. `folder` is for what it logs. `settings` are lines for its own configuration.
    pub async fn start(
        cluster: &Cluster,
        broker: Broker,
        name: &str,
        folder: &Path,
        settings: &str,
        secret: impl Fn() -> String,
    ) -> Result<Self, Error> {
        crate::store::make_folder(folder)?;
        // A service's name begins with a letter, and a lab's with a number.
        let name = &format!("lab-{name}");
        let (address, id) = (objects::make_address(cluster, name, broker).await?, secret()[..22].to_owned());
        let (reach, files) = told(cluster, broker, address, &id, settings, secret)?;
        let log = folder.join(format!("{broker}.log"));
        objects::make_set(cluster, name, broker, files).await?;
        let mut server = Self {
            cluster: cluster.clone(),
            broker,
            name: name.to_owned(),
            reach,
            id,
            version: String::new(),
            standing: (String::new(), 0),
            ended: None,
            _follower: Follower::start(cluster.api(), pod(name), &log),
            log,
        };
        let started = server.first_start().await;
        if started.is_err() {
            server.stop().await?;
        }
        started.map(|()| server)
    }

    async fn first_start(&mut self) -> Result<(), Error> {
        self.wait_until_it_runs().await?;
        self.wait_until_it_answers().await?;
        if let Reach::Postgres(reach) = &self.reach {
            answer::make_role(reach)
                .await
                .map_err(|why| self.error(format!("PostgreSQL made no role: {why}")))?;
        }
        Ok(())
    }

    /// Which broker it is.
    pub fn broker(&self) -> Broker {
        self.broker
    }

    /// How to get to it.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The version, as the server says it; the image's name where it does not.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.log.clone()
    }

    /// Whether its main process is the one that was started, and runs.
    pub fn alive(&self) -> bool {
        let known = self.cluster.pods().get(&pod(&self.name));
        self.ended.is_none() && known.is_some_and(|known| self.is_mine(&known) && known.running)
    }

    fn is_mine(&self, known: &Known) -> bool {
        (known.uid.as_str(), known.restarts) == (self.standing.0.as_str(), self.standing.1)
    }

    /// An error where it died by itself.
    pub fn died(&self) -> Result<(), Error> {
        if self.alive() || self.ended.is_some() {
            return Ok(());
        }
        let known = self.cluster.pods().get(&pod(&self.name)).unwrap_or_default();
        let how = known.exit_code.map_or("its pod is gone".to_owned(), |code| format!("exit code {code}"));
        Err(self.error(format!("the pod {} died by itself ({how})", pod(&self.name))))
    }

    /// Kills all its processes by SIGKILL. The evidence is the cluster's own word: exit code 137, one start more.
    pub async fn kill(&mut self) -> Result<(bool, String), Error> {
        self.hit(&format!("{CLOSE}; {}", shell::KILL), SEEN_BOUND).await?;
        let evidence = self.ended.clone().unwrap_or_default();
        Ok((evidence.starts_with(crate::runtime::node::KILLED), evidence))
    }

    /// Asks it to end in order; how it ended.
    pub async fn terminate(&mut self) -> Result<String, Error> {
        let signal = if self.broker == Broker::Postgres { "INT" } else { "TERM" };
        let ask = format!("{CLOSE}; read main < /gate/pid; kill -s CONT -- -1; kill -s {signal} $main");
        if self.hit(&ask, END_BOUND).await.is_err() {
            self.kill().await?;
        }
        Ok(self.ended.clone().unwrap_or_default())
    }

    async fn hit(&mut self, script: &str, bound: Duration) -> Result<(), Error> {
        if !self.alive() {
            return Ok(());
        }
        let name = pod(&self.name);
        shell::shell(&self.cluster.api(), &name, script).await?;
        let (uid, before) = self.standing.clone();
        let ended =
            |known: Option<&Known>| known.is_none_or(|known| known.uid != uid || known.restarts > before);
        match self.cluster.pods().until(&name, bound, ended).await {
            Some(known) => {
                self.ended = Some(how(known.as_ref(), before));
                Ok(())
            }
            None => Err(self.error(format!("the pod {name} was still there {bound:?} after it was to end"))),
        }
    }

    /// Stops all its processes by SIGSTOP; the evidence is the state of every thread.
    pub async fn pause(&mut self) -> Result<String, Error> {
        shell::pause(&self.cluster.api(), &pod(&self.name)).await
    }

    /// Lets it go on; harmless when it is not stopped or is gone.
    pub async fn resume(&mut self) {
        if self.alive()
            && let Err(error) = shell::shell(&self.cluster.api(), &pod(&self.name), shell::RESUME).await
        {
            tracing::warn!("{error}");
        }
    }

    /// Starts it again: a new pod of the same name, the same volume, the same address. In the old pod the cluster would
    /// wait longer with each start.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.cluster.delete_pod(&pod(&self.name)).await?;
        self.wait_until_it_runs().await?;
        self.wait_until_it_answers().await
    }

    /// Takes it away, and what it wrote.
    pub async fn stop(&mut self) -> Result<(), Error> {
        self.ended.get_or_insert_with(|| "taken away".to_owned());
        objects::remove(&self.cluster, &self.name).await
    }

    /// Whether a connection to one of these ports of the server's pod was closed by its client and not by the server.
    pub async fn connections(&self) -> Result<String, Error> {
        shell::shell(&self.cluster.api(), &pod(&self.name), "cat /proc/net/tcp /proc/net/tcp6").await
    }

    async fn wait_until_it_runs(&mut self) -> Result<(), Error> {
        let (name, old) = (pod(&self.name), self.standing.0.clone());
        let settled = |known: Option<&Known>| {
            known.is_some_and(|known| {
                known.uid != old && (known.running || known.exit_code.is_some() || known.hopeless)
            })
        };
        match self.cluster.pods().until(&name, START_BOUND, settled).await.flatten() {
            Some(known) if known.hopeless => {
                let variable = format!("HARNESS_{}_IMAGE", self.broker.word().to_uppercase());
                Err(Error::NotRun {
                    what: format!(
                        "the pod {name} does not come to run: {}",
                        known.trouble.unwrap_or_default()
                    ),
                    mend: format!("see that the cluster can have that image ({variable} names another)"),
                })
            }
            Some(known) if !known.running => {
                let code = known.exit_code.unwrap_or_default();
                Err(self.error(format!("the pod {name} ended at its start (exit code {code})")))
            }
            Some(known) => {
                self.standing = (known.uid, known.restarts);
                self.ended = None;
                Ok(())
            }
            None => {
                let known = self.cluster.pods().get(&name);
                let why =
                    known.and_then(|known| known.trouble).unwrap_or_else(|| "nobody says why".to_owned());
                Err(self.error(format!("the pod {name} did not run within {START_BOUND:?}: {why}")))
            }
        }
    }

    async fn wait_until_it_answers(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + START_BOUND;
        loop {
            self.died()?;
            let why = match answer::ask(&self.reach, &self.id).await {
                Ok(version) => {
                    self.version = version.unwrap_or_else(|| "of the image".to_owned());
                    return Ok(());
                }
                Err(why) => why,
            };
            if Instant::now() > deadline {
                return Err(self.error(format!("{} did not answer within {START_BOUND:?}: {why}", self.name)));
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // the pace of asking; the answer is the condition
        }
    }

    fn error(&self, what: String) -> Error {
        Error::Node { what, log: LogTail::of(&self.log) }
    }
}

/// How a server that was hit ended.
fn how(known: Option<&Known>, before: i32) -> String {
    let Some(known) = known else { return "its pod is gone".to_owned() };
    let after = known.restarts;
    match known.exit_code {
        Some(code) if code > 128 => {
            format!(
                "exit by signal {} (code {code} of its container, restart count {before} to {after})",
                code - 128
            )
        }
        Some(code) => format!("exit code {code}"),
        None => "another pod is there".to_owned(),
    }
}

/// What the server is told, and how one gets to it then.
fn told(
    cluster: &Cluster,
    broker: Broker,
    address: IpAddr,
    id: &str,
    more: &str,
    secret: impl Fn() -> String,
) -> Result<(Reach, std::collections::BTreeMap<String, String>), Error> {
    let at = |port| SocketAddr::new(address, port);
    Ok(match broker {
        Broker::Nats => {
            let access = nats::server::Access { address: at(objects::NATS), user: "lab", password: secret() };
            let files = settings::nats(&access.password, more);
            (Reach::Nats(access), files)
        }
        Broker::Postgres => {
            let reach =
                postgres::Reach { address: at(objects::POSTGRES), secret: secret(), own_secret: secret() };
            let files = settings::postgres(&reach.own_secret, more);
            (Reach::Postgres(reach), files)
        }
        Broker::Kafka => {
            let ports = objects::kafka([free_port(cluster.address())?, free_port(cluster.address())?]);
            let reach =
                kafka::settings::Reach { workers: at(ports.client), own: at(ports.own), links: ports.links };
            (Reach::Kafka(reach), settings::kafka(&ports, id, address, cluster.address(), more))
        }
    })
}

/// A port at which the proxy will listen, if it is needed.
fn free_port(own: IpAddr) -> Result<u16, Error> {
    let found = ports::listen_on(own).and_then(|listener| listener.local_addr());
    found
        .map(|address| address.port())
        .map_err(|error| Error::Other(format!("no free port for the proxy: {error}")))
}
