//! The questions before a run. Whoever does not want to answer presses Enter, or ends the input; Ctrl-C ends it all.

use std::io::Write;

use tokio::sync::{oneshot, watch};

use super::Said;
use crate::{report::page::Page, scenario::Prediction};

/// How often an answer that is none of the choices is asked for again.
const TRIES: u32 = 3;

/// What the person did at a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Typed this, without the line's end.
    Typed(String),
    /// Ended the input.
    End,
    /// Asked to end it all.
    Interrupted,
}

/// A question, what a person types to run its variant, and the variant's situation.
#[derive(Clone, Debug)]
pub struct Question {
    /// "4/slow-worker".
    pub target: String,
    /// What the variant says.
    pub says: String,
    /// What is asked of it.
    pub prediction: Prediction,
}

/// Asks on standard error, and reads answers from standard input. `None`: the person asked to end.
pub async fn on_terminal(
    questions: &[Question],
    asked_to_end: &watch::Receiver<u32>,
    page: &Page,
) -> Option<Vec<Said>> {
    // Nobody reads the questions any more where standard error is gone.
    let mut write = |text: &str| std::io::stderr().write_all(text.as_bytes()).is_ok();
    ask(questions, page, &mut write, async || typed(asked_to_end.clone()).await).await
}

/// Asks all questions, one after the other.
pub async fn ask(
    questions: &[Question],
    page: &Page,
    write: &mut impl FnMut(&str) -> bool,
    mut next: impl AsyncFnMut() -> Line,
) -> Option<Vec<Said>> {
    let mut said = Vec::new();
    let intro =
        "Before it runs: what do you expect? A number and Enter, or only Enter to leave a question out.";
    if questions.is_empty() || !write(&page.paragraph(0, intro)) {
        return Some(said);
    }
    for question in questions {
        if !write(&text(question, page)) {
            return Some(said);
        }
        let choices = question.prediction.choices.len();
        for _ in 0..TRIES {
            write("  > ");
            let answer = match next().await {
                Line::Typed(answer) => answer,
                Line::End => {
                    write("\n");
                    return Some(said);
                }
                Line::Interrupted => {
                    write("\n");
                    return None;
                }
            };
            let answer = answer.trim();
            if answer.is_empty() {
                break;
            }
            match answer.parse::<usize>().ok().filter(|number| (1..=choices).contains(number)) {
                Some(number) => {
                    let (target, prediction) = (question.target.clone(), question.prediction.clone());
                    said.push(Said { target, prediction, choice: number - 1 });
                    break;
                }
                None => {
                    write(&page.paragraph(4, &format!("a number from 1 to {choices}, or only Enter")));
                }
            }
        }
    }
    write("\n");
    Some(said)
}

fn text(question: &Question, page: &Page) -> String {
    let mut out = format!("\n{}", page.hanging(2, &format!("{}: ", question.target), &question.says));
    out += &page.paragraph(2, &question.prediction.question);
    for (number, choice) in question.prediction.choices.iter().enumerate() {
        out += &page.hanging(4, &format!("{}  ", number + 1), &choice.says);
    }
    out
}

/// Waits for a line, or for the wish to end. The thread that reads cannot be ended, and need not be: it holds nothing,
/// and the process does not wait for it.
async fn typed(mut asked_to_end: watch::Receiver<u32>) -> Line {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        // Nobody listens any more after Ctrl-C.
        let _ = tell.send(match read {
            Ok(1..) => Line::Typed(line),
            Ok(0) | Err(_) => Line::End,
        });
    });
    tokio::select! {
        biased;
        Ok(_) = asked_to_end.wait_for(|count| *count > 0) => Line::Interrupted,
        line = told => line.unwrap_or(Line::End),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::compare::tests::prediction;

    const PAGE: Page = Page { width: 60, color: false };

    fn questions(count: usize) -> Vec<Question> {
        let question = |number| Question {
            target: format!("4/v{number}"),
            says: "It is killed.".into(),
            prediction: prediction(),
        };
        (0..count).map(question).collect()
    }

    async fn answered(count: usize, lines: &[&str], last: Line) -> (Option<Vec<usize>>, String) {
        let mut lines =
            lines.iter().map(|line| Line::Typed(format!("{line}\n"))).collect::<Vec<_>>().into_iter();
        let mut shown = String::new();
        let mut write = |text: &str| {
            shown.push_str(text);
            true
        };
        let next = async || lines.next().unwrap_or(last.clone());
        let said = ask(&questions(count), &PAGE, &mut write, next).await;
        (said.map(|said| said.iter().map(|said| said.choice).collect()), shown)
    }

    #[tokio::test]
    async fn each_question_is_asked_with_its_choices() {
        let (said, shown) = answered(2, &["2", " 1 "], Line::End).await;
        assert_eq!(said, Some(vec![1, 0]));
        assert_eq!(
            shown,
            "Before it runs: what do you expect? A number and Enter, or\nonly Enter to leave a question out.\n\n  \
             4/v0: It is killed.\n  How many are lost?\n    1  none\n    2  one\n    3  all of them\n  > \n  \
             4/v1: It is killed.\n  How many are lost?\n    1  none\n    2  one\n    3  all of them\n  > \n"
        );
    }

    #[tokio::test]
    async fn only_enter_leaves_a_question_out_and_the_end_of_input_all_that_follow() {
        assert_eq!(answered(2, &["", "3"], Line::End).await.0, Some(vec![2]));
        assert_eq!(answered(3, &["1"], Line::End).await.0, Some(vec![0]));
    }

    #[tokio::test]
    async fn an_interrupt_ends_it_all() {
        assert_eq!(answered(2, &["1"], Line::Interrupted).await.0, None);
    }

    #[tokio::test]
    async fn what_is_no_choice_is_asked_for_again_and_not_for_ever() {
        let (said, shown) = answered(2, &["0", "4", "2", "x", "-1", "9"], Line::Interrupted).await;
        assert_eq!(said, Some(vec![1]), "the second question was given up");
        assert_eq!(shown.matches("a number from 1 to 3, or only Enter").count(), 5);
    }

    #[tokio::test]
    async fn a_screen_that_is_gone_is_not_waited_for() {
        let mut gone = |_: &str| false;
        let said =
            ask(&questions(1), &PAGE, &mut gone, async || -> Line { panic!("nobody is there to answer") })
                .await;
        assert_eq!(said, Some(Vec::new()));
    }
}
