//! What somebody wants becomes an input of the rules.

use std::sync::Arc;

use bangban_domain::{
    AgentId, CallId, ConversationId, TeamId, Timestamp,
    call::{CallOrigin, CallRow, Cause, Command, Disposition, Failure, Input, LegId, Number},
    conversation::at_most,
    privacy::mask,
    rights::Action,
    words::CitizenKind,
};
use bangban_protocol::{Answer, CallAct, CallTo, ErrorCode, EventBody, ThreadBody, WireError};
use bangban_store::CallChange;

use super::{
    Wish, forbidden, internal,
    lines::Errand,
    no_conversation, not_found,
    owner::{Batch, Caller, Owner, Person, Room},
};
use crate::{auth::Principal, desk::new_id, hub::Socket, staff::At};

/// Longest note of a wrap-up, in characters.
const MAX_NOTE: usize = 2_000;
/// Longest number of a work order.
const MAX_WORK_ORDER: usize = 64;

/// The row of a call that begins, until the rules have told theirs.
pub(super) fn begun(
    call: CallId,
    origin: CallOrigin,
    conversation: ConversationId,
    (team, item): (TeamId, Option<String>),
    now: Timestamp,
) -> CallRow {
    CallRow {
        call,
        origin,
        conversation: Some(conversation),
        team,
        item,
        is_first: false,
        began_at: now,
        answered_at: None,
        operator: None,
        stars: None,
        ended_at: None,
        because: None,
    }
}

impl Owner {
    pub(super) async fn obey(
        &mut self,
        who: &Principal,
        socket: &Arc<Socket>,
        wish: Wish,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        batch.actor = Some(Person::of(who));
        match wish {
            Wish::LookAtMine => self.look_at_mine(who, socket),
            Wish::Look(call) => self.look(who, socket, call),
            Wish::Act(act) => self.act(who, socket, act, now, batch).await,
        }
    }

    async fn act(
        &mut self,
        who: &Principal,
        socket: &Arc<Socket>,
        act: CallAct,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let by = Person::of(who);
        match act {
            CallAct::Start { conversation } => self.start_call(who, conversation, now, batch).await,
            CallAct::Place { conversation, to } => self.place(by, conversation, to, now, batch).await,
            CallAct::CallBack { call, to } => self.call_back(by, call, to, now, batch).await,
            CallAct::Rings { call } => self.done(Input::Ringing(self.rung(by, call)?), now, batch),
            CallAct::Decline { call, reason } => {
                let leg = self.rung(by, call)?;
                // A telephone on the desk rings no more either.
                batch.errands.push(Errand::Cancel(leg, Cause::Declined));
                let input = reason.map_or(Input::Failed(leg, Failure::Declined), |why| Input::Declined(leg, why));
                self.done(input, now, batch)
            }
            CallAct::Prepare { call } => {
                self.concerned(by, call)?;
                let (ice_servers, policy) = (self.world.ice)(now);
                Ok(Answer::CallReady { ice_servers, policy })
            }
            CallAct::Answer { call, sdp } => self.answer(by, socket, call, &sdp, now, batch).await,
            CallAct::Connect { call, sdp } => self.connect(by, socket, call, &sdp, now, batch).await,
            CallAct::HangUp { call } => {
                let leg = self.own_leg(by, call)?;
                batch.errands.push(Errand::HangUp(leg));
                self.pages.remove(&leg);
                self.done(Input::HungUp(leg), now, batch)
            }
            CallAct::WrapUp { call, disposition, note, work_order } => {
                self.wrap_up(by, call, disposition, &note, work_order, now, batch)
            }
            other => self.command(by, other, now, batch),
        }
    }

    /// Nothing is to be said but that it was decided.
    fn done(&mut self, input: Input, now: Timestamp, batch: &mut Batch) -> Result<Answer, WireError> {
        self.decide(input, now, batch)?;
        Ok(Answer::Done)
    }

