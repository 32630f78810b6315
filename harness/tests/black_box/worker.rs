//! Workers: those that break, those in another language, and what they print beside the protocol.

use rustix::process::Signal;
use serde_json::json;

use crate::common::{
    AS_EXPECTED, BOUND, INCONCLUSIVE, NOT_AS_EXPECTED, Project, TOP, are_gone, called, marked, variant,
};

/// A project whose variant `own` has a consumer of this script.
fn with_consumer(script: &str) -> Project {
    with_consumer_and(script, "")
}

/// The same, with more lines of the variant.
fn with_consumer_and(script: &str, more: &str) -> Project {
    let project = Project::tiny(&variant("own", "", "", more).replacen(
        "role = \"consumer\", command = [\"sh\", \"worker.sh\"]",
        "role = \"consumer\", command = [\"sh\", \"own.sh\"]",
        1,
    ));
    project.write("labs/07-tiny/own.sh", script);
    project
}

/// The worker is named with why it broke, and its log is shown; the run is inconclusive.
#[track_caller]
fn breaks(script: &str, words: &[&str]) {
    let project = with_consumer(script);
    let ran = project.run(&["run", "7/own"]);
    ran.exits(INCONCLUSIVE).says(&["inconclusive", "consumer-0"]).says(words);
    let (ran, results) = project.results(&["run", "7/own"]);
    ran.exits(INCONCLUSIVE);
    assert_eq!((&results[0]["verdict"], &results[0]["as_expected"]), (&json!("inconclusive"), &json!(null)));
    project.run(&["run", "7/plain"]).exits(AS_EXPECTED);
}

/// A consumer that says nothing for longer than most waits take, and then goes on.
const SILENT: &str = r#"
echo ":: ready"
while read -r order argument; do
  case "$HARNESS_INCARNATION $order" in
    "0 go") sleep 7; echo ":: delivered 0-0..0-4"; echo ":: applied 0-0..0-4" ;;
    "1 go") echo ":: delivered 0-5..0-9"; echo ":: applied 0-5..0-9" ;;
    *" drain") echo ":: idle $argument" ;;
    *" stop") exit 0 ;;
  esac
done
"#;

#[test]
fn one_that_is_silent_for_a_while_is_waited_for() {
    let killed = "fault = [{ kill = \"consumer\", at = { delivered = 5 }, heal = { after = \"0ms\" } }]";
    let project = with_consumer_and(SILENT, killed);
    project.run(&["run", "7/own"]).exits(AS_EXPECTED).says(&["kept", "kill consumer-0 at 5 delivered"]);
}

#[test]
fn one_that_panics() {
    let script = "echo ':: ready'; read go
        echo \"thread 'main' panicked at consumer.rs:9: no such table\" >&2; exit 101";
    breaks(script, &["ended by itself (exit code 101)", "panicked at consumer.rs:9: no such table"]);
}

#[test]
fn one_that_ends_early() {
    breaks("echo ':: ready'; read go; echo I am through; exit 0", &["ended by itself", "I am through"]);
}

#[test]
fn one_that_never_gets_ready() {
    breaks("echo cannot reach it >&2; exit 1", &["ended by itself (exit code 1)", "cannot reach it"]);
}

#[test]
fn one_that_dies_by_a_signal() {
    breaks("echo ':: ready'; read go; kill -ABRT $$", &["ended by itself (exit by signal 6)"]);
}

#[test]
fn one_that_says_that_it_failed() {
    breaks("echo ':: ready'; read go; echo ':: failed no such table'; read more", &["no such table"]);
}

#[test]
fn one_that_says_what_nobody_understands() {
    breaks("echo ':: ready'; read go; echo ':: sing 0-1'; read more", &["not understood: `:: sing 0-1`"]);
}

#[test]
fn one_whose_program_is_not_there() {
    let file = variant("own", "", "", "").replacen("\"sh\"", "\"no-such-program\"", 1);
    let project = Project::tiny(&file);
    project.run(&["run", "7/own"]).exits(INCONCLUSIVE).says(&["not run: producer-0", "`no-such-program`"]);
    project.run(&["run", "7", "--skip-missing"]).exits(AS_EXPECTED);
}

