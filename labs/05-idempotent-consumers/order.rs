//! An order, written into the database, and the event that tells others of it.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Subject, jetstream::Context};
use bytes::Bytes;
use labs::{Error, Kit, Message, nats};
use sqlx::PgConnection;

/// How long the server may take to ack an event.
const ACK_BOUND: Duration = Duration::from_secs(20);

/// Every so many orders one is for a customer who is not there: customers 1 to 3 are.
const CUSTOMERS: u32 = 4;

/// Writes the order into the transaction of this connection. Whether the database takes it is decided at COMMIT.
pub async fn place(connection: &mut PgConnection, message: Message, text: &str) -> Result<(), sqlx::Error> {
    let customer = (message.id.seq % CUSTOMERS) as i32;
    sqlx::query("insert into orders (customer, message) values ($1, $2)")
        .bind(customer)
        .bind(text)
        .execute(connection)
        .await?;
    Ok(())
}

/// Where events go.
pub struct Events {
    client: Client,
    jetstream: Context,
    subject: Subject,
}

impl Events {
    pub async fn open(kit: &Kit) -> Result<Self, Error> {
        let client = nats::connect(kit, ConnectOptions::new()).await?;
        let jetstream = nats::jetstream(&client, ACK_BOUND);
        Ok(Self { client, jetstream, subject: nats::subject(kit)? })
    }

    /// Publishes an event, and waits until the stream has it.
    pub async fn publish(&self, payload: Bytes) -> Result<(), Error> {
        self.jetstream.publish(self.subject.clone(), payload).await?.await?;
        Ok(())
    }

    /// Waits until the server has handled all that was sent.
    pub async fn finish(&self, kit: &Kit) -> Result<(), Error> {
        nats::finish(kit, &self.client).await
    }
}
