//! Next responses and corrections: the numbers one millisecond before and at, over restarts, transfers and crossings.

use bangban_domain::{
    alert::AlertKind,
    figures::{By, Figure, Tally},
    history::Event,
    ledger::Promise,
    org::{Body, Kind},
};
use bangban_protocol::{Correct, CorrectionVerdict, LedgerLine, LedgerState, TransferTarget};
use bangban_store::Selection;
use serde_json::json;

use super::*;
use crate::app::Edit;

const MINUTE: i64 = 60_000;

impl House {
    /// A conversation that agent 1 serves and has answered, a second before.
    async fn answered(&mut self) -> ConversationId {
        self.answered_by(1).await
    }

    /// Agent 1 is on duty until 16:30, agent 2 until 17:30.
    async fn answered_by(&mut self, n: u128) -> ConversationId {
        self.come(n).await;
        let id = self.ask(&citizen(1), "residence-permit").await;
        self.settle().await;
        self.accept(n).await;
        self.say(&agent(n), id, "您好").await;
        self.advance(1_000).await;
        id
    }

    /// As [`House::say`], read at another instant than now: frames cross on the way to the writer.
    async fn say_at(&mut self, who: &Principal, conversation: ConversationId, read_at: Timestamp) {
        let message = self.message(conversation, "在的");
        let member = match who {
            Principal::Citizen(_) => Member::Citizen,
            Principal::Staff(staff) => Member::Agent(staff.id),
        };
        let socket = self.app.hub.open(member, 64);
        match self.app.begin(&Arc::new(who.clone()), &socket, read_at, message) {
            Begun::Done(answer) => answer.unwrap(),
            Begun::Reading(first) => first.await.unwrap().await.unwrap(),
            Begun::HandedOver(rest) | Begun::Alone(rest) => rest.await.unwrap(),
        };
        self.app.hub.close(&socket);
        self.settle().await;
    }

    /// Those that are about a next response.
    async fn late_answers(&self) -> Vec<AlertKind> {
        let Snapshot::Alerts { view } = self.snapshot(&supervisor(), Topic::Alerts).await.1 else { unreachable!() };
        view.open.into_iter().map(|alert| alert.kind).filter(|kind| *kind == AlertKind::NextResponse).collect()
    }

    async fn owed_step(&self, n: u128) -> Option<u32> {
        self.desk(n).await.conversations.first().and_then(|one| one.owed.as_ref()).map(|owed| owed.step)
    }

    async fn lines(&self, id: ConversationId) -> Vec<LedgerLine> {
        let Principal::Staff(staff) = supervisor() else { unreachable!() };
        self.app.ledger(&staff, id).await.unwrap().rows
    }

    async fn replies(&self, id: ConversationId) -> Vec<LedgerLine> {
        self.lines(id).await.into_iter().filter(|line| line.promise == Promise::NextResponse).collect()
    }

    /// Steps that the log tells of, by promise.
    async fn steps(&self, id: ConversationId) -> Vec<(u32, u32, Timestamp)> {
        let events = self.app.store.events_of(id).await.unwrap();
        let step = |event: bangban_store::Event| match event.what {
            Event::ReplyStepped { no, step, at } => Some((no, step, at)),
            _ => None,
        };
        events.into_iter().filter_map(step).collect()
    }

    async fn rate(&self, figure: Figure) -> (u64, u64) {
        let kind = figure.definition().kind;
        let all = Selection::all(Timestamp(0), Timestamp(i64::MAX / 2));
        let counted = self.app.store.archive().figures(&[kind], &all, By::Nothing, self.now()).await.unwrap();
        let tally: Tally = counted.get("").and_then(|line| line.get(&figure)).cloned().unwrap_or_default();
        (tally.hits, tally.of)
    }

    async fn correct(&self, who: &Principal, id: ConversationId, wanted: Correct) -> Result<(), WireError> {
        let Principal::Staff(staff) = who else { unreachable!() };
        self.app.correct(staff, id, &wanted).await.map(drop)
    }

