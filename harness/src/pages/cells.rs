//! What became of each message, one word each: the cells of the map in the report and in the live page.

use std::collections::BTreeMap;

use ledger::{Account, Fate, MessageId};

use super::stretches::{Stretch, stretches};

/// What a cell of the map says of one message. Every message is exactly one of these, the last that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Cell {
    /// Its effect is there, once.
    Applied,
    /// The same, though it was handed over more than once.
    Redelivered,
    /// The producer never learned of it, and its effect is there.
    Recovered,
    /// Certainly not taken, as the producer was told.
    Rejected,
    /// On its way; or, where nobody could wait for the end, nobody can say.
    Open,
    /// The producer does not know, and there is no effect.
    Unknown,
    /// Its effect is there more than once.
    Duplicated,
    /// Acked or unconfirmed, and no effect.
    Lost,
    /// Never attempted, or said to be rejected, and yet seen.
    Foreign,
}

impl Cell {
    /// Every kind, from what is as it should be to what never may be.
    pub const ALL: [Self; 9] = [
        Self::Applied,
        Self::Redelivered,
        Self::Recovered,
        Self::Rejected,
        Self::Open,
        Self::Unknown,
        Self::Duplicated,
        Self::Lost,
        Self::Foreign,
    ];

    /// Its letter in the page's data.
    pub const fn letter(self) -> char {
        (b'A' + self as u8) as char
    }

    /// Its word, in the legend and in the name of its colour.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Redelivered => "redelivered",
            Self::Recovered => "recovered",
            Self::Rejected => "rejected",
            Self::Open => "open",
            Self::Unknown => "unknown",
            Self::Duplicated => "duplicated",
            Self::Lost => "lost",
            Self::Foreign => "foreign",
        }
    }

    /// Whether somebody should know the cause.
    pub const fn is_odd(self) -> bool {
        matches!(
            self,
            Self::Unknown | Self::Duplicated | Self::Lost | Self::Foreign | Self::Recovered | Self::Open
        )
    }

    /// How it is told from the others without colours.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Duplicated => "hole",
            Self::Lost => "slash",
            _ => "",
        }
    }

    /// What it means, for the legend.
    pub const fn means(self) -> &'static str {
        match self {
            Self::Applied => "its effect is there, once",
            Self::Redelivered => "handed over more than once, one effect",
            Self::Recovered => "the producer never knew, and it is there",
            Self::Rejected => "certainly not taken",
            Self::Open => "on its way, or nobody can say",
            Self::Unknown => "the producer does not know, and no effect",
            Self::Duplicated => "its effect is there more than once",
            Self::Lost => "acked or unconfirmed, and no effect",
            Self::Foreign => "never attempted or rejected, and yet seen",
        }
    }
}

/// From which moment the map looks at the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The run goes on: what has no effect yet is on its way, and workers' own reports stand in for effects.
    Live,
    /// The end, and it is proven that nothing more comes.
    Drained,
    /// The end, and more might have come: nobody may say "lost".
    Undrained,
}

/// The fates that a cell is made of, in the order in which [`of_64`] takes them.
pub const FATES: [Fate; 11] = [
    Fate::Attempted,
    Fate::Rejected,
    Fate::Unknown,
    Fate::Applied,
    Fate::Redelivered,
    Fate::Duplicated,
    Fate::Lost,
    Fate::Recovered,
    Fate::Phantom,
    Fate::Resurrected,
    Fate::InFlight,
];

/// 64 neighbouring cells; `None` where there is no such message.
pub type Row = [Option<Cell>; 64];

/// The cells of 64 neighbouring ids, from the words of their [`FATES`].
pub fn of_64(words: [u64; FATES.len()], view: View) -> Row {
    let [
        attempted,
        rejected,
        unknown,
        applied,
        redelivered,
        duplicated,
        lost,
        recovered,
        phantom,
        resurrected,
        in_flight,
    ] = words;
    let effect = if view == View::Live { attempted & !in_flight & !rejected } else { applied };
    // While the run goes on a message is open until its effect is reported, whatever its producer knows.
    let (open, unknown, recovered, lost) = match view {
        View::Live => (in_flight, 0, 0, 0),
        View::Drained => (0, unknown & !applied, recovered, lost),
        View::Undrained => (lost, unknown & !applied, recovered, 0),
    };
    let layers = [
        (Cell::Applied, effect),
        (Cell::Redelivered, effect & redelivered),
        (Cell::Recovered, recovered),
        (Cell::Rejected, rejected),
        (Cell::Open, open),
        (Cell::Unknown, unknown),
        (Cell::Duplicated, duplicated),
        (Cell::Lost, lost),
        (Cell::Foreign, phantom | resurrected),
    ];
    let mut row = [None; 64];
    for (cell, word) in layers {
        let mut left = word;
        while left != 0 {
            row[left.trailing_zeros() as usize] = Some(cell);
            left &= left - 1;
        }
    }
    row
}

