//! Who is to be called back, as tasks (rules 6 and 12): 24 h, reminders, the alert, calling now, ending one by hand.

use std::collections::BTreeMap;

use bangban_domain::{
    alert::AlertKind,
    call::About,
    task::{MessageChannel, MessageKind, TaskEvent, TaskKind, TaskState},
};
use bangban_protocol::{CallTo, OwedCallView, TaskReassign, TaskStep};
use bangban_store::{CallBackRow, CallChange, OutboxQuery, TaskQuery, TaskRow};

use super::*;
use crate::app::Worker;

const DAY: i64 = 24 * 3_600_000;

/// Agents who serve the team of the demo's residence items, by their position in its file.
const RESIDENCE: [u128; 16] = [1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 35, 40, 55, 61];
const LEADER: u128 = 65;

fn member(n: u128) -> Staff {
    match super::agent(n) {
        Principal::Staff(staff) => staff,
        Principal::Citizen(_) => unreachable!("staff makes staff"),
    }
}

impl House {
    async fn back_tasks(&self) -> Vec<TaskRow> {
        let query = TaskQuery { kind: Some(TaskKind::CallBack), ..TaskQuery::default() };
        self.app.store.tasks(&query, 100).await.unwrap()
    }

    async fn reminded(&self, message: MessageKind) -> Vec<u128> {
        let query = OutboxQuery { channel: Some(MessageChannel::Inbox), ..OutboxQuery::default() };
        let rows = self.app.store.outbox(&query, 100).await.unwrap();
        let of = rows.iter().filter(|row| row.message == message);
        let mut told: Vec<u128> = of.map(|row| row.addressee.parse::<AgentId>().unwrap().raw()).collect();
        told.sort_unstable();
        told
    }

    async fn later(&self, instant: i64) {
        self.hand.advance(instant - self.now().0);
        self.app.remind_due().await.unwrap();
        self.calls_settle().await;
    }

    async fn overdue(&self, told: &mut Option<BTreeMap<String, i64>>) -> Vec<(Option<String>, i64)> {
        self.app.look_at_call_backs(told).await.unwrap();
        self.calls_settle().await;
        let open = self.app.store.open_alerts().await.unwrap().into_iter();
        let open = open.filter(|alert| alert.kind == AlertKind::CallBackOverdue);
        open.map(|alert| (alert.unit, alert.amount)).collect()
    }

    async fn step(&self, n: u128, task: &TaskRow, to: TaskState, reason: &str) -> Result<(), WireError> {
        let staff = member(n);
        let who = Worker { staff: &staff, address: "" };
        let step = TaskStep { version: task.version, to, reason: reason.to_owned() };
        let done = self.app.step_task(&who, task.id, step).await.map(drop);
        self.calls_settle().await;
        done
    }
}

impl Talk {
    /// The operator asks for a colleague who has no page: nobody is reached, and the caller hangs up.
    async fn unreached() -> Self {
        let talk = Self::open().await;
        let Self { house, call, citizen, agent, .. } = &talk;
        let who = CallWho::Agent { agent: AgentId::new(2) };
        house.must(agent, act(CallAct::Request { call: *call, who, goal: Goal::Consult, at_once: false })).await;
        house.calls_settle().await;
        house.must(citizen, act(CallAct::HangUp { call: *call })).await;
        house.calls_settle().await;
        talk.wrap_up().await;
        talk
    }

    async fn wrap_up(&self) {
        let (call, disposition) = (self.call, Disposition::CallBack);
        let done = CallAct::WrapUp { call, disposition, note: String::new(), work_order: None };
        self.house.must(&self.agent, act(done)).await;
    }

    async fn owed(&self) -> Vec<OwedCallView> {
        self.house.calls_settle().await;
        self.house.mine(&self.agent).await.owed
    }

    /// The operator calls back; whether the citizen takes it.
    async fn call_back(&self, takes: bool) -> CallId {
        let Self { house, call, citizen, agent, .. } = self;
        let back = act(CallAct::CallBack { call: *call, to: CallTo::Browser });
        let Answer::CallOpened { call: again } = house.must(agent, back).await else { panic!("no call") };
        house.calls_settle().await;
        house.takes(agent, again).await;
        assert_eq!(house.rings(citizen).await.len(), 1);
        if takes {
            house.takes(citizen, again).await;
        } else {
            house.must(citizen, act(CallAct::Rings { call: again })).await;
            house.must(citizen, act(CallAct::Decline { call: again, reason: None })).await;
            house.calls_settle().await;
        }
        again
    }
}

