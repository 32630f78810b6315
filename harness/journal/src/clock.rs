//! The clock of all journals on a host.

use rustix::time::{ClockId, clock_gettime};

/// The host's monotonic clock in nanoseconds: the same for all processes, so their times can be compared.
///
/// Times of different hosts cannot.
#[inline]
pub fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative for this clock.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
