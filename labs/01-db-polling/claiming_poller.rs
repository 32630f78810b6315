//! Claims one row at a time, applies its effect and marks it as done, in one transaction.

use std::time::Duration;

use clap::{Args, ValueEnum};
use labs::{
    Error, Kit,
    postgres::{Cut, Database, Found, Polls, left},
};
use sqlx::{Connection, PgConnection};

use crate::{
    apply::{Effect, Row, apply},
    cost,
};

#[derive(Args)]
pub struct Options {
    /// How a row is claimed.
    #[arg(long, value_enum, default_value = "skip-locked")]
    claim: Claim,
    /// Where its effect is.
    #[arg(long, value_enum, default_value = "inside")]
    effect: Effect,
    /// The pause in milliseconds after a poll that found nothing.
    #[arg(long, default_value_t = 10)]
    every_ms: u64,
    /// Tells at its end what it cost.
    #[arg(long)]
    cost: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Claim {
    /// Reads a row, and marks it later.
    Naive,
    /// Locks the row that it reads, and passes over those that others have locked.
    SkipLocked,
}

impl Claim {
    fn query(self) -> &'static str {
        match self {
            Self::Naive => "select id, payload from messages where not done order by id limit 1",
            Self::SkipLocked => {
                "select id, payload from messages where not done order by id limit 1 for update skip locked"
            }
        }
    }
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    let mut polls = Polls::every(&kit, Duration::from_millis(options.every_ms));
    let mut messages = 0;
    kit.ready().await;

    while polls.next().await {
        let took = take_one(&kit, database.connection().await?, &options).await;
        let found = database.survived(took)?;
        messages += u64::from(found == Some(Found::Some));
        polls.found(found);
    }
    if options.cost {
        cost::tell(&kit, polls.count(), messages);
    }
    Ok(())
}

async fn take_one(kit: &Kit, connection: &mut PgConnection, options: &Options) -> Result<Found, Cut> {
    let mut transaction = connection.begin().await?;
    let row: Option<Row> = sqlx::query_as(options.claim.query()).fetch_optional(&mut *transaction).await?;
    match row {
        Some(row) => {
            apply(kit, transaction, row, options.effect).await?;
            Ok(Found::Some)
        }
        None => {
            transaction.rollback().await?;
            left(kit, connection).await
        }
    }
}
