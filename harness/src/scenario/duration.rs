//! Durations as texts: `500ms`, `1s`, `2m`.

use std::time::Duration;

/// The units, largest first, each in nanoseconds.
const UNITS: [(&str, u128); 5] =
    [("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// What a duration looks like, for messages.
pub const EXPECTED: &str = "a duration: a whole number and a unit, like \"500ms\", \"1s\" or \"2m\"";

/// Reads a duration; `None` if the text is not one, or is longer than a day.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let nanoseconds = number.parse::<u128>().ok()?.checked_mul(*factor)?;
    let duration = Duration::from_nanos(u64::try_from(nanoseconds).ok()?);
    (duration <= Duration::from_secs(86_400)).then_some(duration)
}

/// The duration in the largest unit in which it is a whole number: `parse` reads it back.
pub fn text(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    if nanoseconds == 0 {
        return "0ms".to_owned();
    }
    let (unit, factor) =
        UNITS.iter().find(|(_, factor)| nanoseconds.is_multiple_of(*factor)).unwrap_or(&("ns", 1));
    format!("{}{unit}", nanoseconds / factor)
}

/// For `#[serde(with = "duration::field")]`.
pub mod field {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes it as a text.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::text(*duration))
    }

    /// Reads the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not {}", super::EXPECTED)))
    }
}

/// For `#[serde(with = "duration::option")]`.
pub mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes it as a text, where there is one.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::field::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the text, where there is one.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Text(#[serde(with = "super::field")] Duration);
        Ok(Option::<Text>::deserialize(deserializer)?.map(|text| text.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse("2m"), Some(Duration::from_secs(120)));
        assert_eq!(parse("0ms"), Some(Duration::ZERO));
        for text in ["", "1", "s", "1 s", "-1s", "1.5s", "1h", "99999999999999999999s", "2000m"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_shows(nanoseconds in 0..86_400_000_000_000u64) {
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(parse(&text(duration)), Some(duration));
        }
    }
}
