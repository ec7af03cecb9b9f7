//! Promised call-backs: reminders once each, and the citizen who moves or cancels one.

use bangban_domain::{
    history::Event,
    time::{MINUTE, SECOND},
    words::ReceiptState,
};
use bangban_protocol::{CallBackView, ReceiptView, Slot};

use super::*;

impl House {
    async fn free(&self, who: &Principal, conversation: ConversationId) -> Vec<Slot> {
        match self.ok(who, Command::RequestHuman { conversation }).await {
            Answer::OutOfHours { slots, .. } => slots,
            other => panic!("{other:?}"),
        }
    }

    async fn promise(&mut self, who: &Principal, slot: Slot) -> (ConversationId, String) {
        let conversation = self.converse(who, "residence-permit").await;
        self.sent += 1;
        let message = Command::LeaveMessage {
            conversation,
            client_id: format!("c{}", self.sent),
            text: "请回电".to_owned(),
            phone: "13800138000".to_owned(),
            slot: slot.starts_at,
        };
        match self.ok(who, message).await {
            Answer::MessageLeft { receipt, .. } => (conversation, receipt),
            other => panic!("{other:?}"),
        }
    }

    async fn moved(&self, who: &Principal, conversation: ConversationId, slot: Slot) -> Result<Answer, WireError> {
        self.give(who, Command::MoveCallBack { conversation, slot: slot.starts_at }).await
    }

    async fn slots_of(&self, who: &Principal, conversation: ConversationId) -> Vec<Slot> {
        match self.ok(who, Command::CallBackSlots { conversation }).await {
            Answer::CallBackSlots { slots } => slots,
            other => panic!("{other:?}"),
        }
    }

    /// As the receipt page asks.
    pub(super) async fn receipt_by(
        &self,
        who: Option<&Principal>,
        number: &str,
        phone_end: Option<&str>,
    ) -> Option<ReceiptView> {
        let held = self.app.held(who, number, phone_end).await.unwrap()?;
        Some(self.app.receipt(held).await.unwrap())
    }

    async fn receipt(&self, number: &str) -> ReceiptView {
        self.receipt_by(None, number, Some("8000")).await.unwrap()
    }

    async fn soon(&self, id: ConversationId) -> Vec<Slot> {
        let bodies = self.bodies(id).await.into_iter();
        bodies.filter_map(|body| if let ThreadBody::CallBackSoon { slot } = body { Some(slot) } else { None }).collect()
    }

    async fn near(&self, n: u128) -> Vec<CallBackView> {
        self.advance(500).await;
        self.desk(n).await.call_backs
    }

    async fn row(&self, id: ConversationId) -> Option<(Timestamp, Timestamp)> {
        self.app.store.conversation(id).await.unwrap().unwrap().slot
    }

    /// Who did what to a receipt, newest first.
    async fn acts_on(&self, receipt: &str) -> Vec<(String, String, String)> {
        let rows = self.app.store.audit_before(u64::MAX, 1_000).await.unwrap();
        let of_receipt = rows.into_iter().filter(|row| row.subject == receipt);
        of_receipt.map(|row| (row.actor.text().into_owned(), row.action, row.detail)).collect()
    }
}

/// Evening; the slots of tomorrow begin at 09:00.
async fn evening() -> House {
    House::open(at(17, 30, 0), HoursKey::Calendar).await
}

#[tokio::test]
async fn five_minutes_before_the_slot_team_and_citizen_are_reminded_once_also_across_restarts() {
    let mut house = evening().await;
    let who = citizen(1);
    let id = house.converse(&who, "residence-permit").await;
    let slot = house.free(&who, id).await[1];
    let (id, receipt) = house.promise(&who, slot).await;
    house.come(1).await;
    let remind_at = slot.starts_at.0 - 5 * MINUTE;
    house.advance_to(remind_at - 1).await;
    assert_eq!((house.soon(id).await, house.desk(1).await.call_backs), (vec![], vec![]));
    house.advance_to(remind_at).await;
    assert_eq!(house.soon(id).await, [slot]);
    let near = house.near(1).await;
    assert_eq!(near.len(), 1);
    assert_eq!((near[0].conversation, &*near[0].citizen_name, near[0].slot), (id, "张*", slot));
    assert_eq!(house.near(5).await, [], "not of another team");
    assert_eq!(house.receipt(&receipt).await.reminded_at, Some(Timestamp(remind_at)));

    house = house.restart().await;
    house.come(1).await;
    house.advance(10 * SECOND).await;
    assert_eq!(house.soon(id).await, [slot], "once");
    assert_eq!(house.near(1).await.len(), 1, "the team still sees it");
    house.advance_to(slot.starts_at.0).await;
    assert_eq!((house.stage(id).await, house.near(1).await), (Stage::Offered, vec![]), "it has come");
    assert_eq!(house.soon(id).await, [slot]);
}

