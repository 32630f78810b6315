//! A real writer, killed by SIGKILL at random moments, at least 200 times.
//!
//! The child tells in a second mapped file, the *witness*, how many appends it began and how many
//! returned, by plain stores that survive it too. So afterwards it is certain that every append that returned
//! is there, that nothing is there but what was begun, and that times and order are those of the child.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use journal::{BadPlace, Damage, Header, Journal, Tail, Writer, read};
use ledger::{Entry, Kind, MessageId};
use memmap2::{MmapOptions, MmapRaw};

/// Three of four wait for an append to have begun, so at least 210 meet a writer at work.
const KILLS: u64 = 280;
const RUN: u64 = 0xfeed;
const FOLDER: &str = "JOURNAL_TEST_FOLDER";
/// Every so many entries the child passes the point `tick`.
const TICK: u64 = 5;
/// Where a child that nobody kills ends by itself, so that it never fills a disk.
const LIMIT: u64 = 20_000_000;
/// No wait is longer.
const BOUND: Duration = Duration::from_secs(30);

/// Words of the witness.
const BEGUN: usize = 0;
const RETURNED: usize = 1;
const TICKS_BEGUN: usize = 2;
const TICKS_RETURNED: usize = 3;
/// Two sums over all times that append returned, for an even and an odd count of appends: the one of
/// the count that stands at `RETURNED` is never the one that is being stored.
const SUMS: usize = 4;

struct Witness(MmapRaw);

impl Witness {
    fn open(folder: &Path) -> Self {
        let file = fs::File::options().read(true).write(true).open(folder.join("witness")).unwrap();
        Self(MmapOptions::new().len(64).map_raw(&file).unwrap())
    }

    fn word(&self, number: usize) -> &AtomicU64 {
        assert!(number < 8);
        // SAFETY: eight aligned words are mapped, and both processes access them as atomic words only.
        unsafe { AtomicU64::from_ptr(self.0.as_mut_ptr().cast::<u64>().add(number)) }
    }

    fn get(&self, number: usize) -> u64 {
        self.word(number).load(Ordering::Acquire)
    }

    fn set(&self, number: usize, value: u64) {
        self.word(number).store(value, Ordering::Release);
    }
}

/// What the child appends as its entry number `number`.
fn planned(number: u64) -> (Kind, MessageId) {
    let kind = Kind::ALL[(number % 14) as usize];
    (kind, MessageId::new((number % 3) as u16, number as u32))
}

fn add(sum: u64, time_ns: u64) -> u64 {
    sum.rotate_left(5).wrapping_add(time_ns)
}

#[test]
#[ignore = "the child of the tests here, not a test"]
fn child_that_appends_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let witness = Witness::open(&folder);
    let header = Header { run: RUN, writer: "child".to_owned() };
    let mut writer = Writer::create(&folder.join("child.journal"), &header).unwrap();
    let mut sum = 0;
    for number in 0..LIMIT {
        let (kind, id) = planned(number);
        witness.set(BEGUN, number + 1);
        let time_ns = writer.append(kind, id).unwrap();
        sum = add(sum, time_ns);
        witness.set(SUMS + (number + 1) as usize % 2, sum);
        witness.set(RETURNED, number + 1);
        if number % TICK == 0 {
            witness.set(TICKS_BEGUN, number / TICK + 1);
            assert_eq!(writer.pass("tick").unwrap(), number / TICK + 1);
            witness.set(TICKS_RETURNED, number / TICK + 1);
        }
    }
}

/// A child in a folder of its own.
struct Life {
    folder: tempfile::TempDir,
    witness: Witness,
    child: Child,
}

impl Life {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("witness"), [0; 64]).unwrap();
        let witness = Witness::open(folder.path());
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_appends_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, witness, child }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("child.journal")
    }

    /// Waits until the child began so many appends.
    fn wait_for(&mut self, begun: u64) {
        let start = Instant::now();
        while self.witness.get(BEGUN) < begun {
            assert!(start.elapsed() < BOUND, "the child began {} of {begun}", self.witness.get(BEGUN));
            assert!(self.child.try_wait().unwrap().is_none(), "the child ended by itself");
            thread::yield_now();
        }
    }

    fn kill(&mut self) {
        use std::os::unix::process::ExitStatusExt;
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9), "the child ended by itself");
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Already gone, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads beside the living child and, once `over` is told, to the end.
fn follow(path: &Path, over: &AtomicBool) -> Option<(Vec<Entry>, Result<bool, Damage>)> {
    let mut entries = Vec::new();
    let mut tail = loop {
        let last = over.load(Ordering::Acquire);
        match Tail::open(path, RUN) {
            Ok(tail) => break tail,
            Err(error) if error.is_missing() && last => return None,
            Err(error) => assert!(error.is_missing(), "never half a header: {error}"),
        }
        thread::yield_now();
    };
    loop {
        let last = over.load(Ordering::Acquire);
        while tail.read(&mut entries, 4_096).expect("no damage while it is written") > 0 {}
        if last {
            return Some((entries, tail.ended()));
        }
        thread::yield_now();
    }
}

