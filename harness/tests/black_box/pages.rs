//! The report and the live page, looked at with a real browser.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    browser::{Browser, Tab},
    common::{AS_EXPECTED, BOUND, INCONCLUSIVE, PLAIN, Project, Running, repository},
};

/// Ends by itself, with markup in its last words.
const EVIL: &str = r#"
[[variant]]
name = "evil"
says = "It says <img src=x onerror=alert(1)>."
contract = "at-least-once"
worker = [{ role = "producer", command = ["sh", "-c", "echo '</pre><script>document.title = 1</script><img src=y>' >&2; echo ':: failed <img src=z>'; read -r end"] }, { role = "consumer", command = ["sh", "worker.sh"] }]
expect = { verdict = "kept" }
"#;

/// What a reader can reach with the keyboard.
const REACHABLE: &str = "[...document.querySelectorAll('a[href], button, summary, [tabindex=\"0\"]')]
    .filter((part) => part.checkVisibility())";

fn file_url(path: &Path) -> String {
    format!("file://{}", fs::canonicalize(path).expect("the file").display())
}

/// Starts a run with its live page; where the page is.
fn live(project: &Project, arguments: &[&str]) -> (Running, String) {
    let mut running = project.start(&[&["run", "--live"], arguments].concat());
    let line = running.hears("live page: ").last_line();
    let url =
        line.split("live page: ").nth(1).expect("an address").split_whitespace().next().expect("an address");
    (running, url.to_owned())
}

fn verdict_of(run: &Path) -> Value {
    let text = fs::read_to_string(run.join("verdict.json")).expect("a verdict");
    serde_json::from_str(&text).expect("JSON")
}

/// The page says what `verdict.json` says, every count of it.
#[track_caller]
fn agrees(browser: &mut Browser, tab: &Tab, verdict: &Value) {
    assert_eq!(
        browser.text(tab, "document.querySelector('[data-part=verdict]').dataset.verdict"),
        verdict["verdict"].as_str().unwrap()
    );
    assert_eq!(
        browser.text(tab, "document.querySelector('[data-part=sentence]').textContent"),
        verdict["sentence"].as_str().unwrap()
    );
    let shown = browser.ask(
        tab,
        "Object.fromEntries([...document.querySelectorAll('[data-account]')]
            .map((part) => [part.dataset.account, Number(part.textContent.replaceAll(',', ''))]))",
    );
    let mut wanted = verdict["account"].as_object().expect("an account").clone();
    wanted.retain(|name, count| name != "sum" && !count.is_null());
    assert_eq!(shown, Value::Object(wanted));
}

#[track_caller]
fn is_quiet_and_asks_only(browser: &mut Browser, tab: &Tab, origin: &str) {
    assert_eq!(browser.complaints(tab), [] as [String; 0]);
    let requests = browser.requests(tab);
    assert!(!requests.is_empty() && requests.iter().all(|url| url.starts_with(origin)), "{requests:?}");
}

#[test]
fn two_browsers_follow_a_real_run_to_its_verdict() {
    let project = Project::with_lab_2();
    let mut browser = Browser::start();
    let (running, url) = live(&project, &["2/subscriber-killed", "--seed", "7"]);
    let tabs = [browser.tab(), browser.tab()];
    for tab in &tabs {
        browser.open(tab, &url);
    }
    for tab in &tabs {
        browser.wait(tab, "document.body.dataset.state === 'ended'");
    }
    running.end().exits(AS_EXPECTED);
    let verdict = verdict_of(&project.path("runs/02-fire-and-forget/subscriber-killed/latest"));
    for tab in &tabs {
        agrees(&mut browser, tab, &verdict);
        is_quiet_and_asks_only(&mut browser, tab, &url);
        let lines = browser.text(tab, "document.querySelector('[data-part=lines]').textContent");
        assert!(lines.contains("kill consumer-"), "{lines}");
        let cells = browser.ask(tab, "[...boards.values()][0].tally.reduce((sum, count) => sum + count, 0)");
        assert_eq!(cells, verdict["account"]["attempted"], "every message has its cell");
        let lost = browser
            .ask(tab, "[...boards.values()][0].tally[KINDS.findIndex((kind) => kind.word === 'lost')]");
        assert_eq!(lost, verdict["account"]["lost"]);
    }
}

