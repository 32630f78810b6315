//! The sheet that texts are set on: its width, its colours, and how words break.

/// The widest that a text gets, however wide the terminal is: longer lines are hard to read.
const WIDEST: usize = 100;

/// Narrower than this nothing is set well, so nothing tries.
const NARROWEST: usize = 40;

/// How wide the text may be, and whether it has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// In columns.
    pub width: usize,
    /// Colours only repeat what the words say.
    pub color: bool,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Worth a look; nobody can say, or it is allowed.
    Unsure,
    /// Less important than the rest.
    Quiet,
    /// A heading.
    Strong,
    /// Nothing special.
    Normal,
}

impl Page {
    /// A page for a terminal of so many columns; without a terminal the widest.
    pub fn new(columns: Option<u16>, color: bool) -> Self {
        let width = columns.map_or(WIDEST, |columns| usize::from(columns).clamp(NARROWEST, WIDEST));
        Self { width, color }
    }

    /// Whether colours are wanted: on a terminal, unless the variable `NO_COLOR` is set and not empty.
    pub fn wants_color(is_terminal: bool, no_color: Option<&str>) -> bool {
        is_terminal && no_color.is_none_or(str::is_empty)
    }

    /// The text in its colour.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Unsure => "33",
            Tone::Quiet => "2",
            Tone::Strong => "1",
            Tone::Normal => return text.to_owned(),
        };
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A paragraph, broken between words, every line indented by so many columns.
    pub fn paragraph(&self, indent: usize, text: &str) -> String {
        self.hanging(indent, "", text)
    }

    /// A paragraph with a label before its first line; the other lines stand under the text.
    ///
    /// A word that is longer than a line, such as a path, stays whole, so that it can be copied.
    pub fn hanging(&self, indent: usize, label: &str, text: &str) -> String {
        let label_width = width_of(label);
        let room = self.width.saturating_sub(indent + label_width).max(NARROWEST / 2);
        let mut out = String::new();
        for (number, line) in broken(&clean(text), room).iter().enumerate() {
            let before = if number == 0 { label.to_owned() } else { " ".repeat(label_width) };
            out.push_str(format!("{}{before}{line}", " ".repeat(indent)).trim_end());
            out.push('\n');
        }
        out
    }
}

/// Breaks a text between words into lines of at most `room` columns, where words allow it. Never empty.
fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits =
            lines.last().is_none_or(|line| line.is_empty() || width_of(line) + 1 + width_of(word) <= room);
        if !fits {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// How many columns a text takes. Every character counts as one: the texts are English.
pub fn width_of(text: &str) -> usize {
    text.chars().count()
}

/// The text cut to at most `room` columns, with a sign that something is missing.
pub fn cut(text: &str, room: usize) -> String {
    let text = clean(text);
    if width_of(&text) <= room {
        return text;
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The text without what could steer a terminal: workers and brokers say what they like.
pub fn clean(text: &str) -> String {
    let steers =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() || steers(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_stays_readable() {
        assert_eq!(Page::new(Some(200), false).width, 100);
        assert_eq!(Page::new(Some(72), false).width, 72);
        assert_eq!(Page::new(Some(5), false).width, 40);
        assert_eq!(Page::new(None, false).width, 100);
    }

    #[test]
    fn no_color_wins_and_without_a_terminal_there_is_none() {
        assert!(Page::wants_color(true, None));
        assert!(Page::wants_color(true, Some("")));
        assert!(!Page::wants_color(true, Some("1")));
        assert!(!Page::wants_color(false, None));
        assert_eq!(Page::new(None, false).paint(Tone::Bad, "lost"), "lost");
        assert_eq!(Page::new(None, true).paint(Tone::Bad, "lost"), "\x1b[1;31mlost\x1b[0m");
    }

    #[test]
    fn words_break_under_their_label_and_long_ones_stay_whole() {
        let page = Page { width: 40, color: false };
        let text = "one two three four five six seven a/very/long/path/that/is/longer/than/the/line end";
        assert_eq!(
            page.hanging(2, "next: ", text),
            "  next: one two three four five six\n        seven\n        \
             a/very/long/path/that/is/longer/than/the/line\n        end\n"
        );
        assert_eq!(page.paragraph(2, ""), "\n");
    }

    #[test]
    fn what_could_steer_a_terminal_is_taken_out() {
        assert_eq!(clean("a\x1b[31mb\nc\u{202e}d"), "a\u{fffd}[31mb c\u{fffd}d");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
