//! Tasks with deadlines: their rows, who asked, their history, and the register of policies. A step names the version that it
//! was made from; one that comes second is refused.

use bangban_domain::{
    AgentId, CitizenId, ConversationId, PolicyId, TaskId, Timestamp,
    knowledge::{DOUBT_SPAN, is_doubted},
    task::{ReminderStep, TaskEvent, TaskKind, TaskState},
};
use serde_json::value::RawValue;
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction, any::AnyRow};
use uuid::Uuid;

use crate::{
    Author, Json, OutboxRow, Store, StoreError, outbox,
    read::{id, instant, optional_id, optional_instant, optional_word, unsigned, word},
    sql::one_of,
};

/// A task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// Made by the server.
    pub id: TaskId,
    /// 1, 2, ...
    pub version: u64,
    /// What it is about.
    pub kind: TaskKind,
    /// Where it stands.
    pub state: TaskState,
    /// Code of the unit that owes it.
    pub unit: String,
    /// Code of the item.
    pub item: Option<String>,
    /// The question, masked.
    pub question: String,
    /// What makes two of them the same while one is owed.
    pub same: String,
    /// Begin.
    pub opened_at: Timestamp,
    /// By whom.
    pub opened_by: Author,
    /// Deadline.
    pub due_at: Timestamp,
    /// A year that is not published took part.
    pub is_provisional: bool,
    /// The deadline as it was promised first.
    pub first_due_at: Timestamp,
    /// Last step of the reminders that was told.
    pub told: Option<ReminderStep>,
    /// When the next one is.
    pub remind_at: Option<Timestamp>,
    /// Who works on it.
    pub assignee: Option<AgentId>,
    /// The policy that needs it.
    pub policy: Option<PolicyId>,
    /// The entry that is to be corrected, or that answers it.
    pub entry: Option<String>,
    /// Its revision.
    pub revision: Option<u64>,
    /// When it was done or dropped.
    pub settled_at: Option<Timestamp>,
    /// Why it was dropped.
    pub reason: Option<String>,
    /// Conversations in which it was asked. Counted when it is read.
    pub askers: u64,
}

/// A line of a task's history.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskEventRow {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Author,
    /// What.
    pub what: TaskEvent,
    /// JSON.
    pub detail: Json,
}

/// A registered policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Made by the server.
    pub id: PolicyId,
    /// Code of the unit.
    pub unit: String,
    /// What it is called.
    pub title: String,
    /// Number of the document; may be empty.
    pub document: String,
    /// From when on it holds.
    pub effective_at: Timestamp,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// By whom.
    pub registered_by: AgentId,
}

/// A change of tasks.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskChange {
    /// Opens a task, unless the same is owed already; then whoever asks joins it.
    Ask {
        /// As it is opened.
        row: Box<TaskRow>,
        /// In which conversation it was asked.
        asker: Option<ConversationId>,
    },
    /// A citizen was not helped by what an entry says: their voice, one for each revision. It opens the task when there are
    /// enough (`bangban_domain::knowledge::is_doubted`), and whoever gave one is told when it is done; while it is owed, a voice
    /// joins it.
    Doubt {
        /// The correction task as it would be opened; entry and revision are its own.
        row: Box<TaskRow>,
        /// Who.
        citizen: CitizenId,
        /// In which conversation.
        conversation: ConversationId,
    },
    /// The row's next version, with what happened. Refused with [`StoreError::TaskOutdated`] unless it follows the one that is
    /// there.
    Step {
        /// As it is then.
        row: Box<TaskRow>,
        /// Its line of the history.
        event: TaskEventRow,
    },
    /// A step of the reminders is told, in the unit of those who are told. Refused with [`StoreError::TaskOutdated`] if it was
    /// told already or the task is not owed any more.
    Remind {
        /// Which.
        task: TaskId,
        /// The step that was told last.
        from: Option<ReminderStep>,
        /// The step that is told.
        told: ReminderStep,
        /// When the next one is.
        next: Option<Timestamp>,
        /// Its line of the history.
        event: TaskEventRow,
    },
    /// Another deadline, of an owed task that has this one. The first one stays.
    Recompute {
        /// Which.
        task: TaskId,
        /// What it was.
        from: Timestamp,
        /// What it is.
        due_at: Timestamp,
        /// A year that is not published took part.
        is_provisional: bool,
        /// When the next reminder is.
        remind_at: Option<Timestamp>,
        /// Its line of the history; `None`: only the reminder moves.
        event: Option<TaskEventRow>,
    },
    /// A published entry answers it: the task is done, and for every conversation in which it was asked a copy of `tell` comes
    /// into the outbox. Nothing if it is not owed any more.
    Fulfil {
        /// Which.
        task: TaskId,
        /// By which entry.
        entry: String,
        /// Which revision of it.
        revision: u64,
        /// Its line of the history.
        event: TaskEventRow,
        /// What whoever asked is told; addressee and id are theirs.
        tell: Box<OutboxRow>,
    },
    /// A line of the history, of a task that stays what it is.
    Note {
        /// Which.
        task: TaskId,
        /// The line.
        event: TaskEventRow,
    },
    /// A new policy.
    Policy(PolicyRow),
}

