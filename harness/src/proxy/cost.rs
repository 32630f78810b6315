//! What the proxy costs: measurements, each in pairs, with and without in turns. See BENCHMARKS.md.
//!
//! `cargo test --release --package harness --bin harness proxy::cost -- --ignored --nocapture --test-threads 1`

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use futures::StreamExt;
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};

use super::*;
use crate::{
    broker::{
        kafka::{
            self,
            store::{Backlog, Names},
        },
        nats::{self, server::Access},
    },
    runtime::local::Local,
};

const PAIRS: usize = 11;
const PAYLOAD_BYTES: usize = 128;
const BOUND: Duration = Duration::from_secs(60);

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Says the median of what `of` makes of the pairs, and in which range most of them are. The first does not count.
fn tell(what: &str, unit: &str, pairs: &[[f64; 2]], of: impl Fn(&[f64; 2]) -> f64) {
    let pairs = &pairs[1..];
    let mut all: Vec<_> = pairs.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    let [without, with] = [0, 1].map(|which| median(pairs.iter().map(|pair| pair[which]).collect()));
    let (low, high) = (all[all.len() / 4], all[all.len() * 3 / 4]);
    println!(
        "{what}: median {:.3} (quartiles {low:.3} {high:.3}); without {without:.1} {unit}, with {with:.1} {unit}",
        median(all)
    );
}

/// One figure without and one with, in turns, and one pair more to warm up.
async fn in_turns(pairs: usize, mut measure: impl AsyncFnMut(bool) -> f64) -> Vec<[f64; 2]> {
    let mut all = Vec::new();
    for pair in 0..=pairs {
        let mut figures = [0.0; 2];
        for with in if pair % 2 == 0 { [false, true] } else { [true, false] } {
            figures[usize::from(with)] = measure(with).await;
        }
        all.push(figures);
    }
    all
}

/// Does this on a thread and a runtime of its own, as a worker would.
fn worker<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> thread::JoinHandle<T> {
    thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    })
}

/// Thousands of messages a second from a publisher to a subscriber, from the first send to the last receipt.
fn nats_stream(access: &Access, messages: usize) -> f64 {
    let (ready, is_ready) = mpsc::channel();
    let connect = |access: Access| {
        let options = async_nats::ConnectOptions::with_user_and_password(
            access.user.to_owned(),
            access.password.clone(),
        );
        options.subscription_capacity(messages).connect(access.url())
    };
    let (subscribing, publishing) = (connect(access.clone()), connect(access.clone()));
    let subscriber = worker(async move {
        let client = subscribing.await.unwrap();
        let mut received = client.subscribe("cost").await.unwrap();
        client.flush().await.unwrap();
        client.publish("cost", "".into()).await.unwrap();
        assert!(received.next().await.is_some(), "the server knows of the subscription");
        ready.send(()).unwrap();
        for _ in 0..messages {
            received.next().await.unwrap();
        }
        Instant::now()
    });
    is_ready.recv_timeout(BOUND).unwrap();
    let publisher = worker(async move {
        let client = publishing.await.unwrap();
        let payload = vec![b'x'; PAYLOAD_BYTES];
        let begun = Instant::now();
        for _ in 0..messages {
            client.publish("cost", payload.clone().into()).await.unwrap();
        }
        client.flush().await.unwrap();
        begun
    });
    let (begun, ended) = (publisher.join().unwrap(), subscriber.join().unwrap());
    messages as f64 / (ended - begun).as_secs_f64() / 1e3
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_nats_stream() {
    let local = Local::for_tests();
    let folder = tempfile::tempdir().unwrap();
    let binary = nats::install::find_or_install(project()).await.unwrap();
    let mut server = nats::server::Server::start(&local, &binary, folder.path(), "").await.unwrap();
    let proxy = Proxy::start().unwrap();
    let link = proxy.link(loopback(0), loopback(server.port())).await.unwrap();
    let direct = server.access();
    let through = Access { address: loopback(link.address().port()), ..direct.clone() };
    let measure = async |with: bool| nats_stream(if with { &through } else { &direct }, 300_000);
    let pairs = in_turns(PAIRS, measure).await;
    tell("NATS stream through the proxy / direct", "k/s", &pairs, |[direct, through]| through / direct);
    server.stop().await.unwrap();
}

/// Says what goes wrong, and that it does: a stream that was broken off is no measurement.
struct Loud;

impl ClientContext for Loud {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        println!("librdkafka: {facility}: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        println!("librdkafka: {error}: {reason}");
    }
}

impl ProducerContext for Loud {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "{result:?}");
    }
}

