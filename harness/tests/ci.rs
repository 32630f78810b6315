//! What `.ci/run` says at its end of what failed: it is read only when something did, so it is tried here.

use std::{path::Path, process::Command};

/// What `.ci/failures` makes of a log.
fn told(log: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    std::fs::write(&path, log).expect("a log");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/failures");
    let output = Command::new("sh").arg(script).arg(&path).output().expect("sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

const TESTS: &str = "\
test side::good ... ok
test side::one ... FAILED

failures:

---- side::one stdout ----
before 1
before 2
before 3
before 4
before 5
before 6

thread 'side::one' (7) panicked at harness/src/side.rs:12:5:
assertion `left == right` failed: they differ
  left: 1
 right: 2
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/library/std/src/panicking.rs:689:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.

---- side::two stdout ----

thread 'side::two' (8) panicked at harness/tests/side.rs:1:1:
it never said \"faults\", but:
LINES

failures:
    side::one
    side::two

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/other.rs
test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
error: 1 target failed:
    `-p harness --bin harness`
";

#[test]
fn of_tests_it_says_names_panics_and_places() {
    let told = told(&TESTS.replace("LINES", &"what it said instead\n".repeat(100)));
    let end = "  error: 1 target failed:
  FAILED side::one
      panicked at harness/src/side.rs:12:5:
      assertion `left == right` failed: they differ
        left: 1
       right: 2
  FAILED side::two
      panicked at harness/tests/side.rs:1:1:
      it never said \"faults\", but:
";
    assert!(told.ends_with(end), "{told}");
    assert!(told.contains("before 6") && !told.contains("before 1") && !told.contains("rustc"), "{told}");
    assert_eq!(told.matches("what it said instead").count(), 23, "{told}");
    assert!(told.contains("(77 lines more in the log)") && !told.contains("good"), "{told}");
}

#[test]
fn of_labs_it_says_which_variants_were_not_as_expected() {
    let samples = ["surprising.80", "inconclusive.80", "crash-before-ack.100", "summary.100"].map(|name| {
        let path = format!("{}/src/report/expected/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a sample")
    });
    let told = told(&samples.concat());
    for words in [
        "  2/jetstream-subscriber-killed\n    ✗ broken: at-least-once was promised",
        "✗ lost: expected 0, seen 995",
        "? inconclusive: consumer-0 ended by itself",
        "3 runs: 1 as expected (✓), 1 not as expected (✗), 1 not run (-).",
    ] {
        assert!(told.contains(words), "{words} is not in:\n{told}");
    }
    assert!(!told.contains("crash-before-ack"), "{told}");
}

#[test]
fn of_what_it_does_not_know_it_shows_the_end() {
    let told = told(&format!("{}error[E0425]: cannot find value\nthe last line\n", "a line\n".repeat(50)));
    assert!(
        told.contains("the last line") && told.ends_with("  error[E0425]: cannot find value\n"),
        "{told}"
    );
    assert_eq!(told.matches("a line").count(), 18, "{told}");
}
