//! One Kafka broker of our own: started, killed, restarted on the same data and ports.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    install::KafkaServer,
    jvm::{self, Archive},
    ready,
    settings::{self, Ports, Reach},
    template, words,
};
use crate::{
    error::Error,
    runtime::{
        local::{Input, Local},
        node::{KILLED, Node},
        process,
    },
};

/// How often a start is tried when a port was taken in between.
const START_TRIES: u32 = 3;

/// How long ports that must not change may be somebody else's.
const PORTS_BOUND: Duration = Duration::from_secs(10);

/// How long an orderly end may take; half a second is usual.
const END_BOUND: Duration = Duration::from_secs(30);

/// A running broker.
#[derive(Debug)]
pub struct Server {
    kafka: KafkaServer,
    folder: PathBuf,
    settings: String,
    ports: Ports,
    /// The id of the cluster: made for this server alone, so that no other can answer in its place.
    cluster: String,
    log4j: PathBuf,
    archive: Option<PathBuf>,
    in_training: bool,
    node: Option<Node>,
    /// How long the log was before the present start.
    log_before: u64,
}

impl Server {
    /// Starts a broker with its data in `folder` (made here, mode 0700), on free loopback ports.
    ///
    /// `settings` are lines for the broker's own `server.properties`. What a killed run left in the folder is removed.
    ///
    /// # Errors
    /// [`Error::Node`] with its last words when the broker ends at its start, or does not answer.
    pub async fn start(
        local: &Local,
        kafka: &KafkaServer,
        folder: &Path,
        settings: &str,
    ) -> Result<Self, Error> {
        let template = template::find_or_make(local, kafka).await?;
        let mut server = Self::new(local, kafka, folder, &template.log4j())?;
        server.settings = settings.to_owned();
        server.archive = template.archive();
        let started = match server.take_data(&template.data()) {
            Ok(()) => server.launch(local).await,
            Err(error) => Err(error),
        };
        if started.is_err() {
            server.stop().await?;
            let _ = fs::remove_dir_all(server.data());
        }
        started.map(|()| server)
    }

    /// A broker for the training run, which starts from nothing.
    pub fn in_training(
        local: &Local,
        kafka: &KafkaServer,
        folder: &Path,
        log4j: &Path,
        archive: &Path,
    ) -> Result<Self, Error> {
        let mut server = Self::new(local, kafka, folder, log4j)?;
        server.archive = Some(archive.to_owned());
        server.in_training = true;
        Ok(server)
    }

