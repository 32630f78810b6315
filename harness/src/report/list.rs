//! The labs: what each asks, what has run with what verdict, and what is next.

use std::fmt::{self, Write};

use ledger::Verdict;

use super::{
    page::{Page, Tone, clean, cut, width_of},
    run_report::LabView,
    words::{self, count_of},
};

/// A lab and its variants.
#[derive(Clone, Debug)]
pub struct LabEntry {
    /// The lab.
    pub lab: LabView,
    /// Its variants, in the lab's order.
    pub variants: Vec<VariantEntry>,
}

/// A variant, and how it came out last.
#[derive(Clone, Debug)]
pub struct VariantEntry {
    /// Its name.
    pub name: String,
    /// Its situation.
    pub says: String,
    /// The newest run, if there was one.
    pub newest: Option<Newest>,
}

/// How a variant came out last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Its verdict.
    pub verdict: Verdict,
    /// Whether that was expected.
    pub as_expected: Option<bool>,
}

/// What `harness` alone prints: one line a lab, and what is next.
pub fn overview(labs: &[LabEntry], page: &Page) -> String {
    let mut out = String::new();
    for entry in labs {
        let label = format!("{:>3}  ", entry.lab.target(None));
        let text = page.hanging(0, &label, &format!("{}: {}", entry.lab.title, entry.lab.question));
        out += &text;
        let (tone, text) = progress(entry);
        let _ = writeln!(out, "     {}", page.paint(tone, &text));
    }
    out + &next(labs, page)
}

/// What `harness list` prints: every variant with its newest verdict, and what is next.
pub fn list(labs: &[LabEntry], page: &Page) -> String {
    let mut out = String::new();
    for entry in labs {
        out += &super::terminal::header(&entry.lab, page);
        let name_width =
            entry.variants.iter().map(|variant| width_of(&clean(&variant.name))).max().unwrap_or(0);
        for variant in &entry.variants {
            let (sign, tone) =
                variant.newest.map_or((" ", Tone::Quiet), |run| words::sign(run.verdict, run.as_expected));
            let verdict = variant.newest.map_or("", |newest| newest.verdict.word());
            let left = format!("  {sign} {:<name_width$}  {verdict:<12}  ", clean(&variant.name));
            let says = cut(&variant.says, page.width.saturating_sub(width_of(&left)));
            let line = format!("{}{says}", page.paint(tone, &left));
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out.push('\n');
    }
    out + &next(labs, page)
}

/// How far a lab is, and the colour of the worst in it.
fn progress(entry: &LabEntry) -> (Tone, String) {
    let all = entry.variants.len() as u64;
    let count = |holds: fn(&Newest) -> bool| {
        entry
            .variants
            .iter()
            .filter_map(|variant| variant.newest.as_ref())
            .filter(|newest| holds(newest))
            .count() as u64
    };
    let ran = count(|newest| newest.verdict != Verdict::NotRun);
    let good = count(|newest| newest.as_expected == Some(true));
    let bad = count(|newest| newest.as_expected == Some(false));
    let unsure = count(|newest| newest.verdict == Verdict::Inconclusive);
    if ran == 0 {
        return (Tone::Quiet, format!("{}, none run yet", count_of(all, "variant")));
    }
    let mut text = format!("{} of {} run: {good} as expected", words::number(ran), count_of(all, "variant"));
    for (count, what) in [(bad, "not as expected"), (unsure, "inconclusive")] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    let tone = match (bad, unsure, good == all) {
        (1.., ..) => Tone::Bad,
        (0, 1.., _) => Tone::Unsure,
        (0, 0, true) => Tone::Good,
        (0, 0, false) => Tone::Normal,
    };
    (tone, text)
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// What a person types behind `harness run`.
    Run(String),
    /// Everything came out as it should.
    AllDone,
    /// There is nothing to run.
    NoLabs,
}

impl fmt::Display for NextStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NextStep::Run(target) => write!(f, "harness run {target}"),
            NextStep::AllDone => {
                f.write_str("every variant came out as expected; harness run --all repeats them")
            }
            NextStep::NoLabs => f.write_str("there are no labs here: run this in the project's folder"),
        }
    }
}

/// The first lab, or the first variant of a lab begun, that has not come out as it should.
pub fn next_step(labs: &[LabEntry]) -> NextStep {
    let open = |variant: &&VariantEntry| variant.newest.is_none_or(|newest| newest.as_expected != Some(true));
    let found =
        labs.iter().find_map(|entry| entry.variants.iter().find(open).map(|variant| (entry, variant)));
    match found {
        None if labs.is_empty() => NextStep::NoLabs,
        None => NextStep::AllDone,
        Some((entry, _)) if entry.variants.iter().all(|variant| variant.newest.is_none()) => {
            NextStep::Run(entry.lab.target(None))
        }
        Some((entry, variant)) => NextStep::Run(entry.lab.target(Some(&variant.name))),
    }
}

fn next(labs: &[LabEntry], page: &Page) -> String {
    page.hanging(0, "next: ", &next_step(labs).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    const PAGE: Page = Page { width: 60, color: false };

    fn variant(name: &str, newest: Option<(Verdict, Option<bool>)>) -> VariantEntry {
        VariantEntry {
            name: name.into(),
            says: "The consumer starts when everything is published.".into(),
            newest: newest.map(|(verdict, as_expected)| Newest { verdict, as_expected }),
        }
    }

    fn labs() -> Vec<LabEntry> {
        let other = LabView {
            number: 3,
            title: "Acks".into(),
            question: "How can we be sure that it arrived?".into(),
            ..samples::lab()
        };
        vec![
            LabEntry {
                lab: samples::lab(),
                variants: vec![
                    variant("nobody-listens", Some((Verdict::Kept, Some(true)))),
                    variant("broker-killed", Some((Verdict::Inconclusive, None))),
                    variant("slow-subscriber", None),
                ],
            },
            LabEntry { lab: other, variants: vec![variant("auto-ack", None)] },
        ]
    }

    #[test]
    fn alone_it_says_how_far_one_is() {
        assert_eq!(
            overview(&labs(), &PAGE),
            "  2  Fire and forget: What if we just send it?\n     \
             2 of 3 variants run: 1 as expected, 1 inconclusive\n  \
             3  Acks: How can we be sure that it arrived?\n     \
             1 variant, none run yet\n\
             next: harness run 2/broker-killed\n"
        );
    }

    #[test]
    fn the_list_has_every_variant() {
        let seen = list(&labs()[..1], &PAGE);
        assert_eq!(
            seen,
            "Lab 2 · Fire and forget\n  What if we just send it?\n  hint: Who knows that a message did not arrive?\n  \
             ✓ nobody-listens   kept          The consumer starts when…\n  \
             ? broker-killed    inconclusive  The consumer starts when…\n    \
             slow-subscriber                The consumer starts when…\n\n\
             next: harness run 2/broker-killed\n"
        );
    }

    #[test]
    fn a_lab_not_begun_is_run_whole_and_at_the_end_there_is_nothing_left() {
        let mut labs = labs();
        labs[0].variants.truncate(1);
        assert!(overview(&labs, &PAGE).ends_with("next: harness run 3\n"));
        labs.pop();
        assert!(overview(&labs, &PAGE).ends_with("harness run --all\n      repeats them\n"));
        assert_eq!(
            overview(&[], &PAGE),
            "next: there are no labs here: run this in the project's\n      folder\n"
        );
    }
}
