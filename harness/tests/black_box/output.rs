//! What comes out: for people, for programs, and again from the run folder.

use std::{collections::BTreeSet, fs, path::Path};

use quick_junit::{Report, TestCaseStatus};
use serde_json::Value;

use crate::common::{
    AS_EXPECTED, FAILED, INCONCLUSIVE, NOT_AS_EXPECTED, PLAIN, Project, TOP, USAGE, variant,
};

/// The names of an object, in any order.
fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect()
}

/// The names of an object are exactly these.
#[track_caller]
fn has_exactly(value: &Value, words: &str) {
    assert_eq!(names(value), words.split_whitespace().collect(), "{value}");
}

const RESULT: &str = "lab variant seed repeat runtime run contract defect verdict as_expected sentence seconds \
    account points figures drained faults findings versions";
const ACCOUNT: &str = "attempted acked rejected unknown unconfirmed delivered redelivered applied duplicated surplus \
    lost lost_acked lost_unconfirmed recovered resolved phantom resurrected reordered crossed stored stored_again \
    deduplicated settled redelivered_after_settled calls sum";
const FAULT: &str = "fault target resolved at injected evidence in_flight fired_s healed_s";

/// What must be 0 where nothing was broken and the contract holds.
const ODD: &str = "rejected unknown redelivered duplicated surplus lost lost_acked lost_unconfirmed recovered resolved \
    phantom resurrected crossed stored_again redelivered_after_settled";

#[test]
fn the_document_has_exactly_the_promised_fields() {
    let project = Project::with_lab_2();
    let ran = project.run(&["run", "7", "2/jetstream-subscriber-killed", "--seed", "7", "--json"]);
    let document: Value = serde_json::from_str(&ran.exits(AS_EXPECTED).stdout).expect("one document");
    has_exactly(&document, "format results");
    assert_eq!((&document["format"], document["results"].as_array().map(Vec::len)), (&1.into(), Some(2)));
    assert_eq!(ran.stderr, "", "a program reads the result: no progress");
    let (plain, stream) = (&document["results"][0], &document["results"][1]);
    for result in [plain, stream] {
        has_exactly(result, RESULT);
        has_exactly(&result["account"], ACCOUNT);
        has_exactly(&result["versions"], "harness nats-server");
        let run = project.path(result["run"].as_str().expect("a run folder"));
        let written: Value =
            serde_json::from_str(&fs::read_to_string(run.join("verdict.json")).expect("a file"))
                .expect("JSON");
        assert_eq!(&written, result, "verdict.json is the same");
    }
    // Null where it does not apply, and only there.
    let null = |account: &Value| -> BTreeSet<String> {
        names(account).into_iter().filter(|name| account[name].is_null()).map(str::to_owned).collect()
    };
    let of = |words: &str| words.split_whitespace().map(str::to_owned).collect();
    let without_a_stream: BTreeSet<_> =
        of("calls sum stored stored_again deduplicated settled redelivered_after_settled");
    assert_eq!(null(&plain["account"]), without_a_stream);
    assert_eq!(null(&stream["account"]), of("calls sum"));
    assert_eq!((&plain["defect"], &plain["as_expected"]), (&Value::Null, &true.into()));

    let fault = &stream["faults"][0];
    has_exactly(fault, FAULT);
    assert_eq!((&fault["fault"], &fault["target"]), (&"kill".into(), &"consumer".into()));
    assert_eq!((&fault["injected"], &fault["evidence"]), (&true.into(), &"exit by signal 9".into()));
    assert!(fault["fired_s"].as_f64() < fault["healed_s"].as_f64(), "{fault}");
    let finding = &stream["findings"][0];
    has_exactly(finding, "kind count ids cause");
    has_exactly(&finding["ids"][0], "producer from to");
    has_exactly(&stream["figures"][0], "name value unit");
}

