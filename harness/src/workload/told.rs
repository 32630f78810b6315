//! Journals on behalf of workers that have none: those in other languages tell their entries by lines.

use std::{collections::BTreeMap, path::PathBuf};

use journal::{Header, Writer};
use ledger::{Kind, MessageId};

use crate::error::Error;

/// The journals of what was told, by the life that told it.
///
/// A line is written here when it is read; what a killed worker had written to its pipe is read
/// to the end, what it had not cannot be known.
#[derive(Debug)]
pub struct Told {
    run: u64,
    folder: PathBuf,
    writers: BTreeMap<String, Writer>,
}

impl Told {
    /// None yet; they will lie in `folder`.
    pub fn new(run: u64, folder: PathBuf) -> Self {
        Self { run, folder, writers: BTreeMap::new() }
    }

    /// The name of the journal for a life: the worker stays in front, for the account's time lines.
    pub fn life(life: &str) -> String {
        format!("{life}.told")
    }

    /// Writes entries down; says whether a new journal was begun for them.
    pub fn record(&mut self, life: &str, kind: Kind, ids: &[MessageId]) -> Result<bool, Error> {
        let begun = !self.writers.contains_key(life);
        if begun {
            let name = Self::life(life);
            let path = self.folder.join(format!("{name}.journal"));
            let writer = Writer::create(&path, &Header { run: self.run, writer: name })?;
            self.writers.insert(life.to_owned(), writer);
        }
        if let Some(writer) = self.writers.get_mut(life) {
            for id in ids {
                writer.append(kind, *id)?;
            }
        }
        Ok(begun)
    }
}
