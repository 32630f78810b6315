//! Asks a stream for messages, and does one thing wrong at one message.

use std::time::Duration;

use async_nats::ConnectOptions;
use clap::{Args, ValueEnum};
use labs::{
    Error, Kit,
    nats::{self, Pull},
};

use crate::AT;

const ANSWER_BOUND: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct Options {
    /// What it does wrong; nothing unless given.
    #[arg(long)]
    flaw: Option<Flaw>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Flaw {
    /// Acks the message, and does nothing with it.
    AcksWithoutEffect,
    /// Takes the message again and again, and never acks it.
    NeverAcks,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(&kit, &jetstream, 50).await?;
    nats::barrier(&client).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        let flaw = options.flaw.filter(|_| id.seq == AT);
        if flaw == Some(Flaw::NeverAcks) {
            continue;
        }
        kit.point("in-hand").await;
        if flaw.is_none() {
            kit.effect(id)?;
        }
        if nats::confirm(&message).await {
            kit.settled(id)?;
        }
    }
    Ok(())
}
