//! What a real PostgreSQL answers, and what the kit makes of it.

use sqlx::{Connection, Executor, PgConnection};

use crate::support::postgres_server::Server;
use labs::{
    Outcome,
    postgres::{Status, outcome, status},
};

/// A check that is made at COMMIT, and takes so long that somebody can come in between.
const SLOW_COMMIT: &str = "
    create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(60); return null; end';
    create constraint trigger slow after insert on messages deferrable initially deferred
        for each row when (new.payload = 'slow') execute function slow()";

async fn stored(server: &Server) -> i64 {
    let count = sqlx::query_scalar("select count(*) from messages");
    count.fetch_one(&mut server.connect().await).await.expect("the test's server")
}

async fn backend(connection: &mut PgConnection) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection).await.expect("the test's server")
}

/// Waits until the session of this process is busy with COMMIT.
async fn commits(server: &Server, backend: i32) {
    let mut connection = server.connect().await;
    let busy = "select wait_event is not distinct from 'PgSleep' from pg_stat_activity where pid = $1";
    for _ in 0..12_000 {
        let busy: bool =
            sqlx::query_scalar(busy).bind(backend).fetch_one(&mut connection).await.expect("a row");
        if busy {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the commit does not begin");
}

#[tokio::test]
async fn what_the_server_refuses_is_rejected() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let mut transaction = connection.begin().await.expect("a transaction");
    let refused =
        transaction.execute("insert into messages (payload) values (null)").await.expect_err("not null");
    assert_eq!(outcome::of_statement(&refused), Outcome::Rejected);
    assert!(!outcome::is_passing(&refused), "it would be refused again");
    drop(transaction);

    // Refused only in answer to COMMIT.
    connection
        .execute("create table once (n int unique deferrable initially deferred)")
        .await
        .expect("a table");
    let mut transaction = connection.begin().await.expect("a transaction");
    transaction.execute("insert into messages (payload) values ('a')").await.expect("a row");
    transaction.execute("insert into once values (1), (1)").await.expect("not looked at yet");
    assert_eq!(outcome::of_commit(&transaction.commit().await), Outcome::Rejected);
    assert_eq!(stored(&server).await, 0, "no was no");

    // Without a transaction around it a statement commits by itself.
    let mut insert = async |text: &str| {
        let insert = sqlx::query("insert into messages (id, payload) values (1, $1)").bind(text);
        outcome::of_commit(&insert.execute(&mut connection).await.map(drop))
    };
    assert_eq!((insert("a").await, insert("b").await), (Outcome::Acked, Outcome::Rejected));
    assert_eq!(stored(&server).await, 1);
}

#[tokio::test]
async fn who_loses_against_another_transaction_is_rejected_and_may_try_again() {
    let server = Server::start().await;
    let (mut one, mut other) = (server.connect().await, server.connect().await);

    // Each counts what the other is about to write: only one of them may commit.
    let mut first = one.begin_with("begin isolation level serializable").await.expect("a transaction");
    let mut second = other.begin_with("begin isolation level serializable").await.expect("a transaction");
    for transaction in [&mut first, &mut second] {
        transaction
            .execute("insert into messages (payload) select count(*)::text from messages")
            .await
            .expect("a row");
    }
    assert_eq!(outcome::of_commit(&first.commit().await), Outcome::Acked);
    let refused = second.commit().await;
    assert_eq!(outcome::of_commit(&refused), Outcome::Rejected);
    assert!(outcome::is_passing(&refused.expect_err("40001")));

    one.execute("insert into messages (payload) values ('x')").await.expect("a row");
    let mut first = one.begin().await.expect("a transaction");
    let mut second = other.begin().await.expect("a transaction");
    let mark = async |transaction: &mut PgConnection, payload: &str| {
        sqlx::query("update messages set done = true where payload = $1")
            .bind(payload.to_owned())
            .execute(transaction)
            .await
    };
    mark(&mut first, "0").await.expect("the row");
    mark(&mut second, "x").await.expect("the row");
    let (first, second) = tokio::join!(mark(&mut first, "x"), mark(&mut second, "0"));
    let refused = first.err().or(second.err()).expect("one of the two is refused: a deadlock");
    assert_eq!(outcome::of_statement(&refused), Outcome::Rejected);
    assert!(outcome::is_passing(&refused), "{refused}");
}

#[tokio::test]
async fn a_session_lost_before_commit_is_a_certain_no() {
    let server = Server::start().await;
    let mut connection = server.connect().await;
    let pid = backend(&mut connection).await;
    let mut transaction = connection.begin().await.expect("a transaction");
    transaction.execute("insert into messages (payload) values ('a')").await.expect("a row");
    server.terminate(pid).await;
    let lost = transaction.execute("select 1").await.expect_err("the session is gone");
    assert_eq!(outcome::of_statement(&lost), Outcome::Rejected);
    assert!(outcome::is_passing(&lost), "{lost}");
    assert_eq!(stored(&server).await, 0);
}

#[tokio::test]
async fn a_session_lost_in_commit_is_unknown() {
    let mut server = Server::start().await;
    server.connect().await.execute(sqlx::raw_sql(SLOW_COMMIT)).await.expect("a trigger");
    for kills in [false, true] {
        let mut connection = server.connect().await;
        let pid = backend(&mut connection).await;
        connection.execute("begin").await.expect("a transaction");
        connection.execute("insert into messages (payload) values ('slow')").await.expect("a row");
        let committed = tokio::spawn(async move {
            let result = connection.execute("commit").await;
            outcome::of_commit(&result.map(drop))
        });
        commits(&server, pid).await;
        match kills {
            false => server.terminate(pid).await,
            true => server.kill_and_restart(),
        }
        assert_eq!(committed.await.expect("no panic"), Outcome::Unknown);
        assert_eq!(stored(&server).await, 0, "unknown, and this time it is not there");
    }
}

#[tokio::test]
async fn a_transaction_can_be_asked_for_while_the_server_runs() {
    let server = Server::start().await;
    let (mut connection, mut other) = (server.connect().await, server.connect().await);
    let number = "select pg_current_xact_id()::text";
    let mut transaction = connection.begin().await.expect("a transaction");
    let xid: String = sqlx::query_scalar(number).fetch_one(&mut *transaction).await.expect("a number");
    assert_eq!(status(&mut other, &xid).await.ok(), Some(Status::InProgress));
    transaction.commit().await.expect("a commit");
    assert_eq!(status(&mut other, &xid).await.ok(), Some(Status::Committed));

    let mut transaction = connection.begin().await.expect("a transaction");
    let xid: String = sqlx::query_scalar(number).fetch_one(&mut *transaction).await.expect("a number");
    transaction.rollback().await.expect("a rollback");
    assert_eq!(status(&mut other, &xid).await.ok(), Some(Status::Aborted));
}

/// Why the kit looks for the row after a crash.
#[tokio::test]
async fn after_a_crash_a_number_is_given_again() {
    let mut server = Server::start().await;
    let mut connection = server.connect().await;
    let number = "select pg_current_xact_id()::text";
    let mut transaction = connection.begin().await.expect("a transaction");
    let xid: String = sqlx::query_scalar(number).fetch_one(&mut *transaction).await.expect("a number");
    server.kill_and_restart();

    let mut connection = server.connect().await;
    assert_eq!(status(&mut connection, &xid).await.ok(), Some(Status::NotKnown));
    connection
        .execute("insert into messages (payload) values ('of another transaction')")
        .await
        .expect("a row");
    assert_eq!(status(&mut connection, &xid).await.ok(), Some(Status::Committed), "and it never was");
}
