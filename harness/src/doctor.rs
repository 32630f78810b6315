//! `harness doctor`: what a workshop needs of this machine, what was found, and the command that mends what is missing.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use tabled::{Table, Tabled, settings::Style};
use tokio::process::Command;

use crate::{
    broker::{
        kafka::{install as kafka, java},
        nats::install,
        postgres::install as postgres,
    },
    error::Error,
    tools::{self, Package, Version},
};

/// The oldest Rust that compiles this workspace.
const OLDEST_RUST: (u32, u32) = (1, 95);

/// The oldest Task that knows `lab:*`.
const OLDEST_TASK: (u32, u32) = (3, 35);

/// Room for a lab's journals and brokers: the largest keep some hundred MB.
const ROOM_BYTES: u64 = 1 << 30;

const TASK: Package = Package { name: "go-task-bin", binary: "task" };

/// A report for standard output, and whether nothing is missing.
///
/// With `install`, what can be installed into `.tools` is.
///
/// # Errors
/// When the project's own files cannot be read.
pub async fn doctor(project: &Path, install: bool) -> Result<(String, bool), Error> {
    // First what the harness cannot bring by itself.
    let mut rows = vec![java(project, install).await?, kafka(project, install).await?];
    rows.push(cargo().await);
    rows.extend(compilers().await);
    let pip = pip().await;
    let nats = nats(project, install).await?;
    let postgres = postgres(project, install).await?;
    let task = task(project, install).await?;
    // pip only brings what is not there.
    let all_there = rows[..1].iter().chain([&nats, &postgres, &task]).all(|row| row.state == State::There);
    rows.push(if all_there { pip.spare() } else { pip });
    rows.extend([nats, postgres, task, prometheus().await, room(project)]);
    Ok((report(&rows), rows.iter().all(|row| row.state != State::Missing)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    There,
    /// Not there, and nothing that runs now needs it.
    Spare,
    Missing,
}

#[derive(Debug, Tabled)]
struct Row {
    #[tabled(rename = "needed")]
    part: &'static str,
    #[tabled(rename = "", display = "word")]
    state: State,
    version: String,
    #[tabled(rename = "where")]
    place: String,
    /// What is said below the table: lines.
    #[tabled(skip)]
    notes: Vec<String>,
}

fn word(state: &State) -> String {
    match state {
        State::There => "ok",
        State::Spare => "not now",
        State::Missing => "missing",
    }
    .to_owned()
}

impl Row {
    fn there(part: &'static str, version: impl ToString, place: &Path) -> Self {
        let place = place.display().to_string();
        Self { part, state: State::There, version: version.to_string(), place, notes: Vec::new() }
    }

    fn missing(part: &'static str, why: impl Into<String>, mend: &str) -> Self {
        let notes = vec![why.into(), format!("to mend it: {mend}")];
        Self { part, state: State::Missing, version: String::new(), place: String::new(), notes }
    }

    fn spare(self) -> Self {
        let state = if self.state == State::Missing { State::Spare } else { self.state };
        Self { state, ..self }
    }
}

fn report(rows: &[Row]) -> String {
    let mut report = Table::new(rows).with(Style::rounded()).to_string();
    for row in rows.iter().filter(|row| !row.notes.is_empty()) {
        let notes = row.notes.join("\n").replace('\n', "\n  ");
        report += &format!("\n{}: {notes}", row.part);
    }
    if rows.iter().all(|row| row.state != State::Missing) {
        report += "\nEverything that the labs need is there.";
    }
    report + "\n"
}

fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// The first program of this name that says a version new enough, or why there is none.
async fn first(name: &str, oldest: (u32, u32), arguments: &[&str]) -> Result<(PathBuf, Version), String> {
    let mut why = Vec::new();
    for path in tools::on_path(&search_path(), name) {
        let mut command = Command::new(&path);
        // `./task` of another clone on PATH must not install anything now: it reads this variable.
        command.args(arguments).env("HARNESS_TASK_PROBE", "1");
        match tools::version_of(command).await {
            Ok(version) if version.number >= oldest => return Ok((path, version)),
            Ok(version) => {
                why.push(format!("{} is {version}, {}.{} is needed", path.display(), oldest.0, oldest.1))
            }
            Err(reason) => why.push(format!("{}: {reason}", path.display())),
        }
    }
    if why.is_empty() { Err("not on PATH".to_owned()) } else { Err(why.join("\n")) }
}

async fn cargo() -> Row {
    let part = "Rust (cargo)";
    match first("cargo", OLDEST_RUST, &["--version"]).await {
        Ok((path, version)) => Row::there(part, version, &path),
        Err(why) => Row::missing(part, why, "rustup update stable, or install Rust with rustup first"),
    }
}

/// What builds librdkafka, the client of Kafka, and links everything.
async fn compilers() -> [Row; 3] {
    let program = |variable: &str, otherwise: &str| {
        std::env::var(variable).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| otherwise.to_owned())
    };
    [
        builder("C compiler", &program("CC", "cc"), "apt-get install gcc libc6-dev").await,
        builder("C++ compiler", &program("CXX", "c++"), "apt-get install g++").await,
        builder("make", "make", "apt-get install make").await,
    ]
}

async fn builder(part: &'static str, program: &str, mend: &str) -> Row {
    let mend = if cfg!(target_os = "macos") { "xcode-select --install" } else { mend };
    match first(program, (0, 0), &["--version"]).await {
        Ok((path, version)) => Row::there(part, version, &path),
        Err(why) => Row::missing(part, why, mend),
    }
}

async fn pip() -> Row {
    let part = "Python 3 with pip";
    let mend = if cfg!(target_os = "macos") { "python3 -m ensurepip" } else { "apt-get install python3-pip" };
    match first("python3", (0, 0), &["-m", "pip", "--version"]).await {
        Ok((path, version)) => Row::there(part, format!("pip {version}"), &path),
        Err(why) => Row::missing(part, why, mend),
    }
}

async fn java(project: &Path, install: bool) -> Result<Row, Error> {
    let surroundings = java::Surroundings::of_this_process();
    let found = if install {
        java::find_or_install(&surroundings, project).await
    } else {
        java::find(&surroundings, project).await
    };
    let found = found.map(|java| (java.version, java.program));
    found_or_missing("Java, for Kafka", found, java::passed_over(&surroundings, project).await?)
}

async fn kafka(project: &Path, install: bool) -> Result<Row, Error> {
    let found = if install {
        kafka::find_or_install(project).await.map(|kafka| (kafka.version, kafka.libs))
    } else {
        let surroundings = kafka::Surroundings::of_this_process();
        kafka::find_jars(&surroundings, project).map(|jars| (jars.version, jars.libs))
    };
    found_or_missing("Kafka", found, kafka::passed_over(project).await?)
}

/// The row of a broker, or of what it needs.
fn found_or_missing(
    part: &'static str,
    found: Result<(String, PathBuf), Error>,
    passed_over: Vec<String>,
) -> Result<Row, Error> {
    match found {
        Ok((version, path)) => {
            let notes = passed_over.iter().map(|other| format!("{other} is passed over")).collect();
            Ok(Row { notes, ..Row::there(part, version, &path) })
        }
        Err(Error::NotRun { what, mend }) => Ok(Row::missing(part, what, &mend)),
        Err(Error::Other(what)) => Ok(Row { notes: vec![what], ..Row::missing(part, "", "") }),
        Err(error) => Err(error),
    }
}

async fn nats(project: &Path, install: bool) -> Result<Row, Error> {
    let found = if install { install::find_or_install(project).await } else { install::find(project).await };
    let found = found.map(|server| (server.version, server.path));
    found_or_missing("nats-server", found, install::passed_over(project).await?)
}

async fn postgres(project: &Path, install: bool) -> Result<Row, Error> {
    let found =
        if install { postgres::find_or_install(project).await } else { postgres::find(project).await };
    let found = found.map(|server| (server.version, server.folder));
    // An error here is the same that `found` has.
    found_or_missing("PostgreSQL", found, postgres::passed_over(project).await.unwrap_or_default())
}

async fn task(project: &Path, install: bool) -> Result<Row, Error> {
    let part = "Task";
    if let Ok((path, version)) = first("task", OLDEST_TASK, &["--version"]).await {
        return Ok(Row::there(part, version, &path));
    }
    let (path, version) = TASK.place(project)?;
    if path.is_file() {
        return Ok(Row::there(part, version, &path));
    }
    if !install {
        return Ok(
            Row::missing(part, "not on PATH; ./task installs it at its first call", "./task --list").spare()
        );
    }
    match TASK.install(project).await {
        Ok(path) => Ok(Row::there(part, version, &path)),
        Err(Error::NotRun { what, mend }) => Ok(Row::missing(part, what, &mend).spare()),
        Err(error) => Err(error),
    }
}

/// Only the boards need it.
async fn prometheus() -> Row {
    let part = "Prometheus, for dash";
    let mend =
        if cfg!(target_os = "macos") { "brew install prometheus" } else { "apt-get install prometheus" };
    match first("prometheus", (2, 0), &["--version"]).await {
        Ok((path, version)) => Row::there(part, version, &path),
        Err(why) => Row::missing(part, why, mend).spare(),
    }
}

fn room(project: &Path) -> Row {
    let part = "room for runs";
    let runs = project.join("runs");
    let folder = if runs.is_dir() { runs.as_path() } else { project };
    match rustix::fs::statvfs(folder) {
        Ok(system) => {
            let bytes = system.f_bavail.saturating_mul(system.f_frsize);
            if bytes >= ROOM_BYTES {
                Row::there(part, in_gib(bytes), folder)
            } else {
                too_little(part, bytes, folder)
            }
        }
        Err(error) => {
            Row::missing(part, format!("{}: {error}", folder.display()), "make the folder readable")
        }
    }
}

fn too_little(part: &'static str, bytes: u64, folder: &Path) -> Row {
    let why = format!("{} has {} free, {} is needed", folder.display(), in_gib(bytes), in_gib(ROOM_BYTES));
    Row::missing(part, why, "harness clean, or make room")
}

fn in_gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / ROOM_BYTES as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_the_command_that_mends_it() {
        let rows = [
            Row::there("Task", "3.54.0", Path::new("/bin/task")),
            Row::missing("C compiler", "not on PATH", "apt-get install gcc"),
        ];
        let text = report(&rows);
        assert!(text.contains("│ Task       │ ok      │ 3.54.0  │ /bin/task │"), "{text}");
        assert!(text.ends_with("\nC compiler: not on PATH\n  to mend it: apt-get install gcc\n"), "{text}");
    }

    #[test]
    fn what_is_not_needed_now_does_not_count_as_missing() {
        let text = report(&[Row::missing("Python 3 with pip", "not on PATH", "install it").spare()]);
        assert!(text.contains("not now"), "{text}");
        assert!(text.ends_with("Everything that the labs need is there.\n"), "{text}");
    }
}
