//! Lab 4: it is reliable now; what new problem appears? Producers that send again, and consumers that are given a message
//! again.

mod consumer;
mod kafka_every_n;
mod kafka_offset_first;
mod kafka_producer;
mod kafka_side_work;
mod kafka_slow;
mod producer;
mod resending_producer;
mod slow_work;

use std::process::ExitCode;

use clap::Parser;

/// A worker of lab 4. It is started by `harness run 4`, which sets its environment.
#[derive(Parser)]
enum Worker {
    /// Publishes into a stream, and waits for each ack: up to a window of them at a time.
    Producer(producer::Options),
    /// Publishes into a stream, one at a time, and sends each message again until its ack is there.
    ResendingProducer(resending_producer::Options),
    /// Applies the effect of each message, then acks it.
    Consumer,
    /// Works on each message for a while, applies its effect, then acks it.
    SlowWork(slow_work::Options),
    /// Sends to Kafka, and waits for each ack.
    KafkaProducer(kafka_producer::Options),
    /// Reads from Kafka, applies each effect, and commits the offset of every nth message.
    KafkaEveryN(kafka_every_n::Options),
    /// Reads from Kafka, commits the offset of each message, then applies its effect.
    KafkaOffsetFirst,
    /// Reads from Kafka, and works beside the loop that reads.
    KafkaSideWork,
    /// Reads from Kafka, and does not ask for more while it works.
    KafkaSlow(kafka_slow::Options),
}

// One thread is enough for a loop and its connection, and saves them from waking each other for every message.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let worker = Worker::parse();
    labs::run(async |kit| match worker {
        Worker::Producer(options) => producer::run(kit, options).await,
        Worker::ResendingProducer(options) => resending_producer::run(kit, options).await,
        Worker::Consumer => consumer::run(kit).await,
        Worker::SlowWork(options) => slow_work::run(kit, options).await,
        Worker::KafkaProducer(options) => kafka_producer::run(kit, options).await,
        Worker::KafkaEveryN(options) => kafka_every_n::run(kit, options).await,
        Worker::KafkaOffsetFirst => kafka_offset_first::run(kit).await,
        Worker::KafkaSideWork => kafka_side_work::run(kit).await,
        Worker::KafkaSlow(options) => kafka_slow::run(kit, options).await,
    })
    .await
}
