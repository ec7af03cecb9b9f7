//! Tasks with deadlines and the register of policies: opening, joining, steps, deadlines that follow another calendar,
//! reminders, and what a published entry does to its task. What the rules are is said in `bangban_domain::task`.
//!
//! Questions and reasons are masked before they are stored.

use std::{collections::BTreeSet, sync::Weak};

use bangban_domain::{
    ConversationId, NoticeId, PolicyId, TaskId, Timestamp,
    calendar::midnight,
    conversation,
    knowledge::Content,
    org::{CITY, Directory, Kind},
    privacy::mask,
    rights::Action,
    task::{
        self, Addressed, MAX_QUESTION, Member, MessageChannel, MessageKind, OutboxState, ReminderStep, TaskEvent,
        TaskKind, TaskState,
    },
    time::{DAY, MINUTE},
    words::Outcome,
};
use bangban_protocol::{
    CorrectionOrder, ErrorCode, OnTimeLine, OnTimeRates, PolicyOrder, PolicyPage, PolicyView, TaskHistoryLine,
    TaskLine, TaskPage, TaskReassign, TaskStep, TaskView, ThreadBody, WireError,
};
use bangban_store::{
    Audit, Author, Change, Lane, OnTimeCount, OutboxChange, OutboxRow, PolicyRow, TaskChange, TaskEventRow, TaskQuery,
    TaskRow, Unit,
};
use jiff::civil::Date;
use serde::Deserialize;

use super::{App, forbidden, internal, invalid, store_error, thread_entry};
use crate::{
    auth::{Principal, Staff},
    desk::new_id,
    known::Known,
    outbox::local,
    privacy::json,
    staff::At,
};

/// Tasks of one page; tasks that are looked at in one turn of the server's own.
const PAGE: u32 = 50;
const TURN: u32 = 200;

/// Most questions of one policy.
const MOST_QUESTIONS: usize = 100;

/// A reason.
const LEAST_REASON: usize = 4;
const MAX_REASON: usize = 500;

/// What a policy is called, and the number of its document.
const MAX_TITLE: usize = 200;
const MAX_DOCUMENT: usize = 100;

/// Who takes a step, and from where.
pub(crate) struct Worker<'a> {
    pub(crate) staff: &'a Staff,
    pub(crate) address: &'a str,
}

/// What is looked for in the list of tasks.
#[derive(Default)]
pub(crate) struct WantedTasks {
    pub(crate) kind: Option<TaskKind>,
    pub(crate) state: Option<TaskState>,
    pub(crate) is_owed: bool,
    pub(crate) unit: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) policy: Option<PolicyId>,
    pub(crate) is_mine: bool,
    pub(crate) in_time: Option<bool>,
    pub(crate) due: Option<(Date, Date)>,
    pub(crate) after: Option<TaskId>,
}

/// A revision that answers a task is published.
pub struct Fulfilled<'a> {
    /// Which task.
    pub task: TaskId,
    /// The entry.
    pub entry: &'a str,
    /// Its revision.
    pub revision: u64,
    /// Who is responsible for the answer, as citizens read it.
    pub source: &'a str,
    /// Who publishes.
    pub by: Author,
    /// From when on the answer holds: nobody is told before.
    pub from: Timestamp,
    /// Why it is published after the deadline of its policy.
    pub override_reason: Option<&'a str>,
}

/// What a line of the history says besides.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: Option<String>,
    before: Option<String>,
    after: Option<String>,
    step: Option<String>,
}

fn none() -> WireError {
    WireError::new(ErrorCode::NotFound, "no task that you may see")
}

fn outdated() -> WireError {
    WireError::new(ErrorCode::Outdated, "somebody else has changed it meanwhile")
}

fn why(text: &str) -> Result<String, WireError> {
    let text = conversation::text("reason", text, MAX_REASON).map_err(invalid)?;
    if text.chars().count() < LEAST_REASON {
        return Err(WireError::field("reason", format!("must have at least {LEAST_REASON} characters")));
    }
    Ok(mask(text).into_owned())
}

fn question(field: &'static str, text: &str) -> Result<String, WireError> {
    let text = conversation::text(field, text, MAX_QUESTION).map_err(invalid)?;
    if task::normalised(text).is_empty() {
        return Err(WireError::field(field, "must have letters"));
    }
    Ok(mask(text).into_owned())
}

impl App {
    fn may_read_task(&self, staff: &Staff, row: &TaskRow) -> bool {
        self.may(staff, Action::ReadTasks, At { unit: Some(&row.unit), item: row.item.as_deref() })
    }

    fn may_work_task(&self, staff: &Staff, unit: &str, item: Option<&str>) -> bool {
        self.may(staff, Action::WorkTasks, At { unit: Some(unit), item })
    }

