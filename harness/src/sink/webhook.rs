//! A webhook receiver inside the harness: every call is an effect, unless it carries an idempotency key that the receiver
//! knows already, where it is told to know keys.

use std::{convert::Infallible, net::IpAddr, path::Path, sync::Arc};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::desk::{Answers, Desk, Withheld};
use crate::error::Error;

/// The header in which a caller says which effect it means, however often it calls.
const KEY: &str = "idempotency-key";

/// No message of a lab is longer, in bytes.
const LONGEST_BODY: usize = 64 << 20;

/// A receiver on a free port. It ends, with its connections, when this value is dropped.
#[derive(Debug)]
pub struct Webhook {
    url: String,
    desk: Arc<Desk>,
    server: JoinHandle<Infallible>,
}

impl Webhook {
    /// Starts to listen on the address `own`. Effects go to the journal `sink-webhook` in `journals`.
    pub async fn start(
        own: IpAddr,
        journals: &Path,
        run: u64,
        tag: &str,
        keyed: bool,
    ) -> Result<Self, Error> {
        let desk = Arc::new(Desk::open(journals, run, tag, keyed)?);
        let listen = |error| Error::Other(format!("the webhook receiver cannot listen on {own}: {error}"));
        let listener = TcpListener::bind((own, 0)).await.map_err(listen)?;
        let url = format!("http://{}/", listener.local_addr().map_err(listen)?);
        let server = tokio::spawn(serve(listener, desk.clone()));
        Ok(Self { url, desk, server })
    }

    /// Where to send effects: one POST a message, the message's own text as its body.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it answers so.
    pub fn answer(&self, answers: Answers) {
        self.desk.answer(answers);
    }

    /// How many calls it has not answered well so far.
    pub fn disturbed(&self) -> u64 {
        self.desk.disturbed()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Takes connections for ever. They end with it.
async fn serve(listener: TcpListener, desk: Arc<Desk>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => drop(connections.spawn(converse(connection, desk.clone()))),
                // No file descriptor is left: those that end make room.
                Err(error) => {
                    tracing::warn!("the webhook receiver took no call: {error}");
                    connections.join_next().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(connection: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request| respond(desk.clone(), request));
    // Where an answer is withheld the service fails, and the connection is closed: that is meant.
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await {
        tracing::debug!("a connection to the webhook ended: {error}");
    }
}

async fn respond(desk: Arc<Desk>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Withheld> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::POST, "/") => {
            let key = request.headers().get(KEY).and_then(|key| key.to_str().ok()).map(str::to_owned);
            match Limited::new(request.into_body(), LONGEST_BODY).collect().await {
                Ok(body) => desk.take(key.as_deref(), &body.to_bytes()).await?,
                Err(_) => (StatusCode::BAD_REQUEST, "the body did not come, or is too long\n"),
            }
        }
        (_, "/") => (StatusCode::METHOD_NOT_ALLOWED, "an effect is a POST\n"),
        _ => (StatusCode::NOT_FOUND, "there is only /\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    Ok(response)
}
