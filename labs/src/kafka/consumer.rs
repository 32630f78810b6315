//! A reader, of a group or alone, that can say when it has read all there was.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer},
    error::KafkaError,
    message::Message as _,
};
use tokio::{sync::watch, task::spawn_blocking};

use super::{config, log, log_error, partitions};
use crate::{Error, Kit, orders::Orders};

/// A member that was killed is missed after this, where it does not come back under its own name before.
const SESSION_MS: u32 = 1_000;

/// How often a member shows that it is there.
const HEARTBEAT_MS: u32 = 200;

/// How often what is done is told to the broker. A killed member's successor takes up where it was told last.
const COMMIT_MS: u32 = 100;

/// How long the broker holds a request when it has nothing.
const HELD_MS: u32 = 50;

/// How long the broker may take to say where a partition ends, before it is asked with the next drain mark.
const END_BOUND: Duration = Duration::from_secs(1);

/// The consumer's messages, and its answer to a drain.
pub struct Consumer {
    kit: Kit,
    reader: Reader,
    orders: watch::Receiver<Orders>,
    wanted: Option<Wanted>,
}

/// A message that was handed over.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What the producer sent.
    pub payload: Vec<u8>,
    partition: i32,
    offset: i64,
}

/// The client, and how far it has read.
struct Reader {
    client: Arc<StreamConsumer<Group>>,
    /// The assignment that `places` is about.
    assignment: u64,
    /// What is known of each partition of this assignment.
    places: BTreeMap<i32, Place>,
}

/// Where the reader stands in one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The offset behind the last message that was handed over; not known before the first.
    next: Option<i64>,
    /// The client has read up to the end, and nothing came since.
    at_end: bool,
}

/// What is to be read before a drain mark may be answered.
struct Wanted {
    mark: Arc<str>,
    /// The assignment that was asked about.
    assignment: u64,
    /// Of each partition: where the group stood, and where the partition ended, when asked after the mark.
    bounds: BTreeMap<i32, (i64, i64)>,
    answered: bool,
}

impl Consumer {
    /// Joins the run's group. It reads from where the group stopped, and from the beginning where nothing was done yet.
    ///
    /// A restarted worker comes back under the same name, so that the group need not wait for its session to end. The
    /// group gives it its partitions while it asks for messages, not before: a member that is not ready yet must not
    /// keep the others waiting.
    ///
    /// # Errors
    /// A setting is missing, or nobody answers.
    pub async fn join(kit: &Kit) -> Result<Self, Error> {
        let settings = kit.settings();
        let mut config = reading(kit)?;
        config
            .set("group.instance.id", format!("{}/{}", settings.tag, settings.worker))
            .set("session.timeout.ms", SESSION_MS.to_string())
            .set("heartbeat.interval.ms", HEARTBEAT_MS.to_string())
            .set("auto.commit.interval.ms", COMMIT_MS.to_string());
        let (consumer, topic, _) = Self::open(kit, &config).await?;
        consumer.reader.client.subscribe(&[&topic])?;
        Ok(consumer)
    }

    /// Reads the whole topic from the beginning, by itself: nobody is told how far it got, and it never reads anything
    /// again as long as it lives.
    ///
    /// # Errors
    /// A setting is missing, or nobody answers.
    pub async fn alone(kit: &Kit) -> Result<Self, Error> {
        let mut config = reading(kit)?;
        config.set("enable.auto.commit", "false");
        let (consumer, topic, partitions) = Self::open(kit, &config).await?;
        let mut all = TopicPartitionList::new();
        for partition in partitions {
            all.add_partition_offset(&topic, partition, Offset::Beginning)?;
        }
        consumer.reader.client.assign(&all)?;
        consumer.reader.client.context().begin_assignment();
        Ok(consumer)
    }

