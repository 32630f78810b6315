//! Ctrl-C, and SIGKILL of the harness, in every phase of a run.
//!
//! Each phase has a variant that stays in it: something in it never comes. Progress on standard error tells when
//! the phase has begun, so no test waits for a time.

use std::{path::Path, time::Duration};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{
    AS_EXPECTED, BOUND, INCONCLUSIVE, Project, Ran, Running, are_gone, called, marked, nats_server, variant,
    wait_for,
};

/// A guard has so long to end what a dead harness left.
const GUARD_BOUND: Duration = Duration::from_secs(30);

/// The phases that a variant can be held in, and so the names of the variants.
const HELD: [&str; 9] = ["up", "ready", "steady", "faults", "heal", "recover", "drain", "observe", "down"];

/// A variant for each phase that stays there, and servers that do.
fn project() -> Project {
    let kill = |whom: &str| format!("fault = [{{ kill = \"{whom}\", at = {{ unconfirmed = 10 }} }}]");
    let pause = |more: &str| format!("fault = [{{ pause = \"broker\", at = {{ unconfirmed = 10 }}{more} }}]");
    let never = pause(", heal = \"never\"") + "\nnats = { stream = {}, consumer = {} }";
    let variants = [
        variant("up", "", "", ""),
        variant("ready", "no-ready-first", "", ""),
        variant("steady", "no-send", "", ""),
        variant("faults", "no-done", "", ""),
        variant("heal", "", "", &kill("broker")),
        variant("recover", "", "no-ready-second", &kill("consumer")),
        variant("drain", "", "no-idle", ""),
        variant("observe", "", "no-stop", ""),
        variant("down", "", "", ""),
        variant("paused", "no-done", "", &pause("")),
        variant("never-healed", "", "", &never),
        variant("after", "", "", ""),
    ];
    let project = Project::tiny(&variants.concat());
    // The first start of a server is held for `up`, the second for `heal`, until the file is there; its end for `down`:
    // then this program stands in for the server, and does not end when it is asked to.
    let server = nats_server();
    let server = server.display();
    let held = format!(
        "case $1 in -v) exec '{server}' -v ;; esac
        echo >>starts; starts=$(wc -l <starts)
        while [ $((starts)) = \"$HELD_START\" ] && ! [ -e \"$HARNESS_HOME/go-on\" ]; do sleep 0.02; done
        [ \"$HELD_START\" = end ] || exec '{server}' \"$@\"
        trap '' TERM
        '{server}' \"$@\" & wait; exec sleep 600"
    );
    project.program("held-server", &held);
    project
}

/// Starts the variant that stays in this phase; returns when it is there.
fn held_in(project: &mut Project, phase: &str) -> Running {
    let start = match phase {
        "up" => "1",
        "heal" => "2",
        "down" => "end",
        _ => "none",
    };
    project.set("HARNESS_NATS_SERVER", project.path("held-server"));
    project.set("HELD_START", start);
    let mut running = project.start(&["run", &format!("7/{phase}")]);
    running.is_in(phase);
    if phase == "down" {
        wait_for("the verdict", BOUND, || project.latest(phase).join("verdict.json").exists());
    }
    running
}

/// After Ctrl-C nobody is left.
fn interrupted(phase: &str, after: impl FnOnce(&Project)) -> (Project, Ran) {
    let mut project = project();
    let running = held_in(&mut project, phase);
    let family = running.family();
    assert!(!family.is_empty());
    running.signal(Signal::INT);
    after(&project);
    let ran = running.end();
    are_gone(&family, GUARD_BOUND);
    assert_eq!(marked(&project), [0; 0]);
    let left: Vec<_> = std::fs::read_dir(project.path("runs/.sessions")).expect("sessions").collect();
    assert!(left.is_empty(), "{left:?}");
    (project, ran)
}

/// The verdict as it was written down.
fn verdict(run: &Path) -> Value {
    let text = std::fs::read_to_string(run.join("verdict.json")).expect("a verdict");
    serde_json::from_str(&text).expect("JSON")
}

/// Ctrl-C in a phase with messages: healed, judged, inconclusive because of it.
fn interrupted_and_judged(phase: &str, after: impl FnOnce(&Project)) -> Value {
    let (project, ran) = interrupted(phase, after);
    ran.exits(INCONCLUSIVE).says(&["inconclusive", "the run was interrupted"]);
    let verdict = verdict(&project.latest(phase));
    assert_eq!(verdict["verdict"], "inconclusive");
    assert!(verdict["as_expected"].is_null() && !verdict["account"].is_null(), "{verdict}");
    for fault in verdict["faults"].as_array().expect("faults") {
        assert!(fault["healed_s"].is_number(), "not healed: {verdict}");
    }
    let checked = project.run(&["check", &project.latest(phase).to_string_lossy()]);
    checked.exits(INCONCLUSIVE).says(&["the run was interrupted"]);
    verdict
}

#[test]
fn an_interrupt_while_it_starts() {
    let (_, ran) = interrupted("up", |_| {});
    ran.exits(INCONCLUSIVE).says(&["not run: interrupted before it began"]);
}

#[test]
fn an_interrupt_while_workers_get_ready() {
    let verdict = interrupted_and_judged("ready", |_| {});
    // Nobody was told to go: this consumer would say at once that it has ten.
    assert_eq!(verdict["account"]["delivered"], 0, "{verdict}");
}

#[test]
fn an_interrupt_before_the_first_message() {
    interrupted_and_judged("steady", |_| {});
}

#[test]
fn an_interrupt_among_the_messages() {
    interrupted_and_judged("faults", |_| {});
}

#[test]
fn an_interrupt_while_faults_are_healed() {
    interrupted_and_judged("heal", |project| project.write("go-on", ""));
}

#[test]
fn an_interrupt_while_they_come_back() {
    interrupted_and_judged("recover", |_| {});
}

#[test]
fn an_interrupt_while_it_drains() {
    interrupted_and_judged("drain", |_| {});
}

#[test]
fn an_interrupt_while_it_observes() {
    interrupted_and_judged("observe", |_| {});
}

#[test]
fn an_interrupt_while_it_ends() {
    // The account is closed, so its verdict stands.
    let (project, ran) = interrupted("down", |_| {});
    ran.exits(AS_EXPECTED);
    assert_eq!(verdict(&project.latest("down"))["verdict"], "kept");
}

#[test]
fn an_interrupt_while_the_broker_is_paused() {
    let project = project();
    let mut running = project.start(&["run", "7/paused", "7/after"]);
    running.hears("fault: pause nats");
    let family = running.family();
    running.signal(Signal::INT);
    running.end().exits(INCONCLUSIVE).says(&["healed: pause nats", "not run: interrupted before it began"]);
    are_gone(&family, GUARD_BOUND);
}

#[test]
fn a_broker_that_is_never_healed_disturbs_no_later_run() {
    let ran = project().run(&["run", "7/never-healed", "7/after"]);
    ran.exits(INCONCLUSIVE).says(&["7/after", "kept", "was not read back", "the broker was left as it was"]);
}

#[test]
fn an_interrupt_while_it_looks_for_the_server() {
    let mut project = project();
    let slow = project.program("slow-server", "touch \"$HARNESS_HOME/asked\"; exec sleep 600");
    project.set("HARNESS_NATS_SERVER", slow);
    let running = project.start(&["run", "7/plain"]);
    wait_for("the question", BOUND, || project.path("asked").exists());
    let family = running.family();
    running.signal(Signal::INT);
    running.end().exits(INCONCLUSIVE).says(&["not run: interrupted before it began"]);
    are_gone(&family, GUARD_BOUND);
}

#[test]
fn a_request_to_terminate_is_an_interrupt() {
    let project = project();
    let mut running = project.start(&["run", "7/faults"]);
    running.is_in("faults");
    running.signal(Signal::TERM);
    running.end().exits(INCONCLUSIVE).says(&["the run was interrupted"]);
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let project = project();
    let mut running = project.start(&["run", "7/observe"]);
    running.is_in("observe");
    let family = running.family();
    running.signal(Signal::INT);
    running.hears("interrupted: ");
    running.signal(Signal::INT);
    running.end().exits(INCONCLUSIVE).says(&["harness clean"]);
    are_gone(&family, GUARD_BOUND);
    project.run(&["clean"]).exits(AS_EXPECTED).says(&["sessions 1, processes 0, unfinished runs 1"]);
}

/// After SIGKILL: nobody is left, the next run works, `clean` removes the rest.
fn killed(project: &mut Project, running: Running, unfinished: u32) {
    let family = running.family();
    assert!(!called(&family, "guard").is_empty(), "{family:?}");
    running.signal(Signal::KILL);
    assert_eq!(running.end().code, None);
    are_gone(&family, GUARD_BOUND);
    assert_eq!(marked(project), [0; 0]);

    project.set("HELD_START", "none");
    project.run(&["run", "7/plain"]).exits(AS_EXPECTED).says(&["kept"]);
    let says = format!("removed: sessions 1, processes 0, unfinished runs {unfinished}");
    project.run(&["clean"]).exits(AS_EXPECTED).says(&[&says]);
    let says = "removed: sessions 0, processes 0, unfinished runs 0";
    project.run(&["clean"]).exits(AS_EXPECTED).says(&[says]);
    assert_eq!(verdict(&project.latest("plain"))["verdict"], "kept");
}

#[test]
fn a_kill_in_every_phase() {
    for phase in HELD {
        println!("in {phase}");
        let mut project = project();
        let running = held_in(&mut project, phase);
        killed(&mut project, running, u32::from(phase != "down"));
    }
}

#[test]
fn a_kill_while_the_broker_is_paused() {
    let mut project = project();
    let mut running = project.start(&["run", "7/paused"]);
    running.hears("fault: pause nats");
    killed(&mut project, running, 1);
}

#[test]
fn a_kill_while_a_worker_is_paused() {
    let pause = "fault = [{ pause = \"consumer\", at = { unconfirmed = 10 } }]";
    let mut project = Project::tiny(&variant("asleep", "no-done", "", pause));
    let mut running = project.start(&["run", "7/asleep"]);
    running.hears("fault: pause consumer-0");
    killed(&mut project, running, 1);
}

#[test]
fn a_kill_while_it_looks_for_the_server() {
    let mut project = project();
    let slow = project.program("slow-server", "touch \"$HARNESS_HOME/asked\"; exec sleep 600");
    project.set("HARNESS_NATS_SERVER", slow);
    let running = project.start(&["run", "7/plain"]);
    wait_for("the question", BOUND, || project.path("asked").exists());
    let family = running.family();
    running.signal(Signal::KILL);
    running.end();
    are_gone(&called(&family, "guard"), GUARD_BOUND);
    // It is no process of a run and holds nothing, so no guard knows it: this test ends what it started.
    let left = called(&family, "sleep 600");
    left.iter().for_each(|asked| crate::common::kill(*asked, Signal::KILL));
}
