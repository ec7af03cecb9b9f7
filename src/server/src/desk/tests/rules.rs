//! Rules of DOMAIN that need service hours, rows and figures beside the router.

use bangban_domain::{
    time::{DAY, MINUTE},
    words::ReceiptState,
};
use bangban_protocol::{HandOverReason, Slot, TransferTarget};
use bangban_store::LedgerRow;

use super::*;

impl House {
    async fn ledger(&self, id: ConversationId) -> Vec<LedgerRow> {
        self.app.store.ledger_of(id).await.unwrap()
    }

    async fn receipt_states(&self, id: ConversationId) -> Vec<(ReceiptState, Option<Timestamp>)> {
        let rows = self.app.store.receipts_of(id).await.unwrap();
        rows.iter().map(|row| (row.state, row.settled_at)).collect()
    }

    async fn slots(&self, who: &Principal, conversation: ConversationId) -> Vec<Slot> {
        match self.ok(who, Command::RequestHuman { conversation }).await {
            Answer::OutOfHours { slots, .. } => slots,
            other => panic!("{other:?}"),
        }
    }

    async fn leave_message(&mut self, who: &Principal, conversation: ConversationId, slot: Slot) -> ErrorCode {
        self.sent += 1;
        let message = Command::LeaveMessage {
            conversation,
            client_id: format!("l{}", self.sent),
            text: "请回电".to_owned(),
            phone: "13800138000".to_owned(),
            slot: slot.starts_at,
        };
        match self.give(who, message).await {
            Ok(_) => ErrorCode::Busy,
            Err(error) => error.code,
        }
    }
}

/// Stands for "no error" in [`House::leave_message`].
const NONE: ErrorCode = ErrorCode::Busy;

#[tokio::test]
async fn a_request_one_second_before_lunch_is_owed_its_minute_and_answered_inside_lunch() {
    let mut house = House::open(at(11, 29, 59), HoursKey::Calendar).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    assert_eq!(house.ledger(id).await[0].due_at, Timestamp(at(11, 30, 59)));
    house.advance_to(at(11, 30, 30)).await;
    let clock = house.view(id).await.clock.unwrap();
    assert_eq!(clock.step.as_str(), "warned", "lunch does not stop the clock");
    house.come(1).await;
    assert_eq!(house.accept(1).await, id);
    house.advance_to(at(11, 30, 59)).await;
    house.say(&agent(1), id, "您好").await;
    let row = &house.ledger(id).await[0];
    assert_eq!(row.answered_at, Some(Timestamp(at(11, 30, 59))));
    house.advance(200).await;
    let total = house.board().await.total;
    assert_eq!((total.today_hits, total.today_decided), (1, 1), "60.000 s is a hit");
    // Whoever asks inside lunch is offered the afternoon.
    let late = house.converse(&citizen(2), "residence-permit").await;
    assert_eq!(house.slots(&citizen(2), late).await[0].starts_at, Timestamp(at(13, 30, 0)));
}

#[tokio::test]
async fn a_request_one_second_before_closing_is_served_after_closing() {
    let house = House::open(at(16, 59, 59), HoursKey::Calendar).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.advance_to(at(17, 0, 20)).await;
    // The first one's duty ended at 16:30, the second one's ends at 17:30.
    house.come(1).await;
    assert_eq!((house.desk(1).await.offer, house.desk(1).await.on_duty), (None, false));
    house.come(2).await;
    assert!(house.desk(2).await.on_duty);
    assert_eq!(house.accept(2).await, id);
}

