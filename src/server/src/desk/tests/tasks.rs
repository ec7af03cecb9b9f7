//! Tasks with deadlines: a whole life of one, by the clock that the test moves.

use bangban_domain::{
    TaskId,
    org::{Body, Kind, SpecialHours},
    task::{MessageChannel, MessageKind, OutboxState, TaskEvent, TaskKind, TaskState},
};
use bangban_protocol::{PolicyOrder, PolicyQuestion, TaskReassign, TaskStep, TemplateOrder, WantedChannels};
use bangban_store::{Author, OutboxQuery, OutboxRow, TaskQuery, TaskRow};

use super::*;
use crate::app::{Edit, Fulfilled, WantedTasks, Worker};

const EDITOR: u128 = 64;
const LEADER: u128 = 65;
const ADMIN: u128 = 67;
const SUPERVISOR: u128 = 7;

const DAY: i64 = 24 * 3_600_000;

fn member(n: u128, role: Role) -> Staff {
    match staff(n, role) {
        Principal::Staff(staff) => staff,
        Principal::Citizen(_) => unreachable!("staff makes staff"),
    }
}

fn caller() -> Principal {
    match citizen(1) {
        Principal::Citizen(citizen) => Principal::Citizen(Citizen { phone: Some("13800138001".to_owned()), ..citizen }),
        other => other,
    }
}

impl House {
    /// Somebody asks what nobody knows; agent 1 closes it so.
    async fn gap(&mut self, who: &Principal, question: &str) -> (ConversationId, Result<Answer, WireError>) {
        let id = self.ask(who, "residence-permit").await;
        let agent = agent(1);
        self.accept(1).await;
        self.say(&agent, id, "我帮您查一下").await;
        let close = Command::Close {
            conversation: id,
            outcome: Outcome::Unsolved,
            hand_on: None,
            no_answer: Some(question.to_owned()),
            write_back: None,
        };
        (id, self.give(&agent, close).await)
    }

    async fn tasks(&self) -> Vec<TaskRow> {
        self.app.store.tasks(&TaskQuery::default(), 100).await.unwrap()
    }

    async fn outbox(&self, channel: MessageChannel) -> Vec<OutboxRow> {
        let query = OutboxQuery { channel: Some(channel), ..OutboxQuery::default() };
        self.app.store.outbox(&query, 100).await.unwrap()
    }

    /// Who was told what, on our own pages.
    async fn told(&self) -> Vec<(MessageKind, u128)> {
        let rows = self.outbox(MessageChannel::Inbox).await;
        let of = |row: &OutboxRow| (row.message, row.addressee.parse::<AgentId>().unwrap().raw());
        let mut told: Vec<_> = rows.iter().map(of).collect();
        told.sort_unstable();
        told
    }

    /// As the loops of the server do it.
    async fn tick(&self, instant: i64) {
        self.hand.advance(instant - self.now().0);
        self.app.remind_due().await.unwrap();
        self.app.send_due().await.unwrap();
    }

