//! Lab 3: how can we be sure that it arrived? Five producers, and the consumers that ack at
//! different moments.

mod ack_after_effect;
mod ack_before_effect;
mod asking_producer;
mod auto_ack;
mod commit_producer;
mod kafka_consumer;
mod kafka_producer;
mod one_at_a_time;
mod producer;

use std::process::ExitCode;

use clap::Parser;

/// A worker of lab 3. It is started by `harness run 3`, which sets its environment.
#[derive(Parser)]
enum Worker {
    /// Publishes into a stream, and waits for each ack: up to a window of them at a time.
    Producer(producer::Options),
    /// Publishes into a stream, and waits for the ack of one before it sends the next.
    OneAtATime(one_at_a_time::Options),
    /// Acks each message, then applies its effect.
    AckBeforeEffect(ack_before_effect::Options),
    /// Applies the effect of each message, then acks it.
    AckAfterEffect(ack_after_effect::Options),
    /// Applies the effect of each message, and leaves the ack to the server.
    AutoAck(auto_ack::Options),
    /// Sends to Kafka, and waits for each ack.
    KafkaProducer(kafka_producer::Options),
    /// Reads from Kafka, applies each effect, then counts the message as done.
    KafkaConsumer,
    /// Inserts each message into PostgreSQL, with a COMMIT of its own.
    CommitProducer,
    /// The same, and asks what became of a COMMIT without an answer.
    AskingProducer(asking_producer::Options),
}

// One thread is enough for a loop and its connection, and saves them from waking each other for every message.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let worker = Worker::parse();
    labs::run(async |kit| match worker {
        Worker::Producer(options) => producer::run(kit, options).await,
        Worker::OneAtATime(options) => one_at_a_time::run(kit, options).await,
        Worker::AckBeforeEffect(options) => ack_before_effect::run(kit, options).await,
        Worker::AckAfterEffect(options) => ack_after_effect::run(kit, options).await,
        Worker::AutoAck(options) => auto_ack::run(kit, options).await,
        Worker::KafkaProducer(options) => kafka_producer::run(kit, options).await,
        Worker::KafkaConsumer => kafka_consumer::run(kit).await,
        Worker::CommitProducer => commit_producer::run(kit).await,
        Worker::AskingProducer(options) => asking_producer::run(kit, options).await,
    })
    .await
}
