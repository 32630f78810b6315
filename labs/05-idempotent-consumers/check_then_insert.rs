//! Looks whether the message was done before, and if not, does it and writes that down. The table has no key.

use labs::{
    Kit,
    postgres::{self, Cut},
};
use sqlx::{Connection, PgConnection};

use crate::take::Taken;

pub async fn work(kit: &Kit, connection: &mut PgConnection, message: &Taken) -> Result<(), Cut> {
    let mut transaction = connection.begin().await?;
    let known: bool = sqlx::query_scalar("select exists (select from seen where message = $1)")
        .bind(message.id.to_string())
        .fetch_one(&mut *transaction)
        .await?;
    // What another transaction has not committed yet is not seen.
    kit.point("checked").await;
    if message.again {
        kit.point("checked-again").await;
    }

    if !known {
        sqlx::query("insert into seen (message) values ($1)")
            .bind(message.id.to_string())
            .execute(&mut *transaction)
            .await?;
        kit.point("after-seen").await;
        sqlx::query("insert into effects (message) values ($1)")
            .bind(&message.text)
            .execute(&mut *transaction)
            .await?;
        kit.effect(message.id)?;
    }
    kit.point("after-effect").await;
    Ok(postgres::commit(kit, transaction).await?)
}
