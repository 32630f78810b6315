//! What was measured in a run, besides its messages: points of which something was expected, and figures.

use super::{
    page::{Page, Tone, clean},
    run_report::RunReport,
    table,
    words::{self, number},
};

/// One figure or point: its name, its value as text, and whether it is as expected.
struct Row {
    /// The name without what tells the percentile.
    group: String,
    /// "p50 " where the figure is one of several percentiles; else nothing.
    which: String,
    value: String,
    expected: Option<(String, bool)>,
}

/// The section "Measured"; nothing where nothing was measured.
pub fn measured(report: &RunReport, page: &Page) -> String {
    let rows = rows(report);
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("\n  {}\n", page.paint(Tone::Strong, "Measured"));
    let mut groups: Vec<&str> = Vec::new();
    for row in &rows {
        if !groups.contains(&row.group.as_str()) {
            groups.push(&row.group);
        }
    }
    // Points as the lab names them; figures by name, not in the order in which workers happened to end.
    let points = groups.iter().take_while(|group| group.starts_with("point ")).count();
    groups[points..].sort_unstable();
    for group in groups {
        let of_group: Vec<_> = rows.iter().filter(|row| row.group == group).collect();
        let values: Vec<_> = of_group.iter().map(|row| shown(row)).collect();
        let line = page.paragraph(4, &clean(&format!("{group}: {}", values.join(", "))));
        let bad = of_group.iter().any(|row| matches!(row.expected, Some((_, false))));
        let tone = if bad { Tone::Bad } else { Tone::Normal };
        for line in line.lines() {
            out += &format!("{}\n", page.paint(tone, line));
        }
    }
    out
}

fn shown(row: &Row) -> String {
    let expected = row.expected.as_ref().map(|(bound, met)| {
        let sign = if *met { '✓' } else { '✗' };
        format!(" (expected {bound} {sign})")
    });
    format!("{}{}{}", row.which, row.value, expected.unwrap_or_default())
}

fn rows(report: &RunReport) -> Vec<Row> {
    let points = report.expected.keys().filter_map(|key| Some((key, key.strip_prefix("points.")?)));
    let mut rows: Vec<Row> = points
        .map(|(key, point)| Row {
            group: format!("point {point}"),
            which: String::new(),
            value: number(report.result.points.get(point).copied().unwrap_or(0)),
            expected: table::expectation(report, key),
        })
        .collect();
    rows.extend(report.result.figures.iter().map(|figure| {
        let (group, which) = percentile(&figure.name);
        Row {
            group: group.replace("_seconds", "").replace('_', " "),
            which,
            value: value(figure.value, &figure.unit),
            expected: table::expectation(report, &format!("figures.{}", figure.name)),
        }
    }));
    rows
}

/// "delivery_seconds_p99" is "p99 " of "delivery_seconds".
fn percentile(name: &str) -> (String, String) {
    match name.rsplit_once('_') {
        Some((group, which @ ("p50" | "p90" | "p99" | "min" | "max"))) => {
            (group.to_owned(), format!("{which} "))
        }
        _ => (name.to_owned(), String::new()),
    }
}

/// Short times in milliseconds: nobody reads "4.89e-4 s".
fn value(value: f64, unit: &str) -> String {
    match unit {
        "s" if value.abs() < 1.0 => format!("{:.2} ms", value * 1000.0),
        "s" => format!("{value:.2} s"),
        _ => format!("{} {unit}", words::measured(value)).trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{document::Figure, samples};

    #[test]
    fn the_percentiles_of_one_thing_stand_in_one_line() {
        let mut report = samples::report();
        let figure = |name: &str, value: f64| Figure { name: name.to_owned(), value, unit: "s".to_owned() };
        report.result.figures = vec![
            figure("consumer-0.delivery_seconds_p50", 0.000_489),
            figure("consumer-0.delivery_seconds_max", 1.0),
            figure("catch_up_seconds", 2.5),
        ];
        let text = measured(&report, &Page { width: 100, color: false });
        let expected =
            "\n  Measured\n    catch up: 2.50 s\n    consumer-0.delivery: p50 0.49 ms, max 1.00 s\n";
        assert_eq!(text, expected);
    }
}
