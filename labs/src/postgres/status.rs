//! What became of a transaction whose COMMIT got no answer.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::time::sleep;

use super::{Cut, Database};
use crate::Error;

/// A transaction that nobody works on any more ends when its session notices that its client is gone.
const END_BOUND: Duration = Duration::from_secs(20);

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// What the server says about a transaction (`pg_xact_status`).
///
/// **After a crash of the server this may be about another transaction.** Where nothing of a transaction had reached the
/// disk, the restarted server has never heard of its number and gives it to the next one that comes. Only while the same
/// server runs is a number never given twice. After a crash, look for what the transaction wrote instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It may still end either way.
    InProgress,
    /// It was committed.
    Committed,
    /// It was rolled back.
    Aborted,
    /// The server knows nothing of it: it ended too long ago, or its number was not given yet.
    NotKnown,
}

/// Asks about the transaction of this number, a text as `pg_current_xact_id()` gave it.
///
/// # Errors
/// The database does not answer.
pub async fn status(connection: &mut PgConnection, xid: &str) -> Result<Status, sqlx::Error> {
    let asked: Result<Option<String>, _> =
        sqlx::query_scalar("select pg_xact_status($1::text::xid8)").bind(xid).fetch_one(connection).await;
    match asked {
        Ok(status) => Ok(match status.as_deref() {
            Some("in progress") => Status::InProgress,
            Some("committed") => Status::Committed,
            Some("aborted") => Status::Aborted,
            _ => Status::NotKnown,
        }),
        // "transaction ID 728 is in the future"
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("22023") => Ok(Status::NotKnown),
        Err(error) => Err(error),
    }
}

/// Waits until the transaction has ended, either way. From then on what it wrote is there for good, or not there for good.
///
/// # Errors
/// The server is not back in time, or the transaction does not end in time.
pub async fn ended(database: &mut Database, xid: &str) -> Result<(), Error> {
    let start = Instant::now();
    while start.elapsed() < END_BOUND {
        let asked = status(database.connection().await?, xid).await;
        match database.survived(asked.map_err(Cut::from))? {
            Some(Status::InProgress) | None => sleep(PAUSE).await,
            Some(_) => return Ok(()),
        }
    }
    Err(format!("the transaction {xid} has not ended after {END_BOUND:?}").into())
}
