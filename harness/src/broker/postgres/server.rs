//! One PostgreSQL server of our own: started, killed, paused, restarted on the same data and port.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, postgres::PgConnectOptions};

use super::{
    Access, LAB_ROLE, OWN_ROLE, config, connect, family,
    install::PostgresServer,
    options,
    place::Place,
    template::Template,
    user::{self, User},
};
use crate::{
    error::{Error, LogTail},
    runtime::{
        local::{Input, Local},
        node::{KILLED, Node},
        process,
    },
};

/// A start takes 50 ms, and recovery after a kill as long again; the bound is for a machine in trouble.
const START_BOUND: Duration = Duration::from_secs(30);

/// How often another port is tried when the chosen one was taken in between.
const PORT_TRIES: u32 = 5;

/// How long a restart is tried again while something of the server before is in its way.
const AGAIN_BOUND: Duration = Duration::from_secs(10);

/// How long an orderly end may take: it writes out all that is only in memory.
const END_BOUND: Duration = Duration::from_secs(15);

/// What the server says when a process of the one before is still there. It ends with its statement.
const STILL_IN_USE: &str = "pre-existing shared memory block";

/// What the server says when the port is another's.
const PORT_TAKEN: &str = "Address already in use";

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Server {
    install: PostgresServer,
    folder: PathBuf,
    place: Place,
    user: Option<User>,
    settings: String,
    /// The password of the labs' role.
    secret: String,
    /// The password of the harness's own role.
    own_secret: String,
    port: u16,
    node: Option<Node>,
    /// The server's own word for when it was started.
    started: String,
    stopped: bool,
}

impl Server {
    /// Starts a server on a free loopback port, with a copy of the template as its data.
    ///
    /// `folder` is made here and holds the log; the data as well, unless this is root. `settings` are lines of
    /// `postgresql.conf`.
    pub async fn start(
        local: &Local,
        install: &PostgresServer,
        folder: &Path,
        settings: &str,
    ) -> Result<Self, Error> {
        let user = user::needed().await?;
        let place = Place::make(local, folder, user.as_ref())?;
        let mut server = Self {
            install: install.clone(),
            folder: folder.to_owned(),
            place,
            user,
            settings: settings.to_owned(),
            secret: local.secret(),
            own_secret: String::new(),
            port: config::free_port()?,
            node: None,
            started: String::new(),
            stopped: false,
        };
        match server.first_start(local).await {
            Ok(()) => Ok(server),
            Err(error) => {
                // The disk may be full: nothing of it stays.
                server.stop().await?;
                server.place.remove_data()?;
                Err(error)
            }
        }
    }

    async fn first_start(&mut self, local: &Local) -> Result<(), Error> {
        let log = self.log();
        self.own_secret =
            Template::copy(local, &self.install, self.user.as_ref(), &self.place.data, &log).await?;
        self.launch(local, true).await?;
        self.make_roles(local.secret()).await
    }

    /// Starts it again after its end: same data, same port.
    ///
    /// Whoever answers must know the password and have started anew.
    pub async fn restart(&mut self, local: &Local) -> Result<(), Error> {
        if self.alive() {
            return Err(self.error("PostgreSQL was to be restarted, and has not ended".to_owned()));
        }
        if let Some(node) = &self.node {
            local.forget(node.pid());
        }
        let before = std::mem::take(&mut self.started);
        self.launch(local, false).await?;
        if self.started == before {
            return Err(
                self.error("the PostgreSQL that answers on the port is the one from before".to_owned())
            );
        }
        Ok(())
    }

    /// What workers need to connect.
    pub fn access(&self) -> Access {
        Access::of(&self.secret, self.port)
    }

    /// How the harness itself connects to a database.
    pub fn own(&self, database: &str) -> PgConnectOptions {
        options(OWN_ROLE, &self.own_secret, self.port, database)
    }

    /// How workers connect to a database, for what has to be theirs.
    pub fn labs(&self, database: &str) -> PgConnectOptions {
        options(LAB_ROLE, &self.secret, self.port, database)
    }

    /// The main process, while there is one.
    pub fn node(&mut self) -> Option<&mut Node> {
        self.node.as_mut()
    }

    /// Whether the main process is there and has not ended.
    pub fn alive(&mut self) -> bool {
        self.node.as_mut().is_some_and(|node| node.ended().is_none())
    }

    fn living(&mut self) -> Option<&mut Node> {
        let node = self.node.as_mut()?;
        if node.ended().is_none() { Some(node) } else { None }
    }

