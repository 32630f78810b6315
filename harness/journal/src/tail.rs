//! Reading a journal while it is written.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use ledger::Entry;

use crate::{
    decoder::{Decoder, Rest},
    error::{BadPlace, Damage, Error},
    header::{HEADER_BYTES, Header, LENGTH_AT, points},
    reader::{fill, open},
    shared::{Readable, Shared},
    writer::ENTRY_BYTES,
};

/// How much of the file is mapped at a time, at most.
const WINDOW: u64 = 4 << 20;

/// The living end of a journal.
///
/// The file must not be made shorter while it is followed; writers only let it grow. A cut is noticed at
/// the next [`Tail::read`], so that only one in the very middle of it could do harm.
#[derive(Debug)]
pub struct Tail {
    file: File,
    header: Header,
    page: Readable,
    decoder: Decoder,
    window: Option<Window>,
    damage: Option<Damage>,
}

#[derive(Debug)]
struct Window {
    map: Readable,
    from: u64,
    to: u64,
}

impl Tail {
    /// Opens a journal of the run.
    ///
    /// # Errors
    /// The file is not there yet (see [`Error::is_missing`]), is no journal, or is of another run.
    pub fn open(path: &Path, run: u64) -> Result<Self, Error> {
        let mut file = open(path)?;
        let mut page = vec![0; HEADER_BYTES];
        let length = fill(&mut file, &mut page).map_err(Error::file("read", path))?;
        page.truncate(length);
        let header = Header::read(&page, Some(run), path)?;
        let page = Shared::readable(&file, 0, HEADER_BYTES).map_err(Error::file("map", path))?;
        Ok(Self { file, header, page, decoder: Decoder::default(), window: None, damage: None })
    }

    /// Whose journal it is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Adds what was written since, at most `most` entries, and returns how many. Never waits.
    ///
    /// # Errors
    /// The journal is damaged from here on: it cannot be followed any more. The entries before were given.
    pub fn read(&mut self, entries: &mut Vec<Entry>, most: usize) -> Result<usize, Damage> {
        let before = entries.len();
        if self.damage.is_none() {
            self.damage = self.read_good(entries, most).err();
        }
        match &self.damage {
            Some(damage) if entries.len() == before => Err(damage.clone()),
            _ => Ok(entries.len() - before),
        }
    }

    /// How often each point was passed so far, in the order of the first passages.
    pub fn points(&self) -> Vec<(String, u64)> {
        let mut page = [0; HEADER_BYTES];
        match self.read_at(&mut page, 0) {
            Ok(HEADER_BYTES) => points(&page),
            _ => Vec::new(), // cut off; the next read says so
        }
    }

    /// Looks behind the last entry, once the writer has ended: only zeros may stand there. `false` means
    /// that there are entries to read before. When it says `true`, [`read()`](crate::read()) finds the same.
    ///
    /// # Errors
    /// The journal is damaged.
    pub fn ended(&mut self) -> Result<bool, Damage> {
        if self.damage.is_none() {
            match self.look_behind() {
                Ok(ended) => return Ok(ended),
                Err(damage) => self.damage = Some(damage),
            }
        }
        self.damage.clone().map_or(Ok(true), Err)
    }

    fn read_good(&mut self, entries: &mut Vec<Entry>, most: usize) -> Result<(), Damage> {
        // A mapped page beyond the end of the file must not be touched.
        let length = self.length()?;
        if self.window.as_ref().is_some_and(|window| window.to > length) {
            self.window = None;
        }
        let most = entries.len().saturating_add(most);
        while entries.len() < most {
            let at = self.decoder.offset();
            let Some(window) = self.window_at(at)? else { break };
            let place = (at - window.from) as usize;
            let first = window.map.load(place);
            // Where the first word is not there yet, the second means nothing.
            let words = if first == 0 { [0, 0] } else { [first, window.map.load(place + 8)] };
            match self.decoder.take(words)? {
                Some(entry) => entries.push(entry),
                None => break,
            }
        }
        Ok(())
    }

    /// The mapped part of the file that holds the entry at this offset; `None` when the file is not that long yet.
    fn window_at(&mut self, at: u64) -> Result<Option<&Window>, Damage> {
        if self.window.as_ref().is_none_or(|window| at >= window.to) {
            self.window = None;
            let promised = self.promised()?;
            if at >= promised {
                return Ok(None);
            }
            // The promise was read before the length, and the file was longer before it was promised.
            let length = self.length()?;
            let to = promised.min(length).min(at + WINDOW);
            let to = to - to % ENTRY_BYTES as u64;
            if at >= to {
                return Err(Damage { offset: length, what: BadPlace::Truncated { promised } });
            }
            let map = Shared::readable(&self.file, at, (to - at) as usize);
            let map = map.map_err(|error| self.unreadable(&error))?;
            self.window = Some(Window { map, from: at, to });
        }
        Ok(self.window.as_ref())
    }

    fn look_behind(&self) -> Result<bool, Damage> {
        let promised = self.promised()?;
        let mut rest = Rest { offset: self.decoder.offset(), promised };
        if rest.offset < promised {
            let mut bytes = [0; ENTRY_BYTES];
            let length = self.read_at(&mut bytes, rest.offset)?;
            rest.offset += length as u64;
            if length < ENTRY_BYTES {
                return rest.look(&[]).map(|()| true);
            }
            if bytes[..8] != [0; 8] {
                return Ok(false);
            }
        }
        let mut piece = vec![0; 256 * 1024];
        loop {
            let length = self.read_at(&mut piece, rest.offset)?;
            rest.look(&piece[..length])?;
            if length == 0 {
                return Ok(true);
            }
        }
    }

    /// Reads from the file itself, not from the window: the file's end cannot be a trap here.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, Damage> {
        let mut at = offset;
        let mut length = 0;
        while length < bytes.len() {
            match self.file.read_at(&mut bytes[length..], at) {
                Ok(0) => break,
                Ok(count) => (at, length) = (at + count as u64, length + count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(&error)),
            }
        }
        Ok(length)
    }

    fn promised(&self) -> Result<u64, Damage> {
        let length = self.length()?;
        if length < HEADER_BYTES as u64 {
            let what = BadPlace::Truncated { promised: HEADER_BYTES as u64 };
            return Err(Damage { offset: length, what });
        }
        Ok(self.page.load(LENGTH_AT))
    }

    fn length(&self) -> Result<u64, Damage> {
        self.file.metadata().map(|about| about.len()).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &io::Error) -> Damage {
        self.decoder.damage(BadPlace::Unreadable(error.kind()))
    }
}
