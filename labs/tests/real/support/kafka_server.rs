//! A Kafka broker of a test's own: one node, on loopback, on free ports, gone with the value.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use rustix::process::{Pid, Signal, kill_process};

use super::nats_server::{free_port, until};

/// The tests' settings: quick to start, and quick to take its place again after a kill.
const SETTINGS: &str = "\
process.roles=broker,controller
node.id=1
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
log.cleaner.dedupe.buffer.size=2097152
";

/// A running broker.
pub struct Kafka {
    process: Child,
    folder: tempfile::TempDir,
    /// Its address.
    pub brokers: String,
}

impl Kafka {
    /// Starts one, and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a temporary folder");
        fs::write(data.join("meta.properties"), "version=1\ncluster.id=tests\nnode.id=1\n").expect("a file");
        let [client, controller] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let settings = format!(
            "{SETTINGS}controller.quorum.voters=1@{controller}\nlog.dirs={}\n\
             listeners=CLIENT://{client},CONTROLLER://{controller}\nadvertised.listeners=CLIENT://{client}\n",
            data.display()
        );
        fs::write(folder.path().join("server.properties"), settings).expect("a file");
        let mut kafka = Self { process: launch(folder.path()), folder, brokers: client };
        kafka.answers();
        kafka
    }

    /// The topic of the tests, with this setting, and without what an earlier part of the test left in it.
    pub async fn create_topic(&self, name: &str, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("a client");
        let mut topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        topic.config = settings.to_vec();
        let made = admin.create_topics([&topic], &AdminOptions::new()).await.expect("the broker answers");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// How many messages the topic has.
    pub fn stored(&self, topic: &str) -> i64 {
        let consumer: BaseConsumer = self.config().create().expect("a client");
        consumer.fetch_watermarks(topic, 0, Duration::from_secs(10)).expect("the broker answers").1
    }

    /// How many messages a reader of committed messages gets from the topic, up to the first open transaction.
    pub fn committed(&self, topic: &str) -> usize {
        self.read(topic, "read_committed")
    }

    /// How many messages the topic's log holds, whether they count or not.
    pub fn logged(&self, topic: &str) -> usize {
        self.read(topic, "read_uncommitted")
    }

    fn read(&self, topic: &str, isolation: &str) -> usize {
        let mut config = self.config();
        config.set("isolation.level", isolation).set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().expect("a client");
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
        consumer.assign(&from).expect("a topic");
        let mut messages = 0;
        loop {
            match consumer.poll(Duration::from_secs(30)).expect("the broker answers") {
                Ok(_) => messages += 1,
                Err(KafkaError::PartitionEOF(_)) => return messages,
                Err(error) => panic!("cannot read {topic}: {error}"),
            }
        }
    }

    /// SIGSTOP: it keeps its connections and answers nobody. Returns when every thread is stopped.
    pub fn pause(&self) {
        kill_process(self.pid(), Signal::STOP).expect("our own child");
        until("every thread is stopped", || {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).ok()?;
            let mut stats = tasks.flatten().map(|task| fs::read_to_string(task.path().join("stat")));
            stats.all(|stat| is_stopped(&stat.unwrap_or_default())).then_some(())
        });
    }

    /// SIGCONT.
    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).expect("our own child");
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
    }

    /// A new one on the same data and ports.
    pub fn restart(&mut self) {
        self.process = launch(self.folder.path());
        self.answers();
    }

    /// Somebody may have had one of its ports for a moment: then it ended, and is started again.
    fn answers(&mut self) {
        let consumer: BaseConsumer = self.config().create().expect("a client");
        until("Kafka answers", || {
            if self.process.try_wait().expect("our own child").is_some() {
                self.process = launch(self.folder.path());
            }
            consumer.fetch_metadata(None, Duration::from_secs(1)).ok()
        });
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("reconnect.backoff.max.ms", "100");
        config.set("group.id", "tests");
        config
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `123 (a name) T …`; a thread that is gone is as good as stopped.
fn is_stopped(stat: &str) -> bool {
    stat.rsplit(')').next().is_some_and(|rest| rest.is_empty() || rest.starts_with(" T"))
}

fn launch(folder: &Path) -> Child {
    let log = fs::File::create(folder.join("log")).expect("a temporary file");
    let java = java();
    let mut class_path = find().into_os_string();
    class_path.push("/*");
    Command::new(&java)
        .args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .args([class_path, OsString::from("kafka.Kafka"), folder.join("server.properties").into()])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", java.display()))
}

/// The program.
pub fn java() -> PathBuf {
    std::env::var_os("JAVA_HOME").map_or("java".into(), |home| PathBuf::from(home).join("bin/java"))
}

/// Finds Kafka's jars: `KAFKA_HOME`, what the harness installed. A test without them must fail, not pass.
pub fn find() -> PathBuf {
    if let Some(home) = std::env::var_os("KAFKA_HOME") {
        return PathBuf::from(home).join("libs");
    }
    // `.tools/kafka/<version>/libs`
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/kafka");
    let installed = fs::read_dir(tools).into_iter().flatten().flatten().map(|version| version.path());
    let mut candidates = installed.map(|version| version.join("libs"));
    candidates
        .find(|libs| libs.is_dir())
        .unwrap_or_else(|| panic!("no Kafka: install it with `./task setup`, or name one in KAFKA_HOME"))
}
