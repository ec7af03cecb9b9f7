//! Offers and transfers.

#[cfg(test)]
use super::Fault;
use super::{
    ASK_AGAIN, AgentId, AgentStatus, Arc, ConversationId, Effect, Link, Offer, OfferEnd, OfferId, Refusal, Router,
    Target, TeamId, Timer, Where,
};

impl Router {
    /// Asks an agent. Where the conversation stands open is the caller's matter.
    pub(super) fn offer(&mut self, conversation: ConversationId, to: AgentId, out: &mut Vec<Effect>) {
        self.unfree(to);
        self.offers_made += 1;
        let id = OfferId::new(u128::from(self.epoch) << 64 | u128::from(self.offers_made));
        let Some(case) = self.cases.get(&conversation) else { return };
        let (team, transfer_by) = match case.place {
            Where::Waiting => (case.team, None),
            Where::Serving { agent, transfer: Some(Target::Team(team)) } => (team, Some(agent)),
            Where::Serving { agent, .. } => (case.team, Some(agent)),
        };
        let is_first_and_known = transfer_by.is_none() && case.offers.is_empty() && case.demand.preferred == Some(to);
        let offer = match transfer_by {
            None => self.policy_for(team, &case.demand).offer,
            Some(_) => self.policy(team).offer,
        };
        let length = if is_first_and_known { offer.min(self.settings.preferred) } else { offer };
        let expires_at = self.now + length;
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.offers.push(id);
        }
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
        let others = self.cases.get_mut(&offer.conversation).map_or(0, |case| {
            case.offers.retain(|other| *other != id);
            case.offers.len()
        });
        let Offer { conversation, agent, .. } = offer;
        out.push(Effect::OfferEnded { offer: id, conversation, agent, reason, others });
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.offer = None;
        }
        match reason {
            // They are away or about to be put on a break, or must first be marked as having declined.
            OfferEnd::Missed | OfferEnd::AgentUnavailable | OfferEnd::Declined => {}
            OfferEnd::ConversationGone | OfferEnd::TransferCancelled | OfferEnd::Taken => self.wake(agent, out),
        }
        Some(offer)
    }

    /// All open offers of a conversation that is offered no more.
    pub(super) fn drop_offers(&mut self, conversation: ConversationId, reason: OfferEnd, out: &mut Vec<Effect>) {
        let open = self.cases.get(&conversation).map(|case| case.offers.clone()).unwrap_or_default();
        for offer in open {
            self.drop_offer(offer, reason, out);
        }
    }

    /// Ends an offer that its agent did not take, and looks on for the conversation.
    pub(super) fn end_offer(&mut self, id: OfferId, reason: OfferEnd, out: &mut Vec<Effect>) {
        let Some(offer) = self.drop_offer(id, reason, out) else { return };
        let Offer { conversation, .. } = offer;
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        let has_declined = reason == OfferEnd::Declined;
        match case.place {
            Where::Serving { agent, transfer: Some(Target::Agent(_)) } => {
                case.place = Where::Serving { agent, transfer: None };
                out.push(Effect::TransferEnded { conversation, by: agent, reason });
                return;
            }
            Where::Serving { transfer: None, .. } => return,
            Where::Waiting if !has_declined && case.rank != 0 => {
                // Through no fault of theirs: to the head.
                self.unstand(conversation);
                self.put_at_head(conversation);
            }
            Where::Waiting | Where::Serving { .. } => {}
        }
        if has_declined {
            if let Some(case) = self.cases.get_mut(&conversation) {
                case.declined.push(offer.agent);
            }
            self.arm_ask_again(conversation);
        }
        self.seek(conversation, out);
    }

    pub(super) fn arm_ask_again(&mut self, conversation: ConversationId) {
        let at = self.now + ASK_AGAIN;
        if let Some(case) = self.cases.get_mut(&conversation) {
            if let Some(old) = case.ask_again.replace(at) {
                self.timers.remove(&(old, Timer::AskAgain(conversation)));
            }
            self.timers.insert((at, Timer::AskAgain(conversation)));
        }
    }

    pub(super) fn ask_again(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        case.ask_again = None;
        case.declined.clear();
        if let Where::Serving { agent, .. } = case.place {
            case.declined.push(agent);
        }
        self.seek(conversation, out);
    }

    fn open_offer(&self, agent: AgentId, id: OfferId) -> Result<Offer, Refusal> {
        self.offers.get(&id).copied().filter(|offer| offer.agent == agent).ok_or(Refusal::OfferGone(id))
    }

    pub(super) fn accept(&mut self, agent: AgentId, id: OfferId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let offer = self.open_offer(agent, id)?;
        let conversation = offer.conversation;
        self.offers.remove(&id);
        self.timers.remove(&(offer.expires_at, Timer::Offer(id)));
        match offer.transfer_by {
            None => self.leave_line(conversation),
            Some(_) => self.unstand(conversation),
        }
        #[cfg(test)]
        if self.has(Fault::RestartedClock) && offer.transfer_by.is_some() {
            self.restart_clock(conversation);
        }
        if let Some(origin) = offer.transfer_by {
            self.release(conversation, origin);
        }
        let now = self.now;
        let Some(case) = self.cases.get_mut(&conversation) else { return Ok(()) };
        case.offers.retain(|other| *other != id);
        let handed_to = match case.place {
            Where::Serving { transfer: Some(Target::Team(team)), .. } => Some(team),
            Where::Waiting | Where::Serving { .. } => None,
        };
        case.place = Where::Serving { agent, transfer: None };
        case.declined.clear();
        let team = handed_to.unwrap_or(case.team);
        if let Some(at) = case.ask_again.take() {
            self.timers.remove(&(at, Timer::AskAgain(conversation)));
        }
        self.give_to(conversation, team);
        if let Some(taker) = self.agents.get_mut(&agent) {
            taker.offer = None;
            taker.idle_since = now;
        }
        self.load(conversation, agent);
        out.push(Effect::Assigned { offer: id, conversation, agent, team, transfer_by: offer.transfer_by });
        // Whoever was asked beside them is asked no more.
        #[cfg(test)]
        let is_taken = !self.has(Fault::SecondAccept);
        #[cfg(not(test))]
        let is_taken = true;
        if is_taken {
            self.drop_offers(conversation, OfferEnd::Taken, out);
        }
        if let Some(origin) = offer.transfer_by {
            self.wake(origin, out);
        }
        self.wake(agent, out);
        Ok(())
    }

    pub(super) fn decline(&mut self, agent: AgentId, id: OfferId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.open_offer(agent, id)?;
        self.end_offer(id, OfferEnd::Declined, out);
        self.wake(agent, out);
        Ok(())
    }

    pub(super) fn miss(&mut self, id: OfferId, out: &mut Vec<Effect>) {
        let Some(offer) = self.offers.get(&id).copied() else { return };
        let until = self.now + self.settings.missed_break;
        let Some(agent) = self.agents.get_mut(&offer.agent) else { return };
        if agent.link == Link::Connected {
            agent.break_until = Some(until);
            self.timers.insert((until, Timer::BreakEnd(offer.agent)));
            out.push(Effect::StatusChanged { agent: offer.agent, status: AgentStatus::Break, until: Some(until) });
            self.end_offer(id, OfferEnd::Missed, out);
            self.end_wanted(offer.agent, out);
        } else {
            self.end_offer(id, OfferEnd::AgentUnavailable, out);
        }
    }

    // --- transfers --------------------------------------------------------------------------------------------

    fn transfer_of(&self, conversation: ConversationId, by: AgentId) -> Result<Option<Target>, Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        match case.place {
            Where::Serving { agent, transfer } if agent == by => Ok(transfer),
            Where::Waiting | Where::Serving { .. } => Err(Refusal::NotServing(conversation)),
        }
    }

    pub(super) fn transfer(
        &mut self,
        conversation: ConversationId,
        by: AgentId,
        to: Target,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if self.transfer_of(conversation, by)?.is_some() {
            return Err(Refusal::WrongTransfer(conversation));
        }
        match to {
            Target::Agent(colleague) => {
                let other = self.agents.get(&colleague).ok_or(Refusal::UnknownAgent(colleague))?;
                if colleague == by || !other.can_be_asked() {
                    return Err(Refusal::CannotBeAsked(colleague));
                }
                let is_looking = other.offer.is_some();
                self.mark_transfer(conversation, by, to);
                if !is_looking {
                    self.offer(conversation, colleague, out);
                } else if let Some(other) = self.agents.get_mut(&colleague) {
                    // One offer at a time.
                    other.wanted.push_back(conversation);
                }
            }
            Target::Team(team) => {
                self.check_team(team)?;
                self.mark_transfer(conversation, by, to);
                if let Some(case) = self.cases.get_mut(&conversation) {
                    case.declined = vec![by];
                }
                self.seek(conversation, out);
            }
        }
        Ok(())
    }

    fn mark_transfer(&mut self, conversation: ConversationId, agent: AgentId, to: Target) {
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.place = Where::Serving { agent, transfer: Some(to) };
        }
    }

    // --- orders of supervisors --------------------------------------------------------------------------------

    pub(super) fn force(
        &mut self,
        conversation: ConversationId,
        to: AgentId,
        beyond: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let case = self.cases.get(&conversation).ok_or(Refusal::UnknownConversation(conversation))?;
        let from = match case.place {
            Where::Waiting => None,
            Where::Serving { agent, .. } => Some(agent),
        };
        let taker = self.agents.get(&to).ok_or(Refusal::UnknownAgent(to))?;
        if from == Some(to) || taker.link != Link::Connected || taker.status == AgentStatus::Offline {
            return Err(Refusal::CannotBeAsked(to));
        }
        let is_at_work = taker.status == AgentStatus::Online && taker.break_until.is_none();
        let has_place =
            taker.has_place(self.settings.beyond_capacity) && (!case.demand.is_exclusive || taker.serving.is_empty());
        #[cfg(test)]
        let beyond = beyond || self.has(Fault::ForcedWithoutReason);
        if !(beyond || is_at_work && has_place) {
            return Err(Refusal::Full(to));
        }
        self.offers_made += 1;
        let offer = OfferId::new(u128::from(self.epoch) << 64 | u128::from(self.offers_made));
        match from {
            None => self.leave_line(conversation),
            Some(from) => {
                self.stop_transfer(conversation, OfferEnd::TransferCancelled, out);
                self.release(conversation, from);
            }
        }
        self.unfree(to);
        let now = self.now;
        let Some(case) = self.cases.get_mut(&conversation) else { return Ok(()) };
        case.place = Where::Serving { agent: to, transfer: None };
        case.declined.clear();
        let team = case.team;
        if let Some(at) = case.ask_again.take() {
            self.timers.remove(&(at, Timer::AskAgain(conversation)));
        }
        if let Some(taker) = self.agents.get_mut(&to) {
            taker.idle_since = now;
        }
        self.load(conversation, to);
        out.push(Effect::Assigned { offer, conversation, agent: to, team, transfer_by: from });
        // Whoever was looking at it is asked no more.
        self.drop_offers(conversation, OfferEnd::Taken, out);
        if let Some(from) = from {
            self.wake(from, out);
        }
        self.look_again(to, out);
        Ok(())
    }

    /// It is another team's matter from now on, and that team's rings are asked.
    pub(super) fn give_to(&mut self, conversation: ConversationId, team: TeamId) {
        let rings = Arc::clone(&self.teams[usize::from(team.0)].rings);
        let Some(case) = self.cases.get_mut(&conversation).filter(|case| case.team != team) else { return };
        case.team = team;
        case.reached = rings.iter().take_while(|ring| case.clock.asked_at + ring.after <= self.now).count();
        case.rings = rings;
    }

    /// Ends a pending transfer, and says to whom it would have gone.
    pub(super) fn stop_transfer(
        &mut self,
        conversation: ConversationId,
        reason: OfferEnd,
        out: &mut Vec<Effect>,
    ) -> Option<Target> {
        self.unstand(conversation);
        let case = self.cases.get_mut(&conversation)?;
        let Where::Serving { agent, transfer: Some(to) } = case.place else { return None };
        case.place = Where::Serving { agent, transfer: None };
        if let Target::Agent(colleague) = to
            && let Some(colleague) = self.agents.get_mut(&colleague)
        {
            colleague.wanted.retain(|one| *one != conversation);
        }
        self.drop_offers(conversation, reason, out);
        Some(to)
    }

    /// Nobody can hand on to them any more: it stays with those who wanted to.
    pub(super) fn end_wanted(&mut self, colleague: AgentId, out: &mut Vec<Effect>) {
        let wanted = self.agents.get_mut(&colleague).map(|agent| std::mem::take(&mut agent.wanted));
        for conversation in wanted.into_iter().flatten() {
            let Some(case) = self.cases.get_mut(&conversation) else { continue };
            if let Where::Serving { agent: by, .. } = case.place {
                case.place = Where::Serving { agent: by, transfer: None };
                out.push(Effect::TransferEnded { conversation, by, reason: OfferEnd::AgentUnavailable });
            }
        }
    }

    pub(super) fn cancel_transfer(
        &mut self,
        conversation: ConversationId,
        by: AgentId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if self.transfer_of(conversation, by)?.is_none() {
            return Err(Refusal::WrongTransfer(conversation));
        }
        self.stop_transfer(conversation, OfferEnd::TransferCancelled, out);
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.declined.clear();
        }
        out.push(Effect::TransferEnded { conversation, by, reason: OfferEnd::TransferCancelled });
        Ok(())
    }
}
