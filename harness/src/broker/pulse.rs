//! What a broker says of itself once a second, for dashboards. Nothing in an account depends on it, and no phase waits for
//! it: it is asked beside the run, over a connection of its own, and only where somebody scrapes.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::{Reach, Server, kafka, nats, postgres};
use crate::scenario::Broker;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How long it may take to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_secs(1);

/// A thing that brokers say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// Connections that are open, the harness's own among them.
    Connections,
    /// Messages that came in since the server was started.
    MessagesIn,
    /// Messages that went out since the server was started.
    MessagesOut,
    /// Messages in its stores.
    StoredMessages,
    /// What its stores take, in bytes.
    StoredBytes,
    /// What the process has in memory, in bytes.
    MemoryBytes,
    /// Transactions that were committed.
    Commits,
    /// Transactions that were given up.
    Rollbacks,
}

/// One answer; or that there was none in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulse {
    /// It answered.
    pub up: bool,
    /// How long that took, in seconds; nothing where it did not.
    pub answer_seconds: Option<f64>,
    /// What it said.
    pub said: Vec<(Said, f64)>,
}

/// Asks one broker until this is dropped.
#[derive(Debug)]
pub struct Monitor(JoinHandle<()>);

impl Drop for Monitor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whom to ask, and how.
enum Asker {
    Nats(nats::pulse::Asker),
    Postgres(Box<postgres::pulse::Asker>),
    Kafka(kafka::pulse::Asker),
}

impl Monitor {
    /// Begins to ask this server; `tag` is the run's. Each answer goes to `tell`.
    pub fn start(server: &Server, tag: &str, tell: impl Fn(Broker, Pulse) + Send + 'static) -> Self {
        let (broker, mut asker) = match server.reach() {
            Reach::Nats(access) => (Broker::Nats, Asker::Nats(nats::pulse::Asker::of(&access))),
            Reach::Postgres(reach) => {
                (Broker::Postgres, Asker::Postgres(Box::new(postgres::pulse::Asker::of(&reach))))
            }
            Reach::Kafka(reach) => (Broker::Kafka, Asker::Kafka(kafka::pulse::Asker::of(reach.own, tag))),
        };
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let answer = pulse(&mut asker).await;
                tell(broker, answer);
            }
        }))
    }
}

async fn pulse(asker: &mut Asker) -> Pulse {
    let began = Instant::now();
    let ask = async {
        match asker {
            Asker::Nats(asker) => asker.ask().await,
            Asker::Postgres(asker) => asker.ask().await,
            Asker::Kafka(asker) => asker.ask(PATIENCE).await,
        }
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Some(said)) => Pulse { up: true, answer_seconds: Some(began.elapsed().as_secs_f64()), said },
        Ok(None) | Err(_) => Pulse::default(),
    }
}
