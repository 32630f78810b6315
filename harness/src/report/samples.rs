//! Results for the tests of this folder.

use std::collections::BTreeMap;

use ledger::{Contract, Counts, Mismatch, Verdict};

use super::{
    document::{FaultRow, Figure, RunResult},
    run_report::{LabView, LogView, RunReport, VariantView},
};

/// Fields that do not apply unless a sample sets them.
const NULL: [&str; 6] =
    ["stored", "stored_again", "deduplicated", "settled", "redelivered_after_settled", "calls"];

/// An account: 0 or null, but for what is set.
pub fn counts(set: &[(&str, u64)]) -> Counts {
    let mut account = serde_json::Map::new();
    for name in Counts::FIELDS {
        let default = if NULL.contains(name) { serde_json::Value::Null } else { 0.into() };
        account.insert((*name).to_owned(), default);
    }
    account.insert("sum".to_owned(), serde_json::Value::Null);
    for (name, value) in set {
        assert!(account.insert((*name).to_owned(), (*value).into()).is_some(), "no field is called {name}");
    }
    serde_json::from_value(account.into()).unwrap()
}

/// The same with `lost` unknown.
pub fn undrained(set: &[(&str, u64)]) -> Counts {
    let mut account = serde_json::to_value(counts(set)).unwrap();
    for name in ["lost", "lost_acked", "lost_unconfirmed"] {
        account[name] = serde_json::Value::Null;
    }
    serde_json::from_value(account).unwrap()
}

/// A result with nothing in it.
pub fn result(contract: Contract, verdict: Verdict) -> RunResult {
    RunResult {
        lab: "02-fire-and-forget".into(),
        variant: "subscriber-killed".into(),
        seed: 7,
        repeat: 0,
        runtime: "local".into(),
        run: None,
        contract,
        defect: None,
        verdict,
        as_expected: None,
        sentence: String::new(),
        seconds: 0.0,
        account: None,
        points: BTreeMap::new(),
        figures: Vec::new(),
        drained: false,
        faults: Vec::new(),
        findings: Vec::new(),
        versions: BTreeMap::new(),
    }
}

/// A run of lab 4 that kept its word and shows its defect.
pub fn crash_before_ack() -> RunResult {
    let set = [
        ("attempted", 2000),
        ("acked", 2000),
        ("delivered", 2000),
        ("redelivered", 1),
        ("applied", 2000),
        ("duplicated", 1),
        ("surplus", 1),
        ("stored", 2000),
        ("stored_again", 0),
        ("deduplicated", 0),
        ("settled", 2000),
        ("redelivered_after_settled", 0),
    ];
    let findings = r#"[{"kind": "duplicated", "count": 1, "ids": [{"producer": 0, "from": 499, "to": 499}],
        "cause": "effect at 1.201 s by consumer-0, killed before its ack, delivered again 2.204 s"}]"#;
    let mut result = result(Contract::AtLeastOnce, Verdict::Kept);
    result.lab = "04-duplicates".into();
    result.variant = "crash-before-ack".into();
    result.run = Some("runs/04-duplicates/crash-before-ack/20260102T030405Z-7".into());
    result.defect = Some("duplicated".into());
    result.as_expected = Some(true);
    result.seconds = 2.31;
    result.account = Some(counts(&set));
    result.points = BTreeMap::from([("after-effect".into(), 2001)]);
    result.figures = vec![Figure { name: "redelivery_seconds_min".into(), value: 1.01, unit: "s".into() }];
    result.drained = true;
    result.faults = vec![FaultRow {
        fault: "kill".into(),
        target: "consumer".into(),
        resolved: Some("consumer-0".into()),
        at: "after-effect #500".into(),
        injected: true,
        evidence: Some("exit by signal 9".into()),
        in_flight: 1,
        fired_s: Some(1.204),
        healed_s: Some(1.391),
    }];
    result.findings = serde_json::from_str(findings).unwrap();
    result.versions =
        BTreeMap::from([("nats-server".into(), "2.15.1".into()), ("harness".into(), "0.1.0".into())]);
    result.sentence = super::sentence::sentence(&result, &[]);
    result
}

