//! Reads who takes part and what befalls them: workers, holds, faults, moments.

use ledger::Kind;
use toml::de::DeValue;

use super::{
    Action, Broker, Direction, FaultSpec, Heal, Hold, Moment, Network, Pick, Role, Target, Word, WorkerSpec,
    defaults::Defaults,
    fields::{Fields, Placed, shown},
    mistake::one_of,
    moment::COUNTED,
    validate::{Claims, MOST_WORKERS, Supports},
};

/// `{ role = "consumer", run = "consumer", args = […], count = 2, start = { … } }`
pub fn worker(fields: &mut Fields, defaults: &Defaults, claims: &Claims) -> Option<WorkerSpec<Pick>> {
    let role = fields.need::<Role>("role");
    let run = fields.get::<String>("run");
    let command = fields.get::<Vec<String>>("command");
    let args = fields.or("args", Vec::new());
    let count = fields.number_or("count", 1, MOST_WORKERS, defaults.worker.count);
    let start = fields.table("start", |fields| moment(fields, claims, Whose::Named, false));
    match (fields.has("run"), fields.has("command")) {
        (true, true) => {
            fields.notes.wrong(&fields.place, "a worker with both `run` and `command`", "one of them")
        }
        (false, false) => {
            let expected = "run = a subcommand of the lab's program, or command = [\"program\", …]";
            fields.notes.wrong(&fields.place, "a worker without a program", expected);
        }
        _ => {}
    }
    if let Some(empty) = command.as_ref().filter(|command| command.value.is_empty()) {
        fields.notes.wrong(&empty.place, "`command` is empty", "a program and its arguments");
    }
    Some(WorkerSpec {
        role: role?.value,
        run: run.map(|found| found.value),
        command: command.map(|found| found.value),
        args,
        count,
        start: start.flatten(),
    })
}

/// `{ worker = "consumer-0", at = "reading", nth = 1, until = { … } }`
pub fn hold(fields: &mut Fields, claims: &Claims) -> Option<Hold<Pick>> {
    let worker = fields.need::<String>("worker");
    let at = fields.need::<String>("at");
    let nth = fields.or("nth", Pick::Exactly(1));
    fields.must_have("until");
    let whose = worker.as_ref().map_or(Whose::Named, |worker| Whose::Of(worker.value.clone()));
    let until = fields.table("until", |fields| moment(fields, claims, whose, false));
    let (worker, at) = (worker?, at?);
    claims.worker(&worker.value, &worker.place);
    claims.point(&at.value, &at.place);
    Some(Hold { worker: worker.value, at: at.value, nth, until: until.flatten()? })
}

/// `{ kill = "consumer", at = { point = "in-hand", nth = 100 }, heal = { after = "0ms" } }`
///
/// `brokers` are those of the variant: a fault of the network is on the link to one of them.
pub fn fault(
    fields: &mut Fields,
    claims: &Claims,
    supports: &Supports,
    brokers: &[Broker],
) -> Option<FaultSpec<Pick>> {
    let done = action(fields, claims, supports);
    fields.must_have("at");
    // The rest is read also where the fault is refused, so that its mistakes are told too.
    let target = done.as_ref().map_or(&Target::Any, |(_, target)| target);
    let no_worker = matches!(target, Target::Broker | Target::Webhook);
    let whose = if no_worker { Whose::Named } else { Whose::Target };
    let at = fields.table("at", |fields| moment(fields, claims, whose, false));
    let heal = heal(fields, claims, done.as_ref().map(|(action, _)| *action), target);
    let (action, target) = done?;
    let (mut by, mut of_a_link) = (None, None);
    if target == Target::Webhook {
        by = if action == Action::Delay { Some(fields.need("by")?.value) } else { None };
    } else if action.is_of_the_network() {
        of_a_link = Some(network(fields, action, brokers)?);
    }
    Some(FaultSpec { action, target, at: at.flatten()?, heal: heal?, by, network: of_a_link })
}

