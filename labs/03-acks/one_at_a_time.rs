//! Publishes into a stream, and waits for the ack of one before it sends the next. It never sends anything again.

use std::time::Duration;

use async_nats::ConnectOptions;
use clap::Args;
use labs::{
    Error, Kit, Outcome,
    nats::{self, outcome},
};

#[derive(Args)]
pub struct Options {
    /// After how many milliseconds without an ack the fate of a message is unknown.
    #[arg(long, default_value_t = 1_000)]
    ack_timeout_ms: u64,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, Duration::from_millis(options.ack_timeout_ms));
    let subject = nats::subject(&kit)?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        kit.point("sending").await;
        kit.attempted(message)?;
        let outcome = match jetstream.publish(subject.clone(), kit.payload(message)).await {
            Ok(ack) => outcome::of_ack(&ack.await),
            // It never left this process: this is a certain no.
            Err(error) => outcome::of_unsent(&error),
        };
        kit.outcome(message, outcome)?;
        if outcome == Outcome::Unknown {
            // No answer is no answer. The message may be in the stream now, or later, or never.
            kit.point("unknown").await;
        }
    }

    nats::finish(&kit, &client).await?;
    kit.done().await;
    Ok(())
}
