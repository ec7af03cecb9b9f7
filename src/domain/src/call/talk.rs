//! One call: who is there, who comes and goes, and what follows from it for the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    hunt::Hunt,
    io::{About, Ear, Effect, Kept, LegId, Party, Plan, Refusal, Settings},
    leg::{self, Errand, Leg, Legs, Link, Place, Present, Ringing, Scene, Voice},
    rows::{AttemptRow, CallRow, LegRow, RequestRow, Row},
    vocabulary::{CallEnd, CallPart, Cause, DeclineReason, Goal, LegEnd, Prompt, RequestEnd, Sound},
};
use crate::{AgentId, CallId, ConversationId, Timestamp};

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Who had it placed, then the citizen, is being rung.
    Placing,
    /// The caller is on the line.
    Open,
    /// Only the caller is, to be told or asked something last.
    Closing { until: Timestamp, because: CallEnd, asks_rating: bool },
}

/// Who leads the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Desk {
    /// Nobody, and nobody is to.
    Nobody,
    /// The router looks for somebody.
    Asked,
    /// They are being rung.
    Rung(u16),
    /// They are here.
    Here(u16),
}

/// 三方直转: whom the listening operator has heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Direct {
    caller: bool,
    professional: bool,
}

/// What a call needs to know beside itself.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a Settings,
    pub(super) out: &'a mut Vec<Effect>,
    /// Who speaks in other calls, or wraps a call up.
    pub(super) busy: &'a super::Busy,
    /// Operators who have left and are to wrap up.
    pub(super) leaving: Vec<AgentId>,
    /// Operators who have come back.
    pub(super) returning: Vec<AgentId>,
    #[cfg(test)]
    pub(super) fault: Option<super::Fault>,
}

impl Around<'_> {
    pub(super) fn is_busy(&self, agent: AgentId, call: CallId) -> bool {
        #[cfg(test)]
        if self.fault == Some(super::Fault::RingsBusy) {
            return false;
        }
        self.busy.is_busy(agent, call)
    }

    #[cfg(test)]
    pub(super) fn has(&self, fault: super::Fault) -> bool {
        self.fault == Some(fault)
    }
}

#[derive(Debug)]
pub(super) struct Talk {
    pub(super) row: CallRow,
    pub(super) phase: Phase,
    pub(super) ringing: BTreeMap<u16, Ringing>,
    pub(super) legs: Legs,
    /// Legs made so far.
    made: u16,
    pub(super) desk: Desk,
    /// All who have led it.
    pub(super) operators: BTreeSet<AgentId>,
    /// The last of them.
    last_operator: Option<AgentId>,
    /// No operator will come at this hour.
    are_operators_closed: bool,
    pub(super) hunt: Option<Hunt>,
    pub(super) requests: u32,
    /// Call-backs that are owed, with their requests.
    owed: Vec<(Option<u32>, Option<About>)>,
    pub(super) direct: Option<Direct>,
    /// When the caller was left with a professional.
    pub(super) left_at: Option<Timestamp>,
    /// As it was told last.
    pub(super) mix: Vec<Ear>,
    is_in_call: bool,
    /// It is then taken away.
    pub(super) is_ended: bool,
}

impl Talk {
    fn new(row: CallRow, phase: Phase) -> Self {
        Self {
            row,
            phase,
            ringing: BTreeMap::new(),
            legs: BTreeMap::new(),
            made: 0,
            desk: Desk::Nobody,
            operators: BTreeSet::new(),
            last_operator: None,
            are_operators_closed: false,
            hunt: None,
            requests: 0,
            owed: Vec::new(),
            direct: None,
            left_at: None,
            mix: Vec::new(),
            is_in_call: false,
            is_ended: false,
        }
    }

    /// A caller is there.
    pub(super) fn arrived(row: CallRow, direct: Option<Plan>, around: &mut Around<'_>) -> Result<Self, Refusal> {
        let mut talk = Self::new(row, Phase::Open);
        around.out.push(Effect::Save(Row::Call(talk.row.clone())));
        let no = talk.next_no();
        around.out.push(Effect::Accept(talk.leg_id(no)));
        talk.stand(no, CallPart::Caller, None, around);
        talk.play_to_caller(Prompt::Recorded, around.out);
        talk.ask_operator(false, None, around.out);
        if let Some(plan) = direct {
            talk.request(None, plan, Goal::Direct, around)?;
            talk.direct = Some(Direct::default());
        }
        Ok(talk)
    }

    /// A member of staff has a citizen rung.
    pub(super) fn placed(row: CallRow, by: AgentId, around: &mut Around<'_>) -> Self {
        let mut talk = Self::new(row, Phase::Placing);
        around.out.push(Effect::Save(Row::Call(talk.row.clone())));
        talk.ring_operator(by, Errand::Operator { is_asked: false }, around);
        talk
    }

    // --- legs -------------------------------------------------------------------------------------------------

    pub(super) fn next_no(&mut self) -> u16 {
        self.made += 1;
        self.made
    }

