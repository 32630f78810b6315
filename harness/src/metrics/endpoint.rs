//! `/metrics`: who asks for it, and how long it stays after the last verdict.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::watch;

use super::{Metrics, Shared};
use crate::{
    error::Error,
    serve::{Asked, Server},
};

/// What the text is, and in which version.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// By this a scraper says how long it will wait, which is never longer than the time between its scrapes.
const PATIENCE: &str = "x-prometheus-scrape-timeout-seconds";

/// However rarely somebody scrapes: nobody wants to wait longer for the end of a run.
const LONGEST_STAY: Duration = Duration::from_secs(60);

/// However often: a scrape that a busy machine forgot is made up for in this time. Nearly always the next one comes long before.
const SHORTEST_STAY: Duration = Duration::from_secs(10);

/// The endpoint is there at least so long, though nobody came yet: whoever scrapes once a second finds the shortest run.
const FIRST_COME: Duration = Duration::from_secs(2);

/// The served metrics.
#[derive(Debug)]
pub struct Endpoint {
    server: Server,
    shared: Arc<Shared>,
    began: Instant,
}

impl Metrics {
    /// Serves them, until the endpoint is ended or dropped.
    pub fn serve(&self, asked: Asked) -> Result<Endpoint, Error> {
        let routes = Router::new()
            .route("/", get(async || "the metrics of the labs are at /metrics\n"))
            .route("/metrics", get(scrape))
            .with_state(self.shared.clone());
        let server = Server::start(asked, "the metrics", routes)?;
        self.shared.served.store(true, Ordering::Relaxed);
        Ok(Endpoint { server, shared: self.shared.clone(), began: Instant::now() })
    }
}

impl Endpoint {
    /// Where to scrape.
    pub fn url(&self) -> String {
        format!("{}/metrics", self.server.url())
    }

    /// The same for a scraper: address and port.
    pub fn target(&self) -> String {
        self.server.address().to_string()
    }

    /// Waits until the last verdict was scraped: about two intervals of whoever scrapes, hardly at all if nobody does, and
    /// no longer than until the person asks to end.
    pub async fn end(self, mut interrupt: watch::Receiver<u32>) {
        tokio::select! {
            () = self.last_scrape() => {}
            _ = interrupt.wait_for(|count| *count > 0) => {}
        }
        self.server.end().await;
    }

    /// Waits until somebody has scraped, or `bound` has passed.
    pub async fn someone_scrapes(&self, bound: Duration) {
        if tokio::time::timeout(bound, self.shared.scrapes.someone()).await.is_err() {
            tracing::warn!("nobody has scraped within {bound:?}: the first run may not be seen");
        }
    }

    async fn last_scrape(&self) {
        let scrapes = &self.shared.scrapes;
        let left = FIRST_COME.saturating_sub(self.began.elapsed());
        let _ = tokio::time::timeout(left, scrapes.someone()).await;
        let Some(stay) = scrapes.stay() else { return };
        if tokio::time::timeout(stay, scrapes.all_seen()).await.is_err() {
            tracing::warn!("the last verdict was not scraped within {stay:?}: a Prometheus may lack it");
        }
    }
}

async fn scrape(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let patience = headers.get(PATIENCE).and_then(|told| told.to_str().ok()?.parse().ok());
    shared.scrapes.came(patience.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()));
    match shared.text() {
        Ok((version, text)) => {
            shared.scrapes.saw(version);
            ([(header::CONTENT_TYPE, TEXT)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// Who scrapes how often, and what they have seen.
#[derive(Debug)]
pub(super) struct Scrapes(watch::Sender<Seen>);

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// How many verdicts there are.
    version: u64,
    /// How many of them were there when the last scrape was answered.
    scraped: u64,
    last: Option<Instant>,
    /// The time between the last two scrapes, or how long the scraper is willing to wait.
    interval: Option<Duration>,
}

impl Default for Scrapes {
    fn default() -> Self {
        Self(watch::Sender::new(Seen::default()))
    }
}

impl Scrapes {
    /// There is one verdict more. To be said after it is there.
    pub fn changed(&self) {
        self.0.send_modify(|seen| seen.version += 1);
    }

    /// How many verdicts there are.
    pub fn version(&self) -> u64 {
        self.0.borrow().version
    }

    fn came(&self, patience: Option<Duration>) {
        let now = Instant::now();
        self.0.send_modify(|seen| {
            seen.interval = seen.last.map(|last| now - last).or(patience).or(seen.interval);
            seen.last = Some(now);
        });
    }

    fn saw(&self, version: u64) {
        self.0.send_modify(|seen| seen.scraped = seen.scraped.max(version));
    }

    /// How long to stay for the next scrape. A person who looked once is no scraper.
    fn stay(&self) -> Option<Duration> {
        let interval = self.0.borrow().interval?;
        Some((interval * 2).clamp(SHORTEST_STAY, LONGEST_STAY))
    }

    async fn someone(&self) {
        let _ = self.0.subscribe().wait_for(|seen| seen.interval.is_some()).await;
    }

    async fn all_seen(&self) {
        // The sender is this value, so it is there.
        let _ = self.0.subscribe().wait_for(|seen| seen.scraped >= seen.version).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_stays_for_who_scrapes_and_for_nobody_else() {
        let scrapes = Scrapes::default();
        scrapes.changed();
        assert_eq!(scrapes.stay(), None, "nobody came");
        scrapes.came(None);
        assert_eq!(scrapes.stay(), None, "somebody looked");
        let scrapes = Scrapes::default();
        scrapes.came(Some(Duration::from_secs(10)));
        assert_eq!(scrapes.stay(), Some(Duration::from_secs(20)));
        scrapes.came(Some(Duration::from_secs(10)));
        assert_eq!(scrapes.stay(), Some(SHORTEST_STAY), "what was seen counts more than what was said");
        let scrapes = Scrapes::default();
        scrapes.came(Some(Duration::from_secs(100_000)));
        assert_eq!(scrapes.stay(), Some(LONGEST_STAY));
    }

    #[tokio::test]
    async fn a_scrape_before_the_last_verdict_is_not_the_last() {
        let scrapes = Scrapes::default();
        let before = scrapes.version();
        scrapes.changed();
        scrapes.saw(before);
        let short = Duration::from_millis(1);
        assert!(tokio::time::timeout(short, scrapes.all_seen()).await.is_err());
        scrapes.saw(scrapes.version());
        assert!(tokio::time::timeout(LONGEST_STAY, scrapes.all_seen()).await.is_ok());
    }
}
