//! What is to be told to people and systems. A row is written in the transaction of what it tells; the worker of the server
//! sends it, says here what became of it, and finds after a restart what is still to be sent.

use std::collections::BTreeSet;

use bangban_domain::{
    AgentId, NoticeId, Timestamp,
    task::{MessageChannel, MessageKind, OutboxState},
    words::Language,
};
use serde_json::value::RawValue;
use sqlx::{Any, Row as _, Transaction, any::AnyRow};
use uuid::Uuid;

use crate::{
    Json, Store, StoreError,
    read::{id, instant, optional_instant, unsigned, word},
};

/// One message to one addressee by one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Made by the server; the receiver knows a repeated message by it.
    pub id: NoticeId,
    /// Why it is told.
    pub cause: String,
    /// Id of a conversation, citizen or member of staff, `unit/CODE`, or `hook/NAME`.
    pub addressee: String,
    /// The way.
    pub channel: MessageChannel,
    /// What.
    pub message: MessageKind,
    /// JSON: values of the placeholders, and what else the receiver is told.
    pub detail: Json,
    /// What became of it.
    pub state: OutboxState,
    /// When it was written.
    pub made_at: Timestamp,
    /// Next attempt.
    pub due_at: Timestamp,
    /// Attempts that have failed since it was written or sent again.
    pub attempts: u32,
    /// The first of them.
    pub tried_at: Option<Timestamp>,
    /// Why the last one failed, or why it is not wanted.
    pub error: Option<String>,
    /// When it was sent, given up or dropped.
    pub settled_at: Option<Timestamp>,
    /// It only went into the sink.
    pub is_sunk: bool,
}

impl OutboxRow {
    /// Waits to be sent at once; channel, addressee and detail are still to be said.
    #[must_use]
    pub fn waiting(id: NoticeId, message: MessageKind, cause: String, now: Timestamp) -> Self {
        Self {
            id,
            cause,
            addressee: String::new(),
            channel: MessageChannel::Thread,
            message,
            detail: Json(RawValue::NULL.to_owned()),
            state: OutboxState::Waiting,
            made_at: now,
            due_at: now,
            attempts: 0,
            tried_at: None,
            error: None,
            settled_at: None,
            is_sunk: false,
        }
    }
}

/// A template that replaces the usual words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRow {
    /// Of which message.
    pub message: MessageKind,
    /// In which language.
    pub language: Language,
    /// The words.
    pub text: String,
    /// 1, 2, ...
    pub version: u64,
    /// Last change.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: AgentId,
}

/// A change of the outbox.
#[derive(Debug, Clone, PartialEq)]
pub enum OutboxChange {
    /// To be told, unless it was already (cause, addressee, channel).
    Put(Box<OutboxRow>),
    /// The receiver has it.
    Sent {
        /// Which.
        id: NoticeId,
        /// When.
        at: Timestamp,
        /// It only went into the sink.
        is_sunk: bool,
    },
    /// An attempt failed; `next`: the next one, `None`: given up.
    Failed {
        /// Which.
        id: NoticeId,
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
        /// The next attempt.
        next: Option<Timestamp>,
    },
    /// Not now: quiet hours, or its receiver is left alone. No attempt.
    Postponed {
        /// Which.
        id: NoticeId,
        /// Until when.
        until: Timestamp,
    },
    /// Not wanted any more.
    Dropped {
        /// Which.
        id: NoticeId,
        /// When.
        at: Timestamp,
        /// Why.
        why: &'static str,
    },
    /// Sent again, as if it were new. Refused with [`StoreError::OutboxOutdated`] unless it is given up.
    Replay {
        /// Which.
        id: NoticeId,
        /// When.
        at: Timestamp,
    },
    /// Somebody does not want a channel, or does again.
    OptOut {
        /// Id of the person.
        person: String,
        /// The channel.
        channel: MessageChannel,
        /// When; `None`: wanted again.
        at: Option<Timestamp>,
    },
    /// Other words for a message. Refused with [`StoreError::OutboxOutdated`] unless it is the next version.
    Template(TemplateRow),
}

/// Which messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxQuery {
    /// In this state.
    pub state: Option<OutboxState>,
    /// By this channel.
    pub channel: Option<MessageChannel>,
    /// To this addressee.
    pub addressee: Option<String>,
    /// Those that come after this one, the newest first.
    pub before: Option<(Timestamp, NoticeId)>,
}

macro_rules! columns {
    () => {
        "SELECT id, cause, addressee, channel, message, detail, state, made_at, due_at, attempts, tried_at, error, \
         settled_at, sunk FROM outbox"
    };
}

/// One for each of those who are told.
#[expect(clippy::disallowed_methods, reason = "how many there are is known only here")]
pub(crate) fn new_id() -> NoticeId {
    NoticeId::new(Uuid::now_v7().as_u128())
}

