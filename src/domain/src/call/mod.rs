//! 三方通话 (rules 5 to 7): a caller, an operator of 12345 and a professional of the department on one line.
//!
//! ```text
//!            ┌──────────────── nobody reached, or whoever was is lost ───────────────┐
//!            ▼                                                                        │
//! Arrived ► waits ──an operator is found and answers──► talks ──request──► put through ► the caller and a professional
//!            │                                           ▲ │  ▲ │                       talk without the operator
//!            │                                  consult ─┘ │  └─┘ merge, swap, drop              │
//! Placed ► the operator, then the citizen is rung ─────────┘                                     │
//!            └── no operators at this hour ──► told, a call-back is owed ──► Ended ◄── rated ◄────┘
//! ```
//!
//! * A call has legs. Each is somewhere ([`Place`]): in the bridge with the caller, aside with the operator, or on hold; from
//!   this and from whom a voice is for follows who hears whom ([`Effect::MixChanged`]), and from nothing else.
//! * Whoever is rung is an attempt, and each attempt has exactly one final cause. A request for a professional rings its
//!   candidates until one answers or none is left; what the connect rate counts are requests ([`figures`]).
//! * Nobody's failure but the caller's own ends a call: when nobody is with the caller and nobody comes, whoever led the call
//!   is rung back, then the router is asked. Nobody is closed for waiting.
//! * A leg ends once: by an input that says so, or by [`Effect::Cancel`] or [`Effect::HangUp`], after which it is unknown
//!   here. An answer that crosses a cancel is hung up.
//! * A restart cannot keep sound. [`Calls::kept`] is what is needed to end a call truthfully on another node and to call
//!   back at once; wrap-ups go on.
//!
//! Deliberately absent: SIP, sockets, packets, the caller's number, names, the roster (candidates come with the request), the
//! operators' queue ([`Effect::AskOperator`] asks the router). For recording there will be one more effect.

pub mod figures;
mod hunt;
mod io;
mod leg;
mod people;
pub mod reach;
pub mod roster;
mod rows;
pub mod sound;
mod talk;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};

use crate::{AgentId, CallId, ConversationId, Timestamp};

pub use io::{
    About, Command, Ear, Effect, Input, Kept, LegId, MAX_CANDIDATES, MAX_DIGITS, Number, Party, Plan, Refusal, Settings,
};
use leg::Link;
pub use leg::{Place, Present};
pub use rows::{AttemptRow, CallRow, LegRow, RequestRow, Row, WrapUpRow};
use talk::{Around, Talk};
pub use vocabulary::{
    CallDeed, CallEnd, CallOrigin, CallPart, Cause, DeclineReason, Disposition, Failure, Goal, LegEnd, Order, Prompt,
    RequestEnd, Sound, Standing, Supervision, WrapUpEnd,
};

/// All calls of a node. See the module's documentation.
#[derive(Debug)]
pub struct Calls {
    settings: Settings,
    now: Timestamp,
    is_draining: bool,
    talks: BTreeMap<CallId, Talk>,
    by_conversation: BTreeMap<ConversationId, CallId>,
    busy: Busy,
    deadlines: BTreeSet<(Timestamp, CallId)>,
    /// What stands in `deadlines`.
    armed: BTreeMap<CallId, Timestamp>,
    #[cfg(test)]
    pub(crate) fault: Option<Fault>,
}

/// Who can be asked for nothing else.
#[derive(Debug, Default)]
struct Busy {
    /// In how many legs of calls; one, but for who is rung and calls at the same moment.
    legs: BTreeMap<AgentId, u32>,
    wrap_ups: BTreeMap<AgentId, WrapUpRow>,
}

impl Busy {
    /// Who wraps up this very call may come back to it.
    fn is_busy(&self, agent: AgentId, call: CallId) -> bool {
        self.legs.contains_key(&agent) || self.wrap_ups.get(&agent).is_some_and(|row| row.call != call)
    }

    fn add(&mut self, talk: &Talk) {
        for agent in talk.agents() {
            *self.legs.entry(agent).or_default() += 1;
        }
    }

    fn take(&mut self, talk: &Talk) {
        for agent in talk.agents() {
            if let Some(count) = self.legs.get_mut(&agent) {
                *count -= 1;
                if *count == 0 {
                    self.legs.remove(&agent);
                }
            }
        }
    }
}

