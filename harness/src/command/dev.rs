//! `harness dev`: are the labs what their lessons say?

use std::{fs, path::PathBuf};

use super::{
    bench::{Benched, run_steps},
    output,
};
use crate::{
    cli::DevCheckArgs,
    dev::{
        Trial,
        causes::causes,
        claims::{Tally, defects, expectations},
        control::controls,
        lesson,
        problem::{Findings, Problem},
        questions::questions,
        recording,
        schedule::{Step, schedule},
        transcript::{self, Block, blocks},
    },
    error::Error,
    exit::Exit,
    report::words::count_of,
    scenario::{Lab, Labs, Supports},
    store::write_whole,
};

/// `harness dev check`: reads the texts, makes the runs, and says all that is wrong.
pub async fn check(arguments: &DevCheckArgs) -> Result<Exit, Error> {
    let labs = super::look::labs()?;
    let chosen = chosen(&labs, &arguments.labs)?;
    let (all, mut unread) = load(&labs);
    // What cannot be read of a lab that nobody chose is told where it is needed: as a cure that cannot be run.
    unread.retain(|(name, _)| chosen.contains(name));
    let read = chosen.len() - unread.len();
    let mut findings = Findings::default();
    findings.add(
        "lab files",
        format!("{read} of {} can be read, and every point they name is a worker's", chosen.len()),
        unread.into_iter().map(|(_, problem)| problem).collect(),
    );
    let texts = check_lessons(&labs, &chosen, &all, &mut findings)?;
    let work = schedule(&chosen, &all, u64::from(arguments.seeds));
    let Benched { trials, failed } = run_steps(&labs, &work, arguments.jobs).await?;
    check_runs(&chosen, &all, &trials, arguments.seeds, &mut findings);
    let texts: Vec<_> = texts.into_iter().chain(picture(&labs)?).collect();
    check_transcripts(&texts, &chosen, &all, &trials, &mut findings);
    output::print(&findings.text(&output::page()))?;
    Ok(if failed { Exit::Failed } else { findings.exit() })
}

/// The folders of the labs that are meant.
fn chosen(labs: &Labs, targets: &[String]) -> Result<Vec<String>, Error> {
    if targets.is_empty() {
        // A lab without a number is the harness's own, and has no lesson.
        return Ok(labs.folders.iter().filter(|lab| lab.number > 0).map(|lab| lab.name.clone()).collect());
    }
    let mut folders = targets.iter().map(|target| labs.folder(target)).collect::<Result<Vec<_>, _>>()?;
    if let Some(own) = folders.iter().find(|folder| folder.number == 0) {
        return Err(Error::Usage(format!("{} is the harness's own, and has no lesson", own.name)));
    }
    folders.sort_by_key(|folder| folder.number);
    folders.dedup();
    Ok(folders.into_iter().map(|folder| folder.name.clone()).collect())
}

/// Every lab that can be read, and what is wrong with the others. A point that no worker has is such a mistake.
fn load(labs: &Labs) -> (Vec<Lab>, Vec<(String, Problem)>) {
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    for folder in labs.folders.iter().filter(|folder| folder.number > 0) {
        match labs.load(folder, &Supports::LOCAL) {
            Ok(lab) => all.push(lab),
            Err(error) => {
                let problem = Problem::new("", error.to_string(), "what the message says").with(Exit::Usage);
                unread.push((folder.name.clone(), problem));
            }
        }
    }
    (all, unread)
}

/// A text that may have transcripts.
struct Text {
    /// Its name in messages.
    name: String,
    path: PathBuf,
    text: String,
    blocks: Vec<Block>,
}

/// A lesson's file, or the project's own README.md; an empty one where there is none.
fn read(labs: &Labs, name: String) -> Result<Result<Text, Problem>, Error> {
    let path = labs.home.join(&name);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(Error::file("read", &path))?,
    };
    Ok(blocks(&text, &name).map(|blocks| Text { name, path, text, blocks }))
}

/// The project's README.md, and the lessons of these labs.
fn text_names(chosen: &[String]) -> Vec<String> {
    let lessons = chosen.iter().map(|name| format!("labs/{name}/README.md"));
    ["README.md".to_owned()].into_iter().chain(lessons).collect()
}

