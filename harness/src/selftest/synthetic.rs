//! Anomalies planted in histories that are written by hand: each is one change to a clean one.

mod clean;
mod journals;
mod messages;
mod runs;

use ledger::{Bound, Expectation, Verdict};

use super::{How, Outcome, Sign, Tried, compare, history::History};

/// One change to a clean history, and what must come of it.
pub struct Plant {
    /// Its name.
    pub kind: &'static str,
    /// What must show.
    pub sign: Sign,
    /// What the judge must say.
    pub verdict: Verdict,
    /// Counts that must be so; other odd ones must be 0.
    pub counts: &'static [(&'static str, u64)],
    /// The change.
    pub change: fn(&mut History),
}

impl Plant {
    fn expect(&self) -> Expectation {
        let counts = self.counts.iter().map(|(name, count)| ((*name).to_owned(), Bound::from(*count)));
        Expectation { verdict: Some(self.verdict), counts: counts.collect() }
    }

    fn try_it(&self) -> Tried {
        let (mut history, expect) = (History::clean(), self.expect());
        (self.change)(&mut history);
        let judged = history.judge(&expect);
        let outcome = Outcome::of(judged, |assessed| compare(assessed, &expect, self.sign));
        Tried { kind: self.kind.to_owned(), how: How::Synthetic, sign: self.sign, outcome }
    }
}

/// Plants all of them, one after the other.
pub fn plant_all() -> Vec<Tried> {
    all().map(Plant::try_it).collect()
}

fn all() -> impl Iterator<Item = &'static Plant> {
    clean::ALL.iter().chain(messages::ALL).chain(runs::ALL).chain(journals::ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_and_each_has_a_name_of_its_own() {
        let mut names: Vec<_> = all().map(|plant| plant.kind).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().count());
        for tried in plant_all() {
            assert!(matches!(tried.outcome, Outcome::Found), "{tried:?}");
        }
    }

    /// Whether the one says no more than the other: "it is not proven", "it is not proven: one message is left".
    fn covers(sign: Sign, other: Sign) -> bool {
        match (sign, other) {
            (Sign::Reason(words), Sign::Reason(more)) => more.starts_with(words),
            _ => sign == other,
        }
    }

    /// The comparison itself: a clean history never passes for a planted one, nor a planted one for a clean one,
    /// nor one anomaly for another.
    #[test]
    fn nothing_is_found_where_something_else_was_planted() {
        let judged: Vec<_> = all()
            .map(|plant| {
                let mut history = History::clean();
                (plant.change)(&mut history);
                (plant, history.judge(&plant.expect()).unwrap())
            })
            .collect();
        for (plant, assessed) in &judged {
            for other in all().filter(|other| !covers(other.sign, plant.sign)) {
                let wrong = compare(assessed, &other.expect(), other.sign);
                assert!(!wrong.is_empty(), "{} passes for {}", plant.kind, other.kind);
            }
        }
    }
}
