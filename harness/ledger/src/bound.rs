//! The right-hand side of an expectation: what a count or a figure may be.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number, or the name of another count.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Counts are whole; figures need not be.
    Number(f64),
    /// The name of a count, a figure or a point, as on the left-hand side.
    Name(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What something may be. Written as a number, or as a text: `">= 1"`, `"> applied"`, `"1..=200"`, `"= attempted"`.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Exactly this.
    Is(Value),
    /// This or more.
    AtLeast(Value),
    /// This or less.
    AtMost(Value),
    /// More than this.
    Above(Value),
    /// Less than this.
    Below(Value),
    /// From the first to the second, both included.
    Between(f64, f64),
}

impl Bound {
    /// Whether `seen` is within; nothing where another count is named and `look_up` does not know it.
    pub fn allows(&self, seen: f64, look_up: impl Fn(&str) -> Option<f64>) -> Option<bool> {
        let number = |value: &Value| match value {
            Value::Number(number) => Some(*number),
            Value::Name(name) => look_up(name),
        };
        Some(match self {
            Self::Is(value) => seen == number(value)?,
            Self::AtLeast(value) => seen >= number(value)?,
            Self::AtMost(value) => seen <= number(value)?,
            Self::Above(value) => seen > number(value)?,
            Self::Below(value) => seen < number(value)?,
            Self::Between(from, to) => (*from..=*to).contains(&seen),
        })
    }

    /// Whether 0 is within; nothing where that depends on another count.
    pub fn allows_zero(&self) -> Option<bool> {
        match self {
            Self::AtMost(Value::Name(_)) => Some(true),
            Self::Above(Value::Name(_)) => Some(false),
            _ => self.allows(0.0, |_| None),
        }
    }

    /// Whether anything of 1 or more is within; nothing where that depends on another count.
    pub fn allows_some(&self) -> Option<bool> {
        match self {
            Self::Is(Value::Number(number)) | Self::AtMost(Value::Number(number)) => Some(*number >= 1.0),
            Self::Below(Value::Number(number)) => Some(*number > 1.0),
            Self::Between(from, to) => Some(*to >= 1.0 && from <= to),
            Self::AtLeast(_) | Self::Above(_) => Some(true),
            Self::Is(Value::Name(_)) | Self::AtMost(Value::Name(_)) | Self::Below(Value::Name(_)) => None,
        }
    }

    /// Whether no count of this name could be outside of it: ">= 0", or as much as itself.
    pub fn allows_all(&self, name: &str) -> bool {
        match self {
            Self::AtLeast(Value::Number(number)) => *number <= 0.0,
            Self::Above(Value::Number(number)) => *number < 0.0,
            Self::Is(Value::Name(other))
            | Self::AtLeast(Value::Name(other))
            | Self::AtMost(Value::Name(other)) => other == name,
            _ => false,
        }
    }

    /// The other count it names.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Is(value)
            | Self::AtLeast(value)
            | Self::AtMost(value)
            | Self::Above(value)
            | Self::Below(value) => {
                if let Value::Name(name) = value {
                    Some(name)
                } else {
                    None
                }
            }
            Self::Between(..) => None,
        }
    }
}

impl From<u64> for Bound {
    fn from(count: u64) -> Self {
        Self::Is(Value::Number(count as f64))
    }
}

impl From<f64> for Bound {
    fn from(number: f64) -> Self {
        Self::Is(Value::Number(number))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(Value::Number(number)) => write!(f, "{number}"),
            Self::Is(value) => write!(f, "= {value}"),
            Self::AtLeast(value) => write!(f, ">= {value}"),
            Self::AtMost(value) => write!(f, "<= {value}"),
            Self::Above(value) => write!(f, "> {value}"),
            Self::Below(value) => write!(f, "< {value}"),
            Self::Between(from, to) => write!(f, "{from}..={to}"),
        }
    }
}

/// Why a text is not a bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotABound(String);

impl fmt::Display for NotABound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "`{text}` is not an expectation; one is a number, \">= 1\", \"1..=200\" or another count, \"= attempted\""
        )
    }
}

impl std::error::Error for NotABound {}

impl FromStr for Bound {
    type Err = NotABound;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotABound(text.to_owned());
        let value = |rest: &str| read_value(rest.trim()).ok_or_else(bad);
        let trimmed = text.trim();
        if let Some((from, to)) = trimmed.split_once("..=") {
            let (from, to) = read_number(from.trim()).zip(read_number(to.trim())).ok_or_else(bad)?;
            return if from <= to { Ok(Self::Between(from, to)) } else { Err(bad()) };
        }
        let (sign, rest) =
            trimmed.split_at(trimmed.len() - trimmed.trim_start_matches(['<', '>', '=']).len());
        match sign {
            "" => Ok(Self::Is(Value::Number(read_number(rest).ok_or_else(bad)?))),
            "=" => Ok(Self::Is(value(rest)?)),
            ">=" => Ok(Self::AtLeast(value(rest)?)),
            "<=" => Ok(Self::AtMost(value(rest)?)),
            ">" => Ok(Self::Above(value(rest)?)),
            "<" => Ok(Self::Below(value(rest)?)),
            _ => Err(bad()),
        }
    }
}

