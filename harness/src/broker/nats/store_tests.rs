//! Names that another run has left on a real server.

use std::path::Path;

use super::*;
use crate::{
    broker::nats::{install, server::Server},
    runtime::local::Local,
};

/// Five messages in the run's stream, two of them handed to somebody who never acks.
async fn left_by_another_run(server: &Server, names: &Names) {
    let client = crate::broker::nats::connect(&server.access(), "another run").await.unwrap();
    let jetstream = jetstream::new(client);
    for seq in 0..5 {
        let text = format!("t1 0-{seq} 0 ");
        jetstream.publish(names.subject.clone(), text.into()).await.unwrap().await.unwrap();
    }
    let stream = jetstream.get_stream(&names.stream).await.unwrap();
    let consumer: jetstream::consumer::PullConsumer = stream.get_consumer(CONSUMER).await.unwrap();
    let taken = consumer.fetch().max_messages(2).messages().await.unwrap();
    assert_eq!(taken.count().await, 2);
}

#[tokio::test]
async fn a_stream_that_was_left_over_is_made_anew_with_its_consumer() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (local, folder) = (Local::for_tests(), tempfile::tempdir().unwrap());
    let binary = install::find_or_install(project).await.unwrap();
    let mut server = Server::start(&local, &binary, folder.path(), "").await.unwrap();
    let names = Names::of("t1");
    let store = Store::open(&server.access(), &names).await.unwrap();
    let consumer = ConsumerSettings { ack: Ack::Explicit, ack_wait: None, max_ack_pending: None };
    let kept_in = |storage| StreamSettings {
        storage,
        retention: Retention::Limits,
        duplicate_window: None,
        max_messages: None,
    };
    let (file, memory) = (kept_in(Storage::File), kept_in(Storage::Memory));
    store.create(&file, Some(&consumer)).await.unwrap();
    // The same settings, which the server would take for the same stream, and others, which it would refuse.
    for settings in [&file, &memory] {
        left_by_another_run(&server, &names).await;
        assert_eq!(store.backlog().await.unwrap(), Backlog::Left { pending: 3, ack_pending: 2 });
        store.create(settings, Some(&consumer)).await.unwrap();
        assert_eq!(store.backlog().await.unwrap(), Backlog::Left { pending: 0, ack_pending: 0 });
        assert_eq!(store.read_back(|_| Ok(())).await.unwrap(), Some(0));
    }
    store.delete().await;
    let store = Store::open(&server.access(), &names).await.unwrap();
    assert_eq!(
        (store.read_back(|_| Ok(())).await.unwrap(), store.backlog().await.unwrap()),
        (None, Backlog::Gone)
    );
    server.stop().await.unwrap();
}
