//! What a variant says will come out, and whether it did.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use crate::{Bound, Contract, Counts, Value, Verdict};

/// The table `expect` of a variant. As text it is a flat map; `figures.x` and `points.x` may be nested tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// What the judge must say.
    pub verdict: Option<Verdict>,
    /// What counts may be, by name: a field of the account, `sum.expected`, `sum.observed`, `figures.x`, `points.x`.
    pub counts: BTreeMap<String, Bound>,
}

/// Something that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The name of the count, or "verdict".
    pub name: String,
    /// What should have come out.
    pub expected: String,
    /// What came out.
    pub seen: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, seen {}", self.name, self.expected, self.seen)
    }
}

impl Expectation {
    /// The same, and this count must be 1 or more: a weak variant must show its defect.
    pub fn shows(&self, defect: &str) -> Self {
        self.narrowed(defect, |bound| bound.allows_zero() == Some(false), Bound::AtLeast(Value::Number(1.0)))
    }

    /// The same, and this count must be 0: so in the cure of a defect.
    pub fn lacks(&self, defect: &str) -> Self {
        self.narrowed(defect, |bound| bound.allows_some() == Some(false), Bound::from(0_u64))
    }

    fn narrowed(&self, name: &str, strict: impl Fn(&Bound) -> bool, bound: Bound) -> Self {
        let mut narrowed = self.clone();
        if !self.counts.get(name).is_some_and(strict) {
            narrowed.counts.insert(name.to_owned(), bound);
        }
        narrowed
    }

    /// What came out otherwise than expected. A count that is not known is never as expected.
    pub fn check(
        &self,
        verdict: Verdict,
        counts: &Counts,
        figures: &BTreeMap<String, f64>,
        points: &BTreeMap<String, u64>,
    ) -> Vec<Mismatch> {
        let look_up = |name: &str| look_up(name, counts, figures, points);
        let mut mismatches = Vec::new();
        if let Some(expected) = self.verdict.filter(|expected| *expected != verdict) {
            let (expected, seen) = (expected.to_string(), verdict.to_string());
            mismatches.push(Mismatch { name: "verdict".to_owned(), expected, seen });
        }
        for (name, bound) in &self.counts {
            let seen = look_up(name);
            if seen.and_then(|seen| bound.allows(seen, look_up)) == Some(true) {
                continue;
            }
            let other = bound.name().map(|name| (name, look_up(name)));
            let expected = match other {
                Some((_, Some(number))) => format!("{bound} ({number})"),
                Some((_, None)) => format!("{bound} (which is not known)"),
                None => bound.to_string(),
            };
            let seen =
                seen.map_or_else(|| "nothing, since it is not known".to_owned(), |seen| seen.to_string());
            mismatches.push(Mismatch { name: name.clone(), expected, seen });
        }
        mismatches
    }

    /// Why this cannot be meant: a name that no count has, a bound that the verdict or the defect rules out.
    pub fn contradiction(&self, contract: Contract, order: bool, defect: Option<&str>) -> Option<String> {
        self.unknown_name(defect)
            .or_else(|| self.against_verdict(contract, order))
            .or_else(|| defect.and_then(|defect| self.against_defect(defect, contract, order)))
    }

    /// Why a part of this can never fail: a bound that everything is within.
    pub fn always_true(&self) -> Option<String> {
        let (name, bound) = self.counts.iter().find(|(name, bound)| bound.allows_all(name))?;
        Some(format!("`{name}` {bound} is always so: nothing could come out otherwise"))
    }

    fn unknown_name(&self, defect: Option<&str>) -> Option<String> {
        let named = self.counts.iter().flat_map(|(name, bound)| [Some(name.as_str()), bound.name()]);
        let wrong = named.flatten().find(|name| !is_known(name));
        if let Some(name) = wrong {
            return Some(format!("`{name}` is no count of the account, and no `figures.…` or `points.…`"));
        }
        let wrong = defect.filter(|defect| !Counts::FIELDS.contains(defect));
        wrong.map(|name| format!("the defect `{name}` is no count of the account"))
    }

    fn against_verdict(&self, contract: Contract, order: bool) -> Option<String> {
        let forbidden = contract.forbids(order);
        let bounds = || forbidden.iter().filter_map(|name| Some((*name, self.counts.get(*name)?)));
        match self.verdict? {
            Verdict::NotRun => Some("nobody can expect that a variant is not run".to_owned()),
            Verdict::Inconclusive => None,
            Verdict::Kept => {
                let (name, bound) = bounds().find(|(_, bound)| bound.allows_zero() == Some(false))?;
                Some(format!("{contract} cannot be kept with {name} {bound}: it forbids {name}"))
            }
            Verdict::Broken => {
                // What the contract itself is about must be ruled out, and nothing else it forbids expected.
                let own = contract.forbids(false);
                let own: Vec<_> = own.iter().filter(|name| ["lost", "duplicated"].contains(name)).collect();
                let ruled_out = |name: &str| {
                    self.counts.get(name).is_some_and(|bound| bound.allows_some() == Some(false))
                };
                let other = bounds().any(|(_, bound)| bound.allows_some() != Some(false));
                let sum =
                    self.counts.contains_key("sum.observed") || self.counts.contains_key("sum.expected");
                if other || sum || !own.iter().all(|name| ruled_out(name)) {
                    return None;
                }
                Some(format!("{contract} cannot be broken where nothing that it forbids is expected"))
            }
        }
    }

