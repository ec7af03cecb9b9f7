//! Figures of several runs, with the interval in which the true mean lies (99 %, Student's t over the seeds).

use std::fmt;

use bangban_domain::{Timestamp, time::SECOND};
use serde::Serialize;

use super::{
    PROMISE, Plan, WARM_UP,
    engine::{Fate, Run, Simulator},
    midnight_after,
    recursion::{first_come_first_served, one_fast_agent},
    traffic::Traffic,
};

/// Batches of one run, by which the control's weight is found.
const BATCHES: usize = 30;

/// What the command prints. `None`: not known for this plan.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Mean wait of all, those who left included. With one queue, no patience and a known rate the run's chance is taken out
    /// of it as far as it is known: see [`Report::wait_is_controlled`].
    pub wait_mean_s: f64,
    /// The true mean lies in here with 99 %.
    pub wait_ci99_s: [f64; 2],
    /// Is the mean corrected by a control? Beside every queue runs one with the same people and one agent who is as fast as
    /// all together; its true mean is known, so it says how much a run was worse or better off by chance.
    pub wait_is_controlled: bool,
    /// The plain mean over all runs.
    pub wait_plain_mean_s: f64,
    /// Served within a minute / all but those who left earlier than that.
    pub within_minute: f64,
    /// Share of those who left.
    pub abandoned: f64,
    /// Share of their time that agents talked.
    pub occupancy: f64,
    /// The formula: Erlang-C, with patience Erlang-A.
    pub erlang_wait_mean_s: Option<f64>,
    /// See above.
    pub erlang_within_minute: Option<f64>,
    /// See above.
    pub erlang_abandoned: Option<f64>,
    /// People whose wait is not exactly that of the recursion (Kiefer and Wolfowitz); for one queue without priority.
    pub differ_from_recursion: Option<usize>,
    /// Several queues: mean wait of the same people if everybody served everybody, which nobody can beat.
    pub pooled_wait_mean_s: Option<f64>,
    /// Mean wait of first priority.
    pub wait_first_mean_s: Option<f64>,
    /// Mean wait of all others.
    pub wait_others_mean_s: Option<f64>,
    /// People counted: without the first tenth of each run.
    pub counted: usize,
    /// Simulated conversations in a second of this machine.
    pub per_second: f64,
}

/// What is counted of one run.
struct Counted {
    waits: Vec<f64>,
    control: Vec<f64>,
    hits: usize,
    short: usize,
    left: usize,
    occupancy: f64,
    pooled: Option<f64>,
    differ: usize,
    first: (f64, usize),
    others: (f64, usize),
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

fn seconds(waited: i64) -> f64 {
    waited as f64 / SECOND as f64
}

/// The 99.5 % quantile of Student's t with so many degrees of freedom (any table; beyond 30 the error is below 1 %).
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947,
        2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.750,
    ];
    let beyond = 2.576 * (1.0 + 1.9 / freedom.max(1) as f64);
    freedom.checked_sub(1).and_then(|n| TABLE.get(n)).copied().unwrap_or(beyond)
}

fn interval(of_seeds: &[f64]) -> [f64; 2] {
    let count = of_seeds.len() as f64;
    let middle = mean(of_seeds.iter().copied());
    let spread = of_seeds.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / f64::max(count - 1.0, 1.0);
    let half = student(of_seeds.len() - 1) * (spread / count).sqrt();
    [middle - half, middle + half]
}

/// The weight of the control: least squares over batches of all runs.
fn weight(runs: &[Counted]) -> f64 {
    let batches: Vec<(f64, f64)> = runs
        .iter()
        .flat_map(|run| {
            let size = run.waits.len().div_ceil(BATCHES).max(1);
            run.waits.chunks(size).zip(run.control.chunks(size))
        })
        .map(|(waits, control)| (mean(waits.iter().copied()), mean(control.iter().copied())))
        .collect();
    let (wait, control) = (mean(batches.iter().map(|one| one.0)), mean(batches.iter().map(|one| one.1)));
    let together = batches.iter().map(|one| (one.0 - wait) * (one.1 - control)).sum::<f64>();
    let alone = batches.iter().map(|one| (one.1 - control).powi(2)).sum::<f64>();
    if alone > 0.0 { together / alone } else { 0.0 }
}

fn count(plan: &Plan, traffic: &Traffic, run: &Run) -> Counted {
    let from = run.fates.len() / WARM_UP;
    let fates = &run.fates[from..];
    let is_late = |fate: &&Fate| matches!(fate, Fate::Served(waited) if *waited <= PROMISE);
    let begin = traffic.asks.get(from).map_or(Timestamp(0), |ask| ask.at);
    let end = traffic.asks.last().map_or(begin, |ask| ask.at);
    let talked: i64 = run.talks.iter().map(|(from, to)| (*to).min(end).since((*from).max(begin)).max(0)).sum();
    let is_one_queue = plan.teams == 1 && plan.first == 0.0 && plan.shifts.is_none();
    let pooled = (plan.shifts.is_none()).then(|| first_come_first_served(traffic, plan.agents));
    let differ = pooled.iter().flatten().zip(&run.fates).filter(|(pooled, fate)| pooled != fate).count();
    let mut by_priority = [(0.0, 0), (0.0, 0)];
    for (ask, fate) in traffic.asks[from..].iter().zip(fates) {
        let one = &mut by_priority[usize::from(ask.is_first)];
        *one = (one.0 + seconds(fate.waited()), one.1 + 1);
    }
    Counted {
        waits: fates.iter().map(|fate| seconds(fate.waited())).collect(),
        control: one_fast_agent(traffic, plan.agents).skip(from).map(|wait| wait / SECOND as f64).collect(),
        hits: fates.iter().filter(is_late).count(),
        short: fates.iter().filter(|fate| matches!(fate, Fate::Left(waited) if *waited < PROMISE)).count(),
        left: fates.iter().filter(|fate| matches!(fate, Fate::Left(_))).count(),
        occupancy: talked as f64 / (end.since(begin).max(1) as f64 * f64::from(plan.agents)),
        pooled: pooled.map(|pooled| mean(pooled[from..].iter().map(|fate| seconds(fate.waited())))),
        differ: if is_one_queue { differ } else { 0 },
        first: by_priority[1],
        others: by_priority[0],
    }
}

