//! Reading a journal that nobody writes any more, by `read`: no mapping, so nothing in the file can crash it.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

use ledger::Entry;

use crate::{
    decoder::{Decoder, Rest},
    error::{BadPlace, Damage, Error},
    header::{HEADER_BYTES, Header, points, promised},
    writer::ENTRY_BYTES,
};

/// How much is read at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// A journal, read to its end or to its first damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Whose it is.
    pub header: Header,
    /// How often each point was passed, in the order of the first passages.
    pub points: Vec<(String, u64)>,
    /// The entries before the damage, if there is any.
    pub entries: Vec<Entry>,
    /// Where and why reading ended early.
    pub damage: Option<Damage>,
}

/// Reads a journal whose writer has ended; beside a living one use [`Tail`](crate::Tail). `run` is the run
/// it has to be of, where that is known.
///
/// # Errors
/// The file cannot be read, or is no journal of that run.
pub fn read(path: &Path, run: Option<u64>) -> Result<Journal, Error> {
    read_from(open(path)?, run, path)
}

/// The same from any source of bytes; `path` is only for messages.
///
/// # Errors
/// As for [`read()`].
pub fn read_from(mut source: impl Read, run: Option<u64>, path: &Path) -> Result<Journal, Error> {
    let mut page = vec![0; HEADER_BYTES];
    let length = fill(&mut source, &mut page).map_err(Error::file("read", path))?;
    page.truncate(length);
    let header = Header::read(&page, run, path)?;
    let mut entries = Vec::new();
    let damage = read_entries(&mut source, promised(&page), &mut entries).err();
    Ok(Journal { points: points(&page), header, entries, damage })
}

fn read_entries(source: impl Read, promised: u64, entries: &mut Vec<Entry>) -> Result<(), Damage> {
    let mut source = BufReader::with_capacity(PIECE, source);
    let mut decoder = Decoder::default();
    let unreadable = |offset, error: io::Error| Damage { offset, what: BadPlace::Unreadable(error.kind()) };
    let mut rest = Rest { offset: promised, promised };
    while decoder.offset() < promised {
        let offset = decoder.offset();
        let mut bytes = [0; ENTRY_BYTES];
        let length = fill(&mut source, &mut bytes).map_err(|error| unreadable(offset, error))?;
        if length < ENTRY_BYTES {
            let what = BadPlace::Truncated { promised };
            return Err(Damage { offset: offset + length as u64, what });
        }
        let both = u128::from_le_bytes(bytes);
        let Some(entry) = decoder.take([both as u64, (both >> 64) as u64])? else {
            rest.offset = offset + ENTRY_BYTES as u64;
            break;
        };
        entries.push(entry);
    }
    let mut piece = vec![0; PIECE];
    loop {
        let length = fill(&mut source, &mut piece).map_err(|error| unreadable(rest.offset, error))?;
        rest.look(&piece[..length])?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Opens a file to read it. Never waits for somebody to open the other end of a pipe.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    let about = fs::metadata(path).map_err(Error::file("open", path))?;
    if !about.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    File::open(path).map_err(Error::file("open", path))
}

/// Fills the buffer as far as the source reaches.
pub(crate) fn fill(source: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
