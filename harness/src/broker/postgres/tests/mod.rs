//! With a real PostgreSQL: the one that the harness finds.

mod child;
mod install;
mod kill;
mod server;
mod store;
mod trouble;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use super::{
    install::{PostgresServer, find_or_install},
    server::Server,
};
use crate::{
    error::Error,
    runtime::{local::Local, process::wait_for, table},
};

/// Nothing here takes so long; a test that hits it fails.
const BOUND: Duration = Duration::from_secs(60);

/// What a test needs around a server. The folder is dropped last.
struct Bench {
    install: PostgresServer,
    local: Local,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let install = find_or_install(project).await.unwrap();
        Self { install, local: Local::for_tests(), folder: tempfile::tempdir().unwrap() }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&self, name: &str, settings: &str) -> Server {
        self.try_start(name, settings).await.unwrap()
    }

    async fn try_start(&self, name: &str, settings: &str) -> Result<Server, Error> {
        Server::start(&self.local, &self.install, &self.folder(name), settings).await
    }

    /// Where a server's data is outside of its folder, if it is.
    fn outside(&self, name: &str) -> Option<PathBuf> {
        std::fs::read_to_string(self.folder(name).join("outside")).ok().map(PathBuf::from)
    }
}

/// A connection as a worker has one, to a database that is always there and lets it make tables.
async fn worker(server: &Server) -> PgConnection {
    let mut own = PgConnection::connect_with(&server.own("postgres")).await.unwrap();
    run(&mut own, "GRANT CREATE ON SCHEMA public TO lab").await;
    PgConnection::connect(&server.reach().access().database("postgres")).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

async fn ask(connection: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await.unwrap()
}

/// Writes for seconds and commits it: whoever kills too little finds the rows.
const LONG_INSERT: &str = "INSERT INTO long SELECT generate_series(1, 3000000)";

/// Is busy for longer than a test waits, and looks at nothing meanwhile: no other process ends it by its own end.
const BUSY: &str = "DO $$ DECLARE start timestamptz := clock_timestamp(); BEGIN
    PERFORM pg_current_xact_id();
    WHILE clock_timestamp() < start + interval '90 s' LOOP END LOOP; END $$";

/// Starts a statement, and waits until the server is at it.
async fn start_statement(server: &Server, sql: &'static str) {
    let mut connection = worker(server).await;
    run(&mut connection, "CREATE TABLE long (n bigint)").await;
    tokio::spawn(async move { sqlx::raw_sql(sql).execute(&mut connection).await });
    let mut own = PgConnection::connect_with(&server.own("postgres")).await.unwrap();
    let at_it = "SELECT count(*) FROM pg_stat_activity
        WHERE usename = 'lab' AND state = 'active' AND backend_xid IS NOT NULL";
    let deadline = tokio::time::Instant::now() + BOUND;
    while ask(&mut own, at_it).await == 0 {
        assert!(tokio::time::Instant::now() < deadline, "the statement never began");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until none of these processes does anything any more.
async fn are_gone(processes: &[table::Process]) {
    let gone = || processes.iter().all(super::family::is_dead);
    assert!(wait_for(BOUND, gone).await, "still there: {processes:?}");
}

/// The server's processes, the first one included.
fn processes(server: &mut Server) -> Vec<table::Process> {
    let pid = server.node().unwrap().pid();
    let mut all = super::family::below(pid);
    all.extend(table::one(pid));
    assert!(all.len() > 3, "{all:?}");
    all
}
