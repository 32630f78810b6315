//! Whose message a text is: read here by a parser of the harness's own, not by the one of the workers' kit.

use ledger::{Kind, MessageId};

/// The id in a message of ours: `kind` when the tag is this run's, else crossed.
///
/// `None` for a text that is no message of any lab.
pub fn identify(payload: &[u8], tag: &str, kind: Kind) -> Option<(Kind, MessageId)> {
    let text = std::str::from_utf8(payload.get(..payload.len().min(96))?).ok()?;
    let mut words = text.split(' ');
    let (found, id) = (words.next()?, words.next()?.parse().ok()?);
    Some((if found == tag { kind } else { Kind::Crossed }, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_its_run_and_its_id() {
        let id = MessageId::new(3, 9);
        assert_eq!(identify(b"t1 3-9 12345 ....", "t1", Kind::Stored), Some((Kind::Stored, id)));
        assert_eq!(identify(b"t2 3-9 12345 ....", "t1", Kind::Stored), Some((Kind::Crossed, id)));
        assert_eq!(identify(b"hello world", "t1", Kind::Stored), None);
        assert_eq!(identify(b"", "t1", Kind::Stored), None);
        assert_eq!(identify(&[0xff; 200], "t1", Kind::Stored), None);
    }
}
