//! What the NATS workers share: a connection, and the few helpers that keep a worker's own code readable.

mod acks;
mod mailbox;
pub mod outcome;
mod pull;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectOptions, Event, Request, Subject,
    jetstream::{self, Context, ContextBuilder},
};
use bytes::Bytes;
use futures::StreamExt;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::{Error, Kit, settings};

pub use self::{acks::Acks, mailbox::Mailbox, pull::Pull};

/// A half-open connection is noticed after two or three of these; the client's default is a minute.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// A connection on loopback takes milliseconds.
const CONNECT_BOUND: Duration = Duration::from_secs(5);

/// The longest pause between two tries to connect again; the client's default is 4 s.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(50);

/// How long one round trip may take before it is tried anew, and how often it is tried.
const ROUND_TRIP_BOUND: Duration = Duration::from_secs(1);
const ROUND_TRIP_TRIES: u32 = 10;

/// How long the server may take to confirm a consumer's ack.
const CONFIRM_BOUND: Duration = Duration::from_secs(1);

/// Connects with the labs' options on top of `options`: quick to notice a dead connection and quick to reconnect, without end.
///
/// # Errors
/// A setting is missing, or nobody answers.
pub async fn connect(kit: &Kit, options: ConnectOptions) -> Result<Client, Error> {
    let nats = &kit.settings().nats;
    let url = nats.url()?;
    // The harness asks the server for this name: a killed worker's last bytes were read when its connection is gone.
    let settings = kit.settings();
    let name = format!("{}/{}.{}", settings.tag, settings.worker, settings.incarnation);
    let mut options = options
        .name(name)
        .connection_timeout(CONNECT_BOUND)
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|tries| RECONNECT_PAUSE_MAX.min(Duration::from_millis(2 * tries as u64)))
        .ignore_discovered_servers();
    if let Some((user, password)) = nats.login() {
        options = options.user_and_password(user, password);
    }
    let slow = Arc::new(Notify::new());
    tokio::task::spawn_local(tell_of_drops(kit.clone(), slow.clone()));
    options = options.event_callback(move |event| {
        let slow = slow.clone();
        async move { heard(&event, &slow) }
    });
    options.connect(url).await.map_err(|error| format!("cannot connect to NATS at {url}: {error}").into())
}

/// The client's events are for the log. In particular it tells of some of the messages that a slow consumer makes it drop, not
/// of all: nothing may be counted by them.
fn heard(event: &Event, slow: &Notify) {
    match event {
        Event::SlowConsumer(_) => slow.notify_one(),
        other => tracing::info!("NATS: {other}"),
    }
}

/// Passes the point `client-drops`, once, when the client has said that it drops messages.
async fn tell_of_drops(kit: Kit, slow: Arc<Notify>) {
    slow.notified().await;
    tracing::warn!("NATS: this consumer is too slow, its client drops messages");
    kit.point("client-drops").await;
}

/// The subject of the run's messages.
///
/// # Errors
/// `NATS_SUBJECT` is not set.
pub fn subject(kit: &Kit) -> Result<Subject, settings::Error> {
    kit.settings().nats.subject().map(Subject::from)
}

/// The subject of the run's sentinels. No stream stores it.
fn sentinel_subject(kit: &Kit) -> Result<String, settings::Error> {
    kit.settings().nats.subject().map(|subject| format!("{subject}.sentinel"))
}

/// JetStream over this connection. A publish that has no ack after `ack_timeout` is unknown.
pub fn jetstream(client: &Client, ack_timeout: Duration) -> Context {
    ContextBuilder::new().timeout(ack_timeout).build(client.clone())
}

/// Ends a producer's part: sends the sentinel behind all messages, and waits until the server has handled them.
///
/// The wait is a real round trip. A flush is not: it only says that the bytes left this process.
///
/// # Errors
/// The server did not answer, though asked again and again.
pub async fn finish(kit: &Kit, client: &Client) -> Result<(), Error> {
    let sentinel = sentinel_subject(kit)?;
    round_trip(client, Some((&sentinel, &kit.settings().worker))).await
}

/// Waits until the server has handled everything that this connection sent before, subscriptions too.
///
/// # Errors
/// The server did not answer, though asked again and again.
pub async fn barrier(client: &Client) -> Result<(), Error> {
    round_trip(client, None).await
}

/// Sends `first`, then a token to an inbox of its own on the same connection, until the token is back. What was sent
/// before it has then been handled. A token may be lost with a connection, hence the tries.
async fn round_trip(client: &Client, first: Option<(&str, &str)>) -> Result<(), Error> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    for _ in 0..ROUND_TRIP_TRIES {
        let one = async {
            if let Some((subject, text)) = first {
                client.publish(subject.to_owned(), Bytes::copy_from_slice(text.as_bytes())).await?;
            }
            client.publish(inbox.clone(), Bytes::new()).await?;
            Ok::<_, Error>(answers.next().await)
        };
        match timeout(ROUND_TRIP_BOUND, one).await {
            Ok(Ok(Some(_))) => return Ok(()),
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return Err(error),
            Err(_) => tracing::info!("NATS: no answer for {ROUND_TRIP_BOUND:?}, asking again"),
        }
    }
    Err(format!("the NATS server did not answer {ROUND_TRIP_TRIES} times in {ROUND_TRIP_BOUND:?}").into())
}

/// Watches the sentinels on this connection, in a task of its own, so that they pass also while the reader is held.
/// Each one passes the point `sentinel`. Returns the texts of those that were seen so far.
///
/// # Errors
/// The connection is closed for good, or a setting is missing.
pub async fn watch_sentinels(kit: &Kit, client: &Client) -> Result<watch::Receiver<BTreeSet<String>>, Error> {
    let mut sentinels = client.subscribe(sentinel_subject(kit)?).await?;
    let (sender, seen) = watch::channel(BTreeSet::new());
    let kit = kit.clone();
    tokio::task::spawn_local(async move {
        while let Some(message) = sentinels.next().await {
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            sender.send_modify(|seen| {
                seen.insert(text);
            });
            kit.point("sentinel").await;
        }
    });
    Ok(seen)
}

/// Acks a message and waits for the server's word on it. `false`: no word, so it may be delivered again.
///
/// The client's own `double_ack` takes every answer for a yes, also "nobody is there".
pub async fn confirm(message: &jetstream::Message) -> bool {
    let Some(reply) = message.reply.clone() else { return false };
    let ack = Request::new().payload(Bytes::from_static(b"+ACK")).timeout(Some(CONFIRM_BOUND));
    match message.context.client().send_request(reply, ack).await {
        Ok(_) => true,
        Err(error) => {
            tracing::info!("NATS: an ack was not confirmed: {error}");
            false
        }
    }
}