/// The one key of a fault that says what is done, and to whom.
fn action(fields: &mut Fields, claims: &Claims, supports: &Supports) -> Option<(Action, Target)> {
    let words = Action::ALL.iter().map(|action| action.word());
    let said: Vec<_> = words.clone().filter(|word| fields.has(word)).collect();
    words.for_each(|word| fields.allow(word));
    said.iter().for_each(|word| fields.allow(word));
    ["at", "heal"].into_iter().for_each(|key| fields.allow(key));
    let [word] = said[..] else {
        let what = if said.is_empty() { "a fault that does nothing" } else { "a fault that does two things" };
        let known: Vec<_> = Action::ALL.iter().map(|action| action.word()).collect();
        fields.notes.wrong(&fields.place, what, format!("{}, with a target", one_of(&known)));
        return None;
    };
    let target = fields.get::<String>(word);
    let action = supports.actions.iter().find(|action| action.word() == word);
    let Some(action) = action else {
        supports.refuse(word, &fields.place_of(word), fields.notes);
        return None;
    };
    let target = target?;
    claims.target(&target.value, &target.place);
    let Ok(parsed) = target.value.parse();
    if *action == Action::Disconnect && parsed == Target::Broker {
        fields.notes.wrong(&target.place, "the broker is not disconnected from itself", "a worker");
        return None;
    }
    let at_the_webhook = parsed == Target::Webhook;
    if at_the_webhook && !Action::OF_THE_WEBHOOK.contains(action) {
        let known = Action::OF_THE_WEBHOOK.map(Action::word);
        fields.notes.wrong(&target.place, format!("the webhook cannot do `{action}`"), one_of(&known));
        return None;
    }
    if !at_the_webhook && *action == Action::Error {
        fields.notes.wrong(&target.place, "nobody else answers with errors", "error = \"webhook\"");
        return None;
    }
    Some((*action, parsed))
}

/// What a fault of the network says beside its moment: `broker`, `direction`, `by`, `rate`, `close`.
fn network(fields: &mut Fields, action: Action, brokers: &[Broker]) -> Option<Network> {
    let said = fields.get::<Broker>("broker");
    let broker = match (&said, brokers) {
        (Some(found), _) if brokers.contains(&found.value) => found.value,
        (None, [only]) => *only,
        (_, brokers) => {
            let known: Vec<_> = brokers.iter().map(|broker| broker.word()).collect();
            let place = said.as_ref().map_or(&fields.place, |found| &found.place);
            fields.notes.wrong(place, "the link to which broker?", format!("broker = {}", one_of(&known)));
            return None;
        }
    };
    let takes_a_direction = matches!(action, Action::BlackHole | Action::Delay | Action::Throttle);
    let network = Network {
        broker,
        direction: if takes_a_direction { fields.or("direction", Direction::Both) } else { Direction::Both },
        by: if action == Action::Delay { Some(fields.need("by")?.value) } else { None },
        rate: if action == Action::Throttle {
            fields.must_have("rate");
            Some(fields.number("rate", 1, u64::MAX >> 1)?.value)
        } else {
            None
        },
        close: action == Action::DropReply && fields.or("close", false),
    };
    Some(network)
}

fn heal(fields: &mut Fields, claims: &Claims, action: Option<Action>, target: &Target) -> Option<Heal<Pick>> {
    let restart = action == Some(Action::Restart);
    let Some(Placed { value, place }) = fields.raw("heal") else {
        // A restart is its own healing, and whoever was disconnected connects again by itself.
        let at_once = Heal::At(Moment::After(std::time::Duration::ZERO));
        let by_itself = restart || matches!(action, Some(Action::Disconnect | Action::Reset));
        return Some(if by_itself { at_once } else { Heal::BeforeDrain });
    };
    if restart {
        fields.notes.wrong(&place, "a restart with a `heal`", "no `heal`: a restart heals itself");
        return None;
    }
    let no_worker = matches!(target, Target::Broker | Target::Webhook);
    let whose = if no_worker { Whose::Named } else { Whose::Of(target.to_string()) };
    match value {
        DeValue::String(text) if text == "never" => Some(Heal::Never),
        DeValue::Table(_) => {
            fields.table("heal", |fields| moment(fields, claims, whose, true)).flatten().map(Heal::At)
        }
        other => {
            let expected = "a moment, like { after = \"0ms\" }, or \"never\"";
            fields.notes.wrong(&place, format!("`heal` is {}", shown(other)), expected);
            None
        }
    }
}