    pub(super) const fn leg_id(&self, no: u16) -> LegId {
        LegId { call: self.row.call, no }
    }

    pub(super) fn caller(&self) -> Option<u16> {
        self.legs.iter().find(|(_, leg)| leg.part() == CallPart::Caller).map(|(no, _)| *no)
    }

    /// The leg of whoever leads the call.
    pub(super) const fn operator(&self) -> Option<u16> {
        match self.desk {
            Desk::Here(no) => Some(no),
            Desk::Nobody | Desk::Asked | Desk::Rung(_) => None,
        }
    }

    /// Members of staff who are here or being rung.
    pub(super) fn agents(&self) -> impl Iterator<Item = AgentId> {
        let here = self.legs.values().filter_map(|leg| leg.row.party.as_ref());
        let rung = self.ringing.values().filter_map(|one| one.attempt.party.as_ref());
        here.chain(rung).filter_map(Party::agent)
    }

    pub(super) fn has_agent(&self, agent: AgentId) -> bool {
        self.agents().any(|one| one == agent)
    }

    pub(super) fn leg_of(&self, agent: AgentId) -> Option<(u16, &Leg)> {
        let is_theirs = |leg: &Leg| leg.row.party.as_ref().and_then(Party::agent) == Some(agent);
        self.legs.iter().find(|(_, leg)| is_theirs(leg)).map(|(no, leg)| (*no, leg))
    }

    fn has_third(&self) -> bool {
        self.legs.values().any(Leg::is_third)
    }

    /// Somebody of the department is with the caller.
    fn has_third_in_bridge(&self) -> bool {
        self.legs.values().any(|leg| leg.is_third() && leg.place == Place::Bridge)
    }

    pub(super) fn put(&mut self, no: u16, place: Place) {
        if let Some(leg) = self.legs.get_mut(&no) {
            leg.place = place;
        }
    }

    pub(super) fn put_caller(&mut self, place: Place) {
        if let Some(no) = self.caller() {
            self.put(no, place);
        }
    }

    /// The operator has gone aside: the caller waits, unless somebody else talks with them.
    pub(super) fn hold_caller_if_alone(&mut self) {
        if !self.has_third_in_bridge() {
            self.put_caller(Place::Hold);
        }
    }

    /// Everybody talks with everybody.
    pub(super) fn join_all(&mut self) {
        for leg in self.legs.values_mut() {
            leg.place = Place::Bridge;
        }
    }

    pub(super) fn play_to_caller(&self, prompt: Prompt, out: &mut Vec<Effect>) {
        if let Some(no) = self.caller() {
            out.push(Effect::Play { leg: self.leg_id(no), prompt });
        }
    }

    /// Those who are where somebody is hear that they have come, or go.
    pub(super) fn tone(&self, no: u16, prompt: Prompt, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get(&no) else { return };
        // Supervisors come and go unheard.
        if leg.part() == CallPart::Supervisor || leg.place == Place::Hold {
            return;
        }
        for (other, one) in &self.legs {
            let is_with_them = one.part() != CallPart::Supervisor && one.place == leg.place;
            if *other != no && is_with_them {
                out.push(Effect::Play { leg: one.row.leg, prompt });
            }
        }
    }

    /// Somebody is in the call from now on.
    fn stand(&mut self, no: u16, part: CallPart, party: Option<Party>, around: &mut Around<'_>) {
        let row = LegRow { leg: self.leg_id(no), part, party, joined_at: around.now, ended_at: None, because: None };
        around.out.push(Effect::Save(Row::Leg(row.clone())));
        self.legs.insert(no, Leg::new(row));
    }

    /// Somebody is not in the call any more.
    pub(super) fn remove(&mut self, no: u16, because: LegEnd, around: &mut Around<'_>) {
        self.tone(no, Prompt::LeaveTone, around.out);
        let Some(mut leg) = self.legs.remove(&no) else { return };
        match because {
            LegEnd::HungUp | LegEnd::NodeLost => {}
            // Their telephone may think that the call stands, even when nothing is heard of it.
            LegEnd::Released | LegEnd::Dropped | LegEnd::Lost => {
                #[cfg(test)]
                let is_forgotten = around.has(super::Fault::ForgottenLeg) && leg.part() == CallPart::Supervisor;
                #[cfg(not(test))]
                let is_forgotten = false;
                if !is_forgotten {
                    around.out.push(Effect::HangUp(leg.row.leg));
                }
            }
        }
        // What was for them alone is never suddenly for all.
        for other in self.legs.values_mut().filter(|other| other.voice == Voice::To(no)) {
            other.voice = Voice::Muted;
        }
        if self.desk == Desk::Here(no) {
            self.desk = Desk::Nobody;
            around.leaving.extend(leg.row.party.as_ref().and_then(Party::agent));
        }
        leg.row.ended_at = Some(around.now);
        leg.row.because = Some(because);
        around.out.push(Effect::Save(Row::Leg(leg.row)));
    }

