//! The kit and the workers against a real nats-server and a real PostgreSQL, with real kills.

mod database;
mod outcomes;
mod polling;
mod support;
mod workers;
