//! How long things took, of every message and exact. [`Delays`](crate::Delays) are the sample that a run can afford while
//! it goes on; this is for the journals of one that is over.

use crate::{Entry, Kind, MessageId, sparse::Sparse};

/// The bars of a histogram: each is twice as long a time as the one before it.
const BARS: usize = 24;

/// The first bar holds all below this, in nanoseconds.
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

impl Latency {
    /// From the first attempt to the first ack, to the first delivery, and to the first effect; and from the first delivery
    /// to each further one. Ways that no message went are left out. The journals may be in any order.
    pub fn all(journals: &[&[Entry]]) -> Vec<Self> {
        let mut times = Times::default();
        journals.iter().for_each(|entries| times.take(entries));
        let [acked, delivered, applied] = times.since_attempt();
        let ways = [
            ("from the attempt to the ack", acked),
            ("from the attempt to the delivery", delivered),
            ("from the attempt to the effect", applied),
            ("from the first delivery to a further one", times.redeliveries(journals)),
        ];
        ways.into_iter().filter_map(|(what, times)| Self::of(what, times)).collect()
    }

    /// The longest time that a bar holds, in nanoseconds.
    pub fn end_of_bar(bar: usize) -> u64 {
        FIRST_NS << bar
    }

    fn of(what: &'static str, mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let longest = *times.last()?;
        // The smallest time that at least this share of all is not longer than.
        let at = |share: f64| times[((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1];
        let mut bars = [0; BARS];
        for time_ns in &times {
            bars[(time_ns / FIRST_NS).checked_ilog2().map_or(0, |bar| bar as usize + 1).min(BARS - 1)] += 1;
        }
        let percentiles = [
            ("p50", at(0.5)),
            ("p90", at(0.9)),
            ("p99", at(0.99)),
            ("p99.9", at(0.999)),
            ("longest", longest),
        ];
        Some(Self { what, count: times.len() as u64, percentiles, bars })
    }
}

/// When each of these happened to a message for the first time, in nanoseconds; 0 is never.
#[derive(Clone, Copy, Default)]
struct Firsts {
    attempted: u64,
    acked: u64,
    delivered: u64,
    applied: u64,
}

/// How many neighbouring ids lie in one page.
const PAGE: usize = 2048;

/// The ids whose upper 16 bits are the same: 32 pages, of which those are there that were needed.
#[derive(Default)]
struct Chunk {
    pages: [Option<Box<[Firsts]>>; 32],
}

/// The first times of all messages, where an entry finds its own without a search.
#[derive(Default)]
struct Times {
    producers: Sparse<Sparse<Chunk>>,
}

impl Times {
    fn of(&mut self, id: MessageId) -> &mut Firsts {
        let chunk = self.producers.entry(id.producer).entry((id.seq >> 16) as u16);
        let place = (id.seq & 0xffff) as usize;
        let page = chunk.pages[place / PAGE].get_or_insert_with(|| vec![Firsts::default(); PAGE].into());
        &mut page[place % PAGE]
    }

    /// Keeps the earliest of each.
    fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            if !matches!(
                entry.kind,
                Kind::Attempted | Kind::Acked | Kind::Delivered | Kind::Applied | Kind::Reported
            ) {
                continue;
            }
            let firsts = self.of(entry.id);
            let first = match entry.kind {
                Kind::Attempted => &mut firsts.attempted,
                Kind::Acked => &mut firsts.acked,
                Kind::Delivered => &mut firsts.delivered,
                _ => &mut firsts.applied,
            };
            if *first == 0 || entry.time_ns < *first {
                *first = entry.time_ns;
            }
        }
    }

    /// How long after its attempt each message was acked, delivered, applied.
    fn since_attempt(&self) -> [Vec<u64>; 3] {
        let mut ways = [Vec::new(), Vec::new(), Vec::new()];
        let chunks = self.producers.iter().flat_map(|(_, chunks)| chunks.iter());
        for page in chunks.flat_map(|(_, chunk)| chunk.pages.iter().flatten()) {
            for firsts in page.iter().filter(|firsts| firsts.attempted > 0) {
                for (way, to_ns) in ways.iter_mut().zip([firsts.acked, firsts.delivered, firsts.applied]) {
                    if to_ns > 0 {
                        way.push(to_ns.saturating_sub(firsts.attempted));
                    }
                }
            }
        }
        ways
    }

