//! What a variant claims.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::UnknownWord;

/// The promise of a configuration: what its `says` line claims, never what one would wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contract {
    /// Nothing is applied twice.
    AtMostOnce,
    /// Nothing is lost.
    AtLeastOnce,
    /// Nothing is lost and nothing is applied twice.
    EffectivelyOnce,
}

impl Contract {
    /// Every contract.
    pub const ALL: [Self; 3] = [Self::AtMostOnce, Self::AtLeastOnce, Self::EffectivelyOnce];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::EffectivelyOnce => "effectively-once",
        }
    }

    /// The names of the counts that must be 0. A wrong `sum` is forbidden by each too.
    pub fn forbids(self, order: bool) -> Vec<&'static str> {
        let own: &[&str] = match self {
            Self::AtMostOnce => &["duplicated"],
            Self::AtLeastOnce => &["lost"],
            Self::EffectivelyOnce => &["lost", "duplicated"],
        };
        let ordered: &[&str] = if order { &["reordered"] } else { &[] };
        [own, &["phantom", "resurrected", "crossed"], ordered].concat()
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Contract {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|contract| contract.word() == text);
        found.ok_or_else(|| UnknownWord::new(text, "a contract", &Self::ALL.map(Self::word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;

    #[test]
    fn every_forbidden_thing_is_a_count() {
        for contract in Contract::ALL {
            for name in contract.forbids(true) {
                assert!(Counts::FIELDS.contains(&name), "{name}");
            }
            assert!(!contract.forbids(false).contains(&"reordered"));
            assert_eq!(contract.word().parse(), Ok(contract));
            assert_eq!(serde_json::to_value(contract).unwrap(), contract.word());
        }
        let error = "exactly-once".parse::<Contract>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`exactly-once` is not a contract; expected at-most-once, at-least-once or effectively-once"
        );
    }
}
