//! What the Kafka workers share: a producer that knows what each report means, and a consumer that can say when it has read all.
//!
//! The client has threads of its own, and the kit belongs to the worker's thread. So the client's threads only hand
//! over what they have; it is written down when the worker's thread takes it, with the time of this moment. That is true
//! enough: it is when the worker learned of it, and a worker that is killed in between never did.

mod committer;
mod consumer;
mod group;
pub mod outcome;
mod producer;
mod reader;
mod remaining;
mod transactions;

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, ClientContext, client::Client, config::RDKafkaLogLevel, error::KafkaError,
    types::RDKafkaErrorCode,
};

use crate::{Error, Kit, settings};

pub use self::{
    committer::Committer,
    consumer::{Consumer, Taken},
    outcome::Acks,
    producer::Producer,
    transactions::{Failed, Transactions},
};

/// How long the broker may take to answer a question. A broker that is being restarted is back before this.
const ANSWER_BOUND: Duration = Duration::from_secs(10);

/// The pause before a question is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// What all clients are told: who they are, where the broker is, and to be quick to come back to it.
fn config(kit: &Kit) -> Result<ClientConfig, settings::Error> {
    let settings = kit.settings();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", settings.kafka.brokers()?)
        .set("client.id", format!("{}/{}.{}", settings.tag, settings.worker, settings.incarnation))
        .set("broker.address.family", "v4")
        .set("allow.auto.create.topics", "false")
        // The defaults are 100 ms and 10 s: a broker that is back would not be noticed for long.
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "100")
        .set("retry.backoff.ms", "50")
        .set("retry.backoff.max.ms", "200")
        .set("socket.nagle.disable", "true")
        .set_log_level(RDKafkaLogLevel::Info);
    Ok(config)
}

/// The numbers of the topic's partitions, once the leader of each has answered. A worker that says that it is ready can
/// reach them: what it sends, or asks for, has a connection to go by. Blocks.
fn reach<C: ClientContext>(client: &Client<C>, topic: &str) -> Result<Vec<i32>, Error> {
    let partitions = partitions(client, topic)?;
    ask_leaders(client, topic, &partitions)?;
    Ok(partitions)
}

/// The numbers of the topic's partitions: the first thing that is asked of a broker, so that one that is not there is
/// named at once. A topic that was just made is not known at once. Blocks.
fn partitions<C: ClientContext>(client: &Client<C>, topic: &str) -> Result<Vec<i32>, Error> {
    let asked = insist(|left| {
        let metadata = client.fetch_metadata(Some(topic), left)?;
        let found = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let numbers: Vec<_> = found.map(|partition| partition.id()).collect();
        match numbers.len() {
            0 => Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition)),
            _ => Ok(numbers),
        }
    });
    asked.map_err(|error| format!("cannot use the Kafka topic {topic}: {error}").into())
}

/// Asks the leader of each partition where it ends: it answers over the connection that messages take, in order. So
/// that one is open afterwards, and what was sent on it before has been read. Blocks.
fn ask_leaders<C: ClientContext>(client: &Client<C>, topic: &str, partitions: &[i32]) -> Result<(), Error> {
    // A connection may go with the question, hence the tries.
    let asked = partitions
        .iter()
        .try_for_each(|partition| insist(|left| client.fetch_watermarks(topic, *partition, left)).map(drop));
    asked.map_err(|error| format!("the Kafka broker did not answer: {error}").into())
}

/// Asks again while the answer is an error, for as long as a broker may take. Blocks.
fn insist<T>(mut ask: impl FnMut(Duration) -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let deadline = Instant::now() + ANSWER_BOUND;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match ask(left) {
            Err(error) if Instant::now() < deadline => tracing::debug!("Kafka: asking again: {error}"),
            answer => return answer,
        }
        std::thread::sleep(PAUSE);
    }
}

/// What the client says goes to the worker's log, and decides nothing.
fn log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Debug => tracing::debug!("Kafka: {facility} {text}"),
        _ => tracing::info!("Kafka: {facility} {text}"),
    }
}

/// A broker that is down, or refuses something, is what these labs are about: no error of the worker's. The log has
/// said it already, in other words.
fn log_error(error: &KafkaError, reason: &str) {
    tracing::debug!("Kafka: {error}: {reason}");
}
