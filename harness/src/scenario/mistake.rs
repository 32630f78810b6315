//! What is wrong in a lab file, and how a person is told: where, what, what was expected.

use std::{cell::RefCell, fmt, ops::Range};

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, in bytes from the start of the file.
    pub place: Range<usize>,
    /// What is there, or what is missing.
    pub what: String,
    /// What would be right; may be empty where `what` says it.
    pub expected: String,
    /// The right word that is nearest to the one found.
    pub nearest: Option<String>,
}

/// All that is wrong in one file. Displays with line, column and the lines concerned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes {
    /// The file's name, as a person would type it.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// At least one, in the order of the file.
    pub list: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            self.show(mistake, f)?;
        }
        if self.list.len() > 1 {
            write!(f, "\n\n{} mistakes in {}", self.list.len(), self.file)?;
        }
        Ok(())
    }
}

impl Mistakes {
    fn show(&self, mistake: &Mistake, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = floor(&self.text, mistake.place.start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let (number, column) =
            (before.matches('\n').count() + 1, self.text[line_start..start].chars().count() + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let end = floor(&self.text, mistake.place.end)
            .clamp(start, line_start + line.len().max(start - line_start));
        let marks = self.text[start..end].trim_end().chars().count().max(1);
        // Tabs stay tabs, so that the marks stand under what they mark.
        let pad: String = self.text[line_start..start]
            .chars()
            .map(|letter| if letter == '\t' { '\t' } else { ' ' })
            .collect();
        let gutter = " ".repeat(number.to_string().len());
        writeln!(f, "{}:{number}:{column}: {}", self.file, mistake.what)?;
        writeln!(f, "  {number} | {line}")?;
        write!(f, "  {gutter} | {pad}{}", "^".repeat(marks))?;
        match (&mistake.nearest, mistake.expected.as_str()) {
            (None, "") => Ok(()),
            (None, expected) => write!(f, "\n  expected {expected}"),
            (Some(nearest), "") => write!(f, "\n  did you mean `{nearest}`?"),
            (Some(nearest), expected) => write!(f, "\n  did you mean `{nearest}`? expected {expected}"),
        }
    }
}

/// The start of the letter that byte `at` is part of.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Where mistakes are gathered while a file is read, so that all of them are told at once.
#[derive(Debug, Default)]
pub struct Notes(RefCell<Vec<Mistake>>);

impl Notes {
    /// Notes one, without a word to suggest.
    pub fn wrong(&self, place: &Range<usize>, what: impl Into<String>, expected: impl Into<String>) {
        self.add(Mistake {
            place: place.clone(),
            what: what.into(),
            expected: expected.into(),
            nearest: None,
        });
    }

    /// Notes a word that is none of `words`.
    pub fn unknown<'a>(
        &self,
        place: &Range<usize>,
        what: impl Into<String>,
        word: &str,
        words: impl IntoIterator<Item = &'a str>,
    ) {
        let words: Vec<_> = words.into_iter().collect();
        self.add(Mistake {
            place: place.clone(),
            what: what.into(),
            expected: one_of(&words),
            nearest: nearest(word, words.iter().copied()),
        });
    }

    /// Notes one.
    pub fn add(&self, mistake: Mistake) {
        self.0.borrow_mut().push(mistake);
    }

    /// All of them, in the order of the file.
    pub fn into_list(self) -> Vec<Mistake> {
        let mut list = self.0.into_inner();
        list.sort_by_key(|mistake| (mistake.place.start, mistake.place.end));
        list.dedup();
        list
    }
}

/// `a`, `a or b`, `one of a, b, c`.
pub fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => (*word).to_owned(),
        [first, second] => format!("{first} or {second}"),
        _ => format!("one of {}", words.join(", ")),
    }
}

/// The one of `words` that was probably meant by `word`; `None` if all are too far from it.
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let far = |other: &str| {
        if other.len() > word.len() && word.len() >= 3 && other.starts_with(word) {
            return 1;
        }
        strsim::damerau_levenshtein(word, other)
    };
    let best = words.into_iter().map(|other| (far(other), other)).min()?;
    let longest = best.1.chars().count().max(word.chars().count());
    (best.0 * 2 <= longest).then(|| best.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["subscriber-killed", "broker-killed", "nobody-listens"];
        assert_eq!(nearest("subscriber-kiled", words).as_deref(), Some("subscriber-killed"));
        assert_eq!(nearest("nobody", words).as_deref(), Some("nobody-listens"));
        assert_eq!(nearest("xyz", words), None);
        assert_eq!(nearest("xyz", []), None);
    }

    #[test]
    fn several_mistakes_are_told_at_once_each_with_its_line() {
        let text = "a = 1\n\tbee = \"ü\" # so\nc".to_owned();
        let notes = Notes::default();
        notes.unknown(&(7..10), "unknown key `bee`", "bee", ["be", "see"]);
        notes.wrong(&(0..1), "`a` is 1", "a text");
        notes.wrong(&(23..99), "something is missing", "");
        let mistakes = Mistakes { file: "lab.toml".to_owned(), text, list: notes.into_list() };
        let shown = "\
lab.toml:1:1: `a` is 1
  1 | a = 1
    | ^
  expected a text

lab.toml:2:2: unknown key `bee`
  2 | \tbee = \"ü\" # so
    | \t^^^
  did you mean `be`? expected be or see

lab.toml:3:1: something is missing
  3 | c
    | ^

3 mistakes in lab.toml";
        assert_eq!(mistakes.to_string(), shown);
    }

    #[test]
    fn a_place_within_a_letter_does_no_harm() {
        let notes = Notes::default();
        notes.wrong(&(1..2), "odd", "");
        let mistakes = Mistakes { file: "f".to_owned(), text: "ü".to_owned(), list: notes.into_list() };
        assert_eq!(mistakes.to_string(), "f:1:1: odd\n  1 | ü\n    | ^");
    }
}
