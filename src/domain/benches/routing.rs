//! Bar: a routing decision costs at most 2 µs with 50 000 people waiting and 5 000 agents.
//!
//! One round is three decisions: a conversation is closed and its agent is offered the next one, the agent accepts, and
//! somebody new asks. The queue keeps its length, so every round costs the same.

use std::hint::black_box;

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    routing::{Effect, Input, Router, Settings},
    words::AgentStatus,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const TEAMS: u16 = 20;
const AGENTS: u128 = 5_000;
const WAITING: u128 = 50_000;

fn team(n: u128) -> TeamId {
    TeamId(u16::try_from(n % u128::from(TEAMS)).unwrap_or(0))
}

fn give(router: &mut Router, now: i64, input: Input, out: &mut Vec<Effect>) {
    router.handle(Timestamp(now), input, out).expect("a possible input");
}

fn rounds(c: &mut Criterion) {
    let mut out = Vec::new();
    // Deadlines far away: what is measured are decisions, not 50 000 warnings.
    let day = 86_400_000;
    let settings = Settings { offer: day, warn: day, alert: day + 1, breach: day + 2, ..Settings::default() };
    let mut router = Router::new(1, settings, TEAMS);
    for n in 0..AGENTS {
        let (agent, teams) = (AgentId::new(n), vec![team(n), team(n + 1)]);
        give(&mut router, 0, Input::AgentKnown { agent, teams, capacity: 1, status: AgentStatus::Online }, &mut out);
        give(&mut router, 0, Input::AgentConnected { agent }, &mut out);
    }
    let mut next = 0;
    let mut ask = |router: &mut Router, out: &mut Vec<Effect>| {
        next += 1;
        let conversation = ConversationId::new(next);
        let at = Timestamp(i64::try_from(next).unwrap_or(0));
        give(router, 0, Input::HumanRequested { conversation, team: team(next), at }, out);
    };
    for _ in 0..AGENTS + WAITING {
        ask(&mut router, &mut out);
    }
    let offered: Vec<_> = out
        .drain(..)
        .filter_map(|effect| match effect {
            Effect::Offered { agent, offer, .. } => Some((agent, offer)),
            _ => None,
        })
        .collect();
    let mut desks = Vec::new();
    for (agent, offer) in offered {
        give(&mut router, 0, Input::OfferAccepted { agent, offer }, &mut out);
    }
    for effect in out.drain(..) {
        if let Effect::Assigned { agent, conversation, .. } = effect {
            desks.push((agent, conversation));
        }
    }
    assert_eq!(desks.len(), usize::try_from(AGENTS).unwrap_or(0), "everybody is busy");

    let mut group = c.benchmark_group("routing");
    group.throughput(Throughput::Elements(3));
    let mut turn = 0;
    group.bench_function("three decisions, 50 000 waiting, 5 000 agents", |b| {
        b.iter(|| {
            let desk = turn % desks.len();
            turn += 7;
            give(&mut router, 0, Input::Closed { conversation: desks[desk].1 }, &mut out);
            let offered = out.iter().find_map(|effect| match effect {
                Effect::Offered { agent, offer, conversation, .. } => Some((*agent, *offer, *conversation)),
                _ => None,
            });
            let (agent, offer, conversation) = offered.expect("somebody waits");
            give(&mut router, 0, Input::OfferAccepted { agent, offer }, &mut out);
            desks[desk] = (agent, conversation);
            ask(&mut router, &mut out);
            black_box(&out);
            out.clear();
        });
    });
    group.finish();
}

criterion_group!(benches, rounds);
criterion_main!(benches);
