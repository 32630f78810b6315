//! Works on each message for a while, applies its effect, then acks it. May tell the server meanwhile that it is at it.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use async_nats::{
    ConnectOptions,
    jetstream::{AckKind, Message},
};
use clap::Args;
use labs::{
    Error, Kit,
    nats::{self, Pull},
};
use tokio::time::timeout;

#[derive(Args)]
pub struct Options {
    /// Tell the server so often that the work goes on (milliseconds). Without it, it is not told.
    #[arg(long)]
    in_progress_ms: Option<u64>,
}

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(5);

/// How long the server waits for an ack, or for a word that the work goes on: the consumer's setting.
const ACK_WAIT: Duration = Duration::from_secs(1);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(&kit, &jetstream, 1).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        if message.info()?.delivered > 1 {
            kit.point("again").await;
        }
        let work = kit.point("working");
        match options.in_progress_ms {
            None => work.await,
            Some(every) => in_progress(&kit, &message, Duration::from_millis(every), work).await?,
        }
        kit.effect(id)?;
        if nats::confirm(&message).await {
            kit.settled(id)?;
        }
    }
    Ok(())
}

/// Waits for the work, and tells the server every now and then that it goes on: the wait for the ack begins anew.
async fn in_progress(
    kit: &Kit,
    message: &Message,
    every: Duration,
    work: impl Future<Output = ()>,
) -> Result<(), Error> {
    let mut work = pin!(work);
    let mut told = Instant::now();
    while timeout(every, &mut work).await.is_err() {
        message.ack_with(AckKind::Progress).await?;
        let gap = told.elapsed();
        if gap >= ACK_WAIT {
            // Too late to count on it: whatever came of it would say nothing about in-progress acks.
            return Err(format!("{gap:?} between two in-progress acks, longer than the ack wait").into());
        }
        told = Instant::now();
        kit.point("in-progress").await;
    }
    Ok(())
}
