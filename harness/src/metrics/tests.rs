//! What a scrape costs.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use ledger::{Account, Delays, Entry, Fate, Kind, MessageId};

use super::{state::LIVE, *};
use crate::serve::Asked;

const MESSAGES: u32 = 10_000_000;

fn entries(kind: Kind, from: u32, to: u32) -> Vec<Entry> {
    let entry = |seq: u32| Entry { kind, id: MessageId::new(0, seq), time_ns: u64::from(seq) + kind as u64 };
    (from..to).map(entry).collect()
}

/// The journals of a producer and a consumer, folded as they are while a run goes on.
fn accounts(delays: &mut Delays) -> [Account; 2] {
    let kinds = [[Kind::Attempted, Kind::Acked], [Kind::Delivered, Kind::Reported]];
    kinds.map(|kinds| {
        let mut account = Account::new();
        for from in (0..MESSAGES).step_by(100_000) {
            for kind in kinds {
                let entries = entries(kind, from, from + 100_000);
                account.fold(&entries);
                delays.take(&entries);
            }
        }
        account
    })
}

/// One scrape; how long it took.
fn scrape(address: &str) -> (Duration, String) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (began.elapsed(), answer)
}

#[test]
#[ignore = "a measurement: BENCHMARKS.md has its figures"]
fn a_scrape_costs_little_however_many_messages_there_are() {
    let mut delays = Delays::of(u64::from(MESSAGES));
    let accounts = accounts(&mut delays);
    let began = Instant::now();
    let mut merged = Account::new();
    accounts.iter().for_each(|account| merged.merge(account));
    let (sizes, in_flight) = (merged.sizes(LIVE), merged.sizes([Fate::InFlight])[0]);
    println!("a look at the account of {MESSAGES} messages: {:?}", began.elapsed());
    assert_eq!((sizes[0], in_flight), (u64::from(MESSAGES), 0));

    for variants in [1, 60] {
        answers_with(variants, &sizes, &delays);
    }
}

/// Two of the variants change before each scrape, as while two labs run side by side.
fn answers_with(variants: usize, sizes: &[u64], delays: &Delays) {
    let name = |variant: usize| Name {
        lab: format!("{:02}-lab", variant % 6),
        variant: format!("variant-{variant}"),
    };
    let metrics = Metrics::new(false);
    for variant in 0..variants {
        let counts = LIVE.iter().zip(sizes).map(|(fate, count)| (fate.word(), *count)).collect();
        let state =
            State { counts, delays: delays.measured().clone(), run: "run".into(), ..State::default() };
        metrics.shared.put(name(variant), state);
    }
    let endpoint = metrics.serve(Asked::loopback(0)).unwrap();
    let (first, _) = scrape(&endpoint.target());
    let again = |turn: usize| {
        for variant in [2 * turn, 2 * turn + 1] {
            metrics.shared.change(&name(variant % variants), |state| state.seconds += 1.0);
        }
        scrape(&endpoint.target()).0
    };
    let mut times: Vec<_> = (0..200).map(again).collect();
    times.sort();
    let (_, text) = scrape(&endpoint.target());
    assert!(text.contains(&format!("}} {MESSAGES}\n")), "{text}");
    println!(
        "/metrics of {variants} variants, {} KB: the first scrape {first:?}, of 200 more median {:?}, slowest {:?}",
        text.len() / 1024,
        times[times.len() / 2],
        times[times.len() - 1]
    );
}
