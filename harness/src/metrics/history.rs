//! The metrics of one run over its time, as OpenMetrics text: what `metrics.om` in the run folder holds. A Prometheus that
//! was not there can be filled from it afterwards.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use prometheus::proto::{Metric, MetricFamily, MetricType};

/// How many moments are kept: a run of twenty minutes, second by second. Of a longer one every second moment is dropped, and
/// from then on they lie twice as far apart; and so on.
const MOST: usize = 1_200;

/// Samples of all metrics, by family and labels.
#[derive(Debug, Default)]
pub struct History {
    families: BTreeMap<String, Family>,
    /// The moments, in milliseconds since 1970.
    moments: Vec<i64>,
    /// How many times half of the moments were dropped.
    halved: u32,
}

#[derive(Debug)]
struct Family {
    kind: MetricType,
    help: String,
    /// By the labels as text.
    metrics: BTreeMap<String, Vec<(i64, Value)>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    One(f64),
    Histogram { below: Vec<(f64, u64)>, count: u64, sum: f64 },
}

impl History {
    /// How many seconds should lie between two moments.
    pub fn spacing(&self) -> u64 {
        1 << self.halved.min(20)
    }

    /// Takes the metrics as they are at `now_ms`. A clock that was set back is taken to stand still for a moment.
    pub fn take(&mut self, now_ms: i64, families: &[MetricFamily]) {
        let after_last = self.moments.last().map_or(i64::MIN, |last| last + 1);
        let now_ms = now_ms.max(after_last);
        self.moments.push(now_ms);
        for family in families {
            let kept = self.families.entry(family.name().to_owned()).or_insert_with(|| Family {
                kind: family.get_field_type(),
                help: family.help().to_owned(),
                metrics: BTreeMap::new(),
            });
            for metric in family.get_metric() {
                let value = value(family.get_field_type(), metric);
                kept.metrics.entry(labels(metric)).or_default().push((now_ms, value));
            }
        }
        if self.moments.len() >= MOST {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.halved += 1;
        let kept: Vec<i64> = self.moments.iter().copied().step_by(2).collect();
        for samples in self.families.values_mut().flat_map(|family| family.metrics.values_mut()) {
            samples.retain(|(at, _)| kept.binary_search(at).is_ok());
        }
        self.moments = kept;
    }

    /// All of it, to the closing mark.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &self.families {
            // Writing into a text does not fail.
            let _ = write_family(&mut text, name, family);
        }
        text + "# EOF\n"
    }
}

fn write_family(text: &mut String, name: &str, family: &Family) -> fmt::Result {
    let (base, kind) = match family.kind {
        MetricType::COUNTER => (name.strip_suffix("_total").unwrap_or(name), "counter"),
        MetricType::HISTOGRAM => (name, "histogram"),
        _ => match name.strip_suffix("_info") {
            Some(base) => (base, "info"),
            None => (name, "gauge"),
        },
    };
    writeln!(text, "# TYPE {base} {kind}\n# HELP {base} {}", escaped(&family.help))?;
    for (labels, samples) in &family.metrics {
        for (at, value) in samples {
            let at = format!("{}.{:03}", at.div_euclid(1000), at.rem_euclid(1000));
            match value {
                Value::One(value) => writeln!(text, "{name}{{{labels}}} {value} {at}")?,
                Value::Histogram { below, count, sum } => {
                    for (bound, count) in below {
                        writeln!(text, "{name}_bucket{{{labels},le=\"{bound:?}\"}} {count} {at}")?;
                    }
                    writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {count} {at}")?;
                    writeln!(
                        text,
                        "{name}_sum{{{labels}}} {sum} {at}\n{name}_count{{{labels}}} {count} {at}"
                    )?;
                }
            }
        }
    }
    Ok(())
}

fn value(kind: MetricType, metric: &Metric) -> Value {
    match kind {
        MetricType::COUNTER => Value::One(metric.get_counter().get_value()),
        MetricType::HISTOGRAM => {
            let histogram = metric.get_histogram();
            let below =
                histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
            Value::Histogram {
                below: below.collect(),
                count: histogram.get_sample_count(),
                sum: histogram.get_sample_sum(),
            }
        }
        _ => Value::One(metric.get_gauge().get_value()),
    }
}

fn labels(metric: &Metric) -> String {
    let pairs =
        metric.get_label().iter().map(|pair| format!("{}=\"{}\"", pair.name(), escaped(pair.value())));
    pairs.collect::<Vec<_>>().join(",")
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::{
        super::state::{Name, State},
        *,
    };

    fn families(state: &State) -> Vec<MetricFamily> {
        let name = Name { lab: "l".into(), variant: "a \"b\\".into() };
        super::super::families::families([(&name, state)])
    }

    #[test]
    fn the_text_is_grouped_by_family_with_a_time_to_each_sample() {
        let mut history = History::default();
        let mut state = State::default();
        state.counts.insert("attempted", 1);
        history.take(1_500, &families(&state));
        state.counts.insert("attempted", 7);
        state.counts.insert("lost", 2);
        history.take(1_500, &families(&state));
        let text = history.to_text();
        let of = |part: &str| text.lines().filter(|line| line.contains(part)).collect::<Vec<_>>();
        assert_eq!(
            of("attempted"),
            [
                "# TYPE lab_messages_attempted counter",
                "# HELP lab_messages_attempted Messages that a producer noted before the send.",
                r#"lab_messages_attempted_total{lab="l",variant="a \"b\\"} 1 1.500"#,
                r#"lab_messages_attempted_total{lab="l",variant="a \"b\\"} 7 1.501"#,
            ]
        );
        assert_eq!(of("lab_messages_lost{"), [r#"lab_messages_lost{lab="l",variant="a \"b\\"} 2 1.501"#]);
        assert!(text.ends_with("\n# EOF\n"));
    }

    #[test]
    fn a_long_run_is_thinned_out_and_stays_small() {
        let mut history = History::default();
        let state = State::default();
        for second in 0..10 * MOST as i64 {
            if second % history.spacing() as i64 == 0 {
                history.take(second * 1000, &families(&state));
            }
        }
        assert!(
            history.moments.len() < MOST && history.moments.len() > MOST / 3,
            "{}",
            history.moments.len()
        );
        assert!(history.spacing() >= 8, "{}", history.spacing());
        let lines = history.to_text().lines().filter(|line| line.starts_with("lab_drained{")).count();
        assert_eq!(lines, history.moments.len());
        let apart = |at: usize| history.moments[at + 1] - history.moments[at];
        assert_eq!(apart(0), apart(history.moments.len() - 2), "evenly");
    }
}