impl TaskChange {
    /// The texts that came from people.
    pub(crate) fn texts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Ask { row, .. } | Self::Doubt { row, .. } => vec![("question", row.question.as_str())],
            Self::Step { row, .. } => vec![("reason", row.reason.as_deref().unwrap_or_default())],
            Self::Policy(row) => vec![("title", row.title.as_str()), ("document", row.document.as_str())],
            Self::Remind { .. } | Self::Recompute { .. } | Self::Fulfil { .. } | Self::Note { .. } => Vec::new(),
        }
    }
}

/// Which tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Owed by these units; `None`: any.
    pub units: Option<Vec<String>>,
    /// Of this kind.
    pub kind: Option<TaskKind>,
    /// In this state.
    pub state: Option<TaskState>,
    /// Only those that are owed.
    pub is_owed: bool,
    /// Of this item.
    pub item: Option<String>,
    /// Taken on by this member of staff.
    pub assignee: Option<AgentId>,
    /// Needed by this policy.
    pub policy: Option<PolicyId>,
    /// Due at or after.
    pub due_from: Option<Timestamp>,
    /// Due before.
    pub due_to: Option<Timestamp>,
    /// Finished by the due time (`true`), or not (`false`); as at this instant.
    pub in_time: Option<(bool, Timestamp)>,
    /// Those that come after this one, the first due first.
    pub after: Option<(Timestamp, TaskId)>,
}

/// How a unit has kept its deadlines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnTimeCount {
    /// Code of the unit.
    pub unit: String,
    /// Finished by the due time.
    pub in_time: u64,
    /// Due: finished, or the time is over.
    pub due: u64,
    /// Owed and not due yet.
    pub owed: u64,
    /// Owed and overdue.
    pub overdue: u64,
}

