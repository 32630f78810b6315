//! Publishes into a stream, one message at a time, and waits for its ack: what the table's producer does with COMMIT.

use std::time::Duration;

use async_nats::ConnectOptions;
use labs::{
    Error, Kit,
    nats::{self, outcome},
};

/// After this time without an ack, the fate of a message is unknown.
const ACK_BOUND: Duration = Duration::from_secs(2);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ACK_BOUND);
    let subject = nats::subject(&kit)?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        kit.attempted(message)?;
        let outcome = match jetstream.publish(subject.clone(), kit.payload(message)).await {
            Ok(ack) => outcome::of_ack(&ack.await),
            Err(error) => outcome::of_unsent(&error),
        };
        kit.outcome(message, outcome)?;
    }
    nats::finish(&kit, &client).await?;
    kit.done().await;
    Ok(())
}
