//! Histories with nothing wrong in them: what looks odd and is not.

use ledger::{Contract, Kind, Verdict};

use super::Plant;
use crate::{
    report::event::RunEvent,
    scenario::{Action, FaultSpec, Heal, Moment, Role, Sink, Target},
    selftest::{
        Sign,
        history::{History, MESSAGES, READ_BACK},
    },
    sink::TABLE,
};

const CLEAN: Plant = Plant {
    kind: "clean",
    sign: Sign::Clean,
    verdict: Verdict::Kept,
    counts: &[("attempted", 100), ("acked", 100), ("settled", 100), ("stored", 100), ("lost", 0)],
    change: |_| {},
};

/// All of them.
pub const ALL: &[Plant] = &[
    CLEAN,
    Plant { kind: "clean, in order", change: |history| history.plan.order = true, ..CLEAN },
    Plant {
        kind: "clean, nothing confirmed",
        counts: &[("attempted", 100), ("unconfirmed", 100), ("acked", 0), ("lost", 0)],
        change: unconfirmed,
        ..CLEAN
    },
    Plant {
        kind: "clean, one refused",
        counts: &[("attempted", 100), ("rejected", 1), ("applied", 99), ("lost", 0)],
        change: |history| {
            history.replace("producer-0.0", (Kind::Acked, 17), (Kind::Rejected, 17));
            for kind in [Kind::Delivered, Kind::Applied, Kind::Settled] {
                history.remove("consumer-0.0", kind, 17);
            }
            history.remove(READ_BACK, Kind::Stored, 17);
        },
        ..CLEAN
    },
    Plant {
        kind: "clean, delivered again after a kill",
        counts: &[("redelivered", 1), ("settled", 100), ("redelivered_after_settled", 0), ("lost", 0)],
        change: killed_in_hand,
        ..CLEAN
    },
    Plant { kind: "clean, effects in a table", change: table, ..CLEAN },
    Plant { kind: "clean, a right sum", change: |history| balance(history, 100), ..CLEAN },
    Plant {
        kind: "clean, acked at the second try",
        counts: &[("attempted", 100), ("acked", 100), ("unknown", 0), ("lost", 0)],
        change: |history| {
            history.remove("producer-0.0", Kind::Acked, 17);
            history.journal("producer-0.0").extend([(Kind::Attempted, 17), (Kind::Acked, 17)]);
        },
        ..CLEAN
    },
];

/// Effects are rows of a table: the worker's own word is only a hint.
pub fn table(history: &mut History) {
    history.plan.sink = Sink::Table;
    for (kind, _) in history.journal("consumer-0.0") {
        if *kind == Kind::Applied {
            *kind = Kind::Reported;
        }
    }
    *history.journal(TABLE) = (0..MESSAGES).map(|seq| (Kind::Applied, seq)).collect();
    let (sink, effects) = ("table".to_owned(), Some(MESSAGES.into()));
    history.events.insert(3, RunEvent::SinkRead { sink, effects, sum: None });
}

/// Effects are added up, and this is what they come to.
pub fn balance(history: &mut History, sum: i64) {
    history.plan.sink = Sink::Balance;
    history
        .events
        .insert(3, RunEvent::SinkRead { sink: "balance".to_owned(), effects: None, sum: Some(sum) });
}

fn unconfirmed(history: &mut History) {
    history.plan.contract = Contract::AtMostOnce;
    history.plan.nats = None;
    history.journals.retain(|(writer, _)| *writer != READ_BACK);
    history.forget(|event| matches!(event, RunEvent::ReadBack { .. }));
    history.journal("consumer-0.0").retain(|(kind, _)| *kind != Kind::Settled);
    for (kind, _) in history.journal("producer-0.0") {
        if *kind == Kind::Acked {
            *kind = Kind::Unconfirmed;
        }
    }
}

/// The first life of the consumer has message 0-17 in its hand when it is killed; the second gets it again.
fn killed_in_hand(history: &mut History) {
    let at = Moment::Point { name: "in-hand".to_owned(), of: None, nth: 18 };
    let target = Target::Role(Role::Consumer);
    let entries = history.journal("consumer-0.0");
    let rest = entries.split_off(17 * 3);
    entries.push((Kind::Delivered, 17));
    *history.journal("consumer-0.1") = rest;
    history.events.insert(
        0,
        RunEvent::FaultFired {
            number: 0,
            fault: "kill".to_owned(),
            target: "consumer".to_owned(),
            resolved: "consumer-0".to_owned(),
            at: at.to_string(),
            at_point: true,
            injected: true,
            evidence: "exit by signal 9".to_owned(),
            in_flight: 1,
        },
    );
    history.plan.faults = vec![FaultSpec {
        action: Action::Kill,
        target,
        at,
        heal: Heal::BeforeDrain,
        by: None,
        network: None,
    }];
}
