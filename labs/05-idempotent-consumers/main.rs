//! Lab 5: how do we make the consumer safe? Consumers that remember what they have done, and producers that tell others
//! what they have done.

mod balance;
mod check_then_insert;
mod commit_first;
mod inbox;
mod inbox_first;
mod inbox_last;
mod janitor;
mod order;
mod outbox;
mod outside_effect;
mod producer;
mod publish_first;
mod relay;
mod take;

use std::process::ExitCode;

use clap::Parser;

/// A worker of lab 5. It is started by `harness run 5`, which sets its environment.
#[derive(Parser)]
enum Worker {
    /// Publishes into a stream, and waits for each ack: up to a window of them at a time.
    Producer(producer::Options),
    /// Writes the message into the inbox and applies its effect, in one transaction.
    Inbox,
    /// Looks whether the message was done before, and does it if not.
    CheckThenInsert,
    /// Writes the message into the inbox, and then applies its effect.
    InboxFirst,
    /// Applies the effect, and then writes the message into the inbox.
    InboxLast,
    /// Drops old rows of the inbox.
    Janitor(janitor::Options),
    /// Keeps a balance up to date.
    Balance(balance::Options),
    /// Writes each order into the database, and then publishes its event.
    CommitFirst,
    /// Publishes the event of each order, and then commits the order.
    PublishFirst,
    /// Writes each order and its event into the database, in one transaction.
    Outbox,
    /// Publishes what stands in the outbox.
    Relay,
    /// Calls somebody else's system.
    OutsideEffect(outside_effect::Options),
}

// One thread is enough for a loop and its connections, and saves them from waking each other for every message.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let worker = Worker::parse();
    labs::run(async |kit| match worker {
        Worker::Producer(options) => producer::run(kit, options).await,
        Worker::Inbox => take::each(&kit, inbox::work).await,
        Worker::CheckThenInsert => take::each(&kit, check_then_insert::work).await,
        Worker::InboxFirst => take::each(&kit, inbox_first::work).await,
        Worker::InboxLast => take::each(&kit, inbox_last::work).await,
        Worker::Janitor(options) => janitor::run(kit, options).await,
        Worker::Balance(options) => balance::run(kit, options).await,
        Worker::CommitFirst => commit_first::run(kit).await,
        Worker::PublishFirst => publish_first::run(kit).await,
        Worker::Outbox => outbox::run(kit).await,
        Worker::Relay => relay::run(kit).await,
        Worker::OutsideEffect(options) => outside_effect::run(kit, options).await,
    })
    .await
}
