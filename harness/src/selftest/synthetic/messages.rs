//! Messages that went wrong: each must be found, with its id.

use ledger::{Contract, Kind, Verdict};

use super::{
    Plant,
    clean::{balance, table},
};
use crate::{
    selftest::{Sign, history::READ_BACK},
    sink::TABLE,
};

const BROKEN: Plant =
    Plant { kind: "", sign: Sign::Clean, verdict: Verdict::Broken, counts: &[], change: |_| {} };

const KEPT: Plant = Plant { verdict: Verdict::Kept, ..BROKEN };

const PRODUCER: &str = "producer-0.0";
const CONSUMER: &str = "consumer-0.0";

/// All of them.
pub const ALL: &[Plant] = &[
    Plant {
        kind: "lost",
        sign: Sign::Finding("lost 0-17"),
        counts: &[("delivered", 100), ("lost", 1), ("lost_acked", 1)],
        change: |history| history.remove(CONSUMER, Kind::Applied, 17),
        ..BROKEN
    },
    Plant {
        kind: "acked-never-sent",
        sign: Sign::Finding("lost 0-17"),
        counts: &[("acked", 100), ("stored", 99), ("delivered", 99), ("lost", 1), ("lost_acked", 1)],
        change: |history| {
            history.remove(READ_BACK, Kind::Stored, 17);
            history.journal(CONSUMER).retain(|(_, seq)| *seq != 17);
        },
        ..BROKEN
    },
    Plant {
        kind: "wrong-sum",
        sign: Sign::Reason("the sum at the sink is 101 and should be 100"),
        change: |history| balance(history, 101),
        ..BROKEN
    },
    Plant {
        // The worker says that it applied it, and the table does not have it.
        kind: "reported-not-applied",
        sign: Sign::Finding("lost 0-17"),
        counts: &[("delivered", 100), ("applied", 99), ("lost", 1), ("lost_acked", 1)],
        change: |history| {
            table(history);
            history.remove(TABLE, Kind::Applied, 17);
        },
        ..BROKEN
    },
    Plant {
        kind: "twice-in-the-table",
        sign: Sign::Finding("duplicated 0-17"),
        counts: &[("applied", 100), ("duplicated", 1), ("surplus", 1)],
        change: |history| {
            table(history);
            history.journal(TABLE).push((Kind::Applied, 17));
        },
        ..BROKEN
    },
    Plant {
        kind: "duplicated",
        sign: Sign::Finding("duplicated 0-17"),
        counts: &[("applied", 100), ("duplicated", 1), ("surplus", 2)],
        change: |history| history.journal(CONSUMER).extend([(Kind::Applied, 17); 2]),
        ..BROKEN
    },
    Plant {
        kind: "duplicated-by-two",
        sign: Sign::Finding("duplicated 0-17"),
        counts: &[("duplicated", 1), ("surplus", 1), ("redelivered", 1)],
        change: |history| {
            history.remove(CONSUMER, Kind::Settled, 17);
            *history.journal("consumer-1.0") =
                vec![(Kind::Delivered, 17), (Kind::Applied, 17), (Kind::Settled, 17)];
        },
        ..BROKEN
    },
    Plant {
        kind: "phantom",
        sign: Sign::Finding("phantom 0-1000"),
        counts: &[("attempted", 100), ("delivered", 101), ("phantom", 1)],
        change: |history| history.journal(CONSUMER).push((Kind::Delivered, 1_000)),
        ..BROKEN
    },
    Plant {
        kind: "phantom-in-store",
        sign: Sign::Finding("phantom 0-1000"),
        counts: &[("stored", 101), ("phantom", 1)],
        change: |history| history.journal(READ_BACK).push((Kind::Stored, 1_000)),
        ..BROKEN
    },
    Plant {
        kind: "acked-never-attempted",
        sign: Sign::Finding("phantom 0-1000"),
        counts: &[("attempted", 100), ("acked", 100), ("phantom", 1)],
        change: |history| history.journal(PRODUCER).push((Kind::Acked, 1_000)),
        ..BROKEN
    },
    Plant {
        kind: "resurrected",
        sign: Sign::Finding("resurrected 0-17"),
        counts: &[("rejected", 1), ("acked", 99), ("resurrected", 1)],
        change: |history| history.replace(PRODUCER, (Kind::Acked, 17), (Kind::Rejected, 17)),
        ..BROKEN
    },
    Plant {
        kind: "said-absent-yet-seen",
        sign: Sign::Finding("resurrected 0-17"),
        counts: &[("unknown", 1), ("recovered", 1), ("resolved", 1), ("resurrected", 1)],
        change: |history| history.replace(PRODUCER, (Kind::Acked, 17), (Kind::ResolvedAbsent, 17)),
        ..BROKEN
    },
    Plant {
        kind: "reordered",
        sign: Sign::Finding("reordered 0-17"),
        counts: &[("delivered", 100), ("reordered", 1)],
        change: |history| {
            history.plan.order = true;
            let entries = history.journal(CONSUMER);
            entries[17 * 3..19 * 3].rotate_left(3);
        },
        ..BROKEN
    },
    Plant {
        kind: "crossed",
        sign: Sign::Finding("crossed 0-17"),
        counts: &[("delivered", 100), ("crossed", 1)],
        change: |history| history.journal(CONSUMER).push((Kind::Crossed, 17)),
        ..BROKEN
    },
    Plant {
        kind: "redelivered-after-settled",
        sign: Sign::Finding("redelivered_after_settled 0-17"),
        counts: &[("redelivered", 1), ("redelivered_after_settled", 1), ("lost", 0)],
        change: |history| history.journal(CONSUMER).push((Kind::Delivered, 17)),
        ..KEPT
    },
    Plant {
        kind: "stored-again",
        sign: Sign::Finding("stored_again 0-17"),
        counts: &[("stored", 100), ("stored_again", 1), ("lost", 0)],
        change: |history| history.journal(READ_BACK).push((Kind::Stored, 17)),
        ..KEPT
    },
    Plant {
        kind: "ack-never-came",
        sign: Sign::Finding("recovered 0-17"),
        counts: &[("acked", 99), ("unknown", 1), ("recovered", 1), ("lost", 0)],
        change: |history| history.remove(PRODUCER, Kind::Acked, 17),
        ..KEPT
    },
    Plant {
        kind: "lost-unconfirmed",
        sign: Sign::Finding("lost 0-17"),
        counts: &[("unconfirmed", 1), ("acked", 99), ("lost", 1), ("lost_acked", 0), ("lost_unconfirmed", 1)],
        change: |history| {
            history.plan.contract = Contract::AtLeastOnce;
            history.replace(PRODUCER, (Kind::Acked, 17), (Kind::Unconfirmed, 17));
            history.remove(CONSUMER, Kind::Applied, 17);
        },
        ..BROKEN
    },
];
