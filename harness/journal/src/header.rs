//! The first page of a journal: what it is, whose it is, and how often each point was passed.
//!
//! All numbers are little endian:
//!
//! ```text
//!    0  magic "harnessj"
//!    8  format version, u32
//!   12  length of the writer's name, u32
//!   16  run, u64
//!   24  check of the fields that never change, u64
//!   32  promised length of the file in bytes, u64; grows before a new segment is used
//!   40  writer, 64 bytes
//! 1024  96 slots of a point: its count, u64, and its name, 24 bytes, zero padded
//! 4096  entries of 16 bytes; a first word of 0 means "not written"
//! ```

use std::path::Path;

use crate::{
    error::{Error, Foreign},
    writer::ENTRY_BYTES,
};

/// Bytes of the header: one page, so that entries begin on a page of their own.
pub const HEADER_BYTES: usize = 4096;

/// The format's version.
pub const VERSION: u32 = 1;

/// How many points a journal has room for.
pub const POINTS_MAX: usize = 96;

/// How long a point's name may be, in bytes.
pub const POINT_NAME_MAX: usize = 24;

pub(crate) const VERSION_AT: usize = 8;
pub(crate) const RUN_AT: usize = 16;
pub(crate) const CHECK_AT: usize = 24;
pub(crate) const LENGTH_AT: usize = 32;

const MAGIC: [u8; 8] = *b"harnessj";
const WRITER_LENGTH_AT: usize = 12;
const WRITER_AT: usize = 40;
const WRITER_MAX: usize = 64;
const POINTS_AT: usize = 1024;
const SLOT_BYTES: usize = 8 + POINT_NAME_MAX;

/// Whose journal it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The run's id.
    pub run: u64,
    /// Who writes it: "producer-0.0", "sink-webhook". At most 64 bytes; what is longer is cut.
    pub writer: String,
}

/// Where the slot of a point lies: its count, then its name.
pub(crate) const fn slot_at(number: usize) -> usize {
    POINTS_AT + number * SLOT_BYTES
}

impl Header {
    /// The page as it is written at the start; `length` is that of the whole file.
    pub(crate) fn page(&self, length: u64) -> Vec<u8> {
        let writer = &self.writer[..self.writer.floor_char_boundary(WRITER_MAX)];
        let mut page = vec![0; HEADER_BYTES];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(VERSION_AT, &VERSION.to_le_bytes());
        put(WRITER_LENGTH_AT, &(writer.len() as u32).to_le_bytes());
        put(RUN_AT, &self.run.to_le_bytes());
        put(LENGTH_AT, &length.to_le_bytes());
        put(WRITER_AT, writer.as_bytes());
        let check = check(&page);
        page[CHECK_AT..CHECK_AT + 8].copy_from_slice(&check.to_le_bytes());
        page
    }

    /// Reads a page, which is shorter where the file is; `expected` is the run that it has to be of.
    pub(crate) fn read(page: &[u8], expected: Option<u64>, path: &Path) -> Result<Self, Error> {
        let not_ours = |what| Error::NotOurs { path: path.to_owned(), what };
        if page.is_empty() {
            return Err(not_ours(Foreign::Empty));
        }
        let known = page.len().min(MAGIC.len());
        if page[..known] != MAGIC[..known] {
            return Err(not_ours(Foreign::Garbage));
        }
        if page.len() < HEADER_BYTES {
            return Err(not_ours(Foreign::Truncated { bytes: page.len() as u64 }));
        }
        let version = u32::from_le_bytes(bytes(page, VERSION_AT));
        if version != VERSION {
            return Err(not_ours(Foreign::Version { found: version, known: VERSION }));
        }
        if u64::from_le_bytes(bytes(page, CHECK_AT)) != check(page) {
            return Err(not_ours(Foreign::Header("its check does not match")));
        }
        let run = u64::from_le_bytes(bytes(page, RUN_AT));
        if let Some(expected) = expected.filter(|expected| *expected != run) {
            return Err(not_ours(Foreign::Run { found: run, expected }));
        }
        let length = u32::from_le_bytes(bytes(page, WRITER_LENGTH_AT)) as usize;
        let writer = page[WRITER_AT..WRITER_AT + WRITER_MAX].get(..length);
        let writer = writer.and_then(|name| std::str::from_utf8(name).ok());
        let writer =
            writer.ok_or_else(|| not_ours(Foreign::Header("the writer's name is no text")))?.to_owned();
        let promised = promised(page);
        if promised < HEADER_BYTES as u64 || !promised.is_multiple_of(ENTRY_BYTES as u64) {
            return Err(not_ours(Foreign::Header("its length is impossible")));
        }
        Ok(Self { run, writer })
    }
}

