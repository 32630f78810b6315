//! Plants anomalies and looks whether each is found, and whether clean runs are clean.
//!
//! Histories are written by hand (`synthetic`) or come from real runs of misbehaving workers (`real`, with
//! `labs/selftest`). Both are judged by the same code as any run; only the comparison with what was planted is here.

mod compare;
pub mod history;
pub mod plan;
pub mod real;
pub mod synthetic;
pub mod table;

pub use compare::{Sign, compare};

use crate::{assess::Assessed, error::Error, exit::Exit};

/// How an anomaly came into a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The journals and events were written by the selftest.
    Synthetic,
    /// A worker misbehaved on a real broker.
    RealRun,
}

/// What became of one planted anomaly, or of one clean run.
#[derive(Debug)]
pub struct Tried {
    /// What was planted: "lost".
    pub kind: String,
    /// How.
    pub how: How,
    /// What should show.
    pub sign: Sign,
    /// What came of it.
    pub outcome: Outcome,
}

/// Whether it was found.
#[derive(Debug)]
pub enum Outcome {
    /// Everything as planted, and nothing else; for a clean run nothing at all.
    Found,
    /// Something else, each a sentence.
    Missed(Vec<String>),
    /// It could not be started.
    NotRun(String),
    /// The harness or a broker failed.
    Failed(String),
}

impl Outcome {
    /// From what a run came to, and what is wrong with that.
    pub fn of(judged: Result<Assessed, Error>, wrong: impl FnOnce(&Assessed) -> Vec<String>) -> Self {
        match judged {
            Ok(assessed) => match wrong(&assessed) {
                wrong if wrong.is_empty() => Outcome::Found,
                wrong => Outcome::Missed(wrong),
            },
            Err(error) if error.exit() == Exit::Inconclusive => Outcome::NotRun(error.to_string()),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    /// What it means for the exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Outcome::Found => Exit::AsExpected,
            Outcome::Missed(_) => Exit::NotAsExpected,
            Outcome::NotRun(_) => Exit::Inconclusive,
            Outcome::Failed(_) => Exit::Failed,
        }
    }
}
