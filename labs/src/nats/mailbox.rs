//! A core NATS subscription that can say when nothing is left in it.

use std::{collections::BTreeSet, sync::Arc};

use async_nats::{Client, Message, Subscriber};
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::{barrier, subject, watch_sentinels};
use crate::{Error, Kit, orders::Orders};

/// All consumers of a run are in one queue group: each message goes to one of them.
const QUEUE_GROUP: &str = "consumers";

/// The consumer's messages, and its answer to a drain.
pub struct Mailbox {
    kit: Kit,
    subscriber: Subscriber,
    sentinels: watch::Receiver<BTreeSet<String>>,
    orders: watch::Receiver<Orders>,
    answered: Option<Arc<str>>,
}

impl Mailbox {
    /// Subscribes, and waits until the server knows it.
    ///
    /// # Errors
    /// A setting is missing, or the server does not answer.
    pub async fn open(kit: &Kit, client: &Client) -> Result<Self, Error> {
        let sentinels = watch_sentinels(kit, client).await?;
        let subscriber = client.queue_subscribe(subject(kit)?, QUEUE_GROUP.to_owned()).await?;
        barrier(client).await?;
        Ok(Self { kit: kit.clone(), subscriber, sentinels, orders: kit.watch_orders(), answered: None })
    }

    /// The next message; waits for one. `None` when the worker is told to finish.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if self.kit.stopping() {
                return None;
            }
            if self.kit.draining()
                && let Some(mark) = self.mark_reached()
            {
                // The sentinel came behind everything that was sent before it. So if the buffer is empty *now*, that
                // was all. Unconstrained: tokio makes a busy reader wait now and then, which would look like empty.
                match tokio::task::unconstrained(self.subscriber.next()).now_or_never() {
                    Some(message) => return message,
                    None => self.kit.idle(&mark),
                }
                self.answered = Some(mark);
            }
            // Nearly always there is one, and then nothing else need be looked at.
            if let Some(message) = self.subscriber.next().now_or_never() {
                return message;
            }
            tokio::select! {
                biased;
                message = self.subscriber.next() => return message,
                _ = self.orders.changed() => {}
                _ = self.sentinels.changed() => {}
            }
        }
    }

    /// The newest drain mark, if its sentinel was seen here and it was not answered yet.
    fn mark_reached(&self) -> Option<Arc<str>> {
        let mark = self.orders.borrow().drain.clone()?;
        let seen = self.sentinels.borrow().contains(&*mark);
        (seen && self.answered.as_ref() != Some(&mark)).then_some(mark)
    }
}
