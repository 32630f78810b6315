//! How long messages took, from the journals: of a sample of the ids, so that it costs the run nothing and memory stays
//! small.
//!
//! Which ids are in the sample is a matter of the id alone: a hash of it, so that no rhythm of a producer or a partition
//! can meet the sample's. About [`WANTED`] ids of a run are in it; of a small run, all.

use std::collections::BTreeMap;

use crate::{Entry, Kind, MessageId};

/// How many ids of a run are wanted in the sample.
const WANTED: u64 = 10_000;

/// How many ids are kept at most, whatever a worker makes up.
const MOST: usize = 4 * WANTED as usize;

/// The upper bounds of the buckets, in seconds: from what loopback takes to what a restart takes.
pub const DELAY_BOUNDS: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
];

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelayHistogram {
    /// How many were not above each bound, and in the last place how many were above all; not added up.
    pub buckets: [u64; DELAY_BOUNDS.len() + 1],
    /// All of them added up, in seconds.
    pub sum: f64,
}

impl DelayHistogram {
    fn observe(&mut self, from_ns: u64, to_ns: u64) {
        // Clocks of two processes are the same clock; a difference below zero is two stores that overtook each other.
        let seconds = to_ns.saturating_sub(from_ns) as f64 / 1e9;
        self.buckets[DELAY_BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// The three delays of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredDelays {
    /// From the last attempt before it to the broker's ack.
    pub publish_ack: DelayHistogram,
    /// From the first attempt to the first effect, as the worker or the receiver noted it.
    pub end_to_end: DelayHistogram,
    /// From one delivery of a message to its next.
    pub redelivery: DelayHistogram,
    /// One id of how many is in the sample; 0 where nothing is sampled.
    pub one_in: u64,
}

/// Follows the ids of the sample through the journals.
#[derive(Debug)]
pub struct Delays {
    /// An id is in the sample where these bits of its hash are 0.
    mask: u32,
    lives: BTreeMap<MessageId, Life>,
    measured: MeasuredDelays,
}

/// What is known of one id. Times are in nanoseconds; 0 is "not yet".
#[derive(Clone, Copy, Debug, Default)]
struct Life {
    first_attempt: u64,
    last_attempt: u64,
    acked: bool,
    delivered: u64,
    effect: u64,
    ended: bool,
}

impl Delays {
    /// For a run of about so many messages.
    pub fn of(messages: u64) -> Self {
        Self::one_in((messages / WANTED).max(1).next_power_of_two().min(1 << 31))
    }

    fn one_in(one_in: u64) -> Self {
        let measured = MeasuredDelays { one_in, ..MeasuredDelays::default() };
        Self { mask: (one_in - 1) as u32, lives: BTreeMap::new(), measured }
    }

    /// What was measured so far.
    pub fn measured(&self) -> &MeasuredDelays {
        &self.measured
    }

    /// Takes entries of one journal, in its order. A consumer's journal may be taken before its producer's.
    pub fn take(&mut self, entries: &[Entry]) {
        for entry in entries {
            if mixed(entry.id) & self.mask == 0 {
                self.follow(entry);
            }
        }
    }

    fn follow(&mut self, entry: &Entry) {
        if self.lives.len() >= MOST && !self.lives.contains_key(&entry.id) {
            return;
        }
        let life = self.lives.entry(entry.id).or_default();
        let time = entry.time_ns;
        match entry.kind {
            Kind::Attempted => {
                life.last_attempt = time;
                if life.first_attempt == 0 {
                    life.first_attempt = time;
                }
            }
            Kind::Acked | Kind::Deduplicated if !life.acked && life.last_attempt > 0 => {
                life.acked = true;
                self.measured.publish_ack.observe(life.last_attempt, time);
            }
            Kind::Delivered => {
                if life.delivered > 0 {
                    // The journals of two consumers are not read in the order of time.
                    let (from, to) = (life.delivered.min(time), life.delivered.max(time));
                    self.measured.redelivery.observe(from, to);
                }
                life.delivered = life.delivered.max(time);
            }
            Kind::Applied | Kind::Reported if life.effect == 0 => life.effect = time,
            _ => return,
        }
        if !life.ended && life.first_attempt > 0 && life.effect > 0 {
            life.ended = true;
            self.measured.end_to_end.observe(life.first_attempt, life.effect);
        }
    }
}

/// A multiplicative hash, its good upper bits brought down.
fn mixed(id: MessageId) -> u32 {
    let word = (u64::from(id.producer) << 32) | u64::from(id.seq);
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, seq: u32, milliseconds: u64) -> Entry {
        Entry { kind, id: MessageId::new(0, seq), time_ns: milliseconds * 1_000_000 }
    }

    #[test]
    fn each_delay_is_from_the_right_moment_to_the_right_moment() {
        let mut delays = Delays::one_in(1);
        // The consumers are read first.
        delays.take(&[
            entry(Kind::Delivered, 0, 30),
            entry(Kind::Reported, 0, 40),
            entry(Kind::Delivered, 0, 90),
        ]);
        delays.take(&[entry(Kind::Delivered, 0, 80)]);
        delays.take(&[
            entry(Kind::Attempted, 0, 10),
            entry(Kind::Attempted, 0, 20),
            entry(Kind::Acked, 0, 22),
        ]);
        delays.take(&[entry(Kind::Acked, 0, 50), entry(Kind::Reported, 0, 95), entry(Kind::Acked, 7, 60)]);
        let MeasuredDelays { publish_ack, end_to_end, redelivery, one_in } = delays.measured();
        let shown = |histogram: &DelayHistogram| (histogram.count(), (histogram.sum * 1e3).round());
        assert_eq!((shown(publish_ack), *one_in), ((1, 2.0), 1));
        assert_eq!(shown(end_to_end), (1, 30.0), "to the first effect, from the first attempt");
        assert_eq!(shown(redelivery), (2, 70.0), "60 and 10 ms");
        assert_eq!(publish_ack.buckets[4], 1, "2 ms are above 1 and not above 2.5 ms");
    }

    #[test]
    fn a_sample_has_about_the_wanted_share_and_no_rhythm() {
        let mut delays = Delays::one_in(64);
        for seq in 0..640_000 {
            delays.take(&[
                entry(Kind::Attempted, seq, u64::from(seq) + 1),
                entry(Kind::Acked, seq, u64::from(seq) + 2),
            ]);
        }
        let acked = delays.measured().publish_ack.count();
        assert!((9_000..11_000).contains(&acked), "{acked}");
        for partitions in [2, 3, 64, 100] {
            let of_first = delays.lives.keys().filter(|id| id.seq % partitions == 0).count() as f64;
            let share = of_first * f64::from(partitions) / acked as f64;
            assert!(
                (0.5..1.5).contains(&share),
                "of {partitions} partitions the first has {share} of its share"
            );
        }
    }

    #[test]
    fn made_up_ids_do_not_fill_the_memory() {
        let mut delays = Delays::one_in(1);
        for seq in 0..2 * MOST as u32 {
            delays.take(&[entry(Kind::Delivered, seq, 1)]);
        }
        assert_eq!(delays.lives.len(), MOST);
    }
}
