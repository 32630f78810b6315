//! One PostgreSQL server of our own: started, killed, paused, restarted on the same data and port.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use sqlx::postgres::PgConnectOptions;

use super::{
    Reach, config, family,
    install::PostgresServer,
    place::Place,
    template::Template,
    user::{self, User},
};
use crate::{
    error::{Error, LogTail},
    runtime::{
        local::Local,
        node::{KILLED, Node},
    },
};

/// How long an orderly end may take: it writes out all that is only in memory.
const END_BOUND: Duration = Duration::from_secs(15);

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Server {
    pub(super) install: PostgresServer,
    pub(super) folder: PathBuf,
    pub(super) place: Place,
    pub(super) user: Option<User>,
    pub(super) settings: String,
    /// The password of the labs' role.
    pub(super) secret: String,
    /// The password of the harness's own role.
    pub(super) own_secret: String,
    pub(super) port: u16,
    pub(super) node: Option<Node>,
    /// The server's own word for when it was started.
    pub(super) started: String,
    pub(super) stopped: bool,
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
        Self::start_on(config::free_port()?, local, install, folder, settings).await
    }

    /// Starts it on this port, or on another if it was taken in between.
    pub(super) async fn start_on(
        port: u16,
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
            port,
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

    /// Where it is, for those who connect.
    pub fn reach(&self) -> Reach {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        Reach { address, secret: self.secret.clone(), own_secret: self.own_secret.clone() }
    }

    /// How the harness itself connects to a database.
    pub fn own(&self, database: &str) -> PgConnectOptions {
        self.reach().own(database)
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
    #[cfg(test)]
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
        // The first one last: the others watch it, and would begin to end by themselves.
        for process in &others {
            family::send(process.pid, Signal::KILL);
        }
        family::send(pid, Signal::KILL);
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

    pub(super) fn error(&self, what: String) -> Error {
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
