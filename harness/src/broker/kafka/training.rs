//! What the training run does: once everything that would otherwise be made at its first use in a lab.

use std::time::{Duration, Instant};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::client::{self, Quiet, asked};
use crate::error::Error;

/// No lab has a topic or group of this name: they stay in the template.
const NAME: &str = "harness-training";

/// One step. The first group and the first transaction take a second each.
const STEP_BOUND: Duration = Duration::from_secs(60);

/// Produces, consumes in a classic group and in one of the new protocol, and commits a transaction.
pub async fn train(bootstrap: &str) -> Result<(), Error> {
    let what = "create a topic";
    let admin: AdminClient<Quiet> =
        client::config(bootstrap).create_with_context(Quiet).map_err(|error| asked(what, &error))?;
    let admin = client::Aside::new(admin);
    let options = AdminOptions::new().operation_timeout(Some(STEP_BOUND)).request_timeout(Some(STEP_BOUND));
    let topic = NewTopic::new(NAME, 1, TopicReplication::Fixed(1));
    let created = admin.create_topics([&topic], &options).await.map_err(|error| asked(what, &error))?;
    for result in created {
        result.map_err(|(_, error)| asked(what, &error))?;
    }
    let bootstrap = bootstrap.to_owned();
    client::blocking("train", move || {
        produce(&bootstrap)?;
        consume(&bootstrap, "classic")?;
        consume(&bootstrap, "consumer")?;
        transact(&bootstrap)
    })
    .await
}

fn produce(bootstrap: &str) -> Result<(), Error> {
    let what = "take a message";
    let mut config = client::config(bootstrap);
    config.set("acks", "all").set("enable.idempotence", "true");
    let producer: BaseProducer = config.create().map_err(|error| asked(what, &error))?;
    send(&producer, what)?;
    producer.flush(STEP_BOUND).map_err(|error| asked(what, &error))
}

fn send(producer: &BaseProducer, what: &str) -> Result<(), Error> {
    let record = BaseRecord::<(), str>::to(NAME).payload("training");
    producer.send(record).map_err(|(error, _)| asked(what, &error))
}

fn consume(bootstrap: &str, protocol: &str) -> Result<(), Error> {
    let what = "deliver a message to a group";
    let mut config = client::config(bootstrap);
    config
        .set("group.id", format!("{NAME}-{protocol}"))
        .set("group.protocol", protocol)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer<Quiet> =
        config.create_with_context(Quiet).map_err(|error| asked(what, &error))?;
    consumer.subscribe(&[NAME]).map_err(|error| asked(what, &error))?;
    let deadline = Instant::now() + STEP_BOUND;
    let mut last = "nothing came".to_owned();
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let committed = consumer.commit_message(&message, CommitMode::Sync);
                return committed.map_err(|error| asked("commit for a group", &error));
            }
            // A coordinator that is not there yet, for one.
            Some(Err(error)) => last = error.to_string(),
            None => {}
        }
    }
    Err(asked(what, &format!("{last}, within {STEP_BOUND:?} ({protocol})")))
}

fn transact(bootstrap: &str) -> Result<(), Error> {
    let what = "commit a transaction";
    let mut config = client::config(bootstrap);
    config.set("transactional.id", NAME);
    let producer: BaseProducer = config.create().map_err(|error| asked(what, &error))?;
    producer.init_transactions(STEP_BOUND).map_err(|error| asked(what, &error))?;
    producer.begin_transaction().map_err(|error| asked(what, &error))?;
    send(&producer, what)?;
    producer.commit_transaction(STEP_BOUND).map_err(|error| asked(what, &error))
}
