//! The run over time, as a drawing: phases, faults, what each producer attempted and what became of it, deliveries.

use std::fmt::Write;

use ledger::Kind;

use crate::{
    assess::Archive,
    pages::cells::{Cell, Cells},
    report::{
        document::FaultRow,
        event::{Phase, RunEvent},
    },
};

/// The drawing's size, in its own units.
pub const WIDTH: f64 = 1000.0;

/// Where time begins: left of it stand names.
const LEFT: f64 = 96.0;

/// How many slices of time there are.
const SLICES: usize = 180;

/// The first lane's top; above it are phases and the faults' numbers.
const TOP: f64 = 58.0;

/// The height of a lane's bars, and from one lane to the next.
const LANE: f64 = 52.0;
const STEP: f64 = 72.0;

/// More lanes than these nobody can read; the others are told to be left out.
const LANES: usize = 8;

/// Everything at its place.
#[derive(Debug, Default)]
pub struct Chart {
    /// How high the drawing is.
    pub height: f64,
    /// Where the lanes end.
    pub bottom: f64,
    /// A phase each.
    pub phases: Vec<Block>,
    /// A fault each, with its number, from its firing to its healing.
    pub faults: Vec<FaultMark>,
    /// One for each producer, and one for deliveries.
    pub lanes: Vec<Lane>,
    /// Seconds under the drawing.
    pub ticks: Vec<Tick>,
    /// Producers that have no lane here.
    pub left_out: usize,
}

/// A stretch of time with a name.
#[derive(Debug)]
pub struct Block {
    pub x: f64,
    pub width: f64,
    /// Its name; empty where there is no room for it.
    pub name: &'static str,
    pub title: &'static str,
}

/// When a fault was there.
#[derive(Debug)]
pub struct FaultMark {
    pub number: usize,
    pub x: f64,
    /// Where it was healed.
    pub healed: Option<f64>,
    /// To where it is shaded.
    pub width: f64,
    pub title: String,
}

/// What happened to somebody over time.
#[derive(Debug)]
pub struct Lane {
    pub name: String,
    pub y: f64,
    /// Bars of one colour each: the colour's class and the path.
    pub bars: Vec<(String, String)>,
    /// Below the bars, where anything in that time is odd: one lost message of thousands is no visible bar.
    pub marks: Vec<(String, String)>,
    /// What the highest bar stands for.
    pub most: String,
}

/// A second on the axis.
#[derive(Debug)]
pub struct Tick {
    pub x: f64,
    pub text: String,
}

/// The part of the run that is drawn, in seconds.
#[derive(Clone, Copy, Debug)]
struct Span {
    from_s: f64,
    to_s: f64,
}

impl Span {
    fn x(&self, at_s: f64) -> f64 {
        let part = (at_s - self.from_s) / (self.to_s - self.from_s);
        tenth(LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT))
    }

    fn slice(&self, at_s: f64) -> usize {
        let part = (at_s - self.from_s) / (self.to_s - self.from_s);
        ((part.clamp(0.0, 1.0) * SLICES as f64) as usize).min(SLICES - 1)
    }
}

/// Draws a finished run.
pub fn chart(archive: &Archive, cells: &Cells, faults: &[FaultRow]) -> Chart {
    let span = span(archive, faults);
    let mut chart = Chart { phases: phases(archive, span), ticks: ticks(span), ..Chart::default() };
    let mut producers = attempts(archive, cells, span);
    chart.left_out = producers.len().saturating_sub(LANES);
    producers.truncate(LANES);
    for (number, slices) in producers {
        let y = TOP + STEP * chart.lanes.len() as f64;
        chart.lanes.push(lane(format!("producer {number}"), y, &slices));
    }
    if archive.has(Kind::Delivered) {
        let y = TOP + STEP * chart.lanes.len() as f64;
        chart.lanes.push(quantity_lane("deliveries", y, &deliveries(archive, span)));
    }
    chart.bottom = TOP + STEP * chart.lanes.len() as f64;
    chart.height = chart.bottom + 24.0;
    chart.faults = fault_marks(faults, span);
    chart
}

