//! What the harness saw of its own doing: without it no verdict counts.

use serde::{Deserialize, Serialize};

/// What must be known of a run, beside its account, before it may be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Whether it is proven that nothing more will come; nothing where the run never got so far.
    pub drained: Option<bool>,
    /// What was missing to the proof.
    pub why_not_drained: Option<String>,
    /// The faults of the plan, fired or not.
    pub faults: Vec<FaultEvidence>,
    /// Workers that ended by themselves or could not do their work, each with what happened.
    pub broken_workers: Vec<String>,
    /// Waits that were given up, each with what was waited for.
    pub bounds_hit: Vec<String>,
    /// Journals that could not be read to their end, each with what is wrong.
    pub damaged_journals: Vec<String>,
}

/// What is known of one fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultEvidence {
    /// As a person knows it: "kill consumer-0 at after-effect #500".
    pub name: String,
    /// It fired at a named point, so it had its moment by construction.
    pub at_point: bool,
    /// It was seen to take hold.
    pub injected: bool,
    /// How many messages were between their producer and their effect when it fired.
    pub in_flight: u64,
}
