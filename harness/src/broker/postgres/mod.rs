//! PostgreSQL: finding it, running a server of our own, and what a run asks of it.
//!
//! A server is many processes: the first one, called the postmaster, starts one for each connection and some for itself,
//! each in a session of its own. Whoever kills or pauses the server means all of them.

mod config;
mod family;
pub mod install;
mod launch;
mod place;
pub mod pulse;
pub mod server;
pub mod store;
mod template;
mod user;

pub use config::postgresql_conf;
pub use place::clean;

use std::{fmt, net::SocketAddr, path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

/// How long the server may take to answer one question, and to let somebody in.
const ANSWER_BOUND: Duration = Duration::from_secs(10);

/// The name of the harness's own connections, as the server shows it.
pub const OWN_NAME: &str = "harness";

/// The role of workers. It owns the databases of runs and nothing else.
pub const LAB_ROLE: &str = "lab";

/// The role of the harness.
const OWN_ROLE: &str = "postgres";

/// What a worker needs to reach the server. The password is never on a command line or in a log.
#[derive(Clone)]
pub struct Access {
    /// `postgres://lab:<password>@<address>/`, without a database.
    pub url: String,
}

impl Access {
    fn of(password: &str, address: SocketAddr) -> Self {
        Self { url: format!("postgres://{LAB_ROLE}:{password}@{address}/") }
    }

    /// The URL of one database.
    pub fn database(&self, name: &str) -> String {
        format!("{}{name}", self.url)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.rsplit_once('@').map_or("", |(_, place)| place);
        write!(f, "Access {{ url: \"postgres://{LAB_ROLE}:***@{place}\" }}")
    }
}

/// Where a server is, and the passwords of the two roles: all that anybody needs to connect.
#[derive(Clone)]
pub struct Reach {
    /// Its address, the same over restarts.
    pub address: SocketAddr,
    /// The password of the labs' role.
    pub secret: String,
    /// The password of the harness's own role.
    pub own_secret: String,
}

impl fmt::Debug for Reach {
    /// Leaves the passwords out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Reach {
    /// What workers need to connect.
    pub fn access(&self) -> Access {
        Access::of(&self.secret, self.address)
    }

    /// How the harness itself reaches a database. What it writes is safe on disk and its statements are in no log,
    /// whatever a lab sets for the server: passwords stand in some.
    pub fn own(&self, database: &str) -> PgConnectOptions {
        self.options(OWN_ROLE, &self.own_secret, database).options([
            ("synchronous_commit", "on"),
            ("log_statement", "none"),
            ("log_min_duration_statement", "-1"),
            ("log_min_duration_sample", "-1"),
        ])
    }

    /// How the harness reaches a database as the labs' role, for what has to be theirs.
    pub fn labs(&self, database: &str) -> PgConnectOptions {
        self.options(LAB_ROLE, &self.secret, database).options([("synchronous_commit", "on")])
    }

    fn options(&self, role: &str, password: &str, database: &str) -> PgConnectOptions {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        options(&host, port, role, password, database)
    }
}

fn options(host: &str, port: u16, role: &str, password: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(port)
        .username(role)
        .password(password)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name(OWN_NAME)
        .disable_statement_logging()
}

/// Connects, within a bound.
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection, String> {
    match tokio::time::timeout(ANSWER_BOUND, PgConnection::connect_with(options)).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {ANSWER_BOUND:?}")),
    }
}

/// What a program says of its failure in a log that is long and ends with something else; empty if it says nothing.
fn cause(said: &str) -> String {
    let words = ["PANIC:", "FATAL:", "ERROR:", "error:", "could not"];
    let line = said.lines().find(|line| words.iter().any(|word| line.contains(word)));
    line.map(|line| format!(": {}", line.trim())).unwrap_or_default()
}

/// What to do where a full disk is the cause.
fn mend(said: &str, folder: &Path) -> String {
    let full = said.contains("No space left on device") || said.contains("Disk quota exceeded");
    if full { format!("\n  to mend it: make room where {} is", folder.display()) } else { String::new() }
}

#[cfg(test)]
mod tests;
