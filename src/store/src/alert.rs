//! Alerts: the open ones, and those that were.

use std::fmt::Write as _;

use bangban_domain::{
    AgentId, AlertId, ConversationId, Timestamp,
    alert::{AlertKind, FlagReason, Subject},
};
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction, any::AnyRow};

use crate::{
    Store, StoreError,
    read::{id, instant, optional_id, optional_instant, optional_word, word},
};

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// Id.
    pub id: AlertId,
    /// About what.
    pub kind: AlertKind,
    /// Kind, subject and occasion.
    pub cause: String,
    /// The conversation, if it is about one.
    pub conversation: Option<ConversationId>,
    /// Who served it then; without a conversation, the agent whom it is about.
    pub agent: Option<AgentId>,
    /// Code of the team.
    pub team: Option<String>,
    /// Code of the unit; `None`: the city.
    pub unit: Option<String>,
    /// Code of the item.
    pub item: Option<String>,
    /// How big the matter is, by kind.
    pub amount: i64,
    /// Of a flag.
    pub reason: Option<FlagReason>,
    /// Of a flag: what the agent wrote.
    pub text: Option<String>,
    /// Since when.
    pub raised_at: Timestamp,
    /// Who has taken note of it.
    pub acknowledged: Option<Acknowledged>,
    /// Until when.
    pub cleared_at: Option<Timestamp>,
}

/// Somebody has taken note of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who.
    pub by: AgentId,
    /// When.
    pub at: Timestamp,
    /// What they do about it; may be empty.
    pub note: String,
}

impl AlertRow {
    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let (conversation, agent) = (self.conversation.map(Subject::Conversation), self.agent.map(Subject::Agent));
        let team = || self.team.clone().map(Subject::Team);
        conversation.or(agent).or_else(team).or_else(|| self.unit.clone().map(Subject::Unit))
    }
}

/// A change of an alert.
#[expect(clippy::large_enum_variant, reason = "made, written and dropped; never kept in numbers")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertChange {
    /// A new one; nothing if there ever was one with this cause.
    Raise(AlertRow),
    /// Somebody takes note of it; `None`: takes that back.
    Acknowledge(AlertId, Option<Acknowledged>),
    /// Over.
    Clear(AlertId, Timestamp),
}

/// Which alerts of the past are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFilter {
    /// Raised at or after ...
    pub from: Timestamp,
    /// ... and before.
    pub to: Timestamp,
    /// Those that come after this one, the newest first.
    pub before: Option<(Timestamp, AlertId)>,
    /// About what.
    pub kind: Option<AlertKind>,
    /// Who took note of it.
    pub by: Option<AgentId>,
    /// Only those that nobody took note of.
    pub unseen: bool,
    /// Codes of the units whose they are; `None`: all, the city's too.
    pub units: Option<Vec<String>>,
}

/// A supervisor comes into the thread of a conversation that somebody else serves, or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelperChange {
    /// Which.
    pub conversation: ConversationId,
    /// Who.
    pub agent: AgentId,
    /// Are they in it?
    pub joined: bool,
}

pub(crate) async fn help(tx: &mut Transaction<'_, Any>, change: HelperChange) -> Result<(), StoreError> {
    let sql = if change.joined {
        "INSERT INTO helper (conversation, agent) VALUES ($1, $2) ON CONFLICT (conversation, agent) DO NOTHING"
    } else {
        "DELETE FROM helper WHERE conversation = $1 AND agent = $2"
    };
    sqlx::query(sql).bind(change.conversation.to_string()).bind(change.agent.to_string()).execute(&mut **tx).await?;
    Ok(())
}

