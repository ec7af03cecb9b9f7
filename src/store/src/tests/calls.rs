//! Three-way calls on both databases.

use bangban_domain::{
    AgentId, CallId, CitizenId, ConversationId, TaskId, TeamId, Timestamp,
    call::{
        About, AttemptRow, CallEnd, CallOrigin, CallPart, CallRow, Cause, DeclineReason, Disposition, LegEnd, LegId,
        LegRow, Number, Order, Party, RequestEnd, RequestRow, Row, WrapUpEnd, WrapUpRow,
    },
    task::{TaskEvent, TaskKind, TaskState},
    words::Stage,
};
use serde_json::value::RawValue;

use super::{conversation, open, seed};
use crate::{
    Author, CallBackRow, CallChange, Change, ConversationRow, Json, OwedCallBack, OwedTask, PrivacyChange, Store,
    TaskChange, TaskEventRow, TaskRow, Unit, testing::TestDatabase,
};

on_both! {
    what_stands_comes_back_with_what_of_it_is_open,
    a_row_takes_the_place_of_the_one_with_its_key,
    call_backs_are_owed_once_and_settled,
    the_task_of_a_call_back_goes_with_its_row,
    what_was_written_of_a_call_goes_with_the_thread_and_the_rows_stay,
}

const CALL: CallId = CallId::new(21);

const fn leg(no: u16) -> LegId {
    LegId { call: CALL, no }
}

async fn change(store: &Store, changes: impl IntoIterator<Item = CallChange>) {
    let changes = changes.into_iter().map(Change::Call).collect();
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
}

fn row(row: Row) -> CallChange {
    let team = matches!(row, Row::Call(_)).then(|| "residence".to_owned());
    CallChange::Row { row: Box::new(row), team }
}

fn call() -> CallRow {
    CallRow {
        call: CALL,
        origin: CallOrigin::Hotline,
        conversation: Some(ConversationId::new(1)),
        team: TeamId(0),
        item: None,
        is_first: true,
        began_at: Timestamp(100),
        answered_at: None,
        operator: None,
        stars: None,
        ended_at: None,
        because: None,
    }
}

fn request() -> RequestRow {
    RequestRow {
        call: CALL,
        number: 1,
        part: CallPart::Professional,
        by: Some(AgentId::new(3)),
        about: About { item: Some("residence-permit".to_owned()), department: "police".to_owned() },
        order: Order::InOrder,
        candidates: 2,
        asked_at: Timestamp(200),
        answered_by: None,
        answered_round: None,
        ended_at: None,
        result: None,
    }
}

fn attempt(no: u16, party: Option<Party>) -> AttemptRow {
    AttemptRow {
        leg: leg(no),
        part: CallPart::Professional,
        party,
        request: Some(1),
        round: 1,
        rung_at: Timestamp(200),
        ringing_at: Some(Timestamp(201)),
        ended_at: None,
        cause: None,
        declined: None,
    }
}

fn stands(no: u16, part: CallPart, party: Option<Party>) -> LegRow {
    LegRow { leg: leg(no), part, party, joined_at: Timestamp(150), ended_at: None, because: None }
}

fn wrap_up() -> WrapUpRow {
    WrapUpRow {
        call: CALL,
        agent: AgentId::new(3),
        began_at: Timestamp(300),
        until: Timestamp(60_300),
        ended_at: None,
        end: None,
        disposition: None,
    }
}

