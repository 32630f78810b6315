//! `runs/report.html`: everything that one `harness run --all` ran, with a link to each run's own report.

use std::path::Path;

use askama::Template;
use ledger::Verdict;

use crate::{
    error::Error,
    pages::{STYLE, class, palette, policy::policy},
    report::{
        run_report::{LabView, RunReport},
        words::{number, sign},
    },
    store::write_whole,
};

/// One lab, with what came of its variants.
#[derive(Clone, Debug)]
pub struct Part {
    /// The lab.
    pub lab: LabView,
    /// A report for each run.
    pub reports: Vec<RunReport>,
}

#[derive(Template)]
#[template(path = "all.html")]
struct Page<'a> {
    style: String,
    policy: String,
    labs: &'a [Part],
    tally: Vec<(&'static str, &'static str, usize)>,
    runs: usize,
    when: String,
}

/// Writes the report of all of these into the folder of the runs.
pub fn all(runs: &Path, labs: &[Part]) -> Result<(), Error> {
    write_whole(&runs.join(super::FILE), page(labs)?.as_bytes())
}

fn page(labs: &[Part]) -> Result<String, Error> {
    let page = Page {
        style: format!("{}{STYLE}", palette::css()),
        policy: policy(&[], ""),
        labs,
        tally: tally(labs),
        runs: labs.iter().map(|part| part.reports.len()).sum(),
        when: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
    };
    page.render().map_err(|error| Error::Other(format!("the report cannot be made: {error}")))
}

/// How many came out how: the words, the class, the number; what there is none of is left out.
fn tally(labs: &[Part]) -> Vec<(&'static str, &'static str, usize)> {
    let word = |report: &RunReport| match (report.result.verdict, report.result.as_expected) {
        (Verdict::Inconclusive, _) => "inconclusive",
        (Verdict::NotRun, _) => "not run",
        (_, Some(true)) => "as expected",
        (_, Some(false)) => "not as expected",
        (_, None) => "without an expectation",
    };
    let words = [
        ("as expected", "good"),
        ("not as expected", "bad"),
        ("inconclusive", "unsure"),
        ("not run", "quiet"),
        ("without an expectation", ""),
    ];
    let reports = || labs.iter().flat_map(|part| &part.reports);
    let counted = words
        .map(|(wanted, class)| (wanted, class, reports().filter(|report| word(report) == wanted).count()));
    counted.into_iter().filter(|(.., count)| *count > 0).collect()
}

impl Page<'_> {
    fn sign(report: &RunReport) -> (&'static str, &'static str) {
        let (sign, tone) = sign(report.result.verdict, report.result.as_expected);
        (sign, class(tone))
    }

    /// The run's own report, as a link from the folder of the runs.
    fn link(report: &RunReport) -> Option<String> {
        let run = report.result.run.as_ref()?;
        Some(format!("{}/{}", run.strip_prefix("runs/").unwrap_or(run), super::FILE))
    }

    /// A count of the account; a dash where there is none.
    fn count(report: &RunReport, name: &str) -> String {
        let count = report.result.account.as_ref().and_then(|counts| counts.field(name));
        count.map_or_else(|| "–".to_owned(), number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn every_run_is_there_with_its_link_and_nothing_of_it_is_markup() {
        let mut evil = samples::surprising();
        evil.result.sentence = "broken: <script>alert(1)</script>".to_owned();
        evil.variant.says = "<img src=x onerror=alert(2)>".to_owned();
        let mut labs = vec![Part { lab: samples::lab(), reports: vec![samples::report(), evil] }];
        labs[0].lab.question = "\"><b>?".to_owned();
        let text = page(&labs).unwrap();
        assert!(
            text.contains("href=\"04-duplicates/crash-before-ack/20260102T030405Z-7/report.html\""),
            "{text}"
        );
        assert!(!text.contains("<script") && !text.contains("<img") && !text.contains("\"><b>?"), "{text}");
        assert_eq!(tally(&labs), [("as expected", "good", 1), ("not as expected", "bad", 1)]);
    }
}
