//! What PostgreSQL says of itself, from its statistics views.

use sqlx::{PgConnection, Row, postgres::PgConnectOptions};

use super::{Reach, connect};
use crate::broker::pulse::Said;

/// Cheap: it reads what the server keeps in memory anyway, and writes nothing.
const QUESTION: &str = "SELECT
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::float8,
    sum(xact_commit)::float8, sum(xact_rollback)::float8 FROM pg_stat_database";

/// Asks one server.
pub struct Asker {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Asker {
    /// Of this server, over restarts: the port stays.
    pub fn of(reach: &Reach) -> Self {
        Self { options: reach.own("postgres"), connection: None }
    }

    /// One answer.
    pub async fn ask(&mut self) -> Option<Vec<(Said, f64)>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.options).await.ok()?,
        };
        let row = sqlx::query(QUESTION).fetch_one(&mut connection).await.ok()?;
        // Only a connection that answered is used again.
        self.connection = Some(connection);
        let said = [Said::Connections, Said::Commits, Said::Rollbacks];
        said.into_iter().enumerate().map(|(column, said)| Some((said, row.try_get(column).ok()?))).collect()
    }
}
