//! The harness in the conductor, as if it ran here: its output, its exit code, Ctrl-C.

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{Api, api::AttachParams};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
};

use super::CONDUCTOR;
use crate::{
    error::Error,
    exit::Exit,
    report::page::Page,
    runtime::k8s::{failed, shell::shell},
};

/// Runs the harness with the width and colour of this terminal. Its number is noted, so that it can be asked to end.
const RUN: &str = "echo $$ > /tmp/run.pid; COLUMNS=$0 CLICOLOR_FORCE=$1; export COLUMNS CLICOLOR_FORCE; shift
exec harness \"$@\"";

/// What Ctrl-C does there.
const INTERRUPT: &str = "read run < /tmp/run.pid; kill -s INT $run";

/// Runs it to its end.
pub async fn run(
    pods: &Api<Pod>,
    arguments: &[String],
    page: Page,
    interrupt: watch::Receiver<u32>,
) -> Result<Exit, Error> {
    let columns = page.width.to_string();
    let color = if page.color { "1" } else { "0" };
    let mut command = vec!["sh", "-c", RUN, columns.as_str(), color];
    command.extend(arguments.iter().map(String::as_str));
    let parameters = AttachParams::default().stdout(true).stderr(true);
    let process = pods.exec(CONDUCTOR, command, &parameters).await;
    let mut process = process.map_err(failed("run the harness in the conductor"))?;
    let status = process.take_status();
    let (output, errors) = (process.stdout(), process.stderr());
    let shown = async {
        tokio::join!(copy(output, tokio::io::stdout()), copy(errors, tokio::io::stderr()));
        match status {
            Some(status) => status.await,
            None => None,
        }
    };
    tokio::select! {
        status = shown => exit_of(status),
        () = hand_on(pods, interrupt) => Err(Error::Other("the conductor could not be asked to end".to_owned())),
    }
}

/// Hands each Ctrl-C on. It comes to its end only where that cannot be done.
async fn hand_on(pods: &Api<Pod>, mut interrupt: watch::Receiver<u32>) {
    while interrupt.changed().await.is_ok() {
        if let Err(error) = shell(pods, CONDUCTOR, INTERRUPT).await {
            tracing::warn!("{error}");
            return;
        }
    }
    std::future::pending().await
}

async fn copy(from: Option<impl AsyncRead + Unpin>, mut to: impl AsyncWrite + Unpin) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// The exit code of the harness there, as the kubelet tells it.
fn exit_of(status: Option<Status>) -> Result<Exit, Error> {
    let lost =
        || Error::Other("the connection to the conductor was lost, so its result is not known".to_owned());
    let status = status.ok_or_else(lost)?;
    if status.status.as_deref() == Some("Success") {
        return Ok(Exit::AsExpected);
    }
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    let code = causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = code.and_then(|cause| cause.message.as_ref()?.parse::<u8>().ok());
    let all = [Exit::AsExpected, Exit::NotAsExpected, Exit::Usage, Exit::Inconclusive, Exit::Failed];
    all.into_iter().find(|exit| Some(exit.code()) == code).ok_or_else(|| {
        let why = status.message.unwrap_or_default();
        Error::Other(format!("the harness in the conductor ended in a way that is not known: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exit(status: serde_json::Value) -> Result<Exit, Error> {
        exit_of(Some(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn the_exit_code_is_that_of_the_harness_there() {
        assert_eq!(exit(json!({"status": "Success"})).unwrap(), Exit::AsExpected);
        for expected in [Exit::NotAsExpected, Exit::Usage, Exit::Inconclusive, Exit::Failed] {
            let code = expected.code().to_string();
            let causes = json!({"causes": [{"reason": "ExitCode", "message": code}]});
            let status = json!({"status": "Failure", "reason": "NonZeroExitCode", "details": causes});
            assert_eq!(exit(status).unwrap(), expected);
        }
    }

    #[test]
    fn an_end_that_is_not_known_is_never_a_good_one() {
        assert!(exit_of(None).is_err());
        let killed =
            json!({"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "137"}]}});
        assert!(exit(killed).is_err());
        assert!(exit(json!({"status": "Failure", "message": "container not found"})).is_err());
    }
}
