//! The second pass: the events of a few ids with their times, out of all journals.

use std::collections::BTreeMap;

use crate::{Entry, IdRange, Kind, MessageId, range};

/// One event in the life of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds of the host's monotonic clock.
    pub time_ns: u64,
    /// What happened.
    pub kind: Kind,
    /// Whose journal says so: the index into the caller's list of writers. One journal, one index.
    pub writer: u16,
    /// It is a delivery, and a higher sequence of the same producer was delivered in that journal before.
    pub late: bool,
}

/// The lives of chosen ids. What is not wanted is not kept, so memory is bounded by the choice.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    wanted: Vec<IdRange>,
    lives: BTreeMap<MessageId, Vec<Event>>,
    /// The highest sequence delivered so far, by writer and producer.
    highest: BTreeMap<(u16, u16), u32>,
}

impl Lives {
    /// Will keep the events of these ids.
    pub fn of(wanted: Vec<IdRange>) -> Self {
        Self { wanted: range::tidy(wanted), ..Self::default() }
    }

    /// Takes entries of the journal of `writer`, in its order. A journal may be taken in pieces; journals in any order.
    pub fn collect(&mut self, writer: u16, entries: &[Entry]) {
        for entry in entries {
            let late = entry.kind == Kind::Delivered && self.is_late(writer, entry.id);
            if self.wants(entry.id) {
                let event = Event { time_ns: entry.time_ns, kind: entry.kind, writer, late };
                let life = self.lives.entry(entry.id).or_default();
                // Nearly always the last place. Within a journal the order of writing stays; at equal times
                // between journals the writer decides, so the order of collecting does not matter.
                let place =
                    life.partition_point(|other| (other.time_ns, other.writer) <= (event.time_ns, writer));
                life.insert(place, event);
            }
        }
    }

    fn is_late(&mut self, writer: u16, id: MessageId) -> bool {
        let highest = self.highest.entry((writer, id.producer)).or_insert(id.seq);
        let late = id.seq < *highest;
        *highest = (*highest).max(id.seq);
        late
    }

    fn wants(&self, id: MessageId) -> bool {
        let next = self.wanted.partition_point(|range| (range.producer, range.from) <= (id.producer, id.seq));
        next > 0 && self.wanted[next - 1].producer == id.producer && id.seq <= self.wanted[next - 1].to
    }

    /// The events of one id in the order of their times; nothing where it was not wanted or has none.
    pub fn get(&self, id: MessageId) -> Option<&[Event]> {
        self.lives.get(&id).map(Vec::as_slice)
    }

    /// These ids one by one where their lives are known, and what lies between as ranges; all in order.
    pub(crate) fn split(&self, range: IdRange) -> Vec<Piece<'_>> {
        let IdRange { producer, from, to } = range;
        let mut pieces = Vec::new();
        // One behind the last sequence does not fit in 32 bits.
        let mut next = u64::from(from);
        let gap = |next: u64, end: u64| {
            (next < end).then(|| Piece::Gap(IdRange { producer, from: next as u32, to: (end - 1) as u32 }))
        };
        for (id, life) in self.lives.range(MessageId::new(producer, from)..=MessageId::new(producer, to)) {
            pieces.extend(gap(next, id.seq.into()));
            pieces.push(Piece::Life(*id, life));
            next = u64::from(id.seq) + 1;
        }
        pieces.extend(gap(next, u64::from(to) + 1));
        pieces
    }

    /// Every life, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (MessageId, &[Event])> {
        self.lives.iter().map(|(id, life)| (*id, life.as_slice()))
    }
}

/// Part of a range of ids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// No life of these is known.
    Gap(IdRange),
    /// One id and its life.
    Life(MessageId, &'a [Event]),
}

/// Whether the earliest delivery of all came after a higher sequence.
pub(crate) fn first_delivered_late(life: &[Event]) -> bool {
    life.iter().find(|event| event.kind == Kind::Delivered).is_some_and(|event| event.late)
}

/// Whether it was delivered after its ack was confirmed.
pub(crate) fn delivered_after_settled(life: &[Event]) -> bool {
    let settled = life.iter().find(|event| event.kind == Kind::Settled);
    let delivered = life.iter().rfind(|event| event.kind == Kind::Delivered);
    settled.zip(delivered).is_some_and(|(settled, delivered)| settled.time_ns < delivered.time_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, seq: u32, time_ns: u64) -> Entry {
        Entry { kind, id: MessageId::new(0, seq), time_ns }
    }

    #[test]
    fn keeps_what_is_wanted_in_the_order_of_time() {
        let mut lives =
            Lives::of(vec![IdRange { producer: 0, from: 3, to: 4 }, IdRange { producer: 0, from: 9, to: 9 }]);
        lives.collect(
            1,
            &[entry(Kind::Delivered, 9, 5), entry(Kind::Delivered, 3, 6), entry(Kind::Settled, 3, 6)],
        );
        lives.collect(
            0,
            &[entry(Kind::Attempted, 2, 1), entry(Kind::Attempted, 3, 2), entry(Kind::Attempted, 5, 3)],
        );
        let kinds: Vec<_> = lives.get(MessageId::new(0, 3)).unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [Kind::Attempted, Kind::Delivered, Kind::Settled]);
        assert!(lives.get(MessageId::new(0, 3)).unwrap()[1].late);
        assert_eq!(lives.iter().count(), 2);
        assert_eq!(lives.get(MessageId::new(0, 5)), None);
    }

    #[test]
    fn at_the_same_moment_is_not_after() {
        let event = |kind, time_ns| Event { time_ns, kind, writer: 0, late: false };
        let after = |settled, again| {
            let mut life =
                [event(Kind::Delivered, 1), event(Kind::Settled, settled), event(Kind::Delivered, again)];
            life.sort_by_key(|event| event.time_ns);
            delivered_after_settled(&life)
        };
        assert_eq!([after(5, 6), after(5, 5), after(5, 4)], [true, false, false]);
    }

    #[test]
    fn a_range_is_split_at_its_lives() {
        let mut lives = Lives::of(vec![IdRange { producer: 0, from: 0, to: u32::MAX }]);
        lives.collect(0, &[entry(Kind::Delivered, 4, 1), entry(Kind::Delivered, u32::MAX, 2)]);
        let shown = |from, to| -> Vec<String> {
            let pieces = lives.split(IdRange { producer: 0, from, to });
            let shown = pieces.iter().map(|piece| match piece {
                Piece::Gap(range) => range.to_string(),
                Piece::Life(id, _) => format!("life {id}"),
            });
            shown.collect()
        };
        assert_eq!(shown(0, 9), ["0-0..0-3", "life 0-4", "0-5..0-9"]);
        assert_eq!(shown(4, 4), ["life 0-4"]);
        assert_eq!(shown(5, u32::MAX), [format!("0-5..0-{}", u32::MAX - 1), format!("life 0-{}", u32::MAX)]);
    }
}
