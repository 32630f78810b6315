//! For those who write lessons: is a lab what its texts say? Everything here is pure: texts and results go in, what is
//! wrong with them comes out. The runs are made by `command/bench.rs`.

pub mod causes;
pub mod claims;
pub mod control;
pub mod lesson;
pub mod mask;
pub mod problem;
pub mod questions;
pub mod recording;
pub mod schedule;
pub mod transcript;

#[cfg(test)]
mod samples;

use crate::report::run_report::RunReport;

/// One run of the check, and why it was made.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What was run.
    pub step: schedule::Step,
    /// What came of it.
    pub report: RunReport,
}
