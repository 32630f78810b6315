//! The harness from outside: the built program, run as a user would run it, with good input and bad.
//!
//! One program for all themes, so that it is linked once and its tests share the machine.

mod boards;
mod broker;
mod browser;
mod common;
mod dash;
mod folders;
mod lab_file;
mod metrics;
mod network;
mod output;
mod pages;
mod phases;
mod prometheus;
mod side_by_side;
mod sink;
mod usage;
mod worker;