    /// The version, as the program says it.
    pub fn version(&self) -> &str {
        &self.install.version
    }

    /// The port, the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// Kills all its processes with SIGKILL and waits until they are gone.
    ///
    /// The main process is stopped first, so that it starts no other and takes note of nothing. To kill it alone is no
    /// crash: a busy backend goes on until its statement ends, and commits it.
    ///
    /// Returns whether that was a kill, and the evidence.
    pub async fn kill(&mut self) -> Result<(bool, String), Error> {
        let Some(node) = self.living() else {
            let how =
                self.node.as_mut().map(Node::how_it_ended).unwrap_or_else(|| "never started".to_owned());
            return Ok((false, how));
        };
        let pid = node.pid();
        family::stop_one(pid).await;
        let others = family::below(pid);
        family::send(pid, Signal::KILL);
        for process in &others {
            family::send(process.pid, Signal::KILL);
        }
        let how = node.kill().await?;
        let left = family::wait_until_gone(&others).await;
        if !left.is_empty() {
            return Err(
                self.error(format!("PostgreSQL was killed, and its processes {left:?} are still there"))
            );
        }
        Ok((how == KILLED, format!("{how}, and its {} other processes are gone", others.len())))
    }

    /// Stops all its processes with SIGSTOP; the evidence is state T of every thread.
    pub async fn pause(&mut self) -> Result<String, Error> {
        let Some(node) = self.living() else {
            return Err(self.error("PostgreSQL was to be paused, and is not there".to_owned()));
        };
        let pid = node.pid();
        // From here on it starts no other process.
        node.pause().await?;
        let others = family::below(pid);
        for process in &others {
            family::send(process.pid, Signal::STOP);
        }
        let left = family::wait_until_stopped(&others).await;
        if !left.is_empty() {
            return Err(self.error(format!("PostgreSQL's processes {left:?} did not stop within the bound")));
        }
        Ok(format!("state T, every thread of {} processes", others.len() + 1))
    }

    /// Lets all of them go on with SIGCONT; harmless when none is stopped or all are gone.
    pub fn resume(&mut self) {
        let Some(node) = self.living() else { return };
        let pid = node.pid();
        for process in family::below(pid) {
            family::send(process.pid, Signal::CONT);
        }
        family::send(pid, Signal::CONT);
    }

    /// Has it end in order: connections are closed and all is written out. Killed when that takes too long.
    pub async fn terminate(&mut self) -> Result<String, Error> {
        self.resume();
        let Some(node) = &mut self.node else { return Ok("never started".to_owned()) };
        if node.ended().is_none() {
            // SIGINT is "fast"; SIGTERM would wait for the clients to leave.
            family::send(node.pid(), Signal::INT);
            if node.wait(END_BOUND).await.is_err() {
                return Ok(self.kill().await?.1);
            }
        }
        Ok(node.how_it_ended())
    }

    /// Ends it and removes what it has outside of the session's folder.
    pub async fn stop(&mut self) -> Result<(), Error> {
        self.kill().await?;
        self.stopped = true;
        self.place.remove_outside()
    }

