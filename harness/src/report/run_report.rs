//! What a report is made of: the result, and what the lab and the judgement say about it.

use std::collections::BTreeMap;

use ledger::Mismatch;

use super::document::RunResult;

/// The lab, as its header shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabView {
    /// Its number; 0 for one that has none.
    pub number: u8,
    /// Its folder: "02-fire-and-forget".
    pub name: String,
    /// In a few words.
    pub title: String,
    /// What it asks.
    pub question: String,
    /// How long it takes in the room; 0 where nobody says.
    pub minutes: u32,
    /// What helps to answer.
    pub hint: String,
}

impl LabView {
    /// What a person types to run it, or one variant of it: "2", "2/slow-subscriber".
    pub fn target(&self, variant: Option<&str>) -> String {
        let lab = if self.number == 0 { self.name.clone() } else { self.number.to_string() };
        variant.map_or(lab.clone(), |variant| format!("{lab}/{variant}"))
    }
}

/// The variant, as a report needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariantView {
    /// What a person types to run it: "2/slow-subscriber".
    pub target: String,
    /// The situation.
    pub says: String,
    /// The setting responsible for what comes out.
    pub knob: Option<String>,
    /// What a person types to run the variant in which the defect does not show: "3/ack-after-effect".
    pub cure: Option<String>,
    /// The one thing to try next.
    pub next: Option<String>,
}

/// The last words of a node that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogView {
    /// Which: "consumer-0".
    pub node: String,
    /// The end of its log.
    pub lines: Vec<String>,
}

/// One run, with all that is said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// The machine's part.
    pub result: RunResult,
    /// The lab's part.
    pub variant: VariantView,
    /// Why the verdict is what it is, each a sentence.
    pub reasons: Vec<String>,
    /// What was expected of a count, by its name: "lost" → ">= 1". Empty where nothing was.
    pub expected: BTreeMap<String, String>,
    /// What did not come out so.
    pub mismatches: Vec<Mismatch>,
    /// Last log lines of nodes that failed.
    pub logs: Vec<LogView>,
}

impl RunReport {
    /// The one thing to try next, as the lab says, or as follows from the result.
    pub fn next_step(&self) -> String {
        use ledger::Verdict::{Broken, Inconclusive, Kept, NotRun};
        let target = &self.variant.target;
        match (self.result.verdict, self.result.as_expected, &self.variant.next, &self.variant.cure) {
            (NotRun, ..) => "harness doctor, which says what is missing".to_owned(),
            (Inconclusive, ..) => {
                format!("harness run {target}, once more; the reason above says what to look at")
            }
            (Kept | Broken, Some(false), ..) => {
                format!("harness run {target} --seed {}, to see it again", self.result.seed)
            }
            (_, _, Some(next), _) => next.clone(),
            (_, _, None, Some(cure)) => format!("harness run {cure}, where this does not happen"),
            (_, _, None, None) => format!("harness run {target} --no-faults, to see it without a fault"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use ledger::Verdict;

    #[test]
    fn a_target_is_what_a_person_types() {
        let lab = LabView { number: 2, name: "02-fire-and-forget".into(), ..LabView::default() };
        assert_eq!(lab.target(None), "2");
        assert_eq!(lab.target(Some("slow-subscriber")), "2/slow-subscriber");
        let lab = LabView { number: 0, name: "selftest".into(), ..LabView::default() };
        assert_eq!(lab.target(Some("skips")), "selftest/skips");
    }

    #[test]
    fn the_next_step_follows_from_what_came_out() {
        let mut report = samples::report();
        assert_eq!(report.next_step(), "Acknowledge before the effect. What is lost now?");
        report.variant.next = None;
        assert_eq!(report.next_step(), "harness run 5/inbox, where this does not happen");
        report.variant.cure = None;
        assert_eq!(
            report.next_step(),
            "harness run 4/crash-before-ack --no-faults, to see it without a fault"
        );
        report.result.as_expected = Some(false);
        assert_eq!(report.next_step(), "harness run 4/crash-before-ack --seed 7, to see it again");
        report.result.verdict = Verdict::NotRun;
        assert_eq!(report.next_step(), "harness doctor, which says what is missing");
    }
}
