//! `harness report`: written anew, or refused with the reason, and never by half.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rustix::process::Signal;

use crate::common::{AS_EXPECTED, BOUND, Project, USAGE, are_gone, variant};

/// The producer's journal, as the harness keeps it for a program in another language.
const JOURNAL: &str = "journal/producer-0.0.told.journal";

/// Everything in a folder, with what is in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
    found
}

/// There is no report of this run, for this reason, and its folder is as it was.
#[track_caller]
fn is_refused(project: &Project, run: &str, words: &[&str]) {
    let folder = project.path(run);
    let before = files(&folder);
    let ran = project.run(&["report", run]);
    ran.exits(USAGE).says(&[&format!("error: there is no report of {run}: ")]).says(words);
    assert_eq!(ran.stdout, "", "{ran}");
    let after = files(&folder);
    assert!(before == after, "before {:?}, after {:?}", before.keys(), after.keys());
}

/// A run that came out well, its report taken away and something done to it: its report is refused.
#[track_caller]
fn is_refused_after(damage: impl FnOnce(&Path), words: &[&str]) {
    let project = Project::tiny("");
    project.run(&["run", "7/plain"]).exits(AS_EXPECTED);
    let run = project.latest("plain");
    fs::remove_file(run.join("report.html")).expect("written with the run");
    damage(&run);
    is_refused(&project, "runs/07-tiny/plain/latest", words);
}

/// Cuts a file to what `keep` makes of its length.
fn cut(name: &str, keep: impl FnOnce(u64) -> u64) -> impl FnOnce(&Path) {
    move |run| {
        let file = fs::File::options().write(true).open(run.join(name)).expect("a file");
        let length = file.metadata().expect("its length").len();
        file.set_len(keep(length)).expect("it is cut");
    }
}

#[test]
fn it_is_written_anew_and_is_the_same() {
    let project = Project::tiny("");
    project.run(&["run", "7/plain"]).exits(AS_EXPECTED);
    let report = project.latest("plain").join("report.html");
    let first = fs::read_to_string(&report).expect("written with the run");
    fs::remove_file(&report).expect("it was there");
    project.run(&["report", "runs/07-tiny/plain/latest"]).exits(AS_EXPECTED).says(&["report.html"]);
    assert_eq!(fs::read_to_string(&report).expect("anew"), first);

    project.run(&["report", "runs"]).exits(USAGE).says(&["is not a run folder"]);
    project.run(&["report", "nowhere"]).exits(USAGE).says(&["there is no run folder nowhere"]);
}

#[test]
fn a_run_whose_harness_was_killed_has_none() {
    let project = Project::tiny(&variant("endless", "no-done", "", ""));
    let mut running = project.start(&["run", "7/endless"]);
    running.is_in("steady");
    let family = running.family();
    running.signal(Signal::KILL);
    // The guard has ended what was left: from now on nobody writes there.
    are_gone(&family, BOUND);
    let unfinished = "the run is unfinished, it has no verdict.json; run it again";
    is_refused(&project, "runs/07-tiny/endless/latest", &[unfinished]);
}

#[test]
fn a_journal_that_was_cut_is_named() {
    let words = ["the run is damaged", "producer-0.0.told.journal", "harness check"];
    is_refused_after(cut(JOURNAL, |_| 4096 + 16 * 3 + 8), &words);
    is_refused_after(cut(JOURNAL, |_| 100), &words);
    is_refused_after(cut(JOURNAL, |_| 0), &words);
}

#[test]
fn an_event_that_is_none_is_named() {
    let garbage = |run: &Path| {
        let events = fs::read_to_string(run.join("events.jsonl")).expect("events");
        let mut lines: Vec<_> = events.lines().collect();
        lines[2] = "{\"at_s\":0.1,\"event\":\"sang\"}";
        fs::write(run.join("events.jsonl"), lines.join("\n") + "\n").expect("events");
    };
    is_refused_after(garbage, &["the run is damaged", "events.jsonl", "line 3 is not an event"]);
    let bytes = |run: &Path| fs::write(run.join("events.jsonl"), [0xff, 0xfe, b'\n']).expect("events");
    is_refused_after(bytes, &["the run is damaged", "events.jsonl"]);
}

#[test]
fn events_that_end_too_early_are_seen() {
    let words = ["the run is damaged", "events.jsonl ends before the run did"];
    is_refused_after(cut("events.jsonl", |length| length / 2), &words);
    is_refused_after(cut("events.jsonl", |_| 0), &["the run is damaged", "events.jsonl"]);
}
