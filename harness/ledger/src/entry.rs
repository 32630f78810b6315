//! One line of a journal: 16 bytes.

use crate::MessageId;

/// What happened to a message. The numbers are the journal's format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A producer is about to send it; opens the id.
    Attempted = 1,
    /// The broker confirmed it; closes the id.
    Acked = 2,
    /// It was certainly not taken; closes the id.
    Rejected = 3,
    /// The client said ok, the protocol has no ack; closes the id.
    Unconfirmed = 4,
    /// The broker answered "duplicate": it has it already. Closes the id as acked.
    Deduplicated = 5,
    /// Was unknown; the broker, asked later, said that it has it.
    ResolvedStored = 6,
    /// Was unknown; the broker, asked later, said that it does not have it.
    ResolvedAbsent = 7,
    /// Handed to the application of a consumer.
    Delivered = 8,
    /// A worker says that it applied the effect: a hint, not evidence.
    Reported = 9,
    /// The broker confirmed the consumer's ack.
    Settled = 10,
    /// A message with another run's tag reached a worker or a sink.
    Crossed = 11,
    /// The effect was seen at the sink.
    Applied = 12,
    /// A request reached a receiver that knows an idempotency key.
    Called = 13,
    /// Read back from the broker's own store.
    Stored = 14,
    /// Found in a log, in a transaction that was given up: no reader of committed messages is ever handed it.
    GivenUp = 15,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Kind; 15] = [
        Kind::Attempted,
        Kind::Acked,
        Kind::Rejected,
        Kind::Unconfirmed,
        Kind::Deduplicated,
        Kind::ResolvedStored,
        Kind::ResolvedAbsent,
        Kind::Delivered,
        Kind::Reported,
        Kind::Settled,
        Kind::Crossed,
        Kind::Applied,
        Kind::Called,
        Kind::Stored,
        Kind::GivenUp,
    ];

    /// The word for it in `harness history` and in time lines.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Attempted => "attempted",
            Kind::Acked => "acked",
            Kind::Rejected => "rejected",
            Kind::Unconfirmed => "unconfirmed",
            Kind::Deduplicated => "deduplicated",
            Kind::ResolvedStored => "resolved-stored",
            Kind::ResolvedAbsent => "resolved-absent",
            Kind::Delivered => "delivered",
            Kind::Reported => "reported",
            Kind::Settled => "settled",
            Kind::Crossed => "crossed",
            Kind::Applied => "applied",
            Kind::Called => "called",
            Kind::Stored => "stored",
            Kind::GivenUp => "given-up",
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        if number >= 1 && number <= Self::ALL.len() as u8 {
            Some(Self::ALL[number as usize - 1])
        } else {
            None
        }
    }
}

/// One event in a message's life, as a worker or the harness wrote it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What happened.
    pub kind: Kind,
    /// To which message.
    pub id: MessageId,
    /// When, in nanoseconds of the host's monotonic clock.
    pub time_ns: u64,
}

/// The two words of an entry in a journal. The first is 0 where nothing was written yet.
///
/// First word, from the top: kind (8 bits), check (8), producer (16), seq (32). Second word: time.
pub type Words = [u64; 2];

/// Why 16 bytes are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadEntry {
    /// No kind has this number.
    Kind(u8),
    /// The check does not match the rest.
    Check,
}

impl Entry {
    /// The entry as it is stored. The first word is never 0.
    #[inline]
    pub fn encode(self) -> Words {
        let kind = self.kind as u64;
        let body = (u64::from(self.id.producer) << 32) | u64::from(self.id.seq);
        let check = u64::from(check(kind, body, self.time_ns));
        [(kind << 56) | (check << 48) | body, self.time_ns]
    }

    /// The entry of two stored words; the first must not be 0 ("not written").
    #[inline]
    pub fn decode([first, time_ns]: Words) -> Result<Self, BadEntry> {
        let number = first >> 56;
        let body = first & 0x0000_ffff_ffff_ffff;
        let kind = Kind::from_number(number as u8).ok_or(BadEntry::Kind(number as u8))?;
        if (first >> 48) as u8 != check(number, body, time_ns) {
            return Err(BadEntry::Check);
        }
        Ok(Self { kind, id: MessageId::new((body >> 32) as u16, body as u32), time_ns })
    }
}

/// A multiplicative hash of everything else in the entry: it need only notice torn or foreign
/// bytes, and must cost next to nothing on both sides.
#[inline]
fn check(kind: u64, body: u64, time_ns: u64) -> u8 {
    let mixed = (body ^ (kind << 48)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ time_ns;
    (mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_distinct_and_numbers_are_dense() {
        for (position, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, position + 1);
            assert_eq!(Kind::ALL.iter().filter(|other| other.word() == kind.word()).count(), 1);
        }
    }

    proptest! {
        #[test]
        fn decodes_what_it_encodes(number in 0..Kind::ALL.len(), producer: u16, seq: u32, time_ns: u64) {
            let entry = Entry { kind: Kind::ALL[number], id: MessageId::new(producer, seq), time_ns };
            let words = entry.encode();
            prop_assert_ne!(words[0], 0);
            prop_assert_eq!(Entry::decode(words), Ok(entry));
        }

        #[test]
        fn most_flipped_bits_are_noticed(seq: u32, time_ns: u64, bit in 0..128usize) {
            let entry = Entry { kind: Kind::Acked, id: MessageId::new(1, seq), time_ns };
            let mut words = entry.encode();
            words[bit / 64] ^= 1 << (bit % 64);
            // An 8-bit check may miss 1 in 256, but never gives back the entry that was written.
            prop_assert_ne!(Entry::decode(words), Ok(entry));
        }
    }
}
