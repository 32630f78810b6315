//! All processes of one server: what is meant when it is killed or paused.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::runtime::{
    process::{all_threads_stopped, wait_for},
    table::{self, Process},
};

/// How long signals may take to show their effect. It is the kernel's own business, unless a disk hangs.
const SIGNAL_BOUND: Duration = Duration::from_secs(20);

/// The living descendants of a process, without itself.
///
/// A stopped process starts no more of them, and its dead children keep their ids because it does not wait for them.
pub fn below(pid: u32) -> Vec<Process> {
    let all = table::all();
    let mut family = BTreeSet::from([pid]);
    loop {
        let more: Vec<_> = all
            .iter()
            .filter(|process| family.contains(&process.parent))
            .map(|process| process.pid)
            .collect();
        let before = family.len();
        family.extend(more);
        if family.len() == before {
            break;
        }
    }
    family.remove(&pid);
    all.into_iter().filter(|process| family.contains(&process.pid) && process.alive()).collect()
}

/// Stops a process and waits until every thread of it is: then it can start no other one.
pub async fn stop_one(pid: u32) -> bool {
    send(pid, Signal::STOP);
    wait_for(SIGNAL_BOUND, || all_threads_stopped(pid) || is_gone(pid)).await
}

/// Sends a signal to one process; it may be gone already.
pub fn send(pid: u32, signal: Signal) {
    // 0 and negative numbers would mean groups, and 1 is nobody's to signal.
    if let Some(pid) = i32::try_from(pid).ok().filter(|&pid| pid > 1).and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Waits until every thread of each of them is stopped, or it is gone; gives those of which neither can be said.
pub async fn wait_until_stopped(processes: &[Process]) -> Vec<u32> {
    wait_for_each(processes, |process| all_threads_stopped(process.pid) || is_dead(process)).await
}

/// Waits until each of them is gone or a zombie; gives those that are still there.
///
/// A zombie does nothing more. An orphan may stay one for seconds, until process 1 looks at it.
pub async fn wait_until_gone(processes: &[Process]) -> Vec<u32> {
    wait_for_each(processes, is_dead).await
}

async fn wait_for_each(processes: &[Process], done: impl Fn(&Process) -> bool) -> Vec<u32> {
    let mut left: Vec<_> = processes.iter().collect();
    wait_for(SIGNAL_BOUND, || {
        left.retain(|process| !done(process));
        left.is_empty()
    })
    .await;
    left.into_iter().map(|process| process.pid).collect()
}

/// Whether this very process has ended: another one may have its id by now.
pub fn is_dead(process: &Process) -> bool {
    table::one(process.pid).is_none_or(|now| now.started != process.started || !now.alive())
}

fn is_gone(pid: u32) -> bool {
    table::one(pid).is_none_or(|process| !process.alive())
}

/// Kills a process and all below it, and waits a moment: for where nothing can be awaited.
pub fn kill_now(pid: u32) {
    send(pid, Signal::STOP);
    let mut family = below(pid);
    family.extend(table::one(pid));
    for process in &family {
        send(process.pid, Signal::KILL);
    }
    let deadline = Instant::now() + SIGNAL_BOUND;
    while !family.iter().all(is_dead) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}