/// From just before the first message to just after the last thing that happened to any: what is before and after is
/// starting and ending of programs.
fn span(archive: &Archive, faults: &[FaultRow]) -> Span {
    let seconds = |time_ns: u64| (time_ns as f64 - archive.start_ns as f64) / 1e9;
    let (mut from_s, mut to_s) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut widen = |at_s: f64| (from_s, to_s) = (from_s.min(at_s), to_s.max(at_s));
    let workers = archive.journals.iter().filter(|journal| {
        journal.entries.iter().any(|entry| matches!(entry.kind, Kind::Attempted | Kind::Delivered))
    });
    for journal in workers {
        journal
            .entries
            .first()
            .into_iter()
            .chain(journal.entries.last())
            .for_each(|entry| widen(seconds(entry.time_ns)));
    }
    faults.iter().flat_map(|fault| [fault.fired_s, fault.healed_s]).flatten().for_each(&mut widen);
    if to_s < from_s {
        (from_s, to_s) = (0.0, archive.seconds());
    }
    let margin = ((to_s - from_s) * 0.02).max(0.001);
    Span { from_s: from_s - margin, to_s: to_s + margin }
}

fn phases(archive: &Archive, span: Span) -> Vec<Block> {
    let begun: Vec<(f64, Phase)> = archive
        .events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            RunEvent::PhaseBegan { phase } => Some((recorded.at_s, *phase)),
            _ => None,
        })
        .collect();
    let ends = begun.iter().skip(1).map(|(at_s, _)| *at_s).chain([f64::INFINITY]);
    let blocks =
        begun.iter().zip(ends).filter(|((from_s, _), to_s)| *from_s < span.to_s && *to_s > span.from_s);
    blocks
        .map(|((from_s, phase), to_s)| {
            let (x, end) = (span.x(*from_s), span.x(to_s));
            let width = tenth(end - x);
            let room = width > 8.0 * phase.word().len() as f64;
            Block { x, width, name: if room { phase.word() } else { "" }, title: phase.says() }
        })
        .collect()
}

fn fault_marks(faults: &[FaultRow], span: Span) -> Vec<FaultMark> {
    let fired = faults.iter().enumerate().filter_map(|(place, fault)| Some((place, fault, fault.fired_s?)));
    fired
        .map(|(place, fault, fired_s)| {
            let whom = fault.resolved.as_deref().unwrap_or(&fault.target);
            let x = span.x(fired_s);
            FaultMark {
                number: place + 1,
                x,
                healed: fault.healed_s.map(|healed_s| span.x(healed_s)),
                width: tenth(fault.healed_s.map_or(WIDTH, |healed_s| span.x(healed_s)) - x),
                title: format!("{} {whom} at {}", fault.fault, fault.at),
            }
        })
        .collect()
}

/// How many messages each producer first attempted in each slice of time, by what became of them.
type Slices = Vec<[u64; Cell::ALL.len()]>;

fn attempts(archive: &Archive, cells: &Cells, span: Span) -> Vec<(u16, Slices)> {
    let mut producers: Vec<(u16, Slices)> = Vec::new();
    let mut rows = cells.reader();
    for entry in archive.journals.iter().flat_map(|journal| &journal.entries) {
        if entry.kind != Kind::Attempted {
            continue;
        }
        let Some(cell) = rows.get(entry.id) else { continue };
        let place = producers.iter().position(|(number, _)| *number == entry.id.producer);
        let place = place.unwrap_or_else(|| {
            producers.push((entry.id.producer, vec![[0; Cell::ALL.len()]; SLICES]));
            producers.len() - 1
        });
        let at_s = (entry.time_ns as f64 - archive.start_ns as f64) / 1e9;
        producers[place].1[span.slice(at_s)][cell as usize] += 1;
    }
    producers.sort_by_key(|(number, _)| *number);
    producers
}

fn deliveries(archive: &Archive, span: Span) -> Vec<u64> {
    let mut slices = vec![0; SLICES];
    let entries = archive.journals.iter().flat_map(|journal| &journal.entries);
    for entry in entries.filter(|entry| entry.kind == Kind::Delivered) {
        slices[span.slice((entry.time_ns as f64 - archive.start_ns as f64) / 1e9)] += 1;
    }
    slices
}

