//! Reads from Kafka in a loop that never waits for the work: each partition has one message at a time in hand beside it.
//! Applies its effect, then commits its offset.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use labs::{
    Error, Kit,
    kafka::{Committer, Consumer, Taken},
};

/// The client's own default.
const POLL_WITHIN: Duration = Duration::from_secs(300);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut messages = Consumer::join_by_hand(&kit, POLL_WITHIN).await?;
    let offsets = messages.committer()?;
    kit.ready().await;

    // Of each partition: what was read, the one in hand first.
    let mut queues: BTreeMap<i32, VecDeque<Taken>> = BTreeMap::new();
    let mut in_hand = FuturesUnordered::new();
    loop {
        let partition = tokio::select! {
            Some(worked) = in_hand.next() => {
                let partition = worked?;
                let queue = queues.entry(partition).or_default();
                queue.pop_front();
                // What was read under an earlier assignment is read again by whoever has the partition now.
                queue.retain(|message| offsets.is_ours(message));
                partition
            }
            message = messages.next() => {
                let Some(message) = message else { return Ok(()) };
                let partition = message.partition;
                let queue = queues.entry(partition).or_default();
                queue.push_back(message);
                if queue.len() > 1 {
                    continue;
                }
                partition
            }
        };
        if let Some(message) = queues.get(&partition).and_then(VecDeque::front) {
            in_hand.push(work(&kit, &offsets, message.clone()));
        }
    }
}

/// The work on one message. Returns its partition.
async fn work(kit: &Kit, offsets: &Committer, message: Taken) -> Result<i32, Error> {
    if let Some(id) = kit.delivered(&message.payload)? {
        kit.point("in-hand").await;
        kit.effect(id)?;
        offsets.commit(&message).await?;
        if offsets.is_ours(&message) {
            kit.settled(id)?;
        } else {
            // The broker said ok. It settles nothing: whoever has the partition now has read the message before that.
            kit.point("late-commit").await;
        }
    }
    Ok(message.partition)
}
