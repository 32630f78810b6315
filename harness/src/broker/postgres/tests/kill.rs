//! A kill takes all processes of the server, also that of the harness itself.

use std::{
    env,
    io::{BufRead, BufReader},
    time::Duration,
};

use super::{BOUND, BUSY, Bench, LONG_INSERT, are_gone, ask, child, processes, run, start_statement, worker};
use crate::runtime::{local::Local, table};

#[tokio::test]
async fn what_was_committed_outlives_a_kill() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    let mut connection = worker(&server).await;
    run(&mut connection, "CREATE TABLE t (n bigint)").await;
    for number in 0..100 {
        run(&mut connection, &format!("INSERT INTO t VALUES ({number})")).await;
    }
    run(&mut connection, "BEGIN; INSERT INTO t VALUES (1000)").await;
    let (all, port) = (processes(&mut server), server.port());
    let (killed, evidence) = server.kill().await.unwrap();
    let others = evidence
        .strip_prefix("exit by signal 9, and its ")
        .and_then(|rest| rest.strip_suffix(" other processes are gone"))
        .and_then(|count| count.parse::<usize>().ok());
    // A session that was closed before may have ended in between, and the server may have begun to tidy up.
    assert!(killed && others.is_some_and(|count| (4..all.len() + 2).contains(&count)), "{evidence}: {all:?}");
    are_gone(&all).await;
    assert!(!server.alive());
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(!log.contains("terminating connection"), "some ended by themselves: {log}");
    let again = server.kill().await.unwrap();
    assert_eq!(again, (false, "exit by signal 9".to_owned()), "what is dead is not killed");
    server.restart(&bench.local).await.unwrap();
    assert_eq!(server.port(), port);
    let mut connection = worker(&server).await;
    assert_eq!(ask(&mut connection, "SELECT count(*) FROM t").await, 100);
    assert_eq!(ask(&mut connection, "SELECT max(n) FROM t").await, 99);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_kill_takes_a_busy_backend_with_it() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    start_statement(&server, LONG_INSERT).await;
    assert!(server.kill().await.unwrap().0);
    server.restart(&bench.local).await.unwrap();
    let mut connection = worker(&server).await;
    assert_eq!(ask(&mut connection, "SELECT count(*) FROM long").await, 0, "it went on and was committed");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_nothing() {
    let bench = Bench::new().await;
    let mut server = bench.start("one", "").await;
    start_statement(&server, BUSY).await;
    let all = processes(&mut server);
    let outside = bench.outside("one");
    assert!(outside.iter().all(|folder| folder.join("data/PG_VERSION").exists()));
    drop(server);
    assert!(all.iter().all(super::super::family::is_dead), "{all:?}");
    assert!(outside.iter().all(|folder| !folder.exists()), "{outside:?}");
}

/// The harness dies by SIGKILL while the server is busy; the guard and the server's own end leave nothing.
#[tokio::test]
async fn nothing_outlives_the_harness() {
    for state in ["busy", "paused"] {
        let folder = tempfile::tempdir().unwrap();
        // Another one than that of the same test next door: processes are found by it.
        let mark = format!("{:016x}", rand::random::<u64>());
        let mut harness = child::command(&[], "kill::child_with_a_server", folder.path())
            .env("STATE", state)
            .env("MARK", &mark)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(harness.stdout.take().unwrap()).lines().map_while(Result::ok);
        let pids = lines.into_iter().find_map(|line| Some(line.split_once("server is ")?.1.to_owned()));
        let pids = pids.expect("the child says which processes there are");
        let all: Vec<_> = pids.split(' ').filter_map(|pid| table::one(pid.parse().unwrap())).collect();
        // The session that asked whether the statement was begun ends by itself; a paused server does not reap it.
        let alive = all.iter().filter(|process| process.alive()).count();
        assert!(alive > 3, "{alive} of {all:?}");
        harness.kill().unwrap();
        harness.wait().unwrap();
        are_gone(&all).await;

        // What is left are folders, and `harness clean` finds them.
        let session = folder.path().join("runs/.sessions").join(&mark);
        let note = std::fs::read_to_string(session.join("one/outside"));
        assert!(note.iter().all(|outside| std::path::Path::new(outside).exists()), "{note:?}");
        let cleaned = crate::command::clean::clean(&folder.path().join("runs")).unwrap();
        assert_eq!((cleaned.sessions, cleaned.processes), (1, 0), "{state}");
        assert!(note.iter().all(|outside| !std::path::Path::new(outside).exists()), "{note:?}");
    }
}

#[tokio::test]
#[ignore = "the child of a test here, not a test"]
async fn child_with_a_server() {
    let Some(folder) = child::folder() else { return };
    let mark = env::var("MARK").unwrap();
    let session = crate::store::Session::create(&folder.join("runs"), &mark).unwrap();
    let local = Local::guarded_for_tests(&mark);
    let bench = Bench { local, folder: tempfile::tempdir_in(&folder).unwrap(), ..Bench::new().await };
    let path = session.broker("one");
    let started = super::Server::start(&bench.local, &bench.install, &path, "").await;
    let mut server = started.unwrap();
    start_statement(&server, BUSY).await;
    if env::var("STATE").unwrap() == "paused" {
        server.pause().await.unwrap();
    }
    let pids: Vec<_> = processes(&mut server).iter().map(|process| process.pid.to_string()).collect();
    println!("\nthe server is {}", pids.join(" "));
    tokio::time::sleep(BOUND + Duration::from_secs(1)).await; // the parent kills this process
}