fn lane(name: String, y: f64, slices: &Slices) -> Lane {
    let most = slices.iter().map(|slice| slice.iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let mut paths = vec![String::new(); Cell::ALL.len()];
    let mut marks = vec![String::new(); Cell::ALL.len()];
    for (place, slice) in slices.iter().enumerate() {
        let mut bottom = y + LANE;
        for cell in Cell::ALL {
            let count = slice[cell as usize];
            if count > 0 {
                let height = (count as f64 / most as f64 * LANE).max(0.5);
                bar(&mut paths[cell as usize], place, bottom - height, height);
                bottom -= height;
            }
        }
        let worst = Cell::ALL.into_iter().rfind(|cell| slice[*cell as usize] > 0);
        if let Some(worst) = worst.filter(|cell| cell.is_odd()) {
            bar(&mut marks[worst as usize], place, y + LANE + 2.0, 5.0);
        }
    }
    Lane { name, y, bars: classes(paths), marks: classes(marks), most: amount(most) }
}

fn quantity_lane(name: &str, y: f64, slices: &[u64]) -> Lane {
    let most = slices.iter().copied().max().unwrap_or(0).max(1);
    let mut path = String::new();
    for (place, count) in slices.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (*count as f64 / most as f64 * LANE).max(0.5);
        bar(&mut path, place, y + LANE - height, height);
    }
    Lane {
        name: name.to_owned(),
        y,
        bars: vec![("quantity".to_owned(), path)],
        marks: Vec::new(),
        most: amount(most),
    }
}

fn amount(most: u64) -> String {
    format!("≤ {}", crate::report::words::number(most))
}

fn classes(paths: Vec<String>) -> Vec<(String, String)> {
    let named = Cell::ALL.iter().map(|cell| format!("cell-{}", cell.word())).zip(paths);
    named.filter(|(_, path)| !path.is_empty()).collect()
}

fn bar(path: &mut String, slice: usize, y: f64, height: f64) {
    let width = (WIDTH - LEFT) / SLICES as f64;
    let x = LEFT + slice as f64 * width;
    // Writing to a text cannot fail.
    let _ = write!(path, "M{:.1} {y:.1}h{:.1}v{height:.1}h-{:.1}z", x, width - 0.6, width - 0.6);
}

/// About six round seconds.
fn ticks(span: Span) -> Vec<Tick> {
    let rough = (span.to_s - span.from_s) / 6.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let first = (span.from_s / step).ceil() as i64;
    let seconds = (first..).map(|number| number as f64 * step).take_while(|at_s| *at_s <= span.to_s).take(12);
    seconds.map(|at_s| Tick { x: span.x(at_s), text: format!("{:.digits$} s", at_s + 0.0) }).collect()
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_span() {
        let texts = |from_s, to_s| -> Vec<String> {
            ticks(Span { from_s, to_s }).into_iter().map(|tick| tick.text).collect()
        };
        assert_eq!(texts(0.0, 1.0), ["0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1.0 s"]);
        assert_eq!(texts(9.0, 60.0), ["10 s", "20 s", "30 s", "40 s", "50 s", "60 s"]);
        assert_eq!(texts(0.021, 0.054), ["0.03 s", "0.04 s", "0.05 s"]);
    }

    #[test]
    fn one_lost_message_of_thousands_is_marked() {
        let mut slices = vec![[0; Cell::ALL.len()]; SLICES];
        slices[3][Cell::Applied as usize] = 100_000;
        slices[3][Cell::Lost as usize] = 1;
        slices[4][Cell::Applied as usize] = 5;
        let lane = lane("producer 0".to_owned(), 10.0, &slices);
        let classes: Vec<_> = lane.bars.iter().map(|(class, _)| class.as_str()).collect();
        assert_eq!(classes, ["cell-applied", "cell-lost"]);
        assert_eq!(lane.marks.len(), 1);
        assert_eq!(lane.marks[0].0, "cell-lost");
        assert_eq!(lane.most, "≤ 100,001");
    }

    #[test]
    fn what_is_outside_of_the_span_lies_at_its_edge() {
        let span = Span { from_s: 1.0, to_s: 2.0 };
        assert_eq!([span.x(0.0), span.x(1.0), span.x(9.0)], [LEFT, LEFT, WIDTH]);
        assert_eq!([span.slice(0.0), span.slice(1.5), span.slice(9.0)], [0, SLICES / 2, SLICES - 1]);
    }
}
