//! A table of the file while it is read: knows which keys were asked for, notes what is wrong, goes on.

use std::{ops::Range, time::Duration};

use toml::de::{DeTable, DeValue};

use super::{
    Pick, Word, duration,
    mistake::{Mistake, Notes, nearest, one_of},
};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where, in bytes from the start of the file.
    pub place: Range<usize>,
}

/// Why a value is not what it should be.
pub struct Unfit {
    /// What would be.
    pub expected: String,
    /// The word that was probably meant.
    pub nearest: Option<String>,
}

impl Unfit {
    fn expected<T>(expected: &str) -> Result<T, Self> {
        Err(Unfit { expected: expected.to_owned(), nearest: None })
    }
}

/// What can stand on the right of a `=`.
pub trait Readable: Sized {
    /// The value, or what was expected.
    fn read(value: &DeValue) -> Result<Self, Unfit>;
}

/// One table of the file.
pub struct Fields<'a> {
    table: &'a DeTable<'a>,
    /// Where it stands.
    pub place: Range<usize>,
    asked: Vec<&'a str>,
    /// Where mistakes go.
    pub notes: &'a Notes,
}

impl<'a> Fields<'a> {
    /// Reads a table with `read`; a key that `read` did not ask for is a mistake.
    pub fn read<T>(
        table: &'a DeTable<'a>,
        place: Range<usize>,
        notes: &'a Notes,
        read: impl FnOnce(&mut Fields<'a>) -> T,
    ) -> T {
        let mut fields = Fields { table, place, asked: Vec::new(), notes };
        let result = read(&mut fields);
        fields.asked.sort_unstable();
        fields.asked.dedup();
        for key in table.keys() {
            let word = key.get_ref().as_ref();
            if !fields.asked.contains(&word) {
                notes.unknown(
                    &key.span(),
                    format!("unknown key `{word}`"),
                    word,
                    fields.asked.iter().copied(),
                );
            }
        }
        result
    }

    /// What stands at a key, unread.
    pub fn raw(&mut self, key: &'a str) -> Option<Placed<&'a DeValue<'a>>> {
        self.asked.push(key);
        self.table.get(key).map(|value| Placed { value: value.get_ref(), place: value.span() })
    }

    /// The value at a key. `None` if there is none, or if it is wrong, which is noted.
    pub fn get<T: Readable>(&mut self, key: &'a str) -> Option<Placed<T>> {
        let Placed { value, place } = self.raw(key)?;
        match T::read(value) {
            Ok(value) => Some(Placed { value, place }),
            Err(Unfit { expected, nearest }) => {
                let what = format!("`{key}` is {}", shown(value));
                self.notes.add(Mistake { place, what, expected, nearest });
                None
            }
        }
    }

    /// The value at a key that must be there.
    pub fn need<T: Readable>(&mut self, key: &'a str) -> Option<Placed<T>> {
        self.must_have(key);
        self.get(key)
    }

    /// Notes if a key is missing.
    pub fn must_have(&mut self, key: &str) {
        if !self.has(key) {
            self.notes.wrong(&self.place, format!("`{key}` is missing"), "");
        }
    }

    /// The value at a key, or another one.
    pub fn or<T: Readable>(&mut self, key: &'a str, otherwise: T) -> T {
        self.get(key).map_or(otherwise, |found| found.value)
    }

    /// A whole number of at least `least` and at most `most`.
    pub fn number(&mut self, key: &'a str, least: u64, most: u64) -> Option<Placed<u64>> {
        let found = self.get::<u64>(key)?;
        if (least..=most).contains(&found.value) {
            return Some(found);
        }
        let expected = format!("a whole number from {least} to {most}");
        self.notes.wrong(&found.place, format!("`{key}` is {}", found.value), expected);
        None
    }

    /// A whole number within these bounds, or another one.
    pub fn number_or(&mut self, key: &'a str, least: u32, most: u32, otherwise: u32) -> u32 {
        let found = self.number(key, u64::from(least), u64::from(most));
        found.and_then(|found| u32::try_from(found.value).ok()).unwrap_or(otherwise)
    }

    /// The table at a key, read with `read`.
    pub fn table<T>(&mut self, key: &'a str, read: impl FnOnce(&mut Fields<'a>) -> T) -> Option<T> {
        let found = self.raw(key)?;
        self.inner(key, found, read)
    }

