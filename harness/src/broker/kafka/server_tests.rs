//! One real broker through all that may happen to it.

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use rdkafka::{
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::*;
use crate::broker::Committed;
use crate::broker::kafka::{
    client,
    install::{self, KafkaServer},
    store::{Backlog, Names, Store},
};

const BOUND: Duration = Duration::from_secs(60);

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

async fn kafka() -> KafkaServer {
    install::find_or_install(&project()).await.unwrap()
}

/// Produces with acks=all until each has been acked.
fn produce(bootstrap: &str, topic: &str, texts: impl Iterator<Item = String>) {
    let mut config = client::config(bootstrap);
    config.set("acks", "all");
    let producer: BaseProducer = config.create().unwrap();
    for text in texts {
        producer.send(BaseRecord::<(), str>::to(topic).payload(&text)).unwrap();
    }
    producer.flush(BOUND).unwrap();
}

/// A member of the group that takes so many messages and commits after the last.
fn consume(bootstrap: &str, names: &Names, count: usize) {
    let mut config = client::config(bootstrap);
    config
        .set("group.id", &names.group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[&names.topic]).unwrap();
    let deadline = Instant::now() + BOUND;
    let mut taken = 0;
    while taken < count {
        assert!(Instant::now() < deadline, "{taken} of {count} came");
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            taken += 1;
            if taken == count {
                consumer.commit_message(&message, CommitMode::Sync).unwrap();
            }
        }
    }
}

async fn read_back(store: &Store) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let read = store.read_back(|payload, committed| {
        assert_eq!(committed, Committed::Yes);
        texts.push(String::from_utf8(payload.to_vec()).unwrap());
        Ok(())
    });
    let count = read.await.unwrap()?;
    assert_eq!(count, texts.len() as u64);
    texts.sort();
    Some(texts)
}

/// How many messages the log holds that count, that were given up, and that are not decided.
async fn held(store: &Store) -> [u64; 3] {
    let mut held = [0; 3];
    let read = store.read_back(|_, committed| {
        held[committed as usize] += 1;
        Ok(())
    });
    assert_eq!(read.await.unwrap(), Some(held[0]));
    held
}

fn texts(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| format!("message {number:05}")).collect()
}

#[tokio::test]
async fn a_broker_is_killed_paused_and_started_again_and_loses_nothing_that_was_acked() {
    let local = Local::for_tests();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&local, &kafka().await, folder.path(), "").await.unwrap();
    let names = Names::of("t1");
    let store = Store::open(server.reach().own, &names).await.unwrap();
    assert_eq!(store.backlog().await.unwrap(), Backlog::Gone, "no topic yet");
    assert_eq!(read_back(&store).await, None);
    store.create(3, &BTreeMap::new()).await.unwrap();
    assert_eq!(read_back(&store).await, Some(Vec::new()));

    produce(&server.reach().workers.to_string(), &names.topic, texts(0..1000).into_iter());
    assert_eq!(store.backlog().await.unwrap(), Backlog::Left { behind: 1000 });
    let (pid, port) = (server.node().unwrap().pid(), server.port());
    assert_eq!(server.kill().await.unwrap(), (true, "exit by signal 9".to_owned()));
    assert!(!server.alive());
    server.restart(&local).await.unwrap();
    assert!(server.alive() && server.port() == port && server.node().unwrap().pid() != pid);
    let store = Store::open(server.reach().own, &names).await.unwrap();
    assert_eq!(read_back(&store).await, Some(texts(0..1000)), "all that was acked is there");

    // Longer than its session: the controller takes it to be gone.
    assert_eq!(server.pause().await.unwrap(), "state T, every thread");
    tokio::time::sleep(Duration::from_millis(1500)).await; // the pause itself, not a wait
    server.resume();
    server.resume();
    produce(&server.reach().workers.to_string(), &names.topic, texts(1000..1100).into_iter());
    assert_eq!(read_back(&store).await, Some(texts(0..1100)));

    let terminated = server.terminate().await.unwrap();
    assert_eq!(terminated, "exit code 143");
    assert_eq!(server.kill().await.unwrap(), (false, terminated), "it had ended by itself");
    server.restart(&local).await.unwrap();
    let store = Store::open(server.reach().own, &names).await.unwrap();
    assert_eq!(read_back(&store).await, Some(texts(0..1100)));
    assert!(server.restart(&local).await.is_err(), "it has not ended");
    store.delete().await;
    server.stop().await.unwrap();
    assert!(!server.alive());
}

