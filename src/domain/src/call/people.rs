//! What people do in a call, and whether they may.

use super::{
    io::{Command, Effect, LegId, MAX_DIGITS, Party, Plan, Refusal},
    leg::{self, Errand, Leg, Place, Voice},
    talk::{Around, Desk, Phase, Talk},
    vocabulary::{CallDeed, CallEnd, CallPart, Cause, Goal, LegEnd, RequestEnd, Standing, Supervision},
};
use crate::AgentId;

impl Talk {
    /// As what somebody may do it.
    fn check(&self, by: AgentId, supervises: bool, deed: CallDeed) -> Result<Standing, Refusal> {
        let in_call = self.leg_of(by).map(|(_, leg)| match leg.part() {
            CallPart::Operator => Standing::Operator,
            CallPart::Professional => Standing::Professional,
            CallPart::Guest => Standing::Guest,
            // A caller's leg is no agent's.
            CallPart::Supervisor | CallPart::Caller => Standing::Supervisor,
        });
        let former = (in_call.is_none() && self.operators.contains(&by)).then_some(Standing::FormerOperator);
        // Whoever takes part is bound by their part.
        let watching = (in_call.is_none() && supervises).then_some(Standing::Supervisor);
        let standings: Vec<Standing> = in_call.into_iter().chain(former).chain(watching).collect();
        let first = standings.first().copied().ok_or(Refusal::NotYours)?;
        standings.into_iter().find(|one| one.allows(deed)).ok_or(Refusal::NotAllowed(first, deed))
    }

    pub(super) fn obey(
        &mut self,
        by: AgentId,
        supervises: bool,
        command: Command,
        around: &mut Around<'_>,
    ) -> Result<(), Refusal> {
        let own = self.leg_of(by).map(|(no, _)| no);
        let is_about_self = matches!(command, Command::Mute { leg, .. } if own == Some(leg.no));
        let standing = self.check(by, supervises, command.deed(is_about_self))?;
        if let Command::End = command {
            self.end_by(standing, around);
            return Ok(());
        }
        if self.phase != Phase::Open {
            return Err(Refusal::WrongState);
        }
        match (command, own) {
            (Command::Request { plan, goal, .. }, _) => self.ask(by, plan, goal, around),
            (Command::StopRequest, _) if self.hunt.is_none() => Err(Refusal::WrongState),
            (Command::StopRequest, _) => {
                self.stop_hunting(Cause::Cancelled, RequestEnd::Cancelled, around);
                self.end_direct(true);
                Ok(())
            }
            (Command::Merge, _) => self.merge(),
            (Command::Swap, _) => self.swap(),
            (Command::Leave, Some(own)) => self.leave(own, LegEnd::Released, around),
            (Command::Return { takes_back }, _) => self.return_operator(by, takes_back, around),
            (Command::Hold(leg), _) => {
                let leg = self.talker(leg)?;
                leg.place = Place::Hold;
                Ok(())
            }
            (Command::Resume(leg), _) => self.resume(leg),
            (Command::Mute { leg, is_muted }, own) => self.mute(leg, is_muted, own == Some(leg.no)),
            (Command::WhisperTo(to), Some(own)) => self.whisper(own, to),
            (Command::Drop(leg), _) => self.drop_third(leg, around),
            (Command::Dial { leg, digits }, _) => self.dial(leg, digits, around.out),
            (Command::OpenThread, _) if self.row.conversation.is_some() => Err(Refusal::WrongState),
            (Command::OpenThread, _) => {
                around.out.push(Effect::ThreadWanted { call: self.row.call, by });
                Ok(())
            }
            (Command::OpenWindow, _) => {
                around.out.push(Effect::WindowWanted { call: self.row.call, by });
                Ok(())
            }
            (Command::Supervise(mode), own) => self.supervise(by, own, mode, around),
            (Command::TakeOver, Some(own)) => {
                self.take_over(own, by, around);
                Ok(())
            }
            // Nobody takes over unheard: whoever does listens first.
            (Command::Leave | Command::WhisperTo(_) | Command::TakeOver | Command::End, _) => Err(Refusal::WrongState),
        }
    }

