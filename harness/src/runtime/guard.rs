//! The guard: a small process that outlives the harness by a moment, so that nothing else does.
//!
//! It is started before anything else and is told of every process over a pipe. Whatever ends
//! the harness closes that pipe, SIGKILL included, and then the guard kills what is left: what it
//! was told of, their groups and descendants, and whatever carries the run's mark.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{self, BufRead, BufReader, ErrorKind, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, setsid};
use tokio::signal::unix::{SignalKind, signal};

use super::table::{self, MARK, Process};

/// How long a guard may take to say that it is there. It does so in milliseconds.
const START_BOUND: Duration = Duration::from_secs(10);

/// How long the guard goes on killing. Only a process in state D can stay longer than a moment.
const KILL_BOUND: Duration = Duration::from_secs(10);

/// How often the guard looks again, and the harness at the guard.
const STEP: Duration = Duration::from_millis(2);

/// The harness' end of the pipe to its guard.
#[derive(Debug)]
pub struct Guard {
    mark: String,
    orders: Mutex<Option<ChildStdin>>,
    answers: BufReader<ChildStdout>,
    process: Child,
}

impl Guard {
    /// Starts the guard of one run. Every process of the run carries `mark`, a hexadecimal text of at
    /// least 8 digits, in the variable [`MARK`] of its environment.
    ///
    /// # Errors
    /// When this program cannot be started a second time, or does not answer within ten seconds.
    pub fn start(mark: &str) -> io::Result<Guard> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("guard");
        Guard::start_as(command, mark)
    }

    pub(super) fn start_as(mut command: Command, mark: &str) -> io::Result<Guard> {
        check(mark)?;
        command.current_dir(Path::new("/")).env_remove(MARK);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // SAFETY: setsid is one system call; it is safe between fork and exec.
        unsafe { command.pre_exec(|| setsid().map(drop).map_err(io::Error::from)) };
        let mut process = command.spawn()?;
        let (orders, answers) = (process.stdin.take(), process.stdout.take());
        let pipe = || io::Error::other("the guard has no pipe");
        let answers = BufReader::new(answers.ok_or_else(pipe)?);
        let answers =
            first_answer(answers).inspect_err(|_| drop(process.kill().and_then(|()| process.wait())))?;
        let guard = Guard { mark: mark.to_owned(), orders: Mutex::new(orders), answers, process };
        guard.order("mark", mark)?;
        Ok(guard)
    }

    /// The mark that every process of the run carries.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Tells the guard of a process that must not outlive the harness.
    ///
    /// # Errors
    /// When the guard is gone: then nothing protects the run any more.
    pub fn add(&self, pid: u32) -> io::Result<()> {
        self.order("add", pid)
    }

    /// Tells the guard that a process has ended and was waited for, so that its id may pass to a stranger.
    ///
    /// # Errors
    /// When the guard is gone.
    pub fn remove(&self, pid: u32) -> io::Result<()> {
        self.order("remove", pid)
    }

    /// Lets the guard kill what is left and waits for its end; returns how many processes it had to kill.
    ///
    /// # Errors
    /// When the guard did not say so: it was killed itself.
    pub fn finish(mut self) -> io::Result<usize> {
        self.close();
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let killed = answer.trim_end().strip_prefix("killed ").and_then(|number| number.parse().ok());
        killed.ok_or_else(|| io::Error::other("the guard ended before its time"))
    }

    fn order(&self, verb: &str, of: impl std::fmt::Display) -> io::Result<()> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = orders.as_mut().ok_or_else(|| io::Error::from(ErrorKind::BrokenPipe))?;
        let gone = |error| io::Error::other(format!("the guard that kills leftovers is gone: {error}"));
        pipe.write_all(format!("{verb} {of}\n").as_bytes()).map_err(gone)
    }

    /// Closes the pipe and waits, with a bound, until the guard has done its work.
    fn close(&mut self) {
        *self.orders.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        let deadline = Instant::now() + KILL_BOUND + START_BOUND;
        while let Ok(None) = self.process.try_wait() {
            if Instant::now() > deadline {
                // Somebody stopped it, or the machine is stuck: nothing more can be done here.
                drop(self.process.kill().and_then(|()| self.process.wait()));
            }
            thread::sleep(STEP);
        }
    }
}

impl Drop for Guard {
    /// Whatever way the run ends, nothing is left when the guard is gone.
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits, with a bound, for the line by which a guard says that it is there.
fn first_answer(mut answers: BufReader<ChildStdout>) -> io::Result<BufReader<ChildStdout>> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = answers.read_line(&mut line);
        // Nobody listens any more once the bound is hit.
        drop(tell.send(read.map(|_| (line, answers))));
    });
    match told.recv_timeout(START_BOUND) {
        Ok(Ok((line, answers))) if line == "ready\n" => Ok(answers),
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) => Err(io::Error::other("the guard ended at its start")),
        Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "the guard did not start in time")),
    }
}

