//! The name of a message.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

/// A message id, `<producer>-<seq>`: the producer's number and a dense sequence from 0.
///
/// It travels in the message, and a resend keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId {
    /// Number of the producer within its run.
    pub producer: u16,
    /// Position in the producer's sequence, from 0, without gaps.
    pub seq: u32,
}

impl MessageId {
    /// The id `<producer>-<seq>`.
    pub const fn new(producer: u16, seq: u32) -> Self {
        Self { producer, seq }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.producer, self.seq)
    }
}

/// Why a text is not a message id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAMessageId(String);

impl fmt::Display for NotAMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a message id; one looks like 0-17: producer, dash, sequence", self.0)
    }
}

impl std::error::Error for NotAMessageId {}

impl FromStr for MessageId {
    type Err = NotAMessageId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotAMessageId(text.to_owned());
        let (producer, seq) = text.split_once('-').ok_or_else(bad)?;
        let number = |_: ParseIntError| bad();
        Ok(Self::new(producer.parse().map_err(number)?, seq.parse().map_err(number)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints() {
        let id = MessageId::new(3, 4_000_000_000);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "-", "1", "1-", "-1", "a-1", "1-2-3", "65536-0", "0-4294967296"] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
