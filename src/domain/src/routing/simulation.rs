//! Seeded random traffic with faults against a shadow model that believes only the effects. A failure names its seed.
//! The same suite runs over deliberately broken routers and must catch each of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{AgentRead, Clock, Effect, Fault, Input, Place, Router, Settings, Target};
use crate::{
    AgentId, ConversationId, TeamId, Timestamp,
    words::{AgentStatus, SlaStep},
};

const TEAMS: u16 = 3;
const AGENTS: u128 = 5;
const STEPS: u32 = 1_500;
const SEEDS: u64 = 40;

/// SplitMix64: small, seeded, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let sides = u64::try_from(from.len()).unwrap();
        (sides > 0).then(|| from[usize::try_from(self.roll(sides)).unwrap()])
    }
}

#[derive(Debug, Clone, Copy)]
struct Shadow {
    team: TeamId,
    asked_at: Timestamp,
    step: SlaStep,
    answered_at: Option<Timestamp>,
    agent: Option<AgentId>,
}

struct Simulation {
    router: Router,
    fault: Option<Fault>,
    epoch: u64,
    now: Timestamp,
    dice: Dice,
    next_conversation: u128,
    shadow: BTreeMap<ConversationId, Shadow>,
    capacity: BTreeMap<AgentId, u32>,
    status: BTreeMap<AgentId, AgentStatus>,
    connected: BTreeSet<AgentId>,
    /// Accepted transfers may exceed capacity; until the load has fallen again.
    excused: BTreeSet<AgentId>,
}

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition { return Err(format!($($message)+)); }
    };
}

fn teams_of(n: u128) -> Vec<TeamId> {
    match n % 3 {
        0 => vec![TeamId(0)],
        1 => vec![TeamId(0), TeamId(1)],
        _ => vec![TeamId(1), TeamId(2)],
    }
}