#[tokio::test]
async fn out_of_hours_a_person_asked_for_in_words_leads_to_a_message_and_its_call_back_is_ordered_by_due_time() {
    let mut house = House::open(at(17, 30, 0), HoursKey::Calendar).await;
    let (early, late, caller) = (citizen(1), citizen(2), citizen(3));
    let id = house.converse(&caller, "residence-permit").await;
    house.say(&caller, id, "转人工").await;
    let opens_at = Some(Timestamp(at(33, 0, 0)));
    let told = ThreadBody::BotHandOver { reason: HandOverReason::WantsPerson, opens_at, decided: None, proposed: None };
    assert_eq!(house.bodies(id).await.last(), Some(&told));
    assert_eq!(house.ledger(id).await, [], "nobody is owed a minute out of hours");
    let slots = house.slots(&caller, id).await;
    // The second slot of tomorrow: 09:30.
    assert_eq!(house.leave_message(&caller, id, slots[1]).await, NONE);
    assert_eq!(house.stage(id).await, Stage::CallBack);
    assert_eq!(house.receipt_states(id).await, [(ReceiptState::Open, None)]);

    house.advance_to(at(33, 29, 59)).await;
    let before = house.ask(&early, "residence-permit").await;
    house.advance_to(at(33, 30, 1)).await;
    let after = house.ask(&late, "residence-permit").await;
    let row = &house.ledger(id).await[0];
    assert_eq!((row.asked_at, row.due_at), (Timestamp(at(33, 30, 0)), Timestamp(at(33, 31, 0))));
    house.advance(500).await;
    let mut places = Vec::new();
    for id in [before, id, after] {
        places.push(house.view(id).await.position);
    }
    assert_eq!(places, [Some(1), Some(2), Some(3)]);
    house.come(1).await;
    assert_eq!(house.accept(1).await, before);
    assert_eq!(house.accept(1).await, id);
    house.close(1, id, Outcome::LeftMessage).await;
    assert_eq!(house.receipt_states(id).await, [(ReceiptState::Done, Some(house.now()))]);
}

#[tokio::test]
async fn a_slot_that_begins_right_now_is_due_at_once() {
    let mut house = House::open(at(17, 30, 0), HoursKey::Calendar).await;
    let who = citizen(1);
    let id = house.converse(&who, "residence-permit").await;
    let slot = house.slots(&who, id).await[0];
    house.advance_to(slot.starts_at.0).await;
    assert_eq!(house.leave_message(&who, id, slot).await, NONE);
    assert_eq!(house.stage(id).await, Stage::Waiting);
    let row = &house.ledger(id).await[0];
    assert_eq!((row.asked_at, row.due_at), (slot.starts_at, slot.starts_at + MINUTE));
    let bodies = house.bodies(id).await;
    let [.., ThreadBody::MessageLeft { .. }, ThreadBody::CallBackDue { .. }] = bodies.as_slice() else {
        panic!("{bodies:?}")
    };
    house.come(1).await;
    assert_eq!(house.accept(1).await, id);
}

#[tokio::test]
async fn a_receipt_is_cancelled_with_its_request_and_stands_when_the_citizen_asks_at_once() {
    let mut house = House::open(at(17, 30, 0), HoursKey::Calendar).await;
    let who = citizen(1);
    let id = house.converse(&who, "residence-permit").await;
    let slots = house.slots(&who, id).await;
    assert_eq!(house.leave_message(&who, id, slots[0]).await, NONE);
    house.advance(1_000).await;
    house.ok(&who, Command::CancelRequest { conversation: id }).await;
    let cancelled = (ReceiptState::Cancelled, Some(house.now()));
    assert_eq!(house.receipt_states(id).await, [cancelled]);
    // Again, and then the page is closed for good.
    assert_eq!(house.leave_message(&who, id, slots[0]).await, NONE);
    house.ok(&who, Command::Finish { conversation: id }).await;
    assert_eq!(house.receipt_states(id).await, [cancelled, cancelled]);
    // A third time; in the morning the citizen does not wait for the slot.
    house.ok(&who, Command::RequestHuman { conversation: id }).await;
    assert_eq!(house.leave_message(&who, id, slots[3]).await, NONE);
    house.advance_to(at(33, 0, 0)).await;
    house.ok(&who, Command::RequestHuman { conversation: id }).await;
    house = house.restart().await;
    house.come(1).await;
    assert_eq!(house.accept(1).await, id);
    assert_eq!(house.receipt_states(id).await[2].0, ReceiptState::Open);
    house.close(1, id, Outcome::Solved).await;
    assert_eq!(house.receipt_states(id).await[2], (ReceiptState::Done, Some(house.now())));
    house.advance_to(at(34, 30, 0)).await;
    assert_eq!(house.stage(id).await, Stage::Closed, "the overtaken call-back does not come");
}

#[tokio::test]
async fn a_slot_takes_four_people_and_a_cancelled_one_makes_room() {
    let mut house = House::open(at(17, 30, 0), HoursKey::Calendar).await;
    let mut ids = Vec::new();
    for n in 1..=5 {
        let id = house.converse(&citizen(n), "residence-permit").await;
        ids.push(id);
    }
    let slot = house.slots(&citizen(1), ids[0]).await[0];
    for n in 1..=4 {
        assert_eq!(house.leave_message(&citizen(n), ids[n as usize - 1], slot).await, NONE);
    }
    assert_eq!(house.leave_message(&citizen(5), ids[4], slot).await, ErrorCode::SlotFull);
    assert_ne!(house.slots(&citizen(5), ids[4]).await[0], slot, "a full one is not offered");
    house = house.restart().await;
    assert_eq!(house.leave_message(&citizen(5), ids[4], slot).await, ErrorCode::SlotFull);
    house.ok(&citizen(2), Command::CancelRequest { conversation: ids[1] }).await;
    assert_eq!(house.leave_message(&citizen(5), ids[4], slot).await, NONE);
}

