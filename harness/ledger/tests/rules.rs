//! The rules of honesty, each held by a history written by hand.

use std::collections::BTreeMap;

use ledger::{
    Account, Contract, Counts, Entry, Evidence, Expectation, Fate, FaultEvidence, Judgement, Kind, Lives,
    MessageId, Scope, Verdict, findings, judge,
};

const DRAINED: Scope = Scope {
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

/// Journals of one id, or of few: each entry is a word and a sequence of producer 0.
fn account(journals: &[&[(Kind, u32)]]) -> Account {
    let mut all = Account::new();
    for journal in journals {
        let numbered = journal.iter().enumerate();
        let entry = |(time, (kind, seq)): (usize, &(Kind, u32))| Entry {
            kind: *kind,
            id: MessageId::new(0, *seq),
            time_ns: time as u64,
        };
        let entries: Vec<_> = numbered.map(entry).collect();
        let mut account = Account::new();
        account.fold(&entries);
        all.merge(&account);
    }
    all
}

fn counts(journals: &[&[(Kind, u32)]]) -> Counts {
    account(journals).counts(&DRAINED, &Lives::default())
}

/// The outcome of id 0-0: acked, rejected, unknown, unconfirmed.
fn outcome(journals: &[&[Kind]]) -> [u64; 4] {
    let journals: Vec<Vec<_>> =
        journals.iter().map(|journal| journal.iter().map(|kind| (*kind, 0)).collect()).collect();
    let journals: Vec<_> = journals.iter().map(Vec::as_slice).collect();
    let counts = counts(&journals);
    [counts.acked, counts.rejected, counts.unknown, counts.unconfirmed]
}

const ACKED: [u64; 4] = [1, 0, 0, 0];
const REJECTED: [u64; 4] = [0, 1, 0, 0];
const UNKNOWN: [u64; 4] = [0, 0, 1, 0];
const UNCONFIRMED: [u64; 4] = [0, 0, 0, 1];

fn good_evidence() -> Evidence {
    Evidence { drained: Some(true), ..Evidence::default() }
}

fn good_counts() -> Counts {
    counts(&[&[(Kind::Attempted, 0), (Kind::Acked, 0)], &[(Kind::Delivered, 0), (Kind::Applied, 0)]])
}

fn verdict(evidence: &Evidence) -> Judgement {
    judge(&good_counts(), Contract::EffectivelyOnce, true, evidence)
}

#[test]
fn rule_1_rejected_only_if_every_attempt_was_rejected() {
    use Kind::{Acked, Attempted, Rejected, Unconfirmed};
    assert_eq!(outcome(&[&[Attempted, Rejected]]), REJECTED);
    assert_eq!(outcome(&[&[Attempted, Rejected, Attempted, Rejected]]), REJECTED);
    assert_eq!(outcome(&[&[Attempted, Rejected, Attempted]]), UNKNOWN);
    assert_eq!(outcome(&[&[Attempted, Unconfirmed, Attempted, Rejected]]), UNCONFIRMED);
    assert_eq!(outcome(&[&[Attempted, Rejected], &[Attempted, Acked]]), ACKED);
    assert_eq!(outcome(&[&[Attempted], &[Attempted, Rejected]]), UNKNOWN);
}

#[test]
fn rule_1_a_time_out_is_unknown() {
    use Kind::{Acked, Attempted, Rejected, Unconfirmed};
    assert_eq!(outcome(&[&[Attempted]]), UNKNOWN);
    // Attempted again while open: the answer may be to either, so only an ack settles it.
    assert_eq!(outcome(&[&[Attempted, Attempted, Rejected]]), UNKNOWN);
    assert_eq!(outcome(&[&[Attempted, Attempted, Rejected, Rejected]]), UNKNOWN);
    assert_eq!(outcome(&[&[Attempted, Attempted, Unconfirmed]]), UNKNOWN);
    assert_eq!(outcome(&[&[Attempted, Attempted, Acked]]), ACKED);
}

#[test]
fn rule_1_unconfirmed_is_never_acked() {
    use Kind::{Acked, Attempted, Unconfirmed};
    assert_eq!(outcome(&[&[Attempted, Unconfirmed]]), UNCONFIRMED);
    assert_eq!(outcome(&[&[Attempted, Unconfirmed, Attempted, Acked]]), ACKED);
    let counts = counts(&[&[(Attempted, 0), (Unconfirmed, 0)]]);
    assert_eq!((counts.lost, counts.lost_acked, counts.lost_unconfirmed), (Some(1), Some(0), Some(1)));
}

#[test]
fn rule_1_a_duplicate_answer_settles_the_unknown() {
    use Kind::{Attempted, Deduplicated};
    assert_eq!(outcome(&[&[Attempted], &[Attempted, Deduplicated]]), ACKED);
    let counts = counts(&[&[(Attempted, 0)], &[(Attempted, 0), (Deduplicated, 0)]]);
    assert_eq!((counts.acked, counts.deduplicated), (1, Some(1)));
}

#[test]
fn rule_1_what_the_broker_says_later_leaves_it_unknown() {
    use Kind::{Acked, Attempted, ResolvedAbsent, ResolvedStored};
    assert_eq!(outcome(&[&[Attempted], &[ResolvedStored]]), UNKNOWN);
    assert_eq!(outcome(&[&[Attempted], &[ResolvedAbsent]]), UNKNOWN);
    let resolved = |journals: &[&[(Kind, u32)]]| counts(journals).resolved;
    assert_eq!(
        resolved(&[&[(Attempted, 0), (Attempted, 1)], &[(ResolvedStored, 0), (ResolvedAbsent, 1)]]),
        2
    );
    assert_eq!(resolved(&[&[(Attempted, 0), (Acked, 0)], &[(ResolvedStored, 0)]]), 0);
}

/// The kit writes it down before the send; so a producer that was killed right after still counts.
#[test]
fn rule_2_an_attempt_without_another_word_is_in_the_account() {
    let counts = counts(&[&[(Kind::Attempted, 0)], &[(Kind::Delivered, 0), (Kind::Applied, 0)]]);
    assert_eq!((counts.attempted, counts.unknown, counts.recovered, counts.phantom), (1, 1, 1, 0));
}

#[test]
fn rule_3_lost_is_said_only_after_a_proven_drain() {
    let account = account(&[&[(Kind::Attempted, 0), (Kind::Acked, 0)]]);
    let counts = |drained| account.counts(&Scope { drained, ..DRAINED }, &Lives::default());
    assert_eq!(counts(true).lost, Some(1));
    let blind = counts(false);
    assert_eq!((blind.lost, blind.lost_acked, blind.lost_unconfirmed), (None, None, None));
    let said = findings(&account, &blind, &Lives::default(), &[], &[], 0, &Scope::default());
    assert!(said.iter().all(|finding| finding.kind != "lost"), "{said:?}");
}

#[test]
fn rule_3_without_a_drain_no_contract_is_kept_or_broken() {
    let mut counts = good_counts();
    counts.phantom = 1;
    for drained in [None, Some(false)] {
        let evidence =
            Evidence { drained, why_not_drained: Some("3 pending".to_owned()), ..Evidence::default() };
        for contract in Contract::ALL {
            let judgement = judge(&counts, contract, false, &evidence);
            assert_eq!(judgement.verdict, Verdict::Inconclusive);
            let first = judgement.reasons[0].to_string();
            assert_eq!(first, "it is not proven that nothing more will come: 3 pending");
        }
    }
    assert_eq!(judge(&counts, Contract::AtMostOnce, false, &good_evidence()).verdict, Verdict::Broken);
}

#[test]
fn rule_4_a_fault_without_evidence_is_inconclusive() {
    let fault = |at_point, injected, in_flight| {
        let fault = FaultEvidence { name: "kill consumer-0".to_owned(), at_point, injected, in_flight };
        verdict(&Evidence { faults: vec![fault], ..good_evidence() })
    };
    assert_eq!(fault(true, true, 0).verdict, Verdict::Kept);
    assert_eq!(fault(false, true, 1).verdict, Verdict::Kept);
    for (at_point, in_flight) in [(true, 5), (false, 5), (false, 0)] {
        let judgement = fault(at_point, false, in_flight);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judgement.reasons.len(), 1);
        assert_eq!(
            judgement.reasons[0].to_string(),
            "nothing shows that the fault took hold: kill consumer-0"
        );
    }
}

