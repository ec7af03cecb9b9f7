//! What a published entry does to its tasks, and the messages about tasks.

use std::collections::BTreeSet;

use bangban_domain::{
    AgentId, NoticeId, TaskId, Timestamp,
    knowledge::Content,
    rights::Grant,
    task::{self, Addressed, Member, MessageChannel, MessageKind, OutboxState, ReminderStep, TaskEvent, TaskKind},
    words::Role,
};
use bangban_protocol::WireError;
use bangban_store::{Audit, Change, OutboxChange, OutboxRow, StaffRow, TaskChange, TaskEventRow, TaskRow};

use super::{Fulfilled, none, why};
use crate::{
    app::{App, store_error},
    desk::new_id,
    outbox::local,
    privacy::json,
};

impl App {
    /// Owed gap tasks that ask what an entry answers, for one of its items.
    pub(in crate::app) async fn tasks_that_ask(&self, content: &Content) -> Result<BTreeSet<TaskId>, WireError> {
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
    pub(super) fn message(&self, row: &TaskRow, message: MessageKind, what: &str, now: Timestamp) -> OutboxRow {
        OutboxRow::waiting(NoticeId::new(new_id()), message, format!("{}/{what}", row.id), now)
    }

    pub(super) fn to_hooks(
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

    pub(super) fn values(&self, row: &TaskRow, reason: Option<&str>) -> serde_json::Value {
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
    pub(super) fn telling(
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
        // Grants are often the whole city's: of those who answer calls only the unit's own owe its call-backs.
        let is_meant = |account: &StaffRow, grant: &Grant| {
            row.kind != TaskKind::CallBack
                || !matches!(grant.role, Role::Agent | Role::Operator)
                || self.answers_for(account, &row.unit)
        };
        let active = accounts.iter().filter(|account| account.is_active);
        let grants: Vec<(AgentId, Vec<Grant>)> = active
            .map(|account| {
                let meant = account.grants.iter().filter(|grant| is_meant(account, grant));
                (account.id, meant.cloned().collect())
            })
            .collect();
        let members: Vec<Member<'_>> = grants.iter().map(|(id, grants)| Member { id: *id, grants }).collect();
        let units = self.rights.units_above(Some(&row.unit));
        let told = task::addressees((row.kind, step), &units, row.item.as_deref(), row.assignee, &members);
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
}
