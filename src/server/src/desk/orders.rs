//! One function per order: who may give it, in which stage, and what follows.

use std::{collections::BTreeSet, sync::Arc};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, OfferId, TeamId, Timestamp,
    calendar::Calendar,
    citizen::{HallVisit, shown_name},
    conversation::{may_close_with, may_continue, may_pass},
    history::Event,
    org::{GENERAL, UnitKind},
    routing::{Input, Refusal, Target},
    words::{Channel, CitizenKind, HandOnChannel, Outcome, ReceiptState, Stage},
};
use bangban_protocol::{Answer, ErrorCode, Party, Slot, ThreadBody, TransferTarget, WireError};
use bangban_store::{Author, Change, ConversationRow, KnowledgeChange, Lane, ReceiptRow, TaskChange};

use super::{
    Actor, Order,
    batch::{Batch, entry},
    case::{Case, preview, slot},
    new_id,
    owner::Owner,
};
use crate::{auth::Citizen, bot};

/// Out of hours this many call-back times are offered.
pub(super) const SLOTS_OFFERED: usize = 8;

/// A call-back can be promised for one of so many slots ahead, free or not.
const SLOTS_AHEAD: usize = 200;

pub(super) fn refused(refusal: &Refusal) -> WireError {
    let code = match refusal {
        Refusal::UnknownAgent(_) | Refusal::UnknownConversation(_) | Refusal::UnknownTeam(_) => ErrorCode::NotFound,
        Refusal::OfferGone(_) => ErrorCode::OfferGone,
        Refusal::NotServing(_) => ErrorCode::Forbidden,
        Refusal::Full(_) => ErrorCode::AgentFull,
        Refusal::AlreadyRouted(_) | Refusal::WrongTransfer(_) | Refusal::CannotBeAsked(_) => ErrorCode::InvalidStage,
    };
    WireError::new(code, refusal.to_string())
}

pub(super) fn forbidden() -> WireError {
    WireError::new(ErrorCode::Forbidden, "your role or your part in the conversation does not allow it")
}

pub(super) fn wrong_stage(stage: Stage) -> WireError {
    WireError::new(ErrorCode::InvalidStage, format!("not possible in stage {stage}"))
}

pub(super) fn unknown() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such conversation")
}

pub(super) fn agent_of(who: &Actor) -> Result<AgentId, WireError> {
    match who {
        Actor::Staff(staff) if staff.has_desk() => Ok(staff.id),
        Actor::Staff(_) | Actor::Citizen(_) | Actor::Holder(_) | Actor::System => Err(forbidden()),
    }
}

fn citizen_of(who: &Actor) -> Result<&Citizen, WireError> {
    match who {
        Actor::Citizen(citizen) => Ok(citizen),
        Actor::Staff(_) | Actor::Holder(_) | Actor::System => Err(forbidden()),
    }
}

/// A citizen as staff see them.
fn person(citizen: &Citizen) -> (String, CitizenKind) {
    (shown_name(&citizen.name, citizen.kind, citizen.anonymous), citizen.kind)
}

