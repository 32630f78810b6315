//! The account against a naive model, on histories that no sane system would produce.

mod common;

use std::collections::BTreeSet;

use common::Model;
use ledger::{Account, Entry, Fate, IdRange, Kind, Lives, MessageId, Scope};
use proptest::{collection::vec, prelude::*, sample::select};

/// Few ids, so that they meet; at the edges of words, chunks and of the numbers themselves.
const SEQS: [u32; 12] = [0, 1, 2, 3, 62, 63, 64, 65_535, 65_536, 131_072, u32::MAX - 1, u32::MAX];

fn journal() -> impl Strategy<Value = Vec<Entry>> {
    let id = (select(vec![0_u16, 0, 1, u16::MAX]), select(SEQS.to_vec()));
    // Mostly what producers and consumers write, now and then anything.
    let usual =
        vec![Kind::Attempted, Kind::Attempted, Kind::Acked, Kind::Rejected, Kind::Delivered, Kind::Applied];
    let kind = prop_oneof![3 => select(usual), 2 => select(Kind::ALL.to_vec())];
    let steps = vec((kind, id, 0..4_u64), 0..60);
    (0..50_u64, steps).prop_map(|(start, steps)| {
        let mut time_ns = start;
        let entry = |(kind, (producer, seq), step)| {
            time_ns += step;
            Entry { kind, id: MessageId::new(producer, seq), time_ns }
        };
        steps.into_iter().map(entry).collect()
    })
}

fn journals() -> impl Strategy<Value = Vec<Vec<Entry>>> {
    vec(journal(), 1..5)
}

fn folded(journal: &[Entry]) -> Account {
    let mut account = Account::new();
    account.fold(journal);
    account
}

fn merged<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Account {
    let mut all = Account::new();
    accounts.into_iter().for_each(|account| all.merge(account));
    all
}

fn lives(wanted: Vec<IdRange>, journals: &[Vec<Entry>]) -> Lives {
    let mut lives = Lives::of(wanted);
    for (writer, journal) in journals.iter().enumerate() {
        lives.collect(writer as u16, journal);
    }
    lives
}

fn scope() -> impl Strategy<Value = Scope> {
    any::<[bool; 6]>().prop_map(|[drained, store_read, settles, keyed, consumed, spread]| Scope {
        drained,
        store_read,
        settles,
        keyed,
        consumed,
        spread,
        ..Scope::default()
    })
}

/// All that an account tells, so that two accounts can be compared.
fn told(account: &Account) -> String {
    let ids: Vec<_> = Fate::ALL.iter().map(|fate| account.ids(*fate)).collect();
    let scope = Scope {
        drained: true,
        store_read: true,
        settles: true,
        keyed: true,
        consumed: true,
        ..Scope::default()
    };
    let counts = account.counts(&scope, &Lives::default());
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| account.count(*kind)).collect();
    format!("{ids:?} {counts:?} {kinds:?} {} {:?}", account.in_flight(), account.candidates())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn counts_and_ids_are_those_of_the_model(journals in journals(), scope in scope()) {
        let model = Model::new(&journals);
        let accounts: Vec<_> = journals.iter().map(|journal| folded(journal)).collect();
        let account = merged(&accounts);
        let lives = lives(account.candidates(), &journals);
        prop_assert_eq!(account.counts(&scope, &lives), model.counts(&scope));
        for fate in Fate::ALL {
            let ranges = account.exact_ids(fate, &lives);
            let ids: BTreeSet<_> = ranges.iter().flat_map(|range| range.ids()).collect();
            prop_assert_eq!(ledger::total(&ranges), ids.len() as u64, "{} ids more than once", fate);
            prop_assert_eq!(ids, model.ids(fate), "{}", fate);
            // Sorted, and neighbours are one range.
            let apart = ranges.windows(2).all(|pair| pair[0] < pair[1]
                && (pair[0].producer != pair[1].producer || u64::from(pair[0].to) + 1 < u64::from(pair[1].from)));
            prop_assert!(apart, "{}: {:?}", fate, ranges);
        }
        for kind in Kind::ALL {
            prop_assert_eq!(account.count(kind), model.count(kind), "{}", kind.word());
        }
        prop_assert_eq!(account.in_flight(), model.ids(Fate::InFlight).len() as u64);
    }

    #[test]
    fn the_order_of_merging_does_not_matter(journals in journals(), order in any::<prop::sample::Index>()) {
        let accounts: Vec<_> = journals.iter().map(|journal| folded(journal)).collect();
        let whole = told(&merged(&accounts));
        let mut turned = accounts.clone();
        turned.rotate_left(order.index(accounts.len()));
        prop_assert_eq!(&whole, &told(&merged(&turned)));
        turned.reverse();
        prop_assert_eq!(&whole, &told(&merged(&turned)));
        // In groups: (a + b) + (c + d) is ((a + b) + c) + d.
        let (left, right) = accounts.split_at(order.index(accounts.len() + 1));
        prop_assert_eq!(&whole, &told(&merged([&merged(right), &merged(left)])));
    }

    #[test]
    fn a_journal_in_pieces_is_the_same_journal(journal in journal(), cuts in vec(any::<prop::sample::Index>(), 0..4)) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(journal.len() + 1)).collect();
        cuts.extend([0, journal.len()]);
        cuts.sort_unstable();
        let mut pieces = Account::new();
        cuts.windows(2).for_each(|cut| pieces.fold(&journal[cut[0]..cut[1]]));
        prop_assert_eq!(told(&pieces), told(&folded(&journal)));
    }

    #[test]
    fn lives_hold_every_event_in_the_order_of_time(journals in journals(), turn in any::<prop::sample::Index>()) {
        let all = vec![0, 1, u16::MAX].into_iter().map(|producer| IdRange { producer, from: 0, to: u32::MAX });
        let all: Vec<_> = all.collect();
        let lives = lives(all.clone(), &journals);
        let events: usize = lives.iter().map(|(_, life)| life.len()).sum();
        prop_assert_eq!(events, journals.iter().map(Vec::len).sum::<usize>());
        prop_assert!(lives.iter().all(|(_, life)| life.is_sorted_by_key(|event| (event.time_ns, event.writer))));
        let mut other = Lives::of(all);
        for offset in 0..journals.len() {
            let writer = (turn.index(journals.len()) + offset) % journals.len();
            other.collect(writer as u16, &journals[writer]);
        }
        prop_assert!(lives.iter().eq(other.iter()));
    }

    #[test]
    fn what_was_not_looked_at_is_not_said(journals in journals()) {
        let accounts: Vec<_> = journals.iter().map(|journal| folded(journal)).collect();
        let account = merged(&accounts);
        let model = Model::new(&journals);
        let scope = Scope { settles: true, ..Scope::default() };
        let blind = account.counts(&scope, &Lives::default());
        prop_assert!(blind.reordered >= model.counts(&scope).reordered);
        let candidates = account.ids(Fate::RedeliveredAfterSettled);
        prop_assert_eq!(account.exact_ids(Fate::RedeliveredAfterSettled, &Lives::default()), []);
        prop_assert_eq!(blind.redelivered_after_settled.is_none(), !candidates.is_empty());
    }
}
