//! One window: who sits there, what they agreed to, what they show.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    browse::Browse,
    ink::{HINTS, INK, Ink, InkChange, Pace, Standing},
    io::{Code, Connection, Consent, Effect, Input, Kept, Person, Refusal, Settings, State},
    vocabulary::{CodeEndedBecause, Deed, EndedBecause, FieldKind, Medium, Origin, Purpose, Seat, UnseatedBecause},
};
use crate::{AgentId, CitizenId, ConversationId, ParticipantId, Timestamp, WindowId};

/// Is the page there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Here(Connection),
    /// Gone, perhaps only reloading; the seat is kept until then.
    Gone {
        until: Timestamp,
    },
}

#[derive(Debug)]
pub(super) struct Participant {
    pub(super) id: ParticipantId,
    pub(super) who: Person,
    pub(super) link: Link,
    pub(super) media: BTreeSet<Medium>,
    newest_stroke: u32,
    ink: Pace,
    hints: Pace,
}

impl Participant {
    const fn is_here(&self) -> bool {
        matches!(self.link, Link::Here(_))
    }
}

/// See [`State`]; with what only the rules need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Booked {
        at: Timestamp,
    },
    Asked {
        until: Timestamp,
    },
    Consented {
        until: Timestamp,
    },
    Live {
        since: Timestamp,
        /// Since when nobody is there on one side.
        alone_since: Option<Timestamp>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OpenCode {
    code: Code,
    until: Timestamp,
}

/// What a room needs to know beside itself.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a Settings,
    pub(super) out: &'a mut Vec<Effect>,
    /// Is there room for one more that is agreed upon?
    pub(super) has_room: bool,
    #[cfg(test)]
    pub(super) fault: Option<super::Fault>,
}

#[derive(Debug)]
pub(super) struct Room {
    id: WindowId,
    pub(super) conversation: ConversationId,
    origin: Origin,
    phase: Phase,
    /// Who may take it back before it is live.
    asked_by: Person,
    citizen: Option<CitizenId>,
    agent: AgentId,
    agent_agrees: bool,
    invited: Option<AgentId>,
    consents: BTreeMap<Purpose, Consent>,
    pub(super) seats: BTreeMap<Seat, Participant>,
    code: Option<OpenCode>,
    is_in_call: bool,
    picture: u32,
    is_frozen: bool,
    ink: Ink,
    browse: Option<Browse>,
    proposals_made: u32,
    snapshots: u32,
    /// It is then taken away.
    pub(super) is_ended: bool,
    /// A code that is good no more.
    pub(super) closed_code: Option<Code>,
}

impl Room {
    fn new(
        id: WindowId,
        (conversation, origin): (ConversationId, Origin),
        phase: Phase,
        asked_by: Person,
        (citizen, agent): (Option<CitizenId>, AgentId),
    ) -> Self {
        Self {
            id,
            conversation,
            origin,
            phase,
            asked_by,
            citizen,
            agent,
            agent_agrees: false,
            invited: None,
            consents: BTreeMap::new(),
            seats: BTreeMap::new(),
            code: None,
            is_in_call: false,
            picture: 0,
            is_frozen: false,
            ink: Ink::default(),
            browse: None,
            proposals_made: 0,
            snapshots: 0,
            is_ended: false,
            closed_code: None,
        }
    }

    pub(super) fn asked(
        id: WindowId,
        (conversation, origin): (ConversationId, Origin),
        by: Person,
        (citizen, agent): (Option<CitizenId>, AgentId),
        around: &mut Around<'_>,
    ) -> Result<Self, Refusal> {
        check_asker(by, citizen, agent)?;
        let phase = Phase::Asked { until: around.now + around.settings.answer };
        let mut room = Self::new(id, (conversation, origin), phase, by, (citizen, agent));
        room.tell_state(around.out);
        if by == Person::Staff(agent) {
            room.agree(around.out);
        }
        Ok(room)
    }

    pub(super) fn booked(
        id: WindowId,
        conversation: ConversationId,
        by: Person,
        (citizen, agent): (CitizenId, AgentId),
        at: Timestamp,
        around: &mut Around<'_>,
    ) -> Result<Self, Refusal> {
        check_asker(by, Some(citizen), agent)?;
        if at <= around.now {
            return Err(Refusal::TimePassed);
        }
        let phase = Phase::Booked { at };
        let room = Self::new(id, (conversation, Origin::Booking), phase, by, (Some(citizen), agent));
        room.tell_state(around.out);
        Ok(room)
    }