async fn what_stands_comes_back_with_what_of_it_is_open(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let number = Party::Number(Number::parse("021-12345678").unwrap());
    let (caller, operator) =
        (stands(1, CallPart::Caller, None), stands(2, CallPart::Operator, Some(Party::Agent(AgentId::new(3)))));
    let tried = AttemptRow {
        ended_at: Some(Timestamp(210)),
        cause: Some(Cause::Declined),
        declined: Some(DeclineReason::NotMine),
        ..attempt(3, Some(Party::Agent(AgentId::new(4))))
    };
    let rung = attempt(4, Some(number));
    change(
        &store,
        [
            row(Row::Call(call())),
            row(Row::Leg(caller.clone())),
            row(Row::Leg(operator.clone())),
            row(Row::Request(request())),
            row(Row::Attempt(tried.clone())),
            row(Row::Attempt(rung.clone())),
            row(Row::WrapUp(wrap_up())),
            CallChange::State { call: CALL, is_asked: true, closing: Some(CallEnd::Completed) },
            CallChange::Ticket { call: CALL, ticket: "T-1".to_owned() },
        ],
    )
    .await;
    let kept = store.open_calls().await.unwrap().remove(0);
    assert_eq!((kept.team.as_str(), kept.ticket.as_deref()), ("residence", Some("T-1")));
    assert_eq!(kept.kept.call, call());
    assert_eq!(kept.kept.legs, [caller.clone(), operator]);
    assert_eq!(kept.kept.requests, [request()]);
    assert_eq!(kept.kept.attempts, std::slice::from_ref(&rung), "only what is open");
    assert_eq!((kept.kept.is_asked, kept.kept.is_closing), (true, Some(CallEnd::Completed)));
    assert_eq!(store.attempts_of(CALL, false).await.unwrap(), [tried, rung]);
    assert_eq!(store.open_wrap_ups().await.unwrap(), [wrap_up()]);
    assert_eq!(store.conversation_of_call(CALL).await.unwrap(), Some(ConversationId::new(1)));
    assert_eq!(store.conversation_of_call(CallId::new(99)).await.unwrap(), None);
    store.close().await;
}

async fn a_row_takes_the_place_of_the_one_with_its_key(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let (caller, agent) = (stands(1, CallPart::Caller, None), Some(Party::Agent(AgentId::new(4))));
    let before =
        [Row::Call(call()), Row::Leg(caller.clone()), Row::Request(request()), Row::Attempt(attempt(3, agent.clone()))];
    change(&store, before.map(row)).await;
    let over = CallRow {
        item: Some("residence-permit".to_owned()),
        answered_at: Some(Timestamp(160)),
        operator: Some(AgentId::new(3)),
        stars: Some(5),
        ended_at: Some(Timestamp(400)),
        because: Some(CallEnd::Completed),
        ..call()
    };
    let reached = RequestRow {
        answered_by: Some(leg(3)),
        answered_round: Some(1),
        ended_at: Some(Timestamp(230)),
        result: Some(RequestEnd::Reached),
        ..request()
    };
    let answered = AttemptRow { ended_at: Some(Timestamp(230)), cause: Some(Cause::Answered), ..attempt(3, agent) };
    let gone = LegRow { ended_at: Some(Timestamp(400)), because: Some(LegEnd::HungUp), ..caller };
    let after = [
        Row::Call(over),
        Row::Leg(gone.clone()),
        Row::Request(reached.clone()),
        Row::Attempt(answered.clone()),
        Row::WrapUp(wrap_up()),
        Row::WrapUp(WrapUpRow {
            ended_at: Some(Timestamp(310)),
            end: Some(WrapUpEnd::Done),
            disposition: Some(Disposition::Solved),
            ..wrap_up()
        }),
    ];
    change(&store, after.map(row)).await;
    assert_eq!(store.open_calls().await.unwrap(), []);
    assert_eq!(store.open_wrap_ups().await.unwrap(), []);
    assert_eq!(store.requests_of(CALL, false).await.unwrap(), [reached]);
    assert_eq!(store.attempts_of(CALL, false).await.unwrap(), [answered]);
    assert_eq!(store.legs_of(CALL, false).await.unwrap(), [gone]);
    store.close().await;
}

