//! What follows the claim: the effect, the mark, the commit.

use clap::ValueEnum;
use labs::{
    Kit,
    postgres::{self, Cut},
    webhook,
};
use sqlx::{Postgres, Transaction};

/// Where the effect is.
#[derive(Clone, Copy, ValueEnum)]
pub enum Effect {
    /// In the same database, in the transaction of the mark.
    Inside,
    /// Elsewhere: a call of a webhook.
    Outside,
    /// In the worker's own journal: for variants that measure the queue alone.
    Journal,
}

/// A row of the table `messages`: its number and its payload.
pub type Row = (i64, String);

/// Applies the effect of a row that this transaction has claimed, marks it as done, and commits.
pub async fn apply(
    kit: &Kit,
    mut transaction: Transaction<'_, Postgres>,
    (row, payload): Row,
    effect: Effect,
) -> Result<(), Cut> {
    let Some(id) = kit.delivered(payload.as_bytes())? else {
        return Err(Cut::Worker(format!("row {row} is of another run").into()));
    };
    kit.point("in-hand").await;

    match effect {
        Effect::Inside => {
            let insert = sqlx::query("insert into effects (message) values ($1)").bind(&payload);
            insert.execute(&mut *transaction).await?;
        }
        Effect::Outside => webhook::post(kit, &payload).await?,
        Effect::Journal => {}
    }
    kit.effect(id)?;
    kit.point("after-effect").await;

    let mark = sqlx::query("update messages set done = true where id = $1").bind(row);
    mark.execute(&mut *transaction).await?;

    kit.point("before-commit").await;
    postgres::commit(kit, transaction).await?;
    kit.settled(id)?;
    kit.point("after-commit").await;
    Ok(())
}
