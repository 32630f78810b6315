//! The proxy between real sockets.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use super::*;

mod bad_input;
mod limits;
mod unchanged;

const BOUND: Duration = Duration::from_secs(30);

/// A server that sends back what it gets, and closes when its client has. It has one thread for all: a machine may not
/// allow a thousand.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                    let _ = tokio::io::AsyncWriteExt::shutdown(&mut to).await;
                });
            }
        });
    });
    address
}

fn client(link: &Link) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", link.address().port())).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream
}

/// Sends a text and waits for the same.
fn round_trip(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes())?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back)?;
    assert_eq!(back, text.as_bytes());
    Ok(())
}

/// Whether nothing comes for a while, though the connection is open.
fn hears_nothing(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let heard = stream.read(&mut [0]);
    stream.set_read_timeout(Some(BOUND)).unwrap();
    matches!(heard, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// Waits until the link has seen this: a byte is counted when it was handed on, a moment after it arrived.
fn until(link: &Link, what: impl Fn(&Seen) -> bool) -> Seen {
    let begun = Instant::now();
    while !what(&link.seen()) {
        assert!(begun.elapsed() < BOUND, "{:?}", link.seen());
        thread::sleep(Duration::from_millis(1));
    }
    link.seen()
}

async fn standing() -> (Proxy, Link) {
    let proxy = Proxy::start().unwrap();
    let link = proxy.link(loopback(0), echo()).await.unwrap();
    (proxy, link)
}

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted() {
    let (_proxy, link) = standing().await;
    let mut stream = client(&link);
    round_trip(&mut stream, "hello").unwrap();
    let seen = until(&link, |seen| seen.to_worker == 5);
    assert_eq!(seen, Seen { to_broker: 5, to_worker: 5, ..Seen::default() });
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the end of one side is handed on, and comes back");
}

#[tokio::test]
async fn withheld_bytes_are_counted_and_their_connection_is_never_resumed() {
    let (_proxy, mut link) = standing().await;
    let (mut hit, mut idle) = (client(&link), client(&link));
    round_trip(&mut hit, "before").unwrap();
    round_trip(&mut idle, "before").unwrap();
    let before = until(&link, |seen| seen.to_worker == 12);
    link.set(Mode { to_worker: Way::Withhold, ..Mode::default() }).await.unwrap();
    hit.write_all(b"request").unwrap();
    let seen = until(&link, |seen| seen.withheld_to_worker == 7).since(&before);
    assert!(hears_nothing(&mut hit));
    assert_eq!((seen.to_broker, seen.to_worker), (7, 0));
    for _ in 0..2 {
        link.set(Mode::default()).await.unwrap();
    }
    assert_eq!(hit.read(&mut [0]).unwrap(), 0, "closed by the healing");
    round_trip(&mut idle, "an idle one goes on").unwrap();
    round_trip(&mut client(&link), "and so do new ones").unwrap();
    until(&link, |seen| seen.since(&before).closed == 1);
}

#[tokio::test]
async fn a_reply_is_taken_away_once() {
    let (_proxy, mut link) = standing().await;
    let mut streams = [client(&link), client(&link)];
    for stream in &mut streams {
        round_trip(stream, "before").unwrap();
    }
    link.set(Mode { to_worker: Way::TakeOnce, ..Mode::default() }).await.unwrap();
    let [hit, other] = &mut streams;
    hit.write_all(b"request").unwrap();
    assert_eq!(hit.read(&mut [0]).unwrap(), 0, "closed instead of an answer");
    round_trip(other, "the others pass").unwrap();
    round_trip(&mut client(&link), "a new one too").unwrap();
    until(&link, |seen| (seen.withheld_to_worker, seen.closed) == (7, 1));
}

#[tokio::test]
async fn a_cut_link_refuses_and_a_healed_one_is_back_on_its_port() {
    let (_proxy, mut link) = standing().await;
    let mut stream = client(&link);
    round_trip(&mut stream, "before").unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], link.address().port()));
    link.set(Mode { cut: true, ..Mode::default() }).await.unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    link.set(Mode::default()).await.unwrap();
    round_trip(&mut client(&link), "after").unwrap();
    link.target_is_down(true).await.unwrap();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    link.target_is_down(false).await.unwrap();
    round_trip(&mut client(&link), "after").unwrap();
}

#[tokio::test]
async fn a_reset_is_a_reset_and_spares_those_who_come_later() {
    let (_proxy, mut link) = standing().await;
    let mut stream = client(&link);
    round_trip(&mut stream, "before").unwrap();
    link.reset().await.unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    round_trip(&mut client(&link), "after").unwrap();
    until(&link, |seen| (seen.reset, seen.closed) == (1, 0));
}

