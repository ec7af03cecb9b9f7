//! Bar: a routing decision costs at most 2 µs with 50 000 people waiting and 5 000 agents.
//!
//! One round is three decisions: a conversation is closed and its agent is offered the next one, the agent accepts, and
//! somebody new asks. The queue keeps its length, so every round costs the same.
//!
//! `make bench-instructions` counts instructions instead: with `ROUNDS=n` so many rounds are done and nothing is measured.

use std::hint::black_box;

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    routing::{Effect, Input, Router, Settings},
    words::AgentStatus,
};
use criterion::{Criterion, Throughput};

const TEAMS: u16 = 20;
const AGENTS: u128 = 5_000;
const WAITING: u128 = 50_000;

fn team(n: u128) -> TeamId {
    TeamId(u16::try_from(n % u128::from(TEAMS)).unwrap_or(0))
}

/// Everybody is busy, and many wait.
struct Office {
    router: Router,
    /// Who serves whom.
    desks: Vec<(AgentId, ConversationId)>,
    next: u128,
    turn: usize,
    out: Vec<Effect>,
}

impl Office {
    fn open() -> Self {
        // Deadlines far away: what is measured are decisions, not 50 000 warnings.
        let day = 86_400_000;
        let settings = Settings { offer: day, warn: day, alert: day + 1, breach: day + 2, ..Settings::default() };
        let router = Router::new(1, settings, TEAMS);
        let mut office = Self { router, desks: Vec::new(), next: 0, turn: 0, out: Vec::new() };
        for n in 0..AGENTS {
            let (agent, teams) = (AgentId::new(n), vec![team(n), team(n + 1)]);
            office.give(Input::AgentKnown { agent, teams, capacity: 1, status: AgentStatus::Online });
            office.give(Input::AgentConnected { agent });
        }
        for _ in 0..AGENTS + WAITING {
            office.ask();
        }
        let offered: Vec<_> = office
            .out
            .drain(..)
            .filter_map(|effect| match effect {
                Effect::Offered { agent, offer, .. } => Some((agent, offer)),
                _ => None,
            })
            .collect();
        for (agent, offer) in offered {
            office.give(Input::OfferAccepted { agent, offer });
        }
        for effect in office.out.drain(..) {
            if let Effect::Assigned { agent, conversation, .. } = effect {
                office.desks.push((agent, conversation));
            }
        }
        assert_eq!(office.desks.len(), usize::try_from(AGENTS).unwrap_or(0), "everybody is busy");
        office
    }

    fn give(&mut self, input: Input) {
        self.router.handle(Timestamp(0), input, &mut self.out).expect("a possible input");
    }

    fn ask(&mut self) {
        self.next += 1;
        let conversation = ConversationId::new(self.next);
        let at = Timestamp(i64::try_from(self.next).unwrap_or(0));
        self.give(Input::HumanRequested { conversation, team: team(self.next), at });
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

fn main() {
    let mut office = Office::open();
    if let Ok(rounds) = std::env::var("ROUNDS") {
        for _ in 0..rounds.parse().expect("ROUNDS is a number") {
            office.round();
        }
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("routing");
    group.throughput(Throughput::Elements(3));
    group.bench_function("three decisions, 50 000 waiting, 5 000 agents", |b| b.iter(|| office.round()));
    group.finish();
    criterion.final_summary();
}
