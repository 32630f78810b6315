//! Reads a topic back: all partitions, from the first message to the last there is now, and whether each of them counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, StreamConsumer},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use super::client::{self, ANSWER_BOUND, Aside, Quiet, asked};
use crate::{broker::Committed, error::Error};

/// How often it is asked again what a topic has: the answer is the condition.
const STEP: Duration = Duration::from_millis(10);

/// A partition, from its first message to the one that comes next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) partition: i32,
    pub(super) low: i64,
    pub(super) high: i64,
}

/// Hands each message that the log of a topic holds to `found`. Returns how many of them count; `None` when the topic does
/// not exist.
///
/// First what a reader of committed messages gets. Only where the log holds more than that, which may be no more than the
/// marks that end transactions, it is read once more, as it is.
pub(super) async fn read(
    bootstrap: &str,
    asker: &Arc<Aside<BaseConsumer<Quiet>>>,
    topic: &str,
    mut found: impl FnMut(&[u8], Committed) -> Result<(), Error>,
) -> Result<Option<u64>, Error> {
    let what = format!("read the topic {topic} back");
    let (asking, of) = (asker.clone(), topic.to_owned());
    let ranges = client::blocking("read a topic back", move || ranges(&asking, &of)).await?;
    let Some(ranges) = ranges else { return Ok(None) };
    let reader = Arc::new(open(bootstrap, "read_committed", &what)?);
    // Before the first message is read: what is not decided now must not be taken for given up if it is decided meanwhile.
    let stable = stable(&reader, topic, &ranges, &what).await?;
    let mut committed = Seen::default();
    pass(&reader, topic, &ranges, &what, |partition, offset, payload| {
        committed.add(partition, offset);
        found(payload, Committed::Yes)
    })
    .await?;
    let log: i64 = ranges.iter().map(|range| range.high - range.low).sum();
    if committed.count < u64::try_from(log).unwrap_or_default() {
        let reader = open(bootstrap, "read_uncommitted", &what)?;
        pass(&reader, topic, &ranges, &what, |partition, offset, payload| {
            if committed.has(partition, offset) {
                return Ok(());
            }
            let decided = stable.get(&partition).is_some_and(|stable| offset < *stable);
            found(payload, if decided { Committed::GivenUp } else { Committed::NotYet })
        })
        .await?;
    }
    Ok(Some(committed.count))
}

/// The offsets that were seen, of each partition: in order, so that they make few stretches.
#[derive(Default)]
struct Seen {
    stretches: BTreeMap<i32, Vec<(i64, i64)>>,
    count: u64,
}

impl Seen {
    fn add(&mut self, partition: i32, offset: i64) {
        self.count += 1;
        let stretches = self.stretches.entry(partition).or_default();
        match stretches.last_mut() {
            Some((_, to)) if *to + 1 == offset => *to = offset,
            _ => stretches.push((offset, offset)),
        }
    }

    fn has(&self, partition: i32, offset: i64) -> bool {
        let stretches = self.stretches.get(&partition).map_or(&[][..], Vec::as_slice);
        let next = stretches.partition_point(|(from, _)| *from <= offset);
        next > 0 && offset <= stretches[next - 1].1
    }
}

/// Of each partition, the first offset at which it is not decided yet whether it counts.
async fn stable(
    reader: &Arc<Aside<StreamConsumer<Quiet>>>,
    topic: &str,
    ranges: &[Range],
    what: &str,
) -> Result<BTreeMap<i32, i64>, Error> {
    let (reader, topic, what) = (reader.clone(), topic.to_owned(), what.to_owned());
    let partitions: Vec<_> = ranges.iter().map(|range| range.partition).collect();
    client::blocking("say what is committed", move || {
        let of = |partition| {
            let marks = reader.fetch_watermarks(&topic, partition, ANSWER_BOUND);
            marks.map(|(_, stable)| (partition, stable)).map_err(|error| asked(&what, &error))
        };
        partitions.into_iter().map(of).collect()
    })
    .await
}

/// Reads these ranges once. A reader of committed messages is at its end where the first open transaction begins.
async fn pass(
    reader: &Aside<StreamConsumer<Quiet>>,
    topic: &str,
    ranges: &[Range],
    what: &str,
    mut found: impl FnMut(i32, i64, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error: KafkaError| asked(what, &error);
    let full = || ranges.iter().filter(|range| range.low < range.high);
    let highs: BTreeMap<i32, i64> = full().map(|range| (range.partition, range.high)).collect();
    let mut open: BTreeSet<i32> = highs.keys().copied().collect();
    let mut from = TopicPartitionList::new();
    for range in full() {
        from.add_partition_offset(topic, range.partition, Offset::Offset(range.low)).map_err(failed)?;
    }
    reader.assign(&from).map_err(failed)?;
    while !open.is_empty() {
        let next = tokio::time::timeout(ANSWER_BOUND, reader.recv()).await;
        match next.map_err(|_| asked(what, &format!("no answer within {ANSWER_BOUND:?}")))? {
            Ok(message) => {
                let (partition, offset) = (message.partition(), message.offset());
                let high = highs.get(&partition).copied().unwrap_or_default();
                if offset < high {
                    found(partition, offset, message.payload().unwrap_or_default())?;
                }
                if offset + 1 >= high {
                    open.remove(&partition);
                }
            }
            // What follows the last message are marks of transactions, or room that was compacted.
            Err(KafkaError::PartitionEOF(partition)) => drop(open.remove(&partition)),
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn open(bootstrap: &str, isolation: &str, what: &str) -> Result<Aside<StreamConsumer<Quiet>>, Error> {
    let reader = config(bootstrap, isolation).create_with_context(Quiet);
    reader.map(Aside::new).map_err(|error| asked(what, &error))
}

/// A client that reads partitions that it is told, and says when it is at their end.
pub(super) fn config(bootstrap: &str, isolation: &str) -> ClientConfig {
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

/// All partitions of a topic; `None` when it does not exist. A broker that has just been told of a topic, or of its end,
/// may not be of one mind for a moment.
pub(super) fn ranges(client: &BaseConsumer<Quiet>, topic: &str) -> Result<Option<Vec<Range>>, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_known_by_its_place() {
        let mut seen = Seen::default();
        for offset in [0, 1, 2, 5, 7, 8] {
            seen.add(0, offset);
        }
        seen.add(1, 4);
        let of = |partition| (0..10).filter(|offset| seen.has(partition, *offset)).collect::<Vec<_>>();
        assert_eq!([of(0), of(1), of(2)], [vec![0, 1, 2, 5, 7, 8], vec![4], vec![]]);
        assert_eq!(seen.count, 7);
    }
}
