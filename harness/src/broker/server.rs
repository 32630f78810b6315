//! A broker's server, whichever it is: the same questions to each.

use std::path::PathBuf;

use super::{Reach, kafka, nats, pods, postgres};
use crate::{
    context::Context,
    error::Error,
    runtime::{local::Local, sockets},
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
    /// Any of them on a cluster.
    Pod(pods::server::Server),
}

/// The same call to whichever server it is.
macro_rules! whichever {
    ($server:expr, $it:ident => $call:expr) => {
        match $server {
            Server::Nats($it) => $call,
            Server::Postgres($it) => $call,
            Server::Kafka($it) => $call,
            Server::Pod($it) => $call,
        }
    };
}

impl Server {
    /// Starts a server, which is called so in this session. `settings` are lines for its own configuration file.
    pub async fn start(context: &Context, broker: Broker, name: &str, settings: &str) -> Result<Self, Error> {
        let (local, folder) = (&context.local, &context.session.broker(name));
        if let Some(cluster) = &context.cluster {
            let secret = || local.secret();
            let started = pods::server::Server::start(cluster, broker, name, folder, settings, secret).await;
            return started.map(Server::Pod);
        }
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
            Server::Pod(server) => match server.broker() {
                Broker::Nats => "nats-server",
                Broker::Postgres => "postgres",
                Broker::Kafka => "kafka",
            },
        }
    }

    /// Whether its main process is there and has not ended.
    pub fn alive(&mut self) -> bool {
        whichever!(self, server => server.alive())
    }

    /// An error where it died by itself.
    pub fn died(&mut self) -> Result<(), Error> {
        let program = self.program();
        let node = match self {
            Server::Pod(server) => return server.died(),
            Server::Nats(server) => server.node(),
            Server::Postgres(server) => server.node(),
            Server::Kafka(server) => server.node(),
        };
        let Some(node) = node else { return Ok(()) };
        if node.ended().is_none() {
            return Ok(());
        }
        let how = node.how_it_ended();
        Err(node.error(format!("{program} died by itself ({how})")))
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
            Server::Pod(server) => server.reach().clone(),
        }
    }

    /// Whether a connection of a worker's was closed by its client and may still have bytes that the server has not
    /// read. Only Kafka cannot be asked who is connected, so it is looked for in the kernel's list.
    pub async fn has_half_closed(&self) -> Result<bool, Error> {
        let Reach::Kafka(reach) = self.reach() else { return Ok(false) };
        let ports = reach.worker_ports();
        if ports.iter().any(|port| sockets::half_closed(*port)) {
            return Ok(true);
        }
        let Server::Pod(server) = self else { return Ok(false) };
        let list = server.connections().await?;
        Ok(ports.iter().any(|port| sockets::in_list(&list, *port)))
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
    pub async fn resume(&mut self) {
        match self {
            Server::Nats(server) => server.resume(),
            Server::Postgres(server) => server.resume(),
            Server::Kafka(server) => server.resume(),
            Server::Pod(server) => server.resume().await,
        }
    }

    /// Starts it again after a kill or a stop: same data, same port.
    pub async fn restart(&mut self, local: &Local) -> Result<(), Error> {
        match self {
            Server::Nats(server) => server.restart(local).await,
            Server::Postgres(server) => server.restart(local).await,
            Server::Kafka(server) => server.restart(local).await,
            Server::Pod(server) => server.restart().await,
        }
    }

    /// Ends it for good.
    pub async fn stop(&mut self) -> Result<(), Error> {
        whichever!(self, server => server.stop().await)
    }
}
