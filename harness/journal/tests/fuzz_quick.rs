//! The fuzz target of `fuzz/`, for two seconds and with fixed seeds, so that ordinary tests hold it too.

use std::{
    fs,
    time::{Duration, Instant},
};

use journal::{Header, Writer};
use ledger::{Kind, MessageId};

#[path = "../fuzz/oracle.rs"]
mod oracle;

/// At least so many inputs, however slow the machine is; and more for as long as the time lasts.
const LEAST: u64 = 2_000;
const TIME: Duration = Duration::from_secs(2);

#[test]
fn random_shapes_are_read_right() {
    let start = Instant::now();
    let mut seed = 0;
    let mut reached = std::collections::BTreeMap::new();
    while seed < LEAST || start.elapsed() < TIME {
        let mut random = Random(seed);
        let length = random.below(400) as usize;
        let data: Vec<_> = (0..length).map(|_| random.below(256) as u8).collect();
        let bytes = oracle::shape(&data);
        oracle::check(&bytes);
        *reached.entry(outcome(&bytes)).or_insert(0_u64) += 1;
        seed += 1;
    }
    println!("{seed} inputs: {reached:?}");
    for outcome in
        ["Empty", "Garbage", "Header", "whole", "Truncated", "Kind", "Check", "Time", "BehindTheEnd"]
    {
        assert!(reached.contains_key(outcome), "no input led to {outcome}: {reached:?}");
    }
}

#[test]
fn a_real_journal_with_every_byte_changed_is_read_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let mut writer = Writer::create(&path, &Header { run: 1, writer: "producer-0.0".into() }).unwrap();
    writer.pass("in-hand").unwrap();
    for seq in 0..50 {
        writer.append(Kind::Attempted, MessageId::new(0, seq)).unwrap();
    }
    let bytes = fs::read(&path).unwrap();
    oracle::check(&bytes);
    for place in (0..128).chain(1_024..1_100).chain(4_096..4_096 + 52 * 16) {
        for change in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[place] ^= change;
            oracle::check(&changed);
        }
    }
}

/// The name of what the reader says of the bytes.
fn outcome(bytes: &[u8]) -> String {
    let words =
        |text: String| text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
    match journal::read_from(bytes, None, std::path::Path::new("a")) {
        Ok(journal) => {
            journal.damage.map_or("whole".to_owned(), |damage| words(format!("{:?}", damage.what)))
        }
        Err(journal::Error::NotOurs { what, .. }) => words(format!("{what:?}")),
        Err(error) => panic!("{error}"),
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}
