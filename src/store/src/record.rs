//! What is administered. A change names the version that it was made from; one that comes second is refused and loses
//! nothing. Every state is kept.

use std::collections::HashMap;

use bangban_domain::{Timestamp, org::Kind};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Author, Json, Store, StoreError,
    read::{instant, unsigned, word},
};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// Kind.
    pub kind: Kind,
    /// Code, unique within its kind.
    pub id: String,
    /// Number within its kind, never used twice.
    pub no: u64,
    /// 1, 2, ...
    pub version: u64,
    /// Code of the unit that owns it; `None`: the city's.
    pub unit: Option<String>,
    /// JSON.
    pub body: String,
    /// Last change.
    pub changed_at: Timestamp,
}

/// A state that a record had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordVersion {
    /// 1, 2, ...
    pub version: u64,
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub actor: Author,
    /// JSON; `None`: removed.
    pub body: Option<String>,
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordChange {
    /// Kind.
    pub kind: Kind,
    /// Code.
    pub id: String,
    /// The version that it was made from; 0: there is none yet.
    pub from: u64,
    /// Code of the unit that owns it from now on.
    pub unit: Option<String>,
    /// JSON; `None`: remove it.
    pub body: Option<Json>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Author,
}

/// Carries out changes of records, in order, each as a statement of its own.
///
/// # Errors
/// [`StoreError::Outdated`] if a record has another version than the change was made from.
pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, changes: &[RecordChange]) -> Result<(), StoreError> {
    // The number after the last one that a record of the kind ever had.
    let mut next = HashMap::new();
    for change in changes {
        let outdated = || StoreError::Outdated { kind: change.kind, id: change.id.clone() };
        let found = sqlx::query("SELECT no, version FROM record WHERE kind = $1 AND id = $2")
            .bind(change.kind.as_str())
            .bind(change.id.clone())
            .fetch_optional(&mut **tx)
            .await?;
        let (no, version) = match &found {
            Some(row) => (row.try_get("no")?, row.try_get("version")?),
            None => {
                let before = last_version(tx, change).await?;
                match (before, next.get(&change.kind)) {
                    // It comes back under its old number.
                    (Some(was), _) => was,
                    (None, Some(no)) => (*no, 0),
                    (None, None) => (next_no(tx, change.kind).await?, 0),
                }
            }
        };
        let is_current =
            if found.is_some() { u64::try_from(version).ok() == Some(change.from) } else { change.from == 0 };
        if !is_current {
            return Err(outdated());
        }
        if version == 0 {
            next.insert(change.kind, no + 1);
        }
        write(tx, change, no, version + 1).await?;
    }
    Ok(())
}

async fn next_no(tx: &mut Transaction<'_, Any>, kind: Kind) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT MAX(no) AS no FROM record_version WHERE kind = $1")
        .bind(kind.as_str())
        .fetch_one(&mut **tx)
        .await?;
    Ok(row.try_get::<Option<i64>, _>("no")?.map_or(0, |no| no + 1))
}

/// Number and version that a removed record had last.
async fn last_version(tx: &mut Transaction<'_, Any>, change: &RecordChange) -> Result<Option<(i64, i64)>, StoreError> {
    let row =
        sqlx::query("SELECT no, version FROM record_version WHERE kind = $1 AND id = $2 ORDER BY version DESC LIMIT 1")
            .bind(change.kind.as_str())
            .bind(change.id.clone())
            .fetch_optional(&mut **tx)
            .await?;
    row.map(|row| Ok((row.try_get("no")?, row.try_get("version")?))).transpose()
}

async fn write(tx: &mut Transaction<'_, Any>, change: &RecordChange, no: i64, version: i64) -> Result<(), StoreError> {
    let body = change.body.as_ref().map(|body| body.as_str().to_owned());
    sqlx::query(
        "INSERT INTO record_version (kind, id, version, no, at, actor, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(change.kind.as_str())
    .bind(change.id.clone())
    .bind(version)
    .bind(no)
    .bind(change.at.0)
    .bind(change.actor.text().into_owned())
    .bind(body.clone())
    .execute(&mut **tx)
    .await?;
    let query = match body {
        Some(body) => sqlx::query(
            "INSERT INTO record (kind, id, no, version, unit, body, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, unit = excluded.unit, \
             body = excluded.body, changed_at = excluded.changed_at",
        )
        .bind(change.kind.as_str())
        .bind(change.id.clone())
        .bind(no)
        .bind(version)
        .bind(change.unit.clone())
        .bind(body)
        .bind(change.at.0),
        None => sqlx::query("DELETE FROM record WHERE kind = $1 AND id = $2")
            .bind(change.kind.as_str())
            .bind(change.id.clone()),
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

fn record(row: &AnyRow) -> Result<RecordRow, StoreError> {
    Ok(RecordRow {
        kind: word("record", row, "kind", Kind::parse)?,
        id: row.try_get("id")?,
        no: unsigned(row, "no")?,
        version: unsigned(row, "version")?,
        unit: row.try_get("unit")?,
        body: row.try_get("body")?,
        changed_at: instant(row, "changed_at")?,
    })
}

impl Store {
    /// All records of a kind, in the order in which they were made.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn records(&self, kind: Kind) -> Result<Vec<RecordRow>, StoreError> {
        let rows =
            sqlx::query("SELECT kind, id, no, version, unit, body, changed_at FROM record WHERE kind = $1 ORDER BY no")
                .bind(kind.as_str())
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(record).collect()
    }

    /// Every state of one record, the last one first.
    pub async fn record_versions(&self, kind: Kind, id: &str) -> Result<Vec<RecordVersion>, StoreError> {
        let rows = sqlx::query(
            "SELECT version, at, actor, body FROM record_version WHERE kind = $1 AND id = $2 ORDER BY version DESC",
        )
        .bind(kind.as_str())
        .bind(id.to_owned())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(RecordVersion {
                    version: unsigned(row, "version")?,
                    at: instant(row, "at")?,
                    actor: word("record_version", row, "actor", Author::parse)?,
                    body: row.try_get("body")?,
                })
            })
            .collect()
    }
}
