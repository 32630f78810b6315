//! The servers of the cases, each started when its case comes, and gone with the value.

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/real/support/kafka_server.rs"]
pub mod kafka_server;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/real/support/nats_server.rs"]
mod nats_server;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/real/support/postgres_server.rs"]
mod postgres_server;

use labs::Error;
use sqlx::Executor;

use super::kafka_perf;
use kafka_server::Kafka;
use nats_server::LOGIN;

const TOPIC: &str = "lab.cost";

/// Those that stand.
#[derive(Default)]
pub struct Servers {
    nats: Option<nats_server::Server>,
    kafka: Option<Kafka>,
    postgres: Option<postgres_server::Server>,
}

impl Servers {
    /// Starts nats-server, if it does not stand yet.
    pub fn start_nats(&mut self) -> Result<(), Error> {
        self.nats.get_or_insert_with(nats_server::Server::start);
        Ok(())
    }

    /// Starts Kafka, alone, and makes the topic.
    pub async fn start_kafka(&mut self) -> Result<(), Error> {
        *self = Self::default();
        let kafka = Kafka::start();
        kafka.create_topic(TOPIC, &[]).await;
        self.kafka = Some(kafka);
        Ok(())
    }

    /// The rate of Kafka's own producer on this broker, where it was installed.
    pub fn kafka_perf(&self, messages: u32) -> Result<Option<f64>, Error> {
        let kafka = self.kafka.as_ref().ok_or("Kafka was not started")?;
        kafka_perf::rate(&kafka.brokers, TOPIC, messages)
    }

    /// Starts PostgreSQL, alone; its tables are those of lab 1.
    pub async fn start_postgres(&mut self) -> Result<(), Error> {
        *self = Self { postgres: Some(postgres_server::Server::start().await), ..Self::default() };
        Ok(())
    }

    /// Address, user and password of nats-server.
    pub fn nats(&self) -> Result<(String, String, String), Error> {
        let server = self.nats.as_ref().ok_or("nats-server was not started")?;
        Ok((server.url.clone(), LOGIN.0.to_owned(), LOGIN.1.to_owned()))
    }

    /// Empties the table that the PostgreSQL case fills.
    pub async fn empty_table(&self) -> Result<(), Error> {
        let server = self.postgres.as_ref().ok_or("PostgreSQL was not started")?;
        server.connect().await.execute("truncate messages").await?;
        Ok(())
    }

    /// Where all that stands is, for a worker.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = Vec::new();
        if let Ok((url, user, password)) = self.nats() {
            environment.extend([("NATS_URL", url), ("NATS_USER", user), ("NATS_PASSWORD", password)]);
            let names =
                [("NATS_SUBJECT", "lab.cost"), ("NATS_STREAM", "LAB_cost"), ("NATS_CONSUMER", "workers")];
            environment.extend(names.map(|(name, value)| (name, value.to_owned())));
        }
        if let Some(kafka) = &self.kafka {
            environment.extend([("KAFKA_BROKERS", kafka.brokers.clone()), ("KAFKA_TOPIC", TOPIC.to_owned())]);
        }
        if let Some(postgres) = &self.postgres {
            environment.push(("POSTGRES_URL", postgres.url()));
        }
        environment
    }
}
