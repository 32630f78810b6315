//! What is known around a life: who wrote which journal, and when something was not as usual.

use crate::{Event, Kind, Scope, What, Window, seconds};

/// The context in which causes are looked for.
pub(crate) struct Story<'a> {
    pub windows: &'a [Window],
    /// The name in the header of each journal.
    pub writers: &'a [String],
    pub start_ns: u64,
    pub scope: &'a Scope,
}

impl Story<'_> {
    /// Who wrote it: the worker's name without the number of its life.
    pub fn who(&self, event: &Event) -> &str {
        let name = self.writers.get(usize::from(event.writer)).map_or("an unknown writer", String::as_str);
        match name.rsplit_once('.') {
            Some((worker, life)) if life.chars().all(|c| c.is_ascii_digit()) => worker,
            _ => name,
        }
    }

    /// A moment in seconds since the start.
    pub fn at(&self, time_ns: u64) -> String {
        seconds(time_ns, self.start_ns)
    }

    /// The first end of this worker at or after a moment, not later than another.
    pub fn ended(&self, worker: &str, from_ns: u64, to_ns: u64) -> Option<&Window> {
        let within = |window: &&Window| window.is_end() && (from_ns..=to_ns).contains(&window.from_ns);
        self.first(|window| window.target == worker && within(&window))
    }

    /// The first time that this worker's link was broken, within these moments or over them.
    pub fn link(&self, worker: &str, from_ns: u64, to_ns: u64) -> Option<&Window> {
        let overlaps =
            |window: &Window| window.from_ns <= to_ns && window.to_ns.is_none_or(|to| to >= from_ns);
        self.first(|window| {
            window.target == worker && matches!(window.what, What::Link(_)) && overlaps(window)
        })
    }

    /// The first window of these.
    pub fn first(&self, of: impl Fn(&Window) -> bool) -> Option<&Window> {
        self.windows.iter().filter(|window| of(window)).min_by_key(|window| window.from_ns)
    }

    /// When brokers were down, around this moment.
    pub fn broker_down(&self, time_ns: u64) -> Option<Down> {
        self.downs()
            .into_iter()
            .find(|down| down.from_ns <= time_ns && down.to_ns.is_none_or(|to| time_ns <= to))
    }

    /// When brokers were down, from the first such time that begins within these moments.
    pub fn broker_down_within(&self, from_ns: u64, to_ns: u64) -> Option<Down> {
        self.downs().into_iter().find(|down| (from_ns..=to_ns).contains(&down.from_ns))
    }

    /// Times of brokers that follow each other closely are one: paused, then killed, then back.
    fn downs(&self) -> Vec<Down> {
        let mut windows: Vec<_> =
            self.windows.iter().filter(|window| window.is_broker() && window.is_down()).collect();
        windows.sort_by_key(|window| window.from_ns);
        let mut downs: Vec<Down> = Vec::new();
        for window in windows {
            match downs.last_mut() {
                Some(last) if last.to_ns.is_none_or(|to| window.from_ns <= to.saturating_add(JOINED_NS)) => {
                    last.to_ns = last.to_ns.zip(window.to_ns).map(|(one, other)| one.max(other));
                    if !last.what.contains(&window.what) {
                        last.what.push(window.what.clone());
                    }
                }
                _ => downs.push(Down {
                    from_ns: window.from_ns,
                    to_ns: window.to_ns,
                    what: vec![window.what.clone()],
                }),
            }
        }
        downs
    }

    /// How it was meanwhile: "paused (0.400 s to 1.200 s)", "down (paused and killed, 0.400 s to 1.200 s)".
    pub fn state(&self, down: &Down) -> String {
        let stretch = self.stretch(down.from_ns, down.to_ns);
        if down.what.iter().all(|what| *what == What::Paused) {
            return format!("paused {stretch}");
        }
        let words: Vec<_> = down.what.iter().map(ToString::to_string).collect();
        format!("down ({}, {}", words.join(" and "), stretch.trim_start_matches('('))
    }

    /// A stretch of time: "(0.400 s to 1.200 s)".
    pub fn stretch(&self, from_ns: u64, to_ns: Option<u64>) -> String {
        match to_ns {
            Some(to) => format!("({} to {})", self.at(from_ns), self.at(to)),
            None => format!("(from {} on)", self.at(from_ns)),
        }
    }
}

/// Two faults on a broker with less than this between them are one time of being down: 10 ms.
const JOINED_NS: u64 = 10_000_000;

/// A time in which a broker could not answer.
pub(crate) struct Down {
    pub from_ns: u64,
    pub to_ns: Option<u64>,
    what: Vec<What>,
}

impl Down {
    /// The time of one window.
    pub fn of(window: &Window) -> Self {
        Self { from_ns: window.from_ns, to_ns: window.to_ns, what: vec![window.what.clone()] }
    }

    /// What was done to it first.
    pub fn first(&self) -> String {
        self.what.first().map_or_else(String::new, ToString::to_string)
    }
}

/// The first event of this kind.
pub(crate) fn first(life: &[Event], kind: Kind) -> Option<&Event> {
    life.iter().find(|event| event.kind == kind)
}

/// The last event of this kind.
pub(crate) fn last(life: &[Event], kind: Kind) -> Option<&Event> {
    life.iter().rfind(|event| event.kind == kind)
}

/// All events of this kind.
pub(crate) fn all(life: &[Event], kind: Kind) -> Vec<&Event> {
    life.iter().filter(|event| event.kind == kind).collect()
}
