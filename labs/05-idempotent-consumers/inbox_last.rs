//! Does what the message says, and then writes down that it is done. Each statement commits by itself.

use labs::{Kit, postgres::Cut};
use sqlx::PgConnection;

use crate::take::Taken;

pub async fn work(kit: &Kit, connection: &mut PgConnection, message: &Taken) -> Result<(), Cut> {
    let known: bool = sqlx::query_scalar("select exists (select from inbox where message = $1)")
        .bind(message.id.to_string())
        .fetch_one(&mut *connection)
        .await?;
    kit.point("checked").await;
    if !known {
        sqlx::query("insert into effects (message) values ($1)")
            .bind(&message.text)
            .execute(&mut *connection)
            .await?;
        kit.effect(message.id)?;
        // It is done, and nobody knows.
        kit.point("after-effect").await;
        sqlx::query("insert into inbox (message) values ($1) on conflict do nothing")
            .bind(message.id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    kit.point("after-inbox").await;
    Ok(())
}
