//! What in the account needs a sentence.

use serde::{Deserialize, Serialize};

use crate::{Account, Counts, Fate, IdRange, Lives, Scope, Window, total};

/// One thing that happened to some messages, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The name of the count: "lost".
    pub kind: String,
    /// How many ids.
    pub count: u64,
    /// Which, exactly.
    pub ids: Vec<IdRange>,
    /// Why, in one sentence without its full stop; "the cause is not known" where it is not.
    pub cause: String,
}

/// The findings of an account.
pub fn findings(
    account: &Account,
    counts: &Counts,
    lives: &Lives,
    _windows: &[Window],
    _writers: &[String],
    _start_ns: u64,
    _scope: &Scope,
) -> Vec<Finding> {
    let odd = Fate::ODD.into_iter().filter(|fate| counts.field(fate.word()).is_some_and(|count| count > 0));
    odd.map(|fate| {
        let ids = account.exact_ids(fate, lives);
        Finding {
            kind: fate.word().to_owned(),
            count: total(&ids),
            ids,
            cause: "the cause is not known".to_owned(),
        }
    })
    .collect()
}
