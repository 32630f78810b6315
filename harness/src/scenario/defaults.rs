//! What a lab file does not say: one commented TOML, printed by `harness defaults` and used as it is.

use std::time::Duration;

use serde::Deserialize;

use super::{ConsumerSettings, Error, Resend, Sink, StreamSettings, VariantKind, Workload, duration};

/// The text that `harness defaults` prints.
pub const DEFAULTS: &str = include_str!("../defaults.toml");

/// That text, read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// What each producer sends.
    pub workload: Workload,
    /// What every variant has.
    pub variant: VariantDefaults,
    /// What every worker has.
    pub worker: WorkerDefaults,
    /// A stream, where a variant has one.
    pub stream: StreamSettings,
    /// A consumer, where a variant has one.
    pub consumer: ConsumerSettings,
}

/// See [`Variant`](super::Variant).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields of a variant")]
pub struct VariantDefaults {
    pub kind: VariantKind,
    pub tries: u32,
    pub order: bool,
    pub resend: Resend,
    #[serde(with = "duration::field")]
    pub limit: Duration,
    pub sink: Sink,
}

/// See [`WorkerSpec`](super::WorkerSpec).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields of a worker")]
pub struct WorkerDefaults {
    pub count: u32,
}

impl Defaults {
    /// Reads the text inside the binary; a test holds that this does not fail.
    pub fn built_in() -> Result<Self, Error> {
        toml::from_str(DEFAULTS).map_err(|error| Error::Defaults(error.to_string()))
    }
}
