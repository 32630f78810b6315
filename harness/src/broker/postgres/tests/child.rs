//! Tests that need a process of their own: one that is killed, or has another temporary folder, or a small disk.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const FOLDER: &str = "HARNESS_TEST_CHILD";

/// The folder for the child; `None` when it was not started by its parent.
pub fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// The child test, to be started by a wrapper. `name` is its path in the module of these tests.
pub fn command(wrapper: &[&str], name: &str, folder: &Path) -> Command {
    let own = env::current_exe().unwrap().into_os_string();
    let words: Vec<_> = wrapper.iter().map(|word| (*word).into()).chain([own]).collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg("--exact").arg(format!("broker::postgres::tests::{name}"));
    command.args(["--ignored", "--nocapture"]).env(FOLDER, folder);
    command
}

/// Runs it to its end, and expects it to say this.
#[track_caller]
pub fn expect(output: Output, said: &str) {
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && out.contains(said), "{}\n{out}\n{err}", output.status);
}
