//! Faults at the webhook: the receiver itself answers badly, and counts the calls that it does so to.

use super::Standing;
use crate::{
    error::Error,
    report::event::RunEvent,
    scenario::{Action, FaultSpec, Target},
    sink::Answers,
    stage::Stage,
};

impl Stage<'_> {
    /// From now on the receiver answers as the fault says.
    pub fn disturb_webhook(&self, spec: &FaultSpec, standing: &mut Standing) {
        if let Some(webhook) = &self.webhook {
            standing.disturbed_before = webhook.disturbed();
            webhook.answer(answers(spec));
        }
    }

    /// It answers as it should again. May be called twice.
    pub fn heal_webhook(&self) {
        if let Some(webhook) = &self.webhook {
            webhook.answer(Answers::Well);
        }
    }

    /// Writes down the first call that was answered badly, and at the end how many there were.
    pub fn look_at_webhook(&mut self, number: usize, at_the_end: bool) -> Result<(), Error> {
        let (spec, standing) = (&self.plan.faults[number], &mut self.faults[number]);
        let Some(webhook) = self.webhook.as_ref().filter(|_| spec.target == Target::Webhook) else {
            return Ok(());
        };
        if standing.fired_ns.is_none() || standing.healed_ns.is_some() {
            return Ok(());
        }
        let calls = webhook.disturbed() - standing.disturbed_before;
        let first = calls > 0 && !standing.took_hold;
        standing.took_hold |= calls > 0;
        if first || at_the_end && calls > 0 {
            let evidence = evidence(spec.action, calls);
            return self.events.emit(RunEvent::FaultSeen { number, evidence });
        }
        Ok(())
    }
}

fn answers(spec: &FaultSpec) -> Answers {
    match spec.action {
        Action::Error => Answers::Errors,
        Action::Delay => Answers::Late(spec.by.unwrap_or_default()),
        Action::DropReply => Answers::Lost,
        Action::BlackHole => Answers::Never,
        _ => Answers::Well,
    }
}

fn evidence(action: Action, calls: u64) -> String {
    let calls = if calls == 1 { "1 call".to_owned() } else { format!("{calls} calls") };
    match action {
        Action::Error => format!("{calls} answered with 500, nothing applied"),
        Action::Delay => format!("{calls} taken and answered late"),
        Action::DropReply => format!("{calls} taken and the connection closed without an answer"),
        _ => format!("{calls} taken and never answered"),
    }
}
