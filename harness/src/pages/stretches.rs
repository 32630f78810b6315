//! Many cells in a short text, as both pages' scripts read it.

use std::fmt::Write;

use ledger::MessageId;
use serde::Serialize;

use super::cells::{Cell, Row};

/// Messages of one producer in a row, as the page's script reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// The producer's number.
    pub producer: u16,
    /// The first sequence.
    pub from: u32,
    /// The cells: a letter for each, with a number behind it where several of one kind follow each other.
    pub cells: String,
}

/// Rows in the order of their ids, each with its first, as stretches.
pub fn stretches(rows: impl Iterator<Item = (MessageId, Row)>) -> Vec<Stretch> {
    let mut runs = Runs::default();
    for (first, row) in rows {
        // Nearly all rows are of one kind, and need no look at each of their cells.
        match row[0] {
            Some(cell) if row.iter().all(|other| *other == Some(cell)) => runs.add(first, cell, 64),
            _ => {
                for (place, cell) in row.iter().enumerate() {
                    let id = MessageId::new(first.producer, first.seq + place as u32);
                    cell.iter().for_each(|cell| runs.add(id, *cell, 1));
                }
            }
        }
    }
    runs.end();
    runs.all
}

/// Stretches as they grow.
#[derive(Default)]
struct Runs {
    all: Vec<Stretch>,
    /// The id that would go on with the last stretch.
    next: Option<MessageId>,
    /// The kind of the last cells, which are not written yet, and how many they are.
    last: Option<Cell>,
    times: u32,
}

impl Runs {
    fn add(&mut self, id: MessageId, cell: Cell, count: u32) {
        if self.next != Some(id) {
            self.end();
            self.all.push(Stretch { producer: id.producer, from: id.seq, cells: String::new() });
        }
        if self.last != Some(cell) {
            self.end();
            self.last = Some(cell);
        }
        self.times += count;
        self.next = id.seq.checked_add(count).map(|seq| MessageId::new(id.producer, seq));
    }

    fn end(&mut self) {
        let (cell, times) = (self.last.take(), std::mem::take(&mut self.times));
        let (Some(stretch), Some(cell)) = (self.all.last_mut(), cell) else { return };
        stretch.cells.push(cell.letter());
        if times > 1 {
            // Writing to a text cannot fail.
            let _ = write!(stretch.cells, "{times}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_hold_runs_and_begin_anew_at_gaps() {
        let row = |cells: &[(usize, Cell)]| {
            let mut row = [None; 64];
            cells.iter().for_each(|(place, cell)| row[*place] = Some(*cell));
            row
        };
        let all = |cell| [Some(cell); 64];
        let (applied, lost) = (Cell::Applied, Cell::Lost);
        let mut odd = all(applied);
        odd[6] = Some(lost);
        let rows = [
            (MessageId::new(1, 0), all(applied)),
            (MessageId::new(1, 64), odd),
            (MessageId::new(1, 128), all(applied)),
            (MessageId::new(1, 192), row(&[(0, applied), (13, applied), (14, applied)])),
            (MessageId::new(2, u32::MAX - 63), row(&[(63, Cell::Foreign)])),
            (MessageId::new(3, 0), all(lost)),
            (MessageId::new(3, u32::MAX - 63), all(lost)),
        ];
        let stretch = |producer, from, cells: &str| Stretch { producer, from, cells: cells.to_owned() };
        let wanted = [
            stretch(1, 0, "A70HA122"),
            stretch(1, 205, "A2"),
            stretch(2, u32::MAX, "I"),
            stretch(3, 0, "H64"),
            stretch(3, u32::MAX - 63, "H64"),
        ];
        assert_eq!(stretches(rows.into_iter()), wanted);
        assert_eq!(stretches(std::iter::empty()), []);
    }
}
