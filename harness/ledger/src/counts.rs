//! The account in numbers: what the machine interface shows.

use serde::{Deserialize, Serialize};

/// Which counts mean something in this run. Where one does not apply it is null, not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// It is proven that nothing more will come. Without it nothing is said to be lost.
    pub drained: bool,
    /// The broker's own store was read back.
    pub store_read: bool,
    /// Consumers have their acks confirmed.
    pub settles: bool,
    /// The receiver knows an idempotency key, so its calls are counted beside its effects.
    pub keyed: bool,
    /// Consumers take part. Without any, what producers do themselves is the effect.
    pub consumed: bool,
    /// What one producer sends lies in several logs, and there is an order within each of them only.
    pub spread: bool,
    /// How long the broker waits for an ack before it delivers again, in nanoseconds, where it does.
    pub ack_wait_ns: Option<u64>,
    /// The store is a table that consumers ask again and again, each for what it takes for open.
    pub polled: bool,
    /// The largest batch that the broker's log takes, in bytes, where every message is larger.
    pub too_large_for: Option<u32>,
}

/// What a sink that adds up should hold, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// With each effect exactly once.
    pub expected: i64,
    /// As found.
    pub observed: i64,
}

/// The balance sheet. Counts are of distinct ids, but for `surplus`, `calls` and `sum`; null where a count does not
/// apply or is not known. Order and names are a stable interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// A producer was about to send it. Always `acked + rejected + unknown + unconfirmed`.
    pub attempted: u64,
    /// The broker confirmed it, or said that it has it already.
    pub acked: u64,
    /// Every attempt was certainly not taken.
    pub rejected: u64,
    /// The producer does not know.
    pub unknown: u64,
    /// The client said ok, the protocol has no ack.
    pub unconfirmed: u64,
    /// Handed to the application of a consumer at least once.
    pub delivered: u64,
    /// Handed to the application more than once.
    pub redelivered: u64,
    /// Its effect was seen at the sink.
    pub applied: u64,
    /// Its effect was seen more than once.
    pub duplicated: u64,
    /// Effects beyond the first, of all ids together.
    pub surplus: u64,
    /// Acked or unconfirmed, and no effect. Null without a proven drain.
    pub lost: Option<u64>,
    /// The acked ones among the lost.
    pub lost_acked: Option<u64>,
    /// The unconfirmed ones among the lost.
    pub lost_unconfirmed: Option<u64>,
    /// Unknown to the producer, and applied.
    pub recovered: u64,
    /// Unknown, settled later by asking the broker.
    pub resolved: u64,
    /// Seen, never attempted.
    pub phantom: u64,
    /// Rejected, or said to be absent, yet seen.
    pub resurrected: u64,
    /// First delivered after a higher sequence of the same producer.
    pub reordered: u64,
    /// Carries the tag of another run or environment.
    pub crossed: u64,
    /// In the broker's own store.
    pub stored: Option<u64>,
    /// In the broker's own store more than once.
    pub stored_again: Option<u64>,
    /// The broker answered "duplicate".
    pub deduplicated: Option<u64>,
    /// The consumer's ack was confirmed.
    pub settled: Option<u64>,
    /// Delivered once more after its ack was confirmed. Null too where the times of some were not looked at.
    pub redelivered_after_settled: Option<u64>,
    /// Requests at a receiver that knows an idempotency key.
    pub calls: Option<u64>,
    /// For a sink that adds up. The fold does not know it: whoever reads the sink sets it.
    pub sum: Option<Sum>,
}

impl Counts {
    /// The names of all counts, in their order; `sum` is apart.
    pub const FIELDS: &'static [&'static str] = &[
        "attempted",
        "acked",
        "rejected",
        "unknown",
        "unconfirmed",
        "delivered",
        "redelivered",
        "applied",
        "duplicated",
        "surplus",
        "lost",
        "lost_acked",
        "lost_unconfirmed",
        "recovered",
        "resolved",
        "phantom",
        "resurrected",
        "reordered",
        "crossed",
        "stored",
        "stored_again",
        "deduplicated",
        "settled",
        "redelivered_after_settled",
        "calls",
    ];

    /// The count of this name; nothing where it is null or where no count has the name.
    pub fn field(&self, name: &str) -> Option<u64> {
        let position = Self::FIELDS.iter().position(|field| *field == name)?;
        self.values()[position]
    }

    /// All counts with their names, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        Self::FIELDS.iter().copied().zip(self.values())
    }

    fn values(&self) -> [Option<u64>; 25] {
        [
            Some(self.attempted),
            Some(self.acked),
            Some(self.rejected),
            Some(self.unknown),
            Some(self.unconfirmed),
            Some(self.delivered),
            Some(self.redelivered),
            Some(self.applied),
            Some(self.duplicated),
            Some(self.surplus),
            self.lost,
            self.lost_acked,
            self.lost_unconfirmed,
            Some(self.recovered),
            Some(self.resolved),
            Some(self.phantom),
            Some(self.resurrected),
            Some(self.reordered),
            Some(self.crossed),
            self.stored,
            self.stored_again,
            self.deduplicated,
            self.settled,
            self.redelivered_after_settled,
            self.calls,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_document_in_its_order() {
        let text = serde_json::to_string(&Counts::default()).unwrap();
        let names: Vec<_> = Counts::FIELDS.iter().chain(&["sum"]).copied().collect();
        let mut shown =
            text.split('"').filter(|part| part.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        for name in names {
            assert_eq!(shown.next(), Some(name));
        }
        assert_eq!(shown.next(), None);
    }

    /// Each field gets a value of its own, so a swapped pair in `values` shows.
    #[test]
    fn each_name_finds_its_own_count() {
        let numbered =
            Counts::FIELDS.iter().enumerate().map(|(position, name)| ((*name).to_owned(), position.into()));
        let mut object: serde_json::Map<String, serde_json::Value> = numbered.collect();
        object.insert("sum".to_owned(), serde_json::json!({ "expected": 5, "observed": -5 }));
        let counts: Counts = serde_json::from_value(object.into()).unwrap();
        for (position, name) in Counts::FIELDS.iter().enumerate() {
            assert_eq!(counts.field(name), Some(position as u64), "{name}");
        }
        assert_eq!(counts.field("sum"), None);
        assert_eq!(counts.field("loss"), None);
        assert_eq!(counts.sum, Some(Sum { expected: 5, observed: -5 }));
    }
}