#[test]
fn a_lab_that_does_not_compile() {
    let mut project = Project::with_lab_2();
    project.set("HARNESS_WORKERS", "");
    let script = "echo \"error[E0425]: cannot find value in consumer.rs\" >&2; exit 101";
    let cargo = project.program("cargo", script);
    project.set("CARGO", cargo);
    let ran = project.run(&["run", "7", "2/nobody-listens"]);
    ran.exits(INCONCLUSIVE).says(&["E0425", "lab-02-fire-and-forget does not compile", "7/plain", "kept"]);
    ran.says(&["to mend it: cargo build --package labs --bin lab-02-fire-and-forget"]);
    project.run(&["run", "7", "2/nobody-listens", "--skip-missing"]).exits(AS_EXPECTED);
    project.set("CARGO", "/no/cargo");
    let ran = project.run(&["run", "2/nobody-listens"]);
    ran.exits(INCONCLUSIVE).says(&["cargo cannot be started", "install Rust with rustup"]);
}

#[test]
fn what_it_leaves_behind_is_ended() {
    let script = "sleep 600 >/dev/null 2>&1 & echo $! >left; echo ':: ready'; while read -r order mark; do
        case $order in drain) echo \":: idle $mark\" ;; stop) exit 0 ;; esac
        done";
    let project = with_consumer(script);
    let ran = project.run(&["run", "7/own"]);
    ran.exits(NOT_AS_EXPECTED).says(&["broken", "lost", "still there at the end"]);
    assert!(
        !ran.stderr.contains('\u{1b}'),
        "escape codes in the log of a harness without a terminal: {ran:?}"
    );
    let left = std::fs::read_to_string(project.path("labs/07-tiny/left")).expect("its id");
    are_gone(&[left.trim().parse().expect("an id")], BOUND);
}

#[test]
fn a_kill_takes_its_own_processes_with_it() {
    // As `npm run`, `uv run` and the like do: the worker that is known is only the parent of the one that works.
    let lab = variant(
        "own",
        "no-done",
        "",
        "fault = [{ kill = \"consumer\", at = { delivered = 10 }, heal = \"never\" }]",
    );
    let wrapped = "\"consumer\", command = [\"sh\", \"-c\", \"sh worker.sh the-consumer; exit 9\"]";
    let lab = lab.replacen("\"consumer\", command = [\"sh\", \"worker.sh\"]", wrapped, 1);
    assert!(lab.contains("the-consumer"));
    let project = Project::tiny(&lab);
    let mut running = project.start(&["run", "7/own"]);
    running.hears("fault: kill consumer-0");
    let family = called(&running.family(), "the-consumer");
    let left = called(&marked(&project), "the-consumer");
    assert_eq!((family, left), (Vec::new(), Vec::new()), "the consumer goes on after its death");
    running.signal(Signal::INT);
    running.end();
}

/// A program in another language, with a variant of its own that shows each kind of entry.
const PYTHON: &str = r#"
import os, sys
role = os.environ["HARNESS_WORKER"].split("-")[0]
last = int(os.environ["HARNESS_MESSAGES"]) - 1
def say(text): print("::", text, flush=True)
assert os.environ["NATS_URL"].startswith("nats://127.0.0.1:") and os.environ["NATS_PASSWORD"]
say("ready")
for line in sys.stdin:
    order, _, argument = line.strip().partition(" ")
    if order == "go" and role == "producer":
        say(f"attempted 0-0..0-{last}")
        say(f"acked 0-0..0-{last - 4}")
        say(f"rejected 0-{last - 3}")
        say(f"unconfirmed 0-{last - 2}")
        say("figure speed 12.5 1/s")
        say("done")
    elif order == "go":
        # 0-1 is lost, 0-2 is applied twice, of the two unknown ones the last arrives.
        say(f"delivered 0-0 0-2..0-{last - 4} 0-{last - 2} 0-{last}")
        say(f"applied 0-0 0-2..0-{last - 4} 0-{last - 2} 0-{last}")
        say("applied 0-2")
    elif order == "drain" and role == "consumer":
        say(f"idle {argument}")
    elif order == "stop":
        sys.exit(0)
