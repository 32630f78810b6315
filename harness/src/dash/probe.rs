//! Whether a server of this machine answers.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Whoever takes longer to say that it is well is asked again.
const BOUND: Duration = Duration::from_secs(2);

/// Whether the server at this port of loopback answers a question for `path` with "200".
pub async fn answers(port: u16, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.ok()?;
        Some(begin.starts_with(b"HTTP/1.") && begin.ends_with(b" 200"))
    };
    timeout(BOUND, ask).await.ok().flatten().unwrap_or(false)
}
