//! Reads from one topic, writes to another, and tells the broker how far it has read: each batch in one transaction.

use std::time::Duration;

use clap::Args;
use labs::{
    Error, Kit,
    kafka::{Consumer, Failed, Taken, Transactions},
};

#[derive(Args)]
pub struct Options {
    /// Who it is to the broker: whoever comes under this name takes the place of whoever had it.
    #[arg(long, default_value = "transformer")]
    name: String,
    /// How many messages may be in one transaction.
    #[arg(long, default_value_t = 10)]
    batch: usize,
}

/// A transaction that is open for longer is given up by the broker.
const TRANSACTION_WITHIN: Duration = Duration::from_secs(10);

/// The client's own default.
const POLL_WITHIN: Duration = Duration::from_secs(300);

pub async fn run(kit: Kit, options: Options) -> Result<(), Error> {
    // First of all, whatever an earlier instance of this name has left open is given up. Then there is one answer to how far
    // the group is.
    let output = Transactions::into_sink(&kit, &options.name, TRANSACTION_WITHIN).await?;
    let mut input = Consumer::join_as(&kit, &options.name, POLL_WITHIN).await?;
    kit.ready().await;

    while let Some(batch) = input.next_batch(options.batch).await {
        let Err(failed) = transform(&kit, &input, &output, &batch).await? else { continue };
        tracing::info!("{failed}");
        match output.give_up(failed).await {
            Ok(()) => {
                input.rewind().await?;
                kit.point("given-up").await;
            }
            Err(failed) if failed.is_fenced() => {
                kit.point("fenced").await;
                input.retire().await;
                return Ok(());
            }
            Err(failed) => return Err(failed.into()),
        }
    }
    Ok(())
}

/// One batch, all of it or nothing. The outer error is of this worker, the inner one of the transaction.
async fn transform(
    kit: &Kit,
    input: &Consumer,
    output: &Transactions,
    batch: &[Taken],
) -> Result<Result<(), Failed>, Error> {
    let mut ours = Vec::new();
    for message in batch {
        ours.extend(kit.delivered(&message.payload)?.map(|id| (id, message)));
    }
    kit.point("taken").await;
    let in_transaction = async {
        output.begin()?;
        kit.point("begun").await;
        for (_, message) in &ours {
            output.send(&message.payload, Some(message))?;
        }
        output.flush().await?;
        // The log of the other topic has them. Whether they count is not decided.
        kit.point("produced").await;
        output.send_offsets(input, batch).await?;
        kit.point("offsets-sent").await;
        output.commit().await
    };
    if let Err(failed) = in_transaction.await {
        return Ok(Err(failed));
    }
    // Done, for the broker. Only this process does not know it yet.
    kit.point("committed").await;
    for (id, _) in ours {
        kit.effect(id)?;
        kit.settled(id)?;
    }
    Ok(Ok(()))
}
