//! What the client says to a consumer on the side.

use std::sync::atomic::{AtomicU64, Ordering};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext, Rebalance},
    error::KafkaError,
};

use super::{log, log_error};

/// What this reader is assigned. The group tells while the worker's thread asks for messages, and on no other.
#[derive(Default)]
pub(super) struct Group {
    /// Counts assignments and their ends: odd while something is assigned.
    turns: AtomicU64,
}

impl Group {
    /// Which assignment it is.
    pub(super) fn assignment(&self) -> u64 {
        self.turns.load(Ordering::Acquire)
    }

    /// Whether anything is assigned, be it no partition at all.
    pub(super) fn is_assigned(&self) -> bool {
        self.assignment() % 2 == 1
    }

    /// Something is assigned from now on.
    pub(super) fn begin_assignment(&self) {
        self.turns.store((self.assignment() + 1) | 1, Ordering::Release);
    }

    fn end_assignment(&self) {
        self.turns.store((self.assignment() + 2) & !1, Ordering::Release);
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ConsumerContext for Group {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(_) => self.begin_assignment(),
            Rebalance::Revoke(_) | Rebalance::Error(_) => self.end_assignment(),
        }
        tracing::info!("Kafka: {rebalance:?}");
    }
}