const COLUMNS: &str = "SELECT id, kind, cause, conversation, agent, team, unit, item, amount, reason, text, raised_at, \
                       acknowledged_at, acknowledged_by, note, cleared_at FROM alert ";

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &AlertChange) -> Result<(), StoreError> {
    let query = match change {
        AlertChange::Raise(row) => sqlx::query(
            "INSERT INTO alert (id, kind, cause, conversation, agent, team, unit, item, amount, reason, text, raised_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (cause) DO NOTHING",
        )
        .bind(row.id.to_string())
        .bind(row.kind.as_str())
        .bind(row.cause.clone())
        .bind(row.conversation.map(|id| id.to_string()))
        .bind(row.agent.map(|id| id.to_string()))
        .bind(row.team.clone())
        .bind(row.unit.clone())
        .bind(row.item.clone())
        .bind(row.amount)
        .bind(row.reason.map(FlagReason::as_str))
        .bind(row.text.clone())
        .bind(row.raised_at.0),
        AlertChange::Acknowledge(id, acknowledged) => {
            let sql = "UPDATE alert SET acknowledged_at = $1, acknowledged_by = $2, note = $3 WHERE id = $4";
            let one = acknowledged.as_ref();
            sqlx::query(sql)
                .bind(one.map(|one| one.at.0))
                .bind(one.map(|one| one.by.to_string()))
                .bind(one.map(|one| one.note.clone()))
                .bind(id.to_string())
        }
        AlertChange::Clear(id, at) => {
            let sql = "UPDATE alert SET cleared_at = $1 WHERE id = $2 AND cleared_at IS NULL";
            sqlx::query(sql).bind(at.0).bind(id.to_string())
        }
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

fn alert(row: &AnyRow) -> Result<AlertRow, StoreError> {
    const T: &str = "alert";
    let by = optional_id(T, row, "acknowledged_by")?.zip(optional_instant(row, "acknowledged_at")?);
    let note: Option<String> = row.try_get("note")?;
    Ok(AlertRow {
        id: id(T, row, "id")?,
        kind: word(T, row, "kind", AlertKind::parse)?,
        cause: row.try_get("cause")?,
        conversation: optional_id(T, row, "conversation")?,
        agent: optional_id(T, row, "agent")?,
        team: row.try_get("team")?,
        unit: row.try_get("unit")?,
        item: row.try_get("item")?,
        amount: row.try_get("amount")?,
        reason: optional_word(T, row, "reason", FlagReason::parse)?,
        text: row.try_get("text")?,
        raised_at: instant(row, "raised_at")?,
        acknowledged: by.map(|(by, at)| Acknowledged { by, at, note: note.unwrap_or_default() }),
        cleared_at: optional_instant(row, "cleared_at")?,
    })
}

impl Store {
    /// Those that are not over.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn open_alerts(&self) -> Result<Vec<AlertRow>, StoreError> {
        let sql = format!("{COLUMNS} WHERE cleared_at IS NULL ORDER BY raised_at, id");
        sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.readers).await?.iter().map(alert).collect()
    }

    /// Those of a time, the newest first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn alerts(&self, wanted: &AlertFilter, limit: u32) -> Result<Vec<AlertRow>, StoreError> {
        let mut sql = format!(
            "{COLUMNS} WHERE raised_at >= $1 AND raised_at < $2 AND (raised_at < $3 OR (raised_at = $3 AND id < $4)) \
             AND ($5 = '' OR kind = $5) AND ($6 = '' OR acknowledged_by = $6) \
             AND ($7 = 0 OR acknowledged_at IS NULL)"
        );
        let units = wanted.units.as_deref().unwrap_or_default();
        // Few different texts: the number of units is rounded up, and the last one said again.
        let places = units.len().max(1).next_power_of_two();
        if wanted.units.is_some() {
            let places: Vec<String> = (0..places).map(|n| format!("${}", 9 + n)).collect();
            // Writing into a string does not fail. Only placeholders are put together.
            let _ = write!(sql, " AND unit IN ({})", places.join(", "));
        }
        sql += " ORDER BY raised_at DESC, id DESC LIMIT $8";
        let (before, id) = wanted.before.map_or((wanted.to, String::new()), |(at, id)| (at, id.to_string()));
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(wanted.from.0)
            .bind(wanted.to.0)
            .bind(before.0)
            .bind(id)
            .bind(wanted.kind.map_or("", AlertKind::as_str))
            .bind(wanted.by.map_or_else(String::new, |by| by.to_string()))
            .bind(i64::from(wanted.unseen))
            .bind(i64::from(limit));
        if wanted.units.is_some() {
            for n in 0..places {
                query = query.bind(units.get(n).or(units.last()).cloned().unwrap_or_default());
            }
        }
        query.fetch_all(&self.readers).await?.iter().map(alert).collect()
    }

    /// Who has come into which conversation beside its agent.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn helpers(&self) -> Result<Vec<(ConversationId, AgentId)>, StoreError> {
        let rows = sqlx::query("SELECT conversation, agent FROM helper ORDER BY conversation, agent")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok((id("helper", row, "conversation")?, id("helper", row, "agent")?))).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn alert(&self, id: AlertId) -> Result<Option<AlertRow>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(alert).transpose()
    }
}
