//! The router that `serve` runs, in virtual time, beside the formulas that say how well any router could do, and how many
//! agents keep the promise.
//!
//! Requests come at random, with a daily profile or from a file; whoever is offered somebody accepts at once. The n-th talk
//! that begins is as long as the n-th that was drawn, whoever it is with, so that for one queue every single wait must equal
//! the recursion of Kiefer and Wolfowitz, to the millisecond. A router that leaves somebody idle while somebody waits
//! cannot do that.

mod engine;
mod erlang;
mod recursion;
mod report;
mod staffing;
#[cfg(test)]
mod tests;
mod traffic;

use std::path::PathBuf;

use bangban_domain::{
    Timestamp,
    time::{DAY, MINUTE, SECOND},
};
use clap::Args;

pub use engine::{Desk, Fate, Office, Run, Simulator};
pub use erlang::{Queue, Waiting};
pub use recursion::first_come_first_served;
pub use report::Report;
pub use staffing::{Effort, HALF_HOURS, HalfHour, Progress, Staffing};
pub use traffic::{Ask, Rate, Stream, Traffic};

/// What is simulated.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Agents, each with one conversation at a time.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub agents: u32,
    /// Work that comes, as a share of what the agents can do. 1 or more needs patience, or the queue grows for ever; with
    /// --profile or --arrivals the work is what comes.
    #[arg(long, default_value_t = 0.9, value_parser = positive, conflicts_with_all = ["profile", "arrivals"])]
    pub occupancy: f64,
    /// Mean handling time in seconds (exponential).
    #[arg(long, default_value_t = 300.0, value_parser = positive)]
    pub mean_handle: f64,
    /// Mean patience in seconds (exponential); without it everybody waits.
    #[arg(long, value_parser = positive)]
    pub patience: Option<f64>,
    /// People in one run.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub citizens: u32,
    /// Runs, with the seeds 1, 2, ...
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub seeds: u32,
    /// Queues, all as busy as each other.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub teams: u16,
    /// Queues that one agent serves.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub skills: u16,
    /// Share of first priority (rule 5).
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub first: f64,
    /// Head start of first priority in seconds.
    #[arg(long, default_value_t = 60)]
    pub head_start: u32,
    /// Daily profile (CSV: from as HH:MM, per_hour).
    #[arg(long, value_name = "FILE", conflicts_with = "arrivals")]
    pub profile: Option<PathBuf>,
    /// Requests from a file (CSV: at_s; if known handle_s, patience_s, team, first).
    #[arg(long, value_name = "FILE")]
    pub arrivals: Option<PathBuf>,
    /// Shifts (CSV: from and to as HH:MM, agents), the same every day, instead of --agents.
    #[arg(long, value_name = "FILE")]
    pub shifts: Option<PathBuf>,
    /// The fewest agents in each half hour of the profile, so that this share is answered within a minute.
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "profile", conflicts_with_all = ["shifts", "arrivals"])]
    pub staff_for: Option<f64>,
    /// One line of JSON.
    #[arg(long)]
    pub json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("must be a number above 0".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
        _ => Err("must be 0 or more and less than 1".to_owned()),
    }
}

/// The first tenth is left out: nobody waited when it began.
const WARM_UP: usize = 10;

impl Plan {
    /// The stream of people that the options describe.
    ///
    /// # Errors
    /// Names the file and line.
    pub fn stream(&self) -> anyhow::Result<Stream> {
        let profile = match &self.profile {
            Some(path) => traffic::read_profile(path)?,
            None => {
                let per_second = self.occupancy * f64::from(self.agents) / self.mean_handle;
                vec![Rate { from: 0, per_hour: per_second * 3_600.0 }]
            }
        };
        Ok(Stream { profile, handle: self.mean_handle, patience: self.patience, teams: self.teams, first: self.first })
    }

    /// Who works.
    ///
    /// # Errors
    /// Names the file and line.
    pub fn office(&self, until: Timestamp) -> anyhow::Result<Office> {
        let mut office = match &self.shifts {
            Some(path) => staffing::office_of_shifts(path, until)?,
            None => Office::of_teams(self.agents, self.teams, self.skills),
        };
        office.teams = self.teams;
        office.head_start = i64::from(self.head_start) * SECOND;
        Ok(office)
    }

    /// The queue of the formulas, if it is one that they know.
    #[must_use]
    pub fn queue(&self) -> Option<Queue> {
        let is_known = self.arrivals.is_none() && self.profile.is_none() && self.shifts.is_none();
        let per_second = self.occupancy * f64::from(self.agents) / self.mean_handle;
        let Self { agents, mean_handle: handle, patience, .. } = *self;
        is_known.then_some(Queue { agents, per_second, handle, patience })
    }

    /// The people of one run.
    fn traffic(&self, stream: &Stream, seed: u64) -> anyhow::Result<Traffic> {
        let traffic = match &self.arrivals {
            Some(path) => traffic::read_asks(path, self.mean_handle, seed)?,
            None => stream.people(self.citizens as usize, seed),
        };
        let unknown = traffic.asks.iter().find(|ask| ask.team.0 >= self.teams);
        anyhow::ensure!(unknown.is_none(), "a request for a team that --teams does not have");
        anyhow::ensure!(!traffic.asks.is_empty(), "nobody comes");
        Ok(traffic)
    }
}

/// Runs what the command line says, and prints it.
///
/// # Errors
/// Names what cannot be read or simulated.
pub fn command(plan: &Plan) -> anyhow::Result<()> {
    if plan.patience.is_none() && plan.queue().is_some_and(|queue| queue.occupancy() >= 1.0) {
        anyhow::bail!("--occupancy of 1 or more needs --patience, or the queue grows for ever");
    }
    match plan.staff_for {
        Some(share) => {
            let staffing = Staffing::find(&plan.stream()?, share, plan.seeds)?;
            if plan.json {
                println!("{}", serde_json::to_string(&staffing)?);
            } else {
                print!("{staffing}");
            }
        }
        None => {
            let report = report::run(plan)?;
            if plan.json {
                println!("{}", serde_json::to_string(&report)?);
            } else {
                print!("{report}");
            }
        }
    }
    Ok(())
}

/// The promise of rule 1.
const PROMISE: i64 = MINUTE;

/// The last midnight that a run can reach, for shifts.
fn midnight_after(last: Timestamp) -> Timestamp {
    Timestamp((last.0.div_euclid(DAY) + 2) * DAY)
}
