//! What can become of a message.

use std::fmt;

/// A set of ids in the account. Its word is the name of the count in [`crate::Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// A producer was about to send it.
    Attempted,
    /// The broker has it, and the producer knows.
    Acked,
    /// Every attempt was certainly not taken.
    Rejected,
    /// The producer does not know.
    Unknown,
    /// The client said ok, the protocol has no ack.
    Unconfirmed,
    /// Handed to the application of a consumer.
    Delivered,
    /// Handed over more than once.
    Redelivered,
    /// The effect was seen at the sink.
    Applied,
    /// The effect was seen more than once.
    Duplicated,
    /// Acked or unconfirmed, and no effect.
    Lost,
    /// Acked, and no effect.
    LostAcked,
    /// Unconfirmed, and no effect.
    LostUnconfirmed,
    /// Unknown to the producer, and applied.
    Recovered,
    /// Unknown, settled later by asking the broker.
    Resolved,
    /// Seen, never attempted.
    Phantom,
    /// Rejected, or said to be absent, yet seen.
    Resurrected,
    /// First delivered after a higher sequence of the same producer.
    Reordered,
    /// Carries another run's tag.
    Crossed,
    /// In the broker's own store.
    Stored,
    /// In the broker's own store more than once.
    StoredAgain,
    /// The broker answered "duplicate".
    Deduplicated,
    /// The consumer's ack was confirmed.
    Settled,
    /// Delivered once more after its ack was confirmed.
    RedeliveredAfterSettled,
    /// Attempted, not rejected, and no effect yet. No count of the account: for the live display.
    InFlight,
}

impl Fate {
    /// Every fate, in the order of the account.
    pub const ALL: [Self; 24] = [
        Self::Attempted,
        Self::Acked,
        Self::Rejected,
        Self::Unknown,
        Self::Unconfirmed,
        Self::Delivered,
        Self::Redelivered,
        Self::Applied,
        Self::Duplicated,
        Self::Lost,
        Self::LostAcked,
        Self::LostUnconfirmed,
        Self::Recovered,
        Self::Resolved,
        Self::Phantom,
        Self::Resurrected,
        Self::Reordered,
        Self::Crossed,
        Self::Stored,
        Self::StoredAgain,
        Self::Deduplicated,
        Self::Settled,
        Self::RedeliveredAfterSettled,
        Self::InFlight,
    ];

    /// The fates that need a sentence, in the order in which a report shows them.
    pub const ODD: [Self; 11] = [
        Self::Lost,
        Self::Duplicated,
        Self::Phantom,
        Self::Resurrected,
        Self::Crossed,
        Self::Reordered,
        Self::StoredAgain,
        Self::RedeliveredAfterSettled,
        Self::Redelivered,
        Self::Recovered,
        Self::Unknown,
    ];

    /// The word for it: the name of its count.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Attempted => "attempted",
            Self::Acked => "acked",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Unconfirmed => "unconfirmed",
            Self::Delivered => "delivered",
            Self::Redelivered => "redelivered",
            Self::Applied => "applied",
            Self::Duplicated => "duplicated",
            Self::Lost => "lost",
            Self::LostAcked => "lost_acked",
            Self::LostUnconfirmed => "lost_unconfirmed",
            Self::Recovered => "recovered",
            Self::Resolved => "resolved",
            Self::Phantom => "phantom",
            Self::Resurrected => "resurrected",
            Self::Reordered => "reordered",
            Self::Crossed => "crossed",
            Self::Stored => "stored",
            Self::StoredAgain => "stored_again",
            Self::Deduplicated => "deduplicated",
            Self::Settled => "settled",
            Self::RedeliveredAfterSettled => "redelivered_after_settled",
            Self::InFlight => "in_flight",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;

    #[test]
    fn every_fate_is_listed_in_order_and_is_a_count() {
        for (position, fate) in Fate::ALL.into_iter().enumerate() {
            assert_eq!(fate as usize, position);
            assert_eq!(Counts::FIELDS.contains(&fate.word()), fate != Fate::InFlight, "{fate}");
        }
    }
}
