//! Workers: building and starting them, what they say, what they are told, when they are through.

pub mod build;
pub mod drain;
pub mod launch;
pub mod lines;
pub mod said;
pub mod told;
pub mod worker;
