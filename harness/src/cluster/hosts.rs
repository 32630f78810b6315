//! One marked block in a hosts file: written anew, or taken away, and nothing else is touched.

const BEGIN: &str = "# BEGIN workshop-mb";
const END: &str = "# END workshop-mb";

/// The text with the block for these names, in place of the one that it may have had.
///
/// # Errors
/// When the marks in the text are not a pair: then nobody knows what is ours.
pub fn with_block(text: &str, address: &str, names: &[&str]) -> Result<String, String> {
    let mut text = without_block(text)?;
    // The file's last line may lack its end; the block brings it along, and takes it away again.
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mark = if lead.is_empty() { BEGIN.to_owned() } else { format!("{BEGIN} {JOINED}") };
    text.push_str(&format!("{lead}{mark}\n{address} {}\n{END}\n", names.join(" ")));
    Ok(text)
}

/// Behind the mark of a block that had to end the line before it.
const JOINED: &str = "(the line above had no end)";

/// The text as it was before the block.
///
/// # Errors
/// As for [`with_block`].
pub fn without_block(text: &str) -> Result<String, String> {
    let mut kept = String::new();
    let mut begun = None;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let number = number + 1;
        let mark = line.trim_end();
        match begun {
            None if mark == BEGIN => begun = Some(number),
            None if mark == format!("{BEGIN} {JOINED}") => {
                begun = Some(number);
                kept.pop();
            }
            None if mark == END => {
                return Err(format!("line {number} says `{END}`, and no line above it `{BEGIN}`"));
            }
            None => kept.push_str(line),
            Some(_) if mark == END => begun = None,
            Some(first) if mark.starts_with(BEGIN) => {
                return Err(format!(
                    "lines {first} and {number} both say `{BEGIN}`, and no line between `{END}`"
                ));
            }
            Some(_) => {}
        }
    }
    match begun {
        Some(first) => Err(format!("line {first} says `{BEGIN}`, and no line below it `{END}`")),
        None => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 2] = ["grafana.test", "prometheus.test"];

    #[test]
    fn the_block_is_written_once_and_taken_away_exactly() {
        for before in ["", "127.0.0.1 localhost\n", "127.0.0.1 localhost", "\n\n", "127.0.0.1\tme # it\r\n"] {
            let with = with_block(before, "192.168.49.2", &NAMES).unwrap();
            assert!(with.contains("\n192.168.49.2 grafana.test prometheus.test\n"), "{with}");
            let again = with_block(&with, "10.0.0.1", &NAMES).unwrap();
            assert!(again.contains("10.0.0.1 grafana.test") && !again.contains("192.168.49.2"), "{again}");
            assert_eq!(without_block(&again).unwrap(), before);
            assert_eq!(without_block(before).unwrap(), before, "there is none to take away");
        }
    }

    #[test]
    fn lines_behind_the_block_stay() {
        let text =
            format!("{}1.2.3.4 mine\n", with_block("127.0.0.1 localhost\n", "10.0.0.1", &NAMES).unwrap());
        assert_eq!(without_block(&text).unwrap(), "127.0.0.1 localhost\n1.2.3.4 mine\n");
    }

    #[test]
    fn marks_that_are_no_pair_are_refused() {
        for (text, said) in [
            (format!("{BEGIN}\n1.2.3.4 a\n"), "line 1 says `# BEGIN"),
            (format!("a\n{END}\n"), "line 2 says `# END"),
            (format!("{BEGIN}\n{BEGIN}\n{END}\n"), "lines 1 and 2 both say"),
        ] {
            let error = without_block(&text).unwrap_err();
            assert!(error.contains(said), "{error}");
            assert_eq!(with_block(&text, "1.2.3.4", &NAMES).unwrap_err(), error);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_file_was_it_is_that_again(before in "([ -~\\t]{0,20}\\r?\\n){0,8}[ -~]{0,10}") {
            prop_assume!(!before.contains("workshop-mb"));
            let with = with_block(&before, "10.0.0.1", &NAMES).unwrap();
            prop_assert_eq!(without_block(&with).unwrap(), before);
        }
    }
}
