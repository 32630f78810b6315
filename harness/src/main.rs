//! `harness`: runs a messaging lab on real brokers, breaks something in the middle and accounts for every message.

mod assess;
mod attempt;
mod broker;
mod cli;
mod cluster;
mod command;
mod context;
mod dash;
mod dev;
mod doctor;
mod error;
mod exit;
mod fault;
mod interrupt;
mod live;
mod metrics;
mod observe;
mod pages;
mod predict;
mod progress;
mod proxy;
mod recorder;
mod report;
mod run;
mod runtime;
mod scenario;
mod selftest;
mod serve;
mod sink;
mod stage;
mod store;
mod tools;
mod workload;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if matches!(cli.command, Some(cli::Command::Guard)) {
        return runtime::guard::run_guard();
    }
    ExitCode::from(command::main(cli).code())
}
