//! How many agents keep the promise, half hour by half hour.
//!
//! The formula gives a first guess for each half hour on its own; then whole days are simulated with it, because what one
//! half hour leaves over is the next one's, and where the promise is missed one more agent works. At the end every half
//! hour is tried with one less.

use std::{
    fmt,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anyhow::Context as _;
use bangban_domain::{
    TeamId, Timestamp,
    time::{DAY, MINUTE, Millis},
};
use serde::{Deserialize, Serialize};

use super::{
    PROMISE,
    engine::{Desk, Fate, Office, Simulator},
    erlang::Queue,
    traffic::{START, Stream, Traffic, time_of_day},
};

/// Length of what is staffed together.
const SLOT: Millis = 30 * MINUTE;

/// Half hours of a day.
pub const HALF_HOURS: usize = 48;

/// Days of one run.
const DAYS: u32 = 10;

/// No half hour needs more.
const MOST: u32 = 5_000;

/// One half hour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HalfHour {
    /// `HH:MM`.
    pub from: String,
    /// `HH:MM`.
    pub to: String,
    /// Requests that come in it, on average.
    pub requests: f64,
    /// Agents who have to be there.
    pub agents: u32,
    /// Share that is then answered within a minute; `None`: nobody came.
    pub within_minute: Option<f64>,
    /// Share that leaves without an answer; `None`: nobody came.
    pub abandoned: Option<f64>,
}

/// How much is simulated for each try.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Days of one run.
    pub days: u32,
    /// Runs, with the seeds 1, 2, ...
    pub seeds: u32,
}

/// How far a search is, for who waits; and whether anybody still does.
#[derive(Debug, Default)]
pub struct Progress {
    half_hours: AtomicUsize,
    is_cancelled: AtomicBool,
}

impl Progress {
    /// 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.half_hours.load(Ordering::Relaxed) as f64 / HALF_HOURS as f64
    }

    /// The search ends soon, with an error.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.is_cancelled.load(Ordering::Relaxed), "nobody waits for it any more");
        Ok(())
    }
}

/// What became of those who asked in one half hour.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Answered within a minute.
    hits: usize,
    /// Counted for the promise: without those who left before.
    counted: usize,
    /// Left without an answer.
    left: usize,
    /// All of them.
    asked: usize,
}

impl Slot {
    fn keeps(&self, target: f64) -> bool {
        self.hits as f64 >= target * self.counted as f64
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A day's staff.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Staffing {
    /// What was asked for.
    pub target: f64,
    /// The half hours of the day.
    pub half_hours: Vec<HalfHour>,
    /// Hours of work, all agents together.
    pub agent_hours: f64,
}

fn slot_of(at: Timestamp) -> usize {
    usize::try_from(at.0.rem_euclid(DAY) / SLOT).unwrap_or(0)
}

/// Agents who come and go so that so many are there in each half hour, every day.
fn office(staff: &[u32], days: u32) -> Office {
    let most = staff.iter().copied().max().unwrap_or(0);
    let mut office = Office::of_one_team(most);
    for (n, desk) in (0..).zip(&mut office.agents) {
        let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
        for day in 0..=i64::from(days) {
            let working = (0..).zip(staff).filter(|(_, agents)| **agents > n);
            for (slot, _) in working {
                let from = START + day * DAY + slot * SLOT;
                match spans.last_mut().filter(|last| last.1 == from) {
                    Some(last) => last.1 = from + SLOT,
                    None => spans.push((from, from + SLOT)),
                }
            }
        }
        desk.duty = Some(spans);
    }
    office
}

/// What becomes of the people of all runs, by the half hour in which they ask.
fn simulate(staff: &[u32], runs: &[Traffic], days: u32, progress: &Progress) -> anyhow::Result<Vec<Slot>> {
    let mut slots = vec![Slot::default(); HALF_HOURS];
    let office = office(staff, days);
    for traffic in runs.iter().filter(|traffic| !traffic.asks.is_empty()) {
        progress.check()?;
        let run = Simulator::new(&office, traffic).run()?;
        for (ask, fate) in traffic.asks.iter().zip(&run.fates) {
            let slot = &mut slots[slot_of(ask.at)];
            slot.asked += 1;
            match fate {
                Fate::Left(waited) => {
                    slot.left += 1;
                    slot.counted += usize::from(*waited >= PROMISE);
                }
                Fate::Served(waited) => {
                    slot.counted += 1;
                    slot.hits += usize::from(*waited <= PROMISE);
                }
            }
        }
    }
    Ok(slots)
}

/// The people of all runs, and how many come in each half hour of a day, on average.
fn people(stream: &Stream, effort: Effort) -> (Vec<Traffic>, Vec<f64>) {
    let runs: Vec<Traffic> = (1..=u64::from(effort.seeds)).map(|seed| stream.days(effort.days, seed)).collect();
    let days = f64::from(effort.days) * f64::from(effort.seeds);
    let mut requests = vec![0.0; HALF_HOURS];
    for ask in runs.iter().flat_map(|traffic| &traffic.asks) {
        requests[slot_of(ask.at)] += 1.0 / days;
    }
    (runs, requests)
}

impl Staffing {
    /// The fewest agents for a daily profile, over ten days for each seed; half hours in which nobody comes or works are
    /// left out.
    ///
    /// # Errors
    /// As [`Staffing::search`].
    pub fn find(stream: &Stream, target: f64, seeds: u32) -> anyhow::Result<Self> {
        let mut found = Self::search(stream, target, Effort { days: DAYS, seeds }, &Progress::default())?;
        found.half_hours.retain(|one| one.agents > 0 || one.requests > 0.0);
        Ok(found)
    }

