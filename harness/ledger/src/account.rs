//! The fold of journals: dense bit sets per producer, because sequences are dense.

use crate::{
    Counts, Entry, Fate, IdRange, Kind, Lives, MessageId, Scope,
    bits::{CHUNK_IDS, Chunk, FIELDS},
    fold::{Tally, field},
    lives::{self, Piece},
    range::{self, total},
    row::Row,
    sparse::Sparse,
};

/// What became of every message, as far as these journals tell.
///
/// One journal is folded into an account of its own, and accounts are merged by adding. Merging is associative and
/// commutative, not idempotent: each journal is folded once. Entries are folded before an account takes part in
/// a merge, never after: what is open, and what is out of order, is a matter of one journal.
#[derive(Clone, Debug, Default)]
pub struct Account {
    producers: Sparse<Producer>,
    /// How many ids each field holds.
    distinct: [u64; FIELDS],
    /// Effects, each time counted.
    effects: u64,
    /// Requests at a receiver that knows a key, each time counted.
    calls: u64,
}

#[derive(Clone, Debug, Default)]
struct Producer {
    chunks: Sparse<Chunk>,
    /// The highest sequence that was delivered in this journal.
    highest: Option<u32>,
}

impl Account {
    /// An account of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds entries of one journal, in its order. A journal may be folded in pieces.
    pub fn fold(&mut self, entries: &[Entry]) {
        let chunk_of = |id: MessageId| (id.producer, id.seq / CHUNK_IDS);
        for run in entries.chunk_by(|one, next| chunk_of(one.id) == chunk_of(next.id)) {
            let (number, chunk) = chunk_of(run[0].id);
            let producer = self.producers.entry(number);
            let mut tally = Tally { distinct: &mut self.distinct, highest: &mut producer.highest };
            // A sequence has 32 bits, so the chunk's number has 16.
            let chunk = producer.chunks.entry(chunk as u16);
            for entry in run {
                match entry.kind {
                    Kind::Applied => self.effects += 1,
                    Kind::Called => self.calls += 1,
                    _ => {}
                }
                tally.enter(chunk, entry.kind, entry.id.seq);
            }
        }
    }

    /// Adds another journal's account, or several journals' merged one.
    pub fn merge(&mut self, other: &Self) {
        for (number, theirs) in other.producers.iter() {
            let mine = self.producers.entry(number);
            mine.highest = mine.highest.max(theirs.highest);
            for (number, chunk) in theirs.chunks.iter() {
                let new = mine.chunks.entry(number).merge(chunk);
                self.distinct.iter_mut().zip(new).for_each(|(all, new)| *all += new);
            }
        }
        self.effects += other.effects;
        self.calls += other.calls;
    }

    /// The balance sheet. `lives` must hold the [`Account::candidates`], out of all journals: of those it does not hold,
    /// `reordered` says the most there can be, and `redelivered_after_settled` is not known.
    ///
    /// # Panics
    /// Where the outcomes do not add up to the attempts: then the fold itself is wrong, and no figure of it may be shown.
    pub fn counts(&self, scope: &Scope, lives: &Lives) -> Counts {
        let of = self.sizes(Fate::ALL);
        let of = |fate: Fate| of[fate as usize];
        let has = |kind: Kind, expected: bool| expected || self.count(kind) > 0;
        let counts = Counts {
            attempted: of(Fate::Attempted),
            acked: of(Fate::Acked),
            rejected: of(Fate::Rejected),
            unknown: of(Fate::Unknown),
            unconfirmed: of(Fate::Unconfirmed),
            delivered: of(Fate::Delivered),
            redelivered: of(Fate::Redelivered),
            applied: of(Fate::Applied),
            duplicated: of(Fate::Duplicated),
            surplus: self.effects - of(Fate::Applied),
            lost: scope.drained.then(|| of(Fate::Lost)),
            lost_acked: scope.drained.then(|| of(Fate::LostAcked)),
            lost_unconfirmed: scope.drained.then(|| of(Fate::LostUnconfirmed)),
            recovered: of(Fate::Recovered),
            resolved: of(Fate::Resolved),
            phantom: of(Fate::Phantom),
            resurrected: of(Fate::Resurrected),
            reordered: total(&self.exact_ids(Fate::Reordered, lives)),
            crossed: of(Fate::Crossed),
            stored: scope.store_read.then(|| of(Fate::Stored)),
            stored_again: scope.store_read.then(|| of(Fate::StoredAgain)),
            deduplicated: has(Kind::Deduplicated, scope.store_read).then(|| of(Fate::Deduplicated)),
            settled: has(Kind::Settled, scope.settles).then(|| of(Fate::Settled)),
            redelivered_after_settled: self.after_settled(scope, lives),
            calls: has(Kind::Called, scope.keyed).then_some(self.calls),
            sum: None,
        };
        let outcomes = counts.acked + counts.rejected + counts.unknown + counts.unconfirmed;
        assert_eq!(counts.attempted, outcomes, "the outcomes do not add up to the attempts: {counts:?}");
        counts
    }

