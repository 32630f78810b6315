//! The clock that counts ticks beside the kernel's own, whatever the thread goes through.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// Set for the child of a test here.
const CHILD: &str = "JOURNAL_TEST_CLOCK";

const BOUND: Duration = Duration::from_secs(60);

/// Compares for so long; how often, and how often no reading was needed.
fn compare(clock: &mut Clock, how_long: Duration, mut between: impl FnMut()) -> [u64; 2] {
    let (deadline, mut counts) = (Instant::now() + how_long, [0; 2]);
    while Instant::now() < deadline {
        between();
        for _ in 0..1_000 {
            let before = now_ns();
            let said = clock.now_ns();
            let after = now_ns();
            // However long that took: the time that it says was between the two.
            let bounds = before.saturating_sub(Clock::ERROR_NS)..=after + Clock::ERROR_NS;
            assert!(bounds.contains(&said), "{said} is not in {bounds:?}: {clock:?}");
            let drawn = clock.counter.is_some_and(|counter| clock.line.at(counter.ticks()).is_some());
            counts[0] += 1;
            counts[1] += u64::from(drawn);
        }
    }
    counts
}

#[test]
fn it_says_what_the_kernel_says() {
    let mut clock = Clock::new();
    let [all, drawn] = compare(&mut clock, Duration::from_secs(1), || {});
    println!("{drawn} of {all} were drawn on");
    assert!(all > 0 && (clock.counter.is_none() || drawn > 0), "the counter is never used: {clock:?}");
}

#[test]
fn it_does_so_where_there_is_no_counter() {
    let mut clock = Clock { counter: None, line: Line::default() };
    assert_eq!(compare(&mut clock, Duration::from_millis(20), || {})[1], 0);
}

/// On each processor in turn that this process may use.
#[test]
#[cfg(target_os = "linux")]
fn it_does_so_on_every_processor() {
    // SAFETY: the set is plain memory, all zeros is an empty one, and the calls are told its size.
    let mut allowed: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let bytes = size_of::<libc::cpu_set_t>();
    // SAFETY: as above.
    assert_eq!(unsafe { libc::sched_getaffinity(0, bytes, &raw mut allowed) }, 0);
    // SAFETY: no number is beyond the set.
    let is_allowed = |processor: &usize| unsafe { libc::CPU_ISSET(*processor, &allowed) };
    let all: Vec<usize> = (0..libc::CPU_SETSIZE as usize).filter(is_allowed).collect();
    let mut turns = all.iter().cycle();
    compare(&mut Clock::new(), Duration::from_secs(1), || {
        // SAFETY: as above.
        unsafe {
            let mut one: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(*turns.next().expect("this runs on one"), &mut one);
            // A processor may have been taken away since; then this thread stays where it is.
            libc::sched_setaffinity(0, bytes, &raw const one);
        }
    });
}

/// SIGSTOP meets it anywhere, also between a reading and its ticks.
#[test]
#[cfg(target_os = "linux")]
fn it_does_so_in_a_process_that_is_stopped_again_and_again() {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "clock::tests::child_that_is_stopped", "--ignored", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("it compares")));
    let pid = Pid::from_child(&child);
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    };
    let mut stops = 0;
    for round in 0..40 {
        kill_process(pid, Signal::STOP).unwrap();
        let deadline = Instant::now() + BOUND;
        while !"TZ".contains(state()) {
            assert!(Instant::now() < deadline, "it does not stop");
        }
        stops += u32::from(state() == 'T');
        thread::sleep(Duration::from_millis(round % 7));
        kill_process(pid, Signal::CONT).unwrap();
        thread::sleep(Duration::from_micros(100 * round));
    }
    let rest: Vec<_> = said.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert!(stops > 0, "it was never stopped");
}

#[test]
#[ignore = "the child of a test here, not a test"]
fn child_that_is_stopped() {
    if env::var_os(CHILD).is_some() {
        println!("it compares");
        compare(&mut Clock::new(), Duration::from_secs(1), || {});
    }
}
