//! What it costs a run at full speed that somebody looks on. Measurements, for a quiet machine: BENCHMARKS.md has their
//! figures.

use std::fs;

use serde_json::{Value, json};

use crate::{
    common::{AS_EXPECTED, LAB_2, Project},
    live_page::{live, look_on},
    prometheus::{Prometheus, free_port},
};

/// A producer into a stream, as fast as it can. There is no consumer: it is slower, and what it leaves would have to be
/// waited for.
const FULL_SPEED: &str = r#"
[[variant]]
name = "full-speed"
brokers = ["nats"]
says = "As fast as it goes."
contract = "at-most-once"
nats = { stream = {} }
worker = [{ role = "producer", run = "jetstream-producer" }]
expect = { verdict = "kept", stored = "= attempted" }
"#;

/// Enough for ten seconds and more: in shorter runs the noise is larger than what is looked for.
const MESSAGES: u32 = 2_000_000;

/// What the work of a run has to take at least, in seconds.
const LONG_ENOUGH: f64 = 10.0;

/// How often with and without are compared.
const PAIRS: usize = 7;

fn arguments<'a>(messages: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["2/full-speed", "--set", messages, "--set", "limit=300s"], more].concat()
}

fn project() -> Project {
    let project = Project::with_lab_2();
    let file = format!("{LAB_2}/lab.toml");
    let lab = fs::read_to_string(project.path(&file)).expect("the lab");
    project.write(&file, &format!("{lab}{FULL_SPEED}"));
    project
}

/// The rate of the newest run, from the first message to the ack of the last.
fn rate(project: &Project) -> f64 {
    let run = project.path("runs/02-fire-and-forget/full-speed/latest");
    let text = fs::read_to_string(run.join("events.jsonl")).expect("events");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let at = |wanted: &Value| {
        let found = events.iter().find(|event| {
            wanted.as_object().expect("fields").iter().all(|(name, value)| event[name] == *value)
        });
        found.and_then(|event| event["at_s"].as_f64()).expect("the event")
    };
    let seconds =
        at(&json!({ "event": "worker-done" })) - at(&json!({ "event": "phase-began", "phase": "steady" }));
    assert!(seconds >= LONG_ENOUGH, "{seconds} s are too short to tell: raise MESSAGES");
    f64::from(MESSAGES) / seconds
}

/// The processor time of all children that ended, and of theirs, in seconds; 0 where the system does not tell it so. On a
/// machine that has other work it says more than the rate.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields are counted after the command's name (proc_pid_stat(5)); a tick is a hundredth of a second.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// What a run has of both: its rate, and the processor time of all that it took.
fn measured(run: &impl Fn() -> f64) -> [f64; 2] {
    let before = processor_seconds();
    let rate = run();
    [rate, processor_seconds() - before]
}

/// With and without in turns, each of them first in turn; the medians of the pairs' ratios.
fn compare(with: impl Fn() -> f64, without: impl Fn() -> f64) {
    let mut ratios = [Vec::new(), Vec::new()];
    for pair in 0..PAIRS {
        let (with, without) = if pair % 2 == 0 {
            let with = measured(&with);
            (with, measured(&without))
        } else {
            let without = measured(&without);
            (measured(&with), without)
        };
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("with {with:.1?}, without {without:.1?} (rate a second, processor seconds), load {load}");
        for place in 0..2 {
            ratios[place].push(with[place] / without[place]);
        }
    }
    for (what, mut ratios) in ["rate", "processor time"].into_iter().zip(ratios) {
        println!("{what}, with / without: {ratios:.3?}");
        ratios.sort_by(f64::total_cmp);
        let quartile = |part: usize| ratios[(ratios.len() - 1) * part / 4];
        println!("  median {:.3}, quartiles {:.3} and {:.3}", quartile(2), quartile(1), quartile(3));
    }
}

/// A run that nobody can look at.
fn bare(project: &Project) -> f64 {
    let messages = format!("messages={MESSAGES}");
    let run = arguments(&messages, &["--no-metrics"]);
    project.run(&[&["run"], &*run].concat()).exits(AS_EXPECTED);
    rate(project)
}

/// `cargo test -p harness --test black_box -- --ignored --nocapture what_metrics_cost`
#[test]
#[ignore = "a measurement: BENCHMARKS.md has its figures"]
fn what_metrics_cost_a_run_at_full_speed() {
    let project = project();
    let address = format!("127.0.0.1:{}", free_port());
    let _prometheus = Prometheus::scraping(&address);
    let messages = format!("messages={MESSAGES}");
    let scraped = || {
        let run = arguments(&messages, &["--metrics", &address]);
        project.run(&[&["run"], &*run].concat()).exits(AS_EXPECTED);
        rate(&project)
    };
    compare(scraped, || bare(&project));
}

/// `cargo test -p harness --test black_box -- --ignored --nocapture what_metrics_and_live_page_cost`
#[test]
#[ignore = "a measurement: BENCHMARKS.md has its figures"]
fn what_metrics_and_live_page_cost_a_run_at_full_speed() {
    let project = project();
    let address = format!("127.0.0.1:{}", free_port());
    let _prometheus = Prometheus::scraping(&address);
    let messages = format!("messages={MESSAGES}");
    let shown = || {
        let (running, url) = live(&project, &arguments(&messages, &["--metrics", &address]));
        // It reads all that the page is told; what a browser draws of it is the browser's own cost.
        let reader = std::thread::spawn(move || std::io::copy(&mut look_on(&url), &mut std::io::sink()));
        running.end().exits(AS_EXPECTED);
        assert!(reader.join().expect("a reader").expect("all of it") > 0);
        rate(&project)
    };
    compare(shown, || bare(&project));
}
