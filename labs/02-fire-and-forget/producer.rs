//! Publishes to core NATS, and looks no further.

use std::{pin::pin, time::Duration};

use async_nats::ConnectOptions;
use labs::{Error, Kit, nats};
use tokio::time::timeout;

/// A server that is being restarted is back long before this.
const FLUSH_BOUND: Duration = Duration::from_secs(20);

pub async fn run(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let subject = nats::subject(&kit)?;
    kit.ready().await;

    while let Some(message) = kit.next_message().await {
        kit.point("sending").await;
        kit.attempted(message)?;
        // There is nothing to wait for: `Ok` says that the client took the message, and no more.
        let sent = kit.or_stall(pin!(client.publish(subject.clone(), kit.payload(message)))).await;
        kit.outcome(message, nats::outcome::of_publish(&sent))?;
    }
    kit.point("all-published").await;

    // Looks like a safe end. It says that the bytes left this process, for wherever.
    timeout(FLUSH_BOUND, client.flush()).await??;
    kit.point("flush-ok").await;

    nats::finish(&kit, &client).await?;
    kit.done().await;
    Ok(())
}
