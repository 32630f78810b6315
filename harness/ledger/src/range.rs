//! Ids in a row, as they are shown and stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::MessageId;

/// Consecutive ids of one producer, both ends included. An exact set of ids is a sorted list of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdRange {
    /// Number of the producer within its run.
    pub producer: u16,
    /// The first sequence.
    pub from: u32,
    /// The last sequence, included.
    pub to: u32,
}

impl IdRange {
    /// The range of a single id.
    pub const fn one(id: MessageId) -> Self {
        Self { producer: id.producer, from: id.seq, to: id.seq }
    }

    /// How many ids it holds; 0 where the ends are the wrong way round.
    pub const fn count(&self) -> u64 {
        (self.to as u64 + 1).saturating_sub(self.from as u64)
    }

    /// Every id of it, in order.
    pub fn ids(self) -> impl Iterator<Item = MessageId> {
        (self.from..=self.to).map(move |seq| MessageId::new(self.producer, seq))
    }
}

impl fmt::Display for IdRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { producer, from, to } = *self;
        write!(f, "{}", MessageId::new(producer, from))?;
        if from == to { Ok(()) } else { write!(f, "..{}", MessageId::new(producer, to)) }
    }
}

/// How many ids these ranges hold together.
pub fn total(ranges: &[IdRange]) -> u64 {
    ranges.iter().map(IdRange::count).sum()
}

/// The first `limit` ids of these ranges.
pub fn first(ranges: &[IdRange], limit: u64) -> Vec<IdRange> {
    let mut left = limit;
    let mut taken = Vec::new();
    for range in ranges {
        let count = range.count().min(left);
        if count == 0 {
            continue;
        }
        // `count` is at most the range's own length, so the sum stays within it.
        taken.push(IdRange { to: (u64::from(range.from) + count - 1) as u32, ..*range });
        left -= count;
    }
    taken
}

/// Adds `range` behind the others, joined to the last one where there is no gap.
pub(crate) fn push(ranges: &mut Vec<IdRange>, range: IdRange) {
    match ranges.last_mut() {
        Some(last) if last.producer == range.producer && last.to.checked_add(1) == Some(range.from) => {
            last.to = range.to;
        }
        _ => ranges.push(range),
    }
}

/// The same ids in order, each once, neighbours joined.
pub(crate) fn tidy(mut ranges: Vec<IdRange>) -> Vec<IdRange> {
    ranges.retain(|range| range.from <= range.to);
    ranges.sort_unstable();
    let mut tidied: Vec<IdRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match tidied.last_mut() {
            Some(last) if last.producer == range.producer && range.from <= last.to => {
                last.to = last.to.max(range.to)
            }
            _ => push(&mut tidied, range),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(producer: u16, from: u32, to: u32) -> IdRange {
        IdRange { producer, from, to }
    }

    #[test]
    fn is_shown_as_its_ends() {
        assert_eq!(range(0, 17, 40).to_string(), "0-17..0-40");
        assert_eq!(range(3, 17, 17).to_string(), "3-17");
    }

    #[test]
    fn the_first_ids_stop_within_a_range() {
        let ranges = [range(0, 5, 9), range(1, 0, u32::MAX)];
        assert_eq!(first(&ranges, 7), [range(0, 5, 9), range(1, 0, 1)]);
        assert_eq!(first(&ranges, 5), [range(0, 5, 9)]);
        assert_eq!(first(&ranges, 0), []);
        assert_eq!(total(&ranges), 5 + (1 << 32));
    }

    #[test]
    fn tidying_joins_what_touches_and_drops_what_is_empty() {
        let ranges = vec![range(1, 0, 0), range(0, 6, 7), range(0, 9, 8), range(0, 0, 5), range(0, 3, 4)];
        assert_eq!(tidy(ranges), [range(0, 0, 7), range(1, 0, 0)]);
        let edge = vec![range(0, u32::MAX, u32::MAX), range(1, 0, 0)];
        assert_eq!(tidy(edge.clone()), edge);
    }
}
