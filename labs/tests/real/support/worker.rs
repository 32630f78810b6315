//! A real worker, driven by hand-written lines as the harness would.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use ledger::{Kind, MessageId};

use super::{
    nats_server::{LOGIN, Server},
    postgres_server,
};

/// Longer than anything here takes; a wait that hits it fails the test.
const BOUND: Duration = Duration::from_secs(120);

/// The run's id in all these tests.
pub const RUN: u64 = 0xfe01;

/// A run folder, and how its workers are started.
pub struct Run {
    binary: &'static str,
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

/// A started worker.
pub struct Worker {
    process: Child,
    orders: Option<ChildStdin>,
    words: Receiver<String>,
    /// Its journal.
    pub journal: PathBuf,
}

impl Run {
    /// A run of lab 2 on this server, with 100 messages a producer.
    pub fn on(server: &Server) -> Self {
        let of_nats = [
            ("NATS_URL", server.url.clone()),
            ("NATS_USER", LOGIN.0.to_owned()),
            ("NATS_PASSWORD", LOGIN.1.to_owned()),
            ("NATS_SUBJECT", "lab.k7".to_owned()),
            ("NATS_STREAM", "LAB_k7".to_owned()),
            ("NATS_CONSUMER", "workers".to_owned()),
        ];
        Self::of(env!("CARGO_BIN_EXE_lab-02-fire-and-forget"), &of_nats)
    }

    /// A run of lab 1 on this database, whose effects are rows of a table.
    pub fn on_database(server: &postgres_server::Server) -> Self {
        let of_postgres = [("POSTGRES_URL", server.url()), ("HARNESS_EFFECT", "reported".to_owned())];
        Self::of(env!("CARGO_BIN_EXE_lab-01-db-polling"), &of_postgres)
    }

    /// A run of a lab's program with this topic.
    pub fn on_kafka(brokers: &str, binary: &'static str, topic: &str) -> Self {
        let of_kafka = [("KAFKA_BROKERS", brokers), ("KAFKA_TOPIC", topic), ("KAFKA_GROUP", topic)];
        Self::of(binary, &of_kafka.map(|(name, value)| (name, value.to_owned())))
    }

    fn of(binary: &'static str, more: &[(&'static str, String)]) -> Self {
        let mut settings = vec![
            ("HARNESS_RUN", format!("{RUN:x}")),
            ("HARNESS_TAG", "k7".to_owned()),
            ("HARNESS_MESSAGES", "100".to_owned()),
        ];
        settings.extend_from_slice(more);
        Self { binary, folder: tempfile::tempdir().expect("a temporary folder"), settings }
    }

    /// The same with one setting changed.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// Starts a worker's first life.
    pub fn start(&self, name: &str, arguments: &[&str]) -> Worker {
        self.start_again(name, 0, arguments)
    }

    /// Starts a later life of it.
    pub fn start_again(&self, name: &str, incarnation: u32, arguments: &[&str]) -> Worker {
        let prefix = self.folder.path().join(format!("{name}.{incarnation}"));
        let mut process = Command::new(self.binary)
            .args(arguments)
            .envs(self.settings.iter().map(|(name, value)| (*name, value)))
            .env("HARNESS_WORKER", name)
            .env("HARNESS_INCARNATION", incarnation.to_string())
            .env("HARNESS_JOURNAL", &prefix)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker's binary");
        let orders = process.stdin.take();
        let output = process.stdout.take().expect("it is piped");
        let (sender, words) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Worker { process, orders, words, journal: format!("{}.journal", prefix.display()).into() }
    }
}

impl Worker {
    /// Gives an order.
    pub fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("not hung up");
        writeln!(orders, "{order}").expect("the worker listens");
    }

    /// Waits for a word; figures on the way are skipped, any other word fails the test.
    pub fn says(&self, word: &str) {
        loop {
            let line =
                self.words.recv_timeout(BOUND).unwrap_or_else(|error| panic!("waited for `{word}`: {error}"));
            if line == word {
                return;
            }
            assert!(line.starts_with(":: figure "), "waited for `{word}`, heard `{line}`");
        }
    }

    /// Whether it says this word within so long; other words on the way are passed over.
    pub fn hears(&self, word: &str, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            match self.words.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line == word => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// What it said and nobody asked for, now.
    pub fn said(&self) -> Vec<String> {
        self.words.try_iter().collect()
    }

    /// Ready, and told to go.
    pub fn goes(mut self) -> Self {
        self.says(":: ready");
        self.order("go");
        self
    }

    /// How many connections it has open to this address on loopback, by the kernel's own list.
    #[cfg(target_os = "linux")]
    pub fn connections(&self, address: &str) -> usize {
        let folder = format!("/proc/{}", self.process.id());
        let files = std::fs::read_dir(format!("{folder}/fd")).expect("it lives").flatten();
        let links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        let own: Vec<_> = links.map(|link| link.display().to_string()).collect();
        let (_, port) = address.rsplit_once(':').expect("a port");
        let to = format!(":{:04X}", port.parse::<u16>().expect("a port"));
        let list = std::fs::read_to_string(format!("{folder}/net/tcp")).expect("it lives");
        let open = list.lines().filter(|line| {
            // Its number, from, to, the state (1 is open), … and in the tenth place the name of the socket.
            let words: Vec<_> = line.split_whitespace().collect();
            let is_open = words.len() > 9 && words[2].ends_with(&to) && words[3] == "01";
            is_open && own.contains(&format!("socket:[{}]", words[9]))
        });
        open.count()
    }

    /// Closes its standard input.
    pub fn hang_up(&mut self) {
        self.orders = None;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
    }

    /// Waits for its end; the rest of what it said.
    pub fn ends(&mut self) -> (ExitStatus, Vec<String>) {
        let start = Instant::now();
        while start.elapsed() < BOUND {
            if let Some(status) = self.process.try_wait().expect("our own child") {
                let mut rest = Vec::new();
                while let Ok(line) = self.words.recv_timeout(BOUND) {
                    rest.push(line);
                }
                return (status, rest);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the worker does not end");
    }

    /// Told to stop, ends well.
    pub fn stops(&mut self) -> Vec<String> {
        self.order("stop");
        let (status, rest) = self.ends();
        assert!(status.success(), "{status}: {rest:?}");
        rest
    }

    /// The ids of this kind in its journal, in their order.
    pub fn told(&self, kind: Kind) -> Vec<MessageId> {
        let journal = self.read_journal();
        journal.entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.id).collect()
    }

    /// How often it passed a point.
    pub fn passed(&self, point: &str) -> u64 {
        let journal = self.read_journal();
        journal.points.iter().find(|(name, _)| name == point).map_or(0, |(_, count)| *count)
    }

    fn read_journal(&self) -> journal::Journal {
        let journal = journal::read(&self.journal, Some(RUN)).expect("its journal");
        assert!(journal.damage.is_none(), "{:?}", journal.damage);
        journal
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `0-<from>` up to, not with, `0-<to>`.
pub fn ids(range: std::ops::Range<u32>) -> Vec<MessageId> {
    range.map(|seq| MessageId::new(0, seq)).collect()
}
