//! The delays that a worker measures, said once at its end.

use hdrhistogram::Histogram;

use crate::control::Word;

/// A delay under a microsecond counts as one; one over an hour, as an hour.
const BOUNDS_NS: (u64, u64) = (1_000, 3_600_000_000_000);

/// Two significant digits: 1 % of the value, and a table small enough to stay in the cache.
const DIGITS: u8 = 2;

/// A distribution of delays.
#[derive(Clone, Debug)]
pub struct Delays(Histogram<u64>);

impl Default for Delays {
    fn default() -> Self {
        let (low, high) = BOUNDS_NS;
        Self(
            Histogram::new_with_bounds(low, high, DIGITS)
                .expect("these constants are in the range that it accepts"),
        )
    }
}

impl Delays {
    /// One delay from `from_ns` to `to_ns` of the same clock. A negative one counts as none.
    #[inline]
    pub fn record(&mut self, from_ns: u64, to_ns: u64) {
        self.0.saturating_record(to_ns.saturating_sub(from_ns));
    }

    /// Median, 99th percentile and maximum as figures `<name>_seconds_p50` and so on; nothing where nothing was measured.
    pub fn say(&self, name: &str, mut say: impl FnMut(Word<'_>)) {
        if self.0.is_empty() {
            return;
        }
        for (which, value_ns) in [
            ("p50", self.0.value_at_quantile(0.5)),
            ("p99", self.0.value_at_quantile(0.99)),
            ("max", self.0.max()),
        ] {
            let value = value_ns as f64 / 1e9;
            say(Word::Figure { name: &format!("{name}_seconds_{which}"), value, unit: "s" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(delays: &Delays) -> Vec<String> {
        let mut lines = Vec::new();
        delays.say("delivery", |word| lines.push(word.to_string()));
        lines
    }

    #[test]
    fn nothing_measured_says_nothing() {
        assert!(said(&Delays::default()).is_empty());
    }

    #[test]
    fn percentiles_are_within_a_hundredth() {
        let mut delays = Delays::default();
        for millis in 1..=1_000_u64 {
            delays.record(7, 7 + millis * 1_000_000);
        }
        let lines = said(&delays);
        let values = lines.iter().map(|line| line.split(' ').nth(3).unwrap().parse::<f64>().unwrap());
        for (value, exact) in values.zip([0.5, 0.99, 1.0]) {
            assert!((value - exact).abs() <= exact * 0.011, "{value} is not near {exact}");
        }
        assert!(lines[1].starts_with(":: figure delivery_seconds_p99 "));
    }

    #[test]
    fn absurd_delays_are_kept_in_bounds() {
        let mut delays = Delays::default();
        delays.record(9, 3);
        delays.record(0, u64::MAX);
        let lines = said(&delays);
        assert!(lines[2].starts_with(":: figure delivery_seconds_max 36"), "{}", lines[2]);
    }
}
