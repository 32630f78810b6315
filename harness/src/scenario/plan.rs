//! A variant, a seed and the person's changes make a plan: every number fixed, nothing started.

use std::{collections::BTreeMap, time::Duration};

use ledger::{Contract, Expectation};
use serde::{Deserialize, Serialize};

use super::{
    Ack, Broker, Changes, ConsumerSettings, Error, FaultSpec, Heal, Hold, KafkaNames, Lab, Moment, NatsNames,
    Pick, PostgresNames, Resend, Server, Sink, StreamSettings, Target, Variant, VariantKind, WorkerSpec,
    Workload, duration, validate::worker_names,
};

/// What a run will do. It is written to the run's `run.toml` and read back for `harness check`.
///
/// Displays as `harness plan` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The lab's name: `02-fire-and-forget`.
    pub lab: String,
    /// The lab's number; 0 where it has none.
    pub number: u8,
    /// The lab's title.
    pub title: String,
    /// The lab's question.
    pub question: String,
    /// The lab's hint.
    pub hint: String,
    /// The program with the lab's workers.
    pub binary: String,
    /// What the variant needs.
    pub brokers: Vec<Broker>,
    /// The variant's name.
    pub variant: String,
    /// The situation.
    pub says: String,
    /// What the configuration promises.
    pub contract: Contract,
    /// The contract also forbids reordering.
    pub order: bool,
    /// How sure the outcome is.
    pub kind: VariantKind,
    /// How often it is repeated, for `seek`; else 1.
    pub tries: u32,
    /// The count that must be at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
    /// The variant in which it is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// The setting responsible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knob: Option<String>,
    /// The one next thing to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What fixed the numbers that the file leaves open.
    pub seed: u64,
    /// Without faults and holds: the control.
    pub no_faults: bool,
    /// What a restarted producer sends again.
    pub resend: Resend,
    /// The bound of the run.
    #[serde(with = "duration::field")]
    pub limit: Duration,
    /// The settings that the person changed.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// What each producer sends.
    pub workload: Workload,
    /// Settings of servers of its own.
    pub server: Server,
    /// What is created on NATS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<NatsNames>,
    /// What is created on Kafka.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaNames>,
    /// What is created in PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresNames>,
    /// Where effects become visible.
    pub sink: Sink,
    /// Who takes part.
    pub workers: Vec<WorkerSpec>,
    /// Who is held where.
    #[serde(default)]
    pub holds: Vec<Hold>,
    /// What is broken when.
    #[serde(default)]
    pub faults: Vec<FaultSpec>,
    /// What the lab file says must come out; [`Plan::expectation`] says whether it applies.
    pub expect: Expectation,
    /// What it says must come out of the control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Expectation>,
}

impl Plan {
    /// Makes the plan. Pure: the same arguments give the same plan. Fails if the changes do not fit the variant.
    pub fn new(lab: &Lab, variant: &Variant, seed: u64, changes: &Changes) -> Result<Self, Error> {
        let variant = changes.apply(variant)?;
        let mut dice = Dice(seed);
        let mut roll = |pick: &Pick| dice.roll(*pick);
        let expect = expected(lab, &variant);
        let workers = variant.workers.iter().map(|worker| plan_worker(worker, &mut roll)).collect();
        let mut plan = Self {
            lab: lab.name.clone(),
            number: lab.number,
            title: lab.title.clone(),
            question: lab.question.clone(),
            hint: lab.hint.clone(),
            binary: lab.binary.clone(),
            brokers: variant.brokers,
            variant: variant.name,
            says: variant.says,
            contract: variant.contract,
            order: variant.order,
            kind: variant.kind,
            tries: variant.tries,
            defect: variant.defect,
            cure: variant.cure,
            knob: variant.knob,
            next: variant.next,
            seed,
            no_faults: changes.no_faults,
            resend: variant.resend,
            limit: variant.limit,
            set: changes.set.clone(),
            workload: variant.workload,
            server: variant.server,
            nats: variant.nats,
            kafka: variant.kafka,
            postgres: variant.postgres,
            sink: variant.sink,
            workers,
            holds: Vec::new(),
            faults: Vec::new(),
            expect,
            control: variant.control,
        };
        if !changes.no_faults {
            plan.holds = variant.holds.iter().map(|hold| plan_hold(hold, &mut roll)).collect();
            plan.faults = variant.faults.iter().map(|fault| plan_fault(fault, &mut roll)).collect();
        }
        plan.everybody_is_there()?;
        Ok(plan)
    }

    /// What must come out; `None` where the person changed something, and in a control of which the file does not speak:
    /// then nobody said what should.
    pub fn expectation(&self) -> Option<&Expectation> {
        match (self.set.is_empty(), self.no_faults) {
            (true, false) => Some(&self.expect),
            (true, true) => self.control.as_ref(),
            (false, _) => None,
        }
    }

    /// The stream, where there is one.
    pub fn stream(&self) -> Option<&StreamSettings> {
        self.nats.as_ref()?.stream.as_ref()
    }

    /// The durable consumer, where there is one.
    pub fn consumer(&self) -> Option<&ConsumerSettings> {
        self.nats.as_ref()?.consumer.as_ref()
    }

    /// How long a delivered message may go without an ack before it comes again; zero where none comes.
    pub fn redelivery_period(&self) -> Duration {
        let consumer = self.consumer().filter(|consumer| consumer.ack != Ack::None);
        consumer.and_then(|consumer| consumer.ack_wait).unwrap_or_default()
    }

