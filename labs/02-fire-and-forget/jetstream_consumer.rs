//! Asks the stream for messages, and acks each one after its effect.

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
    #[arg(long, default_value_t = 100)]
    batch: usize,
}

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(5);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(&kit, &jetstream, options.batch).await?;
    nats::watch_sentinels(&kit, &client).await?;
    nats::barrier(&client).await?;
    kit.ready().await;

    loop {
        kit.point("reading").await;
        let Some(message) = messages.next().await else { return Ok(()) };
        if let Some(id) = kit.delivered(&message.payload)? {
            // The stream still has the message, and gives it to another if no ack comes.
            kit.point("in-hand").await;
            kit.effect(id)?;
            kit.point("applied").await;
            if nats::confirm(&message).await {
                kit.settled(id)?;
            }
        } else {
            message.ack().await?;
        }
    }
}
