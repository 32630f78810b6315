//! What the tests of the labs share.

pub mod kafka_server;
pub mod nats_server;
pub mod postgres_server;
pub mod worker;

use async_nats::{
    Client, ConnectOptions,
    jetstream::{self, consumer, stream},
};

use nats_server::{LOGIN, Server};

/// A client of the test's own.
pub async fn client(server: &Server) -> Client {
    client_with(server, ConnectOptions::new()).await
}

/// The same with other options.
pub async fn client_with(server: &Server, options: ConnectOptions) -> Client {
    let options = options.user_and_password(LOGIN.0.to_owned(), LOGIN.1.to_owned());
    options.connect(&server.url).await.expect("the test's server")
}

/// The stream of the run, with `change` on top, and its durable consumer.
pub async fn create_stream(
    jetstream: &jetstream::Context,
    change: impl FnOnce(&mut stream::Config),
) -> (stream::Stream, consumer::PullConsumer) {
    let mut config = stream::Config {
        name: "LAB_k7".to_owned(),
        subjects: vec!["lab.k7".to_owned()],
        ..stream::Config::default()
    };
    change(&mut config);
    let stream = jetstream.create_stream(config).await.expect("a stream");
    let config = consumer::pull::Config {
        durable_name: Some("workers".to_owned()),
        ack_wait: std::time::Duration::from_secs(1),
        ..consumer::pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    (stream, consumer)
}
