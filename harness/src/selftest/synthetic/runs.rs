//! Runs that prove nothing, whatever their counts: each must be called inconclusive, for its own reason.

use std::time::Duration;

use ledger::{Kind, Verdict};

use super::Plant;
use crate::{
    report::event::{Phase, RunEvent},
    scenario::{Action, Broker, Direction, FaultSpec, Heal, Hold, Moment, Network, Target},
    selftest::{
        Sign,
        history::{History, READ_BACK},
    },
};

/// What they have in common.
pub const UNPROVEN: Plant =
    Plant { kind: "", sign: Sign::Clean, verdict: Verdict::Inconclusive, counts: &[], change: |_| {} };

/// All of them.
pub const ALL: &[Plant] = &[
    Plant {
        kind: "fault-never-fired",
        sign: Sign::Reason("nothing shows that the fault took hold: kill consumer-0 at"),
        change: |history| history.plan.faults = vec![kill(Moment::Time(Duration::ZERO))],
        ..UNPROVEN
    },
    Plant {
        kind: "fault-without-evidence",
        sign: Sign::Reason("nothing shows that the fault took hold: kill consumer-0 at"),
        change: |history| fire(history, Moment::Time(Duration::ZERO), false, 1),
        ..UNPROVEN
    },
    Plant {
        kind: "fault-in-an-idle-run",
        sign: Sign::Reason("nothing was in flight when the fault fired: kill consumer-0"),
        change: |history| fire(history, Moment::Count { kind: Kind::Acked, reaches: 100 }, true, 0),
        ..UNPROVEN
    },
    Plant {
        kind: "network-fault-never-seen",
        sign: Sign::Reason("nothing shows that the fault took hold: drop-reply consumer-0"),
        change: |history| {
            let at = Moment::Point { name: "in-hand".to_owned(), of: None, nth: 1 };
            let network = Network {
                broker: Broker::Nats,
                direction: Direction::Both,
                by: None,
                rate: None,
                close: false,
            };
            fire(history, at, false, 1);
            history.plan.faults[0].action = Action::DropReply;
            history.plan.faults[0].network = Some(network);
        },
        ..UNPROVEN
    },
    Plant {
        kind: "hold-never-held",
        sign: Sign::Reason("nothing shows that the fault took hold: hold consumer-0"),
        change: |history| {
            let (worker, at) = ("consumer-0".to_owned(), "in-hand".to_owned());
            history.plan.holds = vec![Hold { worker, at, nth: 7, until: Moment::Time(Duration::ZERO) }];
        },
        ..UNPROVEN
    },
    Plant {
        kind: "not-drained",
        sign: Sign::Reason("it is not proven that nothing more will come: one message"),
        change: |history| {
            history.remove("consumer-0.0", Kind::Applied, 17);
            history.instead_of_drained(RunEvent::NotDrained { left: "one message is left".to_owned() });
        },
        ..UNPROVEN
    },
    Plant {
        kind: "drain-never-tried",
        sign: Sign::Reason("it is not proven that nothing more will come"),
        change: |history| history.forget(|event| matches!(event, RunEvent::Drained { .. })),
        ..UNPROVEN
    },
    Plant {
        kind: "worker-broke",
        sign: Sign::Reason("a worker broke: consumer-0: ended by itself"),
        change: |history| {
            // Also where something is broken: a run that proves nothing proves no loss either.
            history.remove("consumer-0.0", Kind::Applied, 17);
            let (worker, why) = ("consumer-0".to_owned(), "ended by itself (exit code 0)".to_owned());
            history.events.insert(2, RunEvent::WorkerBroke { worker, why, log: Vec::new() });
        },
        ..UNPROVEN
    },
    Plant {
        kind: "bound-hit",
        sign: Sign::Reason("a wait was given up: a worker was not ready"),
        change: |history| {
            let what = "a worker was not ready within 10s".to_owned();
            history.events.insert(0, RunEvent::BoundHit { what });
        },
        ..UNPROVEN
    },
    Plant {
        kind: "interrupted",
        sign: Sign::Reason("a wait was given up: the run was interrupted"),
        change: |history| history.events.insert(0, RunEvent::Interrupted),
        ..UNPROVEN
    },
    Plant {
        kind: "cut-off",
        sign: Sign::Reason("a wait was given up: the run was cut off"),
        change: |history| {
            history.forget(|event| matches!(event, RunEvent::PhaseBegan { phase: Phase::Down }));
        },
        ..UNPROVEN
    },
    Plant {
        kind: "nobody-acked",
        sign: Sign::Reason("no producer was told of any success"),
        counts: &[("attempted", 100), ("rejected", 100)],
        change: |history| {
            history.journals.truncate(1);
            history.journals.extend([("consumer-0.0", Vec::new()), (READ_BACK, Vec::new())]);
            for (kind, _) in history.journal("producer-0.0") {
                if *kind == Kind::Acked {
                    *kind = Kind::Rejected;
                }
            }
        },
        ..UNPROVEN
    },
];

fn kill(at: Moment) -> FaultSpec {
    FaultSpec {
        action: Action::Kill,
        target: Target::Worker("consumer-0".to_owned()),
        at,
        heal: Heal::Never,
        by: None,
        network: None,
    }
}

fn fire(history: &mut History, at: Moment, injected: bool, in_flight: u64) {
    history.events.insert(
        0,
        RunEvent::FaultFired {
            number: 0,
            fault: "kill".to_owned(),
            target: "consumer-0".to_owned(),
            resolved: "consumer-0".to_owned(),
            at: at.to_string(),
            at_point: false,
            injected,
            evidence: "as planted".to_owned(),
            in_flight,
        },
    );
    history.plan.faults = vec![kill(at)];
}
