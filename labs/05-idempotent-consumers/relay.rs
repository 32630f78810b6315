//! Publishes what stands in the outbox, and marks it as sent.

use std::time::Duration;

use bytes::Bytes;
use labs::{
    Error, Kit,
    postgres::{Cut, Database, Found, Polls},
};
use sqlx::PgConnection;

use crate::order::Events;

/// The pause after a look that found nothing.
const PAUSE: Duration = Duration::from_millis(10);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    let events = Events::open(&kit).await?;
    let mut looks = Polls::every(&kit, PAUSE);
    kit.ready().await;

    while looks.next().await {
        let relayed = relay_one(&kit, database.connection().await?, &events).await;
        looks.found(database.survived(relayed)?);
    }
    Ok(())
}

async fn relay_one(kit: &Kit, connection: &mut PgConnection, events: &Events) -> Result<Found, Cut> {
    let next: Option<(i64, String)> =
        sqlx::query_as("select id, message from outbox where not sent order by id limit 1")
            .fetch_optional(&mut *connection)
            .await?;
    let Some((row, message)) = next else { return Ok(Found::Nothing) };

    kit.point("before-publish").await;
    events.publish(Bytes::from(message)).await?;
    // The stream has it, and the outbox does not know: whoever looks next publishes it again.
    kit.point("after-publish").await;
    sqlx::query("update outbox set sent = true where id = $1").bind(row).execute(&mut *connection).await?;
    kit.point("after-mark").await;
    Ok(Found::Some)
}
