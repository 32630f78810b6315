//! Acks each message, then applies its effect.

use std::time::Duration;

use async_nats::ConnectOptions;
use clap::Args;
use labs::{
    Error, Kit,
    nats::{self, Pull},
};

#[derive(Args)]
pub struct Options {
    /// How many messages to ask for at once.
    #[arg(long, default_value_t = 1)]
    batch: usize,
}

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(5);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(&kit, &jetstream, options.batch).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        // Without the server's word on the ack it may come again, and must not be applied twice.
        if !nats::confirm(&message).await {
            continue;
        }
        kit.settled(id)?;
        // The server has done its duty and forgets the message. Nothing has been done with it yet.
        kit.point("acked").await;
        kit.effect(id)?;
    }
    Ok(())
}
