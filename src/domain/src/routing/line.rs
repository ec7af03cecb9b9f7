//! Conversations: how they come, wait in line, are found by whoever is free, and go.

use super::{
    Agent, AgentId, Arc, CallBack, Case, Clock, ConversationId, Demand, Effect, Key, Link, Need, OfferEnd,
    QueuedBecause, Refusal, Reverse, Router, SECOND_LOOK, SlaStep, Stand, Target, TeamId, Terms, Timer, Timestamp,
    Weight, Where, demand::Ability, put, take_out,
};
#[cfg(test)]
use super::{Fault, Millis};

/// So many of those who have rested longest are compared by whom they leave behind.
const COMPARED: usize = 8;

impl Router {
    // --- coming -----------------------------------------------------------------------------------------------

    pub(super) fn request(
        &mut self,
        conversation: ConversationId,
        team: TeamId,
        at: Timestamp,
        demand: Demand,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.check_team(team)?;
        if self.cases.contains_key(&conversation) {
            return Err(Refusal::AlreadyRouted(conversation));
        }
        // Asking now is better than being called later.
        self.forget_call_back(conversation);
        self.admit(conversation, team, Clock::start(at, self.policy_for(team, &demand).breach), demand, Where::Waiting);
        self.enqueue(conversation, 1, QueuedBecause::Asked, None, out);
        Ok(())
    }

    fn admit(&mut self, conversation: ConversationId, team: TeamId, clock: Clock, demand: Demand, place: Where) {
        let home = &self.teams[usize::from(team.0)];
        let plan = demand.plan.and_then(|plan| self.plans.get(&plan));
        let (policy, rings) = plan.map_or((home.policy, &home.rings), |(policy, rings)| (*policy, rings));
        self.longest_promise = self.longest_promise.max(clock.due_at.since(clock.asked_at));
        let case = Case {
            team,
            clock,
            terms: Terms::of(&clock, policy),
            demand,
            place,
            rank: 1,
            rings: Arc::clone(rings),
            reached: 0,
            widens_at: None,
            stand: None,
            offers: Vec::new(),
            declined: Vec::new(),
            ask_again: None,
            weight: Weight::Text,
            silent_at: None,
            is_finished: false,
        };
        self.cases.insert(conversation, case);
        self.arm_step(conversation);
    }

    pub(super) fn promise_call_back(&mut self, conversation: ConversationId, promise: CallBack) -> Result<(), Refusal> {
        self.check_team(promise.team)?;
        if self.cases.contains_key(&conversation) || self.call_backs.contains_key(&conversation) {
            return Err(Refusal::AlreadyRouted(conversation));
        }
        // Whoever was given a time comes at that time.
        let demand = Demand { head_start: 0, ..promise.demand };
        self.call_backs.insert(conversation, CallBack { demand, ..promise });
        self.teams[usize::from(promise.team.0)].call_backs += 1;
        self.timers.insert((promise.at, Timer::CallBack(conversation)));
        Ok(())
    }

