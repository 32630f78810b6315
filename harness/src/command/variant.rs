//! One variant, run as often as its kind asks for: the same for `harness run` and `harness dev`.

use crate::{
    attempt::attempt,
    broker::Brokers,
    context::Context,
    exit::Exit,
    report::{
        live::Screen,
        run_report::{LabView, RunReport},
        views,
    },
    scenario::{Plan, VariantKind},
};

/// What came of a variant.
pub struct Ran {
    /// The last run of it.
    pub report: RunReport,
    /// The harness or a broker failed.
    pub failed: bool,
}

/// Runs one variant; one that seeks is run until what it looks for was seen, or its tries are used up.
pub async fn run_variant(
    context: &Context,
    screen: &Screen,
    brokers: &mut Brokers,
    lab: &LabView,
    plan: &Plan,
    repeat: u32,
) -> Ran {
    let tries = if plan.kind == VariantKind::Seek { plan.tries } else { 1 };
    let mut failed = false;
    let mut tried = 0;
    loop {
        let target = lab.target(Some(&plan.variant));
        let mut report = match attempt(context, screen, brokers, plan, repeat, &target).await {
            Ok(assessed) => views::report(lab, plan, assessed),
            Err(error) => {
                failed |= error.exit() == Exit::Failed;
                context.metrics.not_run(plan);
                let report = views::not_run(lab, plan, repeat, &error);
                if let Some(page) = &context.live_page {
                    page.not_run(lab, &target, &report.result.sentence);
                }
                report
            }
        };
        tried += 1;
        if report.result.as_expected == Some(false) && tried < tries {
            continue;
        }
        if tries > 1 && report.result.as_expected == Some(false) {
            views::never_seen(&mut report, tries);
        }
        return Ran { report, failed };
    }
}
