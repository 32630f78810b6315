//! What the Kafka client reports, and what a reader says of the end, on a real broker.

use crate::support::{
    kafka_server::Kafka,
    worker::{Run, Worker, ids},
};
use ledger::Kind;

const LAB_2: &str = env!("CARGO_BIN_EXE_lab-02-fire-and-forget");
const LAB_3: &str = env!("CARGO_BIN_EXE_lab-03-acks");

/// A producer that waits for acks, and loses its patience soon.
const IMPATIENT: [&str; 3] = ["kafka-producer", "--ack-timeout-ms", "5000"];

/// A producer's run from `go` to its end, undisturbed.
fn produces(run: &Run, arguments: &[&str]) -> Worker {
    let mut producer = run.start("producer-0", arguments).goes();
    producer.says(":: done");
    producer.stops();
    producer
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_mean_what_the_broker_did() {
    let mut kafka = Kafka::start();
    kafka.create_topic("good", &[]).await;
    kafka.create_topic("narrow", &[("max.message.bytes", "1000")]).await;
    kafka.create_topic("paused", &[]).await;
    kafka.create_topic("down", &[]).await;

    let run = |program, topic| Run::on_kafka(&kafka.brokers, program, topic).with("HARNESS_PAYLOAD", "1200");
    let runs = [(LAB_3, "good"), (LAB_2, "good"), (LAB_3, "narrow"), (LAB_2, "narrow")];
    let runs = runs.map(|(program, topic)| run(program, topic));
    let told = |which: usize, kind| produces(&runs[which], &["kafka-producer"]).told(kind);
    assert_eq!(told(0, Kind::Acked), ids(0..100));
    assert_eq!(told(1, Kind::Unconfirmed), ids(0..100));
    assert_eq!(kafka.stored("good"), 200);

    // What the window lets pass, the client takes.
    let many = run(LAB_3, "good").with("HARNESS_MESSAGES", "50000");
    let producer = produces(&many, &["kafka-producer", "--window", "1000"]);
    assert_eq!((producer.told(Kind::Rejected), producer.told(Kind::Acked).len()), (vec![], 50_000));

    // Too large: who asks is told no, and who does not ask is told ok.
    assert_eq!(told(2, Kind::Rejected), ids(0..100));
    assert_eq!(told(3, Kind::Unconfirmed), ids(0..100));
    assert_eq!(kafka.stored("narrow"), 0);

    // In flight when the time is over: nobody knows.
    let run_paused = run(LAB_3, "paused");
    let mut producer = run_paused.start("producer-0", &IMPATIENT);
    producer.says(":: ready");
    producer.order("arm stalled 1");
    kafka.pause();
    producer.order("go");
    producer.says(":: point stalled 1");
    producer.order("arm all-reported 1");
    producer.order("release stalled");
    producer.says(":: point all-reported 1");
    kafka.resume();
    producer.order("release all-reported");
    producer.says(":: done");
    producer.stops();
    assert_eq!(producer.told(Kind::Attempted), ids(0..100));
    assert_eq!((producer.told(Kind::Acked), producer.told(Kind::Rejected)), (vec![], vec![]));
    assert_eq!(kafka.stored("paused"), 100, "unknown, and it is there");

    // Never sent when the time is over: certainly not.
    let run_down = run(LAB_3, "down");
    let mut producer = run_down.start("producer-0", &IMPATIENT);
    producer.says(":: ready");
    producer.order("arm all-reported 1");
    kafka.kill();
    producer.order("go");
    producer.says(":: point all-reported 1");
    kafka.restart();
    producer.order("release all-reported");
    producer.says(":: done");
    producer.stops();
    assert_eq!(producer.told(Kind::Rejected), ids(0..100));
    assert_eq!(kafka.stored("down"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_idle_only_behind_everything_that_was_there() {
    let kafka = Kafka::start();
    kafka.create_topic("read", &[]).await;
    let [run, other_run] = [0, 1].map(|_| Run::on_kafka(&kafka.brokers, LAB_3, "read"));

    let mut reader = run.start("consumer-0", &["kafka-consumer"]).goes();
    reader.order("drain m1");
    reader.says(":: idle m1");
    produces(&run, &["kafka-producer"]);
    reader.order("drain m2");
    reader.says(":: idle m2");
    assert_eq!(reader.told(Kind::Applied), ids(0..100));

    // Held with the first of the next: it must not answer.
    reader.order("arm applied 1");
    produces(&other_run, &["kafka-producer"]);
    reader.says(":: point applied 1");
    reader.order("drain m3");
    assert_eq!(reader.said(), Vec::<String>::new());
    reader.kill();

    // The next life takes up behind what was done, at once: it need not wait for the session of the last to end.
    let mut again = run.start_again("consumer-0", 1, &["kafka-consumer"]).goes();
    again.order("drain m4");
    again.says(":: idle m4");
    again.stops();
    assert_eq!(again.told(Kind::Applied), ids(0..100), "all of the second hundred");

    // Nothing is left, and it is handed nothing at all.
    let mut last = run.start_again("consumer-0", 2, &["kafka-consumer"]).goes();
    last.order("drain m5");
    last.says(":: idle m5");
    last.stops();
    assert_eq!(last.told(Kind::Delivered), vec![]);

    // Who reads alone reads all of it, whatever the group has done.
    let run = Run::on_kafka(&kafka.brokers, LAB_2, "read");
    let mut alone = run.start("consumer-0", &["kafka-consumer"]).goes();
    alone.order("drain m6");
    alone.says(":: idle m6");
    alone.stops();
    assert_eq!(alone.told(Kind::Applied), [ids(0..100), ids(0..100)].concat());
}

/// A worker that is ready has a connection to the partition's leader. What it does next reaches the broker, whatever
/// happens to the one by which it found it.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn who_is_ready_can_reach_the_leader() {
    let kafka = Kafka::start();
    kafka.create_topic("reach", &[]).await;
    let run = Run::on_kafka(&kafka.brokers, LAB_3, "reach");
    for (name, kind) in [("producer-0", "kafka-producer"), ("consumer-0", "kafka-consumer")] {
        let worker = run.start(name, &[kind]);
        worker.says(":: ready");
        let open = worker.connections(&kafka.brokers);
        // Where there is one broker, they are the same.
        assert!(open >= 1, "{name} has {open}");
    }
}
