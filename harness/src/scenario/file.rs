//! Reads a lab file: every table of it, every mistake in it.

use std::{collections::BTreeSet, path::Path};

use ledger::{Contract, Counts};
use toml::de::DeTable;

use super::{
    Action, Broker, FaultSpec, Lab, Pick, Sink, Target, Variant, VariantKind, Word, Workload,
    actors::{fault, hold, worker},
    defaults::Defaults,
    fields::{Fields, Placed, shown},
    mistake::{Mistake, Mistakes, Notes},
    predict::predict,
    settings::{expect, kafka, nats, postgres, server, sink, workload},
    validate::{Claims, Neighbour, Supports, check_cure},
};

/// The format of lab files that this program reads.
const FORMAT: u64 = 1;

/// A variant that needs more tries than this shows nothing that anybody waits for.
const MOST_TRIES: u32 = 1_000;

/// What has to be known beside the file's own text.
pub struct Around<'a> {
    /// The points that the lab's workers have.
    pub points: BTreeSet<String>,
    /// The other labs.
    pub others: &'a [Neighbour],
    /// What the runtime can do.
    pub supports: &'a Supports,
    /// What holds where the file says nothing.
    pub defaults: &'a Defaults,
}

/// Reads the text of a lab file. `file` is its name in messages, `folder` the lab's folder, after which it is
/// named and numbered.
pub fn read(text: &str, file: &str, folder: &Path, around: &Around) -> Result<Lab, Mistakes> {
    let all_wrong = |list| Mistakes { file: file.to_owned(), text: text.to_owned(), list };
    let table = DeTable::parse(text).map_err(|error| {
        let place = error.span().unwrap_or_default();
        let what = format!("this is not TOML: {}", error.message());
        all_wrong(vec![Mistake { place, what, expected: String::new(), nearest: None }])
    })?;
    let notes = Notes::default();
    // The top of the file is its first line, whatever stands in it.
    let lab = Fields::read(table.get_ref(), 0..0, &notes, |fields| lab(fields, folder, around));
    match (lab, notes.into_list()) {
        (Some(lab), list) if list.is_empty() => Ok(lab),
        (_, list) => Err(all_wrong(list)),
    }
}

/// The names of the variants in a lab file, as far as they can be read.
pub fn variant_names(text: &str) -> Vec<String> {
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let variants = table.get("variant").and_then(|variants| variants.as_array()).into_iter().flatten();
    variants.filter_map(|variant| variant.get("name")?.as_str()).map(str::to_owned).collect()
}

/// The number and the name in a folder's name.
pub fn number_and_name(folder: &Path) -> (u8, String) {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let digits = name.split('-').next().and_then(|digits| digits.parse().ok());
    (digits.unwrap_or(0), name)
}

fn lab(fields: &mut Fields, folder: &Path, around: &Around) -> Option<Lab> {
    let format = fields.need::<u64>("format");
    if let Some(other) = format.as_ref().filter(|format| format.value != FORMAT) {
        fields.notes.wrong(&other.place, format!("`format` is {}", other.value), format!("{FORMAT}"));
    }
    let title = fields.need::<String>("title");
    let question = fields.need::<String>("question");
    let minutes = fields.need::<u64>("minutes");
    let hint = fields.need::<String>("hint");
    let brokers = brokers(fields);
    let base = around.defaults.workload.clone();
    let base = fields.table("workload", |fields| workload(fields, &base)).unwrap_or(base);
    fields.must_have("variant");
    let variants = fields.tables("variant", |fields| Some(variant(fields, around, &base, &brokers, folder)));
    check_names(&variants, around, fields.notes);
    let names: Vec<_> =
        variants.iter().filter_map(|drawn| Some(drawn.name.as_ref()?.value.as_str())).collect();
    let predictions = fields.tables("predict", |fields| predict(fields, &names));
    let (number, name) = number_and_name(folder);
    Some(Lab {
        number,
        binary: format!("lab-{name}"),
        name,
        title: title?.value,
        question: question?.value,
        minutes: u32::try_from(minutes?.value).unwrap_or(u32::MAX),
        hint: hint?.value,
        predictions,
        variants: variants.into_iter().map(|drawn| drawn.variant).collect::<Option<_>>()?,
    })
}

