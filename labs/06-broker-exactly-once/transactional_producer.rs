//! Sends to Kafka, each batch in one transaction, and sends a batch again whose transaction did not come to its end.

use std::time::Duration;

use clap::Args;
use labs::{
    Error, Kit, Message, Outcome,
    kafka::{Failed, Transactions},
};

#[derive(Args)]
pub struct Options {
    /// How many messages are in one transaction.
    #[arg(long, default_value_t = 10)]
    batch: usize,
    /// After how many milliseconds the broker gives up a transaction that is still open.
    #[arg(long, default_value_t = 1_000)]
    transaction_timeout_ms: u64,
}

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    let within = Duration::from_millis(options.transaction_timeout_ms);
    let name = kit.settings().worker.clone();
    let mut output = Transactions::into_topic(&kit, &name, within).await?;
    kit.ready().await;

    loop {
        let batch = next_batch(&kit, options.batch).await;
        if batch.is_empty() {
            break;
        }
        while let Err(failed) = send(&kit, &output, &batch).await? {
            tracing::info!("{failed}");
            match output.give_up(failed).await {
                Ok(()) => kit.point("given-up").await,
                Err(failed) if failed.is_fenced() => {
                    // The broker takes nothing of this instance any more, and nothing of its transaction counts.
                    kit.point("fenced").await;
                    output = Transactions::into_topic(&kit, &name, within).await?;
                }
                Err(failed) => return Err(failed.into()),
            }
        }
        batch.iter().try_for_each(|message| kit.outcome(*message, Outcome::Acked))?;
    }

    kit.done().await;
    Ok(())
}

async fn next_batch(kit: &Kit, size: usize) -> Vec<Message> {
    let mut batch = Vec::new();
    while batch.len() < size
        && let Some(message) = kit.next_message().await
    {
        batch.push(message);
    }
    batch
}

/// One batch, all of it or nothing. The outer error is of this worker, the inner one of the transaction.
async fn send(kit: &Kit, output: &Transactions, batch: &[Message]) -> Result<Result<(), Failed>, Error> {
    batch.iter().try_for_each(|message| kit.attempted(*message))?;
    Ok(in_transaction(kit, output, batch).await)
}

async fn in_transaction(kit: &Kit, output: &Transactions, batch: &[Message]) -> Result<(), Failed> {
    kit.point("before-begin").await;
    output.begin()?;
    kit.point("begun").await;
    for message in batch {
        output.send(&kit.payload(*message), None)?;
    }
    output.flush().await?;
    // The log has them. Who reads what is committed waits here, and with it for everything behind it.
    kit.point("produced").await;
    output.commit().await?;
    kit.point("committed").await;
    Ok(())
}
