//! `harness run --runtime k8s` on a laptop or a CI machine: a namespace with the conductor in it, the run in there, the run
//! folders brought home, and the namespace taken away.

pub mod clean;
mod exec;
mod files;
mod namespace;
pub mod rights;

use std::path::Path;

use kube::Client;
use tokio::sync::watch;

use self::namespace::Namespace;
use crate::{error::Error, exit::Exit, report::page::Page};

/// The pod in which the harness runs.
const CONDUCTOR: &str = "conductor";

/// Runs this program with the same arguments in the cluster of the kubeconfig's present context.
///
/// `keep` leaves the namespace where it is.
pub async fn run(
    project: &Path,
    arguments: Vec<String>,
    keep: bool,
    page: Page,
    interrupt: watch::Receiver<u32>,
) -> Result<Exit, Error> {
    let client = connect().await?;
    let namespace = Namespace::make(client).await?;
    let outcome = conduct(&namespace, project, &arguments, page, interrupt).await;
    if keep {
        eprintln!(
            "kept: the namespace {}; its lease is not renewed any more, so its pods go in a minute",
            namespace.name()
        );
        return outcome;
    }
    let removed = namespace.remove().await;
    outcome.and_then(|exit| removed.map(|()| exit))
}

async fn conduct(
    namespace: &Namespace,
    project: &Path,
    arguments: &[String],
    page: Page,
    interrupt: watch::Receiver<u32>,
) -> Result<Exit, Error> {
    namespace.start_conductor().await?;
    files::send_labs(&namespace.pods(), project).await?;
    let exit = exec::run(&namespace.pods(), arguments, page, interrupt).await?;
    files::fetch_runs(&namespace.pods(), &project.join("runs")).await?;
    Ok(exit)
}

/// A client of the cluster that the kubeconfig names.
pub async fn connect() -> Result<Client, Error> {
    let config = kube::Config::infer().await.map_err(|error| Error::NotRun {
        what: format!("no cluster is known: {error}"),
        mend: "set KUBECONFIG, or `harness cluster start` for a small cluster on this machine".to_owned(),
    })?;
    Client::try_from(config).map_err(|error| Error::Other(format!("the kubeconfig cannot be used: {error}")))
}