/// The cells of a whole account.
#[derive(Debug, Default)]
pub struct Cells {
    rows: BTreeMap<(u16, u32), Row>,
}

impl Cells {
    /// The cells of every message in the account.
    pub fn of(account: &Account, view: View) -> Self {
        let mut rows = BTreeMap::new();
        account.each_64(FATES, |first, words| {
            rows.insert((first.producer, first.seq / 64), of_64(words, view));
        });
        Self { rows }
    }

    /// For asking of many messages, of which each lies near the one before.
    pub fn reader(&self) -> Reader<'_> {
        Reader { cells: self, last: None }
    }

    /// How many messages there are of each kind, in the order of [`Cell::ALL`].
    pub fn counts(&self) -> [u64; Cell::ALL.len()] {
        let mut counts = [0; Cell::ALL.len()];
        self.rows.values().flatten().flatten().for_each(|cell| counts[*cell as usize] += 1);
        counts
    }

    /// All of them for the page's script. A gap in a producer's sequence begins a new stretch.
    pub fn stretches(&self) -> Vec<Stretch> {
        stretches(
            self.rows.iter().map(|((producer, number), row)| (MessageId::new(*producer, number * 64), *row)),
        )
    }
}

/// Remembers where it read last.
#[derive(Debug)]
pub struct Reader<'a> {
    cells: &'a Cells,
    last: Option<((u16, u32), &'a Row)>,
}

impl Reader<'_> {
    /// What became of one message.
    pub fn get(&mut self, id: MessageId) -> Option<Cell> {
        let key = (id.producer, id.seq / 64);
        if self.last.is_none_or(|(last, _)| last != key) {
            self.last = Some((key, self.cells.rows.get(&key)?));
        }
        self.last?.1[id.seq as usize % 64]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Entry, Kind};

    fn account(entries: &[(Kind, u16, u32)]) -> Account {
        let entries: Vec<_> = entries
            .iter()
            .map(|(kind, producer, seq)| Entry {
                kind: *kind,
                id: MessageId::new(*producer, *seq),
                time_ns: 1,
            })
            .collect();
        let mut account = Account::new();
        account.fold(&entries);
        account
    }

    /// One message of each kind, in the order of their kinds.
    fn one_of_each() -> Account {
        use Kind::{Acked, Applied, Attempted, Delivered, Rejected, Stored};
        account(&[
            (Attempted, 0, 0),
            (Acked, 0, 0),
            (Delivered, 0, 0),
            (Applied, 0, 0),
            (Attempted, 0, 1),
            (Acked, 0, 1),
            (Delivered, 0, 1),
            (Delivered, 0, 1),
            (Applied, 0, 1),
            (Attempted, 0, 2),
            (Delivered, 0, 2),
            (Applied, 0, 2),
            (Attempted, 0, 3),
            (Rejected, 0, 3),
            (Attempted, 0, 5),
            (Attempted, 0, 6),
            (Acked, 0, 6),
            (Applied, 0, 6),
            (Applied, 0, 6),
            (Attempted, 0, 7),
            (Acked, 0, 7),
            (Stored, 2, 9),
        ])
    }

    #[test]
    fn each_message_is_one_cell() {
        use Cell::{Applied, Duplicated, Foreign, Lost, Open, Recovered, Redelivered, Rejected, Unknown};
        let account = one_of_each();
        let cells =
            |view| Cells::of(&account, view).rows.values().flatten().flatten().copied().collect::<Vec<_>>();
        let drained = [Applied, Redelivered, Recovered, Rejected, Unknown, Duplicated, Lost, Foreign];
        assert_eq!(cells(View::Drained), drained);
        let undrained = [Applied, Redelivered, Recovered, Rejected, Unknown, Duplicated, Open, Foreign];
        assert_eq!(cells(View::Undrained), undrained);
        let live = [Applied, Redelivered, Applied, Rejected, Open, Duplicated, Open, Foreign];
        assert_eq!(cells(View::Live), live);
        assert_eq!(Cells::of(&account, View::Drained).reader().get(MessageId::new(0, 4)), None);
        assert_eq!(Cells::of(&account, View::Drained).counts(), [1, 1, 1, 1, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn a_worker_s_report_stands_in_for_the_effect_while_the_run_goes_on() {
        let account = account(&[(Kind::Attempted, 0, 0), (Kind::Acked, 0, 0), (Kind::Reported, 0, 0)]);
        assert_eq!(Cells::of(&account, View::Live).reader().get(MessageId::new(0, 0)), Some(Cell::Applied));
        assert_eq!(Cells::of(&account, View::Drained).reader().get(MessageId::new(0, 0)), Some(Cell::Lost));
    }

    #[test]
    fn kinds_are_in_order_and_have_letters_of_their_own() {
        assert!(Cell::ALL.is_sorted());
        let letters: String = Cell::ALL.iter().map(|cell| cell.letter()).collect();
        assert_eq!(letters, "ABCDEFGHI");
    }
}