#[test]
fn an_unexpected_result_is_said_everywhere() {
    let wrong = variant("wrong", "", "", "").replacen("\"kept\" }", "\"kept\", applied = 9 }", 1);
    let project = Project::tiny(&wrong);
    let ran = project.run(&["run", "7", "--junit", "out.xml"]);
    ran.exits(NOT_AS_EXPECTED).says(&["applied: expected 9, seen 10", "1 as expected", "1 not as expected"]);
    let report =
        Report::deserialize(fs::read(project.path("out.xml")).expect("a file").as_slice()).expect("XML");
    assert_eq!((report.tests, report.failures, report.errors), (2, 1, 0));
    let (ran, results) = project.results(&["run", "7/wrong"]);
    ran.exits(NOT_AS_EXPECTED);
    assert_eq!((&results[0]["verdict"], &results[0]["as_expected"]), (&"kept".into(), &false.into()));
    // With a setting of one's own nobody said what should come out.
    let (ran, results) = project.results(&["run", "7/wrong", "--set", "messages=20"]);
    ran.exits(AS_EXPECTED);
    assert_eq!((&results[0]["as_expected"], &results[0]["account"]["applied"]), (&Value::Null, &20.into()));
}

#[test]
fn repeats_are_runs_of_their_own_and_a_case_each() {
    let project = Project::tiny(&variant("second", "", "", ""));
    let ran = project.run(&["run", "7", "--repeat", "2", "--seed", "5", "--json", "--junit", "out.xml"]);
    let document: Value = serde_json::from_str(&ran.exits(AS_EXPECTED).stdout).expect("JSON");
    let results = document["results"].as_array().expect("results");
    let told: Vec<_> = results
        .iter()
        .map(|result| (result["variant"].as_str(), result["repeat"].as_u64(), result["seed"].as_u64()))
        .collect();
    let wanted = [("plain", 0, 5), ("second", 0, 5), ("plain", 1, 6), ("second", 1, 6)];
    assert_eq!(told, wanted.map(|(name, repeat, seed)| (Some(name), Some(repeat), Some(seed))));
    let runs: BTreeSet<_> = results.iter().map(|result| result["run"].as_str()).collect();
    assert_eq!(runs.len(), 4, "a folder each");

    let report =
        Report::deserialize(fs::read(project.path("out.xml")).expect("a file").as_slice()).expect("XML");
    let cases: Vec<_> = report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
    let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["plain", "second", "plain (repeat 1)", "second (repeat 1)"]);
    assert!(cases.iter().all(|case| matches!(case.status, TestCaseStatus::Success { .. })));
    for run in runs.into_iter().flatten() {
        let own = fs::read(project.path(run).join("junit.xml")).expect("each run's own");
        assert_eq!(Report::deserialize(own.as_slice()).expect("XML").tests, 1);
    }
}

#[test]
fn a_junit_file_that_cannot_be_written_costs_no_result() {
    let project = Project::tiny("");
    let ran = project.run(&["run", "7", "--junit", "no/such/folder/out.xml"]);
    ran.exits(FAILED).says(&["kept", "error: cannot create no/such/folder/out"]);
    let ran = project.run(&["run", "7", "--json", "--junit", "no/such/folder/out.xml"]);
    let document: Value = serde_json::from_str(&ran.exits(FAILED).stdout).expect("JSON");
    assert_eq!(document["results"][0]["verdict"], "kept");
    assert!(project.latest("plain").join("verdict.json").exists());
    let left = fs::read_dir(project.path("runs/.sessions")).expect("sessions").count();
    assert_eq!(left, 0, "the brokers' data are left over");
}

#[test]
fn what_is_kept_is_kept_until_it_is_cleaned() {
    let project = Project::tiny("");
    project.run(&["run", "7", "--keep"]).exits(AS_EXPECTED);
    let sessions: Vec<_> =
        fs::read_dir(project.path("runs/.sessions")).expect("sessions").flatten().collect();
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0].path().join("07-tiny-nats-1/jetstream").is_dir(), "the broker's data");
    project.run(&["clean"]).exits(AS_EXPECTED).says(&["sessions 1, processes 0, unfinished runs 0"]);
    assert!(project.latest("plain").join("verdict.json").exists());
}

