//! Small helpers for the processes of a run: start them, signal them, look at their state, wait.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::{
    guard::Guard,
    table::{MARK, State},
};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(2);

/// Where the output of a process goes.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Standard input and output are pipes, for a worker that hears orders and tells its moments; standard
    /// error is appended to this file.
    Worker(&'a Path),
    /// Standard output and error are appended to this file; standard input is empty. For a server.
    Log(&'a Path),
    /// As `Log`, for a server whose processes are in groups of their own. When the harness dies it is asked by SIGQUIT
    /// to end at once with all of them: SIGKILL would end the first one and leave the others to the guard, which could
    /// not tell any more whose they are.
    Family(&'a Path),
}

/// Starts a process as all those of a run are started.
///
/// It gets a process group of its own, so that Ctrl-C reaches only the harness; the run's mark in its
/// environment; it is told to the guard; it dies when its [`Child`] is dropped, and on Linux by SIGKILL
/// when the *thread* that calls this ends. So call it on a thread that lives as long as the harness: on
/// the main thread or a worker of the runtime, never inside `spawn_blocking`.
///
/// # Errors
/// When the program or its log cannot be opened (the message names it), or the guard is gone.
pub fn spawn(mut command: Command, output: Output<'_>, guard: &Guard) -> io::Result<Child> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    match output {
        Output::Worker(path) => {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(open_log(path)?);
        }
        Output::Log(path) | Output::Family(path) => {
            let log = open_log(path)?;
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        }
    }
    command.env(MARK, guard.mark()).process_group(0).kill_on_drop(true);
    die_with_the_harness(
        &mut command,
        if matches!(output, Output::Family(_)) { Signal::QUIT } else { Signal::KILL },
    );
    let mut child = command.spawn().map_err(|error| with(format!("cannot start `{program}`"), &error))?;
    if let Some(pid) = child.id() {
        guard.add(pid).inspect_err(|_| drop(child.start_kill()))?;
    }
    Ok(child)
}

fn open_log(path: &Path) -> io::Result<File> {
    let context = |error| with(format!("cannot open the log {}", path.display()), &error);
    OpenOptions::new().create(true).append(true).open(path).map_err(context)
}

/// The second net under the guard, for the moment between the start and the guard's hearing of it.
#[cfg(target_os = "linux")]
fn die_with_the_harness(command: &mut Command, by: Signal) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};

    let harness = getpid();
    let ask = move || {
        set_parent_process_death_signal(Some(by))?;
        // The harness may have died just before that.
        if getppid() == Some(harness) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: two system calls, and nothing is allocated; they are safe between fork and exec.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_the_harness(_command: &mut Command, _by: Signal) {}

fn with(what: String, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Sends a signal to a process that [`spawn`] started, and to all that it started itself and that stayed in its
/// group; says whether there was one to take it.
pub fn signal(pid: u32, signal: Signal) -> bool {
    // 0 and negative numbers would mean groups, and 1 is nobody's to signal.
    let pid = i32::try_from(pid).ok().filter(|&pid| pid > 1).and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process_group(pid, signal).is_ok())
}

/// Whether every thread of the process is stopped: SIGSTOP reaches the threads one after the other.
#[cfg(target_os = "linux")]
pub fn all_threads_stopped(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let stopped = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let letter = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
        letter.map(State::of) == Some(State::Stopped)
    };
    let states: Vec<_> = threads.flatten().map(stopped).collect();
    !states.is_empty() && !states.contains(&false)
}

/// Whether the process is stopped, as `ps` sees it.
#[cfg(not(target_os = "linux"))]
pub fn all_threads_stopped(pid: u32) -> bool {
    super::table::one(pid).is_some_and(|process| process.state == State::Stopped)
}

/// Waits until the condition holds, looking every 2 ms; `false` when `bound` passed first.
///
/// The condition is looked at once more after the bound, so that a machine that stalled is no failure.
pub async fn wait_for(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + bound;
    loop {
        let late = Instant::now() > deadline;
        if condition() {
            return true;
        }
        if late {
            return false;
        }
        tokio::time::sleep(STEP).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::CommandExt, process::Command as StdCommand};

    use super::*;

    fn state(pid: u32) -> Option<State> {
        crate::runtime::table::one(pid).map(|process| process.state)
    }

    const BOUND: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_process_is_stopped_resumed_and_killed() {
        let mut child = StdCommand::new("sleep").arg("600").process_group(0).spawn().expect("sleep");
        let pid = child.id();
        assert!(!all_threads_stopped(pid));
        assert!(signal(pid, Signal::STOP));
        assert!(wait_for(BOUND, || all_threads_stopped(pid)).await);
        assert_eq!(state(pid), Some(State::Stopped));
        assert!(signal(pid, Signal::CONT));
        assert!(wait_for(BOUND, || state(pid) == Some(State::Sleeping)).await);
        assert!(signal(pid, Signal::KILL));
        assert!(wait_for(BOUND, || state(pid) == Some(State::Dead)).await);
        child.wait().expect("it ended");
        assert_eq!(state(pid), None);
        assert!(!signal(pid, Signal::KILL) && !all_threads_stopped(pid));
    }

    #[test]
    fn groups_and_the_first_process_are_out_of_reach() {
        for pid in [0, 1, u32::MAX, i32::MAX as u32 + 1] {
            assert!(!signal(pid, Signal::CONT), "{pid}");
        }
    }

    #[tokio::test]
    async fn a_wait_has_a_bound() {
        assert!(!wait_for(Duration::from_millis(5), || false).await);
        assert!(wait_for(Duration::ZERO, || true).await);
    }
}