impl Owner {
    pub(super) fn order(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        order: Order,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        match order {
            Order::Open { item, district, channel, visit } => {
                self.open(who, at, (item, district), (channel, visit), batch)
            }
            Order::Claim { visitor } => self.claim(who, at, visitor, batch),
            Order::Reopen(id) => self.reopen(who, at, id, batch),
            Order::RequestHuman(id) => self.request_human(who, at, now, id, batch),
            Order::CancelRequest(id) => self.cancel_request(who, at, now, id, batch),
            Order::LeaveMessage { conversation, client_id, text, phone, slot } => {
                self.leave_message(who, at, now, (conversation, client_id, text, phone, slot), batch)
            }
            Order::CallBackSlots(id) => self.call_back_slots(who, at, id),
            Order::MoveCallBack { conversation, receipt, slot } => {
                self.move_call_back(who, at, now, (conversation, receipt.as_deref(), slot), batch)
            }
            Order::CancelCallBack { conversation, receipt } => {
                self.cancel_call_back(who, at, now, (conversation, &receipt), batch)
            }
            Order::Feedback { conversation, answer, solved, doubt } => {
                let judged = self.feedback(who, at, conversation, answer, solved, batch)?;
                batch.unit.changes.extend(doubt.map(|doubt| Change::Task(*doubt)));
                Ok(judged)
            }
            Order::Finish(id) => self.finish(who, at, now, id, batch),
            Order::Rate { conversation, stars, comment } => self.rate(who, at, conversation, stars, comment, batch),
            Order::Status(status) => {
                let agent = agent_of(who)?;
                self.decide(Input::StatusChosen { agent, status }, now, batch)?;
                Ok(Answer::Done)
            }
            Order::Accept(offer) => self.accept(who, now, offer, batch),
            Order::Decline(offer) => {
                let agent = agent_of(who)?;
                self.decide(Input::OfferDeclined { agent, offer }, now, batch)?;
                Ok(Answer::Done)
            }
            Order::Transfer { conversation, to, note } => self.transfer(who, at, now, (conversation, &to, note), batch),
            Order::CancelTransfer(conversation) => {
                let by = agent_of(who)?;
                self.decide(Input::TransferCancelled { conversation, by }, now, batch)?;
                Ok(Answer::Done)
            }
            Order::Correct(wanted) => {
                let row = self.correcting.take();
                self.correct(who, (now, at), wanted, row, batch)
            }
            Order::Close { conversation, outcome, hand_on, gap, write_back } => {
                let answer = self.close(who, now, conversation, outcome, hand_on, batch)?;
                // In the transaction of the closing: rules 9 and 10.
                let ask = |row| Change::Task(TaskChange::Ask { row, asker: Some(conversation) });
                batch.unit.changes.extend(gap.map(ask));
                batch.unit.changes.extend(write_back.map(|one| Change::Knowledge(KnowledgeChange::WriteBack(one))));
                Ok(answer)
            }
            Order::RaiseFlag { conversation, reason, text } => {
                self.raise_flag(who, (at, now), conversation, reason, text, batch)
            }
            Order::LowerFlag(id) => self.lower_flag(who, (at, now), id, batch),
            Order::Join { conversation, joined } => self.join(who, (at, now), conversation, joined, batch),
            Order::TakeOver(id) => self.take_over(who, now, id, batch),
            Order::Assign { conversation, agent, reason } => {
                self.assign(who, now, (conversation, agent, reason), batch)
            }
            Order::StatusOf { agent, status, reason } => self.set_status(who, now, (agent, status, reason), batch),
            Order::Acknowledge { alert, note } => self.acknowledge(who, now, alert, note, batch),
        }
    }

    /// The citizen's own conversation.
    pub(super) fn mine(&mut self, who: &Actor, id: ConversationId) -> Result<&mut Case, WireError> {
        let citizen = citizen_of(who)?;
        // Not telling strangers that it exists.
        self.own(citizen.id, id).ok_or_else(unknown)
    }