#[tokio::test]
async fn the_backlog_is_what_can_still_be_delivered() {
    let local = Local::for_tests();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&local, &kafka().await, folder.path(), "").await.unwrap();
    let names = Names::of("t2");
    let store = Store::open(server.reach().own, &names).await.unwrap();
    store.create(1, &BTreeMap::from([("max.message.bytes".to_owned(), "1000".to_owned())])).await.unwrap();
    let bootstrap = server.reach().workers.to_string();
    produce(&bootstrap, &names.topic, texts(0..20).into_iter());
    consume(&bootstrap, &names, 15);
    assert_eq!(store.backlog().await.unwrap(), Backlog::Left { behind: 5 });
    consume(&bootstrap, &names, 5);
    assert_eq!(store.backlog().await.unwrap(), Backlog::Left { behind: 0 });

    // A transaction: open, it may still come; committed and taken, only its mark is left; given up, nothing comes.
    let mut config = client::config(&bootstrap);
    config.set("transactional.id", "t2");
    let producer: BaseProducer = config.create().unwrap();
    let send = || {
        producer.send(BaseRecord::<(), str>::to(&names.topic).payload("message x")).unwrap();
        producer.flush(BOUND).unwrap();
    };
    producer.init_transactions(BOUND).unwrap();
    producer.begin_transaction().unwrap();
    send();
    assert_eq!(store.backlog().await.unwrap(), Backlog::Left { behind: 1 });
    assert_eq!(held(&store).await, [20, 0, 1], "open");
    producer.commit_transaction(BOUND).unwrap();
    becomes(&store, Backlog::Left { behind: 2 }).await;
    consume(&bootstrap, &names, 1);
    assert_eq!(store.backlog().await.unwrap(), Backlog::Left { behind: 0 });
    producer.begin_transaction().unwrap();
    send();
    producer.abort_transaction(BOUND).unwrap();
    becomes(&store, Backlog::Left { behind: 0 }).await;
    assert_eq!(held(&store).await, [21, 1, 0], "given up, and the log holds it all the same");
    // What is behind an open one is not decided either, though it is of no transaction.
    producer.begin_transaction().unwrap();
    send();
    produce(&bootstrap, &names.topic, texts(20..22).into_iter());
    assert_eq!(held(&store).await, [21, 1, 3]);
    producer.abort_transaction(BOUND).unwrap();
    let deadline = Instant::now() + BOUND;
    while held(&store).await != [23, 2, 0] {
        assert!(Instant::now() < deadline, "the transaction was not given up");
    }

    // One that was left over is replaced; a wrong setting is named.
    store.create(2, &BTreeMap::new()).await.unwrap();
    assert_eq!(read_back(&store).await, Some(Vec::new()));
    let wrong = Store::open(server.reach().own, &Names::of("t3")).await.unwrap();
    let error = wrong.create(1, &BTreeMap::from([("max.mesage.bytes".to_owned(), "1".to_owned())])).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("lab.t3") && error.contains("max.mesage.bytes"), "{error}");

    store.delete().await;
    let store = Store::open(server.reach().own, &names).await.unwrap();
    becomes(&store, Backlog::Gone).await;
    assert_eq!(read_back(&store).await, None);
    server.stop().await.unwrap();
}

/// The end of a transaction and the removal of a topic are told before they are done.
async fn becomes(store: &Store, wanted: Backlog) {
    let deadline = Instant::now() + BOUND;
    loop {
        let found = store.backlog().await.unwrap();
        if found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} instead of {wanted:?}");
    }
}

#[tokio::test]
#[ignore = "a measurement: cargo test -p harness --bin harness kafka::server::tests::how_long -- --ignored --nocapture"]
async fn how_long_starts_take() {
    let (local, kafka) = (Local::for_tests(), kafka().await);
    let [mut starts, mut restarts] = [Vec::new(), Vec::new()];
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let begin = Instant::now();
        let mut server = Server::start(&local, &kafka, folder.path(), "").await.unwrap();
        starts.push(begin.elapsed());
        let names = Names::of("t4");
        let store = Store::open(server.reach().own, &names).await.unwrap();
        store.create(1, &BTreeMap::new()).await.unwrap();
        produce(&server.reach().workers.to_string(), &names.topic, texts(0..1000).into_iter());
        server.kill().await.unwrap();
        let begin = Instant::now();
        server.restart(&local).await.unwrap();
        restarts.push(begin.elapsed());
        server.stop().await.unwrap();
    }
    for (what, mut took) in [("a start", starts), ("a start after a kill", restarts)] {
        took.sort();
        println!("{what}: median {:?}, {:?} to {:?}", took[5], took[0], took[9]);
    }
}
