//! A webhook receiver inside the harness: every call is an effect. It does not deduplicate.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use journal::{Header, Writer};
use ledger::Kind;
use tokio::{net::TcpListener, task::JoinHandle};

use super::identify;
use crate::error::Error;

/// The life name of the sink's journal.
pub const LIFE: &str = "sink-webhook";

/// A receiver on a free loopback port. It ends when this value is dropped.
#[derive(Debug)]
pub struct Webhook {
    url: String,
    server: JoinHandle<()>,
}

/// What a call needs: where to write, and whose messages are ours.
struct Desk {
    tag: String,
    journal: Mutex<Writer>,
}

impl Webhook {
    /// Starts to listen. Effects go to the journal `sink-webhook` in `journals`.
    pub async fn start(journals: &Path, run: u64, tag: &str) -> Result<Self, Error> {
        let header = Header { run, writer: LIFE.to_owned() };
        let journal = Writer::create(&journals.join(format!("{LIFE}.journal")), &header)?;
        let desk = Arc::new(Desk { tag: tag.to_owned(), journal: Mutex::new(journal) });
        let listen = |error| Error::Other(format!("the webhook receiver cannot listen on loopback: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(listen)?;
        let url = format!("http://{}/", listener.local_addr().map_err(listen)?);
        let app = Router::new().route("/", post(receive)).with_state(desk);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::warn!("the webhook receiver ended: {error}");
            }
        });
        Ok(Self { url, server })
    }

    /// Where to send effects: one POST a message, the message's own text as its body.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One call. The effect is written down before the answer: an answer that is lost takes no effect with it.
async fn receive(State(desk): State<Arc<Desk>>, body: Bytes) -> (StatusCode, &'static str) {
    let Some((kind, id)) = identify(&body, &desk.tag, Kind::Applied) else {
        return (StatusCode::BAD_REQUEST, "the body is not a message of a lab\n");
    };
    let mut journal = desk.journal.lock().unwrap_or_else(PoisonError::into_inner);
    match journal.append(kind, id) {
        Ok(_) => (StatusCode::OK, "applied\n"),
        Err(error) => {
            tracing::error!("an effect could not be written down: {error}");
            (StatusCode::INSUFFICIENT_STORAGE, "the effect could not be written down\n")
        }
    }
}
