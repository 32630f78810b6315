//! From what was seen of an id to what became of it: 64 ids at a time, one expression for each fate.

use crate::{
    Fate,
    bits::{FIELDS, Field},
};

/// 64 neighbouring ids, a word for each field.
#[derive(Clone, Copy)]
pub(crate) struct Row([u64; FIELDS]);

impl Row {
    pub fn new(words: [u64; FIELDS]) -> Self {
        Self(words)
    }

    fn get(&self, field: Field) -> u64 {
        self.0[field as usize]
    }

    /// The ids of this fate. The two that need times are not exact here: see [`crate::Account::ids`].
    pub fn ids(&self, fate: Fate) -> u64 {
        match fate {
            Fate::Attempted => self.get(Field::Attempted),
            Fate::Acked => self.acked(),
            Fate::Rejected => self.rejected(),
            Fate::Unknown => self.unknown(),
            Fate::Unconfirmed => self.unconfirmed(),
            Fate::Delivered => self.get(Field::Delivered),
            Fate::Redelivered => self.get(Field::Redelivered),
            Fate::Applied => self.get(Field::Applied),
            Fate::Duplicated => self.get(Field::Duplicated),
            Fate::Lost => (self.acked() | self.unconfirmed()) & !self.get(Field::Applied),
            Fate::LostAcked => self.acked() & !self.get(Field::Applied),
            Fate::LostUnconfirmed => self.unconfirmed() & !self.get(Field::Applied),
            Fate::Recovered => self.unknown() & self.get(Field::Applied),
            Fate::Resolved => {
                self.unknown() & (self.get(Field::ResolvedStored) | self.get(Field::ResolvedAbsent))
            }
            Fate::Phantom => self.touched() & !self.get(Field::Attempted),
            Fate::Resurrected => {
                (self.rejected() | (self.unknown() & self.get(Field::ResolvedAbsent))) & self.seen()
            }
            Fate::Reordered => self.get(Field::Reordered),
            Fate::Crossed => self.get(Field::Crossed),
            Fate::Stored => self.get(Field::Stored),
            Fate::StoredAgain => self.get(Field::StoredAgain),
            Fate::Deduplicated => self.get(Field::Deduplicated),
            Fate::Settled => self.get(Field::Settled),
            Fate::RedeliveredAfterSettled => self.get(Field::Settled) & self.get(Field::Redelivered),
            Fate::InFlight => self.in_flight(),
        }
    }

    /// The ids whose fate depends on times in more than one journal.
    pub fn candidates(&self) -> u64 {
        self.get(Field::Redelivered) & (self.get(Field::Reordered) | self.get(Field::Settled))
    }

    // The final outcome, by rank: acked, unknown, unconfirmed, rejected.

    fn acked(&self) -> u64 {
        self.get(Field::Attempted) & self.get(Field::Acked)
    }

    fn unknown(&self) -> u64 {
        let in_doubt = self.get(Field::Open) | self.get(Field::Unknown);
        self.get(Field::Attempted) & in_doubt & !self.get(Field::Acked)
    }

    fn unconfirmed(&self) -> u64 {
        let settled = self.acked() | self.unknown();
        self.get(Field::Attempted) & self.get(Field::Unconfirmed) & !settled
    }

    /// Not "the rest": where an id had no outcome at all, the sum of the outcomes must show it.
    fn rejected(&self) -> u64 {
        let other = self.acked() | self.unknown() | self.unconfirmed();
        self.get(Field::Attempted) & self.get(Field::Rejected) & !other
    }

    /// Seen behind the producer: by a consumer, at a receiver, or in the broker's store.
    fn seen(&self) -> u64 {
        self.get(Field::Delivered)
            | self.get(Field::Applied)
            | self.get(Field::Called)
            | self.get(Field::Stored)
    }

    /// Any word of it but the attempt itself. A crossed message is another run's: its number is no id of ours.
    fn touched(&self) -> u64 {
        let apart = [Field::Attempted as usize, Field::Crossed as usize, Field::Open as usize];
        let others = self.0.iter().enumerate().filter(|(field, _)| !apart.contains(field));
        others.fold(0, |all, (_, word)| all | word)
    }

    fn in_flight(&self) -> u64 {
        let ended = self.rejected() | self.get(Field::Applied) | self.get(Field::Reported);
        self.get(Field::Attempted) & !ended
    }
}
