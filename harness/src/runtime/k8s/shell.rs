//! A few lines of shell inside a pod: the only way to a process there that every cluster allows.
//!
//! All processes of a pod share one process namespace and one user, so a shell in it may signal them. The shell itself is
//! spared by `kill -1`, and so is the first process, which is the cluster's own.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::AttachParams};
use tokio::{io::AsyncReadExt, time::Instant};

use crate::error::Error;

/// How long it may take. On an idle cluster it is a tenth of a second.
const BOUND: Duration = Duration::from_secs(20);

/// Ends every process of the pod at once.
pub const KILL: &str = "kill -s KILL -- -1";

/// Asks the main process to end.
pub const TERMINATE: &str = "kill -s TERM -- -1";

/// Lets all go on.
pub const RESUME: &str = "kill -s CONT -- -1";

/// Stops every process, and prints the state of all others but the first, thread by thread.
const PAUSE: &str = "kill -s STOP -- -1
for task in /proc/[0-9]*/task/[0-9]*; do
  pid=${task#/proc/}; pid=${pid%%/*}
  if [ \"$pid\" != 1 ] && [ \"$pid\" != $$ ]; then
    while read -r key value rest; do [ \"$key\" = State: ] && echo \"$pid $value\"; done < $task/status
  fi
done 2>/dev/null
true";

/// Runs a script in a pod, and returns what it printed. A container that ends meanwhile ends the script, which is no
/// error here: whoever kills looks for the end elsewhere.
pub async fn shell(pods: &Api<Pod>, pod: &str, script: &str) -> Result<String, Error> {
    let ran = async {
        let parameters = AttachParams::default().stdout(true).stderr(true);
        let mut process = pods.exec(pod, ["sh", "-c", script], &parameters).await?;
        let mut text = String::new();
        if let Some(mut output) = process.stdout() {
            let _ = output.read_to_string(&mut text).await;
        }
        Ok(text)
    };
    match tokio::time::timeout(BOUND, ran).await {
        Ok(ran) => ran.map_err(super::failed(format!("run a shell in the pod {pod}"))),
        Err(_) => {
            Err(Error::Other(format!("a shell in the pod {pod} did not come to its end within {BOUND:?}")))
        }
    }
}

/// Stops every process of a pod by SIGSTOP; the evidence is the state of every thread. The signal reaches them one after
/// the other, so it is looked again until all are stopped.
pub async fn pause(pods: &Api<Pod>, pod: &str) -> Result<String, Error> {
    let deadline = Instant::now() + BOUND;
    loop {
        let states = shell(pods, pod, PAUSE).await?;
        if let Some(evidence) = all_stopped(&states) {
            return Ok(evidence);
        }
        if Instant::now() > deadline {
            let states = states.replace('\n', ", ");
            return Err(Error::Other(format!(
                "the pod {pod} did not stop within {BOUND:?} of SIGSTOP: {states}"
            )));
        }
    }
}

/// Whether [`PAUSE`] printed that all is stopped: "state T, every thread of 3 processes".
fn all_stopped(states: &str) -> Option<String> {
    let lines: Vec<_> = states.lines().filter_map(|line| line.split_once(' ')).collect();
    let stopped = lines.iter().all(|(_, state)| matches!(*state, "T" | "t" | "Z" | "X"));
    let mut processes: Vec<_> = lines.iter().map(|(pid, _)| *pid).collect();
    processes.dedup();
    (stopped && !lines.is_empty()).then(|| {
        format!(
            "state T, every thread of {} in the pod",
            match processes.len() {
                1 => "the one process".to_owned(),
                several => format!("{several} processes"),
            }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::all_stopped;

    #[test]
    fn one_that_goes_on_is_no_pause() {
        assert_eq!(
            all_stopped("7 T\n7 T\n8 T\n").unwrap(),
            "state T, every thread of 2 processes in the pod"
        );
        assert_eq!(all_stopped("7 T\n9 Z\n7 S\n"), None);
        assert_eq!(all_stopped(""), None, "nobody was seen");
    }
}
