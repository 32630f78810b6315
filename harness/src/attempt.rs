//! One variant, from building its workers to its verdict: the way that `harness run` and `harness selftest` both go.

use crate::{
    assess::Assessed,
    broker::Brokers,
    context::Context,
    error::Error,
    interrupt::unless_asked,
    recorder::Recorder,
    report::live::Screen,
    run::run,
    scenario::Plan,
    store::{RunFolder, RunToml},
};

/// Runs a plan on the lab's brokers. `target` is what a person types to run it.
///
/// Fails with [`Error::NotRun`] where something is missing before anything was started.
pub async fn attempt(
    context: &Context,
    screen: &Screen,
    brokers: &mut Brokers,
    plan: &Plan,
    repeat: u32,
    target: &str,
) -> Result<Assessed, Error> {
    let progress = screen.progress(target);
    let prepare = async {
        // A lab whose workers are all in other languages has no program.
        if plan.workers.iter().any(|worker| worker.run.is_some()) {
            progress.doing("building the workers");
            context.build(&plan.lab).await?;
        }
        for broker in &plan.brokers {
            progress.doing(&format!("looking for {broker}"));
            context.look_for(*broker).await?;
        }
        Ok(())
    };
    unless_asked(context.interrupt.clone(), plan, prepare).await?;
    let folder = RunFolder::create(&context.runs, &plan.lab, &plan.variant, plan.seed)?;
    let about = RunToml::new(plan.clone(), repeat, &folder, &context.project);
    folder.write("run.toml", about.to_toml()?.as_bytes())?;
    let page = context.live_page.as_ref().map(|page| page.run(plan, target));
    let events = Recorder::begin(&folder, &progress, context.metrics.of_run(plan, &folder), page)?;
    run(context, brokers, plan, folder, events).await
}
