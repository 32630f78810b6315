//! Reads from Kafka, applies each effect, and commits the offset of every nth message.

use std::time::Duration;

use clap::Args;
use labs::{Error, Kit, kafka::Consumer};

#[derive(Args)]
pub struct Options {
    /// Commit every so many messages.
    #[arg(long, default_value_t = 10)]
    every: usize,
}

/// The client's own default.
const POLL_WITHIN: Duration = Duration::from_secs(300);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let mut messages = Consumer::join_by_hand(&kit, POLL_WITHIN).await?;
    let offsets = messages.committer()?;
    kit.ready().await;

    let mut applied = Vec::new();
    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.effect(id)?;
        applied.push(id);
        // So many effects are there that nobody but this process knows of.
        kit.point("applied").await;
        if applied.len() >= options.every {
            offsets.commit(&message).await?;
            applied.drain(..).try_for_each(|id| kit.settled(id))?;
        }
    }
    Ok(())
}
