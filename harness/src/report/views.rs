//! From what a run and a lab file say to what a report shows.

use std::collections::BTreeMap;

use ledger::Verdict;

use super::{
    document::RunResult,
    run_report::{LabView, LogView, RunReport, VariantView},
    sentence::sentence,
};
use crate::{
    assess::Assessed,
    error::Error,
    scenario::{Lab, Plan},
};

/// The lab, as its header shows it.
pub fn lab(lab: &Lab) -> LabView {
    LabView {
        number: lab.number,
        name: lab.name.clone(),
        title: lab.title.clone(),
        question: lab.question.clone(),
        minutes: lab.minutes,
        hint: lab.hint.clone(),
    }
}

/// The lab of a plan.
pub fn lab_of(plan: &Plan) -> LabView {
    LabView {
        number: plan.number,
        name: plan.lab.clone(),
        title: plan.title.clone(),
        question: plan.question.clone(),
        minutes: 0,
        hint: plan.hint.clone(),
    }
}

/// The report of a run that has a result.
pub fn report(lab: &LabView, plan: &Plan, assessed: Assessed) -> RunReport {
    RunReport {
        result: assessed.result,
        variant: variant(lab, plan),
        reasons: assessed.reasons,
        expected: expected(plan),
        mismatches: assessed.mismatches,
        logs: assessed.logs,
    }
}

/// The report of a variant that has no result.
pub fn not_run(lab: &LabView, plan: &Plan, repeat: u32, error: &Error) -> RunReport {
    // A node's last log lines are shown as they are, not set as a paragraph.
    let (reasons, logs) = match error {
        Error::Node { what, log } => {
            let node = log.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (vec![what.clone()], vec![LogView { node, lines: log.lines.clone() }])
        }
        error => (vec![error.to_string()], Vec::new()),
    };
    let mut result = RunResult {
        lab: plan.lab.clone(),
        variant: plan.variant.clone(),
        seed: plan.seed,
        repeat,
        runtime: "local".to_owned(),
        run: None,
        contract: plan.contract,
        defect: plan.defect.clone(),
        verdict: Verdict::NotRun,
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
    };
    result.sentence = sentence(&result, &reasons);
    RunReport {
        result,
        variant: variant(lab, plan),
        reasons,
        expected: BTreeMap::new(),
        mismatches: Vec::new(),
        logs,
    }
}

/// A variant that seeks and did not find proves nothing.
pub fn never_seen(report: &mut RunReport, tries: u32) {
    report.reasons.insert(0, format!("what it looks for was not seen in {tries} tries"));
    report.result.verdict = Verdict::Inconclusive;
    report.result.as_expected = None;
    report.result.sentence = sentence(&report.result, &report.reasons);
}

fn variant(lab: &LabView, plan: &Plan) -> VariantView {
    let cure =
        plan.cure.as_ref().map(|cure| if cure.contains('/') { cure.clone() } else { lab.target(Some(cure)) });
    VariantView {
        target: lab.target(Some(&plan.variant)),
        says: plan.says.clone(),
        knob: plan.knob.clone(),
        cure,
        next: plan.next.clone(),
    }
}

fn expected(plan: &Plan) -> BTreeMap<String, String> {
    let Some(expect) = plan.expectation() else { return BTreeMap::new() };
    expect.counts.iter().map(|(name, bound)| (name.clone(), bound.to_string())).collect()
}
