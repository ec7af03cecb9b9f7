//! What time does: reminders, and deadlines that follow another calendar.

use std::sync::Weak;

use bangban_domain::{
    Timestamp,
    org::{Directory, Kind},
    task::{self, Addressed, MessageChannel, MessageKind, ReminderStep, TaskEvent},
    time::MINUTE,
};
use bangban_protocol::WireError;
use bangban_store::{Author, Change, OutboxChange, TaskChange, TaskEventRow, TaskQuery, TaskRow, Unit};

use super::{TURN, next_step};
use crate::{
    app::{App, store_error},
    privacy::json,
};

impl App {
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
        let steps = task::reminders_of(row.kind, row.opened_at, row.due_at, &calendar);
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
                let calendar = self.catalogue().calendar_of_unit(&row.unit);
                let steps = task::reminders_of(row.kind, row.opened_at, due.at, &calendar);
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

/// Reminders when they are due, and deadlines anew when days or hours have changed: whatever went wrong, the next minute
/// mends it.
pub(in crate::app) async fn keep_reminding(app: Weak<App>) {
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
