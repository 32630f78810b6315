//! The built binary on a real cluster, as a user would call it. Run by `.ci/cluster`, which says what it needs:
//! KUBECONFIG, and images that the cluster has.

mod bad_input;
mod leftovers;
mod runs;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, api::ListParams};
use serde_json::Value;

/// What all namespaces of runs carry.
const OURS: &str = "app.kubernetes.io/managed-by=harness";

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A folder with the labs of the project, so that its runs are in nobody's way.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(project().join("labs"), home.path().join("labs")).unwrap();
    home
}

fn harness(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).current_dir(home).env("NO_COLOR", "1");
    command
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The namespaces of runs that nobody has told to go.
async fn standing() -> Vec<String> {
    let all: Api<Namespace> = Api::all(Client::try_default().await.unwrap());
    let found = all.list(&ListParams::default().labels(OURS)).await.unwrap();
    let stays = |namespace: &Namespace| namespace.metadata.deletion_timestamp.is_none();
    found.items.into_iter().filter(stays).filter_map(|namespace| namespace.metadata.name).collect()
}