    /// Puts a policy in force.
    async fn policy(&self, id: &str, version: u64, more: serde_json::Value) {
        let mut body = json!({ "name": "口径", "warnSeconds": 30, "alertSeconds": 45, "breachSeconds": 60,
            "offerSeconds": 15 });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.put(Kind::SlaPolicy, id, version, body).await;
    }

    pub(super) async fn put(&self, kind: Kind, id: &str, version: u64, body: serde_json::Value) {
        let is_admin = |grants: &[Grant]| grants.iter().any(|grant| grant.role == Role::Admin);
        let account = self.app.accounts.all().into_iter().find(|account| is_admin(&account.grants)).unwrap();
        let Principal::Staff(staff) = staff(0, Role::Admin) else { unreachable!() };
        let staff = Staff { id: account.id, ..staff };
        let body = Some(Body::read(kind, body).unwrap());
        let edit = Edit { kind, id: id.to_owned(), version, body, reason: None, address: None };
        self.app.edit(&staff, edit).await.unwrap();
        self.settle().await;
    }
}

/// What was corrected is retold by the log as it stands in the rows, in figures and rows alike.
#[tokio::test]
async fn recomputing_after_corrections_finds_no_difference_and_they_count() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    let id = house.answered().await;
    house.say(&citizen(1), id, "还要带什么").await;
    house.advance(200_000).await;
    house.say(&agent(1), id, "身份证").await;
    house.close(1, id, Outcome::Solved).await;
    let late = house.ask(&citizen(2), "residence-permit").await;
    house.accept(1).await;
    house.advance(70_000).await;
    house.say(&agent(1), late, "您好").await;
    house.close(1, late, Outcome::Solved).await;
    let asked = house.lines(late).await[0].asked_at;
    let Principal::Staff(staff) = supervisor() else { unreachable!() };
    let (first, next) = (Promise::FirstResponse, Promise::NextResponse);
    house
        .app
        .correct(&staff, late, &correction(first, CorrectionVerdict::Answered, Some(asked + 5_000)))
        .await
        .unwrap();
    house.app.correct(&staff, id, &correction(next, CorrectionVerdict::Excused, None)).await.unwrap();
    house.app.correct(&staff, id, &correction(first, CorrectionVerdict::Excused, None)).await.unwrap();
    house.app.correct(&staff, id, &correction(first, CorrectionVerdict::Withdrawn, None)).await.unwrap();
    house.settle().await;

    let wanted = crate::recompute::Recompute::default();
    let found = crate::recompute::recompute(&house.config, &wanted, house.now()).await.unwrap();
    assert_eq!((found.conversations, &found.differences), (2, &Vec::new()), "{}", found.told());
    assert!(found.figures > 0);
    // They are not the measured numbers: the late one is a hit, and nothing is late among next responses.
    house.advance(200).await;
    let total = house.board().await.total;
    assert_eq!((total.today_hits, total.today_decided), (2, 2));
}

fn correction(promise: Promise, verdict: CorrectionVerdict, answered_at: Option<Timestamp>) -> Correct {
    Correct { promise, no: 1, verdict, answered_at, reason: "已电话答复".to_owned() }
}

