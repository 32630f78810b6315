//! What the account costs: a worker with the kit against the same client's bare loop without it.
//!
//! `cargo run --release -p labs --example account_cost [core-nats|jetstream-publish|jetstream-consume|kafka|postgres]`
//!
//! Five cases, 128 bytes a message, each 11 pairs of runs on the same server, kit and bare first in turn. Producer and
//! consumer are processes of their own; a rate counts from the first send to the last receipt or ack. Both loops send
//! the same payloads: a message with an id is the application's, what is written down about it is the kit's. The
//! processor time is that of the workers alone, a message: where other work runs beside, it says more than the rates.

mod child;
mod child_kafka;
mod child_postgres;
mod kafka_perf;
mod servers;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    time::Duration,
};

use async_nats::{
    ConnectOptions,
    jetstream::{self, consumer::pull},
};
use labs::{Error, Message, message::Composer, nats};
use ledger::MessageId;

use servers::Servers;

const PAIRS: usize = 11;
const PAYLOAD_BYTES: usize = 128;

/// What is measured.
#[derive(Clone, Copy, PartialEq)]
enum Case {
    /// Core NATS, from the first publish to the last receipt.
    Core,
    /// JetStream, from the first publish to the last ack, a window of 4,000.
    Publish,
    /// JetStream, from the first request to the last of a stream's messages, explicit acks.
    Consume,
    /// Kafka, from the first send to the last ack, acks=all, a window of 10,000.
    Kafka,
    /// PostgreSQL, from the first insert to the last commit, 100 rows a transaction.
    Postgres,
}

