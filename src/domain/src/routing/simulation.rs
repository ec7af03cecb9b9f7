//! Seeded random traffic with faults against a shadow model that believes only the effects. A failure names its seed.
//! The same suite runs over deliberately broken routers and must catch each of them.
//!
//! The laws, after every single input:
//! - nobody is lost: whoever asked and has not gone is in exactly the place that the effects say;
//! - no agent is over capacity, but by accepting a colleague's transfer, by a supervisor's order with a reason, by an idle
//!   conversation that wakes up or by a call; a supervisor's order reaches nobody who is away or off; nobody is offered
//!   more; an agent has at most one offer, online only;
//! - nobody is asked for whom their teams, by the rings that are reached, their skills or their hours of duty do not fit;
//! - no more agents are asked at once than the policy says, and none once somebody has accepted;
//! - no agent is idle while somebody waits whom they may be asked for and have not just declined;
//! - whoever becomes free is asked for the first in line, where first priority is a head start and nothing else;
//! - a clock starts once and never restarts, by transfer, return or restart of the server, and keeps its steps when its
//!   team's policy changes; every step is reported once, at its instant, never early and never forgotten; none after the
//!   answer;
//! - teams and capacity may change at any time: nobody is offered what they could not be offered now;
//! - an agent whose shift is over holds nobody who is still owed a first response;
//! - the next deadline lies ahead.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ability, AgentRead, Clock, Demand, Effect, Fault, Input, Key, Place, Plan, Policy, Profile, Ring, Router, Settings,
    Target, Weight, Where,
};
use crate::{
    AgentId, ConversationId, OfferId, TeamId, Timestamp,
    words::{AgentStatus, QueuedBecause, SlaStep},
};

const TEAMS: u16 = 4;
const AGENTS: u128 = 6;
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

#[derive(Debug, Clone)]
struct Shadow {
    team: TeamId,
    clock: Clock,
    agent: Option<AgentId>,
    /// When the agent is warned and supervisors are alerted.
    steps: [Timestamp; 2],
    demand: Demand,
    /// When its clock began.
    policy: Policy,
    rings: Vec<Ring>,
    weight: Weight,
    spoken_at: Timestamp,
    is_finished: bool,
}

impl Shadow {
    /// Who may be asked now.
    fn teams(&self, now: Timestamp) -> impl Iterator<Item = TeamId> + '_ {
        let reached = self.rings.iter().filter(move |ring| self.clock.asked_at + ring.after <= now);
        reached.flat_map(|ring| ring.teams.iter().copied()).chain([self.team])
    }

    /// At how many at most.
    fn wanted(&self, now: Timestamp) -> usize {
        if self.policy.all_after.is_some_and(|span| self.clock.asked_at + span <= now) {
            return usize::MAX;
        }
        let is_parallel = self.clock.asked_at + self.policy.parallel_after <= now;
        if is_parallel { usize::from(self.policy.parallel) } else { 1 }
    }

    fn needs(&self, now: Timestamp) -> Ability {
        let is_choosy = now < self.clock.asked_at + self.policy.needs_for;
        if is_choosy { self.demand.needs } else { Ability::default() }
    }
}

/// By the policy under which the clock began.
fn steps(clock: &Clock, policy: Policy) -> [Timestamp; 2] {
    [policy.warn, policy.alert].map(|span| (clock.asked_at + span).min(clock.due_at))
}

type Spans = Option<Vec<(Timestamp, Timestamp)>>;

struct Simulation {
    router: Router,
    fault: Option<Fault>,
    epoch: u64,
    now: Timestamp,
    dice: Dice,
    next_conversation: u128,
    shadow: BTreeMap<ConversationId, Shadow>,
    promised: BTreeMap<ConversationId, (TeamId, Timestamp, Demand)>,
    offers: BTreeMap<AgentId, (OfferId, ConversationId)>,
    profiles: BTreeMap<AgentId, Profile>,
    duty: BTreeMap<AgentId, Spans>,
    policies: BTreeMap<TeamId, (Policy, Vec<Ring>)>,
    plans: BTreeMap<Plan, (Policy, Vec<Ring>)>,
    status: BTreeMap<AgentId, AgentStatus>,
    connected: BTreeSet<AgentId>,
    /// Speak in a call.
    in_call: BTreeSet<AgentId>,
    /// Of those who wait: stands at the head.
    at_head: BTreeSet<ConversationId>,
    /// May be over capacity, see the laws; until the load has fallen again.
    excused: BTreeSet<AgentId>,
    /// A supervisor's order that is being fed, and whether it has a reason.
    forced: Option<(ConversationId, AgentId, bool)>,
}

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition { return Err(format!($($message)+)); }
    };
}

