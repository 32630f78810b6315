//! An effect outside of any database: one HTTP call, written by hand, for it is a few lines.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{Error, Kit};

/// A call on loopback takes less than a millisecond.
const CALL_BOUND: Duration = Duration::from_secs(20);

/// An answer that is longer is cut off.
const ANSWER_MAX: u64 = 64 * 1024;

/// One call of the run's webhook.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// What is sent: one message's own text.
    pub body: &'a str,
    /// By what the receiver knows the effect, where it knows such keys: the same for every call that means the same effect.
    pub key: Option<String>,
    /// How long the answer may take.
    pub answer_within: Duration,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The receiver said so itself.
    #[error("the webhook {url} answered: {answer}")]
    Refused {
        /// Its address.
        url: String,
        /// The first line of its answer.
        answer: String,
    },
    /// Nobody knows whether the effect was applied.
    #[error("no answer of the webhook {url}: {why}")]
    NoAnswer {
        /// Its address.
        url: String,
        /// What came instead.
        why: io::Error,
    },
}

/// Sends one message's own text to the run's webhook. `Ok`: the receiver said that the effect is applied.
///
/// # Errors
/// The receiver said no, or nobody knows whether the call arrived: then the effect may have been applied.
pub async fn post(kit: &Kit, body: &str) -> Result<(), Error> {
    let url = kit.settings().webhook()?;
    Ok(send(url, &Call { body, key: None, answer_within: CALL_BOUND }).await?)
}

/// Makes one call of the run's webhook. `Ok`: the receiver said that the effect is applied.
///
/// # Errors
/// What the receiver said instead, or that it did not answer in time: then the effect may have been applied.
pub async fn send(url: &str, call: &Call<'_>) -> Result<(), Failed> {
    let answer = timeout(call.answer_within, exchange(url, call)).await;
    let answer = answer.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing within {:?}", call.answer_within)))
    });
    let answer = answer.map_err(|why| Failed::NoAnswer { url: url.to_owned(), why })?;
    // "HTTP/1.1 200 OK"
    let first = answer.lines().next().unwrap_or_default();
    match first.split(' ').nth(1).is_some_and(|code| code.starts_with('2')) {
        true => Ok(()),
        false => Err(Failed::Refused { url: url.to_owned(), answer: first.to_owned() }),
    }
}

async fn exchange(url: &str, call: &Call<'_>) -> io::Result<String> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut connection = TcpStream::connect(host).await?;
    let key = call.key.as_ref().map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\n{key}Content-Length: {}\r\nConnection: close\r\n\r\n",
        call.body.len()
    );
    connection.write_all((head + call.body).as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed"));
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn call(key: Option<&str>) -> Call<'static> {
        let key = key.map(str::to_owned);
        Call { body: "k7 0-3 5 ", key, answer_within: Duration::from_secs(20) }
    }

    /// What a receiver with this answer is sent, and what the caller makes of it.
    async fn called(answer: &str, key: Option<&str>) -> (String, Result<(), Failed>) {
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
        let call = call(key);
        tokio::join!(receive, send(&url, &call))
    }

    const YES: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    #[tokio::test]
    async fn a_call_is_one_post_with_the_message_as_its_body() {
        let (heard, answer) = called(YES, None).await;
        assert!(heard.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"), "{heard}");
        assert!(
            heard.contains("\r\nContent-Length: 9\r\n") && heard.ends_with("\r\n\r\nk7 0-3 5 "),
            "{heard}"
        );
        assert!(!heard.contains("Idempotency-Key"));
        answer.unwrap();
    }

    #[tokio::test]
    async fn a_key_stands_in_its_header() {
        let (heard, answer) = called(YES, Some("k7/0-3")).await;
        assert!(heard.contains("\r\nIdempotency-Key: k7/0-3\r\n"), "{heard}");
        answer.unwrap();
    }

    #[tokio::test]
    async fn a_no_and_no_answer_are_told_apart() {
        let (_, refused) = called("HTTP/1.1 500 Internal Server Error\r\n\r\n", None).await;
        let refused = refused.unwrap_err();
        assert!(refused.to_string().ends_with("answered: HTTP/1.1 500 Internal Server Error"), "{refused}");
        let (_, closed) = called("", None).await;
        let closed = closed.unwrap_err();
        assert!(matches!(closed, Failed::NoAnswer { .. }), "{closed}");
        assert!(closed.to_string().ends_with("the connection was closed"), "{closed}");
    }

    #[tokio::test]
    async fn nobody_there_and_nobody_who_answers_are_errors() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let hasty = Call { answer_within: Duration::from_millis(20), ..call(None) };
        let error = send(&url, &hasty).await.unwrap_err().to_string();
        assert!(error.ends_with("nothing within 20ms"), "{error}");
        drop(listener);
        assert!(matches!(send(&url, &call(None)).await, Err(Failed::NoAnswer { .. })));
    }
}
