//! Where effects become visible, seen from the harness's side and written to a journal of its own.

mod identify;
mod webhook;

pub use identify::identify;
pub use webhook::{LIFE as WEBHOOK, Webhook};

/// The name of the journal that holds the effects found in the table.
pub const TABLE: &str = "sink-table";
