//! What the person sees of a run on standard output: a lab's header, then one block for each variant.

use std::fmt::Write;

use ledger::{Finding, Verdict};

use super::{
    bar,
    document::FaultRow,
    measured,
    page::{Page, Tone, clean, cut, width_of},
    run_report::{LabView, RunReport},
    table,
    words::{self, count_of, number, seconds},
};

/// How many ranges of ids a finding shows; `verdict.json` has them all.
const RANGES_SHOWN: usize = 8;

/// The lab's question, before anything runs.
pub fn header(lab: &LabView, page: &Page) -> String {
    let name = if lab.number == 0 { lab.name.clone() } else { format!("Lab {}", lab.number) };
    let about = || format!(" · about {}", count_of(u64::from(lab.minutes), "minute"));
    let minutes = if lab.minutes > 0 { about() } else { String::new() };
    let title = cut(&format!("{name} · {}{minutes}", lab.title), page.width);
    let mut out = format!("{}\n", page.paint(Tone::Strong, &title));
    out += &page.paragraph(2, &lab.question);
    if !lab.hint.is_empty() {
        out += &page.hanging(2, "hint: ", &lab.hint);
    }
    out
}

/// Everything about one run.
pub fn variant(report: &RunReport, page: &Page) -> String {
    let mut out = heading(report, page);
    if !report.variant.says.is_empty() {
        out += &page.paragraph(2, &report.variant.says);
    }
    out.push('\n');
    out += &verdict(report, page);
    out += &reasons(report, page);
    for log in &report.logs {
        out += &log_tail(&log.node, &log.lines, page);
    }
    out += &section(&bar::bars(report, page));
    out += &section(&table::account(report, page));
    out += &measured::measured(report, page);
    out += &findings(report, page);
    out += &time_line(&report.result.faults, page);
    out += &section(&closing(report, page));
    out
}

/// A rule with the variant's name, its contract and how long it took.
fn heading(report: &RunReport, page: &Page) -> String {
    let result = &report.result;
    let repeat = if result.repeat == 0 { String::new() } else { format!(" · repeat {}", result.repeat) };
    let left = format!("── {}{repeat} ", clean(&report.variant.target));
    let contract = result.contract.word();
    let right = match result.verdict {
        Verdict::NotRun => format!(" {contract}"),
        _ => format!(" {contract} · {:.1} s", result.seconds),
    };
    let rule = page.width.saturating_sub(width_of(&left) + width_of(&right)).max(2);
    format!("{}\n", page.paint(Tone::Strong, &format!("{left}{}{right}", "─".repeat(rule))))
}

/// The sentence with its sign, and whether this was expected.
fn verdict(report: &RunReport, page: &Page) -> String {
    let result = &report.result;
    let (sign, tone) = words::sign(result.verdict, result.as_expected);
    let text = page.hanging(2, &format!("{sign} "), &result.sentence);
    let mut out = painted(page, tone, &text);
    let expectation = match (result.verdict, result.as_expected) {
        (Verdict::Inconclusive | Verdict::NotRun, _) => return out,
        (_, None) => "Nothing was expected of this run: its settings are not the lab's.",
        (_, Some(true)) => "This is as expected.",
        (_, Some(false)) => "This is not as expected:",
    };
    out += &page.paragraph(4, expectation);
    for mismatch in &report.mismatches {
        let text = page.hanging(4, "✗ ", &mismatch.to_string());
        out += &painted(page, Tone::Bad, &text);
    }
    out
}

/// Why nothing can be said, or nothing was run. The first line of it stands in the sentence already, and so
/// does all of a broken contract.
fn reasons(report: &RunReport, page: &Page) -> String {
    if matches!(report.result.verdict, Verdict::Kept | Verdict::Broken) {
        return String::new();
    }
    let mut out = String::new();
    for (number, reason) in report.reasons.iter().enumerate() {
        let mut lines = reason.lines();
        let first = lines.next().unwrap_or_default();
        if number > 0 {
            out += &page.hanging(4, "- ", first);
        }
        lines.for_each(|line| out += &page.paragraph(if number > 0 { 6 } else { 4 }, line));
    }
    out
}

