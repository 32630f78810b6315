//! Where effects become visible, seen from the harness's side and written to a journal of its own.

mod webhook;

pub use webhook::{LIFE as WEBHOOK, Webhook};
