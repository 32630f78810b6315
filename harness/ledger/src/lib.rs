//! The account of every message, and the verdict on it.
//!
//! Everything here is pure: no clock, no files, no tokio, no randomness. The journals' entries go
//! in, counts, findings and a verdict come out, and the same entries give the same account for ever.
//!
//! The way through: [`Entry`]s of one journal are folded into an [`Account`], accounts are merged,
//! [`Account::counts`] adds up to [`Counts`]. [`Lives`] is the second pass, over the few ids that need one.
//! [`judge`] compares the counts with the [`Contract`] and the [`Evidence`]; [`Expectation::check`] compares
//! them with what the variant says will come out; [`findings`] says in sentences what happened to whom.

mod account;
mod bits;
mod bound;
mod cause;
mod contract;
mod counts;
mod delays;
mod entry;
mod evidence;
mod expectation;
mod fate;
mod finding;
mod fold;
mod id;
mod latency;
mod lives;
mod range;
mod row;
mod sparse;
mod story;
mod verdict;
mod window;

pub use account::Account;
pub use bound::{Bound, NotABound, Value};
pub use contract::Contract;
pub use counts::{Counts, Scope, Sum};
pub use delays::{DELAY_BOUNDS, DelayHistogram, Delays, MeasuredDelays};
pub use entry::{BadEntry, Entry, Kind, Words};
pub use evidence::{Evidence, FaultEvidence};
pub use expectation::{Expectation, Mismatch};
pub use fate::Fate;
pub use finding::{Finding, findings};
pub use id::{MessageId, NotAMessageId};
pub use latency::Latency;
pub use lives::{Event, Lives};
pub use range::{IdRange, first, total};
pub use verdict::{Judgement, Reason, UnknownWord, Verdict, judge};
pub use window::{What, Window, seconds};