    /// The fewest agents in each half hour of the day.
    ///
    /// # Errors
    /// If a half hour would need more than 5 000, several queues are asked for, or nobody waits for it any more.
    pub fn search(stream: &Stream, target: f64, effort: Effort, progress: &Progress) -> anyhow::Result<Self> {
        anyhow::ensure!(stream.teams == 1, "--staff-for is for one queue");
        let (runs, requests) = people(stream, effort);
        let mut staff =
            requests.iter().map(|come| guess(stream, *come, target)).collect::<anyhow::Result<Vec<u32>>>()?;
        let mut slots = simulate(&staff, &runs, effort.days, progress)?;
        while let Some(missed) = slots.iter().position(|slot| !slot.keeps(target)) {
            anyhow::ensure!(staff[missed] < MOST, "more than {MOST} agents would be needed");
            for (agents, slot) in staff.iter_mut().zip(&slots) {
                *agents += u32::from(!slot.keeps(target));
            }
            slots = simulate(&staff, &runs, effort.days, progress)?;
        }
        // The latest first: what a half hour leaves over is the next one's.
        for slot in (0..HALF_HOURS).rev() {
            while staff[slot] > 0 {
                let mut fewer = staff.clone();
                fewer[slot] -= 1;
                let tried = simulate(&fewer, &runs, effort.days, progress)?;
                if !tried.iter().all(|slot| slot.keeps(target)) {
                    break;
                }
                (staff, slots) = (fewer, tried);
            }
            progress.half_hours.store(HALF_HOURS - slot, Ordering::Relaxed);
        }
        Ok(Self::of(target, &staff, &slots, &requests))
    }

    /// What becomes of the same people with these agents in each half hour of the day.
    ///
    /// # Errors
    /// If several queues are asked for, or nobody waits for it any more.
    pub fn expected(
        stream: &Stream,
        target: f64,
        staff: &[u32; HALF_HOURS],
        effort: Effort,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(stream.teams == 1, "a roster is one queue's");
        let (runs, requests) = people(stream, effort);
        let slots = simulate(staff, &runs, effort.days, progress)?;
        Ok(Self::of(target, staff, &slots, &requests))
    }

    fn of(target: f64, staff: &[u32], slots: &[Slot], requests: &[f64]) -> Self {
        let clock = |slot: usize| format!("{:02}:{:02}", slot / 2, slot % 2 * 30);
        let half_hours = (0..HALF_HOURS).map(|slot| {
            let Slot { hits, counted, left, asked } = slots[slot];
            HalfHour {
                from: clock(slot),
                to: clock(slot + 1),
                requests: requests[slot],
                agents: staff[slot],
                within_minute: share(hits, counted),
                abandoned: share(left, asked),
            }
        });
        Self { target, half_hours: half_hours.collect(), agent_hours: f64::from(staff.iter().sum::<u32>()) / 2.0 }
    }
}

/// What the formula says of a half hour on its own.
fn guess(stream: &Stream, come: f64, target: f64) -> anyhow::Result<u32> {
    if come <= 0.0 {
        return Ok(0);
    }
    let per_second = come / (SLOT as f64 / 1_000.0);
    let keeps = |agents: &u32| {
        let queue = Queue { agents: *agents, per_second, handle: stream.handle, patience: stream.patience };
        queue.waiting().is_some_and(|waiting| waiting.within_minute >= target)
    };
    (1..=MOST).find(keeps).with_context(|| format!("more than {MOST} agents would be needed"))
}

#[derive(Deserialize)]
struct ShiftRow {
    from: String,
    to: String,
    agents: u32,
}

/// Who works by a file of shifts (CSV: `from` and `to` as HH:MM, `agents`), the same every day up to an instant.
///
/// # Errors
/// Names the line.
pub(super) fn office_of_shifts(path: &Path, until: Timestamp) -> anyhow::Result<Office> {
    let mut office = Office::of_one_team(0);
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    for (line, row) in (2..).zip(reader.deserialize::<ShiftRow>()) {
        let row = row.with_context(|| format!("{}, line {line}", path.display()))?;
        let from = time_of_day(&row.from).with_context(|| format!("line {line}: from"))?;
        let to = time_of_day(&row.to).with_context(|| format!("line {line}: to"))?;
        anyhow::ensure!(from < to, "line {line}: to must be later than from");
        anyhow::ensure!(row.agents <= MOST, "line {line}: agents must be at most {MOST}");
        let midnights = (0..).map(|day| START + day * DAY).take_while(|midnight| *midnight < until);
        let spans: Vec<(Timestamp, Timestamp)> = midnights.map(|day| (day + from, day + to)).collect();
        let desk = Desk { teams: vec![TeamId(0)], duty: Some(spans) };
        office.agents.extend(std::iter::repeat_n(desk, row.agents as usize));
    }
    anyhow::ensure!(!office.agents.is_empty(), "{}: nobody works", path.display());
    Ok(office)
}

impl fmt::Display for Staffing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:14}{:>10}{:>10}{:>16}", "", "requests", "agents", "within a minute")?;
        for one in &self.half_hours {
            let within = one.within_minute.map_or_else(|| "-".to_owned(), |share| format!("{share:.4}"));
            writeln!(f, "{} - {} {:>10.1}{:>10}{within:>16}", one.from, one.to, one.requests, one.agents)?;
        }
        writeln!(f, "{} agent hours a day for {} within a minute", self.agent_hours, self.target)
    }
}
