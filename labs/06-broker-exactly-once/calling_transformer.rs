//! As the transformer, but for one thing: its effect is not a message in another topic, it is an HTTP call.

use std::time::Duration;

use labs::{
    Error, Kit,
    kafka::{Consumer, Transactions},
    webhook,
};

/// A transaction that is open for longer is given up by the broker.
const TRANSACTION_WITHIN: Duration = Duration::from_secs(10);

/// The client's own default.
const POLL_WITHIN: Duration = Duration::from_secs(300);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let transactions = Transactions::into_topic(&kit, "caller", TRANSACTION_WITHIN).await?;
    let mut input = Consumer::join_as(&kit, "caller", POLL_WITHIN).await?;
    kit.ready().await;

    while let Some(message) = input.next().await {
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.point("taken").await;
        transactions.begin()?;
        kit.point("begun").await;
        // Kafka does not know of this, and cannot take it back.
        webhook::post(&kit, &String::from_utf8_lossy(&message.payload)).await?;
        kit.effect(id)?;
        kit.point("called").await;
        transactions.send_offsets(&input, &[message]).await?;
        kit.point("offsets-sent").await;
        transactions.commit().await?;
        // Done, for the broker. Only this process does not know it yet.
        kit.point("committed").await;
        kit.settled(id)?;
    }
    Ok(())
}
