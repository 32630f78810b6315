//! Commits by hand, when the worker says so.

use std::sync::Arc;

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _, StreamConsumer},
};
use tokio::task::spawn_blocking;

use super::{consumer::Taken, group::Group};
use crate::Error;

/// Commits offsets of a [`Consumer`](super::Consumer), also beside its loop. All clones are the same member.
#[derive(Clone)]
pub struct Committer {
    client: Arc<StreamConsumer<Group>>,
    topic: String,
}

impl Committer {
    pub(super) fn new(client: Arc<StreamConsumer<Group>>, topic: String) -> Self {
        Self { client, topic }
    }

    /// Tells the broker that this message, and all before it in its partition, need not come again, and waits for its
    /// word.
    ///
    /// # Errors
    /// The broker refuses it, or did not answer.
    pub async fn commit(&self, taken: &Taken) -> Result<(), Error> {
        let mut next = TopicPartitionList::new();
        next.add_partition_offset(&self.topic, taken.partition, Offset::Offset(taken.offset + 1))?;
        let client = self.client.clone();
        Ok(spawn_blocking(move || client.commit(&next, CommitMode::Sync)).await??)
    }

    /// Whether the partitions were not given out anew since this message was handed over.
    pub fn is_ours(&self, taken: &Taken) -> bool {
        self.client.context().assignment() == taken.assignment
    }
}