impl Case {
    const ALL: [(Self, &str, u32); 5] = [
        (Self::Core, "core-nats", 400_000),
        (Self::Publish, "jetstream-publish", 100_000),
        (Self::Consume, "jetstream-consume", 100_000),
        (Self::Kafka, "kafka", 400_000),
        (Self::Postgres, "postgres", 100_000),
    ];
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [loop_kind, role] = &arguments[..] {
        return child::run(loop_kind, role).await;
    }
    match measure(arguments.first().map(String::as_str)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("account_cost: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(only: Option<&str>) -> Result<(), Error> {
    let mut servers = Servers::default();
    println!(
        "{PAIRS} pairs, {PAYLOAD_BYTES} B; medians, messages a second; ratio = median of kit/bare within a pair"
    );
    for (case, name, messages) in Case::ALL {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let (mut rates, mut ratios, mut processor) = ([vec![], vec![]], vec![], [vec![], vec![]]);
        prepare(&mut servers, case, messages).await?;
        for pair in 0..=PAIRS {
            let order = if pair % 2 == 0 { ["kit", "bare"] } else { ["bare", "kit"] };
            let mut in_pair = [0.0; 2];
            for loop_kind in order {
                let run = run(&servers, case, messages, loop_kind).await?;
                let which = usize::from(loop_kind == "bare");
                in_pair[which] = f64::from(messages) / run.seconds;
                // The first pair warms the server up and does not count.
                if pair > 0 {
                    rates[which].push(in_pair[which]);
                    processor[which].push(run.processor_ns / f64::from(messages));
                }
            }
            if pair > 0 {
                ratios.push(in_pair[0] / in_pair[1]);
            }
        }
        let (least, most) =
            ratios.iter().fold((f64::MAX, 0.0_f64), |(low, high), &r| (low.min(r), high.max(r)));
        let ([kit, bare], ratio) = (rates.map(median), median(ratios));
        println!("{name:18} kit {kit:9.0}  bare {bare:9.0}  ratio {ratio:.3} ({least:.3} to {most:.3})");
        let [kit, bare] = processor.map(median);
        println!("  processor time   kit {kit:6.0} ns  bare {bare:6.0} ns  more {:6.0} ns", kit - bare);
        if case == Case::Kafka {
            match servers.kafka_perf(messages)? {
                Some(rate) => println!("  kafka-producer-perf-test on the same broker {rate:9.0}"),
                None => {
                    println!("  kafka-producer-perf-test is not there: tools/kafka-perf/install fetches it")
                }
            }
        }
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The server that the case needs; and the stream, filled where it is to be consumed.
async fn prepare(servers: &mut Servers, case: Case, messages: u32) -> Result<(), Error> {
    match case {
        Case::Core => return servers.start_nats(),
        Case::Publish | Case::Consume => servers.start_nats()?,
        Case::Kafka => return servers.start_kafka().await,
        Case::Postgres => return servers.start_postgres().await,
    }
    let jetstream = admin(servers).await?;
    let _ = jetstream.delete_stream("LAB_cost").await;
    let config = jetstream::stream::Config {
        name: "LAB_cost".to_owned(),
        subjects: vec!["lab.cost".to_owned()],
        ..Default::default()
    };
    jetstream.create_stream(config).await?;
    if case == Case::Consume {
        let mut composer = Composer::new("cost", PAYLOAD_BYTES);
        for seq in 0..messages {
            let message = Message { id: MessageId::new(0, seq), planned_ns: 0 };
            let ack = jetstream.publish("lab.cost", composer.compose(message)).await?;
            if seq % 4_000 == 0 || seq + 1 == messages {
                ack.await?;
            }
        }
    }
    Ok(())
}

async fn admin(servers: &Servers) -> Result<jetstream::Context, Error> {
    let (url, user, password) = servers.nats()?;
    let options = ConnectOptions::with_user_and_password(user, password);
    Ok(nats::jetstream(&options.connect(url).await?, Duration::from_secs(20)))
}

/// What one run took.
struct Took {
    seconds: f64,
    /// Of its workers together.
    processor_ns: f64,
}

async fn run(servers: &Servers, case: Case, messages: u32, loop_kind: &str) -> Result<Took, Error> {
    let folder = tempfile::tempdir()?;
    let start = |role: &str| Process::start(servers, folder.path(), messages, loop_kind, role);
    match case {
        Case::Core => {
            let mut consumer = start("consumer")?;
            consumer.go()?;
            let mut producer = start("producer")?;
            producer.go()?;
            let began = producer.figure("began")?;
            let seconds = (consumer.figure("ended")? - began) / 1e9;
            Ok(Took { seconds, processor_ns: consumer.processor_ns()? + producer.processor_ns()? })
        }
        Case::Publish => {
            admin(servers).await?.get_stream("LAB_cost").await?.purge().await?;
            alone(start("jetstream-producer")?)
        }
        Case::Consume => {
            let stream = admin(servers).await?.get_stream("LAB_cost").await?;
            let _ = stream.delete_consumer("workers").await;
            let config = pull::Config {
                durable_name: Some("workers".to_owned()),
                max_ack_pending: 10_000,
                ..Default::default()
            };
            stream.create_consumer(config).await?;
            alone(start("jetstream-consumer")?)
        }
        Case::Kafka => alone(start("kafka-producer")?),
        Case::Postgres => {
            servers.empty_table().await?;
            alone(start("postgres-producer")?)
        }
    }
}

fn alone(mut process: Process) -> Result<Took, Error> {
    process.go()?;
    let began = process.figure("began")?;
    let seconds = (process.figure("ended")? - began) / 1e9;
    Ok(Took { seconds, processor_ns: process.processor_ns()? })
}

/// One worker under measurement. It ends with the value, for its standard input does.
struct Process {
    child: Child,
    orders: ChildStdin,
    words: std::io::Lines<BufReader<std::process::ChildStdout>>,
    processor_ns_at_go: f64,
}

impl Process {
    fn start(
        servers: &Servers,
        folder: &std::path::Path,
        messages: u32,
        loop_kind: &str,
        role: &str,
    ) -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([loop_kind, role])
            .envs([("HARNESS_RUN", "1"), ("HARNESS_TAG", "cost"), ("HARNESS_WORKER", role)])
            .env("HARNESS_JOURNAL", folder.join(format!("{role}.0")))
            .env("HARNESS_MESSAGES", messages.to_string())
            .env("HARNESS_PAYLOAD", PAYLOAD_BYTES.to_string())
            .envs(servers.environment())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no standard input")?;
        let words = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        Ok(Self { child, orders, words, processor_ns_at_go: 0.0 })
    }

    fn go(&mut self) -> Result<(), Error> {
        self.hear(":: ready")?;
        self.processor_ns_at_go = self.processor_ns()?;
        Ok(self.orders.write_all(b"go\n")?)
    }

    /// The processor time of its threads since `go`.
    fn processor_ns(&self) -> Result<f64, Error> {
        let mut spent = 0.0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end meanwhile.
            let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            spent += text.split(' ').next().unwrap_or_default().parse::<f64>()?;
        }
        Ok(spent - self.processor_ns_at_go)
    }

    fn figure(&mut self, name: &str) -> Result<f64, Error> {
        let line = self.hear(&format!(":: figure {name} "))?;
        Ok(line.split(' ').nth(3).ok_or("a figure without a value")?.parse()?)
    }

    fn hear(&mut self, start: &str) -> Result<String, Error> {
        for line in self.words.by_ref() {
            let line = line?;
            if line.starts_with(start) {
                return Ok(line);
            }
        }
        Err(format!("a worker ended before it said `{start}`").into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
