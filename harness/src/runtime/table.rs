//! The processes of this machine: who is whose child, in which group, since when, in which state.
//!
//! Linux is read from `/proc`. Elsewhere `ps` is asked, which costs some milliseconds a call.

/// The environment variable by which every process of a run is found again, whoever started it.
pub const MARK: &str = "HARNESS_RUN_MARK";

/// What the scheduler says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// R: running, or ready to.
    Running,
    /// S or I: waiting for something that a signal may interrupt.
    Sleeping,
    /// D or U: waiting for a device; signals wait as well.
    Uninterruptible,
    /// T or t: stopped by a signal or a debugger.
    Stopped,
    /// Z or X: dead; only its parent has not asked for its end yet.
    Dead,
}

impl State {
    /// From the letter that `/proc` and `ps` share.
    pub fn of(letter: char) -> State {
        match letter {
            'T' | 't' => State::Stopped,
            'Z' | 'X' | 'x' => State::Dead,
            'D' | 'U' => State::Uninterruptible,
            'S' | 'I' => State::Sleeping,
            _ => State::Running,
        }
    }
}

/// One process, at the moment it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id, which another process may get after its end.
    pub pid: u32,
    /// Its parent; 1 or a sub-reaper once the real parent is gone.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// When it started, in a text that only differs for another process with the same id.
    pub started: String,
    /// What it is doing.
    pub state: State,
}

impl Process {
    /// Whether it can still do anything.
    pub fn alive(&self) -> bool {
        self.state != State::Dead
    }
}

#[cfg(target_os = "linux")]
pub use self::proc::{all, marked, one};
#[cfg(not(target_os = "linux"))]
pub use self::ps::{all, marked, one};

#[cfg(target_os = "linux")]
mod proc {
    use std::fs;

    use super::{MARK, Process, State};

    /// Every process of the machine.
    pub fn all() -> Vec<Process> {
        pids().filter_map(one).collect()
    }

    /// One process; `None` when there is none of that id.
    pub fn one(pid: u32) -> Option<Process> {
        parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The living processes whose environment carries the mark, as far as this user may look.
    pub fn marked(mark: &str) -> Vec<u32> {
        let entry = format!("{MARK}={mark}");
        let carries = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable == entry.as_bytes())
        };
        pids().filter(carries).collect()
    }

    fn pids() -> impl Iterator<Item = u32> {
        let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
        folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok())
    }

    /// The fields are counted after the command's name, which may hold blanks and brackets (proc_pid_stat(5)).
    fn parse(pid: u32, stat: &str) -> Option<Process> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_ascii_whitespace().collect();
        Some(Process {
            pid,
            state: State::of(fields.first()?.chars().next()?),
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            started: (*fields.get(19)?).to_owned(),
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_command_name_with_blanks_and_brackets_moves_no_field() {
            let stat = "42 (a) b (c) T 7 40 30 0 -1 4 0 0 0 0 1 2 3 4 20 0 1 0 123456 99 9";
            let process = parse(42, stat).expect("a whole line");
            let expected =
                Process { pid: 42, parent: 7, group: 40, started: "123456".into(), state: State::Stopped };
            assert_eq!(process, expected);
        }

        #[test]
        fn half_a_line_is_no_process() {
            assert_eq!(parse(42, "42 (a) T 7 40"), None);
            assert_eq!(parse(42, ""), None);
        }
    }
}

#[cfg(any(not(target_os = "linux"), test))]
#[cfg_attr(target_os = "linux", allow(dead_code, reason = "on Linux only its test runs"))]
mod ps {
    use std::process::{Command, Stdio};

    use super::{MARK, Process, State};

    const COLUMNS: &str = "pid=,ppid=,pgid=,stat=,lstart=";

    /// Every process of the machine.
    pub fn all() -> Vec<Process> {
        ask(&["-A", "-o", COLUMNS]).lines().filter_map(parse).collect()
    }

    /// One process; `None` when there is none of that id.
    pub fn one(pid: u32) -> Option<Process> {
        ask(&["-p", &pid.to_string(), "-o", COLUMNS]).lines().find_map(parse)
    }

    /// The processes whose environment carries the mark, as far as `ps -E` of the BSDs shows it.
    pub fn marked(mark: &str) -> Vec<u32> {
        let entry = format!("{MARK}={mark}");
        let listing = ask(&["-A", "-E", "-ww", "-o", "pid=,command="]);
        let carries = |line: &&str| line.split_ascii_whitespace().any(|word| word == entry);
        listing
            .lines()
            .filter(carries)
            .filter_map(|line| line.split_ascii_whitespace().next()?.parse().ok())
            .collect()
    }

    fn ask(arguments: &[&str]) -> String {
        let mut ps = Command::new("ps");
        ps.args(arguments).env("LC_ALL", "C").env_remove(MARK).stdin(Stdio::null()).stderr(Stdio::null());
        ps.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    fn parse(line: &str) -> Option<Process> {
        let mut words = line.split_ascii_whitespace();
        Some(Process {
            pid: words.next()?.parse().ok()?,
            parent: words.next()?.parse().ok()?,
            group: words.next()?.parse().ok()?,
            state: State::of(words.next()?.chars().next()?),
            started: words.collect::<Vec<_>>().join(" "),
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn ps_and_proc_say_the_same_of_a_child() {
            let mut child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("sleep");
            let (by_ps, by_table) = (one(child.id()), super::super::one(child.id()));
            let listed = all().into_iter().any(|process| process.pid == child.id());
            child.kill().and_then(|()| child.wait()).expect("the child ends");
            let (by_ps, by_table) = (by_ps.expect("ps knows it"), by_table.expect("the table knows it"));
            assert!(listed);
            assert_eq!(
                (by_ps.pid, by_ps.parent, by_ps.group),
                (by_table.pid, by_table.parent, by_table.group)
            );
            assert_eq!(one(child.id()), None);
        }
    }
}
