//! Two runs side by side: what differs in what was asked for, and in what came out.

use std::collections::{BTreeMap, BTreeSet};

use ledger::Counts;
use serde::Serialize;
use tabled::{
    builder::Builder,
    settings::{Width, peaker::Priority},
};

use super::{
    document::{FORMAT, FaultRow, RunResult},
    page::{Page, Tone, clean},
    table::{indented, styled},
    words::{number, seconds},
};

/// What `harness compare --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The format of all documents.
    pub format: u32,
    /// The first run, then the second.
    pub runs: [Run; 2],
    /// Settings that differ, by their name; null where a run has none of this name.
    pub settings: Vec<Setting>,
    /// Every count that one of them has.
    pub counts: Vec<Count>,
    /// Their faults, in the order of the plans.
    pub faults: Vec<Fault>,
    /// Whether verdict, counts and faults are the same, the times of faults apart.
    pub same: bool,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields of a result")]
pub struct Run {
    pub run: Option<String>,
    pub lab: String,
    pub variant: String,
    pub seed: u64,
    pub contract: String,
    pub verdict: String,
    pub as_expected: Option<bool>,
    pub sentence: String,
    pub seconds: f64,
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Where it stands in `run.toml`: "nats.stream.storage".
    pub name: String,
    /// In the first run, and in the second.
    pub values: [Option<String>; 2],
}

/// One count of both accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Its name.
    pub name: &'static str,
    /// In the first run, and in the second; null where it does not apply or is not known.
    pub values: [Option<u64>; 2],
    /// Whether they differ.
    pub differs: bool,
}

/// A fault of both plans.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// In the first run, and in the second; null where a plan has no more.
    pub rows: [Option<FaultRow>; 2],
    /// Whether they differ in more than their times.
    pub differs: bool,
}

/// Compares two results; `settings` are what their plans say, by name.
pub fn compare(results: [&RunResult; 2], settings: [&BTreeMap<String, String>; 2]) -> Comparison {
    let (settings, counts, faults) = (differing(settings), counts(results), faults(results));
    let same = results[0].verdict == results[1].verdict
        && !counts.iter().any(|count| count.differs)
        && !faults.iter().any(|fault| fault.differs);
    Comparison { format: FORMAT, runs: results.map(run), settings, counts, faults, same }
}

fn run(result: &RunResult) -> Run {
    Run {
        run: result.run.clone(),
        lab: result.lab.clone(),
        variant: result.variant.clone(),
        seed: result.seed,
        contract: result.contract.word().to_owned(),
        verdict: result.verdict.word().to_owned(),
        as_expected: result.as_expected,
        sentence: result.sentence.clone(),
        seconds: result.seconds,
    }
}

fn differing(settings: [&BTreeMap<String, String>; 2]) -> Vec<Setting> {
    let names: BTreeSet<_> = settings.iter().flat_map(|settings| settings.keys()).collect();
    let both = names.into_iter().map(|name| (name, settings.map(|settings| settings.get(name).cloned())));
    let differ = both.filter(|(_, values)| values[0] != values[1]);
    differ.map(|(name, values)| Setting { name: name.clone(), values }).collect()
}

fn counts(results: [&RunResult; 2]) -> Vec<Count> {
    let value =
        |result: &RunResult, name: &str| result.account.as_ref().and_then(|counts| counts.field(name));
    let both = Counts::FIELDS.iter().map(|name| (*name, results.map(|result| value(result, name))));
    let known = both.filter(|(_, values)| values.iter().any(Option::is_some));
    known.map(|(name, values)| Count { name, values, differs: values[0] != values[1] }).collect()
}

fn faults(results: [&RunResult; 2]) -> Vec<Fault> {
    let most = results.iter().map(|result| result.faults.len()).max().unwrap_or(0);
    let what = |row: &FaultRow| {
        let FaultRow { fault, target, resolved, at, injected, .. } = row;
        (fault.clone(), target.clone(), resolved.clone(), at.clone(), *injected)
    };
    let both = (0..most).map(|at| results.map(|result| result.faults.get(at).cloned()));
    both.map(|rows| Fault { differs: rows[0].as_ref().map(what) != rows[1].as_ref().map(what), rows })
        .collect()
}

impl Comparison {
    /// As JSON, with a line's end behind it.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("it has only texts as keys, so JSON can hold it") + "\n"
    }

    /// As a person reads it.
    pub fn text(&self, page: &Page) -> String {
        let mut out = String::new();
        for (run, label) in self.runs.iter().zip(["first   ", "second  "]) {
            let name = run.run.clone().unwrap_or_else(|| format!("{}/{}", run.lab, run.variant));
            out += &page.hanging(0, label, &format!("{name}, seed {}", run.seed));
            out += &page.paragraph(8, &run.sentence);
        }
        if !self.settings.is_empty() {
            out += &format!("\n  {}\n", page.paint(Tone::Strong, "Settings that differ"));
            out += &settings_table(&self.settings, page);
        }
        out += &format!("\n  {}\n", page.paint(Tone::Strong, "Accounts"));
        out += &counts_table(&self.counts, page);
        if !self.faults.is_empty() {
            out += &format!("\n  {}\n", page.paint(Tone::Strong, "Faults"));
            self.faults.iter().for_each(|fault| out += &fault_lines(fault, page));
        }
        out + &format!("\n{}", page.paragraph(2, &self.conclusion()))
    }

    fn conclusion(&self) -> String {
        let [first, second] = &self.runs;
        let verdicts = if first.verdict == second.verdict {
            format!("both are {}", first.verdict)
        } else {
            format!("the first is {}, the second {}", first.verdict, second.verdict)
        };
        let differing: Vec<_> =
            self.counts.iter().filter(|count| count.differs).map(|count| count.name).collect();
        let counts = match differing.as_slice() {
            [] => "their accounts are the same".to_owned(),
            names => format!("their accounts differ in {}", names.join(", ")),
        };
        format!("{verdicts}; {counts}.")
    }
}

