//! Keeps a balance up to date, and acks every nth message together with those before it.

use std::time::Duration;

use async_nats::{ConnectOptions, jetstream::Message};
use clap::{Args, ValueEnum};
use labs::{
    Error, Kit,
    nats::{self, Pull},
    postgres::Database,
};
use ledger::MessageId;

#[derive(Args)]
pub struct Options {
    /// What a message does to the balance.
    #[arg(long, value_enum)]
    update: Update,
    /// Ack every so many messages.
    #[arg(long, default_value_t = 10)]
    every: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Update {
    /// It is a change: one more.
    Add,
    /// It is a state: how much there is now, and that this is the nth state.
    Versioned,
}

/// "One more": done twice, it is two more.
const ADD: &str = "
    insert into balances as balance (account, amount, version) values ('shop', $1, 0)
    on conflict (account) do update set amount = balance.amount + excluded.amount";

/// "The nth state is this": what is older than the present state changes nothing.
const VERSIONED: &str = "
    insert into balances as balance (account, amount, version) values ('shop', $1, $1)
    on conflict (account) do update set amount = excluded.amount, version = excluded.version
    where balance.version < excluded.version";

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(20);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(&kit, &jetstream, 1).await?;
    let mut database = Database::open(&kit).await?;
    let mut applied = Vec::new();
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        let again = message.info()?.delivered > 1;
        kit.point("before-effect").await;
        // The nth message of the producer brings one more; after it there are n, since it counts from 0.
        let (query, number) = match options.update {
            Update::Add => (ADD, 1),
            Update::Versioned => (VERSIONED, i64::from(id.seq) + 1),
        };
        let done = sqlx::query(query).bind(number).execute(database.connection().await?).await?;
        if done.rows_affected() == 1 {
            kit.effect(id)?;
        }
        kit.point("after-effect").await;

        if again {
            // Its neighbours were acked long ago: it waits for nobody.
            ack(&kit, &message, id).await?;
            continue;
        }
        applied.push((message, id));
        if applied.len() >= options.every {
            for (message, id) in applied.drain(..) {
                ack(&kit, &message, id).await?;
            }
            kit.point("after-ack").await;
        }
    }
    Ok(())
}

async fn ack(kit: &Kit, message: &Message, id: MessageId) -> Result<(), Error> {
    if nats::confirm(message).await {
        kit.settled(id)?;
    }
    Ok(())
}
