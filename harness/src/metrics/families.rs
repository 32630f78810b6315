//! From what is known to metrics: their names, kinds, labels and what they mean. For `/metrics` and `metrics.om` alike.

use std::collections::BTreeMap;

use ledger::{DELAY_BOUNDS, DelayHistogram, Verdict};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::state::{Name, State};
use crate::{broker::pulse::Said, report::event::Phase};

/// A metric: its name, its kind, and what a person reads of it.
pub struct Definition {
    /// With the prefix, and with the ending of its kind.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: MetricType,
    /// One sentence.
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Definition {
    Definition { name, kind: MetricType::COUNTER, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Definition {
    Definition { name, kind: MetricType::GAUGE, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Definition {
    Definition { name, kind: MetricType::HISTOGRAM, help }
}

/// The rows of the account, by their names in it, in its order. What can fall when more is known is a gauge.
pub const ACCOUNT: [(&str, Definition); 25] = [
    ("attempted", counter("lab_messages_attempted_total", "Messages that a producer noted before the send.")),
    ("acked", counter("lab_messages_acked_total", "Messages that the broker confirmed.")),
    ("rejected", counter("lab_messages_rejected_total", "Messages that were certainly not taken.")),
    (
        "unknown",
        counter(
            "lab_messages_unknown_total",
            "Messages of which the producer never learned what became of them; known with the verdict.",
        ),
    ),
    (
        "unconfirmed",
        counter(
            "lab_messages_unconfirmed_total",
            "Messages that the client said ok to, in a protocol without acks.",
        ),
    ),
    ("delivered", counter("lab_messages_delivered_total", "Messages that were handed to a consumer.")),
    (
        "redelivered",
        counter("lab_messages_redelivered_total", "Messages that were handed over more than once."),
    ),
    (
        "applied",
        gauge(
            "lab_messages_applied",
            "Messages whose effect is visible at the sink; until the verdict as the workers say.",
        ),
    ),
    (
        "duplicated",
        gauge(
            "lab_messages_duplicated",
            "Messages whose effect is there more than once, as far as it was seen.",
        ),
    ),
    (
        "surplus",
        gauge("lab_effects_surplus", "Effects beyond the first of each message; known with the verdict."),
    ),
    (
        "lost",
        gauge(
            "lab_messages_lost",
            "Messages acked or unconfirmed without an effect; said only when nothing more can come.",
        ),
    ),
    ("lost_acked", gauge("lab_messages_lost_acked", "The acked ones among the lost.")),
    ("lost_unconfirmed", gauge("lab_messages_lost_unconfirmed", "The unconfirmed ones among the lost.")),
    (
        "recovered",
        gauge(
            "lab_messages_recovered",
            "Messages unknown to the producer, and applied; known with the verdict.",
        ),
    ),
    (
        "resolved",
        gauge("lab_messages_resolved", "Messages unknown at first, settled later by asking the broker."),
    ),
    (
        "phantom",
        gauge(
            "lab_messages_phantom",
            "Messages that were seen though nobody attempted them; known with the verdict.",
        ),
    ),
    ("resurrected", gauge("lab_messages_resurrected", "Messages that were rejected, and yet seen.")),
    ("reordered", gauge("lab_messages_reordered", "Messages that came after a later one of their producer.")),
    ("crossed", gauge("lab_messages_crossed", "Messages with the tag of another run.")),
    ("stored", gauge("lab_messages_stored", "Messages in the broker's own store, read back at the end.")),
    (
        "stored_again",
        gauge("lab_messages_stored_again", "Messages that are in the broker's own store more than once."),
    ),
    (
        "deduplicated",
        gauge("lab_messages_deduplicated", "Messages to which the broker answered: I have it already."),
    ),
    ("settled", gauge("lab_messages_settled", "Messages whose consumer's ack the broker confirmed.")),
    (
        "redelivered_after_settled",
        gauge(
            "lab_messages_redelivered_after_settled",
            "Messages delivered once more after their ack was confirmed.",
        ),
    ),
    ("calls", gauge("lab_receiver_calls", "Requests at the receiver that knows an idempotency key.")),
];

const RUN_INFO: Definition =
    gauge("lab_run_info", "The newest run of the variant; the only metric that names a run.");
const PHASE: Definition = gauge("lab_phase", "1 for the phase in which the run is; all 0 when it is over.");
const IN_FLIGHT: Definition = gauge(
    "lab_messages_in_flight",
    "Messages attempted, not rejected, and without an effect yet; gone with the verdict.",
);
const SUM_EXPECTED: Definition = gauge("lab_balance_expected", "What a sink that adds up should hold.");
const SUM_OBSERVED: Definition = gauge("lab_balance_observed", "What a sink that adds up holds.");
const FAULT_ACTIVE: Definition = gauge("lab_fault_active", "Faults that fired and are not healed.");
const FAULTS_FIRED: Definition =
    counter("lab_fault_injections_total", "How often the fault fired in this run.");
const DRAINED: Definition = gauge("lab_drained", "1 when it is proven that nothing more will come.");
const VERDICT: Definition = gauge("lab_verdict", "1 for the verdict; all 0 while there is none.");
const AS_EXPECTED: Definition =
    gauge("lab_as_expected", "1 when the run came out as the lab says, 0 when not.");
const SECONDS: Definition = gauge("lab_run_seconds", "How long the run has gone on, or took.");
const SAMPLED: Definition =
    gauge("lab_delay_sample_ratio", "Which share of the messages the delays were measured of.");
const PUBLISH_ACK: Definition = histogram(
    "lab_publish_ack_seconds",
    "From the attempt to the broker's ack, of a sample of the messages.",
);
const END_TO_END: Definition = histogram(
    "lab_end_to_end_seconds",
    "From the first attempt to the first effect, of a sample of the messages.",
);
const REDELIVERY: Definition = histogram(
    "lab_redelivery_delay_seconds",
    "From one delivery to the next of the same message, of a sample of the messages.",
);

const BROKER_UP: Definition =
    gauge("lab_broker_up", "1 when the broker answered within a second, 0 when not.");
const BROKER_ANSWER: Definition = gauge(
    "lab_broker_answer_seconds",
    "How long the broker took to tell of itself, the last time that it did.",
);

/// What brokers say of themselves. Which of them says what is a matter of what it can be asked.
const SAID: [(Said, Definition); 8] = [
    (
        Said::Connections,
        gauge("lab_broker_connections", "Connections to the broker, the harness's own among them."),
    ),
    (
        Said::MessagesIn,
        counter("lab_broker_messages_in_total", "Messages that came to the broker; to Kafka, of this run."),
    ),
    (Said::MessagesOut, counter("lab_broker_messages_out_total", "Messages that the broker sent out.")),
    (Said::StoredMessages, gauge("lab_broker_stored_messages", "Messages in the broker's stores.")),
    (Said::StoredBytes, gauge("lab_broker_stored_bytes", "What the broker's stores take.")),
    (Said::MemoryBytes, gauge("lab_broker_memory_bytes", "What the broker's process has in memory.")),
    (Said::Commits, counter("lab_broker_commits_total", "Transactions that the database committed.")),
    (Said::Rollbacks, counter("lab_broker_rollbacks_total", "Transactions that the database gave up.")),
];

/// A name and its value beside lab and variant.
type Label<'a> = (&'a str, &'a str);

/// All metrics of these variants, sorted by name. None is without a value.
pub fn families<'a>(variants: impl IntoIterator<Item = (&'a Name, &'a State)>) -> Vec<MetricFamily> {
    let mut book = Book::default();
    for (name, state) in variants {
        let mut page = Page { book: &mut book, name };
        page.run(state);
        page.account(state);
        page.faults(state);
        page.delays(state);
        page.brokers(state);
    }
    book.0.into_values().collect()
}

#[derive(Default)]
struct Book(BTreeMap<&'static str, MetricFamily>);

struct Page<'a> {
    book: &'a mut Book,
    name: &'a Name,
}

impl Page<'_> {
    fn run(&mut self, state: &State) {
        if !state.run.is_empty() {
            let seed = state.seed.to_string();
            let about = [
                ("run", &*state.run),
                ("seed", &seed),
                ("contract", state.contract),
                ("brokers", &state.brokers),
            ];
            self.add(&RUN_INFO, &about, 1.0);
        }
        for phase in Phase::ALL {
            let here = state.phase == Some(phase) && state.verdict.is_none();
            self.add(&PHASE, &[("phase", phase.word())], f64::from(u8::from(here)));
        }
        for verdict in Verdict::ALL {
            self.add(
                &VERDICT,
                &[("verdict", verdict.word())],
                f64::from(u8::from(state.verdict == Some(verdict))),
            );
        }
        if let Some(as_expected) = state.as_expected {
            self.add(&AS_EXPECTED, &[], f64::from(u8::from(as_expected)));
        }
        self.add(&DRAINED, &[], f64::from(u8::from(state.drained)));
        self.add(&SECONDS, &[], state.seconds);
    }

    fn account(&mut self, state: &State) {
        for (row, definition) in &ACCOUNT {
            if let Some(count) = state.counts.get(row) {
                self.add(definition, &[], *count as f64);
            }
        }
        if let Some(in_flight) = state.in_flight {
            self.add(&IN_FLIGHT, &[], in_flight as f64);
        }
        if let Some(sum) = state.sum {
            self.add(&SUM_EXPECTED, &[], sum.expected as f64);
            self.add(&SUM_OBSERVED, &[], sum.observed as f64);
        }
    }

    fn faults(&mut self, state: &State) {
        for ((kind, target), fault) in &state.faults {
            let labels = [("kind", &**kind), ("target", target)];
            self.add(&FAULT_ACTIVE, &labels, fault.active as f64);
            self.add(&FAULTS_FIRED, &labels, fault.fired as f64);
        }
    }

    fn delays(&mut self, state: &State) {
        let delays = &state.delays;
        if delays.one_in == 0 {
            return;
        }
        self.add(&SAMPLED, &[], 1.0 / delays.one_in as f64);
        for (definition, measured) in [
            (&PUBLISH_ACK, &delays.publish_ack),
            (&END_TO_END, &delays.end_to_end),
            (&REDELIVERY, &delays.redelivery),
        ] {
            let mut metric = self.metric(&[]);
            metric.set_histogram(bucketed(measured));
            self.enter(definition, metric);
        }
    }

    fn brokers(&mut self, state: &State) {
        for (broker, pulse) in &state.pulses {
            let broker = broker.to_string();
            let labels = [("broker", &*broker)];
            self.add(&BROKER_UP, &labels, f64::from(u8::from(pulse.up)));
            if let Some(seconds) = pulse.answer_seconds {
                self.add(&BROKER_ANSWER, &labels, seconds);
            }
            for (said, definition) in &SAID {
                if let Some((_, value)) = pulse.said.iter().find(|(told, _)| told == said) {
                    self.add(definition, &labels, *value);
                }
            }
        }
    }

    fn add(&mut self, definition: &Definition, labels: &[Label<'_>], value: f64) {
        let mut metric = self.metric(labels);
        if definition.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.enter(definition, metric);
    }

    fn metric(&self, labels: &[Label<'_>]) -> Metric {
        let all = [("lab", &*self.name.lab), ("variant", &*self.name.variant)];
        let pairs = all.iter().chain(labels).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        Metric::from_label(pairs.collect())
    }

    fn enter(&mut self, definition: &Definition, metric: Metric) {
        let family = self.book.0.entry(definition.name).or_insert_with(|| {
            let mut family = MetricFamily::default();
            family.set_name(definition.name.to_owned());
            family.set_help(definition.help.to_owned());
            family.set_field_type(definition.kind);
            family
        });
        family.mut_metric().push(metric);
    }
}

fn bucketed(measured: &DelayHistogram) -> Histogram {
    let mut below = 0;
    let buckets = DELAY_BOUNDS.iter().zip(measured.buckets).map(|(bound, count)| {
        below += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(below);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(measured.count());
    histogram.set_sample_sum(measured.sum);
    histogram
}

#[cfg(test)]
mod tests {
    use ledger::Counts;

    use super::*;

    #[test]
    fn every_row_of_the_account_has_a_metric_in_the_same_order() {
        let rows: Vec<_> = ACCOUNT.iter().map(|(row, _)| *row).collect();
        assert_eq!(rows, Counts::FIELDS);
        for (row, definition) in &ACCOUNT {
            let ends = definition.name.ends_with("_total");
            assert_eq!(ends, definition.kind == MetricType::COUNTER, "{row}");
            assert!(definition.name.starts_with("lab_"), "{row}");
        }
    }
}