    async fn publish(&self, task: TaskId, reason: Option<&str>) -> Result<(), WireError> {
        let done = Fulfilled {
            task,
            entry: "kb-residence-permit-apply",
            revision: 1,
            source: "上海市公安局",
            by: Author::Agent(AgentId::new(EDITOR)),
            from: self.now(),
            override_reason: reason,
        };
        let changes = self.app.fulfil(done).await?;
        self.app.store.commit(Unit { changes, ..Unit::default() }).await.unwrap();
        self.app.told_of_publishing();
        self.app.send_due().await.unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn through_a_whole_deadline_each_addressee_sees_each_reminder_once_over_restarts_before_every_step() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    house.come(1).await;
    let (_, closed) = house.gap(&citizen(1), "居住证积分被退回以后怎么重新申请").await;
    closed.unwrap();
    let [task] = house.tasks().await.try_into().unwrap();
    let due = at(17, 0, 0) + 7 * DAY;
    assert_eq!((task.kind, task.due_at, task.is_provisional), (TaskKind::Gap, Timestamp(due), false));
    let half = (MessageKind::TaskHalf, EDITOR);
    let eve = [(MessageKind::TaskEve, EDITOR), (MessageKind::TaskEve, LEADER)];
    let overdue = [SUPERVISOR, EDITOR, LEADER].map(|who| (MessageKind::TaskOverdue, who));
    let mut expected: Vec<(MessageKind, u128)> = Vec::new();
    for (instant, told) in [
        (at(9, 0, 0) + 6 * DAY - 1, &[][..]),
        (at(9, 0, 0) + 6 * DAY, &[half]),
        (at(17, 0, 0) + 6 * DAY - 1, &[]),
        (at(17, 0, 0) + 6 * DAY, &eve),
        (due, &[]),
        (due + 1, &overdue),
        (due + 30 * DAY, &[]),
    ] {
        house = house.restart().await;
        house.tick(instant).await;
        house.tick(instant).await;
        expected.extend(told);
        expected.sort_unstable();
        assert_eq!(house.told().await, expected, "{instant}");
    }
    let history = house.app.store.task_events(task.id).await.unwrap();
    let reminded = history.iter().filter(|line| line.what == TaskEvent::Reminded).count();
    assert_eq!((reminded, house.app.store.next_reminder().await.unwrap()), (3, None));
}

#[tokio::test]
async fn who_asked_the_same_is_told_in_the_thread_once_and_outside_when_it_is_not_quiet() {
    let mut house = House::open(at(20, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let question = "居住证积分被退回以后怎么重新申请";
    let (first, closed) = house.gap(&caller(), question).await;
    closed.unwrap();
    let (second, closed) = house.gap(&citizen(2), "请问居住证积分被退回以后怎么重新申请？").await;
    closed.unwrap();
    let (_, closed) = house.gap(&citizen(3), "居住证到期以后在哪里补签，电话13800138009").await;
    closed.unwrap();
    let tasks = house.tasks().await;
    let asked: Vec<(&str, u64)> = tasks.iter().map(|task| (task.question.as_str(), task.askers)).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked.contains(&(question, 2)) && asked.contains(&("居住证到期以后在哪里补签，电话138****8009", 1)),
        "{asked:?}"
    );
    let task = tasks.iter().find(|task| task.askers == 2).unwrap().id;

    // It is ten o'clock in the evening; nobody is disturbed before the morning.
    house.hand.advance(2 * 3_600_000);
    house.publish(task, None).await.unwrap();
    house.publish(task, None).await.unwrap();
    for id in [first, second] {
        let bodies = house.bodies(id).await;
        let found: Vec<_> = bodies.iter().filter(|body| matches!(body, ThreadBody::AnswerFound { .. })).collect();
        assert_eq!(found, [&ThreadBody::AnswerFound { question: question.to_owned() }]);
        assert!(
            matches!(bodies.last(), Some(ThreadBody::BotAnswer { entry, .. }) if entry == "kb-residence-permit-apply")
        );
    }
    let [sms] = house.outbox(MessageChannel::Sms).await.try_into().unwrap();
    assert_eq!((sms.state, sms.due_at), (OutboxState::Waiting, Timestamp(at(8, 0, 0) + DAY)));
    assert!(!sms.detail.as_str().contains("138"), "numbers are looked up when they are used");
    // Who has a portal's name, whatever their telephone.
    assert_eq!(house.outbox(MessageChannel::Portal).await.len(), 2);
    let Principal::Citizen(second) = citizen(2) else { unreachable!("a citizen") };
    let wanted = WantedChannels { sms: true, portal: false };
    assert_eq!(house.app.want_channels(&second, wanted).await.unwrap(), wanted);

    let mut house = house.restart().await;
    house.tick(at(8, 0, 0) + DAY - 1).await;
    assert_eq!(house.outbox(MessageChannel::Sms).await[0].state, OutboxState::Waiting);
    house.tick(at(8, 0, 0) + DAY).await;
    let [sms] = house.outbox(MessageChannel::Sms).await.try_into().unwrap();
    assert_eq!((sms.state, sms.is_sunk, sms.attempts), (OutboxState::Sent, true, 0));
    let mut portal: Vec<_> = house.outbox(MessageChannel::Portal).await.iter().map(|row| row.state).collect();
    portal.sort_unstable();
    assert_eq!(portal, [OutboxState::Sent, OutboxState::Dropped], "the second one does not want it");
    // What the administrator sees of it has no number and no name.
    let admin = member(ADMIN, Role::Admin);
    let page = house.app.outbox(&admin, Default::default(), bangban_domain::words::Language::Chinese).await.unwrap();
    let text = format!("{page:?}");
    assert!(text.contains("138****8001") && text.contains("上海市公安局"), "{text}");
    assert!(!text.contains("13800138001") && !text.contains("张伟"), "{text}");
    // Asked again after that it is a new task.
    house.come(1).await;
    let (_, closed) = house.gap(&citizen(5), question).await;
    closed.unwrap();
    assert_eq!(house.tasks().await.len(), 3);
}

#[tokio::test]
async fn a_question_without_an_answer_belongs_to_an_unsolved_matter_and_is_named_when_it_is_none() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.come(1).await;
    let id = house.ask(&citizen(1), "residence-permit").await;
    house.accept(1).await;
    let close = |outcome, question: &str| Command::Close {
        conversation: id,
        outcome,
        hand_on: None,
        no_answer: Some(question.to_owned()),
        write_back: None,
    };
    for command in [
        close(Outcome::Solved, "为什么"),
        close(Outcome::Unsolved, " "),
        close(Outcome::Unsolved, "？？"),
        close(Outcome::Unsolved, &"长".repeat(201)),
    ] {
        let error = house.give(&agent(1), command).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::BadRequest, Some("noAnswer")));
    }
    // Who does not serve it closes nothing, and so opens nothing.
    assert_eq!(house.refused(&agent(2), close(Outcome::Unsolved, "为什么")).await, ErrorCode::Forbidden);
    assert_eq!((house.stage(id).await, house.tasks().await.len()), (Stage::Serving, 0));
    house.say(&citizen(1), id, "好的").await;
}

