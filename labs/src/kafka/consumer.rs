//! A reader, of a group or alone, that can say when it has read all there was.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
};
use tokio::{sync::watch, task::spawn_blocking};

use super::{
    ANSWER_BOUND,
    committer::Committer,
    config,
    group::Group,
    reach,
    reader::{Reader, Wanted},
    remaining,
};
use crate::{Error, Kit, orders::Orders};

/// A member that was killed is missed after this, where it does not come back under its own name before.
const SESSION_MS: u32 = 1_000;

/// How often a member shows that it is there.
const HEARTBEAT_MS: u32 = 200;

/// How often what is done is told to the broker. A killed member's successor takes up where it was told last.
const COMMIT_MS: u32 = 100;

/// How long the broker holds a request when it has nothing.
const HELD_MS: u32 = 50;

/// The consumer's messages, and its answer to a drain.
pub struct Consumer {
    kit: Kit,
    reader: Reader,
    topic: String,
    /// For a reader of its own, which is asked whether anything is left.
    asking: ClientConfig,
    orders: watch::Receiver<Orders>,
    wanted: Option<Wanted>,
}

/// A message that was handed over.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What the producer sent.
    pub payload: Vec<u8>,
    /// The partition that it is from.
    pub partition: i32,
    pub(super) offset: i64,
    /// The assignment under which it was handed over.
    pub(super) assignment: u64,
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
        let mut config = joining(kit, &kit.settings().worker)?;
        config.set("auto.commit.interval.ms", COMMIT_MS.to_string());
        Self::member(kit, &config).await
    }

    /// Joins the run's group as [`Consumer::join`] does. The broker is told of nothing by itself: see
    /// [`Consumer::committer`]. A member that does not ask for the next message within `poll_within` is taken for stuck.
    ///
    /// # Errors
    /// A setting is missing, or nobody answers.
    pub async fn join_by_hand(kit: &Kit, poll_within: Duration) -> Result<Self, Error> {
        Self::join_as(kit, &kit.settings().worker, poll_within).await
    }

    /// As [`Consumer::join_by_hand`], under a name that need not be the worker's own. Whoever joins under a name takes the
    /// place of whoever had it: its partitions are its own at once, and the other one is shut out.
    ///
    /// # Errors
    /// A setting is missing, or nobody answers.
    pub async fn join_as(kit: &Kit, name: &str, poll_within: Duration) -> Result<Self, Error> {
        let mut config = joining(kit, name)?;
        config
            .set("enable.auto.commit", "false")
            .set("max.poll.interval.ms", poll_within.as_millis().to_string());
        Self::member(kit, &config).await
    }

    async fn member(kit: &Kit, config: &ClientConfig) -> Result<Self, Error> {
        let (consumer, _) = Self::open(kit, config).await?;
        consumer.client().subscribe(&[&consumer.topic])?;
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
        let (consumer, partitions) = Self::open(kit, &config).await?;
        let mut all = TopicPartitionList::new();
        for partition in partitions {
            all.add_partition_offset(&consumer.topic, partition, Offset::Beginning)?;
        }
        consumer.client().assign(&all)?;
        consumer.client().context().begin_assignment();
        Ok(consumer)
    }

    /// A consumer that reads nothing yet, and its topic's partitions.
    async fn open(kit: &Kit, config: &ClientConfig) -> Result<(Self, Vec<i32>), Error> {
        let topic = kit.settings().kafka.topic()?.to_owned();
        let client: StreamConsumer<Group> = config.create_with_context(Group::default())?;
        let client = Arc::new(client);
        let (asking, of) = (client.clone(), topic.clone());
        let partitions = spawn_blocking(move || reach(asking.client(), &of)).await??;
        let mut asking = reading(kit)?;
        asking.set("enable.auto.commit", "false");
        let (reader, orders) = (Reader::new(client), kit.watch_orders());
        Ok((Self { kit: kit.clone(), reader, topic, asking, orders, wanted: None }, partitions))
    }

    pub(super) fn client(&self) -> &Arc<StreamConsumer<Group>> {
        self.reader.client()
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
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

    /// The next messages, up to so many: one that is waited for, and those that have come already. `None` when the worker is
    /// told to finish.
    pub async fn next_batch(&mut self, most: usize) -> Option<Vec<Taken>> {
        let mut batch = vec![self.next().await?];
        while batch.len() < most
            && let Some(taken) = self.reader.next_now()
        {
            batch.push(taken);
        }
        Some(batch)
    }

    /// Reads again from where the group stands: what was handed over since then was not done after all.
    ///
    /// # Errors
    /// The broker does not say where that is.
    pub async fn rewind(&mut self) -> Result<(), Error> {
        let client = self.client().clone();
        let sought = spawn_blocking(move || {
            let mut places = client.committed_offsets(client.assignment()?, ANSWER_BOUND)?;
            let nothing_done: Vec<_> = places
                .elements()
                .iter()
                .filter(|place| place.offset() == Offset::Invalid)
                .map(|place| (place.topic().to_owned(), place.partition()))
                .collect();
            for (topic, partition) in nothing_done {
                places.set_partition_offset(&topic, partition, Offset::Beginning)?;
            }
            client.seek_partitions(places, ANSWER_BOUND).map(drop)
        });
        sought.await?.map_err(|error| format!("cannot go back to where the group stands: {error}"))?;
        self.reader.rewound();
        Ok(())
    }

    /// Takes no part any more: another one has its place. Answers that nothing is left to it, until the worker is told to
    /// finish.
    pub async fn retire(mut self) {
        while !self.kit.stopping() {
            let mark = self.orders.borrow_and_update().drain.clone();
            if let Some(mark) = mark {
                self.kit.idle(&mark);
            }
            if self.orders.changed().await.is_err() {
                return;
            }
        }
    }

    /// The effect of this message is there: it, and all before it in its partition, need not come again. The broker is
    /// told soon, with others.
    pub fn done(&self, taken: &Taken) {
        let topic = &self.topic;
        if let Err(error) = self.client().store_offset(topic, taken.partition, taken.offset) {
            // The partition has gone to another member: it will read this message again.
            tracing::info!("Kafka: {topic}[{}] is not ours any more: {error}", taken.partition);
        }
    }

    /// What commits by hand, for a consumer that joined so.
    ///
    /// # Errors
    /// A setting is missing.
    pub fn committer(&self) -> Result<Committer, Error> {
        Ok(Committer::new(self.client().clone(), self.topic.clone()))
    }

    /// Answers the newest drain mark, once everything was read that was there when it was heard.
    async fn answer(&mut self) {
        let Some(mark) = self.orders.borrow_and_update().drain.clone() else { return };
        if self.reader.is_shut_out() {
            // Nothing is left to it, whatever is left to others. A mark may be answered more than once.
            return self.kit.idle(&mark);
        }
        let assignment = self.reader.assignment();
        let asked = |wanted: &Wanted| wanted.mark == mark && wanted.assignment == assignment;
        if !self.wanted.as_ref().is_some_and(asked) {
            self.wanted = self.reader.ask(mark.clone()).await;
        }
        let left = match &self.wanted {
            Some(wanted) if !wanted.answered => self.reader.left(wanted),
            _ => None,
        };
        let Some(left) = left else { return };
        if self.is_any_of(left).await {
            return;
        }
        if let Some(wanted) = &mut self.wanted {
            wanted.answered = true;
            self.kit.idle(&wanted.mark);
        }
    }

    /// Whether there is a message in any of these stretches, or may be one.
    async fn is_any_of(&self, stretches: Vec<remaining::Stretch>) -> bool {
        if stretches.is_empty() {
            return false;
        }
        let (config, topic) = (self.asking.clone(), self.topic.clone());
        let asked = spawn_blocking(move || {
            stretches.into_iter().any(|stretch| {
                remaining::is_any(&config, &topic, stretch).unwrap_or_else(|error| {
                    tracing::info!("Kafka: cannot ask what is left: {error}");
                    true
                })
            })
        });
        asked.await.unwrap_or(true)
    }
}

/// What every member of the group is told.
fn joining(kit: &Kit, name: &str) -> Result<ClientConfig, Error> {
    let mut config = reading(kit)?;
    config
        .set("group.instance.id", format!("{}/{name}", kit.settings().tag))
        .set("session.timeout.ms", SESSION_MS.to_string())
        .set("heartbeat.interval.ms", HEARTBEAT_MS.to_string());
    Ok(config)
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
