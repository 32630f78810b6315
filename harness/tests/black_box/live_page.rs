//! The page of `harness run --live`, looked at with a real browser.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::{
    browser::{Browser, Tab},
    common::{AS_EXPECTED, BOUND, Project, Running},
    pages::{fits_a_telephone, is_quiet_and_asks_only, verdict_of},
};

/// A message whose number is far above the others', so that the map has no room for it.
const FAR: &str = r#"
[[variant]]
name = "far"
says = "One of ten messages lies far from the others."
contract = "effectively-once"
worker = [{ role = "producer", command = ["sh", "far.sh"] }, { role = "consumer", command = ["sh", "far.sh"] }]
expect = { verdict = "kept", attempted = 10, applied = 10 }
"#;

const FAR_WORKER: &str = r#"
echo ":: ready"
while read -r order argument; do
  case "${HARNESS_WORKER%-*} $order" in
    "producer go") for ids in 0-0..0-8 0-3000000; do echo ":: attempted $ids"; echo ":: unconfirmed $ids"; done; echo ":: done" ;;
    "consumer go") for ids in 0-0..0-8 0-3000000; do echo ":: delivered $ids"; echo ":: applied $ids"; done ;;
    "consumer drain") echo ":: idle $argument" ;;
    *" stop") exit 0 ;;
  esac
done
"#;

/// Starts a run with its live page; where the page is.
pub fn live(project: &Project, arguments: &[&str]) -> (Running, String) {
    let mut running = project.start(&[&["run", "--live"], arguments].concat());
    let url = page_of(&mut running);
    (running, url)
}

/// Where a harness says that its live page is.
pub fn page_of(running: &mut Running) -> String {
    let line = running.hears("live page: ").last_line();
    let url = line.split("live page: ").nth(1).and_then(|rest| rest.split_whitespace().next());
    url.expect("an address").to_owned()
}

fn address_of(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

fn ask(address: &str, path: &str, host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the page");
    stream.set_read_timeout(Some(BOUND)).expect("a socket");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("a request");
    stream
}

/// Looks on as a browser would; what there is to read.
pub fn look_on(url: &str) -> TcpStream {
    ask(address_of(url), "/events", address_of(url))
}

/// All news to their end.
pub fn read_news(url: &str) -> String {
    let mut told = String::new();
    look_on(url).read_to_string(&mut told).expect("all of it");
    told
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
        // A page that nobody sees draws nothing.
        browser.tell(tab, "Page.bringToFront", json!({}));
        browser.wait(
            tab,
            "((list) => list.scrollHeight - list.clientHeight - list.scrollTop < 2)
                (document.querySelector('[data-part=lines]'))",
        );
        let cells = browser.ask(tab, "[...boards.values()][0].tally.reduce((sum, count) => sum + count, 0)");
        assert_eq!(cells, verdict["account"]["attempted"], "every message has its cell");
        let lost = browser
            .ask(tab, "[...boards.values()][0].tally[KINDS.findIndex((kind) => kind.word === 'lost')]");
        assert_eq!(lost, verdict["account"]["lost"]);
        fits_a_telephone(&mut browser, tab);
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
fn messages_without_a_cell_are_told_to_be() {
    let project = Project::tiny(FAR);
    project.write("labs/07-tiny/far.sh", FAR_WORKER);
    let mut browser = Browser::start();
    let (running, url) = live(&project, &["7/plain", "7/far"]);
    let tab = browser.tab();
    browser.open(&tab, &url);
    browser.wait(&tab, "document.body.dataset.state === 'ended'");
    running.end().exits(AS_EXPECTED);
    let part = "document.querySelector('[data-part=beyond]')";
    assert_eq!(browser.ask(&tab, &format!("{part}.checkVisibility()")), json!(true));
    let said = browser.text(&tab, &format!("{part}.textContent"));
    assert!(said.starts_with("1 message has no cell here"), "{said}");
    agrees(&mut browser, &tab, &verdict_of(&project.latest("far")));
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
    let beyond = browser.ask(&tab, "document.querySelector('[data-part=beyond]').checkVisibility()");
    assert_eq!(beyond, json!(false), "every message has its cell");
    // The hardest case: all of the map is drawn anew for each picture. How long that takes, and how long it is from one
    // picture to the next, which the machine has its part in.
    let frames = browser.ask(
        &tab,
        "new Promise((done) => {
            const drawn = [], apart = [];
            let last = performance.now();
            function frame() {
                const begun = performance.now();
                for (const board of boards.values()) board.changed = true;
                draw();
                drawn.push(performance.now() - begun);
                apart.push(begun - last);
                last = begun;
                if (apart.length < 101) requestAnimationFrame(frame); else done([drawn, apart.slice(1)]);
            }
            requestAnimationFrame(frame);
        })",
    );
    for (what, times) in ["drawn in", "apart"].into_iter().zip(frames.as_array().expect("two lists")) {
        let mut times: Vec<f64> = times.as_array().expect("times").iter().filter_map(Value::as_f64).collect();
        times.sort_by(f64::total_cmp);
        let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
        println!("pictures of 100,000 messages, {what}: median {median:.1} ms, longest {longest:.1} ms");
        assert!(median <= 50.0, "{what}: median {median} ms, longest {longest} ms");
    }
}

#[test]
fn a_browser_that_stops_reading_stops_nobody() {
    let project = Project::tiny("");
    let (running, url) = live(&project, &["7/plain", "--set", "messages=100000"]);
    let silent = ask(address_of(&url), "/events", address_of(&url));
    // It is never read; the run begins because it looks, and ends all the same.
    running.end().exits(AS_EXPECTED);
    drop(silent);
}

#[test]
fn the_live_page_is_for_this_machine_only() {
    let project = Project::tiny("");
    let (running, url) = live(&project, &["7/plain"]);
    let address = address_of(&url);
    assert!(address.starts_with("127.0.0.1:"), "{url}");
    for (path, host) in [("/", "evil.example"), ("/events", "evil.example"), ("/", "127.0.0.1.evil.example")]
    {
        let mut answer = String::new();
        ask(address, path, host).read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    // Whoever was refused was no reader; this one is, and the run begins.
    let told = read_news(&url);
    assert!(told.contains("event: everything") && told.contains("\"ended\":true"), "{told}");
    running.end().exits(AS_EXPECTED);
}