    fn end_by(&mut self, standing: Standing, around: &mut Around<'_>) {
        match (standing, self.phase) {
            (Standing::Supervisor, _) => self.end(CallEnd::EndedBySupervisor, around),
            (_, Phase::Placing) => self.end(CallEnd::NotReached, around),
            (_, Phase::Open | Phase::Closing { .. }) => self.close(CallEnd::Completed, around),
        }
    }

    fn ask(&mut self, by: AgentId, plan: Plan, goal: Goal, around: &mut Around<'_>) -> Result<(), Refusal> {
        match goal {
            Goal::Consult | Goal::Join | Goal::PutThrough => self.request(Some(by), plan, goal, around),
            Goal::Direct => Err(Refusal::WrongState),
        }
    }

    /// A telephone has asked for a transfer.
    pub(super) fn refer(&mut self, leg: LegId, plan: Plan, around: &mut Around<'_>) -> Result<(), Refusal> {
        let is_operator = self.operator() == Some(leg.no);
        let agent = self.legs.get(&leg.no).and_then(|one| one.row.party.as_ref()?.agent());
        match agent {
            Some(agent) if is_operator => self.ask(agent, plan, Goal::PutThrough, around),
            Some(_) | None => Err(Refusal::NotForLeg(leg)),
        }
    }

    /// Somebody who talks; supervisors do not.
    fn talker(&mut self, leg: LegId) -> Result<&mut Leg, Refusal> {
        let found = self.legs.get_mut(&leg.no).filter(|_| leg.call == self.row.call).ok_or(Refusal::NoLeg(leg))?;
        match found.part() {
            CallPart::Caller | CallPart::Operator | CallPart::Professional | CallPart::Guest => Ok(found),
            CallPart::Supervisor => Err(Refusal::NotForLeg(leg)),
        }
    }

    /// Third or fourth party.
    fn third(&mut self, leg: LegId) -> Result<&mut Leg, Refusal> {
        let found = self.talker(leg)?;
        if found.is_third() { Ok(found) } else { Err(Refusal::NotForLeg(leg)) }
    }

    fn merge(&mut self) -> Result<(), Refusal> {
        let is_apart = |leg: &Leg| leg.part() != CallPart::Supervisor && leg.place != Place::Bridge;
        if !self.legs.values().any(is_apart) {
            return Err(Refusal::WrongState);
        }
        self.join_all();
        Ok(())
    }

    fn swap(&mut self) -> Result<(), Refusal> {
        let operator = self.operator().ok_or(Refusal::WrongState)?;
        let is_aside = self.legs.get(&operator).is_some_and(|leg| leg.place == Place::Aside);
        let (from, to) = if is_aside { (Place::Aside, Place::Hold) } else { (Place::Hold, Place::Aside) };
        let mut others = self.legs.values_mut().filter(|leg| leg.is_third() && leg.place == from).peekable();
        if others.peek().is_none() {
            return Err(Refusal::WrongState);
        }
        others.for_each(|leg| leg.place = to);
        if is_aside {
            self.put(operator, Place::Bridge);
            self.put_caller(Place::Bridge);
        } else {
            self.put(operator, Place::Aside);
            self.hold_caller_if_alone();
        }
        Ok(())
    }

    fn resume(&mut self, leg: LegId) -> Result<(), Refusal> {
        let operator = self.operator().and_then(|no| Some((no, self.legs.get(&no)?.place)));
        let is_anybody_aside = self.legs.values().any(|one| one.place == Place::Aside);
        let found = self.talker(leg)?;
        if found.place != Place::Hold {
            return Err(Refusal::WrongState);
        }
        found.place = match (found.part(), operator) {
            // To whom? The operator goes to them by a swap, or merges.
            (CallPart::Caller, Some((_, Place::Aside))) => return Err(Refusal::WrongState),
            (CallPart::Operator, _) if is_anybody_aside => Place::Aside,
            (CallPart::Professional | CallPart::Guest, Some((_, Place::Aside))) => Place::Aside,
            _ => Place::Bridge,
        };
        Ok(())
    }

