//! Transcripts of real runs in Markdown: a marker names the run, and the code block behind it shows it.
//!
//! ```text
//! <!-- transcript: 2/slow-subscriber -->
//! ```

use super::{
    Trial,
    claims::Tally,
    mask::{difference, masked},
    problem::Problem,
};
use crate::report::{page::Page, terminal};

/// A transcript is set like this, wherever it was made.
pub const PAGE: Page = Page { width: 80, color: false };

const BEGIN: &str = "<!-- transcript: ";
const END: &str = " -->";
const FENCE: &str = "```";

/// One marker, and the block behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What a person types to run it: "2/slow-subscriber".
    pub target: String,
    /// The first line of the block, counted from 0; that behind the marker.
    from: usize,
    /// The first line after it.
    to: usize,
    /// What stands in it, without the fences.
    pub text: String,
}

impl Block {
    /// Words that are no block of a text.
    pub fn of(target: &str, text: String) -> Self {
        Self { target: target.to_owned(), from: 0, to: 0, text }
    }
}

/// The transcripts in a text. Fails on a block that is not closed.
pub fn blocks(text: &str, file: &str) -> Result<Vec<Block>, Problem> {
    let lines: Vec<_> = text.lines().collect();
    let mut blocks = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(target) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)) else { continue };
        let from = number + 1;
        let has_block = lines.get(from).is_some_and(|line| line.starts_with(FENCE));
        let closed = || lines[from + 1..].iter().position(|line| *line == FENCE).map(|at| from + 1 + at);
        let (to, text) = match has_block.then(closed) {
            None => (from, String::new()),
            Some(Some(end)) => (end + 1, lines[from + 1..end].join("\n")),
            Some(None) => {
                let what = format!("the transcript in line {from} is not closed");
                return Err(Problem::new(file, what, format!("end its block with a line of {FENCE}")));
            }
        };
        blocks.push(Block { target: target.trim().to_owned(), from, to, text });
    }
    Ok(blocks)
}

/// The text with other contents in its blocks, in their order.
pub fn replaced(text: &str, blocks: &[Block], contents: &[String]) -> String {
    let lines: Vec<_> = text.lines().collect();
    let (mut out, mut done) = (String::new(), 0);
    let add =
        |from: usize, to: usize| lines[from..to].iter().map(|line| format!("{line}\n")).collect::<String>();
    for (block, content) in blocks.iter().zip(contents) {
        out += &add(done, block.from);
        out += &format!("{FENCE}text\n{}\n{FENCE}\n", content.trim_end());
        done = block.to;
    }
    out + &add(done, lines.len())
}

/// A run as its transcript shows it: the command, and what came of it.
pub fn of(trial: &Trial) -> String {
    format!("$ harness run {}\n{}", trial.report.variant.target, terminal::variant(&trial.report, &PAGE))
}

/// Transcripts that no run of this version gives. Runs differ, so one of several has to be the same, but for numbers,
/// times and ids. `is_meant` tells which targets were run at all.
pub fn stale(
    blocks: &[Block],
    file: &str,
    trials: &[Trial],
    is_meant: impl Fn(&str) -> bool,
) -> (Tally, Vec<Problem>) {
    const MEND: &str = "harness dev transcripts, which makes them anew";
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for block in blocks.iter().filter(|block| is_meant(&block.target)) {
        let runs =
            trials.iter().filter(|trial| !trial.step.control && trial.report.variant.target == block.target);
        let written = masked(&block.text);
        let differences: Vec<_> = runs.map(|trial| difference(&written, &masked(&of(trial)))).collect();
        let what = match differences.iter().min_by_key(|difference| difference.is_some()) {
            None => Some(format!("the transcript of {} is of no run", block.target)),
            Some(None) => None,
            Some(Some((written, ran))) => {
                Some(format!("the transcript of {} says \"{written}\", and a run \"{ran}\"", block.target))
            }
        };
        tally.add(what.is_none());
        problems.extend(what.map(|what| Problem::new(file, what, MEND)));
    }
    (tally, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::samples::trial;
    use ledger::Verdict;

    const TEXT: &str = "before\n<!-- transcript: 2/slow -->\n```text\nold\nlines\n```\nbetween\n<!-- transcript: 2/far -->\nafter\n";

    fn run(lost: u64) -> Trial {
        trial("02-x", "slow", 1, Verdict::Kept, &[("attempted", 2_000), ("lost", lost)])
    }

    #[test]
    fn blocks_are_found_and_replaced_and_one_that_is_not_there_is_made() {
        let found = blocks(TEXT, "README.md").unwrap();
        let told: Vec<_> = found.iter().map(|block| (block.target.as_str(), block.text.as_str())).collect();
        assert_eq!(told, [("2/slow", "old\nlines"), ("2/far", "")]);
        let text = replaced(TEXT, &found, &["new\n".into(), "far".into()]);
        let expected = "before\n<!-- transcript: 2/slow -->\n```text\nnew\n```\nbetween\n\
            <!-- transcript: 2/far -->\n```text\nfar\n```\nafter\n";
        assert_eq!(text, expected);
        let again = blocks(&text, "README.md").unwrap();
        assert_eq!(replaced(&text, &again, &["new".into(), "far".into()]), text, "once more changes nothing");
    }

    #[test]
    fn a_block_that_is_not_closed_is_told_with_its_line() {
        let problem = blocks("<!-- transcript: 2/slow -->\n```text\nold\n", "README.md").unwrap_err();
        assert_eq!(problem.what, "the transcript in line 1 is not closed");
    }

    #[test]
    fn other_numbers_are_the_same_version_and_other_words_are_not() {
        let of_block = |text: &str| Block { target: "2/slow".into(), from: 1, to: 3, text: text.into() };
        let stale = |text: &str, trials: &[Trial]| stale(&[of_block(text)], "README.md", trials, |_| true);
        let written = of(&run(3));
        assert_eq!(stale(&written, &[run(17)]), (Tally { good: 1, all: 1 }, Vec::new()));
        // One run of several is enough: what a run shows beside its numbers may differ.
        let mut odd = run(3);
        odd.report.variant.knob = Some("another one".into());
        assert_eq!(stale(&written, &[odd.clone(), run(1)]).0.good, 1);
        let (tally, problems) = stale(&written, &[odd]);
        assert_eq!(tally, Tally { good: 0, all: 1 });
        assert!(problems[0].what.starts_with("the transcript of 2/slow says \""), "{}", problems[0].what);
        let (_, problems) = stale(&written, &[]);
        assert_eq!(problems[0].what, "the transcript of 2/slow is of no run");
        let (_, problems) = stale("", &[run(1)]);
        assert_eq!(problems.len(), 1, "an empty block is stale");
    }
}
