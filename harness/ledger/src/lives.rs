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

    /// Every life, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (MessageId, &[Event])> {
        self.lives.iter().map(|(id, life)| (*id, life.as_slice()))
    }

    /// Whether the earliest delivery of all came after a higher sequence; nothing where that is not known.
    pub(crate) fn first_delivered_late(&self, id: MessageId) -> Option<bool> {
        self.get(id)?.iter().find(|event| event.kind == Kind::Delivered).map(|event| event.late)
    }

    /// Whether it was delivered after its ack was confirmed; nothing where that is not known.
    pub(crate) fn delivered_after_settled(&self, id: MessageId) -> Option<bool> {
        let life = self.get(id)?;
        let settled = life.iter().find(|event| event.kind == Kind::Settled)?;
        let delivered = life.iter().rfind(|event| event.kind == Kind::Delivered)?;
        Some(settled.time_ns < delivered.time_ns)
    }
}
