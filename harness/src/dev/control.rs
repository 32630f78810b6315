//! The control: without faults a strong variant keeps its word, and nothing in its account is odd.

use ledger::{Counts, Verdict};

use super::{
    Trial,
    claims::{Tally, is_of, place},
    problem::Problem,
    schedule::breaks_something,
};
use crate::{
    exit::Exit,
    scenario::{Lab, Variant},
};

/// What is 0 where nothing was broken and the configuration is strong.
const ODD: [&str; 16] = [
    "rejected",
    "unknown",
    "redelivered",
    "duplicated",
    "surplus",
    "lost",
    "lost_acked",
    "lost_unconfirmed",
    "recovered",
    "resolved",
    "phantom",
    "resurrected",
    "reordered",
    "crossed",
    "stored_again",
    "redelivered_after_settled",
];

/// How many strong variants are clean without faults, and what is wrong with the others.
pub fn controls(chosen: &[String], all: &[Lab], trials: &[Trial]) -> (Tally, Vec<Problem>) {
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for lab in all.iter().filter(|lab| chosen.contains(&lab.name)) {
        for strong in lab.variants.iter().filter(|variant| variant.defect.is_none()) {
            let found = of_variant(lab, strong, trials);
            tally.add(found.is_empty());
            problems.extend(found);
        }
    }
    (tally, problems)
}

/// A variant that breaks nothing is its own control.
fn of_variant(lab: &Lab, strong: &Variant, trials: &[Trial]) -> Vec<Problem> {
    let is_control = |trial: &&Trial| trial.step.control == breaks_something(strong);
    let runs: Vec<_> = trials.iter().filter(|trial| is_of(trial, lab, strong)).filter(is_control).collect();
    if runs.is_empty() {
        let place = format!("{}/{} without faults", lab.name, strong.name);
        let what = "it was not run, so nobody knows whether it is clean";
        return vec![Problem::new(place, what, "see what kept it from being run").with(Exit::Inconclusive)];
    }
    runs.into_iter().filter_map(|trial| odd(trial, strong)).collect()
}

/// What is odd in a control. Zeros of a run that proves nothing are not clean.
fn odd(trial: &Trial, strong: &Variant) -> Option<Problem> {
    let result = &trial.report.result;
    let problem = |what: String, exit| {
        let again =
            format!("harness run {} --no-faults --seed {}", trial.report.variant.target, trial.step.seed);
        Some(Problem::new(place(trial), what, again).with(exit))
    };
    let Some(counts) = result.account.as_ref().filter(|_| result.verdict != Verdict::Inconclusive) else {
        return problem(result.sentence.clone(), Exit::Inconclusive);
    };
    if result.verdict != Verdict::Kept {
        return problem(result.sentence.clone(), Exit::NotAsExpected);
    }
    // What the variant itself says of its control is compared where the run is judged.
    if strong.control.is_some() && result.as_expected != Some(true) {
        return problem(format!("not what `control` says: {}", result.sentence), Exit::NotAsExpected);
    }
    let odd = odd_counts(counts, strong);
    if odd.is_empty() {
        None
    } else {
        problem(format!("nothing was broken, and yet: {}", odd.join(", ")), Exit::NotAsExpected)
    }
}

fn odd_counts(counts: &Counts, strong: &Variant) -> Vec<String> {
    let declared = |name: &str| strong.control.as_ref().is_some_and(|says| says.counts.contains_key(name));
    // Who promises no order may deliver in any.
    let matters = |name: &&&str| (strong.order || ***name != *"reordered") && !declared(name);
    let mut told = Vec::new();
    for name in ODD.iter().filter(matters) {
        let odd = counts.field(name).filter(|count| *count > 0);
        told.extend(odd.map(|count| format!("{name} {count}")));
    }
    if let Some(sum) = counts.sum.as_ref().filter(|sum| sum.expected != sum.observed) {
        told.push(format!("the sum is {}, and should be {}", sum.observed, sum.expected));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::samples::{control, lab, trial};

    #[track_caller]
    fn wrong(trials: &[Trial], what: &[&str]) {
        let (tally, problems) = controls(&["02-x".to_owned()], &[lab()], trials);
        let told: Vec<_> =
            problems.iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect();
        assert_eq!(told, what);
        assert_eq!((tally.all, tally.good), (2, 2 - what.len() as u64));
    }

    fn clean() -> Vec<Trial> {
        let calm = trial("02-x", "calm", 1, Verdict::Kept, &[("attempted", 9), ("applied", 9)]);
        vec![control("02-x", "cured", Verdict::Kept, &[("attempted", 9), ("applied", 9)]), calm]
    }

    #[test]
    fn zeros_and_a_word_that_was_kept_are_clean() {
        wrong(&clean(), &[]);
    }

    #[test]
    fn zeros_of_a_run_that_proves_nothing_are_not_clean() {
        let mut trials = clean();
        trials[0].report.result.verdict = Verdict::Inconclusive;
        trials[0].report.result.sentence = "inconclusive: not drained".into();
        wrong(&trials, &["2/cured without faults with seed 1: inconclusive: not drained"]);
    }

    #[test]
    fn a_count_that_is_not_zero_is_found_even_where_the_contract_allows_it() {
        let mut trials = clean();
        trials[0] = control("02-x", "cured", Verdict::Kept, &[("duplicated", 1), ("surplus", 2)]);
        wrong(
            &trials,
            &["2/cured without faults with seed 1: nothing was broken, and yet: duplicated 1, surplus 2"],
        );
    }

    #[test]
    fn what_a_variant_says_of_its_control_is_held_against_it_and_nothing_else_is_excused() {
        let mut lab = lab();
        let says = [("rejected".to_owned(), ledger::Bound::Is(ledger::Value::Number(50.0)))].into();
        lab.variants[2].control = Some(ledger::Expectation { verdict: None, counts: says });
        let name = lab.variants[2].name.clone();
        let mut trials = vec![control("02-x", &name, Verdict::Kept, &[("rejected", 50), ("lost", 1)])];
        let told = |trials: &[Trial]| {
            let found = of_variant(&lab, &lab.variants[2], trials);
            found.into_iter().map(|problem| problem.what).collect::<Vec<_>>()
        };
        assert_eq!(told(&trials), ["nothing was broken, and yet: lost 1"]);
        trials[0].report.result.as_expected = Some(false);
        assert_eq!(told(&trials), ["not what `control` says: kept"]);
    }

    #[test]
    fn a_variant_that_breaks_nothing_is_its_own_control() {
        let mut trials = clean();
        trials[1].report.result.account.as_mut().unwrap().unknown = 1;
        wrong(&trials, &["2/calm with seed 1: nothing was broken, and yet: unknown 1"]);
    }

    #[test]
    fn a_run_with_faults_is_no_control() {
        let mut trials = clean();
        trials[0].step.control = false;
        wrong(&trials, &["02-x/cured without faults: it was not run, so nobody knows whether it is clean"]);
    }
}
