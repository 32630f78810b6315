//! `harness selftest`, as a person runs it: all that is planted is found, and what cannot be started is said.

use std::process::{Command, Output};

/// Runs the selftest with these arguments and variables; standard output apart.
fn selftest(arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.arg("selftest").args(arguments).env("NO_COLOR", "1").env_remove("COLUMNS");
    let output = command.envs(variables.iter().copied()).output().expect("the harness starts");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    (output, text)
}

/// "found 30 of 31 planted, 6 of 7 clean runs clean" → [30, 31, 6, 7]
fn numbers(text: &str) -> Vec<usize> {
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("found ") && last.ends_with(" clean runs clean"), "{text}");
    last.split(' ').filter_map(|word| word.parse().ok()).collect()
}

fn all_found(output: &Output, text: &str, planted_at_least: usize, clean_at_least: usize) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}\n{errors}");
    let [found, planted, clean, runs] = numbers(text)[..] else { panic!("{text}") };
    assert_eq!((found, clean), (planted, runs), "{text}");
    assert!(planted >= planted_at_least && runs >= clean_at_least, "{text}");
}

#[test]
fn every_synthetic_anomaly_is_found() {
    let (output, text) = selftest(&["--synthetic"], &[]);
    all_found(&output, &text, 30, 6);
    assert!(!text.contains("real run"), "{text}");
}

/// Needs nats-server; see `harness doctor`.
#[test]
fn every_anomaly_is_found_also_in_real_runs() {
    let (output, text) = selftest(&[], &[]);
    all_found(&output, &text, 55, 11);
    let real = |kind: &str| {
        text.lines().any(|line| line.contains(&format!(" {kind} ")) && line.contains("real run"))
    };
    for kind in ["lost", "duplicated", "phantom", "acked-never-sent", "resurrected", "reordered", "crossed"] {
        assert!(real(kind), "{kind}: {text}");
    }
    for kind in ["fault-never-fired", "not-drained", "worker-ended", "worker-died", "worker-panicked"] {
        assert!(real(kind), "{kind}: {text}");
    }
}

#[test]
fn runs_that_cannot_be_started_are_neither_found_nor_hidden() {
    let (output, text) = selftest(&[], &[("HARNESS_NATS_SERVER", "/nowhere/nats-server")]);
    assert_eq!(output.status.code(), Some(3), "{text}");
    let [found, planted, clean, runs] = numbers(&text)[..] else { panic!("{text}") };
    assert!(found < planted && clean < runs, "{text}");
    assert!(text.contains("not run: "), "{text}");
}