/// What is wrong with what a life left, if anything is.
fn check(witness: &Witness, journal: &Journal) -> Result<(), String> {
    let (begun, returned) = (witness.get(BEGUN), witness.get(RETURNED));
    let there = journal.entries.len() as u64;
    ensure(journal.damage.is_none(), || format!("{:?}", journal.damage))?;
    ensure(journal.header.writer == "child", || format!("{:?}", journal.header))?;
    ensure(returned <= there, || format!("{returned} appends returned, {there} entries are there"))?;
    ensure(there <= begun, || format!("{begun} appends were begun, {there} entries are there"))?;
    let mut sum = 0;
    for (number, entry) in (0..).zip(&journal.entries) {
        ensure((entry.kind, entry.id) == planned(number), || format!("entry {number} is {entry:?}"))?;
        if number < returned {
            sum = add(sum, entry.time_ns);
        }
    }
    let told = witness.get(SUMS + (returned % 2) as usize);
    ensure(sum == told, || "other times than append returned".to_owned())?;
    let ticks = journal.points.first().map_or(0, |(_, count)| *count);
    let only_ticks = journal.points.iter().all(|(name, _)| name == "tick") && journal.points.len() < 2;
    ensure(only_ticks, || format!("{:?}", journal.points))?;
    let (ticks_begun, ticks_returned) = (witness.get(TICKS_BEGUN), witness.get(TICKS_RETURNED));
    ensure((ticks_returned..=ticks_begun).contains(&ticks), || format!("{ticks} of {ticks_returned} ticks"))
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// When a child is killed.
enum Moment {
    /// As soon as this many appends were begun.
    Begun(u64),
    /// This long after its start: meets also the making of the journal.
    After(Duration),
}

#[test]
fn nothing_that_append_returned_for_is_missing_and_nothing_else_appears() {
    let seed = env::var("JOURNAL_TEST_SEED").ok().map_or_else(
        || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
        |text| text.parse().expect("JOURNAL_TEST_SEED is a number"),
    );
    println!("JOURNAL_TEST_SEED={seed}");
    let mut random = Random(seed);
    let (mut entries, mut none, mut between) = (0, 0, 0);
    for kill in 0..KILLS {
        // Small and large counts alike: from the first entry to the ninth segment.
        let moment = if kill % 4 == 3 {
            Moment::After(Duration::from_micros(random.below(12_000)))
        } else {
            let magnitude = random.below(20);
            Moment::Begun(1 + random.below(2 << magnitude))
        };
        let mut life = Life::begin();
        let (path, over) = (life.journal(), AtomicBool::new(false));
        let followed = thread::scope(|scope| {
            let follower = scope.spawn(|| follow(&path, &over));
            // Told in any case, so that a failure here never leaves the follower waiting.
            let tell = TellOnDrop(&over);
            match moment {
                Moment::Begun(count) => life.wait_for(count),
                Moment::After(time) => thread::sleep(time), // the random moment itself, nothing waits for it
            }
            life.kill();
            drop(tell);
            follower.join().expect("the live reader")
        });
        let what = format!("seed {seed}, kill {kill}");
        let Some((live, ended)) = followed else {
            assert!(read(&path, None).unwrap_err().is_missing(), "{what}");
            assert_eq!(life.witness.get(BEGUN), 0, "{what}");
            none += 1;
            continue;
        };
        let journal = read(&path, Some(RUN)).unwrap_or_else(|error| panic!("{what}: {error}"));
        check(&life.witness, &journal).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        assert!(
            live == journal.entries,
            "{what}: live {} entries, offline {}",
            live.len(),
            journal.entries.len()
        );
        assert_eq!(ended, Ok(true), "{what}");
        entries += journal.entries.len();
        between += u64::from(life.witness.get(BEGUN) != life.witness.get(RETURNED));
    }
    println!(
        "{KILLS} kills, {entries} entries, {between} within an append, {none} before there was a journal"
    );
    assert!(between > 0, "no kill met an append: the moments are not random");
}

/// The check of this file itself: it must not pass for a journal that lost or gained an entry.
#[test]
fn a_missing_and_an_invented_entry_would_be_noticed() {
    let mut life = Life::begin();
    life.wait_for(1_000);
    life.kill();
    let journal = read(&life.journal(), Some(RUN)).unwrap();
    assert_eq!(check(&life.witness, &journal), Ok(()));
    let returned = life.witness.get(RETURNED) as usize;
    let fails = |change: &dyn Fn(&mut Journal)| {
        let mut changed = journal.clone();
        change(&mut changed);
        check(&life.witness, &changed).is_err()
    };
    assert!(fails(&|journal| journal.entries.truncate(returned - 1)), "the last is missing");
    assert!(fails(&|journal| journal.entries[500] = journal.entries[499]), "one twice instead of another");
    assert!(fails(&|journal| journal.entries[500].time_ns += 1), "another time");
    assert!(
        fails(&|journal| {
            for number in journal.entries.len() as u64..returned as u64 + 2 {
                let (kind, id) = planned(number);
                journal.entries.push(Entry { kind, id, time_ns: u64::MAX });
            }
        }),
        "one too many"
    );
    assert!(fails(&|journal| journal.points[0].1 += 2), "too many ticks");
    let damage = Damage { offset: 0, what: BadPlace::Check };
    assert!(fails(&|journal| journal.damage = Some(damage.clone())), "damage");
}

struct TellOnDrop<'a>(&'a AtomicBool);

impl Drop for TellOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
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
