//! Files that go to the cluster, and come from it: the labs as they are here, and the run folders.

use std::path::Path;

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{Api, api::AttachParams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::CONDUCTOR;
use crate::{
    error::Error,
    runtime::k8s::{HOME, failed},
    store::make_folder,
};

/// What is sent of a lab. Workers are in the image: a change of theirs needs another image.
const SENT: [&str; 5] = ["toml", "sql", "md", "py", "rs"];

/// Brings the labs up to what they are here.
pub async fn send_labs(pods: &Api<Pod>, project: &Path) -> Result<(), Error> {
    let archive = pack(&project.join("labs")).map_err(Error::file("pack", &project.join("labs")))?;
    let parameters = AttachParams::default().stdin(true).stdout(true).stderr(false);
    let command = ["tar", "-xf", "-", "-C", HOME];
    let process = pods.exec(CONDUCTOR, command, &parameters).await;
    let mut process = process.map_err(failed("unpack the labs in the conductor"))?;
    let status = process.take_status();
    if let Some(mut input) = process.stdin() {
        input.write_all(&archive).await.map_err(|error| broken("sent", &error))?;
        input.shutdown().await.map_err(|error| broken("sent", &error))?;
    }
    ended_well(status, "sent").await
}

fn pack(labs: &Path) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for lab in std::fs::read_dir(labs)? {
        let lab = lab?.path();
        for file in std::fs::read_dir(&lab).into_iter().flatten() {
            let file = file?.path();
            let sent = file.extension().and_then(|it| it.to_str()).is_some_and(|it| SENT.contains(&it));
            if let (true, true, Ok(name)) = (sent, file.is_file(), file.strip_prefix(labs)) {
                archive.append_path_with_name(&file, Path::new("labs").join(name))?;
            }
        }
    }
    archive.into_inner()
}

/// Brings the run folders home.
pub async fn fetch_runs(pods: &Api<Pod>, runs: &Path) -> Result<(), Error> {
    make_folder(runs)?;
    let parameters = AttachParams::default().stdout(true).stderr(false).max_stdout_buf_size(1 << 20);
    // The folders of labs, and nothing that begins with a dot: that is what the harness has standing.
    let script = format!("cd {HOME}/runs && tar -cf - */");
    let process = pods.exec(CONDUCTOR, ["sh", "-c", &script], &parameters).await;
    let mut process = process.map_err(failed("pack the run folders in the conductor"))?;
    let status = process.take_status();
    let mut archive = Vec::new();
    if let Some(mut output) = process.stdout() {
        output.read_to_end(&mut archive).await.map_err(|error| broken("fetched", &error))?;
    }
    ended_well(status, "fetched").await?;
    let mut archive = tar::Archive::new(archive.as_slice());
    archive.set_preserve_mtime(true);
    archive.unpack(runs).map_err(Error::file("unpack the runs in", runs))
}

/// Half an archive unpacks without an error, so it is asked whether the program at the other end came to its end.
async fn ended_well(status: Option<impl Future<Output = Option<Status>>>, what: &str) -> Result<(), Error> {
    let status = match status {
        Some(status) => status.await.unwrap_or_default(),
        None => Status::default(),
    };
    match status.status.as_deref() {
        Some("Success") => Ok(()),
        _ => Err(broken(what, &status.message.unwrap_or_else(|| "the connection was lost".to_owned()))),
    }
}

fn broken(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Other(format!("files could not be {what}: {error}"))
}
