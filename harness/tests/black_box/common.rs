//! What all the tests share: a project in a temporary folder, the harness run in it as a user would, and what is
//! left of it afterwards.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{OnceLock, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Nothing here takes so long; a test that hits it fails.
pub const BOUND: Duration = Duration::from_secs(120);

/// The exit codes, as `harness --help` tells them.
pub const AS_EXPECTED: i32 = 0;
pub const NOT_AS_EXPECTED: i32 = 1;
pub const USAGE: i32 = 2;
pub const INCONCLUSIVE: i32 = 3;
pub const FAILED: i32 = 70;

/// The folder of lab 3.
const LAB_3: &str = "labs/03-acks";

/// The folder of lab 5.
const LAB_5: &str = "labs/05-idempotent-consumers";

/// The folder of lab 6.
pub const LAB_6: &str = "labs/06-broker-exactly-once";

/// The folder of lab 2.
pub const LAB_2: &str = "labs/02-fire-and-forget";

/// A worker that speaks the line protocol. Its arguments name what it leaves out: `no-ready`, `no-send` …
pub const WORKER: &str = r#"
given=" $* "
does() { case "$given" in *" no-$1 "*) return 1 ;; esac; }
last=$((HARNESS_MESSAGES - 1))
[ "$HARNESS_INCARNATION" = 0 ] && life=first || life=second
does "ready-$life" && echo ":: ready"
while read -r order argument; do
  case "${HARNESS_WORKER%-*} $life $order" in
    "producer first go")
      does send || continue
      echo ":: attempted 0-0..0-$last"
      echo ":: unconfirmed 0-0..0-$last"
      does done && echo ":: done" ;;
    "producer second go") echo ":: done" ;;
    "consumer first go") echo ":: delivered 0-0..0-$last"; echo ":: applied 0-0..0-$last" ;;
    "consumer "*" drain") does idle && echo ":: idle $argument" ;;
    *" stop") does stop && exit 0 ;;
  esac
done
"#;