#[tokio::test]
async fn nobody_reached_is_a_task_of_24_hours_with_its_reminder_and_the_alert_of_its_unit() {
    let talk = Talk::unreached().await;
    let house = &talk.house;
    let opened = house.now();
    let [owed] = talk.owed().await.try_into().unwrap();
    assert_eq!((owed.call, owed.since, owed.due_at), (talk.call, opened, opened + DAY));
    assert_eq!((owed.caller.as_str(), owed.item_name.as_deref()), ("张*", Some("居住证办理")));
    assert_eq!((owed.department.as_deref(), owed.tried, &owed.assignee), (Some("police"), 0, &None));
    let bodies = house.bodies(talk.conversation).await;
    assert!(bodies.contains(&ThreadBody::CallBackOwed { call: talk.call, due_at: opened + DAY }), "both sides read it");
    let [task] = house.back_tasks().await.try_into().unwrap();
    assert_eq!((task.id, task.unit.as_str(), task.state), (owed.task, "police", TaskState::Open));
    assert_eq!((task.due_at, task.first_due_at, task.askers), (opened + DAY, opened + DAY, 1));
    assert!(task.question.contains("居住证办理") && !task.question.contains("张"), "{}", task.question);

    let mut told = None;
    let half = opened.0 + DAY / 2;
    house.later(half - 1).await;
    assert_eq!(house.reminded(MessageKind::TaskHalf).await, []);
    house.later(half).await;
    house.later(half + 1).await;
    assert_eq!(house.reminded(MessageKind::TaskHalf).await, RESIDENCE, "those of its team, once each");

    house.step(1, &task, TaskState::Working, "").await.unwrap();
    let [owed] = talk.owed().await.try_into().unwrap();
    assert_eq!((owed.version, owed.assignee.map(|who| who.name)), (2, Some("李敏".to_owned())));
    house.later(opened.0 + DAY).await;
    assert_eq!(house.overdue(&mut told).await, [], "the due time itself is in time");
    house.later(opened.0 + DAY + 1).await;
    assert_eq!(house.reminded(MessageKind::TaskOverdue).await, [1, 7, LEADER], "owner, supervisor and leader");
    assert_eq!(house.overdue(&mut told).await, [(Some("police".to_owned()), 1)]);
    // Not twice, and over a restart of the watch.
    assert_eq!(house.overdue(&mut None).await, [(Some("police".to_owned()), 1)]);
    house.app.recompute_deadlines().await.unwrap();
    assert_eq!(house.back_tasks().await[0].due_at, opened + DAY, "by whatever calendar");

    // Calling now reaches them: done, late, by whoever called.
    talk.call_back(true).await;
    assert_eq!(talk.owed().await, []);
    let [task] = house.back_tasks().await.try_into().unwrap();
    assert_eq!((task.state, task.settled_at), (TaskState::Done, Some(house.now())));
    let history = house.app.store.task_events(task.id).await.unwrap();
    let what: Vec<_> = history.iter().map(|line| line.what).collect();
    let expected =
        [TaskEvent::Opened, TaskEvent::Reminded, TaskEvent::Begun, TaskEvent::Reminded, TaskEvent::Fulfilled];
    assert_eq!(what, expected);
    assert_eq!(history[4].actor, bangban_store::Author::Agent(AgentId::new(1)));
    assert_eq!(house.overdue(&mut told).await, []);
}