async fn call_backs_are_owed_once_and_settled(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let about = About { item: None, department: "police".to_owned() };
    let owed = |request, due| CallBackRow {
        call: CALL,
        request,
        about: request.map(|_| about.clone()),
        agent: None,
        owed_at: Timestamp(300),
        due_at: Timestamp(due),
        settled_at: None,
    };
    let (one, two, operator) = (owed(Some(1), 900), owed(Some(2), 800), owed(None, 1_000));
    let again = CallBackRow { due_at: Timestamp(5_000), ..one.clone() };
    let owes = [&one, &two, &operator, &again].map(|row| CallChange::Owed(row.clone()));
    change(&store, [row(Row::Call(call()))].into_iter().chain(owes)).await;
    let left = async || store.owed_call_backs().await.unwrap();
    let with = |row: CallBackRow| OwedCallBack { row, conversation: Some(ConversationId::new(1)), task: None };
    let all = [with(two), with(one.clone()), with(operator.clone())];
    assert_eq!(left().await, all, "once, the first due one first");
    let by = Author::Agent(AgentId::new(3));
    change(&store, [CallChange::Settled { call: CALL, request: Some(2), at: Timestamp(400), by }]).await;
    assert_eq!(left().await, [with(one.clone()), with(operator)]);
    change(&store, [CallChange::Settled { call: CALL, request: None, at: Timestamp(450), by }]).await;
    assert_eq!(left().await, [with(one)], "no request is the one for an operator, and no other");
    change(&store, [CallChange::SettledAll { conversation: ConversationId::new(1), at: Timestamp(500), by }]).await;
    assert_eq!(left().await, []);
    store.close().await;
}

async fn the_task_of_a_call_back_goes_with_its_row(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let owed = |request, item: Option<&str>| CallBackRow {
        call: CALL,
        request,
        about: request.map(|_| About { item: item.map(str::to_owned), department: "police".to_owned() }),
        agent: None,
        owed_at: Timestamp(300),
        due_at: Timestamp(900),
        settled_at: None,
    };
    let task = |n: u128, row: &CallBackRow| TaskRow {
        id: TaskId::new(n),
        version: 1,
        kind: TaskKind::CallBack,
        state: TaskState::Open,
        unit: "police".to_owned(),
        item: row.about.as_ref().and_then(|about| about.item.clone()),
        question: "回拨来电人：居住证办理（市公安局无人接听）".to_owned(),
        same: row.same(),
        opened_at: Timestamp(300),
        opened_by: Author::System,
        due_at: Timestamp(900),
        is_provisional: false,
        first_due_at: Timestamp(900),
        told: None,
        remind_at: Some(Timestamp(600)),
        assignee: None,
        policy: None,
        entry: None,
        revision: None,
        settled_at: None,
        reason: None,
        askers: 0,
    };
    let rows = [owed(Some(1), Some("residence-permit")), owed(Some(2), None), owed(None, None)];
    let changes = [row(Row::Call(call()))].into_iter().chain(rows.clone().map(CallChange::Owed)).map(Change::Call);
    let asks = (1..).zip(&rows).map(|(n, row)| {
        let row = Box::new(task(n, row));
        Change::Task(TaskChange::Ask { row, asker: Some(ConversationId::new(1)) })
    });
    store.commit(Unit { changes: changes.chain(asks).collect(), ..Unit::default() }).await.unwrap();
    let tasks = async || {
        let owed = store.owed_call_backs().await.unwrap();
        owed.into_iter().map(|one| (one.row.request, one.task.unwrap())).collect::<Vec<_>>()
    };
    let plain = |n: u128| OwedTask { id: TaskId::new(n), version: 1, assignee: None, tried: 0 };
    assert_eq!(tasks().await, [(None, plain(3)), (Some(1), plain(1)), (Some(2), plain(2))]);

    // Somebody takes one on, and rings in vain.
    let event = |what, actor| {
        let detail = Json(RawValue::from_string("{}".to_owned()).unwrap());
        TaskEventRow { at: Timestamp(400), actor, what, detail }
    };
    let agent = AgentId::new(3);
    let taken = TaskRow { version: 2, state: TaskState::Working, assignee: Some(agent), ..task(1, &rows[0]) };
    let step = TaskChange::Step { row: Box::new(taken), event: event(TaskEvent::Begun, Author::Agent(agent)) };
    let note = TaskChange::Note { task: TaskId::new(1), event: event(TaskEvent::Tried, Author::Agent(agent)) };
    let changes = [step, note.clone(), note].map(Change::Task).to_vec();
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    let first = OwedTask { version: 2, assignee: Some(agent), tried: 2, ..plain(1) };
    assert_eq!(tasks().await[1], (Some(1), first));

    // Overdue is the first millisecond after its time.
    assert_eq!(store.overdue_call_backs(Timestamp(900)).await.unwrap(), []);
    assert_eq!(store.overdue_call_backs(Timestamp(901)).await.unwrap(), [("police".to_owned(), 3)]);

    // One is dropped by hand: then its row is settled, and the task stays dropped.
    let dropped = TaskRow {
        version: 2,
        state: TaskState::Dropped,
        settled_at: Some(Timestamp(450)),
        remind_at: None,
        reason: Some("号码有误".to_owned()),
        ..task(2, &rows[1])
    };
    let step = TaskChange::Step { row: Box::new(dropped), event: event(TaskEvent::Dropped, Author::Agent(agent)) };
    let by = Author::Agent(agent);
    let settled = CallChange::Settled { call: CALL, request: Some(2), at: Timestamp(450), by };
    let changes = vec![Change::Task(step), Change::Call(settled)];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    assert_eq!(store.task(TaskId::new(2)).await.unwrap().unwrap().state, TaskState::Dropped);

    // The caller is reached: what is owed of the conversation is done, each once, by whoever called.
    change(&store, [CallChange::SettledAll { conversation: ConversationId::new(1), at: Timestamp(500), by }]).await;
    change(&store, [CallChange::SettledAll { conversation: ConversationId::new(1), at: Timestamp(501), by }]).await;
    assert_eq!(tasks().await, []);
    for n in [1, 3] {
        let done = store.task(TaskId::new(n)).await.unwrap().unwrap();
        assert_eq!((done.state, done.settled_at, done.remind_at), (TaskState::Done, Some(Timestamp(500)), None));
        let history = store.task_events(TaskId::new(n)).await.unwrap();
        let fulfilled: Vec<_> = history.iter().filter(|line| line.what == TaskEvent::Fulfilled).collect();
        assert_eq!(fulfilled.iter().map(|line| line.actor).collect::<Vec<_>>(), [by]);
    }
    assert_eq!(store.overdue_call_backs(Timestamp(10_000)).await.unwrap(), []);
    store.close().await;
}

