//! A run as a picture of a terminal, for README.md: made from a real run, in its colours.

use anstyle_svg::Term;

use super::{Trial, transcript::Block};
use crate::report::{page::Page, terminal};

/// The run that is shown: one message is lost, exactly one, and every party has acked it.
pub const TARGET: &str = "3/ack-before-effect";

/// Where the picture lies, from the project's folder.
pub const FILE: &str = "docs/run.svg";

/// As wide as the transcripts, so that both have the same words.
const PAGE: Page = Page { width: 80, color: true };

/// The picture of a run.
pub fn svg(trial: &Trial) -> String {
    let command = format!("$ harness run {}\n", trial.report.variant.target);
    Term::new().render_svg(&(command + &terminal::variant(&trial.report, &PAGE)))
}

/// The words in a picture, to be compared as a transcript is.
pub fn words(svg: &str) -> Block {
    let (_, body) = svg.split_once("<text").unwrap_or_default();
    let mut text = String::new();
    for piece in body.split('<') {
        // What stands before the first `>` is the tag.
        let (tag, words) = piece.split_once('>').unwrap_or_default();
        if tag == "/tspan" && words.contains('\n') {
            text.push('\n');
        }
        text += words;
    }
    let letters =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2F;", "/"), ("&amp;", "&")];
    let text = letters.iter().fold(text, |text, (coded, letter)| text.replace(coded, letter));
    Block::of(TARGET, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::{
        mask::{difference, masked},
        samples::trial,
        transcript,
    };
    use ledger::Verdict;

    #[test]
    fn the_picture_has_the_words_of_the_transcript_in_colours() {
        let mut trial = trial("03-y", "healed", 1, Verdict::Kept, &[("attempted", 2_000), ("lost", 1)]);
        trial.report.result.sentence = "a < b & \"c\" 'd' > /e".into();
        let svg = svg(&trial);
        assert!(svg.starts_with("<svg ") && svg.contains("fg-green") && !svg.contains('\u{1b}'), "{svg}");
        let (seen, wanted) = (masked(&words(&svg).text), masked(&transcript::of(&trial)));
        assert_eq!(difference(&seen, &wanted), None, "{svg}");
    }
}