#[tokio::test]
async fn what_is_sent_after_a_fault_was_armed_never_passes() {
    for fault in ["cut", "reset", "withheld"] {
        let (_proxy, mut link) = standing().await;
        let mut streams: Vec<_> = (0..50).map(|_| client(&link)).collect();
        streams.iter_mut().for_each(|stream| round_trip(stream, "before").unwrap());
        let before = until(&link, |seen| seen.to_worker == 300);
        match fault {
            "cut" => link.set(Mode { cut: true, ..Mode::default() }).await.unwrap(),
            "reset" => link.reset().await.unwrap(),
            _ => link.set(Mode { to_broker: Way::Withhold, ..Mode::default() }).await.unwrap(),
        }
        for stream in &mut streams {
            let _ = stream.write_all(b"after");
        }
        let seen = until(&link, |seen| [seen.closed, seen.reset, seen.withheld() / 5].contains(&50));
        assert_eq!(seen.to_broker, before.to_broker, "{fault}");
    }
}

/// How many connections to this port the kernel has on the listener's side, accepted or not.
#[cfg(target_os = "linux")]
fn established(port: u16) -> usize {
    let list = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let of_the_port = format!(":{port:04X}");
    let is_one = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _, state) = (fields.next(), fields.next(), fields.next());
        local.is_some_and(|local| local.ends_with(&of_the_port)) && state == Some("01")
    };
    list.lines().filter(is_one).count()
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn who_is_connected_when_the_reset_comes_is_reset_taken_or_not() {
    let (_proxy, mut link) = standing().await;
    let mut streams: Vec<_> = (0..100).map(|_| client(&link)).collect();
    let begun = Instant::now();
    while established(link.address().port()) < 100 {
        assert!(begun.elapsed() < BOUND);
    }
    link.reset().await.unwrap();
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    until(&link, |seen| seen.reset == 100);
}

#[tokio::test]
async fn delayed_bytes_come_late_and_in_order_and_without_adding_up() {
    let (_proxy, mut link) = standing().await;
    let mut stream = client(&link);
    let by = Duration::from_secs(1);
    link.set(Mode { to_broker: Way::Delay(by), ..Mode::default() }).await.unwrap();
    let begun = Instant::now();
    for _ in 0..20 {
        stream.write_all(b"0123456789").unwrap();
        thread::sleep(Duration::from_millis(2)); // so that they are pieces of their own
    }
    until(&link, |seen| seen.slowed == 200);
    link.set(Mode::default()).await.unwrap();
    stream.write_all(b"end").unwrap();
    let mut back = [0; 203];
    stream.read_exact(&mut back).unwrap();
    assert!(begun.elapsed() >= by);
    assert!(begun.elapsed() < 20 * by, "the delays are not one after the other");
    assert!(back.starts_with(b"0123456789") && back.ends_with(b"9end"));
}

#[tokio::test]
async fn a_throttled_link_is_as_slow_as_it_is_told() {
    let (_proxy, mut link) = standing().await;
    let mut stream = client(&link);
    link.set(Mode { to_worker: Way::Throttle(10_000), ..Mode::default() }).await.unwrap();
    let begun = Instant::now();
    round_trip(&mut stream, &"x".repeat(3_000)).unwrap();
    // The last piece does not wait behind itself.
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());

    let begun = Instant::now();
    let mut streams = [client(&link), client(&link)];
    streams.iter_mut().for_each(|stream| stream.write_all(&[b'x'; 2_000]).unwrap());
    streams.iter_mut().for_each(|stream| stream.read_exact(&mut [0; 2_000]).unwrap());
    assert!(begun.elapsed() >= Duration::from_millis(350), "together, not each: {:?}", begun.elapsed());

    // Healed in the middle of a byte that would take a day.
    link.set(Mode { to_worker: Way::Throttle(1), ..Mode::default() }).await.unwrap();
    stream.write_all(&[b'x'; 86_400]).unwrap();
    until(&link, |seen| seen.to_worker == 7_001);
    link.set(Mode::default()).await.unwrap();
    stream.read_exact(&mut [0; 86_400]).unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_and_a_link_that_is_dropped() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::start().unwrap();
    let link = proxy.link(loopback(0), gone).await.unwrap();
    let mut stream = client(&link);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    let port = link.address().port();
    let taken = proxy.link(loopback(port), gone).await.unwrap_err().to_string();
    assert!(taken.contains(&format!("the proxy cannot listen at 127.0.0.1:{port}: ")), "{taken}");
    drop(link);
    drop(proxy);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nothing is left behind");
}
