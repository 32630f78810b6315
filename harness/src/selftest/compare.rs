//! What was planted against what was found. Stricter than `as_expected`: an inconclusive verdict may be the right one, and
//! nothing may be found that was not planted.

use std::collections::BTreeMap;

use ledger::{Expectation, Fate, Finding};

use crate::assess::Assessed;

/// What must show that something was planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Nothing was planted, and nothing may be said.
    Clean,
    /// This finding, with exactly these ids: "lost 0-17".
    Finding(&'static str),
    /// A reason that the run proves nothing; it begins with these words.
    Reason(&'static str),
}

/// What is wrong with a result, each a sentence; empty where what was planted was found, and nothing else.
pub fn compare(assessed: &Assessed, expect: &Expectation, sign: Sign) -> Vec<String> {
    let result = &assessed.result;
    let Some(counts) = &result.account else { return vec!["there is no account".to_owned()] };
    let mismatches = expect.check(result.verdict, counts, &BTreeMap::new(), &result.points);
    let mut wrong: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    let shown: Vec<String> = result.findings.iter().map(words).collect();
    match sign {
        Sign::Reason(words) => {
            if !assessed.reasons.iter().any(|reason| reason.starts_with(words)) {
                wrong.push(format!("no reason says `{words}`, but {:?}", assessed.reasons));
            }
            // What an unproven run counts is nobody's business, but `lost` may not be said without a proven drain.
            if !result.drained && counts.lost.is_some() {
                wrong.push("lost is counted without a proven drain".to_owned());
            }
            return wrong;
        }
        Sign::Finding(words) if !shown.iter().any(|shown| shown == words) => {
            wrong.push(format!("no finding says `{words}`, but {shown:?}"));
        }
        Sign::Clean => wrong.extend(assessed.reasons.iter().map(|reason| format!("a clean run: {reason}"))),
        Sign::Finding(_) => {}
    }
    for fate in Fate::ODD.into_iter().filter(|fate| !expect.counts.contains_key(fate.word())) {
        match counts.field(fate.word()) {
            Some(0) | None => {}
            Some(count) => wrong.push(format!("{fate}: nothing was planted, seen {count}")),
        }
    }
    wrong
}

/// "lost 0-17 0-20..0-30"
fn words(finding: &Finding) -> String {
    let ids: Vec<_> = finding.ids.iter().map(ToString::to_string).collect();
    format!("{} {}", finding.kind, ids.join(" "))
}
