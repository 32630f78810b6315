//! What the harness asks PostgreSQL about one run: its messages, its effects, who is connected.

use std::{collections::BTreeSet, time::Duration};

use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, Row, ValueRef,
    postgres::{PgConnectOptions, PgDatabaseError, PgErrorPosition, PgRow},
};
use tokio::{sync::Mutex, time::timeout};

use super::{ANSWER_BOUND, LAB_ROLE, OWN_NAME, Reach, connect};
use crate::error::Error;

/// How long making or dropping a database may take, and running a schema: they wait for the disk.
const MAKE_BOUND: Duration = Duration::from_secs(30);

/// How long one backend that was told to end may take, in milliseconds: less than an answer may.
const END_MILLISECONDS: i64 = 4_000;

/// The sink's tables. `effects` deliberately has no key: it shows an effect as often as it was applied.
const SINKS: &str = "CREATE TABLE effects (message text NOT NULL);
    CREATE TABLE balances (account text PRIMARY KEY, amount bigint NOT NULL, version bigint NOT NULL)";

/// What the server says when there is no such table.
const NO_TABLE: &str = "42P01";

/// The names that one run uses on its server. No two runs share any.
#[derive(Clone, Debug)]
pub struct Names {
    /// The database.
    pub database: String,
}

impl Names {
    /// The names that go with a run's tag.
    pub fn of(tag: &str) -> Self {
        Self { database: format!("lab_{tag}") }
    }

    /// The database in a statement.
    fn quoted(&self) -> String {
        format!("\"{}\"", self.database.replace('"', "\"\""))
    }
}

/// The harness's own connections to a server, for one run.
#[derive(Debug)]
pub struct Store {
    names: Names,
    server: Link,
    database: Link,
    labs: PgConnectOptions,
}

/// A connection that is kept until something is wrong with it, and then made anew.
#[derive(Debug)]
struct Link {
    options: PgConnectOptions,
    idle: Mutex<Option<PgConnection>>,
}

impl Link {
    fn new(options: PgConnectOptions) -> Self {
        Self { options, idle: Mutex::new(None) }
    }

    /// Takes the connection out; whoever comes to the end of what it was for puts it back.
    async fn take(&self, what: &str) -> Result<PgConnection, Error> {
        if let Some(mut connection) = self.idle.lock().await.take() {
            match timeout(ANSWER_BOUND, connection.ping()).await {
                Ok(Ok(())) => return Ok(connection),
                // The server was started anew, or has ended this connection.
                Ok(Err(_)) => {}
                Err(_) => return Err(asked(what, format!("no answer within {ANSWER_BOUND:?}"))),
            }
        }
        connect(&self.options).await.map_err(|why| asked(what, why))
    }

    /// Asks, within a bound.
    async fn ask<T>(
        &self,
        what: &str,
        bound: Duration,
        question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Error> {
        let mut connection = self.take(what).await?;
        match timeout(bound, question(&mut connection)).await {
            Ok(Ok(answer)) => {
                *self.idle.lock().await = Some(connection);
                Ok(answer)
            }
            Ok(Err(error)) => Err(asked(what, error)),
            Err(_) => Err(asked(what, format!("no answer within {bound:?}"))),
        }
    }
}

impl Store {
    /// Connects to the server.
    pub async fn open(reach: &Reach, names: &Names) -> Result<Self, Error> {
        let store = Self {
            names: names.clone(),
            server: Link::new(reach.own("postgres")),
            database: Link::new(reach.own(&names.database)),
            labs: reach.labs(&names.database),
        };
        store.server.ask("answer", ANSWER_BOUND, async |connection| connection.ping().await).await?;
        Ok(store)
    }

    /// Makes the run's database with the sink's tables in it, and runs the lab's SQL there, all as the labs' role.
    ///
    /// One of that name that was left over is dropped.
    pub async fn create(&self, schema: Option<&str>) -> Result<(), Error> {
        self.drop_database().await?;
        let sql = format!("CREATE DATABASE {} OWNER {LAB_ROLE}", self.names.quoted());
        self.execute_on_server("make the run's database", sql).await?;
        let what = "make the sink's tables";
        let mut connection = connect(&self.labs).await.map_err(|why| asked(what, why))?;
        match timeout(MAKE_BOUND, sqlx::raw_sql(SINKS).execute(&mut connection)).await {
            Ok(made) => made.map_err(|error| asked(what, error))?,
            Err(_) => return Err(asked(what, format!("no answer within {MAKE_BOUND:?}"))),
        };
        if let Some(schema) = schema {
            let sql = sqlx::raw_sql(AssertSqlSafe(schema.to_owned()));
            match timeout(MAKE_BOUND, sql.execute(&mut connection)).await {
                Ok(made) => made.map_err(|error| refused(schema, &error))?,
                Err(_) => return Err(asked("run the lab's SQL", format!("no end within {MAKE_BOUND:?}"))),
            };
        }
        let _ = timeout(ANSWER_BOUND, connection.close()).await;
        Ok(())
    }