    /// A consumer that reads nothing yet, its topic, and the topic's partitions.
    async fn open(kit: &Kit, config: &ClientConfig) -> Result<(Self, String, Vec<i32>), Error> {
        let topic = kit.settings().kafka.topic()?.to_owned();
        let client: StreamConsumer<Group> = config.create_with_context(Group::default())?;
        let client = Arc::new(client);
        let (asking, of) = (client.clone(), topic.clone());
        let partitions = spawn_blocking(move || partitions(asking.client(), &of)).await??;
        let reader = Reader { client, assignment: 0, places: BTreeMap::new() };
        let consumer = Self { kit: kit.clone(), reader, orders: kit.watch_orders(), wanted: None };
        Ok((consumer, topic, partitions))
    }

    /// The next message; waits for one. `None` when the worker is told to finish.
    pub async fn next(&mut self) -> Option<Taken> {
        loop {
            if self.kit.stopping() {
                return None;
            }
            if self.kit.draining() {
                self.answer().await;
            }
            tokio::select! {
                biased;
                taken = self.reader.next() => if taken.is_some() { return taken },
                _ = self.orders.changed() => {}
            }
        }
    }

    /// The effect of this message is there: it, and all before it in its partition, need not come again. The broker is
    /// told soon, with others.
    pub fn done(&self, taken: &Taken) {
        let topic = self.kit.settings().kafka.topic().unwrap_or_default();
        if let Err(error) = self.reader.client.store_offset(topic, taken.partition, taken.offset) {
            // The partition has gone to another member: it will read this message again.
            tracing::info!("Kafka: {topic}[{}] is not ours any more: {error}", taken.partition);
        }
    }

    /// Answers the newest drain mark, once everything was read that was there when it was heard.
    async fn answer(&mut self) {
        let Some(mark) = self.orders.borrow_and_update().drain.clone() else { return };
        let assignment = self.reader.assignment();
        let asked = |wanted: &Wanted| wanted.mark == mark && wanted.assignment == assignment;
        if !self.wanted.as_ref().is_some_and(asked) {
            self.wanted = self.reader.ask(mark).await;
        }
        if let Some(wanted) = &mut self.wanted
            && !wanted.answered
            && self.reader.has_read(wanted)
        {
            wanted.answered = true;
            self.kit.idle(&wanted.mark);
        }
    }
}

impl Reader {
    /// What comes next from the client; `None` where it is no message.
    async fn next(&mut self) -> Option<Taken> {
        let taken = self.client.recv().await.map(|message| Taken {
            payload: message.payload().unwrap_or_default().to_vec(),
            partition: message.partition(),
            offset: message.offset(),
        });
        self.assignment();
        match taken {
            Ok(taken) => {
                let next = Some(taken.offset + 1);
                self.places.insert(taken.partition, Place { next, at_end: false });
                Some(taken)
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                self.places.entry(partition).or_default().at_end = true;
                None
            }
            Err(error) => {
                tracing::info!("Kafka: {error}");
                None
            }
        }
    }

    /// The present assignment. What was known of the partitions ends with the one before it.
    fn assignment(&mut self) -> u64 {
        let assignment = self.client.context().assignment();
        if self.assignment != assignment {
            self.assignment = assignment;
            self.places.clear();
        }
        assignment
    }

    /// Asks the broker where the partitions end now. `None` where nothing is assigned yet, or the broker does not say:
    /// it is asked again when something has come, or with the next mark.
    async fn ask(&mut self, mark: Arc<str>) -> Option<Wanted> {
        let assignment = self.assignment();
        if !self.client.context().is_assigned() {
            return None;
        }
        // The client's questions block: they are asked on another thread.
        let client = self.client.clone();
        match spawn_blocking(move || bounds(&client)).await.ok()? {
            Ok(bounds) => Some(Wanted { mark, assignment, bounds, answered: false }),
            Err(error) => {
                tracing::info!("Kafka: cannot ask where the partitions end: {error}");
                None
            }
        }
    }