/// A mark must be long enough that it names one run and no other.
fn check(mark: &str) -> io::Result<()> {
    if mark.len() >= 8 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let what = format!("`{mark}` is no mark of a run; one is at least 8 hexadecimal digits");
    Err(io::Error::new(ErrorKind::InvalidInput, what))
}

/// Kills every process that carries the mark, and returns how many that were.
///
/// Those that appear meanwhile die too. A mark that is no mark kills nothing.
pub fn kill_marked(mark: &str) -> usize {
    if check(mark).is_err() {
        return 0;
    }
    Told { mark: Some(mark.to_owned()), ..Told::default() }.kill_all()
}

/// The hidden subcommand `harness guard`: reads orders until the harness is gone, then kills what is left.
pub fn run_guard() -> ExitCode {
    // The signals are caught and then not looked at. SIGKILL remains, as it should.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    let _inside = runtime.enter();
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];
    let Ok(_ignored) = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>() else {
        return ExitCode::FAILURE;
    };
    // Answers are for a harness that may be gone: nothing can be done about an error.
    drop(writeln!(io::stdout(), "ready"));
    let mut told = Told::default();
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        told.hear(&line);
    }
    let killed = told.kill_all();
    drop(writeln!(io::stdout(), "killed {killed}"));
    ExitCode::SUCCESS
}

/// What the guard was told of.
#[derive(Debug, Default)]
struct Told {
    mark: Option<String>,
    /// Process ids, with the start time that tells a process from a later one of the same id.
    started: BTreeMap<u32, String>,
}

