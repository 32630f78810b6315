//! What the harness asks a NATS server about one run: its backlog, its store, who is connected.

use std::{collections::BTreeSet, time::Duration};

use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, pull},
    context::{DeleteStreamErrorKind, GetStreamErrorKind},
    stream::{Config, RawMessageErrorKind, RetentionPolicy, State, StorageType, Stream},
};
use futures::StreamExt;
use serde::Deserialize;

use super::server::Access;
use crate::{
    error::Error,
    scenario::{Ack, ConsumerSettings, Retention, Storage, StreamSettings},
};

/// How long the server may take to answer one question.
const ANSWER_BOUND: Duration = Duration::from_secs(10);

/// The name of every lab's durable consumer: streams are not shared, so it need not differ.
pub const CONSUMER: &str = "workers";

/// The names that one run uses on its server. No two runs share any.
#[derive(Clone, Debug)]
pub struct Names {
    /// Subject of the data.
    pub subject: String,
    /// The stream, where the variant has one.
    pub stream: String,
    /// Plain subject of the sentinels.
    pub sentinel: String,
}

impl Names {
    /// The names that go with a run's tag.
    pub fn of(tag: &str) -> Self {
        let subject = format!("lab.{tag}");
        Self { stream: format!("LAB_{tag}"), sentinel: format!("{subject}.sentinel"), subject }
    }
}

/// What is left to be consumed, as the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// The stream or its consumer does not exist (any more): nothing can come from it.
    Gone,
    /// Messages not delivered yet, and delivered but not acked.
    Left {
        /// Not delivered yet.
        pending: u64,
        /// Delivered, no ack yet.
        ack_pending: u64,
    },
}

/// The harness's own connection to a server, for one run.
#[derive(Debug)]
pub struct Store {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    names: Names,
}

impl Store {
    /// Connects to the server; to be made anew after a restart.
    pub async fn open(access: &Access, names: &Names) -> Result<Self, Error> {
        let client = super::connect(access, "harness").await.map_err(|error| asked("connect", &error))?;
        let jetstream = jetstream::ContextBuilder::new().timeout(ANSWER_BOUND).build(client.clone());
        Ok(Self { client, jetstream, names: names.clone() })
    }

    /// Creates the run's stream, and its durable consumer where the variant has one. A stream of that name that was left
    /// over is removed first: one with the same settings would be taken for ours, with all that is in it.
    pub async fn create(
        &self,
        stream: &StreamSettings,
        consumer: Option<&ConsumerSettings>,
    ) -> Result<(), Error> {
        let config = Config {
            name: self.names.stream.clone(),
            subjects: vec![self.names.subject.clone()],
            storage: match stream.storage {
                Storage::File => StorageType::File,
                Storage::Memory => StorageType::Memory,
            },
            retention: match stream.retention {
                Retention::Limits => RetentionPolicy::Limits,
                Retention::Interest => RetentionPolicy::Interest,
                Retention::WorkQueue => RetentionPolicy::WorkQueue,
            },
            duplicate_window: stream.duplicate_window.unwrap_or_default(),
            max_messages: stream.max_messages.unwrap_or(-1),
            num_replicas: 1,
            ..Config::default()
        };
        self.remove_stream().await?;
        let stream =
            self.jetstream.create_stream(config).await.map_err(|error| asked("create the stream", &error))?;
        let Some(consumer) = consumer else { return Ok(()) };
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: match consumer.ack {
                Ack::Explicit => AckPolicy::Explicit,
                Ack::All => AckPolicy::All,
                Ack::None => AckPolicy::None,
            },
            ack_wait: consumer.ack_wait.unwrap_or(Duration::from_secs(1)),
            max_ack_pending: consumer.max_ack_pending.unwrap_or(0),
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.map_err(|error| asked("create the consumer", &error))?;
        Ok(())
    }

    async fn remove_stream(&self) -> Result<(), Error> {
        match self.jetstream.delete_stream(&self.names.stream).await {
            Ok(_) => Ok(()),
            Err(error) if is_not_found(&error.kind()) => Ok(()),
            Err(error) => Err(asked("remove a stream that was left over", &error)),
        }
    }