    /// What the rules decide by themselves.
    fn command(&mut self, by: Person, act: CallAct, now: Timestamp, batch: &mut Batch) -> Result<Answer, WireError> {
        let Person::Staff(agent) = by else { return Err(forbidden()) };
        let (call, command) = self.command_of(agent, act)?;
        let room = self.rooms.get(&call).filter(|room| room.ended.is_none()).ok_or_else(not_found)?;
        let supervises = self.may(agent, room, Action::Intervene);
        let watches = matches!(command, Command::Supervise(_) | Command::TakeOver | Command::End);
        let action = match &command {
            Command::Supervise(_) => Some("call.supervise"),
            Command::TakeOver => Some("call.take_over"),
            _ => None,
        };
        self.decide(Input::Commanded { call, by: agent, supervises: supervises && watches, command }, now, batch)?;
        if let Some(action) = action {
            self.note(call, action, batch);
        }
        Ok(Answer::Done)
    }

    fn command_of(&self, by: AgentId, act: CallAct) -> Result<(CallId, Command), WireError> {
        let leg = |call, no| LegId { call, no };
        Ok(match act {
            CallAct::Request { call, who, goal, at_once } => {
                let room = self.rooms.get(&call).ok_or_else(not_found)?;
                let plan = self.plan(by, room, &who, at_once)?;
                (call, Command::Request { plan, goal })
            }
            CallAct::StopRequest { call } => (call, Command::StopRequest),
            CallAct::Merge { call } => (call, Command::Merge),
            CallAct::Swap { call } => (call, Command::Swap),
            CallAct::Leave { call } => (call, Command::Leave),
            CallAct::Return { call, takes_back } => (call, Command::Return { takes_back }),
            CallAct::Hold { call, leg: no } => (call, Command::Hold(leg(call, no))),
            CallAct::Resume { call, leg: no } => (call, Command::Resume(leg(call, no))),
            CallAct::Mute { call, leg: no, muted } => (call, Command::Mute { leg: leg(call, no), is_muted: muted }),
            CallAct::Whisper { call, to } => (call, Command::WhisperTo(to.map(|no| leg(call, no)))),
            CallAct::Drop { call, leg: no } => (call, Command::Drop(leg(call, no))),
            CallAct::Dial { call, leg: no, digits } => (call, Command::Dial { leg: leg(call, no), digits }),
            CallAct::OpenWindow { call } => (call, Command::OpenWindow),
            CallAct::End { call } => (call, Command::End),
            CallAct::Supervise { call, mode } => (call, Command::Supervise(mode)),
            CallAct::TakeOver { call } => (call, Command::TakeOver),
            CallAct::Start { .. }
            | CallAct::Place { .. }
            | CallAct::CallBack { .. }
            | CallAct::Rings { .. }
            | CallAct::Prepare { .. }
            | CallAct::Answer { .. }
            | CallAct::Decline { .. }
            | CallAct::Connect { .. }
            | CallAct::HangUp { .. }
            | CallAct::WrapUp { .. } => return Err(WireError::new(ErrorCode::BadRequest, "not for the rules")),
        })
    }

    /// May they do this where the call is?
    pub(super) fn may(&self, who: AgentId, room: &Room, action: Action) -> bool {
        let unit = self.world.rights.unit_of_team(&room.team);
        self.world.rights.allows(who, action, At { unit: unit.as_deref(), item: room.row.item.as_deref() })
    }

    // --- how calls begin --------------------------------------------------------------------------------------

    async fn start_call(
        &mut self,
        who: &Principal,
        conversation: ConversationId,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        let live = self.world.shared.live.get(&conversation).map(|live| live.clone()).ok_or_else(no_conversation)?;
        if live.citizen != citizen.id {
            return Err(no_conversation());
        }
        let call = CallId::new(new_id());
        let team = self.world.organisation.current().team_or_general(&live.view.team);
        let (item, is_first) = (live.view.item.clone(), citizen.kind == CitizenKind::Enterprise);
        let row = begun(call, CallOrigin::Browser, conversation, (team, item.clone()), now);
        self.open_room(row, live.view.team, Caller::Page).await?;
        let input = Input::Arrived {
            call,
            origin: CallOrigin::Browser,
            conversation: Some(conversation),
            team,
            item,
            is_first,
            direct: None,
        };
        self.begin(call, input, now, batch)?;
        // They have their time to connect, as whoever reloads the page.
        self.decide(Input::ConnectionLost(LegId { call, no: 1 }), now, batch).ok();
        self.say(conversation, now, &ThreadBody::CallBegan { call, origin: CallOrigin::Browser }, batch);
        Ok(Answer::CallOpened { call })
    }

