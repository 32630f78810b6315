//! A full disk: a clear error, no SIGBUS, and what was appended before stays readable.
//!
//! The disk is a tmpfs of 1 MiB that a child process mounts in a mount namespace of its own: as root, or in
//! a user namespace. Where neither can be had the test fails, unless `JOURNAL_TEST_NO_MOUNT=1` says to go without.

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
    process::Command,
};

use journal::{Error, Header, Tail, Writer, read};
use ledger::{Kind, MessageId};

const FOLDER: &str = "JOURNAL_TEST_FOLDER";
const CHILD: &str = "child_with_a_small_disk";
/// The child's exit code where mounting is forbidden.
const NO_MOUNT: i32 = 77;
const RUN: u64 = 5;

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs Linux: tmpfs and mount namespaces")]
fn a_full_disk_is_a_clear_error_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for namespace in [&["unshare", "--mount"][..], &["unshare", "--map-root-user", "--mount"]] {
        let child = Command::new(namespace[0])
            .args(&namespace[1..])
            .arg(env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .output();
        let output = match child {
            Ok(output) => output,
            Err(error) => {
                told += &format!("{namespace:?}: {error}; ");
                continue;
            }
        };
        let [out, err] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        if output.status.success() && out.contains("the full disk was tried") {
            return;
        }
        // `unshare` itself exits by 1 where it may not; the child never does: a failed test exits by 101.
        let forbidden = matches!(output.status.code(), Some(1 | NO_MOUNT));
        assert!(forbidden, "the child ended with {}\n{out}\n{err}", output.status);
        told += &format!("{namespace:?}: {}; ", err.trim());
    }
    let why = format!("NOT TESTED: a full disk of journals: nobody here may mount a small one: {told}");
    assert!(
        env::var_os("JOURNAL_TEST_NO_MOUNT").is_some(),
        "{why}\nAllow it, or set JOURNAL_TEST_NO_MOUNT=1 to go without"
    );
    // Past what captures the output of tests: it is to be seen, and `.ci/run` says it again at its end.
    let _ = writeln!(io::stderr(), "{why}");
}

#[test]
#[ignore = "the child of the test here, not a test"]
fn child_with_a_small_disk() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let disk = Path::new(&folder);
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(disk).output();
    match mount {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("mount: {other:?}");
            std::process::exit(NO_MOUNT);
        }
    }
    fill_up(disk);
    begin_on_a_full_disk(disk);
    println!("the full disk was tried");
}

fn header() -> Header {
    Header { run: RUN, writer: "producer-0.0".to_owned() }
}

fn says_so(error: &Error) {
    let text = error.to_string();
    assert!(matches!(error, Error::DiskFull { .. }), "{text}");
    for part in ["disk is full", "make room", ".journal"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

fn fill_up(disk: &Path) {
    // Room that can be given back.
    fs::write(disk.join("filler"), vec![1; 400 * 1024]).unwrap();
    let path = disk.join("producer-0.0.journal");
    let mut writer = Writer::create(&path, &header()).unwrap();
    let mut tail = Tail::open(&path, RUN).unwrap();
    let mut appended = 0;
    let error = loop {
        match writer.append(Kind::Attempted, MessageId::new(0, appended)) {
            Ok(_) => appended += 1,
            Err(error) => break error,
        }
        assert!(appended < 65_536, "1 MiB has no room for so many");
    };
    says_so(&error);
    assert!(appended > 10_000, "{appended}");
    // Again, and again nothing is written.
    says_so(&writer.append(Kind::Attempted, MessageId::new(0, appended)).unwrap_err());
    says_so(&writer.reserve(1 << 20).unwrap_err());
    assert_eq!(writer.pass("in-hand").unwrap(), 1, "points need no room");
    same(&path, &mut tail, appended);
    // With room again it goes on where it was.
    fs::remove_file(disk.join("filler")).unwrap();
    writer.append(Kind::Attempted, MessageId::new(0, appended)).unwrap();
    same(&path, &mut tail, appended + 1);
    // To the last block, by small steps of others.
    let mut others = 0;
    while fs::write(disk.join(format!("other-{others}")), vec![1; 4_096]).is_ok() {
        others += 1;
    }
    let mut all = appended + 1;
    while writer.append(Kind::Attempted, MessageId::new(0, all)).is_ok() {
        all += 1;
    }
    same(&path, &mut tail, all);
}

/// Both readers find ids 0 to `count`, and no damage.
fn same(path: &Path, tail: &mut Tail, count: u32) {
    let journal = read(path, Some(RUN)).unwrap();
    assert_eq!(journal.damage, None);
    assert!(journal.entries.iter().map(|entry| entry.id.seq).eq(0..count));
    let mut last = None;
    let mut entries = Vec::new();
    while tail.read(&mut entries, 1_000).unwrap() > 0 {
        last = entries.last().copied();
    }
    assert_eq!(last, journal.entries.last().copied());
    assert_eq!(tail.ended(), Ok(true));
}

fn begin_on_a_full_disk(disk: &Path) {
    let files = || fs::read_dir(disk).unwrap().count();
    let before = files();
    let path = disk.join("producer-0.1.journal");
    says_so(&Writer::create(&path, &header()).unwrap_err());
    assert!(!path.exists());
    assert_eq!(files(), before, "nothing is left of the attempt");
}
