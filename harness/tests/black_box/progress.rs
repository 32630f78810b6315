//! How far a participant is, and what is next.

use std::fs;

use crate::common::{AS_EXPECTED, Project, USAGE, variant};

#[test]
fn what_is_next_is_run_until_nothing_is_left() {
    let project = Project::tiny(&variant("second", "", "", ""));
    project.run(&["run", "7/plain"]).exits(AS_EXPECTED);
    project.run(&[]).exits(AS_EXPECTED).says(&[
        "Does it arrive?",
        "1 of 2 variants run: 1 as expected",
        "next: harness run 7/second",
    ]);
    project.run(&["next"]).exits(AS_EXPECTED).says(&["7/second"]);
    project.run(&["next"]).exits(AS_EXPECTED).says(&["every variant came out as expected"]);
    let lines = fs::read_to_string(project.path("runs/progress.jsonl")).expect("progress");
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn a_run_that_was_changed_is_no_progress() {
    let project = Project::tiny("");
    project.run(&["run", "7", "--no-faults"]).exits(AS_EXPECTED);
    assert!(!project.path("runs/progress.jsonl").exists());
    project.run(&["run", "7"]).exits(AS_EXPECTED);
    project.run(&["run", "7", "--set", "messages=20"]).exits(AS_EXPECTED);
    project.run(&[]).exits(AS_EXPECTED).says(&["1 as expected"]);
}

#[test]
fn a_damaged_line_is_named_and_nothing_is_lost() {
    let project = Project::tiny("");
    project.run(&["run", "7"]).exits(AS_EXPECTED);
    let path = project.path("runs/progress.jsonl");
    let mut bytes = fs::read(&path).expect("progress");
    bytes.extend_from_slice(b"\xff{\"half");
    fs::write(&path, &bytes).expect("progress");
    project.run(&[]).exits(AS_EXPECTED).says(&["warning:", "progress.jsonl, line 2", "1 as expected"]);
    project.run(&["run", "7"]).exits(AS_EXPECTED);
    let after = fs::read(&path).expect("progress");
    assert!(after.starts_with(&bytes), "what stood there was changed");
    project.run(&["list"]).exits(AS_EXPECTED).says(&["line 2", "kept"]);
}

#[test]
fn what_cannot_be_noted_costs_no_run() {
    let project = Project::tiny("");
    // A folder where the file should be.
    fs::create_dir_all(project.path("runs/progress.jsonl")).expect("a folder");
    project.run(&["run", "7"]).exits(AS_EXPECTED).says(&["kept", "warning: cannot open", "progress.jsonl"]);
}

#[test]
fn next_takes_the_options_of_run_and_no_others() {
    let project = Project::tiny("");
    project.run(&["next", "--reapet", "2"]).exits(USAGE).says(&["--reapet"]);
    let ran = project.run(&["next", "--json", "--seed", "5"]);
    assert!(ran.exits(AS_EXPECTED).stdout.contains("\"seed\": 5"), "{ran}");
}
