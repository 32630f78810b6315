//! Reads on from the last row that it has seen, and remembers nothing else.

use std::time::Duration;

use clap::Args;
use labs::{
    Error, Kit,
    postgres::{Cut, Database, Found, Polls},
};
use sqlx::PgConnection;

#[derive(Args)]
pub struct Options {
    /// Stops before what is not older than every transaction that still runs.
    #[arg(long)]
    horizon: bool,
    /// The pause in milliseconds after a poll that found nothing.
    #[arg(long, default_value_t = 10)]
    every_ms: u64,
}

/// The rows with a larger number than the last one.
const LARGER: &str = "
    select id, payload, true
    from messages
    where id > $1
    order by id limit 100";

/// The rows of later transactions than the last one, and whether all transactions up to theirs have ended.
const LATER: &str = "
    select id, payload, xid < pg_snapshot_xmin(pg_current_snapshot())
    from messages
    where (xid, id) > (coalesce((select xid from messages where id = $1), '0'), $1)
    order by xid, id limit 100";

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let query = if options.horizon { LATER } else { LARGER };
    let mut database = Database::open(&kit).await?;
    let mut polls = Polls::every(&kit, Duration::from_millis(options.every_ms));
    let mut last = 0;
    kit.ready().await;

    while polls.next().await {
        let read = read_on(&kit, database.connection().await?, query, &mut last).await;
        polls.found(database.survived(read)?);
    }
    Ok(())
}

async fn read_on(
    kit: &Kit,
    connection: &mut PgConnection,
    query: &'static str,
    last: &mut i64,
) -> Result<Found, Cut> {
    let rows: Vec<(i64, String, bool)> =
        sqlx::query_as(query).bind(*last).fetch_all(&mut *connection).await?;
    let mut found = Found::Nothing;
    for (row, payload, settled) in rows {
        if !settled {
            // A transaction that began before this row's may still bring one that belongs in front of it.
            return Ok(if found == Found::Nothing { Found::NotYet } else { found });
        }
        if let Some(id) = kit.delivered(payload.as_bytes())? {
            kit.point("in-hand").await;
            sqlx::query("insert into effects (message) values ($1)")
                .bind(&payload)
                .execute(&mut *connection)
                .await?;
            kit.effect(id)?;
            kit.point("after-effect").await;
        }
        *last = row;
        found = Found::Some;
    }
    Ok(found)
}
