//! Bar: a routing decision costs at most 2 µs with 50 000 people waiting and 5 000 agents.
//!
//! One round is three decisions: a conversation is closed and its agent is offered the next one, the agent accepts, and
//! somebody new asks; with all rules a fourth: whoever asks is shown to further teams. The queue keeps its length, so every
//! round costs the same.
//!
//! Twice: with the rules of first come, first served alone, and with all of them: rings, needs, levels, head starts, several
//! offers at once, duty, and everybody has waited so long that all of it applies.
//!
//! `make bench-instructions` counts instructions instead: with `ROUNDS=n` so many rounds are done and nothing is measured.

use std::hint::black_box;

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    routing::{Ability, Demand, Effect, Input, Policy, Profile, Ring, Router, Settings},
    words::AgentStatus,
};
use criterion::{Criterion, Throughput};

const TEAMS: u16 = 20;
const AGENTS: u128 = 5_000;
const WAITING: u128 = 50_000;

fn team(n: u128) -> TeamId {
    TeamId(u16::try_from(n % u128::from(TEAMS)).unwrap_or(0))
}

/// Everybody who waits came a minute or more before.
const NOW: Timestamp = Timestamp(1_000_000);

/// Everybody is busy, and many wait.
struct Office {
    router: Router,
    policy: Policy,
    has_all_rules: bool,
    /// Who serves whom.
    desks: Vec<(AgentId, ConversationId)>,
    next: u128,
    turn: usize,
    out: Vec<Effect>,
}

impl Office {
    fn open(has_all_rules: bool) -> Self {
        // Deadlines far away: what is measured are decisions, not 50 000 warnings.
        let day = 86_400_000;
        let settings =
            Settings { offer: day, warn: day, alert: day + 1, breach: day + 2, needs_for: day, ..Settings::default() };
        let policy = settings.policy();
        let router = Router::new(1, settings, TEAMS);
        let mut office = Self { router, policy, has_all_rules, desks: Vec::new(), next: 0, turn: 0, out: Vec::new() };
        if has_all_rules {
            for n in 0..u128::from(TEAMS) {
                let rings = vec![
                    Ring { after: 15_000, teams: (1..=4).map(|further| team(n + further)).collect() },
                    Ring { after: 25_000, teams: vec![team(n + 5)] },
                    Ring { after: 35_000, teams: vec![team(0)] },
                ];
                office.give(Input::TeamKnown { team: team(n), policy: office.policy, rings });
            }
        }
        for n in 0..AGENTS {
            let (agent, mut profile) = (AgentId::new(n), Profile::plain([team(n), team(n + 1)], 1));
            if has_all_rules {
                profile.skills = u64::try_from(n % 4).unwrap_or(0);
                profile.teams.iter_mut().for_each(|(_, level)| *level = 1 + u8::try_from(n % 5).unwrap_or(0));
            }
            office.give(Input::AgentKnown { agent, profile, status: AgentStatus::Online });
            if has_all_rules && n % 2 == 0 {
                office.give(Input::DutyKnown { agent, spans: Some(vec![(Timestamp(0), Timestamp(i64::MAX))]) });
            }
            office.give(Input::AgentConnected { agent });
        }
        for _ in 0..AGENTS + WAITING {
            office.ask();
        }
        // Some are asked for one whom a colleague takes, and then for another.
        loop {
            let offer = |id| Some((id, office.router.agent(id)?.offer?.id));
            let asked: Vec<_> = (0..AGENTS).map(AgentId::new).filter_map(offer).collect();
            if asked.is_empty() {
                break;
            }
            for (agent, offer) in asked {
                // One whom a colleague has just taken is offered no more.
                office.router.handle(NOW, Input::OfferAccepted { agent, offer }, &mut office.out).ok();
            }
        }
        for n in 0..AGENTS {
            let agent = AgentId::new(n);
            office.desks.extend(office.router.serving(agent).map(|conversation| (agent, conversation)));
        }
        office.out.clear();
        assert_eq!(office.desks.len(), usize::try_from(AGENTS).unwrap_or(0), "everybody is busy");
        office
    }

    fn give(&mut self, input: Input) {
        self.router.handle(NOW, input, &mut self.out).expect("a possible input");
    }

    fn ask(&mut self) {
        self.next += 1;
        let conversation = ConversationId::new(self.next);
        let at = Timestamp(i64::try_from(self.next).unwrap_or(0) % 900_000);
        let demand = if self.has_all_rules { demand(self.next) } else { Demand::default() };
        self.give(Input::HumanRequested { conversation, team: team(self.next), at, demand });
    }

    /// Three decisions.
    fn round(&mut self) {
        let desk = self.turn % self.desks.len();
        self.turn += 7;
        self.give(Input::Closed { conversation: self.desks[desk].1 });
        let offered = self.out.iter().find_map(|effect| match effect {
            Effect::Offered { agent, offer, conversation, .. } => Some((*agent, *offer, *conversation)),
            _ => None,
        });
        let (agent, offer, conversation) = offered.expect("somebody waits");
        self.give(Input::OfferAccepted { agent, offer });
        self.desks[desk] = (agent, conversation);
        self.ask();
        black_box(&self.out);
        self.out.clear();
    }
}

/// Every fifth is of first priority, every third needs something, every seventh knows somebody.
fn demand(n: u128) -> Demand {
    let needs = if n.is_multiple_of(3) { Ability { skills: 1, level: 2 } } else { Ability::default() };
    Demand {
        head_start: if n.is_multiple_of(5) { 60_000 } else { 0 },
        needs,
        preferred: n.is_multiple_of(7).then(|| AgentId::new(n % AGENTS)),
        is_exclusive: false,
        plan: None,
    }
}

fn main() {
    if let Ok(rounds) = std::env::var("ROUNDS") {
        let mut office = Office::open(false);
        for _ in 0..rounds.parse().expect("ROUNDS is a number") {
            office.round();
        }
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("routing");
    for (what, decisions, has_all_rules) in
        [("three, first come, first served", 3, false), ("four, all rules", 4, true)]
    {
        let mut office = Office::open(has_all_rules);
        let name = format!("50 000 waiting, 5 000 agents; decisions: {what}");
        group.throughput(Throughput::Elements(decisions));
        group.bench_function(name, |b| b.iter(|| office.round()));
    }
    group.finish();
    criterion.final_summary();
}
