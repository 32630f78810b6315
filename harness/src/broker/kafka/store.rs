//! What the harness asks Kafka about one run: its topic, and how far its group has come.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{BaseConsumer, Consumer, StreamConsumer},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use super::{
    client::{self, ANSWER_BOUND, Aside, Quiet, asked},
    server::Server,
};
use crate::error::Error;

/// How often it is asked again whether a topic is there, or gone: the answer is the condition.
const STEP: Duration = Duration::from_millis(10);

/// The names that one run uses on its broker. No two runs share any.
#[derive(Clone, Debug)]
pub struct Names {
    /// The topic.
    pub topic: String,
    /// The group of the consumers.
    pub group: String,
}

impl Names {
    /// The names that go with a run's tag.
    pub fn of(tag: &str) -> Self {
        Self { topic: format!("lab.{tag}"), group: format!("lab.{tag}") }
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
    pub async fn open(server: &Server, names: &Names) -> Result<Self, Error> {
        let bootstrap = server.own();
        let asker = Arc::new(Aside::new(client::asker(&bootstrap, Some(&names.group))?));
        Ok(Self { names: names.clone(), bootstrap, asker })
    }

    /// Creates the run's topic and waits until it can be used. One that was left over is removed first.
    pub async fn create(&self, partitions: u32, config: &BTreeMap<String, String>) -> Result<(), Error> {
        let what = format!("create the topic {} ({partitions} partitions, {config:?})", self.names.topic);
        let admin = self.admin()?;
        let count = i32::try_from(partitions).map_err(|error| asked(&what, &error))?;
        let mut topic = NewTopic::new(&self.names.topic, count, TopicReplication::Fixed(1));
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
                    remove(&admin, &self.names.topic).await;
                    tokio::time::sleep(STEP).await;
                }
                Some((_, error)) => return Err(asked(&what, &error)),
            }
        }
        self.wait_until_led(partitions, what).await
    }

    /// Reads all partitions back, from the first message to the last there is now, and hands each message to `found`.
    /// Returns how many there were; `None` when the topic does not exist.
    ///
    /// Messages of transactions that were given up are among them: it is what the log holds.
    pub async fn read_back(
        &self,
        mut found: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<u64>, Error> {
        let what = format!("read the topic {} back", self.names.topic);
        let (asker, topic) = (self.asker.clone(), self.names.topic.clone());
        let ranges = client::blocking("read a topic back", move || ranges(&asker, &topic)).await?;
        let Some(ranges) = ranges else { return Ok(None) };
        let mut open: BTreeMap<i32, i64> = ranges
            .iter()
            .filter(|range| range.low < range.high)
            .map(|range| (range.partition, range.high))
            .collect();
        let reader = self.reader(&ranges, &open.keys().copied().collect(), &what)?;
        let mut messages = 0;
        while !open.is_empty() {
            let next = tokio::time::timeout(ANSWER_BOUND, reader.recv()).await;
            let next = next.map_err(|_| asked(&what, &format!("no answer within {ANSWER_BOUND:?}")))?;
            match next {
                Ok(message) => {
                    let at = (message.partition(), message.offset());
                    if open.get(&at.0).is_some_and(|high| at.1 < *high) {
                        messages += 1;
                        found(message.payload().unwrap_or_default())?;
                    }
                    if open.get(&at.0).is_some_and(|high| at.1 + 1 >= *high) {
                        open.remove(&at.0);
                    }
                }
                // What follows the last message are marks of transactions, or room that was compacted.
                Err(KafkaError::PartitionEOF(partition)) => drop(open.remove(&partition)),
                Err(error) => return Err(asked(&what, &error)),
            }
        }
        Ok(Some(messages))
    }

    /// What the run's group has still to do.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let (asker, names, bootstrap) = (self.asker.clone(), self.names.clone(), self.bootstrap.clone());
        client::blocking("say how far the group is", move || backlog(&asker, &names, &bootstrap)).await
    }

    /// Deletes what the run left on the broker.
    pub async fn delete(self) {
        if let Ok(admin) = self.admin() {
            remove(&admin, &self.names.topic).await;
        }
    }

    fn admin(&self) -> Result<Aside<AdminClient<Quiet>>, Error> {
        let admin = client::config(&self.bootstrap).create_with_context(Quiet);
        admin.map(Aside::new).map_err(|error| asked("connect", &error))
    }

    fn reader(
        &self,
        ranges: &[Range],
        wanted: &BTreeSet<i32>,
        what: &str,
    ) -> Result<Aside<StreamConsumer<Quiet>>, Error> {
        let failed = |error: KafkaError| asked(what, &error);
        let reader: StreamConsumer<Quiet> =
            reader_config(&self.bootstrap, "read_uncommitted").create_with_context(Quiet).map_err(failed)?;
        let mut from = TopicPartitionList::new();
        for range in ranges.iter().filter(|range| wanted.contains(&range.partition)) {
            from.add_partition_offset(&self.names.topic, range.partition, Offset::Offset(range.low))
                .map_err(failed)?;
        }
        reader.assign(&from).map_err(failed)?;
        Ok(Aside::new(reader))
    }

    async fn wait_until_led(&self, partitions: u32, what: String) -> Result<(), Error> {
        let (asker, topic) = (self.asker.clone(), self.names.topic.clone());
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

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ANSWER_BOUND)).request_timeout(Some(ANSWER_BOUND))
}

