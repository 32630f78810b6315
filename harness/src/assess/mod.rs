//! From a run folder to a result: the account as one fold over the journals, the evidence from the events, and
//! the verdict on both. A run and `harness check` use this same function, so they cannot disagree.

mod archive;
mod evidence;
mod windows;

use std::collections::BTreeMap;

use ledger::{Account, Counts, Judgement, Kind, Mismatch, Scope, Sum, Verdict};

pub use archive::Archive;
pub use evidence::evidence;
pub use windows::windows;

use crate::{
    error::Error,
    report::{
        document::{FaultRow, Figure, RunResult, rounded},
        event::RunEvent,
        run_report::LogView,
        sentence::sentence,
    },
    scenario::Role,
    store::RunFolder,
};

/// How many ids are looked at one by one for their causes. Counts and ids are exact beyond it; a finding says
/// how many were looked at.
const LOOKED_AT: u64 = 100_000;

/// A result, and what was thought on the way to it.
#[derive(Clone, Debug)]
pub struct Assessed {
    /// The machine's part.
    pub result: RunResult,
    /// Why the verdict is what it is, each a sentence.
    pub reasons: Vec<String>,
    /// What did not come out as expected.
    pub mismatches: Vec<Mismatch>,
    /// The last log lines of workers that broke.
    pub logs: Vec<LogView>,
}

/// Judges a run from its folder.
pub fn assess(folder: &RunFolder) -> Result<Assessed, Error> {
    Ok(judge(&Archive::open(folder)?).0)
}

/// Judges a run that was read already. The account it was judged by comes with it.
pub fn judge(archive: &Archive) -> (Assessed, Account) {
    let plan = archive.plan();
    let account = archive.account();
    let mut wanted = account.candidates();
    wanted.extend(account.odd());
    let lives = archive.lives(ledger::first(&wanted, LOOKED_AT));
    let evidence = evidence(archive);
    let scope = scope(archive, evidence.drained == Some(true));
    let mut counts = account.counts(&scope, &lives);
    counts.sum = sum(archive, &counts);
    let Judgement { verdict, reasons } = ledger::judge(&counts, plan.contract, plan.order, &evidence);
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let (writers, windows) = (archive.writers(), windows(archive));
    let findings = ledger::findings(&account, &counts, &lives, &windows, &writers, archive.start_ns, &scope);
    let (points, figures) = (archive.points(), figures(archive));
    let mismatches = mismatches(archive, verdict, &counts, &figures, &points);
    let mut result = RunResult {
        lab: plan.lab.clone(),
        variant: plan.variant.clone(),
        seed: plan.seed,
        repeat: archive.about.repeat,
        runtime: "local".to_owned(),
        run: Some(archive.about.run.clone()),
        contract: plan.contract,
        defect: plan.defect.clone(),
        verdict,
        as_expected: as_expected(archive, verdict, &mismatches),
        sentence: String::new(),
        seconds: rounded(archive.seconds()),
        account: Some(counts),
        points,
        figures,
        drained: evidence.drained == Some(true),
        faults: fault_rows(archive),
        findings,
        versions: versions(archive),
    };
    result.sentence = sentence(&result, &reasons);
    (Assessed { result, reasons, mismatches, logs: logs(archive) }, account)
}

/// What a sink that adds up should hold and holds: each message that was taken, or whose effect was seen, adds one.
fn sum(archive: &Archive, counts: &Counts) -> Option<Sum> {
    let observed = archive.events.iter().find_map(|recorded| match &recorded.event {
        RunEvent::SinkRead { sum, .. } => *sum,
        _ => None,
    })?;
    let expected = counts.acked + counts.unconfirmed + counts.recovered;
    Some(Sum { expected: i64::try_from(expected).unwrap_or(i64::MAX), observed })
}

/// Null for an inconclusive run, and where `--set` or `--no-faults` made another run of it.
fn as_expected(archive: &Archive, verdict: Verdict, mismatches: &[Mismatch]) -> Option<bool> {
    let judged = matches!(verdict, Verdict::Kept | Verdict::Broken);
    (judged && archive.plan().expectation().is_some()).then_some(mismatches.is_empty())
}

