//! Claims a row for a time. Whoever has not marked it as done by then has lost it to the next one that asks.

use std::time::Duration;

use clap::Args;
use labs::{
    Error, Kit,
    postgres::{Cut, Database, Found, Polls, left},
};
use sqlx::PgConnection;

#[derive(Args)]
pub struct Options {
    /// How long a claim lasts, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    lease_ms: u32,
    /// The pause in milliseconds after a poll that found nothing.
    #[arg(long, default_value_t = 10)]
    every_ms: u64,
}

/// One statement, and with it one short transaction: no lock is held while the work is done. Also gives the seconds since
/// the row was claimed before, by the server's clock.
const CLAIM: &str = "
    update messages
    set claimed_at = now(), visible_at = now() + $1 * interval '1 millisecond'
    from (
        select id, claimed_at from messages
        where not done and visible_at <= now()
        order by id limit 1 for update skip locked
    ) as free
    where messages.id = free.id
    returning messages.id, payload, extract(epoch from now() - free.claimed_at)::float8";

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    let mut polls = Polls::every(&kit, Duration::from_millis(options.every_ms));
    let mut soonest: Option<f64> = None;
    kit.ready().await;

    while polls.next().await {
        let took = take_one(&kit, database.connection().await?, options.lease_ms, &mut soonest).await;
        polls.found(database.survived(took)?);
    }
    if let Some(seconds) = soonest {
        kit.figure("redelivery_seconds_min", seconds, "s");
    }
    Ok(())
}

async fn take_one(
    kit: &Kit,
    connection: &mut PgConnection,
    lease_ms: u32,
    soonest: &mut Option<f64>,
) -> Result<Found, Cut> {
    let row: Option<(i64, String, Option<f64>)> =
        sqlx::query_as(CLAIM).bind(f64::from(lease_ms)).fetch_optional(&mut *connection).await?;
    let Some((row, payload, since)) = row else { return left(kit, connection).await };
    if let Some(since) = since {
        *soonest = Some(soonest.map_or(since, |soonest| soonest.min(since)));
    }
    let Some(id) = kit.delivered(payload.as_bytes())? else {
        return Err(Cut::Worker(format!("row {row} is of another run").into()));
    };
    // From here on the row is this worker's alone: until the lease ends, not until the worker does.
    kit.point("claimed").await;

    sqlx::query("insert into effects (message) values ($1)").bind(&payload).execute(&mut *connection).await?;
    kit.effect(id)?;
    kit.point("after-effect").await;

    sqlx::query("update messages set done = true where id = $1").bind(row).execute(&mut *connection).await?;
    kit.settled(id)?;
    kit.point("after-mark").await;
    Ok(Found::Some)
}
