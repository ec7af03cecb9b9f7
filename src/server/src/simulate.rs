//! The router in virtual time, beside the formula that says how well any router could do: requests come at random
//! (Poisson), talks last exponentially long, everybody waits, every agent may serve everybody (Erlang-C). It is the
//! router that `serve` runs, driven by a loop instead of sockets. A router that leaves somebody idle while somebody
//! waits cannot meet the formula.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fmt,
};

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    routing::{Effect, Input, Refusal, Router, Settings},
    time::{HOUR, SECOND},
    words::AgentStatus,
};
use clap::Args;

/// Requests in so many groups, one after the other, show how far chance alone moves the means.
const GROUPS: usize = 30;

/// The first tenth is left out: nobody waited when it began.
const WARM_UP: usize = 10;

const TEAM: TeamId = TeamId(0);

/// What is simulated.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Agents, each with one conversation at a time.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub agents: u32,
    /// Share of their time that the agents talk; below 1, or the queue would grow for ever.
    #[arg(long, default_value_t = 0.9, value_parser = load)]
    pub load: f64,
    /// Hours of virtual time.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub hours: u32,
    /// Mean length of a talk.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=36_000))]
    pub talk_seconds: u32,
    /// Of the random numbers; the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

fn load(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(load) if load > 0.0 && load < 1.0 => Ok(load),
        _ => Err("must be more than 0 and less than 1".to_owned()),
    }
}

/// How people wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waiting {
    /// Share of those who are not served at once.
    pub waits: f64,
    /// Mean wait of all, in seconds.
    pub seconds: f64,
    /// Share of those who are served within a minute.
    pub within_minute: f64,
}

/// Formula and router side by side.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What was simulated.
    pub plan: Plan,
    /// Requests that were counted.
    pub requests: usize,
    /// Erlang-C.
    pub formula: Waiting,
    /// The router.
    pub router: Waiting,
    /// Standard errors of the router's figures.
    pub errors: Waiting,
}

/// Erlang-C: `agents` who talk a share of `load` of their time, `talk` seconds on average.
#[must_use]
pub fn erlang_c(agents: u32, load: f64, talk: f64) -> Waiting {
    let servers = f64::from(agents);
    let offered = servers * load;
    // Erlang-B by its recursion, which neither overflows nor cancels.
    let blocked = (1..=agents).fold(1.0, |blocked, n| offered * blocked / (f64::from(n) + offered * blocked));
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    let free = servers - offered;
    Waiting { waits, seconds: waits * talk / free, within_minute: 1.0 - waits * (-free * 60.0 / talk).exp() }
}

impl Comparison {
    /// Does every figure of the router lie within so many standard errors of the formula?
    #[must_use]
    pub fn agrees_within(&self, errors: f64) -> bool {
        [
            (self.router.waits - self.formula.waits, self.errors.waits),
            (self.router.seconds - self.formula.seconds, self.errors.seconds),
            (self.router.within_minute - self.formula.within_minute, self.errors.within_minute),
        ]
        .iter()
        .all(|(distance, error)| distance.abs() <= errors * error)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { agents, load, hours, talk_seconds, seed } = &self.plan;
        writeln!(
            f,
            "{agents} agents, load {load}, {talk_seconds} s a talk, {hours} hours, seed {seed}: {} requests counted",
            self.requests
        )?;
        writeln!(f, "{:24}{:>10}{:>10}{:>16}", "", "Erlang-C", "router", "standard error")?;
        for (what, figure) in [
            ("share that has to wait", (|w: &Waiting| w.waits) as fn(&Waiting) -> f64),
            ("mean wait in seconds", |w| w.seconds),
            ("served within a minute", |w| w.within_minute),
        ] {
            let digits = if figure(&self.formula) >= 10.0 { 2 } else { 4 };
            writeln!(
                f,
                "{what:24}{:>10.digits$}{:>10.digits$}{:>16.digits$}",
                figure(&self.formula),
                figure(&self.router),
                figure(&self.errors),
            )?;
        }
        let verdict = if self.agrees_within(3.0) { "yes" } else { "NO" };
        write!(f, "within 3 standard errors: {verdict}")
    }
}

/// SplitMix64: small, seeded, the same on every machine.
struct Dice(u64);

