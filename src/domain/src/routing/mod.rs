//! Who is asked to help whom, and when (DOMAIN rules 1, 2, 4, 5).
//!
//! ```text
//!               HumanRequested / call-back slot begins
//!                            │
//!                            ▼        offer: 15 s, one agent; from 40 s waited several at once
//!   RequestCancelled ◄── Waiting ◄──────────────► Offered ──► Serving ──► (Closed)
//!                            ▲     missed, declined,  accepted   │  ▲
//!                            │     agent unavailable             │  └─ transfer accepted: another agent
//!                            └───────────────────────────────────┘
//!                              agent suspect (20 s, still owed), offline (still owed) or lost (60 s): head of the queue
//! ```
//!
//! A conversation has one place in one line: those taken from an agent first, then by due time less the head start of its
//! priority. It *stands open* in the queue of its team and, as it waits longer, of the teams of further rings, everywhere
//! under the same key; whoever becomes free is asked for the first key of all queues that they may serve. With one that
//! several may be asked for at once, a second look comes after everybody at whom nobody looks yet.
//!
//! Invariants: a conversation known here is in exactly one place; nobody serves more than their capacity except by
//! accepting a colleague's transfer, by a supervisor's order with a reason, by idle ones that wake up, or by a call that
//! begins, and nobody is *offered* more; an agent has at most one open offer, and the first who accepts ends the others;
//! while a free agent may serve a waiting conversation, one of them has an offer; the clock of rule 1 is created once and
//! never restarts.
//!
//! Deliberately absent: SQL, sockets, names, texts. Every decision costs O(log n): ordered sets per team and per kind of
//! need hold who waits and who is free, one ordered set holds all deadlines.

mod agents;
mod demand;
mod hash;
mod io;
mod line;
mod offers;
mod read;
mod timers;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    AgentId, ConversationId, OfferId, TeamId, Timestamp,
    time::Millis,
    words::{AgentStatus, OfferEnd, QueuedBecause, SlaStep},
};

pub use demand::{Ability, Demand, Plan, Profile, Ring, Weight};
use demand::{PLACE, rings_of};
use hash::ById;
pub use io::{Clock, Effect, Input, Policy, Refusal, Settings, Target};
pub use read::{AgentRead, OfferRead, Place, Routed};

/// After everybody free has declined a conversation, they are asked again this much later: nobody is stranded.
const ASK_AGAIN: Millis = 15_000;

/// Place in a queue: those taken from an agent first, then by due time less the head start, then by id. In the sets of
/// those who need an offer [`SECOND_LOOK`] is added to the rank of who has one already.
type Key = (u8, Timestamp, ConversationId);

/// See [`Key`].
const SECOND_LOOK: u8 = 2;

/// Who is asked first: the least loaded (in halves of a place), then who has rested longest.
type FreeKey = (u32, Timestamp, AgentId);

/// Is the agent there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Connected,
    /// Gone, perhaps only reloading.
    Gone {
        since: Timestamp,
    },
    Suspect {
        since: Timestamp,
    },
    Lost,
}

/// How an agent who has room stands in the sets of its teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Free {
    /// On duty.
    OnDuty(u32, Timestamp),
    /// Off duty since: for those who asked before.
    Drained(Timestamp),
}

#[derive(Debug)]
struct Agent {
    profile: Profile,
    status: AgentStatus,
    /// End of a short break after a missed offer.
    break_until: Option<Timestamp>,
    link: Link,
    serving: BTreeSet<ConversationId>,
    /// Of all that is served, in halves of a place.
    load: u32,
    /// How many of them take the whole agent.
    exclusive: u32,
    /// Speaks in a call, or wraps one up.
    is_in_call: bool,
    offer: Option<OfferId>,
    /// What colleagues want to hand on to them by name, while they look at another offer.
    wanted: VecDeque<ConversationId>,
    /// Last change of load: who has rested longest is asked first.
    idle_since: Timestamp,
    /// In the roster: when they are on duty.
    duty: Option<Vec<(Timestamp, Timestamp)>>,
    /// When duty begins or ends next.
    duty_at: Option<Timestamp>,
    /// Off duty: since when; whoever never was, since ever.
    off_since: Option<Timestamp>,
    /// How the agent stands in the free sets of its teams, if it does.
    free_as: Option<Free>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// In line, offered or not.
    Waiting,
    Serving {
        agent: AgentId,
        transfer: Option<Target>,
    },
}

