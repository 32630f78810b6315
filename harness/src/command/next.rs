//! `harness next`: runs what is next.

use clap::Parser;

use super::{look, output, run};
use crate::{
    cli::{Cli, Command},
    error::Error,
    exit::Exit,
    report::list::{NextStep, next_step},
};

/// Runs the first lab, or variant of a lab begun, that has not come out as it should; says so if there is none.
pub async fn run_next(options: &[String]) -> Result<Exit, Error> {
    let target = match next_step(&look::entries()?) {
        NextStep::Run(target) => target,
        nothing => return output::print(&format!("{nothing}\n")),
    };
    // The options are those of `harness run`, and so are their mistakes.
    let words = ["harness", "run", &target].map(str::to_owned);
    let cli = Cli::try_parse_from(words.iter().chain(options)).unwrap_or_else(|error| error.exit());
    match cli.command {
        Some(Command::Run(arguments)) => run::run_labs(&arguments).await,
        _ => Err(Error::Usage(format!("`harness next` takes the options of `harness run`, not {options:?}"))),
    }
}
