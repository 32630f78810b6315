//! Whether the account knows why what it found has happened.

use super::{
    Trial,
    claims::{Tally, place},
    problem::Problem,
};

/// How many findings have their cause, in all runs and controls, and which have not.
pub fn causes(trials: &[Trial]) -> (Tally, Vec<Problem>) {
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for trial in trials {
        let findings = &trial.report.result.findings;
        findings.iter().for_each(|finding| tally.add(finding.is_explained()));
        problems.extend(findings.iter().filter(|finding| !finding.is_explained()).map(|finding| {
            let run = trial.report.result.run.as_deref().unwrap_or("RUN");
            let id = finding
                .ids
                .first()
                .map(|range| format!("{}-{}", range.producer, range.from))
                .unwrap_or_default();
            let what = format!("{} {}: {}", finding.kind, finding.count, finding.cause);
            Problem::new(
                place(trial),
                what,
                format!("look at harness explain {run} {id}, and let harness/ledger/src/cause say it"),
            )
        }));
    }
    (tally, problems)
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
    fn a_cause_that_is_not_known_is_found_in_a_control_too() {
        let known =
            with_cause(trial("02-x", "slow", 1, Verdict::Kept, &[]), "acked 0.1 s, broker killed 0.2 s");
        let unknown = with_cause(
            control("02-x", "cured", Verdict::Kept, &[]),
            "never delivered; the cause is not known",
        );
        let (tally, problems) = causes(&[known, unknown]);
        assert_eq!(tally, Tally { good: 1, all: 2 });
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "2/cured without faults with seed 1");
        assert_eq!(problems[0].what, "lost 1: never delivered; the cause is not known");
        assert!(problems[0].mend.contains(" 0-7,"), "{}", problems[0].mend);
    }
}
