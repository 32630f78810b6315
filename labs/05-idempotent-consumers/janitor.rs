//! Keeps the inbox small: drops what is older than anybody will ask for.

use std::time::Duration;

use clap::Args;
use labs::{
    Error, Kit,
    postgres::{Cut, Database, Found, Polls},
};
use sqlx::PgConnection;

#[derive(Args)]
pub struct Options {
    /// How many milliseconds a row is kept.
    #[arg(long)]
    keep_ms: u32,
}

/// The pause between two rounds.
const PAUSE: Duration = Duration::from_millis(50);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    let mut rounds = Polls::every(&kit, PAUSE);
    kit.ready().await;

    while rounds.next().await {
        let pruned = prune(database.connection().await?, options.keep_ms).await;
        if database.survived(pruned)? == Some(0) {
            kit.point("pruned").await;
        }
        // It takes no messages, so nobody has to wait for it.
        rounds.found(Some(Found::Nothing));
    }
    Ok(())
}

/// Drops what is too old, and says how many rows are left.
async fn prune(connection: &mut PgConnection, keep_ms: u32) -> Result<i64, Cut> {
    sqlx::query("delete from inbox where taken_at < now() - $1 * interval '1 millisecond'")
        .bind(i64::from(keep_ms))
        .execute(&mut *connection)
        .await?;
    Ok(sqlx::query_scalar("select count(*) from inbox").fetch_one(connection).await?)
}