/// How long the file was made, in bytes, as its page says.
pub(crate) fn promised(page: &[u8]) -> u64 {
    u64::from_le_bytes(bytes(page, LENGTH_AT))
}

/// The points of a page and how often each was passed, in the order of their first passage.
pub(crate) fn points(page: &[u8]) -> Vec<(String, u64)> {
    let slots = (0..POINTS_MAX).map(slot_at);
    let read = slots.filter_map(|at| {
        let count = u64::from_le_bytes(bytes(page, at));
        let name = &page[at + 8..at + SLOT_BYTES];
        let length = name.iter().position(|byte| *byte == 0).unwrap_or(POINT_NAME_MAX);
        let name = std::str::from_utf8(&name[..length]).ok().filter(|name| !name.is_empty())?;
        (count > 0).then(|| (name.to_owned(), count))
    });
    read.collect()
}

/// FNV-1a over all before the check, and the writer: what never changes once the journal is there.
fn check(page: &[u8]) -> u64 {
    let fixed = page[..CHECK_AT].iter().chain(&page[WRITER_AT..WRITER_AT + WRITER_MAX]);
    fixed.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn bytes<const N: usize>(page: &[u8], at: usize) -> [u8; N] {
    let mut found = [0; N];
    found.copy_from_slice(&page[at..at + N]);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header { run: 7, writer: "producer-0.0".to_owned() }
    }

    fn refused(page: &[u8], expected: Option<u64>) -> Foreign {
        match Header::read(page, expected, Path::new("a.journal")) {
            Err(Error::NotOurs { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let page = header().page(65_536);
        for expected in [None, Some(7)] {
            assert_eq!(Header::read(&page, expected, Path::new("a")).unwrap(), header());
        }
        assert_eq!(promised(&page), 65_536);
        assert_eq!(points(&page), []);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let long = Header { run: 7, writer: "ä".repeat(40) + "b" };
        let read = Header::read(&long.page(65_536), None, Path::new("a")).unwrap();
        assert_eq!(read.writer, "ä".repeat(32));
        let odd = Header { run: 7, writer: "b".to_owned() + &"ä".repeat(40) };
        let read = Header::read(&odd.page(65_536), None, Path::new("a")).unwrap();
        assert_eq!(read.writer.len(), 63);
    }

    #[test]
    fn each_flaw_is_named() {
        let page = header().page(65_536);
        assert_eq!(refused(&[], None), Foreign::Empty);
        assert_eq!(refused(b"ha", None), Foreign::Truncated { bytes: 2 });
        assert_eq!(refused(b"no", None), Foreign::Garbage);
        assert_eq!(refused(&page[..4095], None), Foreign::Truncated { bytes: 4095 });
        assert_eq!(refused(&[b'x'; 4096], None), Foreign::Garbage);
        assert_eq!(refused(&page, Some(8)), Foreign::Run { found: 7, expected: 8 });
        let mut newer = page;
        newer[VERSION_AT] = 2;
        assert_eq!(refused(&newer, None), Foreign::Version { found: 2, known: 1 });
        for impossible in [0, 4095, 4097, u64::MAX] {
            assert_eq!(
                refused(&header().page(impossible), None),
                Foreign::Header("its length is impossible")
            );
        }
    }

    #[test]
    fn every_changed_byte_of_the_fixed_fields_is_noticed() {
        let page = header().page(65_536);
        for at in (0..LENGTH_AT).chain(WRITER_AT..WRITER_AT + WRITER_MAX) {
            let mut changed = page.clone();
            changed[at] ^= 0x10;
            refused(&changed, None);
        }
    }
}
