//! Sends to Kafka by an idempotent client, one message at a time, and notes what became of each. Started again, it sends again
//! what it has no note of.

use std::time::Duration;

use labs::{Error, Kit, kafka::Producer};

/// After this time without an ack the fate of a message is unknown. Until then the client sends it again.
const ACK_TIMEOUT: Duration = Duration::from_secs(20);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut producer = Producer::idempotent(&kit, 1, ACK_TIMEOUT).await?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        kit.attempted(message)?;
        let outcome = producer.send_and_wait(message).await?;
        // The broker has it, and has said so. It is noted nowhere yet.
        kit.point("stored").await;
        kit.outcome(message, outcome)?;
    }

    producer.finish().await?;
    kit.done().await;
    Ok(())
}