"#;

#[test]
fn one_in_another_language_is_accounted_for() {
    let file = r#"
[[variant]]
name = "python"
says = "Both sides are written in Python."
contract = "at-most-once"
worker = [{ role = "producer", command = ["python3", "worker.py"] }, { role = "consumer", command = ["python3", "worker.py"] }]
expect = { verdict = "broken", lost = 1, duplicated = 1, figures.speed = 12.5 }
"#;
    let project = Project::of_file(&format!("{TOP}{file}"));
    project.write("labs/07-tiny/worker.py", PYTHON);
    let (ran, results) = project.results(&["run", "7"]);
    ran.exits(AS_EXPECTED);
    let account = &results[0]["account"];
    for (name, count) in [
        ("attempted", 10),
        ("acked", 6),
        ("rejected", 1),
        ("unconfirmed", 1),
        ("unknown", 2),
        ("delivered", 7),
        ("applied", 7),
        ("duplicated", 1),
        ("surplus", 1),
        ("lost", 1),
        ("lost_acked", 1),
        ("lost_unconfirmed", 0),
        ("recovered", 1),
        ("phantom", 0),
        ("resurrected", 0),
    ] {
        assert_eq!(account[name], count, "{name} in {account}");
    }
    let lost =
        results[0]["findings"].as_array().expect("findings").iter().find(|found| found["kind"] == "lost");
    assert_eq!(lost.expect("what is lost")["ids"], json!([{ "producer": 0, "from": 1, "to": 1 }]));
    assert_eq!(results[0]["figures"], json!([{ "name": "speed", "value": 12.5, "unit": "1/s" }]));
}

#[test]
fn what_it_prints_beside_the_protocol_changes_nothing() {
    let script = r#"
echo "hello from a participant"; echo " :: ready"; echo "::ready"; echo "note: :: failed"; echo ":::: done"
printf 'bytes that are no text: \377\376\n'
head -c 3000000 /dev/zero | tr '\0' x; echo
seq 20000
echo ":: ready"
echo ' :: point in-hand 1'; echo '	:: idle drain-1'; echo '# :: failed in a comment'
while read -r order argument; do
  case "$order" in
    go) echo "got $order"; echo ":: delivered 0-0..0-9"; echo ":: applied 0-0..0-9"; echo >&2 ":: failed on standard error" ;;
    drain) echo "drain? $argument"; echo ":: idle $argument" ;;
    stop) printf 'the last line has no end'; exit 0 ;;
  esac
done
"#;
    let project = with_consumer(script);
    project.run(&["run", "7/own"]).exits(AS_EXPECTED).says(&["kept"]);
    let log = std::fs::read(project.latest("own").join("logs/consumer-0.log")).expect("its log");
    let log = String::from_utf8_lossy(&log);
    for line in ["hello from a participant", " :: ready", "::ready", "got go", ":: failed on standard error"]
    {
        assert!(log.lines().any(|logged| logged == line), "{line} in:\n{log}");
    }
    assert!(log.contains("the last line has no end") && log.contains("bytes that are no text"), "{log}");
}

#[test]
fn a_line_that_is_longer_than_any_is_cut_in_its_log() {
    let script = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo ':: ready'; while read -r order mark; do
        case $order in drain) echo \":: idle $mark\" ;; stop) exit 0 ;; esac
        done";
    let project = with_consumer(script);
    project.run(&["run", "7/own"]).exits(NOT_AS_EXPECTED).says(&["broken", "lost"]);
    let log = std::fs::read_to_string(project.latest("own").join("logs/consumer-0.log")).expect("a log");
    assert!(log.len() < 70_000 && log.contains("x … (the rest of this line is left out)"), "{}", log.len());
}
