//! Effects at a webhook: what counts is the call that arrived, not what a worker says of it.

use crate::common::{AS_EXPECTED, BOUND, INCONCLUSIVE, Project, TOP, are_gone};

/// A consumer that posts each message, number 3 twice, number 5 never, and claims to have applied all.
const PYTHON: &str = r#"
import os, sys, urllib.request
def say(text):
    print(":: " + text, flush=True)
def post(seq, tag=os.environ["HARNESS_TAG"]):
    body = f"{tag} 0-{seq} 0 ".encode()
    urllib.request.urlopen(urllib.request.Request(os.environ["WEBHOOK_URL"], data=body), timeout=5).read()
role = os.environ["HARNESS_WORKER"].split("-")[0]
say("ready")
for line in sys.stdin:
    order, _, argument = line.strip().partition(" ")
    if order == "go" and role == "producer":
        say("attempted 0-0..0-9")
        say("acked 0-0..0-9")
        say("done")
    elif order == "go":
        say("delivered 0-0..0-9")
        for seq in [0, 1, 2, 3, 3, 4, 6, 7, 8, 9]:
            post(seq)
        post(7, "another-run")
        try:
            urllib.request.urlopen(urllib.request.Request(os.environ["WEBHOOK_URL"], data=b"hello"), timeout=5)
        except urllib.error.HTTPError as error:
            print("refused:", error.code, flush=True)
        say("applied 0-0..0-9")
    elif order == "drain" and role == "consumer":
        say(f"idle {argument}")
    elif order == "stop":
        sys.exit(0)
"#;

#[test]
fn a_webhook_counts_calls_and_not_claims() {
    let file = r#"
[[variant]]
name = "webhook"
says = "Effects are calls of a webhook."
contract = "at-least-once"
sink = { kind = "webhook", keyed = false }
worker = [{ role = "producer", command = ["python3", "worker.py"] }, { role = "consumer", command = ["python3", "worker.py"] }]
expect = { verdict = "broken", applied = 9, duplicated = 1, surplus = 1, lost = 1, crossed = 1 }
"#;
    let project = Project::of_file(&format!("{TOP}{file}"));
    project.write("labs/07-tiny/worker.py", PYTHON);
    let (ran, results) = project.results(&["run", "7"]);
    ran.exits(AS_EXPECTED);
    assert_eq!(results[0]["as_expected"], true, "{}", results[0]["account"]);
    let log = std::fs::read_to_string(project.latest("webhook").join("logs/consumer-0.log")).expect("a log");
    assert!(log.contains("refused: 400"), "{log}");
}

/// A variant of lab 5 whose webhook does not answer from the fifth call on.
fn silent(answer_ms: &str, heal: &str) -> Project {
    let file = format!(
        r#"
[[variant]]
name = "silent"
brokers = ["nats"]
says = "The webhook does not answer."
contract = "effectively-once"
workload = {{ messages = 20 }}
nats = {{ stream = {{}}, consumer = {{ ack_wait = "5s" }} }}
sink = {{ kind = "webhook", keyed = true }}
worker = [
  {{ role = "producer", run = "producer" }},
  {{ role = "consumer", run = "outside-effect", args = ["--answer-ms", "{answer_ms}"] }},
]
fault = [{{ black-hole = "webhook", at = {{ point = "before-call", nth = 5, of = "consumer-0" }}, heal = {heal} }}]
expect = {{ verdict = "kept", applied = 20, calls = ">= 22", duplicated = 0, lost = 0 }}
"#
    );
    Project::with_lab_5(&file)
}

#[test]
fn a_webhook_that_never_answers_is_named_and_nothing_is_left_behind() {
    let project = silent("200", "\"never\"");
    let mut running = project.start(&["run", "5/silent"]);
    running.is_in("faults");
    let family = running.family();
    let ran = running.end();
    ran.exits(INCONCLUSIVE).says(&[
        "a worker broke: consumer-0: 8 calls failed",
        "no answer of the webhook http://127.0.0.1:",
        "nothing within 200ms",
        "taken and never answered",
    ]);
    are_gone(&family, BOUND);
}

#[test]
fn a_webhook_that_is_silent_for_a_while_is_called_again() {
    let project = silent("1000", "{ point = \"call-failed\", nth = 2, of = \"consumer-0\" }");
    let (ran, results) = project.results(&["run", "5/silent"]);
    ran.exits(AS_EXPECTED);
    let fault = &results[0]["faults"][0];
    assert_eq!((&fault["injected"], &fault["resolved"]), (&true.into(), &"webhook".into()), "{ran}");
    assert_eq!(fault["evidence"], "2 calls taken and never answered", "{ran}");
}

#[test]
fn a_fault_of_a_webhook_that_nobody_calls_proves_nothing() {
    let file = r#"
[[variant]]
name = "uncalled"
says = "Nobody calls the webhook."
contract = "at-least-once"
sink = { kind = "webhook" }
worker = [{ role = "producer", command = ["sh", "worker.sh"] }, { role = "consumer", command = ["sh", "worker.sh"] }]
fault = [{ error = "webhook", at = { unconfirmed = 1 } }]
expect = { verdict = "kept" }
"#;
    let project = Project::of_file(&format!("{TOP}{file}"));
    let said = ["error webhook", "nothing shows that the fault took hold"];
    project.run(&["run", "7/uncalled"]).exits(INCONCLUSIVE).says(&said);
}
