//! Spans of time in which something was not as usual: where causes are looked for.

use std::fmt;

/// What was the matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Killed by SIGKILL; the window ends when it is back.
    Killed,
    /// Stopped in good order, by a fault; the window ends when it is back.
    Stopped,
    /// Stopped and started again, by one fault; the window ends when it is back.
    Restarted,
    /// Paused by SIGSTOP; the window ends with SIGCONT.
    Paused,
    /// A worker's connections were ended by the server; the window ends when it is back.
    Disconnected,
    /// The worker's link to its broker was broken in this way: "drop-reply".
    Link(String),
    /// A worker was held at this point.
    Held(String),
    /// A worker joined a group that shares partitions, until it was handed its first message: it gets what others had.
    Joining,
    /// A consumer's client said that it drops messages. It does not say which, nor when: the window is the worker's whole life.
    Dropping,
    /// No consumer was ready. Its target is of no interest.
    NoConsumerReady,
    /// Another fault, as it reads behind its target: "cut off".
    Other(String),
}

/// When it was the matter, and with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What was the matter.
    pub what: What,
    /// With whom: "consumer-0", "broker", "broker-1".
    pub target: String,
    /// From when, in nanoseconds of the host's monotonic clock.
    pub from_ns: u64,
    /// Until when; nothing where it lasted to the end of the run.
    pub to_ns: Option<u64>,
}

impl Window {
    /// Whether this moment is in it.
    pub fn holds(&self, time_ns: u64) -> bool {
        self.from_ns <= time_ns && self.to_ns.is_none_or(|to| time_ns <= to)
    }

    /// Whether it is about a broker, not about a worker.
    pub fn is_broker(&self) -> bool {
        self.target == "broker" || self.target.starts_with("broker-")
    }

    /// Whether its target lost what it had in memory, and its connections.
    pub fn is_end(&self) -> bool {
        matches!(self.what, What::Killed | What::Stopped | What::Restarted)
    }

    /// Whether this worker lost its connection to a broker then, and was otherwise well.
    pub fn is_cut_off(&self, worker: &str) -> bool {
        self.what == What::Disconnected && self.target == worker
    }

    /// Whether its target could not do anything in it.
    pub fn is_down(&self) -> bool {
        self.is_end() || self.what == What::Paused
    }
}

/// As it reads behind its target: "killed", "held at reading".
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("killed"),
            Self::Stopped => f.write_str("stopped"),
            Self::Restarted => f.write_str("restarted"),
            Self::Paused => f.write_str("paused"),
            Self::Disconnected => f.write_str("disconnected"),
            Self::Link(fault) => write!(f, "hit by {fault} on its link"),
            Self::Held(point) => write!(f, "held at {point}"),
            Self::Joining => f.write_str("joining"),
            Self::Dropping => f.write_str("dropping messages"),
            Self::NoConsumerReady => f.write_str("no consumer ready"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// As a time line names it: "broker killed", "consumer-0 held at reading", "no consumer ready".
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::NoConsumerReady => write!(f, "{}", self.what),
            _ => write!(f, "{} {}", self.target, self.what),
        }
    }
}

/// A moment as people read it: "1.204 s" since the start; "-0.010 s" where it was before.
pub fn seconds(time_ns: u64, start_ns: u64) -> String {
    let sign = if time_ns < start_ns { "-" } else { "" };
    let milliseconds = time_ns.abs_diff(start_ns) / 1_000_000;
    format!("{sign}{}.{:03} s", milliseconds / 1_000, milliseconds % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds_since_the_start() {
        assert_eq!(seconds(13_304_999_999, 1_000_000_000), "12.304 s");
        assert_eq!(seconds(1_000_000_000, 1_000_000_000), "0.000 s");
        assert_eq!(seconds(990_000_000, 1_000_000_000), "-0.010 s");
    }

    #[test]
    fn a_window_without_an_end_lasts() {
        let mut window = Window { what: What::Killed, target: "broker".to_owned(), from_ns: 5, to_ns: None };
        assert!(!window.holds(4) && window.holds(5) && window.holds(u64::MAX));
        window.to_ns = Some(6);
        assert!(window.holds(6) && !window.holds(7));
        assert!(window.is_broker() && window.is_down() && window.is_end());
    }

    #[test]
    fn a_time_line_names_the_target_where_there_is_one() {
        let shown = |what, target: &str| {
            Window { what, target: target.to_owned(), from_ns: 0, to_ns: None }.to_string()
        };
        assert_eq!(shown(What::Killed, "broker"), "broker killed");
        assert_eq!(shown(What::Held("reading".to_owned()), "consumer-0"), "consumer-0 held at reading");
        assert_eq!(shown(What::Joining, "consumer-1"), "consumer-1 joining");
        assert_eq!(shown(What::NoConsumerReady, ""), "no consumer ready");
        assert_eq!(shown(What::Other("cut off".to_owned()), "broker"), "broker cut off");
    }
}
