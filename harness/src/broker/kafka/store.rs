//! What the harness asks Kafka about one run: its topic, and how far its group has come.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use super::{
    client::{self, ANSWER_BOUND, Aside, Quiet, asked},
    read::{self, Range, ranges},
};
use crate::{broker::Committed, error::Error};

/// How often it is asked again whether a topic is there, or gone: the answer is the condition.
const STEP: Duration = Duration::from_millis(10);

/// How long members that another run has left in the group may take to be missed: their sessions are of a second or two.
const MISSED_BOUND: Duration = Duration::from_secs(10);

/// The names that one run uses on its broker. No two runs share any.
#[derive(Clone, Debug)]
pub struct Names {
    /// The topic.
    pub topic: String,
    /// The group of the consumers.
    pub group: String,
    /// The topic that is the sink, where the variant has one.
    pub sink: String,
}

impl Names {
    /// The names that go with a run's tag.
    pub fn of(tag: &str) -> Self {
        Self { topic: format!("lab.{tag}"), group: format!("lab.{tag}"), sink: format!("lab.{tag}.sink") }
    }
}

/// What is left to be consumed, as the broker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// The topic does not exist (any more): nothing can come from it.
    Gone,
    /// The topic is there.
    Left {
        /// How far the group's committed offsets are behind the end, over all partitions; 0 as well when what is
        /// behind them will never be delivered.
        behind: u64,
    },
}

/// The harness's own clients of a broker, for one run.
pub struct Store {
    names: Names,
    bootstrap: String,
    asker: Arc<Aside<BaseConsumer<Quiet>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("names", &self.names).field("bootstrap", &self.bootstrap).finish()
    }
}

impl Store {
    /// Connects to the broker; to be made anew after a restart.
    pub async fn open(own: SocketAddr, names: &Names) -> Result<Self, Error> {
        let bootstrap = own.to_string();
        let asker = Arc::new(Aside::new(client::asker(&bootstrap, Some(&names.group))?));
        Ok(Self { names: names.clone(), bootstrap, asker })
    }

    /// Creates the run's topic and waits until it can be used. One that was left over is removed first.
    pub async fn create(&self, partitions: u32, config: &BTreeMap<String, String>) -> Result<(), Error> {
        self.create_topic(&self.names.topic, partitions, config).await
    }

    async fn create_topic(
        &self,
        name: &str,
        partitions: u32,
        config: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let what = format!("create the topic {name} ({partitions} partitions, {config:?})");
        let admin = self.admin()?;
        let count = i32::try_from(partitions).map_err(|error| asked(&what, &error))?;
        let mut topic = NewTopic::new(name, count, TopicReplication::Fixed(1));
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        let deadline = Instant::now() + ANSWER_BOUND;
        loop {
            let results =
                admin.create_topics([&topic], &options()).await.map_err(|error| asked(&what, &error))?;
            match results.into_iter().find_map(Result::err) {
                None => break,
                Some((_, RDKafkaErrorCode::TopicAlreadyExists)) if Instant::now() < deadline => {
                    remove(&admin, &[name]).await;
                    tokio::time::sleep(STEP).await;
                }
                Some((_, error)) => return Err(asked(&what, &error)),
            }
        }
        self.wait_until_led(name, partitions, what).await
    }

    /// Removes the group, where another run has left one of this name: what it has done would be taken for ours. It can be
    /// removed when its members are missed. Says what is wrong where they are not.
    pub async fn remove_group(&self) -> Result<Option<String>, Error> {
        self.remove_group_within(MISSED_BOUND).await
    }

    async fn remove_group_within(&self, bound: Duration) -> Result<Option<String>, Error> {
        let name = self.names.group.as_str();
        let what = format!("remove the group {name} that was left over");
        let admin = self.admin()?;
        let (deadline, answer_by) = (Instant::now() + bound, Instant::now() + ANSWER_BOUND);
        loop {
            let results =
                admin.delete_groups(&[name], &options()).await.map_err(|error| asked(&what, &error))?;
            match results.into_iter().find_map(Result::err) {
                None | Some((_, RDKafkaErrorCode::GroupIdNotFound)) => return Ok(None),
                Some((_, RDKafkaErrorCode::NonEmptyGroup)) if Instant::now() < deadline => {
                    tokio::time::sleep(STEP).await; // the pace of asking; that nobody is left is the condition
                }
                Some((_, RDKafkaErrorCode::NonEmptyGroup)) => {
                    return Ok(Some(format!(
                        "another run has members in the group {name}, still there after {bound:?}"
                    )));
                }
                // A broker that was just started answers before it has read what it knows of groups.
                Some((_, error)) if not_yet(error) && Instant::now() < answer_by => {
                    tokio::time::sleep(STEP).await; // the pace of asking; an answer is the condition
                }
                Some((_, error)) => return Err(asked(&what, &error)),
            }
        }
    }

    /// Creates the topic that is the run's sink.
    pub async fn create_sink(&self, partitions: u32) -> Result<(), Error> {
        self.create_topic(&self.names.sink, partitions, &BTreeMap::new()).await
    }

    /// Hands each message that the log of the run's topic holds to `found`, and says whether it counts. Returns how many
    /// count; `None` when the topic does not exist.
    pub async fn read_back(
        &self,
        found: impl FnMut(&[u8], Committed) -> Result<(), Error>,
    ) -> Result<Option<u64>, Error> {
        read::read(&self.bootstrap, &self.asker, &self.names.topic, found).await
    }