#[test]
fn without_a_terminal_there_are_no_escape_codes() {
    let project = Project::tiny(&variant("endless", "no-done", "", "limit = \"100ms\""));
    for arguments in [&["run", "7"][..], &["list"], &[], &["plan", "7"], &["run", "9"], &["--help"]] {
        let ran = project.run(arguments);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains('\u{1b}'), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn on_a_terminal_there_are_colours_unless_they_are_not_wanted() {
    let mut project = Project::tiny("");
    project.run(&["run", "7"]).exits(AS_EXPECTED);
    let on_a_terminal = |project: &Project, arguments: &[&str]| {
        let pty = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
        let output = project.command_by(&["python3", "-c", pty], arguments).output().expect("python3");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(AS_EXPECTED), "{said}");
        said
    };
    let check = ["check", "runs/07-tiny/plain/latest"];
    assert!(on_a_terminal(&project, &check).contains("\u{1b}["), "no colours");
    assert!(on_a_terminal(&project, &["run", "7"]).contains("\u{1b}["), "no live line");
    project.set("NO_COLOR", "1");
    let said = on_a_terminal(&project, &check);
    assert!(said.contains("kept") && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let project = Project::tiny("");
    project.run(&["run", "7"]).exits(AS_EXPECTED);
    let script = "\"$@\" | head -n 1; exec \"$@\"";
    let ran =
        project.command_by(&["sh", "-c", script, "sh"], &["history", "runs/07-tiny/plain/latest"]).output();
    let ran = ran.expect("sh");
    assert_eq!((ran.status.code(), String::from_utf8_lossy(&ran.stderr).as_ref()), (Some(AS_EXPECTED), ""));
}

#[test]
fn without_faults_nothing_strong_has_anything_odd() {
    let project = Project::with_lab_2();
    let strong = ["nobody-listens", "slow-subscriber", "broker-killed", "subscriber-killed"];
    let targets = strong.map(|name| format!("2/jetstream-{name}"));
    let arguments: Vec<_> =
        ["run", "7", "--no-faults"].into_iter().chain(targets.iter().map(String::as_str)).collect();
    let (ran, results) = project.results(&arguments);
    ran.exits(AS_EXPECTED);
    assert_eq!(results.len(), 5);
    for result in &results {
        assert_eq!((&result["verdict"], &result["drained"]), (&"kept".into(), &true.into()), "{result}");
        assert!(result["faults"].as_array().is_some_and(Vec::is_empty), "{result}");
        for name in ODD.split_whitespace() {
            let count = &result["account"][name];
            assert!(count.is_null() || *count == 0, "{name} in {result}");
        }
        assert_eq!(result["account"]["applied"], result["account"]["attempted"]);
    }
}

/// Two plain runs: what is checked, and a stranger to take things from.
fn two_runs() -> (Project, std::path::PathBuf, std::path::PathBuf) {
    let project = Project::tiny("");
    let (ran, results) = project.results(&["run", "7", "--repeat", "2"]);
    ran.exits(AS_EXPECTED);
    let run = |place: usize| project.path(results[place]["run"].as_str().expect("a run folder"));
    let (one, other) = (run(0), run(1));
    (project, one, other)
}

const JOURNAL: &str = "journal/producer-0.0.told.journal";

#[test]
fn a_check_gives_the_same_result_as_the_run() {
    let project = Project::with_lab_2();
    let (ran, results) = project.results(&["run", "7", "2/subscriber-killed"]);
    ran.exits(AS_EXPECTED);
    for result in results {
        let run = result["run"].as_str().expect("a run folder").to_owned();
        let (ran, again) = project.results(&["check", &run]);
        ran.exits(AS_EXPECTED);
        assert_eq!(again, [result]);
        project.run(&["check", &run]).exits(AS_EXPECTED).says(&["kept", "This is as expected"]);
    }
}

/// The first run's folder with something done to it: inconclusive, and this is why.
#[track_caller]
fn damaged(damage: impl FnOnce(&Path, &Path), words: &[&str]) {
    let (project, run, other) = two_runs();
    damage(&run, &other);
    let name = run.to_string_lossy();
    let ran = project.run(&["check", &name]);
    ran.exits(INCONCLUSIVE).says(&["inconclusive"]).says(words);
    let (ran, results) = project.results(&["check", &name]);
    ran.exits(INCONCLUSIVE);
    assert_eq!((&results[0]["verdict"], &results[0]["as_expected"]), (&"inconclusive".into(), &Value::Null));
    // Looking at what is left is no error.
    project.run(&["history", &name]).exits(AS_EXPECTED);
    project.run(&["explain", &name, "0-1"]).exits(AS_EXPECTED);
}

#[test]
fn a_journal_that_is_cut_within_an_entry() {
    // A page of header, then entries of 16 bytes.
    let cut = |length: u64| {
        move |run: &Path, _: &Path| {
            let file = fs::File::options().write(true).open(run.join(JOURNAL)).expect("a journal");
            file.set_len(length).expect("it is cut");
        }
    };
    damaged(cut(4096 + 16 * 3 + 8), &["producer-0.0.told.journal", "cut off"]);
    damaged(cut(100), &["producer-0.0.told.journal"]);
    damaged(cut(0), &["producer-0.0.told.journal"]);
}

#[test]
fn a_journal_with_garbage_in_it() {
    let garbage = |at: usize| {
        move |run: &Path, _: &Path| {
            let mut bytes = fs::read(run.join(JOURNAL)).expect("a journal");
            bytes[at..at + 24].copy_from_slice(b"this is not a journal   ");
            fs::write(run.join(JOURNAL), bytes).expect("a journal");
        }
    };
    damaged(garbage(4096 + 16 * 5), &["producer-0.0.told.journal"]);
    damaged(garbage(0), &["producer-0.0.told.journal"]);
}

#[test]
fn a_journal_of_another_run() {
    damaged(
        |run, other| {
            fs::copy(other.join(JOURNAL), run.join(JOURNAL)).expect("a copy");
        },
        &["producer-0.0.told.journal", "another run"],
    );
}

#[test]
fn a_run_that_was_cut_off() {
    damaged(
        |run, _| {
            let events = fs::read_to_string(run.join("events.jsonl")).expect("events");
            let end = events.find("\"phase\":\"observe\"").expect("the phase");
            fs::write(run.join("events.jsonl"), &events[..end]).expect("events");
        },
        &["cut off"],
    );
}

#[test]
fn events_that_are_none_are_named() {
    let (project, run, _) = two_runs();
    fs::write(run.join("events.jsonl"), "{\"at_s\":0}\n").expect("events");
    let ran = project.run(&["check", &run.to_string_lossy()]);
    ran.exits(FAILED).says(&["events.jsonl", "line 1 is not an event"]);
    fs::write(run.join("run.toml"), "format = 99\n").expect("a plan");
    project.run(&["check", &run.to_string_lossy()]).exits(FAILED).says(&["run.toml"]);
}

#[test]
fn the_life_of_a_message_is_told() {
    let (project, run, _) = two_runs();
    let explain = |id: &'static str| project.run(&["explain", &run.to_string_lossy(), id]);
    explain("0-9").exits(AS_EXPECTED).says(&[
        "Message 0-9",
        "attempted",
        "unconfirmed",
        "delivered",
        "applied",
    ]);
    explain("3-77").exits(AS_EXPECTED).says(&["Message 3-77", "Nothing in this run's journals speaks of it"]);
    for id in ["17", "0-", "a-b", "0-1-2", "0-99999999999"] {
        explain(id).exits(USAGE).says(&[id]);
    }
}

#[test]
fn a_history_is_json_lines_in_the_order_of_time() {
    let (project, run, _) = two_runs();
    let ran = project.run(&["history", &run.to_string_lossy()]);
    let lines: Vec<Value> =
        ran.exits(AS_EXPECTED).stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 40, "four entries for each of ten messages");
    let mut before = f64::MIN;
    for line in &lines {
        has_exactly(line, "t_s writer what id");
        let time = line["t_s"].as_f64().expect("a time");
        assert!(time >= before, "{line}");
        before = time;
    }
    let attempted = lines.iter().filter(|line| line["what"] == "attempted").count();
    assert_eq!(attempted, 10);
}

#[test]
fn a_control_comes_out_as_it_says_or_not() {
    let control = |applied| {
        let file = format!("{TOP}{PLAIN}control = {{ verdict = \"kept\", applied = {applied} }}\n");
        Project::of_file(&file).results(&["run", "7/plain", "--no-faults"])
    };
    let (ran, results) = control(10);
    ran.exits(AS_EXPECTED);
    assert_eq!(results[0]["as_expected"], true, "{ran}");
    let (ran, results) = control(9);
    ran.exits(NOT_AS_EXPECTED);
    assert_eq!(
        (&results[0]["verdict"], &results[0]["as_expected"]),
        (&"kept".into(), &false.into()),
        "{ran}"
    );
}