macro_rules! columns {
    () => {
        "t.id, t.version, t.kind, t.state, t.unit, t.item, t.question, t.same, t.opened_at, t.opened_by, t.due_at, \
         t.provisional, t.first_due_at, t.told, t.remind_at, t.assignee, t.policy, t.entry, t.revision, t.settled_at, \
         t.reason, (SELECT COUNT(*) FROM task_asker a WHERE a.task = t.id) AS askers"
    };
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Sorts as it was written.
#[expect(clippy::disallowed_methods, reason = "the order of commits is known only here")]
fn event_id() -> String {
    format!("te_{:032x}", Uuid::now_v7().as_u128())
}

async fn note(tx: &mut Transaction<'_, Any>, task: TaskId, event: &TaskEventRow) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO task_event (id, task, at, actor, what, detail) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(event_id())
        .bind(task.to_string())
        .bind(event.at.0)
        .bind(event.actor.text().into_owned())
        .bind(event.what.as_str())
        .bind(event.detail.as_str().to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &TaskChange) -> Result<(), StoreError> {
    match change {
        TaskChange::Ask { row, asker } => ask(tx, row, *asker).await.map(drop),
        TaskChange::Doubt { row, citizen, conversation } => doubt(tx, row, *citizen, *conversation).await,
        TaskChange::Step { row, event } => step(tx, row, event).await,
        TaskChange::Remind { task, from, told, next, event } => {
            let done = sqlx::query(
                "UPDATE task SET told = $1, remind_at = $2 WHERE id = $3 AND COALESCE(told, '') = $4 \
                 AND state IN ('open', 'working')",
            )
            .bind(told.as_str())
            .bind(next.map(|at| at.0))
            .bind(task.to_string())
            .bind(from.map_or("", ReminderStep::as_str))
            .execute(&mut **tx)
            .await?;
            if done.rows_affected() == 0 {
                return Err(StoreError::TaskOutdated);
            }
            note(tx, *task, event).await
        }
        TaskChange::Recompute { task, from, due_at, is_provisional, remind_at, event } => {
            let done = sqlx::query(
                "UPDATE task SET due_at = $1, provisional = $2, remind_at = $3, version = version + 1 \
                 WHERE id = $4 AND due_at = $5 AND state IN ('open', 'working')",
            )
            .bind(due_at.0)
            .bind(i64::from(*is_provisional))
            .bind(remind_at.map(|at| at.0))
            .bind(task.to_string())
            .bind(from.0)
            .execute(&mut **tx)
            .await?;
            match event {
                Some(event) if done.rows_affected() > 0 => note(tx, *task, event).await,
                _ => Ok(()),
            }
        }
        TaskChange::Fulfil { task, entry, revision, event, tell } => {
            let done = sqlx::query(
                "UPDATE task SET state = 'done', entry = $1, revision = $2, settled_at = $3, remind_at = NULL, \
                 version = version + 1 WHERE id = $4 AND state IN ('open', 'working')",
            )
            .bind(entry.clone())
            .bind(number(*revision))
            .bind(event.at.0)
            .bind(task.to_string())
            .execute(&mut **tx)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(());
            }
            note(tx, *task, event).await?;
            let askers: Vec<String> =
                sqlx::query_scalar("SELECT conversation FROM task_asker WHERE task = $1 ORDER BY at, conversation")
                    .bind(task.to_string())
                    .fetch_all(&mut **tx)
                    .await?;
            for addressee in askers {
                let row = OutboxRow { id: outbox::new_id(), addressee, ..OutboxRow::clone(tell) };
                outbox::insert(tx, &row).await?;
            }
            Ok(())
        }
        TaskChange::Note { task, event } => note(tx, *task, event).await,
        TaskChange::Policy(row) => {
            sqlx::query(
                "INSERT INTO policy (id, unit, title, document, effective_at, registered_at, registered_by) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(row.id.to_string())
            .bind(row.unit.clone())
            .bind(row.title.clone())
            .bind(row.document.clone())
            .bind(row.effective_at.0)
            .bind(row.registered_at.0)
            .bind(row.registered_by.to_string())
            .execute(&mut **tx)
            .await?;
            Ok(())
        }
    }
}

async fn ask(
    tx: &mut Transaction<'_, Any>,
    row: &TaskRow,
    asker: Option<ConversationId>,
) -> Result<TaskId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO task (id, version, kind, state, unit, item, question, same, opened_at, opened_by, due_at, provisional, \
         first_due_at, remind_at, policy, entry, revision) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING",
    )
    .bind(row.id.to_string())
    .bind(number(row.version))
    .bind(row.kind.as_str())
    .bind(row.state.as_str())
    .bind(row.unit.clone())
    .bind(row.item.clone().unwrap_or_default())
    .bind(row.question.clone())
    .bind(row.same.clone())
    .bind(row.opened_at.0)
    .bind(row.opened_by.text().into_owned())
    .bind(row.due_at.0)
    .bind(i64::from(row.is_provisional))
    .bind(row.first_due_at.0)
    .bind(row.remind_at.map(|at| at.0))
    .bind(row.policy.map(|id| id.to_string()))
    .bind(row.entry.clone())
    .bind(row.revision.map(number))
    .execute(&mut **tx)
    .await?;
    let is_new = done.rows_affected() > 0;
    let owed: Option<String> = sqlx::query_scalar(
        "SELECT id FROM task WHERE kind = $1 AND item = $2 AND same = $3 AND state IN ('open', 'working')",
    )
    .bind(row.kind.as_str())
    .bind(row.item.clone().unwrap_or_default())
    .bind(row.same.clone())
    .fetch_optional(&mut **tx)
    .await?;
    let task: TaskId = owed
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| StoreError::Corrupt { table: "task", what: format!("{} is not there", row.id) })?;
    if let Some(conversation) = asker {
        let sql = "INSERT INTO task_asker (task, conversation, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(task.to_string())
            .bind(conversation.to_string())
            .bind(row.opened_at.0)
            .execute(&mut **tx)
            .await?;
    }
    let what = if is_new { TaskEvent::Opened } else { TaskEvent::Joined };
    note(tx, task, &TaskEventRow { at: row.opened_at, actor: row.opened_by, what, detail: nothing()? }).await?;
    Ok(task)
}

