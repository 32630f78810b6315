//! The report, looked at with a real browser; and what it has in common with the live page.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    browser::{Browser, Tab},
    common::{AS_EXPECTED, INCONCLUSIVE, PLAIN, Project, repository},
    live_page::live,
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

/// What the run's own file says.
pub fn verdict_of(run: &Path) -> Value {
    let text = fs::read_to_string(run.join("verdict.json")).expect("a verdict");
    serde_json::from_str(&text).expect("JSON")
}

/// Nothing went wrong in the page, and it asked for nothing from elsewhere.
#[track_caller]
pub fn is_quiet_and_asks_only(browser: &mut Browser, tab: &Tab, origin: &str) {
    assert_eq!(browser.complaints(tab), [] as [String; 0]);
    let requests = browser.requests(tab);
    assert!(!requests.is_empty() && requests.iter().all(|url| url.starts_with(origin)), "{requests:?}");
}

/// Nothing but what scrolls by itself is wider than a narrow screen.
#[track_caller]
pub fn fits_a_telephone(browser: &mut Browser, tab: &Tab) {
    let metrics = json!({ "width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false });
    browser.tell(tab, "Emulation.setDeviceMetricsOverride", metrics);
    let width = browser.ask(tab, "document.documentElement.scrollWidth");
    browser.tell(tab, "Emulation.clearDeviceMetricsOverride", json!({}));
    assert_eq!(width, json!(400), "something sticks out");
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
    fits_a_telephone(&mut browser, &tab);
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
