//! The broker: missing, of the wrong version, dying at its start, dying in the middle.

use std::path::PathBuf;

use rustix::process::Signal;

use crate::common::{
    AS_EXPECTED, FAILED, INCONCLUSIVE, PLAIN, Project, TOP, are_gone, called, kill, nats_server, variant,
};

/// A project on a machine without nats-server, and without anything to install one with.
fn without_server() -> Project {
    let mut project = Project::tiny("");
    project.take_tools();
    project.set("HARNESS_NATS_SERVER", "");
    let shell: PathBuf = project.path("bin");
    std::fs::create_dir(&shell).expect("a folder");
    project.set("PATH", shell);
    project
}

#[test]
fn one_that_is_missing_and_cannot_be_installed() {
    let project = without_server();
    let ran = project.run(&["run", "7"]);
    ran.exits(INCONCLUSIVE).says(&[
        "not run: nats-server",
        "could not be installed",
        "to mend it:",
        "./task setup",
    ]);
    let (ran, results) = project.results(&["run", "7"]);
    ran.exits(INCONCLUSIVE);
    assert_eq!(results[0]["verdict"], "not-run");
    assert!(results[0]["run"].is_null() && results[0]["account"].is_null(), "{ran}");
    let ran = project.run(&["run", "7", "--skip-missing"]);
    ran.exits(INCONCLUSIVE);
    let ran = project.run(&["doctor"]);
    ran.exits(INCONCLUSIVE).says(&["nats-server", "missing", "./task setup"]);
}

#[test]
fn what_is_missing_is_skipped_where_that_is_wanted_and_something_ran() {
    let mut project = Project::with_lab_2();
    project.set("HARNESS_WORKERS", "/nowhere");
    let both = ["run", "7", "2/nobody-listens"];
    let ran = project.run(&both);
    ran.exits(INCONCLUSIVE).says(&["/nowhere/lab-02-fire-and-forget is not there", "unset HARNESS_WORKERS"]);
    project.run(&[&both[..], &["--skip-missing"]].concat()).exits(AS_EXPECTED).says(&["not run", "kept"]);
    project.run(&["run", "2/nobody-listens", "--skip-missing"]).exits(INCONCLUSIVE);
}

#[test]
fn one_of_the_wrong_version_that_is_named() {
    let mut project = without_server();
    let old = project.program("old/nats-server", "echo nats-server: v2.9.0");
    project.set("HARNESS_NATS_SERVER", old);
    let ran = project.run(&["run", "7"]);
    ran.exits(FAILED).says(&["old/nats-server", "2.9.0 is too old, 2.12 or newer is needed", "to mend it:"]);
    project.run(&["doctor"]).exits(INCONCLUSIVE).says(&["2.9.0 is too old"]);
}

#[test]
fn one_of_the_wrong_version_on_path_is_passed_over() {
    let project = without_server();
    project.program("bin/nats-server", "echo nats-server: v2.9.0");
    let ran = project.run(&["run", "7"]);
    ran.exits(INCONCLUSIVE).says(&["not run"]);
    project.run(&["doctor"]).exits(INCONCLUSIVE).says(&["2.9.0 is too old"]);
}

#[test]
fn one_that_dies_at_its_start() {
    let mut project = Project::tiny("");
    let script = "case $1 in -v) echo nats-server: v2.12.9; exit ;; esac
        echo first line; echo the data folder is on fire >&2; exit 4";
    let server = project.program("bin/nats-server", script);
    project.set("HARNESS_NATS_SERVER", server);
    let (ran, results) = project.results(&["run", "7"]);
    ran.exits(FAILED);
    assert_eq!(results[0]["verdict"], "not-run");
    let ran = project.run(&["run", "7"]);
    ran.exits(FAILED).says(&["nats-server", "exit code 4", "first line", "the data folder is on fire"]);
}

#[test]
fn one_that_dies_in_the_middle() {
    // Variants run in the order of the file: the other one needs a new server.
    let project = Project::of_file(&format!("{TOP}{}{PLAIN}", variant("endless", "no-done", "", "")));
    let mut running = project.start(&["run", "7/endless", "7/plain"]);
    running.is_in("faults");
    let family = running.family();
    let server = called(&family, &nats_server().to_string_lossy());
    assert_eq!(server.len(), 1, "{family:?}");
    kill(server[0], Signal::KILL);
    let ran = running.end();
    ran.exits(FAILED).says(&["nats-server died by itself (exit by signal 9)", "Server is ready", "kept"]);
    are_gone(&family, crate::common::BOUND);
}

/// The tiny lab's variants, on another broker.
fn on(broker: &str) -> Project {
    let lab = format!("{TOP}{PLAIN}").replacen("[\"nats\"]", &format!("[\"{broker}\"]"), 1);
    Project::of_file(&lab)
}

#[test]
fn kafka_and_postgres_that_are_not_where_they_are_said_to_be() {
    for (broker, variable) in [("kafka", "KAFKA_HOME"), ("postgres", "HARNESS_POSTGRES")] {
        let mut project = on(broker);
        project.set(variable, "/nowhere");
        project.run(&["run", "7"]).exits(INCONCLUSIVE).says(&[
            "not run",
            variable,
            "/nowhere",
            "to mend it:",
        ]);
        assert!(!project.path("runs/07-tiny").exists(), "nothing was begun");
    }
}

#[test]
fn a_kafka_and_a_postgres_that_are_too_old() {
    let mut project = on("kafka");
    project.write("old/libs/kafka_2.13-3.9.0.jar", "");
    project.set("KAFKA_HOME", project.path("old"));
    project.run(&["run", "7"]).exits(FAILED).says(&["KAFKA_HOME", "3.9.0"]);
    let mut project = on("postgres");
    for name in ["postgres", "initdb"] {
        project.program(&format!("old/{name}"), "echo \"$0 (PostgreSQL) 14.9\"");
    }
    project.set("HARNESS_POSTGRES", project.path("old"));
    project.run(&["run", "7"]).exits(FAILED).says(&["HARNESS_POSTGRES", "14.9"]);
}

#[test]
fn a_postgres_that_is_killed_by_a_stranger() {
    let project =
        Project::of_file(&format!("{TOP}{}", variant("long", "no-done", "", "limit = \"20s\"")).replacen(
            "\"nats\"",
            "\"postgres\"",
            1,
        ));
    project.take_tools();
    let mut running = project.start(&["run", "7/long"]);
    running.is_in("faults");
    let server = called(&running.family(), "postgres");
    // The first one started the others.
    kill(*server.iter().min().expect("a server"), Signal::KILL);
    let ran = running.end();
    ran.exits(FAILED).says(&["postgres died by itself (exit by signal 9)"]);
    are_gone(&server, crate::common::BOUND);
}
