//! The account as two bars: what producers were told of their messages, and what became of these.

use ledger::Counts;

use super::{
    page::{Page, Tone, width_of},
    run_report::RunReport,
    words::number,
};

/// A wider bar tells no more.
const WIDEST: usize = 80;

/// One part of a bar: how many messages, what they are called, and how they are drawn.
struct Part {
    count: u64,
    name: &'static str,
    /// Parts differ without colours too.
    fill: char,
    tone: Tone,
}

/// Both bars with their legends; nothing where there is no account, or no message in it.
pub fn bars(report: &RunReport, page: &Page) -> String {
    let Some(counts) = report.result.account.as_ref().filter(|counts| counts.attempted > 0) else {
        return String::new();
    };
    bar("told    ", &told(counts), page) + &bar("became  ", &became(counts), page)
}

/// What their producers learned of the messages.
fn told(counts: &Counts) -> Vec<Part> {
    let part = |count, name, fill, tone| Part { count, name, fill, tone };
    vec![
        part(counts.acked, "acked", '█', Tone::Good),
        part(counts.unconfirmed, "unconfirmed", '▓', Tone::Unsure),
        part(counts.unknown, "unknown", '▒', Tone::Unsure),
        part(counts.rejected, "rejected", '░', Tone::Quiet),
    ]
}

/// What became of them. Where it is not known whether more would have come, those without an effect are not called lost.
fn became(counts: &Counts) -> Vec<Part> {
    let part = |count, name, fill, tone| Part { count, name, fill, tone };
    let lost = counts.lost.unwrap_or(0);
    let rest = counts.attempted.saturating_sub(counts.applied + lost);
    vec![
        part(counts.applied.saturating_sub(counts.duplicated), "applied once", '█', Tone::Good),
        part(counts.duplicated, "more than once", '▓', Tone::Unsure),
        part(lost, "lost", '░', Tone::Bad),
        part(rest, "without effect", '▁', Tone::Quiet),
    ]
}

/// A bar, and under it what its parts are.
fn bar(label: &str, parts: &[Part], page: &Page) -> String {
    let parts: Vec<_> = parts.iter().filter(|part| part.count > 0).collect();
    if parts.is_empty() {
        return String::new();
    }
    let before = format!("  {label}");
    let room = page.width.saturating_sub(width_of(&before)).min(WIDEST);
    let counts: Vec<_> = parts.iter().map(|part| part.count).collect();
    let cells = shared(&counts, room);
    let drawn: String = parts
        .iter()
        .zip(cells)
        .map(|(part, cells)| page.paint(part.tone, &part.fill.to_string().repeat(cells)))
        .collect();
    format!("{before}{drawn}\n{}", legend(&parts, width_of(&before), page))
}

/// "█ acked 1,990   ▒ unknown 10", broken between parts where the page is narrow.
fn legend(parts: &[&Part], indent: usize, page: &Page) -> String {
    const GAP: usize = 3;
    let (mut out, mut column) = (" ".repeat(indent), indent);
    for part in parts {
        let text = format!("{} {}", part.name, number(part.count));
        // The fill, a blank and the text.
        let width = 2 + width_of(&text);
        if column > indent && column + GAP + width > page.width {
            out += &format!("\n{}", " ".repeat(indent));
            column = indent;
        } else if column > indent {
            out += &" ".repeat(GAP);
            column += GAP;
        }
        out += &format!("{} {text}", page.paint(part.tone, &part.fill.to_string()));
        column += width;
    }
    out + "\n"
}

/// So many cells for each count, in proportion; at least one for each, for what happened once is the lesson. The
/// largest gives what the small ones take.
fn shared(counts: &[u64], room: usize) -> Vec<usize> {
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    let cells = |count: u64| usize::try_from(u128::from(count) * room as u128 / total.max(1)).unwrap_or(room);
    let mut shared: Vec<_> = counts.iter().map(|count| cells(*count).max(1)).collect();
    let used: usize = shared.iter().sum();
    if let Some(largest) = (0..counts.len()).max_by_key(|at| counts[*at]) {
        shared[largest] = (shared[largest] + room).saturating_sub(used).max(1);
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn page(width: usize) -> Page {
        Page { width, color: false }
    }

    #[test]
    fn what_happened_once_in_millions_is_seen_and_the_bar_is_full() {
        assert_eq!(shared(&[2_000], 40), [40]);
        assert_eq!(shared(&[1_000_000, 1], 40), [39, 1]);
        assert_eq!(shared(&[1, 1_000_000, 1, 1], 40), [1, 37, 1, 1]);
        assert_eq!(shared(&[1, 1, 1], 40).iter().sum::<usize>(), 40);
        assert_eq!(shared(&[u64::MAX, u64::MAX], 10), [5, 5]);
        assert_eq!(shared(&[], 10), [0_usize; 0]);
        assert_eq!(shared(&[5, 5, 5], 2), [1, 1, 1], "no room is no reason to leave one out");
    }

    #[test]
    fn parts_differ_without_colours() {
        assert_eq!(
            bars(&samples::surprising(), &page(40)),
            "  told    █████████████████████████████▒\n          █ acked 4,990   ▒ unknown 10\n  \
             became  ████████████████████████░░░░░▁\n          █ applied once 3,995\n          ░ lost 995\n          \
             ▁ without effect 10\n"
        );
    }

    #[test]
    fn what_is_not_known_is_not_called_lost() {
        let seen = bars(&samples::inconclusive(), &page(60));
        assert!(seen.contains("▁ without effect 5,000") && !seen.contains("lost"), "{seen}");
    }

    #[test]
    fn without_messages_there_is_no_bar() {
        let mut report = samples::report();
        report.result.account = Some(samples::counts(&[]));
        assert_eq!(bars(&report, &page(60)), "");
        report.result.account = None;
        assert_eq!(bars(&report, &page(60)), "");
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        for width in [40, 60, 80, 120, 200] {
            for report in [samples::report(), samples::surprising(), samples::inconclusive()] {
                for line in bars(&report, &page(width)).lines() {
                    assert!(width_of(line) <= width, "{width}: {line}");
                }
            }
        }
    }
}
