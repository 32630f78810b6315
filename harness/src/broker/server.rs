//! A broker's server, whichever it is: the same questions to each.

use std::path::{Path, PathBuf};

use super::{Reach, kafka, nats, postgres};
use crate::{
    context::Context,
    error::Error,
    runtime::{local::Local, node::Node, sockets},
    scenario::{Action, Broker},
};

/// One running server.
#[derive(Debug)]
pub enum Server {
    /// nats-server.
    Nats(nats::server::Server),
    /// PostgreSQL, with all of its processes.
    Postgres(postgres::server::Server),
    /// Kafka.
    Kafka(kafka::server::Server),
}

/// The same call to whichever server it is.
macro_rules! whichever {
    ($server:expr, $it:ident => $call:expr) => {
        match $server {
            Server::Nats($it) => $call,
            Server::Postgres($it) => $call,
            Server::Kafka($it) => $call,
        }
    };
}

impl Server {
    /// Starts a server with its data in `folder`. `settings` are lines for its own configuration file.
    pub async fn start(
        context: &Context,
        broker: Broker,
        folder: &Path,
        settings: &str,
    ) -> Result<Self, Error> {
        let local = &context.local;
        Ok(match broker {
            Broker::Nats => {
                let install = context.nats().await?;
                Server::Nats(nats::server::Server::start(local, &install, folder, settings).await?)
            }
            Broker::Postgres => {
                let install = context.postgres().await?;
                Server::Postgres(postgres::server::Server::start(local, &install, folder, settings).await?)
            }
            Broker::Kafka => {
                let install = context.kafka().await?;
                Server::Kafka(kafka::server::Server::start(local, &install, folder, settings).await?)
            }
        })
    }

    /// The program, as the account's versions name it.
    pub fn program(&self) -> &'static str {
        match self {
            Server::Nats(_) => "nats-server",
            Server::Postgres(_) => "postgres",
            Server::Kafka(_) => "kafka",
        }
    }

    /// Whether its main process is there and has not ended.
    pub fn alive(&mut self) -> bool {
        whichever!(self, server => server.alive())
    }

    /// Its main process, while there is one.
    pub fn node(&mut self) -> Option<&mut Node> {
        whichever!(self, server => server.node())
    }

    /// The version, as the program says it.
    pub fn version(&self) -> &str {
        whichever!(self, server => server.version())
    }

    /// How to get to it, the same over restarts.
    pub fn reach(&self) -> Reach {
        match self {
            Server::Nats(server) => Reach::Nats(server.access()),
            Server::Postgres(server) => Reach::Postgres(server.reach()),
            Server::Kafka(server) => Reach::Kafka(server.reach()),
        }
    }

    /// Whether a connection of a worker's was closed by its client and may still have bytes that the server has not
    /// read. Only Kafka cannot be asked who is connected, so it is looked for in the kernel's list.
    pub async fn has_half_closed(&self) -> Result<bool, Error> {
        let Reach::Kafka(reach) = self.reach() else { return Ok(false) };
        Ok(reach.worker_ports().into_iter().any(sockets::half_closed))
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        whichever!(self, server => server.log())
    }

    /// Does this to all of its processes; says whether it was seen to take hold, and what was seen.
    pub async fn hit(&mut self, action: Action) -> Result<(bool, String), Error> {
        let here_before = self.alive();
        match action {
            Action::Kill => whichever!(self, server => server.kill().await),
            Action::Pause => Ok((here_before, whichever!(self, server => server.pause().await)?)),
            Action::Stop | Action::Restart => {
                Ok((here_before, whichever!(self, server => server.terminate().await)?))
            }
            _ => Ok((false, format!("a server is not hit by {action}"))),
        }
    }

    /// Lets it go on after a pause; harmless when it was not paused, or is gone.
    pub fn resume(&mut self) {
        whichever!(self, server => server.resume());
    }

    /// Starts it again after a kill or a stop: same data, same port.
    pub async fn restart(&mut self, local: &Local) -> Result<(), Error> {
        whichever!(self, server => server.restart(local).await)
    }

    /// Ends it for good.
    pub async fn stop(&mut self) -> Result<(), Error> {
        whichever!(self, server => server.stop().await)
    }
}
