//! Folders that cannot be written, and disks that are full.

use std::{
    io::{self, Write},
    process::Command,
};

use crate::common::{AS_EXPECTED, FAILED, INCONCLUSIVE, Project, Running};

/// Something was wrong with a file: exit 70, which one and why, and no end by a signal.
const READ_ONLY: &str = "mount --bind runs runs && mount -o remount,bind,ro runs && exec \"$@\"";

/// Runs the harness in a mount namespace of its own, after this script. Where nothing may be mounted the
/// test fails, unless `JOURNAL_TEST_NO_MOUNT=1` says to go without.
fn in_namespace(project: &Project, script: &str, arguments: &[&str]) -> Option<Running> {
    let able = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !able.as_ref().is_ok_and(|output| output.status.success()) {
        let why = format!("NOT TESTED: {script}: nobody here may mount anything: {able:?}");
        assert!(
            std::env::var_os("JOURNAL_TEST_NO_MOUNT").is_some(),
            "{why}\nAllow it, or set JOURNAL_TEST_NO_MOUNT=1 to go without"
        );
        // Past what captures the output of tests: it is to be seen, and `.ci/run` says it again at its end.
        let _ = writeln!(io::stderr(), "{why}");
        return None;
    }
    std::fs::create_dir_all(project.path("runs")).expect("a folder");
    let wrapper = ["unshare", "-rm", "sh", "-c", script, "sh"];
    Some(Running::start(project.command_by(&wrapper, arguments)))
}

#[test]
fn a_file_where_the_runs_should_be() {
    let project = Project::tiny("");
    project.write("runs", "I was here first\n");
    project.run(&["run", "7"]).exits(FAILED).says(&["error: cannot create", "/runs"]);
    assert_eq!(std::fs::read_to_string(project.path("runs")).expect("the file"), "I was here first\n");
}

#[test]
fn a_file_where_a_labs_runs_should_be() {
    let project = Project::tiny("");
    project.write("runs/07-tiny", "I was here first\n");
    let ran = project.run(&["run", "7"]);
    ran.exits(FAILED).says(&["cannot create", "runs/07-tiny/plain"]);
}

#[test]
fn a_read_only_folder() {
    let project = Project::tiny("");
    let Some(running) = in_namespace(&project, READ_ONLY, &["run", "7"]) else { return };
    running.end().exits(FAILED).says(&["error: cannot create", "/runs/", "Read-only file system"]);
    let running = in_namespace(&project, READ_ONLY, &["list"]).expect("it was allowed before");
    running.end().exits(AS_EXPECTED);
}

#[test]
fn a_disk_that_is_full_from_the_start() {
    let project = Project::tiny("");
    let full = "mount -t tmpfs -o size=16k none runs && head -c 99999 /dev/zero >runs/filler; exec \"$@\"";
    let Some(running) = in_namespace(&project, full, &["run", "7"]) else { return };
    running.end().exits(FAILED).says(&["cannot write", "No space left on device"]);
}

#[test]
fn a_disk_that_gets_full_while_the_harness_writes() {
    let project = Project::tiny("");
    // Room for everything but the journal of 200,000 messages.
    let small = "mount -t tmpfs -o size=2m none runs && exec \"$@\"";
    let arguments = ["run", "7", "--set", "messages=200000"];
    let Some(running) = in_namespace(&project, small, &arguments) else { return };
    running.end().exits(FAILED).says(&["the disk is full", ".told.journal cannot grow", "make room"]);
}

#[test]
fn a_disk_that_gets_full_while_a_worker_writes() {
    let project = Project::with_lab_2();
    let small = "mount -t tmpfs -o size=4m none runs && exec \"$@\"";
    let arguments = ["run", "2/nobody-listens", "--set", "messages=1000000"];
    let Some(running) = in_namespace(&project, small, &arguments) else { return };
    let ran = running.end();
    ran.exits(INCONCLUSIVE).says(&["producer-0: the disk is full", ".journal cannot grow"]);
    assert!(!ran.stdout.contains("signal 7"), "SIGBUS: {ran}");
}
