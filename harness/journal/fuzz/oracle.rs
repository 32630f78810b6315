//! What must hold for the offline reader, whatever the bytes. Shared by the fuzz target and the quick test.
//!
//! The format is written down here a second time, from its description, so that reader and writer cannot
//! be wrong together.

use std::{io::Read, path::Path};

use journal::{BadPlace, Damage, Error, Journal, read_from};
use ledger::{BadEntry, Entry, Kind, MessageId};

const HEADER: usize = 4_096;

/// Reads the bytes and panics where the answer is not the right one.
pub fn check(bytes: &[u8]) {
    let path = Path::new("fuzzed.journal");
    let whole = read_from(bytes, None, path);
    let pieces = read_from(Pieces { bytes, next: 1 }, None, path);
    match (whole, pieces) {
        (Ok(journal), Ok(other)) => {
            assert_eq!(journal, other, "short reads make a difference");
            right(bytes, &journal);
        }
        (Err(error), Err(other)) => {
            assert_eq!(error.to_string(), other.to_string(), "short reads make a difference");
            let Error::NotOurs { what, .. } = error else { panic!("{error}") };
            assert!(what.offset() <= HEADER as u64);
        }
        (whole, pieces) => panic!("short reads make a difference: {whole:?} {pieces:?}"),
    }
}

fn right(bytes: &[u8], journal: &Journal) {
    let promised = word(bytes, 32).expect("a header");
    let mut at = HEADER;
    let mut last_ns = 0;
    for entry in &journal.entries {
        assert_eq!(decode(bytes, at), Some(Ok(*entry)), "byte {at}");
        assert!(entry.time_ns >= last_ns, "byte {at}");
        (at, last_ns) = (at + 16, entry.time_ns);
    }
    assert!(at as u64 <= promised.max(HEADER as u64), "entries behind the promised length");
    assert!(journal.points.iter().all(|(name, count)| !name.is_empty() && name.len() <= 24 && *count > 0));
    // Where the entries end, the second word may stand alone; then all has to be zero.
    let free = if (at as u64) < promised { at + 16 } else { at };
    let rest = bytes.get(free..).unwrap_or_default();
    let not_zero = rest.iter().position(|byte| *byte != 0).map(|place| free + place);
    let Some(Damage { offset, what }) = &journal.damage else {
        assert!(bytes.len() as u64 >= promised);
        assert!(at as u64 == promised || word(bytes, at) == Some(0), "byte {at}");
        assert_eq!(not_zero, None);
        return;
    };
    let next = decode(bytes, at).filter(|_| (at as u64) < promised);
    match what {
        BadPlace::Truncated { promised: told } => {
            assert_eq!((*offset, *told), (bytes.len() as u64, promised));
            assert!(*offset < promised);
            assert_eq!(next, None);
        }
        BadPlace::Kind(number) => {
            assert_eq!((*offset, next), (at as u64, Some(Err(BadEntry::Kind(*number)))));
        }
        BadPlace::Check => assert_eq!((*offset, next), (at as u64, Some(Err(BadEntry::Check)))),
        BadPlace::Time => {
            let early = matches!(next, Some(Ok(entry)) if entry.time_ns < last_ns);
            assert!(early && *offset == at as u64, "byte {at}");
        }
        BadPlace::BehindTheEnd => assert_eq!((Some(*offset as usize), next), (not_zero, None)),
        BadPlace::Unreadable(kind) => panic!("memory cannot be read: {kind}"),
    }
}

/// The 16 bytes at a place; none where they are not there or were not written.
fn decode(bytes: &[u8], at: usize) -> Option<Result<Entry, BadEntry>> {
    let words = [word(bytes, at)?, word(bytes, at + 8)?];
    (words[0] != 0).then(|| Entry::decode(words))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// A source that gives 1, 2, 3 … bytes at a time.
struct Pieces<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.next.min(buffer.len()).min(self.bytes.len());
        let (given, rest) = self.bytes.split_at(length);
        buffer[..length].copy_from_slice(given);
        (self.bytes, self.next) = (rest, self.next % 97 + 1);
        Ok(length)
    }
}

/// Makes of random bytes a file that gets past the first checks, mostly: the first byte says how.
pub fn shape(data: &[u8]) -> Vec<u8> {
    let Some((how, mut data)) = data.split_first() else { return Vec::new() };
    if *how < 16 {
        return data.to_vec();
    }
    let mut body = Vec::new();
    let mut time_ns = 0_u64;
    while let Some((step, rest)) = data.split_first() {
        data = rest;
        let (argument, rest) = data.split_at(data.len().min(usize::from(*step >> 4)));
        data = rest;
        let small = argument.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let mut entry = |time_ns: u64| {
            let id = MessageId::new((small >> 3) as u16, (small >> 5) as u32);
            let entry = Entry { kind: Kind::ALL[small as usize % Kind::ALL.len()], id, time_ns };
            body.extend(entry.encode().map(u64::to_le_bytes).concat());
        };
        match step & 15 {
            0..9 => {
                time_ns = time_ns.saturating_add(small & 0xffff);
                entry(time_ns);
            }
            9 => entry(small),
            10 => body.extend([0; 16]),
            11 => body.extend(time_ns.to_be_bytes().map(|byte| byte | 1)),
            12 => body.extend(vec![0; argument.len() * 997]),
            _ => body.extend(argument),
        }
    }
    // Mostly as long as promised, sometimes longer or shorter.
    let length = (HEADER + body.len()) as u64;
    let promised = match how % 8 {
        0 => length.next_multiple_of(16) + 16 * u64::from(*how),
        1 => length.saturating_sub(16 * u64::from(*how)) / 16 * 16,
        2 => u64::from(*how) << 56 | length,
        _ => length.div_ceil(16) * 16,
    };
    if !matches!(how % 8, 0..=2) {
        body.resize((promised as usize).saturating_sub(HEADER), 0);
    }
    let mut file = page(u64::from(*how), &data_name(*how), promised);
    file.extend(body);
    file
}

fn data_name(how: u8) -> String {
    "w".repeat(usize::from(how) % 64 + 1)
}

/// A header page with one point.
fn page(run: u64, writer: &str, promised: u64) -> Vec<u8> {
    let mut page = vec![0; HEADER];
    page[..8].copy_from_slice(b"harnessj");
    page[8] = 1;
    page[12] = writer.len() as u8;
    page[16..24].copy_from_slice(&run.to_le_bytes());
    page[40..40 + writer.len()].copy_from_slice(writer.as_bytes());
    let mut check = 0xcbf2_9ce4_8422_2325_u64;
    for byte in page[..24].iter().chain(&page[40..104]) {
        check = (check ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    page[24..32].copy_from_slice(&check.to_le_bytes());
    page[32..40].copy_from_slice(&promised.to_le_bytes());
    page[1_024] = 3;
    page[1_032..1_039].copy_from_slice(b"in-hand");
    page
}