/// The last lines of a node that failed, each cut to the page.
fn log_tail(node: &str, lines: &[String], page: &Page) -> String {
    let mut out = format!("\n  The last lines of {}:\n", clean(node));
    for line in lines {
        let text = cut(line, page.width.saturating_sub(4));
        let _ = writeln!(out, "    {}", page.paint(Tone::Quiet, text.trim_end()));
    }
    out
}

fn findings(report: &RunReport, page: &Page) -> String {
    let findings = &report.result.findings;
    if findings.is_empty() {
        return String::new();
    }
    let mut out = format!("\n  {}\n", page.paint(Tone::Strong, "Findings"));
    for finding in findings {
        out += &page.hanging(4, &format!("{} ", clean(&finding.kind)), &ids(finding));
        out += &page.paragraph(6, &finding.cause);
    }
    let first = findings.iter().find_map(|finding| finding.ids.first());
    if let (Some(run), Some(first)) = (&report.result.run, first) {
        let command = format!("    harness explain {} {}-{}", clean(run), first.producer, first.from);
        let _ = writeln!(out, "{}", page.paint(Tone::Quiet, &command));
    }
    out
}

/// "3: 0-17 0-40..0-41", and how many ranges are left out.
fn ids(finding: &Finding) -> String {
    let mut text = format!("{}:", number(finding.count));
    for range in finding.ids.iter().take(RANGES_SHOWN) {
        let _ = write!(text, " {range}");
    }
    let left = finding.ids.len().saturating_sub(RANGES_SHOWN) as u64;
    if left > 0 {
        let _ = write!(text, " and {}", count_of(left, "more range"));
    }
    text
}

/// What was done to whom, and when it was over, in the order of time.
fn time_line(faults: &[FaultRow], page: &Page) -> String {
    let mut moments: Vec<(f64, bool, String)> = Vec::new();
    let mut never = Vec::new();
    for fault in faults {
        let whom = fault.resolved.as_deref().unwrap_or(&fault.target);
        match fault.fired_s {
            Some(fired) => moments.push((fired, false, fired_text(fault, whom))),
            None => never.push(format!("{} {whom} at {}: this did not happen", fault.fault, fault.at)),
        }
        if let Some(healed) = fault.healed_s {
            moments.push((
                healed,
                true,
                format!(
                    "{whom}: {} is healed, {} later",
                    fault.fault,
                    seconds(healed - fault.fired_s.unwrap_or(healed))
                ),
            ));
        }
    }
    if faults.is_empty() {
        return String::new();
    }
    // In the same millisecond faults come first: a server that is killed while it is paused is not resumed before.
    moments.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut out = format!("\n  {}\n", page.paint(Tone::Strong, "Faults"));
    for (at_s, _, text) in moments {
        out += &page.hanging(2, &format!("{:>11}  ", seconds(at_s)), &text);
    }
    for text in never {
        out += &page.hanging(2, &format!("{:>11}  ", "never"), &text);
    }
    out
}

fn fired_text(fault: &FaultRow, whom: &str) -> String {
    let seen = fault.evidence.as_deref().unwrap_or("nothing was seen of it");
    let proof = if fault.injected { seen.to_owned() } else { format!("not proven: {seen}") };
    let in_flight = count_of(fault.in_flight, "message");
    format!("{} {whom} at {} ({proof}; {in_flight} in flight)", fault.fault, fault.at)
}

/// The setting, the one thing to try next, and how to see it again.
fn closing(report: &RunReport, page: &Page) -> String {
    let mut out = String::new();
    if let Some(knob) = &report.variant.knob {
        out += &page.hanging(2, "the setting:  ", knob);
    }
    out += &page.hanging(2, "next:         ", &report.next_step());
    if let Some(run) = &report.result.run {
        out += &painted(page, Tone::Quiet, &page.hanging(2, "run folder:   ", run));
    }
    out
}

/// The same lines in a colour.
fn painted(page: &Page, tone: Tone, text: &str) -> String {
    text.lines().map(|line| format!("{}\n", page.paint(tone, line))).collect()
}

/// A block with an empty line before it; nothing for an empty one.
fn section(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n{text}") }
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
