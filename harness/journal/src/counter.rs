//! The processor's counter of time, and what nanoseconds its ticks are.
//!
//! To ask the kernel for the time takes about 25 ns, to read the counter 8. The kernel makes its time of the same counter,
//! where it trusts it.

use std::fs;

/// Where Linux says what its clock is made of.
const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/// After this time the clock is read anew.
const FRESH_NS: u64 = 20_000;

/// The rate of the counter is taken between two readings so far apart.
const LEARN_NS: u64 = 1_000_000;

/// A reading of the clock that took more ticks was interrupted, and nothing is built on it: it says nothing about the
/// ticks. A counter has at least one tick a nanosecond, so this is a microsecond at most.
const READING_TICKS: u64 = 1_000;

/// What ticks and clock may differ by, beside a 512th of the time that passed. Where they differ by more, the rate is
/// not what it was: the machine slept, or is another.
const DIFFER_NS: u64 = 1_000;

/// A counter that goes on at one rate, whatever the processor does, and is the same on all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter(());

impl Counter {
    /// The counter, where the kernel makes its own time of it. No other is trusted: it may stand still, or differ from
    /// one processor to the next, and the kernel has tried that.
    pub(crate) fn trusted() -> Option<Self> {
        let source = fs::read_to_string(SOURCE).ok()?;
        (cfg!(target_arch = "x86_64") && source.trim_end() == "tsc").then_some(Self(()))
    }

    /// How far it is.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(crate) fn ticks(self) -> u64 {
        // SAFETY: every processor of this kind has the instruction, it reads nothing of ours, and the kernel's own
        // clock uses it in this process.
        unsafe { std::arch::x86_64::_rdtsc() }
    }

    /// On no other processor is there one that [`Counter::trusted`] gives out.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn ticks(self) -> u64 {
        0
    }
}

/// The last reading of the clock, drawn on by the ticks since then.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// What the clock said.
    ns: u64,
    /// Where the counter was just after it.
    ticks: u64,
    /// For so many ticks that may be drawn on; 0 while the rate is not known.
    fresh: u64,
    /// Nanoseconds for 2^32 ticks; 0 while not known. Less than 2^32: a counter is faster than 1 GHz.
    rate: u64,
    /// The reading from which on the rate is taken.
    first: Option<(u64, u64)>,
}

impl Line {
    /// The time at these ticks; `None` where the clock has to be read.
    #[inline]
    pub(crate) fn at(&self, ticks: u64) -> Option<u64> {
        // A processor whose counter is a little behind has gone nearly once around: it is not fresh.
        let gone = ticks.wrapping_sub(self.ticks);
        (gone < self.fresh).then(|| self.ns + ((gone * self.rate) >> 32))
    }

    /// Takes a reading of the clock, and the ticks before and after it.
    pub(crate) fn read(&mut self, before: u64, ns: u64, after: u64) {
        if after.wrapping_sub(before) > READING_TICKS {
            self.fresh = 0;
            return;
        }
        if self.rate > 0 {
            let passed = ns.saturating_sub(self.ns);
            let counted = nanoseconds(after.wrapping_sub(self.ticks), self.rate);
            if counted.abs_diff(u128::from(passed)) > u128::from(DIFFER_NS + passed / 512) {
                *self = Self::default();
            }
        }
        if self.rate == 0 {
            self.learn(ns, after);
        }
        (self.ns, self.ticks) = (ns, after);
        self.fresh = match self.rate {
            0 => 0,
            rate => (FRESH_NS << 32) / rate,
        };
    }

    fn learn(&mut self, ns: u64, ticks: u64) {
        let (first_ns, first_ticks) = *self.first.get_or_insert((ns, ticks));
        let (passed, counted) = (ns.saturating_sub(first_ns), ticks.wrapping_sub(first_ticks));
        if passed < LEARN_NS {
            return;
        }
        let rate = u64::try_from((u128::from(passed) << 32) / u128::from(counted.max(1))).unwrap_or(u64::MAX);
        // From 1 to 64 GHz. Anything else is no rate: the next reading is the first.
        let is_one = (1 << 26..1 << 32).contains(&rate);
        (self.rate, self.first) = if is_one { (rate, None) } else { (0, None) };
    }
}

