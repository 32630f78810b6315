//! What is appended is read, live and afterwards; and what a writer refuses.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use journal::{ENTRY_BYTES, Error, Header, POINT_NAME_MAX, POINTS_MAX, Tail, Writer, now_ns, read};
use ledger::{Entry, Kind, MessageId};
use proptest::prelude::*;

const RUN: u64 = 0x1234;

fn header() -> Header {
    Header { run: RUN, writer: "producer-0.0".to_owned() }
}

fn writer(path: &Path) -> Writer {
    Writer::create(path, &header()).expect("a new journal")
}

/// All that a tail has to give now.
fn rest(tail: &mut Tail) -> Vec<Entry> {
    let mut entries = Vec::new();
    while tail.read(&mut entries, 1_000).expect("an undamaged journal") > 0 {}
    entries
}

#[test]
fn a_new_journal_is_private_and_empty_and_leaves_no_draft() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("producer-0.0.journal");
    drop(writer(&path));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let journal = read(&path, Some(RUN)).unwrap();
    assert_eq!((journal.header, journal.entries, journal.points), (header(), vec![], vec![]));
    assert_eq!(journal.damage, None);
}

#[test]
fn a_journal_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    writer(&path).append(Kind::Attempted, MessageId::new(0, 1)).unwrap();
    let error = Writer::create(&path, &header()).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert!(error.to_string().contains("a.journal"), "{error}");
    assert_eq!(read(&path, None).unwrap().entries.len(), 1);
}

#[test]
fn times_are_those_that_append_returned_and_lie_between_now_and_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let mut writer = writer(&path);
    let before = now_ns();
    let times: Vec<_> =
        (0..100_000).map(|seq| writer.append(Kind::Acked, MessageId::new(2, seq)).unwrap()).collect();
    let after = now_ns();
    let entries = read(&path, Some(RUN)).unwrap().entries;
    assert_eq!(entries.iter().map(|entry| entry.time_ns).collect::<Vec<_>>(), times);
    assert!(times.is_sorted() && before <= times[0] && times[99_999] <= after);
    // A file of 100,000 entries of 16 bytes, at most twice as long as it must be.
    assert!(fs::metadata(&path).unwrap().len() <= 2 * (4096 + 100_000 * ENTRY_BYTES as u64));
}

#[test]
fn a_time_that_would_go_back_is_written_as_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let mut writer = writer(&path);
    for time_ns in [5, 3, 7] {
        writer.append_at(Entry { kind: Kind::Stored, id: MessageId::new(0, 0), time_ns }).unwrap();
    }
    let times: Vec<_> = read(&path, None).unwrap().entries.iter().map(|entry| entry.time_ns).collect();
    assert_eq!(times, [5, 5, 7]);
}

#[test]
fn reserved_room_is_used_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let mut writer = writer(&path);
    let mut tail = Tail::open(&path, RUN).unwrap();
    for seq in 0..10 {
        writer.append(Kind::Acked, MessageId::new(0, seq)).unwrap();
    }
    writer.reserve(1_000_000).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    assert!(length >= 16_000_000);
    assert_eq!(rest(&mut tail).len(), 10);
    for seq in 10..1_000_000 {
        writer.append(Kind::Acked, MessageId::new(0, seq)).unwrap();
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    assert_eq!(rest(&mut tail).len(), 999_990);
    assert_eq!(read(&path, None).unwrap().entries.len(), 1_000_000);
}

#[test]
fn points_are_counted_in_the_order_of_their_first_passage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let mut writer = writer(&path);
    let tail = Tail::open(&path, RUN).unwrap();
    assert_eq!(writer.pass("in-hand").unwrap(), 1);
    assert_eq!(writer.pass("after-effect").unwrap(), 1);
    assert_eq!(writer.pass("in-hand").unwrap(), 2);
    let expected = vec![("in-hand".to_owned(), 2), ("after-effect".to_owned(), 1)];
    assert_eq!(tail.points(), expected);
    assert_eq!(read(&path, None).unwrap().points, expected);
}

#[test]
fn a_full_table_and_impossible_names_of_points_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let mut writer = writer(&path);
    for name in ["", "a\0b", &"x".repeat(POINT_NAME_MAX + 1)] {
        assert!(matches!(writer.pass(name), Err(Error::Point { .. })), "{name:?}");
    }
    let names: Vec<_> = (0..POINTS_MAX).map(|number| format!("{number:0>POINT_NAME_MAX$}")).collect();
    for name in &names {
        writer.pass(name).unwrap();
    }
    let error = writer.pass("one-more").unwrap_err().to_string();
    assert!(error.contains("one-more") && error.contains("a.journal"), "{error}");
    assert_eq!(writer.pass(&names[95]).unwrap(), 2);
    assert_eq!(read(&path, None).unwrap().points.len(), POINTS_MAX);
    // The table ends where the entries begin.
    writer.append(Kind::Acked, MessageId::new(0, 0)).unwrap();
    assert_eq!(read(&path, None).unwrap().damage, None);
}

#[test]
fn a_tail_opened_before_the_first_entry_follows_through_every_segment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal");
    let mut writer = writer(&path);
    let mut tail = Tail::open(&path, RUN).unwrap();
    assert_eq!(tail.header(), &header());
    assert!(rest(&mut tail).is_empty());
    let mut next = 0;
    // Over the edges of segments and of windows, by steps that meet neither.
    while next < 1_500_000 {
        let to = next + 77_777;
        for seq in next..to {
            writer.append(Kind::Attempted, MessageId::new(0, seq)).unwrap();
        }
        assert_eq!(tail.ended(), Ok(false), "there is something to read");
        let seen: Vec<_> = rest(&mut tail).iter().map(|entry| entry.id.seq).collect();
        assert!(seen.iter().copied().eq(next..to), "{next}: {} entries", seen.len());
        assert_eq!(tail.ended(), Ok(true));
        next = to;
    }
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (0..Kind::ALL.len(), any::<u16>(), any::<u32>(), 0..1_000_u64);
    prop::collection::vec(entry, 0..10_000).prop_map(|all| {
        let mut time_ns = 0;
        let entry = |(kind, producer, seq, step)| {
            time_ns += step;
            Entry { kind: Kind::ALL[kind], id: MessageId::new(producer, seq), time_ns }
        };
        all.into_iter().map(entry).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entries_come_back_live_and_offline(all in entries(), step in 1..3_000_usize) {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.journal");
        let mut writer = writer(&path);
        let mut tail = Tail::open(&path, RUN).expect("a journal");
        let mut live = Vec::new();
        for part in all.chunks(step) {
            for entry in part {
                writer.append_at(*entry).expect("room");
            }
            live.extend(rest(&mut tail));
        }
        let journal = read(&path, Some(RUN)).expect("a journal");
        prop_assert_eq!(journal.damage, None);
        prop_assert_eq!(&journal.entries, &all);
        prop_assert_eq!(&live, &all);
        prop_assert_eq!(tail.ended(), Ok(true));
    }
}