    /// The units whose tasks one sees; `None`: all, also of those that are not there any more.
    fn task_units(&self, staff: &Staff) -> Result<Option<Vec<String>>, WireError> {
        self.require_somewhere(staff, Action::ReadTasks)?;
        if self.may(staff, Action::ReadTasks, At::CITY) {
            return Ok(None);
        }
        let scopes = self.scopes(staff, Action::ReadTasks);
        let directory = self.directory();
        let is_mine = |unit: &str| directory.above(unit).iter().any(|one| scopes.contains(&Some(one.clone())));
        Ok(Some(directory.units().filter(|(code, _)| is_mine(code)).map(|(code, _)| code.to_owned()).collect()))
    }

    pub(super) fn unit_name(&self, code: &str) -> String {
        self.directory().unit(code).map_or_else(|| code.to_owned(), |unit| unit.name.clone())
    }

    /// The unit that owns an item's answers (rule 11); without an item the city.
    fn owner_of(directory: &Directory, item: Option<&str>) -> String {
        item.and_then(|item| directory.item(item)).map_or_else(|| CITY.to_owned(), |item| item.department.clone())
    }

    fn new_task(
        &self,
        kind: TaskKind,
        unit: String,
        item: Option<String>,
        text: String,
        (at, by): (Timestamp, Author),
        policy: Option<&PolicyRow>,
    ) -> TaskRow {
        let calendar = self.catalogue().calendar_of_unit(&unit);
        let due = task::due(kind, at, policy.map(|policy| policy.effective_at), &calendar);
        let steps = task::reminders(at, due.at, &calendar);
        let same = task::normalised(&text);
        TaskRow {
            id: TaskId::new(new_id()),
            version: 1,
            kind,
            state: TaskState::Open,
            unit,
            item,
            question: text,
            same: policy.map_or(same.clone(), |policy| format!("{}/{same}", policy.id)),
            opened_at: at,
            opened_by: by,
            due_at: due.at,
            is_provisional: due.is_provisional,
            first_due_at: due.at,
            told: None,
            remind_at: steps.first().map(|step| step.at),
            assignee: None,
            policy: policy.map(|policy| policy.id),
            entry: None,
            revision: None,
            settled_at: None,
            reason: None,
            askers: 0,
        }
    }

    // --- opening ------------------------------------------------------------------------------------------------

    /// The gap task that a question becomes when its conversation is closed without an answer: the key of an owed one that
    /// asks the same about the same item, word for word or nearly so.
    pub(super) async fn gap(
        &self,
        who: &Principal,
        at: Timestamp,
        conversation: ConversationId,
        outcome: Outcome,
        text: &str,
    ) -> Result<TaskRow, WireError> {
        let Principal::Staff(staff) = who else { return Err(forbidden()) };
        if !matches!(outcome, Outcome::Unsolved | Outcome::LeftMessage) {
            return Err(WireError::field("noAnswer", "belongs to unsolved or left_message"));
        }
        let text = question("noAnswer", text)?;
        let row = self.store.conversation(conversation).await.map_err(store_error)?.ok_or_else(super::not_found)?;
        let directory = self.directory();
        let unit = Self::owner_of(&directory, row.item.as_deref());
        let mut task = self.new_task(TaskKind::Gap, unit, row.item, text, (at, Author::Agent(staff.id)), None);
        let owed = self.store.owed_questions(task.item.as_deref()).await.map_err(store_error)?;
        let owed = owed.iter().map(|other| (other.same.as_str(), other.question.as_str()));
        if let Some(same) = task::same_question(&task.question, owed) {
            same.clone_into(&mut task.same);
        }
        Ok(task)
    }

    /// An entry is said to be wrong: a task of the unit that owns it.
    pub(crate) async fn report_wrong(&self, who: &Worker<'_>, order: CorrectionOrder) -> Result<(), WireError> {
        let may = |action| self.require_somewhere(who.staff, action).is_ok();
        if !may(Action::Serve) && !may(Action::ReadTasks) {
            return Err(forbidden());
        }
        let text = question("text", &order.text)?;
        if text.chars().count() < LEAST_REASON {
            return Err(WireError::field("text", format!("must have at least {LEAST_REASON} characters")));
        }
        let catalogue = self.catalogue();
        let known = catalogue.knowledge().get(&order.entry);
        let known = known.ok_or_else(|| WireError::field("entry", "no entry that is in force"))?;
        let row = self.correction(known, text, (self.clock.now(), Author::Agent(who.staff.id)));
        let audit = self.task_audit(who, "task.correction", &row, None, serde_json::json!({ "entry": row.entry }));
        let changes = vec![Change::Task(TaskChange::Ask { row: Box::new(row), asker: None }), Change::Audit(audit)];
        self.commit_tasks(changes).await
    }

    /// The task that a revision is to be corrected: what is wrong with one revision is one task, however many say so.
    fn correction(&self, known: &Known, text: String, by: (Timestamp, Author)) -> TaskRow {
        let catalogue = self.catalogue();
        let item = known.content.items.first().filter(|item| catalogue.item(item).is_some()).cloned();
        let row = self.new_task(TaskKind::Correction, known.unit.clone(), item, text, by, None);
        TaskRow {
            same: format!("{}/{}", known.entry, known.revision),
            entry: Some(known.entry.clone()),
            revision: Some(known.revision.into()),
            ..row
        }
    }

