//! `harness run`: resolve, run each variant, print, and say it all in an exit code.

use std::io::IsTerminal;

use ledger::Verdict;

use super::{output, views};
use crate::{
    attempt::attempt,
    broker::Brokers,
    cli::RunArgs,
    context::Context,
    error::Error,
    exit::Exit,
    interrupt,
    report::{
        document::{Document, RunResult},
        junit::junit,
        live::{Mode, Screen},
        run_report::{LabView, RunReport},
        summary::summary,
        terminal,
    },
    scenario::{Changes, Plan, Selection, Supports, VariantKind},
    store::write_whole,
};

/// Runs what the arguments name. Nothing is started before all of it was found to make sense.
pub async fn run_labs(arguments: &RunArgs) -> Result<Exit, Error> {
    let labs = super::look::labs()?;
    let changes = Changes::read(&arguments.set, arguments.no_faults)?;
    let selections = labs.select(&arguments.targets, arguments.all, &Supports::LOCAL)?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    for selection in &selections {
        for variant in selection.variants() {
            Plan::new(&selection.lab, variant, seed, &changes)?;
        }
    }
    let context = Context::start(&labs.home, interrupt::listen())?;
    let mut errand = Errand {
        arguments,
        changes,
        seed,
        screen: Screen::new(Mode::choose(false, arguments.json, std::io::stderr().is_terminal())),
        context: &context,
        reports: Vec::new(),
        failed: false,
    };
    let work = async {
        for selection in &selections {
            errand.run_lab(selection).await?;
        }
        errand.finish()
    };
    let outcome = work.await;
    context.end(arguments.keep);
    outcome
}

/// One call of `harness run`.
struct Errand<'a> {
    arguments: &'a RunArgs,
    changes: Changes,
    seed: u64,
    screen: Screen,
    context: &'a Context,
    reports: Vec<RunReport>,
    failed: bool,
}

impl Errand<'_> {
    /// Runs the chosen variants of one lab, one after the other, on the lab's own brokers.
    async fn run_lab(&mut self, selection: &Selection) -> Result<(), Error> {
        let lab = views::lab(&selection.lab);
        if !self.arguments.json {
            self.print(&terminal::header(&lab, &output::page()))?;
        }
        let mut brokers = Brokers::default();
        for repeat in 0..self.arguments.repeat {
            for variant in selection.variants() {
                let plan = Plan::new(&selection.lab, variant, self.seed + u64::from(repeat), &self.changes)?;
                let report = self.run_variant(&mut brokers, &lab, &plan, repeat).await;
                if !self.arguments.json {
                    self.print(&terminal::variant(&report, &output::page()))?;
                }
                self.write_junit(&report)?;
                self.reports.push(report);
            }
        }
        brokers.stop().await;
        Ok(())
    }

    /// Runs one variant; one that seeks is run until what it looks for was seen, or its tries are used up.
    async fn run_variant(
        &mut self,
        brokers: &mut Brokers,
        lab: &LabView,
        plan: &Plan,
        repeat: u32,
    ) -> RunReport {
        let tries = if plan.kind == VariantKind::Seek { plan.tries } else { 1 };
        let mut last = self.try_variant(brokers, lab, plan, repeat).await;
        for _ in 1..tries {
            if last.result.as_expected != Some(false) {
                return last;
            }
            last = self.try_variant(brokers, lab, plan, repeat).await;
        }
        if tries > 1 && last.result.as_expected == Some(false) {
            views::never_seen(&mut last, tries);
        }
        last
    }

    async fn try_variant(
        &mut self,
        brokers: &mut Brokers,
        lab: &LabView,
        plan: &Plan,
        repeat: u32,
    ) -> RunReport {
        let target = lab.target(Some(&plan.variant));
        match attempt(self.context, &self.screen, brokers, plan, repeat, &target).await {
            Ok(assessed) => views::report(lab, plan, assessed),
            Err(error) => {
                self.failed |= error.exit() == Exit::Failed;
                views::not_run(lab, plan, repeat, &error)
            }
        }
    }

    /// The result for CI systems, in the run's own folder.
    fn write_junit(&self, report: &RunReport) -> Result<(), Error> {
        let Some(run) = &report.result.run else { return Ok(()) };
        write_whole(
            &self.context.project.join(run).join("junit.xml"),
            &junit_of(std::slice::from_ref(report))?,
        )
    }

    fn print(&self, text: &str) -> Result<(), Error> {
        self.screen.aside(|| output::print(text)).map(drop)
    }

    /// The summary, the files, the exit code.
    fn finish(self) -> Result<Exit, Error> {
        if self.arguments.json {
            let results: Vec<RunResult> = self.reports.iter().map(|report| report.result.clone()).collect();
            output::print(&Document::of(results).to_json())?;
        } else if self.reports.len() > 1 {
            output::print(&summary(&self.reports, &output::page()))?;
        }
        if let Some(path) = &self.arguments.junit {
            write_whole(path, &junit_of(&self.reports)?)?;
        }
        let worst =
            self.reports.iter().map(|report| exit_of(&report.result)).fold(Exit::AsExpected, Exit::worst);
        let ran = self.reports.iter().any(|report| report.result.verdict != Verdict::NotRun);
        let missing = |report: &&RunReport| report.result.verdict != Verdict::NotRun;
        Ok(match (self.failed, self.arguments.skip_missing && ran) {
            (true, _) => Exit::Failed,
            (false, true) => self
                .reports
                .iter()
                .filter(missing)
                .map(|report| exit_of(&report.result))
                .fold(Exit::AsExpected, Exit::worst),
            (false, false) => worst,
        })
    }
}

fn junit_of(reports: &[RunReport]) -> Result<Vec<u8>, Error> {
    junit(reports).map_err(|error| Error::Other(format!("the JUnit file cannot be made: {error}")))
}

/// The exit code of one result. With `--set` nobody said what should come out, so a verdict is enough.
pub fn exit_of(result: &RunResult) -> Exit {
    match (result.verdict, result.as_expected) {
        (Verdict::Inconclusive | Verdict::NotRun, _) => Exit::Inconclusive,
        (_, Some(false)) => Exit::NotAsExpected,
        (_, Some(true) | None) => Exit::AsExpected,
    }
}
