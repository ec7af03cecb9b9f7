//! Agents: who they are, whether they are there, what they serve, and which of them are free.

#[cfg(test)]
use super::Fault;
use super::{
    Agent, AgentId, AgentStatus, Case, ConversationId, Effect, Free, Key, Link, Need, OfferEnd, OfferId, PLACE,
    Profile, QueuedBecause, Refusal, Reverse, Router, SECOND_LOOK, Target, Timer, Timestamp, Weight, Where,
    demand::Ability, put, take_out,
};
use std::collections::{BTreeSet, VecDeque};

impl Agent {
    /// Has a place for one more, whoever it is.
    pub(super) fn has_place(&self, beyond_capacity: u32) -> bool {
        let serving = u32::try_from(self.serving.len()).unwrap_or(u32::MAX);
        self.exclusive == 0
            && !self.is_in_call
            && self.load.saturating_add(PLACE) <= self.profile.capacity.saturating_mul(PLACE)
            && serving < self.profile.capacity.saturating_add(beyond_capacity)
    }

    /// At work, full or not.
    pub(super) fn can_be_asked(&self) -> bool {
        self.link == Link::Connected && self.status == AgentStatus::Online && self.break_until.is_none()
    }

    /// Level in a team; 0: is not in it.
    fn level_in(&self, team: super::TeamId) -> u8 {
        self.profile.teams.iter().find(|(other, _)| *other == team).map_or(0, |(_, level)| (*level).max(1))
    }

    pub(super) fn can(&self, team: super::TeamId) -> Option<Ability> {
        let level = self.level_in(team);
        (level > 0).then_some(Ability { skills: self.profile.skills, level })
    }

    /// Off duty, somebody is asked only for those who asked before.
    pub(super) fn is_due_to(&self, case: &Case) -> bool {
        self.off_since.is_none_or(|since| case.clock.asked_at < since)
    }
}

impl Router {
    pub(super) fn know_agent(
        &mut self,
        id: AgentId,
        profile: Profile,
        status: AgentStatus,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        for (team, _) in &profile.teams {
            self.check_team(*team)?;
        }
        self.unfree(id);
        let idle_since = self.now;
        match self.agents.get_mut(&id) {
            Some(agent) => agent.profile = profile,
            None => {
                let agent = Agent {
                    profile,
                    status,
                    break_until: None,
                    link: Link::Lost,
                    serving: BTreeSet::new(),
                    load: 0,
                    exclusive: 0,
                    is_in_call: false,
                    offer: None,
                    wanted: VecDeque::new(),
                    idle_since,
                    duty: None,
                    duty_at: None,
                    off_since: None,
                    free_as: None,
                };
                self.agents.insert(id, agent);
            }
        }
        self.look_again(id, out);
        Ok(())
    }

    /// Ends an offer that would not be made any more, and finds a better one.
    pub(super) fn look_again(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        if let Some(offer) = self.agents.get(&id).and_then(|agent| agent.offer)
            && !self.could_be_offered(id, offer)
        {
            self.end_offer(offer, OfferEnd::AgentUnavailable, out);
        }
        self.wake(id, out);
    }

    /// Would the offer be made to the agent as they are now? A colleague may ask anybody, full or not.
    fn could_be_offered(&self, id: AgentId, offer: OfferId) -> bool {
        let (Some(agent), Some(offer)) = (self.agents.get(&id), self.offers.get(&offer)) else { return false };
        let Some(case) = self.cases.get(&offer.conversation) else { return false };
        if matches!(case.place, Where::Serving { transfer: Some(Target::Agent(_)), .. }) {
            return true;
        }
        let needed = self.need_of(case);
        let is_asked =
            Self::teams_asked(case).any(|team| agent.can(team).is_some_and(|can| can.covers(needed.ability)));
        let has_place = agent.has_place(self.settings.beyond_capacity);
        let is_known = Self::is_preferred(case, id, agent);
        (is_asked || is_known)
            && has_place
            && (!needed.is_exclusive || agent.serving.is_empty())
            && agent.is_due_to(case)
    }

