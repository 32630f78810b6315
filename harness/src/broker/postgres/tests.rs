//! With a real PostgreSQL: the one that the harness finds.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use super::{
    install::{self, PostgresServer},
    server::Server,
};
use crate::runtime::local::Local;

/// What a test needs around a server. The folder is dropped last.
struct Bench {
    install: PostgresServer,
    local: Local,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let install = install::find_or_install(project).await.unwrap();
        let local = Local::for_tests();
        Self { install, local, folder: tempfile::tempdir().unwrap() }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&self, name: &str, settings: &str) -> Server {
        Server::start(&self.local, &self.install, &self.folder(name), settings).await.unwrap()
    }
}

/// A connection of a worker to a database that is always there.
async fn worker(server: &Server) -> PgConnection {
    PgConnection::connect(&server.access().database("postgres")).await.unwrap()
}

async fn ask(connection: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn what_was_committed_outlives_a_kill() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let mut connection = worker(&server).await;
    sqlx::raw_sql("CREATE TEMP TABLE t (n int)").execute(&mut connection).await.unwrap();
    let before = ask(&mut connection, "SELECT txid_current()").await;
    let pid = server.node().unwrap().pid();
    let (killed, evidence) = server.kill().await.unwrap();
    assert!(killed && evidence.starts_with("exit by signal 9, and its "), "{evidence}");
    assert!(!server.alive());
    let again = server.kill().await.unwrap();
    assert_eq!(again, (false, "exit by signal 9".to_owned()), "what is dead is not killed");
    let port = server.port();
    server.restart(&bench.local).await.unwrap();
    assert_eq!(server.port(), port);
    assert_ne!(server.node().unwrap().pid(), pid);
    let mut connection = worker(&server).await;
    assert!(ask(&mut connection, "SELECT txid_current()").await >= before);
    server.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "a measurement: cargo test -p harness --bin harness how_long -- --ignored --nocapture"]
async fn how_long_starts_take() {
    let bench = Bench::new().await;
    let (mut starts, mut restarts) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let begun = Instant::now();
        let mut server = bench.start(&number.to_string(), "").await;
        starts.push(begun.elapsed());
        server.kill().await.unwrap();
        let begun = Instant::now();
        server.restart(&bench.local).await.unwrap();
        restarts.push(begun.elapsed());
        server.stop().await.unwrap();
    }
    for (what, mut times) in [("start", starts), ("restart after SIGKILL", restarts)] {
        times.sort();
        println!("{what}: median {:?}, {:?} to {:?}", times[10], times[0], times[19]);
    }
}
