//! `harness dash`: a real Prometheus; and because no package registry has Grafana, a stand-in that records how it is called.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    common::{AS_EXPECTED, BOUND, INCONCLUSIVE, Project, USAGE, are_gone, copy, repository, wait_for},
    live_page::{page_of, read_news},
    prometheus::{ask, escaped, get},
};

/// Writes down how it was called, is not well at first, and then answers until it is ended.
const STAND_IN: &str = r#"
import configparser, http.server, json, os, sys
home = sys.argv[sys.argv.index("--homepath") + 1]
settings = configparser.ConfigParser()
settings.read(sys.argv[sys.argv.index("--config") + 1])
record = {
    "arguments": sys.argv[1:],
    "prometheus": os.environ["LAB_PROMETHEUS_URL"],
    "boards": os.environ["LAB_BOARDS"],
    "settings": {name: dict(settings[name]) for name in settings.sections()},
}
answers = [503, 200]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(answers[0] if self.path == "/api/health" else 404)
        self.end_headers()
        if len(answers) > 1:
            answers.pop(0)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer((settings["server"]["http_addr"], int(settings["server"]["http_port"])), Handler)
with open(os.path.join(home, "record.unfinished"), "w") as file:
    json.dump(record, file)
os.rename(os.path.join(home, "record.unfinished"), os.path.join(home, "record.json"))
server.serve_forever()
"#;

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{url}"))
}

#[test]
fn labs_are_seen_on_boards_and_nothing_stays() {
    let mut project = Project::tiny("");
    copy(&repository().join("dashboards"), &project.path("dashboards"));
    project.program("grafana/bin/grafana", r#"exec python3 "$(dirname "$0")/../stand-in.py" "$@""#);
    project.write("grafana/stand-in.py", STAND_IN);
    project.write("grafana/conf/defaults.ini", "");
    let home = project.path("grafana");
    project.set("HARNESS_GRAFANA", &home);
    let running = project.start(&["dash", "7/plain"]);
    let record = home.join("record.json");
    wait_for("Grafana to be started", BOUND, || record.exists());
    let record: Value = serde_json::from_str(&fs::read_to_string(&record).expect("a record")).expect("JSON");

    let prometheus = port_of(record["prometheus"].as_str().expect("an address"));
    let kept =
        format!("/api/v1/query?query={}", escaped("lab_verdict{verdict=\"kept\",variant=\"plain\"} == 1"));
    wait_for("the verdict in Prometheus", BOUND, || {
        ask(prometheus, &kept).is_ok_and(|found| found.len() == 1)
    });

    let home = fs::canonicalize(&home).expect("a folder");
    let arguments: Vec<_> =
        record["arguments"].as_array().expect("arguments").iter().filter_map(Value::as_str).collect();
    assert_eq!(arguments[..4], ["server", "--homepath", &*home.to_string_lossy(), "--config"], "{record}");
    let settings = &record["settings"];
    assert_eq!(settings["server"]["http_addr"], "127.0.0.1");
    assert_eq!(settings["auth.anonymous"]["org_role"], "Viewer");
    for (setting, file) in [
        (&settings["paths"]["provisioning"], "datasources/labs.yaml"),
        (&settings["paths"]["provisioning"], "dashboards/labs.yaml"),
        (&record["boards"], "room.json"),
        (&settings["dashboards"]["default_home_dashboard_path"], ""),
    ] {
        let path = std::path::Path::new(setting.as_str().expect("a path"));
        let path = if file.is_empty() { path.to_owned() } else { path.join(file) };
        assert!(path.is_file(), "{}", path.display());
    }
    let family = running.family();
    running.signal(Signal::INT);
    let ran = running.end();
    ran.exits(AS_EXPECTED).says(&[
        "/d/lab-room",
        "/d/lab-run",
        "/d/lab-brokers",
        "kept",
        "until you press Ctrl-C",
    ]);
    are_gone(&family, BOUND);
    assert!(get(prometheus, "/-/ready").is_none());
    let left = fs::read_dir(project.path("runs/.sessions")).expect("sessions").count();
    assert_eq!(left, 0, "settings and data are left over");
}

#[test]
fn the_live_page_is_there_beside_the_boards() {
    let mut project = Project::tiny("");
    project.set("HARNESS_GRAFANA", project.path("labs"));
    let mut running = project.start(&["dash", "7/plain", "--live"]);
    // Nothing runs before somebody looks.
    let url = page_of(&mut running);
    assert!(!project.latest("plain").exists());
    let told = read_news(&url);
    assert!(told.contains("\"target\":\"7/plain\"") && told.contains("\"ended\":true"), "{told}");
    running.signal(Signal::INT);
    running.end().exits(AS_EXPECTED).says(&["/graph", "kept", "until you press Ctrl-C"]);

    project.run(&["dash", "--live"]).exits(USAGE).says(&["<TARGETS|--all>"]);
    project.run(&["dash", "7", "--all"]).exits(USAGE).says(&["cannot be used with"]);
}

#[test]
fn what_is_not_installed_is_named_with_what_mends_it() {
    let mut project = Project::tiny("");
    // A folder without a Grafana in it.
    project.set("HARNESS_GRAFANA", project.path("labs"));
    let mut running = project.start(&["dash", "7/plain"]);
    running.is_in("down");
    running.signal(Signal::INT);
    running.end().exits(AS_EXPECTED).says(&["Grafana is not installed", "to mend it", "/graph"]);

    project.set("PATH", "/nowhere");
    let ran = project.run(&["dash", "7/plain"]);
    ran.exits(INCONCLUSIVE).says(&["Prometheus is not on PATH", "to mend it"]);
}

#[test]
fn a_grafana_that_does_not_start_is_an_error_with_its_last_words() {
    let mut project = Project::tiny("");
    project.program("grafana/bin/grafana", "echo the database is locked; exit 1");
    project.write("grafana/conf/defaults.ini", "");
    project.set("HARNESS_GRAFANA", project.path("grafana"));
    let ran = project.run(&["dash"]);
    ran.exits(crate::common::FAILED).says(&["grafana did not start (exit code 1)", "the database is locked"]);
    assert!(fs::read_dir(project.path("runs/.sessions")).expect("sessions").next().is_none());
}
