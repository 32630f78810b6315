//! What the selftest says in the end: a row for each kind, then found of planted.

use std::collections::BTreeSet;

use tabled::{
    builder::Builder,
    settings::{Width, peaker::Priority},
};

use super::{How, Outcome, Sign, Tried};
use crate::report::{
    page::{Page, Tone, clean},
    table::{indented, styled},
};

/// The table and its last line.
pub fn table(all: &[Tried], page: &Page) -> String {
    let mut builder = Builder::default();
    builder.push_record(["kind", "how planted", "found"]);
    for tried in all {
        let (tone, text) = found(tried);
        builder.push_record([clean(&tried.kind), how(tried.how).to_owned(), page.paint(tone, &clean(&text))]);
    }
    let mut table = styled(builder, &[]);
    table.with(Width::wrap(page.width.saturating_sub(2)).keep_words(true).priority(Priority::right()));
    format!("{}\n{}{}\n", indented(&table), not_run(all), last_line(all))
}

/// "found 12 of 12 planted, 3 of 3 clean runs clean"
pub fn last_line(all: &[Tried]) -> String {
    let count = |clean: bool, found_only: bool| {
        let of_kind = all.iter().filter(|tried| (tried.sign == Sign::Clean) == clean);
        of_kind.filter(|tried| !found_only || matches!(tried.outcome, Outcome::Found)).count()
    };
    format!(
        "found {} of {} planted, {} of {} clean runs clean",
        count(false, true),
        count(false, false),
        count(true, true),
        count(true, false)
    )
}

/// Why some could not be started: once, since it is mostly the same for all.
fn not_run(all: &[Tried]) -> String {
    let reasons: BTreeSet<_> = all
        .iter()
        .filter_map(|tried| match &tried.outcome {
            Outcome::NotRun(why) => Some(format!("not run: {why}\n")),
            _ => None,
        })
        .collect();
    reasons.into_iter().collect()
}

fn how(how: How) -> &'static str {
    match how {
        How::Synthetic => "synthetic",
        How::RealRun => "real run",
    }
}

fn found(tried: &Tried) -> (Tone, String) {
    match (&tried.outcome, tried.sign) {
        (Outcome::Found, Sign::Clean) => (Tone::Good, "clean".to_owned()),
        (Outcome::Found, Sign::Finding(words) | Sign::Reason(words)) => (Tone::Good, words.to_owned()),
        (Outcome::Missed(wrong), Sign::Clean) => (Tone::Bad, format!("NOT CLEAN: {}", wrong.join("; "))),
        (Outcome::Missed(wrong), _) => (Tone::Bad, format!("NOT FOUND: {}", wrong.join("; "))),
        (Outcome::NotRun(_), _) => (Tone::Unsure, "not run".to_owned()),
        (Outcome::Failed(why), _) => (Tone::Bad, format!("FAILED: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_or_not_run_is_not_counted_as_found() {
        let tried = |kind: &str, sign, outcome| Tried { kind: kind.into(), how: How::RealRun, sign, outcome };
        let all = [
            tried("clean", Sign::Clean, Outcome::Found),
            tried("clean-too", Sign::Clean, Outcome::Missed(vec!["lost: seen 1".into()])),
            tried("lost", Sign::Finding("lost 0-17"), Outcome::Found),
            tried("crossed", Sign::Finding("crossed 0-17"), Outcome::Missed(vec!["crossed: seen 0".into()])),
            tried("phantom", Sign::Finding("phantom 0-1000"), Outcome::NotRun("no nats-server".into())),
        ];
        let seen = table(&all, &Page { width: 100, color: false });
        assert!(seen.ends_with("\nfound 1 of 3 planted, 1 of 2 clean runs clean\n"), "{seen}");
        for words in ["NOT CLEAN: lost: seen 1", "NOT FOUND: crossed: seen 0", "not run: no nats-server"] {
            assert!(seen.contains(words), "{seen}");
        }
    }
}
