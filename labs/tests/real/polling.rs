//! Lab 1's workers on a real PostgreSQL, driven by hand-written lines.

use std::time::{Duration, Instant};

use crate::support::{
    postgres_server::Server,
    worker::{Run, Worker, ids},
};
use ledger::{Kind, MessageId};

/// Without the pause there is nothing to see, with a long one nothing to wait for.
const POLLER: [&str; 3] = ["claiming-poller", "--every-ms", "5"];

async fn produces(run: &Run, arguments: &[&str]) -> Worker {
    let mut producer = run.start("producer-0", arguments).goes();
    producer.says(":: done");
    producer.stops();
    producer
}

/// How often each message was applied: messages, effects.
async fn applied(server: &Server) -> (i64, i64) {
    let count = sqlx::query_as("select count(distinct message), count(*) from effects");
    count.fetch_one(&mut server.connect().await).await.expect("the test's server")
}

#[tokio::test]
async fn a_commit_without_an_answer_is_unknown_until_it_was_asked_for() {
    let mut server = Server::start().await;
    let run = Run::on_database(&server);
    let mut producer = run.start("producer-0", &["producer", "--resolve"]);
    producer.says(":: ready");
    producer.order("arm before-commit 5");
    producer.order("go");
    producer.says(":: point before-commit 5");
    server.kill_and_restart();
    producer.order("release before-commit");
    producer.says(":: done");
    producer.stops();

    assert_eq!(producer.told(Kind::Attempted), ids(0..100));
    assert_eq!(producer.told(Kind::ResolvedAbsent), ids(4..5), "it asked, and went on");
    let acked: Vec<MessageId> = ids(0..100).into_iter().filter(|id| id.seq != 4).collect();
    assert_eq!(producer.told(Kind::Acked), acked);
    let stored = sqlx::query_scalar("select count(*) from messages");
    let stored: i64 = stored.fetch_one(&mut server.connect().await).await.expect("the test's server");
    assert_eq!(stored, 99);
}

#[tokio::test]
async fn a_killed_poller_leaves_nothing_behind_and_another_goes_on() {
    let server = Server::start().await;
    let run = Run::on_database(&server);
    produces(&run, &["producer"]).await;

    let mut poller = run.start("consumer-0", &POLLER);
    poller.says(":: ready");
    poller.order("arm before-commit 30");
    poller.order("go");
    poller.says(":: point before-commit 30");
    // Another one passes over the row that this one has, but is not idle while it has it.
    let mut other = run.start("consumer-1", &POLLER).goes();
    other.order("drain m1");
    let deadline = Instant::now() + Duration::from_secs(60);
    while applied(&server).await.1 < 99 {
        assert!(Instant::now() < deadline, "{:?} are applied", applied(&server).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(other.said(), [""; 0], "one row is not done");
    poller.kill();
    other.says(":: idle m1");
    other.stops();
    assert_eq!(applied(&server).await, (100, 100));
    assert_eq!(other.told(Kind::Delivered).len(), 71, "and the row that the killed one had");
}

#[tokio::test]
async fn a_poller_comes_back_after_the_server() {
    let mut server = Server::start().await;
    let run = Run::on_database(&server);
    produces(&run, &["producer"]).await;
    let mut poller = run.start("consumer-0", &POLLER);
    poller.says(":: ready");
    poller.order("arm before-commit 30");
    poller.order("go");
    poller.says(":: point before-commit 30");
    server.kill_and_restart();
    poller.order("drain m1");
    poller.order("release before-commit");
    poller.says(":: idle m1");
    poller.stops();
    assert_eq!(applied(&server).await, (100, 100));
}

#[tokio::test]
async fn a_listener_is_idle_when_it_has_heard_all_and_catches_up_when_told_so() {
    let server = Server::start().await;
    let run = Run::on_database(&server);
    let mut listener = run.start("consumer-0", &["listener"]).goes();
    produces(&run, &["producer", "--notify"]).await;
    listener.order("drain m1");
    listener.says(":: idle m1");
    assert_eq!(listener.told(Kind::Delivered), ids(0..100));
    listener.stops();

    // Nobody listens to the next hundred.
    let another = Run::on_database(&server).with("HARNESS_PRODUCER", "1");
    produces(&another, &["producer", "--notify"]).await;
    for (name, arguments, heard) in
        [("consumer-1", &["listener"][..], 0), ("consumer-2", &["listener", "--catch-up"], 100)]
    {
        let mut listener = run.start(name, arguments).goes();
        listener.order("drain m1");
        listener.says(":: idle m1");
        assert_eq!(listener.told(Kind::Delivered).len(), heard, "{arguments:?}");
        listener.stops();
    }
}

#[tokio::test]
async fn a_listener_that_was_cut_off_catches_up_on_all_that_it_missed() {
    let server = Server::start().await;
    for (producer, arguments, heard) in [("0", &["listener", "--catch-up"][..], 100), ("1", &["listener"], 0)]
    {
        let run = Run::on_database(&server).with("HARNESS_PRODUCER", producer);
        let mut listener = run.start("consumer-0", arguments);
        listener.says(":: ready");
        listener.order("arm waiting 1");
        listener.order("arm disconnected 1");
        listener.order("go");
        listener.says(":: point waiting 1");
        // Both of its sessions, the one that listens and the one that works.
        let end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                   where application_name = 'k7/consumer-0.0'";
        let ended = sqlx::query(end).execute(&mut server.connect().await).await.expect("the test's server");
        assert_eq!(ended.rows_affected(), 2);
        listener.order("release waiting");
        listener.says(":: point disconnected 1");
        produces(&run, &["producer", "--notify"]).await;
        listener.order("release disconnected");
        listener.order("drain m1");
        listener.says(":: idle m1");
        assert_eq!(listener.told(Kind::Delivered).len(), heard, "{arguments:?}");
        listener.stops();
    }
}
