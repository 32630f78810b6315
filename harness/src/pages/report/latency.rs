//! How long things took, from the times in the journals: each message counts, none is sampled.

use std::collections::HashMap;

use journal::Journal;
use ledger::{Entry, Kind, MessageId};

use crate::sink::TABLE;

/// The bars of a histogram: each is twice as long a time as the one before it.
const BARS: usize = 24;

/// The first bar holds all up to here, in nanoseconds.
const FIRST_NS: u64 = 16_000;

/// One measured way, over all messages that went it.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// From where to where.
    pub what: &'static str,
    /// How many messages went it.
    pub count: u64,
    /// Nanoseconds, each with the name of its column.
    pub percentiles: [(&'static str, u64); 5],
    /// How many took so long, by powers of two.
    pub bars: [u64; BARS],
}

/// How many ids lie in one piece.
const PIECE: usize = 4096;

/// Times of ids that lie beside each other, in one piece.
#[derive(Default)]
struct Times {
    pieces: HashMap<(u16, u32), Box<[u64; PIECE]>>,
}

impl Times {
    fn slot(&mut self, id: MessageId) -> &mut u64 {
        let piece = self.pieces.entry((id.producer, id.seq / PIECE as u32));
        &mut piece.or_insert_with(|| Box::new([0; PIECE]))[id.seq as usize % PIECE]
    }

    /// Keeps the earliest.
    fn first(&mut self, id: MessageId, time_ns: u64) {
        let slot = self.slot(id);
        if *slot == 0 || time_ns < *slot {
            *slot = time_ns;
        }
    }

    fn get(&self, id: MessageId) -> Option<u64> {
        let piece = self.pieces.get(&(id.producer, id.seq / PIECE as u32))?;
        Some(piece[id.seq as usize % PIECE]).filter(|time_ns| *time_ns > 0)
    }

    fn iter(&self) -> impl Iterator<Item = (MessageId, u64)> {
        self.pieces.iter().flat_map(|((producer, piece), times)| {
            let first = piece * PIECE as u32;
            let set = times.iter().enumerate().filter(|(_, time_ns)| **time_ns > 0);
            set.map(move |(place, time_ns)| (MessageId::new(*producer, first + place as u32), *time_ns))
        })
    }
}

/// From the first attempt to the first ack, to the first delivery, and to the first effect that was seen as it happened;
/// and from the first delivery to each further one.
pub fn latencies(journals: &[Journal]) -> Vec<Latency> {
    let [mut attempted, mut acked, mut delivered, mut applied] = [(); 4].map(|()| Times::default());
    // What a table holds is read at the end: its entries have the time of the reading.
    let as_it_happened = |journal: &&Journal| {
        journal.header.writer != TABLE && !journal.header.writer.starts_with("readback-")
    };
    let entries = || journals.iter().filter(as_it_happened).flat_map(|journal| &journal.entries);
    for entry in entries() {
        match entry.kind {
            Kind::Attempted => attempted.first(entry.id, entry.time_ns),
            Kind::Acked => acked.first(entry.id, entry.time_ns),
            Kind::Applied | Kind::Reported => applied.first(entry.id, entry.time_ns),
            Kind::Delivered => delivered.first(entry.id, entry.time_ns),
            _ => {}
        }
    }
    let deliveries = entries().filter(|entry| entry.kind == Kind::Delivered);
    let since_first = |entry: &Entry| Some(entry.time_ns - delivered.get(entry.id)?).filter(|ns| *ns > 0);
    let again: Vec<u64> = deliveries.filter_map(since_first).collect();
    let since_attempt = |times: &Times| -> Vec<u64> {
        let both = times.iter().filter_map(|(id, time_ns)| Some((attempted.get(id)?, time_ns)));
        both.map(|(from_ns, to_ns)| to_ns.saturating_sub(from_ns)).collect()
    };
    let ways = [
        ("from the attempt to the ack", since_attempt(&acked)),
        ("from the attempt to the delivery", since_attempt(&delivered)),
        ("from the attempt to the effect", since_attempt(&applied)),
        ("from the first delivery to a further one", again),
    ];
    ways.into_iter().filter_map(|(what, times)| latency(what, times)).collect()
}

fn latency(what: &'static str, mut times: Vec<u64>) -> Option<Latency> {
    times.sort_unstable();
    let longest = *times.last()?;
    // The smallest time that at least this share of all is not longer than.
    let at = |share: f64| times[((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1];
    let mut bars = [0; BARS];
    for time_ns in &times {
        bars[(time_ns / FIRST_NS).checked_ilog2().map_or(0, |bar| bar as usize + 1).min(BARS - 1)] += 1;
    }
    Some(Latency {
        what,
        count: times.len() as u64,
        percentiles: [
            ("p50", at(0.5)),
            ("p90", at(0.9)),
            ("p99", at(0.99)),
            ("p99.9", at(0.999)),
            ("longest", longest),
        ],
        bars,
    })
}

/// A time for people: "0.42 ms", "1.204 s".
pub fn shown(time_ns: u64) -> String {
    let seconds = time_ns as f64 / 1e9;
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 0.1 => format!("{:.2} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// The longest time that a bar holds, in nanoseconds.
pub fn end_of_bar(bar: usize) -> u64 {
    FIRST_NS << bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Header;

    fn journal(writer: &str, entries: &[(Kind, u32, u64)]) -> Journal {
        let entry = |(kind, seq, time_ns): &(Kind, u32, u64)| Entry {
            kind: *kind,
            id: MessageId::new(0, *seq),
            time_ns: *time_ns,
        };
        Journal {
            header: Header { run: 1, writer: writer.to_owned() },
            entries: entries.iter().map(entry).collect(),
            points: Vec::new(),
            damage: None,
        }
    }

    #[test]
    fn percentiles_are_of_all_messages_and_exact() {
        let times: Vec<u64> = (1..=1000).map(|number| number * 1_000_000).collect();
        let latency = latency("x", times).unwrap();
        let milliseconds: Vec<_> = latency.percentiles.iter().map(|(_, ns)| ns / 1_000_000).collect();
        assert_eq!(milliseconds, [500, 900, 990, 999, 1000]);
        assert_eq!(latency.bars.iter().sum::<u64>(), 1000);
        assert_eq!(super::latency("x", Vec::new()), None);
        assert_eq!(super::latency("x", vec![7]).unwrap().percentiles[0], ("p50", 7));
    }

    #[test]
    fn each_bar_holds_what_is_not_longer_than_its_end() {
        for time_ns in [0, 1, FIRST_NS - 1, FIRST_NS, 2 * FIRST_NS - 1, 2 * FIRST_NS, 1_000_000_000] {
            let bar = latency("x", vec![time_ns]).unwrap().bars.iter().position(|count| *count == 1).unwrap();
            assert!(time_ns < end_of_bar(bar) && (bar == 0 || time_ns >= end_of_bar(bar - 1)), "{time_ns}");
        }
        assert_eq!(latency("x", vec![u64::MAX]).unwrap().bars[BARS - 1], 1);
    }

    #[test]
    fn the_first_of_each_counts_and_a_table_s_time_is_no_effect_s() {
        use Kind::{Acked, Applied, Attempted, Delivered, Reported};
        let journals = [
            journal("producer-0.0", &[(Attempted, 0, 100), (Attempted, 0, 300), (Acked, 0, 400)]),
            journal("consumer-0.0", &[(Delivered, 0, 500), (Reported, 0, 600), (Delivered, 0, 900)]),
            journal(TABLE, &[(Applied, 0, 9_000)]),
        ];
        let found: Vec<_> =
            latencies(&journals).iter().map(|latency| (latency.what, latency.percentiles[4].1)).collect();
        assert_eq!(
            found,
            [
                ("from the attempt to the ack", 300),
                ("from the attempt to the delivery", 400),
                ("from the attempt to the effect", 500),
                ("from the first delivery to a further one", 400),
            ]
        );
    }

    #[test]
    fn times_are_short() {
        let texts = [900, 420_000, 1_500_000, 204_000_000, 1_204_000_000].map(shown);
        assert_eq!(texts, ["1 µs", "420 µs", "1.50 ms", "204 ms", "1.20 s"]);
    }
}