fn brokers(fields: &mut Fields) -> Vec<Broker> {
    fields.must_have("brokers");
    brokers_of(fields, Broker::ALL).unwrap_or_default()
}

/// The brokers named at `brokers`, each one of `some`. `None` where the key is not there.
fn brokers_of(fields: &mut Fields, some: &[Broker]) -> Option<Vec<Broker>> {
    let found = fields.get::<Vec<String>>("brokers")?;
    let known: Vec<_> = some.iter().map(|broker| broker.word()).collect();
    let mut brokers = Vec::new();
    for word in &found.value {
        match some.iter().find(|broker| broker.word() == word) {
            Some(broker) => brokers.push(*broker),
            None => {
                fields.notes.unknown(&found.place, format!("no broker `{word}`"), word, known.iter().copied())
            }
        }
    }
    Some(brokers)
}

/// A variant as far as it could be read, and what has to be compared with its siblings.
struct Drawn {
    name: Option<Placed<String>>,
    cure: Option<Placed<String>>,
    variant: Option<Variant>,
}

fn variant(
    fields: &mut Fields,
    around: &Around,
    base: &Workload,
    of_the_lab: &[Broker],
    folder: &Path,
) -> Drawn {
    let (claims, defaults) = (Claims::default(), around.defaults);
    let brokers = brokers_of(fields, of_the_lab).unwrap_or_else(|| of_the_lab.to_vec());
    let name = fields.need::<String>("name");
    let says = fields.need::<String>("says");
    let contract = fields.need::<Contract>("contract");
    let defect = fields.get::<String>("defect");
    let cure = fields.get::<String>("cure");
    let nats = fields.table("nats", |fields| nats(fields, defaults));
    let kafka = fields.table("kafka", kafka);
    let postgres = fields.table("postgres", |fields| postgres(fields, folder));
    let server = fields.table("server", server).unwrap_or_default();
    let kind = fields.or("kind", defaults.variant.kind);
    let tries = tries(fields, kind, defaults);
    let variant = Variant {
        name: name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
        says: says.as_ref().map(|says| says.value.clone()).unwrap_or_default(),
        contract: contract.as_ref().map_or(Contract::AtMostOnce, |contract| contract.value),
        order: fields.or("order", defaults.variant.order),
        kind,
        tries,
        defect: defect.as_ref().map(|defect| defect.value.clone()),
        cure: cure.as_ref().map(|cure| cure.value.clone()),
        knob: fields.get("knob").map(|knob| knob.value),
        next: fields.get("next").map(|next| next.value),
        resend: fields.or("resend", defaults.variant.resend),
        workload: fields.table("workload", |fields| workload(fields, base)).unwrap_or_else(|| base.clone()),
        limit: fields.or("limit", defaults.variant.limit),
        brokers: brokers.clone(),
        server,
        nats,
        kafka,
        postgres,
        sink: fields.table("sink", sink).flatten().unwrap_or_else(|| defaults.variant.sink.clone()),
        workers: fields.tables("worker", |fields| worker(fields, defaults, &claims)),
        holds: fields.tables("hold", |fields| hold(fields, &claims)),
        faults: fields.tables("fault", |fields| fault(fields, &claims, around.supports, &brokers)),
        expect: expectation(fields, &claims),
        control: fields.table("control", |fields| expect(fields, &claims)),
    };
    check(fields, &variant, contract.is_some());
    check_brokers(fields, &variant);
    claims.check(&variant, &around.points, fields.notes);
    let whole = name.is_some() && says.is_some() && contract.is_some();
    Drawn { name, cure, variant: whole.then_some(variant) }
}

fn tries(fields: &mut Fields, kind: VariantKind, defaults: &Defaults) -> u32 {
    if let Some(stray) = fields.raw("tries").filter(|_| kind != VariantKind::Seek) {
        fields.notes.wrong(&stray.place, "`tries` belongs to kind = \"seek\"", "");
    }
    match kind {
        VariantKind::Seek => fields.number_or("tries", 1, MOST_TRIES, defaults.variant.tries),
        _ => 1,
    }
}