/// Whose passage of a point is meant where the file does not say `of`.
enum Whose {
    /// The fault's own target.
    Target,
    /// This worker's or role's.
    Of(String),
    /// Nobody's: `of` must be there.
    Named,
}

/// `{ point = "in-hand", nth = 500, of = "consumer-0" }`, `{ acked = 5_000 }`, `{ time = "500ms" }`,
/// `{ after = "0ms" }`, `{ done = "producer-0" }`
fn moment(fields: &mut Fields, claims: &Claims, whose: Whose, healing: bool) -> Option<Moment<Pick>> {
    let point = fields.get::<String>("point");
    let of = fields.get::<String>("of");
    let nth = fields.get::<Pick>("nth");
    let counts = COUNTED.map(|kind| (kind, fields.get::<Pick>(kind.word())));
    let time = fields.get("time");
    let after = if healing { fields.get("after") } else { None };
    let done = fields.get::<String>("done");
    if !healing && fields.has("after") {
        fields.allow("after");
        let expected = "a point, a count, time or done: `after` counts from a fault, so only a heal has it";
        fields.notes.wrong(&fields.place, "`after` outside of a heal", expected);
        return None;
    }
    is_one_moment(fields)?;
    if let Some(of) = &of {
        claims.who(&of.value, &of.place);
    }
    if let Some(point) = point {
        claims.point(&point.value, &point.place);
        let of = match (of, whose) {
            (Some(of), _) => Some(of.value),
            (None, Whose::Target) => None,
            (None, Whose::Of(worker)) => Some(worker),
            (None, Whose::Named) => {
                let expected = "of = a worker, a role or any";
                fields.notes.wrong(&fields.place, format!("whose point `{}`?", point.value), expected);
                return None;
            }
        };
        return Some(Moment::Point {
            name: point.value,
            of,
            nth: nth.map_or(Pick::Exactly(1), |nth| nth.value),
        });
    }
    if let Some(stray) = of.map(|of| of.place).or(nth.map(|nth| nth.place)) {
        fields.notes.wrong(&stray, "`of` and `nth` belong to a point", "");
    }
    if let Some((kind, reaches)) =
        counts.into_iter().find_map(|(kind, found)| found.map(|found| (kind, found)))
    {
        claims.count(reaches.value, &reaches.place);
        return Some(Moment::Count { kind, reaches: reaches.value });
    }
    if let Some(done) = done {
        claims.worker(&done.value, &done.place);
        return Some(Moment::Done { of: done.value });
    }
    time.map(|time| Moment::Time(time.value)).or(after.map(|after| Moment::After(after.value)))
}

/// Notes a moment that is none, or two at once.
fn is_one_moment(fields: &Fields) -> Option<()> {
    let ways = ["point"].into_iter().chain(COUNTED.map(Kind::word)).chain(["time", "after", "done"]);
    let said: Vec<_> = ways.filter(|way| fields.has(way)).collect();
    let what = match said[..] {
        [_] => return Some(()),
        [] => "a moment that is none".to_owned(),
        [first, second, ..] => format!("a moment with both `{first}` and `{second}`"),
    };
    let expected =
        "one of point, attempted, acked, unconfirmed, delivered, applied, time, done, or in a heal after";
    fields.notes.wrong(&fields.place, what, expected);
    None
}
