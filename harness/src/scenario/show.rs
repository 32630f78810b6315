//! A plan as a person reads it: what `harness plan` prints.

use std::fmt;

use super::{
    Heal, Isolation, KafkaNames, Plan, Role, Sink, VariantKind, WorkerSpec, duration, validate::worker_names,
};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}/{}, seed {}", self.lab, self.variant, self.seed)?;
        writeln!(f, "  {}", self.says)?;
        self.promise(f)?;
        self.situation(f)?;
        self.who(f)?;
        self.what_happens(f)?;
        self.outcome(f)
    }
}

impl Plan {
    fn promise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.order { ", in order" } else { "" };
        line(f, "claims", format!("{}{order}", self.contract))?;
        if let Some(defect) = &self.defect {
            let cure = self.cure.as_ref().map(|cure| format!("; in {cure} it is gone")).unwrap_or_default();
            line(f, "shows", format!("{defect}{cure}"))?;
        }
        match self.kind {
            VariantKind::Seek => line(f, "repeated", format!("until it shows, at most {} times", self.tries)),
            VariantKind::Forced | VariantKind::Invariant | VariantKind::Figures => Ok(()),
        }
    }

    fn situation(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brokers: Vec<_> = self.brokers.iter().map(|broker| broker.word()).collect();
        line(f, "brokers", brokers.join(", "))?;
        let work = &self.workload;
        let pace = match work.rate {
            0 => "as fast as it goes".to_owned(),
            rate => format!("{rate} a second"),
        };
        line(
            f,
            "workload",
            format!("{} messages of {} bytes from each producer, {pace}", work.messages, work.payload),
        )?;
        if let Some(stream) = self.stream() {
            let window = stream
                .duplicate_window
                .map(|window| format!(", duplicate window {}", duration::text(window)));
            let most = stream.max_messages.map(|most| format!(", at most {most} messages"));
            let more = [window, most].into_iter().flatten().collect::<String>();
            line(f, "stream", format!("storage {}, retention {}{more}", stream.storage, stream.retention))?;
        }
        if let Some(consumer) = self.consumer() {
            let wait = consumer.ack_wait.map(|wait| format!(", ack wait {}", duration::text(wait)));
            let most = consumer.max_ack_pending.map(|most| format!(", at most {most} out without an ack"));
            let more = [wait, most].into_iter().flatten().collect::<String>();
            line(f, "consumer", format!("ack {}{more}", consumer.ack))?;
        }
        if let Some(KafkaNames { topic, group }) = &self.kafka {
            let config: String = topic.config.iter().map(|(key, value)| format!(", {key}={value}")).collect();
            let group = if *group { "; one consumer group commits offsets" } else { "" };
            line(f, "topic", format!("{} partitions{config}{group}", topic.partitions))?;
        }
        if let Some(schema) = self.postgres.as_ref().and_then(|postgres| postgres.schema.as_ref()) {
            line(f, "database", format!("with the tables of {schema}"))?;
        }
        for broker in &self.brokers {
            for setting in self.server_settings(*broker).lines() {
                line(f, "server", format!("{broker}: {setting}"))?;
            }
        }
        match &self.sink {
            Sink::Journal => Ok(()),
            Sink::Webhook { keyed: false } => line(f, "sink", "a webhook".to_owned()),
            Sink::Webhook { keyed: true } => {
                line(f, "sink", "a webhook that knows an idempotency key".to_owned())
            }
            Sink::Table => line(f, "sink", "the table `effects`, which has no key".to_owned()),
            Sink::Balance => line(f, "sink", "the sum in the table `balances`".to_owned()),
            Sink::Topic { isolation: Isolation::ReadCommitted } => {
                line(f, "sink", "a topic, of which only what is committed counts".to_owned())
            }
            Sink::Topic { isolation: Isolation::ReadUncommitted } => {
                line(f, "sink", "a topic, of which everything counts that its log holds".to_owned())
            }
        }
    }

    fn who(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen: Vec<WorkerSpec> = Vec::new();
        for worker in &self.workers {
            let before = count(&seen, worker.role);
            let names: Vec<_> =
                (before..before + worker.count).map(|number| format!("{}-{number}", worker.role)).collect();
            seen.push(worker.clone());
            let program = match (&worker.command, &worker.run) {
                (Some(command), _) => command.join(" "),
                (None, run) => format!("{} {}", self.binary, run.as_deref().unwrap_or_default()),
            };
            let args: String = worker.args.iter().map(|arg| format!(" {arg}")).collect();
            let start =
                worker.start.as_ref().map(|start| format!(", starts at: {start}")).unwrap_or_default();
            line(f, "worker", format!("{}: {program}{args}{start}", names.join(", ")))?;
        }
        Ok(())
    }

    fn what_happens(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for hold in &self.holds {
            line(f, "hold", format!("{} at {} #{}, until {}", hold.worker, hold.at, hold.nth, hold.until))?;
        }
        for fault in &self.faults {
            let heal = match &fault.heal {
                Heal::At(moment) => format!("healed: {moment}"),
                Heal::BeforeDrain => "healed before the drain".to_owned(),
                Heal::Never => "not healed".to_owned(),
            };
            let by = fault.by.map(|by| format!(" by {}", duration::text(by))).unwrap_or_default();
            line(f, "fault", format!("{} {}{by} at {}; {heal}", fault.action, fault.target, fault.at))?;
        }
        if self.no_faults {
            line(f, "fault", "none: this is the control".to_owned())?;
        }
        Ok(())
    }

    fn outcome(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = match self.expectation() {
            None => "nothing: it was changed, so the lab does not say what must come out".to_owned(),
            Some(expect) => {
                let verdict = expect.verdict.map(|verdict| verdict.to_string());
                let counts = expect.counts.iter().map(|(name, bound)| format!("{name} {bound}"));
                verdict.into_iter().chain(counts).collect::<Vec<_>>().join(", ")
            }
        };
        line(f, "expected", expected)?;
        let changes: Vec<_> = self.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if !changes.is_empty() {
            line(f, "changed", changes.join(" "))?;
        }
        line(f, "bound", duration::text(self.limit))
    }
}

fn count(workers: &[WorkerSpec], role: Role) -> u32 {
    let names = worker_names(workers);
    names
        .iter()
        .filter(|name| name.strip_prefix(role.word()).is_some_and(|rest| rest.starts_with('-')))
        .count() as u32
}

fn line(f: &mut fmt::Formatter<'_>, word: &str, text: String) -> fmt::Result {
    writeln!(f, "  {word:<9} {text}")
}
