//! Files that are not what they should be: each is named with its path, the place and what to do, by
//! both readers alike, and what stands before the place is kept.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use journal::{
    BadPlace, Damage, ENTRY_BYTES, Error, Foreign, HEADER_BYTES, Header, Tail, Writer, read, read_from,
};
use ledger::{Entry, Kind, MessageId};
use proptest::prelude::*;

const RUN: u64 = 0xabcd;

fn entry(seq: u32) -> Entry {
    Entry {
        kind: Kind::ALL[seq as usize % 14],
        id: MessageId::new(3, seq),
        time_ns: 1_000 + u64::from(seq) * 7,
    }
}

/// A folder with a journal of `count` entries, and its bytes.
fn journal(count: u32) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("producer-0.0.journal");
    let mut writer = Writer::create(&path, &Header { run: RUN, writer: "producer-0.0".into() }).unwrap();
    writer.pass("in-hand").unwrap();
    for seq in 0..count {
        writer.append_at(entry(seq)).unwrap();
    }
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

/// What both readers refuse the file for; they must agree.
fn refused(path: &Path) -> Error {
    let offline = read(path, Some(RUN)).expect_err("refused");
    let live = Tail::open(path, RUN).expect_err("refused");
    assert_eq!(offline.to_string(), live.to_string());
    offline
}

/// What both readers make of the file; they must agree.
fn damaged(path: &Path) -> (Vec<Entry>, Option<Damage>) {
    let journal = read(path, Some(RUN)).expect("a header");
    let mut tail = Tail::open(path, RUN).expect("a header");
    let mut live = Vec::new();
    let told = loop {
        match tail.read(&mut live, 1_000) {
            Ok(0) => break tail.ended().map(|ended| assert!(ended)).err(),
            Ok(_) => {}
            Err(damage) => {
                assert_eq!(tail.read(&mut live, 1_000), Err(damage.clone()), "damage is told again");
                assert_eq!(tail.ended(), Err(damage.clone()));
                break Some(damage);
            }
        }
    };
    assert_eq!(live, journal.entries);
    assert_eq!(told, journal.damage);
    (journal.entries, journal.damage)
}

fn first(count: u32) -> Vec<Entry> {
    (0..count).map(entry).collect()
}

fn write_at(path: &Path, offset: u64, bytes: &[u8]) {
    fs::File::options().write(true).open(path).unwrap().write_all_at(bytes, offset).unwrap();
}

fn at(entry: u64) -> u64 {
    HEADER_BYTES as u64 + entry * ENTRY_BYTES as u64
}

/// Checks the sentence, and that it says where and what to do.
fn says(error: &Error, offset: u64, parts: &[&str]) {
    let text = error.to_string();
    for part in ["producer-0.0.journal", &format!("byte {offset}:")].iter().chain(parts) {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn a_missing_file_is_told_from_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(&folder.path().join("none.journal"));
    assert!(error.is_missing() && error.to_string().contains("none.journal"), "{error}");
}

#[test]
fn a_folder_and_a_pipe_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(refused(folder.path()), Error::NotAFile { .. }));
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert!(matches!(refused(&pipe), Error::NotAFile { .. }));
}

#[test]
fn an_empty_file_is_named() {
    let (_folder, path, _) = journal(3);
    fs::write(&path, []).unwrap();
    let error = refused(&path);
    assert!(matches!(error, Error::NotOurs { what: Foreign::Empty, .. }));
    says(&error, 0, &["empty", "Remove it"]);
}

#[test]
fn half_a_header_is_named() {
    let (_folder, path, bytes) = journal(3);
    for length in [1, 7, 8, 100, 4_095] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = refused(&path);
        assert!(matches!(error, Error::NotOurs { what: Foreign::Truncated { .. }, .. }), "{error}");
        says(&error, length as u64, &["cut off", "Copy the run folder again"]);
    }
}

#[test]
fn another_kind_of_file_is_named() {
    let (_folder, path, _) = journal(3);
    for bytes in [b"hello".repeat(2_000), vec![0; 70_000], b"x".to_vec()] {
        fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        assert!(matches!(error, Error::NotOurs { what: Foreign::Garbage, .. }), "{error}");
        says(&error, 0, &["not a journal", "Look whether the path is right"]);
    }
}