    fn open(
        &mut self,
        who: &Actor,
        at: Timestamp,
        (item, district): (Option<String>, Option<String>),
        (channel, visit): (Channel, Option<HallVisit>),
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let citizen = citizen_of(who)?;
        // Every call has a conversation of its own: several people may call by one number, and whoever calls again while the
        // call before is being wrapped up has a new matter.
        if channel != Channel::Call
            && let Some(conversation) = self.cases.open_of(citizen.id, item.as_deref())
        {
            return Ok(Answer::Opened { conversation });
        }
        if let Some(code) = item.as_deref().filter(|code| self.world.catalogue.item(code).is_none()) {
            let error = WireError::new(ErrorCode::UnknownItem, format!("there is no item {code:?}"));
            return Err(WireError { field: Some("item".to_owned()), ..error });
        }
        let directory = self.world.catalogue.directory();
        let is_district = |code: &str| directory.unit(code).is_some_and(|unit| unit.kind == UnitKind::District);
        if district.as_deref().is_some_and(|code| !is_district(code)) {
            return Err(WireError::field("district", "is no district"));
        }
        let conversation = ConversationId::new(new_id());
        let greeting = bot::greeting(&self.world.catalogue, item.as_deref(), district);
        let (hall, ticket) = visit.map_or((None, None), |visit| (Some(visit.hall), visit.ticket));
        let row = ConversationRow {
            id: conversation,
            citizen: citizen.id,
            team: self.team_for(item.as_deref(), channel),
            item,
            channel,
            hall,
            ticket,
            stage: Stage::Bot,
            agent: None,
            outcome: None,
            stars: None,
            comment: None,
            opened_at: at,
            closed_at: None,
            clock_no: 0,
            slot: None,
            call_back_phone: None,
            citizen_read: 0,
            agent_read: 0,
            head_start: 0,
            at_head: false,
            last_agent: None,
        };
        batch.unit.changes.extend([Change::Citizen(citizen.row(at)), Change::NewConversation(row.clone())]);
        batch.unit.entries.push(entry(conversation, Lane::Public, at, Author::Bot, &Party::Bot, &greeting));
        let ConversationRow { item, team, hall, ticket, .. } = row.clone();
        batch.log(conversation, at, Event::Opened { citizen: citizen.id, item, team, channel, hall, ticket });
        batch.views.insert(conversation);
        self.cases.insert(Case { language: citizen.language, ..Case::new(row, person(citizen)) });
        Ok(Answer::Opened { conversation })
    }

    /// A visitor has turned out to be this citizen: what they asked becomes the citizen's, and the log of each conversation
    /// says so. Once; whoever comes second finds nothing.
    fn claim(
        &mut self,
        who: &Actor,
        at: Timestamp,
        visitor: CitizenId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let citizen = citizen_of(who)?;
        let is_claimed = |change: &Change| matches!(change, Change::Claim { visitor: other, .. } if *other == visitor);
        let known = self.claiming.take().filter(|_| !batch.unit.changes.iter().any(is_claimed));
        let mut all: BTreeSet<ConversationId> = known.ok_or_else(unknown)?.into_iter().collect();
        // Some may have been opened a moment ago, in this turn.
        let open = self.cases.of(visitor);
        all.extend(&open);
        let (id, person) = (citizen.id, person(citizen));
        batch.unit.changes.push(Change::Citizen(citizen.row(at)));
        batch.unit.changes.push(Change::Claim {
            visitor,
            citizen: id,
            conversations: all.iter().copied().collect(),
            at,
        });
        for conversation in &all {
            batch.log(*conversation, at, Event::Claimed { visitor, citizen: id });
        }
        self.cases.claim(visitor, id, &person);
        for conversation in open {
            batch.agents.extend(self.cases.get(conversation).and_then(|case| case.row.agent));
            batch.views.insert(conversation);
        }
        Ok(Answer::Claimed { conversations: u32::try_from(all.len()).unwrap_or(u32::MAX) })
    }

    fn reopen(
        &mut self,
        who: &Actor,
        at: Timestamp,
        id: ConversationId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let case = self.mine(who, id)?;
        if case.row.stage != Stage::Closed {
            return Ok(Answer::Done);
        }
        if !case.row.closed_at.is_some_and(|closed| may_continue(closed, at)) {
            return Err(wrong_stage(Stage::Closed));
        }
        case.row.stage = Stage::Bot;
        case.row.agent = None;
        case.row.outcome = None;
        case.row.closed_at = None;
        case.row.slot = None;
        batch.say(id, at, ThreadBody::Reopened);
        batch.log(id, at, Event::Reopened {});
        batch.touch(id);
        Ok(Answer::Done)
    }