#[tokio::test]
async fn who_writes_again_is_owed_an_answer_and_the_agent_hears_of_it_in_time() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    let id = house.answered().await;
    assert_eq!(house.replies(id).await, [], "nothing is owed");
    let asked = house.now();
    house.say(&citizen(1), id, "还要带什么").await;
    house.say(&citizen(1), id, "？").await;
    house.advance(89_999).await;
    assert_eq!(house.owed_step(1).await, None);
    house.advance(1).await;
    assert_eq!(house.owed_step(1).await, Some(1));
    house.advance(89_999).await;
    assert_eq!(house.owed_step(1).await, Some(1));
    house.advance(1).await;
    assert_eq!(house.owed_step(1).await, Some(2));
    assert_eq!(house.late_answers().await, [AlertKind::NextResponse]);
    assert_eq!(house.replies(id).await[0].state, LedgerState::Running, "180.000 s are in time");
    house.advance(1).await;
    assert_eq!(house.replies(id).await[0].state, LedgerState::Overdue);
    house.say(&agent(1), id, "身份证").await;
    assert_eq!(house.owed_step(1).await, None, "the mark is gone");
    house.advance(1_000).await;
    assert_eq!(house.late_answers().await, [], "and so is the alert");
    let rows = house.replies(id).await;
    assert_eq!(rows.len(), 1, "several messages in a row wait for one answer");
    assert_eq!((rows[0].asked_at, rows[0].due_at), (asked, asked + 180_000));
    assert_eq!((rows[0].state, rows[0].answered_at), (LedgerState::Miss, Some(asked + 180_001)));
    assert_eq!(house.steps(id).await, [(1, 1, asked + 90_000), (1, 2, asked + 180_000)]);
    assert_eq!(house.rate(Figure::NextResponse).await, (0, 1));
    // The next one is answered in the last millisecond.
    house.advance(5_000).await;
    house.say(&citizen(1), id, "好").await;
    house.advance(180_000).await;
    house.say(&agent(1), id, "不客气").await;
    assert_eq!(house.replies(id).await[1].state, LedgerState::Hit);
    assert_eq!(house.rate(Figure::NextResponse).await, (1, 2));
}

#[tokio::test]
async fn what_was_read_in_time_counts_however_late_it_is_written() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    let id = house.answered().await;
    let asked = house.now();
    house.say(&citizen(1), id, "还要带什么").await;
    house.advance(180_020).await;
    assert_eq!(house.owed_step(1).await, Some(2));
    house.say_at(&agent(1), id, asked + 179_990).await;
    let row = house.replies(id).await.remove(0);
    assert_eq!((row.state, row.answered_at), (LedgerState::Hit, Some(asked + 179_990)));
    assert_eq!(house.owed_step(1).await, None);
    // A reply that was read before the question answers nothing; a question that was read before the reply is answered.
    house.say(&citizen(1), id, "再问").await;
    let second = house.now();
    house.say_at(&agent(1), id, second - 1).await;
    assert_eq!(house.replies(id).await[1].state, LedgerState::Running);
    house.say_at(&agent(1), id, second).await;
    house.say_at(&citizen(1), id, second - 1).await;
    assert_eq!(house.replies(id).await.len(), 2);
    assert_eq!(house.replies(id).await[1].answered_at, Some(second));
}

#[tokio::test]
async fn a_restart_at_any_step_changes_nothing_and_each_step_comes_once() {
    for pause in [1, 89_999, 90_000, 120_000, 180_000, 200_000] {
        let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
        let id = house.answered().await;
        let asked = house.now();
        house.say(&citizen(1), id, "还要带什么").await;
        house.advance(pause).await;
        house = house.restart().await;
        house.come(1).await;
        house.advance_to((asked + 300_000).0).await;
        assert_eq!(house.owed_step(1).await, Some(2), "after {pause} ms");
        assert_eq!(house.steps(id).await, [(1, 1, asked + 90_000), (1, 2, asked + 180_000)], "after {pause} ms");
        assert_eq!(house.late_answers().await, [AlertKind::NextResponse], "after {pause} ms");
        house.say(&agent(1), id, "身份证").await;
        house = house.restart().await;
        house.come(1).await;
        house.advance(MINUTE).await;
        assert_eq!(house.owed_step(1).await, None);
        assert_eq!(house.late_answers().await, []);
        assert_eq!(house.replies(id).await.len(), 1);
    }
}

#[tokio::test]
async fn time_stands_still_outside_of_service_hours() {
    let mut house = House::open(at(16, 58, 0), HoursKey::Calendar).await;
    let id = house.answered_by(2).await;
    house.advance_to(at(16, 59, 30)).await;
    house.say(&citizen(1), id, "还要带什么").await;
    let row = house.replies(id).await.remove(0);
    assert_eq!(row.due_at, Timestamp(at(24 + 9, 2, 30)));
    let counted: Vec<_> = row.counted.iter().map(|span| (span.from.0, span.to.0)).collect();
    assert_eq!(counted, [(at(16, 59, 30), at(17, 0, 0)), (at(33, 0, 0), at(33, 2, 30))]);
    house.advance_to(at(24 + 9, 0, 59)).await;
    assert_eq!(house.steps(id).await, []);
    house.advance_to(at(24 + 9, 1, 0)).await;
    assert_eq!(house.steps(id).await.len(), 1);
}

