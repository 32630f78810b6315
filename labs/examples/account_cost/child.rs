//! The loops that are compared: those of lab 2's workers, and the same without the kit.

use std::{
    io::{BufRead, stdin},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions,
    jetstream::{Context, consumer::PullConsumer},
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use journal::now_ns;
use labs::{
    Error, Kit, Message,
    message::Composer,
    nats::{self, Acks, Mailbox, Pull},
    settings::Settings,
};
use ledger::MessageId;

use super::{child_kafka, child_postgres};

const WINDOW: usize = 4_000;
const BATCH: usize = 500;
const ANSWER_BOUND: Duration = Duration::from_secs(20);

/// Runs one loop; says when it began and ended.
pub async fn run(loop_kind: &str, role: &str) -> ExitCode {
    if loop_kind == "kit" {
        return labs::run(async |kit| match role {
            "producer" => kit_producer(kit).await,
            "consumer" => kit_consumer(kit).await,
            "jetstream-producer" => kit_jetstream_producer(kit).await,
            "kafka-producer" => child_kafka::kit(kit).await,
            "postgres-producer" => child_postgres::kit(kit).await,
            _ => kit_jetstream_consumer(kit).await,
        })
        .await;
    }
    let result = match role {
        "producer" => bare_producer().await,
        "consumer" => bare_consumer().await,
        "jetstream-producer" => bare_jetstream_producer().await,
        "kafka-producer" => child_kafka::bare().await,
        "postgres-producer" => child_postgres::bare().await,
        _ => bare_jetstream_consumer().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Room for every message: the comparison is of speed, so nothing may be dropped.
fn roomy(settings: &Settings) -> ConnectOptions {
    ConnectOptions::new().subscription_capacity(settings.messages as usize + 1)
}

pub fn said(kit: &Kit, name: &str) {
    kit.figure(name, now_ns() as f64, "ns");
}

async fn kit_producer(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let subject = nats::subject(&kit)?;
    kit.ready().await;
    said(&kit, "began");
    while let Some(message) = kit.next_message().await {
        kit.attempted(message)?;
        let sent = kit.or_stall(pin!(client.publish(subject.clone(), kit.payload(message)))).await;
        kit.outcome(message, nats::outcome::of_publish(&sent))?;
    }
    nats::finish(&kit, &client).await?;
    kit.done().await;
    Ok(())
}

async fn kit_consumer(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, roomy(kit.settings())).await?;
    let mut mailbox = Mailbox::open(&kit, &client).await?;
    kit.ready().await;
    let mut left = kit.settings().messages;
    loop {
        kit.point("reading").await;
        let Some(message) = mailbox.next().await else { return Ok(()) };
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.point("in-hand").await;
        kit.effect(id)?;
        kit.point("applied").await;
        left -= 1;
        if left == 0 {
            said(&kit, "ended");
        }
    }
}

async fn kit_jetstream_producer(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, ConnectOptions::new()).await?;
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let subject = nats::subject(&kit)?;
    let mut acks = Acks::within(&kit, WINDOW);
    kit.ready().await;
    said(&kit, "began");
    while let Some(message) = acks.next_message().await? {
        kit.attempted(message)?;
        let sent = jetstream.publish(subject.clone(), kit.payload(message)).await;
        acks.expect(message, sent)?;
    }
    acks.settle_all().await?;
    said(&kit, "ended");
    kit.done().await;
    Ok(())
}

async fn kit_jetstream_consumer(kit: Kit) -> Result<(), Error> {
    let client = nats::connect(&kit, roomy(kit.settings())).await?;
    let mut messages = Pull::open(&kit, &nats::jetstream(&client, ANSWER_BOUND), BATCH).await?;
    kit.ready().await;
    said(&kit, "began");
    let mut left = kit.settings().messages;
    loop {
        kit.point("reading").await;
        let Some(message) = messages.next().await else { return Ok(()) };
        let Some(id) = kit.delivered(&message.payload)? else { continue };
        kit.point("in-hand").await;
        kit.effect(id)?;
        kit.point("applied").await;
        message.ack().await?;
        left -= 1;
        if left == 0 {
            said(&kit, "ended");
        }
    }
}

/// Settings and a connection without the kit.
async fn bare_client() -> Result<(Settings, Client, String), Error> {
    let settings = Settings::from_environment()?;
    let (user, password) = settings.nats.login().ok_or("no login")?;
    let client = roomy(&settings).user_and_password(user, password).connect(settings.nats.url()?).await?;
    let subject = settings.nats.subject()?.to_owned();
    Ok((settings, client, subject))
}

pub fn bare_ready() -> Result<(), Error> {
    println!(":: ready");
    stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

pub fn bare_said(name: &str) {
    println!(":: figure {name} {} ns", now_ns() as f64);
}

/// Waits until the parent has all it wants and ends this process.
pub fn bare_wait() -> Result<(), Error> {
    stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

pub fn payloads(settings: &Settings) -> impl Iterator<Item = Bytes> {
    let mut composer = Composer::new(&settings.tag, settings.payload);
    let message = |seq| Message { id: MessageId::new(0, seq), planned_ns: 123_456_789_012 };
    (0..settings.messages).map(move |seq| composer.compose(message(seq)))
}

async fn bare_producer() -> Result<(), Error> {
    let (settings, client, subject) = bare_client().await?;
    let subject = async_nats::Subject::from(subject);
    bare_ready()?;
    bare_said("began");
    for payload in payloads(&settings) {
        client.publish(subject.clone(), payload).await?;
    }
    nats::barrier(&client).await?;
    bare_wait()
}

async fn bare_consumer() -> Result<(), Error> {
    let (settings, client, subject) = bare_client().await?;
    let mut subscriber = client.queue_subscribe(subject, "consumers".to_owned()).await?;
    nats::barrier(&client).await?;
    bare_ready()?;
    for _ in 0..settings.messages {
        subscriber.next().await.ok_or("the subscription ended")?;
    }
    bare_said("ended");
    bare_wait()
}

async fn bare_jetstream_producer() -> Result<(), Error> {
    let (settings, client, subject) = bare_client().await?;
    let subject = async_nats::Subject::from(subject);
    let jetstream = nats::jetstream(&client, ANSWER_BOUND);
    let mut waiting = FuturesUnordered::new();
    bare_ready()?;
    bare_said("began");
    for payload in payloads(&settings) {
        while let Some(Some(ack)) = waiting.next().now_or_never() {
            ack?;
        }
        if waiting.len() >= WINDOW {
            waiting.next().await.ok_or("no publish in flight")??;
        }
        waiting.push(jetstream.publish(subject.clone(), payload).await?.into_future());
    }
    while let Some(ack) = waiting.next().await {
        ack?;
    }
    bare_said("ended");
    bare_wait()
}

async fn bare_jetstream_consumer() -> Result<(), Error> {
    let (settings, client, _) = bare_client().await?;
    let jetstream: Context = nats::jetstream(&client, ANSWER_BOUND);
    let consumer: PullConsumer =
        jetstream.get_consumer_from_stream(settings.nats.consumer()?, settings.nats.stream()?).await?;
    bare_ready()?;
    bare_said("began");
    let mut left = settings.messages;
    while left > 0 {
        let batch = consumer.batch().max_messages(BATCH).expires(Duration::from_millis(100));
        let mut messages = batch.messages().await?;
        while let Some(message) = messages.next().await {
            message?.ack().await?;
            left -= 1;
        }
    }
    bare_said("ended");
    bare_wait()
}
