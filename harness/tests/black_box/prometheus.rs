//! A real Prometheus for the tests, and a plain HTTP client.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// Only ends a hang: a start takes a second, on a busy machine some more.
const BOUND: Duration = Duration::from_secs(60);

/// How often a start is tried when somebody else took the free port in between.
const TRIES: u32 = 5;

/// What stands in the way where Prometheus is not installed. To go on without it would test nothing.
const MEND: &str = "these tests need prometheus and promtool: as root, sh tools/apt installs them";

/// A port of loopback that was free just now. It is not one of those that the system gives away by itself (from 32768 on):
/// all that the other tests start would take it within seconds.
pub fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let ports = (0..1_000_u64).map(|number| 18_000 + (RandomState::new().hash_one(number) % 14_000) as u16);
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a free port")
}

/// Asks by HTTP; the status and the body. Nothing, where nobody answers.
pub fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(BOUND)).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// Runs promtool, with this on its standard input.
pub fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect(MEND);
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // It may end before it has read all.
        let _ = pipe.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("promtool");
    writer.join().expect("the writer");
    output
}

/// One series of an answer, with its newest value.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// The answer of a Prometheus at this port, or what it says is wrong with the question.
pub fn ask(port: u16, path: &str) -> Result<Vec<Series>, String> {
    let (_, body) = get(port, path).ok_or("no answer")?;
    let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
    if answer["status"] != "success" {
        return Err(answer["error"].to_string());
    }
    let result = answer["data"]["result"].as_array().ok_or("no result")?;
    let series = result.iter().filter_map(|series| {
        let labels = series["metric"].as_object()?.iter();
        let labels =
            labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        // Of a range, the last.
        let sample = series["values"].as_array().map_or(&series["value"], |values| &values[values.len() - 1]);
        Some(Series { labels: labels.collect(), value: sample[1].as_str()?.parse().ok()? })
    });
    Ok(series.collect())
}

/// A running server with its data in a folder of its own.
pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Prometheus {
    /// Scrapes this address every second.
    pub fn scraping(target: &str) -> Self {
        let config = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs: [ {{ job_name: labs, static_configs: [ {{ targets: [ \"{target}\" ] }} ] }} ]\n"
        );
        Self::start(tempfile::tempdir().expect("a folder"), &config)
    }

    /// Holds what these files in OpenMetrics text tell.
    pub fn filled(files: &[&Path]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        for file in files {
            let arguments = [
                "tsdb",
                "create-blocks-from",
                "openmetrics",
                &file.to_string_lossy(),
                &data.to_string_lossy(),
            ];
            let output = promtool(&arguments, "");
            assert!(output.status.success(), "{}: {output:?}", file.display());
        }
        Self::start(folder, "global: {}\n")
    }

    fn start(folder: TempDir, config: &str) -> Self {
        std::fs::write(folder.path().join("prometheus.yml"), config).expect("a file");
        for _ in 0..TRIES {
            let port = free_port();
            let log = File::create(folder.path().join("log")).expect("a log");
            let mut command = Command::new("prometheus");
            command
                .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .args(["--storage.tsdb.retention.time=100y", "--query.lookback-delta=1h"])
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a log"))
                .stderr(log);
            let mut child = command.spawn().expect(MEND);
            if is_ready(&mut child, port) {
                return Self { child, port, _folder: folder };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("prometheus did not start:\n{log}");
    }

    /// The answer to a query as of now. An error in it is a failure of the test.
    #[track_caller]
    pub fn query(&self, query: &str) -> Vec<Series> {
        ask(self.port, &format!("/api/v1/query?query={}", escaped(query)))
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// The answer to a query as of a time in seconds since 1970, or what Prometheus says is wrong with it.
    pub fn query_at(&self, query: &str, at: f64) -> Result<Vec<Series>, String> {
        ask(self.port, &format!("/api/v1/query?query={}&time={at}", escaped(query)))
    }

    /// The last value that one metric of a variant had, also where its target is gone.
    pub fn last(&self, metric: &str, variant: &str) -> Option<f64> {
        let found = self.query(&format!("last_over_time({metric}{{variant=\"{variant}\"}}[1h])"));
        assert!(found.len() <= 1, "{found:?}");
        found.first().map(|series| series.value)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(child: &mut Child, port: u16) -> bool {
    let deadline = Instant::now() + BOUND;
    while Instant::now() < deadline {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        if get(port, "/-/ready").is_some_and(|(status, _)| status == 200) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// As it may stand in a question.
pub fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