/// Deliberate mistakes, by which the tests show that they would notice them.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The caller hears who talks aside with the operator.
    LeakyConsult,
    /// The caller hears what is whispered.
    LoudWhisper,
    /// Who is rung beside the one who answers goes on ringing.
    ForgottenLosers,
    /// An attempt is decided twice.
    TwoCauses,
    /// A professional who is lost takes the caller with them.
    CallerDropped,
    /// Nobody is asked for a caller whom nobody is with.
    StrandedCaller,
    /// A leg stands after the end of its call.
    ForgottenLeg,
    /// Who speaks in one call is rung for another.
    RingsBusy,
    /// Nobody looks at the clock of who is rung.
    ForgottenDeadline,
    /// The limit of calls is not looked at.
    NoLimit,
}

impl Calls {
    /// No calls.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            now: Timestamp(i64::MIN),
            is_draining: false,
            talks: BTreeMap::new(),
            by_conversation: BTreeMap::new(),
            busy: Busy::default(),
            deadlines: BTreeSet::new(),
            armed: BTreeMap::new(),
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
        // What was restored may be due already.
        self.pass_time(out);
        #[cfg(debug_assertions)]
        self.check_invariants();
        result
    }

    /// When [`Calls::handle`] has to be called at the latest; `None`: never without an input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let wrap_up = self.busy.wrap_ups.values().map(|row| row.until).min();
        self.deadlines.first().map(|(at, _)| *at).into_iter().chain(wrap_up).min()
    }

    fn pass_time(&mut self, out: &mut Vec<Effect>) {
        while let Some(at) = self.next_deadline().filter(|at| *at <= self.now) {
            let due = self.busy.wrap_ups.iter().find(|(_, row)| row.until == at).map(|(agent, _)| *agent);
            if let Some(agent) = due {
                self.end_wrap_up(agent, WrapUpEnd::TimedOut, (at, None), out);
            } else if let Some((_, call)) = self.deadlines.first().copied() {
                // Each at its own instant, so that waking late changes nothing of what follows from it.
                self.within(at, call, out, |talk, around| {
                    talk.pass_time(around);
                    Ok(())
                })
                .ok();
            }
        }
    }

    fn take(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match input {
            Input::Tick => Ok(()),
            Input::Draining => {
                self.is_draining = true;
                Ok(())
            }
            Input::Arrived { call, origin, conversation, team, item, is_first, direct } => {
                self.check_new(call, conversation)?;
                if direct.as_ref().is_some_and(|plan| plan.candidates.len() > MAX_CANDIDATES) {
                    return Err(Refusal::TooMany);
                }
                let row = self.new_row((call, origin), conversation, team, (item, is_first));
                self.begin(out, |around| Talk::arrived(row, direct, around))
            }
            Input::Placed { call, origin, conversation, team, item, by } => {
                self.check_new(call, conversation)?;
                if self.busy.is_busy(by, call) {
                    return Err(Refusal::Busy(by));
                }
                let row = self.new_row((call, origin), conversation, team, (item, false));
                self.begin(out, |around| Ok(Talk::placed(row, by, around)))
            }
            Input::OperatorFound { call, agent } => {
                self.within(self.now, call, out, |talk, around| talk.find_operator(agent, around))
            }
            Input::OperatorsClosed { call } => self.within(self.now, call, out, |talk, _| talk.close_operators()),
            Input::ConversationKnown { call, conversation } => {
                if let Some(other) = self.by_conversation.get(&conversation) {
                    return Err(Refusal::HasOne(*other));
                }
                self.within(self.now, call, out, |talk, around| talk.join_conversation(conversation, around.out))
            }
            Input::Ringing(leg) => self.of_leg(leg, out, |talk, around| talk.hear_ringing(leg.no, around)),
            Input::Answered(leg) if !self.talks.contains_key(&leg.call) => {
                out.push(Effect::HangUp(leg));
                Ok(())
            }
            Input::Answered(leg) => self.of_leg(leg, out, |talk, around| talk.answer(leg.no, around)),
            Input::Failed(leg, failure) => {
                self.of_leg(leg, out, |talk, around| talk.fail(leg.no, failure.cause(), around))
            }
            Input::Declined(leg, why) => self.of_leg(leg, out, |talk, around| talk.decline(leg.no, why, around)),
            Input::HungUp(leg) => self.of_leg(leg, out, |talk, around| talk.go(leg.no, LegEnd::HungUp, around)),
            Input::MediaLost(leg) => self.of_leg(leg, out, |talk, around| talk.go(leg.no, LegEnd::Lost, around)),
            Input::ConnectionLost(leg) => self.of_leg(leg, out, |talk, around| {
                let until = around.now + around.settings.resume;
                if let Some(one) = talk.legs.get_mut(&leg.no).filter(|one| one.link == Link::Here) {
                    one.link = Link::Away { until };
                }
            }),
            Input::Reattached(leg) => self.of_leg(leg, out, |talk, _| {
                if let Some(one) = talk.legs.get_mut(&leg.no) {
                    one.link = Link::Here;
                }
            }),
            Input::PeerHeld(leg, is_held) => self.of_leg(leg, out, |talk, _| {
                if let Some(one) = talk.legs.get_mut(&leg.no) {
                    one.is_held_by_peer = is_held;
                }
            }),
            Input::Digit(leg, digit) => self.of_leg(leg, out, |talk, around| talk.press(leg.no, digit, around)),
            Input::Heard(leg) => self.of_leg(leg, out, |talk, around| talk.hear(leg.no, around)),
            Input::PromptEnded(leg) => self.of_leg(leg, out, |talk, around| talk.end_prompt(leg.no, around)),
            Input::Referred { leg, plan } => {
                self.within(self.now, leg.call, out, |talk, around| talk.refer(leg, plan, around))
            }
            Input::RegistrationGone(agent) => {
                self.unregister(agent, out);
                Ok(())
            }
            Input::Commanded { call, by, supervises, command } => {
                self.within(self.now, call, out, |talk, around| talk.obey(by, supervises, command, around))
            }
            Input::WrappedUp { call, by, disposition } => {
                self.busy.wrap_ups.get(&by).filter(|row| row.call == call).ok_or(Refusal::NoWrapUp)?;
                self.end_wrap_up(by, WrapUpEnd::Done, (self.now, Some(disposition)), out);
                Ok(())
            }
            Input::Restored(kept) => self.restore(kept, out),
            Input::WrapUpRestored(row) => {
                self.busy.wrap_ups.insert(row.agent, row);
                Ok(())
            }
        }
    }

    fn new_row(
        &self,
        (call, origin): (CallId, CallOrigin),
        conversation: Option<ConversationId>,
        team: crate::TeamId,
        (item, is_first): (Option<String>, bool),
    ) -> CallRow {
        CallRow {
            call,
            origin,
            conversation,
            team,
            item,
            is_first,
            began_at: self.now,
            answered_at: None,
            operator: None,
            stars: None,
            ended_at: None,
            because: None,
        }
    }

    fn check_new(&self, call: CallId, conversation: Option<ConversationId>) -> Result<(), Refusal> {
        if self.talks.contains_key(&call) {
            return Err(Refusal::KnownAlready(call));
        }
        if let Some(other) = conversation.and_then(|one| self.by_conversation.get(&one)) {
            return Err(Refusal::HasOne(*other));
        }
        if self.is_draining {
            return Err(Refusal::Draining);
        }
        if self.is_full() { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Are there as many calls as there may be ([`Settings::most_calls`])?
    #[must_use]
    pub fn is_full(&self) -> bool {
        let is_full = self.settings.most_calls.is_some_and(|most| self.talks.len() >= most);
        #[cfg(test)]
        let is_full = is_full && self.fault != Some(Fault::NoLimit);
        is_full
    }

    fn around<'a>(&'a self, now: Timestamp, out: &'a mut Vec<Effect>) -> Around<'a> {
        Around {
            now,
            settings: &self.settings,
            out,
            busy: &self.busy,
            leaving: Vec::new(),
            returning: Vec::new(),
            #[cfg(test)]
            fault: self.fault,
        }
    }

    fn begin(
        &mut self,
        out: &mut Vec<Effect>,
        make: impl FnOnce(&mut Around<'_>) -> Result<Talk, Refusal>,
    ) -> Result<(), Refusal> {
        let mut around = self.around(self.now, out);
        let mut talk = make(&mut around)?;
        talk.settle(&mut around);
        self.put(talk);
        Ok(())
    }

    fn put(&mut self, talk: Talk) {
        let call = talk.row.call;
        if let Some(conversation) = talk.row.conversation {
            self.by_conversation.insert(conversation, call);
        }
        self.busy.add(&talk);
        self.talks.insert(call, talk);
        self.arm(call);
    }

    /// Late news of a leg that is not known any more changes nothing.
    fn of_leg(
        &mut self,
        leg: LegId,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut Talk, &mut Around<'_>),
    ) -> Result<(), Refusal> {
        let step = |talk: &mut Talk, around: &mut Around<'_>| {
            step(talk, around);
            Ok(())
        };
        self.within(self.now, leg.call, out, step).or(Ok(()))
    }

    /// One step of one call, and what follows from it for the others.
    fn within(
        &mut self,
        now: Timestamp,
        call: CallId,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut Talk, &mut Around<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Some(mut talk) = self.talks.remove(&call) else { return Err(Refusal::NotOpen(call)) };
        self.busy.take(&talk);
        let mut around = self.around(now, out);
        let result = step(&mut talk, &mut around);
        talk.settle(&mut around);
        let (leaving, returning) = (around.leaving, around.returning);
        for agent in returning {
            self.end_wrap_up(agent, WrapUpEnd::Returned, (now, None), out);
        }
        for agent in leaving {
            self.begin_wrap_up(call, agent, now, out);
        }
        if talk.is_ended {
            if let Some(conversation) = talk.row.conversation {
                self.by_conversation.remove(&conversation);
            }
            self.disarm(call);
        } else {
            self.put(talk);
        }
        result
    }

    fn arm(&mut self, call: CallId) {
        let Some(talk) = self.talks.get(&call) else { return };
        let at = talk.next_deadline(&self.settings);
        #[cfg(test)]
        let is_forgotten = self.fault == Some(Fault::ForgottenDeadline) && !talk.ringing.is_empty();
        #[cfg(not(test))]
        let is_forgotten = false;
        self.disarm(call);
        if !is_forgotten {
            self.deadlines.insert((at, call));
            self.armed.insert(call, at);
        }
    }

    fn disarm(&mut self, call: CallId) {
        if let Some(at) = self.armed.remove(&call) {
            self.deadlines.remove(&(at, call));
        }
    }

    fn unregister(&mut self, agent: AgentId, out: &mut Vec<Effect>) {
        let is_rung = |talk: &Talk| {
            let mut rung = talk.ringing.values().filter_map(|one| one.attempt.party.as_ref());
            rung.any(|party| party.agent() == Some(agent))
        };
        let calls: Vec<CallId> = self.talks.iter().filter(|(_, talk)| is_rung(talk)).map(|(call, _)| *call).collect();
        for call in calls {
            self.within(self.now, call, out, |talk, around| {
                let is_theirs = |one: &leg::Ringing| one.attempt.party.as_ref().and_then(Party::agent) == Some(agent);
                let found = talk.ringing.iter().find(|(_, one)| is_theirs(one)).map(|(no, _)| *no);
                if let Some(no) = found {
                    // Whatever way it was rung by has gone: there is nothing to cancel but what the shell still has.
                    around.out.push(Effect::Cancel { leg: talk.leg_id(no), because: Cause::Unreachable });
                    talk.fail(no, Cause::Unreachable, around);
                }
                Ok(())
            })
            .ok();
        }
    }

    // --- wrap-ups ---------------------------------------------------------------------------------------------

    fn begin_wrap_up(&mut self, call: CallId, agent: AgentId, now: Timestamp, out: &mut Vec<Effect>) {
        let row = WrapUpRow {
            call,
            agent,
            began_at: now,
            until: now + self.settings.wrap_up,
            ended_at: None,
            end: None,
            disposition: None,
        };
        out.push(Effect::Save(Row::WrapUp(row.clone())));
        self.busy.wrap_ups.insert(agent, row);
    }

    fn end_wrap_up(
        &mut self,
        agent: AgentId,
        end: WrapUpEnd,
        (at, disposition): (Timestamp, Option<Disposition>),
        out: &mut Vec<Effect>,
    ) {
        let Some(mut row) = self.busy.wrap_ups.remove(&agent) else { return };
        (row.ended_at, row.end, row.disposition) = (Some(at), Some(end), disposition);
        out.push(Effect::Save(Row::WrapUp(row)));
    }

    // --- another node, or a new start -------------------------------------------------------------------------

    /// The sound has gone with the node, so the call is over: everything that was open is ended truthfully, and whoever was
    /// on the line is called back at once.
    fn restore(&mut self, kept: Kept, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let Kept { call: mut row, requests, attempts, legs, is_asked, is_closing } = kept;
        if self.talks.contains_key(&row.call) {
            return Err(Refusal::KnownAlready(row.call));
        }
        let now = self.now;
        for mut attempt in attempts {
            (attempt.ended_at, attempt.cause) = (Some(now), Some(Cause::NodeLost));
            out.push(Effect::Save(Row::Attempt(attempt)));
        }
        for mut request in requests {
            (request.ended_at, request.result) = (Some(now), Some(RequestEnd::NodeLost));
            out.push(Effect::Save(Row::Request(request)));
        }
        let had_caller = legs.iter().any(|leg| leg.part == CallPart::Caller);
        for mut leg in legs {
            (leg.ended_at, leg.because) = (Some(now), Some(LegEnd::NodeLost));
            out.push(Effect::Save(Row::Leg(leg)));
        }
        let because = is_closing.unwrap_or(CallEnd::NodeLost);
        let (call, agent) = (row.call, row.operator);
        if is_asked {
            out.push(Effect::StopAsking(call));
        }
        (row.ended_at, row.because) = (Some(now), Some(because));
        out.push(Effect::Save(Row::Call(row)));
        out.push(Effect::Ended { call, because, at: now });
        if had_caller && is_closing.is_none() {
            out.push(Effect::CallBackNow { call, agent });
        }
        Ok(())
    }

    // --- what others may know ---------------------------------------------------------------------------------

    /// The call of a conversation.
    #[must_use]
    pub fn of(&self, conversation: ConversationId) -> Option<CallId> {
        self.by_conversation.get(&conversation).copied()
    }

    /// What its row says; `None`: it has ended, or never was.
    #[must_use]
    pub fn row(&self, call: CallId) -> Option<&CallRow> {
        self.talks.get(&call).map(|talk| &talk.row)
    }

    /// Who is in it.
    pub fn present(&self, call: CallId) -> impl Iterator<Item = Present> + '_ {
        self.talks.get(&call).into_iter().flat_map(Talk::present)
    }

    /// Who hears whom there.
    #[must_use]
    pub fn mix(&self, call: CallId) -> &[Ear] {
        self.talks.get(&call).map_or(&[], |talk| &talk.mix)
    }

    /// What its rows have to say.
    #[must_use]
    pub fn kept(&self, call: CallId) -> Option<Kept> {
        self.talks.get(&call).map(Talk::kept)
    }

    /// Speaks, is being rung, or wraps up?
    #[must_use]
    pub fn is_busy(&self, agent: AgentId) -> bool {
        self.busy.legs.contains_key(&agent) || self.busy.wrap_ups.contains_key(&agent)
    }

    /// Wrap-ups that are open.
    pub fn wrap_ups(&self) -> impl Iterator<Item = &WrapUpRow> {
        self.busy.wrap_ups.values()
    }

    /// All calls.
    pub fn calls(&self) -> impl ExactSizeIterator<Item = CallId> + '_ {
        self.talks.keys().copied()
    }

    #[cfg(debug_assertions)]
    fn check_invariants(&self) {
        assert!(self.next_deadline().is_none_or(|at| at > self.now), "the next deadline lies ahead");
        let mut legs = BTreeMap::<AgentId, u32>::new();
        for (call, talk) in &self.talks {
            assert!(
                talk.row.conversation.is_none_or(|one| self.by_conversation.get(&one) == Some(call)),
                "{call}: found"
            );
            talk.agents().for_each(|agent| *legs.entry(agent).or_default() += 1);
            talk.check_invariants(&self.settings);
        }
        assert_eq!(legs, self.busy.legs, "who is busy is counted");
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
