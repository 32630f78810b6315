//! The account while the run goes on: for the eye, and for faults that fire at a count.
//!
//! What it says of effects is a hint. The truth is folded anew from the run folder at the end.

use std::path::PathBuf;

use journal::Tail;
use ledger::{Account, Delays, Entry, Kind, MeasuredDelays};

use crate::report::live::LiveCounts;

/// How many entries are taken from one journal in one round, so that a busy producer cannot keep
/// the harness from hearing its workers.
const ROUND: usize = 200_000;

/// The journals that are being written, and their accounts so far.
#[derive(Debug)]
pub struct Live {
    run: u64,
    folder: PathBuf,
    /// Somebody takes messages and says that they are applied.
    has_consumers: bool,
    journals: Vec<Watched>,
    entries: Vec<Entry>,
    delays: Option<Delays>,
}

#[derive(Debug)]
struct Watched {
    life: String,
    producer: bool,
    tail: Option<Tail>,
    damaged: bool,
    account: Account,
}

impl Live {
    /// Watches the journals of one run in `folder`.
    ///
    /// Without consumers nobody reports effects: a message is in flight until its producer has an answer.
    pub fn new(run: u64, folder: PathBuf, has_consumers: bool) -> Self {
        Self { run, folder, has_consumers, journals: Vec::new(), entries: Vec::new(), delays: None }
    }

    /// Measures delays as well, from now on.
    pub fn measure(&mut self, delays: Delays) {
        self.delays = Some(delays);
    }

    /// The delays that were measured, where they are.
    pub fn delays(&self) -> Option<&MeasuredDelays> {
        self.delays.as_ref().map(Delays::measured)
    }

    /// Takes up one more journal; its file may come later.
    pub fn watch(&mut self, life: &str, producer: bool) {
        let watched =
            Watched { life: life.to_owned(), producer, tail: None, damaged: false, account: Account::new() };
        self.journals.push(watched);
        // Consumers first: then no delivery is seen before its attempt.
        self.journals.sort_by_key(|journal| journal.producer);
    }

    /// Folds what was written since the last round; says whether there was anything.
    ///
    /// A damaged journal is left alone from then on: the fold at the end names it.
    pub fn round(&mut self) -> bool {
        let mut moved = false;
        for journal in &mut self.journals {
            if journal.damaged {
                continue;
            }
            if journal.tail.is_none() {
                let path = self.folder.join(format!("{}.journal", journal.life));
                journal.tail = Tail::open(&path, self.run).ok();
            }
            let Some(tail) = &mut journal.tail else { continue };
            self.entries.clear();
            journal.damaged = tail.read(&mut self.entries, ROUND).is_err();
            moved |= !self.entries.is_empty();
            journal.account.fold(&self.entries);
            if let Some(delays) = &mut self.delays {
                delays.take(&self.entries);
            }
        }
        moved
    }

    /// How many ids have an entry of this kind. A resend by a later life counts again: a live count may
    /// say more than the account at the end, never less.
    pub fn count(&self, kind: Kind) -> u64 {
        self.journals.iter().map(|journal| journal.account.count(kind)).sum()
    }

    /// The counts for the eye. Where effects become visible elsewhere, the workers' own reports stand in for them.
    pub fn counts(&self) -> LiveCounts {
        LiveCounts {
            attempted: self.count(Kind::Attempted),
            acked: self.count(Kind::Acked),
            unconfirmed: self.count(Kind::Unconfirmed),
            delivered: self.count(Kind::Delivered),
            applied: self.count(Kind::Applied).max(self.count(Kind::Reported)),
            in_flight: self.in_flight(),
        }
    }

    /// How many messages are between their producer and their effect now.
    pub fn in_flight(&self) -> u64 {
        if self.has_consumers {
            return self.merged().in_flight();
        }
        let answered = [Kind::Acked, Kind::Rejected, Kind::Unconfirmed].map(|kind| self.count(kind));
        self.count(Kind::Attempted).saturating_sub(answered.iter().sum())
    }

    /// All accounts added up.
    pub fn merged(&self) -> Account {
        let mut merged = Account::new();
        for journal in &self.journals {
            merged.merge(&journal.account);
        }
        merged
    }

    /// How often a worker passed a point in all its lives.
    pub fn passages(&self, worker: &str, point: &str) -> u64 {
        let of_worker = |life: &str| life.rsplit_once('.').is_some_and(|(name, _)| name == worker);
        let tails = self.journals.iter().filter(|journal| of_worker(&journal.life));
        tails.filter_map(|journal| journal.tail.as_ref()).map(|tail| passed(tail, point)).sum()
    }
}

fn passed(tail: &Tail, point: &str) -> u64 {
    tail.points().into_iter().filter(|(name, _)| name == point).map(|(_, count)| count).sum()
}