    /// What a citizen's 👎 about an answer of 小申 says of the entry: `None` if they speak of something else.
    pub(super) async fn doubt(
        &self,
        who: &Principal,
        at: Timestamp,
        conversation: ConversationId,
        answer: u64,
    ) -> Result<Option<TaskChange>, WireError> {
        let Principal::Citizen(citizen) = who else { return Ok(None) };
        let before = answer.saturating_sub(1);
        let said = self.store.entries_after(conversation, Lane::Public, before, 1).await.map_err(store_error)?;
        let Some(said) = said.into_iter().find(|said| said.seq == answer) else { return Ok(None) };
        let ThreadBody::BotAnswer { entry, revision: Some(revision), .. } = thread_entry(said)?.body else {
            return Ok(None);
        };
        let catalogue = self.catalogue();
        // Another revision holds by now: what was wrong may be mended.
        let Some(known) = catalogue.knowledge().get(&entry).filter(|known| known.revision == revision) else {
            return Ok(None);
        };
        let row = self.correction(known, known.content.question.clone(), (at, Author::Citizen));
        Ok(Some(TaskChange::Doubt { row: Box::new(row), citizen: citizen.id, conversation }))
    }

    /// A new policy with what it needs answered (rule 8).
    pub(crate) async fn register_policy(&self, who: &Worker<'_>, order: PolicyOrder) -> Result<PolicyView, WireError> {
        if !self.rights.knows_unit(&order.unit) {
            return Err(WireError::field("unit", "no such unit"));
        }
        if !self.may_work_task(who.staff, &order.unit, None) {
            return Err(forbidden());
        }
        let title = conversation::text("title", &order.title, MAX_TITLE).map_err(invalid)?.to_owned();
        let document =
            conversation::at_most("document", order.document.trim(), MAX_DOCUMENT).map_err(invalid)?.to_owned();
        let day: Date = order.effective_on.parse().map_err(|_| WireError::field("effectiveOn", "must be a date"))?;
        if !(2_000..2_200).contains(&day.year()) {
            return Err(WireError::field("effectiveOn", "must be a date from 2000 to 2199"));
        }
        if order.questions.is_empty() || order.questions.len() > MOST_QUESTIONS {
            return Err(WireError::field("questions", format!("must be 1 to {MOST_QUESTIONS}")));
        }
        let now = self.clock.now();
        let policy = PolicyRow {
            id: PolicyId::new(new_id()),
            unit: order.unit,
            title,
            document,
            effective_at: midnight(day),
            registered_at: now,
            registered_by: who.staff.id,
        };
        let directory = self.directory();
        let mut changes = vec![Change::Task(TaskChange::Policy(policy.clone()))];
        let mut seen = BTreeSet::new();
        for (n, one) in order.questions.into_iter().enumerate() {
            let named = |error: WireError| WireError { field: Some(format!("questions[{n}].question")), ..error };
            let text = question("question", &one.question).map_err(named)?;
            if one.item.as_deref().is_some_and(|item| directory.item(item).is_none()) {
                return Err(WireError::field(format!("questions[{n}].item"), "no such item"));
            }
            if !seen.insert((task::normalised(&text), one.item.clone())) {
                return Err(WireError::field(format!("questions[{n}].question"), "is asked twice"));
            }
            let by = (now, Author::Agent(who.staff.id));
            let row = self.new_task(TaskKind::Policy, policy.unit.clone(), one.item, text, by, Some(&policy));
            changes.push(Change::Task(TaskChange::Ask { row: Box::new(row), asker: None }));
        }
        changes.push(Change::Audit(Audit {
            at: now,
            actor: Author::Agent(who.staff.id),
            action: "policy.register",
            kind: "policy".to_owned(),
            subject: policy.id.to_string(),
            unit: Some(policy.unit.clone()),
            reason: None,
            address: Some(who.address.to_owned()),
            detail: json(
                &serde_json::json!({ "title": policy.title, "effectiveOn": day.to_string(), "questions": seen.len() }),
            ),
        }));
        self.commit_tasks(changes).await?;
        self.policy_view(who.staff, policy).await
    }

    /// Commits; whoever waits for reminders or messages looks again.
    async fn commit_tasks(&self, changes: Vec<Change>) -> Result<(), WireError> {
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        self.other_deadlines.notify_one();
        self.outside.ring();
        Ok(())
    }

    // --- reading ------------------------------------------------------------------------------------------------

