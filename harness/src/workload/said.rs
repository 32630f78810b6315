//! What a worker says: lines on its standard output that begin with `::`. All other lines are its log.

use ledger::{Kind, MessageId};

/// One line of a worker, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It is set up and waits for `go`.
    Ready,
    /// It waits at an armed point, at this passage since the point was armed.
    Point {
        /// The point's name.
        name: String,
        /// Which passage, from 1.
        passage: u64,
    },
    /// It asked for more after the drain mark, and got nothing.
    Idle(String),
    /// Something it measured.
    Figure {
        /// What.
        name: String,
        /// How much.
        value: f64,
        /// Of what.
        unit: String,
    },
    /// A producer: everything is sent and as settled as it will be.
    Done,
    /// It cannot go on.
    Failed(String),
    /// A worker without a journal (one in another language) tells its entries.
    Record(Kind, Vec<MessageId>),
    /// Its standard output has ended.
    Closed,
}

/// Why a `::` line is not understood: the worker is at fault, not the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood(pub String);

/// Understands one line; `None` for a log line.
pub fn parse(line: &str) -> Option<Result<Said, NotUnderstood>> {
    let text = line.strip_prefix(":: ")?.trim_end();
    Some(understand(text).ok_or_else(|| NotUnderstood(line.to_owned())))
}

fn understand(text: &str) -> Option<Said> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut words = rest.split_ascii_whitespace();
    match verb {
        "ready" => Some(Said::Ready),
        "done" => Some(Said::Done),
        "failed" => Some(Said::Failed(rest.to_owned())),
        "idle" => Some(Said::Idle(words.next()?.to_owned())),
        "point" => Some(Said::Point { name: words.next()?.to_owned(), passage: words.next()?.parse().ok()? }),
        "figure" => Some(Said::Figure {
            name: words.next()?.to_owned(),
            // JSON knows no other numbers than finite ones.
            value: words.next()?.parse().ok().filter(|value: &f64| value.is_finite())?,
            unit: words.next().unwrap_or_default().to_owned(),
        }),
        _ => Some(Said::Record(told_kind(verb)?, told_ids(words)?)),
    }
}

/// The entries that a worker may tell by a line.
fn told_kind(verb: &str) -> Option<Kind> {
    let told = [
        Kind::Attempted,
        Kind::Acked,
        Kind::Rejected,
        Kind::Unconfirmed,
        Kind::Deduplicated,
        Kind::Delivered,
        Kind::Applied,
        Kind::Settled,
    ];
    told.into_iter().find(|kind| kind.word() == verb)
}

/// `0-17 0-18 0-20..0-40`: at least one id, and no range longer than a line has a right to.
fn told_ids<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<MessageId>> {
    const LONGEST_RANGE: u32 = 1_000_000;
    let mut ids = Vec::new();
    for word in words {
        let (from, to) = word.split_once("..").unwrap_or((word, word));
        let (from, to): (MessageId, MessageId) = (from.parse().ok()?, to.parse().ok()?);
        if from.producer != to.producer || to.seq < from.seq || to.seq - from.seq > LONGEST_RANGE {
            return None;
        }
        ids.extend((from.seq..=to.seq).map(|seq| MessageId::new(from.producer, seq)));
    }
    (!ids.is_empty()).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_not_for_us() {
        for line in ["", "hello", "::ready", " :: ready", "note: :: ready"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn each_verb_is_understood() {
        let good = |line: &str| parse(line).unwrap().unwrap();
        assert_eq!(good(":: ready"), Said::Ready);
        assert_eq!(good(":: done\r"), Said::Done);
        assert_eq!(good(":: point in-hand 5"), Said::Point { name: "in-hand".into(), passage: 5 });
        assert_eq!(good(":: idle mark-1"), Said::Idle("mark-1".into()));
        assert_eq!(good(":: failed no route"), Said::Failed("no route".into()));
        assert_eq!(
            good(":: figure rate 1.5e3 1/s"),
            Said::Figure { name: "rate".into(), value: 1500.0, unit: "1/s".into() }
        );
        let ids = vec![MessageId::new(0, 1), MessageId::new(1, 4), MessageId::new(1, 5)];
        assert_eq!(good(":: attempted 0-1 1-4..1-5"), Said::Record(Kind::Attempted, ids));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for line in [
            ":: figure rate NaN",
            ":: figure rate inf",
            ":: point in-hand",
            ":: idle",
            ":: acked",
            ":: acked 1-5..1-4",
            ":: acked 1-0..2-0",
            ":: sing 0-1",
        ] {
            assert_eq!(parse(line), Some(Err(NotUnderstood(line.to_owned()))), "{line}");
        }
        assert!(parse(":: acked 0-0..0-4000000000").unwrap().is_err(), "a range that would fill the memory");
    }
}
