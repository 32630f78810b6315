//! Names that another run has left on a real broker: a topic, a group with and without members, an open transaction.

use std::path::Path;

use rdkafka::{
    ClientConfig,
    consumer::CommitMode,
    producer::{BaseProducer, BaseRecord, Producer},
};

use super::*;
use crate::{
    broker::kafka::{install, server::Server},
    runtime::local::Local,
};

const BOUND: Duration = Duration::from_secs(60);

/// The name of a producer that both runs have.
const PRODUCER: &str = "t1/producer-0";

fn transactional(bootstrap: &str) -> BaseProducer {
    let mut config = client::config(bootstrap);
    config.set("transactional.id", PRODUCER).set("transaction.timeout.ms", "600000");
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(BOUND).unwrap();
    producer.begin_transaction().unwrap();
    producer
}

fn send(producer: &BaseProducer, topic: &str, count: u32) {
    for number in 0..count {
        producer.send(BaseRecord::<(), str>::to(topic).payload(&format!("message {number}"))).unwrap();
    }
    producer.flush(BOUND).unwrap();
}

/// How a worker joins: under a name of its own, so that to go is not to leave.
fn joining(bootstrap: &str, names: &Names) -> ClientConfig {
    let mut config = client::config(bootstrap);
    config
        .set("group.id", &names.group)
        .set("group.instance.id", "t1/consumer-0")
        .set("session.timeout.ms", "1000")
        .set("heartbeat.interval.ms", "200")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    config
}

/// Takes so many messages, and commits the last.
fn take(member: &BaseConsumer, count: u32) {
    let deadline = Instant::now() + BOUND;
    let mut taken = 0;
    while taken < count {
        assert!(Instant::now() < deadline, "{taken} of {count} came");
        let Some(Ok(message)) = member.poll(Duration::from_millis(100)) else { continue };
        taken += 1;
        if taken == count {
            member.commit_message(&message, CommitMode::Sync).unwrap();
        }
    }
}

/// How many messages count, were given up, are not decided.
async fn held(store: &Store) -> [u64; 3] {
    let mut held = [0; 3];
    let read = store.read_back(|_, committed| {
        held[committed as usize] += 1;
        Ok(())
    });
    assert_eq!(read.await.unwrap(), Some(held[0]));
    held
}

#[tokio::test]
async fn what_another_run_has_left_is_removed_or_named() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (local, folder) = (Local::for_tests(), tempfile::tempdir().unwrap());
    let kafka = install::find_or_install(project).await.unwrap();
    let mut server = Server::start(&local, &kafka, folder.path(), "").await.unwrap();
    let (names, bootstrap) = (Names::of("t1"), server.reach().workers.to_string());
    let store = Store::open(server.reach().own, &names).await.unwrap();
    assert_eq!(store.remove_group().await.unwrap(), None, "there is none");

    // The other run: ten messages, seven of them done; three more in a transaction that is left open.
    store.create(1, &BTreeMap::new()).await.unwrap();
    let left_open = transactional(&bootstrap);
    send(&left_open, &names.topic, 10);
    left_open.commit_transaction(BOUND).unwrap();
    left_open.begin_transaction().unwrap();
    send(&left_open, &names.topic, 3);
    let member: BaseConsumer = joining(&bootstrap, &names).create().unwrap();
    member.subscribe(&[&names.topic]).unwrap();
    take(&member, 7);

    // Somebody who is still there is named. The client shows by itself that it is.
    store.create(1, &BTreeMap::new()).await.unwrap();
    let named = store.remove_group_within(Duration::from_secs(2)).await.unwrap();
    assert_eq!(named.unwrap(), "another run has members in the group lab.t1, still there after 2s");
    // Somebody who is gone is missed when its session is over.
    drop(member);
    assert_eq!(store.remove_group().await.unwrap(), None);
    assert_eq!(
        (held(&store).await, store.backlog().await.unwrap()),
        ([0, 0, 0], Backlog::Left { behind: 0 })
    );

    // This run, with the same names: it begins at the beginning, and nothing is open.
    let ours = transactional(&bootstrap);
    send(&ours, &names.topic, 9);
    ours.commit_transaction(BOUND).unwrap();
    let member: BaseConsumer = joining(&bootstrap, &names).create().unwrap();
    member.subscribe(&[&names.topic]).unwrap();
    take(&member, 9);
    assert_eq!(
        (held(&store).await, store.backlog().await.unwrap()),
        ([9, 0, 0], Backlog::Left { behind: 0 })
    );
    assert!(left_open.commit_transaction(BOUND).is_err(), "the other one is shut out");
    server.stop().await.unwrap();
}
