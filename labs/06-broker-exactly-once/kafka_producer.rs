//! Sends to Kafka, and waits for each ack (acks=all). Its client numbers what it sends, so that the broker knows a message that
//! the client sends again by itself.

use std::time::Duration;

use clap::Args;
use labs::{Error, Kit, kafka::Producer};

#[derive(Args)]
pub struct Options {
    /// How many messages may be under way without an ack.
    #[arg(long, default_value_t = 1)]
    window: usize,
    /// After how many milliseconds without an ack the fate of a message is unknown. Until then the client sends it again.
    #[arg(long, default_value_t = 20_000)]
    ack_timeout_ms: u64,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let timeout = Duration::from_millis(options.ack_timeout_ms);
    let mut producer = Producer::idempotent(&kit, options.window, timeout).await?;
    kit.ready().await;

    while let Some(message) = producer.next_message().await? {
        kit.point("sending").await;
        kit.attempted(message)?;
        producer.send(message)?;
    }

    producer.finish().await?;
    kit.done().await;
    Ok(())
}