    // --- ringing ----------------------------------------------------------------------------------------------

    pub(super) fn attempt(&mut self, part: CallPart, party: Option<Party>, now: Timestamp) -> AttemptRow {
        let no = self.next_no();
        AttemptRow {
            leg: self.leg_id(no),
            part,
            party,
            request: None,
            round: 1,
            rung_at: now,
            ringing_at: None,
            ended_at: None,
            cause: None,
            declined: None,
        }
    }

    pub(super) fn ring(&mut self, attempt: AttemptRow, errand: Errand, around: &mut Around<'_>) {
        let (now, settings) = (around.now, around.settings);
        around.out.push(Effect::Save(Row::Attempt(attempt.clone())));
        around.out.push(Effect::Ring { leg: attempt.leg, part: attempt.part, party: attempt.party.clone() });
        let silent_until = Some(now + settings.no_progress);
        let no = attempt.leg.no;
        self.ringing.insert(no, Ringing { attempt, errand, until: now + settings.ring, silent_until });
    }

    fn ring_operator(&mut self, agent: AgentId, errand: Errand, around: &mut Around<'_>) {
        let attempt = self.attempt(CallPart::Operator, Some(Party::Agent(agent)), around.now);
        self.desk = Desk::Rung(attempt.leg.no);
        self.ring(attempt, errand, around);
    }

    /// The one cause of an attempt.
    pub(super) fn decide(&self, mut attempt: AttemptRow, cause: Cause, around: &mut Around<'_>) {
        attempt.ended_at = Some(around.now);
        attempt.cause = Some(cause);
        #[cfg(test)]
        if around.has(super::Fault::TwoCauses) && cause == Cause::NoAnswer {
            around.out.push(Effect::Save(Row::Attempt(AttemptRow { cause: Some(Cause::Broken), ..attempt.clone() })));
        }
        around.out.push(Effect::Save(Row::Attempt(attempt)));
    }

    /// Rings somebody no more.
    pub(super) fn cancel(&mut self, no: u16, cause: Cause, around: &mut Around<'_>) {
        let Some(ringing) = self.ringing.remove(&no) else { return };
        #[cfg(test)]
        let is_forgotten = around.has(super::Fault::ForgottenLosers) && cause == Cause::Elsewhere;
        #[cfg(not(test))]
        let is_forgotten = false;
        if !is_forgotten {
            around.out.push(Effect::Cancel { leg: ringing.attempt.leg, because: cause });
        }
        self.decide(ringing.attempt, cause, around);
    }

    /// The other side is there, if only to say so.
    pub(super) fn hear_ringing(&mut self, no: u16, around: &mut Around<'_>) {
        let Some(ringing) = self.ringing.get_mut(&no) else { return };
        ringing.silent_until = None;
        if ringing.attempt.ringing_at.is_none() {
            ringing.attempt.ringing_at = Some(around.now);
            around.out.push(Effect::Save(Row::Attempt(ringing.attempt.clone())));
        }
    }

    pub(super) fn fail(&mut self, no: u16, cause: Cause, around: &mut Around<'_>) {
        let Some(ringing) = self.ringing.remove(&no) else { return };
        let (errand, party) = (ringing.errand, ringing.attempt.party.clone());
        self.decide(ringing.attempt, cause, around);
        self.after_failure(errand, party.as_ref().and_then(Party::agent), around);
    }

    /// They do not want to, and say why.
    pub(super) fn decline(&mut self, no: u16, why: DeclineReason, around: &mut Around<'_>) {
        if let Some(ringing) = self.ringing.get_mut(&no) {
            ringing.attempt.declined = Some(why);
        }
        self.fail(no, Cause::Declined, around);
    }

    /// Has rung for as long as it may.
    fn give_up(&mut self, no: u16, around: &mut Around<'_>) {
        let Some(ringing) = self.ringing.get(&no) else { return };
        let is_silent = ringing.silent_until.is_some_and(|at| at <= around.now);
        let cause = if is_silent { Cause::NoProgress } else { Cause::NoAnswer };
        let (errand, agent) = (ringing.errand, ringing.attempt.party.as_ref().and_then(Party::agent));
        self.cancel(no, cause, around);
        self.after_failure(errand, agent, around);
    }

    fn after_failure(&mut self, errand: Errand, agent: Option<AgentId>, around: &mut Around<'_>) {
        match errand {
            Errand::Caller => self.end(CallEnd::NotReached, around),
            Errand::Operator { is_asked } => {
                self.desk = Desk::Nobody;
                match self.phase {
                    Phase::Placing => self.end(CallEnd::NotReached, around),
                    Phase::Open if is_asked => self.ask_operator(true, agent, around.out),
                    Phase::Open | Phase::Closing { .. } => {}
                }
            }
            Errand::Return { .. } => self.desk = Desk::Nobody,
            Errand::Candidate | Errand::Supervisor(_) => {}
        }
    }

