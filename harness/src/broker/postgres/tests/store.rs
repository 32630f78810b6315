//! What is asked about a run.

use std::collections::BTreeSet;

use sqlx::{Connection, PgConnection};

use super::{BOUND, Bench, ask, run};
use crate::{
    broker::postgres::{
        server::Server,
        store::{Names, Store},
    },
    error::Error,
};

const SCHEMA: &str = "CREATE TABLE messages (id bigserial PRIMARY KEY, payload text);\n";

async fn named(server: &Server, names: &Names, name: &str) -> PgConnection {
    let url = format!("{}?application_name={name}", server.reach().access().database(&names.database));
    PgConnection::connect(&url).await.unwrap()
}

/// Everything that a question hands on.
fn collect(into: &mut Vec<String>) -> impl FnMut(&[u8]) -> Result<(), Error> {
    |bytes| {
        into.push(String::from_utf8(bytes.to_owned()).unwrap());
        Ok(())
    }
}

#[tokio::test]
async fn all_rows_are_read_back_and_again_after_a_restart() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "synchronous_commit = off").await;
    let names = Names::of("t1");
    let store = Store::open(&server.reach(), &names).await.unwrap();
    store.create(Some(SCHEMA)).await.unwrap();
    assert_eq!(store.read_balance().await.unwrap(), 0);
    let mut worker = named(&server, &names, "t1/producer-0.0").await;
    run(&mut worker, "SET synchronous_commit = on").await;
    run(&mut worker, "INSERT INTO messages (payload) SELECT 't1 0-' || n FROM generate_series(1, 20000) n")
        .await;
    run(&mut worker, "INSERT INTO messages (payload) VALUES (NULL)").await;
    run(&mut worker, "INSERT INTO effects SELECT 't1 0-1' FROM generate_series(1, 2)").await;
    run(&mut worker, "INSERT INTO balances VALUES ('a', 5, 1), ('b', -2, 1)").await;
    for round in ["before", "after"] {
        let (mut messages, mut effects) = (Vec::new(), Vec::new());
        assert_eq!(store.read_back(collect(&mut messages)).await.unwrap(), Some(20_001), "{round}");
        assert_eq!(store.read_effects(collect(&mut effects)).await.unwrap(), 2);
        assert_eq!(store.read_balance().await.unwrap(), 3);
        let distinct: BTreeSet<_> = messages.iter().collect();
        assert!(distinct.len() == 20_001 && distinct.contains(&"t1 0-20000".to_owned()), "{round}");
        assert!(distinct.contains(&String::new()), "a row without a text is handed on");
        assert_eq!(effects, ["t1 0-1", "t1 0-1"], "no effect is taken away");
        if round == "before" {
            server.kill().await.unwrap();
            let error = store.read_balance().await.unwrap_err().to_string();
            assert!(error.starts_with("PostgreSQL was asked to read the balance: "), "{error}");
            server.restart(&bench.local).await.unwrap();
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_gives_up_leaves_the_store_usable() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let names = Names::of("t1");
    let store = Store::open(&server.reach(), &names).await.unwrap();
    store.create(None).await.unwrap();
    assert_eq!(store.read_back(|_| Ok(())).await.unwrap(), None, "no table `messages`");
    let mut worker = named(&server, &names, "w").await;
    run(&mut worker, "INSERT INTO effects SELECT 'x' FROM generate_series(1, 50000)").await;
    let stop = |_: &[u8]| Err(Error::Other("enough".to_owned()));
    assert_eq!(store.read_effects(stop).await.unwrap_err().to_string(), "enough");
    assert_eq!(store.read_effects(|_| Ok(())).await.unwrap(), 50_000);
    run(&mut worker, "DROP TABLE effects; DROP TABLE balances").await;
    let error = store.read_effects(|_| Ok(())).await.unwrap_err().to_string();
    assert!(error.contains("the table `effects` is not there any more"), "{error}");
    let error = store.read_balance().await.unwrap_err().to_string();
    assert!(error.contains("\"balances\" does not exist"), "{error}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_disconnect_ends_those_of_one_worker_and_nobody_else() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let (names, other) = (Names::of("t1"), Names::of("t2"));
    let store = Store::open(&server.reach(), &names).await.unwrap();
    store.create(None).await.unwrap();
    Store::open(&server.reach(), &other).await.unwrap().create(None).await.unwrap();
    let mut victim = named(&server, &names, "t1/consumer-0.1").await;
    let mut bystander = named(&server, &names, "t1/consumer-0.10").await;
    let mut elsewhere = named(&server, &other, "t1/consumer-0.1").await;
    let pid = ask(&mut victim, "SELECT pg_backend_pid()::bigint").await;
    assert_eq!(store.read_effects(|_| Ok(())).await.unwrap(), 0, "the harness has a connection too");
    let both = ["t1/consumer-0.1", "t1/consumer-0.10"].map(str::to_owned);
    assert_eq!(store.backends().await.unwrap(), BTreeSet::from(both));

    let done = store.disconnect("t1/consumer-0.1").await.unwrap();
    assert_eq!(done, (true, format!("backend {pid} is gone")));
    assert!(sqlx::query("SELECT 1").execute(&mut victim).await.is_err());
    assert_eq!(ask(&mut bystander, "SELECT 1::bigint").await, 1);
    assert_eq!(ask(&mut elsewhere, "SELECT 1::bigint").await, 1);
    assert_eq!(store.backends().await.unwrap(), BTreeSet::from(["t1/consumer-0.10".to_owned()]));
    let none = store.disconnect("t1/consumer-0.1").await.unwrap();
    assert_eq!(none, (false, "no connection of t1/consumer-0.1".to_owned()));
    let harness = store.disconnect(super::super::OWN_NAME).await.unwrap();
    assert!(harness.0, "{harness:?}");
    assert_eq!(store.read_effects(|_| Ok(())).await.unwrap(), 0, "it comes back itself");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_left_over_is_made_anew_and_deleted_at_the_end() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let names = Names::of("t1");
    let store = Store::open(&server.reach(), &names).await.unwrap();
    store.create(Some(SCHEMA)).await.unwrap();
    let mut left = named(&server, &names, "left-over").await;
    run(&mut left, "INSERT INTO messages (payload) VALUES ('t1 0-1')").await;
    store.create(Some(SCHEMA)).await.unwrap();
    assert_eq!(store.read_back(|_| Ok(())).await.unwrap(), Some(0));
    let _connected = named(&server, &names, "still-there").await;
    store.delete().await;
    let mut own = PgConnection::connect_with(&server.own("postgres")).await.unwrap();
    let databases = "SELECT count(*) FROM pg_database WHERE datname LIKE 'lab%'";
    assert_eq!(ask(&mut own, databases).await, 0);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_wrong_is_refused_with_the_line() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let store = Store::open(&server.reach(), &Names::of("t1")).await.unwrap();
    let schema = format!("-- ä\n{SCHEMA}CREATE TABLE x (n bigint,\n  m nonsense);\n");
    let error = store.create(Some(&schema)).await.unwrap_err().to_string();
    assert!(error.contains("type \"nonsense\" does not exist in line 4"), "{error}");
    let error = store.create(Some("ALTER SYSTEM SET fsync = off")).await.unwrap_err().to_string();
    assert!(error.contains("permission denied"), "{error}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_paused_server_is_no_endless_wait() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let store = Store::open(&server.reach(), &Names::of("t1")).await.unwrap();
    server.pause().await.unwrap();
    let answer = tokio::time::timeout(BOUND, store.backends()).await.expect("it has a bound of its own");
    let error = answer.unwrap_err().to_string();
    assert!(error.contains("no answer within 10s"), "{error}");
    server.stop().await.unwrap();
}