/// The caller of a call-back was reached: its task is done, if it is still owed.
pub(crate) async fn called_back(
    tx: &mut Transaction<'_, Any>,
    same: &str,
    at: Timestamp,
    by: Author,
) -> Result<(), StoreError> {
    let sql = "UPDATE task SET state = 'done', settled_at = $1, remind_at = NULL, version = version + 1 \
               WHERE kind = 'call_back' AND same = $2 AND state IN ('open', 'working') RETURNING id";
    let done = sqlx::query(sql).bind(at.0).bind(same.to_owned()).fetch_optional(&mut **tx).await?;
    let Some(done) = done else { return Ok(()) };
    let event = TaskEventRow { at, actor: by, what: TaskEvent::Fulfilled, detail: nothing()? };
    note(tx, id("task", &done, "id")?, &event).await
}

fn nothing() -> Result<Json, StoreError> {
    let wrong = |error: serde_json::Error| StoreError::Corrupt { table: "task_event", what: error.to_string() };
    RawValue::from_string("{}".to_owned()).map(Json).map_err(wrong)
}

async fn doubt(
    tx: &mut Transaction<'_, Any>,
    row: &TaskRow,
    citizen: CitizenId,
    conversation: ConversationId,
) -> Result<(), StoreError> {
    let (entry, revision) = (row.entry.clone().unwrap_or_default(), number(row.revision.unwrap_or_default()));
    let sql = "INSERT INTO kb_doubt (entry, revision, citizen, conversation, at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT DO NOTHING";
    let said = sqlx::query(sql)
        .bind(entry.clone())
        .bind(revision)
        .bind(citizen.to_string())
        .bind(conversation.to_string())
        .bind(row.opened_at.0)
        .execute(&mut **tx)
        .await?;
    if said.rows_affected() == 0 {
        return Ok(());
    }
    let of_it = "kind = 'correction' AND item = $1 AND same = $2";
    let sql = format!("SELECT COUNT(*) FROM task WHERE {of_it} AND state IN ('open', 'working')");
    let item = row.item.clone().unwrap_or_default();
    let owed: i64 =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(item.clone()).bind(row.same.clone()).fetch_one(&mut **tx).await?;
    if owed > 0 {
        return ask(tx, row, Some(conversation)).await.map(drop);
    }
    let sql = format!("SELECT MAX(settled_at) FROM task WHERE {of_it}");
    let settled: Option<i64> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(item).bind(row.same.clone()).fetch_one(&mut **tx).await?;
    let sql =
        "SELECT conversation, at FROM kb_doubt WHERE entry = $1 AND revision = $2 AND at > $3 ORDER BY at, citizen";
    let since = (row.opened_at - DOUBT_SPAN).max(Timestamp(settled.unwrap_or(i64::MIN)));
    let voices = sqlx::query(sql).bind(entry).bind(revision).bind(since.0).fetch_all(&mut **tx).await?;
    let at = voices.iter().map(|voice| instant(voice, "at")).collect::<Result<Vec<_>, _>>()?;
    if !is_doubted(at, settled.map(Timestamp), row.opened_at) {
        return Ok(());
    }
    let task = ask(tx, row, None).await?;
    for voice in &voices {
        let sql = "INSERT INTO task_asker (task, conversation, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(task.to_string())
            .bind(voice.try_get::<String, _>("conversation")?)
            .bind(voice.try_get::<i64, _>("at")?)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn step(tx: &mut Transaction<'_, Any>, row: &TaskRow, event: &TaskEventRow) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE task SET version = $1, state = $2, unit = $3, due_at = $4, provisional = $5, remind_at = $6, \
         assignee = $7, settled_at = $8, reason = $9 WHERE id = $10 AND version = $1 - 1",
    )
    .bind(number(row.version))
    .bind(row.state.as_str())
    .bind(row.unit.clone())
    .bind(row.due_at.0)
    .bind(i64::from(row.is_provisional))
    .bind(row.remind_at.map(|at| at.0))
    .bind(row.assignee.map(|id| id.to_string()))
    .bind(row.settled_at.map(|at| at.0))
    .bind(row.reason.clone())
    .bind(row.id.to_string())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::TaskOutdated);
    }
    note(tx, row.id, event).await
}

