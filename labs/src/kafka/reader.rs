//! How far a consumer has read, and how far it has to.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaError,
    message::Message as _,
};
use tokio::task::spawn_blocking;

use super::{consumer::Taken, group::Group, remaining::Stretch};

/// How long the broker may take to say where a partition ends, before it is asked with the next drain mark.
const END_BOUND: Duration = Duration::from_secs(1);

/// The client, and how far it has read.
pub(super) struct Reader {
    client: Arc<StreamConsumer<Group>>,
    /// The assignment that `places` is about.
    assignment: u64,
    /// What is known of each partition of this assignment.
    places: BTreeMap<i32, Place>,
    /// Somebody else has joined the group under its name.
    shut_out: bool,
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
pub(super) struct Wanted {
    /// The mark.
    pub(super) mark: Arc<str>,
    /// The assignment that was asked about.
    pub(super) assignment: u64,
    /// Of each partition: where the group stood, and where the partition ended, when asked after the mark.
    bounds: BTreeMap<i32, (i64, i64)>,
    /// Whether the mark was answered.
    pub(super) answered: bool,
}

impl Reader {
    /// Nothing is read yet.
    pub(super) fn new(client: Arc<StreamConsumer<Group>>) -> Self {
        Self { client, assignment: 0, places: BTreeMap::new(), shut_out: false }
    }

    /// The client.
    pub(super) fn client(&self) -> &Arc<StreamConsumer<Group>> {
        &self.client
    }

    /// What comes next from the client; `None` where it is no message.
    pub(super) async fn next(&mut self) -> Option<Taken> {
        let taken = self.client.recv().await.map(|message| Taken {
            payload: message.payload().unwrap_or_default().to_vec(),
            partition: message.partition(),
            offset: message.offset(),
            assignment: 0,
        });
        let assignment = self.assignment();
        match taken {
            Ok(taken) => {
                let taken = Taken { assignment, ..taken };
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
                self.shut_out |= matches!(error, KafkaError::MessageConsumptionFatal(_));
                None
            }
        }
    }

    /// Whether nothing will ever be handed to this reader any more.
    pub(super) fn is_shut_out(&self) -> bool {
        self.shut_out
    }

    /// The present assignment. What was known of the partitions ends with the one before it.
    pub(super) fn assignment(&mut self) -> u64 {
        let assignment = self.client.context().assignment();
        if self.assignment != assignment {
            self.assignment = assignment;
            self.places.clear();
        }
        assignment
    }

    /// Asks the broker where the partitions end now. `None` where nothing is assigned yet, or the broker does not say:
    /// it is asked again when something has come, or with the next mark.
    pub(super) async fn ask(&mut self, mark: Arc<str>) -> Option<Wanted> {
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

    /// What is left of what is wanted, once the client has read up to the end: nothing, or stretches in which nothing may
    /// be but marks of transactions. `None` before, and where the assignment is another than the one that was asked about.
    pub(super) fn left(&mut self, wanted: &Wanted) -> Option<Vec<Stretch>> {
        if wanted.assignment == self.assignment() { left(&wanted.bounds, &self.places) } else { None }
    }

    /// What was read is read again: nothing is known of the places any more.
    pub(super) fn rewound(&mut self) {
        self.places.clear();
    }

    /// A message that has come already, if there is one.
    pub(super) fn next_now(&mut self) -> Option<Taken> {
        loop {
            match self.next().now_or_never() {
                Some(Some(taken)) => return Some(taken),
                Some(None) => {}
                None => return None,
            }
        }
    }
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

/// Of each partition that was read to its end: what lies between the last message that was handed over and the end that was
/// asked for. `None` where one was not read to its end, wherever that is.
fn left(bounds: &BTreeMap<i32, (i64, i64)>, places: &BTreeMap<i32, Place>) -> Option<Vec<Stretch>> {
    let mut stretches = Vec::new();
    for (partition, (stands, end)) in bounds {
        let place = places.get(partition).filter(|place| place.at_end)?;
        let from = place.next.unwrap_or(*stands);
        if from < *end {
            stretches.push(Stretch { partition: *partition, from, to: *end });
        }
    }
    Some(stretches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(next: Option<i64>, at_end: bool) -> BTreeMap<i32, Place> {
        BTreeMap::from([(0, Place { next, at_end })])
    }

    #[test]
    fn nothing_is_left_behind_the_end_that_was_asked_for() {
        let bounds = BTreeMap::from([(0, (5, 9))]);
        assert_eq!(left(&bounds, &place(Some(9), true)), Some(vec![]));
        assert_eq!(left(&bounds, &place(Some(9), false)), None, "there may be more");
        assert_eq!(left(&bounds, &BTreeMap::new()), None, "nothing is known yet");
    }

    #[test]
    fn what_lies_before_the_end_may_be_a_message_or_a_mark() {
        let bounds = BTreeMap::from([(0, (5, 9))]);
        let stretch = |from| Some(vec![Stretch { partition: 0, from, to: 9 }]);
        assert_eq!(left(&bounds, &place(Some(8), true)), stretch(8));
        assert_eq!(left(&bounds, &place(None, true)), stretch(5), "it stands where the group stood");
        assert_eq!(left(&BTreeMap::from([(0, (9, 9))]), &place(None, true)), Some(vec![]));
    }

    #[test]
    fn every_partition_counts_and_none_is_none() {
        let bounds = BTreeMap::from([(0, (0, 4)), (1, (0, 0))]);
        assert_eq!(left(&bounds, &place(Some(4), true)), None);
        let none = left(&BTreeMap::new(), &BTreeMap::new());
        assert_eq!(none, Some(vec![]), "a member that was given none has nothing to read");
    }
}
