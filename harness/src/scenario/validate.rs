//! What must fit together: words that name something which has to be there, or that a runtime has to be able to do.

use std::{cell::RefCell, collections::BTreeSet, ops::Range};

use super::{
    Action, Pick, Role, Variant, Word, WorkerSpec,
    fields::Placed,
    mistake::{Notes, one_of},
};

/// More processes of one kind than this are a slip of the finger.
pub const MOST_WORKERS: u32 = 1_000;

/// Targets that are no workers.
const OTHERS: [&str; 2] = ["broker", "webhook"];

/// What a runtime can do. Asked before anything starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supports {
    /// The runtime's name: `local`.
    pub runtime: &'static str,
    /// The faults it can inject, into workers and brokers.
    pub actions: &'static [Action],
}

impl Supports {
    /// What the local runtime can do.
    pub const LOCAL: Supports = Supports { runtime: "local", actions: Action::ALL };

    /// Notes a fault that this runtime cannot do.
    pub fn refuse(&self, fault: &str, place: &Range<usize>, notes: &Notes) {
        let words: Vec<_> = self.actions.iter().map(|action| action.word()).collect();
        notes.wrong(place, format!("the {} runtime cannot do `{fault}` yet", self.runtime), one_of(&words));
    }
}

/// Another lab, as far as a `cure` needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its number.
    pub number: u8,
    /// Its folder's name.
    pub name: String,
    /// The names of its variants.
    pub variants: Vec<String>,
}

/// Something that a variant says of another part of itself; checked when all of it was read.
#[derive(Clone, Debug)]
enum Claim {
    /// A worker, a role or `any` of this name takes part.
    Who(String),
    /// A worker of this name takes part.
    Worker(String),
    /// As `Who`, or the broker, or the webhook.
    Target(String),
    /// Some worker has this point.
    Point(String),
    /// So many messages are sent.
    Count(u64),
}

/// The claims of one variant.
#[derive(Debug, Default)]
pub struct Claims(RefCell<Vec<Placed<Claim>>>);

impl Claims {
    /// `name` is a worker, a role or `any`.
    pub fn who(&self, name: &str, place: &Range<usize>) {
        self.add(Claim::Who(name.to_owned()), place);
    }

    /// `name` is a worker.
    pub fn worker(&self, name: &str, place: &Range<usize>) {
        self.add(Claim::Worker(name.to_owned()), place);
    }

    /// `name` is a worker, a role, `any`, `broker` or `webhook`.
    pub fn target(&self, name: &str, place: &Range<usize>) {
        self.add(Claim::Target(name.to_owned()), place);
    }

    /// Some worker has the point `name`.
    pub fn point(&self, name: &str, place: &Range<usize>) {
        self.add(Claim::Point(name.to_owned()), place);
    }

    /// The producers send as many messages as `reaches` asks for.
    pub fn count(&self, reaches: Pick, place: &Range<usize>) {
        self.add(Claim::Count(reaches.most()), place);
    }

    fn add(&self, value: Claim, place: &Range<usize>) {
        self.0.borrow_mut().push(Placed { value, place: place.clone() });
    }

    /// Notes every claim that the variant does not hold.
    pub fn check(self, variant: &Variant, points: &BTreeSet<String>, notes: &Notes) {
        let workers = worker_names(&variant.workers);
        let roles: BTreeSet<_> = variant.workers.iter().map(|worker| worker.role.word()).collect();
        let foreign = variant.workers.iter().any(|worker| worker.command.is_some());
        let who = || workers.iter().map(String::as_str).chain(roles.iter().copied()).chain(["any"]);
        for Placed { value, place } in self.0.into_inner() {
            match value {
                Claim::Who(name) if !who().any(|known| known == name) => {
                    notes.unknown(&place, format!("no worker is called `{name}`"), &name, who());
                }
                Claim::Worker(name) if !workers.contains(&name) => {
                    let known = workers.iter().map(String::as_str);
                    notes.unknown(&place, format!("no worker is called `{name}`"), &name, known);
                }
                Claim::Target(name) if !who().chain(OTHERS).any(|known| known == name) => {
                    let known = who().chain(OTHERS);
                    notes.unknown(&place, format!("there is no target `{name}`"), &name, known);
                }
                // What a program in another language says cannot be read from its source for certain.
                Claim::Point(name) if !foreign && !points.contains(&name) => {
                    let known = points.iter().map(String::as_str);
                    notes.unknown(&place, format!("no worker has a point `{name}`"), &name, known);
                }
                Claim::Count(reaches) if reaches > sent(variant) => {
                    let expected = format!("at most {}", sent(variant));
                    notes.wrong(&place, format!("never reached: {reaches} messages"), expected);
                }
                Claim::Who(_) | Claim::Worker(_) | Claim::Target(_) | Claim::Point(_) | Claim::Count(_) => {}
            }
        }
    }
}

/// The workers' names: `producer-0`, `consumer-0`, `consumer-1`, numbered within their role.
pub fn worker_names<N>(workers: &[WorkerSpec<N>]) -> Vec<String> {
    let of_role = |role: Role| {
        let count: u32 = workers.iter().filter(|worker| worker.role == role).map(|worker| worker.count).sum();
        (0..count).map(move |number| format!("{role}-{number}"))
    };
    Role::ALL.iter().flat_map(|role| of_role(*role)).collect()
}

/// How many messages the producers of a variant send together.
fn sent(variant: &Variant) -> u64 {
    let producers = variant.workers.iter().filter(|worker| worker.role == Role::Producer);
    u64::from(variant.workload.messages) * producers.map(|worker| u64::from(worker.count)).sum::<u64>()
}

/// Notes a cure that is no variant, of this lab (`own`) or of another (`5/inbox`).
pub fn check_cure(cure: &Placed<String>, own: &[&str], others: &[Neighbour], notes: &Notes) {
    let what = format!("there is no variant `{}` to be the cure", cure.value);
    let Some((lab, variant)) = cure.value.split_once('/') else {
        if !own.contains(&cure.value.as_str()) {
            notes.unknown(&cure.place, what, &cure.value, own.iter().copied());
        }
        return;
    };
    let found = others.iter().find(|other| other.name == lab || lab.parse() == Ok(other.number));
    match found {
        None => {
            let labs: Vec<_> = others.iter().map(|other| format!("{}/…", other.number)).collect();
            let labs: Vec<_> = labs.iter().map(String::as_str).collect();
            notes.wrong(
                &cure.place,
                what,
                format!("a variant of this lab, or of another: {}", one_of(&labs)),
            );
        }
        Some(other) if !other.variants.iter().any(|known| known == variant) => {
            let known: Vec<_> = other.variants.iter().map(|known| format!("{lab}/{known}")).collect();
            notes.unknown(&cure.place, what, &cure.value, known.iter().map(String::as_str));
        }
        Some(_) => {}
    }
}