    fn new(local: &Local, kafka: &KafkaServer, folder: &Path, log4j: &Path) -> Result<Self, Error> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).map_err(Error::file("create", folder))?;
        let data = folder.join(settings::DATA);
        if data.exists() {
            fs::remove_dir_all(&data).map_err(Error::file("remove what a killed run left in", &data))?;
        }
        Ok(Self {
            kafka: kafka.clone(),
            folder: folder.to_owned(),
            settings: String::new(),
            ports: choose_ports()?,
            cluster: local.secret()[..22].to_owned(),
            log4j: log4j.to_owned(),
            archive: None,
            in_training: false,
            node: None,
            log_before: 0,
        })
    }

    /// Starts it again after a kill: same data, same ports.
    ///
    /// # Errors
    /// When it has not ended, and as [`Server::start`].
    pub async fn restart(&mut self, local: &Local) -> Result<(), Error> {
        if self.alive() {
            return Err(self.error("Kafka was to be started again and has not ended".to_owned()));
        }
        self.launch(local).await
    }

    /// Where the harness itself connects: past whatever may stand before the workers' port.
    pub fn own(&self) -> String {
        self.reach().own.to_string()
    }

    /// Where it is, for those who connect.
    pub fn reach(&self) -> Reach {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Reach { workers: at(self.ports.client), own: at(self.ports.own), links: self.ports.links }
    }

    /// The process, while there is one.
    pub fn node(&mut self) -> Option<&mut Node> {
        self.node.as_mut()
    }

    /// Whether the process is there and has not ended.
    pub fn alive(&mut self) -> bool {
        self.node.as_mut().is_some_and(|node| node.ended().is_none())
    }

    /// The version of Kafka.
    pub fn version(&self) -> &str {
        &self.kafka.version
    }

    /// The workers' port, the same over restarts.
    #[cfg(test)]
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.folder.join("kafka.log")
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join(settings::DATA)
    }

    /// The id of its cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Kills it with SIGKILL; whether that is what ended it, and the evidence.
    pub async fn kill(&mut self) -> Result<(bool, String), Error> {
        let Some(node) = &mut self.node else { return Ok((false, "was not started".to_owned())) };
        let how = node.kill().await?;
        Ok((how == KILLED, how))
    }

    /// Stops all its threads with SIGSTOP; the evidence. Longer than its session, 1.5 s, and its controller takes it to be
    /// gone; it comes back by itself.
    pub async fn pause(&mut self) -> Result<String, Error> {
        match &mut self.node {
            Some(node) => node.pause().await,
            None => Err(self.error("Kafka was to be paused and was not started".to_owned())),
        }
    }

    /// Lets it go on; harmless when it is not stopped or is gone.
    pub fn resume(&mut self) {
        if let Some(node) = &mut self.node {
            node.resume();
        }
    }

    /// Ends it in an orderly way; how it ended.
    pub async fn terminate(&mut self) -> Result<String, Error> {
        self.end(END_BOUND).await
    }

    /// As [`Server::terminate`], within a bound; a broker that does not end by then is killed.
    pub async fn end(&mut self, bound: Duration) -> Result<String, Error> {
        match &mut self.node {
            Some(node) => node.terminate(bound).await,
            None => Ok("was not started".to_owned()),
        }
    }

    /// The end of its use: nothing of it runs after that.
    pub async fn stop(&mut self) -> Result<(), Error> {
        self.kill().await.map(drop)
    }

    /// Starts the process and waits until it works, again when a port was taken meanwhile.
    pub async fn launch(&mut self, local: &Local) -> Result<(), Error> {
        let first = self.node.is_none();
        let mut last = None;
        for again in 0..START_TRIES {
            if first && again > 0 {
                self.ports = choose_ports()?;
            }
            let ports = self.ports;
            if !first && !process::wait_for(PORTS_BOUND, || ports.are_free()).await {
                return Err(
                    self.error(format!("a port of Kafka's was still taken after {PORTS_BOUND:?}: {ports:?}"))
                );
            }
            self.log_before = fs::metadata(self.log()).map_or(0, |metadata| metadata.len());
            match self.launch_once(local).await {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
            self.stop().await?;
            if !self.says("Address already in use") {
                break;
            }
            tracing::debug!("a port of Kafka's was taken while it started: {ports:?}");
        }
        Err(last.unwrap_or_else(|| self.error("Kafka was not started".to_owned())))
    }

    async fn launch_once(&mut self, local: &Local) -> Result<(), Error> {
        let settings = self.write_settings()?;
        let archive = match &self.archive {
            None => Archive::Without,
            Some(file) if self.in_training => Archive::Make(file),
            Some(file) => Archive::Use(file),
        };
        let mut command = jvm::command(&self.kafka, archive, &self.log4j, "kafka.Kafka");
        command.arg(settings).current_dir(&self.folder);
        self.node = Some(local.spawn("kafka", command, &self.log(), Input::Nothing)?);
        ready::wait(self).await
    }

    /// Writes `server.properties`; its path.
    pub fn write_settings(&self) -> Result<PathBuf, Error> {
        let path = self.folder.join("server.properties");
        let text = settings::text(&self.ports, &settings::Hosts::local(), settings::DATA, &self.settings);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        Ok(path)
    }

    /// Copies the warm data here and gives it the id of this cluster.
    fn take_data(&self, template: &Path) -> Result<(), Error> {
        let data = self.data();
        copy(template, &data)?;
        let meta = data.join("meta.properties");
        let text = fs::read_to_string(&meta).map_err(Error::file("read", &meta))?;
        let lines = text.lines().map(|line| match line.starts_with("cluster.id=") {
            true => format!("cluster.id={}\n", self.cluster),
            false => format!("{line}\n"),
        });
        fs::write(&meta, lines.collect::<String>()).map_err(Error::file("write", &meta))
    }

    /// Whether this is in its log, since its present start.
    pub fn says(&self, what: &str) -> bool {
        words::since(&self.log(), self.log_before).contains(what)
    }

    /// An error about this broker, with its last words.
    pub fn error(&self, what: String) -> Error {
        let full = match disk_is_full(&self.folder) {
            true => format!(": the disk of {} is full, make room", self.folder.display()),
            false => String::new(),
        };
        Error::Node { what: what + &full, log: words::last(&self.log(), self.log_before) }
    }
}

/// Whether there is less room than one message needs. A full disk takes the log's last words as well.
fn disk_is_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < 64 * 1024)
}

fn choose_ports() -> Result<Ports, Error> {
    Ports::choose().map_err(|error| Error::Other(format!("no free port for Kafka: {error}")))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir(to).map_err(Error::file("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let entry = entry.map_err(Error::file("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(Error::file("write", &target))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "bad_start_tests.rs"]
mod bad_start_tests;
