//! Promised call-backs (rule 2): their reminders, and the citizen who chooses another time or takes the promise back. A move is
//! one step of the router and one unit of the store, so that it has one place in one slot at every moment.

use std::collections::BTreeSet;

use bangban_domain::{
    ConversationId, TeamId, Timestamp, call_back::Promised, history::Event, routing::Input, words::Stage,
};
use bangban_protocol::{Answer, CallBackView, ErrorCode, Slot, ThreadBody, WireError};
use bangban_store::{Audit, Author, Change};

use super::{
    Actor,
    batch::{Batch, json},
    case::{Case, slot},
    orders::{SLOTS_OFFERED, forbidden, unknown, wrong_stage},
    owner::Owner,
};

/// An agent is shown so many that are near.
const NEAR: usize = 20;

impl Owner {
    // --- reminders --------------------------------------------------------------------------------------------

    /// Begins to wait for the reminder of a call-back that is still to come.
    pub(super) fn expect_call_back(&mut self, id: ConversationId, is_reminded: bool) {
        let Some(case) = self.cases.get(id).filter(|case| case.row.stage == Stage::CallBack) else { return };
        let Some((starts_at, ends_at)) = case.row.slot else { return };
        let promised = Promised { team: self.team_of(&case.row), starts_at, ends_at };
        let ahead = self.world.catalogue.basis().call_back_remind;
        self.reminders.promise(id, promised, (!is_reminded).then_some(ahead));
    }

    /// It has come, or was taken back.
    pub(super) fn call_back_over(&mut self, id: ConversationId, batch: &mut Batch) {
        self.reminders.forget(id);
        // Whose agents were shown it.
        self.note_queue(id, batch);
    }

    /// Reminds the team and the citizen of what is near: with the entry, the event and the row in one unit, once.
    pub(super) fn remind(&mut self, now: Timestamp, batch: &mut Batch) {
        for (id, promised) in self.reminders.take_due(now) {
            let Some(receipt) = self.cases.get(id).and_then(|case| case.receipt.clone()) else { continue };
            let at = Some(now);
            batch.unit.changes.push(Change::ReceiptReminded { conversation: id, receipt: receipt.clone(), at });
            batch.say(id, now, ThreadBody::CallBackSoon { slot: slot((promised.starts_at, promised.ends_at)) });
            let what = Event::CallBackReminded { receipt, starts_at: promised.starts_at };
            batch.log_as(Author::System, id, now, what);
            batch.queues.insert(promised.team);
        }
    }

    /// What the agents of these teams see of it.
    pub(super) fn near_call_backs(&self, teams: &[TeamId]) -> Vec<CallBackView> {
        let of_teams = teams.iter().flat_map(|team| self.reminders.near(*team));
        let near: BTreeSet<_> = of_teams.map(|(id, promised)| (promised.starts_at, id, promised.ends_at)).collect();
        let view = |(starts_at, id, ends_at): (Timestamp, ConversationId, Timestamp)| {
            let case = self.cases.get(id)?;
            let team = self.world.catalogue.team_at(self.team_of(&case.row));
            Some(CallBackView {
                conversation: id,
                citizen_name: case.citizen_name.clone(),
                item_name: self.item_name(case.row.item.as_deref()),
                team_name: team.map(|team| team.name.clone()).unwrap_or_default(),
                slot: slot((starts_at, ends_at)),
            })
        };
        near.into_iter().filter_map(view).take(NEAR).collect()
    }

    // --- the citizen's own ------------------------------------------------------------------------------------

    /// The promise that is theirs: by token, or by the receipt that they have proven to be theirs.
    fn promise_of(&self, who: &Actor, id: ConversationId, receipt: Option<&str>) -> Result<&Case, WireError> {
        let citizen = match who {
            Actor::Citizen(citizen) => citizen.id,
            Actor::Holder(citizen) => *citizen,
            Actor::Staff(_) | Actor::System => return Err(forbidden()),
        };
        let case = self.cases.get(id).filter(|case| case.row.citizen == citizen).ok_or_else(unknown)?;
        // Another promise than the one that stands is over.
        if receipt.is_some() && case.receipt.as_deref() != receipt {
            return Err(wrong_stage(case.row.stage));
        }
        Ok(case)
    }

