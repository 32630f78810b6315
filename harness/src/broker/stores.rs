//! What one run has on its brokers: its names there, and the harness's own connections, over which it asks.

use std::net::SocketAddr;

use tokio::process::Command;

use super::{Brokers, Committed, Reach, Server, kafka, nats, postgres};
use crate::{
    error::Error,
    scenario::{Broker, Plan, Sink},
};

/// One run's share of the brokers.
#[derive(Debug)]
pub struct Stores {
    tag: String,
    nats_names: nats::store::Names,
    kafka_names: kafka::store::Names,
    postgres_names: postgres::store::Names,
    nats: Option<nats::store::Store>,
    kafka: Option<kafka::store::Store>,
    postgres: Option<postgres::store::Store>,
}

/// What was read from a store.
pub struct Read {
    /// The store's name.
    pub store: String,
    /// How many messages it holds; `None` where it does not exist (any more).
    pub messages: Option<u64>,
}

impl Stores {
    /// The names that go with a run's tag; nothing is opened yet.
    pub fn new(tag: &str) -> Self {
        Self {
            tag: tag.to_owned(),
            nats_names: nats::store::Names::of(tag),
            kafka_names: kafka::store::Names::of(tag),
            postgres_names: postgres::store::Names::of(tag),
            nats: None,
            kafka: None,
            postgres: None,
        }
    }

    /// Connects to a server; to be done anew after its restart.
    pub async fn open(&mut self, server: &Server) -> Result<(), Error> {
        match server.reach() {
            Reach::Nats(access) => {
                self.nats = Some(nats::store::Store::open(&access, &self.nats_names).await?);
            }
            Reach::Kafka(reach) => {
                self.kafka = Some(kafka::store::Store::open(reach.own, &self.kafka_names).await?);
            }
            Reach::Postgres(reach) => {
                self.postgres = Some(postgres::store::Store::open(&reach, &self.postgres_names).await?);
            }
        }
        Ok(())
    }

    /// Creates what the plan asks for, in place of what another run may have left under the same names. `schema` is the
    /// text of the lab's SQL file. Says what is still there and cannot be removed: the run then proves nothing.
    pub async fn create(&self, plan: &Plan, schema: Option<&str>) -> Result<Option<String>, Error> {
        let mut still_there = None;
        if let (Some(store), Some(stream)) = (&self.nats, plan.stream()) {
            store.create(stream, plan.consumer()).await?;
        }
        if let (Some(store), Some(names)) = (&self.kafka, &plan.kafka) {
            store.create(names.topic.partitions, &names.topic.config).await?;
            if names.group {
                still_there = store.remove_group().await?;
            }
        }
        if let (Some(store), Sink::Topic { .. }) = (&self.kafka, &plan.sink) {
            // Each partition of the one feeds one of the other.
            store.create_sink(plan.kafka.as_ref().map_or(1, |names| names.topic.partitions)).await?;
        }
        if let Some(store) = &self.postgres {
            store.create(schema).await?;
        }
        Ok(still_there)
    }

    /// Where brokers are and the run's names on them, for a worker. Secrets go by the environment alone. `link` is where
    /// this worker finds a broker, if that is not the broker's own address.
    pub fn tell(
        &self,
        brokers: &Brokers,
        plan: &Plan,
        link: impl Fn(Broker) -> Option<SocketAddr>,
        command: &mut Command,
    ) {
        for (broker, server) in
            plan.brokers.iter().filter_map(|broker| Some((*broker, brokers.get(*broker)?)))
        {
            let reach = server.reach();
            let at = |text: String| match link(broker) {
                Some(link) => text.replace(&reach.address().to_string(), &link.to_string()),
                None => text,
            };
            match &reach {
                Reach::Nats(access) => {
                    command
                        .env("NATS_URL", at(access.url()))
                        .env("NATS_USER", access.user)
                        .env("NATS_PASSWORD", &access.password)
                        .env("NATS_SUBJECT", &self.nats_names.subject)
                        .env("NATS_STREAM", &self.nats_names.stream)
                        .env("NATS_CONSUMER", nats::store::CONSUMER);
                }
                Reach::Kafka(reach) => {
                    command
                        .env("KAFKA_BROKERS", at(reach.workers.to_string()))
                        .env("KAFKA_TOPIC", &self.kafka_names.topic)
                        .env("KAFKA_GROUP", &self.kafka_names.group)
                        .env("KAFKA_SINK", &self.kafka_names.sink);
                }
                Reach::Postgres(reach) => {
                    let url = reach.access().database(&self.postgres_names.database);
                    command.env("POSTGRES_URL", at(url));
                }
            }
        }
    }

    /// What is left to be consumed, as the brokers say; `None` where nothing is, or none can say.
    pub async fn backlog(&self, plan: &Plan) -> Result<Option<String>, Error> {
        if let Some(store) = self.nats.as_ref().filter(|_| plan.consumer().is_some()) {
            use nats::store::Backlog;
            match store.backlog().await? {
                Backlog::Gone | Backlog::Left { pending: 0, ack_pending: 0 } => {}
                Backlog::Left { pending, ack_pending } => {
                    return Ok(Some(format!(
                        "the stream has {pending} messages to deliver and {ack_pending} without an ack"
                    )));
                }
            }
        }
        let has_group = plan.kafka.as_ref().is_some_and(|kafka| kafka.group);
        if let Some(store) = self.kafka.as_ref().filter(|_| has_group) {
            use kafka::store::Backlog;
            match store.backlog().await? {
                Backlog::Gone | Backlog::Left { behind: 0 } => {}
                Backlog::Left { behind } => {
                    return Ok(Some(format!("the group's committed offsets are {behind} behind the end")));
                }
            }
        }
        Ok(None)
    }

