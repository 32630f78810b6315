//! The effect is a call of somebody else's system. Then the message is acked.

use std::time::Duration;

use async_nats::ConnectOptions;
use clap::Args;
use labs::{
    Error, Kit,
    nats::{self, Pull},
    webhook::{self, Call},
};
use tokio::time::sleep;

#[derive(Args)]
pub struct Options {
    /// Tell the receiver by which key it may know the effect: the message's own id.
    #[arg(long)]
    key: bool,
    /// After how many milliseconds without an answer a call has failed, and is made again.
    #[arg(long, default_value_t = 20_000)]
    answer_ms: u64,
}

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(20);

/// So often a call is made before the worker gives up.
const TRIES: u32 = 8;

/// The pause before a failed call is made again.
const PAUSE: Duration = Duration::from_millis(20);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(&kit, &jetstream, 1).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        let body = String::from_utf8_lossy(&message.payload);
        let call = Call {
            body: &body,
            key: options.key.then(|| format!("{}/{id}", kit.settings().tag)),
            answer_within: Duration::from_millis(options.answer_ms),
        };
        kit.point("before-call").await;
        until_it_says_yes(&kit, &call).await?;
        kit.effect(id)?;
        kit.point("after-call").await;
        if nats::confirm(&message).await {
            kit.settled(id)?;
        }
        kit.point("after-ack").await;
    }
    Ok(())
}

/// Makes the call again as long as it fails: perhaps it did not arrive, perhaps only its answer did not.
async fn until_it_says_yes(kit: &Kit, call: &Call<'_>) -> Result<(), Error> {
    let url = kit.settings().webhook()?;
    let mut tries = 1;
    while let Err(error) = webhook::send(url, call).await {
        if tries == TRIES {
            return Err(format!("{TRIES} calls failed; the last one: {error}").into());
        }
        tracing::info!("{error}");
        kit.point("call-failed").await;
        sleep(PAUSE).await;
        tries += 1;
    }
    Ok(())
}
