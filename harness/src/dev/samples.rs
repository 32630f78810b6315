//! Labs and runs for the tests of this folder.

use ledger::{Contract, Verdict};

use super::{Trial, schedule::Step};
use crate::{
    report::{
        run_report::{LabView, RunReport, VariantView},
        samples::{counts, result},
    },
    scenario::{Lab, Labs, Supports},
};

/// A lesson with all its parts, that names every variant of [`lab`].
pub const LESSON: &str = "# Lab 2 · What if we just send it?

## Situation
Somebody sends.
## Predict
| `slow` | `far` |
## Run
harness run 2
## What happened
`cured` and `calm` lose nothing.
## Why
Ask why.
## The knob
One.
## Your turn
Go.
## Further reading
None.
";

const TOP: &str = r#"format = 1
title = "Sending"
question = "What if we just send it?"
brokers = ["nats"]
minutes = 1
hint = "Look."
"#;

const WORKERS: &str = r#"
contract = "at-most-once"
worker = [{ role = "producer", command = ["sh"] }, { role = "consumer", command = ["sh"] }]
expect = { verdict = "kept" }
"#;

const FAULT: &str = r#"fault = [{ kill = "consumer", at = { time = "1s" } }]"#;

fn variant(name: &str, more: &str) -> String {
    format!("[[variant]]\nname = \"{name}\"\nsays = \"It sends.\"\n{WORKERS}{more}\n")
}

/// Two labs: the first with two weak variants, one cured in it and one in the second, and a strong one that breaks
/// nothing; the second with that cure.
fn labs() -> Vec<Lab> {
    let folder = tempfile::tempdir().unwrap();
    let cure = |cure: &str| format!("{FAULT}\ndefect = \"lost\"\ncure = \"{cure}\"");
    let first = [
        variant("slow", &cure("cured")),
        variant("far", &cure("3/healed")),
        variant("cured", FAULT),
        variant("calm", ""),
    ];
    let write = |name: &str, text: String| {
        let lab = folder.path().join("labs").join(name);
        std::fs::create_dir_all(&lab).unwrap();
        std::fs::write(lab.join("lab.toml"), text).unwrap();
    };
    write("02-x", format!("{TOP}{}", first.concat()));
    write("03-y", format!("{TOP}{}", variant("healed", FAULT)));
    let labs = Labs::find(folder.path(), None).unwrap();
    labs.folders.iter().map(|folder| labs.load(folder, &Supports::LOCAL).unwrap()).collect()
}

/// The first lab: 02-x.
pub fn lab() -> Lab {
    labs().remove(0)
}

/// The second: 03-y.
pub fn other_lab() -> Lab {
    labs().remove(1)
}

/// A run with this in its account.
pub fn trial(lab: &str, variant: &str, seed: u64, verdict: Verdict, set: &[(&str, u64)]) -> Trial {
    let mut result = result(Contract::AtMostOnce, verdict);
    result.account = (verdict != Verdict::NotRun).then(|| counts(set));
    result.as_expected = matches!(verdict, Verdict::Kept | Verdict::Broken).then_some(true);
    result.sentence = verdict.word().to_owned();
    let (number, _) = lab.split_once('-').unwrap();
    let view = LabView { number: number.parse().unwrap(), ..LabView::default() };
    let report = RunReport {
        result,
        variant: VariantView { target: view.target(Some(variant)), ..VariantView::default() },
        reasons: Vec::new(),
        expected: Default::default(),
        mismatches: Vec::new(),
        logs: Vec::new(),
    };
    Trial { step: Step { lab: lab.into(), variant: variant.into(), seed, control: false }, report }
}

/// The same without faults, with seed 1.
pub fn control(lab: &str, variant: &str, verdict: Verdict, set: &[(&str, u64)]) -> Trial {
    let mut trial = trial(lab, variant, 1, verdict, set);
    trial.step.control = true;
    trial
}
