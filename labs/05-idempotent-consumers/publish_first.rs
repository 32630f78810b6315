//! Publishes the event of each order, and then commits the order in the database.

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

        events.publish(payload).await?;
        // Others may act on it already. There is no order yet, and perhaps there never will be.
        kit.point("after-publish").await;
        let outcome = outcome::of_commit(&postgres::commit(&kit, transaction).await);
        kit.outcome(message, outcome)?;
        kit.point("after-commit").await;
        if outcome != Outcome::Acked {
            database.give_up();
        }
    }
    events.finish(&kit).await?;
    kit.done().await;
    Ok(())
}
