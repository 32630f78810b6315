//! A connection to the run's database that comes back after the server, or somebody else, has ended it.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::time::{sleep, timeout};

use super::outcome;
use crate::{Error, Kit};

/// A server that is being restarted is back long before this.
const BACK_BOUND: Duration = Duration::from_secs(20);

/// One try to connect, on loopback.
const CONNECT_BOUND: Duration = Duration::from_secs(5);

/// The pause between two tries. Each try costs a server that is coming back a new process.
const PAUSE: Duration = Duration::from_millis(50);

/// The run's database, over one connection.
pub struct Database {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

/// Why a piece of work with the database ended early.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    /// The database said no, or is gone: perhaps only for now.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The worker cannot go on.
    #[error(transparent)]
    Worker(Error),
}

impl From<journal::Error> for Cut {
    fn from(error: journal::Error) -> Self {
        Self::Worker(error.into())
    }
}

impl From<Error> for Cut {
    fn from(error: Error) -> Self {
        Self::Worker(error)
    }
}

/// How this worker connects. The harness finds its connections by the name.
pub(super) fn options(kit: &Kit) -> Result<PgConnectOptions, Error> {
    let settings = kit.settings();
    let name = format!("{}/{}.{}", settings.tag, settings.worker, settings.incarnation);
    // The error may quote the address, and the password is in it.
    let options = PgConnectOptions::from_str(settings.postgres.url()?)
        .map_err(|_| "POSTGRES_URL is not the address of a PostgreSQL database")?;
    Ok(options.application_name(&name).ssl_mode(PgSslMode::Disable).disable_statement_logging())
}

impl Database {
    /// Connects.
    ///
    /// # Errors
    /// A setting is missing, or the server does not let us in.
    pub async fn open(kit: &Kit) -> Result<Self, Error> {
        let mut database = Self { options: options(kit)?, connection: None };
        database.connection().await?;
        Ok(database)
    }

    /// The connection; a new one where the last was given up. Waits for a server that is being restarted.
    ///
    /// # Errors
    /// The server does not let us in, or is not back in time.
    pub async fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => patiently(&self.options, async || self.options.connect().await).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Drops the connection: after an error nobody knows in what state it is.
    pub fn give_up(&mut self) {
        self.connection = None;
    }

    /// Sorts out how a piece of work ended. `None`: the database cut it off, the connection is given up, and it may be
    /// tried again.
    ///
    /// # Errors
    /// Trying again would not help.
    pub fn survived<T>(&mut self, result: Result<T, Cut>) -> Result<Option<T>, Error> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(Cut::Database(error)) if outcome::is_passing(&error) => {
                tracing::info!("PostgreSQL: {error}");
                self.give_up();
                Ok(None)
            }
            Err(Cut::Database(error)) => Err(error.into()),
            Err(Cut::Worker(error)) => Err(error),
        }
    }
}

/// Tries again while the server is not there, or says that it is just starting.
pub(super) async fn patiently<T>(
    options: &PgConnectOptions,
    mut attempt: impl AsyncFnMut() -> Result<T, sqlx::Error>,
) -> Result<T, Error> {
    let start = Instant::now();
    let place = format!("{}:{}", options.get_host(), options.get_port());
    loop {
        let error = match timeout(CONNECT_BOUND, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) if !outcome::is_passing(&error) => {
                return Err(format!("cannot connect to PostgreSQL at {place}: {error}").into());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer for {CONNECT_BOUND:?}"),
        };
        if start.elapsed() > BACK_BOUND {
            return Err(format!("PostgreSQL at {place} is not back after {BACK_BOUND:?}: {error}").into());
        }
        tracing::debug!("PostgreSQL: {error}");
        sleep(PAUSE).await;
    }
}
