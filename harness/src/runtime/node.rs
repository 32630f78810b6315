//! A process that a run started and may kill: a broker or a worker.

use std::{path::PathBuf, process::ExitStatus, time::Duration};

use rustix::process::Signal;
use tokio::process::Child;

use super::process;
use crate::error::{Error, LogTail};

/// How long a signal may take to show its effect. SIGKILL and SIGSTOP are the kernel's own
/// business; seconds pass only on a machine that is badly overloaded.
const SIGNAL_BOUND: Duration = Duration::from_secs(20);

/// One process, by the name that the account uses for it.
#[derive(Debug)]
pub struct Node {
    /// The name: `nats`, `consumer-0`.
    pub name: String,
    /// Where its output goes.
    pub log: PathBuf,
    child: Child,
    pid: u32,
    ended: Option<ExitStatus>,
}

impl Node {
    /// Takes over a child that was just spawned.
    pub fn new(name: &str, log: PathBuf, child: Child) -> Self {
        let pid = child.id().unwrap_or_default();
        Self { name: name.to_owned(), log, child, pid, ended: None }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Kills it with SIGKILL, and all that it started, and waits until it is gone.
    ///
    /// Returns the evidence: how `wait` says that it ended. A process that had already ended by
    /// itself gives that end, which is no evidence of a kill.
    pub async fn kill(&mut self) -> Result<String, Error> {
        if self.ended().is_none() {
            process::signal(self.pid, Signal::KILL);
            self.wait(SIGNAL_BOUND).await?;
        }
        Ok(self.how_it_ended())
    }

    /// Asks it to end with SIGTERM; kills it when it has not within `bound`.
    pub async fn terminate(&mut self, bound: Duration) -> Result<String, Error> {
        if self.ended().is_none() {
            process::signal(self.pid, Signal::CONT);
            process::signal(self.pid, Signal::TERM);
            if self.wait(bound).await.is_err() {
                return self.kill().await;
            }
        }
        Ok(self.how_it_ended())
    }

    /// Stops it with SIGSTOP; the evidence is state T of every thread.
    pub async fn pause(&mut self) -> Result<String, Error> {
        process::signal(self.pid, Signal::STOP);
        let pid = self.pid;
        if process::wait_for(SIGNAL_BOUND, || process::all_threads_stopped(pid)).await {
            Ok("state T, every thread".to_owned())
        } else {
            Err(self.error(format!("{} did not stop within {SIGNAL_BOUND:?} of SIGSTOP", self.name)))
        }
    }

    /// Lets it go on with SIGCONT; harmless when it is not stopped or is gone.
    pub fn resume(&mut self) {
        if self.ended().is_none() {
            process::signal(self.pid, Signal::CONT);
        }
    }

    /// Waits for its end, at most `bound`.
    pub async fn wait(&mut self, bound: Duration) -> Result<ExitStatus, Error> {
        if let Some(status) = self.ended() {
            return Ok(status);
        }
        match tokio::time::timeout(bound, self.child.wait()).await {
            Ok(Ok(status)) => {
                self.ended = Some(status);
                Ok(status)
            }
            Ok(Err(error)) => Err(self.error(format!("cannot wait for {}: {error}", self.name))),
            Err(_) => Err(self.error(format!("{} was still there after {bound:?}", self.name))),
        }
    }

    /// How it ended, in the words of the evidence: "exit by signal 9", "exit code 0".
    pub fn how_it_ended(&mut self) -> String {
        match self.ended() {
            Some(status) => describe(status),
            None => "still running".to_owned(),
        }
    }

    /// An error about this node, with its last log lines.
    pub fn error(&self, what: String) -> Error {
        Error::Node { what, log: LogTail::of(&self.log) }
    }
}

/// "exit by signal 9" or "exit code 1".
pub fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("exit by signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The evidence of a kill that worked.
pub const KILLED: &str = "exit by signal 9";
