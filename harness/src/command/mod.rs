//! The commands: each reads, asks the rest of the program, and prints.

mod asking;
mod bench;
pub mod clean;
mod compare;
mod dash;
mod dev;
mod look;
mod next;
mod on_cluster;
mod output;
mod run;
mod selftest;
mod step_summary;
mod variant;

use std::io::IsTerminal;

use crate::{
    cli::{Cli, Command, Dev, Runtime},
    error::Error,
    exit::Exit,
    report::page::Page,
};

/// Does what the command line says, and prints what went wrong.
///
/// One thread runs everything: the parent-death signal of our children fires when the thread that started them ends.
pub fn main(cli: Cli) -> Exit {
    start_logging();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the harness cannot start: {error}");
            return Exit::Failed;
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit()
        }
    }
}

async fn dispatch(cli: Cli) -> Result<Exit, Error> {
    match cli.command {
        None => look::overview(),
        Some(Command::List) => look::list(),
        Some(Command::Run(arguments)) => run::run_labs(&arguments).await,
        Some(Command::Next { options }) => next::run_next(&options).await,
        Some(Command::Dash(arguments)) => dash::dash(&arguments).await,
        Some(Command::Plan(arguments)) => look::plan(&arguments),
        Some(Command::Check { run, json }) => look::check(&run, json),
        Some(Command::Compare { one, other, json }) => compare::compare([&one, &other], json),
        Some(Command::Explain { run, id }) => look::explain(&run, &id),
        Some(Command::Report { run }) => look::report(&run),
        Some(Command::History { run }) => look::history(&run),
        Some(Command::Doctor { runtime: Some(Runtime::K8s), .. }) => on_cluster::doctor().await,
        Some(Command::Doctor { install, .. }) => look::doctor(install).await,
        Some(Command::Clean { runtime: Some(Runtime::K8s) }) => on_cluster::clean().await,
        Some(Command::Clean { .. }) => look::clean(),
        Some(Command::Selftest { synthetic }) => selftest::selftest(synthetic).await,
        Some(Command::Cluster(arguments)) => look::cluster(&arguments).await,
        Some(Command::Dev(Dev::Check(arguments))) => dev::check(&arguments).await,
        Some(Command::Dev(Dev::Transcripts { labs })) => dev::transcripts(&labs).await,
        Some(Command::Dev(Dev::Recording)) => dev::record().await,
        Some(Command::Defaults) => output::print(crate::scenario::DEFAULTS),
        Some(Command::Completions { shell }) => look::completions(shell),
        Some(Command::Conductor) => crate::runtime::k8s::lease::conduct().await,
        // `main` has handled it: the guard must not start a runtime of its own kind.
        Some(Command::Guard) => Ok(Exit::AsExpected),
    }
}

/// The harness' own log, for those who look for a mistake in it: `RUST_LOG=harness=debug`. What takes long and is done
/// once, an installation, is said to everybody.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,async_nats=off,once=info"));
    let no_color = std::env::var("NO_COLOR").ok();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(Page::wants_color(std::io::stderr().is_terminal(), no_color.as_deref()));
    // An error means that somebody has set one up before, which is as good.
    let _ = log.try_init();
}
