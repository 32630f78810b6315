//! The boards: what their files say, and whether each of their queries finds something in a Prometheus that holds real runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

use crate::{
    common::{AS_EXPECTED, LAB_2, Project, repository},
    prometheus::{Prometheus, Series},
};

/// The panels that every Grafana has in it. Anything else would have to be installed.
const PANELS: [&str; 6] = ["stat", "table", "timeseries", "bargauge", "state-timeline", "heatmap"];

/// The units that the boards use, as Grafana spells them.
const UNITS: [&str; 4] = ["short", "s", "cps", "bytes"];

/// The source of the boards' numbers: the one that is provisioned.
const SOURCE: &str = "lab-prometheus";

/// What each panel of the board *Brokers* shows, as far as the broker can be asked for it.
const SHOWN: [(&str, &[&str]); 9] = [
    ("Does it answer?", &["kafka", "nats", "postgres"]),
    ("Time to answer", &["kafka", "nats", "postgres"]),
    ("Messages in a second", &["kafka", "nats"]),
    ("Messages out a second", &["nats"]),
    ("Messages stored", &["kafka", "nats"]),
    ("Bytes stored", &["nats"]),
    ("Connections", &["nats", "postgres"]),
    ("Transactions a second", &["postgres"]),
    ("Memory", &["nats"]),
];

/// Kafka, with messages that come slowly enough to be seen by whoever looks once a second.
const KAFKA: &str = r#"
[[variant]]
name = "kafka-slow"
brokers = ["kafka"]
says = "A message in 20 ms, and nothing breaks."
contract = "at-most-once"
workload = { messages = 200, rate = 50 }
kafka = {}
worker = [{ role = "producer", run = "kafka-producer" }, { role = "consumer", run = "kafka-consumer" }]
expect = { verdict = "kept", attempted = 200, stored = 200, applied = 200 }
"#;

/// A variant with two brokers in it, and with workers slow enough to be seen twice by whoever looks once a second.
const TWO_BROKERS: &str = r#"
[[variant]]
name = "two-brokers"
brokers = ["nats", "postgres"]
says = "Messages come slowly, and each is applied twice."
contract = "at-least-once"
worker = [{ role = "producer", command = ["sh", "slow.sh"] }, { role = "consumer", command = ["sh", "slow.sh"] }]
expect = { verdict = "kept", duplicated = 10 }
"#;

/// A message in 400 ms: that is its rate, and it is no wait for anything.
const SLOW_WORKER: &str = r#"
echo ":: ready"
last=$((HARNESS_MESSAGES - 1))
while read -r order argument; do
  case "${HARNESS_WORKER%-*} $order" in
    "producer go")
      for seq in $(seq 0 $last); do echo ":: attempted 0-$seq"; echo ":: unconfirmed 0-$seq"; sleep 0.4; done
      echo ":: done" ;;
    "consumer go") for time in 1 2; do echo ":: delivered 0-0..0-$last"; echo ":: applied 0-0..0-$last"; done ;;
    "consumer drain") echo ":: idle $argument" ;;
    *" stop") exit 0 ;;
  esac
done
"#;

struct Board {
    name: String,
    json: Value,
}

fn boards() -> Vec<Board> {
    let folder = repository().join("dashboards/boards");
    let mut boards = Vec::new();
    for entry in fs::read_dir(&folder).expect("the boards").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).expect("a board");
            let json =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            boards
                .push(Board { name: path.file_stem().expect("a name").to_string_lossy().into_owned(), json });
        }
    }
    boards.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(boards.len(), 3);
    boards
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("no list {name} in {value}"))
}

/// Every `datasource` anywhere in it.
fn sources<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "datasource" {
                    found.push(value);
                }
                sources(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| sources(item, found)),
        _ => {}
    }
}

