//! The variants that go through every point of their worker: a point that is added has to be gone through as well.

use std::{collections::BTreeSet, fs};

use super::*;
use crate::scenario::points::in_source;

/// A variant, the files of its worker, and the points in them at which nothing of its own happens.
type Walk = (&'static str, &'static [&'static str], &'static [&'static str]);

const WALKS: [Walk; 2] = [
    // "again" is passed by a message that comes again, just before "before-begin".
    ("05-idempotent-consumers/inbox", &["take.rs", "inbox.rs"], &["again"]),
    // What a worker passes when its transaction failed is no step of one.
    ("06-broker-exactly-once/kafka-transactions", &["transformer.rs"], &["fenced", "given-up"]),
];

#[test]
fn one_variant_each_is_killed_at_every_point_in_turn() {
    let labs = Labs::find(Path::new(env!("CARGO_MANIFEST_DIR")), None).expect("the project's labs");
    for (target, files, apart) in WALKS {
        let (name, variant) = target.split_once('/').unwrap();
        let folder = labs.folders.iter().find(|folder| folder.name == name).unwrap();
        let lab = labs.load(folder, &Supports::LOCAL).expect("a good lab");
        let variant = lab.variants.iter().find(|known| known.name == variant).unwrap();
        let source = |file: &&str| fs::read_to_string(folder.path.join(file)).unwrap();
        let mut points: BTreeSet<String> = files.iter().flat_map(|file| in_source(&source(file))).collect();
        apart.iter().for_each(|point| assert!(points.remove(*point), "{target} has no point {point}"));
        let kills = variant.faults.iter().filter(|fault| fault.action == Action::Kill);
        let at = kills.filter_map(|fault| match &fault.at {
            Moment::Point { name, .. } => Some(name.clone()),
            _ => None,
        });
        assert_eq!(at.collect::<BTreeSet<_>>(), points, "{target}");
    }
}