    fn task_line(&self, staff: &Staff, row: TaskRow) -> TaskLine {
        TaskLine {
            unit_name: self.unit_name(&row.unit),
            item_name: self.catalogue().item_name(row.item.as_deref()),
            assignee_name: row.assignee.and_then(|agent| self.accounts.name(agent)),
            in_time: task::in_time(row.state, row.due_at, row.settled_at, self.clock.now()),
            may_work: self.may_work_task(staff, &row.unit, row.item.as_deref()),
            id: row.id,
            version: row.version,
            kind: row.kind,
            state: row.state,
            unit: row.unit,
            item: row.item,
            question: row.question,
            opened_at: row.opened_at,
            due_at: row.due_at,
            first_due_at: row.first_due_at,
            provisional: row.is_provisional,
            assignee: row.assignee,
            askers: row.askers,
            policy: row.policy,
            entry: row.entry,
            revision: row.revision,
            settled_at: row.settled_at,
        }
    }

    async fn seen_task(&self, staff: &Staff, id: TaskId) -> Result<TaskRow, WireError> {
        let row = self.store.task(id).await.map_err(store_error)?.ok_or_else(none)?;
        if self.may_read_task(staff, &row) { Ok(row) } else { Err(none()) }
    }

    /// Tasks of one's units, the first due first.
    pub(crate) async fn tasks(&self, staff: &Staff, wanted: WantedTasks) -> Result<TaskPage, WireError> {
        let units = match (self.task_units(staff)?, wanted.unit) {
            (None, Some(unit)) => Some(vec![unit]),
            (Some(units), Some(unit)) => Some(units.into_iter().filter(|one| *one == unit).collect()),
            (units, None) => units,
        };
        let after = match wanted.after {
            Some(id) => {
                let row = self.store.task(id).await.map_err(store_error)?;
                let row = row.ok_or_else(|| WireError { field: Some("after".to_owned()), ..none() })?;
                Some((row.due_at, row.id))
            }
            None => None,
        };
        let now = self.clock.now();
        let query = TaskQuery {
            units,
            kind: wanted.kind,
            state: wanted.state,
            is_owed: wanted.is_owed,
            item: wanted.item,
            assignee: wanted.is_mine.then_some(staff.id),
            policy: wanted.policy,
            due_from: wanted.due.map(|(from, _)| midnight(from)),
            due_to: wanted.due.map(|(_, to)| midnight(to) + DAY),
            in_time: wanted.in_time.map(|in_time| (in_time, now)),
            after,
        };
        let mut rows = self.store.tasks(&query, PAGE + 1).await.map_err(store_error)?;
        let has_more = rows.len() > PAGE as usize;
        rows.truncate(PAGE as usize);
        let next = rows.last().filter(|_| has_more).map(|row| row.id);
        // Rights may be for some items only, which the database does not know.
        let rows = rows.into_iter().filter(|row| self.may_read_task(staff, row));
        Ok(TaskPage { tasks: rows.map(|row| self.task_line(staff, row)).collect(), next, now })
    }

    /// One task with its history.
    pub(crate) async fn task(&self, staff: &Staff, id: TaskId) -> Result<TaskView, WireError> {
        let row = self.seen_task(staff, id).await?;
        self.task_view(staff, row).await
    }

    async fn task_view(&self, staff: &Staff, row: TaskRow) -> Result<TaskView, WireError> {
        let events = self.store.task_events(row.id).await.map_err(store_error)?;
        let line = |event: TaskEventRow| {
            let detail: Detail = serde_json::from_str(event.detail.as_str()).map_err(|error| internal(&error))?;
            let by_name = match event.actor {
                Author::Agent(agent) => self.accounts.name(agent),
                Author::Citizen | Author::Bot | Author::System => None,
            };
            let Detail { reason, before, after, step } = detail;
            Ok(TaskHistoryLine { at: event.at, by_name, what: event.what, reason, before, after, step })
        };
        let history = events.into_iter().map(line).collect::<Result<_, WireError>>()?;
        Ok(TaskView { reason: row.reason.clone(), task: self.task_line(staff, row), history })
    }

    /// How one's units have kept the deadlines that fell on these days.
    pub(crate) async fn on_time(
        &self,
        staff: &Staff,
        kind: Option<TaskKind>,
        (from, to): (Date, Date),
    ) -> Result<OnTimeRates, WireError> {
        let units = self.task_units(staff)?;
        let now = self.clock.now();
        let span = (midnight(from), midnight(to) + DAY);
        let counts = self.store.on_time(units.as_deref(), kind, span, now).await.map_err(store_error)?;
        let line = |count: OnTimeCount| OnTimeLine {
            unit_name: self.unit_name(&count.unit),
            unit: count.unit,
            in_time: count.in_time,
            due: count.due,
            owed: count.owed,
            overdue: count.overdue,
        };
        let units: Vec<OnTimeLine> = counts.into_iter().map(line).collect();
        let sum = |of: fn(&OnTimeLine) -> u64| units.iter().map(of).sum();
        let total = OnTimeLine {
            unit: String::new(),
            unit_name: String::new(),
            in_time: sum(|one| one.in_time),
            due: sum(|one| one.due),
            owed: sum(|one| one.owed),
            overdue: sum(|one| one.overdue),
        };
        Ok(OnTimeRates { total, units, now })
    }