    pub(super) fn answer(&mut self, no: u16, around: &mut Around<'_>) {
        let Some(ringing) = self.ringing.remove(&no) else {
            // Answered and given up at the same moment.
            if !self.legs.contains_key(&no) {
                around.out.push(Effect::HangUp(self.leg_id(no)));
            }
            return;
        };
        let (errand, round) = (ringing.errand, ringing.attempt.round);
        let (part, party) = (ringing.attempt.part, ringing.attempt.party.clone());
        self.decide(ringing.attempt, Cause::Answered, around);
        self.stand(no, part, party, around);
        match errand {
            Errand::Caller => {
                self.phase = Phase::Open;
                self.play_to_caller(Prompt::Recorded, around.out);
            }
            Errand::Operator { .. } => self.seat_operator(no, around),
            Errand::Return { takes_back } => {
                if takes_back {
                    self.release_thirds(around);
                }
                self.seat_operator(no, around);
            }
            Errand::Candidate => self.reach(no, round, around),
            Errand::Supervisor(mode) => {
                let voice = leg::voice_of(mode, self.operator());
                self.set_voice(no, voice);
            }
        }
    }

    pub(super) fn set_voice(&mut self, no: u16, voice: Voice) {
        if let Some(leg) = self.legs.get_mut(&no) {
            leg.voice = voice;
        }
    }

    pub(super) fn release_thirds(&mut self, around: &mut Around<'_>) {
        let thirds: Vec<u16> = self.legs.iter().filter(|(_, leg)| leg.is_third()).map(|(no, _)| *no).collect();
        for no in thirds {
            self.remove(no, LegEnd::Released, around);
        }
    }

    /// Somebody leads the call from now on.
    pub(super) fn seat_operator(&mut self, no: u16, around: &mut Around<'_>) {
        self.desk = Desk::Here(no);
        let agent = self.legs.get(&no).and_then(|leg| leg.row.party.as_ref()?.agent());
        if let Some(agent) = agent {
            self.operators.insert(agent);
            self.last_operator = Some(agent);
            around.returning.push(agent);
            if self.row.operator.is_none() {
                self.row.operator = Some(agent);
                around.out.push(Effect::Save(Row::Call(self.row.clone())));
            }
        }
        self.left_at = None;
        if self.direct.is_some() {
            self.set_voice(no, Voice::Muted);
        }
        if let Some(hunt) = &mut self.hunt
            && hunt.goal == Goal::PutThrough
        {
            hunt.goal = Goal::Join;
        }
        if self.phase == Phase::Placing {
            let attempt = self.attempt(CallPart::Caller, None, around.now);
            self.ring(attempt, Errand::Caller, around);
        }
        self.tone(no, Prompt::JoinTone, around.out);
    }

    // --- operators --------------------------------------------------------------------------------------------

    fn ask_operator(&mut self, is_again: bool, missed_by: Option<AgentId>, out: &mut Vec<Effect>) {
        self.desk = Desk::Asked;
        let (call, team, is_first) = (self.row.call, self.row.team, self.row.is_first);
        out.push(Effect::AskOperator { call, team, is_first, is_again, missed_by });
    }

    pub(super) fn find_operator(&mut self, agent: AgentId, around: &mut Around<'_>) -> Result<(), Refusal> {
        if self.desk != Desk::Asked {
            return Err(Refusal::WrongState);
        }
        if self.has_agent(agent) || around.is_busy(agent, self.row.call) {
            return Err(Refusal::Busy(agent));
        }
        self.ring_operator(agent, Errand::Operator { is_asked: true }, around);
        Ok(())
    }

    pub(super) fn close_operators(&mut self) -> Result<(), Refusal> {
        if self.desk != Desk::Asked {
            return Err(Refusal::WrongState);
        }
        self.desk = Desk::Nobody;
        self.are_operators_closed = true;
        Ok(())
    }

    /// Nobody leads the call: whoever did last is rung, so that the caller is with somebody who knows the case.
    pub(super) fn ring_back(&mut self, around: &mut Around<'_>) {
        let Some(agent) = self.last_operator.filter(|_| self.desk == Desk::Nobody) else { return };
        if self.has_agent(agent) || around.is_busy(agent, self.row.call) {
            return;
        }
        self.play_to_caller(Prompt::OperatorComes, around.out);
        self.ring_operator(agent, Errand::Operator { is_asked: false }, around);
    }

    pub(super) fn return_operator(
        &mut self,
        agent: AgentId,
        takes_back: bool,
        around: &mut Around<'_>,
    ) -> Result<(), Refusal> {
        match self.desk {
            Desk::Rung(_) | Desk::Here(_) => return Err(Refusal::WrongState),
            Desk::Nobody | Desk::Asked => {}
        }
        if self.has_agent(agent) || around.is_busy(agent, self.row.call) {
            return Err(Refusal::Busy(agent));
        }
        self.stop_asking(around.out);
        if takes_back {
            self.stop_hunting(Cause::Cancelled, RequestEnd::Cancelled, around);
        }
        self.ring_operator(agent, Errand::Return { takes_back }, around);
        Ok(())
    }

