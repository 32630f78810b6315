//! Applies the effect of each message, then acks it, and waits for the server's word on the ack: the double ack.

use std::time::Duration;

use async_nats::ConnectOptions;
use labs::{
    Error, Kit,
    nats::{self, Pull},
};

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(5);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(&kit, &jetstream, 1).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.effect(id)?;
        if nats::confirm(&message).await {
            kit.settled(id)?;
            // The server has said that it knows. Where does it know that from, after a crash?
            kit.point("settled").await;
        }
    }
    Ok(())
}
