//! Bytes that are handed on later than they came, in their order.

use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep_until};

/// So much may wait in a direction that delays; beyond it the sender waits, as it would for a full pipe.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a piece costs beside its bytes: else a sender of single bytes would take a hundred times the memory.
const PIECE_BYTES: usize = 128;

/// What waits in one direction of one connection.
#[derive(Default)]
pub(super) struct Late {
    waiting: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
}

impl Late {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes < WAITING_BYTES_MAX
    }

    /// Puts bytes behind all others. No bytes at all stand for the sender's end.
    pub(super) fn push(&mut self, bytes: &[u8], by: Duration) {
        let due = Instant::now() + by;
        let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
        self.bytes += bytes.len() + PIECE_BYTES;
        self.waiting.push_back((due, bytes.to_vec()));
    }

    /// Waits for the first to be due, and takes it. May be given up while it waits: nothing is taken then.
    pub(super) async fn due(&mut self) -> Vec<u8> {
        let Some((due, _)) = self.waiting.front() else { return Vec::new() };
        sleep_until(*due).await;
        let (_, bytes) = self.waiting.pop_front().unwrap_or_else(|| (Instant::now(), Vec::new()));
        self.bytes -= bytes.len() + PIECE_BYTES;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn single_bytes_take_no_more_memory_than_many_at_once() {
        let mut late = Late::default();
        while late.has_room() {
            late.push(b"x", Duration::ZERO);
        }
        assert!(late.waiting.len() <= WAITING_BYTES_MAX / PIECE_BYTES, "{}", late.waiting.len());
        while !late.is_empty() {
            assert_eq!(late.due().await, b"x");
        }
        assert!(late.bytes == 0 && late.has_room());
    }
}
