//! What stands between producers and consumers: the servers of a lab, and what a run has on them.

pub mod kafka;
pub mod nats;
pub mod pods;
pub mod postgres;
pub mod pulse;
pub mod stores;

mod reach;
mod server;

use std::collections::BTreeMap;

pub use reach::Reach;
pub use server::Server;

use crate::{context::Context, error::Error, scenario::Broker};

/// Whether a message that a store holds counts: a log keeps those of transactions, whatever becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It does.
    Yes,
    /// It was part of a transaction that was given up: no reader of committed messages is ever handed it.
    GivenUp,
    /// Its transaction is still open.
    NotYet,
}

/// The brokers that one lab has standing. Its variants use them one after the other.
#[derive(Debug, Default)]
pub struct Brokers {
    standing: BTreeMap<Broker, Standing>,
    started: u32,
}

#[derive(Debug)]
struct Standing {
    server: Server,
    /// What it was started with beyond the ordinary: a variant that needs other settings gets another server.
    settings: String,
}

impl Brokers {
    /// Sees to it that a healthy server of this kind with these settings is there.
    pub async fn need(
        &mut self,
        context: &Context,
        broker: Broker,
        lab: &str,
        settings: &str,
    ) -> Result<(), Error> {
        if let Some(standing) = self.standing.get_mut(&broker) {
            if standing.settings == settings && standing.server.alive() {
                return Ok(());
            }
            standing.server.stop().await?;
            self.standing.remove(&broker);
        }
        self.started += 1;
        let name = format!("{lab}-{broker}-{}", self.started);
        let server = Server::start(context, broker, &name, settings).await?;
        self.standing.insert(broker, Standing { server, settings: settings.to_owned() });
        Ok(())
    }

    /// One that stands.
    pub fn get(&self, broker: Broker) -> Option<&Server> {
        self.standing.get(&broker).map(|standing| &standing.server)
    }

    /// One that stands, to do something to it.
    pub fn get_mut(&mut self, broker: Broker) -> Option<&mut Server> {
        self.standing.get_mut(&broker).map(|standing| &mut standing.server)
    }

    /// Whether all that were started are there.
    pub fn are_alive(&mut self) -> bool {
        self.standing.values_mut().all(|standing| standing.server.alive())
    }

    /// An error that names the broker that died by itself.
    pub fn first_dead(&mut self) -> Result<(), Error> {
        for standing in self.standing.values_mut() {
            standing.server.died()?;
        }
        Ok(())
    }

    /// Ends all of them.
    pub async fn stop(&mut self) {
        for standing in self.standing.values_mut() {
            if let Err(error) = standing.server.stop().await {
                tracing::warn!("{error}");
            }
        }
        self.standing.clear();
    }
}
