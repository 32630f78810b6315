//! How fast a slow direction of a link is: all its connections share one turnstile.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A slow direction hands on so many pieces a second.
const STEPS_A_SECOND: u64 = 50;

/// When the next piece may pass.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// How many bytes make a piece at this rate.
    pub(super) fn piece(rate: u64) -> usize {
        usize::try_from(rate / STEPS_A_SECOND).unwrap_or(usize::MAX).max(1)
    }

    /// Takes the next turn for so many bytes; says when it is.
    pub(super) fn turn(&self, bytes: usize, rate: u64) -> Instant {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let turn = next.unwrap_or(now).max(now);
        *next = Some(turn + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64));
        turn
    }
}
