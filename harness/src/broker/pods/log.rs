//! What a server logs, brought to a file beside the others: who reads logs need not know where the server runs.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::{AsyncBufReadExt, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use tokio::task::JoinHandle;

/// Between two looks at a pod that has no log yet, or whose log came to an end.
const BREATH: Duration = Duration::from_millis(200);

/// Follows until it is dropped.
#[derive(Debug)]
pub struct Follower(JoinHandle<()>);

impl Follower {
    /// Begins to append what this pod logs to a file.
    pub fn start(pods: Api<Pod>, pod: String, file: &Path) -> Self {
        Self(tokio::spawn(follow(pods, pod, file.to_owned())))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow(pods: Api<Pod>, pod: String, file: PathBuf) {
    let mut from = None;
    loop {
        let parameters = LogParams { follow: true, since_time: from, ..LogParams::default() };
        if let Ok(stream) = pods.log_stream(&pod, &parameters).await {
            let mut lines = stream.lines();
            while let Some(Ok(line)) = lines.next().await {
                let _ = append(&file, &line);
            }
            // The next container of this name, or the same after a cut connection: nothing is told twice.
            from = Some(k8s_openapi::jiff::Timestamp::now());
        }
        tokio::time::sleep(BREATH).await;
    }
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{line}")
}
