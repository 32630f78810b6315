//! `--runtime k8s` where there is no cluster: named at once, and nothing is started.

use std::{path::Path, process::Command};

fn run(kubeconfig: &Path) -> (Option<i32>, String) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(["run", "2/nobody-listens", "--runtime", "k8s"]).current_dir(project);
    command.env("KUBECONFIG", kubeconfig).env_remove("KUBERNETES_SERVICE_HOST");
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn no_kubeconfig_is_named() {
    let (code, said) = run(Path::new("/nonexistent/kubeconfig"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no cluster is known") && said.contains("set KUBECONFIG"), "{said}");
}

#[test]
fn an_api_server_that_cannot_be_reached_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
        clusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\"}}]\n\
        contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\n";
    std::fs::write(&path, text).unwrap();
    let (code, said) = run(&path);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("cannot be reached"), "{said}");
}
