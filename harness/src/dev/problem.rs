//! What is wrong with a lab: where, what, and how to mend it.

use crate::{
    exit::Exit,
    report::page::{Page, Tone, clean},
};

/// One thing that is not as the lab's texts say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A file, or what a person types to run a variant; empty where the message names it.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// What to do about it.
    pub mend: String,
    /// What it means for the exit code.
    pub exit: Exit,
}

impl Problem {
    /// Something that is not as it should be.
    pub fn new(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), mend: mend.into(), exit: Exit::NotAsExpected }
    }

    /// The same with another exit code.
    pub fn with(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// As a person reads it.
    pub fn text(&self, page: &Page) -> String {
        // A message of several lines is set already: its marks stand under what they mark.
        let (first, rest) = self.what.trim_end().split_once('\n').unwrap_or((self.what.trim_end(), ""));
        let place = if self.place.is_empty() { String::new() } else { format!("{}: ", self.place) };
        let first = page.hanging(0, "✗ ", &format!("{place}{first}"));
        let mut out: String =
            first.lines().map(|line| format!("{}\n", page.paint(Tone::Bad, line))).collect();
        for line in rest.lines() {
            out += format!("  {}", clean(line)).trim_end();
            out.push('\n');
        }
        out += &page.hanging(2, "to mend it: ", &self.mend);
        out
    }
}

/// Everything that was looked at, and everything that is wrong.
#[derive(Debug, Default)]
pub struct Findings {
    /// What was looked at: "defects", "24 of 24 shown".
    pub looked_at: Vec<(&'static str, String)>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Findings {
    /// Takes up what one check found.
    pub fn add(&mut self, check: &'static str, told: String, problems: Vec<Problem>) {
        self.looked_at.push((check, told));
        self.problems.extend(problems);
    }

    /// The worst of all.
    pub fn exit(&self) -> Exit {
        self.problems.iter().map(|problem| problem.exit).fold(Exit::AsExpected, Exit::worst)
    }

    /// As a person reads it: what was looked at, then what is wrong.
    pub fn text(&self, page: &Page) -> String {
        let mut out: String = self
            .looked_at
            .iter()
            .map(|(check, told)| page.hanging(0, &format!("{check:<13} "), told))
            .collect();
        for problem in &self.problems {
            out += &format!("\n{}", problem.text(page));
        }
        out + &match self.problems.len() {
            0 => "\neverything is as the lessons say\n".to_owned(),
            1 => "\n1 thing is not as it should be\n".to_owned(),
            several => format!("\n{several} things are not as they should be\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_told_and_the_worst_counts() {
        let mut findings = Findings::default();
        findings.add("lessons", "1 of 1 whole".into(), Vec::new());
        assert_eq!(findings.exit(), Exit::AsExpected);
        let page = Page { width: 60, color: false };
        assert_eq!(findings.text(&page), "lessons       1 of 1 whole\n\neverything is as the lessons say\n");
        let lost = Problem::new("2/slow", "lost is 0", "harness run 2/slow --seed 3");
        let unsure = Problem::new("2/fast", "inconclusive", "harness run 2/fast").with(Exit::Inconclusive);
        findings.add("defects", "0 of 1 shown".into(), vec![unsure, lost]);
        assert_eq!(findings.exit(), Exit::NotAsExpected);
        let text = findings.text(&page);
        assert!(
            text.contains("\n✗ 2/slow: lost is 0\n  to mend it: harness run 2/slow --seed 3\n"),
            "{text}"
        );
        assert!(text.ends_with("\n2 things are not as they should be\n"), "{text}");
    }
}
