//! One connection through a link: two sockets, two pumps, and what ends them.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::watch,
    time::{error::Elapsed, timeout},
};

use super::{
    awake::stay_awake,
    link::{Shared, Wish},
    mode::Direction,
    pump::{End, Line, pump},
};

/// Loopback answers at once; a paused server's kernel does too.
const CONNECT_BOUND: Duration = Duration::from_secs(5);

/// Carries a connection until one of its sides, or the link's mode, ends it. `resets` is how many resets there had been
/// when it was taken.
pub(super) async fn connection(mut client: TcpStream, resets: u64, shared: Arc<Shared>) {
    shared.open.fetch_add(1, Ordering::Relaxed);
    let line = Line::new(&shared, resets);
    let mut wishes = shared.wish.subscribe();
    let connected = tokio::select! {
        biased;
        end = ended_by(&mut wishes, &line) => Err(end),
        connected = timeout(CONNECT_BOUND, TcpStream::connect(shared.target)) => Ok(connected),
    };
    let end = match connected {
        Err(end) => end,
        Ok(Ok(Ok(server))) => carried(&mut client, server, &line, &mut wishes).await,
        Ok(failed) => {
            note(failed, &shared);
            // As near to "refused" as one comes who has accepted already.
            let _ = client.set_zero_linger();
            End::Themselves
        }
    };
    match end {
        End::Themselves => {}
        End::Closed => shared.counters.closed(),
        End::Reset => {
            let _ = client.set_zero_linger();
            shared.counters.reset();
        }
    }
    shared.open.fetch_sub(1, Ordering::Relaxed);
}

/// A server that is not there is the matter of whoever connects; a proxy that can open nothing more is the harness's.
fn note(failed: Result<io::Result<TcpStream>, Elapsed>, shared: &Shared) {
    if let Ok(Err(error)) = failed {
        shared.note_if_out_of_files(&error);
    }
}

async fn carried(
    client: &mut TcpStream,
    mut server: TcpStream,
    line: &Line<'_>,
    wishes: &mut watch::Receiver<Wish>,
) -> End {
    // A proxy that waits for more bytes would be slower than the wire.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::try_join!(
                pump(from_client, to_server, Direction::ToBroker, line),
                pump(from_server, to_client, Direction::ToWorker, line),
            )
        };
        tokio::select! {
            biased;
            end = ended_by(wishes, line) => end,
            ended = both => ended.err().unwrap_or(End::Themselves),
            // Last: it looks at what the pumps did just now.
            () = stay_awake(&line.moved) => End::Themselves,
        }
    };
    if end == End::Reset {
        let _ = server.set_zero_linger();
    }
    end
}

/// Waits for a mode that this connection does not survive.
async fn ended_by(wishes: &mut watch::Receiver<Wish>, line: &Line<'_>) -> End {
    loop {
        let wish = *wishes.borrow_and_update();
        if let Some(end) = line.ended_by(&wish) {
            return end;
        }
        if wishes.changed().await.is_err() {
            return End::Closed;
        }
    }
}