    pub(super) fn restored(id: WindowId, kept: Kept, around: &mut Around<'_>) -> Self {
        let until = around.now + around.settings.resume;
        let phase = match kept.state {
            State::Booked { at } => Phase::Booked { at },
            State::Asked { until } => Phase::Asked { until },
            // Nobody could come while there was no server.
            State::Consented { .. } => Phase::Consented { until: around.now + around.settings.come },
            State::Live { since } => Phase::Live { since, alone_since: Some(around.now) },
        };
        let seats =
            kept.seats.into_iter().map(|(seat, id, who)| (seat, Participant::new(id, who, Link::Gone { until })));
        Self {
            agent_agrees: kept.agent_agrees,
            invited: kept.invited,
            consents: kept.consents.into_iter().map(|consent| (consent.purpose, consent)).collect(),
            seats: seats.collect(),
            is_in_call: kept.is_in_call,
            snapshots: kept.snapshots,
            ..Self::new(id, (kept.conversation, kept.origin), phase, kept.asked_by, (kept.citizen, kept.agent))
        }
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            conversation: self.conversation,
            origin: self.origin,
            asked_by: self.asked_by,
            state: self.state(),
            citizen: self.citizen,
            agent: self.agent,
            agent_agrees: self.agent_agrees,
            invited: self.invited,
            consents: self.consents.values().cloned().collect(),
            seats: self.seats.iter().map(|(seat, one)| (*seat, one.id, one.who)).collect(),
            snapshots: self.snapshots,
            is_in_call: self.is_in_call,
        }
    }

    pub(super) const fn state(&self) -> State {
        match self.phase {
            Phase::Booked { at } => State::Booked { at },
            Phase::Asked { until } => State::Asked { until },
            Phase::Consented { until } => State::Consented { until },
            Phase::Live { since, .. } => State::Live { since },
        }
    }

    /// Agreed upon or live: it costs something.
    pub(super) const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Consented { .. } | Phase::Live { .. })
    }

    pub(super) fn strokes(&self) -> impl Iterator<Item = &Standing> {
        self.ink.strokes()
    }

    pub(super) const fn picture(&self) -> (u32, bool) {
        (self.picture, self.is_frozen)
    }

    pub(super) fn browse(&self) -> Option<&super::FormContext> {
        self.browse.as_ref().map(Browse::context)
    }

    #[cfg(debug_assertions)]
    pub(super) fn open_code(&self) -> Option<Code> {
        self.code.map(|open| open.code)
    }

    // --- time -------------------------------------------------------------------------------------------------

    pub(super) fn next_deadline(&self, settings: &Settings) -> Option<Timestamp> {
        let phase = match self.phase {
            Phase::Booked { at } => Some(at - settings.early),
            Phase::Asked { until } | Phase::Consented { until } => Some(until),
            Phase::Live { alone_since, .. } => alone_since.map(|since| since + settings.alone),
        };
        let seats = self.seats.values().filter_map(|one| match one.link {
            Link::Here(_) => None,
            Link::Gone { until } => Some(until),
        });
        let code = self.code.map(|open| open.until);
        let proposals = self.browse.as_ref().and_then(Browse::next_deadline);
        seats.chain(phase).chain(code).chain(proposals).min()
    }

    /// What is due at `around.now`, which is [`Room::next_deadline`].
    pub(super) fn pass_time(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        for seat in Seat::ALL {
            let is_over = |one: &Participant| matches!(one.link, Link::Gone { until } if until <= now);
            if self.seats.get(seat).is_some_and(is_over) {
                self.unseat(*seat, UnseatedBecause::Lost, around.out);
            }
        }
        if self.code.is_some_and(|open| open.until <= now) {
            self.close_code(CodeEndedBecause::Expired, around.out);
        }
        if let Some(browse) = &mut self.browse {
            browse.pass_time(now, self.id, around.out);
        }
        match self.phase {
            Phase::Booked { at } if at - around.settings.early <= now => {
                self.pass_to(Phase::Asked { until: at + around.settings.late }, around.out);
            }
            Phase::Asked { until } if until <= now => {
                let was_booked = self.origin == Origin::Booking;
                self.end(if was_booked { EndedBecause::NobodyCame } else { EndedBecause::NotAnswered }, around);
            }
            Phase::Consented { until } if until <= now => self.end(EndedBecause::NobodyCame, around),
            Phase::Live { alone_since: Some(since), .. } if since + around.settings.alone <= now => {
                let citizen_is_here = self.seats.get(&Seat::Citizen).is_some_and(Participant::is_here);
                let because = if citizen_is_here { EndedBecause::StaffLost } else { EndedBecause::CitizenLost };
                self.end(because, around);
            }
            Phase::Booked { .. } | Phase::Asked { .. } | Phase::Consented { .. } | Phase::Live { .. } => {}
        }
    }

    /// Where it stands follows from who has agreed and who is there.
    pub(super) fn settle(&mut self, around: &mut Around<'_>) {
        if self.is_ended {
            return;
        }
        let is_agreed = self.agent_agrees && self.consents.contains_key(&Purpose::Window);
        if is_agreed && matches!(self.phase, Phase::Asked { .. }) {
            self.pass_to(Phase::Consented { until: around.now + around.settings.come }, around.out);
        }
        let is_complete = self.is_complete();
        match &mut self.phase {
            Phase::Consented { .. } if is_complete => {
                self.pass_to(Phase::Live { since: around.now, alone_since: None }, around.out);
            }
            Phase::Live { alone_since, .. } => {
                *alone_since = if is_complete { None } else { alone_since.or(Some(around.now)) };
            }
            Phase::Booked { .. } | Phase::Asked { .. } | Phase::Consented { .. } => {}
        }
    }

    /// Somebody is there on both sides.
    fn is_complete(&self) -> bool {
        let is_here = |seat| self.seats.get(&seat).is_some_and(Participant::is_here);
        is_here(Seat::Citizen) && (is_here(Seat::Agent) || is_here(Seat::SecondClerk))
    }

    fn pass_to(&mut self, phase: Phase, out: &mut Vec<Effect>) {
        self.phase = phase;
        self.tell_state(out);
    }

    fn tell_state(&self, out: &mut Vec<Effect>) {
        out.push(Effect::Changed { window: self.id, state: self.state() });
    }

    pub(super) fn end(&mut self, because: EndedBecause, around: &mut Around<'_>) {
        self.close_code(CodeEndedBecause::WindowEnded, around.out);
        self.stop_browsing(around.out);
        for seat in Seat::ALL {
            self.unseat(*seat, UnseatedBecause::Ended, around.out);
        }
        around.out.push(Effect::Ended { window: self.id, because, at: around.now });
        self.is_ended = true;
    }

    // --- what people do ---------------------------------------------------------------------------------------

    /// All inputs about one window; those that make one, or find it by something else, are the caller's.
    pub(super) fn take(&mut self, input: Input, around: &mut Around<'_>) -> Result<(), Refusal> {
        let window = self.id;
        match input {
            Input::CodeMade { by, code, .. } => self.make_code(by, code, around),
            Input::Answered { by, accepts, .. } => self.answer(by, accepts, around),
            Input::Cancelled { by, .. } => self.cancel(by, around),
            Input::Consented { by, purpose, text, .. } => {
                self.consent(by, Consent { purpose, text, at: around.now }, around)
            }
            Input::ConsentWithdrawn { by, purpose, .. } => self.withdraw(by, purpose, around),
            Input::Invited { by, who, .. } => self.invite(by, who, around.out),
            Input::Joined { who, seat, participant, connection, supervises, .. } => {
                self.join((who, seat, supervises), participant, connection, around)
            }
            Input::ConnectionLost { connection, .. } => {
                self.lose(connection, around);
                Ok(())
            }
            Input::Left { participant, .. } => self.leave(participant, around),
            Input::Removed { by, participant, .. } => self.remove(by, participant, around.out),
            Input::Ended { by, .. } => self.hang_up(by, around),
            Input::Published { by, medium, is_on, .. } => self.publish(by, medium, is_on, around.out),
            Input::Pointed { by, at, .. } => {
                self.with_ink(by, Deed::Point, around.now)?;
                self.tell_ink(by, InkChange::Pointed(at), around.out);
                Ok(())
            }
            Input::Drawn { by, number, stroke, .. } => {
                let newest = self.with_ink(by, Deed::Draw, around.now)?.newest_stroke;
                self.ink.draw(by, newest, number, &stroke)?;
                if let Some(one) = self.seats.values_mut().find(|one| one.id == by) {
                    one.newest_stroke = number;
                }
                self.tell_ink(by, InkChange::Drawn { number, stroke }, around.out);
                Ok(())
            }
            Input::Undone { by, .. } => {
                self.with_ink(by, Deed::Draw, around.now)?;
                if let Some(number) = self.ink.undo(by) {
                    self.tell_ink(by, InkChange::Undone { number }, around.out);
                }
                Ok(())
            }
            Input::Cleared { by, .. } => {
                self.with_ink(by, Deed::Clear, around.now)?;
                self.ink.clear();
                self.tell_ink(by, InkChange::Cleared, around.out);
                Ok(())
            }
            Input::Frozen { by, is_frozen, .. } => self.freeze(by, is_frozen, around),
            Input::SnapshotTaken { by, file, .. } => {
                self.with_ink(by, Deed::Snapshot, around.now)?;
                if self.snapshots == around.settings.most_snapshots {
                    return Err(Refusal::TooMany);
                }
                self.snapshots += 1;
                around.out.push(Effect::SnapshotKept { window, by, file });
                Ok(())
            }
            Input::BrowseChanged { by, is_on, .. } => self.change_browse(by, is_on, around.out),
            Input::FormSeen { by, context, .. } => {
                self.with_page(by, Deed::Browse, around.now)?;
                context.check()?;
                let Some(browse) = &mut self.browse else { return Err(Refusal::NotBrowsing) };
                let is_new = browse.see(window, &context, around.out);
                around.out.push(Effect::FormChanged { window, context });
                if is_new {
                    self.new_picture(around.out);
                }
                Ok(())
            }
            Input::Highlighted { by, field, .. } => {
                self.with_page(by, Deed::Highlight, around.now)?;
                field.check()?;
                around.out.push(Effect::Highlighted { window, by, field });
                Ok(())
            }
            Input::Proposed { by, field, kind, .. } => {
                self.with_page(by, Deed::Propose, around.now)?;
                let number = self.proposals_made + 1;
                let Some(browse) = &mut self.browse else { return Err(Refusal::NotBrowsing) };
                browse.propose(around.now, (window, by, number), (&field, kind), around.settings, around.out)?;
                self.proposals_made = number;
                Ok(())
            }
            Input::ProposalAnswered { by, proposal, accepts, .. } => {
                self.with_page(by, Deed::AnswerProposal, around.now)?;
                let Some(browse) = &mut self.browse else { return Err(Refusal::NotBrowsing) };
                browse.answer(window, proposal, accepts, around.out)
            }
            Input::Bound { by, kind, .. } => self.bind(by, kind, around),
            Input::Tick
            | Input::TextPublished { .. }
            | Input::Draining
            | Input::Asked { .. }
            | Input::Booked { .. }
            | Input::CodeEntered { .. }
            | Input::HandedOver { .. }
            | Input::ConversationClosed { .. }
            | Input::CallChanged { .. }
            | Input::Restored { .. } => Err(Refusal::WrongState),
        }
    }

    fn check_agent(&self, by: Person) -> Result<(), Refusal> {
        if by == Person::Staff(self.agent) { Ok(()) } else { Err(Refusal::NotYours) }
    }

    fn check_citizen(&self, by: Person) -> Result<(), Refusal> {
        if self.citizen.is_some_and(|citizen| by == Person::Citizen(citizen)) { Ok(()) } else { Err(Refusal::NotYours) }
    }

    fn agree(&mut self, out: &mut Vec<Effect>) {
        self.agent_agrees = true;
        out.push(Effect::AgentAgreed { window: self.id, agent: self.agent });
    }

    fn answer(&mut self, by: Person, accepts: bool, around: &mut Around<'_>) -> Result<(), Refusal> {
        let is_agent = self.check_agent(by).is_ok();
        if !is_agent {
            self.check_citizen(by)?;
        }
        match (self.phase, is_agent, accepts) {
            // The citizen's yes names the text that they have read.
            (Phase::Asked { .. }, false, true) => Err(Refusal::NoConsent(Purpose::Window)),
            (Phase::Asked { .. }, _, false) => {
                self.end(EndedBecause::Declined, around);
                Ok(())
            }
            (Phase::Asked { .. }, true, true) if self.agent_agrees => Err(Refusal::WrongState),
            (Phase::Asked { .. }, true, true) => {
                if self.consents.contains_key(&Purpose::Window) && !around.has_room {
                    return Err(Refusal::Full);
                }
                self.agree(around.out);
                Ok(())
            }
            (Phase::Booked { .. } | Phase::Consented { .. } | Phase::Live { .. }, ..) => Err(Refusal::WrongState),
        }
    }

    fn cancel(&mut self, by: Person, around: &mut Around<'_>) -> Result<(), Refusal> {
        // A booking is both sides' own.
        let is_side = self.check_agent(by).is_ok() || self.check_citizen(by).is_ok();
        if by != self.asked_by && (self.origin != Origin::Booking || !is_side) {
            return Err(Refusal::NotYours);
        }
        match self.phase {
            Phase::Booked { .. } | Phase::Asked { .. } | Phase::Consented { .. } => {
                self.end(EndedBecause::Cancelled, around);
                Ok(())
            }
            Phase::Live { .. } => Err(Refusal::WrongState),
        }
    }

    fn consent(&mut self, by: Person, consent: Consent, around: &mut Around<'_>) -> Result<(), Refusal> {
        self.check_citizen(by)?;
        match self.phase {
            Phase::Booked { .. } => return Err(Refusal::WrongState),
            Phase::Asked { .. } if self.agent_agrees && consent.purpose == Purpose::Window && !around.has_room => {
                return Err(Refusal::Full);
            }
            Phase::Asked { .. } | Phase::Consented { .. } | Phase::Live { .. } => {}
        }
        // Saying yes a second time to the same text is no second consent.
        if self.consents.get(&consent.purpose).is_some_and(|old| old.text == consent.text) {
            return Ok(());
        }
        self.consents.insert(consent.purpose, consent.clone());
        around.out.push(Effect::ConsentGiven { window: self.id, consent });
        Ok(())
    }

    fn withdraw(&mut self, by: Person, purpose: Purpose, around: &mut Around<'_>) -> Result<(), Refusal> {
        self.check_citizen(by)?;
        if self.consents.remove(&purpose).is_none() {
            return Err(Refusal::NoConsent(purpose));
        }
        around.out.push(Effect::ConsentEnded { window: self.id, purpose, at: around.now });
        #[cfg(test)]
        if around.fault == Some(super::Fault::ForgottenConsent) {
            return Ok(());
        }
        match purpose {
            Purpose::Window => self.end(EndedBecause::ConsentWithdrawn, around),
            Purpose::Screen => self.stop(Seat::Citizen, Medium::Screen, around.out),
            Purpose::CoBrowse => self.stop_browsing(around.out),
        }
        Ok(())
    }

    fn invite(&mut self, by: Person, who: AgentId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.check_agent(by)?;
        if who == self.agent {
            return Err(Refusal::NotYours);
        }
        if self.seats.contains_key(&Seat::SecondClerk) {
            return Err(Refusal::SeatTaken(Seat::SecondClerk));
        }
        self.invited = Some(who);
        out.push(Effect::InvitationChanged { window: self.id, who: self.invited });
        Ok(())
    }

    // --- codes ------------------------------------------------------------------------------------------------

    fn make_code(&mut self, by: Person, code: Code, around: &mut Around<'_>) -> Result<(), Refusal> {
        self.check_agent(by)?;
        // Whoever has sat down as the citizen keeps the seat.
        if self.citizen.is_some() || !matches!(self.phase, Phase::Asked { .. }) {
            return Err(Refusal::WrongState);
        }
        self.close_code(CodeEndedBecause::Replaced, around.out);
        let until = around.now + around.settings.code;
        self.code = Some(OpenCode { code, until });
        // Somebody who has to type it is given the time to.
        self.pass_to(Phase::Asked { until }, around.out);
        around.out.push(Effect::CodeOpened { window: self.id, until });
        Ok(())
    }

    fn close_code(&mut self, because: CodeEndedBecause, out: &mut Vec<Effect>) {
        if let Some(open) = self.code.take() {
            self.closed_code = Some(open.code);
            out.push(Effect::CodeEnded { window: self.id, because });
        }
    }

    /// Single use: whoever was first is the citizen.
    pub(super) fn enter_code(&mut self, citizen: CitizenId, around: &mut Around<'_>) {
        self.close_code(CodeEndedBecause::Used, around.out);
        self.citizen = Some(citizen);
        around.out.push(Effect::CitizenKnown { window: self.id, citizen });
        self.pass_to(Phase::Asked { until: around.now + around.settings.answer }, around.out);
    }

    // --- seats ------------------------------------------------------------------------------------------------

    fn check_seat(&self, who: Person, seat: Seat, supervises: bool) -> Result<(), Refusal> {
        let may = match seat {
            Seat::Citizen => self.check_citizen(who).is_ok(),
            Seat::Agent => who == Person::Staff(self.agent),
            Seat::SecondClerk => self.invited.is_some_and(|invited| who == Person::Staff(invited)),
            Seat::Supervisor => supervises && matches!(who, Person::Staff(_)),
        };
        let sits_elsewhere = self.seats.iter().any(|(at, one)| *at != seat && one.who == who);
        if may && !sits_elsewhere { Ok(()) } else { Err(Refusal::NotYours) }
    }

    fn join(
        &mut self,
        (who, seat, supervises): (Person, Seat, bool),
        new: ParticipantId,
        connection: Connection,
        around: &mut Around<'_>,
    ) -> Result<(), Refusal> {
        self.check_seat(who, seat, supervises)?;
        if !self.is_running() {
            return Err(Refusal::WrongState);
        }
        let window = self.id;
        if let Some(one) = self.seats.get_mut(&seat) {
            if one.who != who {
                return Err(Refusal::SeatTaken(seat));
            }
            if let Link::Here(old) = one.link
                && old != connection
            {
                around.out.push(Effect::ConnectionReplaced { window, connection: old });
            }
            one.link = Link::Here(connection);
            #[cfg(test)]
            if around.fault == Some(super::Fault::NewParticipant) {
                one.id = new;
            }
            let participant = one.id;
            around.out.push(Effect::Seated { window, participant, seat, who, connection, is_resumed: true });
            return Ok(());
        }
        self.seats.insert(seat, Participant::new(new, who, Link::Here(connection)));
        let participant = new;
        around.out.push(Effect::Seated { window, participant, seat, who, connection, is_resumed: false });
        Ok(())
    }

    /// Connections that are nobody's any more are not known here, and nothing follows from their end.
    fn lose(&mut self, connection: Connection, around: &mut Around<'_>) {
        let until = around.now + around.settings.resume;
        let is_it = |one: &&mut Participant| one.link == Link::Here(connection);
        #[cfg(test)]
        let is_it = |one: &&mut Participant| {
            is_it(one) || (around.fault == Some(super::Fault::StaleConnection) && one.is_here())
        };
        let Some(one) = self.seats.values_mut().find(is_it) else { return };
        one.link = Link::Gone { until };
        around.out.push(Effect::Suspended { window: self.id, participant: one.id, until });
    }

    fn seat_of(&self, participant: ParticipantId) -> Result<Seat, Refusal> {
        let found = self.seats.iter().find(|(_, one)| one.id == participant);
        found.map(|(seat, _)| *seat).ok_or(Refusal::NotSeated(participant))
    }

    fn check(&self, by: ParticipantId, deed: Deed) -> Result<Seat, Refusal> {
        let seat = self.seat_of(by)?;
        if seat.allows(deed) { Ok(seat) } else { Err(Refusal::NotAllowed(seat, deed)) }
    }

    fn leave(&mut self, participant: ParticipantId, around: &mut Around<'_>) -> Result<(), Refusal> {
        match self.seat_of(participant)? {
            Seat::Citizen => self.end(EndedBecause::CitizenLeft, around),
            seat @ (Seat::Agent | Seat::SecondClerk) => {
                self.unseat(seat, UnseatedBecause::Left, around.out);
                let clerks = [Seat::Agent, Seat::SecondClerk];
                if !clerks.iter().any(|clerk| self.seats.contains_key(clerk)) {
                    self.end(EndedBecause::StaffLeft, around);
                }
            }
            Seat::Supervisor => self.unseat(Seat::Supervisor, UnseatedBecause::Left, around.out),
        }
        Ok(())
    }

    fn hang_up(&mut self, by: ParticipantId, around: &mut Around<'_>) -> Result<(), Refusal> {
        let because = match self.check(by, Deed::End)? {
            Seat::Citizen => EndedBecause::CitizenLeft,
            Seat::Agent | Seat::SecondClerk => EndedBecause::StaffLeft,
            Seat::Supervisor => EndedBecause::SupervisorEnded,
        };
        self.end(because, around);
        Ok(())
    }

    fn remove(&mut self, by: ParticipantId, participant: ParticipantId, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let seat = self.check(by, Deed::Remove)?;
        if self.seat_of(participant)? != Seat::SecondClerk {
            return Err(Refusal::NotAllowed(seat, Deed::Remove));
        }
        self.unseat(Seat::SecondClerk, UnseatedBecause::Removed, out);
        self.invited = None;
        out.push(Effect::InvitationChanged { window: self.id, who: None });
        Ok(())
    }

    fn unseat(&mut self, seat: Seat, because: UnseatedBecause, out: &mut Vec<Effect>) {
        for medium in Medium::ALL {
            self.stop(seat, *medium, out);
        }
        if seat == Seat::Citizen {
            self.stop_browsing(out);
        }
        if let Some(one) = self.seats.remove(&seat) {
            out.push(Effect::Unseated { window: self.id, participant: one.id, because });
        }
    }

    pub(super) fn hand_over(&mut self, agent: AgentId, around: &mut Around<'_>) {
        if agent == self.agent {
            return;
        }
        self.unseat(Seat::Agent, UnseatedBecause::HandedOver, around.out);
        // Whoever sat there otherwise and serves now takes the agent's own seat.
        let old = self.seats.iter().find(|(_, one)| one.who == Person::Staff(agent)).map(|(seat, _)| *seat);
        if let Some(seat) = old {
            self.unseat(seat, UnseatedBecause::HandedOver, around.out);
        }
        if self.invited == Some(agent) {
            self.invited = None;
            around.out.push(Effect::InvitationChanged { window: self.id, who: None });
        }
        // The question that their colleague has asked is theirs now; what was only booked is nobody's yes.
        let is_their_question = self.asked_by == Person::Staff(self.agent);
        if is_their_question {
            self.asked_by = Person::Staff(agent);
        }
        self.agent = agent;
        around.out.push(Effect::AgentChanged { window: self.id, agent });
        match self.phase {
            // They have the time to answer that their colleague had.
            Phase::Asked { until } => {
                self.agent_agrees = false;
                if is_their_question && self.origin != Origin::Booking {
                    self.agree(around.out);
                }
                let until = until.max(around.now + around.settings.answer);
                self.pass_to(Phase::Asked { until }, around.out);
            }
            Phase::Consented { .. } => {
                self.pass_to(Phase::Consented { until: around.now + around.settings.come }, around.out);
            }
            Phase::Booked { .. } | Phase::Live { .. } => {}
        }
    }

    // --- media ------------------------------------------------------------------------------------------------

    pub(super) fn change_call(&mut self, is_in_call: bool, out: &mut Vec<Effect>) {
        self.is_in_call = is_in_call;
        if is_in_call {
            for seat in Seat::ALL {
                self.stop(*seat, Medium::Voice, out);
            }
        }
    }

    fn publish(
        &mut self,
        by: ParticipantId,
        medium: Medium,
        is_on: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let seat = self.check(by, medium.deed())?;
        if !is_on {
            self.stop(seat, medium, out);
            return Ok(());
        }
        match medium {
            Medium::Camera => {}
            Medium::Voice if self.is_in_call => return Err(Refusal::InCall),
            Medium::Voice => {}
            Medium::Screen => {
                if seat == Seat::Citizen && !self.consents.contains_key(&Purpose::Screen) {
                    return Err(Refusal::NoConsent(Purpose::Screen));
                }
                if self.seats.iter().any(|(other, one)| *other != seat && one.media.contains(&medium)) {
                    return Err(Refusal::ScreenTaken);
                }
            }
        }
        let is_new = self.seats.get_mut(&seat).is_some_and(|one| one.media.insert(medium));
        if is_new {
            out.push(Effect::MediaChanged { window: self.id, participant: by, medium, is_on: true });
            if medium == Medium::Screen {
                self.new_picture(out);
            }
        }
        Ok(())
    }

    fn stop(&mut self, seat: Seat, medium: Medium, out: &mut Vec<Effect>) {
        let Some(one) = self.seats.get_mut(&seat) else { return };
        if one.media.remove(&medium) {
            let participant = one.id;
            out.push(Effect::MediaChanged { window: self.id, participant, medium, is_on: false });
            if medium == Medium::Screen {
                self.new_picture(out);
            }
        }
    }

    // --- picture and ink --------------------------------------------------------------------------------------

    /// Strokes belong to what they were drawn on.
    fn new_picture(&mut self, out: &mut Vec<Effect>) {
        self.picture += 1;
        self.is_frozen = false;
        self.ink.clear();
        out.push(Effect::PictureChanged { window: self.id, picture: self.picture, is_frozen: false });
    }

    fn has_picture(&self) -> bool {
        self.browse.is_some() || self.seats.values().any(|one| one.media.contains(&Medium::Screen))
    }

    fn with_ink(&mut self, by: ParticipantId, deed: Deed, now: Timestamp) -> Result<&mut Participant, Refusal> {
        let seat = self.check(by, deed)?;
        if !self.has_picture() {
            return Err(Refusal::NoPicture);
        }
        let one = self.seats.get_mut(&seat).ok_or(Refusal::NotSeated(by))?;
        one.ink.take(now, INK)?;
        Ok(one)
    }

    fn tell_ink(&self, by: ParticipantId, change: InkChange, out: &mut Vec<Effect>) {
        out.push(Effect::InkChanged { window: self.id, picture: self.picture, by, change });
    }

    fn freeze(&mut self, by: ParticipantId, is_frozen: bool, around: &mut Around<'_>) -> Result<(), Refusal> {
        self.with_ink(by, Deed::Freeze, around.now)?;
        if self.is_frozen == is_frozen {
            return Ok(());
        }
        if is_frozen {
            self.is_frozen = true;
            let (window, picture) = (self.id, self.picture);
            around.out.push(Effect::PictureChanged { window, picture, is_frozen });
        } else {
            // What goes on is not what was drawn on.
            self.new_picture(around.out);
        }
        Ok(())
    }

    // --- co-browse --------------------------------------------------------------------------------------------

    fn with_page(&mut self, by: ParticipantId, deed: Deed, now: Timestamp) -> Result<(), Refusal> {
        let seat = self.check(by, deed)?;
        if self.browse.is_none() {
            return Err(Refusal::NotBrowsing);
        }
        let one = self.seats.get_mut(&seat).ok_or(Refusal::NotSeated(by))?;
        one.hints.take(now, HINTS)
    }

    fn change_browse(&mut self, by: ParticipantId, is_on: bool, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.check(by, Deed::Browse)?;
        if !is_on {
            self.stop_browsing(out);
            return Ok(());
        }
        if !self.consents.contains_key(&Purpose::CoBrowse) {
            return Err(Refusal::NoConsent(Purpose::CoBrowse));
        }
        if self.browse.is_none() {
            self.browse = Some(Browse::default());
            out.push(Effect::BrowseChanged { window: self.id, is_on });
            self.new_picture(out);
        }
        Ok(())
    }

    fn stop_browsing(&mut self, out: &mut Vec<Effect>) {
        if let Some(mut browse) = self.browse.take() {
            browse.drop_proposals(self.id, out);
            out.push(Effect::BrowseChanged { window: self.id, is_on: false });
            self.new_picture(out);
        }
    }

    fn bind(&mut self, by: ParticipantId, kind: FieldKind, around: &mut Around<'_>) -> Result<(), Refusal> {
        if !self.seat_of(by)?.allows(Deed::Bind) {
            return Err(Refusal::OnlyCitizen(kind));
        }
        self.with_page(by, Deed::Bind, around.now)?;
        around.out.push(Effect::BindingAllowed { window: self.id, kind });
        Ok(())
    }

    #[cfg(debug_assertions)]
    pub(super) fn check_invariants(&self) {
        let screens = self.seats.values().filter(|one| one.media.contains(&Medium::Screen)).count();
        assert!(screens <= 1, "{}: {screens} screens are shared", self.id);
        for (seat, one) in &self.seats {
            assert!(self.is_running(), "{}: somebody sits before everybody has agreed", self.id);
            assert!(one.media.iter().all(|medium| seat.allows(medium.deed())), "{}: {seat} publishes", self.id);
            assert!(!self.is_in_call || !one.media.contains(&Medium::Voice), "{}: a voice in a call", self.id);
        }
        if self.is_running() {
            assert!(self.agent_agrees && self.consents.contains_key(&Purpose::Window), "{}: not agreed", self.id);
        }
        let citizen = self.seats.get(&Seat::Citizen);
        if citizen.is_some_and(|one| one.media.contains(&Medium::Screen)) {
            assert!(self.consents.contains_key(&Purpose::Screen), "{}: a screen without consent", self.id);
        }
        if self.browse.is_some() {
            assert!(self.consents.contains_key(&Purpose::CoBrowse), "{}: a page without consent", self.id);
            assert!(citizen.is_some(), "{}: nobody's page", self.id);
        }
        assert!(self.has_picture() || self.ink.strokes().next().is_none(), "{}: ink on nothing", self.id);
    }
}

impl Participant {
    fn new(id: ParticipantId, who: Person, link: Link) -> Self {
        let media = BTreeSet::new();
        Self { id, who, link, media, newest_stroke: 0, ink: Pace::new(), hints: Pace::new() }
    }
}

fn check_asker(by: Person, citizen: Option<CitizenId>, agent: AgentId) -> Result<(), Refusal> {
    let is_citizen = citizen.is_some_and(|citizen| by == Person::Citizen(citizen));
    if is_citizen || by == Person::Staff(agent) { Ok(()) } else { Err(Refusal::NotYours) }
}
