use super::*;
use crate::report::{samples, summary};

fn page(width: usize) -> Page {
    Page { width, color: false }
}

#[test]
fn the_header_asks_the_question() {
    assert_eq!(
        header(&samples::lab(), &page(60)),
        "Lab 2 · Fire and forget\n  What if we just send it?\n  hint: Who knows that a message did not arrive?\n"
    );
}

#[test]
fn a_run_as_expected_at_100_columns() {
    let seen = variant(&samples::report(), &page(100));
    assert_eq!(seen, include_str!("expected/crash-before-ack.100.txt"), "\n{seen}");
}

#[test]
fn a_run_as_expected_at_60_columns() {
    let seen = variant(&samples::report(), &page(60));
    assert_eq!(seen, include_str!("expected/crash-before-ack.60.txt"), "\n{seen}");
}

#[test]
fn a_run_as_expected_at_80_columns() {
    let seen = variant(&samples::report(), &page(80));
    assert_eq!(seen, include_str!("expected/crash-before-ack.80.txt"), "\n{seen}");
}

#[test]
fn a_wider_terminal_gets_the_lines_that_can_be_read() {
    for columns in [120, 200] {
        let seen = variant(&samples::report(), &Page::new(Some(columns), false));
        assert_eq!(seen, include_str!("expected/crash-before-ack.100.txt"), "\n{seen}");
    }
}

#[test]
fn long_ids_and_causes_are_broken_between_words() {
    let mut report = samples::surprising();
    let cause = "acked 12.304 s by a server whose name is long, broker killed 12.310 s, ".repeat(3);
    let range = ledger::IdRange { producer: 65_535, from: 4_294_967_000, to: 4_294_967_295 };
    let finding = &mut report.result.findings[0];
    (finding.cause, finding.ids) = (cause, vec![range; 9]);
    let seen = variant(&report, &page(60));
    assert_eq!(seen.matches("65535-4294967000..65535-4294967295").count(), 8, "{seen}");
    assert!(seen.contains("and 1 more range\n"), "{seen}");
    for line in seen.lines().filter(|line| !line.contains("harness explain") && !line.contains("run folder"))
    {
        assert!(width_of(line) <= 60, "{line}\n{seen}");
    }
}

#[test]
fn a_run_not_as_expected_at_80_columns() {
    let seen = variant(&samples::surprising(), &page(80));
    assert_eq!(seen, include_str!("expected/surprising.80.txt"), "\n{seen}");
}

#[test]
fn what_cannot_be_told_shows_the_reasons_the_log_and_no_guess() {
    let seen = variant(&samples::inconclusive(), &page(80));
    assert_eq!(seen, include_str!("expected/inconclusive.80.txt"), "\n{seen}");
}

#[test]
fn a_variant_that_was_not_run_says_what_to_do() {
    let mut report = samples::report();
    report.result = samples::not_run();
    report.reasons = vec!["there is no nats-server\n  to mend it: harness doctor --install".into()];
    report.variant.target = "2/subscriber-killed".into();
    let seen = variant(&report, &page(60));
    assert_eq!(
        seen,
        "── 2/subscriber-killed ──────────────────────── at-most-once\n  \
         The consumer applies the effect, then acks.\n\n  \
         - not run: there is no nats-server\n    \
         to mend it: harness doctor --install\n\n  \
         the setting:  The order of effect and ack in consumer.rs.\n  \
         next:         harness doctor, which says what is missing\n"
    );
}

#[test]
fn no_line_is_wider_than_the_page_unless_it_is_to_be_copied() {
    for width in [60, 80, 100, 120, 200] {
        let reports = [samples::report(), samples::surprising()];
        let mut text = summary::summary(&reports, &page(width));
        reports.iter().for_each(|report| text += &variant(report, &page(width)));
        for line in text.lines() {
            let long_word = line.split_whitespace().any(|word| width_of(word) > width - 20);
            let command = line.trim_start().starts_with("harness explain ");
            assert!(
                width_of(line) <= width || long_word || command,
                "{width}: {} columns:\n{line}",
                width_of(line)
            );
            assert_eq!(line, line.trim_end(), "no line ends in blanks");
        }
    }
}

#[test]
fn colours_only_repeat_what_the_words_say() {
    let plain = variant(&samples::surprising(), &page(80));
    let colored = variant(&samples::surprising(), &Page { width: 80, color: true });
    assert!(colored.contains("\x1b[1;31m"), "a surprise is red");
    assert!(!plain.contains('\x1b'));
    assert_eq!(without_color(&colored), plain);
}

fn without_color(text: &str) -> String {
    let mut pieces = text.split('\x1b');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |out, piece| out + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}

#[test]
fn long_lists_of_ids_are_cut() {
    let mut report = samples::report();
    let range = report.result.findings[0].ids[0];
    report.result.findings[0].ids = vec![range; 20];
    let seen = variant(&report, &page(100));
    assert!(seen.contains("0-499 and 12 more ranges\n"), "{seen}");
}
