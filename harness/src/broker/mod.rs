//! What stands between producers and consumers.

pub mod nats;

use std::path::PathBuf;

use crate::{error::Error, runtime::local::Local, store::Session};

/// The brokers that one lab has standing. Its variants use them one after the other.
#[derive(Debug, Default)]
pub struct Brokers {
    /// The NATS server.
    pub nats: Option<nats::server::Server>,
    /// What this server was started with beyond the ordinary: a variant that needs other settings gets another server.
    settings: String,
    started: u32,
}

impl Brokers {
    /// Sees to it that a healthy NATS server with these settings is there.
    pub async fn need_nats(
        &mut self,
        local: &Local,
        binary: &nats::install::NatsServer,
        session: &Session,
        lab: &str,
        settings: &str,
    ) -> Result<(), Error> {
        if let Some(server) = &mut self.nats {
            if self.settings == settings && server.alive() {
                return Ok(());
            }
            server.stop().await?;
        }
        self.started += 1;
        let folder: PathBuf = session.broker(&format!("{lab}-nats-{}", self.started));
        self.nats = Some(nats::server::Server::start(local, binary, &folder, settings).await?);
        self.settings = settings.to_owned();
        Ok(())
    }

    /// Whether all that were started are there.
    pub fn are_alive(&mut self) -> bool {
        self.nats.as_mut().is_none_or(|server| server.alive())
    }

    /// An error that names the broker that died by itself.
    pub fn first_dead(&mut self) -> Result<(), Error> {
        let Some(node) = self.nats.as_mut().and_then(|server| server.node()) else { return Ok(()) };
        if node.ended().is_none() {
            return Ok(());
        }
        let how = node.how_it_ended();
        Err(node.error(format!("nats-server died by itself ({how})")))
    }

    /// Ends all of them.
    pub async fn stop(&mut self) {
        if let Some(server) = &mut self.nats
            && let Err(error) = server.stop().await
        {
            tracing::warn!("{error}");
        }
        self.nats = None;
    }
}