    async fn launch(&mut self, local: &Local, may_move: bool) -> Result<(), Error> {
        let deadline = Instant::now() + AGAIN_BOUND;
        let mut tries = 0;
        loop {
            let logged = fs::metadata(self.log()).map_or(0, |metadata| metadata.len());
            let Err(error) = self.launch_once(local).await else { return Ok(()) };
            tries += 1;
            let said = said_since(&self.log(), logged);
            let taken = said.contains(PORT_TAKEN);
            if taken && may_move && tries < PORT_TRIES {
                tracing::debug!("port {} was taken in between: another is tried", self.port);
                self.port = config::free_port()?;
                continue;
            }
            let passes = (taken && !may_move) || said.contains(STILL_IN_USE);
            if !passes || Instant::now() > deadline {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // the pace of trying; a start is the condition
        }
    }

    async fn launch_once(&mut self, local: &Local) -> Result<(), Error> {
        let (conf, hba) = (self.place.around.join("postgresql.conf"), self.place.around.join("pg_hba.conf"));
        write_config(&conf, &config::postgresql_conf(self.port, &self.settings))?;
        write_config(&hba, config::PG_HBA_CONF)?;
        let mut command = tokio::process::Command::new(self.install.folder.join("postgres"));
        command.arg("-D").arg(&self.place.data);
        for (name, path) in [("config_file", &conf), ("hba_file", &hba)] {
            command.arg("-c").arg(format!("{name}={}", path.display()));
        }
        User::take(self.user.as_ref(), &mut command);
        self.node = Some(local.spawn("postgres", command, &self.log(), Input::Family)?);
        self.wait_until_ready().await?;
        let database = "postgres";
        let mut connection = connect(&self.own(database)).await.map_err(|why| self.does_not_answer(&why))?;
        let started =
            sqlx::query_scalar("SELECT pg_postmaster_start_time()::text").fetch_one(&mut connection);
        self.started = match tokio::time::timeout(START_BOUND, started).await {
            Ok(answer) => answer.map_err(|error| self.does_not_answer(&error.to_string()))?,
            Err(_) => return Err(self.does_not_answer(&format!("nothing within {START_BOUND:?}"))),
        };
        let _ = connection.close().await;
        Ok(())
    }

    /// Waits until the server notes in its own file that it is ready.
    async fn wait_until_ready(&mut self) -> Result<(), Error> {
        let note = self.place.data.join("postmaster.pid");
        let pid = self.node.as_ref().map(Node::pid).unwrap_or_default();
        let mut ready = false;
        process::wait_for(START_BOUND, || {
            ready = fs::read_to_string(&note).is_ok_and(|text| says_ready(&text, pid));
            ready || !self.alive()
        })
        .await;
        if ready {
            return Ok(());
        }
        if self.alive() {
            self.kill().await?;
            return Err(self.error(format!("PostgreSQL was not ready within {START_BOUND:?}")));
        }
        let how = self.node.as_mut().map(Node::how_it_ended).unwrap_or_default();
        Err(self.error(format!("PostgreSQL ended at its start ({how})")))
    }

    /// Makes the role of the labs, and gives both roles passwords that only this server has.
    async fn make_roles(&mut self, own_secret: String) -> Result<(), Error> {
        let sql = format!(
            "CREATE ROLE {LAB_ROLE} LOGIN PASSWORD '{}'; ALTER ROLE {OWN_ROLE} PASSWORD '{own_secret}'",
            self.secret
        );
        let mut connection =
            connect(&self.own("postgres")).await.map_err(|why| self.does_not_answer(&why))?;
        let made = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection);
        match tokio::time::timeout(START_BOUND, made).await {
            Ok(made) => made.map_err(|error| self.does_not_answer(&error.to_string()))?,
            Err(_) => return Err(self.does_not_answer(&format!("nothing within {START_BOUND:?}"))),
        };
        let _ = connection.close().await;
        self.own_secret = own_secret;
        Ok(())
    }

    fn does_not_answer(&self, why: &str) -> Error {
        self.error(format!("PostgreSQL is there and does not answer as it should: {why}"))
    }

    fn error(&self, what: String) -> Error {
        Error::Node { what, log: LogTail::of(&self.log()) }
    }
}

impl Drop for Server {
    /// For a run that fails in between: a busy process would go on without the first one.
    fn drop(&mut self) {
        if self.stopped {
            return;
        }
        if let Some(pid) = self.living().map(|node| node.pid()) {
            family::kill_now(pid);
        }
        if let Err(error) = self.place.remove_outside() {
            tracing::warn!("{error}");
        }
    }
}

/// Whether the server's note is of this process and says that it is ready: eight lines, the first is the process id.
fn says_ready(note: &str, pid: u32) -> bool {
    let mut lines = note.lines();
    lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid)
        && lines.nth(6).is_some_and(|line| line.trim_end() == "ready")
}

/// What was written to a log after its first `from` bytes.
fn said_since(log: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut said = Vec::new();
        file.take(1 << 20).read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    };
    read().unwrap_or_default()
}

/// Others may read it: the server may be another user's. There is no secret in it.
fn write_config(path: &Path, text: &str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(Error::file("create", path))?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
        .map_err(Error::file("change the mode of", path))?;
    file.write_all(text.as_bytes()).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_note_of_this_very_process_counts() {
        let note = |pid: u32, status: &str| {
            format!("{pid}\n/data\n1700000000\n5432\n\n127.0.0.1\n  1 2\n{status}\n")
        };
        assert!(says_ready(&note(42, "ready   "), 42));
        assert!(!says_ready(&note(41, "ready   "), 42), "of the one before");
        assert!(!says_ready(&note(42, "starting"), 42));
        for text in ["", "42", "42\n\n\n", "x\ny\n"] {
            assert!(!says_ready(text, 42), "{text:?}");
        }
    }
}
