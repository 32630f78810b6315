//! When a participant is asked what they expect, and of what.

use std::io::IsTerminal;

use tokio::sync::watch;

use super::output;
use crate::{
    cli::RunArgs,
    predict::{
        Said,
        ask::{Question, on_terminal},
    },
    report::views,
    scenario::Selection,
};

/// Asks, where a person is there to answer. `None`: they asked to end.
pub async fn ask(
    arguments: &RunArgs,
    selections: &[Selection],
    asked_to_end: &watch::Receiver<u32>,
) -> Option<Vec<Said>> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !is_terminal || !wants_asking(arguments) {
        return Some(Vec::new());
    }
    on_terminal(&questions(selections), asked_to_end, &output::error_page()).await
}

/// Who changes settings, repeats or reads the result by a program knows what they look for.
fn wants_asking(arguments: &RunArgs) -> bool {
    !(arguments.no_ask || arguments.json || arguments.all || arguments.no_faults)
        && arguments.set.is_empty()
        && arguments.repeat == 1
}

/// The questions of one lab, as far as its variants are run; of several labs nobody wants to be asked at once.
fn questions(selections: &[Selection]) -> Vec<Question> {
    let [selection] = selections else { return Vec::new() };
    let view = views::lab(&selection.lab);
    let asked = selection.lab.predictions.iter().filter_map(|prediction| {
        let variant = selection.variants().find(|variant| variant.name == prediction.variant)?;
        let target = view.target(Some(&variant.name));
        Some(Question { target, says: variant.says.clone(), prediction: prediction.clone() })
    });
    asked.collect()
}
