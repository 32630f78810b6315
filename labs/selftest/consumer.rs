//! Takes what core NATS pushes, and does one thing wrong at one message.

use async_nats::ConnectOptions;
use clap::{Args, ValueEnum};
use labs::{
    Error, Kit,
    nats::{self, Mailbox},
};

use crate::AT;

#[derive(Args)]
pub struct Options {
    /// What it does wrong; nothing unless given.
    #[arg(long)]
    flaw: Option<Flaw>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Flaw {
    /// Takes the message, and does nothing with it.
    SkipsEffect,
    /// Applies its effect twice.
    AppliesTwice,
    /// Ends, as if it had been told to.
    Ends,
    /// Panics.
    Panics,
    /// Listens no more.
    GoesDeaf,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let mut mailbox = Mailbox::open(&kit, &client).await?;
    kit.ready().await;

    while let Some(message) = mailbox.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.point("in-hand").await;
        match options.flaw.filter(|_| id.seq == AT) {
            None => kit.effect(id)?,
            Some(Flaw::SkipsEffect) => {}
            Some(Flaw::AppliesTwice) => {
                kit.effect(id)?;
                kit.effect(id)?;
            }
            Some(Flaw::Ends) => return Ok(()),
            Some(Flaw::Panics) => panic!("told to panic at {id}"),
            Some(Flaw::GoesDeaf) => kit.stopped().await,
        }
    }
    Ok(())
}
