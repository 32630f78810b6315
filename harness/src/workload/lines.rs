//! The lines of a worker, none of which takes more memory than a long line of the protocol does.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// No line may be longer, in bytes. What a worker prints beside the protocol may never end.
pub const LONGEST: usize = 64 * 1024;

/// One line, without its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its bytes; the first [`LONGEST`] of them where it is longer.
    pub bytes: Vec<u8>,
    /// Whether it is longer. The rest of it is passed over.
    pub is_cut: bool,
}

/// Reads lines.
pub struct Lines<R> {
    reader: R,
    /// Within a line that was cut.
    in_rest: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// From the beginning.
    pub fn of(reader: R) -> Self {
        Self { reader, in_rest: false }
    }

    /// The next line; `None` at the end. One that is cut comes at once: it may never end.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line::default();
        loop {
            let there = self.reader.fill_buf().await?;
            if there.is_empty() {
                return Ok(Some(line).filter(|line| !line.bytes.is_empty()));
            }
            let end = there.iter().position(|byte| *byte == b'\n');
            let part = &there[..end.unwrap_or(there.len())];
            let used = part.len() + usize::from(end.is_some());
            if !self.in_rest {
                let room = LONGEST - line.bytes.len();
                line.bytes.extend_from_slice(&part[..part.len().min(room)]);
                line.is_cut = part.len() > room;
            }
            self.reader.consume(used);
            let was_in_rest = self.in_rest;
            self.in_rest = (was_in_rest || line.is_cut) && end.is_none();
            if !was_in_rest && (line.is_cut || end.is_some()) {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn all(text: &[u8]) -> Vec<(usize, bool)> {
        // In small pieces, as they may come from a pipe.
        let mut lines = Lines::of(BufReader::with_capacity(1_000, text));
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            assert!(line.bytes.iter().all(|byte| *byte != b'\n'));
            all.push((line.bytes.len(), line.is_cut));
        }
        all
    }

    #[tokio::test]
    async fn lines_come_as_they_are() {
        assert!(all(b"").await.is_empty());
        assert_eq!(all(b"one\n\nthree").await, [(3, false), (0, false), (5, false)]);
        let whole = [&[b'x'; LONGEST][..], b"\n", &[b'y'; 2_500], b"\nend\n"].concat();
        assert_eq!(all(&whole).await, [(LONGEST, false), (2_500, false), (3, false)]);
    }

    #[tokio::test]
    async fn one_that_is_too_long_is_cut_and_those_behind_it_are_not() {
        for more in [1, 999, 1_000, 500_000] {
            let text = [&vec![b'x'; LONGEST + more][..], b"\nnext\n"].concat();
            assert_eq!(all(&text).await, [(LONGEST, true), (4, false)], "{more}");
        }
        assert_eq!(all(&vec![b'x'; 3 * LONGEST]).await, [(LONGEST, true)], "it has no end");
    }
}
