//! A producer's publishes that wait for their ack: never more than a window of them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use async_nats::jetstream::{
    context::{PublishAckFuture, PublishError},
    publish::PublishAck,
};
use futures::{StreamExt, stream::FuturesUnordered};

use super::outcome;
use crate::{Error, Kit, Message};

/// The publishes in flight.
pub struct Acks {
    kit: Kit,
    window: usize,
    waiting: FuturesUnordered<Waiting>,
}

/// One message, until its ack comes or its time is over.
struct Waiting {
    message: Message,
    ack: <PublishAckFuture as IntoFuture>::IntoFuture,
}

impl Acks {
    /// At most `window` publishes without an ack.
    pub fn within(kit: &Kit, window: usize) -> Self {
        Self { kit: kit.clone(), window: window.max(1), waiting: FuturesUnordered::new() }
    }

    /// The next message to send, once there is room for it in the window. Acks are written down meanwhile, as they come.
    ///
    /// Passes the point `stalled` when the window is full and no ack comes.
    ///
    /// # Errors
    /// The journal cannot grow.
    pub async fn next_message(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if self.waiting.len() >= self.window {
                self.settle_one().await?;
                continue;
            }
            tokio::select! {
                biased;
                Some((message, result)) = self.waiting.next() => {
                    self.kit.outcome(message, outcome::of_ack(&result))?;
                }
                message = self.kit.next_message() => return Ok(message),
            }
        }
    }

    /// Takes what a publish returned: its ack is waited for from now on.
    ///
    /// # Errors
    /// The journal cannot grow.
    pub fn expect(
        &mut self,
        message: Message,
        sent: Result<PublishAckFuture, PublishError>,
    ) -> Result<(), Error> {
        match sent {
            Ok(ack) => self.waiting.push(Waiting { message, ack: ack.into_future() }),
            Err(error) => self.kit.outcome(message, outcome::of_unsent(&error))?,
        }
        Ok(())
    }

    /// Waits until each publish has its ack, or its time is over.
    ///
    /// # Errors
    /// The journal cannot grow.
    pub async fn settle_all(&mut self) -> Result<(), Error> {
        while !self.waiting.is_empty() {
            self.settle_one().await?;
        }
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), Error> {
        if let Some((message, result)) = self.kit.or_stall(self.waiting.next()).await {
            self.kit.outcome(message, outcome::of_ack(&result))?;
        }
        Ok(())
    }
}

impl Future for Waiting {
    type Output = (Message, Result<PublishAck, PublishError>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = std::task::ready!(self.ack.as_mut().poll(context));
        Poll::Ready((self.message, result))
    }
}
