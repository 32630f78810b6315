//! Writes down that the message is done, and then does it. Each statement commits by itself.

use labs::{Kit, postgres::Cut};
use sqlx::PgConnection;

use crate::take::Taken;

pub async fn work(kit: &Kit, connection: &mut PgConnection, message: &Taken) -> Result<(), Cut> {
    let entered = sqlx::query("insert into inbox (message) values ($1) on conflict do nothing")
        .bind(message.id.to_string())
        .execute(&mut *connection)
        .await?;
    // From here on everybody takes it for done.
    kit.point("after-inbox").await;

    if entered.rows_affected() == 1 {
        sqlx::query("insert into effects (message) values ($1)")
            .bind(&message.text)
            .execute(&mut *connection)
            .await?;
        kit.effect(message.id)?;
    }
    kit.point("after-effect").await;
    Ok(())
}
