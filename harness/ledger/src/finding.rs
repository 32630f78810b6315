//! What in the account needs a sentence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Account, Counts, Fate, IdRange, Lives, Scope, Window,
    cause::{Cause, UNKNOWN, cause},
    lives::Piece,
    range::{self, total},
    story::Story,
};

/// One thing that happened to some messages, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The name of the count: "lost".
    pub kind: String,
    /// How many ids.
    pub count: u64,
    /// Which, exactly.
    pub ids: Vec<IdRange>,
    /// Why, in one sentence without its full stop. Where nothing explains it, it says that the cause is not known.
    pub cause: String,
}

impl Finding {
    /// Whether its cause is known, for all of its ids.
    pub fn is_explained(&self) -> bool {
        !self.cause.contains(UNKNOWN)
    }
}

/// Everything odd in an account, grouped by cause: first what is worst, and of one kind the larger group first.
///
/// `lives` holds the second pass over all journals, `writers` the names in their headers by the index that was given
/// to [`Lives::collect`], `start_ns` the moment from which times are told. Ids that `lives` does not hold are still
/// listed; their finding says how many were looked at.
pub fn findings(
    account: &Account,
    counts: &Counts,
    lives: &Lives,
    windows: &[Window],
    writers: &[String],
    start_ns: u64,
    scope: &Scope,
) -> Vec<Finding> {
    let story = Story { windows, writers, start_ns, scope };
    let odd = Fate::ODD.into_iter().filter(|fate| counts.field(fate.word()) != Some(0));
    // A count that is null was not proven, or does not apply: there is nothing to say of it.
    let odd = odd.filter(|fate| counts.field(fate.word()).is_some());
    odd.flat_map(|fate| of_fate(&story, fate, &account.exact_ids(fate, lives), lives)).collect()
}

fn of_fate(story: &Story<'_>, fate: Fate, ids: &[IdRange], lives: &Lives) -> Vec<Finding> {
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    let mut unseen = Vec::new();
    for piece in ids.iter().flat_map(|range| lives.split(*range)) {
        match piece {
            Piece::Gap(gap) => range::push(&mut unseen, gap),
            Piece::Life(id, life) => {
                let cause = cause(story, fate, life);
                let group = groups.entry(cause.words().to_vec()).or_default();
                range::push(&mut group.ids, IdRange::one(id));
                group.widen(&cause);
            }
        }
    }
    let finding =
        |ids: Vec<IdRange>, cause| Finding { kind: fate.word().to_owned(), count: total(&ids), ids, cause };
    let mut findings: Vec<_> = groups
        .into_iter()
        .map(|(words, group)| finding(group.ids, sentence(story, &words, &group.moments)))
        .collect();
    findings.sort_by_key(|finding| (u64::MAX - finding.count, finding.ids.first().copied()));
    if !unseen.is_empty() {
        let (all, left) = (total(ids), total(&unseen));
        let cause = format!("{UNKNOWN}: only {} of {all} were looked at one by one", all - left);
        findings.push(finding(unseen, cause));
    }
    findings
}

/// Ids with the same sentence, and the stretch of each moment in it.
#[derive(Default)]
struct Group {
    ids: Vec<IdRange>,
    moments: Vec<(u64, u64)>,
}

impl Group {
    fn widen(&mut self, cause: &Cause) {
        if self.moments.is_empty() {
            self.moments = cause.moments().iter().map(|moment| (*moment, *moment)).collect();
        }
        for ((from, to), moment) in self.moments.iter_mut().zip(cause.moments()) {
            (*from, *to) = ((*from).min(*moment), (*to).max(*moment));
        }
    }
}

fn sentence(story: &Story<'_>, words: &[String], moments: &[(u64, u64)]) -> String {
    let mut sentence = String::new();
    for (place, words) in words.iter().enumerate() {
        sentence.push_str(words);
        if let Some((from, to)) = moments.get(place) {
            let (from, to) = (story.at(*from), story.at(*to));
            sentence.push_str(&from);
            if from != to {
                sentence.push_str(&format!(" to {to}"));
            }
        }
    }
    sentence
}
