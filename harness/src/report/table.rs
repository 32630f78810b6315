//! The account as a table: what was counted, what was expected of it, and what the word means.

use ledger::Counts;
use tabled::{
    Table,
    builder::Builder,
    settings::{
        Alignment, Style, Width,
        object::{Columns, Rows},
        peaker::Priority,
    },
};

use super::{
    page::{Page, Tone, clean},
    run_report::RunReport,
    words,
};

/// Each count with its meaning, in the order in which a message lives.
const MEANINGS: [(&str, &str); 25] = [
    ("attempted", "noted before the send"),
    ("acked", "the broker confirmed it"),
    ("rejected", "certainly not taken"),
    ("unknown", "the producer never learned what became of it"),
    ("unconfirmed", "the client said ok, the protocol has no ack"),
    ("resolved", "unknown, settled later by asking the broker"),
    ("deduplicated", "the broker answered: I have it already"),
    ("stored", "in the broker's own store"),
    ("stored_again", "more than once in the broker's store"),
    ("delivered", "handed to a consumer"),
    ("redelivered", "handed over more than once"),
    ("settled", "the broker confirmed the consumer's ack"),
    ("redelivered_after_settled", "came again after that"),
    ("calls", "requests at the receiver that knows a key"),
    ("applied", "its effect is visible at the sink"),
    ("duplicated", "its effect is there more than once"),
    ("surplus", "effects beyond the first"),
    ("lost", "acked or unconfirmed, and no effect"),
    ("lost_acked", "acked, and no effect"),
    ("lost_unconfirmed", "unconfirmed, and no effect"),
    ("recovered", "unknown to the producer, and applied"),
    ("phantom", "seen, though nobody attempted it"),
    ("resurrected", "rejected, and yet seen"),
    ("reordered", "came after a later one of its producer"),
    ("crossed", "carries another run's tag"),
];

/// Shown even when they are 0.
const ALWAYS: [&str; 5] = ["attempted", "delivered", "applied", "duplicated", "lost"];

/// Left out unless something was expected of them: other rows say the same.
const DETAILS: [&str; 4] = ["surplus", "lost_acked", "lost_unconfirmed", "settled"];

/// Narrower than this a column of sentences cannot be read.
const ROOM_FOR_MEANING: usize = 26;

/// One row.
pub struct Row {
    /// The count.
    pub name: String,
    /// How many, as text.
    pub value: String,
    /// Whether it is as it should be.
    pub tone: Tone,
    /// What was expected of it, and whether it came out so.
    pub expected: Option<(String, bool)>,
    /// What the word means.
    pub meaning: String,
}

/// The table of a run's account, each line indented by two columns. Empty where there is no account.
pub fn account(report: &RunReport, page: &Page) -> String {
    let rows = rows(report);
    if rows.is_empty() { String::new() } else { set(&rows, page) }
}

/// The rows of a run's account that tell something. None where there is no account.
pub fn rows(report: &RunReport) -> Vec<Row> {
    let Some(counts) = &report.result.account else { return Vec::new() };
    let mut rows: Vec<Row> =
        MEANINGS.iter().filter_map(|(name, meaning)| count_row(report, counts, name, meaning)).collect();
    rows.extend(counts.sum.as_ref().map(|sum| Row {
        name: "sum".to_owned(),
        value: words::signed(sum.observed),
        tone: if sum.expected == sum.observed { Tone::Normal } else { Tone::Bad },
        expected: Some((words::signed(sum.expected), sum.expected == sum.observed)),
        meaning: "all effects added up".to_owned(),
    }));
    rows
}

fn count_row(report: &RunReport, counts: &Counts, name: &str, meaning: &str) -> Option<Row> {
    let value = counts.field(name);
    let expected = expectation(report, name);
    let is_defect = report.result.defect.as_deref() == Some(name);
    let tells = value.is_some_and(|count| count > 0) && !DETAILS.contains(&name);
    if !(tells || ALWAYS.contains(&name) || expected.is_some() || is_defect) {
        return None;
    }
    let meaning = match (name, value) {
        ("lost", None) => "not known: more messages might have come",
        _ => meaning,
    };
    Some(Row {
        name: name.to_owned(),
        value: value.map_or_else(|| "–".to_owned(), words::number),
        tone: tone(report, name, value),
        expected,
        meaning: meaning.to_owned(),
    })
}

/// What was expected of a count, and whether it came out so.
pub fn expectation(report: &RunReport, name: &str) -> Option<(String, bool)> {
    let expected = report.expected.get(name)?;
    Some((clean(expected), !report.mismatches.iter().any(|mismatch| mismatch.name == name)))
}

/// A surprise is bad; a loss or a duplicate that was to be expected, or is allowed, is worth a look.
fn tone(report: &RunReport, name: &str, value: Option<u64>) -> Tone {
    const WORTH_A_LOOK: [&str; 9] = [
        "lost",
        "duplicated",
        "unknown",
        "stored_again",
        "reordered",
        "phantom",
        "resurrected",
        "crossed",
        "redelivered_after_settled",
    ];
    if report.mismatches.iter().any(|mismatch| mismatch.name == name) {
        return Tone::Bad;
    }
    match value {
        Some(0) => Tone::Normal,
        _ if WORTH_A_LOOK.contains(&name) => Tone::Unsure,
        _ => Tone::Normal,
    }
}

/// With meanings where there is room for them.
fn set(rows: &[Row], page: &Page) -> String {
    let bare = built(rows, false, page).total_width();
    let mut table = built(rows, page.width.saturating_sub(2 + bare) > ROOM_FOR_MEANING, page);
    table.with(Width::wrap(page.width.saturating_sub(2)).keep_words(true).priority(Priority::right()));
    indented(&table)
}

fn built(rows: &[Row], with_meaning: bool, page: &Page) -> Table {
    let with_expected = rows.iter().any(|row| row.expected.is_some());
    let mut builder = Builder::default();
    let mut head = vec!["account", "messages"];
    head.extend(with_expected.then_some("expected"));
    head.extend(with_meaning.then_some("what it means"));
    builder.push_record(head);
    for row in rows {
        let mut record = vec![page.paint(row.tone, &row.name), page.paint(row.tone, &row.value)];
        if with_expected {
            record.push(match &row.expected {
                None => String::new(),
                Some((bound, true)) => page.paint(Tone::Good, &format!("{bound} ✓")),
                Some((bound, false)) => page.paint(Tone::Bad, &format!("{bound} ✗")),
            });
        }
        record.extend(with_meaning.then(|| page.paint(Tone::Quiet, &row.meaning)));
        builder.push_record(record);
    }
    styled(builder, if with_expected { &[1, 2] } else { &[1] })
}

/// A table whose first row is its head, and with these columns set to the right.
pub fn styled(builder: Builder, right: &[usize]) -> Table {
    let mut table = builder.build();
    table.with(Style::rounded());
    for column in right {
        table.modify(Columns::one(*column), Alignment::right());
    }
    table.modify(Rows::first(), Alignment::left());
    table
}

/// The table's lines, indented by two columns.
pub fn indented(table: &Table) -> String {
    table.to_string().lines().map(|line| format!("  {line}\n")).collect()
}
