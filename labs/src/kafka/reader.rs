//! How far a consumer has read, and how far it has to.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaError,
    message::Message as _,
};
use tokio::task::spawn_blocking;

use super::{consumer::Taken, group::Group};

/// How long the broker may take to say where a partition ends, before it is asked with the next drain mark.
const END_BOUND: Duration = Duration::from_secs(1);

/// The client, and how far it has read.
pub(super) struct Reader {
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
        Self { client, assignment: 0, places: BTreeMap::new() }
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
                None
            }
        }
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

    /// Whether everything that is wanted was handed over, and the assignment is still the one that was asked about.
    pub(super) fn has_read(&mut self, wanted: &Wanted) -> bool {
        wanted.assignment == self.assignment() && is_read(&wanted.bounds, &self.places)
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

/// Whether every partition was read to its end, wherever that was.
fn is_read(bounds: &BTreeMap<i32, (i64, i64)>, places: &BTreeMap<i32, Place>) -> bool {
    bounds.iter().all(|(partition, (stands, end))| {
        let place = places.get(partition).copied().unwrap_or_default();
        place.at_end && place.next.unwrap_or(*stands) >= *end
    })
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
