//! The proxy is the only way: workers reach a broker with a planned fault of the network through their links.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use rustix::process::Signal;

use crate::common::{INCONCLUSIVE, Project, called};

/// A variant of lab 3 that sends slowly and has a fault of the network planned, for later than anybody waits.
fn slow(broker: &str, workers: &str, more: &str) -> String {
    format!(
        "\n[[variant]]\nname = \"slow\"\nbrokers = [\"{broker}\"]\nsays = \"It takes long.\"\ncontract = \"at-least-once\"\n\
         workload = {{ messages = 2_000, rate = 100 }}\nlimit = \"60s\"\nworker = [{workers}]\n{more}\n\
         fault = [{{ delay = \"producer-0\", by = \"1ms\", at = {{ time = \"50s\" }} }}]\nexpect = {{ verdict = \"kept\" }}\n"
    )
}

#[test]
#[cfg(target_os = "linux")]
fn workers_reach_nats_only_through_their_links() {
    let workers =
        "{ role = \"producer\", run = \"producer\" }, { role = \"consumer\", run = \"ack-after-effect\" }";
    nobody_goes_around("nats-server", &slow("nats", workers, "nats = { stream = {}, consumer = {} }"));
}

#[test]
#[cfg(target_os = "linux")]
fn workers_reach_postgres_only_through_their_links() {
    let workers = "{ role = \"producer\", run = \"commit-producer\" }";
    nobody_goes_around("postgres", &slow("postgres", workers, "sink = { kind = \"table\" }"));
}

#[test]
#[cfg(target_os = "linux")]
fn workers_reach_kafka_only_through_their_links() {
    let workers = "{ role = \"producer\", run = \"kafka-producer\" }, { role = \"consumer\", run = \"kafka-consumer\" }";
    nobody_goes_around("java", &slow("kafka", workers, "kafka = { topic = {}, group = true }"));
}

/// Compares where workers are connected with where the broker listens, as the kernel knows it.
fn nobody_goes_around(server: &str, variant: &str) {
    let project = Project::with_lab_3(variant);
    let mut running = project.start(&["run", "3/slow"]);
    running.is_in("faults");
    let family = running.family();
    let sockets = sockets();
    let listening = of(&called(&family, server), &sockets, |socket| socket.listens.then_some(socket.local));
    assert!(!listening.is_empty(), "{server} listens somewhere");
    for worker in called(&family, "lab-03-acks") {
        let connected = of(&[worker], &sockets, |socket| (!socket.listens).then_some(socket.remote));
        assert!(!connected.is_empty(), "{worker} is connected");
        let around: Vec<_> = connected.intersection(&listening).collect();
        assert!(around.is_empty(), "{worker} is connected to {around:?} past the proxy");
    }
    running.signal(Signal::INT);
    running.end().exits(INCONCLUSIVE);
}

/// One line of the kernel's list.
struct Socket {
    local: u16,
    remote: u16,
    listens: bool,
}

/// All TCP sockets of this machine, by their inode.
fn sockets() -> BTreeMap<String, Socket> {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let lines = lists.iter().flat_map(|list| list.lines().skip(1));
    let socket = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let port = |field: &str| u16::from_str_radix(field.rsplit(':').next()?, 16).ok();
        let socket = Socket { local: port(fields[1])?, remote: port(fields[2])?, listens: fields[3] == "0A" };
        Some((fields[9].to_owned(), socket))
    };
    lines.filter_map(socket).collect()
}

/// What `what` says of the sockets that these processes have open.
fn of(
    pids: &[u32],
    sockets: &BTreeMap<String, Socket>,
    what: impl Fn(&Socket) -> Option<u16>,
) -> BTreeSet<u16> {
    let files = pids.iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten());
    let inode = |file: std::io::Result<fs::DirEntry>| {
        let target = fs::read_link(file.ok()?.path()).ok()?;
        Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
    };
    files.filter_map(inode).filter_map(|inode| sockets.get(&inode).and_then(&what)).collect()
}
