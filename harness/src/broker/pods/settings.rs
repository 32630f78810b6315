//! What each server is told at its start, as the files of its settings.

use std::{collections::BTreeMap, net::IpAddr};

use crate::broker::{kafka, nats, postgres};

/// The files of nats-server.
pub fn nats(secret: &str, more: &str) -> BTreeMap<String, String> {
    let listen = format!("0.0.0.0:{}", super::objects::NATS);
    files([("server.conf", nats::server::config(&listen, "/data", secret, more))])
}

/// The files of PostgreSQL. Whoever has a password may come from anywhere in the cluster.
pub fn postgres(own_secret: &str, more: &str) -> BTreeMap<String, String> {
    files([
        ("postgresql.conf", postgres::postgresql_conf("0.0.0.0", super::objects::POSTGRES, more)),
        ("pg_hba.conf", "host all all 0.0.0.0/0 scram-sha-256\n".to_owned()),
        ("password", own_secret.to_owned()),
    ])
}

/// The files of Kafka. It talks to itself on loopback: not every cluster lets a pod reach itself by a service.
pub fn kafka(
    ports: &kafka::settings::Ports,
    cluster: &str,
    address: IpAddr,
    harness: IpAddr,
    more: &str,
) -> BTreeMap<String, String> {
    let hosts = kafka::settings::Hosts { listens: "0.0.0.0".to_owned(), broker: address, links: harness };
    let text = kafka::settings::text(ports, &hosts, "/data/log", more);
    files([("server.properties", text), ("cluster", cluster.to_owned())])
}

fn files<const N: usize>(files: [(&str, String); N]) -> BTreeMap<String, String> {
    files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}
