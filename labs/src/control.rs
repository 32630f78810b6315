//! The line protocol between a worker and the harness.
//!
//! Orders come on standard input, one a line. The worker's words go out as lines that begin with `:: `.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, Write},
    os::fd::AsFd,
    sync::{Mutex, PoisonError},
};

/// What the harness orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Stop at the nth passage of this point from now (from 1), and wait for its release.
    Arm {
        /// The point.
        name: String,
        /// Which passage.
        nth: u64,
    },
    /// Whoever waits at this point goes on.
    Release(String),
    /// Begin.
    Go,
    /// Say `idle` with this mark once you have asked for more and got nothing.
    Drain(String),
    /// Finish and end.
    Stop,
}

/// Why a line is no order.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an order; orders are: arm NAME N, release NAME, go, drain MARK, stop")]
pub struct NotAnOrder(String);

impl Order {
    /// Understands one line.
    ///
    /// # Errors
    /// The line, when it is no order.
    pub fn parse(line: &str) -> Result<Self, NotAnOrder> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let bad = || NotAnOrder(line.trim_end().to_owned());
        match words[..] {
            ["go"] => Ok(Self::Go),
            ["stop"] => Ok(Self::Stop),
            ["release", name] => Ok(Self::Release(name.to_owned())),
            ["drain", mark] => Ok(Self::Drain(mark.to_owned())),
            ["arm", name, nth] => match nth.parse() {
                Ok(nth) if nth > 0 => Ok(Self::Arm { name: name.to_owned(), nth }),
                _ => Err(bad()),
            },
            _ => Err(bad()),
        }
    }
}

/// Hands each order of `input` to `obey`, until `input` ends. A line that is no order is logged.
pub fn listen(input: impl BufRead, mut obey: impl FnMut(Order)) {
    for line in input.split(b'\n') {
        let Ok(line) = line else { return };
        match Order::parse(&String::from_utf8_lossy(&line)) {
            Ok(order) => obey(order),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

/// What a worker says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Word<'a> {
    /// Set up, waits for `go`.
    Ready,
    /// Waits at an armed point.
    Point {
        /// The point.
        name: &'a str,
        /// Which passage since it was armed, from 1.
        passage: u64,
    },
    /// Asked for more after the drain mark, and got nothing.
    Idle(&'a str),
    /// Something it measured.
    Figure {
        /// What.
        name: &'a str,
        /// How much.
        value: f64,
        /// Of what.
        unit: &'a str,
    },
    /// A producer: all is sent and as settled as it will be.
    Done,
    /// It cannot go on.
    Failed(&'a str),
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => write!(f, ":: ready"),
            Self::Point { name, passage } => write!(f, ":: point {name} {passage}"),
            Self::Idle(mark) => write!(f, ":: idle {mark}"),
            Self::Figure { name, value, unit } => write!(f, ":: figure {name} {value} {unit}"),
            Self::Done => write!(f, ":: done"),
            // One line, whatever an error's text looks like.
            Self::Failed(text) => write!(f, ":: failed {}", text.replace(['\n', '\r'], " / ")),
        }
    }
}

/// The worker's voice.
///
/// Taking it sends standard output to standard error: from then on a `println!` in a worker goes to its log,
/// half a line too, and cannot disturb the protocol.
#[derive(Debug)]
pub struct Voice(Mutex<File>);

impl Voice {
    /// Takes standard output for the protocol.
    ///
    /// # Errors
    /// Standard output or standard error is closed.
    pub fn take_standard_output() -> io::Result<Self> {
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
        Ok(Self(Mutex::new(output.into())))
    }

    /// Says one word: one whole line in one write.
    ///
    /// Nobody to hear it is no error: then standard input has ended too, and that ends the worker.
    pub fn say(&self, word: Word<'_>) {
        let line = format!("{word}\n");
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = output.write_all(line.as_bytes()) {
            tracing::debug!("nobody hears `{word}`: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_is_understood() {
        for (line, order) in [
            ("arm in-hand 5", Order::Arm { name: "in-hand".into(), nth: 5 }),
            ("release in-hand", Order::Release("in-hand".into())),
            ("go\r", Order::Go),
            ("drain mark-1", Order::Drain("mark-1".into())),
            ("stop", Order::Stop),
        ] {
            assert_eq!(Order::parse(line), Ok(order), "{line}");
        }
    }

    #[test]
    fn other_lines_are_no_orders_and_stop_nothing() {
        let mut heard = Vec::new();
        let lines =
            b"arm\narm in-hand\narm in-hand 0\narm in-hand x\nrelease\ndrain a b\ndance\n\n\xff\xfe\ngo";
        listen(&lines[..], |order| heard.push(order));
        assert_eq!(heard, [Order::Go], "also the last line, which has no end");
    }

    #[test]
    fn each_word_is_one_line() {
        assert_eq!(Word::Ready.to_string(), ":: ready");
        assert_eq!(Word::Point { name: "in-hand", passage: 5 }.to_string(), ":: point in-hand 5");
        assert_eq!(Word::Idle("m1").to_string(), ":: idle m1");
        assert_eq!(
            Word::Figure { name: "delay", value: 0.001_5, unit: "s" }.to_string(),
            ":: figure delay 0.0015 s"
        );
        assert_eq!(Word::Done.to_string(), ":: done");
        assert_eq!(Word::Failed("no\nroute").to_string(), ":: failed no / route");
    }
}
