//! What stands in a message's payload: `<tag> <producer>-<seq> <planned_ns> `, then dots up to the payload's size.
//!
//! It is text, so that a person who looks at the broker sees which message it is.

use bytes::{BufMut, Bytes, BytesMut};
use ledger::MessageId;

/// The longest decimal `u64`.
const DIGITS_MAX: usize = 20;

/// A message that a producer is to send. Its payload is made by [`Kit::payload`](crate::Kit::payload).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id; a resend keeps it.
    pub id: MessageId,
    /// When it should be sent: nanoseconds of the host's monotonic clock. Delays count from here, so
    /// that a stalled producer cannot hide them.
    pub planned_ns: u64,
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

/// Payloads are cut from blocks of so many bytes: a block for each would cost more than all that is written into it.
const BLOCK_BYTES: usize = 64 * 1024;

/// Writes payloads.
#[derive(Clone, Debug)]
pub struct Composer {
    tag: String,
    size: usize,
    /// What is left of the newest block.
    block: BytesMut,
}

impl Composer {
    /// For the run `tag`. Where `size` (bytes) is too small for the text, the payload is as long as the text.
    pub fn new(tag: &str, size: usize) -> Self {
        Self { tag: tag.to_owned(), size, block: BytesMut::new() }
    }

    /// The payload of one message.
    pub fn compose(&mut self, message: Message) -> Bytes {
        let text_max = self.tag.len() + 3 * (DIGITS_MAX + 1) + 1;
        let needed = self.size.max(text_max);
        if self.block.capacity() < needed {
            self.block = BytesMut::with_capacity(needed.max(BLOCK_BYTES));
        }
        let payload = &mut self.block;
        payload.put_slice(self.tag.as_bytes());
        payload.put_u8(b' ');
        put_number(payload, u64::from(message.id.producer), b'-');
        put_number(payload, u64::from(message.id.seq), b' ');
        put_number(payload, message.planned_ns, b' ');
        if payload.len() < self.size {
            payload.resize(self.size, b'.');
        }
        payload.split().freeze()
    }
}

/// The number in decimal, and `end`. `write!` takes several times as long, for each of a million messages a second.
fn put_number(buffer: &mut BytesMut, mut number: u64, end: u8) {
    let mut text = [end; DIGITS_MAX + 1];
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
#[inline]
pub fn read(tag: &str, payload: &[u8]) -> Read {
    let ours = payload.strip_prefix(tag.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
    if let Some((id, planned_ns)) = ours.and_then(numbers) {
        return Read::Ours { id, planned_ns };
    }
    let foreign = payload.iter().position(|&byte| byte == b' ').filter(|&end| end > 0 && ours.is_none());
    let foreign = foreign.and_then(|end| numbers(&payload[end + 1..]));
    foreign.map_or(Read::Unreadable, |(id, _)| Read::Foreign { id })
}

/// What follows the tag: id and planned time.
fn numbers(text: &[u8]) -> Option<(MessageId, u64)> {
    let (producer, text) = take_number(text, b'-')?;
    let (seq, text) = take_number(text, b' ')?;
    let (planned_ns, _) = take_number(text, b' ')?;
    Some((MessageId::new(producer.try_into().ok()?, seq.try_into().ok()?), planned_ns))
}

/// A decimal number, and what follows its `end`.
#[inline]
fn take_number(text: &[u8], end: u8) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (position, &byte) in text.iter().take(DIGITS_MAX).enumerate() {
        if byte == end && position > 0 {
            return Some((number, &text[position + 1..]));
        }
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Nineteen digits fit: only the twentieth can be too much.
        if position < DIGITS_MAX - 1 {
            number = number * 10 + u64::from(digit);
        } else {
            number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
        }
    }
    let rest = text.get(DIGITS_MAX..)?.strip_prefix(&[end])?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(producer: u16, seq: u32, planned_ns: u64) -> Message {
        Message { id: MessageId::new(producer, seq), planned_ns }
    }

    #[test]
    fn a_payload_is_text_that_a_person_can_read() {
        let payload = Composer::new("k7f2", 32).compose(message(3, 17, 1_204_000));
        assert_eq!(&payload[..], b"k7f2 3-17 1204000 ..............");
    }

    #[test]
    fn a_payload_too_small_for_the_text_is_as_long_as_the_text() {
        let payload = Composer::new("k7f2", 1).compose(message(3, 17, 5));
        assert_eq!(&payload[..], b"k7f2 3-17 5 ");
        assert_eq!(read("k7f2", &payload), Read::Ours { id: MessageId::new(3, 17), planned_ns: 5 });
    }

    #[test]
    fn payloads_of_one_block_do_not_touch_each_other() {
        let mut composer = Composer::new("k7f2", 100);
        let made: Vec<_> = (0..3_000).map(|seq| (seq, composer.compose(message(1, seq, 5)))).collect();
        for (seq, payload) in made {
            assert_eq!(payload.len(), 100);
            assert_eq!(read("k7f2", &payload), Read::Ours { id: MessageId::new(1, seq), planned_ns: 5 });
        }
    }

    #[test]
    fn another_tag_is_foreign_even_if_it_begins_alike() {
        let payload = Composer::new("k7f22", 64).compose(message(0, 1, 2));
        assert_eq!(read("k7f2", &payload), Read::Foreign { id: MessageId::new(0, 1) });
    }

    #[test]
    fn what_no_producer_wrote_is_unreadable() {
        let texts = ["", " ", "t", "t 0-1", "t 0-1 5", " 0-1 5 ", "t 0- 5 ", "t -1 5 ", "t 0-1 x "];
        for text in texts.into_iter().chain(["t 65536-0 5 ", "t 0-4294967296 5 "]) {
            assert_eq!(read("t", text.as_bytes()), Read::Unreadable, "{text:?}");
        }
        let twenty = |digits: &str| read("t", format!("t 0-1 {digits} ").as_bytes());
        let most = Read::Ours { id: MessageId::new(0, 1), planned_ns: u64::MAX };
        assert_eq!(twenty("18446744073709551615"), most);
        assert_eq!(twenty("18446744073709551616"), Read::Unreadable);
        let absurd = format!("t 0-1 {} ", "9".repeat(30));
        assert_eq!(read("t", absurd.as_bytes()), Read::Unreadable);
    }

    proptest! {
        #[test]
        fn reads_back_what_it_composed(producer: u16, seq: u32, planned_ns: u64, size in 0_usize..2_000) {
            let message = message(producer, seq, planned_ns);
            let payload = Composer::new("run", size).compose(message);
            prop_assert!(payload.len() >= size);
            prop_assert_eq!(read("run", &payload), Read::Ours { id: message.id, planned_ns });
        }

        #[test]
        fn never_panics_on_any_bytes(payload: Vec<u8>) {
            read("run", &payload);
        }
    }
}
