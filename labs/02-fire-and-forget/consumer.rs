//! Takes what the core NATS server pushes, as a member of a queue group.

use async_nats::ConnectOptions;
use clap::Args;
use labs::{
    Error, Kit,
    nats::{self, Mailbox},
};

#[derive(Args)]
pub struct Options {
    /// How many messages the client keeps for a reader that is behind; the next ones it drops.
    #[arg(long, default_value_t = 65_536)]
    capacity: usize,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new().subscription_capacity(options.capacity)).await?;
    let mut mailbox = Mailbox::open(&kit, &client).await?;
    kit.ready().await;

    loop {
        kit.point("reading").await;
        let Some(message) = mailbox.next().await else { return Ok(()) };
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        // From here on the message is nowhere else: the server has forgotten it.
        kit.point("in-hand").await;
        kit.effect(id)?;
        kit.point("applied").await;
    }
}
