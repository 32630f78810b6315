//! Which runs show that a lab is what its texts say. One run serves every check that can be made of it.

use crate::scenario::{Lab, Variant};

/// One run to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The lab's folder.
    pub lab: String,
    /// The variant in it.
    pub variant: String,
    /// What it is guided by.
    pub seed: u64,
    /// Without faults.
    pub control: bool,
}

/// The runs for these labs, lab by lab, and within a lab variant by variant, so that servers with settings of their own
/// are started as seldom as can be. `all` are all labs that could be read: a cure may be in a lab that is not chosen.
///
/// A weak variant and a cure are run with every seed, from 1: what they show and lack is the lesson. Every other variant
/// is run once. Every strong variant is run once more without its faults, unless it has none.
pub fn schedule(chosen: &[String], all: &[Lab], seeds: u64) -> Vec<(Lab, Vec<Step>)> {
    let is_chosen = |lab: &Lab| chosen.contains(&lab.name);
    let cures: Vec<_> = all
        .iter()
        .filter(|lab| is_chosen(lab))
        .flat_map(|lab| lab.variants.iter().filter_map(|variant| cure_of(lab, variant, all)))
        .map(|(lab, variant)| (lab.name.clone(), variant.name.clone()))
        .collect();
    let mut work = Vec::new();
    for lab in all {
        let mut steps = Vec::new();
        for variant in &lab.variants {
            let is_cure = cures.iter().any(|(of, name)| (of, name) == (&lab.name, &variant.name));
            if is_chosen(lab) || is_cure {
                let often = if is_cure || variant.defect.is_some() { seeds } else { 1 };
                steps.extend((1..=often).map(|seed| step(lab, variant, seed, false)));
            }
            if is_chosen(lab) && variant.defect.is_none() && breaks_something(variant) {
                steps.push(step(lab, variant, 1, true));
            }
        }
        if !steps.is_empty() {
            work.push((lab.clone(), steps));
        }
    }
    work
}

/// The cure of a weak variant and its lab; `None` where there is none, or where its lab could not be read.
pub fn cure_of<'a>(lab: &'a Lab, weak: &Variant, all: &'a [Lab]) -> Option<(&'a Lab, &'a Variant)> {
    let cure = weak.cure.as_deref()?;
    let (lab, name) = match cure.split_once('/') {
        Some((of, name)) => {
            let is_meant = |lab: &&Lab| lab.name == of || of.parse() == Ok(lab.number);
            (all.iter().find(is_meant)?, name)
        }
        None => (lab, cure),
    };
    lab.variants.iter().find(|variant| variant.name == name).map(|variant| (lab, variant))
}

/// Whether the run without faults is another one than the run with them.
pub fn breaks_something(variant: &Variant) -> bool {
    !variant.faults.is_empty() || !variant.holds.is_empty()
}

fn step(lab: &Lab, variant: &Variant, seed: u64, control: bool) -> Step {
    Step { lab: lab.name.clone(), variant: variant.name.clone(), seed, control }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::samples::{lab, other_lab};

    fn told(chosen: &[&str]) -> Vec<String> {
        let chosen: Vec<_> = chosen.iter().map(|name| (*name).to_owned()).collect();
        let work = schedule(&chosen, &[lab(), other_lab()], 2);
        let steps = work.iter().flat_map(|(_, steps)| steps);
        let text = |step: &Step| {
            let control = if step.control { " control" } else { "" };
            format!("{}/{} {}{control}", step.lab, step.variant, step.seed)
        };
        steps.map(text).collect()
    }

    #[test]
    fn weak_variants_and_cures_get_every_seed_and_strong_ones_a_control() {
        let lab_2 =
            ["02-x/slow 1", "02-x/slow 2", "02-x/far 1", "02-x/far 2", "02-x/cured 1", "02-x/cured 2"];
        // `cured` breaks something, so its control is another run; `calm` does not.
        let strong = ["02-x/cured 1 control", "02-x/calm 1"];
        let elsewhere = ["03-y/healed 1", "03-y/healed 2"];
        let all: Vec<_> = lab_2.into_iter().chain(strong).chain(elsewhere).collect();
        assert_eq!(told(&["02-x"]), all, "the cure in lab 3 is run too, and nothing else of it");
    }

    #[test]
    fn a_lab_that_is_not_chosen_is_not_run() {
        assert_eq!(told(&["03-y"]), ["03-y/healed 1", "03-y/healed 1 control"]);
        assert!(told(&[]).is_empty());
    }
}
