//! Reads what Kafka has, and tells the broker how far it got.

use labs::{Error, Kit, kafka::Consumer};

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut messages = Consumer::join(&kit).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        if let Some(id) = kit.delivered(&message.payload)? {
            kit.point("in-hand").await;
            kit.effect(id)?;
        }
        messages.done(&message);
    }
    Ok(())
}
