//! What one entry changes: the rules of the fold.

use crate::{
    Kind,
    bits::{Chunk, FIELDS, Field, Place},
};

/// The field that says "there is an entry of this kind".
pub(crate) const fn field(kind: Kind) -> Field {
    match kind {
        Kind::Attempted => Field::Attempted,
        Kind::Acked => Field::Acked,
        Kind::Rejected => Field::Rejected,
        Kind::Unconfirmed => Field::Unconfirmed,
        Kind::Deduplicated => Field::Deduplicated,
        Kind::ResolvedStored => Field::ResolvedStored,
        Kind::ResolvedAbsent => Field::ResolvedAbsent,
        Kind::Delivered => Field::Delivered,
        Kind::Reported => Field::Reported,
        Kind::Settled => Field::Settled,
        Kind::Crossed => Field::Crossed,
        Kind::Applied => Field::Applied,
        Kind::Called => Field::Called,
        Kind::Stored => Field::Stored,
        Kind::GivenUp => Field::GivenUp,
    }
}

/// What an entry changes beside its chunk.
pub(crate) struct Tally<'a> {
    /// How many ids each field holds.
    pub distinct: &'a mut [u64; FIELDS],
    /// The highest sequence of this producer that was delivered in this journal.
    pub highest: &'a mut Option<u32>,
}

impl Tally<'_> {
    /// Enters what happened to one id.
    #[inline]
    pub fn enter(&mut self, chunk: &mut Chunk, kind: Kind, seq: u32) {
        let at = Place::of(seq);
        match kind {
            Kind::Attempted => {
                if chunk.has(Field::Open, at) {
                    self.set(chunk, Field::Unknown, at);
                }
                self.set(chunk, Field::Attempted, at);
                chunk.set(Field::Open, at);
            }
            Kind::Acked | Kind::Rejected | Kind::Unconfirmed => {
                self.set(chunk, field(kind), at);
                chunk.clear(Field::Open, at);
            }
            Kind::Deduplicated => {
                self.set(chunk, Field::Deduplicated, at);
                self.set(chunk, Field::Acked, at);
                chunk.clear(Field::Open, at);
            }
            Kind::Delivered => self.delivered(chunk, seq),
            Kind::Applied => self.count_to_two(chunk, Field::Applied, Field::Duplicated, at),
            Kind::Stored => self.count_to_two(chunk, Field::Stored, Field::StoredAgain, at),
            Kind::ResolvedStored
            | Kind::ResolvedAbsent
            | Kind::Reported
            | Kind::Settled
            | Kind::Crossed
            | Kind::Called
            | Kind::GivenUp => {
                self.set(chunk, field(kind), at);
            }
        }
    }

    #[inline]
    fn delivered(&mut self, chunk: &mut Chunk, seq: u32) {
        let at = Place::of(seq);
        if !self.set(chunk, Field::Delivered, at) {
            self.set(chunk, Field::Redelivered, at);
        } else if self.highest.is_some_and(|highest| seq < highest) {
            self.set(chunk, Field::Reordered, at);
        } else {
            *self.highest = Some(seq);
        }
    }

    #[inline]
    fn count_to_two(&mut self, chunk: &mut Chunk, once: Field, twice: Field, at: Place) {
        if !self.set(chunk, once, at) {
            self.set(chunk, twice, at);
        }
    }

    #[inline]
    fn set(&mut self, chunk: &mut Chunk, field: Field, at: Place) -> bool {
        let new = chunk.set(field, at);
        self.distinct[field as usize] += u64::from(new);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_kinds_lie_in_the_order_of_kinds() {
        for kind in Kind::ALL {
            assert_eq!(field(kind) as usize, kind as usize - 1);
        }
    }
}