    pub(super) fn leave(&mut self, id: AgentId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
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
            agent.profile.teams = Vec::new();
        }
        self.take_back(id, QueuedBecause::AgentOffline, out, |_| true);
        Ok(())
    }

    pub(super) fn connect(&mut self, id: AgentId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
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

    pub(super) fn disconnect(&mut self, id: AgentId) -> Result<(), Refusal> {
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

    pub(super) fn choose_status(
        &mut self,
        id: AgentId,
        status: AgentStatus,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
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
                if self.has(Fault::ForgottenWithdraw) {
                    return Ok(());
                }
                if let Some(offer) = offer {
                    self.end_offer(offer, OfferEnd::AgentUnavailable, out);
                }
                self.end_wanted(id, out);
                if status == AgentStatus::Offline {
                    self.take_back(id, QueuedBecause::AgentOffline, out, |case| case.clock.is_running());
                }
            }
        }
        Ok(())
    }

    pub(super) fn suspect(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Link::Gone { since } = agent.link else { return };
        agent.link = Link::Suspect { since };
        out.push(Effect::AgentMissing { agent: id, lost: false });
        self.take_back(id, QueuedBecause::AgentSuspect, out, |case| case.clock.is_running());
    }

    pub(super) fn lose(&mut self, id: AgentId, out: &mut Vec<Effect>) {
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
        self.end_wanted(id, out);
        for conversation in taken {
            // What was being handed on to a team goes to that team.
            if let Some(Target::Team(team)) = self.stop_transfer(conversation, OfferEnd::ConversationGone, out) {
                self.give_to(conversation, team);
            }
            self.release(conversation, id);
            self.enqueue(conversation, 0, because, Some(id), out);
        }
    }

    /// Puts a conversation back at the head of its queue whose agent cannot be reached for it.
    pub(super) fn give_back(
        &mut self,
        conversation: ConversationId,
        id: AgentId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        if !self.agents.get(&id).is_some_and(|agent| agent.serving.contains(&conversation)) || case.is_finished {
            return Err(Refusal::NotServing(conversation));
        }
        if let Some(Target::Team(team)) = self.stop_transfer(conversation, OfferEnd::ConversationGone, out) {
            self.give_to(conversation, team);
        }
        self.release(conversation, id);
        self.enqueue_without(conversation, (0, vec![id]), QueuedBecause::AgentNotThere, Some(id), out);
        self.arm_ask_again(conversation);
        self.wake(id, out);
        Ok(())
    }

    // --- duty -------------------------------------------------------------------------------------------------

    pub(super) fn know_duty(
        &mut self,
        id: AgentId,
        spans: Option<Vec<(Timestamp, Timestamp)>>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let agent = self.agents.get_mut(&id).ok_or(Refusal::UnknownAgent(id))?;
        agent.duty = spans;
        self.follow_duty(id, out);
        Ok(())
    }

    /// Brings the agent's duty up to date, and waits for its next change.
    pub(super) fn follow_duty(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        #[cfg(test)]
        if self.has(Fault::ForgottenDuty) {
            return;
        }
        self.unfree(id);
        let now = self.now;
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if let Some(at) = agent.duty_at.take() {
            self.timers.remove(&(at, Timer::Duty(id)));
        }
        let spans = agent.duty.iter().flatten();
        let is_on = agent.duty.is_none() || spans.clone().any(|(from, to)| (*from..*to).contains(&now));
        let ended = spans.clone().map(|(_, to)| *to).filter(|to| *to <= now).max();
        if is_on != agent.off_since.is_none() {
            out.push(Effect::DutyChanged { agent: id, is_on });
        }
        agent.off_since = (!is_on).then(|| ended.unwrap_or(Timestamp(i64::MIN)));
        agent.duty_at = spans.flat_map(|(from, to)| [*from, *to]).filter(|at| *at > now).min();
        if let Some(at) = agent.duty_at {
            self.timers.insert((at, Timer::Duty(id)));
        }
        self.look_again(id, out);
    }

    // --- load -------------------------------------------------------------------------------------------------

    /// Takes a conversation off an agent's desk, without looking for a new one for them.
    pub(super) fn release(&mut self, conversation: ConversationId, id: AgentId) {
        self.unfree(id);
        self.unload(conversation, id);
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.serving.remove(&conversation);
            agent.idle_since = self.now;
        }
    }

    /// Puts a conversation on an agent's desk.
    pub(super) fn load(&mut self, conversation: ConversationId, id: AgentId) {
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        case.weight = if case.demand.is_exclusive { Weight::Exclusive } else { Weight::Text };
        let weight = case.weight;
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.serving.insert(conversation);
            agent.load += weight.halves();
            agent.exclusive += u32::from(weight == Weight::Exclusive);
        }
        if weight == Weight::Text {
            self.arm_silent(conversation, self.now + self.settings.idle_after);
        }
    }

    /// Its weight counts no more; the agent is not in the free sets.
    fn unload(&mut self, conversation: ConversationId, id: AgentId) {
        self.disarm_silent(conversation);
        let Some(case) = self.cases.get(&conversation) else { return };
        let weight = case.weight;
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.load -= weight.halves();
            agent.exclusive -= u32::from(weight == Weight::Exclusive);
        }
    }

    fn weigh(&mut self, conversation: ConversationId, weight: Weight, out: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        let Where::Serving { agent: id, .. } = case.place else { return };
        let before = std::mem::replace(&mut case.weight, weight);
        if before == weight {
            return;
        }
        self.unfree(id);
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.load = agent.load - before.halves() + weight.halves();
            agent.exclusive =
                agent.exclusive + u32::from(weight == Weight::Exclusive) - u32::from(before == Weight::Exclusive);
        }
        self.look_again(id, out);
        // Being handed on, it may need another agent than before.
        let open = self.cases.get(&conversation).map(|case| case.offers.clone()).unwrap_or_default();
        for offer in open {
            let asked = self.offers.get(&offer).map(|offer| offer.agent);
            if let Some(asked) = asked.filter(|asked| !self.could_be_offered(*asked, offer)) {
                self.end_offer(offer, OfferEnd::AgentUnavailable, out);
                self.wake(asked, out);
            }
        }
        self.seek(conversation, out);
    }

    /// Somebody wrote last at `at`.
    pub(super) fn spoken(
        &mut self,
        conversation: ConversationId,
        at: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        let Where::Serving { .. } = case.place else { return Err(Refusal::NotServing(conversation)) };
        if case.weight == Weight::Exclusive {
            return Ok(());
        }
        let silent_at = at + self.settings.idle_after;
        let may_be_idle = case.clock.answered_at.is_some() && !case.is_finished;
        self.disarm_silent(conversation);
        if silent_at <= self.now && may_be_idle {
            #[cfg(test)]
            if self.has(Fault::ForgottenWeight) {
                return Ok(());
            }
            self.weigh(conversation, Weight::Idle, out);
        } else {
            // Whoever is still owed an answer is not idle, however long it takes: looked at again later.
            let next = if silent_at > self.now { silent_at } else { self.now + self.settings.idle_after };
            self.arm_silent(conversation, next);
            self.weigh(conversation, Weight::Text, out);
        }
        Ok(())
    }

    pub(super) fn change_exclusive(
        &mut self,
        conversation: ConversationId,
        is_exclusive: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        let Where::Serving { .. } = case.place else { return Err(Refusal::NotServing(conversation)) };
        self.disarm_silent(conversation);
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.demand.is_exclusive = is_exclusive;
        }
        if is_exclusive {
            self.weigh(conversation, Weight::Exclusive, out);
        } else {
            self.arm_silent(conversation, self.now + self.settings.idle_after);
            self.weigh(conversation, Weight::Text, out);
        }
        Ok(())
    }

    pub(super) fn change_in_call(
        &mut self,
        id: AgentId,
        is_in_call: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let agent = self.agents.get(&id).ok_or(Refusal::UnknownAgent(id))?;
        if agent.is_in_call == is_in_call {
            return Ok(());
        }
        #[cfg(test)]
        if self.has(Fault::ForgottenCall) {
            return Ok(());
        }
        self.unfree(id);
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.is_in_call = is_in_call;
            // Whoever has spoken has not rested.
            agent.idle_since = now;
        }
        self.look_again(id, out);
        Ok(())
    }

    // --- who is free ------------------------------------------------------------------------------------------

    /// Could take an offer, if on duty.
    pub(super) fn has_room(&self, agent: &Agent) -> bool {
        agent.can_be_asked() && agent.offer.is_none() && agent.has_place(self.settings.beyond_capacity)
    }

    pub(super) fn unfree(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(free) = agent.free_as.take() else { return };
        for (team, level) in &agent.profile.teams {
            let ability = Ability { skills: agent.profile.skills, level: (*level).max(1) };
            let team = &mut self.teams[usize::from(team.0)];
            match free {
                Free::OnDuty(load, since) => take_out(&mut team.free, &ability, &(load, since, id)),
                Free::Drained(since) => {
                    team.drained.remove(&(Reverse(since), id));
                }
            }
        }
    }

    fn set_free(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let free = agent.off_since.map_or(Free::OnDuty(agent.load, agent.idle_since), Free::Drained);
        agent.free_as = Some(free);
        for (team, level) in &agent.profile.teams {
            let ability = Ability { skills: agent.profile.skills, level: (*level).max(1) };
            let team = &mut self.teams[usize::from(team.0)];
            match free {
                Free::OnDuty(load, since) => put(&mut team.free, ability, (load, since, id)),
                Free::Drained(since) => {
                    team.drained.insert((Reverse(since), id));
                }
            }
        }
    }

    /// Brings the free sets up to date and, if the agent can take one, offers the one who is first in line; after them,
    /// because they are served meanwhile, those whom colleagues want to hand on to the agent by name.
    pub(super) fn wake(&mut self, id: AgentId, out: &mut Vec<Effect>) {
        self.unfree(id);
        let Some(agent) = self.agents.get(&id) else { return };
        let has_room = self.has_room(agent);
        if let Some(conversation) = has_room.then(|| self.first_for(id, agent)).flatten() {
            self.offer(conversation, id, out);
            // It may be one that several look at.
            self.seek(conversation, out);
        } else if agent.can_be_asked() && agent.offer.is_none() && !agent.wanted.is_empty() {
            let next = self.agents.get_mut(&id).and_then(|agent| agent.wanted.pop_front());
            if let Some(conversation) = next {
                self.offer(conversation, id, out);
            }
        } else if has_room {
            self.set_free(id);
        }
    }

    /// The first in line of everybody whom the agent may be asked for.
    fn first_for(&self, id: AgentId, agent: &Agent) -> Option<ConversationId> {
        let mut best: Option<Key> = None;
        for (team, level) in &agent.profile.teams {
            let can = Ability { skills: agent.profile.skills, level: (*level).max(1) };
            for (Need { ability, is_exclusive }, open) in &self.teams[usize::from(team.0)].open {
                if !can.covers(*ability) || (*is_exclusive && !agent.serving.is_empty()) {
                    continue;
                }
                let found = self.first_willing(id, agent, open);
                if let Some(key) = found.filter(|key| best.is_none_or(|other| self.is_before(*key, other))) {
                    best = Some(key);
                }
            }
        }
        best.map(|(_, _, conversation)| conversation)
    }

    fn is_before(&self, key: Key, other: Key) -> bool {
        #[cfg(test)]
        if self.has(Fault::NewestFirst) {
            return key > other;
        }
        key < other
    }

    fn first_willing(&self, id: AgentId, agent: &Agent, open: &BTreeSet<Key>) -> Option<Key> {
        let willing = |key: &&Key| {
            self.cases.get(&key.2).is_some_and(|case| !case.declined.contains(&id) && agent.is_due_to(case))
        };
        #[cfg(test)]
        if self.has(Fault::NewestFirst) {
            return open.iter().rev().find(willing).copied();
        }
        let Some(since) = agent.off_since else { return open.iter().find(willing).copied() };
        // Off duty they look, in each rank, no further than at those whose promise may have begun before.
        let end = since + self.longest_promise;
        let first = |rank| (rank, Timestamp(i64::MIN), ConversationId::new(0));
        let near = |rank| open.range(first(rank)..(rank, end, ConversationId::new(0)));
        (0..2 * SECOND_LOOK).flat_map(near).find(willing).copied()
    }
}
