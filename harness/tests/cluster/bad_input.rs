//! A cluster that does not do what is asked of it: bounded, named, and nothing left behind.

use std::time::{Duration, Instant};

use super::*;

/// Nothing here is worth waiting longer for.
const BOUND: Duration = Duration::from_secs(120);

fn run(variable: &str, value: &str) -> (Option<i32>, String) {
    let (home, began) = (home(), Instant::now());
    let mut command = harness(home.path(), &["run", "2/nobody-listens", "--runtime", "k8s"]);
    let output = command.env(variable, value).output().unwrap();
    assert!(began.elapsed() < BOUND, "it took {:?}", began.elapsed());
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
#[ignore = "needs a cluster: see .ci/cluster"]
async fn an_image_that_cannot_be_had_is_named() {
    let (code, said) = run("HARNESS_IMAGE", "registry.invalid/nobody:none");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("registry.invalid/nobody:none") && said.contains("HARNESS_IMAGE"), "{said}");
    let (code, said) = run("HARNESS_NATS_IMAGE", "registry.invalid/nats:none");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("registry.invalid/nats:none") && said.contains("HARNESS_NATS_IMAGE"), "{said}");
    assert_eq!(standing().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs a cluster: see .ci/cluster"]
async fn who_is_not_known_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let known = std::fs::read_to_string(std::env::var("KUBECONFIG").unwrap()).unwrap();
    let lines =
        known.lines().filter(|line| !line.contains("client-certificate") && !line.contains("client-key"));
    let unknown = lines.map(|line| format!("{line}\n")).collect::<String>();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, unknown).unwrap();
    let (code, said) = run("KUBECONFIG", path.to_str().unwrap());
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("does not know who asks") || said.contains("forbids"), "{said}");
}
