//! The machine interface: `--json` prints a [`Document`], and `verdict.json` holds one [`RunResult`].
//!
//! Other tools rely on these names, their order and their nulls. The golden test below pins them byte for byte.

use std::collections::BTreeMap;

use ledger::{Contract, Counts, Finding, Verdict};
use serde::{Deserialize, Serialize};

/// The format's version; a change that a reader could notice gets a new one.
pub const FORMAT: u32 = 1;

/// What `--json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Always [`FORMAT`].
    pub format: u32,
    /// One for each run, in the order in which they ended.
    pub results: Vec<RunResult>,
}

/// What came out of one run, or why there was none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The lab's folder: "04-duplicates".
    pub lab: String,
    /// The variant's name in it.
    pub variant: String,
    /// What the plan's choices came from.
    pub seed: u64,
    /// Which repeat, from 0.
    pub repeat: u32,
    /// "local".
    pub runtime: String,
    /// The run folder; null where nothing was started.
    pub run: Option<String>,
    /// What the variant promises.
    pub contract: Contract,
    /// The count that must show in a weak variant.
    pub defect: Option<String>,
    /// Kept, broken, inconclusive, not-run.
    pub verdict: Verdict,
    /// Whether it came out as the lab says; null for inconclusive and not-run, and where `--set` was given.
    pub as_expected: Option<bool>,
    /// The verdict in one sentence.
    pub sentence: String,
    /// How long the run took, in seconds.
    pub seconds: f64,
    /// Every message accounted for; null where nothing was started.
    pub account: Option<Counts>,
    /// How often each point was passed, all workers together.
    pub points: BTreeMap<String, u64>,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Whether it is proven that nothing more will come.
    pub drained: bool,
    /// The plan's faults, in its order.
    pub faults: Vec<FaultRow>,
    /// What in the account needs a sentence.
    pub findings: Vec<Finding>,
    /// Which programs took part.
    pub versions: BTreeMap<String, String>,
}

/// Something measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What: "redelivery_seconds_min".
    pub name: String,
    /// How much. Finite: JSON knows no other numbers.
    pub value: f64,
    /// Of what: "s".
    pub unit: String,
}

/// A fault of the plan, and what became of it. Null: it never fired, or was never healed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRow {
    /// What is done: "kill".
    pub fault: String,
    /// To whom, as planned: "consumer".
    pub target: String,
    /// To whom in fact: "consumer-0".
    pub resolved: Option<String>,
    /// When, as planned: "after-effect #500".
    pub at: String,
    /// Whether it was seen to take hold.
    pub injected: bool,
    /// What was seen: "exit by signal 9".
    pub evidence: Option<String>,
    /// How many messages were between their producer and their effect.
    pub in_flight: u64,
    /// When it fired, in seconds since the run began.
    pub fired_s: Option<f64>,
    /// When it was healed.
    pub healed_s: Option<f64>,
}

impl Document {
    /// The document of these runs.
    pub fn of(results: Vec<RunResult>) -> Self {
        Self { format: FORMAT, results }
    }

    /// As JSON, with a line's end behind it.
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

impl RunResult {
    /// As JSON, with a line's end behind it: the content of `verdict.json`.
    pub fn to_json(&self) -> String {
        pretty(self)
    }
}

/// Seconds as they stand in the document: to a thousandth, so that a reader sees no noise.
pub fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("the wire types have only texts as keys, so JSON can hold them");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    /// The document's bytes. Whoever has to change this changes the format: raise [`FORMAT`].
    const GOLDEN: &str = include_str!("expected/document.json");

    #[test]
    fn the_document_is_pinned_byte_for_byte() {
        let document = Document::of(vec![samples::crash_before_ack(), samples::not_run()]);
        assert_eq!(document.to_json(), GOLDEN);
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let document: Document = serde_json::from_str(GOLDEN).unwrap();
        assert_eq!(document.results, vec![samples::crash_before_ack(), samples::not_run()]);
        let one = document.results[0].to_json();
        assert_eq!(serde_json::from_str::<RunResult>(&one).unwrap(), document.results[0]);
    }

    #[test]
    fn what_is_not_a_result_is_refused_with_its_place() {
        let error = serde_json::from_str::<RunResult>("{\n  \"lab\": 4\n}").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn seconds_have_three_digits() {
        assert_eq!(rounded(1.2039996), 1.204);
        assert_eq!(rounded(0.0), 0.0);
    }
}
