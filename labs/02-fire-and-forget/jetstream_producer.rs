//! Publishes into a stream, and waits for each ack: up to a window of them at a time.

use std::time::Duration;

use async_nats::ConnectOptions;
use clap::Args;
use labs::{
    Error, Kit,
    nats::{self, Acks},
};

#[derive(Args)]
pub struct Options {
    /// How many messages may be under way without an ack.
    #[arg(long, default_value_t = 256)]
    window: usize,
    /// After how many milliseconds without an ack the fate of a message is unknown.
    #[arg(long, default_value_t = 2_000)]
    ack_timeout_ms: u64,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, Duration::from_millis(options.ack_timeout_ms));
    let subject = nats::subject(&kit)?;
    let mut acks = Acks::within(&kit, options.window);
    kit.ready().await;

    while let Some(message) = acks.next_message().await? {
        kit.point("sending").await;
        kit.attempted(message)?;
        // The same send, but now there is something to wait for: the server answers when it has stored the message.
        let sent = jetstream.publish(subject.clone(), kit.payload(message)).await;
        acks.expect(message, sent)?;
    }
    kit.point("all-published").await;

    // The safe end: every message is acked, refused, or known to be unknown.
    acks.settle_all().await?;

    nats::finish(&kit, &client).await?;
    kit.done().await;
    Ok(())
}
