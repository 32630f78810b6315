//! Where effects become visible, seen from the harness's side and written to a journal of its own.

mod desk;
mod identify;
mod webhook;

pub use desk::{Answers, LIFE as WEBHOOK};
pub use identify::identify;
pub use webhook::Webhook;

/// The name of the journal that holds the effects found in the table.
pub const TABLE: &str = "sink-table";

/// The name of the journal that holds the effects found in the topic.
pub const TOPIC: &str = "sink-topic";
