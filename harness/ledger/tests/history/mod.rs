//! Small histories by hand, and what is found in them.

use ledger::{
    Account, Entry, Finding, Kind,
    Kind::{Acked, Attempted, Unconfirmed},
    Lives, MessageId, Scope, What, Window, findings,
};

pub const DRAINED: Scope = Scope {
    drained: true,
    store_read: false,
    settles: false,
    keyed: false,
    consumed: true,
    spread: false,
    ack_wait_ns: None,
    polled: false,
    too_large_for: None,
};
pub const READ_BACK: Scope = Scope { store_read: true, ..DRAINED };
pub const START_NS: u64 = 7_000_000_000;

/// One journal: who wrote it, and kind, sequence and milliseconds of each entry.
pub type Journal<'a> = (&'a str, &'a [(Kind, u32, u64)]);

pub fn ns(milliseconds: u64) -> u64 {
    START_NS + milliseconds * 1_000_000
}

pub fn window(what: What, target: &str, from: u64, to: Option<u64>) -> Window {
    Window { what, target: target.to_owned(), from_ns: ns(from), to_ns: to.map(ns) }
}

pub fn found(journals: &[Journal<'_>], windows: &[Window], scope: &Scope) -> Vec<Finding> {
    let entry = |(kind, seq, at): &(Kind, u32, u64)| Entry {
        kind: *kind,
        id: MessageId::new(0, *seq),
        time_ns: ns(*at),
    };
    let journals: Vec<(&str, Vec<Entry>)> =
        journals.iter().map(|(writer, entries)| (*writer, entries.iter().map(entry).collect())).collect();
    let mut account = Account::new();
    for (_, entries) in &journals {
        let mut part = Account::new();
        part.fold(entries);
        account.merge(&part);
    }
    let mut lives = Lives::of(account.odd());
    for (writer, (_, entries)) in journals.iter().enumerate() {
        lives.collect(writer as u16, entries);
    }
    let writers: Vec<_> = journals.iter().map(|(writer, _)| (*writer).to_owned()).collect();
    findings(&account, &account.counts(scope, &lives), &lives, windows, &writers, START_NS, scope)
}

/// The findings of one kind, as "ids: cause".
pub fn causes(kind: &str, journals: &[Journal<'_>], windows: &[Window], scope: &Scope) -> Vec<String> {
    let found = found(journals, windows, scope);
    let shown = found.iter().filter(|finding| finding.kind == kind).map(|finding| {
        let ids: Vec<_> = finding.ids.iter().map(ToString::to_string).collect();
        format!("{}: {}", ids.join(" "), finding.cause)
    });
    shown.collect()
}

pub const SENT: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100), (Unconfirmed, 0, 101)]);
pub const SENT_AND_ACKED: Journal<'_> = ("producer-0.0", &[(Attempted, 0, 100), (Acked, 0, 101)]);