#[test]
fn boards_are_made_of_what_every_grafana_has() {
    let mut uids = BTreeSet::new();
    for Board { name, json } in boards() {
        assert!(uids.insert(text(&json, "uid").to_owned()) && json["id"].is_null(), "{name}");
        let mut found = Vec::new();
        sources(&json, &mut found);
        assert!(!found.is_empty());
        for source in found {
            let uid = text(source, "uid");
            assert!(["${datasource}", SOURCE].contains(&uid), "{name}: {source}");
            assert_eq!(text(source, "type"), "prometheus", "{name}");
        }
        let variables = list(&json["templating"], "list");
        let source = variables.iter().find(|variable| variable["name"] == "datasource").expect("a source");
        assert_eq!(source["current"]["value"], SOURCE, "{name}");
        let mut ids = BTreeSet::new();
        let mut taken = BTreeMap::new();
        for panel in list(&json, "panels") {
            let title = format!("{name}: {}", text(panel, "title"));
            assert!(PANELS.contains(&text(panel, "type")), "{title}");
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}");
            assert!(UNITS.contains(&text(&panel["fieldConfig"]["defaults"], "unit")), "{title}");
            lies_alone(panel, &title, &mut taken);
            let targets = list(panel, "targets");
            assert!(!targets.is_empty(), "{title}");
            let mut letters = BTreeSet::new();
            for target in targets {
                assert!(!text(target, "legendFormat").is_empty(), "{title}");
                assert!(letters.insert(text(target, "refId")), "{title}");
            }
            if panel["type"] == "timeseries" {
                assert_eq!(panel["options"]["legend"]["showLegend"], true, "{title}");
            }
        }
    }
}

/// The panel's cells are within 24 columns, and nobody else's.
fn lies_alone(panel: &Value, title: &str, taken: &mut BTreeMap<(u64, u64), String>) {
    let at = |name: &str| panel["gridPos"][name].as_u64().unwrap_or_else(|| panic!("{title}: {name}"));
    let (x, y, w, h) = (at("x"), at("y"), at("w"), at("h"));
    assert!(w > 0 && h > 0 && x + w <= 24, "{title}");
    for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
        if let Some(other) = taken.insert(cell, title.to_owned()) {
            panic!("{title} lies over {other}");
        }
    }
}

#[test]
fn beside_each_board_stands_which_question_each_panel_answers() {
    for Board { name, json } in boards() {
        let path = repository().join(format!("dashboards/boards/{name}.md"));
        let said = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for panel in list(&json, "panels") {
            let title = text(panel, "title");
            let row = said.lines().any(|line| {
                let first = line.strip_prefix("| ").and_then(|rest| rest.split(" | ").next());
                first.is_some_and(|titles| titles.split(", ").any(|told| told == title))
            });
            assert!(row, "{name}.md says nothing of the panel \"{title}\"");
            assert!(text(panel, "description").contains('?'), "{name}: {title} answers no question");
        }
    }
}

#[test]
fn grafana_is_told_where_everything_is() {
    let read = |name: &str| {
        fs::read_to_string(repository().join("dashboards/provisioning").join(name)).expect("a file")
    };
    let source = read("datasources/labs.yaml");
    assert!(
        source.contains(&format!("uid: {SOURCE}\n")) && source.contains("url: $LAB_PROMETHEUS_URL\n"),
        "{source}"
    );
    let provider = read("dashboards/labs.yaml");
    assert!(provider.contains("folder: ") && provider.contains("path: $LAB_BOARDS\n"), "{provider}");
}

/// A query with its variables filled in. Nothing may be left that Grafana would have to fill in, too.
fn filled(query: &str, chosen: &[(&str, &str)]) -> String {
    let mut query = query.replace("$__rate_interval", "1m").replace("$__range", "1h");
    for (name, value) in chosen {
        query = query.replace(&format!("${name}"), value);
    }
    let left = query.match_indices('$').find(|(at, _)| {
        let next = query[at + 1..].chars().next();
        next.is_some_and(|next| next.is_alphabetic() || "_{".contains(next))
    });
    assert!(left.is_none(), "a variable of {query} is not known");
    query
}

/// Every query of a board: of its panels, its variables and its annotations; with where it stands.
fn queries(board: &Board) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in list(&board.json, "panels") {
        for target in list(panel, "targets") {
            let place =
                format!("{}, panel \"{}\" {}", board.name, text(panel, "title"), text(target, "refId"));
            queries.push((place, text(target, "expr").to_owned()));
        }
    }
    for variable in list(&board.json["templating"], "list") {
        if variable["type"] == "query" {
            let name = text(variable, "name");
            let inner =
                text(&variable["query"], "query").strip_prefix("label_values(").expect("label_values");
            let (selector, label) =
                inner.strip_suffix(')').and_then(|inner| inner.rsplit_once(", ")).expect("a label");
            queries.push((
                format!("{}, variable {name}", board.name),
                format!("count by ({label}) (last_over_time({selector}[$__range]))"),
            ));
        }
    }
    for annotation in list(&board.json["annotations"], "list") {
        let place = format!("{}, annotation \"{}\"", board.name, text(annotation, "name"));
        // A mark stands where something happened, not at the end.
        queries.push((place, format!("count_over_time(({})[$__range:1s])", text(annotation, "expr"))));
    }
    queries
}

