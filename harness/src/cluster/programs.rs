//! The programs that a cluster is driven by: found on PATH, and called so that a person sees what is done.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    error::Error,
    tools::{self, Version},
};

/// Where programs are looked for.
#[derive(Debug)]
pub struct Programs {
    search_path: OsString,
}

impl Programs {
    /// Those that a person at this terminal would call.
    pub fn of_this_process() -> Self {
        Self { search_path: std::env::var_os("PATH").unwrap_or_default() }
    }

    /// Whether there is a program of this name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        tools::on_path(&self.search_path, name).into_iter().next()
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Result<Command, Error> {
        let path = self.find(name).ok_or_else(|| missing(name))?;
        let mut command = Command::new(path);
        command.args(arguments);
        Ok(command)
    }

    /// Fails where one of these is missing.
    pub fn need(&self, names: &[&str]) -> Result<(), Error> {
        match names.iter().find(|name| !self.has(name)) {
            Some(name) => Err(missing(name)),
            None => Ok(()),
        }
    }

    /// Fails where a program is older than this. Versions are compared as numbers: 2.0 is newer than 1.35.
    pub async fn need_version(
        &self,
        name: &str,
        ask: &[&str],
        (major, minor): (u32, u32),
    ) -> Result<Version, Error> {
        let said = tools::version_of(self.command(name, ask)?.into()).await;
        let version = said.map_err(|why| Error::NotRun {
            what: format!("the version of {name} is not known: {why}"),
            mend: format!("try `{name} {}` yourself", ask.join(" ")),
        })?;
        if version.number < (major, minor) {
            return Err(Error::NotRun {
                what: format!("{name} {version} is too old, {major}.{minor} or newer is needed"),
                mend: format!("install a newer {name}"),
            });
        }
        Ok(version)
    }

    /// Calls a program; it talks to the person itself.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Result<(), Error> {
        let line = line(name, arguments);
        eprintln!("$ {line}");
        let failed = |how: String| Error::Other(format!("`{line}` failed: {how}; what it said is above"));
        let status = self.command(name, arguments)?.status().map_err(|error| failed(error.to_string()))?;
        if status.success() { Ok(()) } else { Err(failed(status.to_string())) }
    }

    /// Asks a program; its answer, without the space around it.
    pub fn ask(&self, name: &str, arguments: &[&str]) -> Result<String, Error> {
        let line = line(name, arguments);
        let mut command = self.command(name, arguments)?;
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::Other(format!("`{line}` failed: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Error::Other(format!("`{line}` failed: {}: {}", output.status, said.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn line(name: &str, arguments: &[&str]) -> String {
    [&[name], arguments].concat().join(" ")
}

fn missing(name: &str) -> Error {
    Error::NotRun { what: format!("{name} is not on PATH"), mend: format!("install {name}, then try again") }
}