    fn mute(&mut self, leg: LegId, is_muted: bool, is_self: bool) -> Result<(), Refusal> {
        let found = self.talker(leg)?;
        found.voice = if is_muted { Voice::Muted } else { Voice::Open };
        // Who only listened to a direct line, and speaks now, stays.
        if is_self && !is_muted && self.operator() == Some(leg.no) {
            self.end_direct(false);
        }
        Ok(())
    }

    fn whisper(&mut self, own: u16, to: Option<LegId>) -> Result<(), Refusal> {
        let voice = match to {
            None => Voice::Open,
            Some(to) => {
                let found = self.legs.get(&to.no).filter(|_| to.call == self.row.call).ok_or(Refusal::NoLeg(to))?;
                if found.part() == CallPart::Caller || to.no == own {
                    return Err(Refusal::NotForLeg(to));
                }
                Voice::To(to.no)
            }
        };
        self.set_voice(own, voice);
        Ok(())
    }

    fn drop_third(&mut self, leg: LegId, around: &mut Around<'_>) -> Result<(), Refusal> {
        // The caller is never dropped: a call is ended. The operator leaves.
        self.third(leg)?;
        self.remove(leg.no, LegEnd::Dropped, around);
        self.end_direct(true);
        Ok(())
    }

    fn dial(&mut self, leg: LegId, digits: String, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.third(leg)?;
        let is_key = |key: u8| key.is_ascii_digit() || matches!(key, b'*' | b'#');
        if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(is_key) {
            return Err(Refusal::BadDigits);
        }
        out.push(Effect::Dial { leg, digits });
        Ok(())
    }

    fn supervise(
        &mut self,
        by: AgentId,
        own: Option<u16>,
        mode: Supervision,
        around: &mut Around<'_>,
    ) -> Result<(), Refusal> {
        if mode == Supervision::Whisper && self.operator().is_none() {
            return Err(Refusal::NobodyElse);
        }
        if let Some(own) = own {
            self.set_voice(own, leg::voice_of(mode, self.operator()));
            return Ok(());
        }
        if self.has_agent(by) || around.is_busy(by, self.row.call) {
            return Err(Refusal::Busy(by));
        }
        let here = self.legs.values().filter(|leg| leg.part() == CallPart::Supervisor).count();
        let rung = self.ringing.values().filter(|one| one.attempt.part == CallPart::Supervisor).count();
        if here + rung >= around.settings.most_supervisors {
            return Err(Refusal::TooMany);
        }
        let attempt = self.attempt(CallPart::Supervisor, Some(Party::Agent(by)), around.now);
        self.ring(attempt, Errand::Supervisor(mode), around);
        Ok(())
    }

    /// A supervisor leads the call from now on, where its operator was.
    fn take_over(&mut self, own: u16, by: AgentId, around: &mut Around<'_>) {
        let place = match self.desk {
            Desk::Nobody => Place::Bridge,
            Desk::Asked => {
                self.stop_asking(around.out);
                Place::Bridge
            }
            Desk::Rung(no) => {
                self.desk = Desk::Nobody;
                self.cancel(no, Cause::Cancelled, around);
                Place::Bridge
            }
            Desk::Here(no) => {
                let place = self.legs.get(&no).map_or(Place::Bridge, |leg| leg.place);
                self.remove(no, LegEnd::Dropped, around);
                place
            }
        };
        self.end_direct(false);
        if let Some(leg) = self.legs.get_mut(&own) {
            leg.row.part = CallPart::Operator;
            leg.place = place;
            leg.voice = Voice::Open;
            around.out.push(Effect::Save(super::rows::Row::Leg(leg.row.clone())));
        }
        debug_assert_eq!(self.leg_of(by).map(|(no, _)| no), Some(own), "the supervisor's own leg");
        self.seat_operator(own, around);
    }
}