/// Runs the plan with all its seeds.
///
/// # Errors
/// Names what cannot be read or simulated.
pub(super) fn run(plan: &Plan) -> anyhow::Result<Report> {
    let stream = plan.stream()?;
    let (mut runs, mut people, mut spent) = (Vec::new(), 0, std::time::Duration::ZERO);
    for seed in 1..=u64::from(plan.seeds) {
        let traffic = plan.traffic(&stream, seed)?;
        let last = traffic.asks.last().map_or(Timestamp(0), |ask| ask.at);
        let office = plan.office(midnight_after(last))?;
        let began = tokio::time::Instant::now();
        let run = Simulator::new(&office, &traffic).run()?;
        spent += began.elapsed();
        people += run.fates.len();
        runs.push(count(plan, &traffic, &run));
    }
    let queue = plan.queue();
    let formula = queue.and_then(|queue| queue.waiting());
    let is_one_queue = plan.teams == 1 && plan.first == 0.0;
    // The mean of the one fast agent, see `one_fast_agent`: M/M/1.
    let known = queue.filter(|_| is_one_queue && plan.patience.is_none()).map(|queue| {
        let (busy, handle) = (queue.occupancy(), queue.handle / f64::from(queue.agents));
        busy * handle / (1.0 - busy)
    });
    let weight = if known.is_some() { weight(&runs) } else { 0.0 };
    let plain: Vec<f64> = runs.iter().map(|run| mean(run.waits.iter().copied())).collect();
    let controlled: Vec<f64> = runs
        .iter()
        .zip(&plain)
        .map(|(run, plain)| plain - known.map_or(0.0, |known| weight * (mean(run.control.iter().copied()) - known)))
        .collect();
    let counted: usize = runs.iter().map(|run| run.waits.len()).sum();
    let total = |of: fn(&Counted) -> usize| runs.iter().map(of).sum::<usize>();
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let of_priority = |of: fn(&Counted) -> (f64, usize)| {
        let (sum, count) = runs.iter().map(of).fold((0.0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        (plan.first > 0.0 && count > 0).then(|| sum / count as f64)
    };
    Ok(Report {
        wait_mean_s: mean(controlled.iter().copied()),
        wait_ci99_s: interval(&controlled),
        wait_is_controlled: known.is_some(),
        wait_plain_mean_s: mean(plain.iter().copied()),
        within_minute: share(total(|run| run.hits), counted - total(|run| run.short)),
        abandoned: share(total(|run| run.left), counted),
        occupancy: mean(runs.iter().map(|run| run.occupancy)),
        erlang_wait_mean_s: formula.map(|formula| formula.seconds),
        erlang_within_minute: formula.map(|formula| formula.within_minute),
        erlang_abandoned: formula.map(|formula| formula.abandoned),
        differ_from_recursion: (is_one_queue && plan.shifts.is_none()).then(|| total(|run| run.differ)),
        pooled_wait_mean_s: runs.iter().map(|run| run.pooled).collect::<Option<Vec<_>>>().map(mean),
        wait_first_mean_s: of_priority(|run| run.first),
        wait_others_mean_s: of_priority(|run| run.others),
        counted,
        per_second: people as f64 / spent.as_secs_f64().max(1e-9),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.wait_ci99_s;
        let formula = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        writeln!(f, "{:28}{:>12}{:>12}", "", "router", "formula")?;
        for (what, router, erlang) in [
            ("mean wait in seconds", self.wait_mean_s, self.erlang_wait_mean_s),
            ("served within a minute", self.within_minute, self.erlang_within_minute),
            ("left", self.abandoned, self.erlang_abandoned),
        ] {
            writeln!(f, "{what:28}{router:>12.4}{:>12}", formula(erlang))?;
        }
        writeln!(f, "mean wait, 99 % interval    {low:>12.4} to {high:.4}")?;
        writeln!(f, "occupancy                   {:>12.4}", self.occupancy)?;
        for (what, value) in [
            ("everybody serves everybody", self.pooled_wait_mean_s),
            ("first priority", self.wait_first_mean_s),
            ("all others", self.wait_others_mean_s),
        ] {
            if let Some(value) = value {
                writeln!(f, "{what:28}{value:>12.4}")?;
            }
        }
        if let Some(differ) = self.differ_from_recursion {
            writeln!(f, "differ from the recursion   {differ:>12}")?;
        }
        writeln!(f, "people counted              {:>12}", self.counted)?;
        writeln!(f, "conversations in a second   {:>12.0}", self.per_second)
    }
}
