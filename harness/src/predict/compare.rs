//! What was expected beside what was found. The account decides which choice holds.

use ledger::Verdict;

use super::Said;
use crate::{
    report::{
        document::RunResult,
        page::{Page, Tone},
        run_report::RunReport,
        words::number,
    },
    scenario::{Answer, Choice, Found, Prediction},
};

/// How an answer compares with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It was said; this was found: "lost 4,000".
    AsSaid(String),
    /// It was not said. What was found, and the choice that would have been right, if there is one.
    Otherwise(String, Option<String>),
    /// The run does not tell, and why.
    NotKnown(String),
}

/// The choices that hold in a run; `None` where the run does not tell.
pub fn holding(prediction: &Prediction, result: &RunResult) -> Option<Vec<usize>> {
    if !matches!(result.verdict, Verdict::Kept | Verdict::Broken) {
        return None;
    }
    let counts = result.account.as_ref()?;
    let field = |name: &str| counts.field(name).map(|count| count as f64);
    let seen = match &prediction.answer {
        Answer::Verdict => None,
        Answer::Count(name) => Some(field(name)?),
    };
    let holds = |is: &Found| match (is, seen) {
        (Found::Verdict(verdict), None) => *verdict == result.verdict,
        (Found::Count(bound), Some(seen)) => bound.allows(seen, field) == Some(true),
        (Found::Verdict(_), Some(_)) | (Found::Count(_), None) => false,
    };
    let choices = prediction.choices.iter().enumerate();
    Some(choices.filter(|(_, choice)| holds(&choice.is)).map(|(number, _)| number).collect())
}

/// One answer and the run that it is about.
pub fn compared(said: &Said, result: &RunResult) -> Compared {
    let Some(right) = holding(&said.prediction, result) else {
        return Compared::NotKnown(result.sentence.clone());
    };
    let found = match &said.prediction.answer {
        Answer::Verdict => result.verdict.word().to_owned(),
        Answer::Count(name) => {
            let count = result.account.as_ref().and_then(|counts| counts.field(name));
            format!("{name} {}", count.map_or_else(|| "not known".to_owned(), number))
        }
    };
    if right.contains(&said.choice) {
        return Compared::AsSaid(found);
    }
    let choice: Option<&Choice> = right.first().and_then(|number| said.prediction.choices.get(*number));
    Compared::Otherwise(found, choice.map(|choice| choice.says.clone()))
}

/// All answers beside what was found; nothing where nothing was answered.
pub fn text(said: &[Said], reports: &[RunReport], page: &Page) -> String {
    if said.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", page.paint(Tone::Strong, "What you expected"));
    let mut right = 0;
    for said in said {
        let report = reports.iter().rfind(|report| report.variant.target == said.target);
        let compared = match report {
            Some(report) => compared(said, &report.result),
            None => Compared::NotKnown("it was not run".to_owned()),
        };
        right += usize::from(matches!(compared, Compared::AsSaid(_)));
        out += &one(said, &compared, page);
    }
    out + &page.paragraph(2, &format!("{right} of {} as you expected", said.len()))
}

fn one(said: &Said, compared: &Compared, page: &Page) -> String {
    let choice = said.prediction.choices.get(said.choice).map_or("", |choice| choice.says.as_str());
    let (sign, tone, told) = match compared {
        Compared::AsSaid(found) => ("✓", Tone::Good, format!("you said \"{choice}\", and so it is: {found}")),
        Compared::Otherwise(found, Some(right)) => {
            ("✗", Tone::Unsure, format!("you said \"{choice}\"; it is \"{right}\": {found}"))
        }
        Compared::Otherwise(found, None) => {
            ("✗", Tone::Unsure, format!("you said \"{choice}\"; it is none of the choices: {found}"))
        }
        Compared::NotKnown(why) => {
            ("?", Tone::Quiet, format!("you said \"{choice}\"; this run does not tell: {why}"))
        }
    };
    let asked =
        page.hanging(2, &format!("{sign} "), &format!("{}: {}", said.target, said.prediction.question));
    let asked: String = asked.lines().map(|line| format!("{}\n", page.paint(tone, line))).collect();
    asked + &page.paragraph(4, &told)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::report::samples;

    /// How many are lost: none, one, all of them.
    pub fn prediction() -> Prediction {
        let choice =
            |says: &str, is: &str| Choice { says: says.into(), is: Found::Count(is.parse().unwrap()) };
        Prediction {
            question: "How many are lost?".into(),
            variant: "crash-before-ack".into(),
            answer: Answer::Count("lost".into()),
            choices: vec![choice("none", "0"), choice("one", "1"), choice("all of them", "= attempted")],
        }
    }

    fn said(choice: usize) -> Said {
        Said { target: "4/crash-before-ack".into(), prediction: prediction(), choice }
    }

    fn run(lost: u64) -> RunReport {
        let mut report = samples::report();
        report.result.account = Some(samples::counts(&[("attempted", 2_000), ("lost", lost)]));
        report
    }

    #[test]
    fn the_account_says_which_choice_holds() {
        let compared = |choice, lost| compared(&said(choice), &run(lost).result);
        assert_eq!(compared(0, 0), Compared::AsSaid("lost 0".into()));
        assert_eq!(compared(2, 2_000), Compared::AsSaid("lost 2,000".into()));
        assert_eq!(compared(0, 1), Compared::Otherwise("lost 1".into(), Some("one".into())));
        assert_eq!(compared(0, 7), Compared::Otherwise("lost 7".into(), None));
    }

    #[test]
    fn a_run_that_proves_nothing_does_not_tell() {
        let report = samples::inconclusive();
        assert_eq!(
            compared(&said(0), &report.result),
            Compared::NotKnown(
                "inconclusive: consumer-0 ended by itself (exit code 101); and 1 more reason".into()
            )
        );
    }

    #[test]
    fn a_verdict_may_be_asked_for() {
        let is = |verdict| Choice { says: "so".into(), is: Found::Verdict(verdict) };
        let choices = vec![is(Verdict::Broken), is(Verdict::Kept)];
        let prediction = Prediction { answer: Answer::Verdict, choices, ..prediction() };
        assert_eq!(holding(&prediction, &run(0).result), Some(vec![1]));
    }

    #[test]
    fn all_answers_are_told_and_counted() {
        let page = Page { width: 60, color: false };
        assert_eq!(text(&[], &[run(1)], &page), "");
        let elsewhere = Said { target: "4/other".into(), ..said(1) };
        assert_eq!(
            text(&[said(1), said(0), elsewhere], &[run(1)], &page),
            "\nWhat you expected\n  \
             ✓ 4/crash-before-ack: How many are lost?\n    you said \"one\", and so it is: lost 1\n  \
             ✗ 4/crash-before-ack: How many are lost?\n    you said \"none\"; it is \"one\": lost 1\n  \
             ? 4/other: How many are lost?\n    you said \"one\"; this run does not tell: it was not run\n  \
             1 of 3 as you expected\n"
        );
    }
}