    fn against_defect(&self, defect: &str, contract: Contract, order: bool) -> Option<String> {
        if let Some(bound) = self.counts.get(defect).filter(|bound| bound.allows_some() == Some(false)) {
            return Some(format!(
                "the defect is `{defect}`, which must be 1 or more, but {defect} {bound} is expected"
            ));
        }
        let forbidden = contract.forbids(order).contains(&defect);
        let kept = self.verdict == Some(Verdict::Kept);
        (forbidden && kept)
            .then(|| format!("{contract} cannot be kept with the defect `{defect}`: it forbids {defect}"))
    }
}

fn is_known(name: &str) -> bool {
    let listed = name.strip_prefix("figures.").or_else(|| name.strip_prefix("points."));
    listed.is_some_and(|rest| !rest.is_empty())
        || ["sum.expected", "sum.observed"].contains(&name)
        || Counts::FIELDS.contains(&name)
}

fn look_up(
    name: &str,
    counts: &Counts,
    figures: &BTreeMap<String, f64>,
    points: &BTreeMap<String, u64>,
) -> Option<f64> {
    if let Some(figure) = name.strip_prefix("figures.") {
        return figures.get(figure).copied();
    }
    if let Some(point) = name.strip_prefix("points.") {
        // A point that nobody passed was passed 0 times.
        return Some(points.get(point).map_or(0.0, |count| *count as f64));
    }
    match name {
        "sum.expected" => counts.sum.map(|sum| sum.expected as f64),
        "sum.observed" => counts.sum.map(|sum| sum.observed as f64),
        _ => counts.field(name).map(|count| count as f64),
    }
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let length = self.counts.len() + usize::from(self.verdict.is_some());
        let mut map = serializer.serialize_map(Some(length))?;
        if let Some(verdict) = self.verdict {
            map.serialize_entry("verdict", &verdict)?;
        }
        for (name, bound) in &self.counts {
            map.serialize_entry(name, bound)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ExpectationVisitor)
    }
}

struct ExpectationVisitor;

