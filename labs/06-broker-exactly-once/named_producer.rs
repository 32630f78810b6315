//! Publishes into a stream, one message at a time, and sends each one again until its ack is there, each time under the same
//! name: the server is asked to store a name once.

use std::time::Duration;

use async_nats::{ConnectOptions, HeaderMap, Subject, header::NATS_MESSAGE_ID, jetstream::Context};
use clap::Args;
use labs::{
    Error, Kit, Message, Outcome,
    nats::{self, outcome},
};

#[derive(Args)]
pub struct Options {
    /// After how many milliseconds without an ack a message is sent again.
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
        while send(&kit, &jetstream, &subject, message).await? == Outcome::Unknown {
            // Once more, to be sure: the server will know the name, if it has the message and still remembers.
            kit.point("unknown").await;
        }
    }

    nats::finish(&kit, &client).await?;
    kit.done().await;
    Ok(())
}

async fn send(kit: &Kit, jetstream: &Context, subject: &Subject, message: Message) -> Result<Outcome, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, message.id.to_string());
    kit.attempted(message)?;
    let sent = jetstream.publish_with_headers(subject.clone(), headers, kit.payload(message)).await;
    let outcome = match sent {
        Ok(ack) => outcome::of_ack(&ack.await),
        Err(error) => outcome::of_unsent(&error),
    };
    kit.outcome(message, outcome)?;
    Ok(outcome)
}
