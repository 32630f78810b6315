//! Lab 6: can the system do it for us? Brokers that remember names, numbers and transactions, and where that ends.

mod calling_transformer;
mod consumer;
mod kafka_consumer;
mod kafka_producer;
mod named_producer;
mod noting_producer;
mod producer;
mod transactional_producer;
mod transformer;

use std::process::ExitCode;

use clap::Parser;

/// A worker of lab 6. It is started by `harness run 6`, which sets its environment.
#[derive(Parser)]
enum Worker {
    /// Publishes into a stream, and waits for each ack: up to a window of them at a time.
    Producer(producer::Options),
    /// Publishes into a stream, one at a time, each under its name, and sends it again until its ack is there.
    NamedProducer(named_producer::Options),
    /// Applies the effect of each message, then acks it, and waits for the word on it.
    Consumer,
    /// Sends to Kafka by an idempotent client, and waits for each ack.
    KafkaProducer(kafka_producer::Options),
    /// As the Kafka producer, one at a time; it notes what became of each, and sends again what it has no note of.
    NotingProducer,
    /// Sends to Kafka, each batch in one transaction.
    TransactionalProducer(transactional_producer::Options),
    /// Reads from one topic of Kafka and writes to another, each batch in one transaction.
    Transformer(transformer::Options),
    /// Reads from Kafka, and makes an HTTP call for each message, each in one transaction.
    CallingTransformer,
    /// Reads from Kafka what is committed, applies each effect, and commits its offset.
    KafkaConsumer,
}

// One thread is enough for a loop and its connection, and saves them from waking each other for every message.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let worker = Worker::parse();
    labs::run(async |kit| match worker {
        Worker::Producer(options) => producer::run(kit, options).await,
        Worker::NamedProducer(options) => named_producer::run(kit, options).await,
        Worker::Consumer => consumer::run(kit).await,
        Worker::KafkaProducer(options) => kafka_producer::run(kit, options).await,
        Worker::NotingProducer => noting_producer::run(kit).await,
        Worker::TransactionalProducer(options) => transactional_producer::run(kit, options).await,
        Worker::Transformer(options) => transformer::run(kit, options).await,
        Worker::CallingTransformer => calling_transformer::run(kit).await,
        Worker::KafkaConsumer => kafka_consumer::run(kit).await,
    })
    .await
}