    fn request_human(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        id: ConversationId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let case = self.mine(who, id)?;
        // Whoever waits or is served already is served to the end.
        if matches!(case.row.stage, Stage::Bot | Stage::CallBack | Stage::Closed)
            && let Some(until) = self.blocked_until(id, at)
        {
            return Ok(Answer::Blocked { until });
        }
        self.reopen(who, at, id, batch)?;
        let case = self.mine(who, id)?;
        match (case.row.stage, case.clock) {
            // Asked already, perhaps in another tab: the same promise.
            (Stage::Waiting | Stage::Offered | Stage::Serving, Some(clock)) => {
                return Ok(Answer::Queued { due_at: clock.due_at });
            }
            (Stage::Bot | Stage::CallBack, _) => {}
            (stage, _) => return Err(wrong_stage(stage)),
        }
        let team = case.row.team.clone();
        let catalogue = Arc::clone(&self.world.catalogue);
        let (calendar, team) = (catalogue.calendar_of(&team), catalogue.team_or_general(&team));
        if !calendar.in_service(at) {
            let slots = self.free_slots(team, at).take(SLOTS_OFFERED).collect();
            let opens_at = calendar.next_open(at).unwrap_or(at);
            return Ok(Answer::OutOfHours { opens_at, slots });
        }
        // Who they are now counts, not when the conversation was opened.
        let citizen = citizen_of(who)?;
        let head_start = self.cases.get(id).map_or(0, |case| self.head_start_of(citizen, case));
        let case = self.mine(who, id)?;
        (case.row.head_start, case.language) = (head_start, citizen.language);
        if let Some(plan) = self.plan_of(id) {
            self.decide(plan, now, batch)?;
        }
        let demand = self.demand_of(id);
        // A promised call-back is overtaken; its receipt stands until somebody has dealt with the matter.
        self.decide(Input::HumanRequested { conversation: id, team, at, demand }, now, batch)?;
        let due_at = self.router.conversation(id).map(|routed| routed.clock.due_at);
        Ok(Answer::Queued { due_at: due_at.unwrap_or(at) })
    }

    /// Is the conversation's citizen kept from its team, and until when?
    fn blocked_until(&self, id: ConversationId, at: Timestamp) -> Option<Option<Timestamp>> {
        let row = &self.cases.get(id)?.row;
        let block = self.world.catalogue.directory().block(row.citizen, &row.team, at)?;
        Some(block.until)
    }

