//! Inserts each message as a row, with a COMMIT of its own. The answer to COMMIT is the ack.

use labs::{
    Error, Kit, Message, Outcome,
    postgres::{self, Database, outcome},
};
use sqlx::{Connection, Error as SqlError, PgConnection};

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        // Waits for a server that is being restarted.
        let connection = database.connection().await?;
        kit.attempted(message)?;
        let outcome = insert(&kit, connection, message).await;
        kit.outcome(message, outcome)?;
        if outcome == Outcome::Acked {
            // COMMIT said yes. Where is the row now?
            kit.point("committed").await;
        } else {
            database.give_up();
        }
    }
    kit.done().await;
    Ok(())
}

async fn insert(kit: &Kit, connection: &mut PgConnection, message: Message) -> Outcome {
    let payload = kit.payload(message);
    let inserted = async {
        let mut transaction = connection.begin().await?;
        let insert = sqlx::query("insert into effects (message) values ($1)");
        insert.bind(String::from_utf8_lossy(&payload)).execute(&mut *transaction).await?;
        Ok::<_, SqlError>(transaction)
    };
    match inserted.await {
        Ok(transaction) => outcome::of_commit(&postgres::commit(kit, transaction).await),
        // COMMIT was never sent: this is a certain no.
        Err(error) => outcome::of_statement(&error),
    }
}
