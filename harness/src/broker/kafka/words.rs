//! What Kafka says of its own end, out of a log that says much more.

use std::{fs, path::Path};

use crate::error::LogTail;

/// As many lines as fit an error message.
const LINES: usize = 8;

/// What was written to a log since it had this length.
pub fn since(log: &Path, length: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let new = usize::try_from(length).ok().and_then(|length| bytes.get(length..)).unwrap_or_default();
    String::from_utf8_lossy(new).into_owned()
}

/// Its last words, for an error message: from its first complaint on, without the places in its code and without what
/// it says of its own orderly end. The last lines when it did not complain.
pub fn last(log: &Path, length: u64) -> LogTail {
    LogTail { path: log.to_owned(), lines: tell(&since(log, length)) }
}

fn tell(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().filter(|line| !is_place(line)).collect();
    let complaint = lines.iter().position(|line| line.contains(" ERROR ") || line.contains(" FATAL "));
    let told: Vec<_> = match complaint {
        Some(first) => lines[first..].iter().filter(|line| !line.contains(" INFO ")).take(LINES).collect(),
        None => lines[lines.len().saturating_sub(LINES)..].iter().collect(),
    };
    told.into_iter().map(|line| (*line).to_owned()).collect()
}

/// `at kafka.Kafka.main(Kafka.scala)` or `... 3 more`, after a tab.
fn is_place(line: &str) -> bool {
    let rest = line.trim_start();
    rest.len() < line.len() && (rest.starts_with("at ") || rest.starts_with("... "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complaint_is_told_and_not_where_in_the_code_nor_what_follows() {
        let log = "1 [main] INFO kafka - all is well\n\
                   2 [main] ERROR kafka - Exiting Kafka due to fatal exception\n\
                   ConfigException: Invalid value many\n\
                   \tat kafka.Kafka.main(Kafka.scala)\n\
                   \t... 3 more\n\
                   3 [main] INFO kafka - shutting down\n";
        let told = [
            "2 [main] ERROR kafka - Exiting Kafka due to fatal exception",
            "ConfigException: Invalid value many",
        ];
        assert_eq!(tell(log), told);
    }

    #[test]
    fn without_a_complaint_it_is_the_last_lines() {
        let lines: Vec<_> = (0..30).map(|number| format!("{number} [main] INFO kafka - x")).collect();
        assert_eq!(tell(&lines.join("\n")), lines[22..]);
        assert!(tell("").is_empty());
    }
}
