//! Prometheus, which scrapes the labs every second.

use std::path::PathBuf;

use tokio::process::Command;

use super::{Running, folder, start};
use crate::{context::Context, error::Error, store::write_whole, tools::on_path};

/// Where Prometheus is looked for by those who use it; another one is taken if somebody has it.
const PORT: u16 = 9090;

const MEND: &str = if cfg!(target_os = "macos") {
    "brew install prometheus"
} else {
    "sh tools/apt, as root (Debian and Ubuntu: the package prometheus), or put prometheus on PATH"
};

/// The program.
#[derive(Clone, Debug)]
pub struct Prometheus {
    program: PathBuf,
}

impl Prometheus {
    /// The first one on `PATH`.
    pub fn find() -> Result<Self, Error> {
        let search_path = std::env::var_os("PATH").unwrap_or_default();
        let program = on_path(&search_path, "prometheus").into_iter().next();
        program.map(|program| Self { program }).ok_or_else(|| Error::NotRun {
            what: "Prometheus is not on PATH, and the boards show what it has scraped".to_owned(),
            mend: MEND.to_owned(),
        })
    }

    /// Starts it on what is served at `target`, an address and a port.
    pub async fn start(&self, context: &Context, target: &str) -> Result<Running, Error> {
        let folder = folder(context)?;
        let config = folder.join("prometheus.yml");
        write_whole(&config, settings(target).as_bytes())?;
        let command = |port: u16| -> Result<Command, Error> {
            let mut command = Command::new(&self.program);
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .current_dir(&folder);
            Ok(command)
        };
        start(context, "prometheus", PORT, "/-/ready", command).await
    }
}

/// Runs take seconds, so they are looked at every second.
fn settings(target: &str) -> String {
    format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: labs\n    \
         static_configs:\n      - targets: ['{target}']\n"
    )
}
