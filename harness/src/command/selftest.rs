//! `harness selftest`: does the harness find what was planted?

use std::io::IsTerminal;

use super::output;
use crate::{
    context::Context,
    error::Error,
    exit::Exit,
    interrupt,
    metrics::Metrics,
    report::live::{Mode, Screen},
    scenario::Supports,
    selftest::{Tried, real, synthetic, table::table},
};

/// Plants everything, and prints what was found: exit code 0 if all of it was, else 1; 3 where a run could not be
/// started.
pub async fn selftest(only_synthetic: bool) -> Result<Exit, Error> {
    let mut all = synthetic::plant_all();
    if !only_synthetic {
        all.extend(real_runs().await?);
    }
    output::print(&table(&all, &output::page()))?;
    Ok(all.iter().map(|tried| tried.outcome.exit()).fold(Exit::AsExpected, Exit::worst))
}

async fn real_runs() -> Result<Vec<Tried>, Error> {
    let labs = super::look::labs()?;
    let selections = labs.select(&[real::LAB.to_owned()], false, &Supports::LOCAL)?;
    let context = Context::start(&labs.home, interrupt::listen(), Metrics::new(false))?;
    let screen = Screen::new(Mode::choose(false, false, std::io::stderr().is_terminal()));
    let mut all = Vec::new();
    for lab in &selections {
        all.extend(real::run_all(&context, &screen, lab).await?);
    }
    context.end(false);
    Ok(all)
}