#[tokio::test]
async fn a_call_back_in_vain_is_counted_and_stays_owed() {
    let talk = Talk::unreached().await;
    let no_way = act(CallAct::CallBack { call: talk.call, to: CallTo::Left });
    let refused = talk.house.may_not(&talk.agent, no_way).await;
    assert_eq!(refused, (ErrorCode::BadRequest, Some("to".to_owned())), "the page takes the other way by this");
    talk.call_back(false).await;
    let [owed] = talk.owed().await.try_into().unwrap();
    assert_eq!(owed.tried, 1);
    let history = talk.house.app.store.task_events(owed.task).await.unwrap();
    let tried = history.last().unwrap();
    assert_eq!((tried.what, tried.detail.as_str()), (TaskEvent::Tried, r#"{"after":"declined"}"#));
    let again = talk.house.restart().await;
    let agent = again.phone(super::agent(1)).await;
    assert_eq!(again.mine(&agent).await.owed.iter().map(|one| one.tried).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn a_later_request_of_the_same_matter_settles_it_in_another_call_too() {
    let talk = Talk::unreached().await;
    let Talk { house, conversation, citizen, agent, .. } = &talk;
    assert_eq!(talk.owed().await.len(), 1);
    house.come(2).await;
    let professional = house.phone(super::agent(2)).await;
    let call = house.start(citizen, *conversation).await;
    house.must(citizen, act(CallAct::Connect { call, sdp: sdp() })).await;
    house.calls_settle().await;
    house.takes(agent, call).await;
    assert_eq!(talk.owed().await.len(), 1, "who calls again about it may be about to be helped, and is not yet");
    let who = CallWho::Agent { agent: AgentId::new(2) };
    house.must(agent, act(CallAct::Request { call, who, goal: Goal::Consult, at_once: false })).await;
    house.calls_settle().await;
    house.takes(&professional, call).await;
    assert_eq!(talk.owed().await, []);
    assert_eq!(house.back_tasks().await[0].state, TaskState::Done);
}

#[tokio::test]
async fn ended_by_hand_it_has_a_reason_and_only_its_own_people_may() {
    let talk = Talk::unreached().await;
    let house = &talk.house;
    let [task] = house.back_tasks().await.try_into().unwrap();
    let reason = "多次回拨无人接听，电话13800138001";
    // Agent 4 serves other teams.
    let stranger = house.step(4, &task, TaskState::Dropped, reason).await.unwrap_err();
    assert_eq!(stranger.code, ErrorCode::NotFound);
    for to in [TaskState::Done, TaskState::Dropped] {
        let error = house.step(2, &task, to, "无").await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::BadRequest, Some("reason")), "{to}");
    }
    let order = TaskReassign { version: 1, unit: "hrss".to_owned(), reason: "不是我们的".to_owned() };
    let staff = member(1);
    let moved = house.app.reassign_task(&Worker { staff: &staff, address: "" }, task.id, order).await.unwrap_err();
    assert_eq!(moved.code, ErrorCode::InvalidStage);
    house.step(2, &task, TaskState::Dropped, reason).await.unwrap();
    assert_eq!(house.step(1, &task, TaskState::Working, "").await.unwrap_err().code, ErrorCode::Outdated);
    assert_eq!(talk.owed().await, []);
    let [task] = house.back_tasks().await.try_into().unwrap();
    assert_eq!((task.state, task.reason.as_deref()), (TaskState::Dropped, Some("多次回拨无人接听，电话138****8001")));
    assert_eq!(house.app.store.owed_call_backs().await.unwrap(), []);
    // Nobody owes it any more.
    house.later(house.now().0 + 2 * DAY).await;
    assert_eq!(house.reminded(MessageKind::TaskOverdue).await, []);
}

#[tokio::test]
async fn what_was_owed_before_there_were_tasks_is_one_after_a_start_and_no_start_makes_a_second() {
    let talk = Talk::unreached().await;
    let owed_at = talk.house.now();
    let old = CallBackRow {
        call: talk.call,
        request: Some(9),
        about: Some(About { item: None, department: "hrss".to_owned() }),
        agent: None,
        owed_at,
        due_at: owed_at + DAY,
        settled_at: None,
    };
    let changes = vec![Change::Call(CallChange::Owed(old))];
    talk.house.app.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    let mut house = talk.house;
    for _ in 0..2 {
        house = house.restart().await;
        house.calls_settle().await;
        let tasks = house.back_tasks().await;
        let unit = |task: &TaskRow| (task.unit.clone(), task.item.clone(), task.due_at);
        let item = Some("residence-permit".to_owned());
        let mut found: Vec<_> = tasks.iter().map(unit).collect();
        found.sort();
        assert_eq!(found, [("police".to_owned(), None, owed_at + DAY), ("police".to_owned(), item, owed_at + DAY)]);
    }
    let agent = house.phone(super::agent(1)).await;
    assert_eq!(house.mine(&agent).await.owed.len(), 2);
}
