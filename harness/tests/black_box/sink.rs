//! Effects at a webhook: what counts is the call that arrived, not what a worker says of it.

use crate::common::{AS_EXPECTED, Project, TOP};

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
