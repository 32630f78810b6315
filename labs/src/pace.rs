//! When each message should be sent: an open-loop schedule.
//!
//! The schedule does not wait for the broker. A producer that falls behind sends at once until it has caught up, and
//! every delay counts from the planned time, so that a stall shows in the figures (no coordinated omission). Without a
//! rate, a message is due as soon as the producer is done with what it wrote down last.

/// A schedule of `rate` messages a second.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start_ns: u64,
    rate: u32,
    given: u64,
}

impl Pace {
    /// Starts at `start_ns`; `rate` 0 is as fast as it goes.
    pub fn new(start_ns: u64, rate: u32) -> Self {
        Self { start_ns, rate, given: 0 }
    }

    /// When the next message should be sent, in nanoseconds of the clock that `start_ns` was read from; `None` where
    /// there is no rate.
    #[inline]
    pub fn planned_ns(&self) -> Option<u64> {
        if self.rate == 0 {
            return None;
        }
        let offset = u128::from(self.given) * 1_000_000_000 / u128::from(self.rate);
        Some(self.start_ns.saturating_add(offset.try_into().unwrap_or(u64::MAX)))
    }

    /// One message was given out.
    #[inline]
    pub fn advance(&mut self) {
        self.given += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_a_rate_there_is_no_plan() {
        let mut pace = Pace::new(5, 0);
        pace.advance();
        assert_eq!(pace.planned_ns(), None);
    }

    #[test]
    fn the_plan_counts_messages_and_not_time() {
        let mut pace = Pace::new(1_000, 1_000);
        pace.advance();
        assert_eq!(pace.planned_ns(), Some(1_001_000), "however long the first one took");
    }

    proptest! {
        #[test]
        fn never_drifts(rate in 1_u32.., messages in 0_u32..100_000) {
            let pace = Pace { start_ns: 0, rate, given: u64::from(messages) };
            let exact = f64::from(messages) / f64::from(rate) * 1e9;
            prop_assert!((pace.planned_ns().unwrap() as f64 - exact).abs() <= 1.0 + exact * 1e-12);
        }
    }
}
