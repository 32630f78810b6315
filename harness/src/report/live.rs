//! What the person sees on standard error while runs go on: one status line for each on a terminal, short
//! lines where there is none.

use std::{cell::RefCell, io::Write, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    event::{Phase, Recorded, RunEvent},
    page::clean,
    words::{count_of, number, seconds},
};

/// How often the line's sign turns, so that one sees that it is alive.
const TURN: Duration = Duration::from_millis(120);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A status line that is drawn again and again.
    Line,
    /// One line for each phase and fault.
    Plain,
    /// Nothing.
    Silent,
}

impl Mode {
    /// A terminal gets the line. Without one there are plain lines, and none where a program reads the result.
    pub fn choose(quiet: bool, json: bool, stderr_is_terminal: bool) -> Self {
        match (quiet, stderr_is_terminal, json) {
            (true, ..) | (false, false, true) => Mode::Silent,
            (false, true, _) => Mode::Line,
            (false, false, false) => Mode::Plain,
        }
    }
}

/// Standard error, shared by all runs that go on side by side.
#[derive(Debug)]
pub struct Screen {
    mode: Mode,
    lines: MultiProgress,
}

impl Screen {
    /// An empty one.
    pub fn new(mode: Mode) -> Self {
        let target =
            if mode == Mode::Line { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { mode, lines: MultiProgress::with_draw_target(target) }
    }

    /// The progress of one run, or of something else that takes time; its line goes when it is dropped.
    ///
    /// `target` is what stands before it: "2/slow-subscriber".
    pub fn progress(&self, target: &str) -> Progress {
        let target = clean(target);
        let bar = match self.mode {
            Mode::Line => {
                self.lines.add(ProgressBar::new_spinner().with_style(style()).with_prefix(target.clone()))
            }
            Mode::Plain | Mode::Silent => ProgressBar::hidden(),
        };
        if self.mode == Mode::Line {
            bar.enable_steady_tick(TURN);
        }
        Progress { mode: self.mode, target, bar, status: RefCell::default() }
    }

    /// Says something that is of no single run.
    pub fn note(&self, text: &str) {
        if self.mode != Mode::Silent {
            self.lines.suspend(|| {
                let _ = writeln!(std::io::stderr().lock(), "{}", clean(text));
            });
        }
    }

    /// Does something that writes on the terminal, with the status lines out of its way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.lines.suspend(write)
    }
}

/// The sign, the run, and what it does, cut to the terminal's width. No colours.
fn style() -> ProgressStyle {
    let turning = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", " "];
    let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner()).tick_strings(&turning)
}

/// The progress of one run.
#[derive(Debug)]
pub struct Progress {
    mode: Mode,
    target: String,
    bar: ProgressBar,
    status: RefCell<Status>,
}

impl Progress {
    /// Shows what an event changes.
    pub fn event(&self, recorded: &Recorded) {
        self.status.borrow_mut().hear(&recorded.event);
        match self.mode {
            Mode::Line => self.draw(),
            Mode::Plain => {
                if let Some(text) = plain(recorded) {
                    self.write(&text);
                }
            }
            Mode::Silent => {}
        }
    }

    /// Shows the counts as they are now. Cheap where nothing is drawn.
    pub fn counts(&self, counts: LiveCounts) {
        if self.mode == Mode::Line {
            self.status.borrow_mut().counts = counts;
            self.draw();
        }
    }

    /// Says what goes on outside of a run: "building the workers".
    pub fn doing(&self, what: &str) {
        match self.mode {
            Mode::Line => self.bar.set_message(clean(what)),
            Mode::Plain => self.write(&clean(what)),
            Mode::Silent => {}
        }
    }

    /// Whether counts are shown at all, for a caller to whom they cost something.
    pub fn wants_counts(&self) -> bool {
        self.mode == Mode::Line
    }

    fn draw(&self) {
        self.bar.set_message(self.status.borrow().text());
    }

    /// A reader of standard error that has gone away must not end the run.
    fn write(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}: {text}", self.target);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The account so far, for the eye: effects are hints until the sink was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Messages noted before their send.
    pub attempted: u64,
    /// Confirmed by the broker.
    pub acked: u64,
    /// Sent without a word from the broker.
    pub unconfirmed: u64,
    /// Handed to a consumer.
    pub delivered: u64,
    /// Applied, or said to be applied by a worker.
    pub applied: u64,
    /// Between their producer and their effect.
    pub in_flight: u64,
}

/// What the status line says.
#[derive(Clone, Debug, Default)]
struct Status {
    phase: Option<Phase>,
    counts: LiveCounts,
    last_fault: String,
}

impl Status {
    fn hear(&mut self, event: &RunEvent) {
        match event {
            RunEvent::PhaseBegan { phase } => self.phase = Some(*phase),
            RunEvent::FaultFired { fault, resolved, .. } => self.last_fault = format!("{fault} {resolved}"),
            RunEvent::FaultHealed { fault, resolved, .. } => {
                self.last_fault = format!("{fault} {resolved}, healed");
            }
            RunEvent::WorkerBroke { worker, .. } => self.last_fault = format!("{worker} broke"),
            RunEvent::Interrupted => self.last_fault = "interrupted".to_owned(),
            _ => {}
        }
    }