    /// What the run's consumer has still to do.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let stream = match self.jetstream.get_stream(&self.names.stream).await {
            Ok(stream) => stream,
            Err(error) if is_gone(&error.kind()) => return Ok(Backlog::Gone),
            Err(error) => return Err(asked("look at the stream", &error)),
        };
        match stream.consumer_info(CONSUMER).await {
            Ok(info) => {
                Ok(Backlog::Left { pending: info.num_pending, ack_pending: info.num_ack_pending as u64 })
            }
            Err(error) => match error.kind() {
                jetstream::context::ConsumerInfoErrorKind::NotFound => Ok(Backlog::Gone),
                _ => Err(asked("look at the consumer", &error)),
            },
        }
    }

    /// Reads the whole stream back, hands each message to `found` and returns how many there were; `None` when the
    /// stream does not exist.
    pub async fn read_back(
        &self,
        mut found: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<u64>, Error> {
        let mut stream = match self.jetstream.get_stream(&self.names.stream).await {
            Ok(stream) => stream,
            Err(error) if is_gone(&error.kind()) => return Ok(None),
            Err(error) => return Err(asked("read the stream back", &error)),
        };
        let state = stream.info().await.map_err(|error| asked("read the stream back", &error))?.state.clone();
        if state.messages == 0 {
            return Ok(Some(0));
        }
        if stream.cached_info().config.retention != RetentionPolicy::Limits {
            return one_by_one(&stream, &state, found).await.map(Some);
        }
        let reader = stream
            .create_consumer(pull::OrderedConfig::default())
            .await
            .map_err(|error| asked("read the stream back", &error))?;
        let mut messages = reader.messages().await.map_err(|error| asked("read the stream back", &error))?;
        let mut count = 0;
        loop {
            let next = tokio::time::timeout(ANSWER_BOUND, messages.next()).await;
            let Ok(Some(message)) = next else {
                return Err(Error::Other("the stream stopped answering while it was read back".to_owned()));
            };
            let message = message.map_err(|error| asked("read the stream back", &error))?;
            found(&message.payload)?;
            count += 1;
            let info = message
                .info()
                .map_err(|error| Error::Other(format!("a message of the stream has no info: {error}")))?;
            if info.stream_sequence >= state.last_sequence {
                return Ok(Some(count));
            }
        }
    }

    /// Publishes a sentinel that carries `mark`, and sees to it that the server has it.
    pub async fn send_sentinel(&self, mark: &str) -> Result<(), Error> {
        let sent = async {
            self.client
                .publish(self.names.sentinel.clone(), mark.to_owned().into())
                .await
                .map_err(|error| asked("publish a sentinel", &error))?;
            self.client.flush().await.map_err(|error| asked("publish a sentinel", &error))
        };
        bounded("publish a sentinel", sent).await
    }

    /// Deletes what the run left on the server.
    pub async fn delete(self) {
        let deleted = self.jetstream.delete_stream(&self.names.stream);
        let _ = tokio::time::timeout(ANSWER_BOUND, deleted).await;
    }
}

/// Reads a stream by its sequence numbers: a work queue lets nobody read it beside its own consumer, and with interest a
/// reader of its own would make it keep messages.
async fn one_by_one(
    stream: &Stream,
    state: &State,
    mut found: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut count = 0;
    for sequence in state.first_sequence..=state.last_sequence {
        match stream.get_raw_message(sequence).await {
            Ok(message) => {
                found(&message.payload)?;
                count += 1;
            }
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
            Err(error) => return Err(asked("read the stream back", &error)),
        }
    }
    Ok(count)
}

/// The names of all connections that the server has open: a connection that is gone has been read to its end.
pub async fn connections(access: &Access) -> Result<BTreeSet<String>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        connections: Vec<Connection>,
    }
    #[derive(Deserialize)]
    struct Connection {
        name: Option<String>,
    }
    let client = super::connect(&access.of_the_system(), "harness-system")
        .await
        .map_err(|error| asked("connect", &error))?;
    let request = client.request("$SYS.REQ.SERVER.PING.CONNZ", "{\"limit\":65536}".into());
    let answer = match tokio::time::timeout(ANSWER_BOUND, request).await {
        Ok(answer) => answer.map_err(|error| asked("list the connections", &error))?,
        Err(_) => {
            return Err(Error::Other(format!(
                "nats-server did not list its connections within {ANSWER_BOUND:?}"
            )));
        }
    };
    let answer: Answer = serde_json::from_slice(&answer.payload).map_err(|error| {
        Error::Other(format!("nats-server listed its connections in a form not known: {error}"))
    })?;
    Ok(answer.data.connections.into_iter().filter_map(|connection| connection.name).collect())
}

fn is_gone(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND)
}

fn is_not_found(kind: &DeleteStreamErrorKind) -> bool {
    matches!(kind, DeleteStreamErrorKind::JetStream(error) if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND)
}

fn asked(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Other(format!("nats-server was asked to {what}: {error}"))
}

async fn bounded<T>(what: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_BOUND, work).await {
        Ok(result) => result,
        Err(_) => Err(Error::Other(format!("nats-server did not {what} within {ANSWER_BOUND:?}"))),
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
