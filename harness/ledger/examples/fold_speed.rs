//! How fast entries are folded on one core, and what the account takes in memory.
//!
//! `cargo run --release -p ledger --example fold_speed [ids]`, 100,000,000 by default.

use std::time::Instant;

use ledger::{Account, Entry, Kind, Lives, MessageId, Scope};

/// Entries between two looks at the clock: small enough to stay in the cache, as a tail's buffer does.
const BLOCK: u32 = 4_000;
/// How many ids are under way at once.
const WINDOW: u32 = 1_000;
const PRODUCERS: u16 = 4;

fn main() {
    let ids = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000_000_u32);
    let each = ids / u32::from(PRODUCERS);
    println!("{} ids of {PRODUCERS} producers, {WINDOW} under way", u64::from(each) * u64::from(PRODUCERS));

    let (mut producers, mut consumers) = (Account::new(), Account::new());
    measure("producers' journal: attempted, acked", &mut producers, each, producer_entries);
    measure("consumers' journal: delivered, applied", &mut consumers, each, consumer_entries);
    let mut all = Account::new();
    measure("one journal: attempted, acked, delivered, applied", &mut all, each, |seq, each, block| {
        producer_entries(seq, each, block);
        consumer_entries(seq, each, block);
    });
    drop(all);

    let started = Instant::now();
    producers.merge(&consumers);
    println!("merge: {:.3} s", started.elapsed().as_secs_f64());
    drop(consumers);
    let started = Instant::now();
    let scope = Scope { drained: true, ..Scope::default() };
    let counts = producers.counts(&scope, &Lives::default());
    println!("counts: {:.3} s", started.elapsed().as_secs_f64());
    let total = u64::from(each) * u64::from(PRODUCERS);
    assert_eq!((counts.attempted, counts.acked, counts.applied), (total, total, total));
    println!("merged account: {:.2} bytes an id", producers.bytes() as f64 / total as f64);
}

/// Folds until every producer's `each` ids went through; the time that making the entries takes is not counted.
fn measure(what: &str, account: &mut Account, each: u32, make: impl Fn(u32, u32, &mut Vec<Entry>)) {
    let mut block = Vec::new();
    let (mut entries, mut seconds, mut seq) = (0, 0.0, 0);
    while seq < each + WINDOW {
        block.clear();
        let end = (seq + BLOCK).min(each + WINDOW);
        (seq..end).for_each(|seq| make(seq, each, &mut block));
        let started = Instant::now();
        account.fold(&block);
        seconds += started.elapsed().as_secs_f64();
        entries += block.len();
        seq = end;
    }
    let ids = f64::from(each) * f64::from(PRODUCERS);
    let rate = entries as f64 / seconds / 1e6;
    println!("{what}: {rate:.0} M entries/s, {:.2} bytes an id", account.bytes() as f64 / ids);
}

/// Each producer attempts one id and gets the ack of one that it sent a window earlier, a little out of order.
fn producer_entries(seq: u32, each: u32, block: &mut Vec<Entry>) {
    step(seq, each, [Kind::Attempted, Kind::Acked], block);
}

fn consumer_entries(seq: u32, each: u32, block: &mut Vec<Entry>) {
    step(seq, each, [Kind::Delivered, Kind::Applied], block);
}

fn step(seq: u32, each: u32, [first, second]: [Kind; 2], block: &mut Vec<Entry>) {
    for producer in 0..PRODUCERS {
        let entry = |kind, seq| Entry { kind, id: MessageId::new(producer, seq), time_ns: u64::from(seq) };
        if seq < each {
            block.push(entry(first, seq));
        }
        if let Some(behind) = seq.checked_sub(WINDOW) {
            // Neighbours change places: answers do not come in the order of the questions.
            let swapped = behind ^ 1;
            block.push(entry(second, if swapped < each { swapped } else { behind }));
        }
    }
}
