//! Seeded random traffic with faults against a shadow model that believes only the effects. A failure names its seed.
//! The same suite runs over deliberately broken routers and must catch each of them.
//!
//! The laws, after every single input:
//! - nobody is lost: whoever asked and has not gone is in exactly the place that the effects say;
//! - no agent is over capacity, but by accepting a colleague's transfer; an agent has at most one offer, online only;
//! - no agent is idle while somebody of their queues waits whom they have not just declined;
//! - a clock starts once and never restarts, by transfer, return or restart of the server, and keeps its steps when its
//!   team's policy changes; every step is reported once, at its instant, never early and never forgotten; none after the
//!   answer;
//! - teams and capacity may change at any time: nobody is offered what they could not be offered now;
//! - an agent whose shift is over holds nobody who is still owed a first response;
//! - the next deadline lies ahead.

use std::collections::{BTreeMap, BTreeSet};

use super::{AgentRead, Clock, Effect, Fault, Input, Place, Policy, Router, Settings, Target, Where};
use crate::{
    AgentId, ConversationId, OfferId, TeamId, Timestamp,
    words::{AgentStatus, QueuedBecause, SlaStep},
};

const TEAMS: u16 = 3;
const AGENTS: u128 = 5;
const STEPS: u32 = 2_000;
const SEEDS: u64 = 200;

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

    fn span(&mut self, sides: u64) -> i64 {
        i64::try_from(self.roll(sides)).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let sides = u64::try_from(from.len()).unwrap();
        (sides > 0).then(|| from[usize::try_from(self.roll(sides)).unwrap()])
    }
}

#[derive(Debug, Clone, Copy)]
struct Shadow {
    team: TeamId,
    clock: Clock,
    agent: Option<AgentId>,
    /// When the agent is warned and supervisors are alerted.
    steps: [Timestamp; 2],
}

/// By the policy under which the clock began.
fn steps(clock: &Clock, policy: Policy) -> [Timestamp; 2] {
    [policy.warn, policy.alert].map(|span| (clock.asked_at + span).min(clock.due_at))
}

struct Simulation {
    router: Router,
    fault: Option<Fault>,
    epoch: u64,
    now: Timestamp,
    dice: Dice,
    next_conversation: u128,
    shadow: BTreeMap<ConversationId, Shadow>,
    promised: BTreeMap<ConversationId, (TeamId, Timestamp)>,
    offers: BTreeMap<AgentId, OfferId>,
    capacity: BTreeMap<AgentId, u32>,
    teams: BTreeMap<AgentId, Vec<TeamId>>,
    policies: BTreeMap<TeamId, Policy>,
    status: BTreeMap<AgentId, AgentStatus>,
    connected: BTreeSet<AgentId>,
    /// Accepted transfers may exceed capacity, and capacity may be taken away; until the load has fallen again.
    excused: BTreeSet<AgentId>,
}

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition { return Err(format!($($message)+)); }
    };
}