impl Dice {
    /// Exponential, in milliseconds.
    fn pause(&mut self, mean: f64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // 53 bits fill the fraction of an f64; never 0, whose logarithm is infinite.
        let unit = (((z ^ (z >> 31)) >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        (-unit.ln() * mean).round() as i64
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Asks,
    Ends(ConversationId),
}

struct Run {
    router: Router,
    dice: Dice,
    talk: f64,
    agenda: BinaryHeap<Reverse<(Timestamp, Happens)>>,
    /// Milliseconds that each waited, in order of asking.
    waited: Vec<Option<i64>>,
    /// Who waits, with their place in that order.
    waiting: HashMap<ConversationId, usize>,
    asked_at: Vec<Timestamp>,
}

impl Run {
    fn give(&mut self, now: Timestamp, input: Input) -> Result<(), Refusal> {
        let mut inputs = vec![input];
        let mut out = Vec::new();
        while let Some(input) = inputs.pop() {
            self.router.handle(now, input, &mut out)?;
            for effect in out.drain(..) {
                match effect {
                    // Nobody thinks about an offer: what is measured is the router.
                    Effect::Offered { agent, offer, .. } => inputs.push(Input::OfferAccepted { agent, offer }),
                    Effect::Assigned { conversation, .. } => {
                        inputs.push(Input::HumanReplied { conversation, at: now });
                        let ends_at = now + self.dice.pause(self.talk);
                        self.agenda.push(Reverse((ends_at, Happens::Ends(conversation))));
                        if let Some(n) = self.waiting.remove(&conversation) {
                            self.waited[n] = Some(now.since(self.asked_at[n]));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Runs the router through the plan.
///
/// # Errors
/// What the router refuses, which would be a mistake of this program.
pub fn compare(plan: Plan) -> Result<Comparison, Refusal> {
    let talk = f64::from(plan.talk_seconds) * SECOND as f64;
    let between = talk / (f64::from(plan.agents) * plan.load);
    let mut run = Run {
        router: Router::new(1, Settings::default(), 1),
        dice: Dice(plan.seed),
        talk,
        agenda: BinaryHeap::new(),
        waited: Vec::new(),
        waiting: HashMap::new(),
        asked_at: Vec::new(),
    };
    let start = Timestamp(0);
    for n in 1..=plan.agents {
        let agent = AgentId::new(u128::from(n));
        let known = Input::AgentKnown { agent, teams: vec![TEAM], capacity: 1, status: AgentStatus::Online };
        run.give(start, known)?;
        run.give(start, Input::AgentConnected { agent })?;
    }
    let end = start + i64::from(plan.hours) * HOUR;
    let first = start + run.dice.pause(between);
    run.agenda.push(Reverse((first, Happens::Asks)));
    // Until the last one who asked before the end is served.
    while let Some(Reverse((now, what))) = run.agenda.pop() {
        match what {
            Happens::Asks if now <= end => {
                let n = run.asked_at.len();
                let conversation = ConversationId::new(n as u128);
                run.waiting.insert(conversation, n);
                run.asked_at.push(now);
                run.waited.push(None);
                let next = now + run.dice.pause(between);
                run.agenda.push(Reverse((next, Happens::Asks)));
                run.give(now, Input::HumanRequested { conversation, team: TEAM, at: now })?;
            }
            Happens::Asks => {}
            Happens::Ends(conversation) => run.give(now, Input::Closed { conversation })?,
        }
    }
    let waited: Vec<i64> = run.waited.into_iter().flatten().collect();
    let counted = &waited[waited.len() / WARM_UP..];
    let groups: Vec<Waiting> = counted.chunks(counted.len().div_ceil(GROUPS).max(1)).map(waiting).collect();
    let formula = erlang_c(plan.agents, plan.load, f64::from(plan.talk_seconds));
    Ok(Comparison {
        requests: counted.len(),
        formula,
        router: waiting(counted),
        errors: Waiting {
            waits: standard_error(groups.iter().map(|group| group.waits)),
            seconds: standard_error(groups.iter().map(|group| group.seconds)),
            within_minute: standard_error(groups.iter().map(|group| group.within_minute)),
        },
        plan,
    })
}

fn waiting(waited: &[i64]) -> Waiting {
    let all = waited.len().max(1) as f64;
    let share = |which: fn(&i64) -> bool| waited.iter().filter(|ms| which(ms)).count() as f64 / all;
    Waiting {
        waits: share(|ms| *ms > 0),
        seconds: waited.iter().sum::<i64>() as f64 / all / SECOND as f64,
        within_minute: share(|ms| *ms <= 60 * SECOND),
    }
}

fn standard_error(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count().max(2) as f64;
    let mean = values.clone().sum::<f64>() / count;
    (values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0) / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_gives_the_known_figures() {
        for (agents, load, waits, seconds) in
            [(20, 0.90, 0.5508, 82.62), (100, 0.95, 0.5065, 30.39), (1, 0.5, 0.5, 300.0)]
        {
            let formula = erlang_c(agents, load, 300.0);
            assert!((formula.waits - waits).abs() < 5e-5, "{agents}: {formula:?}");
            assert!((formula.seconds - seconds).abs() < 5e-3, "{agents}: {formula:?}");
        }
    }

    #[test]
    fn the_router_lets_nobody_wait_longer_than_the_formula_says() {
        let plan = Plan { agents: 20, load: 0.9, hours: 300, talk_seconds: 300, seed: 1 };
        let comparison = compare(plan).unwrap();
        assert!(comparison.requests > 50_000);
        assert!(comparison.agrees_within(3.0), "{comparison}");
        // It would notice: with one agent idle, or one more, the figures are others.
        for (agents, load) in [(19, 0.9 * 20.0 / 19.0), (21, 0.9 * 20.0 / 21.0)] {
            let other = Comparison { formula: erlang_c(agents, load, 300.0), ..comparison.clone() };
            assert!(!other.agrees_within(3.0), "{other}");
        }
    }
}
