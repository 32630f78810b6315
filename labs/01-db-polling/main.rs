//! Lab 1: why not just use a database? A table as a queue, and six ways to read it.

mod apply;
mod broker_consumer;
mod broker_producer;
mod claiming_poller;
mod cost;
mod cursor_poller;
mod leasing_poller;
mod listener;
mod producer;

use std::process::ExitCode;

use clap::Parser;

/// A worker of lab 1. It is started by `harness run 1`, which sets its environment.
#[derive(Parser)]
enum Worker {
    /// Writes each message into the table, in a transaction of its own.
    Producer(producer::Options),
    /// Reads on from the last row that it has seen.
    CursorPoller(cursor_poller::Options),
    /// Claims a row, applies its effect and marks it as done, in one transaction.
    ClaimingPoller(claiming_poller::Options),
    /// Claims a row for a time.
    LeasingPoller(leasing_poller::Options),
    /// Waits to be notified of a row.
    Listener(listener::Options),
    /// Publishes into a stream of a message broker.
    BrokerProducer,
    /// Takes messages from a message broker.
    BrokerConsumer,
}

// One thread is enough for a loop and its connection, and saves them from waking each other for every message.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let worker = Worker::parse();
    labs::run(async |kit| match worker {
        Worker::Producer(options) => producer::run(kit, options).await,
        Worker::CursorPoller(options) => cursor_poller::run(kit, options).await,
        Worker::ClaimingPoller(options) => claiming_poller::run(kit, options).await,
        Worker::LeasingPoller(options) => leasing_poller::run(kit, options).await,
        Worker::Listener(options) => listener::run(kit, options).await,
        Worker::BrokerProducer => broker_producer::run(kit).await,
        Worker::BrokerConsumer => broker_consumer::run(kit).await,
    })
    .await
}
