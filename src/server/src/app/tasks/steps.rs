//! The steps that people take with a task.

use bangban_domain::{
    TaskId,
    calendar::Due,
    task::{self, TaskEvent, TaskKind, TaskState},
};
use bangban_protocol::{ErrorCode, TaskReassign, TaskStep, TaskView, WireError};
use bangban_store::{Author, CallBackRow, CallChange, Change, TaskChange, TaskEventRow, TaskRow};

use super::{Worker, next_step, outdated, why};
use crate::{
    app::{App, forbidden, store_error},
    auth::Staff,
    privacy::json,
};

impl App {
    /// A task that one works on, as it was when one saw it.
    async fn worked_task(&self, staff: &Staff, id: TaskId, version: u64) -> Result<TaskRow, WireError> {
        let row = self.seen_task(staff, id).await?;
        if !self.may_work_task(staff, (row.kind, &row.unit), row.item.as_deref()) {
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
        // The row of a call-back follows its task, in the same unit.
        let back = (row.kind == TaskKind::CallBack).then(|| CallBackRow::of_same(&row.same)).flatten();
        let settled = back.filter(|_| !row.state.is_owed()).map(|(call, request)| {
            let by = Author::Agent(who.staff.id);
            Change::Call(CallChange::Settled { call, request, at: now, by })
        });
        self.commit_tasks([step, Change::Audit(audit)].into_iter().chain(settled).collect()).await?;
        if back.is_some() {
            self.shared.calls.backs_changed();
        }
        self.task_view(who.staff, row).await
    }

    /// Begins, puts back or drops a task.
    pub(crate) async fn step_task(&self, who: &Worker<'_>, id: TaskId, step: TaskStep) -> Result<TaskView, WireError> {
        let mut row = self.worked_task(who.staff, id, step.version).await?;
        if !row.state.may_pass(row.kind, step.to) {
            let detail = format!("a task that is {} does not become {}", row.state, step.to);
            return Err(WireError::new(ErrorCode::InvalidStage, detail));
        }
        if !matches!(step.to, TaskState::Dropped | TaskState::Done) && !step.reason.is_empty() {
            return Err(WireError::field("reason", "belongs to dropped, of a call-back to done too"));
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
                let what = match step.to {
                    TaskState::Done => (TaskEvent::Fulfilled, "task.done"),
                    TaskState::Dropped | TaskState::Open | TaskState::Working => (TaskEvent::Dropped, "task.drop"),
                };
                (what, row.reason.clone())
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
        if row.kind == TaskKind::CallBack {
            return Err(WireError::new(ErrorCode::InvalidStage, "a call-back stays with the unit whose call it was"));
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
        let steps = task::reminders_of(row.kind, row.opened_at, due.at, &self.catalogue().calendar_of_unit(&row.unit));
        (row.due_at, row.is_provisional) = (due.at, due.is_provisional);
        row.remind_at = next_step(&steps, row.told);
        let detail = serde_json::json!({ "reason": reason, "before": before, "after": row.unit });
        self.take_task_step(who, row, (TaskEvent::Reassigned, "task.reassign"), Some(reason), detail).await
    }

    /// The deadline that follows from the calendar as it is now.
    pub(super) async fn due_of(&self, row: &TaskRow) -> Result<Due, WireError> {
        if row.kind == TaskKind::CallBack {
            // Hours pass by every calendar; how many they are was said when it was opened.
            return Ok(Due { at: row.first_due_at, is_provisional: false });
        }
        let effective = match row.policy {
            Some(id) => self.store.policy(id).await.map_err(store_error)?.map(|policy| policy.effective_at),
            None => None,
        };
        Ok(task::due(row.kind, row.opened_at, effective, &self.catalogue().calendar_of_unit(&row.unit)))
    }
}
