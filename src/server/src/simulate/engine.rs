//! The router that `serve` runs, in virtual time: people come, whoever is offered somebody accepts at once, talks end. What
//! is measured is the router alone.

use std::{cmp::Reverse, collections::BinaryHeap};

use bangban_domain::{
    AgentId, ConversationId, TeamId, Timestamp,
    routing::{Demand, Effect, Input, Policy, Profile, Refusal, Ring, Router, Settings},
    time::Millis,
    words::AgentStatus,
};

use super::traffic::{Ask, Traffic};

/// Who works: agents with one conversation at a time.
#[derive(Debug, Clone)]
pub struct Office {
    /// Teams, numbered from 0.
    pub teams: u16,
    /// What each agent may serve, and when they are on duty (`None`: always).
    pub agents: Vec<Desk>,
    /// Who else is asked for each team's queue.
    pub rings: Vec<Ring>,
    /// Head start of first priority.
    pub head_start: Millis,
}

/// One agent.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Teams.
    pub teams: Vec<TeamId>,
    /// Duty.
    pub duty: Option<Vec<(Timestamp, Timestamp)>>,
}

impl Office {
    /// Everybody serves one queue.
    #[must_use]
    pub fn of_one_team(agents: u32) -> Self {
        Self::chained(agents, 1, 1)
    }

    /// Each agent serves `skills` of the teams, one after the other, in a chain.
    #[must_use]
    pub fn chained(agents: u32, teams: u16, skills: u16) -> Self {
        let own = |n: u32| (0..u32::from(skills.min(teams))).map(move |skill| (n + skill) % u32::from(teams));
        let desk = |n| Desk { teams: own(n).filter_map(|n| u16::try_from(n).ok()).map(TeamId).collect(), duty: None };
        Self { teams, agents: (0..agents).map(desk).collect(), rings: Vec::new(), head_start: 0 }
    }
}

/// What has become of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Was served after so long.
    Served(Millis),
    /// Left after so long; the longest time of all: nobody ever came on duty for them.
    Left(Millis),
}

impl Fate {
    /// How long they waited, either way.
    #[must_use]
    pub const fn waited(self) -> Millis {
        match self {
            Self::Served(waited) | Self::Left(waited) => waited,
        }
    }
}

/// At one instant talks end first, so that who would leave then is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Ends(ConversationId),
    Leaves(ConversationId),
}

/// A run: who waited how long, and how much was talked.
pub struct Run {
    /// In order of asking.
    pub fates: Vec<Fate>,
    /// Begin and end of each talk, in order of beginning.
    pub talks: Vec<(Timestamp, Timestamp)>,
    /// Restarts from what rows would say, see [`Simulator::restart_every`].
    pub restarts: usize,
}

/// See the module.
pub struct Simulator<'a> {
    office: &'a Office,
    traffic: &'a Traffic,
    router: Router,
    epoch: u64,
    agenda: BinaryHeap<Reverse<(Timestamp, Happens)>>,
    fates: Vec<Option<Fate>>,
    talks: Vec<(Timestamp, Timestamp)>,
    /// Who talks with whom, for a restart.
    serving: std::collections::HashMap<ConversationId, AgentId>,
    restart_every: Option<usize>,
    restarts: usize,
    steps: usize,
    out: Vec<Effect>,
}

fn conversation(n: usize) -> ConversationId {
    ConversationId::new(n as u128)
}

fn number(id: ConversationId) -> usize {
    usize::try_from(id.raw()).unwrap_or(usize::MAX)
}

fn agent(n: usize) -> AgentId {
    AgentId::new(n as u128 + 1)
}

/// Nothing of what is measured depends on them.
fn settings() -> Settings {
    Settings::default()
}

impl<'a> Simulator<'a> {
    /// Before anybody has come.
    #[must_use]
    pub fn new(office: &'a Office, traffic: &'a Traffic) -> Self {
        Self {
            office,
            traffic,
            router: Router::new(0, settings(), 0),
            epoch: 0,
            agenda: BinaryHeap::new(),
            fates: vec![None; traffic.asks.len()],
            talks: Vec::with_capacity(traffic.asks.len()),
            serving: std::collections::HashMap::new(),
            restart_every: None,
            restarts: 0,
            steps: 0,
            out: Vec::new(),
        }
    }

    /// The server is restarted after so many things that happen, and goes on from what its rows say.
    #[must_use]
    pub const fn restart_every(mut self, steps: usize) -> Self {
        self.restart_every = Some(steps);
        self
    }

    /// Until the last one is served or has left.
    ///
    /// # Errors
    /// What the router refuses, which would be a mistake of this program.
    pub fn run(mut self) -> Result<Run, Refusal> {
        let begin = self.traffic.asks.first().map_or(Timestamp(0), |ask| ask.at);
        self.open(begin)?;
        let has_duty = self.office.agents.iter().any(|desk| desk.duty.is_some());
        let mut coming = self.traffic.asks.iter().enumerate().peekable();
        loop {
            let planned = self.agenda.peek().map(|Reverse((at, _))| *at);
            let asked = coming.peek().map(|(_, ask)| ask.at);
            let next = [planned, asked].into_iter().flatten().min();
            // Somebody's duty may begin before anything else happens.
            if has_duty && let Some(due) = self.router.next_deadline().filter(|due| next.is_none_or(|at| *due < at)) {
                if next.is_none() && self.fates.iter().all(Option::is_some) {
                    break;
                }
                self.give(due, Input::Tick)?;
                continue;
            }
            let Some(now) = next else { break };
            if planned.is_some_and(|at| asked.is_none_or(|asked| at <= asked)) {
                self.happens(now)?;
            } else if let Some((n, ask)) = coming.next() {
                self.asks(n, ask)?;
            }
            self.steps += 1;
            if self.restart_every.is_some_and(|every| self.steps.is_multiple_of(every)) {
                self.restart(now)?;
            }
        }
        let fates = self.fates.into_iter().map(|fate| fate.unwrap_or(Fate::Left(Millis::MAX))).collect();
        Ok(Run { fates, talks: self.talks, restarts: self.restarts })
    }

