//! A nats-server of a test's own: on loopback, on a free port, gone with the value.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// nats-server takes 10 ms, Kafka without any preparation 4 s, and half a minute on a machine that is busy.
const START_BOUND: Duration = Duration::from_secs(120);

/// User and password of every test server.
pub const LOGIN: (&str, &str) = ("lab", "not-a-secret");

/// A running server.
pub struct Server {
    process: Child,
    binary: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    /// Its address.
    pub url: String,
}

impl Server {
    /// Starts one with JetStream.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let binary = find();
        let port = free_port();
        let process = launch(&binary, folder.path(), port);
        let mut server = Self { process, binary, folder, port, url: format!("nats://127.0.0.1:{port}") };
        server.listens();
        server
    }

    /// SIGSTOP: it keeps its connections and answers nobody. Returns when the kernel says that it is stopped.
    pub fn pause(&self) {
        kill_process(self.pid(), Signal::STOP).expect("our own child");
        let status = format!("/proc/{}/stat", self.process.id());
        until("it is stopped", || {
            fs::read_to_string(&status).ok()?.rsplit(')').next()?.starts_with(" T").then_some(())
        });
    }

    /// SIGCONT.
    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).expect("our own child");
    }

    /// SIGKILL, and a new one on the same data and port.
    pub fn kill_and_restart(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
        self.process = launch(&self.binary, self.folder.path(), self.port);
        self.listens();
    }

    /// Somebody may have had its port for a moment: then it ended, and is started again.
    fn listens(&mut self) {
        until("it listens", || {
            if self.process.try_wait().expect("our own child").is_some() {
                self.process = launch(&self.binary, self.folder.path(), self.port);
            }
            std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(binary: &Path, folder: &Path, port: u16) -> Child {
    let at = folder.display();
    let (user, password) = LOGIN;
    let settings = format!(
        "listen: \"127.0.0.1:{port}\"\nmax_payload: 1MB\n\
         jetstream {{ store_dir: \"{at}/js\", max_file_store: 4GB }}\n\
         authorization {{ user: {user}, password: \"{password}\" }}\n"
    );
    let file = folder.join("nats.conf");
    fs::write(&file, settings).expect("a temporary file");
    let log = fs::File::create(folder.join("log")).expect("a temporary file");
    Command::new(binary)
        .arg("-c")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary.display()))
}

/// Finds a server: `HARNESS_NATS_SERVER`, what the harness installed, `PATH`. A test without one must fail, not pass.
fn find() -> PathBuf {
    if let Some(path) = std::env::var_os("HARNESS_NATS_SERVER") {
        return path.into();
    }
    // `.tools/nats-server/<version>/nats-server`
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/nats-server");
    let installed = std::fs::read_dir(tools).into_iter().flatten().flatten().map(|version| version.path());
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates =
        installed.chain(std::env::split_paths(&on_path)).map(|folder| folder.join("nats-server"));
    candidates.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "no nats-server: install it with `./task setup`, put one on PATH, \
             or name it in HARNESS_NATS_SERVER"
        )
    })
}

/// A loopback port that is free, and none of those that the system gives to outgoing connections: while a server is
/// down, no client that tries to reach it again gets its port.
pub fn free_port() -> u16 {
    let random = |turn: u16| 12_000 + (RandomState::new().hash_one(turn) % 20_000) as u16;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (0..100).map(random).find(is_free).expect("a free port")
}

/// Waits until `condition` holds, with a bound.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < START_BOUND, "waited {START_BOUND:?} until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
