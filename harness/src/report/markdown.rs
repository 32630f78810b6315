//! What a CI system shows of a call: Markdown, appended to the file that `$GITHUB_STEP_SUMMARY` names.

use super::{
    run_report::RunReport,
    summary::totals,
    words::{self, number},
};

/// A summary of a step may have a mebibyte; beyond it all of it is refused.
const ROOM: usize = 900 * 1024;

/// A table of runs with their verdicts, and one line that adds them up. Nothing for no runs.
pub fn markdown(reports: &[RunReport]) -> String {
    if reports.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "## harness\n\n{}\n\n| | variant | contract | verdict | attempted | lost | duplicated | |\n\
         |---|---|---|---|---:|---:|---:|---|\n",
        escaped(&totals(reports))
    );
    for (shown, report) in reports.iter().enumerate() {
        if out.len() > ROOM {
            out += &format!("\nThere is no room for {} more.\n", reports.len() - shown);
            break;
        }
        out += &row(report);
    }
    out + "\n"
}

fn row(report: &RunReport) -> String {
    let result = &report.result;
    let (sign, _) = words::sign(result.verdict, result.as_expected);
    let count = |name: &str| {
        let known = result.account.as_ref().and_then(|counts| counts.field(name));
        known.map_or_else(|| "–".to_owned(), number)
    };
    let repeat = if result.repeat == 0 { String::new() } else { format!(" (repeat {})", result.repeat) };
    let cells = [
        sign.to_owned(),
        escaped(&format!("{}{repeat}", report.variant.target)),
        result.contract.word().to_owned(),
        result.verdict.word().to_owned(),
        count("attempted"),
        count("lost"),
        count("duplicated"),
        escaped(&result.sentence),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// The text as Markdown shows it letter for letter: what a worker or a broker said is no markup, and no row's end.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            // A table's cell ends at a bar whatever stands before it in some readers.
            '|' => out += "&#124;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn each_run_has_a_row() {
        let reports = [samples::report(), samples::surprising(), samples::inconclusive()];
        assert_eq!(
            markdown(&reports),
            "## harness\n\n3 runs: 1 as expected (✓), 1 not as expected (✗), 1 inconclusive (?).\n\n\
             | | variant | contract | verdict | attempted | lost | duplicated | |\n\
             |---|---|---|---|---:|---:|---:|---|\n\
             | ✓ | 4/crash-before-ack | at-least-once | kept | 2,000 | 0 | 1 | kept: at-least-once held; nothing was \
             lost; 1 of 2,000 messages was applied more than once, as at-least-once allows |\n\
             | ✗ | 2/jetstream-subscriber-killed | at-least-once | broken | 5,000 | 995 | 0 | broken: at-least-once was \
             promised, but 995 of 5,000 messages were lost |\n\
             | ? | 2/jetstream-subscriber-killed | at-least-once | inconclusive | 5,000 | – | 0 | inconclusive: \
             consumer-0 ended by itself (exit code 101); and 1 more reason |\n\n"
        );
        assert_eq!(markdown(&[]), "");
    }

    #[test]
    fn what_a_worker_said_is_no_markup() {
        let mut report = samples::report();
        report.result.sentence = "<img src=x> a|b\n| `c` *d* [e](f) \\| & \u{1b}[31m".into();
        let row = row(&report);
        assert_eq!(row.lines().count(), 1, "{row}");
        assert_eq!(row.matches('|').count(), 9, "{row}");
        assert!(
            row.contains(
                "&lt;img src=x&gt; a&#124;b &#124; \\`c\\` \\*d\\* \\[e\\](f) \\\\&#124; &amp;  \\[31m"
            ),
            "{row}"
        );
    }

    #[test]
    fn it_has_an_end() {
        let mut report = samples::report();
        report.result.sentence = "x".repeat(10_000);
        let text = markdown(&vec![report; 300]);
        assert!(text.len() < 1024 * 1024 && text.contains("There is no room for 2"), "{}", text.len());
    }
}
