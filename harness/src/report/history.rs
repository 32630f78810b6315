//! The journals as JSON lines, for checkers of other makes.

use ledger::Entry;
use serde::Serialize;

/// One line. Its names are part of the machine interface.
#[derive(Serialize)]
struct Line<'a> {
    /// Seconds since the run began; negative before it.
    t_s: f64,
    writer: &'a str,
    what: &'static str,
    id: String,
}

/// Adds one entry of a writer's journal as a line: `{"t_s":1.2,"writer":"consumer-0","what":"delivered","id":"0-17"}`.
///
/// `start_ns` is the host's clock when the run began.
pub fn add_line(
    out: &mut Vec<u8>,
    start_ns: u64,
    writer: &str,
    entry: &Entry,
) -> Result<(), serde_json::Error> {
    let since = i128::from(entry.time_ns) - i128::from(start_ns);
    let line = Line { t_s: since as f64 / 1e9, writer, what: entry.kind.word(), id: entry.id.to_string() };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Kind, MessageId};

    #[test]
    fn one_entry_is_one_line() {
        let mut out = Vec::new();
        let id = MessageId::new(0, 17);
        add_line(&mut out, 5, "consumer-0", &Entry { kind: Kind::Delivered, id, time_ns: 1_200_000_006 })
            .unwrap();
        add_line(&mut out, 1_000_000_000, "a\"b", &Entry { kind: Kind::Attempted, id, time_ns: 0 }).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"t_s\":1.200000001,\"writer\":\"consumer-0\",\"what\":\"delivered\",\"id\":\"0-17\"}\n\
             {\"t_s\":-1.0,\"writer\":\"a\\\"b\",\"what\":\"attempted\",\"id\":\"0-17\"}\n"
        );
    }
}
