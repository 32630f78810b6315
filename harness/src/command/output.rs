//! Standard output: where results go, and nothing else.

use std::{
    io::{IsTerminal, Write},
    os::fd::AsFd,
};

use crate::{error::Error, exit::Exit, report::page::Page};

/// Prints a text. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) -> Result<Exit, Error> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Other(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(Exit::AsExpected),
    }
}

/// The sheet for standard output: the terminal's width, colours where they can be seen and are wanted.
pub fn page() -> Page {
    page_of(std::io::stdout())
}

/// The sheet for standard error, on which questions are asked.
pub fn error_page() -> Page {
    page_of(std::io::stderr())
}

fn page_of(output: impl IsTerminal + AsFd) -> Page {
    let is_terminal = output.is_terminal();
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let columns = columns.or_else(|| is_terminal.then(|| terminal_columns(output)).flatten());
    let no_color = std::env::var("NO_COLOR").ok();
    // On a cluster the terminal is elsewhere.
    let shown = is_terminal || std::env::var("CLICOLOR_FORCE").is_ok_and(|force| force == "1");
    Page::new(columns, Page::wants_color(shown, no_color.as_deref()))
}

fn terminal_columns(output: impl AsFd) -> Option<u16> {
    rustix::termios::tcgetwinsize(output).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}
