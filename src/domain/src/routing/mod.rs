//! Who is asked to help whom, and when (DOMAIN rules 1, 2, 4).
//!
//! ```text
//!               HumanRequested / call-back slot begins
//!                            │
//!                            ▼        offer: 15 s, one agent
//!   RequestCancelled ◄── Waiting ◄──────────────► Offered ──► Serving ──► (Closed)
//!                            ▲     missed, declined,  accepted   │  ▲
//!                            │     agent unavailable             │  └─ transfer accepted: another agent
//!                            └───────────────────────────────────┘
//!                              agent suspect (20 s, still owed), offline (still owed) or lost (60 s): head of the queue
//! ```
//!
//! Invariants: a conversation known here is in exactly one place; nobody serves more than their capacity except by
//! accepting a colleague's transfer; an agent has at most one open offer; while a free agent may serve a waiting
//! conversation, one of them has an offer; the clock of rule 1 is created once and never restarts.
//!
//! Deliberately absent: SQL, sockets, names, texts. Every decision costs O(log n): ordered sets per team hold who waits
//! and who is free, one ordered set holds all deadlines.

mod io;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    AgentId, ConversationId, OfferId, TeamId, Timestamp,
    time::Millis,
    words::{AgentStatus, OfferEnd, QueuedBecause, SlaStep},
};

pub use io::{Clock, Effect, Input, Policy, Refusal, Settings, Target};
pub use read::{AgentRead, OfferRead, Place, Routed};

/// After everybody free has declined a conversation, they are asked again this much later: nobody is stranded.
const ASK_AGAIN: Millis = 15_000;

/// Place in a queue: those taken from an agent first, then by due time, then by id.
type Key = (u8, Timestamp, ConversationId);

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

#[derive(Debug)]
struct Agent {
    teams: Vec<TeamId>,
    capacity: u32,
    status: AgentStatus,
    /// End of a short break after a missed offer.
    break_until: Option<Timestamp>,
    link: Link,
    serving: BTreeSet<ConversationId>,
    offer: Option<OfferId>,
    /// Last change of load: who has rested longest is asked first.
    idle_since: Timestamp,
    /// The key under which the agent stands in the free sets of its teams, if it does.
    free_as: Option<(u32, Timestamp)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Waiting,
    Offered(OfferId),
    Serving { agent: AgentId, transfer: Option<(Target, Option<OfferId>)> },
}

/// When the first two steps of a clock are due, the third is its `due_at`: by the policy under which it began, whatever
/// happens to that, or to the team, while it runs.
#[derive(Debug, Clone, Copy)]
struct Steps {
    warn_at: Timestamp,
    alert_at: Timestamp,
}

impl Steps {
    /// Never after the end of the promise: of a clock that began before a restart only that is known.
    fn of(clock: &Clock, policy: Policy) -> Self {
        let at = |span: Millis| (clock.asked_at + span).min(clock.due_at);
        Self { warn_at: at(policy.warn), alert_at: at(policy.alert) }
    }
}

#[derive(Debug)]
struct Case {
    team: TeamId,
    clock: Clock,
    steps: Steps,
    place: Where,
    /// 0: was taken from an agent or missed by one; 1: as asked.
    rank: u8,
    /// Who said no; asked again only after [`ASK_AGAIN`].
    declined: Vec<AgentId>,
    ask_again: Option<Timestamp>,
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
}

#[derive(Debug)]
struct Team {
    policy: Policy,
    /// Who needs an offer.
    open: BTreeSet<Key>,
    /// Everybody in the queue, offered or not: gives the position.
    line: BTreeSet<Key>,
    /// Who could take an offer: (load, idle since, who).
    free: BTreeSet<(u32, Timestamp, AgentId)>,
    call_backs: usize,
}

