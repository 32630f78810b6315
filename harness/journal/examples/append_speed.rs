//! How fast a journal is appended to, time stamp included.
//!
//! `cargo run --release -p journal --example append_speed [FOLDER]`; the folder decides which disk is
//! measured (default: the system's temporary folder). Two figures: by the clock on the wall, and by the
//! processor's time, which a machine that is busy with other things disturbs less.

use std::{env, error::Error, hint::black_box, path::Path, time::Instant};

use rustix::time::{ClockId, clock_gettime};

use journal::{Header, Tail, Writer, now_ns, read};
use ledger::{Entry, Kind, MessageId};

const ENTRIES: u32 = 10_000_000;
const ROUNDS: usize = 7;
const RUN: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map_or_else(env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(folder)?;
    println!("{ENTRIES} entries a round, {ROUNDS} rounds, in million a second: slowest, median, fastest");
    println!("{:<30} {:>23}   {:>23}", "", "by the wall", "by the processor");
    report("the clock alone", || {
        let start = Start::now();
        for _ in 0..ENTRIES {
            black_box(now_ns());
        }
        Ok(start.elapsed())
    })?;
    report("append, warm (room reserved)", || append(folder.path(), true))?;
    report("append, cold (new segments)", || append(folder.path(), false))?;
    report("append_at, warm (no clock)", || append_at(folder.path()))?;
    report("read, offline", || read_back(folder.path(), false))?;
    report("read, live", || read_back(folder.path(), true))?;
    Ok(())
}

/// Seconds by the wall and by the processor.
type Seconds = [f64; 2];

struct Start {
    wall: Instant,
    processor: f64,
}

impl Start {
    fn now() -> Self {
        Self { wall: Instant::now(), processor: processor_seconds() }
    }

    fn elapsed(&self) -> Seconds {
        [self.wall.elapsed().as_secs_f64(), processor_seconds() - self.processor]
    }
}

fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn report(
    what: &str,
    mut round: impl FnMut() -> Result<Seconds, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (rates, seconds) in rates.iter_mut().zip(round()?) {
            rates.push(f64::from(ENTRIES) / seconds / 1e6);
        }
    }
    for rates in &mut rates {
        rates.sort_by(f64::total_cmp);
    }
    let text = rates.map(|rates| {
        let [slowest, median, fastest] = [0, ROUNDS / 2, ROUNDS - 1].map(|place| rates[place]);
        format!("{slowest:>7.1} {median:>7.1} {fastest:>7.1}")
    });
    println!("{what:<30} {}", text.join("   "));
    Ok(())
}

fn writer(folder: &Path) -> Result<(tempfile::TempPath, Writer), Box<dyn Error>> {
    let path = tempfile::TempPath::try_from_path(folder.join("speed.journal"))?;
    let writer = Writer::create(&path, &Header { run: RUN, writer: "speed".to_owned() })?;
    Ok((path, writer))
}

fn append(folder: &Path, warm: bool) -> Result<Seconds, Box<dyn Error>> {
    let (_path, mut writer) = writer(folder)?;
    if warm {
        writer.reserve(ENTRIES as usize)?;
    }
    let start = Start::now();
    for seq in 0..ENTRIES {
        writer.append(Kind::Attempted, MessageId::new(0, seq))?;
    }
    Ok(start.elapsed())
}

fn append_at(folder: &Path) -> Result<Seconds, Box<dyn Error>> {
    let (_path, mut writer) = writer(folder)?;
    writer.reserve(ENTRIES as usize)?;
    let start = Start::now();
    for seq in 0..ENTRIES {
        writer.append_at(Entry {
            kind: Kind::Attempted,
            id: MessageId::new(0, seq),
            time_ns: u64::from(seq),
        })?;
    }
    Ok(start.elapsed())
}

fn read_back(folder: &Path, live: bool) -> Result<Seconds, Box<dyn Error>> {
    let (path, mut writer) = writer(folder)?;
    for seq in 0..ENTRIES {
        writer.append(Kind::Attempted, MessageId::new(0, seq))?;
    }
    let start = Start::now();
    let mut count = 0;
    if live {
        let mut tail = Tail::open(&path, RUN)?;
        let mut entries = Vec::new();
        while tail.read(&mut entries, 100_000)? > 0 {
            count += entries.len();
            entries.clear();
        }
    } else {
        count = read(&path, Some(RUN))?.entries.len();
    }
    let seconds = start.elapsed();
    if count == ENTRIES as usize { Ok(seconds) } else { Err(format!("{count} entries came back").into()) }
}
