//! How long things took: which journals tell it, and how it is shown.

use journal::Journal;
use ledger::{Entry, Latency};

use crate::sink::TABLE;

/// What the journals tell of things as they happened. What a table or a broker's store holds is read at the end: those
/// entries have the time of the reading.
pub fn latencies(journals: &[Journal]) -> Vec<Latency> {
    let as_it_happened = |journal: &&Journal| {
        journal.header.writer != TABLE && !journal.header.writer.starts_with("readback-")
    };
    let entries: Vec<&[Entry]> =
        journals.iter().filter(as_it_happened).map(|journal| &*journal.entries).collect();
    Latency::all(&entries)
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

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Header;
    use ledger::{Kind, MessageId};

    fn journal(writer: &str, entries: &[(Kind, u64)]) -> Journal {
        let entry = |(kind, time_ns): &(Kind, u64)| Entry {
            kind: *kind,
            id: MessageId::new(0, 0),
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
    fn the_time_at_which_a_table_was_read_is_no_effect_s() {
        use Kind::{Applied, Attempted, Reported, Stored};
        let journals = [
            journal("producer-0.0", &[(Attempted, 100)]),
            journal("consumer-0.0", &[(Reported, 600)]),
            journal(TABLE, &[(Applied, 90)]),
            journal("readback-nats", &[(Stored, 95), (Attempted, 1)]),
        ];
        let found: Vec<_> =
            latencies(&journals).iter().map(|latency| (latency.what, latency.percentiles[4].1)).collect();
        assert_eq!(found, [("from the attempt to the effect", 500)]);
    }

    #[test]
    fn times_are_short() {
        let texts = [900, 420_000, 1_500_000, 204_000_000, 1_204_000_000].map(shown);
        assert_eq!(texts, ["1 µs", "420 µs", "1.50 ms", "204 ms", "1.20 s"]);
    }
}