/// What the policy said when the clock began holds for it, whatever happens to the policy, or to the team, while it runs.
/// The end of the promise is the clock's own `due_at`.
#[derive(Debug, Clone, Copy)]
struct Terms {
    warn_at: Timestamp,
    alert_at: Timestamp,
    needs_until: Timestamp,
    parallel_at: Timestamp,
    parallel: usize,
    /// From then on there is no bound.
    all_at: Option<Timestamp>,
}

impl Terms {
    /// No step after the end of the promise: of a clock that began before a restart only that is known.
    fn of(clock: &Clock, policy: Policy) -> Self {
        let at = |span: Millis| (clock.asked_at + span).min(clock.due_at);
        Self {
            warn_at: at(policy.warn),
            alert_at: at(policy.alert),
            needs_until: clock.asked_at + policy.needs_for,
            parallel_at: clock.asked_at + policy.parallel_after,
            parallel: usize::from(policy.parallel.max(1)),
            all_at: policy.all_after.map(|span| clock.asked_at + span),
        }
    }
}

/// What an agent needs to be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Need {
    ability: Ability,
    /// Only who serves nobody.
    is_exclusive: bool,
}

/// How a conversation stands open: enough to take it out again, whatever has changed.
#[derive(Debug, Clone, Copy)]
struct Stand {
    home: TeamId,
    rings: usize,
    need: Need,
    key: Key,
}

#[derive(Debug)]
struct Case {
    team: TeamId,
    clock: Clock,
    terms: Terms,
    demand: Demand,
    place: Where,
    /// 0: was taken from an agent or missed by one; 1: as asked.
    rank: u8,
    /// The widening of its queue when its clock began.
    rings: Arc<[Ring]>,
    /// How many of them may be asked.
    reached: usize,
    /// When more may be asked: a ring, several at once, or whoever does not have what is needed.
    widens_at: Option<Timestamp>,
    stand: Option<Stand>,
    /// Open ones: to agents while it waits, to colleagues while it is being handed on.
    offers: Vec<OfferId>,
    /// Who said no; asked again only after [`ASK_AGAIN`].
    declined: Vec<AgentId>,
    ask_again: Option<Timestamp>,
    /// While it is served.
    weight: Weight,
    /// When it may have become idle.
    silent_at: Option<Timestamp>,
    /// The citizen is done: only the outcome is owed.
    is_finished: bool,
}

impl Case {
    /// Its place in line.
    fn key(&self, id: ConversationId) -> Key {
        (self.rank, self.clock.due_at - self.demand.head_start, id)
    }
}

#[derive(Debug, Clone, Copy)]
struct Offer {
    conversation: ConversationId,
    agent: AgentId,
    expires_at: Timestamp,
    transfer_by: Option<AgentId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Step(ConversationId),
    Offer(OfferId),
    BreakEnd(AgentId),
    Suspect(AgentId),
    Lost(AgentId),
    CallBack(ConversationId),
    AskAgain(ConversationId),
    Widen(ConversationId),
    Silent(ConversationId),
    Duty(AgentId),
}

/// Ordered sets by something of which there are few different ones.
type Groups<G, K> = Vec<(G, BTreeSet<K>)>;

fn put<G: PartialEq, K: Ord>(groups: &mut Groups<G, K>, group: G, key: K) {
    match groups.iter_mut().find(|(other, _)| *other == group) {
        Some((_, set)) => {
            set.insert(key);
        }
        None => groups.push((group, BTreeSet::from([key]))),
    }
}

