//! Asks a message broker once for the next hundred messages, and is handed each as it comes.

use std::time::Duration;

use async_nats::ConnectOptions;
use labs::{
    Error, Kit,
    nats::{self, Pull},
};

use crate::cost;

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(5);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut stream = Pull::open(&kit, &jetstream, 100).await?;
    let mut messages = 0;
    kit.ready().await;

    while let Some(message) = stream.next().await {
        if let Some(id) = kit.delivered(&message.payload)? {
            kit.effect(id)?;
            if nats::confirm(&message).await {
                kit.settled(id)?;
            }
            messages += 1;
        } else {
            message.ack().await?;
        }
    }
    cost::tell(&kit, stream.requests(), messages);
    Ok(())
}
