//! A broker's server on a cluster: a StatefulSet of one pod, with a volume of its own and an address that stays.

mod answer;
mod log;
mod objects;
pub mod server;
mod settings;