#[tokio::test]
async fn a_server_that_slept_reminds_late_but_of_no_slot_that_has_begun() {
    let mut house = evening().await;
    let (one, two) = (citizen(1), citizen(2));
    let id = house.converse(&one, "residence-permit").await;
    let slots = house.free(&one, id).await;
    let (early, _) = house.promise(&one, slots[0]).await;
    let (late, _) = house.promise(&two, slots[1]).await;
    // Down over the reminder of both and the begin of the first.
    house.hand.advance(slots[1].starts_at.0 - MINUTE - house.now().0);
    house = house.restart().await;
    house.settle().await;
    assert_eq!((house.soon(early).await, house.soon(late).await), (vec![], vec![slots[1]]));
    assert_eq!(house.stage(early).await, Stage::Waiting);
    let due = house.app.store.ledger_of(early).await.unwrap()[0].due_at;
    assert_eq!(due, slots[0].starts_at + MINUTE, "its minute began with its slot");
}

#[tokio::test]
async fn what_is_promised_less_than_five_minutes_ahead_is_told_to_the_team_at_once() {
    let mut house = evening().await;
    let who = citizen(1);
    let id = house.converse(&who, "residence-permit").await;
    let slot = house.free(&who, id).await[0];
    house.advance_to(slot.starts_at.0 - 2 * MINUTE).await;
    house.come(1).await;
    let (id, _) = house.promise(&who, slot).await;
    assert_eq!(house.soon(id).await, [slot]);
    assert_eq!(house.near(1).await.len(), 1);
}

#[tokio::test]
async fn moving_keeps_capacity_and_the_ledger_and_the_log_follow() {
    let mut house = evening().await;
    let first = citizen(1);
    let opened = house.converse(&first, "residence-permit").await;
    let slots = house.free(&first, opened).await;
    let mut all = Vec::new();
    for n in 1..=4 {
        all.push(house.promise(&citizen(n), slots[0]).await);
    }
    let (id, receipt) = all[0].clone();
    let (fifth, _) = house.promise(&citizen(5), slots[1]).await;
    let full = house.moved(&citizen(5), fifth, slots[0]).await.unwrap_err();
    assert_eq!((full.code, full.field.as_deref()), (ErrorCode::SlotFull, Some("slot")));
    assert_eq!(house.row(fifth).await, Some((slots[1].starts_at, slots[1].ends_at)), "nothing was changed");
    let offered = house.slots_of(&citizen(5), fifth).await;
    assert!(!offered.contains(&slots[0]) && !offered.contains(&slots[1]), "neither a full one nor the own one");

    let answer = house.moved(&first, id, slots[2]).await.unwrap();
    assert_eq!(answer, Answer::CallBackMoved { receipt: receipt.clone(), slot: slots[2] });
    assert_eq!(house.moved(&first, id, slots[2]).await.unwrap(), answer, "said twice, done once");
    assert_eq!(house.row(id).await, Some((slots[2].starts_at, slots[2].ends_at)));
    house.moved(&citizen(5), fifth, slots[0]).await.unwrap();
    house.advance(200).await;
    assert_eq!(house.board().await.total.call_backs, 5, "five people, five places");

    // The promise of the ledger is the new slot, and so it is after a restart.
    let ledger = house.app.store.promises_of(id).await.unwrap().slots;
    assert_eq!((ledger[0].starts_at, ledger[0].ends_at), (slots[2].starts_at, slots[2].ends_at));
    let events = house.app.store.events_of(id).await.unwrap();
    let moves = events.iter().filter(|event| matches!(event.what, Event::CallBackMoved { .. })).count();
    assert_eq!(moves, 1);
    let audited = house.acts_on(&receipt).await;
    let (before, after) = (slots[0].starts_at.0, slots[2].starts_at.0);
    assert_eq!((audited.len(), &*audited[0].0, &*audited[0].1), (1, "citizen", "call_back.move"));
    assert!(
        audited[0].2.contains(&before.to_string()) && audited[0].2.contains(&after.to_string()),
        "{}",
        audited[0].2
    );
    house = house.restart().await;
    let sixth = house.converse(&citizen(6), "residence-permit").await;
    assert_eq!(
        house.free(&citizen(6), sixth).await[0],
        slots[1],
        "the first is full, the moved one left no place behind"
    );
    house.advance_to(slots[0].starts_at.0).await;
    assert_eq!(house.stage(id).await, Stage::CallBack);
    house.advance_to(slots[2].starts_at.0).await;
    assert_eq!(house.stage(id).await, Stage::Waiting);
    assert_eq!(house.app.store.ledger_of(id).await.unwrap()[0].due_at, slots[2].starts_at + MINUTE);
}

#[tokio::test]
async fn two_who_want_the_last_place_at_the_same_moment_get_one_of_it() {
    let mut house = evening().await;
    let opened = house.converse(&citizen(9), "residence-permit").await;
    let slots = house.free(&citizen(9), opened).await;
    for n in 1..=3 {
        house.promise(&citizen(n), slots[0]).await;
    }
    let (one, two) = (house.promise(&citizen(4), slots[1]).await.0, house.promise(&citizen(5), slots[1]).await.0);
    let (four, five) = (citizen(4), citizen(5));
    let (a, b) = tokio::join!(house.moved(&four, one, slots[0]), house.moved(&five, two, slots[0]));
    assert_eq!((a.is_ok(), b.unwrap_err().code), (true, ErrorCode::SlotFull));
}

