//! What a browser shows: the report of a finished run, and the page that follows a run while it goes on.
//!
//! Each is one file with everything in it: a page of ours asks for nothing from outside.

pub mod cells;
pub mod happenings;
pub mod live;
pub mod palette;
pub mod report;
pub mod stretches;

mod policy;

use crate::report::page::Tone;

/// What both pages look like; the colours come from [`palette`].
const STYLE: &str = include_str!("style.css");

/// Draws the map of all messages, in both pages.
const MAP_SCRIPT: &str = include_str!("map.js");

/// A kind of message, as the pages' scripts know it.
#[derive(serde::Serialize)]
struct Kind {
    word: &'static str,
    means: &'static str,
    odd: bool,
    mark: &'static str,
}

/// All kinds, in the order of their letters.
fn kinds() -> Vec<Kind> {
    let kind = |cell: &cells::Cell| Kind {
        word: cell.word(),
        means: cell.means(),
        odd: cell.is_odd(),
        mark: cell.mark(),
    };
    cells::Cell::ALL.iter().map(kind).collect()
}

/// The class of a tone in the style sheet.
const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Unsure => "unsure",
        Tone::Quiet => "quiet",
        Tone::Strong | Tone::Normal => "",
    }
}

/// A value as it may stand in a script element: nothing in it can end the element.
fn json_in_html(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).expect("our own types have only texts as keys");
    text.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    #[test]
    fn data_cannot_end_its_script_element() {
        let text = super::json_in_html(&["</script><b>", "<!--"]);
        assert_eq!(text, r#"["\u003c/script>\u003cb>","\u003c!--"]"#);
        let back: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, ["</script><b>", "<!--"]);
    }
}
