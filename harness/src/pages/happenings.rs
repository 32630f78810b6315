//! The events of a run in the words of the pages.

use crate::report::event::RunEvent;

/// How much an event matters to whoever looks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Something was broken, on purpose or not.
    Bad,
    /// It was mended.
    Good,
    /// Nobody may be sure of the outcome.
    Unsure,
    /// Part of the way.
    Plain,
}

impl Weight {
    /// Its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
            Self::Unsure => "unsure",
            Self::Plain => "",
        }
    }
}

/// What to say of an event; nothing of those that only the machine needs.
pub fn happening(event: &RunEvent) -> Option<(Weight, String)> {
    Some(match event {
        RunEvent::PhaseBegan { phase } => (Weight::Plain, format!("{phase}: {}", phase.says())),
        RunEvent::BrokerUp { broker, version, .. } => (Weight::Plain, format!("{broker} {version} answers")),
        RunEvent::WorkerStarted { worker, incarnation } if *incarnation > 0 => {
            (Weight::Good, format!("{worker} is started again"))
        }
        RunEvent::FaultFired { fault, resolved, at, evidence, .. } => {
            (Weight::Bad, format!("{fault} {resolved} at {at}: {evidence}"))
        }
        RunEvent::FaultSeen { evidence, .. } => (Weight::Bad, evidence.clone()),
        RunEvent::FaultHealed { fault, resolved, .. } => {
            (Weight::Good, format!("{fault} {resolved} is healed"))
        }
        RunEvent::PointReached { worker, point, passage } => {
            (Weight::Plain, format!("{worker} waits at {point} #{passage}"))
        }
        RunEvent::Released { worker, point } => (Weight::Plain, format!("{worker} goes on from {point}")),
        RunEvent::WorkerDone { worker } => (Weight::Plain, format!("{worker} has sent all")),
        RunEvent::WorkerBroke { worker, why, .. } => (Weight::Bad, format!("{worker} broke: {why}")),
        RunEvent::BoundHit { what } => (Weight::Unsure, format!("gave up waiting: {what}")),
        RunEvent::Drained { proof } => (Weight::Good, format!("drained: {proof}")),
        RunEvent::NotDrained { left } => (Weight::Unsure, format!("not drained: {left}")),
        RunEvent::Damaged { journal, what } => (Weight::Bad, format!("{journal} is damaged: {what}")),
        RunEvent::Interrupted => (Weight::Unsure, "interrupted".to_owned()),
        RunEvent::RunBegan { .. }
        | RunEvent::WorkerStarted { .. }
        | RunEvent::WorkerReady { .. }
        | RunEvent::WorkerExited { .. }
        | RunEvent::Figure { .. }
        | RunEvent::ReadBack { .. }
        | RunEvent::SinkRead { .. }
        | RunEvent::Judged { .. } => return None,
    })
}