fn settings_table(settings: &[Setting], page: &Page) -> String {
    let mut builder = Builder::default();
    builder.push_record(["setting", "first", "second"]);
    for setting in settings {
        let value = |value: &Option<String>| value.as_deref().map_or_else(|| "–".to_owned(), clean);
        builder.push_record([clean(&setting.name), value(&setting.values[0]), value(&setting.values[1])]);
    }
    let mut table = styled(builder, &[]);
    table.with(Width::wrap(page.width.saturating_sub(2)).keep_words(true).priority(Priority::max(true)));
    indented(&table)
}

/// Counts that are 0 in both say nothing.
fn counts_table(counts: &[Count], page: &Page) -> String {
    let mut builder = Builder::default();
    builder.push_record(["", "account", "first", "second", "change"]);
    let told = |count: &&Count| count.differs || count.values[0] != Some(0);
    for count in counts.iter().filter(told) {
        let value = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), number);
        let (sign, tone) = if count.differs { ("≠", Tone::Unsure) } else { ("", Tone::Normal) };
        builder.push_record([
            page.paint(tone, sign),
            page.paint(tone, count.name),
            page.paint(tone, &value(count.values[0])),
            page.paint(tone, &value(count.values[1])),
            page.paint(tone, &change(count)),
        ]);
    }
    indented(&styled(builder, &[2, 3, 4]))
}

/// "+3", "-1,000"; nothing where one of them is not known or they are the same.
fn change(count: &Count) -> String {
    match count.values {
        [Some(first), Some(second)] if second > first => format!("+{}", number(second - first)),
        [Some(first), Some(second)] if second < first => format!("-{}", number(first - second)),
        _ => String::new(),
    }
}

fn fault_lines(fault: &Fault, page: &Page) -> String {
    let text = |row: &Option<FaultRow>| match row {
        None => "none".to_owned(),
        Some(row) => {
            let whom = row.resolved.as_deref().unwrap_or(&row.target);
            let when = row.fired_s.map_or_else(|| "never".to_owned(), seconds);
            format!("{when}  {} {whom} at {}", row.fault, row.at)
        }
    };
    let sign = if fault.differs { "≠ " } else { "  " };
    let tone = if fault.differs { Tone::Unsure } else { Tone::Normal };
    let lines = fault
        .rows
        .iter()
        .zip(["first ", "second"])
        .map(|(row, label)| page.hanging(2, &format!("{sign}{label}  "), &text(row)));
    lines
        .flat_map(|line| line.lines().map(|line| format!("{}\n", page.paint(tone, line))).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use ledger::Verdict;

    fn settings(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn sample() -> Comparison {
        let first = samples::crash_before_ack();
        let mut second = first.clone();
        second.account = Some(samples::counts(&[("attempted", 2000), ("acked", 2000), ("lost", 1)]));
        second.verdict = Verdict::Broken;
        second.sentence = super::super::sentence::sentence(&second, &[]);
        second.seed = 8;
        second.faults[0].at = "after-effect #17".into();
        let one = settings(&[("limit", "30s"), ("nats.stream.storage", "file"), ("workers[0].count", "1")]);
        let other = settings(&[("limit", "30s"), ("nats.stream.storage", "memory")]);
        compare([&first, &second], [&one, &other])
    }

    #[test]
    fn a_run_compared_with_itself_is_the_same() {
        let (result, settings) = (samples::crash_before_ack(), settings(&[("limit", "30s")]));
        let mut later = result.clone();
        later.faults[0].fired_s = Some(9.0);
        let comparison = compare([&result, &later], [&settings, &settings]);
        assert!(comparison.same && comparison.settings.is_empty());
        let text = comparison.text(&Page { width: 80, color: false });
        assert!(text.ends_with("\n  both are kept; their accounts are the same.\n"), "{text}");
    }

    #[test]
    fn what_differs_is_told_and_marked() {
        let seen = sample().text(&Page { width: 80, color: false });
        assert_eq!(seen, include_str!("expected/compare.80.txt"), "\n{seen}");
    }

    #[test]
    fn programs_get_all_of_it() {
        let comparison = sample();
        assert!(!comparison.same);
        let json: serde_json::Value = serde_json::from_str(&comparison.to_json()).unwrap();
        assert_eq!(json["format"], 1);
        assert_eq!(json["runs"][1]["verdict"], "broken");
        let storage = serde_json::json!({ "name": "nats.stream.storage", "values": ["file", "memory"] });
        assert_eq!(json["settings"][0], storage);
        assert_eq!(json["settings"][1]["values"], serde_json::json!(["1", null]));
        let lost = json["counts"].as_array().unwrap().iter().find(|count| count["name"] == "lost").unwrap();
        assert_eq!(*lost, serde_json::json!({ "name": "lost", "values": [0, 1], "differs": true }));
        assert_eq!((&json["faults"][0]["differs"], &json["same"]), (&true.into(), &false.into()));
    }
}
