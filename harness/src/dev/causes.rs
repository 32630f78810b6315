//! Of how much of what it found the account knows why. That is told and decides nothing: what is not known is honest.

use super::{
    Trial,
    claims::{Tally, place},
};

/// How many findings of all runs and controls have their cause, and those which have not: "2/slow with seed 3: lost 1".
pub fn causes(trials: &[Trial]) -> (Tally, Vec<String>) {
    let (mut tally, mut unknown) = (Tally::default(), Vec::new());
    for trial in trials {
        for finding in &trial.report.result.findings {
            tally.add(finding.is_explained());
            if !finding.is_explained() {
                unknown.push(format!("{}: {} {}", place(trial), finding.kind, finding.count));
            }
        }
    }
    (tally, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::samples::{control, trial};
    use ledger::{Finding, IdRange, MessageId, Verdict};

    fn with_cause(mut trial: Trial, cause: &str) -> Trial {
        let ids = vec![IdRange::one(MessageId::new(0, 7))];
        trial.report.result.findings =
            vec![Finding { kind: "lost".into(), count: 1, ids, cause: cause.into() }];
        trial
    }

    #[test]
    fn a_cause_that_is_not_known_is_counted_and_named_in_a_control_too() {
        let known =
            with_cause(trial("02-x", "slow", 1, Verdict::Kept, &[]), "acked 0.1 s, broker killed 0.2 s");
        let unknown =
            with_cause(control("02-x", "cured", Verdict::Kept, &[]), "never seen; the cause is not known");
        let (tally, named) = causes(&[known, unknown]);
        assert_eq!(tally, Tally { good: 1, all: 2 });
        assert_eq!(named, ["2/cured without faults with seed 1: lost 1"]);
    }
}
