//! Applies the effect of each message, then acks it.

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

    loop {
        kit.point("reading").await;
        let Some(message) = messages.next().await else { return Ok(()) };
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.effect(id)?;
        // Done, and nobody but this process knows. The server still has the message, and waits.
        kit.point("applied").await;
        if nats::confirm(&message).await {
            kit.settled(id)?;
        }
    }
}