    /// The tables at a key, in order, each read with `read`; none if the key is not there.
    pub fn tables<T>(&mut self, key: &'a str, mut read: impl FnMut(&mut Fields<'a>) -> Option<T>) -> Vec<T> {
        let Some(Placed { value, place }) = self.raw(key) else { return Vec::new() };
        let DeValue::Array(items) = value else {
            self.notes.wrong(
                &place,
                format!("`{key}` is {}", shown(value)),
                "a list of tables: [{ … }, { … }]",
            );
            return Vec::new();
        };
        let items = items.iter().map(|item| Placed { value: item.get_ref(), place: item.span() });
        items.filter_map(|item| self.inner(key, item, &mut read).flatten()).collect()
    }

    /// Whether the key is there; does not count as having asked for it.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key stands; the whole table if it is not there.
    pub fn place_of(&self, key: &str) -> Range<usize> {
        self.table.get_key_value(key).map_or(self.place.clone(), |(key, _)| key.span())
    }

    /// Every key and value, for a table whose keys are free.
    pub fn all(&mut self) -> impl Iterator<Item = (Placed<&'a str>, Placed<&'a DeValue<'a>>)> + use<'a> {
        self.table.iter().map(|(key, value)| {
            let key = Placed { value: key.get_ref().as_ref(), place: key.span() };
            (key, Placed { value: value.get_ref(), place: value.span() })
        })
    }

    /// Counts a key as asked for.
    pub fn allow(&mut self, key: &'a str) {
        self.asked.push(key);
    }

    fn inner<T>(
        &mut self,
        key: &str,
        found: Placed<&'a DeValue<'a>>,
        read: impl FnOnce(&mut Fields<'a>) -> T,
    ) -> Option<T> {
        match found.value {
            DeValue::Table(table) => Some(Fields::read(table, found.place, self.notes, read)),
            other => {
                self.notes.wrong(&found.place, format!("`{key}` is {}", shown(other)), "a table: { … }");
                None
            }
        }
    }
}

/// A value as a message names it.
pub fn shown(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn whole_number(value: &DeValue) -> Option<u64> {
    match value {
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}

impl Readable for String {
    fn read(value: &DeValue) -> Result<Self, Unfit> {
        match value {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Unfit::expected("a text"),
        }
    }
}

impl Readable for bool {
    fn read(value: &DeValue) -> Result<Self, Unfit> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            _ => Unfit::expected("true or false"),
        }
    }
}

impl Readable for u64 {
    fn read(value: &DeValue) -> Result<Self, Unfit> {
        whole_number(value).map_or_else(|| Unfit::expected("a whole number"), Ok)
    }
}

impl Readable for Vec<String> {
    fn read(value: &DeValue) -> Result<Self, Unfit> {
        let texts = match value {
            DeValue::Array(items) => items.iter().map(|item| String::read(item.get_ref()).ok()).collect(),
            _ => None,
        };
        texts.map_or_else(|| Unfit::expected("a list of texts"), Ok)
    }
}

impl Readable for Duration {
    fn read(value: &DeValue) -> Result<Self, Unfit> {
        match value {
            DeValue::String(text) => duration::parse(text),
            _ => None,
        }
        .map_or_else(|| Unfit::expected(duration::EXPECTED), Ok)
    }
}

impl Readable for Pick {
    fn read(value: &DeValue) -> Result<Self, Unfit> {
        let pick = match value {
            DeValue::String(text) => text.split_once("..=").and_then(|(from, to)| {
                let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
                Some(Pick::Between(from, to)).filter(|_| 1 <= from && from <= to)
            }),
            _ => whole_number(value).filter(|number| *number >= 1).map(Pick::Exactly),
        };
        pick.map_or_else(|| Unfit::expected("a whole number from 1, or a range like \"100..=900\""), Ok)
    }
}

impl<T: Word> Readable for T {
    fn read(value: &DeValue) -> Result<Self, Unfit> {
        let words: Vec<_> = T::ALL.iter().map(|word| word.word()).collect();
        let text = match value {
            DeValue::String(text) => text.as_ref(),
            _ => return Unfit::expected(&one_of(&words)),
        };
        let found = T::ALL.iter().find(|word| word.word() == text).copied();
        found.ok_or_else(|| Unfit { expected: one_of(&words), nearest: nearest(text, words) })
    }
}
