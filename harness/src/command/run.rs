//! `harness run`: resolve, run each variant, print, and say it all in an exit code.

use std::{io::IsTerminal, path::PathBuf};

use futures::{StreamExt, stream};
use ledger::Verdict;
use tokio::sync::watch;

use super::{asking, output, step_summary, variant::run_variant};
use crate::{
    broker::Brokers,
    cli::{RunArgs, Runtime},
    context::Context,
    error::Error,
    exit::Exit,
    interrupt,
    metrics::{Endpoint, Metrics},
    pages::{self, live::LivePage, report::Part},
    predict::{self, Said},
    progress,
    report::{
        document::{Document, RunResult},
        junit::junit,
        live::{Mode, Screen},
        run_report::{LabView, RunReport},
        summary::summary,
        terminal, views,
    },
    runtime::k8s::{Cluster, inside::Inside, outside},
    scenario::{Changes, Plan, Selection, Supports},
    serve::Asked,
    store::write_whole,
};

/// What the arguments name, found to make sense.
pub struct Prepared {
    home: PathBuf,
    selections: Vec<Selection>,
    changes: Changes,
    seed: u64,
}

/// Runs what the arguments name. Nothing is started before all of it was found to make sense.
pub async fn run_labs(arguments: &RunArgs) -> Result<Exit, Error> {
    let prepared = prepare(arguments)?;
    let interrupt = interrupt::listen();
    let inside = match arguments.runtime {
        Runtime::Local => None,
        Runtime::K8s => match Inside::from_environment()? {
            Some(inside) => Some(inside),
            None => return on_cluster(arguments, &prepared, interrupt).await,
        },
    };
    let Some(said) = asking::ask(arguments, &prepared.selections, &interrupt).await else {
        eprintln!("interrupted before anything was run");
        return Ok(Exit::Inconclusive);
    };
    let metrics = Metrics::new(arguments.no_metrics);
    let asked = arguments.metrics.map(|address| Asked::at(address).public(arguments.metrics_public));
    let endpoint = asked.map(|asked| metrics.serve(asked)).transpose()?;
    let mut context = Context::start(&prepared.home, interrupt, metrics)?;
    if let Some(inside) = inside {
        context.cluster = Some(Cluster::join(inside).await?);
    }
    context.live_page = arguments.live.then(LivePage::start).transpose()?;
    let outcome = run_prepared(&context, arguments, &prepared, said, endpoint.as_ref()).await;
    if let Some(page) = context.live_page.take() {
        page.end(context.interrupt.clone()).await;
    }
    if let Some(endpoint) = endpoint {
        endpoint.end(context.interrupt.clone()).await;
    }
    context.end(arguments.keep);
    outcome
}

/// The same in the cluster: this program there does what this one would do here.
async fn on_cluster(
    arguments: &RunArgs,
    prepared: &Prepared,
    interrupt: watch::Receiver<u32>,
) -> Result<Exit, Error> {
    if arguments.live || arguments.metrics.is_some() || arguments.junit.is_some() {
        let what = "--live, --metrics and --junit are not there with --runtime k8s yet";
        return Err(Error::Usage(format!("{what}; every run folder has its own junit.xml and metrics.om")));
    }
    let words = std::env::args().skip(1).collect();
    outside::run(&prepared.home, words, arguments.keep, output::page(), interrupt).await
}

/// Finds what the arguments name, and makes a plan of each variant to see whether it can be made.
pub fn prepare(arguments: &RunArgs) -> Result<Prepared, Error> {
    let labs = super::look::labs()?;
    let changes = Changes::read(&arguments.set, arguments.no_faults)?;
    let selections = labs.select(&arguments.targets, arguments.all, &Supports::LOCAL)?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    for selection in &selections {
        for variant in selection.variants() {
            Plan::new(&selection.lab, variant, seed, &changes)?;
        }
    }
    Ok(Prepared { home: labs.home, selections, changes, seed })
}

/// Runs what was prepared, says where its metrics are, and how it compares with what the participant said.
pub async fn run_prepared(
    context: &Context,
    arguments: &RunArgs,
    prepared: &Prepared,
    said: Vec<Said>,
    endpoint: Option<&Endpoint>,
) -> Result<Exit, Error> {
    let jobs = side_by_side(arguments.jobs, prepared.selections.len());
    let errand = Errand {
        arguments,
        changes: prepared.changes.clone(),
        seed: prepared.seed,
        screen: Screen::new(Mode::choose(false, arguments.json, std::io::stderr().is_terminal())),
        context,
        side_by_side: jobs > 1,
        said,
    };
    if let Some(endpoint) = endpoint {
        errand.screen.note(&format!("metrics: {}", endpoint.url()));
    }
    if let Some(page) = &context.live_page {
        // Whoever wants the page needs its address, also where a program reads the results.
        errand
            .screen
            .aside(|| eprintln!("live page: {}  (the first run begins when it is open)", page.url()));
        page.first_look(context.interrupt.clone()).await;
    }
    errand.run_all(&prepared.selections, jobs).await
}

