//! The kit and the workers against a real nats-server, with real kills.

mod outcomes;
mod support;
mod workers;
