//! The harness from outside: the built program, run as a user would run it, with good input and bad.
//!
//! One program for all themes, so that it is linked once and its tests share the machine.

mod asking;
mod boards;
mod broker;
mod browser;
mod cluster;
mod common;
mod compare;
mod costs;
mod dash;
mod dev;
mod folders;
mod lab_file;
mod live_page;
mod metrics;
mod network;
mod network_faults;
mod output;
mod pages;
mod phases;
mod progress;
mod prometheus;
mod report;
mod side_by_side;
mod sink;
mod transactions;
mod usage;
mod worker;