#[tokio::test]
async fn a_policy_in_force_at_once_escalates_at_once_and_a_late_answer_needs_a_reason_that_is_told() {
    let house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    let editor = member(EDITOR, Role::Editor);
    let who = Worker { staff: &editor, address: "192.0.2.1" };
    let order = |effective_on: &str, questions: &[&str]| PolicyOrder {
        unit: "sh".to_owned(),
        title: "新政策".to_owned(),
        document: "沪府办字〔2026〕1号".to_owned(),
        effective_on: effective_on.to_owned(),
        questions: questions
            .iter()
            .map(|question| PolicyQuestion { question: (*question).to_owned(), item: None })
            .collect(),
    };
    for (bad, field) in [
        (order("2026-13-01", &["a"]), "effectiveOn"),
        (order("2026-12-01", &[]), "questions"),
        (order("2026-12-01", &["a", "a？"]), "questions[1].question"),
        (PolicyOrder { unit: "nowhere".to_owned(), ..order("2026-12-01", &["a"]) }, "unit"),
    ] {
        assert_eq!(house.app.register_policy(&who, bad).await.unwrap_err().field.as_deref(), Some(field));
    }
    let leader = member(LEADER, Role::Leader);
    let denied = Worker { staff: &leader, address: "192.0.2.1" };
    let refusal = house.app.register_policy(&denied, order("2026-12-01", &["a"])).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Forbidden);

    let early = house.app.register_policy(&who, order("2026-12-01", &["以后怎么办"])).await.unwrap();
    assert_eq!(early.tasks[0].due_at, Timestamp(at(17, 0, 0) + 6 * DAY), "the working day before");
    let now = house.app.register_policy(&who, order("2026-11-24", &["现在怎么办"])).await.unwrap();
    assert_eq!(now.tasks[0].due_at, house.now());
    house.tick(at(10, 0, 0) + 1).await;
    let overdue = [SUPERVISOR, EDITOR, LEADER].map(|who| (MessageKind::TaskOverdue, who));
    assert_eq!(house.told().await, overdue);

    let refused = house.publish(now.tasks[0].id, None).await.unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::BadRequest, Some("reason")));
    house.publish(now.tasks[0].id, Some("文件今天才收到")).await.unwrap();
    house.publish(early.tasks[0].id, None).await.unwrap();
    let late: Vec<_> = house.told().await.into_iter().filter(|(kind, _)| *kind == MessageKind::PublishedLate).collect();
    assert_eq!(late, [(MessageKind::PublishedLate, SUPERVISOR), (MessageKind::PublishedLate, EDITOR)]);
    let view = house.app.task(&editor, now.tasks[0].id).await.unwrap();
    assert_eq!((view.task.state, view.task.in_time), (TaskState::Done, Some(false)));
    assert!(view.history.iter().any(|line| line.reason.as_deref() == Some("文件今天才收到")));
    let day = "2026-11-24".parse().unwrap();
    let rates = house.app.on_time(&editor, None, (day, "2026-12-01".parse().unwrap())).await.unwrap();
    assert_eq!((rates.total.in_time, rates.total.due), (1, 2));
    let wanted = WantedTasks { in_time: Some(false), ..WantedTasks::default() };
    let rows = house.app.tasks(&editor, wanted).await.unwrap().tasks;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [now.tasks[0].id], "the figure opens to its rows");
}

#[tokio::test]
async fn other_hours_move_open_deadlines_and_both_values_stay() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    house.come(1).await;
    let (_, closed) = house.gap(&citizen(1), "居住证积分被退回以后怎么重新申请").await;
    closed.unwrap();
    let day = "2026-12-01".parse().unwrap();
    let special = SpecialHours {
        unit: None,
        teams: Vec::new(),
        first: day,
        last: day,
        periods: vec!["09:00-12:00".to_owned()],
        note: String::new(),
    };
    let edit = Edit {
        kind: Kind::SpecialHours,
        id: "half-day".to_owned(),
        version: 0,
        body: Some(Body::SpecialHours(special)),
        reason: None,
        address: None,
    };
    house.app.edit(&member(ADMIN, Role::Admin), edit).await.unwrap();
    house.app.recompute_deadlines().await.unwrap();
    assert_eq!(house.app.recompute_deadlines().await.unwrap(), 0, "once is enough");
    let [task] = house.tasks().await.try_into().unwrap();
    assert_eq!(
        (task.due_at, task.first_due_at),
        (Timestamp(at(12, 0, 0) + 7 * DAY), Timestamp(at(17, 0, 0) + 7 * DAY))
    );
    let view = house.app.task(&member(EDITOR, Role::Editor), task.id).await.unwrap();
    let moved = view.history.iter().find(|line| line.what == TaskEvent::Recomputed).unwrap();
    assert_eq!(moved.before.as_deref(), Some((at(17, 0, 0) + 7 * DAY).to_string().as_str()));
}

