//! A JetStream pull consumer that can say when it asked for more and got nothing.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    self, Context,
    consumer::{PullConsumer, pull::Batch},
};
use futures::StreamExt;
use tokio::{sync::watch, time::timeout};

use crate::{Error, Kit, orders::Orders};

/// How long the server holds a request when it has nothing.
const HELD: Duration = Duration::from_millis(100);

/// How much longer its answer may take before the request is taken for lost, with its connection or its server.
const GRACE: Duration = Duration::from_millis(500);

/// The pause before asking again a server that said that there is no such consumer, or not yet.
const PAUSE: Duration = Duration::from_millis(20);

/// The consumer's messages, and its answer to a drain.
pub struct Pull {
    kit: Kit,
    consumer: PullConsumer,
    batch: usize,
    asked: Option<Asked>,
    orders: watch::Receiver<Orders>,
    answered: Option<Arc<str>>,
    requests: u64,
}

/// A request under way.
struct Asked {
    messages: Batch,
    /// The newest drain mark when it was made.
    after: Option<Arc<str>>,
    got: usize,
}

impl Pull {
    /// Binds to the run's durable consumer. Each request is for up to `batch` messages.
    ///
    /// # Errors
    /// A setting is missing, or there is no such consumer.
    pub async fn open(kit: &Kit, jetstream: &Context, batch: usize) -> Result<Self, Error> {
        let nats = &kit.settings().nats;
        let (stream, name) = (nats.stream()?, nats.consumer()?);
        let consumer = jetstream
            .get_consumer_from_stream(name, stream)
            .await
            .map_err(|error| format!("cannot use the consumer {name} of the stream {stream}: {error}"))?;
        Ok(Self {
            kit: kit.clone(),
            consumer,
            batch,
            asked: None,
            orders: kit.watch_orders(),
            answered: None,
            requests: 0,
        })
    }

    /// The next message; waits for one, and asks again for ever. `None` when the worker is told to finish.
    pub async fn next(&mut self) -> Option<jetstream::Message> {
        loop {
            if self.kit.stopping() {
                return None;
            }
            let Some(asked) = &mut self.asked else {
                self.ask().await;
                continue;
            };
            match timeout(HELD + GRACE, asked.messages.next()).await {
                Ok(Some(Ok(message))) => {
                    asked.got += 1;
                    return Some(message);
                }
                Ok(None) => self.nothing_more(),
                Ok(Some(Err(error))) => {
                    tracing::info!("NATS: {error}");
                    self.nothing_more();
                    tokio::time::sleep(PAUSE).await;
                }
                // No answer at all is not "nothing": the server may be paused, or gone with the request.
                Err(_) => self.asked = None,
            }
        }
    }

    /// How often it has asked for messages.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Asks for a batch: at a drain for what is there now, else for what comes soon.
    async fn ask(&mut self) {
        let after = self.orders.borrow_and_update().drain.clone();
        let draining = after.is_some() && after != self.answered;
        self.requests += 1;
        let asking = async {
            if draining {
                self.consumer.fetch().max_messages(self.batch).messages().await
            } else {
                self.consumer.batch().max_messages(self.batch).expires(HELD).messages().await
            }
        };
        match timeout(GRACE, asking).await {
            Ok(Ok(messages)) => self.asked = Some(Asked { messages, after, got: 0 }),
            Ok(Err(error)) => {
                tracing::info!("NATS: cannot ask for messages: {error}");
                tokio::time::sleep(PAUSE).await;
            }
            Err(_) => tracing::info!("NATS: cannot ask for messages: the connection does not take them"),
        }
    }

    /// The server has answered the request in full.
    fn nothing_more(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        if asked.got == 0
            && let Some(mark) = asked.after
            && self.answered.as_ref() != Some(&mark)
        {
            self.kit.idle(&mark);
            self.answered = Some(mark);
        }
    }
}
