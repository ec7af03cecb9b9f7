//! `overload`: more is offered than the server can serve. It must refuse what it has no room for (`busy`) or read later,
//! must not grow without bound, must lose nothing that it acknowledged, and must be as quick as before when it is over.
//!
//! Four runs over the same connections: as fast as answers come, which is what the server can serve; a fraction of that,
//! to know how quick it is in peace; a multiple of it; and the fraction again.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use clap::Args;
use serde::Serialize;
use tokio::{
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::{
    Common,
    chat::{PATIENCE, PAUSE, talk, talkers, text, verdict},
    check_open_files, office,
    process::Process,
    talker::{Pace, Run, Talker},
};

/// Unanswered messages of each direction while it is measured what the server can serve.
const IN_FLIGHT: u32 = 4;

/// Part of what the server can serve that is offered before and after.
const PEACE: f64 = 0.3;

/// How often the server's memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(crate) struct Overload {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Citizens; each talks with one agent.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    citizens: u32,
    /// Agents; the server must have been started with so many `--load-agents`.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// How many times what the server can serve is offered.
    #[arg(long, default_value_t = 2.0)]
    factor: f64,
    /// Seconds of each of the four runs.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    duration: u64,
    /// Length of a message's text in bytes.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=4000))]
    bytes: u16,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    citizens: u32,
    agents: u32,
    /// Acknowledged a second while each direction waits for its answers.
    capacity_per_second: f64,
    /// Messages a second in the overload.
    offered_per_second: f64,
    /// Of these: acknowledged a second until all was answered.
    served_per_second: f64,
    /// Answered `busy` in the overload.
    busy: u32,
    /// From the last intended message of the overload until everything was answered and delivered.
    drain_seconds: f64,
    ack_p99_ms_before: Option<f64>,
    ack_p99_ms_overloaded: Option<f64>,
    ack_p99_ms_after: Option<f64>,
    rss_before_kib: u64,
    rss_most_kib: u64,
    rss_after_kib: u64,
    acknowledged: u32,
    delivered: u32,
    lost: u32,
    duplicated: u32,
    out_of_order: u32,
    unanswered: u32,
    server_cpu_percent_overloaded: f64,
    /// CPU that others on this machine used in the overload, in percent of one core.
    others_cpu_percent: f64,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.out_of_order == 0 && self.unanswered == 0
    }
}

/// What one run gave.
struct Phase {
    acknowledged: u32,
    refused: u32,
    /// Until all was answered.
    seconds: f64,
    ack_p99_ms: Option<f64>,
    rss_most_kib: u64,
    server_cpu: f64,
    others_cpu: f64,
}

/// Acknowledged and refused so far.
fn answered(talkers: &[Talker]) -> (u32, u32) {
    let lanes = talkers.iter().flat_map(|talker| &talker.lanes);
    lanes.map(|lane| lane.own.borrow().answered()).fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
}

impl Overload {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        anyhow::ensure!(self.factor.is_finite() && self.factor > 0.0, "--factor is a number above 0");
        check_open_files(self.citizens + self.agents)?;
        let server = Process::find(self.common.pid, self.common.url.port())?;
        let mut office = office::open(self.common.url, self.citizens, self.agents, None).await?;
        let mut talkers = talkers(&mut office, |_| Pace::InFlight(IN_FLIGHT)).await?;
        let rss_before_kib = server.rss_kib();

        let full = self.phase(server, &mut talkers, None).await?;
        let capacity = f64::from(full.acknowledged) / full.seconds;
        eprintln!("{capacity:.0} messages a second can be served");
        let before = self.phase(server, &mut talkers, Some(capacity * PEACE)).await?;
        let offered = capacity * self.factor;
        let over = self.phase(server, &mut talkers, Some(offered)).await?;
        let after = self.phase(server, &mut talkers, Some(capacity * PEACE)).await?;
        let rss_after_kib = server.rss_kib();
        let found = verdict(talkers).await?;
        Ok(Report {
            command: "overload",
            citizens: self.citizens,
            agents: self.agents,
            capacity_per_second: capacity,
            offered_per_second: offered,
            served_per_second: f64::from(over.acknowledged) / over.seconds,
            busy: over.refused,
            drain_seconds: over.seconds - self.length().as_secs_f64(),
            ack_p99_ms_before: before.ack_p99_ms,
            ack_p99_ms_overloaded: over.ack_p99_ms,
            ack_p99_ms_after: after.ack_p99_ms,
            rss_before_kib,
            rss_most_kib: over.rss_most_kib,
            rss_after_kib,
            acknowledged: found.acknowledged,
            delivered: found.delivered,
            lost: found.lost,
            duplicated: found.duplicated,
            out_of_order: found.out_of_order,
            unanswered: found.unanswered,
            server_cpu_percent_overloaded: over.server_cpu * 100.0 / over.seconds,
            others_cpu_percent: over.others_cpu * 100.0 / over.seconds,
        })
    }

    const fn length(&self) -> Duration {
        Duration::from_secs(self.duration)
    }

    /// All talk; `rate`: messages a second, `None`: as fast as answers come.
    async fn phase(&self, server: Process, talkers: &mut Vec<Talker>, rate: Option<f64>) -> anyhow::Result<Phase> {
        let streams = self.citizens * 2;
        let lanes = talkers.iter_mut().flat_map(|talker| &mut talker.lanes);
        for (stream, lane) in (1..).zip(lanes) {
            lane.again(rate.map_or(Pace::InFlight(IN_FLIGHT), |rate| Pace::even(rate, stream, streams)));
        }
        let already = answered(talkers);
        let run = Rc::new(Run {
            start: Instant::now() + PAUSE,
            length: self.length(),
            // What is offered twice as fast is served in twice the time.
            patience: self.length() * 4 + PATIENCE,
            text: text(self.bytes),
            acknowledged: RefCell::default(),
            delivered: RefCell::default(),
            busy: Cell::new(talkers.len()),
        });
        let most = Rc::new(Cell::new(0));
        let seen = Rc::clone(&most);
        let looking = spawn_local(async move {
            loop {
                seen.set(server.rss_kib().max(seen.get()));
                sleep(LOOK).await;
            }
        });
        tokio::time::sleep_until(run.start).await;
        let begin = server.cpu();
        *talkers = talk(std::mem::take(talkers), &run).await?;
        let seconds = run.start.elapsed().as_secs_f64();
        let cpu = begin.until(server.cpu());
        looking.abort();
        let (acknowledged, refused) = answered(talkers);
        let ack_p99_ms = run.acknowledged.borrow_mut().percentile_ms(0.99);
        Ok(Phase {
            acknowledged: acknowledged - already.0,
            refused: refused - already.1,
            seconds,
            ack_p99_ms,
            rss_most_kib: most.get(),
            server_cpu: cpu.server,
            others_cpu: cpu.others,
        })
    }
}
