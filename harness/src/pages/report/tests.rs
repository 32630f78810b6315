//! The report as text, made from run folders that were written by hand.

use journal::{Header, Writer};
use ledger::{Entry, Kind, MessageId};

use super::*;
use crate::{
    report::event::RunEvent,
    selftest::{history::History, plan::clean},
};

/// What a hostile program could put wherever it may say something.
const EVIL: &str = "</script></style><script>alert('x')</script><img src=x onerror=\"alert(1)\">";

fn written(history: &History) -> (tempfile::TempDir, RunFolder) {
    let home = tempfile::tempdir().unwrap();
    let folder = history.write(history.plan.clone(), home.path()).unwrap();
    (home, folder)
}

fn page_of(folder: &RunFolder) -> String {
    let archive = Archive::open(folder).unwrap();
    let (assessed, account) = judge(&archive);
    page(&archive, &assessed, &account).unwrap()
}

#[test]
fn it_has_everything_of_a_run() {
    let mut history = History::clean();
    history.plan.set = [("messages".to_owned(), "100".to_owned())].into();
    history.remove("consumer-0.0", Kind::Applied, 17);
    let (_home, folder) = written(&history);
    let text = page_of(&folder);
    let wanted = [
        "broken: ",
        "data-count=\"attempted\">100<",
        "data-count=\"lost\">1<",
        "<h3>lost: 1</h3>",
        "0-17",
        "harness run selftest/synthetic --seed",
        "--set messages=100",
        "from the attempt to the ack",
        "p99.9",
        "workload.messages",
        "\"A17HA82\"",
    ];
    for wanted in wanted {
        assert!(text.contains(wanted), "it does not have {wanted}:\n{text}");
    }
    assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("@import"), "{text}");
}

#[test]
fn nothing_that_a_program_says_becomes_markup() {
    let mut history = History::clean();
    for field in [
        &mut history.plan.says,
        &mut history.plan.title,
        &mut history.plan.question,
        &mut history.plan.variant,
    ] {
        *field = EVIL.replace('/', "");
    }
    history.plan.knob = Some(EVIL.to_owned());
    history.plan.next = Some(EVIL.to_owned());
    history.plan.set = [(EVIL.to_owned(), EVIL.to_owned())].into();
    let (worker, why, log) = (EVIL.to_owned(), EVIL.to_owned(), vec![EVIL.to_owned(), "plain".to_owned()]);
    let figure = RunEvent::Figure { worker: EVIL.into(), figure: EVIL.into(), value: 1.0, unit: EVIL.into() };
    let version = RunEvent::BrokerUp { broker: EVIL.into(), version: EVIL.into(), port: 1 };
    drop(history.events.splice(0..0, [RunEvent::WorkerBroke { worker, why, log }, figure, version]));
    let (_home, folder) = written(&history);
    let text = page_of(&folder);
    assert!(text.contains("&#60;img") || text.contains("&lt;img"), "what it said is there");
    // Two scripts of ours, and two of data.
    assert_eq!(text.matches("<script").count(), 4);
    assert_eq!(text.matches("</script>").count(), 4);
    assert!(!text.contains("<img"), "{text}");
    assert_eq!(text.matches("<style>").count(), 1);
}

#[test]
fn only_the_two_scripts_of_ours_may_run() {
    let (_home, folder) = written(&History::clean());
    let text = page_of(&folder);
    assert!(text.contains(&policy(&[MAP_SCRIPT, SCRIPT], "").replace('\'', "&#39;")), "{text}");
    for event in [" onclick", " onload", " onerror", "javascript:"] {
        assert!(!text.contains(event), "{event}");
    }
}

#[test]
fn an_unfinished_run_and_a_damaged_one_are_refused_with_the_reason() {
    let refused = |folder: &RunFolder| match write_anew(folder.path()) {
        Err(Error::Usage(why)) => why,
        other => panic!("{other:?}"),
    };
    let (_home, folder) = written(&History::clean());
    assert!(refused(&folder).contains("the run is unfinished"), "{}", refused(&folder));
    folder.write("verdict.json", b"{}").unwrap();
    assert_eq!(write_anew(folder.path()).unwrap(), folder.path().join(FILE));

    let events = std::fs::read_to_string(folder.events()).unwrap();
    std::fs::write(folder.events(), "{\"at_s\":0.1,\"event\":\"sang\"}\n").unwrap();
    assert!(refused(&folder).contains("line 1 is not an event"), "{}", refused(&folder));
    std::fs::write(folder.events(), events).unwrap();
    std::fs::write(folder.journals().join("consumer-0.0.journal"), "gone").unwrap();
    assert!(refused(&folder).contains("the run is damaged"), "{}", refused(&folder));
    std::fs::write(folder.run_toml(), "x").unwrap();
    assert!(refused(&folder).contains("run.toml"), "{}", refused(&folder));
}

/// A run of so many messages, every third lost and every seventh doubled, with times a microsecond apart.
fn large(messages: u32) -> (tempfile::TempDir, RunFolder) {
    let history = History { plan: clean(), journals: Vec::new(), ..History::clean() };
    let (home, folder) = written(&history);
    let begin = |writer: &str| {
        let header = Header { run: crate::selftest::history::RUN, writer: writer.to_owned() };
        Writer::create(&folder.journals().join(format!("{writer}.journal")), &header).unwrap()
    };
    let mut journals = [begin("producer-0.0"), begin("consumer-0.0"), begin("readback-nats")];
    let mut put = |journal: usize, kind, seq: u32, after_ns: u64| {
        let time_ns = 1_000_001_000 + u64::from(seq) * 1_000 + after_ns;
        journals[journal].append_at(Entry { kind, id: MessageId::new(0, seq), time_ns }).unwrap();
    };
    for seq in 0..messages {
        put(0, Kind::Attempted, seq, 0);
        put(0, Kind::Acked, seq, 300);
        put(1, Kind::Delivered, seq, 400);
        if seq % 3 != 0 {
            put(1, Kind::Applied, seq, 500);
        }
        if seq % 7 == 0 {
            put(1, Kind::Applied, seq, 600);
        }
        put(1, Kind::Settled, seq, 700);
        put(2, Kind::Stored, seq, 900);
    }
    (home, folder)
}

#[test]
fn a_large_report_stays_small() {
    let (_home, folder) = large(50_000);
    let text = page_of(&folder);
    // At 1,000,000 messages it may be 3 MB; what does not grow with them is in here, too.
    assert!(text.len() < 150_000 + 100_000, "{}", text.len());
    assert!(
        text.contains("data-count=\"lost\">14,286<"),
        "every third, but for those that are every seventh, too"
    );
}

/// `cargo test -p harness --bin harness report_of_a_million -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn report_of_a_million() {
    let (_home, folder) = large(1_000_000);
    folder.write("verdict.json", b"{}").unwrap();
    let cpu = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let begun = std::time::Instant::now();
    let archive = Archive::open(&folder).unwrap();
    let (assessed, account) = judge(&archive);
    let (judged, cpu_judged) = (begun.elapsed(), cpu());
    write(&folder, &archive, &assessed, &account).unwrap();
    let written = begun.elapsed() - judged;
    let bytes = std::fs::metadata(folder.path().join(FILE)).unwrap().len();
    let (cpu, end) = (cpu_judged, cpu());
    let cpu = (end.tv_sec - cpu.tv_sec) as f64 + (end.tv_nsec - cpu.tv_nsec) as f64 / 1e9;
    println!("read and judged {judged:?}, report {written:?} ({cpu:.2} s of processor time), {bytes} bytes");
    assert!(bytes <= 3_000_000);
}
