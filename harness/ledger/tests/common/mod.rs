//! A naive model of the account, with sets and maps and one sentence for each word: what the fold is held against.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Counts, Entry, Fate, Kind, MessageId, Scope};

type Ids = BTreeSet<MessageId>;

/// Every entry with the journal it stands in and its place there.
pub struct Model {
    journals: Vec<Vec<Entry>>,
}

impl Model {
    pub fn new(journals: &[Vec<Entry>]) -> Self {
        Self { journals: journals.to_vec() }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.journals.iter().flatten()
    }

    fn of(&self, kind: Kind) -> Ids {
        self.entries().filter(|entry| entry.kind == kind).map(|entry| entry.id).collect()
    }

    fn times(&self, kind: Kind) -> BTreeMap<MessageId, usize> {
        let mut times = BTreeMap::new();
        for entry in self.entries().filter(|entry| entry.kind == kind) {
            *times.entry(entry.id).or_default() += 1;
        }
        times
    }

    fn twice(&self, kind: Kind) -> Ids {
        self.times(kind).into_iter().filter(|(_, times)| *times > 1).map(|(id, _)| id).collect()
    }

    /// Ids with an attempt that no later entry of the same journal closed before the next attempt.
    fn unanswered(&self) -> Ids {
        let answers = [Kind::Acked, Kind::Rejected, Kind::Unconfirmed, Kind::Deduplicated];
        let mut unanswered = Ids::new();
        for journal in &self.journals {
            for (place, attempt) in
                journal.iter().enumerate().filter(|(_, entry)| entry.kind == Kind::Attempted)
            {
                let mut later = journal[place + 1..].iter().filter(|entry| entry.id == attempt.id);
                let next = later.find(|entry| entry.kind == Kind::Attempted || answers.contains(&entry.kind));
                if next.is_none_or(|entry| entry.kind == Kind::Attempted) {
                    unanswered.insert(attempt.id);
                }
            }
        }
        unanswered
    }

    /// The earliest delivery of all, and an earlier one of a higher sequence in the same journal.
    fn reordered(&self) -> Ids {
        let delivered = self.of(Kind::Delivered).into_iter();
        let late = delivered.filter(|id| {
            let places = self.journals.iter().enumerate().flat_map(|(journal, entries)| {
                let places = entries
                    .iter()
                    .enumerate()
                    .filter(|(_, entry)| entry.kind == Kind::Delivered && entry.id == *id);
                places.map(move |(place, entry)| (entry.time_ns, journal, place))
            });
            let (_, journal, place) = places.min().unwrap();
            let before = self.journals[journal][..place].iter().filter(|entry| entry.kind == Kind::Delivered);
            before.into_iter().any(|entry| entry.id.producer == id.producer && entry.id.seq > id.seq)
        });
        late.collect()
    }

    fn redelivered_after_settled(&self) -> Ids {
        let later = |id: &MessageId| {
            let of = |kind| self.entries().filter(move |entry| entry.kind == kind && entry.id == *id);
            of(Kind::Settled)
                .any(|settled| of(Kind::Delivered).any(|delivered| delivered.time_ns > settled.time_ns))
        };
        self.twice(Kind::Delivered).into_iter().filter(later).collect()
    }

