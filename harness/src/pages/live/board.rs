//! What there is to show: a board for each lab, with the run that goes on and how the earlier ones came out.

use std::collections::BTreeMap;

use ledger::Account;
use serde::Serialize;

use crate::{
    pages::{cells::FATES, happenings::Weight},
    report::event::Phase,
    scenario::{Plan, Role, Sink},
};

/// How many rows of 64 messages the page shows of one run; what is beyond is counted, but has no cells.
pub const ROWS: usize = 1 << 15;

/// How many events are kept of one run: the newest.
const LINES: usize = 400;

/// The bits of 64 neighbouring messages, one word for each of the [`FATES`].
pub type Bits = [u64; FATES.len()];

/// Everything that is on show. A version is counted up with each change; each part remembers the version of its own last.
#[derive(Debug, Default)]
pub struct State {
    /// The present version.
    pub version: u64,
    /// In the order in which labs began.
    pub boards: Vec<Board>,
    /// Nothing more will come.
    pub ended: bool,
    /// How many runs began.
    pub runs: u64,
}

/// One lab.
#[derive(Debug)]
pub struct Board {
    /// The lab's folder.
    pub lab: String,
    /// In a few words.
    pub title: String,
    /// Its last change.
    pub changed: u64,
    /// What goes on, or went on last.
    pub run: Option<Run>,
    /// How runs came out, in order.
    pub outcomes: Vec<Outcome>,
}

/// How a run came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// What a person types to run it.
    pub target: String,
    /// Its sign, and the class of its colour.
    pub sign: &'static str,
    /// The class in the style sheet.
    pub class: &'static str,
    /// In one sentence.
    pub sentence: String,
    /// In one word.
    pub verdict: String,
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// Which of all runs, so that a browser sees when another begins.
    pub number: u64,
    /// What a person types to run it.
    pub target: String,
    /// The situation.
    pub says: String,
    /// What is promised.
    pub contract: &'static str,
    /// Who stands where on a message's way.
    pub way: Way,
    /// What goes on.
    pub phase: Option<Phase>,
    /// Faults that are there now: their number in the plan, and whom they hit.
    pub broken: BTreeMap<usize, String>,
    /// The counts so far; in the end, those of the account.
    pub counts: Vec<(&'static str, Option<u64>)>,
    /// What happened, each with its version.
    pub lines: Vec<(u64, Line)>,
    /// The cells' bits, each row with its version, by producer and number of the row.
    pub rows: BTreeMap<(u16, u32), (u64, Bits)>,
    /// Rows that are not kept.
    pub beyond: bool,
    /// Whether its end is proven, once it is judged.
    pub drained: Option<bool>,
}

/// Who stands where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// "2 producers".
    pub producer: String,
    /// "nats".
    pub broker: String,
    /// "1 consumer"; empty where there is none.
    pub consumer: String,
    /// "table".
    pub sink: &'static str,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When, in seconds of the run.
    pub at_s: f64,
    /// The class of its colour.
    pub class: &'static str,
    /// What.
    pub text: String,
}

impl State {
    /// The board of a lab, made when it is first needed; it counts as changed now.
    fn board(&mut self, lab: &str, title: &str) -> &mut Board {
        let place = self.boards.iter().position(|board| board.lab == lab).unwrap_or_else(|| {
            let (lab, title) = (lab.to_owned(), title.to_owned());
            self.boards.push(Board { lab, title, changed: 0, run: None, outcomes: Vec::new() });
            self.boards.len() - 1
        });
        self.boards[place].changed = self.version;
        &mut self.boards[place]
    }

    /// A run begins; its number.
    pub fn begin(&mut self, plan: &Plan, target: &str) -> u64 {
        self.runs += 1;
        let number = self.runs;
        self.board(&plan.lab, &plan.title).run = Some(Run {
            number,
            target: target.to_owned(),
            says: plan.says.clone(),
            contract: plan.contract.word(),
            way: way(plan),
            phase: None,
            broken: BTreeMap::new(),
            counts: Vec::new(),
            lines: Vec::new(),
            rows: BTreeMap::new(),
            beyond: false,
            drained: None,
        });
        number
    }

    /// The run of a lab, to be changed; nothing where another has begun since.
    pub fn run(&mut self, lab: &str, number: u64) -> Option<(u64, &mut Run)> {
        let version = self.version;
        let board = self.boards.iter_mut().find(|board| board.lab == lab)?;
        board.changed = version;
        board.run.as_mut().filter(|run| run.number == number).map(|run| (version, run))
    }

    /// A run came out so.
    pub fn conclude(&mut self, lab: &str, title: &str, outcome: Outcome) {
        self.board(lab, title).outcomes.push(outcome);
    }
}

impl Run {
    /// Something happened.
    pub fn happened(&mut self, version: u64, at_s: f64, (weight, text): (Weight, String)) {
        self.lines.push((version, Line { at_s, class: weight.class(), text }));
        let more = self.lines.len().saturating_sub(LINES);
        self.lines.drain(..more);
    }

    /// Takes the account as it is now.
    pub fn look(&mut self, version: u64, account: &Account) {
        account.each_64(FATES, |first, bits| {
            let key = (first.producer, first.seq / 64);
            let room = self.rows.len() < ROWS && (key.1 as usize) < ROWS;
            match self.rows.get_mut(&key) {
                Some((_, known)) if *known == bits => {}
                Some(row) => *row = (version, bits),
                None if room => {
                    self.rows.insert(key, (version, bits));
                }
                None => self.beyond = true,
            }
        });
    }
}

fn way(plan: &Plan) -> Way {
    let count = |wanted: fn(Role) -> bool, word: &str| {
        let count: u32 = plan.workers.iter().filter(|part| wanted(part.role)).map(|part| part.count).sum();
        if count == 0 { String::new() } else { crate::report::words::count_of(count.into(), word) }
    };
    let brokers: Vec<_> = plan.brokers.iter().map(|broker| broker.word()).collect();
    Way {
        producer: count(|role| role == Role::Producer, "producer"),
        broker: brokers.join(", "),
        consumer: count(|role| role != Role::Producer, "consumer"),
        sink: match plan.sink {
            Sink::Journal => "the consumer's own word",
            Sink::Webhook { .. } => "webhook",
            Sink::Table => "table",
            Sink::Balance => "balance",
            Sink::Topic { .. } => "topic",
        },
    }
}