/// One whose broker is missing.
pub fn not_run() -> RunResult {
    let mut result = result(Contract::AtMostOnce, Verdict::NotRun);
    result.sentence = "not run: there is no nats-server".into();
    result
}

/// The report of [`crash_before_ack`].
pub fn report() -> RunReport {
    RunReport {
        result: crash_before_ack(),
        variant: VariantView {
            target: "4/crash-before-ack".into(),
            says: "The consumer applies the effect, then acks.".into(),
            knob: Some("The order of effect and ack in consumer.rs.".into()),
            cure: Some("5/inbox".into()),
            next: Some("Acknowledge before the effect. What is lost now?".into()),
        },
        reasons: Vec::new(),
        expected: BTreeMap::from([
            ("duplicated".into(), "1".into()),
            ("lost".into(), "0".into()),
            ("redelivered".into(), ">= 1".into()),
        ]),
        mismatches: Vec::new(),
        logs: Vec::new(),
    }
}

/// A run of lab 2 that did not come out as expected.
pub fn surprising() -> RunReport {
    let mut report = report();
    report.result = result(Contract::AtLeastOnce, Verdict::Broken);
    report.result.as_expected = Some(false);
    report.result.run = Some("runs/02-fire-and-forget/jetstream-subscriber-killed/latest".into());
    report.result.variant = "jetstream-subscriber-killed".into();
    report.result.account = Some(counts(&[
        ("attempted", 5000),
        ("acked", 4990),
        ("unknown", 10),
        ("delivered", 4000),
        ("applied", 3995),
        ("lost", 995),
        ("lost_acked", 995),
        ("recovered", 5),
    ]));
    report.result.drained = true;
    report.result.findings = serde_json::from_str(
        r#"[{"kind": "lost", "count": 995, "cause": "acked 12.304 s, broker killed 12.310 s, not in the stream",
            "ids": [{"producer": 0, "from": 17, "to": 17}, {"producer": 0, "from": 40, "to": 1033}]}]"#,
    )
    .unwrap();
    report.variant.target = "2/jetstream-subscriber-killed".into();
    report.expected = BTreeMap::from([("lost".into(), "0".into()), ("points.flush-ok".into(), "1".into())]);
    report.mismatches = vec![
        Mismatch { name: "lost".into(), expected: "0".into(), seen: "995".into() },
        Mismatch { name: "points.flush-ok".into(), expected: "1".into(), seen: "0".into() },
    ];
    report.result.sentence = super::sentence::sentence(&report.result, &[]);
    report
}

/// One whose worker broke, so that nothing can be said.
pub fn inconclusive() -> RunReport {
    let mut report = surprising();
    report.result.verdict = Verdict::Inconclusive;
    report.result.as_expected = None;
    report.result.drained = false;
    report.result.account = Some(undrained(&[("attempted", 5000), ("delivered", 10)]));
    report.result.findings = Vec::new();
    report.result.faults = crash_before_ack().faults;
    report.result.faults[0].fired_s = None;
    report.result.faults[0].healed_s = None;
    report.result.faults[0].resolved = None;
    report.expected.clear();
    report.mismatches.clear();
    report.reasons = vec!["consumer-0 ended by itself (exit code 101).".into(), "Not drained.".into()];
    report.logs = vec![LogView {
        node: "consumer-0".into(),
        lines: vec!["thread 'main' panicked at \x1b[31mmain.rs\x1b[0m:".into(), "x".repeat(300)],
    }];
    report.result.sentence = super::sentence::sentence(&report.result, &report.reasons);
    report
}

/// The header of lab 2.
pub fn lab() -> LabView {
    LabView {
        number: 2,
        name: "02-fire-and-forget".into(),
        title: "Fire and forget".into(),
        minutes: 0,
        question: "What if we just send it?".into(),
        hint: "Who knows that a message did not arrive?".into(),
    }
}