impl Team {
    const fn new(policy: Policy) -> Self {
        Self { policy, open: BTreeSet::new(), line: BTreeSet::new(), free: BTreeSet::new(), call_backs: 0 }
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
}

/// The router. See the module's documentation.
#[derive(Debug)]
pub struct Router {
    settings: Settings,
    epoch: u64,
    offers_made: u64,
    now: Timestamp,
    teams: Vec<Team>,
    agents: HashMap<AgentId, Agent>,
    cases: HashMap<ConversationId, Case>,
    offers: HashMap<OfferId, Offer>,
    call_backs: BTreeMap<ConversationId, (TeamId, Timestamp)>,
    timers: BTreeSet<(Timestamp, Timer)>,
    #[cfg(test)]
    pub(crate) fault: Option<Fault>,
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
            agents: HashMap::new(),
            cases: HashMap::new(),
            offers: HashMap::new(),
            call_backs: BTreeMap::new(),
            timers: BTreeSet::new(),
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
            Input::TeamKnown { team, policy } => {
                self.know_team(team, policy);
                Ok(())
            }
            Input::AgentKnown { agent, teams, capacity, status } => {
                self.know_agent(agent, teams, capacity, status, out)
            }
            Input::AgentLeft { agent } => self.leave(agent, out),
            Input::AgentConnected { agent } => self.connect(agent, out),
            Input::AgentDisconnected { agent } => self.disconnect(agent),
            Input::StatusChosen { agent, status } => self.choose_status(agent, status, out),
            Input::HumanRequested { conversation, team, at } => self.request(conversation, team, at, out),
            Input::CallBackPromised { conversation, team, at } => self.promise_call_back(conversation, team, at),
            Input::RequestCancelled { conversation } => self.cancel(conversation, out),
            Input::CitizenFinished { conversation } => self.citizen_finished(conversation, out),
            Input::HumanReplied { conversation, at } => self.reply(conversation, at, out),
            Input::OfferAccepted { agent, offer } => self.accept(agent, offer, out),
            Input::OfferDeclined { agent, offer } => self.decline(agent, offer, out),
            Input::TransferRequested { conversation, by, to } => self.transfer(conversation, by, to, out),
            Input::TransferCancelled { conversation, by } => self.cancel_transfer(conversation, by, out),
            Input::Closed { conversation } => {
                self.close(conversation, out);
                Ok(())
            }
            Input::Restored { conversation, team, clock, agent } => self.restore(conversation, team, clock, agent, out),
        }
    }

    // --- teams ------------------------------------------------------------------------------------------------

    fn know_team(&mut self, team: TeamId, policy: Policy) {
        let position = usize::from(team.0);
        while self.teams.len() <= position {
            self.teams.push(Team::new(self.settings.policy()));
        }
        self.teams[position].policy = policy;
    }

    fn policy(&self, team: TeamId) -> Policy {
        self.teams.get(usize::from(team.0)).map_or(self.settings.policy(), |team| team.policy)
    }

    // --- agents -----------------------------------------------------------------------------------------------

    fn know_agent(
        &mut self,
        id: AgentId,
        teams: Vec<TeamId>,
        capacity: u32,
        status: AgentStatus,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if let Some(unknown) = teams.iter().find(|team| usize::from(team.0) >= self.teams.len()) {
            return Err(Refusal::UnknownTeam(*unknown));
        }
        self.unfree(id);
        let idle_since = self.now;
        let agent = self.agents.entry(id).or_insert_with(|| Agent {
            teams: Vec::new(),
            capacity,
            status,
            break_until: None,
            link: Link::Lost,
            serving: BTreeSet::new(),
            offer: None,
            idle_since,
            free_as: None,
        });
        agent.teams = teams;
        agent.capacity = capacity;
        if let Some(offer) = self.agents.get(&id).and_then(|agent| agent.offer)
            && !self.could_be_offered(id, offer)
        {
            self.end_offer(offer, OfferEnd::AgentUnavailable, out);
        }
        self.wake(id, out);
        Ok(())
    }

    /// Would the offer be made to the agent as they are now? A colleague may ask anybody, full or not.
    fn could_be_offered(&self, id: AgentId, offer: OfferId) -> bool {
        let (Some(agent), Some(offer)) = (self.agents.get(&id), self.offers.get(&offer)) else { return false };
        let Some(case) = self.cases.get(&offer.conversation) else { return false };
        let team = match case.place {
            Where::Serving { transfer: Some((Target::Agent(_), _)), .. } => return true,
            Where::Serving { transfer: Some((Target::Team(team), _)), .. } => team,
            Where::Waiting | Where::Offered(_) | Where::Serving { .. } => case.team,
        };
        agent.teams.contains(&team) && load(agent) < agent.capacity
    }

    fn leave(&mut self, id: AgentId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let agent = self.agents.get(&id).ok_or(Refusal::UnknownAgent(id))?;
        if agent.status != AgentStatus::Offline {
            self.choose_status(id, AgentStatus::Offline, out)?;
        }
        self.unfree(id);
        if let Some(agent) = self.agents.get_mut(&id) {
            if let Link::Gone { since } | Link::Suspect { since } = agent.link {
                self.timers.remove(&(since + self.settings.suspect, Timer::Suspect(id)));
                self.timers.remove(&(since + self.settings.lost, Timer::Lost(id)));
            }
            agent.link = Link::Lost;
            agent.teams = Vec::new();
        }
        self.take_back(id, QueuedBecause::AgentOffline, out, |_| true);
        Ok(())
    }

    fn connect(&mut self, id: AgentId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let now = self.now;
        let agent = self.agents.get_mut(&id).ok_or(Refusal::UnknownAgent(id))?;
        match agent.link {
            Link::Connected => return Ok(()),
            Link::Gone { since } => {
                self.timers.remove(&(since + self.settings.suspect, Timer::Suspect(id)));
                self.timers.remove(&(since + self.settings.lost, Timer::Lost(id)));
            }
            Link::Suspect { since } => {
                self.timers.remove(&(since + self.settings.lost, Timer::Lost(id)));
                agent.idle_since = now;
            }
            Link::Lost => agent.idle_since = now,
        }
        agent.link = Link::Connected;
        self.wake(id, out);
        Ok(())
    }

    fn disconnect(&mut self, id: AgentId) -> Result<(), Refusal> {
        let now = self.now;
        let agent = self.agents.get_mut(&id).ok_or(Refusal::UnknownAgent(id))?;
        if agent.link == Link::Connected {
            agent.link = Link::Gone { since: now };
            self.timers.insert((now + self.settings.suspect, Timer::Suspect(id)));
            self.timers.insert((now + self.settings.lost, Timer::Lost(id)));
            self.unfree(id);
        }
        Ok(())
    }

    fn choose_status(&mut self, id: AgentId, status: AgentStatus, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let agent = self.agents.get_mut(&id).ok_or(Refusal::UnknownAgent(id))?;
        if let Some(until) = agent.break_until.take() {
            self.timers.remove(&(until, Timer::BreakEnd(id)));
        }
        agent.status = status;
        let offer = agent.offer;
        out.push(Effect::StatusChanged { agent: id, status, until: None });
        match status {
            AgentStatus::Online => self.wake(id, out),
            AgentStatus::Break | AgentStatus::Offline => {
                self.unfree(id);
                #[cfg(test)]
                if self.fault == Some(Fault::ForgottenWithdraw) {
                    return Ok(());
                }
                if let Some(offer) = offer {
                    self.end_offer(offer, OfferEnd::AgentUnavailable, out);
                }
                if status == AgentStatus::Offline {
                    self.take_back(id, QueuedBecause::AgentOffline, out, |case| case.clock.is_running());
                }
            }
        }
        Ok(())
    }

    fn suspect(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Link::Gone { since } = agent.link else { return };
        agent.link = Link::Suspect { since };
        out.push(Effect::AgentMissing { agent: id, lost: false });
        self.take_back(id, QueuedBecause::AgentSuspect, out, |case| case.clock.is_running());
    }

    fn lose(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.link = Link::Lost;
        out.push(Effect::AgentMissing { agent: id, lost: true });
        self.take_back(id, QueuedBecause::AgentLost, out, |_| true);
    }

    /// Puts conversations of an agent who is away back at the head of their queues.
    fn take_back(&mut self, id: AgentId, because: QueuedBecause, out: &mut Vec<Effect>, which: impl Fn(&Case) -> bool) {
        let Some(agent) = self.agents.get(&id) else { return };
        let offer = agent.offer;
        let taken: Vec<ConversationId> = agent
            .serving
            .iter()
            .copied()
            .filter(|conversation| self.cases.get(conversation).is_some_and(&which))
            .collect();
        if let Some(offer) = offer {
            self.end_offer(offer, OfferEnd::AgentUnavailable, out);
        }
        for conversation in taken {
            self.stop_transfer(conversation, OfferEnd::ConversationGone, out);
            self.release(conversation, id);
            self.enqueue(conversation, 0, because, Some(id), out);
        }
    }

    /// Ends a pending transfer; a transfer to a team makes that team the conversation's own.
    fn stop_transfer(&mut self, conversation: ConversationId, reason: OfferEnd, out: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        let Where::Serving { agent, transfer: Some((to, offer)) } = case.place else { return };
        let key = (case.rank, case.clock.due_at, conversation);
        case.place = Where::Serving { agent, transfer: None };
        if let Target::Team(team) = to {
            self.teams[usize::from(team.0)].open.remove(&key);
            case.team = team;
        }
        if let Some(offer) = offer {
            self.drop_offer(offer, reason, out);
        }
    }

    fn is_free(&self, agent: &Agent) -> bool {
        agent.link == Link::Connected
            && agent.status == AgentStatus::Online
            && agent.break_until.is_none()
            && agent.offer.is_none()
            && load(agent) < agent.capacity
    }

    fn unfree(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if let Some((load, since)) = agent.free_as.take() {
            for team in &agent.teams {
                self.teams[usize::from(team.0)].free.remove(&(load, since, id));
            }
        }
    }

    /// Brings the free sets up to date and, if the agent can take one, offers the one who is due first.
    fn wake(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        self.unfree(id);
        let Some(agent) = self.agents.get(&id) else { return };
        if !self.is_free(agent) {
            return;
        }
        let mut best: Option<Key> = None;
        for team in &agent.teams {
            let open = &self.teams[usize::from(team.0)].open;
            let willing = |key: &&Key| self.cases.get(&key.2).is_some_and(|case| !case.declined.contains(&id));
            #[cfg(test)]
            let found = if self.fault == Some(Fault::NewestFirst) {
                open.iter().rev().find(willing)
            } else {
                open.iter().find(willing)
            };
            #[cfg(not(test))]
            let found = open.iter().find(willing);
            if let Some(key) = found {
                #[cfg(test)]
                let better = best.is_none_or(|other| (*key < other) != (self.fault == Some(Fault::NewestFirst)));
                #[cfg(not(test))]
                let better = best.is_none_or(|other| *key < other);
                if better {
                    best = Some(*key);
                }
            }
        }
        if let Some((_, _, conversation)) = best {
            self.offer(conversation, id, out);
        } else {
            let (load, since) = (load(agent), agent.idle_since);
            for team in &agent.teams {
                self.teams[usize::from(team.0)].free.insert((load, since, id));
            }
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.free_as = Some((load, since));
            }
        }
    }

    // --- conversations ----------------------------------------------------------------------------------------

    fn check_team(&self, team: TeamId) -> Result<(), Refusal> {
        if usize::from(team.0) < self.teams.len() { Ok(()) } else { Err(Refusal::UnknownTeam(team)) }
    }

    fn request(
        &mut self,
        conversation: ConversationId,
        team: TeamId,
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.check_team(team)?;
        if self.cases.contains_key(&conversation) {
            return Err(Refusal::AlreadyRouted(conversation));
        }
        // Asking now is better than being called later.
        self.forget_call_back(conversation);
        self.admit(conversation, team, Clock::start(at, self.policy(team).breach), Where::Waiting);
        self.enqueue(conversation, 1, QueuedBecause::Asked, None, out);
        Ok(())
    }

    fn admit(&mut self, conversation: ConversationId, team: TeamId, clock: Clock, place: Where) {
        let steps = Steps::of(&clock, self.policy(team));
        let case = Case { team, clock, steps, place, rank: 1, declined: Vec::new(), ask_again: None };
        self.cases.insert(conversation, case);
        self.arm_step(conversation);
    }

    fn promise_call_back(&mut self, conversation: ConversationId, team: TeamId, at: Timestamp) -> Result<(), Refusal> {
        self.check_team(team)?;
        if self.cases.contains_key(&conversation) || self.call_backs.contains_key(&conversation) {
            return Err(Refusal::AlreadyRouted(conversation));
        }
        self.call_backs.insert(conversation, (team, at));
        self.teams[usize::from(team.0)].call_backs += 1;
        self.timers.insert((at, Timer::CallBack(conversation)));
        Ok(())
    }

    fn forget_call_back(&mut self, conversation: ConversationId) -> bool {
        let Some((team, at)) = self.call_backs.remove(&conversation) else { return false };
        self.teams[usize::from(team.0)].call_backs -= 1;
        self.timers.remove(&(at, Timer::CallBack(conversation)));
        true
    }

    fn cancel(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if self.forget_call_back(conversation) {
            return Ok(());
        }
        match self.cases.get(&conversation).map(|case| case.place) {
            Some(Where::Waiting | Where::Offered(_)) => {
                self.close(conversation, out);
                Ok(())
            }
            Some(Where::Serving { .. }) | None => Err(Refusal::UnknownConversation(conversation)),
        }
    }

    fn reply(&mut self, conversation: ConversationId, at: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let case = self.cases.get_mut(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        // The store decides whether a reply stops the clock, so one that was read before the citizen left counts, even if
        // this is heard of after the leaving.
        let came_late = at < case.clock.asked_at || case.clock.left_at.is_some_and(|left| at > left);
        if case.clock.answered_at.is_some() || came_late {
            return Ok(());
        }
        let strikes_breach = case.clock.step == SlaStep::Breached && at <= case.clock.due_at;
        self.disarm_step(conversation);
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.clock.answered_at = Some(at);
            case.clock.left_at = None;
            if strikes_breach {
                case.clock.step = SlaStep::Alerted;
            }
        }
        out.push(Effect::Answered { conversation, at, strikes_breach });
        Ok(())
    }

    fn citizen_finished(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        match case.place {
            Where::Serving { .. } => {}
            Where::Waiting | Where::Offered(_) => return Err(Refusal::NotServing(conversation)),
        }
        if case.clock.is_running() {
            self.disarm_step(conversation);
            let now = self.now;
            if let Some(case) = self.cases.get_mut(&conversation) {
                case.clock.left_at = Some(now);
            }
            out.push(Effect::Left { conversation });
        }
        Ok(())
    }

    fn close(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        self.forget_call_back(conversation);
        let Some(case) = self.cases.get(&conversation) else { return };
        let (place, owed) = (case.place, case.clock.is_running());
        match place {
            Where::Waiting => self.leave_line(conversation),
            Where::Offered(offer) => {
                self.leave_line(conversation);
                self.drop_offer(offer, OfferEnd::ConversationGone, out);
            }
            Where::Serving { agent, .. } => {
                self.stop_transfer(conversation, OfferEnd::ConversationGone, out);
                self.release(conversation, agent);
            }
        }
        self.disarm_step(conversation);
        if let Some(at) = self.cases.remove(&conversation).and_then(|case| case.ask_again) {
            self.timers.remove(&(at, Timer::AskAgain(conversation)));
        }
        if owed {
            out.push(Effect::Left { conversation });
        }
        if let Where::Serving { agent, .. } = place {
            #[cfg(test)]
            if self.fault == Some(Fault::SkippedWakeUp) {
                return;
            }
            self.wake(agent, out);
        }
    }

    fn restore(
        &mut self,
        conversation: ConversationId,
        team: TeamId,
        clock: Clock,
        agent: Option<AgentId>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.check_team(team)?;
        if self.cases.contains_key(&conversation) {
            return Err(Refusal::AlreadyRouted(conversation));
        }
        let mut clock = clock;
        // The server went down between a reply in time and the news of it.
        if let Some(at) = clock.answered_at.filter(|at| clock.step == SlaStep::Breached && *at <= clock.due_at) {
            clock.step = SlaStep::Alerted;
            out.push(Effect::Answered { conversation, at, strikes_breach: true });
        }
        let now = self.now;
        match agent.and_then(|id| self.agents.get_mut(&id).map(|agent| (id, agent))) {
            Some((id, agent)) => {
                agent.serving.insert(conversation);
                // The server was away, not the agent: they have the usual time to come back.
                if agent.link == Link::Lost {
                    agent.link = Link::Gone { since: now };
                    self.timers.insert((now + self.settings.suspect, Timer::Suspect(id)));
                    self.timers.insert((now + self.settings.lost, Timer::Lost(id)));
                }
                self.admit(conversation, team, clock, Where::Serving { agent: id, transfer: None });
                self.wake(id, out);
            }
            None => {
                self.admit(conversation, team, clock, Where::Waiting);
                self.enqueue(conversation, u8::from(agent.is_none()), QueuedBecause::Restarted, agent, out);
            }
        }
        Ok(())
    }

    fn key(&self, conversation: ConversationId) -> Option<(TeamId, Key)> {
        self.cases.get(&conversation).map(|case| (case.team, (case.rank, case.clock.due_at, conversation)))
    }

    /// Into the queue, and out of it at once if somebody is free.
    fn enqueue(
        &mut self,
        conversation: ConversationId,
        rank: u8,
        because: QueuedBecause,
        taken_from: Option<AgentId>,
        out: &mut Vec<Effect>,
    ) {
        #[cfg(test)]
        if self.fault == Some(Fault::RestartedClock) && taken_from.is_some() {
            self.restart_clock(conversation);
        }
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        case.rank = rank;
        case.place = Where::Waiting;
        case.declined.clear();
        let (team, clock) = (case.team, case.clock);
        out.push(Effect::Queued { conversation, team, clock, because, taken_from });
        self.teams[usize::from(team.0)].line.insert((rank, clock.due_at, conversation));
        self.seek(conversation, team, out);
    }

    /// Looks for a free agent of the team; without one the conversation stays open for whoever becomes free.
    fn seek(&mut self, conversation: ConversationId, team: TeamId, out: &mut Vec<Effect>) {
        let Some(case) = self.cases.get(&conversation) else { return };
        let key = (case.rank, case.clock.due_at, conversation);
        let place = &mut self.teams[usize::from(team.0)];
        place.open.insert(key);
        let taker = place.free.iter().find(|(_, _, agent)| !case.declined.contains(agent)).map(|(_, _, agent)| *agent);
        if let Some(agent) = taker {
            self.offer(conversation, agent, out);
        }
    }

    fn leave_line(&mut self, conversation: ConversationId) {
        if let Some((team, key)) = self.key(conversation) {
            let team = &mut self.teams[usize::from(team.0)];
            team.line.remove(&key);
            team.open.remove(&key);
        }
    }

    /// Takes a conversation off an agent's desk, without looking for a new one for them.
    fn release(&mut self, conversation: ConversationId, id: AgentId) {
        self.unfree(id);
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.serving.remove(&conversation);
            agent.idle_since = self.now;
        }
    }

    // --- offers -----------------------------------------------------------------------------------------------

    fn offer(&mut self, conversation: ConversationId, to: AgentId, out: &mut Vec<Effect>) {
        self.unfree(to);
        self.offers_made += 1;
        let id = OfferId::new(u128::from(self.epoch) << 64 | u128::from(self.offers_made));
        let Some(case) = self.cases.get(&conversation) else { return };
        let team = match case.place {
            Where::Serving { transfer: Some((Target::Team(team), _)), .. } => team,
            Where::Waiting | Where::Offered(_) | Where::Serving { .. } => case.team,
        };
        let expires_at = self.now + self.policy(team).offer;
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        let key = (case.rank, case.clock.due_at, conversation);
        let transfer_by = match case.place {
            Where::Waiting | Where::Offered(_) => {
                self.teams[usize::from(case.team.0)].open.remove(&key);
                case.place = Where::Offered(id);
                None
            }
            Where::Serving { agent, transfer } => {
                if let Some((target, _)) = transfer {
                    if let Target::Team(team) = target {
                        self.teams[usize::from(team.0)].open.remove(&key);
                    }
                    case.place = Where::Serving { agent, transfer: Some((target, Some(id))) };
                }
                Some(agent)
            }
        };
        if let Some(agent) = self.agents.get_mut(&to) {
            agent.offer = Some(id);
        }
        self.offers.insert(id, Offer { conversation, agent: to, expires_at, transfer_by });
        self.timers.insert((expires_at, Timer::Offer(id)));
        out.push(Effect::Offered { offer: id, conversation, agent: to, expires_at, transfer_by });
    }

    /// Removes an offer from both sides and says so; what becomes of the conversation is the caller's matter.
    fn drop_offer(&mut self, id: OfferId, reason: OfferEnd, out: &mut Vec<Effect>) -> Option<Offer> {
        let offer = self.offers.remove(&id)?;
        self.timers.remove(&(offer.expires_at, Timer::Offer(id)));
        out.push(Effect::OfferEnded { offer: id, conversation: offer.conversation, agent: offer.agent, reason });
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.offer = None;
        }
        self.wake_unless_punished(offer.agent, reason, out);
        Some(offer)
    }

    fn wake_unless_punished(&mut self, agent: AgentId, reason: OfferEnd, out: &mut Vec<Effect>) {
        match reason {
            // They are away or about to be put on a break, or must first be marked as having declined.
            OfferEnd::Missed | OfferEnd::AgentUnavailable | OfferEnd::Declined => {}
            OfferEnd::ConversationGone | OfferEnd::TransferCancelled => self.wake(agent, out),
        }
    }

    /// Ends an offer that its agent did not take, and looks on for the conversation.
    fn end_offer(&mut self, id: OfferId, reason: OfferEnd, out: &mut Vec<Effect>) {
        let Some(offer) = self.drop_offer(id, reason, out) else { return };
        let Some(case) = self.cases.get_mut(&offer.conversation) else { return };
        match case.place {
            Where::Offered(_) => {
                case.place = Where::Waiting;
                let team = case.team;
                if reason == OfferEnd::Declined {
                    case.declined.push(offer.agent);
                    self.arm_ask_again(offer.conversation);
                } else if case.rank != 0 {
                    // Through no fault of theirs: to the head.
                    self.leave_line(offer.conversation);
                    if let Some(case) = self.cases.get_mut(&offer.conversation) {
                        case.rank = 0;
                        let key = (0, case.clock.due_at, offer.conversation);
                        self.teams[usize::from(team.0)].line.insert(key);
                    }
                }
                self.seek(offer.conversation, team, out);
            }
            Where::Serving { agent, transfer: Some((Target::Agent(_), _)) } => {
                case.place = Where::Serving { agent, transfer: None };
                out.push(Effect::TransferEnded { conversation: offer.conversation, by: agent, reason });
            }
            Where::Serving { agent, transfer: Some((Target::Team(team), _)) } => {
                case.place = Where::Serving { agent, transfer: Some((Target::Team(team), None)) };
                if reason == OfferEnd::Declined {
                    case.declined.push(offer.agent);
                    self.arm_ask_again(offer.conversation);
                }
                self.seek(offer.conversation, team, out);
            }
            Where::Waiting | Where::Serving { transfer: None, .. } => {}
        }
    }

    fn arm_ask_again(&mut self, conversation: ConversationId) {
        let at = self.now + ASK_AGAIN;
        if let Some(case) = self.cases.get_mut(&conversation) {
            if let Some(old) = case.ask_again.replace(at) {
                self.timers.remove(&(old, Timer::AskAgain(conversation)));
            }
            self.timers.insert((at, Timer::AskAgain(conversation)));
        }
    }

    fn ask_again(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        case.ask_again = None;
        case.declined.clear();
        match case.place {
            Where::Waiting => {
                let team = case.team;
                self.seek(conversation, team, out);
            }
            Where::Serving { agent, transfer: Some((Target::Team(team), None)) } => {
                case.declined.push(agent);
                self.seek(conversation, team, out);
            }
            Where::Offered(_) | Where::Serving { .. } => {}
        }
    }

    fn open_offer(&self, agent: AgentId, id: OfferId) -> Result<Offer, Refusal> {
        self.offers.get(&id).copied().filter(|offer| offer.agent == agent).ok_or(Refusal::OfferGone(id))
    }

    fn accept(&mut self, agent: AgentId, id: OfferId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let offer = self.open_offer(agent, id)?;
        self.offers.remove(&id);
        self.timers.remove(&(offer.expires_at, Timer::Offer(id)));
        let conversation = offer.conversation;
        if offer.transfer_by.is_none() {
            self.leave_line(conversation);
        }
        #[cfg(test)]
        if self.fault == Some(Fault::RestartedClock) && offer.transfer_by.is_some() {
            self.restart_clock(conversation);
        }
        let now = self.now;
        if let Some(taker) = self.agents.get_mut(&agent) {
            taker.offer = None;
            taker.serving.insert(conversation);
            taker.idle_since = now;
        }
        let Some(case) = self.cases.get_mut(&conversation) else { return Ok(()) };
        if let Where::Serving { transfer: Some((Target::Team(team), _)), .. } = case.place {
            case.team = team;
        }
        case.place = Where::Serving { agent, transfer: None };
        case.declined.clear();
        let team = case.team;
        if let Some(at) = case.ask_again.take() {
            self.timers.remove(&(at, Timer::AskAgain(conversation)));
        }
        out.push(Effect::Assigned { offer: id, conversation, agent, team, transfer_by: offer.transfer_by });
        if let Some(origin) = offer.transfer_by {
            self.release(conversation, origin);
            self.wake(origin, out);
        }
        self.wake(agent, out);
        Ok(())
    }

    fn decline(&mut self, agent: AgentId, id: OfferId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.open_offer(agent, id)?;
        self.end_offer(id, OfferEnd::Declined, out);
        self.wake(agent, out);
        Ok(())
    }

    fn miss(&mut self, id: OfferId, out: &mut Vec<Effect>) {
        let Some(offer) = self.offers.get(&id).copied() else { return };
        let until = self.now + self.settings.missed_break;
        let Some(agent) = self.agents.get_mut(&offer.agent) else { return };
        if agent.link == Link::Connected {
            agent.break_until = Some(until);
            self.timers.insert((until, Timer::BreakEnd(offer.agent)));
            out.push(Effect::StatusChanged { agent: offer.agent, status: AgentStatus::Break, until: Some(until) });
            self.end_offer(id, OfferEnd::Missed, out);
        } else {
            self.end_offer(id, OfferEnd::AgentUnavailable, out);
        }
    }

    // --- transfers --------------------------------------------------------------------------------------------

    fn transfer(
        &mut self,
        conversation: ConversationId,
        by: AgentId,
        to: Target,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        match case.place {
            Where::Serving { agent, transfer: None } if agent == by => {}
            Where::Serving { agent, transfer: Some(_) } if agent == by => {
                return Err(Refusal::WrongTransfer(conversation));
            }
            Where::Waiting | Where::Offered(_) | Where::Serving { .. } => {
                return Err(Refusal::NotServing(conversation));
            }
        }
        match to {
            Target::Agent(colleague) => {
                let other = self.agents.get(&colleague).ok_or(Refusal::UnknownAgent(colleague))?;
                let can_be_asked = colleague != by
                    && other.link == Link::Connected
                    && other.status == AgentStatus::Online
                    && other.break_until.is_none()
                    && other.offer.is_none();
                if !can_be_asked {
                    return Err(Refusal::CannotBeAsked(colleague));
                }
                self.mark_transfer(conversation, by, to);
                self.offer(conversation, colleague, out);
            }
            Target::Team(team) => {
                self.check_team(team)?;
                self.mark_transfer(conversation, by, to);
                if let Some(case) = self.cases.get_mut(&conversation) {
                    case.declined = vec![by];
                }
                self.seek(conversation, team, out);
            }
        }
        Ok(())
    }

    fn mark_transfer(&mut self, conversation: ConversationId, agent: AgentId, to: Target) {
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.place = Where::Serving { agent, transfer: Some((to, None)) };
        }
    }

    fn cancel_transfer(
        &mut self,
        conversation: ConversationId,
        by: AgentId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        match case.place {
            Where::Serving { agent, transfer: Some(_) } if agent == by => {}
            Where::Serving { agent, transfer: None } if agent == by => {
                return Err(Refusal::WrongTransfer(conversation));
            }
            Where::Waiting | Where::Offered(_) | Where::Serving { .. } => {
                return Err(Refusal::NotServing(conversation));
            }
        }
        let own = case.team;
        self.stop_transfer(conversation, OfferEnd::TransferCancelled, out);
        // Taken back: it stays what it was.
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.team = own;
            case.declined.clear();
        }
        out.push(Effect::TransferEnded { conversation, by, reason: OfferEnd::TransferCancelled });
        Ok(())
    }

    // --- time -------------------------------------------------------------------------------------------------

    fn pass_time(&mut self, out: &mut Vec<Effect>) {
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= self.now) {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Step(conversation) => self.step(conversation, at, out),
                Timer::Offer(offer) => self.miss(offer, out),
                Timer::BreakEnd(agent) => self.end_break(agent, out),
                Timer::Suspect(agent) => self.suspect(agent, out),
                Timer::Lost(agent) => self.lose(agent, out),
                Timer::CallBack(conversation) => self.call_back(conversation, out),
                Timer::AskAgain(conversation) => self.ask_again(conversation, out),
            }
        }
    }

    fn end_break(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.break_until = None;
        agent.idle_since = self.now;
        out.push(Effect::StatusChanged { agent: id, status: agent.status, until: None });
        self.wake(id, out);
    }

    fn call_back(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        let Some((team, at)) = self.call_backs.get(&conversation).copied() else { return };
        self.forget_call_back(conversation);
        // Its minute starts at the slot, however late the server woke up.
        self.admit(conversation, team, Clock::start(at, self.policy(team).breach), Where::Waiting);
        self.enqueue(conversation, 1, QueuedBecause::CallBackDue, None, out);
    }

    fn next_step(case: &Case) -> Option<(Timestamp, SlaStep)> {
        if !case.clock.is_running() {
            return None;
        }
        match case.clock.step {
            SlaStep::Running => Some((case.steps.warn_at, SlaStep::Warned)),
            SlaStep::Warned => Some((case.steps.alert_at, SlaStep::Alerted)),
            SlaStep::Alerted => Some((case.clock.due_at, SlaStep::Breached)),
            SlaStep::Breached => None,
        }
    }

    fn arm_step(&mut self, conversation: ConversationId) {
        if let Some((at, _)) = self.cases.get(&conversation).and_then(Self::next_step) {
            self.timers.insert((at, Timer::Step(conversation)));
        }
    }

    fn disarm_step(&mut self, conversation: ConversationId) {
        if let Some((at, _)) = self.cases.get(&conversation).and_then(Self::next_step) {
            self.timers.remove(&(at, Timer::Step(conversation)));
        }
    }

    /// The mistake of [`Fault::RestartedClock`].
    #[cfg(test)]
    fn restart_clock(&mut self, conversation: ConversationId) {
        self.disarm_step(conversation);
        let policy = self.settings.policy();
        if let Some(case) = self.cases.get_mut(&conversation).filter(|case| case.clock.is_running()) {
            case.clock = Clock::start(self.now, policy.breach);
            case.steps = Steps::of(&case.clock, policy);
        }
        self.arm_step(conversation);
    }

    fn step(&mut self, conversation: ConversationId, at: Timestamp, out: &mut Vec<Effect>) {
        let Some((_, step)) = self.cases.get(&conversation).and_then(Self::next_step) else { return };
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.clock.step = step;
        }
        out.push(Effect::Stepped { conversation, step, at });
        self.arm_step(conversation);
    }
}

fn load(agent: &Agent) -> u32 {
    u32::try_from(agent.serving.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
