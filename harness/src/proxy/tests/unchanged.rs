//! Whatever a link does to time, it does nothing to bytes.

use proptest::{collection::vec, prelude::*};

use super::*;

type Pieces = Vec<Vec<u8>>;

/// What one side writes, in pieces of any size.
fn pieces() -> impl Strategy<Value = Pieces> {
    vec(prop_oneof![vec(any::<u8>(), 1..16), vec(any::<u8>(), 1..40_000)], 0..10)
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::Pass),
        (0_u64..20).prop_map(|ms| Way::Delay(Duration::from_millis(ms))),
        (2_000_000_u64..50_000_000).prop_map(Way::Throttle),
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    (way(), way()).prop_map(|(to_broker, to_worker)| Mode { to_broker, to_worker, cut: false })
}

/// Writes all pieces and ends its side, and reads what comes until the other side has ended.
fn talk(stream: TcpStream, pieces: Pieces) -> Vec<u8> {
    stream.set_read_timeout(Some(BOUND)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            pieces.iter().for_each(|piece| (&stream).write_all(piece).unwrap());
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        (&stream).read_to_end(&mut heard).unwrap();
        heard
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bytes_pass_unchanged_both_ways_however_late_and_slow(
        from_worker in pieces(),
        from_broker in pieces(),
        modes in vec(mode(), 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start().unwrap();
        let target = listener.local_addr().unwrap();
        let mut link = runtime.block_on(proxy.link(loopback(0), target)).unwrap();
        let stream = client(&link);
        let (sent, answered) = (from_worker.concat(), from_broker.concat());
        let broker = thread::spawn(move || talk(listener.accept().unwrap().0, from_broker));
        let worker = thread::spawn(move || talk(stream, from_worker));
        for mode in modes {
            runtime.block_on(link.set(mode)).unwrap();
            thread::sleep(Duration::from_millis(2)); // so that some bytes come under each
        }
        let (at_broker, at_worker) = (broker.join().unwrap(), worker.join().unwrap());
        prop_assert!(at_broker == sent, "{} of {} bytes to the broker", at_broker.len(), sent.len());
        prop_assert!(at_worker == answered, "{} of {} bytes to the worker", at_worker.len(), answered.len());
        let all = |seen: &Seen| (seen.to_broker, seen.to_worker) == (sent.len() as u64, answered.len() as u64);
        let seen = until(&link, all);
        prop_assert_eq!((seen.withheld(), seen.closed, seen.reset), (0, 0, 0));
    }
}
