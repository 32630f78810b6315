//! Publishes into a stream, and does one thing wrong at one message.

use std::time::Duration;

use async_nats::ConnectOptions;
use clap::{Args, ValueEnum};
use labs::{
    Error, Kit,
    nats::{self, Acks},
};

use crate::AT;

const ACK_BOUND: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct Options {
    /// What it does wrong; nothing unless given.
    #[arg(long)]
    flaw: Option<Flaw>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Flaw {
    /// Stores the message once more, and writes nothing down of it.
    StoresTwice,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ACK_BOUND);
    let subject = nats::subject(&kit)?;
    let mut acks = Acks::within(&kit, 64);
    kit.ready().await;

    while let Some(message) = acks.next_message().await? {
        if options.flaw == Some(Flaw::StoresTwice) && message.id.seq == AT {
            jetstream.publish(subject.clone(), kit.payload(message)).await?.await?;
        }
        kit.attempted(message)?;
        let sent = jetstream.publish(subject.clone(), kit.payload(message)).await;
        acks.expect(message, sent)?;
    }
    acks.settle_all().await?;
    nats::finish(&kit, &client).await?;
    kit.done().await;
    Ok(())
}
