//! Writes each order and its event into the database, in one transaction. Somebody else publishes.

use labs::{
    Error, Kit, Outcome,
    postgres::{self, Database, outcome},
};
use sqlx::Connection;

use crate::order::place;

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        let payload = kit.payload(message);
        let text = String::from_utf8_lossy(&payload);
        kit.attempted(message)?;
        kit.point("before-begin").await;
        let mut transaction = database.connection().await?.begin().await?;
        place(&mut transaction, message, &text).await?;
        kit.point("after-order").await;

        sqlx::query("insert into outbox (message) values ($1)")
            .bind(&*text)
            .execute(&mut *transaction)
            .await?;
        kit.point("after-outbox").await;
        let outcome = outcome::of_commit(&postgres::commit(&kit, transaction).await);
        kit.outcome(message, outcome)?;
        kit.point("after-commit").await;
        if outcome != Outcome::Acked {
            database.give_up();
        }
    }
    kit.done().await;
    Ok(())
}
