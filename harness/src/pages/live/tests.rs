//! What browsers are told, without a browser.

use std::sync::Arc;

use ledger::{Account, Contract, Entry, Kind, MessageId, Verdict};
use serde_json::Value;

use super::{board::ROWS, hub::Hub, *};
use crate::{
    report::{
        event::{Phase, Recorded, RunEvent},
        samples,
    },
    selftest::plan::clean,
};

fn begun() -> (Arc<Hub>, RunPage) {
    let hub = Arc::new(Hub::default());
    let number = hub.change(|state| state.begin(&clean(), "2/x"));
    (hub.clone(), RunPage::new(hub, clean().lab, number))
}

fn account(entries: &[(Kind, u32)]) -> Account {
    let entry = |(kind, seq): &(Kind, u32)| Entry { kind: *kind, id: MessageId::new(0, *seq), time_ns: 1 };
    let mut account = Account::new();
    account.fold(&entries.iter().map(entry).collect::<Vec<_>>());
    account
}

fn look(hub: &Hub, number: u64, account: &Account) {
    hub.change(|state| {
        let (version, run) = state.run(&clean().lab, number).unwrap();
        run.look(version, account);
    });
}

fn news(reader: &mut hub::Reader) -> Value {
    serde_json::to_value(reader.news()).unwrap()
}

fn event(event: RunEvent) -> Recorded {
    Recorded { at_s: 0.5, event }
}

#[test]
fn a_reader_gets_everything_first_and_then_what_is_new() {
    let (hub, page) = begun();
    page.event(&event(RunEvent::PhaseBegan { phase: Phase::Faults }));
    let attempted: Vec<_> = (0..200).map(|seq| (Kind::Attempted, seq)).collect();
    look(&hub, 1, &account(&attempted));
    let mut reader = hub.reader();
    let first = news(&mut reader);
    let run = &first["boards"][0]["run"];
    assert_eq!(run["target"], "2/x");
    assert_eq!(run["phase"], "faults");
    assert_eq!(run["cells"][0], serde_json::json!({ "producer": 0, "from": 0, "cells": "E200" }));
    assert_eq!(run["lines"].as_array().unwrap().len(), 1);

    assert_eq!(news(&mut reader)["boards"], serde_json::json!([]), "nothing is new");

    let with_one: Vec<_> = attempted.iter().copied().chain([(Kind::Reported, 70)]).collect();
    look(&hub, 1, &account(&with_one));
    let second = news(&mut reader);
    let run = &second["boards"][0]["run"];
    let cells = serde_json::json!([{ "producer": 0, "from": 64, "cells": "E6AE57" }]);
    assert_eq!(run["cells"], cells, "only the row that changed");
    assert_eq!(run["lines"], serde_json::json!([]));
    let late = news(&mut hub.reader());
    assert_eq!(late["boards"][0]["run"]["cells"][0]["cells"], "E70AE129", "who comes later gets the present");
}

#[test]
fn what_a_browser_does_not_read_piles_up_nowhere() {
    let (hub, page) = begun();
    let mut reader = hub.reader();
    news(&mut reader);
    for round in 0..5_000 {
        page.event(&event(RunEvent::WorkerDone { worker: format!("producer-{round}") }));
        look(&hub, 1, &account(&[(Kind::Attempted, round % 64)]));
    }
    let lines = news(&mut reader)["boards"][0]["run"]["lines"].clone();
    assert_eq!(lines.as_array().unwrap().len(), 400, "the newest only");
    assert!(lines[399]["text"].as_str().unwrap().contains("producer-4999"));
}

#[test]
fn messages_beyond_what_is_shown_are_told_to_be() {
    let (hub, _page) = begun();
    look(&hub, 1, &account(&[(Kind::Stored, u32::MAX), (Kind::Attempted, 5)]));
    let run = news(&mut hub.reader())["boards"][0]["run"].clone();
    assert_eq!(run["beyond"], true);
    assert_eq!(run["cells"].as_array().unwrap().len(), 1);
    const { assert!(ROWS * 64 >= 1_000_000, "a million is shown") };
}

#[test]
fn a_fault_is_there_until_it_is_healed() {
    let (hub, page) = begun();
    let (fault, resolved) = ("kill".to_owned(), "consumer-0".to_owned());
    let mut reader = hub.reader();
    page.event(&event(RunEvent::FaultFired {
        number: 0,
        fault: fault.clone(),
        target: "consumer".into(),
        resolved: resolved.clone(),
        at: "in-hand #1".into(),
        at_point: true,
        injected: true,
        evidence: "<b>exit</b> by signal 9".into(),
        in_flight: 1,
    }));
    assert_eq!(news(&mut reader)["boards"][0]["run"]["broken"], serde_json::json!(["consumer-0"]));
    page.event(&event(RunEvent::FaultHealed { number: 0, fault, resolved }));
    assert_eq!(news(&mut reader)["boards"][0]["run"]["broken"], serde_json::json!([]));
}

#[test]
fn in_the_end_the_page_shows_the_account_and_the_verdict() {
    let (hub, page) = begun();
    let lost = account(&[
        (Kind::Attempted, 0),
        (Kind::Acked, 0),
        (Kind::Attempted, 1),
        (Kind::Acked, 1),
        (Kind::Applied, 1),
    ]);
    look(&hub, 1, &lost);
    let mut reader = hub.reader();
    assert_eq!(news(&mut reader)["boards"][0]["run"]["cells"][0]["cells"], "EA");
    let mut result = samples::result(Contract::AtLeastOnce, Verdict::Broken);
    result.account = Some(samples::counts(&[("attempted", 2), ("acked", 2), ("applied", 1), ("lost", 1)]));
    result.drained = true;
    result.as_expected = Some(true);
    result.sentence = "broken: one is lost".to_owned();
    page.judged(&result, &lost);
    let board = news(&mut reader)["boards"][0].clone();
    assert_eq!(board["run"]["cells"][0]["cells"], "HA");
    assert_eq!(board["run"]["judged"], true);
    assert!(board["run"]["counts"].as_array().unwrap().contains(&serde_json::json!(["lost", 1])));
    assert_eq!(board["outcomes"][0]["sentence"], "broken: one is lost");
    assert_eq!(board["outcomes"][0]["sign"], "✓");
}

#[test]
fn a_run_that_was_followed_by_another_changes_nothing_any_more() {
    let (hub, page) = begun();
    hub.change(|state| state.begin(&clean(), "2/y"));
    page.event(&event(RunEvent::Interrupted));
    let board = news(&mut hub.reader())["boards"][0].clone();
    assert_eq!(board["run"]["target"], "2/y");
    assert_eq!(board["run"]["lines"], serde_json::json!([]));
}

#[test]
fn readers_are_counted() {
    let hub = Arc::new(Hub::default());
    let readers = hub.readers();
    let (one, two) = (hub.reader(), hub.reader());
    assert_eq!(*readers.borrow(), 2);
    drop(one);
    assert_eq!(*readers.borrow(), 1);
    drop(two);
    assert_eq!(*readers.borrow(), 0);
}
