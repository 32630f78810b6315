//! What Prometheus sees of a run: while it goes on, in the end, and afterwards from its folder.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    common::{AS_EXPECTED, BOUND, Project, Running, USAGE, wait_for},
    prometheus::{Prometheus, free_port, get, promtool},
};

/// A stream, a kill, and long enough for some scrapes.
const VARIANT: &str = "jetstream-subscriber-killed";
const SLOW: [&str; 6] = ["--set", "messages=1500", "--set", "rate=250", "--seed", "7"];

/// The rows of the account that only grow: their metrics are counters.
const COUNTERS: [&str; 7] =
    ["attempted", "acked", "rejected", "unknown", "unconfirmed", "delivered", "redelivered"];

/// The metric of a row of the account.
fn metric_of(row: &str) -> String {
    match row {
        "surplus" => "lab_effects_surplus".to_owned(),
        "calls" => "lab_receiver_calls".to_owned(),
        row if COUNTERS.contains(&row) => format!("lab_messages_{row}_total"),
        row => format!("lab_messages_{row}"),
    }
}

/// Prometheus says of the variant what its `verdict.json` says: every row, and nothing where that says null.
fn says_the_same(prometheus: &Prometheus, run: &Path) {
    let text = fs::read_to_string(run.join("verdict.json")).expect("a verdict");
    let result: Value = serde_json::from_str(&text).expect("JSON");
    let variant = result["variant"].as_str().expect("a variant");
    let rows = result["account"].as_object().expect("an account");
    assert_eq!(rows.len(), 26);
    for (row, count) in rows.iter().filter(|(row, _)| *row != "sum") {
        let metric = metric_of(row);
        assert_eq!(prometheus.last(&metric, variant), count.as_f64(), "{metric} of {text}");
    }
    assert_eq!(prometheus.last("lab_balance_observed", variant), rows["sum"]["observed"].as_f64());
    for verdict in ["kept", "broken", "inconclusive", "not-run"] {
        let selector = format!("lab_verdict{{verdict=\"{verdict}\",variant=\"{variant}\"}}");
        let found = prometheus.query(&format!("last_over_time({selector}[1h])"));
        assert_eq!(found[0].value == 1.0, result["verdict"] == verdict, "{verdict}: {text}");
    }
    assert_eq!(prometheus.last("lab_drained", variant), Some(f64::from(u8::from(result["drained"] == true))));
    assert_eq!(prometheus.last("lab_run_seconds", variant), result["seconds"].as_f64());
    let info = prometheus.query(&format!("last_over_time(lab_run_info{{variant=\"{variant}\"}}[1h])"));
    let folder = fs::canonicalize(run).expect("a folder");
    assert_eq!(
        info[0].labels.get("run").map(String::as_str),
        folder.file_name().and_then(|name| name.to_str())
    );
    for fault in result["faults"].as_array().expect("faults") {
        let labels = format!("{{variant=\"{variant}\",kind={},target={}}}", fault["fault"], fault["target"]);
        let last = |metric: &str| prometheus.query(&format!("last_over_time({metric}{labels}[1h])"))[0].value;
        assert_eq!((last("lab_fault_active"), last("lab_fault_injections_total")), (0.0, 1.0), "{labels}");
    }
}

/// Starts a run whose metrics are at this port; the port was free just now, and may be taken by somebody in between.
fn start(project: &Project, port: u16, arguments: &[&str]) -> Running {
    let address = format!("127.0.0.1:{port}");
    let mut running = project.start(&[&["run", "--metrics", &address][..], arguments].concat());
    running.hears(&format!("metrics: http://{address}/metrics"));
    running
}

#[test]
fn a_real_prometheus_sees_a_real_run_and_its_verdict() {
    let project = Project::with_lab_2();
    let port = free_port();
    let prometheus = Prometheus::scraping(&format!("127.0.0.1:{port}"));
    let target = format!("2/{VARIANT}");
    let running = start(&project, port, &[&[&*target][..], &SLOW].concat());
    wait_for("the first scrape of messages", BOUND, || {
        prometheus.last(&metric_of("attempted"), VARIANT).is_some_and(|count| count > 0.0)
    });
    let (status, text) = get(port, "/metrics").expect("it is there while the run goes on");
    assert_eq!(status, 200);
    let checked = promtool(&["check", "metrics"], &text);
    let said = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success() && said.is_empty(), "{}\n{text}", String::from_utf8_lossy(&said));
    running.end().exits(AS_EXPECTED).says(&["kept"]);

    let run = project.path(&format!("runs/02-fire-and-forget/{VARIANT}/latest"));
    says_the_same(&prometheus, &run);
    for metric in ["lab_publish_ack_seconds_count", "lab_end_to_end_seconds_count"] {
        assert_eq!(
            prometheus.last(metric, VARIANT),
            Some(1500.0),
            "{metric}: of so few, all are in the sample"
        );
    }
    assert!(prometheus.last("lab_redelivery_delay_seconds_count", VARIANT) >= Some(1.0));
    assert!(get(port, "/metrics").is_none(), "it is gone with the run");
}