/// A plain decimal number: no infinity, no "not a number", no exponent.
fn read_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text).replace('_', "");
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if plain { text.replace('_', "").parse().ok() } else { None }
}

fn read_value(text: &str) -> Option<Value> {
    if let Some(number) = read_number(text) {
        return Some(Value::Number(number));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || "_-.#".contains(c);
    let name = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(word);
    name.then(|| Value::Name(text.to_owned()))
}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(Value::Number(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
                serializer.serialize_i64(*number as i64)
            }
            Self::Is(Value::Number(number)) => serializer.serialize_f64(*number),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundVisitor)
    }
}

struct BoundVisitor;

impl de::Visitor<'_> for BoundVisitor {
    type Value = Bound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \">= 1\", \"1..=200\" or another count, \"= attempted\"")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Bound, E> {
        Ok(Bound::from(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Bound, E> {
        Ok(Bound::from(number as f64))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Bound, E> {
        if number.is_finite() {
            Ok(Bound::from(number))
        } else {
            Err(E::custom("an expectation must be finite"))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bound, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints() {
        for text in
            ["0", "2000", "1.5", "-3", ">= 1", "<= 200", "> applied", "< 2.5", "1..=200", "= attempted"]
        {
            assert_eq!(text.parse::<Bound>().unwrap().to_string(), text);
        }
        assert_eq!("5_000".parse(), Ok(Bound::from(5_000_u64)));
        assert_eq!(">=lost".parse(), Ok(Bound::AtLeast(Value::Name("lost".to_owned()))));
        assert_eq!("= points.flush-ok".parse::<Bound>().unwrap().name(), Some("points.flush-ok"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "one", ">=", "200..=1", "1..2", "= =", "inf", "NaN", "1e5", "=> 1", "1.", ".5", ">= -",
            "1.2.3",
        ] {
            let error = text.parse::<Bound>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not an expectation")), "{error}");
        }
    }

    #[test]
    fn numbers_and_texts_come_out_of_json() {
        let read = |text: &str| serde_json::from_str::<Bound>(text);
        assert_eq!(read("3").unwrap(), Bound::from(3_u64));
        assert_eq!(read("-3").unwrap(), Bound::from(-3.0));
        assert_eq!(read("1.25").unwrap(), Bound::from(1.25));
        assert_eq!(read("\">= 1\"").unwrap(), Bound::AtLeast(Value::Number(1.0)));
        assert!(read("true").is_err());
        assert_eq!(
            serde_json::to_string(&[Bound::from(3_u64), Bound::from(1.25), Bound::Between(1.0, 2.0)])
                .unwrap(),
            "[3,1.25,\"1..=2\"]"
        );
    }

    #[test]
    fn every_sign_is_exact_at_its_edge() {
        let allows = |text: &str, seen: f64| {
            text.parse::<Bound>().unwrap().allows(seen, |name| (name == "lost").then_some(7.0))
        };
        for (text, below, at, above) in [
            ("7", false, true, false),
            (">= 7", false, true, true),
            ("<= lost", true, true, false),
            ("> lost", false, false, true),
            ("< 7", true, false, false),
            ("7..=7", false, true, false),
        ] {
            assert_eq!(
                [6.0, 7.0, 8.0].map(|seen| allows(text, seen)),
                [Some(below), Some(at), Some(above)],
                "{text}"
            );
        }
        assert_eq!(allows("= stored", 7.0), None);
    }

    #[test]
    fn knows_whether_none_or_some_is_within() {
        for (text, zero, some) in [
            ("0", Some(true), Some(false)),
            ("1", Some(false), Some(true)),
            (">= 0", Some(true), Some(true)),
            (">= 1", Some(false), Some(true)),
            ("<= 0", Some(true), Some(false)),
            ("< 1", Some(true), Some(false)),
            ("0..=3", Some(true), Some(true)),
            ("= attempted", None, None),
            ("> applied", Some(false), Some(true)),
            ("<= applied", Some(true), None),
        ] {
            let bound: Bound = text.parse().unwrap();
            assert_eq!((bound.allows_zero(), bound.allows_some()), (zero, some), "{text}");
        }
    }
}
