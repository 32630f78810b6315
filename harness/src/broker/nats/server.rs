//! One nats-server of our own: started, killed, restarted on the same data and port.

use std::{
    fmt, fs,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::install::NatsServer;
use crate::{
    error::{Error, LogTail},
    runtime::{
        local::{Input, Local},
        node::{KILLED, Node},
        ports,
    },
};

/// A start takes 10 ms (facts: spawn to INFO 6 to 10 ms); the bound is for a machine in trouble.
const START_BOUND: Duration = Duration::from_secs(30);

/// How long it may take to end in good order.
const TERMINATE_BOUND: Duration = Duration::from_secs(5);

/// What is said where there is no process to do something to.
const NOT_THERE: &str = "the server was not there";

/// How often a start is tried when the port was taken in between.
const START_TRIES: u32 = 3;

/// How long a restart waits for its port where somebody else has it for a moment.
const AGAIN_BOUND: Duration = Duration::from_secs(10);

/// A running nats-server.
pub struct Server {
    binary: PathBuf,
    folder: PathBuf,
    settings: String,
    secret: String,
    port: u16,
    node: Option<Node>,
    server_id: String,
    version: String,
}

/// What a client needs to reach the server. The password never appears on a command line or in a log.
#[derive(Clone)]
pub struct Access {
    /// The server's address.
    pub address: SocketAddr,
    /// The user of the labs' account, or of the system's.
    pub user: &'static str,
    /// Its password, made for this server alone.
    pub password: String,
}

impl Access {
    /// As clients want it.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// The same for the system account, which tells who is connected.
    pub fn of_the_system(&self) -> Self {
        Self { user: "system", ..self.clone() }
    }
}

impl fmt::Debug for Access {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("address", &self.address)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Server {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("folder", &self.folder)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts a server with its data in `folder` (made here, mode 0700), on a free loopback port.
    ///
    /// `settings` are lines for the server's own configuration file.
    pub async fn start(
        local: &Local,
        binary: &NatsServer,
        folder: &Path,
        settings: &str,
    ) -> Result<Self, Error> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(Error::file("create", folder))?;
        let mut server = Self {
            binary: binary.path.clone(),
            folder: folder.to_owned(),
            settings: settings.to_owned(),
            secret: local.secret(),
            port: free_port()?,
            node: None,
            server_id: String::new(),
            version: binary.version.clone(),
        };
        server.launch(local, true).await?;
        Ok(server)
    }

    /// Starts it again after a kill: same data, same port.
    ///
    /// The server's own id must be a new one, or something else answered on the port.
    pub async fn restart(&mut self, local: &Local) -> Result<(), Error> {
        let before = std::mem::take(&mut self.server_id);
        self.launch(local, false).await?;
        if self.server_id == before {
            return Err(
                self.error("the server that answers on the port is the one that was killed".to_owned())
            );
        }
        Ok(())
    }

    /// What clients need to connect.
    pub fn access(&self) -> Access {
        Access {
            address: SocketAddr::from(([127, 0, 0, 1], self.port)),
            user: "lab",
            password: self.secret.clone(),
        }
    }

    /// The process, while there is one.
    pub fn node(&mut self) -> Option<&mut Node> {
        self.node.as_mut()
    }

    /// Kills it with SIGKILL; says whether that is what ended it, and how it ended.
    pub async fn kill(&mut self) -> Result<(bool, String), Error> {
        let here_before = self.alive();
        let Some(node) = &mut self.node else { return Ok((false, NOT_THERE.to_owned())) };
        let evidence = node.kill().await?;
        Ok((here_before && evidence == KILLED, evidence))
    }

    /// Stops it with SIGSTOP; returns what was seen.
    pub async fn pause(&mut self) -> Result<String, Error> {
        match &mut self.node {
            Some(node) => node.pause().await,
            None => Ok(NOT_THERE.to_owned()),
        }
    }

    /// Lets it go on; harmless when it was not paused, or is gone.
    pub fn resume(&mut self) {
        if let Some(node) = &mut self.node {
            node.resume();
        }
    }

    /// Asks it to end; returns how it ended.
    pub async fn terminate(&mut self) -> Result<String, Error> {
        match &mut self.node {
            Some(node) => node.terminate(TERMINATE_BOUND).await,
            None => Ok(NOT_THERE.to_owned()),
        }
    }

    /// Whether the process is there and has not ended.
    pub fn alive(&mut self) -> bool {
        self.node.as_mut().is_some_and(|node| node.ended().is_none())
    }

    /// The version, as the binary says it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The port, the same over restarts.
    #[cfg(test)]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.folder.join("nats.log")
    }

    /// Ends it, gently first.
    pub async fn stop(&mut self) -> Result<(), Error> {
        self.terminate().await.map(drop)
    }

    /// Starts it, and waits until it answers. Where its port is taken, it tries another if it may, else it waits for it.
    async fn launch(&mut self, local: &Local, may_move: bool) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + AGAIN_BOUND;
        let mut tries = 0;
        loop {
            let Err(error) = self.launch_once(local).await else { return Ok(()) };
            tries += 1;
            let log = LogTail::of(&self.log()).lines;
            let taken = log.iter().any(|line| line.contains("address already in use"));
            let again = if may_move { tries < START_TRIES } else { tokio::time::Instant::now() < deadline };
            if !taken || !again {
                return Err(error);
            }
            if may_move {
                self.port = free_port()?;
            } else {
                tokio::time::sleep(Duration::from_millis(20)).await; // the pace of trying; a start is the condition
            }
        }
    }

    async fn launch_once(&mut self, local: &Local) -> Result<(), Error> {
        let config = self.folder.join("server.conf");
        self.write_config(&config)?;
        let mut command = tokio::process::Command::new(&self.binary);
        command.arg("--config").arg(&config).current_dir(&self.folder);
        self.node = Some(local.spawn("nats", command, &self.log(), Input::Nothing)?);
        self.wait_until_it_answers().await
    }

    fn ended_at_its_start(&mut self) -> Error {
        let how = self.node.as_mut().map(Node::how_it_ended).unwrap_or_default();
        self.error(format!("nats-server ended at its start ({how})"))
    }

    async fn wait_until_it_answers(&mut self) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + START_BOUND;
        loop {
            if !self.alive() {
                return Err(self.ended_at_its_start());
            }
            if let Ok(client) = super::connect(&self.access(), "harness").await {
                self.server_id = client.server_info().server_id;
                self.version = client.server_info().version;
                if async_nats::jetstream::new(client).query_account().await.is_ok() {
                    return Ok(());
                }
            }
            if tokio::time::Instant::now() > deadline {
                return Err(self.error(format!("nats-server did not answer within {START_BOUND:?}")));
            }
            tokio::time::sleep(Duration::from_millis(2)).await; // the pace of asking; the answer is the condition
        }
    }

    fn write_config(&self, path: &Path) -> Result<(), Error> {
        use std::io::Write;
        let listen = format!("127.0.0.1:{}", self.port);
        let text = config(&listen, &self.folder.display().to_string(), &self.secret, &self.settings);
        let _ = fs::remove_file(path);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path).map_err(Error::file("create", path))?;
        file.write_all(text.as_bytes()).map_err(Error::file("write", path))
    }

    fn error(&self, what: String) -> Error {
        Error::Node { what, log: LogTail::of(&self.log()) }
    }
}

/// What the server is told: where it listens, where its store is, who may connect. `settings` are further lines.
pub fn config(listen: &str, folder: &str, secret: &str, settings: &str) -> String {
    format!(
        "listen: \"{listen}\"\n\
         server_name: \"harness\"\n\
         jetstream {{ store_dir: \"{folder}/jetstream\", max_file_store: 4GB, max_memory_store: 512MB }}\n\
         accounts {{\n\
         \x20 LAB {{ jetstream: enabled, users: [ {{ user: lab, password: \"{secret}\" }} ] }}\n\
         \x20 SYS {{ users: [ {{ user: system, password: \"{secret}\" }} ] }}\n\
         }}\n\
         system_account: SYS\n\
         {settings}\n"
    )
}

fn free_port() -> Result<u16, Error> {
    ports::free().map_err(|error| Error::Other(format!("no free port for nats-server: {error}")))
}
