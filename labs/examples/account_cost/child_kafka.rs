//! Lab 3's Kafka producer, and the same client's loop without the kit: acks=all, a window of 10,000, no idempotence.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use labs::{
    Error, Kit,
    kafka::{Acks, Producer},
    settings::Settings,
};
use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};

use super::child::{bare_ready, bare_said, bare_wait, payloads, said};

const WINDOW: usize = 10_000;
const REPORT_BOUND: Duration = Duration::from_secs(20);

/// With the kit.
pub async fn kit(kit: Kit) -> Result<(), Error> {
    let mut producer = Producer::open(&kit, Acks::All, WINDOW, REPORT_BOUND).await?;
    kit.ready().await;
    said(&kit, "began");
    while let Some(message) = producer.next_message().await? {
        kit.attempted(message)?;
        producer.send(message)?;
    }
    producer.settle_all().await?;
    said(&kit, "ended");
    kit.done().await;
    Ok(())
}

/// Counts what was acked.
struct Count(Arc<AtomicU32>);

impl ClientContext for Count {}

impl ProducerContext for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Without it: the client's own queue is the window, and its own counter the account.
pub async fn bare() -> Result<(), Error> {
    let settings = Settings::from_environment()?;
    let acked = Arc::new(AtomicU32::new(0));
    let client: ThreadedProducer<_> = ClientConfig::new()
        .set("bootstrap.servers", settings.kafka.brokers()?)
        .set("broker.address.family", "v4")
        .set("acks", "all")
        .set("enable.idempotence", "false")
        .set("linger.ms", "2")
        .set("socket.nagle.disable", "true")
        .set("queue.buffering.max.messages", WINDOW.to_string())
        .create_with_context(Count(acked.clone()))?;
    let topic = settings.kafka.topic()?.to_owned();
    client.client().fetch_metadata(Some(&topic), REPORT_BOUND)?;
    bare_ready()?;
    bare_said("began");
    for payload in payloads(&settings) {
        let mut record = BaseRecord::<(), [u8]>::to(&topic).payload(&payload);
        while let Err((error, back)) = client.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            record = back;
            thread::sleep(Duration::from_micros(100));
        }
    }
    while acked.load(Ordering::Relaxed) < settings.messages {
        thread::sleep(Duration::from_micros(100));
    }
    bare_said("ended");
    bare_wait()
}