#[test]
fn rule_4_a_fault_with_nothing_in_flight_is_inconclusive() {
    let fault =
        FaultEvidence { name: "kill broker".to_owned(), at_point: false, injected: true, in_flight: 0 };
    let judgement = verdict(&Evidence { faults: vec![fault], ..good_evidence() });
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judgement.reasons[0].to_string(), "nothing was in flight when the fault fired: kill broker");
}

#[test]
fn rule_4_a_run_without_any_success_is_inconclusive() {
    let nothing = counts(&[]);
    let refused = counts(&[&[(Kind::Attempted, 0), (Kind::Rejected, 0)], &[(Kind::Delivered, 0)]]);
    let unanswered = counts(&[&[(Kind::Attempted, 0)], &[(Kind::Applied, 0)]]);
    for counts in [nothing, refused, unanswered] {
        let judgement = judge(&counts, Contract::AtLeastOnce, false, &good_evidence());
        assert_eq!(judgement.verdict, Verdict::Inconclusive, "{counts:?}");
        assert_eq!(judgement.reasons[0].to_string(), "no producer was told of any success");
    }
    let unconfirmed = counts(&[&[(Kind::Attempted, 0), (Kind::Unconfirmed, 0)], &[(Kind::Applied, 0)]]);
    assert_eq!(judge(&unconfirmed, Contract::AtLeastOnce, false, &good_evidence()).verdict, Verdict::Kept);
}