impl<'de> de::Visitor<'de> for ExpectationVisitor {
    type Value = Expectation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of expected counts")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Expectation, A::Error> {
        let mut expectation = Expectation::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "verdict" => expectation.verdict = Some(map.next_value()?),
                "figures" | "points" | "sum" => {
                    for (inner, bound) in map.next_value::<BTreeMap<String, Bound>>()? {
                        expectation.counts.insert(format!("{name}.{inner}"), bound);
                    }
                }
                _ => {
                    expectation.counts.insert(name, map.next_value()?);
                }
            }
        }
        Ok(expectation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(text: &str) -> Expectation {
        serde_json::from_str(text).unwrap()
    }

    fn check(expectation: &Expectation, counts: &Counts) -> Vec<String> {
        let figures = BTreeMap::from([("delivery_seconds_max".to_owned(), 1.5)]);
        let points = BTreeMap::from([("flush-ok".to_owned(), 1)]);
        let mismatches = expectation.check(Verdict::Kept, counts, &figures, &points);
        mismatches.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_what_came_out_otherwise() {
        let counts = Counts { attempted: 10, acked: 9, unknown: 1, duplicated: 3, ..Counts::default() };
        let all = r#"{ "verdict": "broken", "attempted": 10, "acked": "= attempted", "duplicated": "1..=2", "lost": 0,
                       "surplus": "< calls" }"#;
        let expected = [
            "verdict: expected broken, seen kept",
            "acked: expected = attempted (10), seen 9",
            "duplicated: expected 1..=2, seen 3",
            "lost: expected 0, seen nothing, since it is not known",
            "surplus: expected < calls (which is not known), seen 0",
        ];
        assert_eq!(check(&expect(all), &counts), expected);
        assert_eq!(check(&expect(r#"{ "verdict": "kept", "acked": "< attempted" }"#), &counts), [""; 0]);
    }

    #[test]
    fn figures_points_and_sums_are_looked_up() {
        let counts = Counts { sum: Some(crate::Sum { expected: 100, observed: 110 }), ..Counts::default() };
        let good = r#"{ "figures": { "delivery_seconds_max": ">= 1.0" }, "points": { "flush-ok": 1, "never": 0 },
                        "sum": { "observed": "> sum.expected" } }"#;
        assert_eq!(check(&expect(good), &counts), [""; 0]);
        let bad =
            r#"{ "figures.delivery_seconds_max": "< 1.5", "points.flush-ok": 2, "figures.other": ">= 0" }"#;
        let expected = [
            "figures.delivery_seconds_max: expected < 1.5, seen 1.5",
            "figures.other: expected >= 0, seen nothing, since it is not known",
            "points.flush-ok: expected 2, seen 1",
        ];
        assert_eq!(check(&expect(bad), &counts), expected);
    }

    #[test]
    fn reads_back_what_it_writes() {
        let text = r#"{"verdict":"kept","duplicated":1,"figures.x":1.5,"lost":"= attempted","points.flush-ok":">= 1"}"#;
        assert_eq!(serde_json::to_string(&expect(text)).unwrap(), text);
    }

    fn contradiction(text: &str, contract: Contract, order: bool, defect: Option<&str>) -> String {
        expect(text).contradiction(contract, order, defect).unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        use Contract::{AtLeastOnce, AtMostOnce, EffectivelyOnce};
        let refused = [
            (r#"{ "loss": 0 }"#, AtMostOnce, None, "`loss` is no count of the account"),
            (r#"{ "lost": "= attempts" }"#, AtMostOnce, None, "`attempts` is no count"),
            (r#"{ "figures.": 1 }"#, AtMostOnce, None, "`figures.` is no count"),
            ("{}", AtMostOnce, Some("loss"), "the defect `loss` is no count"),
            (r#"{ "verdict": "not-run" }"#, AtMostOnce, None, "nobody can expect"),
            (
                r#"{ "verdict": "kept", "duplicated": ">= 1" }"#,
                AtMostOnce,
                None,
                "at-most-once cannot be kept with duplicated >= 1",
            ),
            (r#"{ "verdict": "kept", "phantom": 2 }"#, AtLeastOnce, None, "cannot be kept with phantom 2"),
            (r#"{ "verdict": "broken", "lost": 0 }"#, AtLeastOnce, None, "cannot be broken"),
            (
                r#"{ "verdict": "broken", "lost": 0, "duplicated": 0, "resurrected": 0 }"#,
                EffectivelyOnce,
                None,
                "cannot be broken",
            ),
            (
                r#"{ "lost": 0 }"#,
                AtMostOnce,
                Some("lost"),
                "the defect is `lost`, which must be 1 or more, but lost 0",
            ),
            (r#"{ "verdict": "kept" }"#, AtLeastOnce, Some("lost"), "cannot be kept with the defect `lost`"),
        ];
        for (text, contract, defect, sentence) in refused {
            let said = contradiction(text, contract, false, defect);
            assert!(said.contains(sentence), "{text}: {said}");
        }
        let ordered = contradiction(r#"{ "verdict": "kept", "reordered": 1 }"#, AtLeastOnce, true, None);
        assert!(ordered.contains("reordered"), "{ordered}");
    }

    #[test]
    fn what_can_be_meant_passes() {
        use Contract::{AtLeastOnce, AtMostOnce, EffectivelyOnce};
        let meant = [
            (r#"{ "verdict": "kept", "lost": "= attempted", "delivered": 0 }"#, AtMostOnce, Some("lost")),
            (r#"{ "verdict": "kept", "lost": 0, "duplicated": 1 }"#, AtLeastOnce, Some("duplicated")),
            (
                r#"{ "verdict": "broken", "lost": 0, "duplicated": 0, "resurrected": ">= 1" }"#,
                EffectivelyOnce,
                Some("resurrected"),
            ),
            (
                r#"{ "verdict": "broken", "lost": 0, "duplicated": 0, "sum.observed": "> sum.expected" }"#,
                EffectivelyOnce,
                None,
            ),
            (r#"{ "verdict": "broken", "lost": 0 }"#, EffectivelyOnce, None),
            (r#"{ "verdict": "kept", "reordered": 1 }"#, AtLeastOnce, None),
            ("{}", AtLeastOnce, None),
        ];
        for (text, contract, defect) in meant {
            assert_eq!(contradiction(text, contract, false, defect), "", "{text}");
        }
    }

    #[test]
    fn a_stricter_bound_on_the_defect_stays() {
        let exact = expect(r#"{ "duplicated": 3 }"#);
        assert_eq!(exact.shows("duplicated"), exact);
        assert_eq!(
            expect(r#"{ "duplicated": "<= 3" }"#).shows("duplicated"),
            expect(r#"{ "duplicated": ">= 1" }"#)
        );
        assert_eq!(exact.lacks("duplicated"), expect(r#"{ "duplicated": 0 }"#));
        assert_eq!(expect("{}").lacks("lost"), expect(r#"{ "lost": 0 }"#));
    }
}
