//! Reads from Kafka, works on each message for a while, applies its effect, then commits its offset.

use std::time::Duration;

use clap::Args;
use labs::{Error, Kit, kafka::Consumer};

#[derive(Args)]
pub struct Options {
    /// The group takes a member for stuck that does not ask for more within so many milliseconds.
    #[arg(long, default_value_t = 1_500)]
    max_poll_interval_ms: u64,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let poll_within = Duration::from_millis(options.max_poll_interval_ms);
    let mut messages = Consumer::join_by_hand(&kit, poll_within).await?;
    let offsets = messages.committer()?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        // While it works, nobody asks the group for more.
        kit.point("working").await;
        kit.effect(id)?;
        match offsets.commit(&message).await {
            Ok(()) => kit.settled(id)?,
            Err(error) => {
                // Too late: the effect is there, and the partition belongs to somebody else.
                tracing::info!("a commit was refused: {error}");
                kit.point("refused").await;
            }
        }
    }
    Ok(())
}