#[test]
fn rule_4_a_broken_worker_a_hit_bound_or_a_damaged_journal_is_inconclusive() {
    let one = || vec!["this one".to_owned()];
    for evidence in [
        Evidence { broken_workers: one(), ..good_evidence() },
        Evidence { bounds_hit: one(), ..good_evidence() },
        Evidence { damaged_journals: one(), ..good_evidence() },
    ] {
        let judgement = verdict(&evidence);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(judgement.reasons[0].to_string().ends_with(": this one"));
    }
    assert_eq!(verdict(&good_evidence()), Judgement { verdict: Verdict::Kept, reasons: vec![] });
}

#[test]
fn rule_4_inconclusive_wins_over_broken_and_names_both() {
    let mut counts = good_counts();
    counts.duplicated = 2;
    let evidence = Evidence { bounds_hit: vec!["idle within 5 s".to_owned()], ..good_evidence() };
    let judgement = judge(&counts, Contract::AtMostOnce, false, &evidence);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let reasons: Vec<_> = judgement.reasons.iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["a wait was given up: idle within 5 s", "duplicated 2, which at-most-once forbids"]);
}

#[test]
fn rule_4_broken_wins_over_kept() {
    for (contract, order, forbidden) in [
        (Contract::AtMostOnce, false, vec!["duplicated", "phantom", "resurrected", "crossed"]),
        (Contract::AtLeastOnce, false, vec!["lost", "phantom", "resurrected", "crossed"]),
        (
            Contract::EffectivelyOnce,
            true,
            vec!["lost", "duplicated", "phantom", "resurrected", "crossed", "reordered"],
        ),
    ] {
        for name in [
            "lost",
            "duplicated",
            "phantom",
            "resurrected",
            "crossed",
            "reordered",
            "redelivered",
            "recovered",
        ] {
            let mut object = serde_json::to_value(good_counts()).unwrap();
            object[name] = 1.into();
            let counts: Counts = serde_json::from_value(object).unwrap();
            let expected = if forbidden.contains(&name) { Verdict::Broken } else { Verdict::Kept };
            assert_eq!(
                judge(&counts, contract, order, &good_evidence()).verdict,
                expected,
                "{contract} {name}"
            );
        }
    }
}

#[test]
fn rule_5_a_workers_own_report_is_no_effect() {
    let journals: [&[(Kind, u32)]; 2] = [
        &[(Kind::Attempted, 0), (Kind::Acked, 0)],
        &[(Kind::Delivered, 0), (Kind::Reported, 0), (Kind::Reported, 0)],
    ];
    let account = account(&journals);
    assert_eq!((account.reported(), account.in_flight()), (1, 0));
    let counts = counts(&journals);
    assert_eq!((counts.applied, counts.duplicated, counts.surplus, counts.lost), (0, 0, 0, Some(1)));
}

#[test]
fn rule_5_calls_are_counted_beside_effects() {
    let keyed: &[(Kind, u32)] =
        &[(Kind::Called, 0), (Kind::Called, 0), (Kind::Called, 0), (Kind::Applied, 0)];
    let counts = counts(&[&[(Kind::Attempted, 0), (Kind::Acked, 0)], keyed]);
    assert_eq!((counts.calls, counts.applied, counts.duplicated), (Some(3), 1, 0));
}

#[test]
fn rule_5_every_effect_beyond_the_first_is_counted() {
    let sink: &[(Kind, u32)] =
        &[(Kind::Applied, 0), (Kind::Applied, 0), (Kind::Applied, 0), (Kind::Applied, 1)];
    let counts = counts(&[sink, &[(Kind::Applied, 1)]]);
    assert_eq!((counts.applied, counts.duplicated, counts.surplus), (2, 2, 3));
}

#[test]
fn rule_6_outcomes_add_up_over_attempted_ids_only() {
    use Kind::{Acked, Attempted, Rejected, Unconfirmed};
    let counts = counts(&[
        &[
            (Attempted, 0),
            (Acked, 0),
            (Attempted, 1),
            (Rejected, 1),
            (Attempted, 2),
            (Attempted, 3),
            (Unconfirmed, 3),
        ],
        &[(Acked, 9), (Rejected, 8), (Unconfirmed, 7)],
    ]);
    assert_eq!(counts.attempted, 4);
    assert_eq!([counts.acked, counts.rejected, counts.unknown, counts.unconfirmed], [1, 1, 1, 1]);
    assert_eq!(counts.phantom, 3);
}

