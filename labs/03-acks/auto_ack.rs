//! Applies the effect of each message, and leaves the ack to the server.

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
    kit.ready().await;

    // One line less to forget: the server takes a message for done when it has written it to the socket.
    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.point("in-hand").await;
        kit.effect(id)?;
    }
    Ok(())
}