    fn text(&self) -> String {
        let mut parts = vec![self.phase.map_or("", Phase::word).to_owned()];
        // Before the counts, so that a narrow terminal does not cut it off.
        if !self.last_fault.is_empty() {
            parts.push(clean(&self.last_fault));
        }
        let counts = [
            ("attempted", self.counts.attempted),
            ("acked", self.counts.acked),
            ("unconfirmed", self.counts.unconfirmed),
            ("delivered", self.counts.delivered),
            ("applied", self.counts.applied),
            ("in flight", self.counts.in_flight),
        ];
        parts.extend(
            counts
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(word, count)| format!("{word} {}", number(*count))),
        );
        parts.join(" · ")
    }
}

/// The line for an event that a person who reads a log wants to see.
fn plain(recorded: &Recorded) -> Option<String> {
    let text = match &recorded.event {
        RunEvent::PhaseBegan { phase } => format!("{phase}: {}", phase.says()),
        RunEvent::FaultFired { fault, resolved, at, injected, evidence, in_flight, .. } => {
            let proof = if *injected { "" } else { "not proven: " };
            let in_flight = count_of(*in_flight, "message");
            format!("fault: {fault} {resolved} at {at} ({proof}{evidence}; {in_flight} in flight)")
        }
        RunEvent::FaultHealed { fault, resolved, .. } => format!("healed: {fault} {resolved}"),
        RunEvent::WorkerBroke { worker, why, .. } => format!("{worker} broke: {why}"),
        RunEvent::BoundHit { what } => format!("gave up waiting: {what}"),
        RunEvent::NotDrained { left } => format!("not drained: {left}"),
        RunEvent::Damaged { journal, what } => format!("{journal} is damaged: {what}"),
        RunEvent::Interrupted => "interrupted: healing and accounting; once more kills".to_owned(),
        RunEvent::RunBegan { .. }
        | RunEvent::BrokerUp { .. }
        | RunEvent::WorkerStarted { .. }
        | RunEvent::WorkerReady { .. }
        | RunEvent::WorkerDone { .. }
        | RunEvent::WorkerExited { .. }
        | RunEvent::PointReached { .. }
        | RunEvent::Released { .. }
        | RunEvent::Figure { .. }
        | RunEvent::Drained { .. }
        | RunEvent::ReadBack { .. }
        | RunEvent::SinkRead { .. }
        | RunEvent::FaultSeen { .. }
        | RunEvent::Judged { .. } => return None,
    };
    Some(clean(&format!("{:>9}  {text}", seconds(recorded.at_s))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired() -> RunEvent {
        RunEvent::FaultFired {
            number: 0,
            fault: "kill".into(),
            target: "consumer".into(),
            resolved: "consumer-0".into(),
            at: "in-hand #5".into(),
            at_point: true,
            injected: true,
            evidence: "exit by signal 9".into(),
            in_flight: 1_200,
        }
    }

    #[test]
    fn a_program_that_reads_the_result_gets_no_noise() {
        assert_eq!(Mode::choose(false, false, true), Mode::Line);
        assert_eq!(Mode::choose(false, true, true), Mode::Line);
        assert_eq!(Mode::choose(false, false, false), Mode::Plain);
        assert_eq!(Mode::choose(false, true, false), Mode::Silent);
        assert_eq!(Mode::choose(true, false, true), Mode::Silent);
    }

    #[test]
    fn the_status_line_has_phase_counts_and_last_fault() {
        let mut status = Status::default();
        assert_eq!(status.text(), "");
        status.hear(&RunEvent::PhaseBegan { phase: Phase::Faults });
        status.counts =
            LiveCounts { attempted: 1234, unconfirmed: 1200, in_flight: 34, ..LiveCounts::default() };
        assert_eq!(status.text(), "faults · attempted 1,234 · unconfirmed 1,200 · in flight 34");
        status.hear(&fired());
        assert!(
            status.text().starts_with("faults · kill consumer-0 · attempted 1,234 · "),
            "{}",
            status.text()
        );
        status.hear(&RunEvent::FaultHealed {
            number: 0,
            fault: "kill".into(),
            resolved: "consumer-0".into(),
        });
        assert!(status.text().starts_with("faults · kill consumer-0, healed · "), "{}", status.text());
    }

    #[test]
    fn without_a_terminal_there_is_a_line_for_each_phase_and_fault_only() {
        let line = |event| plain(&Recorded { at_s: 1.2, event });
        assert_eq!(
            line(RunEvent::PhaseBegan { phase: Phase::Drain }).unwrap(),
            "  1.200 s  drain: waiting until nothing more comes"
        );
        assert_eq!(
            line(fired()).unwrap(),
            "  1.200 s  fault: kill consumer-0 at in-hand #5 (exit by signal 9; 1,200 messages in flight)"
        );
        let broke =
            RunEvent::WorkerBroke { worker: "consumer-0".into(), why: "\x1b[2Jgone".into(), log: Vec::new() };
        assert_eq!(line(broke).unwrap(), "  1.200 s  consumer-0 broke: \u{fffd}[2Jgone");
        assert_eq!(line(RunEvent::WorkerReady { worker: "consumer-0".into(), incarnation: 0 }), None);
    }

    #[test]
    fn a_silent_screen_takes_everything() {
        let screen = Screen::new(Mode::Silent);
        let progress = screen.progress("2/slow-subscriber");
        progress.event(&Recorded { at_s: 0.0, event: fired() });
        progress.counts(LiveCounts::default());
        progress.doing("building");
        assert_eq!(screen.aside(|| 3), 3);
    }
}