    pub(super) fn stop_asking(&mut self, out: &mut Vec<Effect>) {
        if self.desk == Desk::Asked {
            self.desk = Desk::Nobody;
            out.push(Effect::StopAsking(self.row.call));
        }
    }

    /// The operator leaves the others talking, or the caller to be put through.
    pub(super) fn leave(&mut self, no: u16, how: LegEnd, around: &mut Around<'_>) -> Result<(), Refusal> {
        if !self.has_third() && self.hunt.is_none() {
            return Err(Refusal::NobodyElse);
        }
        self.remove(no, how, around);
        self.join_all();
        self.end_direct(false);
        self.convert_hunt();
        self.left_at = Some(around.now);
        Ok(())
    }

    /// Nobody leads the call: whoever is reached talks with the caller.
    fn convert_hunt(&mut self) {
        if let Some(hunt) = &mut self.hunt {
            match hunt.goal {
                Goal::Consult | Goal::Join => hunt.goal = Goal::PutThrough,
                Goal::PutThrough | Goal::Direct => {}
            }
        }
    }

    // --- requests ---------------------------------------------------------------------------------------------

    pub(super) fn request(
        &mut self,
        by: Option<AgentId>,
        plan: Plan,
        goal: Goal,
        around: &mut Around<'_>,
    ) -> Result<(), Refusal> {
        if self.hunt.is_some() {
            return Err(Refusal::Requesting);
        }
        if self.phase != Phase::Open || self.caller().is_none() {
            return Err(Refusal::WrongState);
        }
        let talkers = self.legs.values().filter(|leg| leg.part() != CallPart::Supervisor).count();
        let is_full = talkers >= around.settings.most_talkers || self.requests == around.settings.most_requests;
        if is_full || plan.candidates.len() > super::MAX_CANDIDATES {
            return Err(Refusal::TooMany);
        }
        self.requests += 1;
        if self.row.item.is_none() && plan.about.item.is_some() {
            self.row.item.clone_from(&plan.about.item);
            around.out.push(Effect::Save(Row::Call(self.row.clone())));
        }
        let row = RequestRow {
            call: self.row.call,
            number: self.requests,
            part: self.part_of_next(),
            by,
            about: plan.about.clone(),
            order: plan.order,
            candidates: u32::try_from(plan.candidates.len()).unwrap_or(u32::MAX),
            asked_at: around.now,
            answered_by: None,
            answered_round: None,
            ended_at: None,
            result: None,
        };
        around.out.push(Effect::Save(Row::Request(row.clone())));
        self.hunt = Some(Hunt::new(row, plan, goal));
        match (goal, self.operator()) {
            (Goal::PutThrough, Some(operator)) => self.leave(operator, LegEnd::Released, around),
            (Goal::Consult | Goal::Join | Goal::PutThrough | Goal::Direct, _) => Ok(()),
        }
    }

    pub(super) fn owe(&mut self, request: Option<u32>, about: Option<About>, around: &mut Around<'_>) {
        let due_at = around.now + around.settings.call_back_within;
        around.out.push(Effect::CallBackOwed { call: self.row.call, request, about: about.clone(), due_at });
        self.owed.push((request, about));
    }

    /// The same matter was reached after all.
    pub(super) fn settle_owed(&mut self, about: &About, out: &mut Vec<Effect>) {
        let call = self.row.call;
        self.owed.retain(|(request, owed)| match request {
            Some(request) if owed.as_ref() == Some(about) => {
                out.push(Effect::CallBackSettled { call, request: *request });
                false
            }
            Some(_) | None => true,
        });
    }

    // --- people go --------------------------------------------------------------------------------------------

    /// Somebody has hung up, or is lost. Only the caller's own going ends the call at once.
    pub(super) fn go(&mut self, no: u16, how: LegEnd, around: &mut Around<'_>) {
        if let Some(errand) = self.ringing.get(&no).map(|one| one.errand) {
            // Neither happens to who does not stand yet, but by a confused telephone.
            self.fail(no, if errand == Errand::Candidate { Cause::Declined } else { Cause::Broken }, around);
            return;
        }
        let Some(part) = self.legs.get(&no).map(Leg::part) else { return };
        match part {
            CallPart::Caller => self.caller_goes(no, how, around),
            CallPart::Operator => self.operator_goes(no, how, around),
            CallPart::Professional | CallPart::Guest => self.third_goes(no, how, around),
            CallPart::Supervisor => self.remove(no, how, around),
        }
    }

    fn caller_goes(&mut self, no: u16, how: LegEnd, around: &mut Around<'_>) {
        self.remove(no, how, around);
        let because = match (self.phase, how, self.row.answered_at) {
            (Phase::Closing { because, .. }, ..) => because,
            (Phase::Placing | Phase::Open, LegEnd::Lost, _) => CallEnd::CallerLost,
            (Phase::Placing | Phase::Open, _, Some(_)) => CallEnd::CallerHungUp,
            (Phase::Placing | Phase::Open, _, None) => CallEnd::Abandoned,
        };
        self.end(because, around);
    }

