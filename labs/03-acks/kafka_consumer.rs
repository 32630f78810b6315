//! Reads from Kafka, applies the effect of each message, then counts it as done: the broker is told soon.

use labs::{Error, Kit, kafka::Consumer};

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut messages = Consumer::join(&kit).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        if let Some(id) = kit.delivered(&message.payload)? {
            kit.effect(id)?;
            kit.point("applied").await;
        }
        messages.done(&message);
    }
    Ok(())
}
