//! What a lab file says, and what a run makes of it. Nothing in here starts anything.
//!
//! `lab.toml` → [`Lab`] with its [`Variant`]s (read and validated) → [`Plan`] (a variant, a seed, the
//! person's changes). To give `lab.toml` a new field: one in `lab.rs`, one line in the reader of its table
//! (`file.rs`, `settings.rs` or `actors.rs`), and, where it has a default, one in `defaults.toml`.

mod actors;
mod changes;
mod defaults;
mod duration;
mod error;
mod fields;
mod file;
mod lab;
mod labs;
mod mistake;
mod moment;
mod plan;
mod points;
mod predict;
mod settings;
mod show;
mod validate;
mod words;

pub use changes::Changes;
pub use defaults::DEFAULTS;
pub use error::Error;
pub use lab::{
    ConsumerSettings, FaultSpec, Heal, Hold, KafkaNames, Lab, NatsNames, Network, PostgresNames, Server,
    Sink, StreamSettings, Target, TopicSettings, Variant, WorkerSpec, Workload,
};
pub use labs::{Labs, Selection};
pub use moment::{Moment, Pick};
pub use plan::Plan;
pub use predict::{Answer, Choice, Found, Prediction};
pub use validate::Supports;
pub use words::{
    Ack, Action, Broker, Direction, Isolation, Resend, Retention, Role, SinkKind, Storage, VariantKind, Word,
};

#[cfg(test)]
mod tests;
