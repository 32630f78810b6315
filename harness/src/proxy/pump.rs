//! One direction of a connection.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{ReadHalf, WriteHalf},
    time::timeout_at,
};

use super::{
    late::Late,
    link::{Shared, Wish},
    mode::{Direction, Way},
    pace::Pace,
};

/// What is read at once: as much as a busy stream brings between two looks.
const BUFFER_BYTES: usize = 64 * 1024;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By its two sides.
    Themselves,
    /// By the proxy, in good order.
    Closed,
    /// By the proxy, with a reset.
    Reset,
}

/// What the two directions of a connection share.
pub(super) struct Line<'a> {
    pub(super) shared: &'a Shared,
    /// How many resets there had been when the connection was taken.
    resets: u64,
    /// The number of the change of mode that ends this connection; 0 while nothing was withheld from it.
    withheld_until: AtomicU64,
    /// Bytes were handed on since somebody last looked.
    pub(super) moved: AtomicBool,
}

impl<'a> Line<'a> {
    pub(super) fn new(shared: &'a Shared, resets: u64) -> Self {
        Self { shared, resets, withheld_until: AtomicU64::new(0), moved: AtomicBool::new(false) }
    }

    /// Whether the connection does not survive this wish.
    pub(super) fn ended_by(&self, wish: &Wish) -> Option<End> {
        let until = self.withheld_until.load(Ordering::Relaxed);
        if wish.resets > self.resets {
            return Some(End::Reset);
        }
        (wish.mode.cut || until > 0 && wish.modes >= until).then_some(End::Closed)
    }

    fn withhold(&self, direction: Direction, bytes: usize, wish: &Wish) {
        let _ = self.withheld_until.compare_exchange(0, wish.modes + 1, Ordering::Relaxed, Ordering::Relaxed);
        self.shared.counters.withheld(direction, bytes);
    }
}

/// One direction: where to, and what waits in it.
struct Lane<'a, 'b> {
    to: WriteHalf<'b>,
    direction: Direction,
    line: &'a Line<'a>,
    late: Late,
}

/// What became of bytes.
enum Done {
    /// They were handed on, or will be.
    Going,
    /// They cannot be: who was to get them is gone. What comes from there may still be on its way.
    NobodyThere,
}

/// Hands bytes on until their sender has ended its side; then that end is handed on too.
pub(super) async fn pump(
    mut from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    direction: Direction,
    line: &Line<'_>,
) -> Result<(), End> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut lane = Lane { to, direction, line, late: Late::default() };
    let from_is_gone = loop {
        let read = tokio::select! {
            biased;
            due = lane.late.due(), if !lane.late.is_empty() => match lane.hand_on(&due).await {
                Done::Going => continue,
                Done::NobodyThere => return Ok(()),
            },
            read = from.read(&mut buffer), if lane.late.has_room() => read,
        };
        let Ok(read) = read else { break true };
        // Asked after each read: what a worker sends when it was let go is read under the mode that was armed before.
        let wish = *line.shared.wish.borrow();
        if let Some(end) = line.ended_by(&wish) {
            return Err(end);
        }
        match lane.take(&buffer[..read], &wish).await? {
            Done::Going if read == 0 => break false,
            Done::Going => {}
            Done::NobodyThere => return Ok(()),
        }
    };
    while !lane.late.is_empty() {
        let due = lane.late.due().await;
        if let Done::NobodyThere = lane.hand_on(&due).await {
            return Ok(());
        }
    }
    // A reset ends both directions, and what is still on its way there would not arrive.
    if from_is_gone {
        return Err(End::Themselves);
    }
    let _ = lane.to.shutdown().await;
    Ok(())
}

impl Lane<'_, '_> {
    /// Does with bytes what the mode says. No bytes are the sender's end.
    async fn take(&mut self, bytes: &[u8], wish: &Wish) -> Result<Done, End> {
        let shared = self.line.shared;
        match wish.mode.way(self.direction) {
            Way::Withhold => {
                self.line.withhold(self.direction, bytes.len(), wish);
                if bytes.is_empty() {
                    // The end of a stream with a hole in it would pass for the whole. It waits for the healing.
                    return std::future::pending().await;
                }
                Ok(Done::Going)
            }
            Way::TakeOnce if !bytes.is_empty() && took(self.direction, shared) => {
                shared.counters.withheld(self.direction, bytes.len());
                Err(End::Closed)
            }
            Way::Delay(by) => {
                shared.counters.slowed(bytes.len());
                self.late.push(bytes, by);
                Ok(Done::Going)
            }
            // Nothing overtakes what is still late.
            _ if !self.late.is_empty() => {
                self.late.push(bytes, Duration::ZERO);
                Ok(Done::Going)
            }
            Way::Throttle(rate) => {
                shared.counters.slowed(bytes.len());
                Ok(self.hand_on_slowly(bytes, rate).await)
            }
            // Or another connection was first.
            Way::Pass | Way::TakeOnce => Ok(self.hand_on(bytes).await),
        }
    }

    async fn hand_on(&mut self, bytes: &[u8]) -> Done {
        if self.to.write_all(bytes).await.is_err() {
            return Done::NobodyThere;
        }
        self.line.shared.counters.passed(self.direction, bytes.len());
        self.line.moved.store(true, Ordering::Relaxed);
        Done::Going
    }

    /// Hands bytes on at a rate, as long as that is the mode.
    async fn hand_on_slowly(&mut self, bytes: &[u8], rate: u64) -> Done {
        let direction = self.direction;
        let mut wishes = self.line.shared.wish.subscribe();
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = &rest[..Pace::piece(rate).min(rest.len())];
            let turn = self.line.shared.pace(direction).turn(piece.len(), rate);
            let changed = wishes.wait_for(|wish| wish.mode.way(direction) != Way::Throttle(rate));
            if timeout_at(turn, changed).await.is_ok() {
                break;
            }
            if let Done::NobodyThere = self.hand_on(piece).await {
                return Done::NobodyThere;
            }
            rest = &rest[piece.len()..];
        }
        self.hand_on(rest).await
    }
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