#[test]
fn rule_7_a_weak_variant_must_show_its_defect() {
    let nothing = (BTreeMap::new(), BTreeMap::new());
    let check = |expectation: &Expectation, counts: &Counts| {
        expectation.check(Verdict::Kept, counts, &nothing.0, &nothing.1).len()
    };
    let mut shown = good_counts();
    shown.duplicated = 1;
    let weak = Expectation::default().shows("duplicated");
    let cure = Expectation::default().lacks("duplicated");
    assert_eq!((check(&weak, &good_counts()), check(&weak, &shown)), (1, 0));
    assert_eq!((check(&cure, &good_counts()), check(&cure, &shown)), (0, 1));
    // A defect that is not known is not shown, and its absence is not proven either.
    let blind = Counts { lost: None, ..good_counts() };
    assert_eq!(check(&Expectation::default().shows("lost"), &blind), 1);
    assert_eq!(check(&Expectation::default().lacks("lost"), &blind), 1);
}

#[test]
fn rule_8_what_does_not_apply_is_null_and_not_zero() {
    let counts = good_counts();
    let null = counts.iter().filter(|(_, count)| count.is_none()).map(|(name, _)| name);
    let expected =
        ["stored", "stored_again", "deduplicated", "settled", "redelivered_after_settled", "calls"];
    assert!(null.eq(expected));
    let all = Scope {
        drained: true,
        store_read: true,
        settles: true,
        keyed: true,
        consumed: true,
        ..Scope::default()
    };
    let counts = account(&[]).counts(&all, &Lives::default());
    assert!(counts.iter().all(|(_, count)| count == Some(0)));
}

#[test]
fn rule_8_the_cause_of_what_was_not_looked_at_is_not_known() {
    let account = account(&[&[(Kind::Stored, 0), (Kind::Stored, 1), (Kind::Stored, 2)]]);
    let counts = account.counts(&DRAINED, &Lives::default());
    let mut lives = Lives::of(ledger::first(&account.odd(), 1));
    lives.collect(0, &[Entry { kind: Kind::Stored, id: MessageId::new(0, 0), time_ns: 0 }]);
    let found = findings(&account, &counts, &lives, &[], &["read-back".to_owned()], 0, &DRAINED);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].cause, "the cause is not known: only 1 of 3 were looked at one by one");
    assert_eq!(found[1].ids[0].to_string(), "0-1..0-2");
}

#[test]
fn resurrected_is_rejected_or_absent_and_yet_seen() {
    use Kind::{Applied, Attempted, Delivered, Rejected, Reported, ResolvedAbsent, Stored};
    let seen = |kind| counts(&[&[(Attempted, 0), (Rejected, 0)], &[(kind, 0)]]).resurrected;
    assert_eq!([Delivered, Applied, Stored, Reported].map(seen), [1, 1, 1, 0]);
    let absent = |kind| counts(&[&[(Attempted, 0)], &[(ResolvedAbsent, 0)], &[(kind, 0)]]).resurrected;
    assert_eq!([Delivered, Applied, Stored, Reported].map(absent), [1, 1, 1, 0]);
    assert_eq!(counts(&[&[(Attempted, 0)], &[(Delivered, 0)]]).resurrected, 0);
}

#[test]
fn crossed_ids_are_not_ours() {
    let counts = counts(&[&[(Kind::Crossed, 5), (Kind::Crossed, 5)]]);
    assert_eq!((counts.crossed, counts.phantom, counts.delivered), (1, 0, 0));
}

#[test]
fn a_redelivery_is_not_reordered_where_the_first_delivery_was_in_order() {
    let delivered = |seq, time_ns| Entry { kind: Kind::Delivered, id: MessageId::new(0, seq), time_ns };
    let (one, other) = ([delivered(0, 1), delivered(1, 2)], [delivered(1, 3), delivered(0, 4)]);
    let mut account = Account::new();
    for journal in [&one, &other] {
        let mut part = Account::new();
        part.fold(journal);
        account.merge(&part);
    }
    let mut lives = Lives::of(account.candidates());
    lives.collect(0, &one);
    lives.collect(1, &other);
    assert_eq!(account.counts(&DRAINED, &lives).reordered, 0);
    assert_eq!(account.counts(&DRAINED, &Lives::default()).reordered, 1);
    assert_eq!(account.ids(Fate::Redelivered)[0].to_string(), "0-0..0-1");
}