/// Thousands of messages a second, acks=all, from the first send to the last ack.
fn kafka_stream(bootstrap: &str, topic: &str, messages: usize) -> f64 {
    let mut config = kafka::client::config(bootstrap);
    config.set("acks", "all");
    let producer: BaseProducer<Loud> = config.create_with_context(Loud).unwrap();
    let payload = [b'x'; PAYLOAD_BYTES];
    // Connections and metadata are no part of the stream.
    producer.send(BaseRecord::<(), [u8]>::to(topic).payload(&payload[..])).unwrap();
    producer.flush(BOUND).unwrap();
    let begun = Instant::now();
    for _ in 0..messages {
        let mut record = BaseRecord::<(), [u8]>::to(topic).payload(&payload[..]);
        while let Err((_, refused)) = producer.send(record) {
            // Its queue is full.
            record = refused;
            producer.poll(Duration::from_millis(1));
        }
    }
    producer.flush(BOUND).unwrap();
    assert_eq!(producer.in_flight_count(), 0);
    messages as f64 / begun.elapsed().as_secs_f64() / 1e3
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_kafka_stream() {
    let local = Local::for_tests();
    let folder = tempfile::tempdir().unwrap();
    let installed = kafka::install::find_or_install(project()).await.unwrap();
    let mut server = kafka::server::Server::start(&local, &installed, folder.path(), "").await.unwrap();
    let proxy = Proxy::start().unwrap();
    let [ports, _] = server.reach().links;
    let link = proxy.link(loopback(ports.advertised), loopback(ports.listens)).await.unwrap();
    let (direct, through) =
        (server.reach().workers.to_string(), format!("127.0.0.1:{}", link.address().port()));
    let names = Names::of("cost");
    let store = kafka::store::Store::open(server.reach().own, &names).await.unwrap();
    let measure = async |with: bool| {
        let messages = 400_000;
        store.create(1, &BTreeMap::new()).await.unwrap();
        let rate = kafka_stream(if with { &through } else { &direct }, &names.topic, messages);
        let stored = store.backlog().await.unwrap();
        // More, where a broker that was short of processor time was asked again.
        assert!(matches!(stored, Backlog::Left { behind } if behind > messages as u64), "{stored:?}");
        rate
    };
    let pairs = in_turns(PAIRS, measure).await;
    assert_eq!((link.seen().closed, link.seen().reset), (0, 0));
    tell("Kafka stream through the proxy / direct", "k/s", &pairs, |[direct, through]| through / direct);
    server.stop().await.unwrap();
}

/// What writes as a client does that collects small messages.
const WRITE_BYTES: usize = 16 * 1024;

/// Megabytes a second of one stream to a server that never answers; armed as soon as it is on its way.
async fn one_way(link: &mut Link, sink: &TcpListener, armed: bool) -> f64 {
    let total = 512 << 20;
    let mut stream = TcpStream::connect(loopback(link.address().port())).unwrap();
    let mut server = sink.accept().unwrap().0;
    if armed {
        link.set(Mode { to_worker: Way::TakeOnce, ..Mode::default() }).await.unwrap();
    }
    let begun = Instant::now();
    let writing = thread::spawn(move || {
        (0..total / WRITE_BYTES).for_each(|_| stream.write_all(&[7; WRITE_BYTES]).unwrap());
    });
    let mut buffer = vec![0; 256 * 1024];
    let mut read = 0;
    while read < total {
        read += server.read(&mut buffer).unwrap();
    }
    let took = begun.elapsed();
    writing.join().unwrap();
    link.set(Mode::default()).await.unwrap();
    total as f64 / took.as_secs_f64() / 1e6
}

#[tokio::test]
#[ignore = "a measurement"]
async fn an_armed_fault() {
    let sink = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start().unwrap();
    let mut link = proxy.link(loopback(0), sink.local_addr().unwrap()).await.unwrap();
    let pairs = in_turns(4 * PAIRS, async |with: bool| one_way(&mut link, &sink, with).await).await;
    assert_eq!(link.seen().withheld(), 0, "it never fired");
    tell("an armed fault / nothing armed", "MB/s", &pairs, |[without, with]| with / without);
}

/// The median microseconds of a round trip.
fn round_trips(address: SocketAddr, count: usize) -> f64 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (sent, mut back) = ([b'x'; PAYLOAD_BYTES], [0; PAYLOAD_BYTES]);
    let one = |_| {
        let begun = Instant::now();
        stream.write_all(&sent).unwrap();
        stream.read_exact(&mut back).unwrap();
        begun.elapsed().as_secs_f64() * 1e6
    };
    median((0..count).map(one).collect())
}

/// Sends back what comes, one connection after the other.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut buffer = [0; PAYLOAD_BYTES];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                stream.write_all(&buffer[..count]).unwrap();
            }
        }
    });
    address
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_round_trip() {
    let echo = echo();
    let proxy = Proxy::start().unwrap();
    let link = proxy.link(loopback(0), echo).await.unwrap();
    let through = loopback(link.address().port());
    let measure = async |with: bool| round_trips(if with { through } else { echo }, 5_000);
    let pairs = in_turns(PAIRS, measure).await;
    tell("a round trip takes longer by", "µs", &pairs, |[direct, through]| through - direct);
}
