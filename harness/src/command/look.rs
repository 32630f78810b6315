//! The commands that only look: labs, plans, finished runs, tools. And `clean`, which looks for leftovers.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use ledger::{IdRange, MessageId};

use super::{clean, output};
use crate::{
    assess::{Archive, assess, windows},
    cli::{Cli, ClusterArgs, PlanArgs},
    error::Error,
    exit::Exit,
    progress::Progress,
    report::{
        document::Document,
        explain::{self, Happening, Span},
        history::add_line,
        list::{self, LabEntry, VariantEntry},
        terminal, views,
    },
    scenario::{Changes, Labs, Plan, Supports},
    store::{RunFolder, RunToml},
};

/// The labs of the project that the current folder is in.
pub fn labs() -> Result<Labs, Error> {
    let here = std::env::current_dir().map_err(Error::file("find", Path::new(".")))?;
    let home = std::env::var_os("HARNESS_HOME").map(std::path::PathBuf::from);
    Ok(Labs::find(&here, home.as_deref())?)
}

/// `harness`.
pub fn overview() -> Result<Exit, Error> {
    output::print(&list::overview(&entries()?, &output::page()))
}

/// `harness list`.
pub fn list() -> Result<Exit, Error> {
    output::print(&list::list(&entries()?, &output::page()))
}

/// Every lab with how its variants came out last.
pub fn entries() -> Result<Vec<LabEntry>, Error> {
    let labs = labs()?;
    let progress = Progress::read(&labs.home.join("runs"))?;
    progress.damaged.iter().for_each(|damaged| eprintln!("warning: {damaged}"));
    let mut entries = Vec::new();
    for selection in labs.select(&[], true, &Supports::LOCAL)? {
        let variants = selection.lab.variants.iter().map(|variant| VariantEntry {
            name: variant.name.clone(),
            says: variant.says.clone(),
            newest: progress.newest(&selection.lab.name, &variant.name),
        });
        // A lab without a number is the harness's own, not the room's.
        if selection.lab.number > 0 {
            entries.push(LabEntry { variants: variants.collect(), lab: views::lab(&selection.lab) });
        }
    }
    Ok(entries)
}

/// `harness plan`.
pub fn plan(arguments: &PlanArgs) -> Result<Exit, Error> {
    let changes = Changes::read(&arguments.set, arguments.no_faults)?;
    let mut text = String::new();
    for selection in labs()?.select(&arguments.targets, false, &Supports::LOCAL)? {
        for variant in selection.variants() {
            let plan = Plan::new(&selection.lab, variant, arguments.seed, &changes)?;
            text.push_str(&format!("{plan}\n"));
        }
    }
    output::print(&text)
}

/// `harness check RUN`: the account and the verdict, made again from the folder.
pub fn check(run: &Path, json: bool) -> Result<Exit, Error> {
    let folder = RunFolder::open(run)?;
    let plan = RunToml::read(&folder)?.plan;
    let assessed = assess(&folder)?;
    let exit = super::run::exit_of(&assessed.result);
    if json {
        output::print(&Document::of(vec![assessed.result]).to_json())?;
    } else {
        let report = views::report(&views::lab_of(&plan), &plan, assessed);
        output::print(&terminal::variant(&report, &output::page()))?;
    }
    Ok(exit)
}

/// `harness explain RUN ID`: the life of one message.
pub fn explain(run: &Path, id: &str) -> Result<Exit, Error> {
    let id: MessageId = id.parse().map_err(|error: ledger::NotAMessageId| Error::Usage(error.to_string()))?;
    let folder = RunFolder::open(run)?;
    let archive = Archive::open(&folder)?;
    let writers = archive.writers();
    let lives = archive.lives(vec![IdRange::one(id)]);
    let at_s = |time_ns: u64| (i128::from(time_ns) - i128::from(archive.start_ns)) as f64 / 1e9;
    let happenings: Vec<Happening> = lives
        .get(id)
        .unwrap_or_default()
        .iter()
        .map(|event| Happening {
            at_s: at_s(event.time_ns),
            who: writers.get(usize::from(event.writer)).cloned().unwrap_or_default(),
            what: event.kind.word().to_owned(),
        })
        .collect();
    let spans: Vec<Span> = windows(&archive)
        .into_iter()
        .map(|window| Span {
            what: format!("{} {}", window.target, window.what).trim().to_owned(),
            from_s: at_s(window.from_ns),
            to_s: window.to_ns.map(at_s),
        })
        .collect();
    let result = assess(&folder)?.result;
    let has = |range: &IdRange| range.producer == id.producer && range.from <= id.seq && id.seq <= range.to;
    let findings = result.findings.iter().filter(|finding| finding.ids.iter().any(has));
    let conclusions: Vec<String> =
        findings.map(|finding| format!("{}: {}", finding.kind, finding.cause)).collect();
    let conclusion = (!conclusions.is_empty()).then(|| conclusions.join("; "));
    output::print(&explain::explain(
        &id.to_string(),
        &happenings,
        &spans,
        conclusion.as_deref(),
        &output::page(),
    ))
}

/// `harness report RUN`: the page, made again from the folder.
pub fn report(run: &Path) -> Result<Exit, Error> {
    let path = crate::pages::report::write_anew(run)?;
    output::print(&format!("{}\n", path.display()))
}

/// `harness history RUN`: every entry as a JSON line, in the order of time.
pub fn history(run: &Path) -> Result<Exit, Error> {
    let archive = Archive::open(&RunFolder::open(run)?)?;
    let writers = archive.writers();
    let mut entries: Vec<_> = archive
        .journals
        .iter()
        .zip(&writers)
        .flat_map(|(journal, writer)| journal.entries.iter().map(move |entry| (entry.time_ns, writer, entry)))
        .collect();
    entries.sort_by_key(|(time_ns, ..)| *time_ns);
    let mut lines = Vec::new();
    for (_, writer, entry) in entries {
        add_line(&mut lines, archive.start_ns, writer, entry)
            .map_err(|error| Error::Other(format!("an entry has no JSON: {error}")))?;
    }
    output::print(&String::from_utf8_lossy(&lines))
}

/// `harness doctor`.
pub async fn doctor(install: bool) -> Result<Exit, Error> {
    let (report, good) = crate::doctor::doctor(&labs()?.home, install).await?;
    output::print(&report)?;
    Ok(if good { Exit::AsExpected } else { Exit::Inconclusive })
}

/// `harness cluster`.
pub async fn cluster(arguments: &ClusterArgs) -> Result<Exit, Error> {
    crate::cluster::main(arguments, labs()?.home).await?;
    Ok(Exit::AsExpected)
}

/// `harness clean`.
pub fn clean() -> Result<Exit, Error> {
    let cleaned = clean::clean(&labs()?.home.join("runs"))?;
    output::print(&format!(
        "removed: sessions {}, processes {}, unfinished runs {}\n",
        cleaned.sessions, cleaned.processes, cleaned.runs
    ))
}

/// `harness completions SHELL`.
pub fn completions(shell: Shell) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "harness", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