/// Whose thread is deleted cannot be told any more; the question, which is masked, stays the unit's task.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, conversation: &str) -> Result<(), StoreError> {
    for sql in ["DELETE FROM task_asker WHERE conversation = $1", "DELETE FROM kb_doubt WHERE conversation = $1"] {
        sqlx::query(sql).bind(conversation.to_owned()).execute(&mut **tx).await?;
    }
    Ok(())
}

fn task(row: &AnyRow) -> Result<TaskRow, StoreError> {
    const T: &str = "task";
    let item: String = row.try_get("item")?;
    let revision: Option<i64> = row.try_get("revision")?;
    Ok(TaskRow {
        id: id(T, row, "id")?,
        version: unsigned(row, "version")?,
        kind: word(T, row, "kind", TaskKind::parse)?,
        state: word(T, row, "state", TaskState::parse)?,
        unit: row.try_get("unit")?,
        item: Some(item).filter(|item| !item.is_empty()),
        question: row.try_get("question")?,
        same: row.try_get("same")?,
        opened_at: instant(row, "opened_at")?,
        opened_by: word(T, row, "opened_by", Author::parse)?,
        due_at: instant(row, "due_at")?,
        is_provisional: row.try_get::<i64, _>("provisional")? == 1,
        first_due_at: instant(row, "first_due_at")?,
        told: optional_word(T, row, "told", ReminderStep::parse)?,
        remind_at: optional_instant(row, "remind_at")?,
        assignee: optional_id(T, row, "assignee")?,
        policy: optional_id(T, row, "policy")?,
        entry: row.try_get("entry")?,
        revision: revision.and_then(|revision| u64::try_from(revision).ok()),
        settled_at: optional_instant(row, "settled_at")?,
        reason: row.try_get("reason")?,
        askers: unsigned(row, "askers")?,
    })
}

fn policy(row: &AnyRow) -> Result<PolicyRow, StoreError> {
    Ok(PolicyRow {
        id: id("policy", row, "id")?,
        unit: row.try_get("unit")?,
        title: row.try_get("title")?,
        document: row.try_get("document")?,
        effective_at: instant(row, "effective_at")?,
        registered_at: instant(row, "registered_at")?,
        registered_by: id("policy", row, "registered_by")?,
    })
}