#[tokio::test]
async fn asking_again_after_taking_it_back_is_a_second_request_and_the_figures_count_both() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.advance(59_999).await;
    house.ok(&citizen(1), Command::CancelRequest { conversation: id }).await;
    house.advance(60_001).await;
    house.ok(&citizen(1), Command::RequestHuman { conversation: id }).await;
    house.come(1).await;
    assert_eq!(house.accept(1).await, id);
    house.say(&agent(1), id, "您好").await;
    let asked: Vec<_> = house
        .ledger(id)
        .await
        .iter()
        .map(|row| (row.no, row.asked_at.0 - at(10, 0, 0), row.left_at.is_some(), row.answered_at.is_some()))
        .collect();
    assert_eq!(asked, [(1, 0, true, false), (2, 120_000, false, true)]);
    house.advance(200).await;
    let total = house.board().await.total;
    assert_eq!((total.today_hits, total.today_decided, total.today_short_abandons), (1, 1, 1));
}

#[tokio::test]
async fn within_seven_days_the_same_conversation_goes_on_with_a_new_clock() {
    for (ms, continues) in [(7 * DAY - 1, true), (7 * DAY, true), (7 * DAY + 1, false)] {
        let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
        house.come(1).await;
        let id = house.ask(&citizen(1), "residence-permit").await;
        house.accept(1).await;
        house.say(&agent(1), id, "您好").await;
        house.close(1, id, Outcome::Solved).await;
        house.hand.advance(ms);
        let request = house.give(&citizen(1), Command::RequestHuman { conversation: id }).await;
        assert_eq!(request.is_ok(), continues, "{ms}: {request:?}");
        let asked: Vec<_> = house.ledger(id).await.iter().map(|row| row.asked_at).collect();
        let (first, again) = (Timestamp(at(10, 0, 0)), Timestamp(at(10, 0, 0) + ms));
        let expected = if continues { vec![first, again] } else { vec![first] };
        assert_eq!(asked, expected, "{ms}");
    }
}

#[tokio::test]
async fn an_agent_can_close_what_they_serve_hours_later_and_while_it_is_being_handed_on() {
    let mut house = House::open(at(9, 0, 0), HoursKey::Always).await;
    for n in [1, 2] {
        house.come(n).await;
    }
    let left_alone = house.ask(&citizen(1), "residence-permit").await;
    let by = if house.desk(1).await.offer.is_some() { 1 } else { 2 };
    house.accept(by).await;
    house.say(&agent(by), left_alone, "您好").await;
    house.advance(6 * 60 * MINUTE).await;
    assert_eq!(house.stage(left_alone).await, Stage::Serving, "nobody is closed for waiting");
    let colleague = AgentId::new(3 - by);
    let transfer = |to| Command::Transfer { conversation: left_alone, to, note: String::new() };
    house.ok(&agent(by), transfer(TransferTarget::Agent { agent: colleague })).await;
    assert!(house.desk(3 - by).await.offer.is_some());
    house.close(by, left_alone, Outcome::Abandoned).await;
    assert_eq!(house.stage(left_alone).await, Stage::Closed);
    let desk = house.desk(3 - by).await;
    assert_eq!((desk.offer, desk.conversations.len()), (None, 0));
}

#[tokio::test]
async fn who_finishes_before_an_answer_is_a_short_abandon_and_the_outcome_is_still_owed() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.accept(1).await;
    house.advance(10_000).await;
    house.ok(&citizen(1), Command::Finish { conversation: id }).await;
    assert_eq!(house.desk(1).await.conversations[0].stage, Stage::WrapUp);
    house.advance(120_000).await;
    let row = house.ledger(id).await.remove(0);
    assert_eq!((row.left_at, row.breached_at), (Some(Timestamp(at(10, 0, 10))), None));
    let board = house.board().await;
    assert_eq!((board.total.waiting, board.total.today_short_abandons, board.total.today_decided), (0, 1, 0));
    assert_eq!(board.at_risk, []);
    house.close(1, id, Outcome::Abandoned).await;
    assert_eq!(house.desk(1).await.conversations, []);
}

