//! `report.html`: one run in one file, for reading, printing and passing on.

mod all;
mod chart;
mod latency;
mod settings;

use std::path::{Path, PathBuf};

use askama::Template;
use ledger::{Account, Latency, Verdict};

pub use all::{Part, all};

use self::{
    chart::Chart,
    latency::{latencies, shown},
};
use super::{
    MAP_SCRIPT, STYLE,
    cells::{Cell, Cells, View},
    class,
    happenings::happening,
    json_in_html, palette,
    policy::policy,
    stretches::Stretch,
};
use crate::{
    assess::{Archive, Assessed, judge},
    error::Error,
    report::{
        page::Tone,
        run_report::{LabView, RunReport},
        table, views,
        words::{count_of, measured, number, seconds, sign},
    },
    store::RunFolder,
};

/// The report's file in a run folder.
pub const FILE: &str = "report.html";

/// How many ranges of ids a finding shows; `verdict.json` has them all.
const RANGES: usize = 60;

/// How many events are told; `events.jsonl` has them all.
const LINES: usize = 400;

const SCRIPT: &str = include_str!("report.js");

/// Writes the report of a run that was read and judged already.
pub fn write(
    folder: &RunFolder,
    archive: &Archive,
    assessed: &Assessed,
    account: &Account,
) -> Result<(), Error> {
    folder.write(FILE, page(archive, assessed, account)?.as_bytes())
}

/// Writes the report of a run anew, and says where. A run that is unfinished or damaged has none.
pub fn write_anew(path: &Path) -> Result<PathBuf, Error> {
    let folder = RunFolder::open(path)?;
    let refuse = |why: &str| Error::Usage(format!("there is no report of {}: {why}", path.display()));
    if !folder.path().join("verdict.json").is_file() {
        return Err(refuse("the run is unfinished, it has no verdict.json; run it again"));
    }
    let archive = Archive::open(&folder).map_err(|error| refuse(&format!("the run is damaged: {error}")))?;
    let cut = || "events.jsonl ends before the run did".to_owned();
    if let Some(damage) = archive.damage.first().cloned().or_else(|| (!archive.ended()).then(cut)) {
        return Err(refuse(&format!(
            "the run is damaged: {damage}; harness check says what can still be said"
        )));
    }
    let (assessed, account) = judge(&archive);
    write(&folder, &archive, &assessed, &account)?;
    Ok(folder.path().join(FILE))
}

/// Everything that the template shows.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    style: String,
    policy: String,
    scripts: Vec<&'static str>,
    lab: LabView,
    report: RunReport,
    shares: Vec<Share>,
    kinds: String,
    data: String,
    chart: Chart,
    latencies: &'a [Latency],
    settings: Vec<(String, String)>,
    command: String,
    messages: u64,
    /// What happened: when, the class, the words.
    lines: Vec<(String, &'static str, String)>,
}

/// How many messages a kind of cell has.
pub struct Share {
    /// The kind.
    pub cell: Cell,
    /// How many.
    pub count: u64,
    /// Which part of all, in percent.
    pub percent: f64,
}

/// The page as text.
fn page(archive: &Archive, assessed: &Assessed, account: &Account) -> Result<String, Error> {
    let plan = archive.plan();
    let lab = views::lab_of(plan);
    let report = views::report(&lab, plan, assessed.clone());
    let view = if assessed.result.drained { View::Drained } else { View::Undrained };
    let cells = Cells::of(account, view);
    let stretches: Vec<Stretch> = cells.stretches();
    let scripts = vec![MAP_SCRIPT, SCRIPT];
    let page = Page {
        style: format!("{}{STYLE}", palette::css()),
        policy: policy(&scripts, ""),
        scripts,
        chart: chart::chart(archive, &cells, &assessed.result.faults),
        latencies: &latencies(&archive.journals),
        settings: settings::settings(plan)?,
        command: settings::command(&lab, plan),
        messages: cells.counts().iter().sum(),
        lines: lines(archive),
        shares: shares(cells.counts()),
        kinds: json_in_html(&super::kinds()),
        data: json_in_html(&stretches),
        lab,
        report,
    };
    page.render().map_err(|error| Error::Other(format!("the report cannot be made: {error}")))
}

/// What happened, up to a number of things that somebody may want to read.
fn lines(archive: &Archive) -> Vec<(String, &'static str, String)> {
    let told =
        archive.events.iter().filter_map(|recorded| Some((recorded.at_s, happening(&recorded.event)?)));
    told.take(LINES).map(|(at_s, (weight, text))| (seconds(at_s), weight.class(), text)).collect()
}