/// Removes a topic. Nothing is said when it was not there: that is what is wanted.
async fn remove(admin: &AdminClient<Quiet>, topic: &str) {
    match admin.delete_topics(&[topic], &options()).await {
        Ok(results) => {
            for (topic, error) in results.into_iter().filter_map(Result::err) {
                tracing::debug!("Kafka did not delete the topic {topic}: {error}");
            }
        }
        Err(error) => tracing::debug!("Kafka did not delete the topic {topic}: {error}"),
    }
}

/// A partition, from its first message to the one that comes next.
#[derive(Clone, Copy, Debug)]
struct Range {
    partition: i32,
    low: i64,
    high: i64,
}

/// All partitions of a topic; `None` when it does not exist. A broker that has just been told of a topic, or of its end,
/// may not be of one mind for a moment.
fn ranges(client: &BaseConsumer<Quiet>, topic: &str) -> Result<Option<Vec<Range>>, Error> {
    let deadline = Instant::now() + ANSWER_BOUND;
    loop {
        match ranges_now(client, topic) {
            Ok(ranges) => return Ok(ranges),
            Err(error) if !will_pass(&error) || Instant::now() > deadline => {
                return Err(asked(&format!("look at the topic {topic}"), &error));
            }
            Err(_) => std::thread::sleep(STEP),
        }
    }
}

fn will_pass(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition, UnknownTopicOrPartition};
    let passing = [LeaderNotAvailable, NotLeaderForPartition, UnknownTopicOrPartition];
    error.rdkafka_error_code().is_some_and(|code| passing.contains(&code))
}

fn ranges_now(client: &BaseConsumer<Quiet>, topic: &str) -> Result<Option<Vec<Range>>, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), ANSWER_BOUND)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
    match found.error().map(RDKafkaErrorCode::from) {
        None => {}
        Some(RDKafkaErrorCode::UnknownTopicOrPartition) => return Ok(None),
        Some(error) => return Err(KafkaError::MetadataFetch(error)),
    }
    let mut ranges = Vec::new();
    for partition in found.partitions().iter().map(|partition| partition.id()) {
        let (low, high) = client.fetch_watermarks(topic, partition, ANSWER_BOUND)?;
        ranges.push(Range { partition, low, high });
    }
    Ok(Some(ranges))
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
    let config = reader_config(bootstrap, "read_committed");
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

/// A client that reads partitions that it is told, and says when it is at their end.
fn reader_config(bootstrap: &str, isolation: &str) -> rdkafka::ClientConfig {
    let mut config = client::config(bootstrap);
    config
        .set("group.id", "harness-reader") // never joined: only the library asks for one
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "10");
    config
}
