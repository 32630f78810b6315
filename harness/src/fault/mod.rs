//! Faults: what is done to whom, what proves it, and how it is healed.

pub mod driver;
pub mod links;
pub mod network;
mod outside;

use crate::proxy::Seen;

/// What became of one fault of the plan.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// When it was fired, in nanoseconds of the host's clock.
    pub fired_ns: Option<u64>,
    /// When it was healed.
    pub healed_ns: Option<u64>,
    /// Whom it hit: a worker's name, or "nats".
    pub resolved: String,
    /// What the links concerned had seen before a fault of the network began.
    pub seen_before: Seen,
    /// How many calls the webhook had not answered well before a fault of it began.
    pub disturbed_before: u64,
    /// A fault of the network is on its links, or was.
    pub armed: bool,
    /// A fault of the network or of the webhook was seen to take hold.
    pub took_hold: bool,
}
