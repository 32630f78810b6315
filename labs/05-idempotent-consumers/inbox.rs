//! What was done is written down together with its effect, in one transaction.

use labs::{
    Kit,
    postgres::{self, Cut},
};
use sqlx::{Connection, PgConnection};

use crate::take::Taken;

pub async fn work(kit: &Kit, connection: &mut PgConnection, message: &Taken) -> Result<(), Cut> {
    let mut transaction = connection.begin().await?;
    // Its key decides: whoever writes the row first. Another one waits here until that transaction has ended.
    let entered = sqlx::query("insert into inbox (message) values ($1) on conflict do nothing")
        .bind(message.id.to_string())
        .execute(&mut *transaction)
        .await?;
    kit.point("after-inbox").await;

    if entered.rows_affected() == 1 {
        sqlx::query("insert into effects (message) values ($1)")
            .bind(&message.text)
            .execute(&mut *transaction)
            .await?;
        kit.effect(message.id)?;
    }
    kit.point("after-effect").await;
    Ok(postgres::commit(kit, transaction).await?)
}
