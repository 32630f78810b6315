//! The plan of a run that never was.

use std::time::Duration;

use ledger::{Contract, Expectation};

use super::history::MESSAGES;
use crate::scenario::{
    Ack, Broker, ConsumerSettings, NatsNames, Plan, Resend, Retention, Role, Server, Sink, Storage,
    StreamSettings, VariantKind, WorkerSpec, Workload,
};

/// One producer, a stream, one consumer; every effect exactly once.
pub fn clean() -> Plan {
    let worker = |role: Role| WorkerSpec {
        role,
        run: Some(role.word().to_owned()),
        command: None,
        args: Vec::new(),
        count: 1,
        start: None,
    };
    Plan {
        lab: "selftest".to_owned(),
        number: 0,
        title: String::new(),
        question: String::new(),
        hint: String::new(),
        binary: String::new(),
        brokers: vec![Broker::Nats],
        variant: "synthetic".to_owned(),
        says: String::new(),
        contract: Contract::EffectivelyOnce,
        order: false,
        kind: VariantKind::Forced,
        tries: 1,
        defect: None,
        cure: None,
        knob: None,
        next: None,
        seed: 1,
        no_faults: false,
        resend: Resend::Never,
        limit: Duration::from_secs(1),
        set: Default::default(),
        workload: Workload { messages: MESSAGES, rate: 0, payload: 128 },
        server: Server::default(),
        nats: Some(NatsNames {
            stream: Some(StreamSettings {
                storage: Storage::File,
                retention: Retention::Limits,
                duplicate_window: None,
                max_messages: None,
            }),
            consumer: Some(ConsumerSettings { ack: Ack::Explicit, ack_wait: None, max_ack_pending: None }),
        }),
        kafka: None,
        postgres: None,
        sink: Sink::Journal,
        workers: vec![worker(Role::Producer), worker(Role::Consumer)],
        holds: Vec::new(),
        faults: Vec::new(),
        control: None,
        expect: Expectation::default(),
    }
}
