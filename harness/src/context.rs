//! What outlives a single run: the runtime, the folders, the tools found, the person's wish to end.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use tokio::sync::{Mutex, OnceCell, watch};

use crate::{
    broker::{kafka, nats, postgres},
    error::Error,
    metrics::Metrics,
    pages::live::LivePage,
    runtime::{k8s::Cluster, life::Place, local::Local},
    scenario::Broker,
    store::{Session, make_folder},
    workload::build,
};

/// What every run of one `harness run` shares.
#[derive(Debug)]
pub struct Context {
    /// The project: the folder that holds `labs`.
    pub project: PathBuf,
    /// Where run folders go.
    pub runs: PathBuf,
    /// Starts processes, and has a guard for them.
    pub local: Local,
    /// The cluster on which brokers and workers run, where they do not run on this machine.
    pub cluster: Option<Cluster>,
    /// The folder of what this process has standing.
    pub session: Session,
    /// What those who look on can ask for.
    pub metrics: Metrics,
    /// The page that shows the runs, where the person wants it.
    pub live_page: Option<LivePage>,
    /// How often the person asked to end.
    pub interrupt: watch::Receiver<u32>,
    binaries: RefCell<BTreeMap<String, PathBuf>>,
    building: Mutex<()>,
    found: Found,
}

impl Context {
    /// Sets up: folders, lock, guard. Fails where `runs` cannot be written.
    pub fn start(project: &Path, interrupt: watch::Receiver<u32>, metrics: Metrics) -> Result<Self, Error> {
        let runs = project.join("runs");
        make_folder(&runs)?;
        let mark = format!("{:016x}", rand::random::<u64>());
        Ok(Self {
            project: project.to_owned(),
            session: Session::create(&runs, &mark)?,
            local: Local::start(&mark)?,
            cluster: None,
            runs,
            metrics,
            live_page: None,
            interrupt,
            binaries: RefCell::default(),
            building: Mutex::default(),
            found: Found::default(),
        })
    }

    /// The end of it all: nothing stays but the run folders, and the brokers' data where `keep` says so.
    pub fn end(self, keep: bool) {
        let left = self.local.finish();
        if left > 0 {
            tracing::warn!("processes still there at the end, and killed: {left}");
        }
        if !keep {
            self.session.remove();
        }
    }

    /// Where the harness's own servers listen for workers: the proxy, the webhook.
    pub fn address(&self) -> IpAddr {
        self.cluster.as_ref().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), Cluster::address)
    }

    /// Where lives of workers begin.
    pub fn place(&self) -> Place<'_> {
        match &self.cluster {
            Some(cluster) => Place::There(cluster, self.session.path()),
            None => Place::Here(&self.local),
        }
    }

    /// The folder of a lab.
    pub fn lab_folder(&self, lab: &str) -> PathBuf {
        self.project.join("labs").join(lab)
    }

    /// Builds a lab's binary once, so that [`Context::binary`] knows it.
    pub async fn build(&self, lab: &str) -> Result<(), Error> {
        // One after the other: cargo would let them wait for each other anyway, and without a word.
        let _building = self.building.lock().await;
        if self.binaries.borrow().contains_key(lab) {
            return Ok(());
        }
        let path = build::binary(&self.project, &format!("lab-{lab}")).await?;
        self.binaries.borrow_mut().insert(lab.to_owned(), path);
        Ok(())
    }

    /// A lab's binary.
    pub fn binary(&self, lab: &str) -> Result<PathBuf, Error> {
        let known = self.binaries.borrow().get(lab).cloned();
        known.ok_or_else(|| Error::Other(format!("the workers of {lab} were not built")))
    }

    /// Finds or installs the program of a broker, so that it is known whether the broker can be started at all.
    pub async fn look_for(&self, broker: Broker) -> Result<(), Error> {
        match broker {
            // The cluster has images.
            _ if self.cluster.is_some() => Ok(()),
            Broker::Nats => self.nats().await.map(drop),
            Broker::Postgres => self.postgres().await.map(drop),
            Broker::Kafka => self.kafka().await.map(drop),
        }
    }

    /// The nats-server to use; found, or installed, once.
    pub async fn nats(&self) -> Result<nats::install::NatsServer, Error> {
        let found = self.found.nats.get_or_try_init(|| nats::install::find_or_install(&self.project));
        found.await.cloned()
    }

    /// The PostgreSQL to use; found, or installed, once.
    pub async fn postgres(&self) -> Result<postgres::install::PostgresServer, Error> {
        let found = self.found.postgres.get_or_try_init(|| postgres::install::find_or_install(&self.project));
        found.await.cloned()
    }

    /// The Kafka to use, and the Java that runs it; found, or installed, once.
    pub async fn kafka(&self) -> Result<kafka::install::KafkaServer, Error> {
        let found = self.found.kafka.get_or_try_init(|| kafka::install::find_or_install(&self.project));
        found.await.cloned()
    }
}

/// The programs that were found: labs that run side by side look for them once.
#[derive(Debug, Default)]
struct Found {
    nats: OnceCell<nats::install::NatsServer>,
    postgres: OnceCell<postgres::install::PostgresServer>,
    kafka: OnceCell<kafka::install::KafkaServer>,
}