fn expectation(fields: &mut Fields, claims: &Claims) -> ledger::Expectation {
    fields.must_have("expect");
    fields.table("expect", |fields| expect(fields, claims)).unwrap_or_default()
}

/// What a variant's parts say of each other.
fn check(fields: &mut Fields, variant: &Variant, has_contract: bool) {
    if variant.workers.is_empty() && !fields.has("worker") {
        fields.notes.wrong(&fields.place, "nobody takes part", "worker = [{ role = …, run = … }]");
    }
    let defect = fields.raw("defect");
    if let (Some(defect), Some(word)) = (&defect, &variant.defect)
        && !Counts::FIELDS.contains(&word.as_str())
    {
        let known = Counts::FIELDS.iter().copied();
        fields.notes.unknown(&defect.place, format!("`defect` is {}", shown(defect.value)), word, known);
        return;
    }
    if let Some(cure) = fields.raw("cure").filter(|_| defect.is_none()) {
        fields.notes.wrong(
            &cure.place,
            "a `cure` without a `defect`",
            "defect = the count that is 0 in the cure",
        );
    }
    if !has_contract {
        return;
    }
    let (contract, order) = (variant.contract, variant.order);
    let of_the_run = variant.expect.contradiction(contract, order, variant.defect.as_deref());
    // Without its fault a weak variant need not show its defect.
    let of_the_control = variant
        .control
        .as_ref()
        .and_then(|control| control.contradiction(contract, order, None).or_else(|| control.always_true()));
    for (key, wrong) in [("expect", of_the_run), ("control", of_the_control)] {
        if let (Some(found), Some(wrong)) = (fields.raw(key), wrong) {
            fields.notes.wrong(&found.place, wrong, "");
        }
    }
}

/// What a variant says of brokers must be of brokers that it has.
fn check_brokers(fields: &mut Fields, variant: &Variant) {
    let said = [
        (Broker::Nats, variant.nats.is_some()),
        (Broker::Kafka, variant.kafka.is_some()),
        (Broker::Kafka, matches!(variant.sink, Sink::Topic { .. })),
        (Broker::Postgres, variant.postgres.is_some()),
        (Broker::Postgres, variant.sink.is_in_postgres()),
        (Broker::Postgres, variant.faults.iter().any(|fault| fault.action == Action::Disconnect)),
    ];
    let settings = Broker::ALL.iter().map(|broker| (*broker, variant.server.of(*broker).is_some()));
    let missing =
        said.into_iter().chain(settings).find(|(broker, is)| *is && !variant.brokers.contains(broker));
    if let Some((broker, _)) = missing {
        let what = format!("something of {broker}, which the variant does not have");
        fields.notes.wrong(&fields.place, what, format!("\"{broker}\" among its `brokers`"));
    }
    let at_the_webhook = |fault: &FaultSpec<Pick>| fault.target == Target::Webhook;
    if variant.faults.iter().any(at_the_webhook) && !matches!(variant.sink, Sink::Webhook { .. }) {
        let what = "a fault of the webhook, which the variant does not have";
        fields.notes.wrong(&fields.place_of("fault"), what, "sink = { kind = \"webhook\" }");
    }
    let of_processes = |fault: &FaultSpec<Pick>| fault.network.is_none() && fault.target == Target::Broker;
    let hit = variant.faults.iter().any(of_processes);
    if hit && variant.brokers.len() != 1 {
        let what = format!("a fault on the broker, of which there are {}", variant.brokers.len());
        fields.notes.wrong(&fields.place_of("fault"), what, "exactly one of `brokers` in this variant");
    }
}

/// Names are unique; cures exist.
fn check_names(variants: &[Drawn], around: &Around, notes: &Notes) {
    let names: Vec<_> = variants.iter().filter_map(|drawn| drawn.name.as_ref()).collect();
    for (number, name) in names.iter().enumerate() {
        if names[..number].iter().any(|earlier| earlier.value == name.value) {
            notes.wrong(
                &name.place,
                format!("a second variant called `{}`", name.value),
                "a name of its own",
            );
        }
    }
    let own: Vec<_> = names.iter().map(|name| name.value.as_str()).collect();
    for cure in variants.iter().filter_map(|drawn| drawn.cure.as_ref()) {
        check_cure(cure, &own, around.others, notes);
    }
}