#[tokio::test]
async fn a_reply_that_crosses_a_transfer_counts_once() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    for n in [1, 2] {
        house.come(n).await;
    }
    let id = house.ask(&citizen(1), "residence-permit").await;
    let by = if house.desk(1).await.offer.is_some() { 1 } else { 2 };
    house.accept(by).await;
    let to = TransferTarget::Agent { agent: AgentId::new(3 - by) };
    house.ok(&agent(by), Command::Transfer { conversation: id, to, note: String::new() }).await;
    house.advance(5_000).await;
    let offer = house.desk(3 - by).await.offer.unwrap();
    let reply = house.message(id, "您好");
    let (me, other) = (agent(by), agent(3 - by));
    let (accepted, replied) =
        tokio::join!(house.give(&other, Command::AcceptOffer { offer: offer.id }), house.give(&me, reply));
    assert!(accepted.is_ok() && replied.is_ok());
    house.say(&other, id, "我来帮您").await;
    house.advance(60_000).await;
    let row = house.ledger(id).await.remove(0);
    assert_eq!((row.answered_at, row.breached_at), (Some(Timestamp(at(10, 0, 5))), None));
    house.advance(200).await;
    let total = house.board().await.total;
    assert_eq!((total.today_hits, total.today_decided), (1, 1));
}

#[tokio::test]
async fn an_offer_is_taken_once_and_at_15_seconds_it_is_gone() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    house.ask(&citizen(1), "residence-permit").await;
    let offer = house.desk(1).await.offer.unwrap().id;
    let me = agent(1);
    let accept = || house.give(&me, Command::AcceptOffer { offer });
    let (first, second) = tokio::join!(accept(), accept());
    assert_eq!((first.is_ok(), second.unwrap_err().code), (true, ErrorCode::OfferGone));
    house.ask(&citizen(2), "residence-permit").await;
    let offer = house.desk(1).await.offer.unwrap().id;
    house.hand.advance(15_000);
    assert_eq!(house.refused(&me, Command::AcceptOffer { offer }).await, ErrorCode::OfferGone);
    assert_eq!(house.desk(1).await.status, AgentStatus::Break, "a missed offer costs a short break");
}

#[tokio::test]
async fn a_break_while_offered_passes_the_offer_on_at_once() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    for n in [1, 2] {
        house.come(n).await;
    }
    let id = house.ask(&citizen(1), "residence-permit").await;
    let by = if house.desk(1).await.offer.is_some() { 1 } else { 2 };
    house.ok(&agent(by), Command::SetStatus { status: AgentStatus::Break }).await;
    // At the same instant: the clock has not moved.
    assert_eq!(house.desk(by).await.offer, None);
    assert_eq!(house.accept(3 - by).await, id);
}

#[tokio::test]
async fn the_end_of_a_shift_strands_nobody() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let answered = house.ask(&citizen(1), "residence-permit").await;
    house.accept(1).await;
    house.say(&agent(1), answered, "您好").await;
    let owed = house.ask(&citizen(2), "residence-permit").await;
    house.accept(1).await;
    house.ok(&agent(1), Command::SetStatus { status: AgentStatus::Offline }).await;
    assert_eq!(house.stage(owed).await, Stage::Waiting);
    assert_eq!(house.stage(answered).await, Stage::Serving);
    house.say(&agent(1), answered, "还有一点").await;
    house.come(2).await;
    assert_eq!(house.accept(2).await, owed);
    house.go(1).await;
    house.advance(60_000).await;
    assert_eq!(house.accept(2).await, answered, "lost like any other");
}

#[tokio::test]
async fn colleagues_are_found_by_name_and_team_and_only_by_staff() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    for n in [1, 2, 3] {
        house.come(n).await;
    }
    let find = |query: &str, team: Option<&str>| Command::FindColleagues {
        query: query.to_owned(),
        team: team.map(str::to_owned),
    };
    let found = |answer| match answer {
        Answer::Colleagues { colleagues } => colleagues.iter().map(|one| one.name.clone()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(found(house.ok(&agent(1), find("", None)).await).len(), 2, "not oneself, not the absent");
    assert_eq!(found(house.ok(&agent(1), find("强", None)).await), ["王强"]);
    assert_eq!(found(house.ok(&agent(1), find("", Some("medical"))).await), ["陈静"]);
    assert_eq!(house.refused(&agent(1), find("", Some("nowhere"))).await, ErrorCode::BadRequest);
    assert_eq!(house.refused(&citizen(1), find("", None)).await, ErrorCode::Forbidden);
}
