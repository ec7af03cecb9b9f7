//! Tasks with deadlines (DOMAIN rules 6, 8, 9, 11 and 12): what is owed, to whom, and until when.
//!
//! ```text
//!   open ⇄ working ──► done (by a published entry; a call-back by the call, or by hand)
//!    └───────┴───────► dropped (with a reason)
//! ```
//!
//! A *gap task* is a question that neither bot nor agent could answer; a *policy task* an answer that a new policy needs
//! before it takes effect; a *correction task* an entry that somebody says is wrong. Each belongs to a unit, by whose
//! calendar it is due. A *call-back task* is a caller whom nobody could be reached for: it is due after hours that pass by
//! day and night. Who is reminded of it when is in [`reminder`].

mod delivery;
mod message;
mod reminder;
mod same;

pub use delivery::{CIRCUIT_FAILURES, CIRCUIT_PAUSE, Circuit, GIVE_UP, MessageChannel, OutboxState, retry_at};
pub use message::{MessageKind, TemplateError, WriteBackOutcome, check_template, fill, placeholders, quiet_until};
pub use reminder::{Addressed, Member, Reminder, ReminderStep, addressees, reminders, reminders_of, step_at};

pub use same::{SAME_QUESTION, likeness, normalised, same_question};

use crate::{
    Timestamp,
    calendar::{Calendar, Due},
    time::{DAY, Millis},
    words::words,
};

/// Working days for a question that nobody could answer (rule 9).
pub const GAP_WORKING_DAYS: u16 = 5;

/// Working days for an entry that somebody says is wrong. The rules give no number; this one is ours.
pub const CORRECTION_WORKING_DAYS: u16 = 2;

/// Unreached callers are answered within 24 h (rule 6); an installation may set another time (`calls.call_back_hours`).
pub const CALL_BACK_WITHIN: Millis = DAY;

/// Longest question of a task.
pub const MAX_QUESTION: usize = 200;

words! {
    /// What a task is about.
    TaskKind {
        /// 补充任务: nobody could answer (rule 9).
        Gap = "gap",
        /// A new policy needs the answer (rule 8).
        Policy = "policy",
        /// An entry is said to be wrong.
        Correction = "correction",
        /// 回拨任务: a caller for whom nobody could be reached (rule 6).
        CallBack = "call_back",
    }
}

words! {
    /// Where a task stands.
    TaskState {
        /// Nobody has begun.
        Open = "open",
        /// Somebody works on it.
        Working = "working",
        /// The entry is published, the caller was reached.
        Done = "done",
        /// It needs no entry, the caller cannot be reached: for a reason.
        Dropped = "dropped",
    }
}

words! {
    /// A line of a task's history.
    TaskEvent {
        /// It was opened.
        Opened = "opened",
        /// Somebody else asked the same.
        Joined = "joined",
        /// Somebody has begun.
        Begun = "begun",
        /// Nobody works on it any more.
        PutBack = "put_back",
        /// Another unit owes it.
        Reassigned = "reassigned",
        /// An entry answers it; the caller was reached.
        Fulfilled = "fulfilled",
        /// It needs no entry.
        Dropped = "dropped",
        /// Its deadline follows from another calendar now.
        Recomputed = "recomputed",
        /// People were reminded of it.
        Reminded = "reminded",
        /// Its entry was published late, for a reason.
        Overridden = "overridden",
        /// The caller was rung and did not answer.
        Tried = "tried",
    }
}

impl TaskState {
    /// Is it still owed?
    #[must_use]
    pub const fn is_owed(self) -> bool {
        match self {
            Self::Open | Self::Working => true,
            Self::Done | Self::Dropped => false,
        }
    }

    /// May a task pass from this state to another one by somebody's hand? Done it becomes by a published entry only; but a
    /// call-back may have been settled in a way that no call of ours shows.
    #[must_use]
    pub const fn may_pass(self, kind: TaskKind, to: Self) -> bool {
        match (self, to) {
            (Self::Open | Self::Working, Self::Done) => matches!(kind, TaskKind::CallBack),
            (Self::Open, Self::Working) | (Self::Working, Self::Open) => true,
            (Self::Open | Self::Working, Self::Dropped) => true,
            (_, Self::Open | Self::Working | Self::Done | Self::Dropped) => false,
        }
    }
}

/// When a task is due. `effective` is the instant from which a policy holds; for other kinds it says nothing.
///
/// A policy in force at once is due when it is registered (rule 8).
#[must_use]
pub fn due(kind: TaskKind, opened_at: Timestamp, effective: Option<Timestamp>, calendar: &Calendar) -> Due {
    match (kind, effective) {
        (TaskKind::Policy, Some(effective)) => {
            let before = calendar.working_day_before(effective);
            Due { at: before.at.max(opened_at), ..before }
        }
        (TaskKind::Policy, None) => Due { at: opened_at, is_provisional: false },
        (TaskKind::Gap, _) => calendar.add_working_days(opened_at, GAP_WORKING_DAYS),
        (TaskKind::Correction, _) => calendar.add_working_days(opened_at, CORRECTION_WORKING_DAYS),
        (TaskKind::CallBack, _) => Due { at: opened_at + CALL_BACK_WITHIN, is_provisional: false },
    }
}

/// Was it finished in time? `None`: neither finished nor due yet. The figure "on-time rate" counts the others: finished by the
/// due time / due. What was dropped is owed by nobody and counts nowhere.
#[must_use]
pub fn in_time(state: TaskState, due_at: Timestamp, done_at: Option<Timestamp>, now: Timestamp) -> Option<bool> {
    match (state, done_at) {
        (TaskState::Done, Some(done_at)) => Some(done_at <= due_at),
        (TaskState::Open | TaskState::Working, _) => (now > due_at).then_some(false),
        (TaskState::Done, None) | (TaskState::Dropped, _) => None,
    }
}

#[cfg(test)]
mod tests;