#[tokio::test]
async fn no_hand_over_restarts_it_and_an_end_releases_it() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    let id = house.answered().await;
    house.come(2).await;
    let asked = house.now();
    house.say(&citizen(1), id, "还要带什么").await;
    house.advance(100_000).await;
    let to = TransferTarget::Agent { agent: AgentId::new(2) };
    house.ok(&agent(1), Command::Transfer { conversation: id, to, note: String::new() }).await;
    house.accept(2).await;
    house.settle().await;
    assert_eq!(house.owed_step(2).await, Some(1), "the next agent sees it too");
    house.go(2).await;
    house.advance(70_000).await;
    assert_eq!(house.replies(id).await[0].asked_at, asked);
    house.come(2).await;
    house.ok(&citizen(1), Command::Finish { conversation: id }).await;
    let row = house.replies(id).await.remove(0);
    assert_eq!((row.state, row.left_at), (LedgerState::Released, Some(asked + 170_000)));
    assert_eq!(house.rate(Figure::NextResponse).await, (0, 0), "in no figure");
    house.advance(60_000).await;
    assert_eq!(house.steps(id).await.len(), 1, "nothing is told of it any more");
    house.say(&citizen(1), id, "谢谢").await;
    assert_eq!(house.replies(id).await.len(), 1, "not owed while only the outcome is");
}

#[tokio::test]
async fn a_policy_holds_from_the_next_message_on_and_the_row_says_which() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    let id = house.answered().await;
    let asked = house.now();
    house.say(&citizen(1), id, "还要带什么").await;
    let step = json!([{ "promise": "next_response", "percent": 50, "actions": ["notify"] }]);
    house.policy("sla-item", 0, json!({ "item": "residence-permit", "nextResponseSeconds": 60, "steps": step })).await;
    let running = house.replies(id).await.remove(0);
    assert_eq!((running.due_at, &running.policy), (asked + 180_000, &None), "none reaches into what runs");
    house.say(&agent(1), id, "身份证").await;
    house.advance(1_000).await;
    let second = house.now();
    house.say(&citizen(1), id, "还有吗").await;
    let row = house.replies(id).await.remove(1);
    let policy = row.policy.unwrap();
    assert_eq!((policy.id.as_str(), policy.version, row.due_at), ("sla-item", 1, second + 60_000));
    house.advance(30_000).await;
    assert_eq!(house.owed_step(1).await, Some(1));
    // The first response of the item has its policy too, over a change of it.
    house.policy("sla-item", 1, json!({ "item": "residence-permit", "breachSeconds": 120 })).await;
    let other = house.ask(&citizen(2), "residence-permit").await;
    house.settle().await;
    let first = house.lines(other).await.remove(0);
    assert_eq!((first.span, first.policy.map(|policy| policy.version)), (120_000, Some(2)));
    let plain = house.ask(&citizen(3), "dog-license").await;
    assert_eq!(house.lines(plain).await[0].span, 60_000, "another item");
}

