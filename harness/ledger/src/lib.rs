//! The account of every message, and the verdict on it.
//!
//! Everything here is pure: no clock, no files, no tokio, no randomness. The journals' entries go
//! in, counts, findings and a verdict come out, and the same entries give the same account for ever.

mod entry;
mod id;

pub use entry::{BadEntry, Entry, Kind, Words};
pub use id::{MessageId, NotAMessageId};
