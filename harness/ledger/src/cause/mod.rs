//! Why something happened to a message, as far as its life and the windows tell: a sentence with moments in it.
//!
//! A sentence states what was seen, in order. Where nothing seen explains it, it says that the cause is not known.

mod again;
mod lost;
mod outcome;

use crate::{Event, Fate, story::Story};

/// What a sentence says where what was seen explains nothing.
pub(crate) const UNKNOWN: &str = "the cause is not known";

/// A sentence with gaps for moments. Ids with the same sentence make one finding, and each moment becomes the
/// stretch from the earliest to the latest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The words before each moment, then those behind the last.
    words: Vec<String>,
    moments: Vec<u64>,
}

impl Cause {
    /// A sentence that begins so.
    pub fn say(words: impl Into<String>) -> Self {
        Self { words: vec![words.into()], moments: Vec::new() }
    }

    /// Goes on with a moment.
    pub fn at(mut self, event: &Event) -> Self {
        self.moments.push(event.time_ns);
        self.words.push(String::new());
        self
    }

    /// Goes on with words.
    pub fn and(mut self, words: impl AsRef<str>) -> Self {
        if let Some(last) = self.words.last_mut() {
            last.push_str(words.as_ref());
        }
        self
    }

    /// Ends where what was seen does not explain it.
    pub fn unexplained(self) -> Self {
        self.and(format!("; {UNKNOWN}"))
    }

    /// What ids of one finding have in common.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Its moments, in nanoseconds, in the order of the sentence.
    pub fn moments(&self) -> &[u64] {
        &self.moments
    }
}

/// What is known of how this id came to this fate.
pub(crate) fn cause(story: &Story<'_>, fate: Fate, life: &[Event]) -> Cause {
    let found = match fate {
        Fate::Lost | Fate::LostAcked | Fate::LostUnconfirmed => lost::cause(story, life),
        Fate::Duplicated => again::duplicated(story, life),
        Fate::Redelivered => again::redelivered(story, life),
        Fate::RedeliveredAfterSettled => again::after_settled(story, life),
        Fate::StoredAgain => again::stored(story, life),
        Fate::Unknown => outcome::unknown(story, life),
        Fate::Recovered => outcome::unknown(story, life).map(|cause| cause.and("; yet its effect was seen")),
        Fate::Phantom => outcome::phantom(story, life),
        Fate::Resurrected => outcome::resurrected(story, life),
        Fate::Reordered => outcome::reordered(story, life),
        Fate::Crossed => outcome::crossed(story, life),
        _ => None,
    };
    found.unwrap_or_else(|| Cause::say(UNKNOWN))
}
