//! Whether the questions before a lab have one answer each: in every run exactly one choice holds.

use super::{
    Trial,
    claims::{Tally, is_of, place},
    problem::Problem,
};
use crate::{
    exit::Exit,
    predict::compare::holding,
    scenario::{Lab, Prediction},
};

/// How many questions have one answer in every run, and what is wrong with the others.
pub fn questions(chosen: &[String], all: &[Lab], trials: &[Trial]) -> (Tally, Vec<Problem>) {
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for lab in all.iter().filter(|lab| chosen.contains(&lab.name)) {
        for asked in &lab.predictions {
            let found = answers(lab, asked, trials);
            tally.add(found.is_empty());
            problems.extend(found);
        }
    }
    (tally, problems)
}

fn answers(lab: &Lab, asked: &Prediction, trials: &[Trial]) -> Vec<Problem> {
    let Some(variant) = lab.variants.iter().find(|variant| variant.name == asked.variant) else {
        return Vec::new();
    };
    let runs = trials.iter().filter(|trial| is_of(trial, lab, variant) && !trial.step.control);
    let told: Vec<_> =
        runs.filter_map(|trial| Some((trial, holding(asked, &trial.report.result)?))).collect();
    if told.is_empty() {
        let what = format!("no run answers \"{}\"", asked.question);
        let place = format!("{}/{}", lab.name, variant.name);
        return vec![Problem::new(place, what, "see what kept it from being run").with(Exit::Inconclusive)];
    }
    let unclear = told.into_iter().filter(|(_, holding)| holding.len() != 1);
    unclear
        .map(|(trial, holding)| {
            let says: Vec<_> = holding.iter().filter_map(|number| asked.choices.get(*number)).collect();
            let says: Vec<_> = says.iter().map(|choice| format!("\"{}\"", choice.says)).collect();
            let answers = if says.is_empty() { "none of the choices".to_owned() } else { says.join(" and ") };
            let what = format!("\"{}\" is answered by {answers}", asked.question);
            let mend = "choices of which exactly one holds, whatever comes out, in lab.toml's [[predict]]";
            Problem::new(place(trial), what, mend)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dev::samples::{lab, trial},
        predict::compare::tests::prediction,
    };
    use ledger::Verdict;

    #[track_caller]
    fn told(trials: &[Trial], what: &[&str]) {
        let mut lab = lab();
        lab.predictions = vec![Prediction { variant: "slow".into(), ..prediction() }];
        let (tally, problems) = questions(&["02-x".to_owned()], &[lab], trials);
        assert_eq!(problems.iter().map(|problem| problem.what.as_str()).collect::<Vec<_>>(), what);
        assert_eq!((tally.all, tally.good), (1, u64::from(what.is_empty())));
    }

    fn lost(attempted: u64, lost: u64) -> Trial {
        trial("02-x", "slow", 1, Verdict::Kept, &[("attempted", attempted), ("lost", lost)])
    }

    #[test]
    fn one_answer_in_every_run() {
        told(&[lost(9, 0), lost(9, 9)], &[]);
    }

    #[test]
    fn none_or_two_in_one_run_are_found() {
        told(&[lost(9, 0), lost(9, 4)], &["\"How many are lost?\" is answered by none of the choices"]);
        told(&[lost(1, 1)], &["\"How many are lost?\" is answered by \"one\" and \"all of them\""]);
    }

    #[test]
    fn a_question_that_no_run_answers_is_found() {
        told(&[], &["no run answers \"How many are lost?\""]);
        told(
            &[trial("02-x", "slow", 1, Verdict::Inconclusive, &[])],
            &["no run answers \"How many are lost?\""],
        );
    }
}
