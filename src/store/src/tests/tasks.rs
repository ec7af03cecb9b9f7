//! Tasks and the outbox, on both databases.

use std::collections::BTreeSet;

use bangban_domain::{
    AgentId, CitizenId, ConversationId, NoticeId, TaskId, Timestamp,
    task::{MessageChannel, MessageKind, OutboxState, ReminderStep, TaskEvent, TaskKind, TaskState},
    words::Language,
};

use super::{conversation, open, raw, seed};
use crate::{
    Author, Change, OnTimeCount, OutboxChange, OutboxQuery, OutboxRow, PrivacyChange, Store, StoreError, TaskChange,
    TaskEventRow, TaskQuery, TaskRow, TemplateRow, Unit, testing::TestDatabase,
};

on_both! {
    the_same_question_is_one_task_with_all_who_asked_even_if_two_ask_at_once,
    of_two_steps_from_the_same_version_one_is_refused,
    a_reminder_is_told_once_whoever_tries_again_and_after_a_restart,
    another_deadline_keeps_the_first_one_and_a_settled_task_keeps_its_own,
    a_published_entry_settles_the_task_and_every_asker_gets_one_message,
    whose_thread_is_deleted_is_told_nothing,
    lists_and_rates_are_of_the_units_kinds_and_days_that_are_asked_for,
    a_message_is_written_once_for_its_cause_addressee_and_channel,
    a_message_fails_dies_is_sent_again_and_is_sent,
    templates_and_wishes_are_kept_and_the_slower_of_two_is_refused,
}

fn task(n: u128, question: &str) -> TaskRow {
    TaskRow {
        id: TaskId::new(n),
        version: 1,
        kind: TaskKind::Gap,
        state: TaskState::Open,
        unit: "police".to_owned(),
        item: Some("residence-permit".to_owned()),
        question: question.to_owned(),
        same: question.to_owned(),
        opened_at: Timestamp(1_000),
        opened_by: Author::Agent(AgentId::new(1)),
        due_at: Timestamp(9_000),
        is_provisional: false,
        first_due_at: Timestamp(9_000),
        told: None,
        remind_at: Some(Timestamp(5_000)),
        assignee: None,
        policy: None,
        entry: None,
        revision: None,
        settled_at: None,
        reason: None,
        askers: 0,
    }
}

fn event(at: i64, what: TaskEvent) -> TaskEventRow {
    TaskEventRow { at: Timestamp(at), actor: Author::System, what, detail: raw("{}") }
}

async fn change(store: &Store, change: TaskChange) -> Result<(), StoreError> {
    store.commit(Unit { changes: vec![Change::Task(change)], ..Unit::default() }).await.map(drop)
}

async fn ask(store: &Store, row: TaskRow, asker: u128) {
    let asker = Some(ConversationId::new(asker));
    change(store, TaskChange::Ask { row: Box::new(row), asker }).await.unwrap();
}