impl Told {
    /// Takes an order; one that makes no sense is passed over, since there is nobody to tell.
    fn hear(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("mark", mark)) if check(mark).is_ok() => self.mark = Some(mark.to_owned()),
            Some(("add", pid)) => {
                // Everything descends from process 1: to be told of it would be to kill the whole machine.
                let pid = pid.parse().ok().filter(|pid| *pid > 1);
                if let Some(process) = pid.and_then(table::one) {
                    self.started.insert(process.pid, process.started);
                }
            }
            Some(("remove", pid)) => {
                pid.parse::<u32>().map(|pid| self.started.remove(&pid)).ok();
            }
            _ => {}
        }
    }

    /// Kills until nothing is left, and says how many processes it found.
    ///
    /// Stopped before they are killed: what one of them starts meanwhile would be nobody's once its parent is dead.
    fn kill_all(&self) -> usize {
        let mut stopped = BTreeSet::new();
        let deadline = Instant::now() + KILL_BOUND;
        loop {
            let victims = self.victims(&table::all(), &self.marked());
            if victims.is_empty() || Instant::now() > deadline {
                return stopped.len();
            }
            let known = stopped.len();
            stopped.extend(victims.iter().map(|process| (process.pid, process.started.clone())));
            let signal = if stopped.len() > known { Signal::STOP } else { Signal::KILL };
            for pid in victims.iter().filter_map(|process| pid_of(process.pid)) {
                // It may have ended by itself since it was seen.
                kill_process(pid, signal).ok();
            }
            if signal == Signal::KILL {
                thread::sleep(STEP);
            }
        }
    }

    fn marked(&self) -> Vec<u32> {
        self.mark.as_deref().map(table::marked).unwrap_or_default()
    }

    /// Those alive among the told, the members of their groups, the marked, and the descendants of all these.
    fn victims(&self, all: &[Process], marked: &[u32]) -> Vec<Process> {
        let told = |process: &Process| self.started.get(&process.pid) == Some(&process.started);
        // A group keeps its number from being given away, and is ours unless a stranger now has that number.
        let stranger = |pid: u32| all.iter().any(|process| process.pid == pid && !told(process));
        let ours = |group: u32| self.started.contains_key(&group) && !stranger(group);
        let mut victims: BTreeSet<u32> = all
            .iter()
            .filter(|process| told(process) || ours(process.group) || marked.contains(&process.pid))
            .map(|process| process.pid)
            .filter(|pid| *pid > 1)
            .collect();
        loop {
            let more: Vec<_> = all
                .iter()
                .filter(|process| victims.contains(&process.parent) && !victims.contains(&process.pid))
                .map(|process| process.pid)
                .collect();
            if more.is_empty() {
                break;
            }
            victims.extend(more);
        }
        // Never itself: `kill_marked` may be called in an environment that carries the mark.
        victims.remove(&std::process::id());
        all.iter().filter(|process| victims.contains(&process.pid) && process.alive()).cloned().collect()
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    // 0 would mean our own group and 1 is nobody's to kill.
    i32::try_from(pid).ok().filter(|&pid| pid > 1).and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::{super::table::State, *};

    fn process(pid: u32, parent: u32, group: u32) -> Process {
        Process { pid, parent, group, started: format!("at {pid}"), state: State::Sleeping }
    }

    fn told(pids: &[u32]) -> Told {
        let started = pids.iter().map(|&pid| (pid, format!("at {pid}"))).collect();
        Told { mark: None, started }
    }

    fn pids(victims: &[Process]) -> Vec<u32> {
        victims.iter().map(|process| process.pid).collect()
    }

    #[test]
    fn the_told_their_groups_and_all_descendants_die_and_nobody_else() {
        let all = [
            process(100, 1, 100),   // told
            process(101, 100, 101), // its child, in a group of its own
            process(102, 101, 101), // its grandchild
            process(103, 1, 100),   // reparented, still in its group
            process(104, 1, 104),   // marked
            process(105, 104, 104), // child of the marked
            process(200, 1, 200),   // a stranger
        ];
        assert_eq!(pids(&told(&[100]).victims(&all, &[104])), [100, 101, 102, 103, 104, 105]);
    }

    #[test]
    fn a_group_whose_leader_is_gone_is_still_ours() {
        assert_eq!(pids(&told(&[100]).victims(&[process(103, 1, 100)], &[])), [103]);
    }

    #[test]
    fn a_stranger_with_the_same_id_and_its_group_are_left_alone() {
        let stranger = Process { started: "later".to_owned(), ..process(100, 1, 100) };
        let all = [stranger, process(101, 100, 100)];
        assert!(told(&[100]).victims(&all, &[]).is_empty());
    }

    #[test]
    fn process_1_is_never_a_victim_nor_the_ancestor_of_one() {
        let all = [process(0, 0, 0), process(1, 0, 1), process(100, 1, 100)];
        assert!(told(&[0, 1]).victims(&all, &[0, 1]).is_empty());
        let mut told = told(&[]);
        told.hear("add 1");
        told.hear("add 0");
        assert!(told.started.is_empty());
    }

    #[test]
    fn the_dead_are_not_killed_again() {
        let zombie = Process { state: State::Dead, ..process(100, 1, 100) };
        assert!(told(&[100]).victims(&[zombie], &[]).is_empty());
    }

    #[test]
    fn orders_that_make_no_sense_are_passed_over() {
        let mut told = told(&[]);
        for line in [
            "",
            "add",
            "add x",
            "add 4294967295",
            "add -1",
            "remove 7",
            "mark",
            "mark zz",
            "mark 12",
            "jump 1",
        ] {
            told.hear(line);
        }
        assert!(told.started.is_empty() && told.mark.is_none());
        told.hear(&format!("add {}", std::process::id()));
        assert!(told.started.contains_key(&std::process::id()));
        told.hear(&format!("remove {}", std::process::id()));
        assert!(told.started.is_empty());
    }

    #[test]
    fn a_mark_that_could_mean_any_run_is_refused() {
        for mark in ["", "1234567", "0123456g", "1234 5678"] {
            assert!(check(mark).is_err(), "{mark}");
            assert_eq!(kill_marked(mark), 0);
        }
        assert!(check("0123456789abcdef").is_ok());
    }

    #[test]
    fn the_guard_hears_every_order_and_answers_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let heard = folder.path().join("heard");
        let mut command = Command::new("sh");
        command.args(["-c", "echo ready; cat > \"$0\"; echo killed 3"]).arg(&heard);
        let guard = Guard::start_as(command, "0123456789abcdef").expect("it starts");
        assert_eq!(guard.mark(), "0123456789abcdef");
        guard.add(7).and_then(|()| guard.add(8)).and_then(|()| guard.remove(7)).expect("it hears");
        assert_eq!(guard.finish().expect("it answers"), 3);
        let heard = std::fs::read_to_string(heard).expect("it wrote");
        assert_eq!(heard, "mark 0123456789abcdef\nadd 7\nadd 8\nremove 7\n");
    }

    #[test]
    fn a_guard_that_does_not_come_up_or_goes_away_is_an_error() {
        let ended = Guard::start_as(Command::new("true"), "0123456789abcdef");
        assert_eq!(ended.expect_err("no answer").to_string(), "the guard ended at its start");
        let mut command = Command::new("sh");
        command.args(["-c", "echo ready; read mark; exec 0<&-; echo gone"]);
        let mut guard = Guard::start_as(command, "0123456789abcdef").expect("it starts");
        let mut line = String::new();
        guard.answers.read_line(&mut line).expect("it says so");
        let error = guard.add(7).expect_err("nobody listens");
        assert!(error.to_string().starts_with("the guard that kills leftovers is gone"), "{error}");
        assert!(guard.finish().is_err());
    }
}
