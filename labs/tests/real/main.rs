//! The kit and the workers against real brokers, with real kills.

mod database;
mod kafka;
mod outcomes;
mod polling;
mod support;
mod transactions;
mod workers;