    async fn policy_view(&self, staff: &Staff, row: PolicyRow) -> Result<PolicyView, WireError> {
        let query = TaskQuery { policy: Some(row.id), ..TaskQuery::default() };
        let tasks = self.store.tasks(&query, MOST_QUESTIONS as u32).await.map_err(store_error)?;
        Ok(PolicyView {
            id: row.id,
            unit_name: self.unit_name(&row.unit),
            unit: row.unit,
            title: row.title,
            document: row.document,
            effective_at: row.effective_at,
            registered_at: row.registered_at,
            registered_by_name: self.accounts.name(row.registered_by),
            tasks: tasks.into_iter().map(|task| self.task_line(staff, task)).collect(),
        })
    }

    /// Policies of one's units, the last in force first.
    pub(crate) async fn policies(&self, staff: &Staff, before: Option<PolicyId>) -> Result<PolicyPage, WireError> {
        const POLICIES: u32 = 20;
        let units = self.task_units(staff)?;
        let before = match before {
            Some(id) => {
                let row = self.store.policy(id).await.map_err(store_error)?;
                let row = row.ok_or_else(|| WireError { field: Some("before".to_owned()), ..none() })?;
                Some((row.effective_at, row.id))
            }
            None => None,
        };
        let mut rows = self.store.policies(units.as_deref(), before, POLICIES + 1).await.map_err(store_error)?;
        let has_more = rows.len() > POLICIES as usize;
        rows.truncate(POLICIES as usize);
        let next = rows.last().filter(|_| has_more).map(|row| row.id);
        let mut policies = Vec::with_capacity(rows.len());
        for row in rows {
            policies.push(self.policy_view(staff, row).await?);
        }
        Ok(PolicyPage { policies, next, now: self.clock.now() })
    }

    // --- steps --------------------------------------------------------------------------------------------------

