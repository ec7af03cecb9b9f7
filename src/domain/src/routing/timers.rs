//! What the passing of time does.

use super::{AgentId, Case, ConversationId, Effect, Router, SlaStep, Timer, Timestamp, Where};
#[cfg(test)]
use super::{Fault, Terms};

impl Router {
    pub(super) fn pass_time(&mut self, out: &mut Vec<Effect>) {
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
                Timer::Widen(conversation) => self.widen(conversation, out),
                Timer::Silent(conversation) => self.ask_if_silent(conversation, out),
                Timer::Duty(agent) => self.follow_duty(agent, out),
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

    // --- the clock --------------------------------------------------------------------------------------------

    fn next_step(case: &Case) -> Option<(Timestamp, SlaStep)> {
        if !case.clock.is_running() {
            return None;
        }
        match case.clock.step {
            SlaStep::Running => Some((case.terms.warn_at, SlaStep::Warned)),
            SlaStep::Warned => Some((case.terms.alert_at, SlaStep::Alerted)),
            SlaStep::Alerted => Some((case.clock.due_at, SlaStep::Breached)),
            SlaStep::Breached => None,
        }
    }

    pub(super) fn arm_step(&mut self, conversation: ConversationId) {
        if let Some((at, _)) = self.cases.get(&conversation).and_then(Self::next_step) {
            self.timers.insert((at, Timer::Step(conversation)));
        }
    }

    pub(super) fn disarm_step(&mut self, conversation: ConversationId) {
        if let Some((at, _)) = self.cases.get(&conversation).and_then(Self::next_step) {
            self.timers.remove(&(at, Timer::Step(conversation)));
        }
    }

    fn step(&mut self, conversation: ConversationId, at: Timestamp, out: &mut Vec<Effect>) {
        let Some((_, step)) = self.cases.get(&conversation).and_then(Self::next_step) else { return };
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.clock.step = step;
        }
        out.push(Effect::Stepped { conversation, step, at });
        self.arm_step(conversation);
    }

    /// The mistake of [`Fault::RestartedClock`].
    #[cfg(test)]
    pub(super) fn restart_clock(&mut self, conversation: ConversationId) {
        self.disarm_step(conversation);
        let policy = self.settings.policy();
        if let Some(case) = self.cases.get_mut(&conversation).filter(|case| case.clock.is_running()) {
            case.clock = super::Clock::start(self.now, policy.breach);
            case.terms = Terms::of(&case.clock, policy);
        }
        self.arm_step(conversation);
    }

    // --- widening ---------------------------------------------------------------------------------------------

    /// When more agents may be asked than now. A ring that is due already is next.
    fn next_widening(&self, case: &Case) -> Option<Timestamp> {
        let ring = case.rings.get(case.reached).map(|ring| case.clock.asked_at + ring.after);
        let is_choosy = case.demand.needs != super::Ability::default();
        let needs = Some(case.terms.needs_until).filter(|at| is_choosy && *at > self.now);
        let parallel = Some(case.terms.parallel_at).filter(|at| case.terms.parallel > 1 && *at > self.now);
        let all = case.terms.all_at.filter(|at| *at > self.now);
        [ring, needs, parallel, all].into_iter().flatten().min()
    }

    pub(super) fn arm_widening(&mut self, conversation: ConversationId) {
        self.disarm_widening(conversation);
        let at = self.cases.get(&conversation).and_then(|case| self.next_widening(case));
        if let Some((at, case)) = at.zip(self.cases.get_mut(&conversation)) {
            case.widens_at = Some(at);
            self.timers.insert((at, Timer::Widen(conversation)));
        }
    }

    pub(super) fn disarm_widening(&mut self, conversation: ConversationId) {
        if let Some(at) = self.cases.get_mut(&conversation).and_then(|case| case.widens_at.take()) {
            self.timers.remove(&(at, Timer::Widen(conversation)));
        }
    }

    fn widen(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        let now = self.now;
        let Some(case) = self.cases.get_mut(&conversation) else { return };
        case.widens_at = None;
        let is_due = |case: &Case| {
            let next = case.rings.get(case.reached);
            next.is_some_and(|ring| case.clock.asked_at + ring.after <= now)
        };
        while is_due(case) {
            case.reached += 1;
            let ring = u8::try_from(case.reached).unwrap_or(u8::MAX);
            out.push(Effect::Widened { conversation, ring });
        }
        debug_assert!(case.place == Where::Waiting, "only who waits needs others");
        self.arm_widening(conversation);
        #[cfg(test)]
        if self.has(Fault::ForgottenRing) {
            return;
        }
        self.seek(conversation, out);
    }

    // --- silence ----------------------------------------------------------------------------------------------

    pub(super) fn arm_silent(&mut self, conversation: ConversationId, at: Timestamp) {
        self.disarm_silent(conversation);
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.silent_at = Some(at);
            self.timers.insert((at, Timer::Silent(conversation)));
        }
    }

    pub(super) fn disarm_silent(&mut self, conversation: ConversationId) {
        if let Some(at) = self.cases.get_mut(&conversation).and_then(|case| case.silent_at.take()) {
            self.timers.remove(&(at, Timer::Silent(conversation)));
        }
    }

    fn ask_if_silent(&mut self, conversation: ConversationId, out: &mut Vec<Effect>) {
        if let Some(case) = self.cases.get_mut(&conversation) {
            case.silent_at = None;
        }
        out.push(Effect::AskIfSilent { conversation });
    }
}
