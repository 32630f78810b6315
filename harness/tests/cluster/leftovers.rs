//! Whatever ends the harness, nothing stays on the cluster.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;

use super::*;

/// The lease lasts a minute; the rest is for a slow machine.
const BOUND: Duration = Duration::from_secs(180);

/// A run that has come so far that workers are at work.
fn at_work(home: &Path) -> Child {
    let mut command =
        harness(home, &["run", "2/jetstream-subscriber-killed", "--runtime", "k8s", "--repeat", "20"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let found = lines.into_iter().any(|line| line.contains("sending the first messages"));
    assert!(found, "it came to an end before");
    child
}

async fn pods(namespace: &str) -> usize {
    let pods: Api<Pod> = Api::namespaced(Client::try_default().await.unwrap(), namespace);
    pods.list(&ListParams::default()).await.unwrap().items.len()
}

#[tokio::test]
#[ignore = "needs a cluster: see .ci/cluster"]
async fn after_ctrl_c_the_namespace_goes() {
    let home = home();
    let mut child = at_work(home.path());
    assert_eq!(standing().await.len(), 1);
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child.id() as i32).unwrap(),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(3), "an interrupted run is inconclusive");
    assert_eq!(standing().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs a cluster: see .ci/cluster"]
async fn after_sigkill_the_pods_go_by_themselves_and_clean_takes_the_rest() {
    let home = home();
    let mut child = at_work(home.path());
    let namespaces = standing().await;
    assert_eq!(namespaces.len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = tokio::time::Instant::now() + BOUND;
    while pods(&namespaces[0]).await > 0 {
        assert!(tokio::time::Instant::now() < deadline, "pods are still there");
        tokio::time::sleep(Duration::from_secs(1)).await; // the pace of looking
    }
    let cleaned = harness(home.path(), &["clean", "--runtime", "k8s"]).output().unwrap();
    let said = String::from_utf8_lossy(&cleaned.stdout).into_owned();
    assert!(said.starts_with("namespaces removed: 1, of runs that go on: 0\n"), "{said}");
    assert_eq!(standing().await, Vec::<String>::new());
}
