//! One run in one sentence.

use ledger::{Contract, Counts, Verdict};

use super::{
    document::RunResult,
    words::{count_of, number, signed, was},
};

/// The verdict in one sentence, with the counts that matter for it. No line ends, no full stop.
///
/// `reasons` are the judgement's, or say why a variant was not run; the first one goes into the sentence.
pub fn sentence(result: &RunResult, reasons: &[String]) -> String {
    let contract = result.contract.word();
    match (result.verdict, &result.account) {
        (Verdict::NotRun, _) => format!("not run: {}", first(reasons, "it could not be started")),
        (Verdict::Inconclusive, _) => format!("inconclusive: {}", first(reasons, doubt(result))),
        (Verdict::Kept, Some(counts)) => format!("kept: {contract} held; {}", kept(result.contract, counts)),
        (Verdict::Broken, Some(counts)) => {
            format!("broken: {contract} was promised, but {}", broken(result.contract, counts, reasons))
        }
        (verdict, None) => format!("{}: there is no account", verdict.word()),
    }
}

/// The first line of the first reason without its full stop, and how many more reasons there are.
fn first(reasons: &[String], otherwise: &str) -> String {
    let Some(reason) = reasons.first() else { return otherwise.to_owned() };
    let reason = reason.lines().next().unwrap_or_default().trim_end_matches('.');
    match reasons.len() as u64 - 1 {
        0 => reason.to_owned(),
        more => format!("{reason}; and {}", count_of(more, "more reason")),
    }
}

/// What a result without reasons still shows.
fn doubt(result: &RunResult) -> &'static str {
    if result.faults.iter().any(|fault| !fault.injected) {
        "the fault was not seen to happen"
    } else if !result.drained {
        "more messages might have come, so nobody can say what is lost"
    } else {
        "nothing can be said of this run"
    }
}

fn kept(contract: Contract, counts: &Counts) -> String {
    let field = |name| counts.field(name).unwrap_or(0);
    let (attempted, lost, duplicated) = (field("attempted"), field("lost"), field("duplicated"));
    let of_all = |count: u64| format!("{} of {}", number(count), count_of(attempted, "message"));
    let mut parts = Vec::new();
    match contract {
        Contract::AtMostOnce if lost > 0 => {
            parts.push(format!("{} {} lost, as at-most-once allows", of_all(lost), was(lost)));
        }
        Contract::AtLeastOnce if duplicated > 0 => {
            parts.push("nothing was lost".to_owned());
            parts.push(format!(
                "{} {} applied more than once, as at-least-once allows",
                of_all(duplicated),
                was(duplicated)
            ));
        }
        Contract::AtMostOnce | Contract::AtLeastOnce | Contract::EffectivelyOnce => {
            parts.push(each_once(field("applied"), attempted));
        }
    }
    if field("redelivered") > 0 && duplicated == 0 {
        parts.push(format!("{} came more than once without a second effect", number(field("redelivered"))));
    }
    if field("rejected") > 0 {
        parts.push(format!("{} {} rejected", number(field("rejected")), was(field("rejected"))));
    }
    if field("recovered") > 0 {
        let (recovered, unknown) = (field("recovered"), field("unknown"));
        parts.push(format!(
            "of {} unknown to the producer {} arrived all the same",
            number(unknown),
            number(recovered)
        ));
    }
    parts.join("; ")
}

fn each_once(applied: u64, attempted: u64) -> String {
    if applied == attempted {
        format!("each of {} was applied once", count_of(attempted, "message"))
    } else {
        format!(
            "nothing was lost or applied twice; {} of {} {} applied",
            number(applied),
            count_of(attempted, "message"),
            was(applied)
        )
    }
}

