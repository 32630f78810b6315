//! Several runs at a glance: one row for each variant, repeats added up.

use std::collections::BTreeMap;

use ledger::Verdict;
use tabled::{Table, builder::Builder};

use super::{
    page::{Page, Tone, clean},
    run_report::RunReport,
    table,
    words::{self, count_of},
};

/// The columns, the least important last: on a narrow page those are left out.
const COLUMNS: [&str; 6] = ["", "variant", "verdict", "lost", "duplicated", "contract"];

/// The fewest columns that are worth a table.
const FEWEST: usize = 3;

/// The table of all runs, and one line that adds them up. Empty for fewer than two.
pub fn summary(reports: &[RunReport], page: &Page) -> String {
    if reports.len() < 2 {
        return String::new();
    }
    let groups = grouped(reports);
    let fits = |columns: &usize| built(&groups, *columns, page).total_width() + 2 <= page.width;
    let columns = (FEWEST..=COLUMNS.len()).rev().find(fits).unwrap_or(FEWEST);
    let mut out = table::indented(&built(&groups, columns, page));
    out += &page.paragraph(2, &totals(reports));
    out
}

fn built(groups: &[Vec<&RunReport>], columns: usize, page: &Page) -> Table {
    let mut builder = Builder::default();
    builder.push_record(COLUMNS.into_iter().take(columns));
    for runs in groups {
        builder.push_record(row(runs, page).into_iter().take(columns));
    }
    table::styled(builder, &[3, 4])
}

/// The runs of each variant together, in the order in which variants first ended.
fn grouped(reports: &[RunReport]) -> Vec<Vec<&RunReport>> {
    let mut groups: Vec<Vec<&RunReport>> = Vec::new();
    for report in reports {
        match groups.iter_mut().find(|group| group[0].variant.target == report.variant.target) {
            Some(group) => group.push(report),
            None => groups.push(vec![report]),
        }
    }
    groups
}

fn row(runs: &[&RunReport], page: &Page) -> [String; COLUMNS.len()] {
    let signs = runs.iter().map(|run| words::sign(run.result.verdict, run.result.as_expected));
    let (sign, tone) = signs.max_by_key(|sign| rank(sign.1)).unwrap_or(("", Tone::Normal));
    [
        page.paint(tone, sign),
        clean(&runs[0].variant.target),
        page.paint(tone, &verdicts(runs)),
        range(runs, "lost"),
        range(runs, "duplicated"),
        runs[0].result.contract.word().to_owned(),
    ]
}

/// How much a colour wants to be seen.
const fn rank(tone: Tone) -> u8 {
    match tone {
        Tone::Bad => 3,
        Tone::Unsure => 2,
        Tone::Quiet => 1,
        Tone::Good | Tone::Strong | Tone::Normal => 0,
    }
}

/// "kept" for one run; "kept 50", or "broken 1, kept 49", for repeats.
fn verdicts(runs: &[&RunReport]) -> String {
    if let [run] = runs {
        return run.result.verdict.word().to_owned();
    }
    let mut counts = BTreeMap::new();
    for run in runs {
        *counts.entry(run.result.verdict.word()).or_insert(0_u64) += 1;
    }
    counts.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(", ")
}

/// "3", or "1..4" where repeats differ; "–" where nobody knows.
fn range(runs: &[&RunReport], field: &str) -> String {
    let known: Vec<u64> = runs
        .iter()
        .filter_map(|run| run.result.account.as_ref().and_then(|counts| counts.field(field)))
        .collect();
    match (known.iter().min(), known.iter().max()) {
        (Some(least), Some(most)) if least == most => words::number(*least),
        (Some(least), Some(most)) => format!("{}..{}", words::number(*least), words::number(*most)),
        _ => "–".to_owned(),
    }
}

/// All runs added up: "3 runs: 2 as expected (✓), 1 inconclusive (?)."
pub fn totals(reports: &[RunReport]) -> String {
    let count = |holds: fn(&RunReport) -> bool| reports.iter().filter(|report| holds(report)).count() as u64;
    let parts = [
        (count(|run| run.result.as_expected == Some(true)), "as expected (✓)"),
        (count(|run| run.result.as_expected == Some(false)), "not as expected (✗)"),
        (count(|run| run.result.verdict == Verdict::Inconclusive), "inconclusive (?)"),
        (count(|run| run.result.verdict == Verdict::NotRun), "not run (-)"),
    ];
    let told: Vec<_> = parts
        .iter()
        .filter(|part| part.0 > 0)
        .map(|(count, what)| format!("{} {what}", words::number(*count)))
        .collect();
    let all = count_of(reports.len() as u64, "run");
    if told.is_empty() { format!("{all}.") } else { format!("{all}: {}.", told.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn page(width: usize) -> Page {
        Page { width, color: false }
    }

    #[test]
    fn one_run_needs_no_summary() {
        assert_eq!(summary(&[samples::report()], &page(100)), "");
    }

    #[test]
    fn each_variant_has_a_row() {
        let mut not_run = samples::report();
        not_run.result = samples::not_run();
        not_run.variant.target = "2/subscriber-killed".into();
        let reports = [samples::report(), samples::surprising(), not_run];
        let seen = summary(&reports, &page(100));
        assert_eq!(seen, include_str!("expected/summary.100.txt"), "\n{seen}");
        let seen = summary(&reports, &page(60));
        assert_eq!(seen, include_str!("expected/summary.60.txt"), "\n{seen}");
    }

    #[test]
    fn repeats_are_added_up_and_one_that_flickers_is_seen() {
        let mut reports = vec![samples::report(); 50];
        reports[17].result.verdict = Verdict::Broken;
        reports[17].result.as_expected = Some(false);
        reports[17].result.account = Some(samples::counts(&[("attempted", 2000), ("lost", 4)]));
        let seen = summary(&reports, &page(100));
        assert!(seen.contains("broken 1, kept 49"), "{seen}");
        assert!(seen.contains(" 0..4 "), "{seen}");
        assert!(seen.contains("│ ✗ │ 4/crash-before-ack │"), "{seen}");
        assert!(seen.ends_with("50 runs: 49 as expected (✓), 1 not as expected (✗).\n"), "{seen}");
    }
}
