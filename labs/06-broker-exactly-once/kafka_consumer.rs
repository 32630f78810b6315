//! Reads from Kafka what is committed, applies each effect, and commits the offset of each message.

use std::time::Duration;

use labs::{Error, Kit, kafka::Consumer};

/// The client's own default.
const POLL_WITHIN: Duration = Duration::from_secs(300);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut messages = Consumer::join_by_hand(&kit, POLL_WITHIN).await?;
    let offsets = messages.committer()?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.effect(id)?;
        offsets.commit(&message).await?;
        kit.settled(id)?;
    }
    Ok(())
}