#[tokio::test]
async fn a_past_slot_is_refused_by_name_and_what_has_come_is_not_moved() {
    let mut house = evening().await;
    let who = citizen(1);
    let opened = house.converse(&who, "residence-permit").await;
    let slots = house.free(&who, opened).await;
    let (id, receipt) = house.promise(&who, slots[1]).await;
    house.advance_to(slots[0].starts_at.0 + 1).await;
    let past = house.moved(&who, id, slots[0]).await.unwrap_err();
    assert_eq!((past.code, past.field.as_deref()), (ErrorCode::SlotPast, Some("slot")));
    let odd = Slot { starts_at: slots[1].starts_at + 1, ..slots[1] };
    let none = house.moved(&who, id, odd).await.unwrap_err();
    assert_eq!((none.code, none.field.as_deref()), (ErrorCode::BadRequest, Some("slot")));
    assert_eq!(house.moved(&citizen(2), id, slots[2]).await.unwrap_err().code, ErrorCode::NotFound, "not theirs");
    assert_eq!(house.moved(&supervisor(), id, slots[2]).await.unwrap_err().code, ErrorCode::Forbidden);
    house.advance_to(slots[1].starts_at.0).await;
    assert_eq!(house.moved(&who, id, slots[2]).await.unwrap_err().code, ErrorCode::InvalidStage);
    let view = house.receipt(&receipt).await;
    assert_eq!((view.slots.len(), view.may_cancel), (0, true), "it has come: only taking it back is left");
}

#[tokio::test]
async fn a_moved_call_back_is_reminded_of_anew_and_a_cancelled_one_not_at_all() {
    let mut house = evening().await;
    let (one, two) = (citizen(1), citizen(2));
    let opened = house.converse(&one, "residence-permit").await;
    let slots = house.free(&one, opened).await;
    let (moved, receipt) = house.promise(&one, slots[0]).await;
    let (cancelled, _) = house.promise(&two, slots[0]).await;
    house.come(1).await;
    house.ok(&two, Command::CancelRequest { conversation: cancelled }).await;
    house.advance_to(slots[0].starts_at.0 - 5 * MINUTE).await;
    assert_eq!((house.soon(moved).await, house.soon(cancelled).await), (vec![slots[0]], vec![]));
    house.moved(&one, moved, slots[2]).await.unwrap();
    assert_eq!((house.near(1).await, house.receipt(&receipt).await.reminded_at), (vec![], None));
    house = house.restart().await;
    house.advance_to(slots[2].starts_at.0 - 5 * MINUTE).await;
    assert_eq!(house.soon(moved).await, [slots[0], slots[2]]);
}

#[tokio::test]
async fn with_the_receipt_alone_one_moves_and_cancels_that_promise_and_nothing_else() {
    let mut house = evening().await;
    let who = citizen(1);
    let opened = house.converse(&who, "residence-permit").await;
    let slots = house.free(&who, opened).await;
    let (id, receipt) = house.promise(&who, slots[0]).await;
    assert!(house.app.held(None, &receipt, Some("8001")).await.unwrap().is_none(), "another telephone");
    let view = house.receipt(&receipt).await;
    assert_eq!((view.slot, view.may_cancel, view.slots[0]), (Some(slots[0]), true, slots[1]));
    let held = house.app.held(None, &receipt, Some("8000")).await.unwrap().unwrap();
    let view = house.app.move_held(held, slots[3].starts_at).await.unwrap();
    assert_eq!(view.slot, Some(slots[3]));
    let held = house.app.held(None, &receipt, Some("8000")).await.unwrap().unwrap();
    assert_eq!(house.app.cancel_held(held).await.unwrap().state, ReceiptState::Cancelled);
    assert_eq!((house.stage(id).await, house.row(id).await), (Stage::Bot, None));
    let again = house.app.held(None, &receipt, Some("8000")).await.unwrap().unwrap();
    assert_eq!(house.app.cancel_held(again).await.unwrap().state, ReceiptState::Cancelled, "once more changes nothing");
    // A newer promise of the same conversation is not the old receipt's.
    let (_, newer) = house.promise(&who, slots[1]).await;
    let old = house.app.held(None, &receipt, Some("8000")).await.unwrap().unwrap();
    assert_eq!(house.app.move_held(old, slots[4].starts_at).await.unwrap_err().code, ErrorCode::InvalidStage);
    assert_eq!(house.receipt(&newer).await.slot, Some(slots[1]));
    let actions: Vec<String> = house.acts_on(&receipt).await.into_iter().map(|line| line.1).collect();
    assert_eq!(actions, ["call_back.cancel", "call_back.move"]);
}
