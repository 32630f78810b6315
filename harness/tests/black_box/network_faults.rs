//! Faults of the network: when they come and go, what proves them, and what does not.

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{
    AS_EXPECTED, FAILED, INCONCLUSIVE, Project, are_gone, called, kill, nats_server, variant,
};

/// A variant of lab 3 on NATS that loses nothing whatever the network does.
fn durable(name: &str, more: &str) -> Project {
    Project::with_lab_3(&format!(
        "\n[[variant]]\nname = \"{name}\"\nbrokers = [\"nats\"]\nsays = \"Everything arrives.\"\n\
         contract = \"at-least-once\"\nnats = {{ stream = {{}}, consumer = {{}} }}\n\
         worker = [{{ role = \"producer\", run = \"producer\" }}, {{ role = \"consumer\", run = \"ack-after-effect\" }}]\n\
         expect = {{ verdict = \"kept\", lost = 0 }}\n{more}\n"
    ))
}

/// What is told of each fault.
fn evidence(results: &[Value]) -> Vec<(bool, String)> {
    let faults = results[0]["faults"].as_array().expect("faults").iter();
    let told = |fault: &Value| {
        (fault["injected"] == true, fault["evidence"].as_str().unwrap_or_default().to_owned())
    };
    faults.map(told).collect()
}

#[test]
fn a_fault_on_a_connection_that_never_opens_proves_nothing() {
    // The shell's workers connect to nothing.
    let fault = "fault = [{ drop-reply = \"producer-0\", at = { unconfirmed = 1 } }]";
    let project = Project::tiny(&variant("unseen", "", "", fault));
    let said = ["drop-reply producer-0", "nothing shows that the fault took hold"];
    project.run(&["run", "7/unseen"]).exits(INCONCLUSIVE).says(&said);
}

#[test]
fn a_cut_is_seen_and_healed_and_everything_arrives() {
    let cut = "\n[[variant]]\nname = \"cut\"\nbrokers = [\"nats\"]\nsays = \"Its link is cut for a moment.\"\n\
        contract = \"at-least-once\"\nworkload = { messages = 500 }\n\
        nats = { stream = {}, consumer = {} }\n\
        worker = [{ role = \"producer\", run = \"producer\" }, { role = \"consumer\", run = \"ack-after-effect\" }]\n\
        fault = [{ cut = \"consumer-0\", at = { point = \"applied\", nth = 100 }, heal = { after = \"200ms\" } }]\n\
        expect = { verdict = \"kept\", acked = 500, lost = 0 }\n";
    let project = Project::with_lab_3(cut);
    let (ran, results) = project.results(&["run", "3/cut"]);
    ran.exits(AS_EXPECTED);
    let fault = &results[0]["faults"][0];
    assert_eq!((&fault["injected"], &fault["resolved"]), (&true.into(), &"consumer-0".into()), "{ran}");
    assert!(fault["evidence"].as_str().is_some_and(|seen| seen.contains("1 connections closed")), "{ran}");
}

#[test]
fn faults_come_at_a_count_at_a_time_and_at_a_point() {
    // The consumer is held meanwhile, so that messages are in flight at the count and at the time.
    let project = durable(
        "three",
        r#"workload = { messages = 600, rate = 400 }
hold = [{ worker = "consumer-0", at = "reading", until = { time = "1200ms" } }]
fault = [
  { throttle = "producer-0", rate = 500_000, at = { attempted = 50 }, heal = { attempted = 400 } },
  { delay = "consumer-0", by = "1ms", at = { time = "1s" }, heal = { point = "applied", nth = 50, of = "consumer-0" } },
  { reset = "consumer-0", at = { point = "applied", nth = 100 } },
  { black-hole = "consumer-0", direction = "to-broker", at = { point = "applied", nth = 200 }, heal = { after = "200ms" } },
]"#,
    );
    let (ran, results) = project.results(&["run", "3/three"]);
    ran.exits(AS_EXPECTED);
    let told = evidence(&results);
    let proofs = ["bytes late", "bytes late", "1 connections reset", "bytes to it withheld"];
    for ((injected, said), proof) in told.iter().zip(proofs) {
        assert!(*injected && said.contains(proof), "{proof}: {ran}");
    }
    assert_eq!(told.len(), proofs.len(), "{ran}");
}

#[test]
fn a_second_fault_on_a_link_is_not_armed() {
    // Both would withhold, and nobody could say which one did.
    let project = durable(
        "two",
        r#"workload = { messages = 300 }
fault = [
  { delay = "consumer-0", by = "1ms", at = { point = "applied", nth = 10 } },
  { throttle = "consumer-0", rate = 1_000_000, at = { point = "applied", nth = 20 } },
]"#,
    );
    let (ran, results) = project.results(&["run", "3/two"]);
    ran.exits(INCONCLUSIVE);
    let told = evidence(&results);
    assert!(told[0].0 && told[0].1.contains("bytes late"), "{ran}");
    assert_eq!(
        told[1],
        (false, "not armed: `delay consumer-0` is still on this link, heal it before".to_owned())
    );
}

#[test]
fn a_broker_that_is_killed_behind_its_links_comes_back_behind_them() {
    let project = durable(
        "killed",
        r#"workload = { messages = 600, rate = 400 }
fault = [
  { kill = "broker", at = { point = "applied", nth = 50, of = "consumer-0" }, heal = { after = "300ms" } },
  { delay = "consumer-0", by = "1ms", at = { point = "applied", nth = 200 }, heal = { point = "applied", nth = 220, of = "consumer-0" } },
]"#,
    );
    let (ran, results) = project.results(&["run", "3/killed"]);
    ran.exits(AS_EXPECTED);
    assert!(evidence(&results).iter().all(|(injected, _)| *injected), "{ran}");
}

#[test]
fn a_broker_that_dies_behind_its_links_is_named() {
    let project = durable(
        "long",
        r#"workload = { messages = 5_000, rate = 100 }
limit = "60s"
fault = [{ delay = "consumer-0", by = "1ms", at = { point = "applied", nth = 4_900 } }]"#,
    );
    let mut running = project.start(&["run", "3/long"]);
    running.is_in("faults");
    let family = running.family();
    let server = called(&family, &nats_server().to_string_lossy());
    assert_eq!(server.len(), 1, "{family:?}");
    kill(server[0], Signal::KILL);
    running.end().exits(FAILED).says(&["nats-server died by itself (exit by signal 9)"]);
    are_gone(&family, crate::common::BOUND);
}
