//! Keeps the proxy's thread awake for a moment after it handed bytes on.
//!
//! What follows a request is its answer, soon. A thread that slept meanwhile has to be woken, and so has its core: in a
//! virtual machine that takes longer than all that the proxy does with the bytes.

use std::{
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
    time::{Duration, Instant},
};

use tokio::task::yield_now;

/// How long it stays awake: a little longer than a sleeping server or client takes to answer.
const AWAKE: Duration = Duration::from_micros(100);

/// After waking in vain it sleeps at once, the next so many times at most: slow traffic must not cost processor time.
const SLEEPS_MAX: u32 = 64;

/// Never ends. While it is polled beside the pumps that set `moved`, the runtime looks for new bytes instead of sleeping.
pub(super) async fn stay_awake(moved: &AtomicBool) {
    let alone = std::thread::available_parallelism().map_or(1, usize::from) < 2;
    let mut vigil = Vigil::default();
    poll_fn(|context| {
        if alone || !vigil.goes_on(moved.swap(false, Ordering::Relaxed), Instant::now) {
            return Poll::Pending;
        }
        // Whoever else is to run on this core, perhaps the one who is to answer, goes first.
        std::thread::yield_now();
        // Asks the runtime to come back here after a look at the sockets; nothing is waited for.
        let _ = pin!(yield_now()).poll(context);
        Poll::<()>::Pending
    })
    .await;
}

/// When to stay awake, and when that has not paid.
#[derive(Default)]
struct Vigil {
    until: Option<Instant>,
    /// How often to sleep at once before the next try.
    sleeps: u32,
    /// What `sleeps` begins with after the next try in vain.
    penalty: u32,
}

impl Vigil {
    fn goes_on(&mut self, moved: bool, now: impl Fn() -> Instant) -> bool {
        match self.until {
            Some(_) if moved => {
                self.penalty = 0;
                self.until = Some(now() + AWAKE);
            }
            Some(until) if now() >= until => {
                self.penalty = (2 * self.penalty).clamp(1, SLEEPS_MAX);
                self.sleeps = self.penalty;
                self.until = None;
            }
            None if moved && self.sleeps > 0 => self.sleeps -= 1,
            None if moved => self.until = Some(now() + AWAKE),
            _ => {}
        }
        self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_awake_while_that_pays_and_less_and_less_often_when_not() {
        let mut vigil = Vigil::default();
        let mut now = Instant::now();
        assert!(!vigil.goes_on(false, || now), "nothing moved yet");
        for _ in 0..10 {
            assert!(vigil.goes_on(true, || now) && vigil.goes_on(false, || now));
            now += AWAKE / 2;
        }
        let mut tries = 0;
        for _ in 0..10_000 {
            tries += u32::from(vigil.goes_on(true, || now));
            now += 2 * AWAKE;
            assert!(!vigil.goes_on(false, || now), "the moment is over");
        }
        assert!((100..200).contains(&tries), "{tries} times awake in vain");
        while !vigil.goes_on(true, || now) {}
        assert!(vigil.goes_on(true, || now), "it paid");
        now += 2 * AWAKE;
        assert!(!vigil.goes_on(false, || now));
        assert!(!vigil.goes_on(true, || now) && vigil.goes_on(true, || now), "one sleep, and it tries again");
    }
}