fn nanoseconds(ticks: u64, rate: u64) -> u128 {
    (u128::from(ticks) * u128::from(rate)) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter of 3 GHz, or another, and a clock that is read in 75 ticks.
    struct Machine {
        line: Line,
        ticks_a_ns: u64,
        /// The time that really is.
        ns: u64,
        /// What the counter is ahead of the time by.
        ahead: u64,
    }

    impl Machine {
        fn new() -> Self {
            Self { line: Line::default(), ticks_a_ns: 3, ns: 1 << 50, ahead: 0 }
        }

        fn ticks(&self) -> u64 {
            (self.ns * self.ticks_a_ns).wrapping_add(self.ahead)
        }

        fn read(&mut self) {
            let before = self.ticks();
            self.ns += 25;
            let (ns, after) = (self.ns, self.ticks());
            self.line.read(before, ns, after);
        }

        /// After so much time: what the line says; where it says nothing the clock is read.
        fn after(&mut self, ns: u64) -> Option<u64> {
            self.ns += ns;
            let said = self.line.at(self.ticks());
            if said.is_none() {
                self.read();
            }
            said
        }

        /// After so much time the line says what time it is, to a nanosecond: the clock is not read.
        #[track_caller]
        fn knows_after(&mut self, ns: u64) {
            let said = self.after(ns).expect("the clock was read");
            assert!(said.abs_diff(self.ns) <= 1, "{said}, {}", self.ns);
        }

        fn learned() -> Self {
            let mut machine = Self::new();
            while machine.after(700).is_none() {
                assert!(machine.ns < (1 << 50) + 2 * LEARN_NS, "it never learns");
            }
            machine
        }
    }

    #[test]
    fn the_clock_is_read_until_the_rate_is_known() {
        let mut machine = Machine::new();
        let begun = machine.ns;
        while machine.after(700).is_none() {}
        assert!(machine.ns - begun >= LEARN_NS && machine.ns - begun < LEARN_NS + 3_000);
    }

    #[test]
    fn between_two_readings_it_is_exact_to_a_512th() {
        let mut machine = Machine::learned();
        let mut drawn = 0;
        for step in 0..100_000 {
            if let Some(said) = machine.after(step % 997) {
                drawn += 1;
                assert!(said.abs_diff(machine.ns) <= FRESH_NS / 512, "{said}, {}", machine.ns);
            }
        }
        assert!(drawn > 90_000, "{drawn}");
    }

    #[test]
    fn who_was_stopped_reads_the_clock() {
        let mut machine = Machine::learned();
        for stopped_ns in [FRESH_NS + 100, 1_000_000, 3_600_000_000_000] {
            machine.read();
            machine.knows_after(10);
            assert_eq!(machine.after(stopped_ns), None);
            machine.knows_after(30);
        }
    }

    #[test]
    fn nothing_is_built_on_a_reading_that_was_interrupted() {
        let mut machine = Machine::learned();
        machine.read();
        let (before, ns) = (machine.ticks(), machine.ns);
        machine.ns += 5_000_000;
        let after = machine.ticks();
        machine.line.read(before, ns, after);
        assert_eq!(machine.after(10), None, "it would be 5 ms late");
        machine.knows_after(10);
    }

    #[test]
    fn a_counter_that_is_behind_reads_the_clock() {
        let mut machine = Machine::learned();
        machine.read();
        machine.ahead = 0_u64.wrapping_sub(500);
        assert_eq!(machine.after(10), None);
        while machine.after(700).is_none() {}
        machine.knows_after(10);
    }

    #[test]
    fn another_rate_is_learned() {
        let mut machine = Machine::learned();
        machine.ticks_a_ns = 2;
        machine.read();
        assert_eq!(machine.line.rate, 0, "what was known is forgotten");
        let begun = machine.ns;
        while machine.after(700).is_none() {}
        assert!(machine.ns - begun >= LEARN_NS);
        machine.knows_after(10);
    }

    #[test]
    fn a_counter_that_stands_still_is_never_drawn_on() {
        let mut line = Line::default();
        for step in 0..100 {
            let ns = step * LEARN_NS;
            line.read(7, ns, 7);
            assert_eq!((line.at(7), line.rate), (None, 0));
        }
    }
}
