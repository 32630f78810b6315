//! What the real client answers, and what the kit makes of it.

use std::time::Duration;

use crate::support::{client, client_with, create_stream, nats_server::Server};
use async_nats::{
    ConnectOptions,
    jetstream::{
        self, Context,
        context::PublishErrorKind,
        message::PublishMessage,
        stream::{DiscardPolicy, Stream},
    },
};
use bytes::Bytes;
use futures::StreamExt;
use labs::{
    Outcome,
    nats::{self, outcome},
};

const SUBJECT: &str = "lab.k7";

/// Larger than the test server's `max_payload`.
const TOO_LARGE: usize = 2 * 1024 * 1024;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Publishes and waits for the ack; both steps as the kit sees them.
async fn publish(jetstream: &Context, message: PublishMessage) -> Outcome {
    match jetstream.send_publish(SUBJECT, message).await {
        Ok(ack) => outcome::of_ack(&ack.await),
        Err(error) => outcome::of_unsent(&error),
    }
}

async fn stored(stream: &Stream) -> u64 {
    stream.get_info().await.expect("the stream").state.messages
}

#[tokio::test]
async fn core_nats_promises_nothing() {
    let server = Server::start();
    let client = client(&server).await;
    let sent = client.publish(SUBJECT, "nobody listens".into()).await;
    assert_eq!(outcome::of_publish(&sent), Outcome::Unconfirmed);

    let sent = client.publish(SUBJECT, Bytes::from(vec![0; TOO_LARGE])).await;
    assert_eq!(outcome::of_publish(&sent), Outcome::Rejected, "refused before it was sent");
    let sent = client.publish("not a subject", Bytes::new()).await;
    assert_eq!(outcome::of_publish(&sent), Outcome::Rejected);
}

#[tokio::test]
async fn what_the_server_refuses_is_rejected() {
    let server = Server::start();
    let jetstream = jetstream::new(client(&server).await);
    let message = || PublishMessage::build().payload("a".into());
    assert_eq!(publish(&jetstream, message()).await, Outcome::Rejected, "no stream: no responders");

    let (stream, _) = create_stream(&jetstream, |config| {
        config.max_messages = 1;
        config.discard = DiscardPolicy::New;
    })
    .await;
    let large = message().payload(Bytes::from(vec![0; TOO_LARGE]));
    assert_eq!(publish(&jetstream, large).await, Outcome::Rejected, "too large");
    assert_eq!(publish(&jetstream, message()).await, Outcome::Acked);
    assert_eq!(publish(&jetstream, message()).await, Outcome::Rejected, "the stream is full");
    assert_eq!(publish(&jetstream, message().expected_last_sequence(7)).await, Outcome::Rejected);
    assert_eq!(publish(&jetstream, message().expected_last_message_id("x")).await, Outcome::Rejected);
    assert_eq!(publish(&jetstream, message().expected_stream("OTHER")).await, Outcome::Rejected);
    assert_eq!(stored(&stream).await, 1, "no was no");
}

#[tokio::test]
async fn a_duplicate_is_told_from_an_ack() {
    let server = Server::start();
    let jetstream = jetstream::new(client(&server).await);
    let (stream, _) = create_stream(&jetstream, |_| {}).await;
    let message = || PublishMessage::build().payload("a".into()).message_id("0-17");
    assert_eq!(publish(&jetstream, message()).await, Outcome::Acked);
    assert_eq!(publish(&jetstream, message()).await, Outcome::Deduplicated);
    assert_eq!(stored(&stream).await, 1);
}

#[tokio::test]
async fn a_time_out_is_not_a_failure() {
    let server = Server::start();
    let client = client(&server).await;
    let (hasty, patient) =
        (nats::jetstream(&client, Duration::from_millis(300)), nats::jetstream(&client, PATIENCE));
    let (stream, _) = create_stream(&patient, |_| {}).await;
    server.pause();
    let outcome = publish(&hasty, PublishMessage::build().payload("a".into())).await;
    assert_eq!(outcome, Outcome::Unknown);
    server.resume();
    // Stored behind it, so what is there of the first one is there now.
    assert_eq!(publish(&patient, PublishMessage::build()).await, Outcome::Acked);
    assert_eq!(stored(&stream).await, 2, "unknown, and it is there");
}

#[tokio::test]
async fn a_time_out_before_the_send_is_a_certain_no() {
    let server = Server::start();
    let options = ConnectOptions::new().client_capacity(1);
    let client = client_with(&server, options).await;
    let (hasty, patient) =
        (nats::jetstream(&client, Duration::from_millis(300)), nats::jetstream(&client, PATIENCE));
    let (stream, _) = create_stream(&patient, |_| {}).await;
    server.pause();

    let mut sent = Vec::new();
    let refused = loop {
        assert!(sent.len() < 1_000, "a paused server takes a gigabyte");
        let message = PublishMessage::build().payload(Bytes::from(vec![b'.'; 1_000_000]));
        match hasty.send_publish(SUBJECT, message).await {
            Ok(ack) => sent.push(ack),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), PublishErrorKind::TimedOut, "the same kind as for a missing ack");
    assert_eq!(outcome::of_unsent(&refused), Outcome::Rejected);

    server.resume();
    assert_eq!(publish(&patient, PublishMessage::build()).await, Outcome::Acked);
    let expected = sent.len() as u64 + 1;
    assert_eq!(stored(&stream).await, expected, "all that entered the queue, and not the one that did not");
}

#[tokio::test]
async fn an_ack_of_nobody_is_not_confirmed() {
    let server = Server::start();
    let jetstream = jetstream::new(client(&server).await);
    let (stream, consumer) = create_stream(&jetstream, |_| {}).await;
    for _ in 0..2 {
        assert_eq!(publish(&jetstream, PublishMessage::build()).await, Outcome::Acked);
    }
    let mut messages = consumer.fetch().max_messages(2).messages().await.expect("a consumer");
    let mut next = async || messages.next().await.expect("two messages").expect("a message");
    let (first, second) = (next().await, next().await);

    assert!(nats::confirm(&first).await);
    stream.delete_consumer("workers").await.expect("it is there");
    assert!(
        second.double_ack().await.is_ok(),
        "the client says yes, and that is why the kit asks for itself"
    );
    assert!(!nats::confirm(&second).await);
}
