//! One direction of a connection.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{ReadHalf, WriteHalf},
    time::{Instant, sleep, sleep_until},
};

use super::{
    link::Shared,
    mode::{Direction, Way},
};

/// What is read at once: as much as a busy stream brings between two looks.
const BUFFER_BYTES: usize = 64 * 1024;

/// So much may wait in a direction that delays; beyond it the sender waits, as it would for a full pipe.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A slow direction hands on so many pieces a second.
const STEPS_A_SECOND: u64 = 50;

/// Why a direction, and with it the connection, ended before its time.
pub(super) enum Closed {
    /// One of its sides is gone.
    ByASide,
    /// What the mode says.
    ByTheProxy,
}

/// Hands bytes on until their sender has ended its side; then that end is handed on too.
pub(super) async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    shared: &Shared,
    withheld: &AtomicBool,
) -> Result<(), Closed> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut late = Late::default();
    let mut held_back = false;
    loop {
        let read = tokio::select! {
            biased;
            due = late.due(), if !late.is_empty() => {
                hand_on(&mut to, &due, direction, shared).await?;
                continue;
            }
            read = from.read(&mut buffer), if late.has_room() => read.map_err(|_| Closed::ByASide)?,
        };
        if read == 0 {
            break;
        }
        let bytes = &buffer[..read];
        let way = shared.wish.borrow().mode.way(direction);
        if held_back && way != Way::Withhold {
            return Err(Closed::ByTheProxy);
        }
        match way {
            Way::Pass if late.is_empty() => hand_on(&mut to, bytes, direction, shared).await?,
            // Nothing overtakes what is still late.
            Way::Pass => late.push(bytes, Duration::ZERO),
            Way::Delay(by) => {
                shared.counters.slowed(read);
                late.push(bytes, by);
            }
            Way::Throttle(rate) => {
                shared.counters.slowed(read);
                slowly(&mut to, bytes, rate, direction, shared).await?;
            }
            Way::Withhold => {
                held_back = true;
                withheld.store(true, Ordering::Relaxed);
                shared.counters.withheld(direction, read);
            }
            Way::TakeOnce if took(direction, shared) => {
                shared.counters.withheld(direction, read);
                return Err(Closed::ByTheProxy);
            }
            // Another connection was first.
            Way::TakeOnce => hand_on(&mut to, bytes, direction, shared).await?,
        }
    }
    while !late.is_empty() {
        let due = late.due().await;
        hand_on(&mut to, &due, direction, shared).await?;
    }
    to.shutdown().await.map_err(|_| Closed::ByASide)
}

async fn hand_on(
    to: &mut WriteHalf<'_>,
    bytes: &[u8],
    direction: Direction,
    shared: &Shared,
) -> Result<(), Closed> {
    to.write_all(bytes).await.map_err(|_| Closed::ByASide)?;
    shared.counters.passed(direction, bytes.len());
    Ok(())
}

/// Whether this connection is the one from which bytes are taken away; from then on all others pass.
fn took(direction: Direction, shared: &Shared) -> bool {
    shared.wish.send_if_modified(|wish| {
        let way = match direction {
            Direction::ToBroker => &mut wish.mode.to_broker,
            Direction::ToWorker => &mut wish.mode.to_worker,
        };
        let first = *way == Way::TakeOnce;
        if first {
            *way = Way::Pass;
        }
        first
    })
}

/// Hands bytes on at a rate, as long as that is the mode.
async fn slowly(
    to: &mut WriteHalf<'_>,
    bytes: &[u8],
    rate: u64,
    direction: Direction,
    shared: &Shared,
) -> Result<(), Closed> {
    let in_a_step = usize::try_from(rate / STEPS_A_SECOND).unwrap_or(usize::MAX).max(1);
    for piece in bytes.chunks(in_a_step) {
        hand_on(to, piece, direction, shared).await?;
        if shared.wish.borrow().mode.way(direction) == Way::Throttle(rate) {
            sleep(Duration::from_secs_f64(piece.len() as f64 / rate.max(1) as f64)).await;
        }
    }
    Ok(())
}

/// Bytes that are handed on later, in their order.
#[derive(Default)]
struct Late {
    waiting: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
}

impl Late {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn has_room(&self) -> bool {
        self.bytes < WAITING_BYTES_MAX
    }

    fn push(&mut self, bytes: &[u8], by: Duration) {
        let due = Instant::now() + by;
        let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
        self.bytes += bytes.len();
        self.waiting.push_back((due, bytes.to_vec()));
    }

    /// Waits for the first to be due, and takes it. May be given up while it waits: nothing is taken then.
    async fn due(&mut self) -> Vec<u8> {
        let Some((due, _)) = self.waiting.front() else { return Vec::new() };
        sleep_until(*due).await;
        let (_, bytes) = self.waiting.pop_front().unwrap_or_else(|| (Instant::now(), Vec::new()));
        self.bytes -= bytes.len();
        bytes
    }
}