fn message(n: u128, cause: &str) -> OutboxRow {
    OutboxRow {
        id: NoticeId::new(n),
        cause: cause.to_owned(),
        addressee: "unit/police".to_owned(),
        channel: MessageChannel::Email,
        message: MessageKind::TaskEve,
        detail: raw(r#"{"question":"q"}"#),
        state: OutboxState::Waiting,
        made_at: Timestamp(1_000),
        due_at: Timestamp(1_000),
        attempts: 0,
        tried_at: None,
        error: None,
        settled_at: None,
        is_sunk: false,
    }
}

async fn outbox(store: &Store, change: OutboxChange) -> Result<(), StoreError> {
    store.commit(Unit { changes: vec![Change::Outbox(change)], ..Unit::default() }).await.map(drop)
}

fn fulfil(n: u128) -> TaskChange {
    TaskChange::Fulfil {
        task: TaskId::new(n),
        entry: "e1".to_owned(),
        revision: 4,
        event: event(7_000, TaskEvent::Fulfilled),
        tell: Box::new(OutboxRow { channel: MessageChannel::Thread, ..message(1, &format!("task/{n}/done")) }),
    }
}

async fn the_same_question_is_one_task_with_all_who_asked_even_if_two_ask_at_once(db: TestDatabase) {
    let (store, _) = open(&db).await;
    tokio::join!(ask(&store, task(1, "同一个问题"), 11), ask(&store, task(2, "同一个问题"), 12));
    ask(&store, task(3, "同一个问题"), 11).await;
    ask(&store, TaskRow { item: None, ..task(4, "同一个问题") }, 13).await;
    let all = store.tasks(&TaskQuery::default(), 10).await.unwrap();
    let mut askers: Vec<u64> = all.iter().map(|row| row.askers).collect();
    askers.sort_unstable();
    assert_eq!(askers, [1, 2], "of another item it is another question");
    let two = all.iter().find(|row| row.askers == 2).unwrap();
    let found: BTreeSet<_> = store.askers(two.id).await.unwrap().into_iter().collect();
    assert_eq!(found, BTreeSet::from([ConversationId::new(11), ConversationId::new(12)]));
    let history: Vec<_> = store.task_events(two.id).await.unwrap().into_iter().map(|line| line.what).collect();
    assert_eq!(history, [TaskEvent::Opened, TaskEvent::Joined, TaskEvent::Joined]);
    assert_eq!(store.owed_questions(Some("residence-permit")).await.unwrap(), std::slice::from_ref(two));
    // Settled, it is asked anew.
    change(&store, fulfil(two.id.raw())).await.unwrap();
    ask(&store, task(5, "同一个问题"), 14).await;
    assert_eq!(store.tasks(&TaskQuery::default(), 10).await.unwrap().len(), 3);
}

async fn of_two_steps_from_the_same_version_one_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    ask(&store, task(1, "q"), 11).await;
    let step = |agent: u128| TaskChange::Step {
        row: Box::new(TaskRow {
            version: 2,
            state: TaskState::Working,
            assignee: Some(AgentId::new(agent)),
            ..task(1, "q")
        }),
        event: event(2_000, TaskEvent::Begun),
    };
    let (first, second) = tokio::join!(change(&store, step(1)), change(&store, step(2)));
    assert!(first.is_ok());
    assert!(matches!(second, Err(StoreError::TaskOutdated)));
    let row = store.task(TaskId::new(1)).await.unwrap().unwrap();
    assert_eq!((row.state, row.assignee, row.version), (TaskState::Working, Some(AgentId::new(1)), 2));
    assert_eq!(store.task_events(row.id).await.unwrap().len(), 2);
}

async fn a_reminder_is_told_once_whoever_tries_again_and_after_a_restart(db: TestDatabase) {
    let (store, _) = open(&db).await;
    ask(&store, task(1, "q"), 11).await;
    assert_eq!(store.next_reminder().await.unwrap(), Some(Timestamp(5_000)));
    assert!(store.tasks_to_remind(Timestamp(4_999), 10).await.unwrap().is_empty());
    assert_eq!(store.tasks_to_remind(Timestamp(5_000), 10).await.unwrap().len(), 1);
    let remind = |n: u128| {
        let told = TaskChange::Remind {
            task: TaskId::new(1),
            from: None,
            told: ReminderStep::Half,
            next: Some(Timestamp(8_000)),
            event: event(5_000, TaskEvent::Reminded),
        };
        let put = OutboxChange::Put(Box::new(message(n, "task/1/half")));
        Unit { changes: vec![Change::Task(told), Change::Outbox(put)], ..Unit::default() }
    };
    store.commit(remind(1)).await.unwrap();
    assert!(matches!(store.commit(remind(2)).await, Err(StoreError::TaskOutdated)));
    store.close().await;
    let (store, _) = open(&db).await;
    assert!(matches!(store.commit(remind(3)).await, Err(StoreError::TaskOutdated)));
    assert_eq!(store.outbox(&OutboxQuery::default(), 10).await.unwrap(), [message(1, "task/1/half")]);
    let row = store.task(TaskId::new(1)).await.unwrap().unwrap();
    assert_eq!((row.told, row.remind_at), (Some(ReminderStep::Half), Some(Timestamp(8_000))));
}

async fn another_deadline_keeps_the_first_one_and_a_settled_task_keeps_its_own(db: TestDatabase) {
    let (store, _) = open(&db).await;
    ask(&store, TaskRow { is_provisional: true, ..task(1, "q") }, 11).await;
    let recompute = |from: i64| TaskChange::Recompute {
        task: TaskId::new(1),
        from: Timestamp(from),
        due_at: Timestamp(12_000),
        is_provisional: false,
        remind_at: Some(Timestamp(6_000)),
        event: Some(event(3_000, TaskEvent::Recomputed)),
    };
    change(&store, recompute(8_000)).await.unwrap();
    assert_eq!(store.task(TaskId::new(1)).await.unwrap().unwrap().due_at, Timestamp(9_000), "it was not that");
    change(&store, recompute(9_000)).await.unwrap();
    let row = store.task(TaskId::new(1)).await.unwrap().unwrap();
    let values = (row.due_at, row.first_due_at, row.is_provisional, row.remind_at);
    assert_eq!(values, (Timestamp(12_000), Timestamp(9_000), false, Some(Timestamp(6_000))));
    change(&store, fulfil(1)).await.unwrap();
    change(&store, again(row.id)).await.unwrap();
    assert_eq!(store.task(row.id).await.unwrap().unwrap().due_at, Timestamp(12_000));
}