/// What the account can speak of at all in this run.
fn scope(archive: &Archive, drained: bool) -> Scope {
    let plan = archive.plan();
    let store_read =
        archive.events.iter().any(|recorded| matches!(recorded.event, RunEvent::ReadBack { .. }));
    Scope {
        drained,
        store_read,
        settles: plan.settles(),
        keyed: archive.has(Kind::Called),
        consumed: plan.workers.iter().any(|part| part.role != Role::Producer),
        polled: plan.polls_a_table(),
        too_large_for: plan.too_large_for(),
        ack_wait_ns: Some(plan.redelivery_period().as_nanos() as u64).filter(|wait| *wait > 0),
        spread: plan.kafka.as_ref().is_some_and(|kafka| kafka.topic.partitions > 1),
    }
}

fn mismatches(
    archive: &Archive,
    verdict: Verdict,
    counts: &Counts,
    figures: &[Figure],
    points: &BTreeMap<String, u64>,
) -> Vec<Mismatch> {
    let Some(expect) = archive.plan().expectation() else { return Vec::new() };
    let figures = figures.iter().map(|figure| (figure.name.clone(), figure.value)).collect();
    expect.check(verdict, counts, &figures, points)
}

/// Workers' figures: those of the same name are all kept, the worker's name in front where there are several.
fn figures(archive: &Archive) -> Vec<Figure> {
    let told: Vec<_> = archive
        .events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            RunEvent::Figure { worker, figure, value, unit } => Some((worker, figure, *value, unit)),
            _ => None,
        })
        .collect();
    let several = |name: &String| told.iter().filter(|(_, figure, ..)| *figure == name).count() > 1;
    let name = |worker: &String, figure: &String| {
        if several(figure) { format!("{worker}.{figure}") } else { figure.clone() }
    };
    told.iter()
        .map(|(worker, figure, value, unit)| Figure {
            name: name(worker, figure),
            value: *value,
            unit: (*unit).clone(),
        })
        .collect()
}

/// The plan's faults, each with what became of it.
fn fault_rows(archive: &Archive) -> Vec<FaultRow> {
    let mut rows: Vec<_> = archive
        .plan()
        .faults
        .iter()
        .map(|spec| FaultRow {
            fault: spec.action.word().to_owned(),
            target: spec.target.to_string(),
            resolved: None,
            at: spec.at.to_string(),
            injected: false,
            evidence: None,
            in_flight: 0,
            fired_s: None,
            healed_s: None,
        })
        .collect();
    for recorded in &archive.events {
        match &recorded.event {
            RunEvent::FaultFired { number, resolved, injected, evidence, in_flight, .. } => {
                if let Some(row) = rows.get_mut(*number) {
                    row.resolved = Some(resolved.clone());
                    (row.injected, row.in_flight) = (*injected, *in_flight);
                    row.evidence = Some(evidence.clone());
                    row.fired_s = Some(rounded(recorded.at_s));
                }
            }
            RunEvent::FaultSeen { number, evidence } => {
                if let Some(row) = rows.get_mut(*number) {
                    (row.injected, row.evidence) = (true, Some(evidence.clone()));
                }
            }
            RunEvent::FaultHealed { number, .. } => {
                if let Some(row) = rows.get_mut(*number) {
                    row.healed_s = Some(rounded(recorded.at_s));
                }
            }
            _ => {}
        }
    }
    rows
}

fn versions(archive: &Archive) -> BTreeMap<String, String> {
    let brokers = archive.events.iter().filter_map(|recorded| match &recorded.event {
        RunEvent::BrokerUp { broker, version, .. } => Some((broker.clone(), version.clone())),
        _ => None,
    });
    brokers.chain([("harness".to_owned(), archive.about.harness.clone())]).collect()
}

fn logs(archive: &Archive) -> Vec<LogView> {
    let broke = archive.events.iter().filter_map(|recorded| match &recorded.event {
        RunEvent::WorkerBroke { worker, log, .. } => {
            Some(LogView { node: worker.clone(), lines: log.clone() })
        }
        _ => None,
    });
    broke.collect()
}
