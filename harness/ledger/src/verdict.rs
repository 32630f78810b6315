//! The verdict on a run.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Contract, Counts, Evidence};

/// What is said of a contract after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing happened that the contract forbids.
    Kept,
    /// Something happened that the contract forbids.
    Broken,
    /// The run proves neither.
    Inconclusive,
    /// The variant could not be started.
    NotRun,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Kept, Self::Broken, Self::Inconclusive, Self::NotRun];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Inconclusive => "inconclusive",
            Self::NotRun => "not-run",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Verdict {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|verdict| verdict.word() == text);
        found.ok_or_else(|| UnknownWord::new(text, "a verdict", &Self::ALL.map(Self::word)))
    }
}

/// A verdict and all that speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Kept, broken or inconclusive.
    pub verdict: Verdict,
    /// Why it is inconclusive, then what is broken. Empty where the contract is kept.
    pub reasons: Vec<Reason>,
}

/// One thing that speaks against "kept". Displays as a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not proven that nothing more will come.
    NotDrained(Option<String>),
    /// A fault has no evidence that it took hold.
    NoEvidence(String),
    /// A fault fired by count or time while no message was under way.
    NothingInFlight(String),
    /// No producer was told of any success.
    NoSuccess,
    /// A worker broke.
    BrokenWorker(String),
    /// A wait was given up.
    BoundHit(String),
    /// A journal cannot be read to its end.
    DamagedJournal(String),
    /// A count that decides is not known.
    NotKnown(&'static str),
    /// The contract forbids this count.
    Forbidden {
        /// The name of the count.
        name: &'static str,
        /// How much of it there is.
        count: u64,
        /// Which contract.
        contract: Contract,
    },
    /// A sink that adds up holds something else than it should.
    WrongSum {
        /// With each effect exactly once.
        expected: i64,
        /// As found.
        observed: i64,
    },
}

impl Reason {
    /// What it makes of the run by itself.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Forbidden { .. } | Self::WrongSum { .. } => Verdict::Broken,
            _ => Verdict::Inconclusive,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDrained(None) => write!(f, "it is not proven that nothing more will come"),
            Self::NotDrained(Some(why)) => write!(f, "it is not proven that nothing more will come: {why}"),
            Self::NoEvidence(fault) => write!(f, "nothing shows that the fault took hold: {fault}"),
            Self::NothingInFlight(fault) => write!(f, "nothing was in flight when the fault fired: {fault}"),
            Self::NoSuccess => write!(f, "no producer was told of any success"),
            Self::BrokenWorker(worker) => write!(f, "a worker broke: {worker}"),
            Self::BoundHit(what) => write!(f, "a wait was given up: {what}"),
            Self::DamagedJournal(journal) => write!(f, "a journal cannot be read to its end: {journal}"),
            Self::NotKnown(name) => write!(f, "the count `{name}` is not known"),
            Self::Forbidden { name, count, contract } => {
                write!(f, "{name} {count}, which {contract} forbids")
            }
            Self::WrongSum { expected, observed } => {
                write!(f, "the sum at the sink is {observed} and should be {expected}")
            }
        }
    }
}

/// Judges a run. Inconclusive wins over broken, and broken over kept; all reasons are named.
pub fn judge(counts: &Counts, contract: Contract, order: bool, evidence: &Evidence) -> Judgement {
    let mut reasons = inconclusive(counts, evidence);
    let drained = evidence.drained == Some(true);
    for name in contract.forbids(order) {
        match counts.field(name) {
            Some(0) => {}
            Some(count) => reasons.push(Reason::Forbidden { name, count, contract }),
            // Without a proven drain this was said already.
            None if !drained => {}
            None => reasons.push(Reason::NotKnown(name)),
        }
    }
    if let Some(sum) = counts.sum.filter(|sum| sum.expected != sum.observed) {
        reasons.push(Reason::WrongSum { expected: sum.expected, observed: sum.observed });
    }
    let of = |verdict| reasons.iter().any(|reason| reason.verdict() == verdict);
    let verdict = if of(Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else if of(Verdict::Broken) {
        Verdict::Broken
    } else {
        Verdict::Kept
    };
    // What decides comes first; within a verdict the order stays.
    reasons.sort_by_key(|reason| reason.verdict() != Verdict::Inconclusive);
    Judgement { verdict, reasons }
}

fn inconclusive(counts: &Counts, evidence: &Evidence) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if evidence.drained != Some(true) {
        reasons.push(Reason::NotDrained(evidence.why_not_drained.clone()));
    }
    for fault in &evidence.faults {
        if !fault.injected {
            reasons.push(Reason::NoEvidence(fault.name.clone()));
        } else if !fault.at_point && fault.in_flight == 0 {
            reasons.push(Reason::NothingInFlight(fault.name.clone()));
        }
    }
    if counts.acked + counts.unconfirmed == 0 {
        reasons.push(Reason::NoSuccess);
    }
    reasons.extend(evidence.broken_workers.iter().cloned().map(Reason::BrokenWorker));
    reasons.extend(evidence.bounds_hit.iter().cloned().map(Reason::BoundHit));
    reasons.extend(evidence.damaged_journals.iter().cloned().map(Reason::DamagedJournal));
    reasons
}

/// A text that is none of the words it should be one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord(String);

impl UnknownWord {
    pub(crate) fn new(text: &str, what: &str, words: &[&str]) -> Self {
        let (last, others) = words.split_last().unwrap_or((&"nothing", &[]));
        Self(format!("`{text}` is not {what}; expected {} or {last}", others.join(", ")))
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownWord {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sum;

    #[test]
    fn words_are_those_of_the_document() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.word().parse(), Ok(verdict));
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.word());
        }
    }

    #[test]
    fn a_wrong_sum_breaks_every_contract() {
        let evidence = Evidence { drained: Some(true), ..Evidence::default() };
        let sum = Some(Sum { expected: 100, observed: 110 });
        let counts = Counts { attempted: 1, acked: 1, lost: Some(0), sum, ..Counts::default() };
        for contract in Contract::ALL {
            let judgement = judge(&counts, contract, false, &evidence);
            assert_eq!(judgement.verdict, Verdict::Broken);
            assert_eq!(judgement.reasons[0].to_string(), "the sum at the sink is 110 and should be 100");
        }
    }

    #[test]
    fn a_decisive_count_that_is_not_known_is_inconclusive() {
        let evidence = Evidence { drained: Some(true), ..Evidence::default() };
        let counts = Counts { attempted: 1, acked: 1, ..Counts::default() };
        let judgement = judge(&counts, Contract::AtLeastOnce, false, &evidence);
        assert_eq!(judgement.reasons, [Reason::NotKnown("lost")]);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judge(&counts, Contract::AtMostOnce, false, &evidence).verdict, Verdict::Kept);
    }
}