#[tokio::test]
async fn a_task_is_taken_on_put_back_reassigned_and_dropped_by_whoever_may_and_each_step_is_written_down() {
    let mut house = House::open(at(10, 0, 0), HoursKey::Calendar).await;
    house.come(1).await;
    let (_, closed) = house.gap(&citizen(1), "居住证积分被退回以后怎么重新申请").await;
    closed.unwrap();
    let id = house.tasks().await[0].id;
    let editor = member(EDITOR, Role::Editor);
    let who = Worker { staff: &editor, address: "192.0.2.1" };
    let step = |version, to, reason: &str| TaskStep { version, to, reason: reason.to_owned() };
    let leader = member(LEADER, Role::Leader);
    let reader = Worker { staff: &leader, address: "192.0.2.1" };
    let refused = house.app.step_task(&reader, id, step(1, TaskState::Working, "")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let agent = member(1, Role::Agent);
    assert_eq!(house.app.task(&agent, id).await.unwrap_err().code, ErrorCode::NotFound);

    let view = house.app.step_task(&who, id, step(1, TaskState::Working, "")).await.unwrap();
    assert_eq!((view.task.assignee, view.task.version), (Some(AgentId::new(EDITOR)), 2));
    let stale = house.app.step_task(&who, id, step(1, TaskState::Open, "")).await.unwrap_err();
    assert_eq!(stale.code, ErrorCode::Outdated);
    let done = house.app.step_task(&who, id, step(2, TaskState::Done, "")).await.unwrap_err();
    assert_eq!(done.code, ErrorCode::InvalidStage, "by a published entry only");
    let unit =
        house.app.directory().units().map(|(code, _)| code.to_owned()).find(|code| *code != view.task.unit).unwrap();
    let order = TaskReassign { version: 2, unit: unit.clone(), reason: "属于该单位业务".to_owned() };
    let view = house.app.reassign_task(&who, id, order).await.unwrap();
    assert_eq!((view.task.unit, view.task.assignee, view.task.state), (unit, None, TaskState::Open));
    let short = house.app.step_task(&who, id, step(3, TaskState::Dropped, "无")).await.unwrap_err();
    assert_eq!(short.field.as_deref(), Some("reason"));
    let view = house.app.step_task(&who, id, step(3, TaskState::Dropped, "与已有条目重复")).await.unwrap();
    assert_eq!((view.task.state, view.reason.as_deref()), (TaskState::Dropped, Some("与已有条目重复")));
    house.tick(at(17, 0, 0) + 30 * DAY).await;
    assert_eq!(house.told().await, [], "nobody owes it");
    let what: Vec<TaskEvent> = view.history.iter().map(|line| line.what).collect();
    assert_eq!(what, [TaskEvent::Opened, TaskEvent::Begun, TaskEvent::Reassigned, TaskEvent::Dropped]);
}

#[tokio::test]
async fn other_words_hold_from_the_next_message_on_and_a_wrong_placeholder_is_named() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let admin = member(ADMIN, Role::Admin);
    let who = Worker { staff: &admin, address: "192.0.2.1" };
    let order = |version, text: &str| TemplateOrder {
        message: MessageKind::TaskOverdue,
        language: bangban_domain::words::Language::Chinese,
        version,
        text: text.to_owned(),
    };
    let wrong = house.app.put_template(&who, order(0, "{question} {name}")).await.unwrap_err();
    assert_eq!(wrong.field.as_deref(), Some("text"));
    let all = house.app.put_template(&who, order(0, "请处理：{question}")).await.unwrap();
    assert!(all.iter().any(|one| one.text == "请处理：{question}" && one.version == 1));
    assert_eq!(house.app.put_template(&who, order(0, "{question}")).await.unwrap_err().code, ErrorCode::Outdated);
    let editor = member(EDITOR, Role::Editor);
    let denied = Worker { staff: &editor, address: "192.0.2.1" };
    assert_eq!(house.app.put_template(&denied, order(1, "{question}")).await.unwrap_err().code, ErrorCode::Forbidden);
}