#[tokio::test]
async fn a_year_that_is_published_moves_what_was_counted_over_it_and_keeps_both() {
    // The last working day of 2026, and nobody has said what 2027 is like.
    let eve = TUESDAY + 37 * 24 * 60 * MINUTE;
    let mut house = House::open(eve + 16 * 60 * MINUTE + 58 * MINUTE, HoursKey::Calendar).await;
    let id = house.answered_by(2).await;
    house.say(&citizen(1), id, "还要带什么").await;
    let before = house.replies(id).await.remove(0);
    let year = json!({ "daysOff": [{ "date": "2027-01-01", "name": "元旦" }], "workDays": [], "source": "国办发明电" });
    house.put(Kind::CalendarYear, "2027", 0, year).await;
    let after = house.replies(id).await.remove(0);
    assert_eq!(after.due_before, Some(before.due_at));
    // Friday the 1st is free now: Monday the 4th.
    assert_eq!(after.due_at, before.due_at + 3 * 24 * 60 * MINUTE);
    assert_eq!(after.span, before.span);
    house.advance_to(before.due_at.0).await;
    // The first one was reached before closing time; the last one has moved.
    assert_eq!(house.steps(id).await.len(), 1);
    let house = house.restart().await;
    let kept = house.replies(id).await.remove(0);
    assert_eq!((kept.due_at, kept.due_before), (after.due_at, after.due_before), "a restart changes nothing");
    house.advance_to(after.due_at.0).await;
    assert_eq!(house.steps(id).await.len(), 2);
}

#[tokio::test]
async fn a_correction_counts_and_what_was_measured_stays() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    house.come(1).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    let asked = house.now();
    let on_time = Some(asked + 40_000);
    let answered = correction(Promise::FirstResponse, CorrectionVerdict::Answered, on_time);
    let early = house.correct(&supervisor(), id, answered.clone()).await.unwrap_err();
    assert_eq!(early.code, ErrorCode::InvalidStage, "it runs");
    house.settle().await;
    house.accept(1).await;
    house.advance(70_000).await;
    house.say(&agent(1), id, "您好").await;
    assert_eq!(house.rate(Figure::WithinMinute).await, (0, 1));
    for (who, code) in [(agent(1), ErrorCode::Forbidden), (agent(2), ErrorCode::NotFound)] {
        assert_eq!(house.correct(&who, id, answered.clone()).await.unwrap_err().code, code);
    }
    let future = Some(house.now() + 1);
    for at in [Some(asked - 1), future] {
        let wrong = correction(Promise::FirstResponse, CorrectionVerdict::Answered, at);
        assert_eq!(house.correct(&supervisor(), id, wrong).await.unwrap_err().field.as_deref(), Some("answeredAt"));
    }
    let none = Correct { no: 2, ..answered.clone() };
    assert_eq!(house.correct(&supervisor(), id, none).await.unwrap_err().code, ErrorCode::NotFound);
    let silent = Correct { reason: "  ".to_owned(), ..answered.clone() };
    assert_eq!(house.correct(&supervisor(), id, silent).await.unwrap_err().field.as_deref(), Some("reason"));

    house.correct(&supervisor(), id, answered).await.unwrap();
    let line = house.lines(id).await.remove(0);
    assert_eq!((line.state, line.answered_at, line.measured_at), (LedgerState::Hit, on_time, Some(asked + 70_000)));
    assert_eq!(line.corrections[0].reason, "已电话答复");
    assert_eq!(house.rate(Figure::WithinMinute).await, (1, 1));
    house.advance(1_000).await;
    assert_eq!((house.board().await.total.today_hits, house.board().await.total.today_decided), (1, 1));

    let excused = correction(Promise::FirstResponse, CorrectionVerdict::Excused, None);
    house.correct(&supervisor(), id, excused).await.unwrap();
    assert_eq!(house.rate(Figure::WithinMinute).await, (0, 0));
    house.advance(1_000).await;
    assert_eq!(house.board().await.total.today_decided, 0);

    let house = house.restart().await;
    assert_eq!(house.board().await.total.today_decided, 0);
    let withdrawn = correction(Promise::FirstResponse, CorrectionVerdict::Withdrawn, None);
    house.correct(&supervisor(), id, withdrawn.clone()).await.unwrap();
    let line = house.lines(id).await.remove(0);
    assert_eq!((line.state, line.corrected, line.measured_at), (LedgerState::Miss, false, None));
    assert_eq!((line.answered_at, line.corrections.len()), (Some(asked + 70_000), 3), "all of it can be read");
    assert_eq!(house.rate(Figure::WithinMinute).await, (0, 1));
    let again = house.correct(&supervisor(), id, withdrawn).await.unwrap_err();
    assert_eq!(again.field.as_deref(), Some("verdict"));
}
