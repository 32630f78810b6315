//! The local runtime: processes on this machine, watched by a guard.

use std::{
    io::{ErrorKind, Write},
    path::Path,
};

use tokio::process::Command;

use super::{
    guard::Guard,
    node::Node,
    process::{self, Output},
};
use crate::error::Error;

/// What a new process gets as its standard input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// No standard input; all output goes to the log.
    Nothing,
    /// As `Nothing`, for a server of several processes that leave its group.
    Family,
    /// Orders on its standard input; its standard output is read, its standard error goes to the log.
    Orders,
}

/// Starts processes so that none of them can outlive the harness.
#[derive(Debug)]
pub struct Local {
    guard: Guard,
}

impl Local {
    /// Starts the guard, before anything else is started.
    pub fn start(mark: &str) -> Result<Self, Error> {
        let guard =
            Guard::start(mark).map_err(|error| Error::Other(format!("cannot start the guard: {error}")))?;
        Ok(Self { guard })
    }

    /// The mark that all its processes carry.
    pub fn mark(&self) -> &str {
        self.guard.mark()
    }

    /// Lets the guard go. Everything should have ended by now; what has not is killed, and counted.
    pub fn finish(self) -> usize {
        self.guard.finish().unwrap_or_else(|error| {
            tracing::warn!("{error}");
            0
        })
    }

    /// Starts a process; its log is appended to.
    pub fn spawn(&self, name: &str, command: Command, log: &Path, input: Input) -> Result<Node, Error> {
        let output = match input {
            Input::Nothing => Output::Log(log),
            Input::Family => Output::Family(log),
            Input::Orders => Output::Worker(log),
        };
        let child = process::spawn(command, output, &self.guard).map_err(|error| {
            let what = format!("{name} could not be started: {error}");
            match error.kind() {
                ErrorKind::NotFound => Error::NotRun { what, mend: "install that program".to_owned() },
                _ => Error::Other(what),
            }
        })?;
        Ok(Node::new(name, log.to_owned(), child))
    }

    /// Tells the guard that a process has ended and been waited for.
    pub fn forget(&self, pid: u32) {
        if let Err(error) = self.guard.remove(pid) {
            tracing::debug!("the guard did not hear that {pid} ended: {error}");
        }
    }

    /// A password that nobody can guess, made for one server.
    pub fn secret(&self) -> String {
        let mut secret = Vec::new();
        for _ in 0..4 {
            let _ = write!(secret, "{:016x}", rand::random::<u64>());
        }
        String::from_utf8_lossy(&secret).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::{env, os::fd::BorrowedFd, process::Command};

    use super::*;

    const CHILD: &str = "HARNESS_TEST_IS_GUARD";

    impl Local {
        /// With a guard that only listens: what a test starts ends when it is dropped.
        pub fn for_tests() -> Self {
            let mut command = Command::new("sh");
            command.args(["-c", "echo ready; cat >/dev/null; echo killed 0"]);
            let mark = format!("{:016x}", rand::random::<u64>());
            Self { guard: Guard::start_as(command, &mark).unwrap() }
        }

        /// With a real guard: the program of tests is not the harness, so one of its tests is the guard.
        pub fn guarded_for_tests(mark: &str) -> Self {
            let script =
                r#"exec 3>&1 >/dev/null; exec "$0" --exact runtime::local::tests::be_the_guard --ignored"#;
            let mut command = Command::new("sh");
            command.args(["-c", script]).arg(env::current_exe().unwrap()).env(CHILD, "1");
            Self { guard: Guard::start_as(command, mark).unwrap() }
        }
    }

    #[test]
    #[ignore = "the guard of other tests, not a test"]
    fn be_the_guard() {
        if env::var_os(CHILD).is_some() {
            // SAFETY: the shell that became this process has opened it, and nobody closes it.
            let answers = unsafe { BorrowedFd::borrow_raw(3) };
            rustix::stdio::dup2_stdout(answers).unwrap();
            super::super::guard::run_guard();
        }
    }

    #[test]
    fn the_guard_of_tests_is_one() {
        let local = Local::guarded_for_tests("0123456789abcdef");
        assert_eq!(local.mark(), "0123456789abcdef");
        assert_eq!(local.finish(), 0);
    }
}