#[test]
fn labs_side_by_side_have_a_board_each() {
    let project = Project::with_lab_2();
    let mut browser = Browser::start();
    let (running, url) = live(&project, &["7", "2/nobody-listens", "--jobs", "2"]);
    let tab = browser.tab();
    browser.open(&tab, &url);
    browser.wait(&tab, "document.body.dataset.state === 'ended'");
    running.end().exits(AS_EXPECTED);
    let labs = browser
        .ask(&tab, "[...document.querySelectorAll('.board')].map((board) => board.dataset.lab).sort()");
    assert_eq!(labs, json!(["02-fire-and-forget", "07-tiny"]));
    let verdicts =
        "[...document.querySelectorAll('[data-part=verdict]')].map((part) => part.dataset.verdict)";
    assert_eq!(browser.ask(&tab, verdicts), json!(["kept", "kept"]));
    is_quiet_and_asks_only(&mut browser, &tab, &url);
}

#[test]
fn the_page_keeps_up_with_a_hundred_thousand_messages() {
    let project = Project::tiny("");
    let mut browser = Browser::start();
    let (running, url) = live(&project, &["7/plain", "--set", "messages=100000"]);
    let tab = browser.tab();
    browser.open(&tab, &url);
    browser.wait(&tab, "document.body.dataset.state === 'ended'");
    running.end().exits(AS_EXPECTED);
    let verdict = verdict_of(&project.latest("plain"));
    assert_eq!(verdict["account"]["attempted"], json!(100_000));
    agrees(&mut browser, &tab, &verdict);
    // The hardest case: all of the map is drawn anew for each picture.
    let frames = browser.ask(
        &tab,
        "new Promise((done) => {
            const times = [];
            let last = performance.now();
            function frame() {
                const now = performance.now();
                times.push(now - last);
                last = now;
                for (const board of boards.values()) board.changed = true;
                if (times.length < 101) requestAnimationFrame(frame); else done(times.slice(1).sort((a, b) => a - b));
            }
            requestAnimationFrame(frame);
        })",
    );
    let times: Vec<f64> = frames.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "frames with {} messages: median {median:.1} ms, longest {longest:.1} ms",
        verdict["account"]["attempted"]
    );
    assert!(median <= 50.0, "median {median} ms, longest {longest} ms");
}

