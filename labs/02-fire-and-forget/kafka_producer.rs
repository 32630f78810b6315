//! Sends to Kafka without asking for acks, in bursts, and flushes after each.

use std::time::Duration;

use clap::Args;
use labs::{
    Error, Kit,
    kafka::{Acks, Producer},
};

#[derive(Args)]
pub struct Options {
    /// How many messages are sent before each flush.
    #[arg(long, default_value_t = 1_000)]
    burst: usize,
}

/// After this time the client gives a message up that it could not send.
const REPORT_BOUND: Duration = Duration::from_secs(20);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    // acks=0: the broker never answers. The client says ok when it has written a message to its socket.
    let mut producer = Producer::open(&kit, Acks::None, options.burst, REPORT_BOUND).await?;
    kit.ready().await;

    let mut sent = 0;
    while let Some(message) = producer.next_message().await? {
        kit.attempted(message)?;
        producer.send(message)?;
        sent += 1;
        if sent % options.burst == 0 {
            // Looks like a safe moment: of every message the client has said ok.
            producer.settle_all().await?;
            kit.point("flushed").await;
        }
    }

    producer.finish().await?;
    kit.done().await;
    Ok(())
}