    /// Hands each row of the table `messages` to `found`, and says how many there are; `None` without that table.
    pub async fn read_back(
        &self,
        found: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<u64>, Error> {
        self.read("read the messages", "SELECT payload FROM messages", found).await
    }

    /// Hands each row of the table `effects` to `found`, and says how many there are.
    pub async fn read_effects(&self, found: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<u64, Error> {
        let what = "read the effects";
        let read = self.read(what, "SELECT message FROM effects", found).await?;
        read.ok_or_else(|| asked(what, "the table `effects` is not there any more"))
    }

    /// The sum over all accounts.
    pub async fn read_balance(&self) -> Result<i64, Error> {
        let sql = "SELECT coalesce(sum(amount), 0)::bigint FROM balances";
        let ask = async |connection: &mut PgConnection| sqlx::query_scalar(sql).fetch_one(connection).await;
        self.database.ask("read the balance", ANSWER_BOUND, ask).await
    }

    /// The names of all connections to the run's database that are not the harness's own. What a worker had sent has
    /// been heard when its connection is gone.
    pub async fn backends(&self) -> Result<BTreeSet<String>, Error> {
        let sql = "SELECT DISTINCT application_name FROM pg_stat_activity
            WHERE datname = $1 AND backend_type = 'client backend' AND application_name <> $2";
        let ask = async |connection: &mut PgConnection| {
            sqlx::query_scalar(sql).bind(&self.names.database).bind(OWN_NAME).fetch_all(connection).await
        };
        let names: Vec<String> = self.server.ask("list its connections", ANSWER_BOUND, ask).await?;
        Ok(names.into_iter().collect())
    }

    /// Ends every connection to the run's database of this name, and waits until its backend is gone.
    ///
    /// Returns whether there was one and all of them are gone, and the evidence.
    pub async fn disconnect(&self, name: &str) -> Result<(bool, String), Error> {
        let sql = "SELECT pid, pg_terminate_backend(pid, $3) FROM pg_stat_activity
            WHERE datname = $1 AND backend_type = 'client backend' AND application_name = $2
            ORDER BY pid";
        let ask = async |connection: &mut PgConnection| {
            let asked = sqlx::query(sql).bind(&self.names.database).bind(name).bind(END_MILLISECONDS);
            let rows = asked.fetch_all(connection).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
        };
        let ended: Vec<(i32, bool)> =
            self.server.ask("end the connections of a worker", ANSWER_BOUND, ask).await?;
        let all = ended.iter().all(|(_, gone)| *gone);
        let each: Vec<_> = ended
            .iter()
            .map(|(pid, gone)| format!("backend {pid} is {}", if *gone { "gone" } else { "still there" }))
            .collect();
        let evidence = if each.is_empty() { format!("no connection of {name}") } else { each.join(", ") };
        Ok((all && !each.is_empty(), evidence))
    }

    /// Drops the run's database, whoever is still connected.
    pub async fn delete(self) {
        if let Err(error) = self.drop_database().await {
            tracing::debug!("{error}");
        }
    }

    async fn drop_database(&self) -> Result<(), Error> {
        // Our own connection to it would be ended as any other.
        *self.database.idle.lock().await = None;
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.names.quoted());
        self.execute_on_server("drop the run's database", sql).await
    }

    async fn execute_on_server(&self, what: &str, sql: String) -> Result<(), Error> {
        let ask = async |connection: &mut PgConnection| {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
        };
        self.server.ask(what, MAKE_BOUND, ask).await
    }

    /// Hands the first column of each row to `found`; `None` without the table.
    async fn read(
        &self,
        what: &str,
        sql: &'static str,
        mut found: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Option<u64>, Error> {
        let mut connection = self.database.take(what).await?;
        let mut rows = sqlx::query(sql).fetch(&mut connection);
        let mut count = 0;
        loop {
            match timeout(ANSWER_BOUND, rows.try_next()).await {
                Ok(Ok(Some(row))) => {
                    hand_on(&row, what, &mut found)?;
                    count += 1;
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) if is_no_table(&error) => return Ok(None),
                Ok(Err(error)) => return Err(asked(what, error)),
                Err(_) => {
                    return Err(asked(what, format!("nothing came for {ANSWER_BOUND:?} after {count} rows")));
                }
            }
        }
        drop(rows);
        *self.database.idle.lock().await = Some(connection);
        Ok(Some(count))
    }
}

/// A row without a text is handed on as an empty one: it is there, and no message of ours.
fn hand_on(row: &PgRow, what: &str, found: &mut impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let value = row.try_get_raw(0).map_err(|error| asked(what, error))?;
    if value.is_null() {
        return found(&[]);
    }
    let bytes = value.as_bytes().map_err(|error| asked(what, error))?;
    found(bytes)
}

fn is_no_table(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == NO_TABLE)
}

/// What is wrong with the lab's SQL, and in which line.
fn refused(schema: &str, error: &sqlx::Error) -> Error {
    let error =
        error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()).ok_or(error);
    let what = match error {
        Ok(error) => {
            let position = match error.position() {
                Some(PgErrorPosition::Original(position)) => Some(position),
                _ => None,
            };
            let line =
                position.map(|position| 1 + schema.chars().take(position - 1).filter(|&c| c == '\n').count());
            let place = line.map(|line| format!(" in line {line}")).unwrap_or_default();
            format!("{}{place}", error.message())
        }
        Err(error) => error.to_string(),
    };
    Error::Other(format!(
        "PostgreSQL refused the SQL in the lab's schema: {what}\n  to mend it: correct that file"
    ))
}

fn asked(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Other(format!("PostgreSQL was asked to {what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(Names::of("ab12").database, "lab_ab12");
        assert_eq!(Names::of("a\" OWNER x; --").quoted(), "\"lab_a\"\" OWNER x; --\"");
    }
}
