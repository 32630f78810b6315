//! Reads what Kafka has, from the beginning, each message once.

use labs::{Error, Kit, kafka::Consumer};

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut messages = Consumer::alone(&kit).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.point("in-hand").await;
        kit.effect(id)?;
    }
    Ok(())
}
