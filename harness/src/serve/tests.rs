//! Raw sockets against a real server: what a well-behaved client would never do.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use axum::{Router, routing::get};

use super::*;

/// Only ends a hang.
const BOUND: Duration = Duration::from_secs(30);

/// An answer that no socket's buffers hold.
const LARGE: usize = 64 << 20;

fn routes() -> Router {
    Router::new().route("/", get(async || "hello\n")).route("/large", get(async || vec![b'x'; LARGE]))
}

fn server(limits: Limits) -> Server {
    Server::start_with(Asked::loopback(0), "a test", routes(), limits).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream.set_write_timeout(Some(BOUND)).unwrap();
    stream
}

/// Sends this and reads to the end of the connection.
fn ask(server: &Server, request: &str) -> String {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get_by(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[test]
fn it_answers_whoever_asks_for_this_machine_and_nobody_else() {
    let server = server(Limits::ORDINARY);
    let answer = ask(&server, &get_by(&server.address().to_string()));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello\n"), "{answer}");
    assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
    let strange = [
        get_by("evil.example"),
        get_by(&format!("evil.example:{}", server.address().port())),
        "GET / HTTP/1.0\r\n\r\n".to_owned(),
        "GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    for request in strange {
        let answer = ask(&server, &request);
        assert!(answer.contains(" 403 Forbidden\r\n") && !answer.contains("hello"), "{request}: {answer}");
    }
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert!(ask(&server, post).contains(" 405 "), "nothing can be changed");
    assert!(ask(&server, "not HTTP at all\r\n\r\n").contains(" 400 "));
}

#[test]
fn an_address_that_is_taken_or_not_ours_is_the_callers_mistake() {
    let server = server(Limits::ORDINARY);
    let fails = |asked: Asked| match Server::start(asked, "the metrics", routes()) {
        Err(Error::Usage(why)) => why,
        other => panic!("{other:?}"),
    };
    let taken = fails(Asked::at(server.address()));
    assert!(taken.contains("something else listens there") && taken.contains("to mend it: "), "{taken}");
    let open = fails(Asked::at("0.0.0.0:0".parse().unwrap()));
    assert!(open.contains("would be open to other machines") && open.contains("--metrics-public"), "{open}");
    // A range that is kept for documentation: no machine has such an address.
    let foreign = fails(Asked::at("192.0.2.1:0".parse().unwrap()).public(true));
    assert!(foreign.contains("this machine does not have that address"), "{foreign}");
    let meant = Server::start(Asked::at("0.0.0.0:0".parse().unwrap()).public(true), "it", routes()).unwrap();
    assert!(ask(&meant, &get_by("10.1.2.3")).contains("hello"), "who says public may be asked by address");
}

#[test]
fn a_client_that_stops_reading_keeps_nobody_waiting() {
    let server = server(Limits::ORDINARY);
    let mut stuck = connect(&server);
    stuck.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // The answer has begun; the rest of it is never read.
    stuck.read_exact(&mut [0; 12]).unwrap();
    assert!(ask(&server, &get_by("localhost")).contains("hello"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async { tokio::time::timeout(BOUND, server.end()).await });
    assert!(ended.is_ok(), "the end waits for a client that does not read");
    let mut rest = Vec::new();
    let _ = stuck.read_to_end(&mut rest);
    assert!(rest.len() < LARGE, "it was cut off");
}

#[test]
fn who_stands_still_loses_the_seat_to_who_waits() {
    let limits = Limits { connections: 1, idle: Duration::from_millis(100), ..Limits::ORDINARY };
    let server = server(limits);
    let mut silent = connect(&server);
    assert!(ask(&server, &get_by("localhost")).contains("hello"), "the only seat is free again");
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0, "the silent one was cut off");
}
