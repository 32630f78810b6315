//! Waits to be notified of a row, instead of asking again and again.

use clap::Args;
use labs::{
    Error, Kit,
    postgres::{Cut, Database, Heard, Listener},
};
use sqlx::{Connection, PgConnection};

use crate::{
    apply::{Effect, Row, apply},
    cost,
};

#[derive(Args)]
pub struct Options {
    /// Each time it begins to listen, asks once for what was written while nobody listened.
    #[arg(long)]
    catch_up: bool,
    /// Where a row's effect is.
    #[arg(long, value_enum, default_value = "inside")]
    effect: Effect,
    /// Tells at its end what it cost.
    #[arg(long)]
    cost: bool,
}

/// The row of a notification; any row, where there is none. What another has locked is in good hands.
const CLAIM: &str = "
    select id, payload from messages
    where not done and id = coalesce($1, id)
    order by id limit 1 for update skip locked";

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let mut database = Database::open(&kit).await?;
    let mut listener = Listener::of(&kit, "messages");
    let (mut asked, mut messages) = (0, 0);
    let mut take = async |row: Option<i64>| -> Result<Option<bool>, Error> {
        let took = take_one(&kit, database.connection().await?, row, options.effect).await;
        let took = database.survived(took)?;
        asked += 1;
        messages += u64::from(took == Some(true));
        Ok(took)
    };
    listener.listen().await?;
    kit.ready().await;

    'session: loop {
        // Listening first, then asking: what is committed in between is seen twice, and not missed.
        // Cut off in between, it asks again: only "there is none" is an answer.
        while options.catch_up && take(None).await? != Some(false) {}
        loop {
            kit.point("waiting").await;
            match listener.next().await {
                Some(Heard::Notification(row)) => {
                    // Cut off in the middle: nobody will notify of this row again.
                    if take(row.parse().ok()).await?.is_none() {
                        break;
                    }
                }
                Some(Heard::Mark(mark)) => kit.idle(&mark),
                Some(Heard::Lost) => break,
                None => break 'session,
            }
        }
        kit.point("disconnected").await;
        listener.listen().await?;
    }
    if options.cost {
        cost::tell(&kit, asked, messages);
    }
    Ok(())
}

/// Whether there was one to take.
async fn take_one(
    kit: &Kit,
    connection: &mut PgConnection,
    row: Option<i64>,
    effect: Effect,
) -> Result<bool, Cut> {
    let mut transaction = connection.begin().await?;
    let row: Option<Row> = sqlx::query_as(CLAIM).bind(row).fetch_optional(&mut *transaction).await?;
    match row {
        Some(row) => apply(kit, transaction, row, effect).await.map(|()| true),
        None => {
            transaction.rollback().await?;
            Ok(false)
        }
    }
}
