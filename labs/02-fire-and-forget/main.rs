//! Lab 2: what if we just send it? Six workers: four that fire and forget, two that wait for acks.

mod consumer;
mod jetstream_consumer;
mod jetstream_producer;
mod kafka_consumer;
mod kafka_producer;
mod producer;

use std::process::ExitCode;

use clap::Parser;

/// A worker of lab 2. It is started by `harness run 2`, which sets its environment.
#[derive(Parser)]
enum Worker {
    /// Publishes, and looks no further.
    Producer,
    /// Takes what the server pushes.
    Consumer(consumer::Options),
    /// Publishes into a stream, and waits for each ack.
    JetstreamProducer(jetstream_producer::Options),
    /// Asks the stream for messages, and acks each.
    JetstreamConsumer(jetstream_consumer::Options),
    /// Sends to Kafka without asking for acks.
    KafkaProducer(kafka_producer::Options),
    /// Reads what Kafka has.
    KafkaConsumer,
}

// One thread is enough for a loop and its connection, and saves them from waking each other for every message.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let worker = Worker::parse();
    labs::run(async |kit| match worker {
        Worker::Producer => producer::run(kit).await,
        Worker::Consumer(options) => consumer::run(kit, options).await,
        Worker::JetstreamProducer(options) => jetstream_producer::run(kit, options).await,
        Worker::JetstreamConsumer(options) => jetstream_consumer::run(kit, options).await,
        Worker::KafkaProducer(options) => kafka_producer::run(kit, options).await,
        Worker::KafkaConsumer => kafka_consumer::run(kit).await,
    })
    .await
}
