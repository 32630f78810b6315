//! Where runs and browsers meet: one lock, held briefly on both sides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::MessageId;
use serde::Serialize;
use tokio::sync::watch;

use super::board::{Bits, Board, Line, Outcome, Run, State, Way};
use crate::pages::{
    cells::{View, of_64},
    stretches::{Stretch, stretches},
};

/// The state, and who waits for it to change.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    readers: watch::Sender<usize>,
}

impl Default for Hub {
    fn default() -> Self {
        // A reader that has seen nothing is at 0.
        let state = State { version: 1, ..State::default() };
        Self { state: Mutex::new(state), changed: watch::Sender::new(1), readers: watch::Sender::new(0) }
    }
}

impl Hub {
    /// Changes what is on show, and wakes whoever waits for that.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        state.version += 1;
        let done = change(&mut state);
        let version = state.version;
        drop(state);
        self.changed.send_replace(version);
        done
    }

    /// How many browsers look on.
    pub fn readers(&self) -> watch::Receiver<usize> {
        self.readers.subscribe()
    }

    /// Another browser looks on.
    pub fn reader(self: &Arc<Self>) -> Reader {
        self.readers.send_modify(|readers| *readers += 1);
        Reader { hub: self.clone(), changed: self.changed.subscribe(), seen: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it has left counts behind that are shown and nothing more.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One browser: what it has seen, and so what is new to it.
#[derive(Debug)]
pub struct Reader {
    hub: Arc<Hub>,
    changed: watch::Receiver<u64>,
    seen: u64,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hub.readers.send_modify(|readers| *readers -= 1);
    }
}

/// What is new, as the page's script reads it.
#[derive(Debug, PartialEq, Serialize)]
pub struct News {
    /// The labs of which anything is new.
    pub boards: Vec<BoardNews>,
    /// Nothing more will come.
    pub ended: bool,
}

/// What is new of a lab.
#[derive(Debug, PartialEq, Serialize)]
pub struct BoardNews {
    lab: String,
    title: String,
    outcomes: Vec<Outcome>,
    run: Option<RunNews>,
}

/// What is new of a run. The small parts come whole each time.
#[derive(Debug, PartialEq, Serialize)]
struct RunNews {
    number: u64,
    target: String,
    says: String,
    contract: &'static str,
    way: Way,
    phase: Option<&'static str>,
    phase_says: &'static str,
    broken: Vec<String>,
    counts: Vec<(&'static str, Option<u64>)>,
    judged: bool,
    beyond: bool,
    lines: Vec<Line>,
    cells: Vec<Stretch>,
}

impl Reader {
    /// Waits for news. The first has everything.
    pub async fn wait(&mut self) {
        let seen = self.seen;
        // An error means that the hub is gone, which this reader itself prevents.
        let _ = self.changed.wait_for(|version| *version > seen).await;
    }

    /// What is new since the last time. The lock is held for copying; the text is made without it.
    pub fn news(&mut self) -> News {
        let seen = self.seen;
        let state = self.hub.lock();
        let fresh = state.boards.iter().filter(|board| board.changed > seen);
        let copies: Vec<_> = fresh.map(|board| copy(board, seen)).collect();
        let ended = state.ended;
        self.seen = state.version;
        drop(state);
        let boards = copies.into_iter().map(|(news, rows, view)| with_cells(news, &rows, view)).collect();
        News { boards, ended }
    }
}

type Rows = Vec<((u16, u32), Bits)>;

fn copy(board: &Board, seen: u64) -> (BoardNews, Rows, View) {
    let run = board.run.as_ref();
    let new_rows = |run: &Run| -> Rows {
        let rows = run.rows.iter().filter(|(_, (version, _))| *version > seen);
        rows.map(|(key, (_, bits))| (*key, *bits)).collect()
    };
    let view = match run.and_then(|run| run.drained) {
        None => View::Live,
        Some(true) => View::Drained,
        Some(false) => View::Undrained,
    };
    let news = BoardNews {
        lab: board.lab.clone(),
        title: board.title.clone(),
        outcomes: board.outcomes.clone(),
        run: run.map(|run| RunNews {
            number: run.number,
            target: run.target.clone(),
            says: run.says.clone(),
            contract: run.contract,
            way: run.way.clone(),
            phase: run.phase.map(|phase| phase.word()),
            phase_says: run.phase.map_or("", |phase| phase.says()),
            broken: run.broken.values().cloned().collect(),
            counts: run.counts.clone(),
            judged: run.drained.is_some(),
            beyond: run.beyond,
            lines: run
                .lines
                .iter()
                .filter(|(version, _)| *version > seen)
                .map(|(_, line)| line.clone())
                .collect(),
            cells: Vec::new(),
        }),
    };
    (news, run.map(new_rows).unwrap_or_default(), view)
}

fn with_cells(mut news: BoardNews, rows: &[((u16, u32), Bits)], view: View) -> BoardNews {
    let rows = rows
        .iter()
        .map(|((producer, number), bits)| (MessageId::new(*producer, number * 64), of_64(*bits, view)));
    if let Some(run) = &mut news.run {
        run.cells = stretches(rows);
    }
    news
}
