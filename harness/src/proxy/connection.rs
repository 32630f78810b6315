//! One connection through a link: two sockets, two pumps, and what ends them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{net::TcpStream, sync::watch, time::timeout};

use super::{
    link::{Shared, Wish},
    mode::{Direction, Mode},
    pump::{Closed, pump},
};

/// Loopback answers at once; a paused server's kernel does too.
const CONNECT_BOUND: Duration = Duration::from_secs(5);

/// How a connection ended.
#[derive(PartialEq)]
enum End {
    /// By its two sides.
    Themselves,
    /// By the proxy, in good order.
    Closed,
    /// By the proxy, with a reset.
    Reset,
}

/// Carries a connection until one of its sides, or the link's mode, ends it.
pub(super) async fn connection(mut client: TcpStream, shared: Arc<Shared>) {
    let mut wishes = shared.wish.subscribe();
    let resets = wishes.borrow_and_update().resets;
    let Ok(Ok(mut server)) = timeout(CONNECT_BOUND, TcpStream::connect(shared.target)).await else {
        // As near to "refused" as one comes who has accepted already.
        let _ = client.set_zero_linger();
        return;
    };
    // A proxy that waits for more bytes would be slower than the wire.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let withheld = AtomicBool::new(false);
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::try_join!(
                pump(from_client, to_server, Direction::ToBroker, &shared, &withheld),
                pump(from_server, to_client, Direction::ToWorker, &shared, &withheld),
            )
        };
        tokio::select! {
            ended = both => match ended {
                Err(Closed::ByTheProxy) => End::Closed,
                Ok(_) | Err(Closed::ByASide) => End::Themselves,
            },
            end = ended_by(&mut wishes, resets, &withheld) => end,
        }
    };
    if end == End::Themselves {
        return;
    }
    shared.counters.closed();
    if end == End::Reset {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Waits for a mode that this connection does not survive.
async fn ended_by(wishes: &mut watch::Receiver<Wish>, resets: u64, withheld: &AtomicBool) -> End {
    loop {
        let wish = *wishes.borrow_and_update();
        let healed = wish.mode == Mode::default() && withheld.load(Ordering::Relaxed);
        if wish.resets > resets {
            return End::Reset;
        }
        if wish.mode.cut || healed {
            return End::Closed;
        }
        if wishes.changed().await.is_err() {
            return End::Closed;
        }
    }
}