    async fn place(
        &mut self,
        by: Person,
        conversation: ConversationId,
        to: CallTo,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Person::Staff(agent) = by else { return Err(forbidden()) };
        if self.serving(conversation) != Some(agent) {
            return Err(WireError::new(ErrorCode::Forbidden, "only the agent who serves the conversation may"));
        }
        let row = self.world.store.conversation(conversation).await.map_err(|error| internal(&error))?;
        let row = row.ok_or_else(no_conversation)?;
        let (origin, left) = match row.call_back_phone {
            Some(number) if to == CallTo::Left => (CallOrigin::CallBack, Some(number)),
            _ => (CallOrigin::CallMe, None),
        };
        let place = (conversation, row.team, row.item);
        self.ring_citizen(agent, origin, place, (to, left), now, batch).await
    }

    async fn call_back(
        &mut self,
        by: Person,
        call: CallId,
        to: CallTo,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Person::Staff(agent) = by else { return Err(forbidden()) };
        let owed = self.owed.iter().find(|one| one.row.call == call).ok_or_else(not_found)?;
        let (back, conversation) = (owed.row.clone(), owed.conversation.ok_or_else(no_conversation)?);
        let row = self.world.store.conversation(conversation).await.map_err(|error| internal(&error))?;
        let row = row.ok_or_else(no_conversation)?;
        let is_theirs = back.agent == Some(agent) || self.may_call_back(agent, &row.team, row.item.as_deref());
        if !is_theirs {
            return Err(forbidden());
        }
        let citizen = self.world.store.citizen(row.citizen).await.map_err(|error| internal(&error))?;
        let left = citizen.and_then(|citizen| citizen.phone).or(row.call_back_phone);
        let place = (conversation, row.team, row.item);
        self.ring_citizen(agent, CallOrigin::CallBack, place, (to, left), now, batch).await
    }

    /// Members of the team, and who may act on what they watch there.
    pub(super) fn may_call_back(&self, agent: AgentId, team: &str, item: Option<&str>) -> bool {
        let Some(account) = self.world.rights.accounts.get(agent) else { return false };
        let unit = self.world.rights.unit_of_team(team);
        let at = At { unit: unit.as_deref(), item };
        self.world.rights.serves_team(&account, team) || self.world.rights.allows(agent, Action::Intervene, at)
    }

    async fn ring_citizen(
        &mut self,
        agent: AgentId,
        origin: CallOrigin,
        (conversation, team, item): (ConversationId, String, Option<String>),
        (to, left): (CallTo, Option<String>),
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let number = match &to {
            CallTo::Browser => None,
            CallTo::Left => Some(left.ok_or_else(|| WireError::field("to", "no number was left"))?),
            CallTo::Number { number } => Some(number.clone()),
        };
        let wrong = || WireError::field("number", "5 to 20 digits");
        let number = number.map(|number| Number::parse(&number).ok_or_else(wrong)).transpose()?;
        if number.is_some() && !self.lines.has_trunks() {
            return Err(WireError::field("to", "there is no way to telephones (telephony.trunks)"));
        }
        let call = CallId::new(new_id());
        let team_id = self.world.organisation.current().team_or_general(&team);
        let row = begun(call, origin, conversation, (team_id, item.clone()), now);
        let caller = number.map_or(Caller::Page, |number| Caller::Telephone(Some(number)));
        self.open_room(row, team, caller).await?;
        let placed = Input::Placed { call, origin, conversation: Some(conversation), team: team_id, item, by: agent };
        self.begin(call, placed, now, batch)?;
        self.say(conversation, now, &ThreadBody::CallBegan { call, origin }, batch);
        Ok(Answer::CallOpened { call })
    }

    async fn open_room(&mut self, row: CallRow, team: String, caller: Caller) -> Result<(), WireError> {
        let number = match &caller {
            Caller::Telephone(number) => number.clone(),
            Caller::Page => None,
        };
        let call = row.call;
        let mut room = Room::new(row, team, caller);
        self.know_caller(&mut room, number.as_ref()).await.map_err(|error| internal(&error))?;
        self.rooms.insert(call, room);
        Ok(())
    }

    fn begin(&mut self, call: CallId, input: Input, now: Timestamp, batch: &mut Batch) -> Result<(), WireError> {
        let begun = self.decide(input, now, batch);
        if begun.is_err() {
            self.rooms.remove(&call);
            batch.dirty.remove(&call);
        }
        begun
    }

    // --- legs -------------------------------------------------------------------------------------------------

