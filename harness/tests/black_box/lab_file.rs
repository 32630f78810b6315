//! Mistakes in a lab file: file, line, what was expected, before anything starts. The rules themselves have unit
//! tests; here each kind shows that a person is told.

use crate::common::{PLAIN, Project, TOP, USAGE};

/// The lab with one text of it replaced: refused at this line, with these words.
#[track_caller]
fn refused(what: &str, by: &str, line: usize, words: &[&str]) {
    let file = format!("{TOP}{PLAIN}");
    assert!(file.contains(what), "{what}");
    refused_file(&file.replacen(what, by, 1), line, words);
}

#[track_caller]
fn refused_file(file: &str, line: usize, words: &[&str]) {
    let project = Project::of_file(file);
    for command in ["run", "plan"] {
        let ran = project.run(&[command, "7"]);
        ran.exits(USAGE).says(&[&format!("labs/07-tiny/lab.toml:{line}:")]).says(words);
        assert_eq!(ran.stdout, "", "standard output is for results");
    }
    assert!(!project.path("runs").exists(), "something was started");
}

/// The plain variant with more lines, the first of which is line 15.
#[track_caller]
fn refused_with(more: &str, line: usize, words: &[&str]) {
    refused_file(&format!("{TOP}{PLAIN}{more}\n"), line, words);
}

#[test]
fn a_wrong_type() {
    refused("minutes = 1", "minutes = \"one\"", 5, &["`minutes` is \"one\"", "expected a whole number"]);
    refused("messages = 10", "messages = -1", 7, &["messages", "expected"]);
}

#[test]
fn no_toml_at_all() {
    refused("title = \"Tiny\"", "title = \"Tiny", 2, &["this is not TOML"]);
}

#[test]
fn an_unknown_key() {
    refused("contract =", "contrakt =", 12, &["unknown key `contrakt`", "did you mean `contract`?"]);
}

#[test]
fn an_unknown_word() {
    refused(
        "\"effectively-once\"",
        "\"exactly-once\"",
        12,
        &["did you mean `effectively-once`?", "at-most-once"],
    );
}

#[test]
fn a_missing_key() {
    refused("says = \"Ten messages, and nothing breaks.\"\n", "", 9, &["says"]);
}

#[test]
fn a_point_that_no_worker_has() {
    let project = Project::tiny("");
    project.write("labs/02-lab/worker.rs", "kit.point(\"in-hand\").await;");
    let fault = "fault = [{ kill = \"consumer\", at = { point = \"in-hnad\" } }]";
    let file =
        format!("{TOP}{PLAIN}{fault}\n").replace("command = [\"sh\", \"worker.sh\"]", "run = \"worker\"");
    project.write("labs/02-lab/lab.toml", &file);
    let ran = project.run(&["run", "2"]);
    ran.exits(USAGE).says(&["labs/02-lab/lab.toml:15:", "no worker has a point `in-hnad`"]);
    ran.says(&["did you mean `in-hand`?"]);
    assert!(!project.path("runs").exists());
}

#[test]
fn a_target_that_does_not_exist() {
    let fault = "fault = [{ kill = \"consumer-1\", at = { acked = 1 } }]";
    refused_with(fault, 15, &["there is no target `consumer-1`", "did you mean `consumer-0`?"]);
    let hold = "hold = [{ worker = \"consummer-0\", at = \"x\", until = { time = \"1s\" } }]";
    refused_with(hold, 15, &["no worker is called `consummer-0`", "did you mean `consumer-0`?"]);
}

#[test]
fn a_fault_that_cannot_be_done() {
    let fault = "fault = [{ delay = \"consumer\", at = { acked = 1 } }]";
    refused_with(fault, 15, &["`by` is missing"]);
    let fault = "fault = [{ disconnect = \"consumer\", at = { acked = 1 } }]";
    refused_with(fault, 9, &["something of postgres, which the variant does not have"]);
}

#[test]
fn a_fault_that_is_never_reached() {
    let fault = "fault = [{ kill = \"consumer\", at = { attempted = 11 } }]";
    refused_with(fault, 15, &["never reached", "at most 10"]);
}

#[test]
fn an_expectation_that_contradicts_the_contract() {
    refused("applied = 10 }", "duplicated = \">= 1\" }", 14, &["duplicated", "effectively-once"]);
}

#[test]
fn an_expectation_that_contradicts_the_defect() {
    refused("applied = 10 }", "lost = 0 }\ndefect = \"lost\"\ncure = \"plain\"", 14, &["lost"]);
}

#[test]
fn an_expectation_of_a_count_that_does_not_exist() {
    refused("applied = 10", "aplied = 10", 14, &["aplied", "did you mean `applied`?"]);
}

#[test]
fn a_cure_that_does_not_exist() {
    refused(
        "\nexpect",
        "\ndefect = \"lost\"\ncure = \"plane\"\nexpect",
        15,
        &["there is no variant `plane`", "`plain`"],
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let file = format!("{TOP}{PLAIN}").replace("minutes = 1", "minutes = true").replace("says =", "sais =");
    refused_file(&file, 5, &["labs/07-tiny/lab.toml:11:", "mistakes in labs/07-tiny/lab.toml"]);
}