    fn after_settled(&self, scope: &Scope, lives: &Lives) -> Option<u64> {
        if !scope.settles && self.count(Kind::Settled) == 0 {
            return None;
        }
        let candidates = self.ids(Fate::RedeliveredAfterSettled);
        let pieces: Vec<_> = candidates.iter().flat_map(|range| lives.split(*range)).collect();
        let all = pieces.iter().all(|piece| matches!(piece, Piece::Life(..)));
        all.then(|| total(&self.exact_ids(Fate::RedeliveredAfterSettled, lives)))
    }

    /// The ids of this fate, exactly, but for two that depend on times: [`Fate::Reordered`] and
    /// [`Fate::RedeliveredAfterSettled`] hold all that may be it. [`Account::exact_ids`] sorts them out.
    pub fn ids(&self, fate: Fate) -> Vec<IdRange> {
        self.ranges(|row| row.ids(fate))
    }

    /// The ids of this fate, with the second pass. Of candidates that `lives` does not hold, those that may be
    /// reordered are in, those that may be redelivered after they were settled are not.
    pub fn exact_ids(&self, fate: Fate, lives: &Lives) -> Vec<IdRange> {
        let keep = |piece: &Piece<'_>| match (fate, piece) {
            (Fate::Reordered, Piece::Life(_, life)) => lives::first_delivered_late(life),
            (Fate::RedeliveredAfterSettled, Piece::Life(_, life)) => lives::delivered_after_settled(life),
            (Fate::RedeliveredAfterSettled, Piece::Gap(_)) => false,
            _ => true,
        };
        let mut kept = Vec::new();
        for piece in self.ids(fate).iter().flat_map(|range| lives.split(*range)).filter(keep) {
            match piece {
                Piece::Gap(gap) => range::push(&mut kept, gap),
                Piece::Life(id, _) => range::push(&mut kept, IdRange::one(id)),
            }
        }
        kept
    }

    /// The ids whose fate depends on times in more than one journal: what [`Account::counts`] needs the lives of.
    pub fn candidates(&self) -> Vec<IdRange> {
        self.ranges(|row| row.candidates())
    }

    /// The ids that a finding may have to speak of.
    pub fn odd(&self) -> Vec<IdRange> {
        self.ranges(|row| Fate::ODD.iter().fold(0, |all, fate| all | row.ids(*fate)))
    }

    /// How many ids have an entry of this kind; an answer "duplicate" is an ack too. Cheap: kept as a counter.
    pub fn count(&self, kind: Kind) -> u64 {
        self.distinct[field(kind) as usize]
    }

    /// How many ids a worker says that it applied: a hint for the live display.
    pub fn reported(&self) -> u64 {
        self.count(Kind::Reported)
    }

    /// How many ids are attempted, not rejected, and neither applied nor reported. Walks the whole account.
    pub fn in_flight(&self) -> u64 {
        self.sizes([Fate::InFlight])[0]
    }

    /// How many ids are of each of these fates, in one walk. Of the two fates that depend on times it counts all that may
    /// be it, as [`Account::ids`] does.
    pub fn sizes<const N: usize>(&self, fates: [Fate; N]) -> [u64; N] {
        let mut sizes = [0; N];
        for (_, row) in self.rows() {
            for (size, fate) in sizes.iter_mut().zip(fates) {
                *size += u64::from(row.ids(fate).count_ones());
            }
        }
        sizes
    }

    /// Goes through all ids of which something is known, 64 neighbours at a time: the first of them, and for each of
    /// these fates a word with a bit for every id that has it. The two fates that depend on times are as in [`Account::ids`].
    pub fn each_64<const N: usize>(&self, fates: [Fate; N], mut visit: impl FnMut(MessageId, [u64; N])) {
        for (first, row) in self.rows() {
            visit(first, fates.map(|fate| row.ids(fate)));
        }
    }

    /// What the account takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let of_producer = |producer: &Producer| {
            producer.chunks.bytes() + producer.chunks.iter().map(|(_, chunk)| chunk.bytes()).sum::<usize>()
        };
        size_of::<Self>()
            + self.producers.bytes()
            + self.producers.iter().map(|(_, producer)| of_producer(producer)).sum::<usize>()
    }

    /// Every row with an id in it, by the row's first id, in order.
    fn rows(&self) -> impl Iterator<Item = (MessageId, Row)> {
        self.producers.iter().flat_map(|(producer, chunks)| {
            chunks.chunks.iter().flat_map(move |(number, chunk)| {
                let first = u32::from(number) * CHUNK_IDS;
                let id = move |index: usize| MessageId::new(producer, first + index as u32 * 64);
                chunk.rows().map(move |(index, words)| (id(index), Row::new(words)))
            })
        })
    }

    fn ranges(&self, of: impl Fn(&Row) -> u64) -> Vec<IdRange> {
        let mut ranges = Vec::new();
        for (MessageId { producer, seq }, row) in self.rows() {
            let mut word = of(&row);
            while word != 0 {
                let from = word.trailing_zeros();
                let count = (!(word >> from)).trailing_zeros().min(64 - from);
                range::push(
                    &mut ranges,
                    IdRange { producer, from: seq + from, to: seq + from + (count - 1) },
                );
                word &= !(u64::MAX >> (64 - count) << from);
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::{Field, Place};

    fn entry(kind: Kind, seq: u32) -> Entry {
        Entry { kind, id: MessageId::new(0, seq), time_ns: u64::from(seq) }
    }

    /// Rule 6 is asserted where the figures are made, so a fold that forgets an outcome cannot pass unseen.
    #[test]
    #[should_panic(expected = "the outcomes do not add up to the attempts")]
    fn rule_6_outcomes_that_do_not_add_up_are_no_account() {
        let mut account = Account::new();
        account.fold(&[entry(Kind::Attempted, 0)]);
        let forgotten = account.producers.entry(0).chunks.entry(0);
        forgotten.clear(Field::Open, Place::of(0));
        account.counts(&Scope::default(), &Lives::default());
    }

    #[test]
    fn an_absurd_sequence_costs_one_chunk() {
        let mut account = Account::new();
        let absurd = [(0, 0), (0, u32::MAX), (u16::MAX, 3_000_000_000), (40_000, 0)];
        for (producer, seq) in absurd {
            account.fold(&[Entry { kind: Kind::Stored, id: MessageId::new(producer, seq), time_ns: 0 }]);
        }
        assert!(account.bytes() < 4 * 10_000, "{}", account.bytes());
        let ids: Vec<_> = account.ids(Fate::Phantom).iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["0-0", "0-4294967295", "40000-0", "65535-3000000000"]);
    }

    #[test]
    fn neighbours_come_64_at_a_time_with_a_bit_each() {
        let mut account = Account::new();
        account.fold(&[entry(Kind::Attempted, 1), entry(Kind::Attempted, 65), entry(Kind::Acked, 65)]);
        let mut seen = Vec::new();
        account.each_64([Fate::Attempted, Fate::Acked], |first, words| seen.push((first.seq, words)));
        assert_eq!(seen, [(0, [2, 0]), (64, [2, 2])]);
    }

    #[test]
    fn ranges_go_on_over_words_and_chunks() {
        let mut account = Account::new();
        let run: Vec<_> =
            (60..200_000).filter(|seq| *seq != 131_072).map(|seq| entry(Kind::Attempted, seq)).collect();
        account.fold(&run);
        let ids: Vec<_> = account.ids(Fate::Unknown).iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["0-60..0-131071", "0-131073..0-199999"]);
        assert_eq!(account.count(Kind::Attempted), 199_939);
    }
}
