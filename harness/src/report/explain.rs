//! The life of one message as a time line, with what was broken meanwhile.

use super::{
    page::{Page, Tone, clean, width_of},
    words::seconds,
};

/// Something that happened to the message.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When, in seconds since the run began.
    pub at_s: f64,
    /// Who wrote it down: "consumer-0".
    pub who: String,
    /// What: "delivered".
    pub what: String,
}

/// A time in which something was broken, or somebody was held.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// "broker killed".
    pub what: String,
    /// From when, in seconds since the run began.
    pub from_s: f64,
    /// Until when; none if it lasted to the end.
    pub to_s: Option<f64>,
}

/// One line of the time line.
enum Line<'a> {
    Begins(usize),
    Ends(usize),
    Happens(&'a Happening),
}

/// The life of the message `id`, in the order of time. `conclusion` is what the account makes of it.
///
/// While something is broken a bar stands at the left of the lines.
pub fn explain(
    id: &str,
    life: &[Happening],
    spans: &[Span],
    conclusion: Option<&str>,
    page: &Page,
) -> String {
    let mut out = format!("{}\n", page.paint(Tone::Strong, &format!("Message {}", clean(id))));
    if life.is_empty() {
        out += &page.paragraph(2, "Nothing in this run's journals speaks of it.");
    }
    let who_width = life.iter().map(|happening| width_of(&clean(&happening.who))).max().unwrap_or(0);
    let mut open = vec![false; spans.len()];
    for (at_s, line) in ordered(life, spans) {
        let (sign, text, tone) = match line {
            Line::Begins(number) => ("┌", spans[number].what.clone(), Tone::Unsure),
            Line::Ends(number) => ("└", format!("{}: over", spans[number].what), Tone::Unsure),
            Line::Happens(happening) => {
                (" ", format!("{:<who_width$}  {}", clean(&happening.who), happening.what), Tone::Normal)
            }
        };
        let bars = bars(&open, &line, sign);
        match line {
            Line::Begins(number) => open[number] = true,
            Line::Ends(number) => open[number] = false,
            Line::Happens(_) => {}
        }
        let label = format!("{bars} {:>10}  ", seconds(at_s));
        let set = if matches!(line, Line::Happens(_)) {
            kept(&label, &text)
        } else {
            page.hanging(2, &label, &text)
        };
        out += &set.lines().map(|line| format!("{}\n", page.paint(tone, line))).collect::<String>();
    }
    if let Some(conclusion) = conclusion {
        out += &page.paragraph(2, conclusion);
    }
    out
}

/// A line whose columns must not be broken: names and words of the account are short.
fn kept(label: &str, text: &str) -> String {
    format!("  {label}{}", clean(text)).trim_end().to_owned() + "\n"
}

/// One column for each span: a bar while it lasts, a corner where it begins and ends.
fn bars(open: &[bool], line: &Line<'_>, sign: &str) -> String {
    let this = match line {
        Line::Begins(number) | Line::Ends(number) => Some(*number),
        Line::Happens(_) => None,
    };
    let column = |(number, open): (usize, &bool)| match (this == Some(number), open) {
        (true, _) => sign.to_owned(),
        (false, true) => "│".to_owned(),
        (false, false) => " ".to_owned(),
    };
    open.iter().enumerate().map(column).collect()
}

/// Everything in the order of time; at the same time spans begin first and end last.
fn ordered<'a>(life: &'a [Happening], spans: &[Span]) -> Vec<(f64, Line<'a>)> {
    let mut lines: Vec<(f64, u8, Line<'a>)> =
        life.iter().map(|happening| (happening.at_s, 1, Line::Happens(happening))).collect();
    for (number, span) in spans.iter().enumerate() {
        lines.push((span.from_s, 0, Line::Begins(number)));
        lines.extend(span.to_s.map(|to_s| (to_s, 2, Line::Ends(number))));
    }
    lines.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    lines.into_iter().map(|(at_s, _, line)| (at_s, line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(at_s: f64, who: &str, what: &str) -> Happening {
        Happening { at_s, who: who.into(), what: what.into() }
    }

    const PAGE: Page = Page { width: 60, color: false };

    #[test]
    fn a_life_stands_between_what_was_broken() {
        let life = [
            happening(1.2, "consumer-0", "delivered"),
            happening(0.412, "producer-0", "attempted"),
            happening(1.4, "consumer-1", "delivered"),
        ];
        let spans = [
            Span { what: "consumer-0 killed".into(), from_s: 1.204, to_s: Some(1.391) },
            Span { what: "consumer-1 held at reading".into(), from_s: 1.3, to_s: None },
        ];
        assert_eq!(
            explain(
                "0-17",
                &life,
                &spans,
                Some("Delivered twice: consumer-0 was killed before its ack."),
                &PAGE
            ),
            "Message 0-17\n\
             \x20       0.412 s  producer-0  attempted\n\
             \x20       1.200 s  consumer-0  delivered\n\
             \x20 ┌     1.204 s  consumer-0 killed\n\
             \x20 │┌    1.300 s  consumer-1 held at reading\n\
             \x20 └│    1.391 s  consumer-0 killed: over\n\
             \x20  │    1.400 s  consumer-1  delivered\n\
             \x20 Delivered twice: consumer-0 was killed before its ack.\n"
        );
    }

    #[test]
    fn an_unknown_message_is_said_to_be_unknown() {
        assert_eq!(
            explain("9-9", &[], &[], None, &PAGE),
            "Message 9-9\n  Nothing in this run's journals speaks of it.\n"
        );
    }
}
