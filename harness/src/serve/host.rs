//! Whom a request takes us for. A page of a stranger can let its own name point to this machine and then ask in its
//! reader's browser; the browser tells that name in `Host`.

use std::net::{IpAddr, Ipv6Addr};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Refuses what does not come from a reader of ours, and marks the answer as nobody else's.
pub async fn guard(State(public): State<bool>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here\n").into_response();
    }
    let told = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // A proxy's form of a request names the host a second time; then both count.
    let in_line = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let ours =
        told.is_some_and(|host| is_ours(host, public)) && in_line.is_none_or(|host| is_ours(&host, public));
    if !ours {
        let why = "asked for by a name that is not this machine's: use its address, for instance 127.0.0.1\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

/// Loopback, or where the server is public any address: an address cannot be made to point elsewhere, as a name can.
fn is_ours(host: &str, public: bool) -> bool {
    let name = without_port(host);
    let ip = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    };
    name.eq_ignore_ascii_case("localhost") || ip.is_some_and(|ip| public || ip.is_loopback())
}

/// The port may be another one: it may have been forwarded.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_ours() {
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:9464", "[::1]", "[::1]:80", "127.9.9.9:1"]
        {
            assert!(is_ours(host, false), "{host}");
        }
        let strangers = [
            "",
            "evil.example",
            "evil.example:9464",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "localhost:80:80",
            "[::1",
            "::1:x",
            "user@localhost",
            "[127.0.0.1]",
            "0.0.0.0",
        ];
        for host in strangers {
            assert!(!is_ours(host, false), "{host}");
        }
        assert!(is_ours("10.0.0.1:9464", true));
        assert!(
            !is_ours("evil.example", true),
            "a name can be made to point here, also when the server is public"
        );
    }
}