    /// Whether what consumers take is a table, which they ask.
    pub fn polls_a_table(&self) -> bool {
        self.stream().is_none() && self.kafka.is_none() && self.postgres.is_some()
    }

    /// The largest batch that the topic takes, in bytes, where every message is larger.
    pub fn too_large_for(&self) -> Option<u32> {
        let most = self.kafka.as_ref()?.topic.config.get("max.message.bytes")?.parse().ok()?;
        (self.workload.payload > most).then_some(most)
    }

    /// The lines for a server's own configuration file that the variant asks for; empty for an ordinary server.
    pub fn server_settings(&self, broker: Broker) -> String {
        let Some(settings) = self.server.of(broker) else { return String::new() };
        match broker {
            Broker::Nats => server_lines(settings),
            Broker::Postgres | Broker::Kafka => property_lines(settings),
        }
    }

    /// Whether consumers have their progress confirmed by the broker.
    pub fn settles(&self) -> bool {
        let acks = self.consumer().is_some_and(|consumer| consumer.ack != Ack::None);
        acks || self.kafka.as_ref().is_some_and(|kafka| kafka.group)
    }

    /// The workers' names, numbered within their role.
    pub fn worker_names(&self) -> Vec<String> {
        worker_names(&self.workers)
    }

    /// A changed count may have taken away somebody whom the plan names.
    fn everybody_is_there(&self) -> Result<(), Error> {
        let names = self.worker_names();
        let targets = self.faults.iter().filter_map(|fault| match &fault.target {
            Target::Worker(name) => Some(name.as_str()),
            Target::Role(_) | Target::Broker | Target::Webhook | Target::Any => None,
        });
        let held = self.holds.iter().map(|hold| hold.worker.as_str());
        // A name with a dash is a worker's; a role is there whatever the count.
        let of_moments = self.moments().filter_map(Moment::of).filter(|name| name.contains('-'));
        let mut named = targets.chain(held).chain(of_moments);
        let Some(missing) = named.find(|name| !names.iter().any(|known| known == name)) else {
            return Ok(());
        };
        let set: Vec<_> = self.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Err(Error::Set(format!("with {} there is no {missing}, which {} needs", set.join(" "), self.variant)))
    }

    fn moments(&self) -> impl Iterator<Item = &Moment> {
        let starts = self.workers.iter().filter_map(|worker| worker.start.as_ref());
        let untils = self.holds.iter().map(|hold| &hold.until);
        let faults = self.faults.iter().map(|fault| &fault.at);
        let heals = self.faults.iter().filter_map(|fault| match &fault.heal {
            Heal::At(moment) => Some(moment),
            Heal::BeforeDrain | Heal::Never => None,
        });
        starts.chain(untils).chain(faults).chain(heals)
    }
}

/// What must come out: what the file says, and by rule 7 the defect of a weak variant, and none of it in its cure.
fn expected(lab: &Lab, variant: &Variant) -> Expectation {
    let shown = variant.defect.iter().fold(variant.expect.clone(), |expect, defect| expect.shows(defect));
    let cured = lab.variants.iter().filter(|weak| weak.cure.as_ref() == Some(&variant.name));
    cured.filter_map(|weak| weak.defect.as_ref()).fold(shown, |expect, defect| expect.lacks(defect))
}

fn plan_worker(worker: &WorkerSpec<Pick>, roll: &mut impl FnMut(&Pick) -> u64) -> WorkerSpec {
    WorkerSpec {
        role: worker.role,
        run: worker.run.clone(),
        command: worker.command.clone(),
        args: worker.args.clone(),
        count: worker.count,
        start: worker.start.as_ref().map(|start| start.map(roll)),
    }
}

fn plan_hold(hold: &Hold<Pick>, roll: &mut impl FnMut(&Pick) -> u64) -> Hold {
    Hold {
        worker: hold.worker.clone(),
        at: hold.at.clone(),
        nth: roll(&hold.nth),
        until: hold.until.map(roll),
    }
}

fn plan_fault(fault: &FaultSpec<Pick>, roll: &mut impl FnMut(&Pick) -> u64) -> FaultSpec {
    FaultSpec {
        action: fault.action,
        target: fault.target.clone(),
        by: fault.by,
        network: fault.network.clone(),
        at: fault.at.map(&mut *roll),
        heal: match &fault.heal {
            Heal::At(moment) => Heal::At(moment.map(roll)),
            Heal::BeforeDrain => Heal::BeforeDrain,
            Heal::Never => Heal::Never,
        },
    }
}

/// Settings in the form of nats-server's configuration: `max_payload: 1024`.
fn server_lines(table: &toml::Table) -> String {
    table.iter().map(|(key, value)| format!("{key}: {}\n", server_value(value))).collect()
}

/// Settings as PostgreSQL and Kafka take them: `key=value`. A value with blanks is put in quotes by whoever writes it.
fn property_lines(table: &toml::Table) -> String {
    let value = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    table.iter().map(|(key, found)| format!("{key}={}\n", value(found))).collect()
}

fn server_value(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) => format!("{{\n{}}}", server_lines(table)),
        toml::Value::Array(items) => {
            format!("[{}]", items.iter().map(server_value).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Numbers from a seed, the same in every version of this program (SplitMix64, public domain).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, pick: Pick) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        match pick {
            Pick::Exactly(number) => number,
            // Ranges are tiny beside 2^64: that the remainder favours some number cannot be seen.
            Pick::Between(from, to) => from + mixed.checked_rem((to - from).wrapping_add(1)).unwrap_or(mixed),
        }
    }
}
