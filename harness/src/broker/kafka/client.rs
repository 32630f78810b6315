//! The harness's own Kafka client: how it is set up, and the questions that every part asks.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext,
    client::Client,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
    metadata::Metadata,
    statistics::Statistics,
};

use crate::error::Error;

/// How long Kafka may take to answer one question.
pub const ANSWER_BOUND: Duration = Duration::from_secs(20);

/// A context that keeps what the client library has to say out of standard output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility}: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("librdkafka: {error}: {reason}");
    }

    fn stats(&self, _statistics: Statistics) {}
}

impl ConsumerContext for Quiet {}

/// What all clients of the harness have in common.
///
/// They reconnect at once: what they talk to is on this machine, and has just been started more often than not.
pub fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "harness")
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "100")
        .set("topic.metadata.refresh.fast.interval.ms", "50")
        .set("allow.auto.create.topics", "false")
        .set("log.connection.close", "false");
    config
}

/// A client that only asks; about a group, where it has one.
pub fn asker(bootstrap: &str, group: Option<&str>) -> Result<BaseConsumer<Quiet>, Error> {
    let mut config = config(bootstrap);
    if let Some(group) = group {
        config.set("group.id", group);
    }
    config.set("enable.auto.commit", "false").set("isolation.level", "read_uncommitted");
    config.create_with_context(Quiet).map_err(|error| asked("connect", &error))
}

/// A client that is dropped beside the runtime: to leave takes one with a group, or one that administers, up to 100 ms,
/// in which nothing else would be done.
pub struct Aside<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Aside<T> {
    /// Takes a client over.
    pub fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> std::ops::Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Aside<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(client));
        }
    }
}

/// The id of the cluster that answers, `None` when none does in time.
pub fn cluster_id(client: &BaseConsumer<Quiet>, bound: Duration) -> Option<String> {
    let client: &Client<Quiet> = client.client();
    client.fetch_cluster_id(bound)
}

/// Whether a broker is there for work, and every partition has its leader.
pub fn all_led(metadata: &Metadata) -> bool {
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    !metadata.brokers().is_empty() && partitions.into_iter().all(|partition| partition.leader() >= 0)
}

/// "Kafka was asked to …: why it did not".
pub fn asked(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Other(format!("Kafka was asked to {what}: {error}"))
}

/// Runs what blocks beside the runtime, which has only one thread.
pub async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(asked(what, &error)))
}
