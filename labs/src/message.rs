//! What stands in a message's payload: `<tag> <producer>-<seq> <planned_ns> `, then dots up to the payload's size.
//!
//! It is text, so that a person who looks at the broker sees which message it is.

use bytes::{BufMut, Bytes, BytesMut};
use ledger::MessageId;

/// Payloads are cut from chunks of this size: one allocation for hundreds of messages.
const CHUNK_BYTES: usize = 64 * 1024;

/// The longest decimal `u64`.
const DIGITS_MAX: usize = 20;

/// A message that a producer is about to send.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id; a resend keeps it.
    pub id: MessageId,
    /// When it should have been sent: nanoseconds of the host's monotonic clock. Delays count from here, so
    /// that a stalled producer cannot hide them.
    pub planned_ns: u64,
    /// What to send.
    pub payload: Bytes,
}

/// What a received payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A message of this run.
    Ours {
        /// Its id.
        id: MessageId,
        /// When it should have been sent, in nanoseconds of the host's monotonic clock.
        planned_ns: u64,
    },
    /// A message of another run or environment.
    Foreign {
        /// Its id over there.
        id: MessageId,
    },
    /// Nothing that a producer of any run made.
    Unreadable,
}

/// Writes payloads.
#[derive(Debug)]
pub struct Composer {
    head: Vec<u8>,
    size: usize,
    chunk: BytesMut,
}

impl Composer {
    /// For one producer of the run `tag`. Where `size` (bytes) is too small for the text, the payload is as long as the text.
    pub fn new(tag: &str, producer: u16, size: usize) -> Self {
        Self { head: format!("{tag} {producer}-").into_bytes(), size, chunk: BytesMut::new() }
    }

    /// The payload of one message.
    pub fn compose(&mut self, seq: u32, planned_ns: u64) -> Bytes {
        let longest = self.size.max(self.head.len() + 2 * (DIGITS_MAX + 1));
        if self.chunk.capacity() < longest {
            self.chunk = BytesMut::with_capacity(CHUNK_BYTES.max(longest));
        }
        self.chunk.put_slice(&self.head);
        put_number(&mut self.chunk, u64::from(seq));
        put_number(&mut self.chunk, planned_ns);
        let padding = self.size.saturating_sub(self.chunk.len());
        self.chunk.put_bytes(b'.', padding);
        self.chunk.split().freeze()
    }
}

/// The number in decimal and a space. `write!` takes several times as long, for each of a million messages a second.
fn put_number(buffer: &mut BytesMut, mut number: u64) {
    let mut text = [b' '; DIGITS_MAX + 1];
    let mut start = DIGITS_MAX;
    loop {
        start -= 1;
        text[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.put_slice(&text[start..]);
}

/// Reads a payload back. Never fails: what is not a message is [`Read::Unreadable`].
pub fn read(tag: &str, payload: &[u8]) -> Read {
    fields(payload).map_or(Read::Unreadable, |(found, id, planned_ns)| {
        if found == tag.as_bytes() { Read::Ours { id, planned_ns } } else { Read::Foreign { id } }
    })
}

fn fields(payload: &[u8]) -> Option<(&[u8], MessageId, u64)> {
    let end = payload.iter().position(|&byte| byte == b' ').filter(|&end| end > 0)?;
    let (producer, rest) = take_number(&payload[end + 1..], b'-')?;
    let (seq, rest) = take_number(rest, b' ')?;
    let (planned_ns, _) = take_number(rest, b' ')?;
    let id = MessageId::new(producer.try_into().ok()?, seq.try_into().ok()?);
    Some((&payload[..end], id, planned_ns))
}

/// A decimal number, and what follows its `end`.
fn take_number(bytes: &[u8], end: u8) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (position, &byte) in bytes.iter().enumerate() {
        if byte == end && position > 0 {
            return Some((number, &bytes[position + 1..]));
        }
        let digit = byte.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_payload_is_text_that_a_person_can_read() {
        let payload = Composer::new("k7f2", 3, 32).compose(17, 1_204_000);
        assert_eq!(&payload[..], b"k7f2 3-17 1204000 ..............");
    }

    #[test]
    fn a_payload_too_small_for_the_text_is_as_long_as_the_text() {
        let payload = Composer::new("k7f2", 3, 1).compose(17, 5);
        assert_eq!(&payload[..], b"k7f2 3-17 5 ");
        assert_eq!(read("k7f2", &payload), Read::Ours { id: MessageId::new(3, 17), planned_ns: 5 });
    }

    #[test]
    fn a_payload_larger_than_a_chunk_is_whole() {
        assert_eq!(Composer::new("t", 0, 1_000_000).compose(1, 2).len(), 1_000_000);
    }

    #[test]
    fn another_tag_is_foreign_even_if_it_begins_alike() {
        let payload = Composer::new("k7f22", 0, 64).compose(1, 2);
        assert_eq!(read("k7f2", &payload), Read::Foreign { id: MessageId::new(0, 1) });
    }

    #[test]
    fn what_no_producer_wrote_is_unreadable() {
        let texts = ["", " ", "t", "t 0-1", "t 0-1 5", " 0-1 5 ", "t 0- 5 ", "t -1 5 ", "t 0-1 x "];
        for text in texts.into_iter().chain(["t 65536-0 5 ", "t 0-4294967296 5 "]) {
            assert_eq!(read("t", text.as_bytes()), Read::Unreadable, "{text:?}");
        }
        let absurd = format!("t 0-1 {} ", "9".repeat(30));
        assert_eq!(read("t", absurd.as_bytes()), Read::Unreadable);
    }

    proptest! {
        #[test]
        fn reads_back_what_it_composed(
            producer: u16,
            messages in proptest::collection::vec((0_u32.., 0_u64..), 1..50),
            size in 0_usize..2_000,
        ) {
            let mut composer = Composer::new("run", producer, size);
            for (seq, planned_ns) in messages {
                let payload = composer.compose(seq, planned_ns);
                prop_assert!(payload.len() >= size);
                let id = MessageId::new(producer, seq);
                prop_assert_eq!(read("run", &payload), Read::Ours { id, planned_ns });
            }
        }

        #[test]
        fn never_panics_on_any_bytes(payload: Vec<u8>) {
            read("run", &payload);
        }
    }
}
