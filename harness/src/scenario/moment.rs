//! When something happens in a run.

use std::{fmt, time::Duration};

use ledger::Kind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::duration;

/// A number that the file gives, or leaves to the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This one.
    Exactly(u64),
    /// One of these, both ends included; the seed says which.
    Between(u64, u64),
}

impl Pick {
    /// The largest number that it may become.
    pub fn most(self) -> u64 {
        match self {
            Pick::Exactly(number) => number,
            Pick::Between(_, to) => to,
        }
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pick::Exactly(number) => write!(f, "{number}"),
            Pick::Between(from, to) => write!(f, "{from}..={to}"),
        }
    }
}

/// A moment of a run. In a [`Plan`](super::Plan) its numbers are numbers; in a
/// [`Variant`](super::Variant) they are a [`Pick`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment<N = u64> {
    /// A worker passes a named point.
    Point {
        /// The point's name.
        name: String,
        /// A worker (`consumer-0`), a role (`consumer`: the first that gets there) or `any`.
        /// `None`, only in the `at` of a fault: the fault's own target.
        of: Option<String>,
        /// Which passage of one worker, over all its lives, from 1.
        nth: N,
    },
    /// That many messages have an entry of this kind. Seen from outside: "at least".
    Count {
        /// Attempted, acked, unconfirmed, delivered or applied.
        kind: Kind,
        /// How many.
        reaches: N,
    },
    /// So long after work began.
    Time(Duration),
    /// So long after the fault fired. Only a healing has such a moment.
    After(Duration),
    /// A worker has said that it is done: all sent and settled.
    Done {
        /// Its name.
        of: String,
    },
}

/// The counts at which something may happen: the account knows them while the run goes on.
pub const COUNTED: [Kind; 5] =
    [Kind::Attempted, Kind::Acked, Kind::Unconfirmed, Kind::Delivered, Kind::Applied];

impl<N> Moment<N> {
    /// The worker or role that the moment names.
    pub fn of(&self) -> Option<&str> {
        match self {
            Moment::Point { of, .. } => of.as_deref(),
            Moment::Done { of } => Some(of),
            Moment::Count { .. } | Moment::Time(_) | Moment::After(_) => None,
        }
    }

    /// The same moment with its number made another one.
    pub fn map<M>(&self, mut number: impl FnMut(&N) -> M) -> Moment<M> {
        match self {
            Moment::Point { name, of, nth } => {
                Moment::Point { name: name.clone(), of: of.clone(), nth: number(nth) }
            }
            Moment::Count { kind, reaches } => Moment::Count { kind: *kind, reaches: number(reaches) },
            Moment::Time(time) => Moment::Time(*time),
            Moment::After(time) => Moment::After(*time),
            Moment::Done { of } => Moment::Done { of: of.clone() },
        }
    }
}

/// `after-effect #500`, `stalled #1 of producer-0`, `5000 acked`, `500ms after go`.
impl<N: fmt::Display> fmt::Display for Moment<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Point { name, of: Some(of), nth } => write!(f, "{name} #{nth} of {of}"),
            Moment::Point { name, of: None, nth } => write!(f, "{name} #{nth}"),
            Moment::Count { kind, reaches } => write!(f, "{reaches} {}", kind.word()),
            Moment::Time(time) => write!(f, "{} after go", duration::text(*time)),
            Moment::After(time) => write!(f, "{} later", duration::text(*time)),
            Moment::Done { of } => write!(f, "{of} done"),
        }
    }
}

/// A planned moment in the words of `lab.toml`.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Text {
    #[serde(skip_serializing_if = "Option::is_none")]
    point: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nth: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unconfirmed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", with = "duration::option")]
    time: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none", with = "duration::option")]
    after: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<String>,
}

impl Text {
    fn count(&mut self, kind: Kind) -> Option<&mut Option<u64>> {
        match kind {
            Kind::Attempted => Some(&mut self.attempted),
            Kind::Acked => Some(&mut self.acked),
            Kind::Unconfirmed => Some(&mut self.unconfirmed),
            Kind::Delivered => Some(&mut self.delivered),
            Kind::Applied => Some(&mut self.applied),
            _ => None,
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Text::default();
        match self {
            Moment::Point { name, of, nth } => {
                text = Text { point: Some(name.clone()), of: of.clone(), nth: Some(*nth), ..text };
            }
            Moment::Count { kind, reaches } => match text.count(*kind) {
                Some(count) => *count = Some(*reaches),
                None => {
                    return Err(serde::ser::Error::custom(format!(
                        "no moment is counted in {}",
                        kind.word()
                    )));
                }
            },
            Moment::Time(time) => text.time = Some(*time),
            Moment::After(time) => text.after = Some(*time),
            Moment::Done { of } => text.done = Some(of.clone()),
        }
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = Text::deserialize(deserializer)?;
        if let Some(name) = text.point {
            return Ok(Moment::Point { name, of: text.of, nth: text.nth.unwrap_or(1) });
        }
        for kind in COUNTED {
            if let Some(reaches) = text.count(kind).and_then(|count| *count) {
                return Ok(Moment::Count { kind, reaches });
            }
        }
        match (text.time, text.after, text.done) {
            (Some(time), _, _) => Ok(Moment::Time(time)),
            (_, Some(time), _) => Ok(Moment::After(time)),
            (_, _, Some(of)) => Ok(Moment::Done { of }),
            _ => Err(serde::de::Error::custom("a moment is a point, a count, a time, after or done")),
        }
    }
}
