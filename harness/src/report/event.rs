//! Everything that a run says while it goes on. Reporters, the recorder and `harness check` hear the same events.

use std::fmt;

use ledger::Verdict;
use serde::{Deserialize, Serialize};

/// The phases of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Brokers, sinks and workers are started.
    Up,
    /// Every worker says that it is set up.
    Ready,
    /// Work begins.
    Steady,
    /// The plan's faults fire.
    Faults,
    /// What is still broken is healed.
    Heal,
    /// Everybody comes back to work.
    Recover,
    /// Until nothing more will come.
    Drain,
    /// The sinks and the broker's store are read.
    Observe,
    /// Everything that the run started ends.
    Down,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 9] = [
        Self::Up,
        Self::Ready,
        Self::Steady,
        Self::Faults,
        Self::Heal,
        Self::Recover,
        Self::Drain,
        Self::Observe,
        Self::Down,
    ];

    /// Its name, as it stands in `events.jsonl`.
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Up => "up",
            Phase::Ready => "ready",
            Phase::Steady => "steady",
            Phase::Faults => "faults",
            Phase::Heal => "heal",
            Phase::Recover => "recover",
            Phase::Drain => "drain",
            Phase::Observe => "observe",
            Phase::Down => "down",
        }
    }

    /// What goes on in it, for the person who waits.
    pub const fn says(self) -> &'static str {
        match self {
            Phase::Up => "starting brokers and workers",
            Phase::Ready => "waiting until every worker is ready",
            Phase::Steady => "sending the first messages",
            Phase::Faults => "sending, and breaking things",
            Phase::Heal => "healing what is broken",
            Phase::Recover => "waiting until everybody is back at work",
            Phase::Drain => "waiting until nothing more comes",
            Phase::Observe => "reading what arrived",
            Phase::Down => "ending everything",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One thing that happened in a run.
///
/// The list is closed: a match shows all cases. What judging needs again offline (evidence, drain proof,
/// bounds, damage) is complete in here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent {
    /// The first line: which run, and where its clock starts.
    RunBegan {
        /// The run's id, 16 hexadecimal digits.
        run: String,
        /// The run's tag, in every name and message.
        tag: String,
        /// The host's monotonic clock at `at_s` = 0, in nanoseconds: journals use that clock.
        start_ns: u64,
    },
    /// A phase begins.
    PhaseBegan {
        /// Which.
        phase: Phase,
    },
    /// A broker answers, for the first time or again.
    BrokerUp {
        /// The program, "nats-server".
        broker: String,
        /// What it says of itself.
        version: String,
        /// Its port on loopback.
        port: u16,
    },
    /// A worker's process was started.
    WorkerStarted {
        /// Its name, "consumer-0".
        worker: String,
        /// How often it was started before.
        incarnation: u32,
    },
    /// A worker is set up and waits for `go`.
    WorkerReady {
        /// Its name.
        worker: String,
        /// How often it was started before.
        incarnation: u32,
    },
    /// A producer sent all, and all is settled.
    WorkerDone {
        /// Its name.
        worker: String,
    },
    /// A worker ended as it should.
    WorkerExited {
        /// Its name.
        worker: String,
        /// "exit code 0".
        how: String,
    },
    /// A worker failed, or ended by itself: the run is inconclusive.
    WorkerBroke {
        /// Its name.
        worker: String,
        /// What it said, or how it ended.
        why: String,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// A worker waits at an armed point.
    PointReached {
        /// Its name.
        worker: String,
        /// The point.
        point: String,
        /// Which passage since it was armed, over all its lives.
        passage: u64,
    },
    /// A worker that waited at a point goes on.
    Released {
        /// Its name.
        worker: String,
        /// The point.
        point: String,
    },
    /// A worker measured something.
    Figure {
        /// Its name.
        worker: String,
        /// What it measured.
        figure: String,
        /// How much.
        value: f64,
        /// Of what: "s".
        unit: String,
    },
    /// A fault fired.
    FaultFired {
        /// Its place in the plan.
        number: usize,
        /// What was done: "kill".
        fault: String,
        /// To whom, as planned: "consumer".
        target: String,
        /// To whom in fact: "consumer-0".
        resolved: String,
        /// When, as planned: "after-effect #500".
        at: String,
        /// At a point it has its moment by construction; at a count or time something must be in flight.
        at_point: bool,
        /// Whether it was seen to take hold.
        injected: bool,
        /// What was seen: "exit by signal 9".
        evidence: String,
        /// How many messages were between their producer and their effect.
        in_flight: u64,
    },
    /// A fault of the network was seen to take hold, or, when it is healed, all that was seen of it.
    FaultSeen {
        /// Its place in the plan.
        number: usize,
        /// What was seen: "412 bytes passed to the broker, 36 bytes of its answers withheld".
        evidence: String,
    },
    /// A fault was healed.
    FaultHealed {
        /// Its place in the plan.
        number: usize,
        /// What had been done.
        fault: String,
        /// To whom.
        resolved: String,
    },
    /// A wait ended without what it waited for: the run is inconclusive.
    BoundHit {
        /// What did not come, and within which time.
        what: String,
    },
    /// Nothing more will come.
    Drained {
        /// Why that is certain.
        proof: String,
    },
    /// More may come: nobody may say "lost".
    NotDrained {
        /// What was still there.
        left: String,
    },
    /// A broker's store was read back.
    ReadBack {
        /// Which broker's: "nats".
        broker: String,
        /// Its name there.
        store: String,
        /// Whether it was still there.
        exists: bool,
        /// How many messages it held.
        messages: u64,
    },
    /// A sink in the run's database, or a topic that is one, was read.
    SinkRead {
        /// Which: "table".
        sink: String,
        /// How many effects it holds, where it holds them one by one.
        effects: Option<u64>,
        /// What they add up to, where it adds them up.
        sum: Option<i64>,
    },
    /// A journal cannot be read to its end: the run is inconclusive.
    Damaged {
        /// Its file name.
        journal: String,
        /// What is wrong, and where.
        what: String,
    },
    /// The person asked to end (Ctrl-C).
    Interrupted,
    /// The last word.
    Judged {
        /// Kept, broken, inconclusive.
        verdict: Verdict,
        /// Whether it came out as the lab says; null where nothing was expected.
        as_expected: Option<bool>,
        /// In one sentence.
        sentence: String,
    },
}

/// An event and its time: one line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Seconds since the run began. Nanoseconds survive in it, so it can be compared with journals.
    pub at_s: f64,
    /// What happened.
    #[serde(flatten)]
    pub event: RunEvent,
}

