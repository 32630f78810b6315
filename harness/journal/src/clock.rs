//! The clock of all journals on a host.

use rustix::time::{ClockId, clock_gettime};

use crate::counter::{Counter, Line};

/// The host's monotonic clock in nanoseconds: the same for all processes, so their times can be compared.
///
/// Times of different hosts cannot.
#[inline]
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative for this clock.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The same clock for who needs the time often: between two readings, 20 µs at most, it counts the processor's ticks,
/// where the kernel itself does so.
///
/// It differs from [`now_ns`] by less than 2 µs, whatever the thread goes through: stopped, or moved to
/// another processor. By so much it may step back when the clock is read anew; [`Writer`](crate::Writer) does not let it.
#[derive(Debug)]
pub(crate) struct Clock {
    counter: Option<Counter>,
    line: Line,
}

impl Clock {
    /// The bound of its error: a microsecond for the reading that it goes by, and another for a rate that is off without
    /// that being noticed. 50 ns are usual.
    #[cfg(test)]
    const ERROR_NS: u64 = 2_000;

    /// Nothing is known of the counter yet.
    pub(crate) fn new() -> Self {
        Self { counter: Counter::trusted(), line: Line::default() }
    }

    /// The time in nanoseconds of [`now_ns`].
    #[inline]
    pub(crate) fn now_ns(&mut self) -> u64 {
        let Some(counter) = self.counter else { return now_ns() };
        let ticks = counter.ticks();
        match self.line.at(ticks) {
            Some(ns) => ns,
            None => self.read(counter, ticks),
        }
    }

    #[cold]
    fn read(&mut self, counter: Counter, before: u64) -> u64 {
        let ns = now_ns();
        self.line.read(before, ns, counter.ticks());
        ns
    }
}

#[cfg(test)]
mod tests;