    /// As [`Store::read_back`], of the topic that is the run's sink.
    pub async fn read_sink(
        &self,
        found: impl FnMut(&[u8], Committed) -> Result<(), Error>,
    ) -> Result<Option<u64>, Error> {
        read::read(&self.bootstrap, &self.asker, &self.names.sink, found).await
    }

    /// What the run's group has still to do.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let (asker, names, bootstrap) = (self.asker.clone(), self.names.clone(), self.bootstrap.clone());
        client::blocking("say how far the group is", move || backlog(&asker, &names, &bootstrap)).await
    }

    /// Deletes what the run left on the broker.
    pub async fn delete(self) {
        if let Ok(admin) = self.admin() {
            remove(&admin, &[&self.names.topic, &self.names.sink]).await;
        }
    }

    fn admin(&self) -> Result<Aside<AdminClient<Quiet>>, Error> {
        let admin = client::config(&self.bootstrap).create_with_context(Quiet);
        admin.map(Aside::new).map_err(|error| asked("connect", &error))
    }

    async fn wait_until_led(&self, name: &str, partitions: u32, what: String) -> Result<(), Error> {
        let (asker, topic) = (self.asker.clone(), name.to_owned());
        client::blocking("create a topic", move || {
            let deadline = Instant::now() + ANSWER_BOUND;
            loop {
                let metadata = asker.fetch_metadata(Some(&topic), ANSWER_BOUND);
                let led = metadata.as_ref().is_ok_and(|metadata| {
                    let all = metadata.topics().iter().map(|topic| topic.partitions().len()).sum::<usize>();
                    client::all_led(metadata) && all == partitions as usize
                });
                if led {
                    return Ok(());
                }
                if Instant::now() > deadline {
                    return Err(asked(&what, &format!("it was of no use within {ANSWER_BOUND:?}")));
                }
                std::thread::sleep(STEP);
            }
        })
        .await
    }
}

/// Whether a broker says that it cannot say it now, and will be able to.
fn not_yet(error: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator};
    matches!(error, CoordinatorLoadInProgress | CoordinatorNotAvailable | NotCoordinator)
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ANSWER_BOUND)).request_timeout(Some(ANSWER_BOUND))
}

/// Removes topics. Nothing is said where one was not there: that is what is wanted.
async fn remove(admin: &AdminClient<Quiet>, topics: &[&str]) {
    match admin.delete_topics(topics, &options()).await {
        Ok(results) => {
            for (topic, error) in results.into_iter().filter_map(Result::err) {
                tracing::debug!("Kafka did not delete the topic {topic}: {error}");
            }
        }
        Err(error) => tracing::debug!("Kafka did not delete the topics {topics:?}: {error}"),
    }
}

fn backlog(client: &BaseConsumer<Quiet>, names: &Names, bootstrap: &str) -> Result<Backlog, Error> {
    let what = format!("say how far the group {} is", names.group);
    let Some(ranges) = ranges(client, &names.topic)? else { return Ok(Backlog::Gone) };
    let mut wanted = TopicPartitionList::new();
    for range in &ranges {
        wanted.add_partition(&names.topic, range.partition);
    }
    let committed = client.committed_offsets(wanted, ANSWER_BOUND).map_err(|error| asked(&what, &error))?;
    let mut behind = 0;
    for range in &ranges {
        let at = committed.find_partition(&names.topic, range.partition).map(|found| found.offset());
        let from = match at {
            Some(Offset::Offset(offset)) => offset.max(range.low),
            _ => range.low, // the group has committed nothing here
        };
        let left = range.high - from;
        if left > 0 && is_deliverable(bootstrap, names, Range { low: from, ..*range })? {
            behind += u64::try_from(left).unwrap_or_default();
        }
    }
    Ok(Backlog::Left { behind })
}

/// Whether anything in this range can ever be delivered.
///
/// The mark that ends a transaction has an offset, and nobody can commit past the last one before it; nor past messages
/// of a transaction that was given up. A transaction that is still open counts: it may be committed yet.
fn is_deliverable(bootstrap: &str, names: &Names, range: Range) -> Result<bool, Error> {
    let what = format!("deliver what is behind the group {}", names.group);
    let failed = |error: KafkaError| asked(&what, &error);
    let config = read::config(bootstrap, "read_committed");
    let reader: BaseConsumer<Quiet> = config.create_with_context(Quiet).map_err(failed)?;
    let reader = Aside::new(reader);
    let marks = reader.fetch_watermarks(&names.topic, range.partition, ANSWER_BOUND);
    if marks.map_err(failed)?.1 < range.high {
        return Ok(true);
    }
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(&names.topic, range.partition, Offset::Offset(range.low)).map_err(failed)?;
    reader.assign(&from).map_err(failed)?;
    match reader.poll(ANSWER_BOUND) {
        Some(Ok(_)) => Ok(true),
        Some(Err(KafkaError::PartitionEOF(_))) => Ok(false),
        Some(Err(error)) => Err(failed(error)),
        None => Err(asked(&what, &format!("no answer within {ANSWER_BOUND:?}"))),
    }
}

#[cfg(test)]
#[path = "left_over_tests.rs"]
mod left_over_tests;