    fn room(&self, call: CallId) -> Result<&Room, WireError> {
        self.rooms.get(&call).filter(|room| room.ended.is_none()).ok_or_else(not_found)
    }

    fn concerned(&self, by: Person, call: CallId) -> Result<&Room, WireError> {
        let room = self.room(call)?;
        match (room.concerns(by), by) {
            (true, _) => Ok(room),
            // Not telling strangers that it exists.
            (false, Person::Citizen(_)) => Err(not_found()),
            (false, Person::Staff(_)) => Err(forbidden()),
        }
    }

    /// The leg by which they are being rung.
    fn rung(&self, by: Person, call: CallId) -> Result<LegId, WireError> {
        let ring = self.concerned(by, call)?.ring_of(by).map(|row| row.leg);
        ring.ok_or_else(|| WireError::new(ErrorCode::InvalidStage, "it does not ring any more"))
    }

    fn own_leg(&self, by: Person, call: CallId) -> Result<LegId, WireError> {
        let leg = self.concerned(by, call)?.leg_of(by);
        leg.ok_or_else(|| WireError::new(ErrorCode::InvalidStage, "you are not in the call"))
    }

    async fn answer(
        &mut self,
        by: Person,
        socket: &Arc<Socket>,
        call: CallId,
        sdp: &str,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let leg = self.rung(by, call)?;
        if by.staff().and_then(|agent| self.telephone_of(agent)).is_some() {
            return Err(WireError::new(ErrorCode::InvalidStage, "the telephone on the desk rings"));
        }
        let sdp = self.lines.open_page(leg, sdp).await?;
        self.sit(leg, socket);
        self.decide(Input::Answered(leg), now, batch)?;
        if self.room(call).ok().and_then(|room| room.leg_of(by)) != Some(leg) {
            return Err(WireError::new(ErrorCode::InvalidStage, "it does not ring any more"));
        }
        batch.dirty.insert(call);
        Ok(Answer::CallSound { sdp })
    }

    async fn connect(
        &mut self,
        by: Person,
        socket: &Arc<Socket>,
        call: CallId,
        sdp: &str,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let leg = self.own_leg(by, call)?;
        let is_on_page = self.rooms.get(&call).is_some_and(|room| room.caller == Caller::Page);
        let is_first = by.staff().is_none() && is_on_page;
        if !is_first && !self.lines.is_page(leg) {
            return Err(WireError::new(ErrorCode::InvalidStage, "the sound is on a telephone"));
        }
        let sdp = self.lines.open_page(leg, sdp).await?;
        if let Some(before) = self.sit(leg, socket)
            && before.number() != socket.number()
        {
            batch.told.push((before, EventBody::CallReplaced { call }));
        }
        self.decide(Input::Reattached(leg), now, batch)?;
        batch.dirty.insert(call);
        Ok(Answer::CallSound { sdp })
    }

    /// The sound of a leg is on this page from now on; where it was before.
    fn sit(&mut self, leg: LegId, socket: &Arc<Socket>) -> Option<Arc<Socket>> {
        self.world.shared.calls.sitting.insert(socket.number());
        self.pages.insert(leg, Arc::clone(socket))
    }

    // --- afterwards -------------------------------------------------------------------------------------------

    #[expect(clippy::too_many_arguments, reason = "the fields of one command")]
    fn wrap_up(
        &mut self,
        by: Person,
        call: CallId,
        disposition: Disposition,
        note: &str,
        work_order: Option<String>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let Person::Staff(agent) = by else { return Err(forbidden()) };
        let invalid = |error: bangban_domain::conversation::InvalidField| {
            WireError::field(error.field, error.problem.to_string())
        };
        let note = mask(at_most("note", note.trim(), MAX_NOTE).map_err(invalid)?).into_owned();
        let work_order = work_order.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if work_order.is_some() != (disposition == Disposition::WorkOrder) {
            return Err(WireError::field("workOrder", "needed with work_order, and only there"));
        }
        if let Some(text) = &work_order {
            at_most("workOrder", text, MAX_WORK_ORDER).map_err(invalid)?;
        }
        self.decide(Input::WrappedUp { call, by: agent, disposition }, now, batch)?;
        if !note.is_empty() || work_order.is_some() {
            batch.call(CallChange::Note { call, agent, note, work_order });
        }
        Ok(Answer::Done)
    }
}
