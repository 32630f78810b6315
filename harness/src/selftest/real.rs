//! Anomalies planted in real runs: the misbehaving workers of `labs/selftest`, on a real broker.

use super::{How, Outcome, Sign, Tried, compare};
use crate::{
    attempt::attempt,
    broker::Brokers,
    context::Context,
    error::Error,
    report::live::Screen,
    scenario::{Changes, Plan, Selection},
};

/// The lab's folder.
pub const LAB: &str = "selftest";

/// What must show in each variant of the lab, beside its `expect`.
const SIGNS: [(&str, Sign); 24] = [
    ("clean", Sign::Clean),
    ("clean-stream", Sign::Clean),
    ("clean-kill", Sign::Clean),
    ("lost", Sign::Finding("lost 0-17")),
    ("lost-though-settled", Sign::Finding("lost 0-17")),
    ("duplicated", Sign::Finding("duplicated 0-17")),
    ("redelivered", Sign::Finding("redelivered 0-17")),
    ("acked-never-sent", Sign::Finding("lost 0-17")),
    ("acked-never-attempted", Sign::Finding("phantom 7-17")),
    ("phantom", Sign::Finding("phantom 7-17")),
    ("resurrected", Sign::Finding("resurrected 0-17")),
    ("reordered", Sign::Finding("reordered 0-17")),
    ("crossed", Sign::Finding("crossed 0-17")),
    ("stored-again", Sign::Finding("stored_again 0-17")),
    ("fault-never-fired", Sign::Reason("nothing shows that the fault took hold: kill consumer at in-hand")),
    ("fault-in-an-idle-run", Sign::Reason("nothing was in flight when the fault fired: kill consumer at")),
    ("hold-never-held", Sign::Reason("nothing shows that the fault took hold: hold consumer-0 at in-hand")),
    ("not-drained", Sign::Reason("it is not proven that nothing more will come: the stream has 0 messages")),
    ("consumer-deaf", Sign::Reason("it is not proven that nothing more will come: consumer-0 did not say")),
    ("producer-stalled", Sign::Reason("a wait was given up: a producer has not sent all within 2s")),
    ("worker-died", Sign::Reason("a worker broke: producer-0: ended by itself (exit code 3)")),
    ("worker-failed", Sign::Reason("a worker broke: producer-0: told to fail")),
    ("worker-panicked", Sign::Reason("a worker broke: consumer-0: ended by itself (exit code 101)")),
    ("worker-ended", Sign::Reason("a worker broke: consumer-0: ended by itself (exit code 0)")),
];

/// Runs every variant of the lab, as `harness run` would.
pub async fn run_all(context: &Context, screen: &Screen, lab: &Selection) -> Result<Vec<Tried>, Error> {
    let mut brokers = Brokers::default();
    let mut all = Vec::new();
    for variant in lab.variants() {
        let plan = Plan::new(&lab.lab, variant, 1, &Changes::default())?;
        let sign = sign(&plan.variant)?;
        let target = format!("{LAB}/{}", plan.variant);
        let judged = attempt(context, screen, &mut brokers, &plan, 0, &target).await;
        let outcome = Outcome::of(judged, |assessed| compare(assessed, &plan.expect, sign));
        all.push(Tried { kind: plan.variant.clone(), how: How::RealRun, sign, outcome });
    }
    brokers.stop().await;
    Ok(all)
}

fn sign(variant: &str) -> Result<Sign, Error> {
    let found = SIGNS.iter().find(|(name, _)| *name == variant);
    found.map(|(_, sign)| *sign).ok_or_else(|| {
        Error::Usage(format!("nobody said what must show in {LAB}/{variant}: harness/src/selftest/real.rs"))
    })
}