    /// Where it could be moved to.
    pub(super) fn call_back_slots(&self, who: &Actor, at: Timestamp, id: ConversationId) -> Result<Answer, WireError> {
        let case = self.promise_of(who, id, None)?;
        if case.row.stage != Stage::CallBack {
            return Err(wrong_stage(case.row.stage));
        }
        let own = case.row.slot.map(slot);
        let free = self.free_slots(self.team_of(&case.row), at).filter(|free| Some(*free) != own);
        Ok(Answer::CallBackSlots { slots: free.take(SLOTS_OFFERED).collect() })
    }

    /// The slot that begins then, if it takes one more.
    pub(super) fn slot_with_room(&self, team: TeamId, at: Timestamp, starts_at: Timestamp) -> Result<Slot, WireError> {
        let refused = |code, detail: &str| WireError { field: Some("slot".to_owned()), ..WireError::new(code, detail) };
        if starts_at < at {
            return Err(refused(ErrorCode::SlotPast, "the slot has begun or is over, choose another"));
        }
        let wanted = self.slots(team, at).find(|slot| slot.starts_at == starts_at);
        let wanted = wanted.ok_or_else(|| WireError::field("slot", "not the begin of a slot in the coming days"))?;
        if !self.free_slots(team, at).any(|slot| slot == wanted) {
            return Err(refused(ErrorCode::SlotFull, "the slot is full, choose another"));
        }
        Ok(wanted)
    }

    pub(super) fn move_call_back(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        (id, receipt, starts_at): (ConversationId, Option<&str>, Timestamp),
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        let case = self.promise_of(who, id, receipt)?;
        let (team, stage) = (self.team_of(&case.row), case.row.stage);
        let (Stage::CallBack, Some(before), Some(receipt)) = (stage, case.row.slot, case.receipt.clone()) else {
            return Err(wrong_stage(stage));
        };
        if before.0 == starts_at {
            // Said twice, because the first answer was lost.
            return Ok(Answer::CallBackMoved { receipt, slot: slot(before) });
        }
        let wanted = self.slot_with_room(team, at, starts_at)?;
        if let Some(case) = self.cases.get_mut(id) {
            case.row.slot = Some((wanted.starts_at, wanted.ends_at));
        }
        self.call_back_over(id, batch);
        self.expect_call_back(id, false);
        let again = Change::ReceiptReminded { conversation: id, receipt: receipt.clone(), at: None };
        batch.unit.changes.push(again);
        batch.say(id, at, ThreadBody::CallBackMoved { receipt: receipt.clone(), slot: wanted });
        let (starts_at, ends_at) = (wanted.starts_at, wanted.ends_at);
        batch.log(id, at, Event::CallBackMoved { receipt: receipt.clone(), starts_at, ends_at });
        self.audit_call_back("call_back.move", id, &receipt, at, (Some(slot(before)), Some(wanted)), batch);
        batch.touch(id);
        // Last: a slot that begins right now is due at once. It was promised, so that it cannot be refused.
        self.decide(Input::CallBackMoved { conversation: id, at: starts_at }, now, batch)?;
        self.remind(now, batch);
        Ok(Answer::CallBackMoved { receipt, slot: wanted })
    }

    /// By the receipt's number, without a log-in.
    pub(super) fn cancel_call_back(
        &mut self,
        who: &Actor,
        at: Timestamp,
        now: Timestamp,
        (id, receipt): (ConversationId, &str),
        batch: &mut Batch,
    ) -> Result<Answer, WireError> {
        self.promise_of(who, id, Some(receipt))?;
        self.give_up(at, now, id, batch)
    }

    /// What a citizen does with a promise, for whoever disputes it later: ids and instants only.
    pub(super) fn audit_call_back(
        &self,
        action: &'static str,
        id: ConversationId,
        receipt: &str,
        at: Timestamp,
        (before, after): (Option<Slot>, Option<Slot>),
        batch: &mut Batch,
    ) {
        let Some(case) = self.cases.get(id) else { return };
        batch.unit.changes.push(Change::Audit(Audit {
            at,
            actor: batch.actor,
            action,
            kind: "receipt".to_owned(),
            subject: receipt.to_owned(),
            unit: self.world.rights.unit_of_team(&case.row.team),
            reason: None,
            address: None,
            detail: json(&serde_json::json!({ "before": before, "after": after })),
        }));
    }
}