    fn operator_goes(&mut self, no: u16, how: LegEnd, around: &mut Around<'_>) {
        if self.phase == Phase::Placing {
            self.remove(no, how, around);
            self.end(CallEnd::NotReached, around);
            return;
        }
        if how == LegEnd::HungUp {
            // As every telephone does it: who hangs up in a consultation hands the caller over; who is alone with the
            // caller is done.
            if self.leave(no, how, around).is_err() {
                self.remove(no, how, around);
                self.close(CallEnd::Completed, around);
            }
            return;
        }
        self.remove(no, how, around);
        self.end_direct(false);
        self.convert_hunt();
    }

    fn third_goes(&mut self, no: u16, how: LegEnd, around: &mut Around<'_>) {
        self.remove(no, how, around);
        #[cfg(test)]
        if around.has(super::Fault::CallerDropped) && how == LegEnd::Lost {
            self.end(CallEnd::Completed, around);
            return;
        }
        self.end_direct(true);
        let is_alone = self.desk == Desk::Nobody && self.hunt.is_none() && !self.has_third_in_bridge();
        if self.phase != Phase::Open || !is_alone {
            return;
        }
        let soon = self.left_at.is_some_and(|at| around.now < at + around.settings.ring_back_within);
        if how == LegEnd::Lost || soon {
            self.ring_back(around);
        } else {
            self.close(CallEnd::Completed, around);
        }
    }

    /// Somebody was heard.
    pub(super) fn hear(&mut self, no: u16, around: &mut Around<'_>) {
        let Some(leg) = self.legs.get(&no).filter(|leg| leg.place == Place::Bridge) else { return };
        let part = leg.part();
        if !self.has_third_in_bridge() {
            return;
        }
        let Some(direct) = &mut self.direct else { return };
        match part {
            CallPart::Caller => direct.caller = true,
            CallPart::Professional => direct.professional = true,
            CallPart::Operator | CallPart::Guest | CallPart::Supervisor => {}
        }
        if direct.caller && direct.professional {
            self.end_direct(false);
            match self.desk {
                Desk::Nobody => {}
                Desk::Asked => self.stop_asking(around.out),
                Desk::Rung(operator) => {
                    self.desk = Desk::Nobody;
                    self.cancel(operator, Cause::Cancelled, around);
                }
                Desk::Here(operator) => self.remove(operator, LegEnd::Released, around),
            }
        }
    }

    // --- time -------------------------------------------------------------------------------------------------

    pub(super) fn next_deadline(&self, settings: &Settings) -> Timestamp {
        let ringing = self.ringing.values().map(Ringing::next_deadline);
        let away = self.legs.values().filter_map(|leg| match leg.link {
            Link::Here => None,
            Link::Away { until } => Some(until),
        });
        let closing = match self.phase {
            Phase::Placing | Phase::Open => None,
            Phase::Closing { until, .. } => Some(until),
        };
        let beside = self.hunt.as_ref().and_then(|hunt| hunt.beside_at);
        let all = ringing.chain(away).chain(closing).chain(beside);
        all.min().unwrap_or(self.longest(settings)).min(self.longest(settings))
    }

    fn longest(&self, settings: &Settings) -> Timestamp {
        self.row.began_at + settings.longest
    }

    /// What is due at `around.now`, which is [`Talk::next_deadline`]. (Whom to ring beside is seen by
    /// [`Talk::settle`].)
    pub(super) fn pass_time(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        if self.longest(around.settings) <= now {
            self.end(CallEnd::TooLong, around);
            return;
        }
        if let Phase::Closing { until, because, .. } = self.phase
            && until <= now
        {
            self.end(because, around);
            return;
        }
        let is_away = |leg: &Leg| matches!(leg.link, Link::Away { until } if until <= now);
        let away: Vec<u16> = self.legs.iter().filter(|(_, leg)| is_away(leg)).map(|(no, _)| *no).collect();
        for no in away {
            self.go(no, LegEnd::Lost, around);
        }
        let is_due = |one: &Ringing| one.next_deadline() <= now;
        let due: Vec<u16> = self.ringing.iter().filter(|(_, one)| is_due(one)).map(|(no, _)| *no).collect();
        for no in due {
            self.give_up(no, around);
        }
    }

    /// What follows from who is there now.
    pub(super) fn settle(&mut self, around: &mut Around<'_>) {
        if !self.is_ended {
            self.go_on_hunting(around);
            self.tidy();
            self.see_to_caller(around);
        }
        if !self.is_ended {
            self.tell_mix(around);
        }
        self.tell_in_call(around.out);
    }

