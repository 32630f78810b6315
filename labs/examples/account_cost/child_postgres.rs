//! A producer that inserts rows into PostgreSQL, a hundred a transaction, with the kit and without it.

use labs::{
    Error, Kit, Outcome,
    postgres::{self, Database, outcome},
    settings::Settings,
};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::child::{bare_ready, bare_said, bare_wait, payloads, said};

const BATCH: usize = 100;

/// With the kit.
pub async fn kit(kit: Kit) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    kit.ready().await;
    said(&kit, "began");
    let (mut batch, mut rows) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    loop {
        let message = kit.next_message().await;
        if let Some(message) = message {
            rows.push(text(&kit.payload(message)));
            kit.attempted(message)?;
            batch.push(message);
        }
        if batch.len() == BATCH || message.is_none() {
            let outcome = match insert(database.connection().await?, &rows).await {
                Ok(transaction) => outcome::of_commit(&postgres::commit(&kit, transaction).await),
                Err(error) => outcome::of_statement(&error),
            };
            if outcome != Outcome::Acked {
                return Err("a batch was not acked".into());
            }
            rows.clear();
            for message in batch.drain(..) {
                kit.outcome(message, outcome)?;
            }
        }
        if message.is_none() {
            break;
        }
    }
    said(&kit, "ended");
    kit.done().await;
    Ok(())
}

/// Without it.
pub async fn bare() -> Result<(), Error> {
    let settings = Settings::from_environment()?;
    let mut connection = PgConnection::connect(settings.postgres.url()?).await?;
    bare_ready()?;
    bare_said("began");
    let mut rows = Vec::with_capacity(BATCH);
    for payload in payloads(&settings) {
        rows.push(text(&payload));
        if rows.len() == BATCH {
            insert(&mut connection, &rows).await?.commit().await?;
            rows.clear();
        }
    }
    insert(&mut connection, &rows).await?.commit().await?;
    bare_said("ended");
    bare_wait()
}

async fn insert<'c>(
    connection: &'c mut PgConnection,
    rows: &[String],
) -> Result<Transaction<'c, Postgres>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let insert = sqlx::query("insert into messages (payload) select unnest($1::text[])");
    insert.bind(rows).execute(&mut *transaction).await?;
    Ok(transaction)
}

fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}
