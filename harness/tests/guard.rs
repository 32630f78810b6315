//! `harness guard` with real processes: whatever ends the harness, nothing else stays.
//!
//! A shell plays the harness: its standard output is the guard's pipe, so SIGKILL of the shell is
//! the end of that pipe. Its children print their process ids to a file where the test finds them.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    io::{BufRead, BufReader, Write, pipe},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const BOUND: Duration = Duration::from_secs(60);

/// A guard, and a shell that plays the harness.
struct Play {
    folder: TempDir,
    guard: Child,
    answers: BufReader<ChildStdout>,
    harness: Child,
}

impl Play {
    /// Starts a guard and then the script; in it, `start NAME COMMAND…` starts a process that carries the mark,
    /// `tell NAME` tells the guard of it.
    fn start(script: &str) -> Play {
        let folder = tempfile::tempdir().expect("a folder");
        // Random, so that tests which run side by side do not kill each other's processes.
        let mark = format!("{:016x}", RandomState::new().hash_one(0));
        let (orders, harness_end) = pipe().expect("a pipe");
        let mut guard = Command::new(env!("CARGO_BIN_EXE_harness"))
            .arg("guard")
            .stdin(orders)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the guard starts");
        let mut answers = BufReader::new(guard.stdout.take().expect("its output"));
        let mut ready = String::new();
        answers.read_line(&mut ready).expect("its first line");
        assert_eq!(ready, "ready\n");
        let prelude = r#"
            exec 3>&1 >/dev/null; echo "mark $MARK" >&3
            start() { file="$1"; shift; HARNESS_RUN_MARK="$MARK" "$@" 3>&- & echo $! >"$file.new"; mv "$file.new" "$file"; }
            tell() { echo "add $(cat "$1")" >&3; }
        "#;
        let harness = Command::new("sh")
            // It stays until its standard input ends; so does what it waits with, should it be killed before.
            .args(["-c", &format!("{prelude}\n{script}\necho done >ready\ncat 3>&-")])
            .current_dir(folder.path())
            .env("MARK", &mark)
            .stdin(Stdio::piped())
            .stdout(harness_end)
            .spawn()
            .expect("the shell starts");
        let play = Play { folder, guard, answers, harness };
        wait_for("the script", || play.path("ready").exists());
        play
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pid(&self, name: &str) -> u32 {
        wait_for(name, || self.path(name).exists());
        fs::read_to_string(self.path(name)).expect("a file").trim().parse().expect("a process id")
    }

    /// Kills the harness with SIGKILL and returns how many processes the guard says it killed.
    fn kill_harness(&mut self) -> usize {
        self.harness.kill().expect("SIGKILL");
        self.harness.wait().expect("it ended");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the guard's last line");
        assert!(self.guard.wait().expect("the guard ended").success());
        answer.trim_end().strip_prefix("killed ").and_then(|number| number.parse().ok()).expect("a number")
    }
}

impl Drop for Play {
    /// After a failed test: the guard is the cleanest way to clean up.
    fn drop(&mut self) {
        drop(self.harness.kill());
        drop(self.harness.wait());
        drop(self.guard.wait());
    }
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The state letter of a process; `None` when it is gone.
fn state(pid: u32) -> Option<char> {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("ps");
    String::from_utf8_lossy(&output.stdout).trim().chars().next()
}

fn parent(pid: u32) -> u32 {
    let output = Command::new("ps").args(["-o", "ppid=", "-p", &pid.to_string()]).output().expect("ps");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a parent")
}

fn gone(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z'))
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().expect("kill").success());
}

#[test]
fn a_told_process_dies_with_the_harness() {
    let mut play = Play::start("start worker sleep 600; tell worker");
    let worker = play.pid("worker");
    assert!(!gone(worker));
    assert!(play.kill_harness() >= 1);
    assert!(gone(worker));
}

#[test]
fn a_stopped_process_dies_too() {
    let mut play = Play::start("start worker sleep 600; tell worker");
    let worker = play.pid("worker");
    signal("-STOP", worker);
    wait_for("the stop", || state(worker) == Some('T'));
    play.kill_harness();
    assert!(gone(worker));
}

#[test]
fn a_grandchild_that_was_given_away_dies_too() {
    // The middle process ends, so the grandchild's parent is no longer anyone we know; `env -u` takes its
    // mark away, so only the process group of the worker is left to find it by.
    let middle =
        r#"(env -u HARNESS_RUN_MARK sh -c 'echo $$ >new; mv new grandchild; exec sleep 600') & exit 0"#;
    let worker = format!("setsid sh -c \"({}); exec sleep 600\"", middle.replace('$', "\\$"));
    let mut play = Play::start(&format!("start worker {worker}; tell worker"));
    let (worker, grandchild) = (play.pid("worker"), play.pid("grandchild"));
    wait_for("the middle process' end", || parent(grandchild) != worker && !gone(grandchild));
    play.kill_harness();
    assert!(gone(worker) && gone(grandchild));
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_nobody_told_of_is_found_by_its_mark() {
    let script =
        "start worker sleep 600; start hidden setsid sh -c 'echo $$ >new; mv new deep; exec sleep 600'";
    let mut play = Play::start(script);
    let (worker, deep) = (play.pid("worker"), play.pid("deep"));
    signal("-STOP", deep);
    wait_for("the stop", || state(deep) == Some('T'));
    assert_eq!(play.kill_harness(), 2);
    assert!(gone(worker) && gone(deep));
}

#[test]
fn a_removed_process_and_a_stranger_live_on() {
    let mut stranger =
        Command::new("sleep").arg("600").env("HARNESS_RUN_MARK", "00000000").spawn().expect("sleep");
    let script = r#"sleep 600 3>&- & echo $! >worker; tell worker; echo "remove $(cat worker)" >&3"#;
    let mut play = Play::start(script);
    let worker = play.pid("worker");
    let killed = play.kill_harness();
    let lived = !gone(worker) && !gone(stranger.id());
    signal("-KILL", worker);
    stranger.kill().and_then(|()| stranger.wait()).expect("the stranger ends");
    assert!(lived);
    assert_eq!(killed, 0);
}

#[test]
fn the_guard_survives_the_signals_that_end_the_harness_and_acts_only_at_the_end() {
    let mut play = Play::start("start worker sleep 600; tell worker");
    let worker = play.pid("worker");
    for name in ["-INT", "-TERM", "-HUP", "-QUIT"] {
        signal(name, play.guard.id());
    }
    // Stop and resume: the signals before were taken when the guard runs again.
    signal("-STOP", play.guard.id());
    wait_for("the stop", || state(play.guard.id()) == Some('T'));
    signal("-CONT", play.guard.id());
    wait_for("the guard", || state(play.guard.id()) == Some('S'));
    assert!(!gone(worker));
    play.kill_harness();
    assert!(gone(worker));
}

#[test]
fn a_clean_end_kills_nothing() {
    let mut guard = Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("guard")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the guard starts");
    let mut orders = guard.stdin.take().expect("its input");
    orders.write_all(b"mark fedcba9876543210\nadd 4000000000\nnonsense\n").expect("it hears");
    drop(orders);
    let output = guard.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\nkilled 0\n");
}
