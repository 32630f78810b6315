//! Kafka: finding it and its Java, preparing it for a quick start, running it, and what a run asks of it.
//!
//! One broker without ZooKeeper, started as plain `java`: the scripts that come with it add a heap of 1 GiB and more.

pub mod client;
pub mod install;
pub mod jars;
pub mod java;
pub mod jvm;
pub mod pulse;
mod read;
mod ready;
pub mod server;
pub mod settings;
pub mod store;
pub mod template;
mod training;
mod words;
