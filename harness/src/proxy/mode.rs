//! What is done to the bytes of a link, and what was done.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What is done to the bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// They go through as they come.
    #[default]
    Pass,
    /// They are read and never handed on; the connection stays open.
    Withhold,
    /// The next bytes of any connection are read and not handed on, and that connection is closed; once.
    TakeOnce,
    /// Each is handed on so much later.
    Delay(Duration),
    /// So many a second are handed on, of all connections of the link together.
    Throttle(u64),
}

/// What is done to a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// To what workers send.
    pub to_broker: Way,
    /// To what the broker sends.
    pub to_worker: Way,
    /// Open connections are closed, and new ones are refused.
    pub cut: bool,
}

/// One of the two directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToBroker,
    ToWorker,
}

impl Mode {
    pub(super) fn way(&self, direction: Direction) -> Way {
        match direction {
            Direction::ToBroker => self.to_broker,
            Direction::ToWorker => self.to_worker,
        }
    }
}

/// What was done on a link since it was opened, or between two looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Bytes handed on to the broker.
    pub to_broker: u64,
    /// Bytes handed on to workers.
    pub to_worker: u64,
    /// Bytes read and not handed on, to the broker.
    pub withheld_to_broker: u64,
    /// Bytes read and not handed on, to workers.
    pub withheld_to_worker: u64,
    /// Bytes handed on later than they came, or slower.
    pub slowed: u64,
    /// Connections that the proxy closed.
    pub closed: u64,
    /// Connections that the proxy reset.
    pub reset: u64,
}

impl Seen {
    /// What was seen since an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            to_broker: self.to_broker - before.to_broker,
            to_worker: self.to_worker - before.to_worker,
            withheld_to_broker: self.withheld_to_broker - before.withheld_to_broker,
            withheld_to_worker: self.withheld_to_worker - before.withheld_to_worker,
            slowed: self.slowed - before.slowed,
            closed: self.closed - before.closed,
            reset: self.reset - before.reset,
        }
    }

    /// What was seen here and there together.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            to_broker: self.to_broker + other.to_broker,
            to_worker: self.to_worker + other.to_worker,
            withheld_to_broker: self.withheld_to_broker + other.withheld_to_broker,
            withheld_to_worker: self.withheld_to_worker + other.withheld_to_worker,
            slowed: self.slowed + other.slowed,
            closed: self.closed + other.closed,
            reset: self.reset + other.reset,
        }
    }

    /// Bytes read and not handed on.
    pub fn withheld(&self) -> u64 {
        self.withheld_to_broker + self.withheld_to_worker
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes passed to the broker", self.to_broker)?;
        let told = [
            (self.withheld_to_broker, "bytes to it withheld"),
            (self.withheld_to_worker, "bytes of its answers withheld"),
            (self.slowed, "bytes late"),
            (self.closed, "connections closed"),
            (self.reset, "connections reset"),
        ];
        told.into_iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

/// The counters behind [`Seen`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    passed: [AtomicU64; 2],
    withheld: [AtomicU64; 2],
    slowed: AtomicU64,
    closed: AtomicU64,
    reset: AtomicU64,
}

impl Counters {
    pub(super) fn passed(&self, direction: Direction, bytes: usize) {
        self.passed[direction as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn withheld(&self, direction: Direction, bytes: usize) {
        self.withheld[direction as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn slowed(&self, bytes: usize) {
        self.slowed.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reset(&self) {
        self.reset.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn seen(&self) -> Seen {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [to_broker, to_worker] = &self.passed;
        let [withheld_to_broker, withheld_to_worker] = &self.withheld;
        Seen {
            to_broker: of(to_broker),
            to_worker: of(to_worker),
            withheld_to_broker: of(withheld_to_broker),
            withheld_to_worker: of(withheld_to_worker),
            slowed: of(&self.slowed),
            closed: of(&self.closed),
            reset: of(&self.reset),
        }
    }
}
