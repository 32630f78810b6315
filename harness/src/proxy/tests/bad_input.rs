//! What is not as it should be, on either side of a link.

use std::sync::mpsc;

use super::*;

/// A server that does this with each connection.
fn server(with: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (with, stream) = (with.clone(), stream.unwrap());
            thread::spawn(move || with(stream));
        }
    });
    address
}

async fn in_front_of(server: SocketAddr) -> (Proxy, Link) {
    let proxy = Proxy::start().unwrap();
    let link = proxy.link(loopback(0), server).await.unwrap();
    (proxy, link)
}

#[tokio::test]
async fn a_client_that_has_said_all_still_hears() {
    let (_proxy, link) = in_front_of(server(|mut stream| {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        stream.write_all(format!("you said {heard}").as_bytes()).unwrap();
    }))
    .await;
    let mut stream = client(&link);
    stream.write_all(b"all").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "you said all");
}

#[tokio::test]
async fn a_server_that_has_said_all_still_hears() {
    let (tell, told) = mpsc::channel();
    let (_proxy, link) = in_front_of(server(move |mut stream| {
        stream.write_all(b"good bye").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        tell.send(heard).unwrap();
    }))
    .await;
    let mut stream = client(&link);
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "good bye");
    for word in ["and ", "yet ", "more"] {
        stream.write_all(word.as_bytes()).unwrap();
    }
    drop(stream);
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "and yet more");
}

#[tokio::test]
async fn an_end_behind_withheld_bytes_is_withheld_as_well() {
    let (tell, told) = mpsc::channel();
    let (_proxy, mut link) = in_front_of(server(move |mut stream| {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        tell.send(heard).unwrap();
    }))
    .await;
    let mut stream = client(&link);
    stream.write_all(b"passed ").unwrap();
    until(&link, |seen| seen.to_broker == 7);
    link.set(Mode { to_broker: Way::Withhold, ..Mode::default() }).await.unwrap();
    stream.write_all(b"lost").unwrap();
    drop(stream);
    until(&link, |seen| seen.withheld_to_broker == 4);
    let silence = told.recv_timeout(Duration::from_millis(200));
    assert!(silence.is_err(), "a hole in the stream would pass for its end: {silence:?}");
    link.set(Mode::default()).await.unwrap();
    assert_eq!(told.recv_timeout(BOUND).unwrap(), "passed ");
    until(&link, |seen| seen.closed == 1);
}

#[tokio::test]
async fn what_a_server_said_before_it_was_gone_arrives_however_late() {
    let (_proxy, mut link) = in_front_of(server(|mut stream| {
        stream.write_all(b"last words").unwrap();
        // Closed with something unread: a reset.
        stream.peek(&mut [0]).unwrap();
    }))
    .await;
    let late = Way::Delay(Duration::from_millis(200));
    link.set(Mode { to_worker: late, ..Mode::default() }).await.unwrap();
    let mut stream = client(&link);
    stream.write_all(b"unread").unwrap();
    until(&link, |seen| seen.slowed == 10);
    // Some of this meets a socket that is gone.
    for _ in 0..20 {
        let _ = stream.write_all(b"still talking");
        thread::sleep(Duration::from_millis(1)); // so that they are pieces of their own
    }
    let mut heard = [0; 10];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"last words");
}

/// More than all buffers of the system between two processes, and than what a delaying link keeps.
const FLOOD_BYTES: usize = 1 << 30;

/// Who writes without an end finds out that nobody reads.
fn flood(mut stream: TcpStream, tell: &mpsc::Sender<usize>) {
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let (piece, mut written) = (vec![7; 256 * 1024], 0);
    while written < FLOOD_BYTES {
        match stream.write(&piece) {
            Ok(count) => written += count,
            Err(_) => break,
        }
    }
    tell.send(written).unwrap();
}

#[tokio::test]
async fn behind_a_client_that_never_reads_the_server_has_to_wait() {
    let (tell, told) = mpsc::channel();
    let (_proxy, mut link) = in_front_of(server(move |stream| flood(stream, &tell))).await;
    for way in [Way::Pass, Way::Delay(Duration::from_millis(1)), Way::Throttle(1 << 30)] {
        link.set(Mode { to_worker: way, ..Mode::default() }).await.unwrap();
        let mut stream = client(&link);
        let written = told.recv_timeout(2 * BOUND).unwrap();
        assert!(written < FLOOD_BYTES, "{way:?}: the proxy took all of it");
        link.set(Mode::default()).await.unwrap();
        let read = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        assert_eq!(read, written as u64, "{way:?}: and nothing was lost");
    }
}

#[tokio::test]
async fn a_link_outlives_its_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (_proxy, link) = in_front_of(address).await;
    let mut stream = client(&link);
    let (server, _) = listener.accept().unwrap();
    drop((server, listener));
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "told that the server is gone");
    let mut refused = client(&link);
    assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)), "and so is whoever comes later");
    let listener = TcpListener::bind(address).unwrap();
    let mut stream = client(&link);
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"back").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(link.trouble(), None, "a server that is gone is no trouble of the proxy");
}
