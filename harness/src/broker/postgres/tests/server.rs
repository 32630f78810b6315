//! Starts, ends and pauses.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};

use super::{BOUND, Bench, are_gone, ask, processes, run, worker};
use crate::{broker::postgres::server::Server, runtime::process::all_threads_stopped};

#[tokio::test]
async fn two_servers_at_once_know_nothing_of_each_other() {
    let bench = Bench::new().await;
    let (mut one, mut other) = tokio::join!(bench.start("one", ""), bench.start("other", ""));
    assert_ne!(one.port(), other.port());
    assert_eq!(one.version(), bench.install.version);
    run(&mut worker(&one).await, "CREATE TABLE here ()").await;
    let tables = "SELECT count(*) FROM pg_class WHERE relname = 'here'";
    assert_eq!(ask(&mut worker(&one).await, tables).await, 1);
    assert_eq!(ask(&mut worker(&other).await, tables).await, 0);
    let wrong =
        one.reach().access().database("postgres").replace(&one.port().to_string(), &other.port().to_string());
    let error = PgConnection::connect(&wrong).await.unwrap_err().to_string();
    assert!(error.contains("password authentication failed"), "{error}");
    one.stop().await.unwrap();
    assert_eq!(ask(&mut worker(&other).await, tables).await, 0);
    other.stop().await.unwrap();
}

#[tokio::test]
async fn passwords_are_nowhere_to_be_seen() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "log_statement = 'all'\nlog_min_duration_statement = 0").await;
    let url = server.reach().access().url;
    let password = url.split([':', '@']).nth(2).unwrap().to_owned();
    assert_eq!(password.len(), 64, "{url}");
    assert!(!format!("{:?}", server.reach().access()).contains(&password));
    let mut connection = worker(&server).await;
    run(&mut connection, "CREATE TABLE t (n bigint)").await;
    for process in processes(&mut server) {
        for file in ["cmdline", "environ"] {
            let path = format!("/proc/{}/{file}", process.pid);
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
            assert!(!text.contains(&password), "{file}: {text}");
        }
    }
    let bare = url.replace(&password, "wrong") + "postgres";
    assert!(PgConnection::connect(&bare).await.is_err());
    server.stop().await.unwrap();
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains(&password) && !log.contains("PASSWORD"), "{log}");
}

#[tokio::test]
async fn a_paused_server_does_nothing_until_it_is_resumed() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let mut connection = worker(&server).await;
    let before = processes(&mut server).len();
    let evidence = server.pause().await.unwrap();
    // The session that the harness closed after the start may end in between, and the server may begin to tidy up; from
    // here on nothing does either.
    let mut all = processes(&mut server);
    all.retain(|process| !super::super::family::is_dead(process));
    let stopped = |count| evidence == format!("state T, every thread of {count} processes");
    assert!((all.len()..=before + 2).any(stopped), "{evidence}, {before} before, {} after", all.len());
    assert!(all.iter().all(|process| all_threads_stopped(process.pid)));
    assert!(server.alive());
    let question = ask(&mut connection, "SELECT 42::bigint");
    tokio::pin!(question);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut question).await;
    assert!(early.is_err(), "a paused server answered");
    server.resume();
    server.resume();
    assert_eq!(tokio::time::timeout(BOUND, question).await.unwrap(), 42);
    // What is paused can be killed.
    server.pause().await.unwrap();
    assert!(server.kill().await.unwrap().0);
    are_gone(&all).await;
    server.resume();
    assert!(server.pause().await.is_err());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_orderly_end_is_one_even_with_clients_and_while_paused() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let mut connection = worker(&server).await;
    run(&mut connection, "CREATE TABLE t (n bigint); INSERT INTO t VALUES (7)").await;
    server.pause().await.unwrap();
    let all = processes(&mut server);
    assert_eq!(server.terminate().await.unwrap(), "exit code 0");
    are_gone(&all).await;
    assert_eq!(server.terminate().await.unwrap(), "exit code 0");
    assert_eq!(server.kill().await.unwrap(), (false, "exit code 0".to_owned()));
    server.restart(&bench.local).await.unwrap();
    assert_eq!(ask(&mut worker(&server).await, "SELECT sum(n)::bigint FROM t").await, 7);
    let again = server.restart(&bench.local).await.unwrap_err().to_string();
    assert!(again.contains("has not ended"), "{again}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_in_between_is_left_to_its_owner() {
    let bench = Bench::new().await;
    let owner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = owner.local_addr().unwrap().port();
    let folder = bench.folder("one");
    let mut server = Server::start_on(taken, &bench.local, &bench.install, &folder, "").await.unwrap();
    let port = server.port();
    assert_ne!(port, taken);
    drop(owner);
    // A restart keeps the port, and waits a while for it.
    server.kill().await.unwrap();
    let owner = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let release = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(500));
        drop(owner);
    });
    server.restart(&bench.local).await.unwrap();
    release.await.unwrap();
    assert_eq!(server.port(), port);
    server.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "a measurement: cargo test -p harness --bin harness how_long -- --ignored --nocapture"]
async fn how_long_starts_take() {
    let bench = Bench::new().await;
    bench.start("before", "").await.stop().await.unwrap();
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
        println!("{what}: median {:.0?}, {:.0?} to {:.0?}", times[10], times[0], times[19]);
    }
}
