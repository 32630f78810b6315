//! Whether a lab shows what it says: every run as expected, every defect shown, and gone in its cure.

use ledger::Verdict;

use super::{Trial, problem::Problem, schedule::cure_of};
use crate::{
    exit::Exit,
    scenario::{Lab, Variant},
};

/// How many there are, and with how many all is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those without a problem.
    pub good: u64,
    /// All.
    pub all: u64,
}

impl Tally {
    /// Takes up one more.
    pub fn add(&mut self, good: bool) {
        self.all += 1;
        self.good += u64::from(good);
    }
}

/// Runs that did not come out as the lab file says. Controls are another matter.
pub fn expectations(trials: &[Trial]) -> (Tally, Vec<Problem>) {
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for trial in trials.iter().filter(|trial| !trial.step.control) {
        let problem = as_expected(trial);
        tally.add(problem.is_none());
        problems.extend(problem);
    }
    (tally, problems)
}

fn as_expected(trial: &Trial) -> Option<Problem> {
    let result = &trial.report.result;
    let again =
        |more: &str| format!("harness run {} --seed {}{more}", trial.report.variant.target, trial.step.seed);
    let place = place(trial);
    match (result.verdict, result.as_expected) {
        (Verdict::Kept | Verdict::Broken, Some(true)) => None,
        (Verdict::Kept | Verdict::Broken, _) => {
            let wrong: Vec<_> = trial.report.mismatches.iter().map(ToString::to_string).collect();
            Some(Problem::new(
                place,
                format!("it is not as expected: {}", wrong.join("; ")),
                again(", and look"),
            ))
        }
        (Verdict::Inconclusive, _) => {
            Some(Problem::new(place, &result.sentence, again(": its reasons")).with(Exit::Inconclusive))
        }
        (Verdict::NotRun, _) => {
            Some(Problem::new(place, &result.sentence, "harness doctor").with(Exit::Inconclusive))
        }
    }
}

/// Defects that did not show, and cures in which they did. `chosen` are the labs whose defects are meant.
pub fn defects(chosen: &[String], all: &[Lab], trials: &[Trial]) -> (Tally, Tally, Vec<Problem>) {
    let (mut shown, mut cured, mut problems) = (Tally::default(), Tally::default(), Vec::new());
    for lab in all.iter().filter(|lab| chosen.contains(&lab.name)) {
        for weak in &lab.variants {
            let Some(defect) = &weak.defect else { continue };
            let found = wrong(lab, weak, trials, defect, |count| count >= Some(1), "1 or more");
            shown.add(found.is_empty());
            problems.extend(found);
            let Some(cure) = &weak.cure else { continue };
            let found = match cure_of(lab, weak, all) {
                Some((of, cure)) => wrong(of, cure, trials, defect, |count| count == Some(0), "0"),
                None => {
                    let what = format!("its cure {cure} cannot be run");
                    vec![Problem::new(
                        format!("{}/{}", lab.name, weak.name),
                        what,
                        "mend the lab file of the cure",
                    )]
                }
            };
            cured.add(found.is_empty());
            problems.extend(found);
        }
    }
    (shown, cured, problems)
}

/// Every run of a variant whose count is not right, and the variant that was never run.
fn wrong(
    lab: &Lab,
    variant: &Variant,
    trials: &[Trial],
    defect: &str,
    right: fn(Option<u64>) -> bool,
    should: &str,
) -> Vec<Problem> {
    let runs = trials.iter().filter(|trial| is_of(trial, lab, variant) && !trial.step.control);
    let runs: Vec<_> = runs.filter(|trial| trial.report.result.account.is_some()).collect();
    if runs.is_empty() {
        let what = format!("no run says whether its {defect} is {should}");
        let place = format!("{}/{}", lab.name, variant.name);
        return vec![Problem::new(place, what, "see what kept it from being run").with(Exit::Inconclusive)];
    }
    let count = |trial: &Trial| trial.report.result.account.as_ref().and_then(|counts| counts.field(defect));
    let off = runs.into_iter().filter(|trial| !right(count(trial)));
    off.map(|trial| {
        let seen = count(trial).map_or_else(|| "not known".to_owned(), |count| count.to_string());
        let again = format!("harness run {} --seed {}", trial.report.variant.target, trial.step.seed);
        Problem::new(place(trial), format!("{defect} should be {should}, and is {seen}"), again)
    })
    .collect()
}

