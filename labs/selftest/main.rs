//! Workers that each do one thing wrong, so that `harness selftest` can show that it is found.

mod consumer;
mod producer;
mod stream_consumer;
mod stream_producer;

use std::process::ExitCode;

use clap::Parser;
use ledger::MessageId;

/// The message at which something goes wrong.
const AT: u32 = 17;

/// A message that nobody attempts: there is no such producer.
const NEVER_ATTEMPTED: MessageId = MessageId::new(7, AT);

/// A worker of the selftest. It is started by `harness selftest`, which sets its environment.
#[derive(Parser)]
enum Worker {
    /// Publishes to core NATS.
    Producer(producer::Options),
    /// Takes what core NATS pushes.
    Consumer(consumer::Options),
    /// Publishes into a stream.
    StreamProducer(stream_producer::Options),
    /// Asks a stream for messages.
    StreamConsumer(stream_consumer::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let worker = Worker::parse();
    labs::run(async |kit| match worker {
        Worker::Producer(options) => producer::run(kit, options).await,
        Worker::Consumer(options) => consumer::run(kit, options).await,
        Worker::StreamProducer(options) => stream_producer::run(kit, options).await,
        Worker::StreamConsumer(options) => stream_consumer::run(kit, options).await,
    })
    .await
}