    /// Nobody is left aside alone, and a caller without an operator is held by nobody.
    fn tidy(&mut self) {
        let Some(operator) = self.operator() else {
            self.put_caller(Place::Bridge);
            // They have not been put through: whoever leads the call next decides.
            for leg in self.legs.values_mut().filter(|leg| leg.place == Place::Aside) {
                leg.place = Place::Hold;
            }
            return;
        };
        let place_of = |no: u16| self.legs.get(&no).map(|leg| leg.place);
        let has_company = self.legs.iter().any(|(no, leg)| *no != operator && leg.place == Place::Aside);
        if place_of(operator) == Some(Place::Aside) && !has_company {
            self.put(operator, Place::Bridge);
            self.put_caller(Place::Bridge);
        }
    }

    /// Nobody is with the caller, and nobody comes: an operator does.
    fn see_to_caller(&mut self, around: &mut Around<'_>) {
        #[cfg(test)]
        if around.has(super::Fault::StrandedCaller) {
            return;
        }
        let is_waiting = self.phase == Phase::Open && self.caller().is_some();
        let is_alone = self.desk == Desk::Nobody && self.hunt.is_none() && !self.has_third_in_bridge();
        if !is_waiting || !is_alone {
            return;
        }
        if self.are_operators_closed {
            if self.owed.is_empty() {
                self.owe(None, None, around);
            }
            self.play_to_caller(Prompt::NoOperators, around.out);
            self.say_farewell(CallEnd::NoOperators, around.settings.farewell, false, around);
        } else {
            self.play_to_caller(Prompt::OperatorComes, around.out);
            self.ask_operator(true, None, around.out);
        }
    }

    fn tell_mix(&mut self, around: &mut Around<'_>) {
        let is_put_through = self.hunt.as_ref().is_some_and(|hunt| match hunt.goal {
            Goal::PutThrough | Goal::Direct => true,
            Goal::Consult | Goal::Join => false,
        });
        let (caller, operator) = match self.phase {
            Phase::Placing => (Sound::Silence, Sound::Ringback),
            Phase::Open if is_put_through => (Sound::Ringback, Sound::Silence),
            Phase::Open => (Sound::Music, Sound::Silence),
            Phase::Closing { .. } => (Sound::Silence, Sound::Silence),
        };
        let scene = Scene {
            caller,
            operator,
            #[cfg(test)]
            fault: around.fault,
        };
        let ears = leg::mix(&self.legs, scene);
        let hears_somebody = |ear: &Ear| Some(ear.leg.no) == self.caller() && !ear.hears.is_empty();
        if self.row.answered_at.is_none() && ears.iter().any(hears_somebody) {
            self.row.answered_at = Some(around.now);
            around.out.push(Effect::Save(Row::Call(self.row.clone())));
        }
        if ears != self.mix {
            self.mix.clone_from(&ears);
            around.out.push(Effect::MixChanged { call: self.row.call, ears });
        }
    }

    fn tell_in_call(&mut self, out: &mut Vec<Effect>) {
        let is_staff = |leg: &Leg| !matches!(leg.part(), CallPart::Caller | CallPart::Supervisor);
        let has_both = self.caller().is_some() && self.legs.values().any(is_staff);
        let Some(conversation) = self.row.conversation else { return };
        if has_both != self.is_in_call {
            self.is_in_call = has_both;
            out.push(Effect::InCallChanged { conversation, is_in_call: has_both });
        }
    }

    pub(super) fn join_conversation(
        &mut self,
        conversation: ConversationId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if self.row.conversation.is_some() {
            return Err(Refusal::WrongState);
        }
        self.row.conversation = Some(conversation);
        out.push(Effect::Save(Row::Call(self.row.clone())));
        Ok(())
    }

    // --- the end ----------------------------------------------------------------------------------------------

    fn release_all_but(&mut self, kept: Option<u16>, cause: Cause, around: &mut Around<'_>) {
        let result = if cause == Cause::CallerGone { RequestEnd::CallerGone } else { RequestEnd::Cancelled };
        self.stop_hunting(cause, result, around);
        self.stop_asking(around.out);
        let ringing: Vec<u16> = self.ringing.keys().copied().collect();
        for no in ringing {
            self.cancel(no, cause, around);
        }
        if matches!(self.desk, Desk::Rung(_)) {
            self.desk = Desk::Nobody;
        }
        self.direct = None;
        let legs: Vec<u16> = self.legs.keys().copied().filter(|no| Some(*no) != kept).collect();
        for no in legs {
            self.remove(no, LegEnd::Released, around);
        }
    }

    fn say_farewell(
        &mut self,
        because: CallEnd,
        span: crate::time::Millis,
        asks_rating: bool,
        around: &mut Around<'_>,
    ) {
        self.release_all_but(self.caller(), Cause::Cancelled, around);
        self.phase = Phase::Closing { until: around.now + span, because, asks_rating };
        self.put_caller(Place::Bridge);
    }