    /// The ids of a fate.
    pub fn ids(&self, fate: Fate) -> Ids {
        let attempted = self.of(Kind::Attempted);
        let acked = &(&self.of(Kind::Acked) | &self.of(Kind::Deduplicated)) & &attempted;
        let unknown = &(&self.unanswered() & &attempted) - &acked;
        let unconfirmed = &(&(&self.of(Kind::Unconfirmed) & &attempted) - &acked) - &unknown;
        let rejected = &(&(&attempted - &acked) - &unknown) - &unconfirmed;
        let applied = self.of(Kind::Applied);
        let seen = [Kind::Delivered, Kind::Applied, Kind::Called, Kind::Stored];
        let seen: Ids = seen.into_iter().flat_map(|kind| self.of(kind)).collect();
        let absent = self.of(Kind::ResolvedAbsent);
        match fate {
            Fate::Attempted => attempted,
            Fate::Acked => acked,
            Fate::Rejected => rejected,
            Fate::Unknown => unknown,
            Fate::Unconfirmed => unconfirmed,
            Fate::Delivered => self.of(Kind::Delivered),
            Fate::Redelivered => self.twice(Kind::Delivered),
            Fate::Applied => applied,
            Fate::Duplicated => self.twice(Kind::Applied),
            Fate::Lost => &(&acked | &unconfirmed) - &applied,
            Fate::LostAcked => &acked - &applied,
            Fate::LostUnconfirmed => &unconfirmed - &applied,
            Fate::Recovered => &unknown & &applied,
            Fate::Resolved => &unknown & &(&absent | &self.of(Kind::ResolvedStored)),
            Fate::Phantom => {
                let ours = self.entries().filter(|entry| entry.kind != Kind::Crossed);
                &ours.map(|entry| entry.id).collect::<Ids>() - &attempted
            }
            Fate::Resurrected => &(&rejected | &(&unknown & &absent)) & &seen,
            Fate::Reordered => self.reordered(),
            Fate::Crossed => self.of(Kind::Crossed),
            Fate::Stored => self.of(Kind::Stored),
            Fate::StoredAgain => self.twice(Kind::Stored),
            Fate::Deduplicated => self.of(Kind::Deduplicated),
            Fate::Settled => self.of(Kind::Settled),
            Fate::RedeliveredAfterSettled => self.redelivered_after_settled(),
            Fate::InFlight => &(&(&attempted - &rejected) - &applied) - &self.of(Kind::Reported),
        }
    }

    /// How many distinct ids have an entry of this kind; a duplicate's answer is an ack too.
    pub fn count(&self, kind: Kind) -> u64 {
        let ids = match kind {
            Kind::Acked => &self.of(Kind::Acked) | &self.of(Kind::Deduplicated),
            _ => self.of(kind),
        };
        ids.len() as u64
    }

    /// The balance sheet.
    pub fn counts(&self, scope: &Scope) -> Counts {
        let of = |fate: Fate| self.ids(fate).len() as u64;
        let has = |kind: Kind| !self.of(kind).is_empty();
        let total = |kind: Kind| self.entries().filter(|entry| entry.kind == kind).count() as u64;
        let settles = scope.settles || has(Kind::Settled);
        Counts {
            attempted: of(Fate::Attempted),
            acked: of(Fate::Acked),
            rejected: of(Fate::Rejected),
            unknown: of(Fate::Unknown),
            unconfirmed: of(Fate::Unconfirmed),
            delivered: of(Fate::Delivered),
            redelivered: of(Fate::Redelivered),
            applied: of(Fate::Applied),
            duplicated: of(Fate::Duplicated),
            surplus: total(Kind::Applied) - of(Fate::Applied),
            lost: scope.drained.then(|| of(Fate::Lost)),
            lost_acked: scope.drained.then(|| of(Fate::LostAcked)),
            lost_unconfirmed: scope.drained.then(|| of(Fate::LostUnconfirmed)),
            recovered: of(Fate::Recovered),
            resolved: of(Fate::Resolved),
            phantom: of(Fate::Phantom),
            resurrected: of(Fate::Resurrected),
            reordered: of(Fate::Reordered),
            crossed: of(Fate::Crossed),
            stored: scope.store_read.then(|| of(Fate::Stored)),
            stored_again: scope.store_read.then(|| of(Fate::StoredAgain)),
            deduplicated: (scope.store_read || has(Kind::Deduplicated)).then(|| of(Fate::Deduplicated)),
            settled: settles.then(|| of(Fate::Settled)),
            redelivered_after_settled: settles.then(|| of(Fate::RedeliveredAfterSettled)),
            calls: (scope.keyed || has(Kind::Called)).then(|| total(Kind::Called)),
            sum: None,
        }
    }
}
