//! The whole way: a file's text, its mistakes word for word, the plan, and the plan read back.

mod mistakes;
mod plans;
mod predictions;
mod settings;
mod targets;
mod walks;

use std::{path::Path, time::Duration};

use ledger::Kind;

use super::{
    defaults::Defaults,
    file::{self, Around},
    mistake::Mistakes,
    moment::{Moment, Pick},
    validate::{Neighbour, Supports},
    *,
};

/// A small lab with nothing wrong in it.
const GOOD: &str = r#"format = 1
title = "T"
question = "Q?"
brokers = ["nats"]
minutes = 5
hint = "H"

[[variant]]
name = "weak"
says = "It is sent."
contract = "at-most-once"
defect = "lost"
cure = "strong"
worker = [{ role = "producer", run = "producer" }, { role = "consumer", run = "consumer", count = 2 }]
hold = [{ worker = "consumer-1", at = "reading", until = { point = "sentinel" } }]
fault = [{ kill = "consumer", at = { point = "in-hand", nth = "50..=500" }, heal = { after = "0ms" } }]
expect = { verdict = "kept", lost = ">= 1" }

[[variant]]
name = "strong"
says = "It is stored."
contract = "at-least-once"
nats = { stream = {}, consumer = { ack_wait = "1s" } }
worker = [{ role = "producer", run = "producer" }, { role = "consumer", run = "consumer", start = { done = "producer-0" } }]
fault = [
  { pause = "broker", at = { acked = "100..=900" }, heal = { time = "2s" } },
  { kill = "any", at = { delivered = 100 }, heal = "never" },
  { restart = "producer-0", at = { time = "100ms" } },
]
expect = { verdict = "kept", lost = 0, points.in-hand = ">= 1" }
"#;

fn read(text: &str) -> Result<Lab, Mistakes> {
    read_for(text, &Supports::LOCAL)
}

fn read_for(text: &str, supports: &Supports) -> Result<Lab, Mistakes> {
    let points = ["in-hand", "reading", "sentinel", "stalled"].map(str::to_owned).into();
    let name = "05-idempotent-consumers".to_owned();
    let others = [Neighbour { number: 5, name, variants: vec!["inbox".to_owned()] }];
    let defaults = Defaults::built_in().expect("the defaults are right");
    let around = Around { points, others: &others, supports, defaults: &defaults };
    file::read(text, "lab.toml", Path::new("labs/02-fire-and-forget"), &around)
}

fn good() -> Lab {
    read(GOOD).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The plan of one of the variants of `GOOD`.
fn planned(variant: usize, seed: u64) -> Plan {
    let lab = good();
    Plan::new(&lab, &lab.variants[variant], seed, &Changes::default()).expect("a plan")
}

/// The message for `GOOD` with one text replaced by another.
fn mistake(right: &str, wrong: &str) -> String {
    assert!(GOOD.contains(right), "{right}");
    match read(&GOOD.replacen(right, wrong, 1)) {
        Ok(_) => "no mistake".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn a_lab_is_read() {
    let lab = good();
    assert_eq!((lab.number, lab.name.as_str()), (2, "02-fire-and-forget"));
    assert_eq!(lab.binary, "lab-02-fire-and-forget");
    let weak = &lab.variants[0];
    assert_eq!(weak.workload, Workload { messages: 2_000, rate: 0, payload: 128 });
    assert_eq!(
        weak.faults[0].at,
        Moment::Point { name: "in-hand".to_owned(), of: None, nth: Pick::Between(50, 500) }
    );
    assert_eq!(weak.faults[0].heal, Heal::At(Moment::After(Duration::ZERO)));
    let until = Moment::Point {
        name: "sentinel".to_owned(),
        of: Some("consumer-1".to_owned()),
        nth: Pick::Exactly(1),
    };
    assert_eq!(weak.holds[0].until, until);
    let strong = &lab.variants[1];
    assert_eq!(strong.faults[0].at, Moment::Count { kind: Kind::Acked, reaches: Pick::Between(100, 900) });
    assert_eq!(strong.faults[1].heal, Heal::Never);
    assert_eq!(strong.faults[2].heal, Heal::At(Moment::After(Duration::ZERO)));
    assert_eq!(strong.workers[1].start, Some(Moment::Done { of: "producer-0".to_owned() }));
    let nats = strong.nats.as_ref().expect("it is there");
    assert_eq!(nats.consumer.as_ref().and_then(|consumer| consumer.ack_wait), Some(Duration::from_secs(1)));
}

#[test]
fn the_labs_of_this_project_have_no_mistakes() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let labs = Labs::find(home, None).expect("the project's labs");
    let selections = labs.select(&[], true, &Supports::LOCAL).unwrap_or_else(|error| panic!("{error}"));
    for selection in &selections {
        for variant in selection.variants() {
            let plan = Plan::new(&selection.lab, variant, 7, &Changes::default()).expect("a plan");
            assert!(plan.worker_names().iter().any(|name| name.starts_with("producer")), "{}", variant.name);
            assert!(plan.expectation().is_some());
            assert!(variant.knob.is_some() && variant.next.is_some(), "{}", variant.name);
        }
    }
    let lab = &labs.select(&["2".to_owned()], false, &Supports::LOCAL).expect("lab 2")[0].lab;
    assert_eq!(lab.variants.len(), 10);
    let is_weak = |name: &str| !name.starts_with("jetstream-") && !name.starts_with("kafka-");
    for weak in lab.variants.iter().filter(|variant| is_weak(&variant.name)) {
        assert_eq!(weak.cure, Some(format!("jetstream-{}", weak.name)));
    }
}