impl Simulation {
    fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut simulation = Self {
            router: Router::new(0, Settings::default(), TEAMS),
            fault,
            epoch: 0,
            now: Timestamp(1_000_000_000),
            dice: Dice(seed),
            next_conversation: 0,
            shadow: BTreeMap::new(),
            capacity: BTreeMap::new(),
            status: BTreeMap::new(),
            connected: BTreeSet::new(),
            excused: BTreeSet::new(),
        };
        for n in 1..=AGENTS {
            simulation.capacity.insert(AgentId::new(n), u32::try_from(n % 3 + 1).unwrap());
            simulation.status.insert(AgentId::new(n), AgentStatus::Online);
        }
        simulation.restart().unwrap();
        simulation
    }

    /// A new router from what the effects said, as the server does from rows.
    fn restart(&mut self) -> Verdict {
        self.epoch += 1;
        self.router = Router::new(self.epoch, Settings::default(), TEAMS);
        self.router.fault = self.fault;
        self.connected.clear();
        for (agent, capacity) in self.capacity.clone() {
            let n = (1..=AGENTS).find(|n| AgentId::new(*n) == agent).unwrap();
            let status = self.status[&agent];
            self.feed(Input::AgentKnown { agent, teams: teams_of(n), capacity, status })?;
        }
        for (conversation, shadow) in self.shadow.clone() {
            let clock = Clock {
                asked_at: shadow.asked_at,
                due_at: shadow.asked_at + 60_000,
                answered_at: shadow.answered_at,
                step: shadow.step,
            };
            self.feed(Input::Restored { conversation, team: shadow.team, clock, agent: shadow.agent })?;
        }
        self.check()
    }

    fn give(&mut self, input: Input) -> Verdict {
        self.feed(input)?;
        self.check()
    }

    /// Feeds one input; a refusal is fine (stale commands are part of the traffic), wrong effects are not.
    fn feed(&mut self, input: Input) -> Verdict {
        let mut out = Vec::new();
        // The shadow has to know the request before its effects.
        if let Input::HumanRequested { conversation, team, at } = input
            && self.router.conversation(conversation).is_none()
        {
            let shadow = Shadow { team, asked_at: at, step: SlaStep::Running, answered_at: None, agent: None };
            self.shadow.insert(conversation, shadow);
        }
        let closes = match input {
            Input::Closed { conversation } | Input::RequestCancelled { conversation } => Some(conversation),
            _ => None,
        };
        let accepted = self.router.handle(self.now, input, &mut out).is_ok();
        // A closed one is on nobody's desk any more when the freed agent is asked for the next.
        if let Some(shadow) = closes.filter(|_| accepted).and_then(|id| self.shadow.get_mut(&id)) {
            shadow.agent = None;
        }
        for effect in &out {
            self.believe(effect)?;
        }
        if let Some(conversation) = closes.filter(|_| accepted) {
            self.shadow.remove(&conversation);
        }
        Ok(())
    }

    fn believe(&mut self, effect: &Effect) -> Verdict {
        match *effect {
            Effect::Offered { agent, transfer_by, .. } => {
                let load = self.shadow.values().filter(|shadow| shadow.agent == Some(agent)).count();
                let room = u32::try_from(load).unwrap() < self.capacity[&agent];
                ensure!(room || transfer_by.is_some(), "offer to {agent}, who is full");
                ensure!(self.connected.contains(&agent), "offer to {agent}, who is away");
                ensure!(self.status[&agent] == AgentStatus::Online, "offer to {agent}, who is not online");
            }
            Effect::Assigned { conversation, agent, team, transfer_by, .. } => {
                let shadow = self.shadow.get_mut(&conversation).ok_or("assigned what nobody asked")?;
                ensure!(shadow.agent == transfer_by, "{conversation} taken from {:?}", shadow.agent);
                shadow.agent = Some(agent);
                shadow.team = team;
                if transfer_by.is_some() {
                    self.excused.insert(agent);
                }
            }
            Effect::Queued { conversation, clock, team, .. } => {
                let shadow = self.shadow.get_mut(&conversation).ok_or("queued what nobody asked")?;
                ensure!(clock.asked_at == shadow.asked_at, "{conversation}: the clock restarted");
                ensure!(clock.due_at == shadow.asked_at + 60_000, "{conversation}: the promise moved");
                shadow.agent = None;
                shadow.team = team;
            }
            Effect::Stepped { conversation, step, at } => {
                let now = self.now;
                let shadow = self.shadow.get_mut(&conversation).ok_or("step of what nobody asked")?;
                ensure!(step > shadow.step, "{conversation}: {step} twice");
                let due = match step {
                    SlaStep::Running => 0,
                    SlaStep::Warned => 30_000,
                    SlaStep::Alerted => 45_000,
                    SlaStep::Breached => 60_000,
                };
                ensure!(at == shadow.asked_at + due && at <= now, "{conversation}: {step} at the wrong time");
                ensure!(shadow.answered_at.is_none(), "{conversation}: {step} after the answer");
                shadow.step = step;
            }
            Effect::Answered { conversation, at, strikes_breach } => {
                let shadow = self.shadow.get_mut(&conversation).ok_or("answer to what nobody asked")?;
                ensure!(shadow.answered_at.is_none(), "{conversation} answered twice");
                shadow.answered_at = Some(at);
                if strikes_breach {
                    shadow.step = SlaStep::Alerted;
                }
            }
            Effect::StatusChanged { .. }
            | Effect::OfferEnded { .. }
            | Effect::TransferEnded { .. }
            | Effect::Left { .. }
            | Effect::AgentMissing { .. } => {}
        }
        Ok(())
    }

    fn check(&mut self) -> Verdict {
        for (id, shadow) in &self.shadow {
            let routed = self.router.conversation(*id).ok_or(format!("{id} is lost"))?;
            let agent = match routed.place {
                Place::Serving { agent, .. } => Some(agent),
                Place::Waiting | Place::Offered { .. } => None,
            };
            ensure!(agent == shadow.agent, "{id}: router {agent:?}, effects {:?}", shadow.agent);
            ensure!(routed.clock.asked_at == shadow.asked_at, "{id}: the clock moved");
        }
        let reads: BTreeMap<AgentId, AgentRead> = self.router.agents().collect();
        for (id, read) in &reads {
            if read.load <= read.capacity {
                self.excused.remove(id);
            }
            ensure!(read.load <= read.capacity || self.excused.contains(id), "{id} is over capacity");
            if let Some(offer) = read.offer {
                ensure!(offer.expires_at > self.now, "offer of {id} is over and open");
                ensure!(self.status[id] == AgentStatus::Online, "{id} is not online and has an offer");
            }
        }
        Ok(())
    }

    /// No free agent while somebody waits whom they may serve and have not just declined.
    fn check_nobody_idle(&self) -> Verdict {
        for n in 1..=AGENTS {
            if !self.router.agent(AgentId::new(n)).is_some_and(|read| read.is_free) {
                continue;
            }
            for team in teams_of(n) {
                let forgotten = self
                    .router
                    .queue(team)
                    .find(|id| matches!(self.router.conversation(*id), Some(routed) if routed.place == Place::Waiting));
                ensure!(forgotten.is_none(), "{forgotten:?} waits although agent {n} is free");
            }
        }
        Ok(())
    }

    /// An agent who has just become free is asked for the one of their teams who has been due the longest.
    fn check_oldest_first(&self, agent: AgentId) -> Verdict {
        let Some(offer) = self.router.agent(agent).and_then(|read| read.offer).filter(|o| o.transfer_by.is_none())
        else {
            return Ok(());
        };
        let n = (1..=AGENTS).find(|n| AgentId::new(*n) == agent).unwrap();
        for team in teams_of(n) {
            let queue: Vec<_> = self.router.queue(team).collect();
            let Some(mine) = queue.iter().position(|id| *id == offer.conversation) else { continue };
            let older = queue[..mine].iter().find(|id| {
                let case = &self.router.cases[*id];
                case.place == super::Where::Waiting && !case.declined.contains(&agent)
            });
            ensure!(older.is_none(), "{older:?} is older than what agent {n} was offered");
        }
        Ok(())
    }

    fn step(&mut self) -> Verdict {
        let agents: Vec<AgentId> = self.capacity.keys().copied().collect();
        let agent = self.dice.pick(&agents).unwrap();
        let known: Vec<ConversationId> = self.shadow.keys().copied().collect();
        let conversation = self.dice.pick(&known);
        let offer = self.router.agent(agent).and_then(|read| read.offer);
        match self.dice.roll(100) {
            0..25 => {
                self.next_conversation += 1;
                let team = TeamId(u16::try_from(self.dice.roll(u64::from(TEAMS))).unwrap());
                let conversation = ConversationId::new(self.next_conversation);
                self.give(Input::HumanRequested { conversation, team, at: self.now })
            }
            25..50 => match offer {
                Some(offer) => self.give(Input::OfferAccepted { agent, offer: offer.id }),
                None => Ok(()),
            },
            50..54 => match offer {
                // Twice: a client that repeats itself.
                Some(offer) => {
                    self.give(Input::OfferDeclined { agent, offer: offer.id })?;
                    self.give(Input::OfferDeclined { agent, offer: offer.id })
                }
                None => Ok(()),
            },
            54..66 => match conversation {
                Some(conversation) => {
                    let served_by = self.shadow[&conversation].agent;
                    let had_offer =
                        served_by.is_some_and(|id| self.router.agent(id).is_some_and(|read| read.offer.is_some()));
                    self.give(Input::Closed { conversation })?;
                    match served_by {
                        Some(agent) if !had_offer => self.check_oldest_first(agent),
                        _ => Ok(()),
                    }
                }
                None => Ok(()),
            },
            66..76 => match conversation {
                Some(conversation) if self.shadow[&conversation].agent.is_some() => {
                    self.give(Input::HumanReplied { conversation, at: self.now })
                }
                _ => Ok(()),
            },
            76..79 => match conversation {
                Some(conversation) => self.give(Input::RequestCancelled { conversation }),
                None => Ok(()),
            },
            79..83 => {
                self.connected.insert(agent);
                self.give(Input::AgentConnected { agent })
            }
            83..85 => {
                self.connected.remove(&agent);
                self.give(Input::AgentDisconnected { agent })
            }
            85..90 => {
                let status = self.dice.pick(&[AgentStatus::Online, AgentStatus::Online, AgentStatus::Break]).unwrap();
                self.status.insert(agent, status);
                self.give(Input::StatusChosen { agent, status })
            }
            90..93 => {
                let colleague = self.dice.pick(&agents).unwrap();
                let to = if self.dice.roll(2) == 0 { Target::Agent(colleague) } else { Target::Team(TeamId(1)) };
                match conversation.and_then(|id| self.shadow[&id].agent.map(|by| (id, by))) {
                    Some((conversation, by)) => self.give(Input::TransferRequested { conversation, by, to }),
                    None => Ok(()),
                }
            }
            93..95 => match conversation.and_then(|id| self.shadow[&id].agent.map(|by| (id, by))) {
                Some((conversation, by)) => self.give(Input::TransferCancelled { conversation, by }),
                None => Ok(()),
            },
            95..99 => {
                // Never past a deadline without stopping there, as the server's timer does ...
                for _ in 0..self.dice.roll(8) {
                    let pause = i64::try_from(self.dice.roll(9_000)).unwrap();
                    let until = self.now + pause;
                    while let Some(due) = self.router.next_deadline().filter(|due| *due <= until) {
                        self.now = due;
                        self.give(Input::Tick)?;
                    }
                    self.now = until;
                    self.give(Input::Tick)?;
                }
                Ok(())
            }
            // ... but now and then a machine sleeps for an hour, or the server dies.
            _ if self.dice.roll(2) == 0 => {
                self.now = self.now + 3_600_000;
                self.give(Input::Tick)
            }
            _ => self.restart(),
        }
    }

    fn run(seed: u64, fault: Option<Fault>) -> Verdict {
        let mut simulation = Self::new(seed, fault);
        for step in 0..STEPS {
            simulation.step().map_err(|what| format!("seed {seed}, step {step}: {what}"))?;
            if simulation.router.cases.values().all(|case| case.declined.is_empty()) {
                simulation.check_nobody_idle().map_err(|what| format!("seed {seed}, step {step}: {what}"))?;
            }
        }
        Ok(())
    }
}

#[test]
fn the_laws_hold_under_random_traffic_with_faults() {
    for seed in 0..SEEDS {
        Simulation::run(seed, None).unwrap();
    }
}

/// Caught by a law of the simulation, or by the router's own check of its invariants (a panic).
fn is_caught(fault: Fault) -> bool {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let caught =
        (0..SEEDS).any(|seed| !matches!(std::panic::catch_unwind(|| Simulation::run(seed, Some(fault))), Ok(Ok(()))));
    std::panic::set_hook(hook);
    caught
}

#[test]
fn a_router_that_serves_the_newest_first_is_caught() {
    assert!(is_caught(Fault::NewestFirst));
}

#[test]
fn a_router_that_forgets_to_wake_a_freed_agent_is_caught() {
    assert!(is_caught(Fault::SkippedWakeUp));
}

#[test]
fn a_router_that_forgets_to_withdraw_an_offer_is_caught() {
    assert!(is_caught(Fault::ForgottenWithdraw));
}