/// Reads `events.jsonl`. A last line without its end is the mark of a run that was cut off, and is left out.
///
/// Fails with the number of the first line that is not an event, and why.
pub fn read_lines(text: &str) -> Result<Vec<Recorded>, String> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map_err(|error| format!("line {} is not an event: {error}", number + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_one_flat_line() {
        let fired = RunEvent::FaultFired {
            number: 0,
            fault: "kill".into(),
            target: "consumer".into(),
            resolved: "consumer-0".into(),
            at: "after-effect #500".into(),
            at_point: true,
            injected: true,
            evidence: "exit by signal 9".into(),
            in_flight: 1,
        };
        let line = serde_json::to_string(&Recorded { at_s: 1.204, event: fired }).unwrap();
        assert_eq!(
            line,
            r#"{"at_s":1.204,"event":"fault-fired","number":0,"fault":"kill","target":"consumer","resolved":"consumer-0","at":"after-effect #500","at_point":true,"injected":true,"evidence":"exit by signal 9","in_flight":1}"#
        );
    }

    #[test]
    fn lines_are_read_back_as_they_were_written() {
        let events = vec![
            Recorded {
                at_s: 0.0,
                event: RunEvent::RunBegan {
                    run: "00000000000000ff".into(),
                    tag: "00000000".into(),
                    start_ns: u64::MAX,
                },
            },
            Recorded { at_s: 0.000_000_001, event: RunEvent::PhaseBegan { phase: Phase::Drain } },
            Recorded { at_s: 86_399.999_999_999, event: RunEvent::Interrupted },
            Recorded {
                at_s: 3.0,
                event: RunEvent::Judged {
                    verdict: Verdict::Kept,
                    as_expected: Some(true),
                    sentence: "kept: \"all\"\nof it".into(),
                },
            },
        ];
        let text: String =
            events.iter().map(|event| format!("{}\n", serde_json::to_string(event).unwrap())).collect();
        assert_eq!(text.lines().count(), 4, "no event may need two lines");
        assert_eq!(read_lines(&text), Ok(events));
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_a_bad_one_is_named() {
        let whole = "{\"at_s\":0.5,\"event\":\"phase-began\",\"phase\":\"up\"}\n";
        assert_eq!(read_lines(&format!("{whole}{{\"at_s\":0.6,\"ev")).unwrap().len(), 1);
        assert_eq!(read_lines("").unwrap(), []);
        let error = read_lines(&format!("{whole}{{\"at_s\":0.6,\"event\":\"sang\"}}\n{whole}")).unwrap_err();
        assert!(error.starts_with("line 2 is not an event: unknown variant `sang`"), "{error}");
    }

    #[test]
    fn phases_are_in_their_order_and_their_words_are_those_of_the_file() {
        assert!(Phase::ALL.is_sorted());
        for (place, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, place);
            assert_eq!(serde_json::to_string(&phase).unwrap(), format!("\"{}\"", phase.word()));
        }
    }
}
