//! Lab 2's workers and the kit's protocol, driven over standard input and output by hand-written lines.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    client, create_stream,
    nats_server::{Server, until},
    worker::{Run, Worker, ids},
};
use ledger::{Kind, MessageId};

/// It stalls, which takes 300 ms, long before it gives an ack up.
const JETSTREAM_PRODUCER: [&str; 5] = ["jetstream-producer", "--window", "10", "--ack-timeout-ms", "4000"];

/// A producer's run from `go` to its end, undisturbed.
fn produces(run: &Run, arguments: &[&str]) -> Worker {
    let mut producer = run.start("producer-0", arguments).goes();
    producer.says(":: done");
    producer.stops();
    producer
}

/// The harness's part in a drain on core NATS.
async fn drains(server: &Server, consumer: &mut Worker) {
    consumer.order("drain m1");
    let client = client(server).await;
    client.publish("lab.k7.sentinel", "m1".into()).await.expect("the test's server");
    client.flush().await.expect("the test's server");
    consumer.says(":: idle m1");
}

/// Until a consumer on core NATS is connected again: it says idle after a sentinel, whichever it is that reaches it.
async fn is_back(server: &Server, consumer: &mut Worker) {
    consumer.order("drain back");
    let client = client(server).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !consumer.said().contains(&":: idle back".to_owned()) {
        assert!(Instant::now() < deadline, "it does not come back");
        client.publish("lab.k7.sentinel", "back".into()).await.expect("the test's server");
        client.flush().await.expect("the test's server");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn set(ids: Vec<MessageId>) -> BTreeSet<MessageId> {
    ids.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_before_anybody_listens_is_lost() {
    let server = Server::start();
    let run = Run::on(&server);
    let producer = produces(&run, &["producer"]);
    assert_eq!(producer.told(Kind::Attempted), ids(0..100));
    assert_eq!(producer.told(Kind::Unconfirmed), ids(0..100), "and nobody saw an error");
    assert_eq!((producer.passed("all-published"), producer.passed("flush-ok")), (1, 1));

    let mut consumer = run.start("consumer-0", &["consumer"]).goes();
    drains(&server, &mut consumer).await;
    consumer.stops();
    assert_eq!(consumer.told(Kind::Delivered), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_keeps_exactly_its_capacity() {
    let server = Server::start();
    let run = Run::on(&server).with("HARNESS_MESSAGES", "5000");
    let mut consumer = run.start("consumer-0", &["consumer", "--capacity", "1000"]);
    consumer.says(":: ready");
    consumer.order("arm reading 1");
    consumer.order("arm sentinel 1");
    consumer.order("go");
    consumer.says(":: point reading 1");
    produces(&run, &["producer"]);
    consumer.says(":: point sentinel 1");
    consumer.order("release sentinel");
    consumer.order("release reading");
    drains(&server, &mut consumer).await;
    let figures = consumer.stops();
    assert_eq!(consumer.told(Kind::Delivered), ids(0..1000));
    assert_eq!(consumer.told(Kind::Applied), ids(0..1000));
    assert!(figures.iter().any(|line| line.starts_with(":: figure delivery_seconds_p99 ")), "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_takes_messages_and_the_flush_is_content() {
    let mut server = Server::start();
    let run = Run::on(&server).with("HARNESS_MESSAGES", "5000").with("HARNESS_PAYLOAD", "4096");
    let mut consumer = run.start("consumer-0", &["consumer"]).goes();
    let mut producer = run.start("producer-0", &["producer"]);
    producer.says(":: ready");
    producer.order("arm stalled 1");
    server.pause();
    producer.order("go");
    producer.says(":: point stalled 1");
    server.kill_and_restart();
    // Who is not back when the rest is sent gets nothing of it.
    is_back(&server, &mut consumer).await;
    producer.order("release stalled");
    producer.says(":: done");
    producer.stops();
    drains(&server, &mut consumer).await;
    consumer.stops();
    assert_eq!(producer.told(Kind::Unconfirmed), ids(0..5000));
    assert_eq!(producer.passed("flush-ok"), 1);
    let delivered = consumer.told(Kind::Delivered);
    assert!(!delivered.is_empty(), "it went on after the restart");
    assert!(delivered.len() < 5000, "what was under way is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_the_queue_group_dies_with_a_message_in_hand() {
    let server = Server::start();
    let run = Run::on(&server);
    let mut victim = run.start("consumer-0", &["consumer"]);
    victim.says(":: ready");
    victim.order("arm in-hand 5");
    victim.order("go");
    let mut other = run.start("consumer-1", &["consumer"]).goes();
    produces(&run, &["producer"]);
    victim.says(":: point in-hand 5");
    victim.kill();
    drains(&server, &mut other).await;
    other.stops();

    assert_eq!((victim.told(Kind::Delivered).len(), victim.told(Kind::Applied).len()), (5, 4));
    assert_eq!(victim.passed("in-hand"), 5, "counted, though it was killed there");
    let applied = &set(victim.told(Kind::Applied)) | &set(other.told(Kind::Applied));
    let lost = &set(ids(0..100)) - &applied;
    assert!(lost.contains(&victim.told(Kind::Delivered)[4]), "the one in hand");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_what_nobody_was_there_for() {
    let server = Server::start();
    let (stream, _) = create_stream(&async_nats::jetstream::new(client(&server).await), |_| {}).await;
    let run = Run::on(&server);
    let mut producer = run.start("producer-0", &JETSTREAM_PRODUCER).goes();
    producer.says(":: done");
    let figures = producer.stops();
    assert_eq!(producer.told(Kind::Acked), ids(0..100));
    assert!(figures.iter().any(|line| line.starts_with(":: figure publish_ack_seconds_max ")), "{figures:?}");

    let mut consumer = run.start("consumer-0", &["jetstream-consumer"]);
    consumer.says(":: ready");
    consumer.order("arm reading 1");
    consumer.order("go");
    consumer.says(":: point reading 1");
    consumer.order("drain m1");
    consumer.order("release reading");
    consumer.says(":: idle m1");
    consumer.stops();
    for kind in [Kind::Delivered, Kind::Applied, Kind::Settled] {
        assert_eq!(consumer.told(kind), ids(0..100), "{kind:?}");
    }
    assert_eq!(
        stream.get_info().await.expect("the stream").state.messages,
        100,
        "the sentinels are not in it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gives_the_dead_members_message_to_another() {
    let server = Server::start();
    create_stream(&async_nats::jetstream::new(client(&server).await), |_| {}).await;
    let run = Run::on(&server);
    let mut victim = run.start("consumer-0", &["jetstream-consumer", "--batch", "10"]);
    victim.says(":: ready");
    victim.order("arm in-hand 5");
    victim.order("go");
    produces(&run, &JETSTREAM_PRODUCER);
    victim.says(":: point in-hand 5");
    victim.kill();
    let other = run.start("consumer-1", &["jetstream-consumer"]).goes();
    let in_hand = victim.told(Kind::Delivered)[4];
    until("all have their effect", || {
        let applied = &set(victim.told(Kind::Applied)) | &set(other.told(Kind::Applied));
        (applied == set(ids(0..100))).then_some(())
    });
    assert!(other.told(Kind::Applied).contains(&in_hand));
}

#[tokio::test(flavor = "multi_thread")]
async fn acked_messages_outlive_the_broker() {
    let mut server = Server::start();
    create_stream(&async_nats::jetstream::new(client(&server).await), |_| {}).await;
    let run = Run::on(&server);
    let consumer = run.start("consumer-0", &["jetstream-consumer"]).goes();
    let mut producer = run.start("producer-0", &JETSTREAM_PRODUCER);
    producer.says(":: ready");
    producer.order("arm stalled 1");
    server.pause();
    producer.order("go");
    producer.says(":: point stalled 1");
    server.kill_and_restart();
    producer.order("release stalled");
    producer.says(":: done");
    producer.stops();
    let acked = set(producer.told(Kind::Acked));
    assert_eq!(producer.told(Kind::Attempted), ids(0..100));
    assert!(
        acked.len() >= 50 && acked.len() < 100,
        "the first window is unknown, then it goes on: {}",
        acked.len()
    );
    until("each acked message has its effect", || {
        acked.is_subset(&set(consumer.told(Kind::Applied))).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_producer_goes_on_and_sends_the_unknown_again_if_told() {
    for (resend, first) in [("never", 10), ("unknown", 0)] {
        let server = Server::start();
        create_stream(&async_nats::jetstream::new(client(&server).await), |_| {}).await;
        let run = Run::on(&server).with("HARNESS_RESEND", resend);
        let mut producer = run.start("producer-0", &JETSTREAM_PRODUCER);
        producer.says(":: ready");
        producer.order("arm stalled 1");
        server.pause();
        producer.order("go");
        producer.says(":: point stalled 1");
        producer.kill();
        server.resume();
        assert_eq!(producer.told(Kind::Attempted), ids(0..10), "the window");

        let mut again = run.start_again("producer-0", 1, &JETSTREAM_PRODUCER).goes();
        again.says(":: done");
        again.stops();
        assert_eq!(again.told(Kind::Attempted), ids(first..100), "{resend}");
        assert_eq!(again.told(Kind::Acked), ids(first..100), "{resend}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_is_said_only_behind_the_sentinel_and_once_for_each_mark() {
    let server = Server::start();
    let run = Run::on(&server);
    let mut consumer = run.start("consumer-0", &["consumer"]).goes();
    consumer.order("arm in-hand 1");
    consumer.order("drain m1");
    let client = client(&server).await;
    client.publish("lab.k7.sentinel", "m0".into()).await.expect("the test's server");
    client.publish("lab.k7", "k7 0-0 1 ".into()).await.expect("the test's server");
    consumer.says(":: point in-hand 1");
    assert_eq!(consumer.said(), [""; 0], "another mark's sentinel, and a message behind it: not idle");
    client.publish("lab.k7.sentinel", "m1".into()).await.expect("the test's server");
    consumer.order("release in-hand");
    consumer.says(":: idle m1");
    client.publish("lab.k7.sentinel", "m1".into()).await.expect("the test's server");
    client.publish("lab.k7.sentinel", "m2".into()).await.expect("the test's server");
    consumer.order("drain m2");
    consumer.says(":: idle m2");
    let rest = consumer.stops();
    assert!(rest.iter().all(|line| line.starts_with(":: figure ")), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_messages_are_crossed_and_not_applied() {
    let server = Server::start();
    let run = Run::on(&server);
    let mut consumer = run.start("consumer-0", &["consumer"]).goes();
    let client = client(&server).await;
    for payload in ["staging 3-4 1 ", "hello", "", "k7 0-1 1 "] {
        client.publish("lab.k7", payload.into()).await.expect("the test's server");
    }
    client.flush().await.expect("the test's server");
    drains(&server, &mut consumer).await;
    consumer.stops();
    assert_eq!(consumer.told(Kind::Crossed), [MessageId::new(3, 4)]);
    assert_eq!(consumer.told(Kind::Delivered), [MessageId::new(0, 1)]);
    assert_eq!(consumer.told(Kind::Applied), [MessageId::new(0, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_that_is_looked_for_elsewhere_is_only_reported() {
    let server = Server::start();
    let run = Run::on(&server).with("HARNESS_EFFECT", "webhook").with("HARNESS_RATE", "1000");
    let mut consumer = run.start("consumer-0", &["consumer"]).goes();
    produces(&run, &["producer"]);
    drains(&server, &mut consumer).await;
    consumer.stops();
    assert_eq!(consumer.told(Kind::Reported), ids(0..100));
    assert_eq!(consumer.told(Kind::Applied), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_standard_input_ends_a_worker_that_is_held() {
    let server = Server::start();
    let run = Run::on(&server);
    let mut held = run.start("consumer-0", &["consumer"]);
    held.says(":: ready");
    held.order("arm reading 1");
    held.order("go");
    held.says(":: point reading 1");
    held.hang_up();
    assert!(held.ends().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_frees_a_held_worker() {
    let server = Server::start();
    let run = Run::on(&server);
    let mut consumer = run.start("consumer-0", &["consumer"]);
    consumer.says(":: ready");
    consumer.order("no such order");
    consumer.order("arm reading 1");
    consumer.order("go");
    consumer.says(":: point reading 1");
    consumer.stops();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_a_workers_last_word() {
    let server = Server::start();
    let last_word = |run: Run, arguments: &[&str]| {
        let (status, rest) = run.start("consumer-0", arguments).ends();
        assert_eq!(status.code(), Some(1));
        rest.concat()
    };
    let word = last_word(Run::on(&server).with("NATS_PASSWORD", "wrong"), &["consumer"]);
    assert!(word.starts_with(":: failed cannot connect to NATS at nats://127.0.0.1:"), "{word}");
    let word = last_word(Run::on(&server), &["jetstream-consumer"]);
    assert!(word.starts_with(":: failed cannot use the consumer workers of the stream LAB_k7"), "{word}");
    let word = last_word(Run::on(&server).with("NATS_SUBJECT", ""), &["consumer"]);
    assert!(word.contains("NATS_SUBJECT is not set"), "{word}");
    let word = last_word(Run::on(&server).with("HARNESS_RUN", "xyz"), &["consumer"]);
    assert!(word.starts_with(":: failed the environment variable HARNESS_RUN is `xyz`"), "{word}");
}

/// Not a test: the worker of the next one. This program is started again to run only this.
#[tokio::test]
#[ignore = "a worker, started by a_participants_println_does_not_disturb_the_protocol"]
async fn a_worker_that_prints() {
    labs::run(async |kit| {
        print!("half a line ");
        println!(":: acked 0-1");
        print!("more without an end");
        std::io::stdout().flush()?;
        kit.ready().await;
        println!(":: done");
        kit.stopped().await;
        Ok(())
    })
    .await;
}

#[test]
fn a_participants_println_does_not_disturb_the_protocol() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut process = Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "workers::a_worker_that_prints", "--nocapture"])
        .env("HARNESS_RUN", "1")
        .env("HARNESS_TAG", "k7")
        .env("HARNESS_WORKER", "consumer-0")
        .env("HARNESS_JOURNAL", folder.path().join("consumer-0.0"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program");
    let mut orders = process.stdin.take().expect("it is piped");
    orders.write_all(b"go\nstop\n").expect("it listens");
    let output = process.wait_with_output().expect("our own child");
    drop(orders);
    let said = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = said.lines().filter(|line| line.contains("::")).collect();
    assert_eq!(words, [":: ready"]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("half a line :: acked 0-1"), "it is in the log: {log}");
}
