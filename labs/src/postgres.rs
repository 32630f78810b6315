//! What the PostgreSQL workers share: a connection that comes back, and the few helpers that keep a worker's own code readable.

mod database;
mod listener;
pub mod outcome;
mod polls;
mod status;

use std::{io, pin::pin, time::Duration};

use sqlx::{Postgres, Transaction};
use tokio::time::timeout;

use crate::Kit;

pub use self::{
    database::{Cut, Database},
    listener::{Heard, Listener},
    polls::{Found, Polls, left},
    status::{Status, ended, status},
};

/// How long a COMMIT may take before its fate is unknown.
const COMMIT_BOUND: Duration = Duration::from_secs(10);

/// Commits. Passes the point `stalled` where the server takes long. What an error means is in [`outcome::of_commit`].
///
/// After an error the connection is to be given up: nobody knows what is still on its way there.
///
/// # Errors
/// The server did not commit, or nobody knows.
pub async fn commit(kit: &Kit, transaction: Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
    commit_within(kit, transaction, COMMIT_BOUND).await
}

/// The same with another bound, for a lesson in which the answer does not come.
///
/// # Errors
/// As for [`commit`].
pub async fn commit_within(
    kit: &Kit,
    transaction: Transaction<'_, Postgres>,
    bound: Duration,
) -> Result<(), sqlx::Error> {
    let committed = kit.or_stall(pin!(timeout(bound, transaction.commit()))).await;
    committed.unwrap_or_else(|_| {
        let text = format!("no answer to COMMIT for {bound:?}");
        Err(io::Error::new(io::ErrorKind::TimedOut, text).into())
    })
}