    /// Whether everything that is wanted was handed over, and the assignment is still the one that was asked about.
    fn has_read(&mut self, wanted: &Wanted) -> bool {
        wanted.assignment == self.assignment() && is_read(&wanted.bounds, &self.places)
    }
}

/// What every reader is told.
fn reading(kit: &Kit) -> Result<ClientConfig, Error> {
    let mut config = config(kit)?;
    config
        .set("group.id", kit.settings().kafka.group()?)
        // What was handed over is not done yet: see `done`.
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", HELD_MS.to_string());
    Ok(config)
}

/// Of each partition assigned: where the group stands, and where the partition ends.
fn bounds(client: &StreamConsumer<Group>) -> Result<BTreeMap<i32, (i64, i64)>, KafkaError> {
    let deadline = Instant::now() + END_BOUND;
    let left = || deadline.saturating_duration_since(Instant::now());
    let assigned = client.assignment()?;
    if assigned.count() == 0 {
        return Ok(BTreeMap::new());
    }
    let committed = client.committed_offsets(assigned, left())?;
    let mut bounds = BTreeMap::new();
    for place in committed.elements() {
        let (low, high) = client.fetch_watermarks(place.topic(), place.partition(), left())?;
        let stands = place.offset().to_raw().filter(|offset| *offset >= 0).unwrap_or(low);
        bounds.insert(place.partition(), (stands, high));
    }
    Ok(bounds)
}

/// Whether every partition was read to its end, wherever that was.
fn is_read(bounds: &BTreeMap<i32, (i64, i64)>, places: &BTreeMap<i32, Place>) -> bool {
    bounds.iter().all(|(partition, (stands, end))| {
        let place = places.get(partition).copied().unwrap_or_default();
        place.at_end && place.next.unwrap_or(*stands) >= *end
    })
}

/// What this reader is assigned. The group tells while the worker's thread asks for messages, and on no other.
#[derive(Default)]
struct Group {
    /// Counts assignments and their ends: odd while something is assigned, be it no partition at all.
    turns: AtomicU64,
}

impl Group {
    fn assignment(&self) -> u64 {
        self.turns.load(Ordering::Acquire)
    }

    fn is_assigned(&self) -> bool {
        self.assignment() % 2 == 1
    }

    fn begin_assignment(&self) {
        self.turns.store((self.assignment() + 1) | 1, Ordering::Release);
    }

    fn end_assignment(&self) {
        self.turns.store((self.assignment() + 2) & !1, Ordering::Release);
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ConsumerContext for Group {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(_) => self.begin_assignment(),
            Rebalance::Revoke(_) | Rebalance::Error(_) => self.end_assignment(),
        }
        tracing::info!("Kafka: {rebalance:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(next: Option<i64>, at_end: bool) -> BTreeMap<i32, Place> {
        BTreeMap::from([(0, Place { next, at_end })])
    }

    #[test]
    fn read_is_what_reached_the_end_that_was_asked_for() {
        let bounds = BTreeMap::from([(0, (5, 9))]);
        assert!(is_read(&bounds, &place(Some(9), true)));
        assert!(!is_read(&bounds, &place(Some(8), true)), "an end from before the mark");
        assert!(!is_read(&bounds, &place(Some(9), false)), "there may be more");
        assert!(!is_read(&bounds, &BTreeMap::new()), "nothing is known yet");
    }

    #[test]
    fn who_was_handed_nothing_stands_where_the_group_stood() {
        assert!(is_read(&BTreeMap::from([(0, (9, 9))]), &place(None, true)));
        assert!(!is_read(&BTreeMap::from([(0, (8, 9))]), &place(None, true)));
    }

    #[test]
    fn every_partition_counts_and_none_is_none() {
        let bounds = BTreeMap::from([(0, (0, 4)), (1, (0, 0))]);
        assert!(!is_read(&bounds, &place(Some(4), true)));
        assert!(
            is_read(&BTreeMap::new(), &BTreeMap::new()),
            "a member that was given none has nothing to read"
        );
    }
}
