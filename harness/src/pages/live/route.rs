//! The page itself, and the stream of its news.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{Stream, stream};

use super::hub::{Hub, Reader};
use crate::pages::{MAP_SCRIPT, STYLE, json_in_html, kinds, palette, policy::policy};

/// A browser gets news no more often than this: an eye sees no more.
const PACE: Duration = Duration::from_millis(100);

/// A sign of life, so that the server does not take a silent stream for a dead one.
const LIFE: Duration = Duration::from_secs(5);

const SCRIPT: &str = include_str!("live.js");

const LIVE_STYLE: &str = include_str!("live.css");

#[derive(Template)]
#[template(path = "live.html")]
struct Page {
    style: String,
    kinds: String,
    scripts: Vec<&'static str>,
}

/// The page at `/`, its news at `/events`.
pub fn routes(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/events", get(move || std::future::ready(events(hub.reader()))))
}

async fn page() -> Response {
    let scripts = vec![MAP_SCRIPT, SCRIPT];
    let policy = policy(&scripts, "; connect-src 'self'; frame-ancestors 'none'");
    let style = format!("{}{STYLE}{LIVE_STYLE}", palette::css());
    match (Page { style, kinds: json_in_html(&kinds()), scripts }).render() {
        Ok(text) => {
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                (header::CONTENT_SECURITY_POLICY, policy),
                (header::REFERRER_POLICY, "no-referrer".to_owned()),
            ];
            (headers, text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn events(reader: Reader) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/event-stream")];
    (headers, Body::from_stream(news(reader))).into_response()
}

/// One event for each time that there is something new, until the last. It is asked for the next only when the browser
/// has read what was there.
fn news(reader: Reader) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    stream::unfold((reader, true, false), |(mut reader, first, over)| async move {
        if over {
            return None;
        }
        if !first {
            tokio::time::sleep(PACE).await;
        }
        if tokio::time::timeout(LIFE, reader.wait()).await.is_err() {
            return Some((Ok(Bytes::from_static(b": nothing new\n\n")), (reader, false, false)));
        }
        let news = reader.news();
        let text = serde_json::to_string(&news).expect("news have only texts as keys");
        // The first tells the script to forget what an earlier connection told.
        let name = if first { "event: everything\n" } else { "" };
        Some((Ok(Bytes::from(format!("{name}data: {text}\n\n"))), (reader, false, news.ended)))
    })
}