/// When the last sample of a file was taken.
fn end_of(file: &Path) -> f64 {
    let text = fs::read_to_string(file).expect("metrics.om");
    let mut samples = text.lines().filter(|line| line.starts_with("lab_drained{"));
    let last = samples.next_back().and_then(|line| line.rsplit(' ').next()).expect("a sample");
    last.parse().expect("a time")
}

#[test]
fn every_query_of_every_board_finds_something_in_real_runs() {
    let project = Project::with_lab_2();
    project.use_all_brokers();
    project.write("labs/07-tiny/slow.sh", SLOW_WORKER);
    let lab = fs::read_to_string(project.path("labs/07-tiny/lab.toml")).expect("the lab");
    let lab = lab.replace("brokers = [\"nats\"]", "brokers = [\"nats\", \"postgres\"]");
    let lab = lab.replace("name = \"plain\"\n", "name = \"plain\"\nbrokers = [\"nats\"]\n");
    project.write("labs/07-tiny/lab.toml", &format!("{lab}{TWO_BROKERS}"));
    let lab_2 = format!("{LAB_2}/lab.toml");
    let lab = fs::read_to_string(project.path(&lab_2)).expect("the lab");
    project.write(&lab_2, &format!("{lab}{KAFKA}"));
    let stream = "jetstream-subscriber-killed";
    let stream_target = format!("2/{stream}");
    let targets = ["7/two-brokers", "2/subscriber-killed", &stream_target, "2/kafka-slow"];
    project.run(&[&["run", "--metrics", "127.0.0.1:0"][..], &targets].concat()).exits(AS_EXPECTED);

    let of = |lab: &str, variant: &str| {
        let run = fs::canonicalize(project.path(&format!("runs/{lab}/{variant}/latest"))).expect("a run");
        run.join("metrics.om")
    };
    let one_run = of("02-fire-and-forget", stream);
    let files = [
        one_run.clone(),
        of("02-fire-and-forget", "subscriber-killed"),
        of("02-fire-and-forget", "kafka-slow"),
        of("07-tiny", "two-brokers"),
    ];
    let prometheus = Prometheus::filled(&files.each_ref().map(|file| file.as_path()));
    let name = one_run.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
    let ends: Vec<f64> = files.iter().map(|file| end_of(file)).collect();
    let everything = [("lab", ".*"), ("variant", ".*"), ("run", ".*"), ("broker", ".*")];
    let chosen = [("lab", "02-fire-and-forget"), ("variant", stream), ("run", &*name), ("broker", ".*")];
    let mut asked = 0;
    for board in boards() {
        for (place, query) in queries(&board) {
            let query = filled(&query, if board.name == "run" { &chosen } else { &everything });
            let found = ends.iter().flat_map(|end| {
                let found = prometheus.query_at(&query, *end);
                found.unwrap_or_else(|error| panic!("{place}: {error}: {query}"))
            });
            // A quantile of nothing is no number, and an empty panel.
            let found: Vec<_> = found.filter(|series| !series.value.is_nan()).collect();
            assert!(!found.is_empty(), "{place} is empty: {query}");
            if board.name == "brokers" {
                every_broker_is_there(&place, &found);
            }
            asked += 1;
        }
    }
    assert!(asked >= 50, "{asked}: queries are missing");
    let stored = "max_over_time(lab_broker_stored_messages{broker=\"kafka\"}[1h])";
    let stored = prometheus.query_at(stored, ends[2]).expect("an answer");
    assert!(stored[0].value > 0.0, "Kafka told of the run's topic: {stored:?}");
}

/// A panel of the board *Brokers* shows every broker that can tell it. Variables and annotations are of no broker.
#[track_caller]
fn every_broker_is_there(place: &str, found: &[Series]) {
    let Some(title) = place.split('"').nth(1).filter(|_| place.contains("panel")) else { return };
    let wanted = SHOWN.iter().find(|(told, _)| *told == title).unwrap_or_else(|| panic!("{place} is new"));
    let seen: BTreeSet<_> =
        found.iter().filter_map(|series| series.labels.get("broker").map(String::as_str)).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), wanted.1, "{place}");
}
