//! What the consumers with a database have in common: take a message, do the work on it, ack it.

use std::time::Duration;

use async_nats::ConnectOptions;
use labs::{
    Error, Kit,
    nats::{self, Pull},
    postgres::{Cut, Database},
};
use ledger::MessageId;
use sqlx::PgConnection;

/// How long the server may take to answer a question about the stream.
const ANSWER_BOUND: Duration = Duration::from_secs(20);

/// A message in hand.
pub struct Taken {
    /// Its own id, given by its producer: the same in every copy of it.
    pub id: MessageId,
    /// Its text.
    pub text: String,
    /// The server says that it was delivered before, to whomever.
    pub again: bool,
}

/// Takes one message after another, and acks each when `work` on it is done.
pub async fn each(
    kit: &Kit,
    work: impl AsyncFn(&Kit, &mut PgConnection, &Taken) -> Result<(), Cut>,
) -> Result<(), Error> {
    let client = nats::connect(kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut messages = Pull::open(kit, &jetstream, 1).await?;
    let mut database = Database::open(kit).await?;
    kit.ready().await;

    while let Some(message) = messages.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        let taken = Taken { id, text, again: message.info()?.delivered > 1 };
        if taken.again {
            kit.point("again").await;
        }

        kit.point("before-begin").await;
        work(kit, database.connection().await?, &taken).await?;
        kit.point("after-commit").await;
        if nats::confirm(&message).await {
            kit.settled(id)?;
        }
        kit.point("after-ack").await;
    }
    Ok(())
}
