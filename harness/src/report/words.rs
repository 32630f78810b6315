//! The small words: numbers, plurals, times, how a run came out.

use ledger::Verdict;

use super::page::Tone;

/// With a comma between thousands: "2,000".
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The same for a number that may be negative.
pub fn signed(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", number(count.unsigned_abs()))
}

/// "1 message", "2,000 messages".
pub fn count_of(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", number(count))
}

/// "was" for one, "were" for all other numbers.
pub fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// "1.204 s".
pub fn seconds(seconds: f64) -> String {
    format!("{seconds:.3} s")
}

/// A measured value in few digits: "1.01", "12,000".
pub fn measured(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return signed(value as i64);
    }
    let text = if value.abs() < 0.001 { format!("{value:.2e}") } else { format!("{value:.3}") };
    if text.contains('e') { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// The sign of how a run came out, and its colour. What counts is the expectation: a weak variant that breaks
/// its contract as the lab says is as it should be.
pub const fn sign(verdict: Verdict, as_expected: Option<bool>) -> (&'static str, Tone) {
    match (verdict, as_expected) {
        (Verdict::Inconclusive, _) => ("?", Tone::Unsure),
        (Verdict::NotRun, _) => ("-", Tone::Quiet),
        (_, Some(true)) => ("✓", Tone::Good),
        (_, Some(false)) => ("✗", Tone::Bad),
        (_, None) => ("·", Tone::Normal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        let texts = [0, 7, 999, 1000, 12_345, 1_000_000].map(number);
        assert_eq!(texts, ["0", "7", "999", "1,000", "12,345", "1,000,000"]);
        assert_eq!(signed(-1_234), "-1,234");
        assert_eq!(signed(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn one_is_singular_and_none_is_plural() {
        assert_eq!(count_of(0, "message"), "0 messages");
        assert_eq!(count_of(1, "message"), "1 message");
        assert_eq!(count_of(2_000, "message"), "2,000 messages");
    }

    #[test]
    fn measured_values_are_short() {
        let texts = [1.01, 12_000.0, 0.5, 0.000_012, 1_234.567_89, -3.0].map(measured);
        assert_eq!(texts, ["1.01", "12,000", "0.5", "1.20e-5", "1234.568", "-3"]);
    }

    #[test]
    fn a_broken_contract_may_be_just_what_was_expected() {
        assert_eq!(sign(Verdict::Broken, Some(true)), ("✓", Tone::Good));
        assert_eq!(sign(Verdict::Kept, Some(false)), ("✗", Tone::Bad));
        assert_eq!(sign(Verdict::Inconclusive, None), ("?", Tone::Unsure));
    }
}