fn again(task: TaskId) -> TaskChange {
    TaskChange::Recompute {
        task,
        from: Timestamp(12_000),
        due_at: Timestamp(99_000),
        is_provisional: false,
        remind_at: None,
        event: Some(event(8_000, TaskEvent::Recomputed)),
    }
}

async fn a_published_entry_settles_the_task_and_every_asker_gets_one_message(db: TestDatabase) {
    let (store, _) = open(&db).await;
    ask(&store, task(1, "q"), 11).await;
    ask(&store, task(1, "q"), 12).await;
    change(&store, fulfil(1)).await.unwrap();
    change(&store, fulfil(1)).await.unwrap();
    let row = store.task(TaskId::new(1)).await.unwrap().unwrap();
    assert_eq!(
        (row.state, row.entry.as_deref(), row.revision, row.settled_at, row.remind_at),
        (TaskState::Done, Some("e1"), Some(4), Some(Timestamp(7_000)), None)
    );
    let sent = store.outbox(&OutboxQuery::default(), 10).await.unwrap();
    let to: BTreeSet<_> = sent.iter().map(|row| row.addressee.clone()).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(to, BTreeSet::from([ConversationId::new(11).to_string(), ConversationId::new(12).to_string()]));
    assert!(store.next_reminder().await.unwrap().is_none());
}

async fn whose_thread_is_deleted_is_told_nothing(db: TestDatabase) {
    let (store, _) = open(&db).await;
    seed(&store, 1).await;
    ask(&store, task(1, "q"), 1).await;
    change(&store, fulfil(1)).await.unwrap();
    ask(&store, task(2, "another"), 1).await;
    let closed = crate::ConversationRow { stage: bangban_domain::words::Stage::Closed, ..conversation(1) };
    let delete = PrivacyChange::Threads { conversations: vec![closed.id], at: Timestamp(8_000) };
    let changes = vec![Change::Conversation(closed), Change::Privacy(delete)];
    store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
    assert_eq!(store.askers(TaskId::new(2)).await.unwrap(), []);
    assert_eq!(store.outbox(&OutboxQuery::default(), 10).await.unwrap(), []);
}

async fn lists_and_rates_are_of_the_units_kinds_and_days_that_are_asked_for(db: TestDatabase) {
    let (store, _) = open(&db).await;
    for (n, unit, due) in [(1, "police", 9_000), (2, "police", 10_000), (3, "tax", 9_500), (4, "police", 20_000)] {
        let row = TaskRow { unit: unit.to_owned(), due_at: Timestamp(due), ..task(n, &n.to_string()) };
        ask(&store, row, n).await;
    }
    change(&store, fulfil(1)).await.unwrap();
    let ids = |query: TaskQuery| {
        let store = store.clone();
        async move { store.tasks(&query, 10).await.unwrap().iter().map(|row| row.id.raw()).collect::<Vec<_>>() }
    };
    assert_eq!(ids(TaskQuery::default()).await, [1, 3, 2, 4]);
    let units = |unit: &str| Some(vec![unit.to_owned()]);
    assert_eq!(ids(TaskQuery { units: units("police"), ..TaskQuery::default() }).await, [1, 2, 4]);
    assert_eq!(ids(TaskQuery { is_owed: true, ..TaskQuery::default() }).await, [3, 2, 4]);
    assert_eq!(
        ids(TaskQuery { after: Some((Timestamp(9_500), TaskId::new(3))), ..TaskQuery::default() }).await,
        [2, 4]
    );
    let now = Timestamp(11_000);
    assert_eq!(ids(TaskQuery { in_time: Some((true, now)), ..TaskQuery::default() }).await, [1]);
    assert_eq!(ids(TaskQuery { in_time: Some((false, now)), ..TaskQuery::default() }).await, [3, 2]);
    assert_eq!(ids(TaskQuery { due_to: Some(Timestamp(9_500)), ..TaskQuery::default() }).await, [1]);
    assert_eq!(ids(TaskQuery { kind: Some(TaskKind::Policy), ..TaskQuery::default() }).await, []);
    let counts = store.on_time(None, None, (Timestamp(0), Timestamp(30_000)), now).await.unwrap();
    let count =
        |unit: &str, in_time, due, owed, overdue| OnTimeCount { unit: unit.to_owned(), in_time, due, owed, overdue };
    assert_eq!(counts, [count("police", 1, 2, 1, 1), count("tax", 0, 1, 0, 1)]);
    let few = store.on_time(units("tax").as_deref(), Some(TaskKind::Gap), (Timestamp(0), Timestamp(9_000)), now).await;
    assert_eq!(few.unwrap(), []);
}

