//! The text of `/metrics`. A variant's part of it is made anew only when the variant has changed since: of sixty variants
//! one or two run at a time, and the others' text is only copied.

use std::{collections::BTreeMap, slice};

use prometheus::TextEncoder;

use super::{
    families::families,
    state::{Name, State},
};

/// The text of one variant.
#[derive(Debug)]
pub struct Lines(Vec<Family>);

/// The text of one of its metrics.
#[derive(Debug)]
struct Family {
    name: String,
    /// What the metric is: the lines that stand once for all variants.
    about: String,
    /// Its values.
    values: String,
}

impl Lines {
    /// Of this variant as it is now.
    pub fn of(name: &Name, state: &State) -> Result<Self, prometheus::Error> {
        let family = |family: &prometheus::proto::MetricFamily| {
            let mut about = String::new();
            TextEncoder::new().encode_utf8(slice::from_ref(family), &mut about)?;
            // HELP and TYPE come first, a line each.
            let values = about.match_indices('\n').nth(1).map_or(about.len(), |(end, _)| end + 1);
            let values = about.split_off(values);
            Ok(Family { name: family.name().to_owned(), about, values })
        };
        families([(name, state)]).iter().map(family).collect::<Result<_, _>>().map(Self)
    }

    fn length(&self) -> usize {
        self.0.iter().map(|family| family.about.len() + family.values.len()).sum()
    }
}

/// The text of all of these, sorted by metric and then as they come.
pub fn text<'a>(variants: impl Iterator<Item = &'a Lines> + Clone) -> String {
    let mut text = String::with_capacity(variants.clone().map(Lines::length).sum());
    let mut metrics: BTreeMap<&str, Vec<&Family>> = BTreeMap::new();
    for family in variants.flat_map(|lines| &lines.0) {
        metrics.entry(&family.name).or_default().push(family);
    }
    for families in metrics.values() {
        text.push_str(&families[0].about);
        families.iter().for_each(|family| text.push_str(&family.values));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_encoder_makes_of_all_variants_at_once() {
        let state = |run: &str, count| State {
            run: run.to_owned(),
            counts: [("attempted", count), ("lost", 1)].into(),
            ..State::default()
        };
        let name = |variant: &str| Name { lab: "02-x".to_owned(), variant: variant.to_owned() };
        // The first has no sample of delays, and no sum; the others have labels that must be escaped.
        let mut variants: BTreeMap<_, _> = [
            (name("a"), state("1", 5)),
            (name("b \"quoted\"\n\\"), state("2\n# HELP x y", 7)),
            (name("c"), state("", 9)),
        ]
        .into();
        variants.get_mut(&name("c")).unwrap().delays.one_in = 2;
        variants.get_mut(&name("c")).unwrap().fault("kill", "broker", |fault| fault.fired = 1);
        let lines: Vec<_> = variants.iter().map(|(name, state)| Lines::of(name, state).unwrap()).collect();
        let wanted = TextEncoder::new().encode_to_string(&families(&variants)).unwrap();
        assert_eq!(text(lines.iter()), wanted);
        assert!(wanted.contains("lab_publish_ack_seconds_bucket") && wanted.contains("lab_fault_active"));
    }
}