    /// The matter is done: the caller is asked how it was.
    pub(super) fn close(&mut self, because: CallEnd, around: &mut Around<'_>) {
        let is_here = self.caller().and_then(|no| self.legs.get(&no)).is_some_and(|leg| leg.link == Link::Here);
        if is_here && self.row.answered_at.is_some() {
            self.say_farewell(because, around.settings.rating, true, around);
            self.play_to_caller(Prompt::Rate, around.out);
        } else {
            self.end(because, around);
        }
    }

    pub(super) fn press(&mut self, no: u16, digit: char, around: &mut Around<'_>) {
        let Phase::Closing { because, asks_rating: true, .. } = self.phase else { return };
        let stars =
            digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok()).filter(|stars| (1..=5).contains(stars));
        let (Some(stars), true) = (stars, self.caller() == Some(no)) else { return };
        self.row.stars = Some(stars);
        around.out.push(Effect::Save(Row::Call(self.row.clone())));
        around.out.push(Effect::Rated { call: self.row.call, stars });
        self.play_to_caller(Prompt::Thanks, around.out);
        self.phase = Phase::Closing { until: around.now + around.settings.farewell, because, asks_rating: false };
    }

    /// A last prompt is over. (A question waits for its answer.)
    pub(super) fn end_prompt(&mut self, no: u16, around: &mut Around<'_>) {
        if let Phase::Closing { because, asks_rating: false, .. } = self.phase
            && self.caller() == Some(no)
        {
            self.end(because, around);
        }
    }

    pub(super) fn end(&mut self, because: CallEnd, around: &mut Around<'_>) {
        let cause = match because {
            CallEnd::Abandoned | CallEnd::CallerHungUp | CallEnd::CallerLost => Cause::CallerGone,
            CallEnd::Completed
            | CallEnd::NotReached
            | CallEnd::NoOperators
            | CallEnd::EndedBySupervisor
            | CallEnd::TooLong
            | CallEnd::NodeLost => Cause::Cancelled,
        };
        self.release_all_but(None, cause, around);
        self.row.ended_at = Some(around.now);
        self.row.because = Some(because);
        around.out.push(Effect::Save(Row::Call(self.row.clone())));
        around.out.push(Effect::Ended { call: self.row.call, because, at: around.now });
        self.is_ended = true;
    }

    // --- what others may know ---------------------------------------------------------------------------------

    pub(super) fn present(&self) -> impl Iterator<Item = Present> {
        self.legs.values().map(|leg| Present::new(leg, &self.legs))
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            call: self.row.clone(),
            requests: self.hunt.iter().map(|hunt| hunt.row.clone()).collect(),
            attempts: self.ringing.values().map(|one| one.attempt.clone()).collect(),
            legs: self.legs.values().map(|leg| leg.row.clone()).collect(),
            is_asked: self.desk == Desk::Asked,
            is_closing: match self.phase {
                Phase::Placing | Phase::Open => None,
                Phase::Closing { because, .. } => Some(because),
            },
        }
    }

    #[cfg(debug_assertions)]
    pub(super) fn check_invariants(&self, settings: &Settings) {
        let call = self.row.call;
        let count = |part: CallPart| self.legs.values().filter(|leg| leg.part() == part).count();
        assert!(count(CallPart::Caller) <= 1, "{call}: two callers");
        assert_eq!(
            count(CallPart::Operator),
            usize::from(self.operator().is_some()),
            "{call}: who leads it sits there"
        );
        let is_operator = |no| self.legs.get(&no).is_some_and(|leg| leg.part() == CallPart::Operator);
        assert!(self.operator().is_none_or(is_operator), "{call}: who leads it is an operator");
        if let Desk::Rung(no) = self.desk {
            assert!(self.ringing.contains_key(&no), "{call}: an operator is waited for who is not rung");
        }
        let caller = self.caller().and_then(|no| self.legs.get(&no));
        assert!(caller.is_none_or(|leg| leg.place != Place::Aside), "{call}: the caller is aside");
        match self.phase {
            Phase::Placing => assert!(caller.is_none(), "{call}: the caller is there and still rung"),
            Phase::Open => assert!(caller.is_some(), "{call}: open without a caller"),
            Phase::Closing { .. } => {
                assert!(self.legs.len() == 1 && caller.is_some(), "{call}: not only the caller is left");
                assert!(self.ringing.is_empty() && self.hunt.is_none(), "{call}: somebody is rung at the end");
            }
        }
        let candidates = self.ringing.values().filter(|one| one.errand == Errand::Candidate).count();
        assert!(candidates == 0 || self.hunt.is_some(), "{call}: a candidate of no request");
        for leg in self.legs.values() {
            let Voice::To(no) = leg.voice else { continue };
            let to = self.legs.get(&no).map(Leg::part);
            assert!(to.is_some_and(|part| part != CallPart::Caller), "{call}: a whisper to {to:?}");
        }
        let supervisors = count(CallPart::Supervisor);
        assert!(supervisors <= settings.most_supervisors, "{call}: {supervisors} supervisors");
    }
}
