//! Writes each order into the database, and then publishes its event.

use labs::{
    Error, Kit, Outcome,
    postgres::{self, Database, outcome},
};
use sqlx::Connection;

use crate::order::{Events, place};

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    let events = Events::open(&kit).await?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        let payload = kit.payload(message);
        kit.attempted(message)?;
        kit.point("before-begin").await;
        let mut transaction = database.connection().await?.begin().await?;
        place(&mut transaction, message, &String::from_utf8_lossy(&payload)).await?;
        kit.point("after-order").await;

        let outcome = outcome::of_commit(&postgres::commit(&kit, transaction).await);
        kit.outcome(message, outcome)?;
        if outcome == Outcome::Acked {
            // The order stands, and nobody but this process knows that others have to be told.
            kit.point("after-commit").await;
            events.publish(payload).await?;
            kit.point("after-publish").await;
        } else {
            database.give_up();
        }
    }
    events.finish(&kit).await?;
    kit.done().await;
    Ok(())
}
