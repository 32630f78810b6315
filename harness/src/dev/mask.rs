//! What two runs of the same version have in common: their text without numbers, times, ids and the way it is set.

/// Lines and bars of tables and rules.
fn is_drawn(letter: char) -> bool {
    matches!(letter, '\u{2500}'..='\u{259f}')
}

/// The words of a text, each number of it a `#`, each list of ids one `#-#`. Where lines break is left out, for it
/// depends on the numbers, and so is whether a word is singular or plural, and the unit of a time.
pub fn masked(text: &str) -> Vec<String> {
    let text: String = text.chars().map(|letter| if is_drawn(letter) { ' ' } else { letter }).collect();
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = without_numbers(word);
        let after_number = words.last().is_some_and(|last| last.trim_start_matches('(') == "#");
        let word = match word.as_str() {
            "were" => "was".to_owned(),
            _ if after_number => singular(&word),
            _ => word,
        };
        let is_id = |word: &str| matches!(word, "#-#" | "#-#..#-#");
        if is_id(&word) {
            if words.last().is_none_or(|last| last != "#-#") {
                words.push("#-#".to_owned());
            }
        } else {
            words.push(word);
            let end = words.len().saturating_sub(4);
            // "0-17 0-19 and 3 more ranges"
            let more = matches!(&words[end..], [and, number, more, range]
                if and == "and" && number == "#" && more == "more" && range.starts_with("range"));
            if more && end > 0 && words[end - 1] == "#-#" {
                words.truncate(end);
            }
        }
    }
    words
}

/// "2,000" is "#", and so is "1.20e-5"; "0-17..0-40" is "#-#..#-#".
fn without_numbers(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
    let (mut out, mut at) = (String::new(), 0);
    while at < letters.len() {
        if !digit(at) {
            out.push(letters[at]);
            at += 1;
            continue;
        }
        out.push('#');
        while digit(at) {
            at += 1;
            if matches!(letters.get(at), Some(',' | '.')) && digit(at + 1) {
                at += 1;
            } else if letters.get(at) == Some(&'e') && letters.get(at + 1) == Some(&'-') && digit(at + 2) {
                at += 2;
            }
        }
    }
    out
}

/// "messages," is "message,", and every unit of time is "s".
fn singular(word: &str) -> String {
    let bare = word.trim_end_matches(|letter: char| letter.is_ascii_punctuation());
    let rest = &word[bare.len()..];
    let bare = match bare {
        "ms" | "µs" | "s" => "s",
        _ => bare.strip_suffix('s').unwrap_or(bare),
    };
    format!("{bare}{rest}")
}

/// Where two masked texts part: some words of each from there. `None` if they are the same.
pub fn difference(one: &[String], other: &[String]) -> Option<(String, String)> {
    const SHOWN: usize = 8;
    if one == other {
        return None;
    }
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let from = same.saturating_sub(2);
    let some = |words: &[String]| {
        let end = words.len().min(from + SHOWN);
        words.get(from..end).unwrap_or_default().join(" ")
    };
    Some((some(one), some(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(one: &str, other: &str) {
        assert_eq!(difference(&masked(one), &masked(other)), None);
    }

    #[test]
    fn two_runs_of_one_version_are_the_same() {
        same("2 of 2,000 messages were lost", "1 of 2,000 messages was lost");
        same(
            "consumer-1 at in-hand #63 (1 message in flight)",
            "consumer-0 at in-hand #411 (12 messages in flight)",
        );
        same("p50 0.66 ms, max 3.80 ms", "p50 1.02 s, max 3.80 s");
        same("lost 3: 0-17 0-19..0-21 and 3 more ranges\n  so", "lost 1: 0-5 so");
        same("│ lost │    2 │", "│ lost │   12,345 │");
        same("── 2/x ───── 0.4 s", "── 2/x ── 11.2 s");
        same("runs/02-x/slow/20261121T082434Z-7", "runs/02-x/slow/20261121T182434Z-7.1");
        same("1.20e-5", "0.002");
    }

    #[test]
    fn a_word_more_or_less_is_seen_and_where() {
        let seen =
            difference(&masked("the setting: no ack\nnext: harness run 3"), &masked("the setting: none"));
        assert_eq!(
            seen,
            Some(("the setting: no ack next: harness run #".into(), "the setting: none".into()))
        );
        assert!(difference(&masked("kept: 3"), &masked("kept: 3 ✓")).is_some());
        assert!(difference(&masked("3 lost"), &masked("3 duplicated")).is_some());
        assert!(difference(&masked("expected 0 ✗"), &masked("expected 0 ✓")).is_some());
    }
}