const SETS: [&[TeamId]; 3] = [&[TeamId(0)], &[TeamId(0), TeamId(1)], &[TeamId(1), TeamId(2)]];

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
            promised: BTreeMap::new(),
            offers: BTreeMap::new(),
            capacity: BTreeMap::new(),
            teams: BTreeMap::new(),
            policies: (0..TEAMS).map(|n| (TeamId(n), Settings::default().policy())).collect(),
            status: BTreeMap::new(),
            connected: BTreeSet::new(),
            excused: BTreeSet::new(),
        };
        for (n, set) in (1..=AGENTS).zip(SETS.iter().cycle()) {
            simulation.teams.insert(AgentId::new(n), set.to_vec());
            simulation.capacity.insert(AgentId::new(n), u32::try_from(n % 3 + 1).unwrap());
            simulation.status.insert(AgentId::new(n), AgentStatus::Online);
        }
        simulation.restart().unwrap();
        simulation
    }

    /// A new router from what the effects said, as the server does from rows. Its effects may come at any input.
    fn restart(&mut self) -> Verdict {
        self.epoch += 1;
        self.router = Router::new(self.epoch, Settings::default(), TEAMS);
        self.router.fault = self.fault;
        self.connected.clear();
        self.offers.clear();
        for (team, policy) in self.policies.clone() {
            self.feed(Input::TeamKnown { team, policy })?;
        }
        for agent in self.capacity.keys().copied().collect::<Vec<_>>() {
            self.feed(self.known_as(agent))?;
        }
        // Of the steps nothing is kept but the promise itself.
        for shadow in self.shadow.values_mut() {
            shadow.steps = steps(&shadow.clock, self.policies[&shadow.team]);
        }
        for (conversation, Shadow { team, clock, agent, .. }) in self.shadow.clone() {
            self.feed(Input::Restored { conversation, team, clock, agent })?;
        }
        for (conversation, (team, at)) in self.promised.clone() {
            self.feed(Input::CallBackPromised { conversation, team, at })?;
        }
        // A slot that began while the server was down.
        self.give(Input::Tick)
    }

    fn known_as(&self, agent: AgentId) -> Input {
        let (teams, capacity, status) = (self.teams[&agent].clone(), self.capacity[&agent], self.status[&agent]);
        Input::AgentKnown { agent, teams, capacity, status }
    }

    fn shadow_of(&self, team: TeamId, asked_at: Timestamp) -> Shadow {
        let policy = self.policies[&team];
        let clock = Clock::start(asked_at, policy.breach);
        Shadow { team, clock, agent: None, steps: steps(&clock, policy) }
    }

    fn give(&mut self, input: Input) -> Verdict {
        let what = input.clone();
        self.feed(input).and_then(|()| self.check()).map_err(|law| format!("after {what:?}: {law}"))
    }

    /// Feeds one input; a refusal is fine (stale commands are part of the traffic), wrong effects are not.
    fn feed(&mut self, input: Input) -> Verdict {
        let mut out = Vec::new();
        // The shadow has to know the request before its effects.
        if let Input::HumanRequested { conversation, team, at } = input
            && self.router.conversation(conversation).is_none()
        {
            self.shadow.insert(conversation, self.shadow_of(team, at));
            self.promised.remove(&conversation);
        }
        let gone = match input {
            Input::Closed { conversation } | Input::RequestCancelled { conversation } => Some(conversation),
            _ => None,
        };
        let promised = match input {
            Input::CallBackPromised { conversation, team, at } => Some((conversation, team, at)),
            _ => None,
        };
        let accepted = self.router.handle(self.now, input, &mut out).is_ok();
        if let Some((conversation, team, at)) = promised.filter(|_| accepted) {
            self.promised.insert(conversation, (team, at));
        }
        // A closed one is on nobody's desk any more when the freed agent is asked for the next.
        if let Some(conversation) = gone.filter(|_| accepted) {
            self.promised.remove(&conversation);
            if let Some(shadow) = self.shadow.get_mut(&conversation) {
                shadow.agent = None;
            }
        }
        for effect in &out {
            self.believe(effect)?;
        }
        if let Some(conversation) = gone.filter(|_| accepted) {
            self.shadow.remove(&conversation);
        }
        Ok(())
    }

    fn known(&mut self, id: ConversationId, what: &str) -> Result<&mut Shadow, String> {
        self.shadow.get_mut(&id).ok_or_else(|| format!("{what} of {id}, which nobody asked for"))
    }

    fn believe(&mut self, effect: &Effect) -> Verdict {
        match *effect {
            Effect::Offered { offer, agent, transfer_by, .. } => {
                let load = self.shadow.values().filter(|shadow| shadow.agent == Some(agent)).count();
                let room = u32::try_from(load).unwrap() < self.capacity[&agent];
                ensure!(room || transfer_by.is_some(), "offer to {agent}, who is full");
                ensure!(self.connected.contains(&agent), "offer to {agent}, who is away");
                ensure!(self.status[&agent] == AgentStatus::Online, "offer to {agent}, who is not online");
                ensure!(self.offers.insert(agent, offer).is_none(), "second offer to {agent}");
            }
            Effect::OfferEnded { offer, agent, .. } => {
                ensure!(self.offers.remove(&agent) == Some(offer), "{offer} ended and was not open");
            }
            Effect::Assigned { offer, conversation, agent, team, transfer_by } => {
                ensure!(self.offers.remove(&agent) == Some(offer), "{offer} accepted and was not open");
                let shadow = self.known(conversation, "assignment")?;
                ensure!(shadow.agent == transfer_by, "{conversation} taken from {:?}", shadow.agent);
                shadow.agent = Some(agent);
                shadow.team = team;
                if transfer_by.is_some() {
                    self.excused.insert(agent);
                }
            }
            Effect::Queued { conversation, clock, team, because, .. } => {
                if because == QueuedBecause::CallBackDue {
                    let promised = self.promised.remove(&conversation).ok_or("a call-back that nobody promised")?;
                    ensure!(promised.1 <= self.now, "{conversation}: called back early");
                    self.shadow.insert(conversation, self.shadow_of(team, promised.1));
                }
                let shadow = self.known(conversation, "queueing")?;
                ensure!(clock == shadow.clock, "{conversation}: the clock changed, {clock:?} for {:?}", shadow.clock);
                shadow.agent = None;
                shadow.team = team;
            }
            Effect::Stepped { conversation, step, at } => {
                let now = self.now;
                let shadow = self.known(conversation, "step")?;
                ensure!(step > shadow.clock.step, "{conversation}: {step} twice");
                ensure!(at == due(shadow, step), "{conversation}: {step} at the wrong time");
                ensure!(at <= now, "{conversation}: {step} early");
                ensure!(shadow.clock.is_running(), "{conversation}: {step} after the end");
                shadow.clock.step = step;
            }
            Effect::Answered { conversation, at, strikes_breach } => {
                let shadow = self.known(conversation, "answer")?;
                ensure!(shadow.clock.answered_at.is_none(), "{conversation} answered twice");
                ensure!(
                    shadow.clock.left_at.is_none_or(|left| at <= left),
                    "{conversation} answered after it was left"
                );
                ensure!(at >= shadow.clock.asked_at, "{conversation} answered before it was asked");
                let in_time = at <= shadow.clock.due_at;
                let struck = shadow.clock.step == SlaStep::Breached && in_time;
                ensure!(strikes_breach == struck, "{conversation}: breach struck wrongly");
                shadow.clock.answered_at = Some(at);
                shadow.clock.left_at = None;
                if strikes_breach {
                    shadow.clock.step = SlaStep::Alerted;
                }
            }
            Effect::Left { conversation } => {
                let now = self.now;
                let shadow = self.known(conversation, "leaving")?;
                ensure!(shadow.clock.is_running(), "{conversation} left after the end");
                shadow.clock.left_at = Some(now);
            }
            Effect::StatusChanged { .. } | Effect::TransferEnded { .. } | Effect::AgentMissing { .. } => {}
        }
        Ok(())
    }

    fn check(&mut self) -> Verdict {
        for (id, shadow) in &self.shadow {
            let routed = self.router.conversation(*id).ok_or_else(|| format!("{id} is lost"))?;
            let agent = match routed.place {
                Place::Serving { agent, .. } => Some(agent),
                Place::Waiting | Place::Offered { .. } => None,
            };
            ensure!(agent == shadow.agent, "{id}: router {agent:?}, effects {:?}", shadow.agent);
            ensure!(routed.clock == shadow.clock, "{id}: clock {:?}, effects {:?}", routed.clock, shadow.clock);
            let late = [SlaStep::Warned, SlaStep::Alerted, SlaStep::Breached]
                .into_iter()
                .find(|step| *step > shadow.clock.step && due(shadow, *step) <= self.now);
            ensure!(late.is_none() || !shadow.clock.is_running(), "{id}: {late:?} forgotten");
            let is_over = agent.is_some_and(|agent| self.status[&agent] == AgentStatus::Offline);
            ensure!(!is_over || !shadow.clock.is_running(), "{id} is owed an answer by somebody whose shift is over");
        }
        let late = self.promised.iter().find(|(_, (_, at))| *at <= self.now);
        ensure!(late.is_none(), "{late:?} was not called back");
        for agent in self.capacity.keys().copied() {
            let read = self.router.agent(agent).ok_or_else(|| format!("{agent} is lost"))?;
            if read.load <= read.capacity {
                self.excused.remove(&agent);
            }
            ensure!(read.load <= read.capacity || self.excused.contains(&agent), "{agent} is over capacity");
            ensure!(read.offer.map(|offer| offer.id) == self.offers.get(&agent).copied(), "{agent}: offer");
            if let Some(offer) = read.offer {
                ensure!(offer.expires_at > self.now, "offer of {agent} is over and open");
                ensure!(self.status[&agent] == AgentStatus::Online, "{agent} is not online and has an offer");
                let case = &self.router.cases[&offer.conversation];
                let team = match case.place {
                    Where::Serving { transfer: Some((Target::Team(team), _)), .. } => team,
                    _ => case.team,
                };
                let is_asked_by_name =
                    matches!(case.place, Where::Serving { transfer: Some((Target::Agent(_), _)), .. });
                let is_possible = self.teams[&agent].contains(&team) && read.load < read.capacity;
                ensure!(is_asked_by_name || is_possible, "{agent} has an offer of {team:?} that nobody would make now");
            }
            self.check_not_idle(agent, &read)?;
        }
        let next = self.router.next_deadline();
        ensure!(next.is_none_or(|at| at > self.now), "the next deadline {next:?} is not after {:?}", self.now);
        Ok(())
    }

    /// No free agent while somebody waits whom they may serve and have not just declined, a transfer to the team included.
    fn check_not_idle(&self, agent: AgentId, read: &AgentRead) -> Verdict {
        if !read.is_free {
            return Ok(());
        }
        for (id, case) in &self.router.cases {
            let wanted_by = match case.place {
                Where::Waiting => Some(case.team),
                Where::Serving { transfer: Some((Target::Team(team), None)), .. } => Some(team),
                Where::Offered(_) | Where::Serving { .. } => None,
            };
            let forgotten =
                wanted_by.is_some_and(|team| self.teams[&agent].contains(&team)) && !case.declined.contains(&agent);
            ensure!(!forgotten, "{id} waits although {agent} is free");
        }
        Ok(())
    }

    /// An agent who has just become free is asked for the one of their teams who has been due the longest.
    fn check_oldest_first(&self, agent: AgentId) -> Verdict {
        let Some(offer) = self.router.agent(agent).and_then(|read| read.offer).filter(|o| o.transfer_by.is_none())
        else {
            return Ok(());
        };
        for team in &self.teams[&agent] {
            let queue: Vec<_> = self.router.queue(*team).collect();
            let Some(mine) = queue.iter().position(|id| *id == offer.conversation) else { continue };
            let older = queue[..mine].iter().find(|id| {
                let case = &self.router.cases[*id];
                case.place == Where::Waiting && !case.declined.contains(&agent)
            });
            ensure!(older.is_none(), "{older:?} is older than what {agent} was offered");
        }
        Ok(())
    }

    fn new_conversation(&mut self) -> (ConversationId, TeamId) {
        self.next_conversation += 1;
        // Now and then a citizen asks again in a conversation that was closed or cancelled before.
        let back = self.dice.roll(8) == 0;
        let n = if back { u128::from(self.dice.roll(20)) + 1 } else { self.next_conversation };
        (ConversationId::new(n), TeamId(u16::try_from(self.dice.roll(u64::from(TEAMS))).unwrap()))
    }

    fn step(&mut self) -> Verdict {
        let agent = AgentId::new(u128::from(self.dice.roll(u64::try_from(AGENTS).unwrap())) + 1);
        let known: Vec<ConversationId> = self.shadow.keys().copied().collect();
        let conversation = self.dice.pick(&known);
        let served = conversation.and_then(|id| self.shadow[&id].agent.map(|by| (id, by)));
        let offer = self.offers.get(&agent).copied();
        match (self.dice.roll(100), conversation, served, offer) {
            // As many as make queues; more of them would only be more of the same.
            (0..22, ..) if known.len() < 12 => {
                let (conversation, team) = self.new_conversation();
                // The frame was read a little before its turn came; now and then long before, on a machine that stood still.
                let at = self.now - self.dice.span(if self.dice.0.is_multiple_of(8) { 100_000 } else { 3 });
                self.give(Input::HumanRequested { conversation, team, at })
            }
            (22..24, ..) => {
                let (conversation, team) = self.new_conversation();
                // A slot may begin right now.
                let at = self.now + self.dice.span(5) * 20_000;
                if self.shadow.contains_key(&conversation) {
                    return Ok(());
                }
                self.give(Input::CallBackPromised { conversation, team, at })
            }
            (24..50, _, _, Some(offer)) => {
                self.give(Input::OfferAccepted { agent, offer })?;
                // A second console, or a client that repeats itself.
                self.give(Input::OfferAccepted { agent, offer })
            }
            (50..54, _, _, Some(offer)) => {
                self.give(Input::OfferDeclined { agent, offer })?;
                self.give(Input::OfferDeclined { agent, offer })
            }
            (54..64, Some(conversation), ..) => {
                let had_offer = served.is_some_and(|(_, by)| self.offers.contains_key(&by));
                self.give(Input::Closed { conversation })?;
                match served {
                    Some((_, by)) if !had_offer => self.check_oldest_first(by),
                    _ => Ok(()),
                }
            }
            (64..66, Some(conversation), ..) => self.give(Input::CitizenFinished { conversation }),
            (66..76, Some(conversation), Some(_), _) => {
                // Read before it was durable; now and then so long ago that it belongs to an earlier clock.
                let at = self.now - self.dice.span(if self.dice.0.is_multiple_of(4) { 30_000 } else { 50 });
                self.give(Input::HumanReplied { conversation, at })
            }
            (76..79, Some(conversation), ..) => {
                let promised: Vec<ConversationId> = self.promised.keys().copied().collect();
                let which = if self.dice.roll(4) == 0 { self.dice.pick(&promised) } else { Some(conversation) };
                which.map_or(Ok(()), |conversation| self.give(Input::RequestCancelled { conversation }))
            }
            (79..83, ..) => {
                self.connected.insert(agent);
                self.give(Input::AgentConnected { agent })
            }
            (83..85, ..) => {
                self.connected.remove(&agent);
                self.give(Input::AgentDisconnected { agent })
            }
            (85..90, ..) => {
                let statuses = [
                    AgentStatus::Online,
                    AgentStatus::Online,
                    AgentStatus::Online,
                    AgentStatus::Break,
                    AgentStatus::Offline,
                ];
                let status = self.dice.pick(&statuses).unwrap();
                self.status.insert(agent, status);
                self.give(Input::StatusChosen { agent, status })
            }
            (90..93, _, Some((conversation, by)), _) => {
                let to = match self.dice.roll(2) {
                    0 => Target::Agent(agent),
                    _ => Target::Team(TeamId(1)),
                };
                self.give(Input::TransferRequested { conversation, by, to })
            }
            (93..94, _, Some((conversation, by)), _) => self.give(Input::TransferCancelled { conversation, by }),
            (94, ..) => self.administer(agent),
            (95..99, ..) => {
                // Never past a deadline without stopping there, as the server's timer does ...
                for _ in 0..self.dice.roll(8) {
                    let until = self.now + self.dice.span(9_000);
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
            (99, ..) if self.dice.roll(2) == 0 => {
                self.now = self.now + 3_600_000;
                self.give(Input::Tick)
            }
            (99, ..) => {
                // Clocks run on while nobody serves.
                self.now = self.now + self.dice.span(4) * 20_000;
                self.restart()
            }
            // What it would be about is not there.
            _ => Ok(()),
        }
    }

    /// An administrator changes a policy, or an agent's teams or capacity, or takes an account away and gives it back.
    fn administer(&mut self, agent: AgentId) -> Verdict {
        match self.dice.roll(3) {
            0 => {
                let team = TeamId(u16::try_from(self.dice.roll(u64::from(TEAMS))).unwrap());
                let warn = 5_000 + self.dice.span(30) * 1_000;
                let alert = warn + 1 + self.dice.span(20) * 1_000;
                let breach = alert + 1 + self.dice.span(20) * 1_000;
                let policy = Policy { warn, alert, breach, offer: 1 + self.dice.span(20) * 1_000 };
                self.policies.insert(team, policy);
                self.give(Input::TeamKnown { team, policy })
            }
            1 => {
                let set = SETS[usize::try_from(self.dice.roll(3)).unwrap()];
                self.teams.insert(agent, set.to_vec());
                self.capacity.insert(agent, u32::try_from(self.dice.roll(3) + 1).unwrap());
                self.excused.insert(agent);
                self.give(self.known_as(agent))
            }
            _ => {
                self.connected.remove(&agent);
                self.status.insert(agent, AgentStatus::Offline);
                self.feed(Input::AgentLeft { agent })?;
                self.give(self.known_as(agent))
            }
        }
    }

    fn run(seed: u64, fault: Option<Fault>) -> Verdict {
        let mut simulation = Self::new(seed, fault);
        (0..STEPS).try_for_each(|step| simulation.step().map_err(|what| format!("seed {seed}, step {step}: {what}")))
    }
}

/// When a step comes.
fn due(shadow: &Shadow, step: SlaStep) -> Timestamp {
    match step {
        SlaStep::Running => shadow.clock.asked_at,
        SlaStep::Warned => shadow.steps[0],
        SlaStep::Alerted => shadow.steps[1],
        SlaStep::Breached => shadow.clock.due_at,
    }
}

// Two halves, because there are two cores.
#[test]
fn the_laws_hold_under_random_traffic_with_faults_first_half() {
    for seed in 0..SEEDS / 2 {
        Simulation::run(seed, None).unwrap();
    }
}

#[test]
fn the_laws_hold_under_random_traffic_with_faults_second_half() {
    for seed in SEEDS / 2..SEEDS {
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

#[test]
fn a_router_that_restarts_the_clock_on_transfer_or_return_is_caught() {
    assert!(is_caught(Fault::RestartedClock));
}