fn take_out<G: PartialEq, K: Ord>(groups: &mut Groups<G, K>, group: &G, key: &K) {
    let Some(position) = groups.iter().position(|(other, _)| other == group) else { return };
    groups[position].1.remove(key);
    // The usual kind stays, so that it is not made anew every time that somebody waits.
    if position > 0 && groups[position].1.is_empty() {
        groups.swap_remove(position);
    }
}

#[derive(Debug)]
struct Team {
    policy: Policy,
    rings: Arc<[Ring]>,
    /// Who needs an offer, those of other teams included whose rings have reached this one.
    open: Groups<Need, Key>,
    /// Everybody in the queue, offered or not: gives the position.
    line: BTreeSet<Key>,
    /// Who could take an offer.
    free: Groups<Ability, FreeKey>,
    /// Who could take one of those who asked before their duty ended, the latest first.
    drained: BTreeSet<(Reverse<Timestamp>, AgentId)>,
    call_backs: usize,
}

impl Team {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            rings: Arc::new([]),
            open: vec![(Need::default(), BTreeSet::new())],
            line: BTreeSet::new(),
            free: Vec::new(),
            drained: BTreeSet::new(),
            call_backs: 0,
        }
    }
}

/// Deliberate mistakes, by which the tests show that they would notice them.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NewestFirst,
    SkippedWakeUp,
    ForgottenWithdraw,
    RestartedClock,
    /// A ring is reached and nobody of it is asked.
    ForgottenRing,
    /// First priority goes before everybody, however long they have waited.
    NoAgeing,
    /// Who accepts second serves too.
    SecondAccept,
    /// Idle conversations take a whole place.
    ForgottenWeight,
    /// The end of a shift changes nothing.
    ForgottenDuty,
    /// A supervisor needs no reason to load somebody beyond their capacity.
    ForcedWithoutReason,
    /// Who speaks in a call is offered others.
    ForgottenCall,
}

/// The router. See the module's documentation.
#[derive(Debug)]
pub struct Router {
    settings: Settings,
    epoch: u64,
    offers_made: u64,
    now: Timestamp,
    teams: Vec<Team>,
    plans: BTreeMap<Plan, (Policy, Arc<[Ring]>)>,
    agents: ById<AgentId, Agent>,
    cases: ById<ConversationId, Case>,
    offers: ById<OfferId, Offer>,
    call_backs: BTreeMap<ConversationId, CallBack>,
    timers: BTreeSet<(Timestamp, Timer)>,
    /// Of all clocks that began here: bounds a search.
    longest_promise: Millis,
    #[cfg(test)]
    pub(crate) fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy)]
struct CallBack {
    team: TeamId,
    at: Timestamp,
    demand: Demand,
}

impl Router {
    /// `epoch` must differ from that of every earlier router on the same data (offer ids are made of it); `teams` is
    /// the number of teams: `TeamId(0)..TeamId(teams)`, all with the policy of the settings until [`Input::TeamKnown`].
    #[must_use]
    pub fn new(epoch: u64, settings: Settings, teams: u16) -> Self {
        Self {
            epoch,
            offers_made: 0,
            now: Timestamp(i64::MIN),
            teams: (0..teams).map(|_| Team::new(settings.policy())).collect(),
            plans: BTreeMap::new(),
            agents: ById::default(),
            cases: ById::default(),
            offers: ById::default(),
            call_backs: BTreeMap::new(),
            timers: BTreeSet::new(),
            longest_promise: 0,
            settings,
            #[cfg(test)]
            fault: None,
        }
    }