/// What broke the contract. If no count of its own did, order did: the judgement's reason says it.
fn broken(contract: Contract, counts: &Counts, reasons: &[String]) -> String {
    let field = |name| counts.field(name).unwrap_or(0);
    let of_all = |count: u64| format!("{} of {}", number(count), count_of(field("attempted"), "message"));
    let lost_matters = contract != Contract::AtMostOnce;
    let duplicated_matters = contract != Contract::AtLeastOnce;
    let causes = [
        (lost_matters, "lost", "lost"),
        (duplicated_matters, "duplicated", "applied more than once"),
        (true, "phantom", "seen without having been sent"),
        (true, "resurrected", "seen after having been rejected"),
        (true, "crossed", "another run's"),
    ];
    let mut parts = Vec::new();
    for (matters, name, what) in causes {
        let count = field(name);
        if matters && count > 0 {
            parts.push(match (parts.is_empty(), name) {
                (true, "lost" | "duplicated") => format!("{} {} {what}", of_all(count), was(count)),
                _ => format!("{} {} {what}", number(count), was(count)),
            });
        }
    }
    if let Some(sum) = counts.sum.as_ref().filter(|sum| sum.expected != sum.observed) {
        parts.push(format!("the sum is {} and should be {}", signed(sum.observed), signed(sum.expected)));
    }
    match (parts.is_empty(), field("reordered")) {
        (false, _) => parts.join(", "),
        (true, 0) => first(reasons, "its account says otherwise"),
        (true, count) => format!("{} came after a later one of its producer", of_all(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{counts, result};

    fn of(contract: Contract, verdict: Verdict, set: &[(&str, u64)]) -> String {
        let mut result = result(contract, verdict);
        result.account = Some(counts(set));
        sentence(&result, &[])
    }

    #[test]
    fn a_kept_contract_says_what_it_allowed() {
        assert_eq!(
            of(Contract::AtMostOnce, Verdict::Kept, &[("attempted", 2000), ("applied", 1997), ("lost", 3)]),
            "kept: at-most-once held; 3 of 2,000 messages were lost, as at-most-once allows"
        );
        assert_eq!(
            of(
                Contract::AtLeastOnce,
                Verdict::Kept,
                &[("attempted", 2000), ("applied", 2000), ("duplicated", 1)]
            ),
            "kept: at-least-once held; nothing was lost; 1 of 2,000 messages was applied more than once, \
             as at-least-once allows"
        );
        assert_eq!(
            of(
                Contract::EffectivelyOnce,
                Verdict::Kept,
                &[("attempted", 2000), ("applied", 2000), ("redelivered", 4)]
            ),
            "kept: effectively-once held; each of 2,000 messages was applied once; \
             4 came more than once without a second effect"
        );
    }

    #[test]
    fn what_the_producer_never_learned_is_not_passed_over() {
        let set = [("attempted", 100), ("applied", 98), ("unknown", 5), ("recovered", 3), ("rejected", 1)];
        assert_eq!(
            of(Contract::AtLeastOnce, Verdict::Kept, &set),
            "kept: at-least-once held; nothing was lost or applied twice; 98 of 100 messages were applied; \
             1 was rejected; of 5 unknown to the producer 3 arrived all the same"
        );
    }

    #[test]
    fn a_broken_contract_says_by_what() {
        let set = [("attempted", 2000), ("lost", 1), ("duplicated", 2), ("phantom", 3)];
        assert_eq!(
            of(Contract::EffectivelyOnce, Verdict::Broken, &set),
            "broken: effectively-once was promised, but 1 of 2,000 messages was lost, 2 were applied more than once, \
             3 were seen without having been sent"
        );
        assert_eq!(
            of(Contract::AtLeastOnce, Verdict::Broken, &set),
            "broken: at-least-once was promised, but 1 of 2,000 messages was lost, 3 were seen without having been sent"
        );
        assert_eq!(
            of(Contract::AtLeastOnce, Verdict::Broken, &[("attempted", 10), ("reordered", 2)]),
            "broken: at-least-once was promised, but 2 of 10 messages came after a later one of its producer"
        );
    }

    #[test]
    fn a_wrong_sum_is_told() {
        let mut result = result(Contract::EffectivelyOnce, Verdict::Broken);
        let mut account = counts(&[("attempted", 10)]);
        account.sum = serde_json::from_str(r#"{"expected":-10,"observed":1200}"#).unwrap();
        result.account = Some(account);
        assert_eq!(
            sentence(&result, &[]),
            "broken: effectively-once was promised, but the sum is 1,200 and should be -10"
        );
    }

    #[test]
    fn what_cannot_be_told_says_why() {
        let mut result = result(Contract::AtMostOnce, Verdict::Inconclusive);
        let reasons =
            ["consumer-0 ended by itself.\n  its log".to_owned(), "the drain was not proven".to_owned()];
        assert_eq!(
            sentence(&result, &reasons),
            "inconclusive: consumer-0 ended by itself; and 1 more reason"
        );
        assert_eq!(
            sentence(&result, &[]),
            "inconclusive: more messages might have come, so nobody can say what is lost"
        );
        result.verdict = Verdict::NotRun;
        assert_eq!(sentence(&result, &[]), "not run: it could not be started");
    }
}