/// How many labs at once: what was asked for, else one for each core.
pub fn side_by_side(asked: Option<u32>, labs: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(cores, |jobs| jobs as usize).min(labs).max(1)
}

/// One call of `harness run`.
struct Errand<'a> {
    arguments: &'a RunArgs,
    changes: Changes,
    seed: u64,
    screen: Screen,
    context: &'a Context,
    side_by_side: bool,
    /// What the participant expects.
    said: Vec<Said>,
}

/// What came of one lab.
#[derive(Default)]
struct Done {
    lab: LabView,
    reports: Vec<RunReport>,
    /// The harness or a broker failed.
    failed: bool,
    /// What is still to be printed, where labs run side by side.
    text: String,
}

impl Errand<'_> {
    /// Runs labs side by side, and shows them in their order.
    async fn run_all(&self, selections: &[Selection], jobs: usize) -> Result<Exit, Error> {
        let mut labs = stream::iter(selections).map(|selection| self.run_lab(selection)).buffered(jobs);
        let (mut all, mut parts) = (Done::default(), Vec::new());
        while let Some(lab) = labs.next().await {
            let lab = lab?;
            if !lab.text.is_empty() {
                self.print(&lab.text)?;
            }
            all.failed |= lab.failed;
            parts.push(Part { lab: lab.lab, reports: lab.reports.clone() });
            all.reports.extend(lab.reports);
        }
        self.finish(&all, &parts)
    }

    /// Runs the chosen variants of one lab, one after the other, on the lab's own brokers.
    async fn run_lab(&self, selection: &Selection) -> Result<Done, Error> {
        let lab = views::lab(&selection.lab);
        let mut done = Done { lab: lab.clone(), ..Done::default() };
        self.show(&mut done, || terminal::header(&lab, &output::page()))?;
        let mut brokers = Brokers::default();
        for repeat in 0..self.arguments.repeat {
            for variant in selection.variants() {
                let plan = Plan::new(&selection.lab, variant, self.seed + u64::from(repeat), &self.changes)?;
                let ran = run_variant(self.context, &self.screen, &mut brokers, &lab, &plan, repeat).await;
                done.failed |= ran.failed;
                let report = ran.report;
                self.show(&mut done, || terminal::variant(&report, &output::page()))?;
                self.write_junit(&report)?;
                self.note(&report);
                done.reports.push(report);
            }
        }
        brokers.stop().await;
        Ok(done)
    }

    /// Prints a part of a lab's results at once, or, where labs run side by side, when all of the lab is done.
    fn show(&self, done: &mut Done, text: impl FnOnce() -> String) -> Result<(), Error> {
        match (self.arguments.json, self.side_by_side) {
            (true, _) => Ok(()),
            (false, true) => {
                done.text += &text();
                Ok(())
            }
            (false, false) => self.print(&text()),
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

    /// Notes how far the participant is. A run that was changed says nothing of that. What cannot be written costs no run.
    fn note(&self, report: &RunReport) {
        if self.changes != Changes::default() {
            return;
        }
        if let Err(error) = progress::note(&self.context.runs, &report.result) {
            self.screen.aside(|| eprintln!("warning: {error}"));
        }
    }

    fn print(&self, text: &str) -> Result<(), Error> {
        self.screen.aside(|| output::print(text)).map(drop)
    }

    /// The summary, the files, the exit code.
    fn finish(&self, all: &Done, parts: &[Part]) -> Result<Exit, Error> {
        if self.arguments.all {
            pages::report::all(&self.context.runs, parts)?;
        }
        let reports = &all.reports;
        if self.arguments.json {
            let results: Vec<RunResult> = reports.iter().map(|report| report.result.clone()).collect();
            output::print(&Document::of(results).to_json())?;
        } else if reports.len() > 1 {
            output::print(&summary(reports, &output::page()))?;
        }
        output::print(&predict::compare::text(&self.said, reports, &output::page()))?;
        step_summary::append(reports);
        if let Some(path) = &self.arguments.junit {
            write_whole(path, &junit_of(reports)?)?;
        }
        let ran = |report: &&RunReport| report.result.verdict != Verdict::NotRun;
        // What this machine cannot start counts, unless it may be missing and anything ran at all.
        // What the person's Ctrl-C left out is not missing.
        let interrupted = *self.context.interrupt.borrow() > 0;
        let leave_out =
            self.arguments.skip_missing && !interrupted && reports.iter().any(|report| ran(&report));
        let counted = reports.iter().filter(|report| !leave_out || ran(report));
        let worst = counted.map(|report| exit_of(&report.result)).fold(Exit::AsExpected, Exit::worst);
        Ok(if all.failed { Exit::Failed } else { worst })
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