const SETS: [&[TeamId]; 4] = [&[TeamId(0)], &[TeamId(0), TeamId(1)], &[TeamId(1), TeamId(2)], &[TeamId(2), TeamId(3)]];

fn settings() -> Settings {
    // Short, because little time passes between two inputs.
    Settings { idle_after: 20_000, ..Settings::default() }
}

impl Simulation {
    fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut simulation = Self {
            router: Router::new(0, settings(), TEAMS),
            fault,
            epoch: 0,
            now: Timestamp(1_000_000_000),
            dice: Dice(seed),
            next_conversation: 0,
            shadow: BTreeMap::new(),
            promised: BTreeMap::new(),
            offers: BTreeMap::new(),
            profiles: BTreeMap::new(),
            duty: BTreeMap::new(),
            policies: (0..TEAMS).map(|n| (TeamId(n), (settings().policy(), Vec::new()))).collect(),
            plans: BTreeMap::new(),
            status: BTreeMap::new(),
            connected: BTreeSet::new(),
            in_call: BTreeSet::new(),
            at_head: BTreeSet::new(),
            excused: BTreeSet::new(),
            forced: None,
        };
        for n in 0..TEAMS {
            let rings = simulation.any_rings();
            simulation.policies.insert(TeamId(n), (settings().policy(), rings));
        }
        for (n, set) in (1..=AGENTS).zip(SETS.iter().cycle()) {
            let capacity = u32::try_from(n % 3 + 1).unwrap();
            let profile =
                Profile { skills: u64::try_from(n % 4).unwrap(), ..Profile::plain(set.iter().copied(), capacity) };
            simulation.profiles.insert(AgentId::new(n), profile);
            simulation.duty.insert(AgentId::new(n), None);
            simulation.status.insert(AgentId::new(n), AgentStatus::Online);
        }
        simulation.restart().unwrap();
        simulation
    }

    fn any_rings(&mut self) -> Vec<Ring> {
        let mut after = 0;
        let count = self.dice.roll(4);
        (0..count)
            .map(|_| {
                after += 1 + self.dice.span(15) * 1_000;
                let teams = (0..=self.dice.roll(2)).map(|_| self.any_team()).collect();
                Ring { after, teams }
            })
            .collect()
    }

    fn any_team(&mut self) -> TeamId {
        TeamId(u16::try_from(self.dice.roll(u64::from(TEAMS))).unwrap())
    }

    fn any_demand(&mut self) -> Demand {
        let head_start = if self.dice.roll(3) == 0 { 60_000 } else { 0 };
        let needs = match self.dice.roll(4) {
            0 => Ability { skills: self.dice.roll(4), level: u8::try_from(self.dice.roll(5)).unwrap() },
            _ => Ability::default(),
        };
        let preferred = (self.dice.roll(4) == 0).then(|| AgentId::new(u128::from(self.dice.roll(6)) + 1));
        Demand { head_start, needs, preferred, is_exclusive: self.dice.roll(10) == 0, plan: None }
    }

    /// Sometimes under a plan of its own.
    fn any_demand_of(&mut self, team: TeamId) -> Demand {
        let plan = (self.dice.roll(4) == 0).then_some(Plan { policy: 1, team });
        Demand { plan, ..self.any_demand() }
    }

    /// What holds for a request.
    fn held(&self, team: TeamId, demand: &Demand) -> (Policy, Vec<Ring>) {
        let plan = demand.plan.and_then(|plan| self.plans.get(&plan));
        plan.unwrap_or(&self.policies[&team]).clone()
    }

    /// A new router from what the effects said, as the server does from rows. Its effects may come at any input.
    fn restart(&mut self) -> Verdict {
        self.epoch += 1;
        self.router = Router::new(self.epoch, settings(), TEAMS);
        self.router.fault = self.fault;
        self.connected.clear();
        self.offers.clear();
        for (team, (policy, rings)) in self.policies.clone() {
            self.feed(Input::TeamKnown { team, policy, rings })?;
        }
        for (plan, (policy, rings)) in self.plans.clone() {
            self.feed(Input::PlanKnown { plan, policy, rings })?;
        }
        for agent in self.profiles.keys().copied().collect::<Vec<_>>() {
            self.feed(self.known_as(agent))?;
            self.feed(Input::DutyKnown { agent, spans: self.duty[&agent].clone() })?;
            self.feed(Input::InCallChanged { agent, is_in_call: self.in_call.contains(&agent) })?;
        }
        // Of the policy nothing is kept but the promise itself and the head start.
        for shadow in self.shadow.values_mut() {
            let plan = shadow.demand.plan.and_then(|plan| self.plans.get(&plan));
            let (policy, rings) = plan.unwrap_or(&self.policies[&shadow.team]);
            shadow.steps = steps(&shadow.clock, *policy);
            (shadow.policy, shadow.rings) = (*policy, rings.clone());
            shadow.weight = if shadow.demand.is_exclusive { Weight::Exclusive } else { Weight::Text };
            shadow.is_finished = false;
        }
        // What was idle may not be so any more.
        self.excused.extend(self.profiles.keys());
        for (conversation, Shadow { team, clock, agent, demand, .. }) in self.shadow.clone() {
            let at_head = self.at_head.contains(&conversation);
            self.feed(Input::Restored { conversation, team, clock, agent, demand, at_head })?;
        }
        for (conversation, (team, at, demand)) in self.promised.clone() {
            self.feed(Input::CallBackPromised { conversation, team, at, demand })?;
        }
        // A slot that began while the server was down.
        self.give(Input::Tick)
    }

    fn known_as(&self, agent: AgentId) -> Input {
        Input::AgentKnown { agent, profile: self.profiles[&agent].clone(), status: self.status[&agent] }
    }

    fn shadow_of(&self, team: TeamId, asked_at: Timestamp, demand: Demand) -> Shadow {
        let (policy, rings) = self.held(team, &demand);
        let clock = Clock::start(asked_at, policy.breach);
        Shadow {
            team,
            clock,
            agent: None,
            steps: steps(&clock, policy),
            demand,
            policy,
            rings,
            weight: Weight::Text,
            spoken_at: asked_at,
            is_finished: false,
        }
    }

    /// Off duty since, if they are.
    fn off_since(&self, agent: AgentId) -> Option<Timestamp> {
        let spans = self.duty[&agent].as_ref()?;
        if spans.iter().any(|(from, to)| *from <= self.now && self.now < *to) {
            return None;
        }
        Some(spans.iter().map(|(_, to)| *to).filter(|to| *to <= self.now).max().unwrap_or(Timestamp(i64::MIN)))
    }

    /// Places that are taken, in halves; how many conversations; is one of them exclusive?
    fn load(&self, agent: AgentId) -> (u32, u32, bool) {
        let own = || self.shadow.values().filter(|shadow| shadow.agent == Some(agent));
        let halves = own().map(|shadow| if shadow.weight == Weight::Idle { 1 } else { 2 }).sum();
        (halves, u32::try_from(own().count()).unwrap(), own().any(|shadow| shadow.weight == Weight::Exclusive))
    }

    fn has_place(&self, agent: AgentId) -> bool {
        let (halves, count, is_exclusive) = self.load(agent);
        let capacity = self.profiles[&agent].capacity;
        !is_exclusive
            && !self.in_call.contains(&agent)
            && halves + 2 <= 2 * capacity
            && count < capacity + settings().beyond_capacity
    }

    /// May they be asked for one who waits, or is handed on to a team?
    fn fits(&self, agent: AgentId, id: ConversationId, handed_to: Option<TeamId>) -> bool {
        let shadow = &self.shadow[&id];
        let profile = &self.profiles[&agent];
        let teams: Vec<TeamId> = handed_to.map_or_else(|| shadow.teams(self.now).collect(), |team| vec![team]);
        let needs = if handed_to.is_some() { Ability::default() } else { shadow.needs(self.now) };
        let can = |(team, level): &(TeamId, u8)| {
            teams.contains(team) && Ability { skills: profile.skills, level: *level }.covers(needs)
        };
        let is_exclusive =
            if handed_to.is_some() { shadow.weight == Weight::Exclusive } else { shadow.demand.is_exclusive };
        profile.teams.iter().any(can)
            && (!is_exclusive || self.load(agent).1 == 0)
            && self.off_since(agent).is_none_or(|since| shadow.clock.asked_at < since)
    }

    /// They know the matter, and are in some ring of it.
    fn knows(&self, agent: AgentId, id: ConversationId) -> bool {
        let shadow = &self.shadow[&id];
        let mut teams = shadow.rings.iter().flat_map(|ring| &ring.teams).chain([&shadow.team]);
        shadow.demand.preferred == Some(agent)
            && teams.any(|team| self.profiles[&agent].teams.iter().any(|(own, _)| own == team))
            && (!shadow.demand.is_exclusive || self.load(agent).1 == 0)
            && self.off_since(agent).is_none_or(|since| shadow.clock.asked_at < since)
    }

    fn give(&mut self, input: Input) -> Verdict {
        let what = input.clone();
        self.feed(input).and_then(|()| self.check()).map_err(|law| format!("after {what:?}: {law}"))
    }

    /// Feeds one input; a refusal is fine (stale commands are part of the traffic), wrong effects are not.
    fn feed(&mut self, input: Input) -> Verdict {
        let mut out = Vec::new();
        // The shadow has to know the request before its effects.
        if let Input::HumanRequested { conversation, team, at, demand } = input
            && self.router.conversation(conversation).is_none()
        {
            self.shadow.insert(conversation, self.shadow_of(team, at, demand));
            self.promised.remove(&conversation);
        }
        let gone = match input {
            Input::Closed { conversation } | Input::RequestCancelled { conversation } => Some(conversation),
            _ => None,
        };
        let promised = match input {
            Input::CallBackPromised { conversation, team, at, demand } => {
                Some((conversation, team, at, Demand { head_start: 0, ..demand }))
            }
            _ => None,
        };
        let moved = match input {
            Input::CallBackMoved { conversation, at } => Some((conversation, at)),
            _ => None,
        };
        if let Some((promised, at)) =
            moved.and_then(|(conversation, at)| Some((self.promised.get_mut(&conversation)?, at)))
        {
            // The shadow has to know the time before its effects: the new slot may begin right now. What begins just now is
            // called back at its own time.
            if promised.1 > self.now {
                promised.1 = at;
            }
        }
        self.weigh_before(&input);
        let accepted = self.router.handle(self.now, input, &mut out).is_ok();
        if let Some((conversation, team, at, demand)) = promised.filter(|_| accepted) {
            self.promised.insert(conversation, (team, at, demand));
        }
        // A closed one is on nobody's desk any more when the freed agent is asked for the next.
        if let Some(conversation) = gone.filter(|_| accepted) {
            self.promised.remove(&conversation);
            if let Some(shadow) = self.shadow.get_mut(&conversation) {
                shadow.agent = None;
            }
        }
        let mut questions = Vec::new();
        for effect in &out {
            self.believe(effect)?;
            if let Effect::AskIfSilent { conversation } = effect {
                questions.push(*conversation);
            }
        }
        if let Some(conversation) = gone.filter(|_| accepted) {
            self.shadow.remove(&conversation);
        }
        for conversation in questions {
            // What is finished is not answered for, and one that has gone since cannot be.
            if let Some(shadow) = self.shadow.get(&conversation).filter(|one| one.agent.is_some() && !one.is_finished) {
                self.feed(Input::Spoken { conversation, at: shadow.spoken_at })?;
            }
        }
        Ok(())
    }

    /// Weights change with the input itself, so that they are known when its effects come.
    fn weigh_before(&mut self, input: &Input) {
        let now = self.now;
        let (Input::Spoken { conversation, .. }
        | Input::ExclusiveChanged { conversation, .. }
        | Input::CitizenFinished { conversation }) = *input
        else {
            return;
        };
        let Some(shadow) = self.shadow.get_mut(&conversation).filter(|shadow| shadow.agent.is_some()) else { return };
        let spoken_at = match *input {
            Input::ExclusiveChanged { is_exclusive, .. } => {
                shadow.demand.is_exclusive = is_exclusive;
                shadow.weight = if is_exclusive { Weight::Exclusive } else { Weight::Text };
                self.excused.extend(shadow.agent);
                return;
            }
            Input::Spoken { at, .. } => at,
            _ => {
                shadow.is_finished = true;
                now
            }
        };
        if shadow.weight == Weight::Exclusive {
            return;
        }
        let is_idle =
            spoken_at + settings().idle_after <= now && shadow.clock.answered_at.is_some() && !shadow.is_finished;
        shadow.weight = if is_idle { Weight::Idle } else { Weight::Text };
        if !is_idle {
            self.excused.extend(shadow.agent);
        }
    }

    /// Another team's matter has that team's rings.
    fn handed_over(&mut self, id: ConversationId, team: TeamId) {
        let rings = self.policies[&team].1.clone();
        if let Some(shadow) = self.shadow.get_mut(&id).filter(|shadow| shadow.team != team) {
            (shadow.team, shadow.rings) = (team, rings);
        }
    }

    fn known(&mut self, id: ConversationId, what: &str) -> Result<&mut Shadow, String> {
        self.shadow.get_mut(&id).ok_or_else(|| format!("{what} of {id}, which nobody asked for"))
    }

    fn believe(&mut self, effect: &Effect) -> Verdict {
        match *effect {
            Effect::Offered { offer, conversation, agent, transfer_by, .. } => {
                ensure!(self.has_place(agent) || transfer_by.is_some(), "offer to {agent}, who is full");
                ensure!(self.connected.contains(&agent), "offer to {agent}, who is away");
                ensure!(self.status[&agent] == AgentStatus::Online, "offer to {agent}, who is not online");
                ensure!(self.offers.insert(agent, (offer, conversation)).is_none(), "second offer to {agent}");
                self.known(conversation, "offer")?;
                let fits = self.fits(agent, conversation, None) || self.knows(agent, conversation);
                ensure!(fits || transfer_by.is_some(), "{conversation} offered to {agent}, who may not be asked");
                let asked = self.offers.values().filter(|(_, other)| *other == conversation).count();
                let most = self.shadow[&conversation].wanted(self.now);
                ensure!(asked <= most, "{conversation}: {asked} are asked at once, {most} may be");
            }
            Effect::OfferEnded { offer, agent, conversation, others, .. } => {
                ensure!(self.offers.remove(&agent) == Some((offer, conversation)), "{offer} ended and was not open");
                let left = self.offers.values().filter(|(_, other)| *other == conversation).count();
                ensure!(others == left, "{conversation}: {others} others are asked, in truth {left}");
            }
            Effect::Assigned { offer, conversation, agent, team, transfer_by } => {
                if let Some((_, _, beyond)) = self.forced.filter(|one| (one.0, one.1) == (conversation, agent)) {
                    self.believe_forced(agent, beyond)?;
                } else {
                    let open = self.offers.remove(&agent);
                    ensure!(open == Some((offer, conversation)), "{offer} accepted and was not open");
                }
                let now = self.now;
                let shadow = self.known(conversation, "assignment")?;
                ensure!(shadow.agent == transfer_by, "{conversation} taken from {:?}", shadow.agent);
                shadow.agent = Some(agent);
                self.handed_over(conversation, team);
                let shadow = self.known(conversation, "assignment")?;
                shadow.weight = if shadow.demand.is_exclusive { Weight::Exclusive } else { Weight::Text };
                shadow.spoken_at = now;
                self.at_head.remove(&conversation);
                if transfer_by.is_some() {
                    self.excused.insert(agent);
                }
            }
            Effect::Queued { conversation, clock, team, because, .. } => {
                if because == QueuedBecause::CallBackDue {
                    let promised = self.promised.remove(&conversation).ok_or("a call-back that nobody promised")?;
                    ensure!(promised.1 <= self.now, "{conversation}: called back early");
                    self.shadow.insert(conversation, self.shadow_of(team, promised.1, promised.2));
                }
                let shadow = self.known(conversation, "queueing")?;
                ensure!(clock == shadow.clock, "{conversation}: the clock changed, {clock:?} for {:?}", shadow.clock);
                shadow.agent = None;
                shadow.is_finished = false;
                self.handed_over(conversation, team);
            }
            Effect::Widened { conversation, .. } => {
                let now = self.now;
                let shadow = self.known(conversation, "widening")?;
                ensure!(shadow.agent.is_none(), "{conversation} is served and asked of others");
                ensure!(shadow.teams(now).count() > 1, "{conversation}: widened early");
            }
            Effect::AskIfSilent { conversation } => {
                let now = self.now;
                let shadow = self.known(conversation, "silence")?;
                ensure!(shadow.agent.is_some() && shadow.weight == Weight::Text, "{conversation}: nobody's silence");
                ensure!(shadow.spoken_at <= now, "{conversation}: spoken to come");
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
            Effect::DutyChanged { agent, is_on } => {
                ensure!(is_on == self.off_since(agent).is_none(), "{agent}: duty");
            }
            Effect::StatusChanged { .. } | Effect::TransferEnded { .. } | Effect::AgentMissing { .. } => {}
        }
        Ok(())
    }

    /// A supervisor's order was carried out.
    fn believe_forced(&mut self, agent: AgentId, beyond: bool) -> Verdict {
        ensure!(self.connected.contains(&agent), "forced on {agent}, who is away");
        ensure!(self.status[&agent] != AgentStatus::Offline, "forced on {agent}, whose shift is over");
        let is_possible = self.has_place(agent) && self.status[&agent] == AgentStatus::Online;
        ensure!(beyond || is_possible, "forced on {agent}, who is full or on a break, without a reason");
        if beyond {
            self.excused.insert(agent);
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
        let late = self.promised.iter().find(|(_, (_, at, _))| *at <= self.now);
        ensure!(late.is_none(), "{late:?} was not called back");
        for (agent, (offer, conversation)) in &self.offers {
            let shadow = self.shadow.get(conversation).ok_or_else(|| format!("{conversation} is gone and offered"))?;
            let handed_on = matches!(self.router.cases[conversation].place, Where::Serving { transfer: Some(_), .. });
            ensure!(shadow.agent.is_none() || handed_on, "{offer}: {agent} is asked for one who is served");
        }
        for agent in self.profiles.keys().copied() {
            let read = self.router.agent(agent).ok_or_else(|| format!("{agent} is lost"))?;
            let (halves, count, is_exclusive) = self.load(agent);
            let capacity = self.profiles[&agent].capacity;
            ensure!(read.serving == count, "{agent} serves {} and not {count}", read.serving);
            let is_taken = is_exclusive || self.in_call.contains(&agent);
            let load = if is_taken { halves.div_ceil(2).max(capacity) } else { halves.div_ceil(2) };
            ensure!(read.load == load, "{agent}: load {} and not {load}", read.load);
            let is_over = halves > 2 * capacity || count > capacity + settings().beyond_capacity;
            if !is_over {
                self.excused.remove(&agent);
            }
            ensure!(!is_over || self.excused.contains(&agent), "{agent} is over capacity");
            let open = self.offers.get(&agent).map(|(offer, _)| *offer);
            ensure!(read.offer.map(|offer| offer.id) == open, "{agent}: offer");
            if let Some(offer) = read.offer {
                ensure!(offer.expires_at > self.now, "offer of {agent} is over and open");
                ensure!(self.status[&agent] == AgentStatus::Online, "{agent} is not online and has an offer");
                let by_name = |id| matches!(self.handed_on(id), Some(Target::Agent(_)));
                let id = offer.conversation;
                let handed_to = match self.handed_on(id) {
                    Some(Target::Team(team)) => Some(team),
                    Some(Target::Agent(_)) | None => None,
                };
                let is_possible = self.has_place(agent)
                    && (self.fits(agent, id, handed_to) || (handed_to.is_none() && self.knows(agent, id)));
                ensure!(by_name(id) || is_possible, "{agent} has an offer that nobody would make now");
            }
            self.check_not_idle(agent, &read)?;
        }
        let next = self.router.next_deadline();
        ensure!(next.is_none_or(|at| at > self.now), "the next deadline {next:?} is not after {:?}", self.now);
        self.at_head = self.router.conversations().filter(|(_, one)| one.at_head).map(|(id, _)| id).collect();
        Ok(())
    }

    fn handed_on(&self, id: ConversationId) -> Option<Target> {
        match self.router.cases.get(&id)?.place {
            Where::Serving { transfer, .. } => transfer,
            Where::Waiting => None,
        }
    }

    fn asked(&self, id: ConversationId) -> usize {
        self.offers.values().filter(|(_, other)| *other == id).count()
    }

    /// No free agent while somebody waits whom they may be asked for and have not just declined, a transfer to the team
    /// included.
    fn check_not_idle(&self, agent: AgentId, read: &AgentRead) -> Verdict {
        let is_there = read.is_connected && read.status == AgentStatus::Online && read.offer.is_none();
        if !is_there || !self.has_place(agent) {
            return Ok(());
        }
        for (id, case) in &self.router.cases {
            let wanted = match case.place {
                Where::Waiting => (self.asked(*id) < self.shadow[id].wanted(self.now)).then_some(None),
                Where::Serving { transfer: Some(Target::Team(team)), .. } => {
                    (self.asked(*id) == 0).then_some(Some(team))
                }
                Where::Serving { .. } => None,
            };
            let forgotten = wanted.is_some_and(|team| self.fits(agent, *id, team)) && !case.declined.contains(&agent);
            ensure!(!forgotten, "{id} waits although {agent} is free");
        }
        Ok(())
    }

    /// The place in line, as the rule has it.
    fn key(&self, id: ConversationId) -> Key {
        let Shadow { clock, demand, .. } = &self.shadow[&id];
        (self.router.cases[&id].rank, clock.due_at - demand.head_start, id)
    }

    /// An agent who has just become free is asked for the first in line of those whom they may be asked for.
    fn check_oldest_first(&self, agent: AgentId) -> Verdict {
        let Some(offer) = self.router.agent(agent).and_then(|read| read.offer).filter(|o| o.transfer_by.is_none())
        else {
            return Ok(());
        };
        let mine = offer.conversation;
        let is_second = self.asked(mine) > 1;
        for (id, case) in &self.router.cases {
            let is_left_out = case.place == Where::Waiting
                && self.asked(*id) == 0
                && !case.declined.contains(&agent)
                && self.fits(agent, *id, None);
            ensure!(!is_left_out || !is_second, "{agent} is the second to look at {mine} and nobody looks at {id}");
            ensure!(
                !is_left_out || self.key(*id) > self.key(mine),
                "{id} stands before {mine}, which {agent} was offered"
            );
        }
        Ok(())
    }

    fn new_conversation(&mut self) -> (ConversationId, TeamId) {
        self.next_conversation += 1;
        // Now and then a citizen asks again in a conversation that was closed or cancelled before.
        let back = self.dice.roll(8) == 0;
        let n = if back { u128::from(self.dice.roll(20)) + 1 } else { self.next_conversation };
        (ConversationId::new(n), self.any_team())
    }

    fn step(&mut self) -> Verdict {
        let agent = AgentId::new(u128::from(self.dice.roll(u64::try_from(AGENTS).unwrap())) + 1);
        let known: Vec<ConversationId> = self.shadow.keys().copied().collect();
        let conversation = self.dice.pick(&known);
        let served = conversation.and_then(|id| self.shadow[&id].agent.map(|by| (id, by)));
        let offer = self.offers.get(&agent).map(|(offer, _)| *offer);
        match (self.dice.roll(100), conversation, served, offer) {
            // As many as make queues; more of them would only be more of the same.
            (0..22, ..) if known.len() < 12 => {
                let (conversation, team) = self.new_conversation();
                // The frame was read a little before its turn came; now and then long before, on a machine that stood still.
                let at = self.now - self.dice.span(if self.dice.0.is_multiple_of(8) { 100_000 } else { 3 });
                let demand = self.any_demand_of(team);
                self.give(Input::HumanRequested { conversation, team, at, demand })
            }
            (22..24, ..) => {
                let (conversation, team) = self.new_conversation();
                // A slot may begin right now.
                let at = self.now + self.dice.span(5) * 20_000;
                if self.shadow.contains_key(&conversation) {
                    return Ok(());
                }
                let demand = self.any_demand_of(team);
                self.give(Input::CallBackPromised { conversation, team, at, demand })?;
                let other = self.promised.keys().nth(self.dice.roll(4) as usize).copied();
                let at = self.now + self.dice.span(5) * 20_000;
                other.map_or(Ok(()), |conversation| self.give(Input::CallBackMoved { conversation, at }))
            }
            (24..44, _, _, Some(offer)) => {
                let rivals = self.rivals(agent);
                self.give(Input::OfferAccepted { agent, offer })?;
                // A second console, or a client that repeats itself, and whoever was asked beside them and is slower.
                self.give(Input::OfferAccepted { agent, offer })?;
                rivals.into_iter().try_for_each(|(agent, offer)| self.give(Input::OfferAccepted { agent, offer }))
            }
            (44..48, Some(conversation), Some(_), _) => {
                if let Some(shadow) = self.shadow.get_mut(&conversation) {
                    shadow.spoken_at = self.now;
                }
                // Only the end of an idle time is told; who speaks otherwise is asked about when it matters.
                match self.shadow[&conversation].weight {
                    Weight::Idle => self.give(Input::Spoken { conversation, at: self.now }),
                    Weight::Text | Weight::Exclusive => Ok(()),
                }
            }
            (48..50, Some(conversation), ..) => {
                let is_exclusive = self.dice.roll(3) == 0;
                self.give(Input::ExclusiveChanged { conversation, is_exclusive })?;
                let is_in_call = self.dice.roll(2) == 0;
                if is_in_call {
                    self.in_call.insert(agent);
                } else {
                    self.in_call.remove(&agent);
                }
                self.give(Input::InCallChanged { agent, is_in_call })
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
            (93..94, _, Some((conversation, by)), _) => {
                self.give(Input::TransferCancelled { conversation, by })?;
                self.force(conversation, agent)
            }
            (93..94, Some(conversation), ..) => self.force(conversation, agent),
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

    /// A supervisor orders somebody to serve one who waits or is served.
    fn force(&mut self, conversation: ConversationId, agent: AgentId) -> Verdict {
        let beyond = self.dice.roll(2) == 0;
        self.forced = Some((conversation, agent, beyond));
        let verdict = self.give(Input::AssignmentForced { conversation, agent, beyond });
        self.forced = None;
        verdict
    }

    /// An administrator changes a policy, or an agent's teams or capacity, or takes an account away and gives it back.
    fn administer(&mut self, agent: AgentId) -> Verdict {
        match self.dice.roll(4) {
            0 => {
                let team = self.any_team();
                let warn = 5_000 + self.dice.span(30) * 1_000;
                let alert = warn + 1 + self.dice.span(20) * 1_000;
                let breach = alert + 1 + self.dice.span(20) * 1_000;
                let policy = Policy {
                    warn,
                    alert,
                    breach,
                    offer: 1 + self.dice.span(20) * 1_000,
                    parallel_after: self.dice.span(60) * 1_000,
                    parallel: u8::try_from(1 + self.dice.roll(4)).unwrap(),
                    all_after: (self.dice.roll(3) == 0).then(|| self.dice.span(80) * 1_000),
                    needs_for: self.dice.span(60) * 1_000,
                };
                let rings = self.any_rings();
                if self.dice.roll(3) == 0 {
                    let plan = Plan { policy: 1, team };
                    self.plans.insert(plan, (policy, rings.clone()));
                    return self.give(Input::PlanKnown { plan, policy, rings });
                }
                self.policies.insert(team, (policy, rings.clone()));
                self.give(Input::TeamKnown { team, policy, rings })
            }
            1 => {
                let set = SETS[usize::try_from(self.dice.roll(4)).unwrap()];
                let level = |team: &TeamId| (*team, u8::try_from(self.dice.roll(5) + 1).unwrap());
                let teams = set.iter().map(level).collect();
                let (skills, capacity) = (self.dice.roll(4), u32::try_from(self.dice.roll(3) + 1).unwrap());
                self.profiles.insert(agent, Profile { teams, skills, capacity });
                self.excused.insert(agent);
                self.give(self.known_as(agent))
            }
            2 => {
                let now = self.now;
                let spans = match self.dice.roll(4) {
                    0 => None,
                    1 => Some(vec![]),
                    2 => Some(vec![(now - 50_000, now + 1 + self.dice.span(60_000)), (now + 90_000, now + 200_000)]),
                    _ => Some(vec![(now - 9_000, now - 1_000), (now + 30_000, now + 100_000)]),
                };
                self.duty.insert(agent, spans.clone());
                self.give(Input::DutyKnown { agent, spans })
            }
            _ => {
                self.connected.remove(&agent);
                self.status.insert(agent, AgentStatus::Offline);
                self.feed(Input::AgentLeft { agent })?;
                self.give(self.known_as(agent))
            }
        }
    }

    /// Who is asked for the same conversation as this agent.
    fn rivals(&self, agent: AgentId) -> Vec<(AgentId, OfferId)> {
        let Some((_, mine)) = self.offers.get(&agent) else { return Vec::new() };
        let others = self.offers.iter().filter(|(other, (_, id))| **other != agent && id == mine);
        others.map(|(other, (offer, _))| (*other, *offer)).collect()
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

#[test]
fn a_router_that_reaches_a_ring_and_asks_nobody_of_it_is_caught() {
    assert!(is_caught(Fault::ForgottenRing));
}

#[test]
fn a_router_in_which_first_priority_knows_no_ageing_is_caught() {
    assert!(is_caught(Fault::NoAgeing));
}

#[test]
fn a_router_in_which_who_accepts_second_serves_too_is_caught() {
    assert!(is_caught(Fault::SecondAccept));
}

#[test]
fn a_router_that_forgets_that_idle_conversations_weigh_half_is_caught() {
    assert!(is_caught(Fault::ForgottenWeight));
}

#[test]
fn a_router_that_overloads_somebody_without_a_reason_is_caught() {
    assert!(is_caught(Fault::ForcedWithoutReason));
}

#[test]
fn a_router_that_asks_who_speaks_in_a_call_is_caught() {
    assert!(is_caught(Fault::ForgottenCall));
}

#[test]
fn a_router_that_asks_who_is_off_duty_is_caught() {
    assert!(is_caught(Fault::ForgottenDuty));
}
