//! How workers and the harness get to a server, wherever it runs.

use std::net::SocketAddr;

use super::{kafka, nats, postgres};

/// Where a server is, and what it takes to be let in.
#[derive(Clone, Debug)]
pub enum Reach {
    /// nats-server.
    Nats(nats::server::Access),
    /// PostgreSQL.
    Postgres(postgres::Reach),
    /// Kafka.
    Kafka(kafka::settings::Reach),
}

impl Reach {
    /// The address for workers, the same over restarts.
    pub fn address(&self) -> SocketAddr {
        match self {
            Reach::Nats(access) => access.address,
            Reach::Postgres(reach) => reach.address,
            Reach::Kafka(reach) => reach.workers,
        }
    }
}