#[test]
fn a_browser_that_stops_reading_stops_nobody() {
    let project = Project::tiny("");
    let (running, url) = live(&project, &["7/plain", "--set", "messages=100000"]);
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut silent = TcpStream::connect(address).expect("the page");
    write!(silent, "GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("a request");
    // It is never read; the run begins because it looks, and ends all the same.
    running.end().exits(AS_EXPECTED);
    drop(silent);
}

#[test]
fn the_live_page_is_for_this_machine_only() {
    let project = Project::tiny("");
    let (running, url) = live(&project, &["7/plain"]);
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{url}");
    for (path, host) in [("/", "evil.example"), ("/events", "evil.example"), ("/", "127.0.0.1.evil.example")]
    {
        let mut stream = TcpStream::connect(&address).expect("the page");
        stream.set_read_timeout(Some(BOUND)).expect("a socket");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    // Whoever was refused was no reader; this one is, and the run begins.
    let mut reader = TcpStream::connect(&address).expect("the page");
    reader.set_read_timeout(Some(BOUND)).expect("a socket");
    write!(reader, "GET /events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut stream = String::new();
    reader.read_to_string(&mut stream).expect("all of it");
    assert!(stream.contains("event: everything") && stream.contains("\"ended\":true"), "{stream}");
    running.end().exits(AS_EXPECTED);
}

#[test]
fn markup_in_a_programs_words_stays_text_in_both_pages() {
    let project = Project::tiny(EVIL);
    let mut browser = Browser::start();
    let (running, url) = live(&project, &["7/evil"]);
    let tab = browser.tab();
    browser.open(&tab, &url);
    browser.wait(&tab, "document.body.dataset.state === 'ended'");
    running.end().exits(INCONCLUSIVE);
    let report = browser.tab();
    browser.open(&report, &file_url(&project.latest("evil").join("report.html")));
    browser.wait(&report, "document.readyState === 'complete'");
    for (tab, title) in [(&tab, "harness: live"), (&report, "7/evil: inconclusive")] {
        assert_eq!(browser.ask(tab, "document.querySelectorAll('img').length"), json!(0));
        assert_eq!(browser.text(tab, "document.title"), title);
        assert!(browser.text(tab, "document.body.textContent").contains("<img src=z>"));
        assert_eq!(browser.complaints(tab), [] as [String; 0]);
    }
    assert!(
        browser.text(&report, "document.body.textContent").contains("<script>document.title = 1</script>")
    );
}

#[test]
fn the_report_can_be_read_with_eyes_keyboard_and_on_paper() {
    let project = Project::with_lab_2();
    let mut browser = Browser::start();
    project.run(&["run", "2/subscriber-killed", "--seed", "7"]).exits(AS_EXPECTED);
    let run = project.path("runs/02-fire-and-forget/subscriber-killed/latest");
    let (verdict, url) = (verdict_of(&run), file_url(&run.join("report.html")));
    let tab = browser.tab();
    browser.open(&tab, &url);
    browser.wait(&tab, "document.readyState === 'complete'");
    assert_eq!(
        browser.text(&tab, "document.getElementById('verdict').textContent"),
        verdict["sentence"].as_str().unwrap()
    );
    assert_eq!(
        browser.text(&tab, "document.getElementById('command').textContent"),
        "harness run 2/subscriber-killed --seed 7"
    );
    assert_eq!(
        browser.ask(
            &tab,
            "blocks.reduce((sum, block) => sum + block.kinds.filter((kind) => kind > 0).length, 0)"
        ),
        verdict["account"]["attempted"]
    );
    reaches_everything(&mut browser, &tab);
    the_map_answers_to_keys(&mut browser, &tab);
    is_quiet_and_asks_only(&mut browser, &tab, &url);
    themes_differ(&mut browser, &tab);
    // The browser would rather that this test did not read the picture back so often. That is no matter of the page's.
    let complaints = browser.complaints(&tab);
    assert!(complaints.iter().all(|complaint| complaint.contains("willReadFrequently")), "{complaints:?}");
}

/// Tab goes to every control, one after the other.
fn reaches_everything(browser: &mut Browser, tab: &Tab) {
    let wanted = browser.ask(tab, &format!("{REACHABLE}.length")).as_u64().expect("a number");
    assert!(wanted >= 5, "the map, its two buttons and two summaries: {wanted}");
    browser.ask(tab, "window.reached = new Set(); document.activeElement.blur(); 1");
    for _ in 0..=wanted {
        browser.press(tab, "Tab", 9);
        browser.ask(tab, "reached.add(document.activeElement), 1");
    }
    let missed = browser
        .ask(tab, &format!("{REACHABLE}.filter((part) => !reached.has(part)).map((part) => part.outerHTML)"));
    assert_eq!(missed, json!([]));
}

fn the_map_answers_to_keys(browser: &mut Browser, tab: &Tab) {
    let said = "document.getElementById('map-said').textContent";
    browser.ask(tab, "document.getElementById('map').focus(), 1");
    browser.press(tab, "ArrowRight", 39);
    assert!(browser.text(tab, said).starts_with("0-0 · "), "{}", browser.text(tab, said));
    browser.press(tab, "ArrowRight", 39);
    assert!(browser.text(tab, said).starts_with("0-1 · "), "{}", browser.text(tab, said));
    browser.ask(tab, "document.getElementById('map-next').click(), 1");
    assert!(browser.text(tab, said).contains(" · lost: "), "{}", browser.text(tab, said));
}

fn themes_differ(browser: &mut Browser, tab: &Tab) {
    let ground = "getComputedStyle(document.body).backgroundColor";
    // Of the map, not of its style: a canvas does not follow a style sheet by itself.
    let drawn = "[...document.getElementById('map').getContext('2d').getImageData(1, 1, 1, 1).data].join()";
    let mut seen = Vec::new();
    for (media, scheme) in [("screen", "light"), ("screen", "dark"), ("print", "dark")] {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.tell(tab, "Emulation.setEmulatedMedia", json!({ "media": media, "features": features }));
        // The change is told to the page before the next picture.
        browser.ask(
            tab,
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
        );
        seen.push((browser.text(tab, ground), browser.text(tab, drawn)));
        let visible = browser.ask(tab, "document.getElementById('map-next').checkVisibility()");
        assert_eq!(visible, json!(media == "screen"), "buttons are for the screen");
    }
    assert!(seen[0].0 != seen[1].0 && seen[0].1 != seen[1].1, "dark is another page: {seen:?}");
    assert_eq!(seen[0], seen[2], "paper is light");
}

#[test]
fn all_labs_have_a_report_of_their_own() {
    let project = Project::tiny(&PLAIN.replace("\"plain\"", "\"again\""));
    project.run(&["run", "--all"]).exits(AS_EXPECTED);
    let mut browser = Browser::start();
    let tab = browser.tab();
    let url = file_url(&project.path("runs/report.html"));
    browser.open(&tab, &url);
    browser.wait(&tab, "document.readyState === 'complete'");
    assert!(browser.text(&tab, "document.body.textContent").contains("2 as expected"));
    let links = browser.ask(&tab, "[...document.links].map((link) => link.getAttribute('href'))");
    for link in links.as_array().expect("links") {
        assert!(project.path("runs").join(link.as_str().expect("a link")).is_file(), "{link}");
    }
    is_quiet_and_asks_only(&mut browser, &tab, &url);
    let left: Vec<_> =
        fs::read_dir(project.path("runs")).expect("runs").flatten().map(|file| file.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("unfinished")), "{left:?}");
}

/// `cargo test -p harness --test black_box screenshots -- --ignored` draws the pictures in `docs/` anew.
#[test]
#[ignore = "draws the pictures of the documentation"]
fn screenshots() {
    let project = Project::with_lab_2();
    let mut browser = Browser::start();
    let docs = repository().join("docs");
    let (running, url) =
        live(&project, &["2/subscriber-killed", "2/jetstream-subscriber-killed", "--seed", "7"]);
    let tab = browser.tab();
    browser.open(&tab, &url);
    browser.wait(&tab, "document.body.dataset.state === 'ended'");
    browser.picture(&tab, 1280, 1180, &docs.join("live-page.png"));
    running.end().exits(AS_EXPECTED);
    let run = project.path("runs/02-fire-and-forget/subscriber-killed/latest");
    browser.open(&tab, &file_url(&run.join("report.html")));
    browser.wait(&tab, "document.readyState === 'complete'");
    browser.ask(&tab, "document.getElementById('map-next').click(), 1");
    browser.picture(&tab, 1180, 1900, &docs.join("report.png"));
    let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
    browser.tell(&tab, "Emulation.setEmulatedMedia", json!({ "media": "screen", "features": features }));
    browser.picture(&tab, 1180, 1900, &docs.join("report-dark.png"));
}

/// `cargo test --release -p harness --test black_box live_page_cost -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn live_page_cost() {
    let project = Project::with_lab_2();
    let run = ["2/jetstream-nobody-listens", "--set", "messages=400000"];
    let mut ratios: Vec<f64> = (0..9)
        .map(|_| {
            project.run(&[&["run", "--no-metrics"], run.as_slice()].concat()).exits(AS_EXPECTED);
            let bare = seconds_of_sending(&project);
            let arguments = [&["--metrics", "127.0.0.1:0"], run.as_slice()].concat();
            let (running, url) = live(&project, &arguments);
            let reader = std::thread::spawn(move || read_events(&url));
            running.end().exits(AS_EXPECTED);
            let bytes = reader.join().expect("a reader");
            let shown = seconds_of_sending(&project);
            println!("bare {bare:.3} s, shown {shown:.3} s, {bytes} bytes read");
            bare / shown
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "rate with metrics and live page / without: median {:.3}, all {ratios:.3?}",
        ratios[ratios.len() / 2]
    );
}

/// From the first message to the last, in the newest run.
fn seconds_of_sending(project: &Project) -> f64 {
    let run = project.path("runs/02-fire-and-forget/jetstream-nobody-listens/latest");
    let text = fs::read_to_string(run.join("events.jsonl")).expect("events");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let at = |wanted: &Value| {
        let found = events.iter().find(|event| {
            wanted.as_object().expect("fields").iter().all(|(name, value)| event[name] == *value)
        });
        found.and_then(|event| event["at_s"].as_f64()).expect("the event")
    };
    at(&json!({ "event": "worker-done" })) - at(&json!({ "event": "phase-began", "phase": "steady" }))
}

/// Reads the news to their end, as a browser would.
fn read_events(url: &str) -> u64 {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("the page");
    stream.set_read_timeout(Some(BOUND)).expect("a socket");
    write!(stream, "GET /events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("a request");
    std::io::copy(&mut stream, &mut std::io::sink()).expect("all of it")
}