    fn task_audit(
        &self,
        who: &Worker<'_>,
        action: &'static str,
        row: &TaskRow,
        reason: Option<String>,
        detail: serde_json::Value,
    ) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(who.staff.id),
            action,
            kind: "task".to_owned(),
            subject: row.id.to_string(),
            unit: Some(row.unit.clone()),
            reason,
            address: Some(who.address.to_owned()),
            detail: json(&detail),
        }
    }

    /// A task that one works on, as it was when one saw it.
    async fn worked_task(&self, staff: &Staff, id: TaskId, version: u64) -> Result<TaskRow, WireError> {
        let row = self.seen_task(staff, id).await?;
        if !self.may_work_task(staff, &row.unit, row.item.as_deref()) {
            return Err(forbidden());
        }
        if row.version != version {
            return Err(outdated());
        }
        Ok(row)
    }

    async fn take_task_step(
        &self,
        who: &Worker<'_>,
        mut row: TaskRow,
        (what, action): (TaskEvent, &'static str),
        reason: Option<String>,
        detail: serde_json::Value,
    ) -> Result<TaskView, WireError> {
        row.version += 1;
        let now = self.clock.now();
        let event = TaskEventRow { at: now, actor: Author::Agent(who.staff.id), what, detail: json(&detail) };
        let audit = self.task_audit(who, action, &row, reason, detail);
        let step = Change::Task(TaskChange::Step { row: Box::new(row.clone()), event });
        self.commit_tasks(vec![step, Change::Audit(audit)]).await?;
        self.task_view(who.staff, row).await
    }

    /// Begins, puts back or drops a task.
    pub(crate) async fn step_task(&self, who: &Worker<'_>, id: TaskId, step: TaskStep) -> Result<TaskView, WireError> {
        let mut row = self.worked_task(who.staff, id, step.version).await?;
        if !row.state.may_pass(step.to) {
            let detail = format!("a task that is {} does not become {}", row.state, step.to);
            return Err(WireError::new(ErrorCode::InvalidStage, detail));
        }
        if step.to != TaskState::Dropped && !step.reason.is_empty() {
            return Err(WireError::field("reason", "belongs to dropped"));
        }
        row.state = step.to;
        let (what, reason) = match step.to {
            TaskState::Working => {
                row.assignee = Some(who.staff.id);
                ((TaskEvent::Begun, "task.begin"), None)
            }
            TaskState::Open => {
                row.assignee = None;
                ((TaskEvent::PutBack, "task.put_back"), None)
            }
            TaskState::Dropped | TaskState::Done => {
                row.reason = Some(why(&step.reason)?);
                row.settled_at = Some(self.clock.now());
                row.remind_at = None;
                ((TaskEvent::Dropped, "task.drop"), row.reason.clone())
            }
        };
        self.take_task_step(who, row, what, reason.clone(), serde_json::json!({ "reason": reason })).await
    }

    /// Another unit owes it, by its own calendar; the day of the event stays day 0.
    pub(crate) async fn reassign_task(
        &self,
        who: &Worker<'_>,
        id: TaskId,
        order: TaskReassign,
    ) -> Result<TaskView, WireError> {
        let mut row = self.worked_task(who.staff, id, order.version).await?;
        if !row.state.is_owed() {
            return Err(WireError::new(ErrorCode::InvalidStage, "it is not owed any more"));
        }
        if !self.rights.knows_unit(&order.unit) {
            return Err(WireError::field("unit", "no such unit"));
        }
        if order.unit == row.unit {
            return Err(WireError::field("unit", "owes it already"));
        }
        let reason = why(&order.reason)?;
        let before = std::mem::replace(&mut row.unit, order.unit);
        row.state = TaskState::Open;
        row.assignee = None;
        let due = self.due_of(&row).await?;
        let steps = task::reminders(row.opened_at, due.at, &self.catalogue().calendar_of_unit(&row.unit));
        (row.due_at, row.is_provisional) = (due.at, due.is_provisional);
        row.remind_at = next_step(&steps, row.told);
        let detail = serde_json::json!({ "reason": reason, "before": before, "after": row.unit });
        self.take_task_step(who, row, (TaskEvent::Reassigned, "task.reassign"), Some(reason), detail).await
    }

    /// The deadline that follows from the calendar as it is now.
    async fn due_of(&self, row: &TaskRow) -> Result<bangban_domain::calendar::Due, WireError> {
        let effective = match row.policy {
            Some(id) => self.store.policy(id).await.map_err(store_error)?.map(|policy| policy.effective_at),
            None => None,
        };
        Ok(task::due(row.kind, row.opened_at, effective, &self.catalogue().calendar_of_unit(&row.unit)))
    }

    // --- publishing ---------------------------------------------------------------------------------------------

    /// Owed gap tasks that ask what an entry answers, for one of its items.
    pub(super) async fn tasks_that_ask(&self, content: &Content) -> Result<BTreeSet<TaskId>, WireError> {
        let mut found = BTreeSet::new();
        let items: Vec<Option<&str>> = match &content.items[..] {
            [] => vec![None],
            items => items.iter().map(|item| Some(item.as_str())).collect(),
        };
        for item in items {
            for owed in self.store.owed_questions(item).await.map_err(store_error)? {
                let mut asked = std::iter::once(&content.question).chain(&content.similar);
                if asked.any(|one| task::likeness(one, &owed.question) >= task::SAME_QUESTION) {
                    found.insert(owed.id);
                }
            }
        }
        Ok(found)
    }

    /// What the publishing of a revision does to the task that it fulfils, to be committed in the unit of the publishing: the
    /// task is done, and all who asked are in the outbox. [`App::told_of_publishing`] afterwards.
    ///
    /// # Errors
    /// `bad_request` for `reason` if the deadline of a policy has passed and nobody says why it is published late; `not_found`.
    pub async fn fulfil(&self, done: Fulfilled<'_>) -> Result<Vec<Change>, WireError> {
        let row = self.store.task(done.task).await.map_err(store_error)?.ok_or_else(none)?;
        if !row.state.is_owed() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let mut changes = Vec::new();
        if row.kind == TaskKind::Policy && now > row.due_at {
            let late = "the deadline of its policy has passed: say why it is published late";
            let reason = done.override_reason.ok_or_else(|| WireError::field("reason", late))?;
            let reason = why(reason)?;
            let detail = json(&serde_json::json!({ "reason": reason }));
            let event = TaskEventRow { at: now, actor: done.by, what: TaskEvent::Overridden, detail };
            let told = TaskRow { version: row.version + 1, ..row.clone() };
            changes.push(Change::Task(TaskChange::Step { row: Box::new(told), event }));
            let values = self.values(&row, Some(&reason));
            let parts = [Addressed::Owner, Addressed::Supervisor];
            changes.extend(self.telling(
                &row,
                MessageKind::PublishedLate,
                "late",
                ReminderStep::Overdue,
                &parts,
                &values,
                now,
            ));
            changes.push(Change::Audit(Audit {
                at: now,
                actor: done.by,
                action: "task.published_late",
                kind: "task".to_owned(),
                subject: row.id.to_string(),
                unit: Some(row.unit.clone()),
                reason: Some(reason),
                address: None,
                detail: json(
                    &serde_json::json!({ "entry": done.entry, "revision": done.revision, "dueAt": row.due_at }),
                ),
            }));
        }
        let detail = serde_json::json!({ "question": row.question, "source": done.source, "entry": done.entry,
            "revision": done.revision, "task": row.id });
        let ready = self.message(&row, MessageKind::AnswerFound, "done", now);
        let tell = OutboxRow { detail: json(&detail), due_at: done.from.max(now), ..ready };
        changes.push(Change::Task(TaskChange::Fulfil {
            task: row.id,
            entry: done.entry.to_owned(),
            revision: done.revision,
            event: TaskEventRow {
                at: now,
                actor: done.by,
                what: TaskEvent::Fulfilled,
                detail: json(&serde_json::json!({})),
            },
            tell: Box::new(tell),
        }));
        let values = serde_json::json!({ "question": row.question, "source": done.source, "entry": done.entry,
            "revision": done.revision, "task": row.id, "unit": row.unit });
        changes.extend(self.to_hooks(&row, MessageKind::AnswerFound, "done", &values, now));
        Ok(changes)
    }

    /// What [`App::fulfil`] gave is durable: whoever asked is told now.
    pub fn told_of_publishing(&self) {
        self.outside.ring();
        self.other_deadlines.notify_one();
    }

    /// A message about a task that waits to be sent.
    fn message(&self, row: &TaskRow, message: MessageKind, what: &str, now: Timestamp) -> OutboxRow {
        OutboxRow::waiting(NoticeId::new(new_id()), message, format!("{}/{what}", row.id), now)
    }

    fn to_hooks(
        &self,
        row: &TaskRow,
        message: MessageKind,
        what: &str,
        values: &serde_json::Value,
        now: Timestamp,
    ) -> Vec<Change> {
        let hooks = self.outside.hooks();
        let put = hooks.map(|name| OutboxRow {
            addressee: format!("hook/{name}"),
            channel: MessageChannel::Webhook,
            detail: json(values),
            ..self.message(row, message, what, now)
        });
        put.map(|row| Change::Outbox(OutboxChange::Put(Box::new(row)))).collect()
    }

    fn values(&self, row: &TaskRow, reason: Option<&str>) -> serde_json::Value {
        serde_json::json!({
            "question": row.question,
            "due": local(row.due_at),
            "unit": self.unit_name(&row.unit),
            "reason": reason,
            "task": row.id,
            "kind": row.kind,
        })
    }

    /// The messages to those of a unit who have these parts: into the list that each has on our pages, to the unit's mailbox,
    /// and to other systems.
    #[expect(clippy::too_many_arguments, reason = "what is told, why, to whom, and when")]
    fn telling(
        &self,
        row: &TaskRow,
        message: MessageKind,
        what: &str,
        step: ReminderStep,
        parts: &[Addressed],
        values: &serde_json::Value,
        now: Timestamp,
    ) -> Vec<Change> {
        let accounts = self.accounts.all();
        let active = accounts.iter().filter(|account| account.is_active);
        let members: Vec<Member<'_>> =
            active.map(|account| Member { id: account.id, grants: &account.grants }).collect();
        let units = self.rights.units_above(Some(&row.unit));
        let told = task::addressees(step, &units, row.item.as_deref(), row.assignee, &members);
        let inbox = told.into_iter().filter(|(_, part)| parts.contains(part)).map(|(agent, part)| {
            let mut values = values.clone();
            values["as"] = serde_json::json!(part);
            OutboxRow {
                addressee: agent.to_string(),
                channel: MessageChannel::Inbox,
                detail: json(&values),
                // It is there with the commit.
                state: OutboxState::Sent,
                settled_at: Some(now),
                ..self.message(row, message, what, now)
            }
        });
        let mailbox = units.iter().find(|unit| self.outside.has_mailbox(unit)).map(|unit| OutboxRow {
            addressee: format!("unit/{unit}"),
            channel: MessageChannel::Email,
            detail: json(values),
            ..self.message(row, message, what, now)
        });
        let put = |row| Change::Outbox(OutboxChange::Put(Box::new(row)));
        let mut changes: Vec<Change> = inbox.chain(mailbox).map(put).collect();
        changes.extend(self.to_hooks(row, message, what, values, now));
        changes
    }

    // --- what time does -----------------------------------------------------------------------------------------

    /// Tells all reminders that are due.
    ///
    /// # Errors
    /// The first one; the other tasks are looked at nevertheless.
    pub async fn remind_due(&self) -> Result<(), WireError> {
        let now = self.clock.now();
        let mut result = Ok(());
        loop {
            let rows = self.store.tasks_to_remind(now, TURN).await.map_err(store_error)?;
            let is_last = rows.len() < TURN as usize;
            let before = rows.len();
            let mut failed = 0;
            for row in rows {
                if let Err(error) = self.remind(row, now).await {
                    failed += 1;
                    result = result.and(Err(error));
                }
            }
            // What cannot be told now is tried in the next turn of the loop, not in this one for ever.
            if is_last || failed == before {
                self.outside.ring();
                return result;
            }
        }
    }

    async fn remind(&self, row: TaskRow, now: Timestamp) -> Result<(), WireError> {
        let calendar = self.catalogue().calendar_of_unit(&row.unit);
        let steps = task::reminders(row.opened_at, row.due_at, &calendar);
        let (due, next) = task::step_at(&steps, row.told, now);
        // The instants have moved with the calendar: the next one is later than was written.
        let Some(step) = due else { return self.move_reminder(&row, next.map(|one| one.at)).await };
        let message = match step {
            ReminderStep::Half => MessageKind::TaskHalf,
            ReminderStep::Eve => MessageKind::TaskEve,
            ReminderStep::Overdue => MessageKind::TaskOverdue,
        };
        let values = self.values(&row, None);
        let messages = self.telling(&row, message, step.as_str(), step, Addressed::ALL, &values, now);
        let people = messages.iter().filter(|change| is_inbox(change)).count();
        let detail = json(&serde_json::json!({ "step": step, "after": people.to_string() }));
        let event = TaskEventRow { at: now, actor: Author::System, what: TaskEvent::Reminded, detail };
        let next = next.map(|one| one.at);
        let remind = TaskChange::Remind { task: row.id, from: row.told, told: step, next, event };
        let changes = std::iter::once(Change::Task(remind)).chain(messages).collect();
        match self.store.commit(Unit { changes, ..Unit::default() }).await {
            // Another turn or node was faster.
            Ok(_) | Err(bangban_store::StoreError::TaskOutdated) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }

    async fn move_reminder(&self, row: &TaskRow, next: Option<Timestamp>) -> Result<(), WireError> {
        let moved = TaskChange::Recompute {
            task: row.id,
            from: row.due_at,
            due_at: row.due_at,
            is_provisional: row.is_provisional,
            remind_at: next,
            event: None,
        };
        let unit = Unit { changes: vec![Change::Task(moved)], ..Unit::default() };
        self.store.commit(unit).await.map(drop).map_err(store_error)
    }

    /// Open deadlines by the calendar as it is now (rule 12): both values are kept.
    ///
    /// # Errors
    /// Whatever the store says; what was changed by then stays.
    pub async fn recompute_deadlines(&self) -> Result<u64, WireError> {
        let mut query = TaskQuery { is_owed: true, ..TaskQuery::default() };
        let mut changed = 0;
        loop {
            let rows = self.store.tasks(&query, TURN).await.map_err(store_error)?;
            let Some(last) = rows.last() else { return Ok(changed) };
            query.after = Some((last.due_at, last.id));
            let mut changes = Vec::new();
            for row in &rows {
                let due = self.due_of(row).await?;
                if (due.at, due.is_provisional) == (row.due_at, row.is_provisional) {
                    continue;
                }
                let steps = task::reminders(row.opened_at, due.at, &self.catalogue().calendar_of_unit(&row.unit));
                let (before, after) = (row.due_at.0.to_string(), due.at.0.to_string());
                let detail = json(&serde_json::json!({ "before": before, "after": after }));
                changes.push(Change::Task(TaskChange::Recompute {
                    task: row.id,
                    from: row.due_at,
                    due_at: due.at,
                    is_provisional: due.is_provisional,
                    remind_at: next_step(&steps, row.told),
                    event: Some(TaskEventRow {
                        at: self.clock.now(),
                        actor: Author::System,
                        what: TaskEvent::Recomputed,
                        detail,
                    }),
                }));
            }
            changed += changes.len() as u64;
            if !changes.is_empty() {
                self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
            }
        }
    }
}

fn is_inbox(change: &Change) -> bool {
    matches!(change, Change::Outbox(OutboxChange::Put(row)) if row.channel == MessageChannel::Inbox)
}

/// When the first step is that was not told yet.
fn next_step(steps: &[task::Reminder], told: Option<ReminderStep>) -> Option<Timestamp> {
    steps.iter().find(|one| told.is_none_or(|told| one.step > told)).map(|one| one.at)
}

/// Reminders when they are due, and deadlines anew when days or hours have changed: whatever went wrong, the next minute
/// mends it.
pub(super) async fn keep_reminding(app: Weak<App>) {
    let mut known: Option<Directory> = None;
    loop {
        let Some(app) = app.upgrade() else { return };
        let directory = app.directory();
        let kinds = [Kind::CalendarYear, Kind::SpecialHours, Kind::Unit];
        if known.as_ref().is_none_or(|known| kinds.iter().any(|kind| !known.shares(&directory, *kind))) {
            match app.recompute_deadlines().await {
                Ok(_) => known = Some(directory),
                Err(error) => tracing::warn!(?error, "deadlines cannot be computed anew yet"),
            }
        }
        if let Err(error) = app.remind_due().await {
            tracing::warn!(?error, "reminders cannot be told yet");
        }
        let now = app.clock.now();
        let next = app.store.next_reminder().await.ok().flatten().filter(|at| *at > now);
        let until = next.unwrap_or(now + MINUTE).min(now + MINUTE);
        let (clock, stopping) = (app.clock.clone(), app.stopping.clone());
        tokio::select! {
            () = stopping.cancelled() => return,
            () = clock.sleep_until(until) => {}
            () = app.other_deadlines.notified() => {}
        }
    }
}