/// The key of a task says which row it is.
#[test]
fn a_row_is_known_again_by_the_key_of_its_task() {
    for request in [None, Some(1), Some(30)] {
        let row = CallBackRow {
            call: CALL,
            request,
            about: None,
            agent: None,
            owed_at: Timestamp(0),
            due_at: Timestamp(1),
            settled_at: None,
        };
        assert_eq!(CallBackRow::of_same(&row.same()), Some((CALL, request)));
    }
    for text in ["", "cl_1", &format!("{CALL}/"), "x/1", &format!("{CALL}/-1")] {
        assert_eq!(CallBackRow::of_same(text), None, "{text}");
    }
}

async fn what_was_written_of_a_call_goes_with_the_thread_and_the_rows_stay(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    let note = CallChange::Note {
        call: CALL,
        agent: AgentId::new(3),
        note: "已告知材料".to_owned(),
        work_order: Some("GD-7".to_owned()),
    };
    change(&store, [row(Row::Call(call())), row(Row::WrapUp(wrap_up())), note]).await;
    let citizen = CitizenId::new(1);
    let past = store.archive().calls_of(citizen).await.unwrap().remove(0);
    assert_eq!(past.notes, [(Timestamp(300), "已告知材料".to_owned(), Some("GD-7".to_owned()))]);
    let closed = ConversationRow { stage: Stage::Closed, closed_at: Some(Timestamp(400)), ..conversation(1) };
    let threads = PrivacyChange::Threads { conversations: vec![ConversationId::new(1)], at: Timestamp(500) };
    let changes = vec![Change::Conversation(closed), Change::Privacy(threads)];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    let past = store.archive().calls_of(citizen).await.unwrap().remove(0);
    assert_eq!((past.notes.as_slice(), past.row), ([].as_slice(), call()));
    store.close().await;
}