/// Whether a run is one of this variant.
pub fn is_of(trial: &Trial, lab: &Lab, variant: &Variant) -> bool {
    trial.step.lab == lab.name && trial.step.variant == variant.name
}

/// Where a problem with a run is: "2/slow with seed 3".
pub fn place(trial: &Trial) -> String {
    let control = if trial.step.control { " without faults" } else { "" };
    format!("{}{control} with seed {}", trial.report.variant.target, trial.step.seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::samples::{lab, other_lab, trial};

    fn chosen() -> Vec<String> {
        vec!["02-x".to_owned()]
    }

    /// Every run of lab 2 as it should be, and its cure in lab 3.
    fn good() -> Vec<Trial> {
        let shows = |variant| trial("02-x", variant, 1, Verdict::Kept, &[("lost", 3)]);
        let lacks = |lab, variant| trial(lab, variant, 1, Verdict::Kept, &[("lost", 0)]);
        vec![shows("slow"), shows("far"), lacks("02-x", "cured"), lacks("03-y", "healed")]
    }

    #[track_caller]
    fn wrong(trials: &[Trial], what: &[&str]) {
        let (.., problems) = defects(&chosen(), &[lab(), other_lab()], trials);
        let told: Vec<_> =
            problems.iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect();
        assert_eq!(told, what);
    }

    #[test]
    fn a_lab_that_shows_what_it_says_has_no_problem() {
        let (shown, cured, problems) = defects(&chosen(), &[lab(), other_lab()], &good());
        assert_eq!((shown, cured), (Tally { good: 2, all: 2 }, Tally { good: 2, all: 2 }));
        assert_eq!((problems, expectations(&good()).1), (Vec::new(), Vec::new()));
    }

    #[test]
    fn one_seed_in_which_a_defect_does_not_show_is_found() {
        let mut trials = good();
        trials.push(trial("02-x", "slow", 2, Verdict::Kept, &[]));
        wrong(&trials, &["2/slow with seed 2: lost should be 1 or more, and is 0"]);
    }

    #[test]
    fn a_cure_that_does_not_cure_is_found_in_another_lab_too() {
        let mut trials = good();
        trials[3] = trial("03-y", "healed", 4, Verdict::Kept, &[("lost", 1)]);
        wrong(&trials, &["3/healed with seed 4: lost should be 0, and is 1"]);
        // A count that does not apply there proves nothing.
        trials[3].report.result.account.as_mut().unwrap().lost = None;
        wrong(&trials, &["3/healed with seed 4: lost should be 0, and is not known"]);
        trials.truncate(3);
        wrong(&trials, &["03-y/healed: no run says whether its lost is 0"]);
    }

    #[test]
    fn a_cure_whose_lab_cannot_be_read_is_no_cure() {
        let (.., problems) = defects(&chosen(), &[lab()], &good());
        assert_eq!(problems[0].what, "its cure 3/healed cannot be run");
    }

    #[test]
    fn a_run_that_is_inconclusive_or_not_as_expected_is_found() {
        let mut trials = good();
        trials[0].report.result.as_expected = Some(false);
        trials[1] = trial("02-x", "far", 1, Verdict::Inconclusive, &[("lost", 3)]);
        trials[2] = trial("02-x", "cured", 1, Verdict::NotRun, &[]);
        let (tally, problems) = expectations(&trials);
        assert_eq!(tally, Tally { good: 1, all: 4 });
        let exits: Vec<_> = problems.iter().map(|problem| problem.exit).collect();
        assert_eq!(exits, [Exit::NotAsExpected, Exit::Inconclusive, Exit::Inconclusive]);
    }
}