    fn open(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.epoch += 1;
        self.router = Router::new(self.epoch, settings(), self.office.teams);
        let policy: Policy = settings().policy();
        for team in (0..self.office.teams).map(TeamId) {
            self.give(now, Input::TeamKnown { team, policy, rings: self.office.rings.clone() })?;
        }
        let office = self.office;
        for (n, desk) in office.agents.iter().enumerate() {
            let profile = Profile::plain(desk.teams.iter().copied(), 1);
            self.give(now, Input::AgentKnown { agent: agent(n), profile, status: AgentStatus::Online })?;
            if let Some(spans) = &desk.duty {
                self.give(now, Input::DutyKnown { agent: agent(n), spans: Some(spans.clone()) })?;
            }
        }
        if self.epoch == 1 {
            self.connect_all(now)?;
        }
        Ok(())
    }

    fn connect_all(&mut self, now: Timestamp) -> Result<(), Refusal> {
        (0..self.office.agents.len()).try_for_each(|n| self.give(now, Input::AgentConnected { agent: agent(n) }))
    }

    /// A new router from what the rows would say: clocks, priorities, who serves whom; then the consoles come back.
    fn restart(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.restarts += 1;
        let known: Vec<_> = self.router.conversations().collect();
        let demands: Vec<Demand> = known.iter().map(|(id, _)| self.demand(&self.traffic.asks[number(*id)])).collect();
        self.open(now)?;
        for ((conversation, routed), demand) in known.into_iter().zip(demands) {
            let agent = self.serving.get(&conversation).copied();
            let (team, clock, at_head) = (routed.team, routed.clock, routed.at_head && agent.is_none());
            self.give(now, Input::Restored { conversation, team, clock, agent, demand, at_head })?;
        }
        self.connect_all(now)
    }

    fn demand(&self, ask: &Ask) -> Demand {
        Demand { head_start: if ask.is_first { self.office.head_start } else { 0 }, ..Demand::default() }
    }

    fn asks(&mut self, n: usize, ask: &Ask) -> Result<(), Refusal> {
        let (conversation, team, at) = (conversation(n), ask.team, ask.at);
        self.give(at, Input::HumanRequested { conversation, team, at, demand: self.demand(ask) })?;
        if let Some(patience) = ask.patience
            && self.fates[n].is_none()
        {
            self.agenda.push(Reverse((at + patience, Happens::Leaves(conversation))));
        }
        Ok(())
    }

    fn happens(&mut self, now: Timestamp) -> Result<(), Refusal> {
        match self.agenda.pop() {
            Some(Reverse((_, Happens::Ends(conversation)))) => {
                self.serving.remove(&conversation);
                self.give(now, Input::Closed { conversation })
            }
            Some(Reverse((_, Happens::Leaves(conversation)))) if self.fates[number(conversation)].is_none() => {
                let n = number(conversation);
                self.fates[n] = Some(Fate::Left(now.since(self.traffic.asks[n].at)));
                self.give(now, Input::RequestCancelled { conversation })
            }
            Some(Reverse((_, Happens::Leaves(_)))) | None => Ok(()),
        }
    }

    fn give(&mut self, now: Timestamp, input: Input) -> Result<(), Refusal> {
        let mut inputs = vec![input];
        let mut out = std::mem::take(&mut self.out);
        while let Some(input) = inputs.pop() {
            let is_accept = matches!(input, Input::OfferAccepted { .. });
            match self.router.handle(now, input, &mut out) {
                // Several were asked at once when their duty began, and a colleague was quicker.
                Err(Refusal::OfferGone(_)) if is_accept => {}
                result => result?,
            }
            for effect in out.drain(..) {
                match effect {
                    Effect::Offered { agent, offer, .. } => inputs.push(Input::OfferAccepted { agent, offer }),
                    Effect::Assigned { conversation, agent, .. } => {
                        inputs.push(Input::HumanReplied { conversation, at: now });
                        self.assigned(now, conversation, agent);
                    }
                    _ => {}
                }
            }
        }
        self.out = out;
        Ok(())
    }

    fn assigned(&mut self, now: Timestamp, conversation: ConversationId, agent: AgentId) {
        let n = number(conversation);
        self.fates[n] = Some(Fate::Served(now.since(self.traffic.asks[n].at)));
        let ends_at = now + self.traffic.handles[self.talks.len()];
        self.talks.push((now, ends_at));
        self.serving.insert(conversation, agent);
        self.agenda.push(Reverse((ends_at, Happens::Ends(conversation))));
    }
}
