//! An effect outside of any database: one HTTP call, written by hand, for it is a few lines.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{Error, Kit};

/// A call on loopback takes less than a millisecond.
const CALL_BOUND: Duration = Duration::from_secs(5);

/// An answer that is longer is cut off.
const ANSWER_MAX: u64 = 64 * 1024;

/// Sends one message's own text to the run's webhook. `Ok`: the receiver said that the effect is applied.
///
/// # Errors
/// The receiver said no, or nobody knows whether the call arrived: then the effect may have been applied.
pub async fn post(kit: &Kit, body: &str) -> Result<(), Error> {
    let url = kit.settings().webhook()?;
    let answer = timeout(CALL_BOUND, call(url, body)).await;
    let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|error| format!("no answer of the webhook {url}: {error}"))?;
    // "HTTP/1.1 200 OK"
    let first = answer.lines().next().unwrap_or_default();
    match first.split(' ').nth(1).is_some_and(|code| code.starts_with('2')) {
        true => Ok(()),
        false => Err(format!("the webhook {url} answered: {first}").into()),
    }
}

async fn call(url: &str, body: &str) -> io::Result<String> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut connection = TcpStream::connect(host).await?;
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all((head + body).as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// What a receiver with this answer is sent, and what the caller makes of it.
    async fn called(answer: &str) -> (String, io::Result<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receive = async {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 1024];
            let mut length = 0;
            while !heard[..length].ends_with(b"k7 0-3 5 ") {
                length += connection.read(&mut heard[length..]).await.unwrap();
            }
            connection.write_all(answer.as_bytes()).await.unwrap();
            heard.truncate(length);
            String::from_utf8(heard).unwrap()
        };
        tokio::join!(receive, call(&url, "k7 0-3 5 "))
    }

    #[tokio::test]
    async fn a_call_is_one_post_with_the_message_as_its_body() {
        let (heard, answer) = called("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(heard.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"), "{heard}");
        assert!(
            heard.contains("\r\nContent-Length: 9\r\n") && heard.ends_with("\r\n\r\nk7 0-3 5 "),
            "{heard}"
        );
        assert!(answer.unwrap().starts_with("HTTP/1.1 200 OK"));
    }

    #[tokio::test]
    async fn nobody_there_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(call(&url, "k7 0-3 5 ").await.is_err());
    }
}
