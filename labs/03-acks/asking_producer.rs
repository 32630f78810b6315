//! Inserts each message as a row, with a COMMIT of its own, and asks what became of a COMMIT without an answer.

use std::time::Duration;

use clap::Args;
use labs::{
    Error, Kit, Outcome,
    postgres::{self, Database, Status, outcome},
};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

#[derive(Args)]
pub struct Options {
    /// After how many milliseconds without an answer the fate of a COMMIT is unknown.
    #[arg(long, default_value_t = 500)]
    commit_timeout_ms: u64,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let bound = Duration::from_millis(options.commit_timeout_ms);
    let mut database = Database::open(&kit).await?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        let connection = database.connection().await?;
        kit.attempted(message)?;
        let payload = kit.payload(message);
        let (outcome, xid) = match insert(connection, &String::from_utf8_lossy(&payload)).await {
            Ok((transaction, xid)) => {
                kit.point("before-commit").await;
                (outcome::of_commit(&postgres::commit_within(&kit, transaction, bound).await), xid)
            }
            // COMMIT was never sent: this is a certain no.
            Err(error) => (outcome::of_statement(&error), String::new()),
        };
        kit.outcome(message, outcome)?;
        if outcome != Outcome::Acked {
            database.give_up();
        }
        if outcome == Outcome::Unknown {
            kit.point("unanswered").await;
            // The server did not crash, so the number is still that of our transaction, and the server knows.
            postgres::ended(&mut database, &xid).await?;
            let status = postgres::status(database.connection().await?, &xid).await?;
            kit.resolved(message, status == Status::Committed)?;
        }
    }
    kit.done().await;
    Ok(())
}

/// The row is written, for nobody to see yet. Also gives the number of the transaction.
async fn insert<'c>(
    connection: &'c mut PgConnection,
    payload: &str,
) -> Result<(Transaction<'c, Postgres>, String), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let insert = "insert into effects (message) values ($1) returning pg_current_xact_id()::text";
    let xid = sqlx::query_scalar(insert).bind(payload).fetch_one(&mut *transaction).await?;
    Ok((transaction, xid))
}