#[test]
fn a_prometheus_that_was_not_there_is_filled_afterwards() {
    let project = Project::with_lab_2();
    let targets = [format!("2/{VARIANT}"), "2/subscriber-killed".to_owned(), "7/plain".to_owned()];
    project.run(&["run", &targets[0], &targets[1], &targets[2]]).exits(AS_EXPECTED);
    let folder = |lab: &str, variant: &str| project.path(&format!("runs/{lab}/{variant}/latest"));
    let runs = [
        folder("02-fire-and-forget", VARIANT),
        folder("02-fire-and-forget", "subscriber-killed"),
        folder("07-tiny", "plain"),
    ];
    let files = runs.each_ref().map(|run| run.join("metrics.om"));
    for file in &files {
        let text = fs::read_to_string(file).expect("metrics.om");
        assert!(text.ends_with("# EOF\n"));
        let samples = text.lines().filter(|line| line.starts_with("lab_drained{")).count();
        assert!(samples >= 2, "the beginning and the end at least: {text}");
    }
    let prometheus = Prometheus::filled(&files.each_ref().map(|file| file.as_path()));
    for run in &runs {
        says_the_same(&prometheus, run);
    }
    project.run(&["run", "7/plain", "--no-metrics"]).exits(AS_EXPECTED);
    assert!(!project.latest("plain").join("metrics.om").exists());
}

#[test]
fn without_a_scraper_the_endpoint_does_not_stay_and_labs_share_it() {
    let project = Project::tiny("");
    for file in ["lab.toml", "worker.sh"] {
        let text = fs::read_to_string(project.path("labs/07-tiny").join(file)).expect("a file");
        project.write(&format!("labs/08-other/{file}"), &text);
    }
    let port = free_port();
    let running = start(&project, port, &["7", "8", "--jobs", "2"]);
    let seen = std::cell::RefCell::new(String::new());
    wait_for("both verdicts on one page", BOUND, || {
        let text = get(port, "/metrics").map(|(_, text)| text).unwrap_or_default();
        let kept = text
            .lines()
            .filter(|line| line.starts_with("lab_verdict{") && line.ends_with("\"kept\"} 1"))
            .count();
        seen.replace(text);
        kept == 2
    });
    let text = seen.into_inner();
    for lab in ["07-tiny", "08-other"] {
        let row = format!("lab_messages_applied{{lab=\"{lab}\",variant=\"plain\"}} 10\n");
        assert!(text.contains(&row), "{text}");
    }
    running.end().exits(AS_EXPECTED);
}

#[test]
fn a_bad_address_is_named_before_anything_is_started() {
    let project = Project::tiny("");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let refused: [(&[&str], &[&str]); 6] = [
        (&["--metrics", &address], &["something else listens there", "to mend it"]),
        (&["--metrics", "0.0.0.0:0"], &["would be open to other machines", "--metrics-public"]),
        (&["--metrics", "9464"], &["try 127.0.0.1:9464"]),
        (&["--metrics", "example.org:80"], &["expected an address and a port"]),
        (&["--metrics-public"], &["--metrics <ADDRESS>"]),
        (&["--metrics", "127.0.0.1:0", "--no-metrics"], &["cannot be used with"]),
    ];
    for (arguments, words) in refused {
        let ran = project.run(&[&["run", "7"][..], arguments].concat());
        ran.exits(USAGE).says(words);
    }
    assert!(!project.path("runs/07-tiny").exists(), "something was run");
    project.run(&["run", "7", "--metrics", "0.0.0.0:0", "--metrics-public"]).exits(AS_EXPECTED);
}

#[test]
fn a_scraper_that_stops_reading_does_not_hold_up_the_run() {
    use std::io::Write;
    let project = Project::tiny("");
    let port = free_port();
    let running = start(&project, port, &["7"]);
    let mut stuck: Vec<_> =
        (0..3).filter_map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    assert!(!stuck.is_empty());
    for stream in &mut stuck {
        // Far more answers than any buffer holds, and none of them is read. It may be over before all is asked.
        let request = format!("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").repeat(200);
        let _ = stream.set_nonblocking(true);
        let _ = stream.write(request.as_bytes());
    }
    running.end().exits(AS_EXPECTED).says(&["kept"]);
    assert!(project.latest("plain").join("metrics.om").exists());
}