    /// How long after its first delivery each further one of a message came.
    fn redeliveries(&mut self, journals: &[&[Entry]]) -> Vec<u64> {
        let mut times = Vec::new();
        for entry in journals.iter().flat_map(|entries| entries.iter()) {
            if entry.kind == Kind::Delivered {
                let since = entry.time_ns - self.of(entry.id).delivered;
                times.extend((since > 0).then_some(since));
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(all: &[(Kind, u32, u64)]) -> Vec<Entry> {
        let entry = |(kind, seq, time_ns): &(Kind, u32, u64)| Entry {
            kind: *kind,
            id: MessageId::new(0, *seq),
            time_ns: *time_ns,
        };
        all.iter().map(entry).collect()
    }

    #[test]
    fn percentiles_are_of_all_messages_and_exact() {
        let times: Vec<u64> = (1..=1000).rev().map(|number| number * 1_000_000).collect();
        let latency = Latency::of("x", times).unwrap();
        let milliseconds: Vec<_> = latency.percentiles.iter().map(|(_, ns)| ns / 1_000_000).collect();
        assert_eq!(milliseconds, [500, 900, 990, 999, 1000]);
        assert_eq!(latency.bars.iter().sum::<u64>(), 1000);
        assert_eq!(Latency::of("x", Vec::new()), None);
        assert_eq!(Latency::of("x", vec![7]).unwrap().percentiles[0], ("p50", 7));
    }

    #[test]
    fn each_bar_holds_what_is_not_longer_than_its_end() {
        let end = Latency::end_of_bar;
        for time_ns in [0, 1, FIRST_NS - 1, FIRST_NS, 2 * FIRST_NS - 1, 2 * FIRST_NS, 1_000_000_000] {
            let latency = Latency::of("x", vec![time_ns]).unwrap();
            let bar = latency.bars.iter().position(|count| *count == 1).unwrap();
            assert!(time_ns < end(bar) && (bar == 0 || time_ns >= end(bar - 1)), "{time_ns}");
        }
        assert_eq!(Latency::of("x", vec![u64::MAX]).unwrap().bars[BARS - 1], 1);
    }

    #[test]
    fn the_first_of_each_counts_in_whatever_order_journals_come() {
        use Kind::{Acked, Applied, Attempted, Delivered, Reported, Stored};
        // The last id lies far from the others, and nobody attempted it.
        let producer = entries(&[(Attempted, 0, 100), (Attempted, 0, 300), (Acked, 0, 400), (Stored, 0, 1)]);
        let consumer = entries(&[(Delivered, 0, 900), (Reported, 0, 600), (Applied, u32::MAX, 7)]);
        let other = entries(&[(Delivered, 0, 500), (Applied, 0, 650), (Delivered, 0, 500)]);
        let wanted = [
            ("from the attempt to the ack", 300),
            ("from the attempt to the delivery", 400),
            ("from the attempt to the effect", 500),
            ("from the first delivery to a further one", 400),
        ];
        for journals in [[&*producer, &consumer, &other], [&*other, &consumer, &producer]] {
            let found = Latency::all(&journals);
            let found: Vec<_> =
                found.iter().map(|latency| (latency.what, latency.percentiles[4].1)).collect();
            assert_eq!(found, wanted);
        }
        assert_eq!(Latency::all(&[&consumer]).len(), 0, "nothing without an attempt, and no second delivery");
    }

    #[test]
    fn messages_side_by_side_and_far_apart_are_kept_apart() {
        let seqs = [0, 1, 2047, 2048, 65_535, 65_536, u32::MAX];
        let journal: Vec<_> = seqs
            .into_iter()
            .flat_map(|seq| {
                let begun = 10 + u64::from(seq);
                entries(&[(Kind::Attempted, seq, begun), (Kind::Acked, seq, begun + 5)])
            })
            .collect();
        let found = Latency::all(&[&journal]);
        assert_eq!((found[0].count, found[0].percentiles[0].1, found[0].percentiles[4].1), (7, 5, 5));
    }
}