/// What is told, with the question as this one asked it.
pub(crate) fn with_question(detail: &Json, question: &str) -> Result<Json, StoreError> {
    let broken = |error: serde_json::Error| StoreError::Corrupt { table: "outbox", what: error.to_string() };
    let mut value: serde_json::Value = serde_json::from_str(detail.as_str()).map_err(broken)?;
    value["question"] = question.into();
    serde_json::value::to_raw_value(&value).map(Json).map_err(broken)
}

pub(crate) async fn insert(tx: &mut Transaction<'_, Any>, row: &OutboxRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (id, cause, addressee, channel, message, detail, state, made_at, due_at, attempts, tried_at, \
         error, settled_at, sunk) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (cause, addressee, channel) DO NOTHING",
    )
    .bind(row.id.to_string())
    .bind(row.cause.clone())
    .bind(row.addressee.clone())
    .bind(row.channel.as_str())
    .bind(row.message.as_str())
    .bind(row.detail.as_str().to_owned())
    .bind(row.state.as_str())
    .bind(row.made_at.0)
    .bind(row.due_at.0)
    .bind(i64::from(row.attempts))
    .bind(row.tried_at.map(|at| at.0))
    .bind(row.error.clone())
    .bind(row.settled_at.map(|at| at.0))
    .bind(i64::from(row.is_sunk))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &OutboxChange) -> Result<(), StoreError> {
    let query = match change {
        OutboxChange::Put(row) => return insert(tx, row).await,
        OutboxChange::Sent { id, at, is_sunk } => sqlx::query(
            "UPDATE outbox SET state = 'sent', settled_at = $1, sunk = $2, error = NULL WHERE id = $3 AND state = 'waiting'",
        )
        .bind(at.0)
        .bind(i64::from(*is_sunk))
        .bind(id.to_string()),
        OutboxChange::Failed { id, at, error, next } => sqlx::query(
            "UPDATE outbox SET attempts = attempts + 1, tried_at = COALESCE(tried_at, $1), error = $2, \
             due_at = COALESCE($3, due_at), state = CASE WHEN $4 = 1 THEN 'dead' ELSE state END, \
             settled_at = CASE WHEN $4 = 1 THEN $1 ELSE settled_at END WHERE id = $5 AND state = 'waiting'",
        )
        .bind(at.0)
        .bind(error.clone())
        .bind(next.map(|at| at.0))
        .bind(i64::from(next.is_none()))
        .bind(id.to_string()),
        OutboxChange::Postponed { id, until } => {
            sqlx::query("UPDATE outbox SET due_at = $1 WHERE id = $2 AND state = 'waiting'")
                .bind(until.0)
                .bind(id.to_string())
        }
        OutboxChange::Dropped { id, at, why } => sqlx::query(
            "UPDATE outbox SET state = 'dropped', settled_at = $1, error = $2 WHERE id = $3 AND state = 'waiting'",
        )
        .bind(at.0)
        .bind(*why)
        .bind(id.to_string()),
        OutboxChange::Replay { id, at } => {
            let done = sqlx::query(
                "UPDATE outbox SET state = 'waiting', due_at = $1, attempts = 0, tried_at = NULL, settled_at = NULL \
                 WHERE id = $2 AND state = 'dead'",
            )
            .bind(at.0)
            .bind(id.to_string())
            .execute(&mut **tx)
            .await?;
            return if done.rows_affected() == 0 { Err(StoreError::OutboxOutdated) } else { Ok(()) };
        }
        OutboxChange::OptOut { person, channel, at: Some(at) } => {
            sqlx::query("INSERT INTO opt_out (person, channel, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(person.clone())
                .bind(channel.as_str())
                .bind(at.0)
        }
        OutboxChange::OptOut { person, channel, at: None } => {
            sqlx::query("DELETE FROM opt_out WHERE person = $1 AND channel = $2")
                .bind(person.clone())
                .bind(channel.as_str())
        }
        OutboxChange::Template(row) => return put_template(tx, row).await,
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn put_template(tx: &mut Transaction<'_, Any>, row: &TemplateRow) -> Result<(), StoreError> {
    let version = i64::try_from(row.version).unwrap_or(i64::MAX);
    let query = if row.version == 1 {
        sqlx::query(
            "INSERT INTO message_template (text, version, changed_at, changed_by, message, language) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
    } else {
        sqlx::query(
            "UPDATE message_template SET text = $1, version = $2, changed_at = $3, changed_by = $4 \
             WHERE message = $5 AND language = $6 AND version = $2 - 1",
        )
    };
    let done = query
        .bind(row.text.clone())
        .bind(version)
        .bind(row.changed_at.0)
        .bind(row.changed_by.to_string())
        .bind(row.message.as_str())
        .bind(row.language.as_str())
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 0 { Err(StoreError::OutboxOutdated) } else { Ok(()) }
}

/// What was to be told into a thread that is deleted.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, addressee: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM outbox WHERE addressee = $1";
    sqlx::query(sql).bind(addressee.to_owned()).execute(&mut **tx).await?;
    let sql = "DELETE FROM opt_out WHERE person = $1";
    sqlx::query(sql).bind(addressee.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

pub(crate) fn json(table: &'static str, row: &AnyRow, column: &str) -> Result<Json, StoreError> {
    RawValue::from_string(row.try_get(column)?)
        .map(Json)
        .map_err(|error| StoreError::Corrupt { table, what: format!("{column}: {error}") })
}

fn outbox(row: &AnyRow) -> Result<OutboxRow, StoreError> {
    const T: &str = "outbox";
    Ok(OutboxRow {
        id: id(T, row, "id")?,
        cause: row.try_get("cause")?,
        addressee: row.try_get("addressee")?,
        channel: word(T, row, "channel", MessageChannel::parse)?,
        message: word(T, row, "message", MessageKind::parse)?,
        detail: json(T, row, "detail")?,
        state: word(T, row, "state", OutboxState::parse)?,
        made_at: instant(row, "made_at")?,
        due_at: instant(row, "due_at")?,
        attempts: unsigned(row, "attempts")?,
        tried_at: optional_instant(row, "tried_at")?,
        error: row.try_get("error")?,
        settled_at: optional_instant(row, "settled_at")?,
        is_sunk: row.try_get::<i64, _>("sunk")? == 1,
    })
}

impl Store {
    /// Messages that are to be sent by now, the longest due first.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn outbox_due(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = concat!(columns!(), " WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT $2");
        let rows = sqlx::query(sql).bind(now.0).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter().map(outbox).collect()
    }

    /// When the next message is to be sent.
    pub async fn next_outbox(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT MIN(due_at) FROM outbox WHERE state = 'waiting'";
        let at: Option<i64> = sqlx::query_scalar(sql).fetch_one(&self.readers).await?;
        Ok(at.map(Timestamp))
    }

    /// One message.
    pub async fn outbox_row(&self, id: NoticeId) -> Result<Option<OutboxRow>, StoreError> {
        let sql = concat!(columns!(), " WHERE id = $1");
        let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(outbox).transpose()
    }

    /// Messages, the newest first.
    pub async fn outbox(&self, query: &OutboxQuery, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = concat!(
            columns!(),
            " WHERE (made_at < $1 OR (made_at = $1 AND id < $2)) AND ($3 = '' OR state = $3) \
             AND ($4 = '' OR channel = $4) AND ($5 = '' OR addressee = $5) ORDER BY made_at DESC, id DESC LIMIT $6"
        );
        let (before, id) = query.before.map_or((i64::MAX, String::new()), |(at, id)| (at.0, id.to_string()));
        let rows = sqlx::query(sql)
            .bind(before)
            .bind(id)
            .bind(query.state.map_or("", OutboxState::as_str))
            .bind(query.channel.map_or("", MessageChannel::as_str))
            .bind(query.addressee.clone().unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(outbox).collect()
    }

    /// How many messages are in which state.
    pub async fn outbox_counts(&self) -> Result<Vec<(OutboxState, u64)>, StoreError> {
        let rows = sqlx::query("SELECT state, COUNT(*) AS count FROM outbox GROUP BY state ORDER BY state")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Ok((word("outbox", row, "state", OutboxState::parse)?, unsigned(row, "count")?)))
            .collect()
    }

    /// What a person does not want.
    pub async fn opted_out(&self, person: &str) -> Result<BTreeSet<MessageChannel>, StoreError> {
        let rows = sqlx::query("SELECT channel FROM opt_out WHERE person = $1")
            .bind(person.to_owned())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| word("opt_out", row, "channel", MessageChannel::parse)).collect()
    }

    /// All templates that replace the usual words.
    pub async fn templates(&self) -> Result<Vec<TemplateRow>, StoreError> {
        let sql = "SELECT message, language, text, version, changed_at, changed_by FROM message_template \
                   ORDER BY message, language";
        let rows = sqlx::query(sql).fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(TemplateRow {
                    message: word("message_template", row, "message", MessageKind::parse)?,
                    language: word("message_template", row, "language", Language::parse)?,
                    text: row.try_get("text")?,
                    version: unsigned(row, "version")?,
                    changed_at: instant(row, "changed_at")?,
                    changed_by: id("message_template", row, "changed_by")?,
                })
            })
            .collect()
    }
}
