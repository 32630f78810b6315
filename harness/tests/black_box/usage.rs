//! What is typed wrong, and the commands that only look.

use crate::common::{AS_EXPECTED, Project, USAGE};

/// Wrong usage: exit 2, these words, nothing written, nothing started.
#[track_caller]
fn refused(project: &Project, arguments: &[&str], words: &[&str]) {
    project.run(arguments).exits(USAGE).says(words);
    assert!(!project.path("runs").exists(), "something was started");
}

#[test]
fn an_unknown_lab_gets_the_nearest_one() {
    let project = Project::tiny("");
    refused(&project, &["run", "07-tinny"], &["there is no lab `07-tinny`", "did you mean `07-tiny`?"]);
    refused(&project, &["run", "tiny/plain"], &["there is no lab `tiny`", "did you mean `07-tiny`?"]);
    refused(&project, &["plan", "8"], &["there is no lab `8`", "the labs are: 07-tiny"]);
}

#[test]
fn an_unknown_variant_gets_the_nearest_one() {
    let project = Project::tiny("");
    refused(&project, &["run", "7/plan"], &["07-tiny has no variant `plan`", "did you mean `7/plain`?"]);
    refused(&project, &["run", "7/"], &["07-tiny has no variant ``", "its variants are: plain"]);
    refused(&project, &["run", "7/plain", "7/xyz"], &["no variant `xyz`"]);
}

#[test]
fn an_unknown_setting_gets_the_nearest_one() {
    let project = Project::tiny("");
    let with = |set: &'static str| ["run", "7/plain", "--set", set];
    refused(&project, &with("mesages=5"), &["there is no setting `mesages`", "did you mean `messages`?"]);
    refused(&project, &with("messages"), &["has no `=`", "--set messages=100"]);
    refused(&project, &with("messages=many"), &["--set messages=many", "expected a whole number from 1"]);
    refused(&project, &with("resend=allways"), &["never or unknown"]);
    refused(&project, &with("nats.stream.storage=memory"), &["for plain: it has no stream"]);
    refused(&project, &with("relay.count=2"), &["for plain: it has no relay"]);
}

#[test]
fn a_wrong_option_is_refused() {
    let project = Project::tiny("");
    refused(&project, &["run"], &["<TARGETS>"]);
    refused(&project, &["run", "7", "--all"], &["cannot be used with"]);
    refused(&project, &["run", "7", "--reapet", "2"], &["--reapet", "--repeat"]);
    refused(&project, &["run", "7", "--repeat", "0"], &["0"]);
    refused(&project, &["run", "7", "--seed", "x"], &["invalid value 'x'"]);
    refused(&project, &["rum", "7"], &["unrecognized subcommand 'rum'", "run"]);
    refused(&project, &["completions", "tcl"], &["invalid value 'tcl'", "bash"]);
}

#[test]
fn a_folder_without_labs_is_named() {
    let mut project = Project::tiny("");
    project.set("HARNESS_HOME", "/nowhere");
    refused(&project, &["run", "7"], &["/nowhere", "labs"]);
    refused(&project, &[], &["/nowhere"]);
}

#[test]
fn a_run_folder_that_is_none_is_named() {
    let project = Project::tiny("");
    for command in ["check", "history"] {
        refused(&project, &[command, "runs/07-tiny/plain/latest"], &["runs/07-tiny/plain/latest"]);
        refused(&project, &[command, "labs"], &["is not a run folder", "runs/<lab>/<variant>/latest"]);
    }
    refused(&project, &["explain", "labs", "0-1"], &["is not a run folder"]);
}

#[test]
fn without_a_command_it_shows_the_labs_and_what_is_next() {
    let project = Project::tiny("");
    project.run(&[]).exits(AS_EXPECTED).says(&["Tiny", "harness run 7"]);
    project.run(&["list"]).exits(AS_EXPECTED).says(&["Does it arrive?", "plain", "nothing breaks"]);
    project.run(&["run", "7/plain"]).exits(AS_EXPECTED);
    project.run(&["list"]).exits(AS_EXPECTED).says(&["kept"]);
    project.run(&[]).exits(AS_EXPECTED).says(&["Tiny"]);
}

#[test]
fn a_plan_starts_nothing_and_is_the_same_each_time() {
    let mut project = Project::tiny(&crate::common::variant(
        "drawn",
        "",
        "",
        "fault = [{ kill = \"consumer\", at = { delivered = \"1..=9\" } }]",
    ));
    project.set("HARNESS_NATS_SERVER", "/no/server/is/needed");
    let plan = |seed: &'static str| {
        let ran = project.run(&["plan", "7", "--seed", seed]);
        ran.exits(AS_EXPECTED).says(&["plain", "drawn", "kill consumer"]);
        ran.stdout
    };
    assert_eq!(plan("5"), plan("5"));
    let differ = ["1", "2", "3", "4", "6", "7"].into_iter().any(|seed| {
        let lines = |text: String| text.lines().filter(|line| line.contains("kill")).collect::<String>();
        lines(plan(seed)) != lines(plan("5"))
    });
    assert!(differ, "the seed picks nothing");
    let ran = project.run(&["plan", "7/drawn", "--no-faults", "--set", "messages=77"]);
    assert!(ran.exits(AS_EXPECTED).says(&["77"]).stdout.lines().all(|line| !line.contains("kill")), "{ran}");
    assert!(!project.path("runs").exists());
}

#[test]
fn the_defaults_are_toml() {
    let ran = Project::tiny("").run(&["defaults"]);
    let table: toml::Table = ran.exits(AS_EXPECTED).stdout.parse().expect("TOML");
    assert_eq!(table["workload"]["messages"].as_integer(), Some(2_000));
    assert!(ran.stdout.lines().any(|line| line.starts_with('#')), "no comments:\n{ran}");
}

#[test]
fn completions_are_a_script_that_bash_reads() {
    let project = Project::tiny("");
    let ran = project.run(&["completions", "bash"]);
    ran.exits(AS_EXPECTED).says(&["complete -F", "selftest"]);
    project.write("completions", &ran.stdout);
    let read = std::process::Command::new("bash").arg("-n").arg(project.path("completions")).status();
    assert!(read.is_ok_and(|status| status.success()), "bash cannot read it");
}