fn check_lessons(
    labs: &Labs,
    chosen: &[String],
    all: &[Lab],
    findings: &mut Findings,
) -> Result<Vec<Text>, Error> {
    let (mut tally, mut problems, mut texts) = (Tally::default(), Vec::new(), Vec::new());
    for name in text_names(chosen) {
        let text = match read(labs, name)? {
            Ok(text) => text,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let lab = all.iter().find(|lab| text.name == format!("labs/{}/README.md", lab.name));
        if let Some(lab) = lab {
            let found = lesson::problems(&text.text, &text.name, lab);
            tally.add(found.is_empty());
            problems.extend(found);
        }
        texts.push(text);
    }
    findings.add(
        "lessons",
        format!("{} of {} are whole and name every variant", tally.good, tally.all),
        problems,
    );
    Ok(texts)
}

fn check_runs(chosen: &[String], all: &[Lab], trials: &[Trial], seeds: u32, findings: &mut Findings) {
    let (tally, problems) = expectations(trials);
    findings.add("runs", format!("{} of {} came out as expected", tally.good, tally.all), problems);
    let (shown, cured, problems) = defects(chosen, all, trials);
    let seeds = count_of(u64::from(seeds), "seed");
    let told = format!(
        "{} of {} shown with {seeds}; {} of {} cures without them",
        shown.good, shown.all, cured.good, cured.all
    );
    findings.add("defects", told, problems);
    let (tally, problems) = controls(chosen, all, trials);
    let told = format!("{} of {} strong variants are clean without faults", tally.good, tally.all);
    findings.add("controls", told, problems);
    let (tally, unknown) = causes(trials);
    let known = format!("{} of {} are known", tally.good, tally.all);
    let told = if unknown.is_empty() { known } else { format!("{known}; not of {}", unknown.join("; ")) };
    findings.add("causes", told, Vec::new());
    let (tally, problems) = questions(chosen, all, trials);
    let told = format!("{} of {} have one answer in every run", tally.good, tally.all);
    findings.add("questions", told, problems);
}

fn check_transcripts(
    texts: &[Text],
    chosen: &[String],
    all: &[Lab],
    trials: &[Trial],
    findings: &mut Findings,
) {
    let (mut tally, mut problems) = (Tally::default(), Vec::new());
    for text in texts {
        // README.md shows runs of all labs, and not all of them are meant.
        let is_meant = |target: &str| {
            let of = target.split('/').next().unwrap_or_default();
            let left_out = all.iter().any(|lab| lab.number.to_string() == of && !chosen.contains(&lab.name));
            !left_out
        };
        let (found, stale) = transcript::stale(&text.blocks, &text.name, trials, is_meant);
        tally.good += found.good;
        tally.all += found.all;
        problems.extend(stale);
    }
    findings.add("transcripts", format!("{} of {} are of this version", tally.good, tally.all), problems);
}

/// The picture of a run, where the project has one.
fn picture(labs: &Labs) -> Result<Option<Text>, Error> {
    let path = labs.home.join(recording::FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(Error::file("read", &path))?,
    };
    let blocks = vec![recording::words(&text)];
    Ok(Some(Text { name: recording::FILE.to_owned(), path, text, blocks }))
}

/// `harness dev recording`: a run as a picture.
pub async fn record() -> Result<Exit, Error> {
    let labs = super::look::labs()?;
    let targets = [recording::TARGET.to_owned()];
    let Benched { trials, .. } = run_steps(&labs, &work_for(&labs, &targets)?, None).await?;
    let trial = shown(recording::TARGET, &trials)?;
    let path = labs.home.join(recording::FILE);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    write_whole(&path, recording::svg(trial).as_bytes())?;
    output::print(&format!("{}: {}\n", recording::FILE, recording::TARGET))
}

/// `harness dev transcripts`: runs what the markers name, and writes what came of it behind them.
pub async fn transcripts(targets: &[String]) -> Result<Exit, Error> {
    let labs = super::look::labs()?;
    let chosen = chosen(&labs, targets)?;
    let mut names = text_names(&chosen);
    if !targets.is_empty() {
        // README.md shows runs of other labs too: it is made anew with all of them.
        names.remove(0);
    }
    let mut texts = Vec::new();
    for name in names {
        let read = read(&labs, name)?
            .map_err(|problem| Error::Usage(format!("{}: {}", problem.place, problem.what)))?;
        if !read.blocks.is_empty() {
            texts.push(read);
        }
    }
    let targets: Vec<_> =
        texts.iter().flat_map(|text| text.blocks.iter().map(|block| block.target.clone())).collect();
    let work = work_for(&labs, &targets)?;
    let Benched { trials, .. } = run_steps(&labs, &work, None).await?;
    for text in &texts {
        let shown = text.blocks.iter().map(|block| shown(&block.target, &trials).map(transcript::of));
        let contents: Vec<_> = shown.collect::<Result<_, _>>()?;
        write_whole(&text.path, transcript::replaced(&text.text, &text.blocks, &contents).as_bytes())?;
        output::print(&format!("{}: {}\n", text.name, count_of(contents.len() as u64, "transcript")))?;
    }
    Ok(Exit::AsExpected)
}

/// One run of each of these.
fn work_for(labs: &Labs, targets: &[String]) -> Result<Vec<(Lab, Vec<Step>)>, Error> {
    let selections = labs.select(targets, false, &Supports::LOCAL)?;
    let step = |lab: &Lab, variant: &str| Step {
        lab: lab.name.clone(),
        variant: variant.to_owned(),
        seed: 1,
        control: false,
    };
    let work = selections.into_iter().map(|selection| {
        let steps = selection.chosen.iter().map(|variant| step(&selection.lab, variant)).collect();
        (selection.lab, steps)
    });
    Ok(work.collect())
}

/// The run of a target. What is shown is what the lab says will come out, or nothing is written.
fn shown<'a>(target: &str, trials: &'a [Trial]) -> Result<&'a Trial, Error> {
    let trial = trials.iter().find(|trial| trial.report.variant.target == target).ok_or_else(|| {
        Error::Usage(format!("`{target}` is no variant; a transcript is of one: 2/slow-subscriber"))
    })?;
    match trial.report.result.as_expected {
        Some(true) => Ok(trial),
        _ => Err(Error::Other(format!(
            "no transcript was written, since {target} did not come out as it should: {}",
            trial.report.result.sentence
        ))),
    }
}