    pub(super) fn move_call_back(&mut self, conversation: ConversationId, at: Timestamp) -> Result<(), Refusal> {
        let promise = self.call_backs.get_mut(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        self.timers.remove(&(promise.at, Timer::CallBack(conversation)));
        promise.at = at;
        self.timers.insert((at, Timer::CallBack(conversation)));
        Ok(())
    }

    fn forget_call_back(&mut self, conversation: ConversationId) -> Option<CallBack> {
        let promise = self.call_backs.remove(&conversation)?;
        self.teams[usize::from(promise.team.0)].call_backs -= 1;
        self.timers.remove(&(promise.at, Timer::CallBack(conversation)));
        Some(promise)
    }

    pub(super) fn call_back(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        let Some(CallBack { team, at, demand }) = self.forget_call_back(conversation) else { return };
        // Its minute starts at the slot, however late the server woke up.
        self.admit(conversation, team, Clock::start(at, self.policy_for(team, &demand).breach), demand, Where::Waiting);
        self.enqueue(conversation, 1, QueuedBecause::CallBackDue, None, out);
    }

    pub(super) fn restore(
        &mut self,
        conversation: ConversationId,
        (team, clock, agent): (TeamId, Clock, Option<AgentId>),
        (demand, at_head): (Demand, bool),
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
        let served_by = agent.filter(|id| self.agents.contains_key(id));
        let place = served_by.map_or(Where::Waiting, |agent| Where::Serving { agent, transfer: None });
        self.admit(conversation, team, clock, demand, place);
        // What was reached before the restart was said then.
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.reached = case.rings.iter().take_while(|ring| clock.asked_at + ring.after <= now).count();
        }
        match served_by {
            Some(id) => {
                // The server was away, not the agent: they have the usual time to come back.
                if let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.link == Link::Lost) {
                    agent.link = Link::Gone { since: now };
                    self.timers.insert((now + self.settings.suspect, Timer::Suspect(id)));
                    self.timers.insert((now + self.settings.lost, Timer::Lost(id)));
                }
                self.load(conversation, id);
                self.wake(id, out);
            }
            None => {
                let rank = u8::from(agent.is_none() && !at_head);
                self.enqueue(conversation, rank, QueuedBecause::Restarted, agent, out);
            }
        }
        Ok(())
    }

    // --- going ------------------------------------------------------------------------------------------------

    pub(super) fn cancel(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if self.forget_call_back(conversation).is_some() {
            return Ok(());
        }
        match self.cases.get(&conversation).map(|case| case.place) {
            Some(Where::Waiting) => {
                self.close(conversation, out);
                Ok(())
            }
            Some(Where::Serving { .. }) | None => Err(Refusal::UnknownConversation(conversation)),
        }
    }

    pub(super) fn reply(
        &mut self,
        conversation: ConversationId,
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
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

    pub(super) fn citizen_finished(
        &mut self,
        conversation: ConversationId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let case = self.cases.get_mut(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        match case.place {
            Where::Serving { .. } => case.is_finished = true,
            Where::Waiting => return Err(Refusal::NotServing(conversation)),
        }
        if case.clock.is_running() {
            self.disarm_step(conversation);
            let now = self.now;
            if let Some(case) = self.cases.get_mut(&conversation) {
                case.clock.left_at = Some(now);
            }
            out.push(Effect::Left { conversation });
        }
        // Wrap-up is load: what was idle takes its whole place again.
        self.spoken(conversation, self.now, out)
    }

    pub(super) fn close(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        self.forget_call_back(conversation);
        let Some(case) = self.cases.get(&conversation) else { return };
        let (place, owed) = (case.place, case.clock.is_running());
        match place {
            Where::Waiting => {
                self.leave_line(conversation);
                self.drop_offers(conversation, OfferEnd::ConversationGone, out);
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
            if self.has(Fault::SkippedWakeUp) {
                return;
            }
            self.wake(agent, out);
        }
    }

    // --- waiting ----------------------------------------------------------------------------------------------

    /// Into the queue, and out of it at once if somebody is free.
    pub(super) fn enqueue(
        &mut self,
        conversation: ConversationId,
        rank: u8,
        because: QueuedBecause,
        taken_from: Option<AgentId>,
        out: &mut Vec<Effect>,
    ) {
        self.enqueue_without(conversation, (rank, Vec::new()), because, taken_from, out);
    }

    /// As [`Self::enqueue`], and these are asked only when nobody else is left.
    pub(super) fn enqueue_without(
        &mut self,
        conversation: ConversationId,
        (rank, declined): (u8, Vec<AgentId>),
        because: QueuedBecause,
        taken_from: Option<AgentId>,
        out: &mut Vec<Effect>,
    ) {
        #[cfg(test)]
        if self.has(Fault::RestartedClock) && taken_from.is_some() {
            self.restart_clock(conversation);
        }
        #[cfg(test)]
        if self.has(Fault::NoAgeing) {
            self.forget_ageing(conversation);
        }
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        case.rank = rank;
        case.place = Where::Waiting;
        case.is_finished = false;
        case.declined = declined;
        let (team, clock, key) = (case.team, case.clock, case.key(conversation));
        out.push(Effect::Queued { conversation, team, clock, because, taken_from });
        self.teams[usize::from(team.0)].line.insert(key);
        self.arm_widening(conversation);
        self.seek(conversation, out);
    }

    /// To the head of the line, from wherever in it.
    pub(super) fn put_at_head(&mut self, conversation: ConversationId) {
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        let line = &mut self.teams[usize::from(case.team.0)].line;
        line.remove(&case.key(conversation));
        case.rank = 0;
        line.insert(case.key(conversation));
    }

    pub(super) fn leave_line(&mut self, conversation: ConversationId) {
        self.unstand(conversation);
        self.disarm_widening(conversation);
        if let Some(case) = self.cases.get(&conversation) {
            self.teams[usize::from(case.team.0)].line.remove(&case.key(conversation));
        }
    }

    /// Teams whose agents may be asked now; nobody's, if it is served or a colleague was asked by name.
    pub(super) fn teams_asked(case: &Case) -> impl Iterator<Item = TeamId> + '_ {
        let (home, reached) = match case.place {
            Where::Waiting => (Some(case.team), case.reached),
            Where::Serving { transfer: Some(Target::Team(team)), .. } => (Some(team), 0),
            Where::Serving { .. } => (None, 0),
        };
        home.into_iter().chain(case.rings[..reached].iter().flat_map(|ring| ring.teams.iter().copied()))
    }

    /// What an agent needs to be asked for it now.
    pub(super) fn need_of(&self, case: &Case) -> Need {
        let is_exclusive = match case.place {
            Where::Waiting => case.demand.is_exclusive,
            Where::Serving { .. } => case.weight == Weight::Exclusive,
        };
        // Who hands on chooses the team knowing what is needed.
        let is_choosy = case.place == Where::Waiting && self.now < case.terms.needs_until;
        let ability = if is_choosy { case.demand.needs } else { Ability::default() };
        Need { ability, is_exclusive }
    }

    /// Do they know the matter, and are they among those who may be asked sooner or later?
    pub(super) fn is_preferred(case: &Case, id: AgentId, agent: &Agent) -> bool {
        let mut teams = case.rings.iter().flat_map(|ring| &ring.teams).chain([&case.team]);
        case.place == Where::Waiting
            && case.demand.preferred == Some(id)
            && teams.any(|team| agent.can(*team).is_some())
    }

    /// How many agents should be looking at it now.
    fn wanted(&self, case: &Case) -> usize {
        match case.place {
            Where::Waiting if case.terms.all_at.is_some_and(|at| self.now >= at) => usize::MAX,
            Where::Waiting if self.now >= case.terms.parallel_at => case.terms.parallel,
            Where::Waiting | Where::Serving { transfer: Some(Target::Team(_)), .. } => 1,
            Where::Serving { .. } => 0,
        }
    }

    /// Should one more agent look at it?
    pub(super) fn is_sought(&self, case: &Case) -> bool {
        case.offers.len() < self.wanted(case)
    }

    /// Asks free agents as long as more should be looking at it; without them it stands open for whoever becomes free.
    pub(super) fn seek(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        while let Some(agent) = self.cases.get(&conversation).and_then(|case| self.taker(case)) {
            self.offer(conversation, agent, out);
        }
        self.stand(conversation);
    }

    /// Whom to ask next: who knows the matter, else the nearest ring's first.
    fn taker(&self, case: &Case) -> Option<AgentId> {
        if !self.is_sought(case) {
            return None;
        }
        let need = self.need_of(case);
        let preferred = case.demand.preferred.filter(|id| case.offers.is_empty() && !case.declined.contains(id));
        let is_at_hand = |id: &AgentId| {
            self.agents.get(id).is_some_and(|agent| {
                agent.free_as.is_some()
                    && Self::is_preferred(case, *id, agent)
                    && agent.is_due_to(case)
                    && (!need.is_exclusive || agent.serving.is_empty())
            })
        };
        if let Some(id) = preferred.filter(is_at_hand) {
            return Some(id);
        }
        if let Where::Serving { transfer: Some(Target::Team(team)), .. } = case.place {
            return self.taker_among(case, need, &[team]);
        }
        let home = std::slice::from_ref(&case.team);
        let rings = case.rings[..case.reached].iter().map(|ring| ring.teams.as_slice());
        std::iter::once(home).chain(rings).find_map(|teams| self.taker_among(case, need, teams))
    }

    /// The least loaded on duty who has what is needed; among them the highest level, then whom their teams miss least, then
    /// the longest rest. Nobody on duty: whoever's duty ended after the request.
    fn taker_among(&self, case: &Case, need: Need, teams: &[TeamId]) -> Option<AgentId> {
        let mut best: Option<(u32, Reverse<u8>, usize, Timestamp, AgentId)> = None;
        for team in teams {
            for (can, free) in &self.teams[usize::from(team.0)].free {
                if !can.covers(need.ability) {
                    continue;
                }
                // An exclusive one is for who has no load; they stand first.
                let open = free.iter().take_while(|(load, ..)| !need.is_exclusive || *load == 0);
                let willing = open.filter(|(.., id)| !case.declined.contains(id));
                for (load, since, id) in willing.take(COMPARED) {
                    let candidate = (*load, Reverse(can.level), self.missed_in_teams(*id), *since, *id);
                    best = Some(best.map_or(candidate, |other| other.min(candidate)));
                }
            }
        }
        best.map(|(.., id)| id).or_else(|| self.drained_among(case, need, teams))
    }

    /// What an agent's teams lose with them: 1 in a team in which nobody else is free, half as much where one more is.
    fn missed_in_teams(&self, id: AgentId) -> usize {
        const ONE: usize = 1_000;
        let own = self.agents.get(&id).map_or(&[][..], |agent| &agent.profile.teams);
        let free =
            |team: TeamId| self.teams[usize::from(team.0)].free.iter().map(|(_, free)| free.len()).sum::<usize>();
        own.iter().map(|(team, _)| ONE / free(*team).max(1)).sum()
    }

    fn drained_among(&self, case: &Case, need: Need, teams: &[TeamId]) -> Option<AgentId> {
        teams.iter().find_map(|team| {
            let drained = &self.teams[usize::from(team.0)].drained;
            // The latest first: behind the first whose duty ended before the request are only more of them.
            let due = drained.iter().take_while(|(Reverse(since), _)| case.clock.asked_at < *since);
            let is_able = |id: &AgentId| {
                self.agents.get(id).is_some_and(|agent| {
                    agent.can(*team).is_some_and(|can| can.covers(need.ability))
                        && (!need.is_exclusive || agent.serving.is_empty())
                })
            };
            due.map(|(_, id)| *id).find(|id| !case.declined.contains(id) && is_able(id))
        })
    }

    /// Brings the queues that it stands open in up to date.
    fn stand(&mut self, conversation: ConversationId) {
        self.unstand(conversation);
        let Some(case) = self.cases.get(&conversation).filter(|case| self.is_sought(case)) else { return };
        let (home, rings) = match case.place {
            Where::Waiting => (case.team, case.reached),
            Where::Serving { transfer: Some(Target::Team(team)), .. } => (team, 0),
            Where::Serving { .. } => return,
        };
        #[cfg(test)]
        let rings = if self.has(Fault::ForgottenRing) { 0 } else { rings };
        let (rank, at, id) = case.key(conversation);
        let rank = if case.offers.is_empty() { rank } else { rank + SECOND_LOOK };
        let stand = Stand { home, rings, need: self.need_of(case), key: (rank, at, id) };
        put(&mut self.teams[usize::from(home.0)].open, stand.need, stand.key);
        for team in case.rings[..rings].iter().flat_map(|ring| &ring.teams) {
            put(&mut self.teams[usize::from(team.0)].open, stand.need, stand.key);
        }
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.stand = Some(stand);
        }
    }

    pub(super) fn unstand(&mut self, conversation: ConversationId) {
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        let Some(Stand { home, rings, need, key }) = case.stand.take() else { return };
        take_out(&mut self.teams[usize::from(home.0)].open, &need, &key);
        for team in case.rings[..rings].iter().flat_map(|ring| &ring.teams) {
            take_out(&mut self.teams[usize::from(team.0)].open, &need, &key);
        }
    }

    pub(super) fn line_key(&self, conversation: ConversationId) -> Option<(TeamId, Key)> {
        self.cases.get(&conversation).map(|case| (case.team, case.key(conversation)))
    }

    /// The mistake of [`Fault::NoAgeing`].
    #[cfg(test)]
    fn forget_ageing(&mut self, conversation: ConversationId) {
        const FOR_EVER: Millis = 365 * 86_400_000;
        if let Some(case) = self.cases.get_mut(&conversation).filter(|case| case.demand.head_start > 0) {
            case.demand.head_start = FOR_EVER;
        }
    }
}
