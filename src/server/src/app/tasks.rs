//! Tasks with deadlines and the register of policies: opening, joining, steps, deadlines that follow another calendar,
//! reminders, and what a published entry does to its task. What the rules are is said in `bangban_domain::task`.
//!
//! Questions and reasons are masked before they are stored.

mod opening;
mod publishing;
mod reminding;
mod steps;

use bangban_domain::{
    PolicyId, TaskId, Timestamp,
    calendar::midnight,
    conversation,
    org::{CITY, Directory},
    privacy::mask,
    rights::Action,
    task::{self, MAX_QUESTION, ReminderStep, TaskKind, TaskState},
    time::DAY,
};
use bangban_protocol::{
    ErrorCode, OnTimeLine, OnTimeRates, PolicyPage, PolicyView, TaskHistoryLine, TaskLine, TaskPage, TaskView,
    WireError,
};
use bangban_store::{
    Audit, Author, CallBackRow, Change, OnTimeCount, PolicyRow, StaffRow, TaskEventRow, TaskQuery, TaskRow, Unit,
};
use jiff::civil::Date;
use serde::Deserialize;

use super::{App, internal, invalid, store_error};
use crate::{auth::Staff, desk::new_id, privacy::json, staff::At};

pub(super) use reminding::keep_reminding;

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

pub(super) fn question(field: &'static str, text: &str) -> Result<String, WireError> {
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

    fn may_work_task(&self, staff: &Staff, (kind, unit): (TaskKind, &str), item: Option<&str>) -> bool {
        let at = At { unit: Some(unit), item };
        match kind {
            TaskKind::Gap | TaskKind::Policy | TaskKind::Correction => self.may(staff, Action::WorkTasks, at),
            // Who answers the calls of the unit, and who may act on them.
            TaskKind::CallBack => {
                let account = self.accounts.get(staff.id).filter(|account| account.is_active);
                self.may(staff, Action::Intervene, at)
                    || account.is_some_and(|account| self.answers_for(&account, unit))
            }
        }
    }

    /// Does somebody serve a team of the unit?
    fn answers_for(&self, account: &StaffRow, unit: &str) -> bool {
        let is_of_unit = |team: &str| self.rights.unit_of_team(team).as_deref().unwrap_or(CITY) == unit;
        let mut teams = account.teams.iter().map(|one| one.team.as_str());
        teams.any(|team| is_of_unit(team) && self.rights.serves_team(account, team))
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
    pub(super) fn owner_of(directory: &Directory, item: Option<&str>) -> String {
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
        let steps = task::reminders_of(kind, at, due.at, &calendar);
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
            may_work: self.may_work_task(staff, (row.kind, &row.unit), row.item.as_deref()),
            call: (row.kind == TaskKind::CallBack)
                .then(|| CallBackRow::of_same(&row.same))
                .flatten()
                .map(|(call, _)| call),
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
        let is_theirs =
            row.kind == TaskKind::CallBack && self.may_work_task(staff, (row.kind, &row.unit), row.item.as_deref());
        if is_theirs || self.may_read_task(staff, &row) { Ok(row) } else { Err(none()) }
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
}

/// When the first step is that was not told yet.
fn next_step(steps: &[task::Reminder], told: Option<ReminderStep>) -> Option<Timestamp> {
    steps.iter().find(|one| told.is_none_or(|told| one.step > told)).map(|one| one.at)
}