#[test]
fn another_version_is_named() {
    let (_folder, path, _) = journal(3);
    write_at(&path, 8, &9_u32.to_le_bytes());
    let error = refused(&path);
    assert!(matches!(error, Error::NotOurs { what: Foreign::Version { found: 9, known: 1 }, .. }), "{error}");
    says(&error, 8, &["version 9", "reads version 1", "with the version that wrote it"]);
}

#[test]
fn another_run_is_named_unless_any_run_will_do() {
    let (_folder, path, _) = journal(3);
    let error = read(&path, Some(7)).unwrap_err();
    assert_eq!(error.to_string(), Tail::open(&path, 7).unwrap_err().to_string());
    assert!(
        matches!(error, Error::NotOurs { what: Foreign::Run { found: RUN, expected: 7 }, .. }),
        "{error}"
    );
    says(&error, 16, &["000000000000abcd", "0000000000000007", "Take it out"]);
    assert_eq!(read(&path, None).unwrap().header.run, RUN);
}

#[test]
fn a_changed_header_is_named() {
    let (_folder, path, _) = journal(3);
    write_at(&path, 16, &[1]);
    let error = read(&path, None).unwrap_err();
    assert!(matches!(error, Error::NotOurs { what: Foreign::Header(_), .. }), "{error}");
    says(&error, 24, &["damaged", "check"]);
}