impl Store {
    /// A task.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM task t WHERE t.id = $1");
        let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(task).transpose()
    }

    /// Tasks, the first due first.
    pub async fn tasks(&self, query: &TaskQuery, limit: u32) -> Result<Vec<TaskRow>, StoreError> {
        let mut sql = concat!(
            "SELECT ",
            columns!(),
            " FROM task t WHERE (t.due_at > $1 OR (t.due_at = $1 AND t.id > $2)) AND ($3 = '' OR t.kind = $3) \
             AND ($4 = '' OR t.state = $4) AND ($5 = 0 OR t.state IN ('open', 'working')) AND ($6 = '' OR t.item = $6) \
             AND ($7 = '' OR t.assignee = $7) AND ($8 = '' OR t.policy = $8) AND ($9 = 0 OR t.due_at >= $9) \
             AND ($10 = 0 OR t.due_at < $10) \
             AND ($11 <> 1 OR (t.state = 'done' AND t.settled_at <= t.due_at)) \
             AND ($11 <> 2 OR (t.state = 'done' AND t.settled_at > t.due_at) \
              OR (t.state IN ('open', 'working') AND t.due_at < $12))"
        )
        .to_owned();
        let units = one_of(&mut sql, "t.unit", 14, query.units.as_deref());
        sql += " ORDER BY t.due_at, t.id LIMIT $13";
        let (after, id) = query.after.map_or((i64::MIN, String::new()), |(at, id)| (at.0, id.to_string()));
        let in_time = query.in_time.map_or(0_i64, |(is_in_time, _)| if is_in_time { 1 } else { 2 });
        let mut found = sqlx::query(AssertSqlSafe(sql))
            .bind(after)
            .bind(id)
            .bind(query.kind.map_or("", TaskKind::as_str))
            .bind(query.state.map_or("", TaskState::as_str))
            .bind(i64::from(query.is_owed))
            .bind(query.item.clone().unwrap_or_default())
            .bind(query.assignee.map(|id| id.to_string()).unwrap_or_default())
            .bind(query.policy.map(|id| id.to_string()).unwrap_or_default())
            .bind(query.due_from.map_or(0, |at| at.0))
            .bind(query.due_to.map_or(0, |at| at.0))
            .bind(in_time)
            .bind(query.in_time.map_or(0, |(_, now)| now.0))
            .bind(i64::from(limit));
        for unit in units {
            found = found.bind(unit);
        }
        found.fetch_all(&self.readers).await?.iter().map(task).collect()
    }

    /// What is owed of one item (`None`: of no item), for who looks whether a question is asked already.
    pub async fn owed_questions(&self, item: Option<&str>) -> Result<Vec<TaskRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM task t WHERE t.kind = 'gap' AND t.item = $1 AND t.state IN ('open', 'working') ORDER BY t.opened_at, t.id"
        );
        let rows = sqlx::query(sql).bind(item.unwrap_or_default().to_owned()).fetch_all(&self.readers).await?;
        rows.iter().map(task).collect()
    }

    /// Owed tasks whose next reminder is due.
    pub async fn tasks_to_remind(&self, now: Timestamp, limit: u32) -> Result<Vec<TaskRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM task t WHERE t.remind_at <= $1 AND t.state IN ('open', 'working') ORDER BY t.remind_at, t.id LIMIT $2"
        );
        let rows = sqlx::query(sql).bind(now.0).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter().map(task).collect()
    }

    /// Call-backs that are overdue: of each unit so many.
    pub async fn overdue_call_backs(&self, now: Timestamp) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "SELECT unit, COUNT(*) AS count FROM task WHERE kind = 'call_back' AND state IN ('open', 'working') \
                   AND due_at < $1 GROUP BY unit ORDER BY unit";
        let rows = sqlx::query(sql).bind(now.0).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get("unit")?, unsigned(row, "count")?))).collect()
    }

    /// When the next reminder is due.
    pub async fn next_reminder(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT MIN(remind_at) FROM task WHERE remind_at IS NOT NULL AND state IN ('open', 'working')";
        let at: Option<i64> = sqlx::query_scalar(sql).fetch_one(&self.readers).await?;
        Ok(at.map(Timestamp))
    }

    /// The conversations in which it was asked, in that order.
    pub async fn askers(&self, task: TaskId) -> Result<Vec<ConversationId>, StoreError> {
        let sql = "SELECT conversation FROM task_asker WHERE task = $1 ORDER BY at, conversation";
        let rows = sqlx::query(sql).bind(task.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| id("task_asker", row, "conversation")).collect()
    }

    /// A task's history, the oldest line first.
    pub async fn task_events(&self, task: TaskId) -> Result<Vec<TaskEventRow>, StoreError> {
        let sql = "SELECT at, actor, what, detail FROM task_event WHERE task = $1 ORDER BY at, id";
        let rows = sqlx::query(sql).bind(task.to_string()).fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(TaskEventRow {
                    at: instant(row, "at")?,
                    actor: word("task_event", row, "actor", Author::parse)?,
                    what: word("task_event", row, "what", TaskEvent::parse)?,
                    detail: outbox::json("task_event", row, "detail")?,
                })
            })
            .collect()
    }

    /// How units have kept the deadlines of a time (DOMAIN, on-time rate). `kind`: of one kind.
    pub async fn on_time(
        &self,
        units: Option<&[String]>,
        kind: Option<TaskKind>,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Vec<OnTimeCount>, StoreError> {
        let mut sql = "SELECT t.unit, \
             SUM(CASE WHEN t.state = 'done' AND t.settled_at <= t.due_at THEN 1 ELSE 0 END) AS in_time, \
             SUM(CASE WHEN t.state = 'done' OR (t.state <> 'dropped' AND t.due_at < $3) THEN 1 ELSE 0 END) AS due, \
             SUM(CASE WHEN t.state IN ('open', 'working') AND t.due_at >= $3 THEN 1 ELSE 0 END) AS owed, \
             SUM(CASE WHEN t.state IN ('open', 'working') AND t.due_at < $3 THEN 1 ELSE 0 END) AS overdue \
             FROM task t WHERE t.due_at >= $1 AND t.due_at < $2 AND ($4 = '' OR t.kind = $4)"
            .to_owned();
        let units = one_of(&mut sql, "t.unit", 5, units);
        sql += " GROUP BY t.unit ORDER BY t.unit";
        let mut found =
            sqlx::query(AssertSqlSafe(sql)).bind(from.0).bind(to.0).bind(now.0).bind(kind.map_or("", TaskKind::as_str));
        for unit in units {
            found = found.bind(unit);
        }
        let rows = found.fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(OnTimeCount {
                    unit: row.try_get("unit")?,
                    in_time: unsigned(row, "in_time")?,
                    due: unsigned(row, "due")?,
                    owed: unsigned(row, "owed")?,
                    overdue: unsigned(row, "overdue")?,
                })
            })
            .collect()
    }

    /// A policy.
    pub async fn policy(&self, id: PolicyId) -> Result<Option<PolicyRow>, StoreError> {
        let sql =
            "SELECT id, unit, title, document, effective_at, registered_at, registered_by FROM policy WHERE id = $1";
        let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(policy).transpose()
    }

    /// Policies, the last in force first; `before`: those after this one in the list.
    pub async fn policies(
        &self,
        units: Option<&[String]>,
        before: Option<(Timestamp, PolicyId)>,
        limit: u32,
    ) -> Result<Vec<PolicyRow>, StoreError> {
        let mut sql = "SELECT id, unit, title, document, effective_at, registered_at, registered_by FROM policy \
                       WHERE (effective_at < $1 OR (effective_at = $1 AND id < $2))"
            .to_owned();
        let units = one_of(&mut sql, "unit", 4, units);
        sql += " ORDER BY effective_at DESC, id DESC LIMIT $3";
        let (before, id) = before.map_or((i64::MAX, String::new()), |(at, id)| (at.0, id.to_string()));
        let mut found = sqlx::query(AssertSqlSafe(sql)).bind(before).bind(id).bind(i64::from(limit));
        for unit in units {
            found = found.bind(unit);
        }
        found.fetch_all(&self.readers).await?.iter().map(policy).collect()
    }
}