    /// What a broker says to the question whether nothing is left, in words for the proof.
    pub fn proof(plan: &Plan) -> String {
        let stream = plan.consumer().map(|_| "nothing pending in the stream, no ack outstanding; ");
        let group = plan.kafka.as_ref().filter(|kafka| kafka.group);
        let group = group.map(|_| "nothing is left behind the group's committed offsets; ");
        stream.into_iter().chain(group).collect()
    }

    /// Whether something that a dead worker sent may still be on its way: what it had written to its socket is read by
    /// the server before it closes the connection. `lives` are the dead: `consumer-0.0`.
    pub async fn not_heard_out(&self, brokers: &Brokers, lives: &[String]) -> Result<Option<String>, Error> {
        let of_the_dead = |name: &String| lives.iter().any(|life| *name == format!("{}/{life}", self.tag));
        if lives.is_empty() {
            return Ok(None);
        }
        let reach = |broker| brokers.get(broker).map(Server::reach);
        if let (Some(Reach::Nats(access)), true) = (reach(Broker::Nats), self.nats.is_some()) {
            let open = nats::store::connections(&access).await?;
            if let Some(name) = open.iter().find(|name| of_the_dead(name)) {
                return Ok(Some(format!("nats-server has not closed the connection {name}")));
            }
        }
        if let Some(store) = &self.postgres {
            let open = store.backends().await?;
            if let Some(name) = open.iter().find(|name| of_the_dead(name)) {
                return Ok(Some(format!("PostgreSQL has not ended the backend of {name}")));
            }
        }
        if let (Some(server), true) = (brokers.get(Broker::Kafka), self.kafka.is_some())
            && server.has_half_closed().await?
        {
            return Ok(Some("Kafka has not closed a connection whose client is gone".to_owned()));
        }
        Ok(None)
    }

    /// Sends a sentinel that carries `mark` behind everything, where the broker can show no backlog by itself.
    pub async fn send_sentinel(&self, mark: &str) -> Result<(), Error> {
        match &self.nats {
            Some(store) => store.send_sentinel(mark).await,
            None => Ok(()),
        }
    }

    /// The store from which consumers take, where there is one to read back: a message that passes several would
    /// otherwise seem to be stored more than once.
    pub fn last_store(&self, plan: &Plan) -> Option<Broker> {
        if plan.stream().is_some() && self.nats.is_some() {
            Some(Broker::Nats)
        } else if plan.kafka.is_some() && self.kafka.is_some() {
            Some(Broker::Kafka)
        } else {
            self.postgres.is_some().then_some(Broker::Postgres)
        }
    }

    /// Reads a store back, hands each message to `found`, and says whether it counts.
    pub async fn read_back(
        &self,
        broker: Broker,
        mut found: impl FnMut(&[u8], Committed) -> Result<(), Error>,
    ) -> Result<Read, Error> {
        Ok(match broker {
            Broker::Nats => {
                let messages = match &self.nats {
                    Some(store) => store.read_back(|payload| found(payload, Committed::Yes)).await?,
                    None => None,
                };
                Read { store: self.nats_names.stream.clone(), messages }
            }
            Broker::Kafka => {
                let messages = match &self.kafka {
                    Some(store) => store.read_back(found).await?,
                    None => None,
                };
                Read { store: self.kafka_names.topic.clone(), messages }
            }
            Broker::Postgres => {
                let messages = match &self.postgres {
                    Some(store) => store.read_back(|payload| found(payload, Committed::Yes)).await?,
                    None => None,
                };
                Read { store: "messages".to_owned(), messages }
            }
        })
    }

    /// Reads the effects of a sink that is a topic, and says of each whether it counts.
    pub async fn read_topic(
        &self,
        found: impl FnMut(&[u8], Committed) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match &self.kafka {
            Some(store) => store.read_sink(found).await.map(drop),
            None => Ok(()),
        }
    }

    /// Reads the effects of a sink in the run's database.
    pub async fn read_effects(&self, found: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<u64, Error> {
        match &self.postgres {
            Some(store) => store.read_effects(found).await,
            None => Ok(0),
        }
    }

    /// Reads the sum at a sink that adds up.
    pub async fn read_balance(&self) -> Result<i64, Error> {
        match &self.postgres {
            Some(store) => store.read_balance().await,
            None => Ok(0),
        }
    }

    /// Ends a worker's connections to PostgreSQL; says whether there were any, and what was seen.
    pub async fn disconnect(&self, life: &str) -> Result<(bool, String), Error> {
        match &self.postgres {
            Some(store) => store.disconnect(&format!("{}/{life}", self.tag)).await,
            None => Ok((false, "there is no PostgreSQL to be disconnected from".to_owned())),
        }
    }

    /// Deletes what the run left on the servers.
    pub async fn delete(self) {
        if let Some(store) = self.nats {
            store.delete().await;
        }
        if let Some(store) = self.kafka {
            store.delete().await;
        }
        if let Some(store) = self.postgres {
            store.delete().await;
        }
    }
}