async fn a_message_is_written_once_for_its_cause_addressee_and_channel(db: TestDatabase) {
    let (store, _) = open(&db).await;
    for row in [
        message(1, "a"),
        message(2, "a"),
        OutboxRow { addressee: "unit/tax".to_owned(), ..message(3, "a") },
        OutboxRow { channel: MessageChannel::Webhook, ..message(4, "a") },
        message(5, "b"),
    ] {
        outbox(&store, OutboxChange::Put(Box::new(row))).await.unwrap();
    }
    let all = store.outbox(&OutboxQuery::default(), 10).await.unwrap();
    assert_eq!(all.iter().map(|row| row.id.raw()).collect::<Vec<_>>(), [5, 4, 3, 1]);
    let before = Some((Timestamp(1_000), NoticeId::new(4)));
    let rest = store.outbox(&OutboxQuery { before, ..OutboxQuery::default() }, 10).await.unwrap();
    assert_eq!(rest.len(), 2);
}

async fn a_message_fails_dies_is_sent_again_and_is_sent(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let id = NoticeId::new(1);
    outbox(&store, OutboxChange::Put(Box::new(message(1, "a")))).await.unwrap();
    let failed = |at: i64, next: Option<i64>| OutboxChange::Failed {
        id,
        at: Timestamp(at),
        error: "status 500".to_owned(),
        next: next.map(Timestamp),
    };
    outbox(&store, failed(1_000, Some(2_000))).await.unwrap();
    assert!(store.outbox_due(Timestamp(1_999), 10).await.unwrap().is_empty());
    assert_eq!(store.next_outbox().await.unwrap(), Some(Timestamp(2_000)));
    outbox(&store, failed(2_000, None)).await.unwrap();
    let row = store.outbox_row(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts, row.tried_at), (OutboxState::Dead, 2, Some(Timestamp(1_000))));
    assert_eq!(store.outbox_counts().await.unwrap(), [(OutboxState::Dead, 1)]);
    outbox(&store, OutboxChange::Replay { id, at: Timestamp(3_000) }).await.unwrap();
    let again = outbox(&store, OutboxChange::Replay { id, at: Timestamp(3_000) }).await;
    assert!(matches!(again, Err(StoreError::OutboxOutdated)));
    store.close().await;
    let (store, _) = open(&db).await;
    let due = store.outbox_due(Timestamp(3_000), 10).await.unwrap();
    assert_eq!(due.iter().map(|row| (row.attempts, row.tried_at)).collect::<Vec<_>>(), [(0, None)]);
    outbox(&store, OutboxChange::Sent { id, at: Timestamp(3_100), is_sunk: false }).await.unwrap();
    outbox(&store, failed(3_200, None)).await.unwrap();
    let row = store.outbox_row(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.settled_at, row.error), (OutboxState::Sent, Some(Timestamp(3_100)), None));
}

async fn templates_and_wishes_are_kept_and_the_slower_of_two_is_refused(db: TestDatabase) {
    let (store, _) = open(&db).await;
    let template = |version: u64, text: &str| TemplateRow {
        message: MessageKind::TaskEve,
        language: Language::Chinese,
        text: text.to_owned(),
        version,
        changed_at: Timestamp(5),
        changed_by: AgentId::new(1),
    };
    for (row, is_taken) in
        [(template(1, "a"), true), (template(1, "b"), false), (template(2, "c"), true), (template(2, "d"), false)]
    {
        let done = outbox(&store, OutboxChange::Template(row.clone())).await;
        assert_eq!(done.is_ok(), is_taken, "{row:?}");
    }
    assert_eq!(store.templates().await.unwrap(), [template(2, "c")]);
    let person = CitizenId::new(1).to_string();
    let wish = |at: Option<i64>| OutboxChange::OptOut {
        person: CitizenId::new(1).to_string(),
        channel: MessageChannel::Sms,
        at: at.map(Timestamp),
    };
    outbox(&store, wish(Some(1))).await.unwrap();
    outbox(&store, wish(Some(2))).await.unwrap();
    assert_eq!(store.opted_out(&person).await.unwrap(), BTreeSet::from([MessageChannel::Sms]));
    outbox(&store, wish(None)).await.unwrap();
    assert_eq!(store.opted_out(&person).await.unwrap(), BTreeSet::new());
}
