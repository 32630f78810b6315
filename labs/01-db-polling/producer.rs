//! Writes each message into the table, in a transaction of its own, as an application would beside its other changes.

use clap::Args;
use labs::{
    Error, Kit, Outcome,
    postgres::{self, Database, outcome},
};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

#[derive(Args)]
pub struct Options {
    /// Notifies listeners too, in the same transaction.
    #[arg(long)]
    notify: bool,
    /// Asks, after a commit without an answer, what became of it.
    #[arg(long)]
    resolve: bool,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        let payload = kit.payload(message);
        let payload = String::from_utf8_lossy(&payload);
        // Waits here for a server that is being restarted.
        let connection = database.connection().await?;
        kit.attempted(message)?;
        let mut number = String::new();
        let outcome = match insert(connection, &payload, &options).await {
            // Without COMMIT there is nothing.
            Err(error) => outcome::of_statement(&error),
            Ok((transaction, xid)) => {
                number = xid;
                kit.point("before-commit").await;
                outcome::of_commit(&postgres::commit(&kit, transaction).await)
            }
        };
        kit.outcome(message, outcome)?;
        kit.point("after-commit").await;

        if outcome != Outcome::Acked {
            database.give_up();
        }
        if outcome == Outcome::Unknown && options.resolve {
            let stored = is_there(&mut database, &number, &payload).await?;
            kit.resolved(message, stored)?;
        }
    }
    kit.done().await;
    Ok(())
}

/// The row is written, for nobody to see yet. Also gives the number of the transaction.
async fn insert<'c>(
    connection: &'c mut PgConnection,
    payload: &str,
    options: &Options,
) -> Result<(Transaction<'c, Postgres>, String), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let (row, xid): (i64, String) =
        sqlx::query_as("insert into messages (payload) values ($1) returning id, xid::text")
            .bind(payload)
            .fetch_one(&mut *transaction)
            .await?;
    if options.notify {
        // Sent when the transaction commits, to whoever listens at that moment.
        sqlx::query("select pg_notify('messages', $1::text)")
            .bind(row.to_string())
            .execute(&mut *transaction)
            .await?;
    }
    Ok((transaction, xid))
}

/// Asks for the row itself. Its transaction's status would not do: after a crash the server may have given the number
/// of a transaction that it never heard of to another one.
async fn is_there(database: &mut Database, xid: &str, payload: &str) -> Result<bool, Error> {
    // As long as the transaction is still running, "not there" means "not yet".
    postgres::ended(database, xid).await?;
    let there = sqlx::query_scalar("select exists (select from messages where payload = $1)").bind(payload);
    Ok(there.fetch_one(database.connection().await?).await?)
}