#[test]
fn a_bad_kind_and_a_bad_check_end_a_journal_there() {
    let (_folder, path, _) = journal(100);
    write_at(&path, at(60), &[0xff]);
    let (entries, damage) = damaged(&path);
    assert_eq!((entries, damage), (first(60), Some(Damage { offset: at(60), what: BadPlace::Check })));
    write_at(&path, at(50) + 7, &[99]);
    let (entries, damage) = damaged(&path);
    assert_eq!(entries, first(50));
    let damage = damage.unwrap();
    assert_eq!(damage, Damage { offset: at(50), what: BadPlace::Kind(99) });
    let text = damage.to_string();
    for part in ["byte 4896", "kind 99", "what stands before is kept", "run again"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn time_that_goes_back_ends_a_journal_there() {
    let (_folder, path, bytes) = journal(100);
    let early = bytes[at(10) as usize..at(11) as usize].to_vec();
    write_at(&path, at(70), &early);
    let damage = Damage { offset: at(70), what: BadPlace::Time };
    assert_eq!(damaged(&path), (first(70), Some(damage)));
}

#[test]
fn something_behind_the_end_is_named_wherever_it_stands() {
    let (_folder, path, bytes) = journal(100);
    for offset in [at(101), at(101) + 15, bytes.len() as u64 - 1, bytes.len() as u64, bytes.len() as u64 + 9]
    {
        fs::write(&path, &bytes).unwrap();
        write_at(&path, offset, &[1]);
        let damage = Damage { offset, what: BadPlace::BehindTheEnd };
        assert_eq!(damaged(&path), (first(100), Some(damage)), "{offset}");
    }
    // A gap of one entry hides what follows it: nothing behind it may count.
    fs::write(&path, &bytes).unwrap();
    write_at(&path, at(40), &[0; 16]);
    let damage = Damage { offset: at(41), what: BadPlace::BehindTheEnd };
    assert_eq!(damaged(&path), (first(40), Some(damage)));
}

#[test]
fn zeros_behind_the_promised_length_are_a_segment_that_was_not_used_yet() {
    let (_folder, path, mut bytes) = journal(100);
    bytes.extend([0; 5_000]);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(damaged(&path), (first(100), None));
}

/// A SIGKILL between the two stores of an append leaves this.
#[test]
fn an_append_that_was_not_finished_is_no_entry_and_no_damage() {
    let (_folder, path, _) = journal(100);
    write_at(&path, at(100) + 8, &12_345_u64.to_le_bytes());
    assert_eq!(damaged(&path), (first(100), None));
}

#[test]
fn a_full_file_without_a_free_entry_is_whole() {
    let count = (65_536 - HEADER_BYTES as u32) / ENTRY_BYTES as u32;
    let (_folder, path, bytes) = journal(count);
    assert_eq!(bytes.len(), 65_536);
    assert_eq!(damaged(&path), (first(count), None));
    write_at(&path, 65_536, &[1; 16]);
    let damage = Damage { offset: 65_536, what: BadPlace::BehindTheEnd };
    assert_eq!(damaged(&path), (first(count), Some(damage)));
}

#[test]
fn a_journal_that_is_cut_while_it_is_followed_is_named_and_not_a_crash() {
    let (_folder, path, _) = journal(3_000);
    let mut tail = Tail::open(&path, RUN).unwrap();
    let mut entries = Vec::new();
    assert_eq!(tail.read(&mut entries, 1_000), Ok(1_000));
    fs::File::options().write(true).open(&path).unwrap().set_len(at(2_000) + 5).unwrap();
    assert_eq!(tail.read(&mut entries, 5_000), Ok(1_000));
    let damage = Damage { offset: at(2_000) + 5, what: BadPlace::Truncated { promised: 65_536 } };
    assert_eq!(tail.read(&mut entries, 5_000), Err(damage));
    assert_eq!(entries, first(2_000));
    let mut tail = Tail::open(&path, RUN).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    let damage = Damage { offset: 0, what: BadPlace::Truncated { promised: 4_096 } };
    assert_eq!(tail.read(&mut entries, 5_000), Err(damage));
    assert_eq!(tail.points(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_at_any_byte_is_noticed_and_keeps_what_stands_before(count in 0..6_000_u32, cut: prop::sample::Index) {
        let (_folder, path, bytes) = journal(count);
        let length = cut.index(bytes.len());
        fs::write(&path, &bytes[..length])?;
        if length < HEADER_BYTES {
            let error = refused(&path);
            let expected = if length == 0 { Foreign::Empty } else { Foreign::Truncated { bytes: length as u64 } };
            prop_assert!(matches!(&error, Error::NotOurs { what, .. } if *what == expected), "{}", error);
        } else {
            let kept = count.min((length as u64 - at(0)) as u32 / ENTRY_BYTES as u32);
            let what = BadPlace::Truncated { promised: bytes.len() as u64 };
            prop_assert_eq!(damaged(&path), (first(kept), Some(Damage { offset: length as u64, what })));
        }
    }

    #[test]
    fn any_bytes_behind_a_header_never_panic(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let (_folder, path, mut bytes) = journal(0);
        bytes.truncate(HEADER_BYTES);
        bytes.extend(body);
        fs::write(&path, &bytes)?;
        prop_assert!(damaged(&path).1.is_some(), "the promised length is not there");
    }
}

/// Changes bytes of a good journal many times. Most changes must be noticed; a change that is not can only
/// be in one entry, and its 8-bit check lets through 1 in 256.
#[test]
fn changed_bytes_invent_no_entries_beyond_what_the_check_lets_through() {
    let count = 200;
    let (_folder, path, bytes) = journal(count);
    let good = first(count);
    let body = HEADER_BYTES..at(u64::from(count)) as usize;
    let mut random = 88_172_645_463_325_252_u64; // xorshift64
    let mut next = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % limit as u64) as usize
    };
    let (mut changes, mut invented) = (0_u32, 0_u32);
    for _ in 0..40_000 {
        let place = body.start + next(body.len());
        let mut changed = bytes.clone();
        changed[place] ^= 1 + next(255) as u8;
        changes += 1;
        let journal = read_from(&changed[..], Some(RUN), &path).expect("the header is good");
        let touched = (place - HEADER_BYTES) / ENTRY_BYTES;
        for (number, entry) in journal.entries.iter().enumerate() {
            if *entry != good[number] {
                assert_eq!(number, touched, "only the changed entry can differ");
                invented += 1;
            }
        }
        let whole = journal.entries.len() == good.len() && journal.damage.is_none();
        assert!(journal.entries.len() >= touched, "what stands before is kept");
        // An unnoticed change is an invented entry, or a last one that became "not written".
        assert!(!whole || journal.entries != good, "a change must show");
    }
    println!("{changes} changes, {invented} entries that were never written");
    // 1 in 256 would be 156. Twice that is far outside of chance.
    assert!(invented <= changes / 128, "{invented} of {changes}");
}
