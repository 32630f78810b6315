//! Transactions of Kafka that go wrong: a client that gives up, one that leaves its transaction open.

use std::time::Duration;

use crate::common::{INCONCLUSIVE, LAB_6, Project, are_gone};

/// A variant of lab 6 with a transactional producer and a reader.
fn producing(name: &str, arguments: &str, more: &str) -> String {
    format!(
        "\n[[variant]]\nname = \"{name}\"\nbrokers = [\"kafka\"]\nsays = \"It goes wrong.\"\n\
         contract = \"at-least-once\"\nworkload = {{ messages = 100 }}\nkafka = {{ group = true }}\n\
         worker = [{{ role = \"producer\", run = \"transactional-producer\", args = [{arguments}] }}, \
         {{ role = \"consumer\", run = \"kafka-consumer\" }}]\n{more}\nexpect = {{ verdict = \"kept\" }}\n"
    )
}

#[test]
fn a_client_that_gives_up_is_named_and_leaves_nothing_behind() {
    // Longer than any broker lets a transaction be open: the client says that this is fatal.
    let gives_up = producing("gives-up", "\"--transaction-timeout-ms\", \"900001\"", "");
    let project = Project::with_lab_6(&gives_up);
    let mut running = project.start(&["run", "6/gives-up"]);
    running.is_in("ready");
    let family = running.family();
    let said = ["a worker broke: producer-0", "the client gives up", "inconclusive"];
    running.end().exits(INCONCLUSIVE).says(&said);
    are_gone(&family, Duration::from_secs(30));
}

#[test]
fn a_transaction_left_open_is_named_and_the_next_run_is_as_if_it_were_not() {
    let open = "fault = [{ kill = \"producer\", at = { point = \"produced\", nth = 3 }, heal = \"never\" }]";
    let arguments = "\"--transaction-timeout-ms\", \"600000\"";
    let project = Project::with_lab_6("");
    // Variants run in the order of the file, one after the other on the same broker, with the same names of producers.
    let file = format!("{LAB_6}/lab.toml");
    let text = std::fs::read_to_string(project.path(&file)).expect("the lab");
    let left_open = producing("left-open", arguments, open);
    project.write(&file, &text.replacen("\n[[variant]]", &format!("{left_open}\n[[variant]]"), 1));
    let (ran, results) = project.results(&["run", "6/left-open", "6/kafka-transactions"]);
    ran.exits(INCONCLUSIVE);
    assert_eq!(results[0]["variant"], "left-open", "{ran}");
    assert_eq!(results[0]["verdict"], "inconclusive", "{ran}");
    let run = results[0]["run"].as_str().expect("its folder");
    let events = std::fs::read_to_string(project.path(run).join("events.jsonl")).expect("its events");
    assert!(events.contains("10 messages in the store are of a transaction that is still open"), "{events}");
    assert!(events.contains("the group's committed offsets are"), "{events}");
    assert_eq!(results[1]["as_expected"], true, "{ran}");
}