    /// Lets the time pass up to `now`, then takes the input. Effects are appended to `out` in order.
    ///
    /// # Errors
    /// A [`Refusal`] if the input is impossible now; it has then changed nothing (the passing of time has).
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.now = self.now.max(now);
        self.pass_time(out);
        let result = self.take(input, out);
        // What the input brings may be due already: a request that was read a while ago, a slot that begins right now, a
        // clock that ran on while the server was down.
        self.pass_time(out);
        #[cfg(debug_assertions)]
        self.check_invariants();
        result
    }

    /// When [`Router::handle`] has to be called at the latest; `None`: never without an input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn take(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match input {
            Input::Tick => Ok(()),
            Input::TeamKnown { team, policy, rings } => {
                self.know_team(team, policy, rings);
                Ok(())
            }
            Input::PlanKnown { plan, policy, rings } => {
                self.plans.insert(plan, (policy, rings_of(plan.team, rings)));
                Ok(())
            }
            Input::AgentKnown { agent, profile, status } => self.know_agent(agent, profile, status, out),
            Input::DutyKnown { agent, spans } => self.know_duty(agent, spans, out),
            Input::AgentLeft { agent } => self.leave(agent, out),
            Input::AgentConnected { agent } => self.connect(agent, out),
            Input::AgentDisconnected { agent } => self.disconnect(agent),
            Input::StatusChosen { agent, status } => self.choose_status(agent, status, out),
            Input::HumanRequested { conversation, team, at, demand } => {
                self.request(conversation, team, at, demand, out)
            }
            Input::CallBackPromised { conversation, team, at, demand } => {
                self.promise_call_back(conversation, CallBack { team, at, demand })
            }
            Input::CallBackMoved { conversation, at } => self.move_call_back(conversation, at),
            Input::RequestCancelled { conversation } => self.cancel(conversation, out),
            Input::CitizenFinished { conversation } => self.citizen_finished(conversation, out),
            Input::HumanReplied { conversation, at } => self.reply(conversation, at, out),
            Input::Spoken { conversation, at } => self.spoken(conversation, at, out),
            Input::ExclusiveChanged { conversation, is_exclusive } => {
                self.change_exclusive(conversation, is_exclusive, out)
            }
            Input::InCallChanged { agent, is_in_call } => self.change_in_call(agent, is_in_call, out),
            Input::OfferAccepted { agent, offer } => self.accept(agent, offer, out),
            Input::OfferDeclined { agent, offer } => self.decline(agent, offer, out),
            Input::GivenBack { conversation, agent } => self.give_back(conversation, agent, out),
            Input::TransferRequested { conversation, by, to } => self.transfer(conversation, by, to, out),
            Input::TransferCancelled { conversation, by } => self.cancel_transfer(conversation, by, out),
            Input::AssignmentForced { conversation, agent, beyond } => self.force(conversation, agent, beyond, out),
            Input::Closed { conversation } => {
                self.close(conversation, out);
                Ok(())
            }
            Input::Restored { conversation, team, clock, agent, demand, at_head } => {
                self.restore(conversation, (team, clock, agent), (demand, at_head), out)
            }
        }
    }

    // --- teams ------------------------------------------------------------------------------------------------

    fn know_team(&mut self, team: TeamId, policy: Policy, rings: Vec<Ring>) {
        let last = rings.iter().flat_map(|ring| &ring.teams).chain([&team]).max();
        while last.is_some_and(|last| self.teams.len() <= usize::from(last.0)) {
            self.teams.push(Team::new(self.settings.policy()));
        }
        let known = &mut self.teams[usize::from(team.0)];
        known.policy = policy;
        known.rings = rings_of(team, rings);
    }

    /// What holds for a request.
    fn policy_for(&self, team: TeamId, demand: &Demand) -> Policy {
        let plan = demand.plan.and_then(|plan| self.plans.get(&plan));
        plan.map_or_else(|| self.policy(team), |(policy, _)| *policy)
    }

    fn policy(&self, team: TeamId) -> Policy {
        self.teams.get(usize::from(team.0)).map_or(self.settings.policy(), |team| team.policy)
    }

    fn check_team(&self, team: TeamId) -> Result<(), Refusal> {
        if usize::from(team.0) < self.teams.len() { Ok(()) } else { Err(Refusal::UnknownTeam(team)) }
    }

    #[cfg(test)]
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