/// The top of the tiny lab's file; seven lines of it, so that tests can name lines.
pub const TOP: &str = "format = 1
title = \"Tiny\"
question = \"Does it arrive?\"
brokers = [\"nats\"]
minutes = 1
hint = \"Look at both ends.\"
workload = { messages = 10 }
";

/// A variant in which nothing goes wrong.
pub const PLAIN: &str = r#"
[[variant]]
name = "plain"
says = "Ten messages, and nothing breaks."
contract = "effectively-once"
worker = [{ role = "producer", command = ["sh", "worker.sh"] }, { role = "consumer", command = ["sh", "worker.sh"] }]
expect = { verdict = "kept", attempted = 10, applied = 10 }
"#;

/// A variant of shell workers that leave something out, with more lines of its own.
pub fn variant(name: &str, producer_lacks: &str, consumer_lacks: &str, more: &str) -> String {
    let worker = |role: &str, lacks: &str| {
        let lacks: String = lacks.split_whitespace().map(|lack| format!(", \"{lack}\"")).collect();
        format!("{{ role = \"{role}\", command = [\"sh\", \"worker.sh\"{lacks}] }}")
    };
    let workers = [worker("producer", producer_lacks), worker("consumer", consumer_lacks)].join(", ");
    format!(
        "\n[[variant]]\nname = \"{name}\"\nsays = \"Something is left out.\"\ncontract = \"at-least-once\"\n\
         worker = [{workers}]\nexpect = {{ verdict = \"kept\" }}\n{more}\n"
    )
}

/// A project in a folder of its own.
pub struct Project {
    folder: TempDir,
    environment: Vec<(String, PathBuf)>,
}

impl Project {
    /// One lab, `07-tiny`, with the variant `plain` and these.
    pub fn tiny(variants: &str) -> Self {
        Self::of_file(&format!("{TOP}{PLAIN}{variants}"))
    }

    /// One lab, `07-tiny`, with this file.
    pub fn of_file(lab_toml: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a folder"), environment: Vec::new() };
        project.write("labs/07-tiny/lab.toml", lab_toml);
        project.write("labs/07-tiny/worker.sh", WORKER);
        project
    }

    /// Lab 2 beside the tiny one, with its workers built.
    pub fn with_lab_2() -> Self {
        let mut project = Self::tiny("");
        copy(&repository().join(LAB_2), &project.path(LAB_2));
        copy(&repository().join("labs/src"), &project.path("labs/src"));
        project.set("HARNESS_WORKERS", workers());
        project
    }

    /// Lab 3 with this variant more, and its workers built.
    pub fn with_lab_3(variant: &str) -> Self {
        Self::with_lab(LAB_3, variant)
    }

    /// Lab 5 with this variant more, and its workers built.
    pub fn with_lab_5(variant: &str) -> Self {
        Self::with_lab(LAB_5, variant)
    }

    /// Lab 6 with these variants more, and its workers built.
    pub fn with_lab_6(variants: &str) -> Self {
        Self::with_lab(LAB_6, variants)
    }

    /// All labs, for their cures lie in each other, and this variant more in one of them.
    fn with_lab(lab: &str, variant: &str) -> Self {
        let mut project = Self::tiny("");
        copy(&repository().join("labs"), &project.path("labs"));
        project.take_tools();
        let file = format!("{lab}/lab.toml");
        let text = fs::read_to_string(project.path(&file)).expect("the lab");
        project.write(&file, &format!("{text}{variant}"));
        project.link_prepared();
        project.set("HARNESS_WORKERS", workers());
        project
    }

    /// With the programs of all brokers, as `./task setup` has installed them.
    pub fn use_all_brokers(&self) {
        self.take_tools();
        self.link_prepared();
    }

    /// Kafka is prepared once; a copy of what that made is as good.
    fn link_prepared(&self) {
        let prepared = repository().join(".tools");
        std::os::unix::fs::symlink(&prepared, self.path(".tools")).expect("a link");
    }

    /// What installs brokers, and which versions.
    pub fn take_tools(&self) {
        copy(&repository().join("tools"), &self.path("tools"));
    }

    /// A path in the project.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the project.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Writes a program. A shell does it: were the file open for writing here while another test starts a child, it
    /// would be "text file busy".
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#;
        let status = Command::new("sh").args(["-c", write, "sh"]).arg(&path).arg(script).status();
        assert!(status.expect("sh").success());
        path
    }

    /// Sets a variable for every harness that is started from now on; an empty value takes it away.
    pub fn set(&mut self, name: &str, value: impl Into<PathBuf>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// The harness with these arguments, not started yet; `wrapper` is what it is started by.
    pub fn command_by(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let words: Vec<_> = wrapper.iter().chain([&env!("CARGO_BIN_EXE_harness")]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(arguments).current_dir(self.folder.path());
        for name in ["NO_COLOR", "COLUMNS", "RUST_LOG", "HARNESS_WORKERS"] {
            command.env_remove(name);
        }
        command.env("HARNESS_HOME", self.folder.path()).env("HARNESS_NATS_SERVER", nats_server());
        for (name, value) in &self.environment {
            match value.as_os_str().is_empty() {
                true => command.env_remove(name),
                false => command.env(name, value),
            };
        }
        command.stdin(Stdio::null());
        command
    }

    /// Starts the harness.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command_by(&[], arguments))
    }

    /// Runs the harness to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    /// Runs the harness to its end with `--json`; its results.
    pub fn results(&self, arguments: &[&str]) -> (Ran, Vec<Value>) {
        let ran = self.run(&[arguments, &["--json"]].concat());
        let document: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        let results = document["results"].as_array().unwrap_or_else(|| panic!("{ran:?}")).clone();
        (ran, results)
    }

    /// The newest run folder of a variant of the tiny lab.
    pub fn latest(&self, variant: &str) -> PathBuf {
        self.path(&format!("runs/07-tiny/{variant}/latest"))
    }
}

/// How the harness ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// It ended with this code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// It says all of this, on standard output or error.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) -> &Self {
        let said = format!("{}{}", self.stdout, self.stderr);
        // Paragraphs are broken at the page's width.
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in texts {
            assert!(said.contains(text), "it does not say \"{text}\":\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}\n--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// A harness that goes on. When it is dropped it is killed, and its guard ends the rest.
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    heard: Vec<String>,
    stdout: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts a command that [`Project::command_by`] made.
    pub fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (mut stdout, stderr) =
            (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stderr).split(b'\n').map_while(Result::ok);
            for line in lines {
                let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let stdout = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stdout.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, lines, heard: Vec::new(), stdout: Some(stdout) }
    }

    /// Waits for a line on standard error that contains this.
    #[track_caller]
    pub fn hears(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + BOUND;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.heard.push(line),
                Err(_) => panic!("it never said \"{text}\", but:\n{}", self.heard.join("\n")),
            }
            if self.heard.last().is_some_and(|line| line.contains(text)) {
                return self;
            }
        }
    }

    /// The line on standard error that was heard last.
    pub fn last_line(&self) -> String {
        self.heard.last().cloned().unwrap_or_default()
    }

    /// Waits until the phase has begun.
    #[track_caller]
    pub fn is_in(&mut self, phase: &str) -> &mut Self {
        self.hears(&format!("  {phase}: "))
    }

    /// Sends a signal to the harness, and to nobody else.
    pub fn signal(&self, signal: Signal) {
        // It was not waited for, so the id is still ours.
        kill_process(pid(self.child.id()), signal).expect("it is there");
    }

    /// The processes that it has standing: its descendants.
    pub fn family(&self) -> Vec<u32> {
        descendants(self.child.id())
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        let mut status = None;
        wait_for("its end", BOUND, || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        let status = status.expect("its status");
        let stdout = self.stdout.take().map(|reader| reader.join().expect("its output")).unwrap_or_default();
        self.heard.extend(self.lines.iter());
        Ran { code: status.code(), status, stdout, stderr: self.heard.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that a test's own harness started.
pub fn kill(process: u32, signal: Signal) {
    kill_process(pid(process), signal).expect("it is there");
}

fn pid(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id")
}

/// Waits, with a bound, until a condition holds.
#[track_caller]
pub fn wait_for(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + bound;
    while !condition() {
        assert!(Instant::now() < deadline, "waited more than {bound:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until all of these processes are gone, within `bound`.
#[track_caller]
pub fn are_gone(pids: &[u32], bound: Duration) {
    let mut left = Vec::new();
    let deadline = Instant::now() + bound;
    loop {
        let table = table();
        left.clear();
        left.extend(table.iter().filter(|process| pids.contains(&process.0)).cloned());
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still there after {bound:?}: {left:?}");
    }
}

/// The living processes below this one, with their command lines' first words.
pub fn descendants(ancestor: u32) -> Vec<u32> {
    let table = table();
    let mut found = vec![ancestor];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(table.iter().filter(|process| process.1 == parent).map(|process| process.0));
        next += 1;
    }
    found.split_off(1)
}

/// The processes among these whose program is called so.
pub fn called(pids: &[u32], program: &str) -> Vec<u32> {
    let table = table();
    let ours = table.iter().filter(|process| pids.contains(&process.0) && process.2.contains(program));
    ours.map(|process| process.0).collect()
}

/// Every living process: id, parent, command.
fn table() -> Vec<(u32, u32, String)> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid=,stat=,args="]).output().expect("ps");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let process = |line: &str| {
        let mut words = line.split_whitespace();
        let (pid, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let state = words.next()?;
        (!state.starts_with('Z')).then(|| (pid, parent, words.collect::<Vec<_>>().join(" ")))
    };
    text.lines().filter_map(process).collect()
}

/// The living processes that carry the mark of a session of this project.
#[cfg(target_os = "linux")]
pub fn marked(project: &Project) -> Vec<u32> {
    let sessions = fs::read_dir(project.path("runs/.sessions")).into_iter().flatten().flatten();
    let marks: Vec<_> = sessions
        .map(|session| format!("HARNESS_RUN_MARK={}", session.file_name().to_string_lossy()).into_bytes())
        .collect();
    let carries = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| marks.iter().any(|mark| mark == variable))
    };
    table().into_iter().map(|process| process.0).filter(carries).collect()
}

/// Elsewhere the descendants have to do.
#[cfg(not(target_os = "linux"))]
pub fn marked(_project: &Project) -> Vec<u32> {
    Vec::new()
}

/// The repository that these tests are part of.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

/// A nats-server that will do. `./task test` has installed one; to go on without it would test nothing.
pub fn nats_server() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let named = std::env::var_os("HARNESS_NATS_SERVER").map(PathBuf::from);
        let versions = fs::read_dir(repository().join(".tools/nats-server")).into_iter().flatten().flatten();
        let installed = versions.map(|version| version.path().join("nats-server"));
        let search_path = std::env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<_> =
            std::env::split_paths(&search_path).map(|folder| folder.join("nats-server")).collect();
        let found = named.into_iter().chain(installed).chain(on_path).find(|path| path.is_file());
        found.expect("these tests need a nats-server: ./task setup installs one")
    };
    FOUND.get_or_init(find).clone()
}

/// The folder of the labs' programs, built now if it was not.
fn workers() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        // What `cargo test` says of this package would make build scripts run again, and all that hangs on them.
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in names.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
        let output = command
            .args(["build", "--package", "harness", "--package", "labs", "--bin", "lab-02-fire-and-forget"])
            .args(["--bin", "lab-03-acks", "--bin", "lab-05-idempotent-consumers"])
            .args(["--bin", "lab-06-broker-exactly-once"])
            .arg("--message-format=json-render-diagnostics")
            .current_dir(repository())
            .output()
            .expect("cargo");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
        let program = programs.next().expect("cargo says where the programs are");
        program.parent().expect("a folder").to_owned()
    };
    BUILT.get_or_init(build).clone()
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let (entry, to) =
            (entry.as_ref().expect("an entry"), to.join(entry.as_ref().expect("an entry").file_name()));
        if entry.file_type().expect("a kind").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).expect("a copy");
        }
    }
}
