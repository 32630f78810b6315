//! Finding a lab's binary, and building it where it is not given.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use crate::error::Error;

/// Variable that names a folder of ready-made lab binaries: then nothing is built.
pub const WORKERS: &str = "HARNESS_WORKERS";

/// One line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
}

/// The path of a lab's binary, built by cargo unless a folder of ready-made ones is named.
///
/// A compile error is shown by cargo itself, on standard error, as it is.
pub async fn binary(project: &Path, name: &str) -> Result<PathBuf, Error> {
    if let Some(folder) = std::env::var_os(WORKERS) {
        let path = PathBuf::from(folder).join(name);
        if path.is_file() {
            return Ok(path);
        }
        return Err(Error::NotRun {
            what: format!("{WORKERS} is set, but {} is not there", path.display()),
            mend: format!("unset {WORKERS}, or build the binary into that folder"),
        });
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    forget_the_outer_cargo(&mut command);
    let child = command
        .args([
            "build",
            "--quiet",
            // Named as well, though nothing of it is built: with the same packages in view cargo chooses the same
            // features for the dependencies, and does not build them all a second time.
            "--package",
            "harness",
            "--package",
            "labs",
            "--bin",
            name,
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(project)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn();
    // Not `Command::output`: tokio's takes standard error as well, and the compile error with it.
    let output = async { child?.wait_with_output().await };
    let output = output.await.map_err(|error| Error::NotRun {
        what: format!("cargo cannot be started to build {name}: {error}"),
        mend: "install Rust with rustup, or name ready-made workers with HARNESS_WORKERS".to_owned(),
    })?;
    if !output.status.success() {
        return Err(Error::NotRun {
            what: format!("{name} does not compile; cargo says why above"),
            mend: format!("cargo build --package labs --bin {name}"),
        });
    }
    executable(&output.stdout)
        .ok_or_else(|| Error::Other(format!("cargo built {name} but did not say where it is")))
}

/// Takes away what a `cargo run` around the harness says of the harness' own package.
///
/// Build scripts may depend on it (ring's does), and then each of the two cargos would build again what the other has built.
fn forget_the_outer_cargo(command: &mut Command) {
    let of_a_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_a_package) {
            command.env_remove(name);
        }
    }
}

fn executable(output: &[u8]) -> Option<PathBuf> {
    let lines = output.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    messages
        .filter(|message| message.reason == "compiler-artifact")
        .filter_map(|message| message.executable)
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_cargos_messages() {
        let output = b"{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"executable\":\"/target/debug/lab\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(output), Some(PathBuf::from("/target/debug/lab")));
        assert_eq!(executable(b"nonsense\n"), None);
    }
}
