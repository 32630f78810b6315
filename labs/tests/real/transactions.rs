//! Kafka transactions on a real broker: what counts, who is fenced, what is given up.

use std::time::Duration;

use crate::support::{
    kafka_server::Kafka,
    nats_server::until,
    worker::{Run, Worker, ids},
};
use ledger::Kind;

const LAB_6: &str = env!("CARGO_BIN_EXE_lab-06-broker-exactly-once");

/// One message in each transaction.
const ONE_BY_ONE: [&str; 3] = ["transformer", "--batch", "1"];

/// 100 messages in the topic `name`, whose results go to `<name>.sink`.
async fn filled(kafka: &Kafka, name: &str, sink: &[(&str, &str)]) -> Run {
    kafka.create_topic(name, &[]).await;
    let sink_name = format!("{name}.sink");
    kafka.create_topic(&sink_name, sink).await;
    let run = Run::on_kafka(&kafka.brokers, LAB_6, name).with("KAFKA_SINK", &sink_name);
    let mut producer = run.start("producer-0", &["kafka-producer", "--window", "100"]).goes();
    producer.says(":: done");
    producer.stops();
    run
}

/// Asks until the worker says that nothing is left to it: a broker may be about to give it its partitions.
fn is_idle(worker: &mut Worker) {
    let mut round = 0;
    until("the worker is idle", || {
        round += 1;
        worker.order(&format!("drain m{round}"));
        worker.hears(&format!(":: idle m{round}"), Duration::from_secs(1)).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_one_left_open_counts_for_nobody_and_is_done_by_its_next_life() {
    let kafka = Kafka::start();
    let run = filled(&kafka, "killed", &[]).await;
    let mut first = run.start("transformer-0", &ONE_BY_ONE);
    first.says(":: ready");
    first.order("arm produced 3");
    first.order("go");
    first.says(":: point produced 3");
    assert_eq!(kafka.committed("killed.sink"), 2, "the third is not decided");
    first.kill();
    // Also what another run of the same names would find: nothing of it is in the way.
    let mut second = run.start_again("transformer-0", 1, &ONE_BY_ONE).goes();
    is_idle(&mut second);
    second.stops();
    assert_eq!(second.told(Kind::Settled), ids(2..100));
    assert_eq!(kafka.committed("killed.sink"), 100);
    assert_eq!(kafka.logged("killed.sink"), 101, "and what was given up is there all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_of_two_is_fenced_and_says_that_nothing_is_left_to_it() {
    let kafka = Kafka::start();
    let run = filled(&kafka, "zombie", &[]).await;
    let mut first = run.start("transformer-0", &ONE_BY_ONE);
    first.says(":: ready");
    first.order("arm produced 3");
    first.order("arm fenced 1");
    first.order("go");
    first.says(":: point produced 3");
    let mut second = run.start("transformer-1", &ONE_BY_ONE).goes();
    is_idle(&mut second);
    first.order("release produced");
    first.says(":: point fenced 1");
    first.order("release fenced");
    is_idle(&mut first);
    first.stops();
    second.stops();
    assert_eq!((first.told(Kind::Settled), second.told(Kind::Settled)), (ids(0..2), ids(2..100)));
    assert_eq!(kafka.committed("zombie.sink"), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_given_up_and_tried_again_from_where_the_group_stands() {
    let kafka = Kafka::start();
    let run = filled(&kafka, "narrow", &[("max.message.bytes", "100")]).await;
    let mut transformer = run.start("transformer-0", &ONE_BY_ONE);
    transformer.says(":: ready");
    transformer.order("arm given-up 2");
    transformer.order("go");
    transformer.says(":: point given-up 2");
    assert_eq!(transformer.told(Kind::Delivered), [ids(0..1), ids(0..1)].concat(), "the same one again");
    assert_eq!(transformer.told(Kind::Settled), vec![]);
    assert_eq!(kafka.logged("narrow.sink"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_to_give_up_and_has_been_replaced_meanwhile_is_fenced() {
    let kafka = Kafka::start();
    let run = filled(&kafka, "late", &[("max.message.bytes", "100")]).await;
    let mut first = run.start("transformer-0", &ONE_BY_ONE);
    first.says(":: ready");
    first.order("arm produced 1");
    first.order("arm fenced 1");
    first.order("go");
    first.says(":: point produced 1");
    // What it sent cannot be stored, so its client will ask for an abort: of that the broker wants to hear no more then.
    let mut second = run.start("transformer-1", &ONE_BY_ONE);
    second.says(":: ready");
    first.order("release produced");
    first.says(":: point fenced 1");
    first.order("release fenced");
    first.stops();
    second.stops();
    assert_eq!((first.told(Kind::Delivered), first.told(Kind::Settled)), (ids(0..1), vec![]));
}