    /// Slots of the coming days.
    pub(super) fn slots(&self, team: TeamId, from: Timestamp) -> impl Iterator<Item = Slot> + '_ {
        let catalogue = &self.world.catalogue;
        let code = catalogue.team_at(team).map_or(GENERAL, |team| &team.code);
        catalogue.calendar_of(code).slots(from, catalogue.slots_of(code).0).map(slot).take(SLOTS_AHEAD)
    }

    /// Those of them that still have room.
    pub(super) fn free_slots(&self, team: TeamId, from: Timestamp) -> impl Iterator<Item = Slot> + '_ {
        let code = self.world.catalogue.team_at(team).map_or(GENERAL, |team| &team.code);
        let capacity = self.world.catalogue.slots_of(code).1 as usize;
        self.slots(team, from).filter(move |slot| self.router.call_backs_at(team, slot.starts_at) < capacity)
    }

    fn cancel_request(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        id: ConversationId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        self.mine(who, id)?;
        self.give_up(at, now, id, batch)
    }

    /// The request or the promised call-back is not wanted any more.
    pub(super) fn give_up(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        id: ConversationId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let stage = self.cases.get(id).ok_or_else(unknown)?.row.stage;
        match stage {
            Stage::Bot => return Ok(Answer::Done),
            Stage::Waiting | Stage::Offered | Stage::CallBack => {}
            Stage::Serving | Stage::WrapUp | Stage::Closed => return Err(wrong_stage(stage)),
        }
        self.decide(Input::RequestCancelled { conversation: id }, now, batch)?;
        batch.say(id, at, ThreadBody::RequestCancelled);
        batch.log(id, at, Event::RequestCancelled {});
        batch.over.push(id);
        self.promise_over(id, now, batch);
        self.settle(id, ReceiptState::Cancelled, at, batch);
        if let Some(case) = self.cases.get_mut(id) {
            case.row.stage = Stage::Bot;
            case.row.slot = None;
        }
        self.note_queue(id, batch);
        batch.touch(id);
        Ok(Answer::Done)
    }

    /// The promise of the open receipt, if there is one, is kept or taken back.
    fn settle(&mut self, id: ConversationId, state: ReceiptState, at: Timestamp, batch: &mut Batch) {
        let Some(case) = self.cases.get_mut(id) else { return };
        let (Some(receipt), before) = (case.receipt.take(), case.row.slot.map(slot)) else { return };
        self.call_back_over(id, batch);
        if state == ReceiptState::Cancelled {
            self.audit_call_back("call_back.cancel", id, &receipt, at, (before, None), batch);
        }
        batch.unit.changes.push(Change::ReceiptSettled { conversation: id, receipt: receipt.clone(), state, at });
        batch.log(id, at, Event::ReceiptSettled { receipt, state });
    }

    /// The queue that the conversation stood in has changed.
    pub(super) fn note_queue(&self, id: ConversationId, batch: &mut Batch) {
        batch.queues.extend(self.cases.get(id).map(|case| self.team_of(&case.row)));
    }

    fn next_receipt(&mut self, letters: &str, at: Timestamp) -> String {
        let day = Calendar::day_start(at);
        let number = if self.receipts.0 == day { self.receipts.1 + 1 } else { 1 };
        self.receipts = (day, number);
        format!("{letters}{}-{number:04}", Calendar::day_number(at))
    }

    fn leave_message(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        (id, client_id, text, phone, starts_at): (ConversationId, String, String, String, Timestamp),
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let stage = self.mine(who, id)?.row.stage;
        if stage != Stage::Bot {
            return Err(wrong_stage(stage));
        }
        if let Some(until) = self.blocked_until(id, at) {
            return Ok(Answer::Blocked { until });
        }
        let team = self.cases.get(id).map(|case| self.team_of(&case.row)).ok_or_else(unknown)?;
        let wanted = self.slot_with_room(team, at, starts_at)?;
        let receipt = self.next_receipt("SH", at);
        if let Some(case) = self.cases.get_mut(id) {
            case.row.stage = Stage::CallBack;
            case.row.slot = Some((wanted.starts_at, wanted.ends_at));
            case.row.call_back_phone = Some(phone);
            // Whoever was given a time comes at that time.
            case.row.head_start = 0;
            case.last_text = Some(preview(&text));
            case.receipt = Some(receipt.clone());
        }
        let body = ThreadBody::Text { text, entry: None, revision: None, files: Vec::new() };
        let mut message = entry(id, Lane::Public, at, Author::Citizen, &Party::Citizen, &body);
        message.client_id = Some(client_id);
        batch.unit.entries.push(message);
        batch.say(id, at, ThreadBody::MessageLeft { receipt: receipt.clone(), slot: wanted });
        batch.unit.changes.push(Change::Receipt(ReceiptRow {
            receipt: receipt.clone(),
            conversation: id,
            hand_on: None,
            made_at: at,
            state: ReceiptState::Open,
            settled_at: None,
            reminded_at: None,
        }));
        let (starts_at, ends_at) = (wanted.starts_at, wanted.ends_at);
        batch.log(id, at, Event::MessageLeft { receipt: receipt.clone(), starts_at, ends_at });
        batch.touch(id);
        // Last: a slot that begins right now is due at once. A conversation with the bot is none of the router's, so that
        // it cannot refuse.
        if let Some(plan) = self.plan_of(id) {
            self.decide(plan, now, batch)?;
        }
        let (demand, at) = (self.demand_of(id), wanted.starts_at);
        self.expect_call_back(id, false);
        self.decide(Input::CallBackPromised { conversation: id, team, at, demand }, now, batch)?;
        self.remind(now, batch);
        Ok(Answer::MessageLeft { receipt, slot: wanted })
    }

    fn feedback(
        &mut self,
        who: &Actor,
        at: Timestamp,
        id: ConversationId,
        answer: u64,
        solved: bool,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let case = self.mine(who, id)?;
        if case.row.stage != Stage::Bot {
            return Err(wrong_stage(case.row.stage));
        }
        let body = ThreadBody::BotFeedback { answer, solved };
        batch.unit.entries.push(entry(id, Lane::Public, at, Author::Citizen, &Party::Citizen, &body));
        batch.log(id, at, Event::BotJudged { answer, solved });
        if solved {
            self.shut(id, at, Outcome::SolvedByBot, None, None, batch);
        }
        Ok(Answer::Done)
    }

    pub(super) fn shut(
        &mut self,
        id: ConversationId,
        at: Timestamp,
        outcome: Outcome,
        hand_on: Option<HandOnChannel>,
        receipt: Option<String>,
        batch: &mut Batch,
    ) {
        if let Some(case) = self.cases.get_mut(id) {
            debug_assert!(may_pass(case.row.stage, Stage::Closed));
            case.row.stage = Stage::Closed;
            case.row.outcome = Some(outcome);
            case.row.closed_at = Some(at);
            case.transfer = None;
        }
        self.dismiss_helpers(id, batch);
        self.today.close(id, outcome);
        batch.over.push(id);
        batch.say(id, at, ThreadBody::Closed { outcome, hand_on, receipt: receipt.clone() });
        batch.log(id, at, Event::Closed { outcome, hand_on, receipt });
        self.world.notices.silence.end(id);
        self.clear_alerts_of(id, at, batch);
        self.note_queue(id, batch);
        batch.touch(id);
        self.passes(id);
    }

    fn finish(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        id: ConversationId,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let case = self.mine(who, id)?;
        match case.row.stage {
            Stage::Closed | Stage::WrapUp => {}
            Stage::Serving => {
                case.row.stage = Stage::WrapUp;
                let agent = case.row.agent;
                self.decide(Input::CitizenFinished { conversation: id }, now, batch)?;
                batch.over.push(id);
                self.promise_over(id, now, batch);
                batch.say(id, at, ThreadBody::Finished);
                batch.log(id, at, Event::Finished {});
                batch.agents.extend(agent);
                batch.touch(id);
            }
            Stage::Bot | Stage::Waiting | Stage::Offered | Stage::CallBack => {
                self.decide(Input::Closed { conversation: id }, now, batch)?;
                self.settle(id, ReceiptState::Cancelled, at, batch);
                self.shut(id, at, Outcome::Abandoned, None, None, batch);
            }
        }
        Ok(Answer::Done)
    }

    fn rate(
        &mut self,
        who: &Actor,
        at: Timestamp,
        id: ConversationId,
        stars: u8,
        comment: String,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let case = self.mine(who, id)?;
        let in_time = case.row.closed_at.is_some_and(|closed| may_continue(closed, at));
        if case.row.stage != Stage::Closed || case.row.agent.is_none() || !in_time {
            return Err(wrong_stage(case.row.stage));
        }
        case.row.stars = Some(stars);
        case.row.comment = Some(comment);
        batch.say(id, at, ThreadBody::Rated { stars });
        batch.log(id, at, Event::Rated { stars });
        batch.touch(id);
        self.passes(id);
        Ok(Answer::Done)
    }

    fn accept(&mut self, who: &Actor, now: Timestamp, offer: OfferId, batch: &mut Batch) -> Result<Answer, WireError> {
        let agent = agent_of(who)?;
        self.decide(Input::OfferAccepted { agent, offer }, now, batch)?;
        Ok(Answer::Done)
    }

    fn transfer(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        (id, to, note): (ConversationId, &TransferTarget, String),
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let by = agent_of(who)?;
        let (target, to_name) = match to {
            TransferTarget::Agent { agent } if !self.world.rights.sees_colleague(by, *agent) => {
                return Err(WireError::field("to", "no such agent"));
            }
            TransferTarget::Agent { agent } => {
                (Target::Agent(*agent), self.name_of(*agent).ok_or_else(|| WireError::field("to", "no such agent"))?)
            }
            TransferTarget::Team { team } => {
                let id = self.world.catalogue.team(team).ok_or_else(|| WireError::field("to", "no such team"))?;
                let name = self.world.catalogue.team_at(id).map(|team| team.name.clone()).unwrap_or_default();
                (Target::Team(id), name)
            }
        };
        // Before the offer is made, which shows it.
        let before = self.cases.get_mut(id).map(|case| case.transfer.replace((to_name.clone(), note.clone())));
        let (to_agent, to_team) = match to {
            TransferTarget::Agent { agent } => (Some(*agent), None),
            TransferTarget::Team { team } => (None, Some(team.clone())),
        };
        let logged = batch.unit.events.len();
        if let Err(error) = self.decide(Input::TransferRequested { conversation: id, by, to: target }, now, batch) {
            if let (Some(before), Some(case)) = (before, self.cases.get_mut(id)) {
                case.transfer = before;
            }
            return Err(error);
        }
        // Asked before anybody was offered it, and so it stands in the log.
        let what = Event::TransferRequested { by, to_agent, to_team };
        let event = bangban_store::Event { conversation: Some(id), at: now, actor: batch.actor, what };
        batch.unit.events.insert(logged, event);
        let name = self.name_of(by).unwrap_or_default();
        let body = ThreadBody::TransferNote { to_name, what: "requested".to_owned(), text: note };
        let from = Party::Agent { id: by, name };
        batch.unit.entries.push(entry(id, Lane::Notes, at, Author::Agent(by), &from, &body));
        batch.agents.insert(by);
        batch.touch(id);
        Ok(Answer::Done)
    }

    fn close(
        &mut self,
        who: &Actor,
        now: Timestamp,
        id: ConversationId,
        outcome: Outcome,
        hand_on: Option<HandOnChannel>,
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let agent = agent_of(who)?;
        let case = self.cases.get(id).ok_or_else(unknown)?;
        if case.row.agent != Some(agent) {
            return Err(forbidden());
        }
        if !matches!(case.row.stage, Stage::Serving | Stage::WrapUp) {
            return Err(wrong_stage(case.row.stage));
        }
        if !may_close_with(outcome) {
            return Err(WireError::field("outcome", "not an outcome that an agent may give"));
        }
        if hand_on.is_some() != (outcome == Outcome::OutOfScope) {
            return Err(WireError::field("handOn", "needed with out_of_scope, and only there"));
        }
        self.decide(Input::Closed { conversation: id }, now, batch)?;
        let receipt = hand_on.map(|channel| {
            let receipt = self.next_receipt("ZB", now);
            batch.unit.changes.push(Change::Receipt(ReceiptRow {
                receipt: receipt.clone(),
                conversation: id,
                hand_on: Some(channel),
                made_at: now,
                // Our part is done with the receipt itself.
                state: ReceiptState::Done,
                settled_at: Some(now),
                reminded_at: None,
            }));
            receipt
        });
        self.settle(id, ReceiptState::Done, now, batch);
        self.shut(id, now, outcome, hand_on, receipt.clone(), batch);
        batch.agents.insert(agent);
        Ok(Answer::Closed { receipt })
    }
}