/// The kinds of which there are any, with their part of all.
fn shares(counts: [u64; Cell::ALL.len()]) -> Vec<Share> {
    let all: u64 = counts.iter().sum();
    let of = |cell: Cell| counts[cell as usize];
    let present = Cell::ALL.into_iter().filter(|cell| of(*cell) > 0);
    present
        .map(|cell| Share { cell, count: of(cell), percent: of(cell) as f64 * 100.0 / all as f64 })
        .collect()
}

/// One bar of a histogram.
struct Bar {
    x: usize,
    y: String,
    height: f64,
    title: String,
    /// The time under it; empty where there is no room for one.
    label: String,
}

// The template hands over everything by reference.

fn class_of(tone: &Tone) -> &'static str {
    class(*tone)
}

fn count(count: &u64) -> String {
    number(*count)
}

fn time(time_ns: &u64) -> String {
    shown(*time_ns)
}

/// What the colours mean, with the number of each kind.
fn legend(shares: &[Share]) -> String {
    let item = |share: &Share| {
        let (word, mark) = (share.cell.word(), share.cell.mark());
        format!(
            "<li title=\"{}\"><span class=\"swatch cell-{word} {mark}\"></span>{word} {}</li>",
            share.cell.means(),
            number(share.count)
        )
    };
    format!("<ul class=\"legend\">{}</ul>", shares.iter().map(item).collect::<String>())
}

impl Page<'_> {
    /// The sign before the verdict, and its colour.
    fn sign(&self) -> (&'static str, &'static str) {
        let (sign, tone) = sign(self.report.result.verdict, self.report.result.as_expected);
        (sign, class(tone))
    }

    /// Whether this was to be expected, in a sentence; empty where there is nothing to say.
    fn expectation(&self) -> &'static str {
        match (self.report.result.verdict, self.report.result.as_expected) {
            (Verdict::Inconclusive | Verdict::NotRun, _) => "",
            (_, None) => "Nothing was expected of this run: its settings are not the lab's.",
            (_, Some(true)) => "This is as expected.",
            (_, Some(false)) => "This is not as expected:",
        }
    }

    /// Why nothing can be said; the first stands in the sentence already.
    fn reasons(&self) -> &[String] {
        match self.report.result.verdict {
            Verdict::Kept | Verdict::Broken => &[],
            Verdict::Inconclusive | Verdict::NotRun => self.report.reasons.get(1..).unwrap_or_default(),
        }
    }

    fn account(&self) -> Vec<table::Row> {
        table::rows(&self.report)
    }

    /// Every count of the account, with its meaning or none.
    fn all_counts(&self) -> Vec<(&'static str, String)> {
        let Some(counts) = &self.report.result.account else { return Vec::new() };
        let shown = |name: &&'static str| (*name, counts.field(name).map_or_else(|| "–".to_owned(), number));
        ledger::Counts::FIELDS.iter().map(shown).collect()
    }

    /// The ranges of a finding as text, and what is said of those that are left out.
    fn ids(finding: &ledger::Finding) -> (String, String) {
        let shown: Vec<_> = finding.ids.iter().take(RANGES).map(ToString::to_string).collect();
        let rest = finding.ids.len().saturating_sub(RANGES) as u64;
        let said = format!(" and {}, which verdict.json has", count_of(rest, "more range"));
        (shown.join(" "), if rest == 0 { String::new() } else { said })
    }

    /// The command that tells the life of a finding's first message.
    fn explain(&self, finding: &ledger::Finding) -> Option<String> {
        let (run, first) = (self.report.result.run.as_ref()?, finding.ids.first()?);
        Some(format!("harness explain {run} {}-{}", first.producer, first.from))
    }

    fn figures(&self) -> Vec<(&str, String)> {
        let figures = self.report.result.figures.iter();
        figures
            .map(|figure| (figure.name.as_str(), format!("{} {}", measured(figure.value), figure.unit)))
            .collect()
    }

    fn bars(latency: &Latency) -> Vec<Bar> {
        let most = latency.bars.iter().copied().max().unwrap_or(1).max(1) as f64;
        let bar = |(place, count): (usize, &u64)| {
            let height = if *count == 0 { 0.0 } else { (*count as f64 / most * 60.0).max(1.0) };
            let height = (height * 10.0).round() / 10.0;
            let end = shown(Latency::end_of_bar(place));
            let title = format!("up to {end}: {}", number(*count));
            let label = if place % 3 == 0 { end } else { String::new() };
            Bar { x: place * 41 + 6, y: format!("{:.1}", 64.0 - height), height, title, label }
        };
        latency.bars.iter().enumerate().map(bar).collect()
    }

    fn at(at_s: &Option<f64>) -> String {
        at_s.map_or_else(|| "never".to_owned(), seconds)
    }
}

#[cfg(test)]
mod tests;
