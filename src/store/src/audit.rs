//! The audit log: lines that carry the hash of themselves and of the line before, so that a line that was changed, taken
//! out or put in later does not fit any more. Written in the transaction of what they tell.

use aws_lc_rs::digest::{Context, SHA256};
use bangban_domain::Timestamp;
use futures_util::TryStreamExt as _;
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Author, Json, Store, StoreError,
    read::{instant, unsigned, word},
};

/// What is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Author,
    /// What was done, e.g. `record.change`, `data.reveal`.
    pub action: &'static str,
    /// Kind of what it was done to.
    pub kind: String,
    /// Its id.
    pub subject: String,
    /// Code of the unit that it belongs to; `None`: the city's.
    pub unit: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// Network address of the request.
    pub address: Option<String>,
    /// What else there is to say; for a change `{"before": .., "after": ..}`.
    pub detail: Json,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// 1, 2, ... without a gap.
    pub no: u64,
    /// See [`Audit`].
    pub at: Timestamp,
    /// See [`Audit`].
    pub actor: Author,
    /// See [`Audit`].
    pub action: String,
    /// See [`Audit`].
    pub kind: String,
    /// See [`Audit`].
    pub subject: String,
    /// See [`Audit`].
    pub unit: Option<String>,
    /// See [`Audit`].
    pub reason: Option<String>,
    /// See [`Audit`].
    pub address: Option<String>,
    /// JSON.
    pub detail: String,
    /// SHA-256 over the hash before and the fields above, in hexadecimal digits.
    pub hash: String,
}

/// What [`Store::verify_audit`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// Every line fits; how many there are and the hash of the last one, which somebody else may have written down.
    Whole {
        /// Lines.
        lines: u64,
        /// Of the last line; empty without lines.
        last: String,
    },
    /// The first line that does not fit the one before.
    Broken {
        /// Its number; of a missing line, the number that it should have.
        no: u64,
    },
}

impl AuditRow {
    /// The hash that this line should have after one with the hash `before`. Fields go in with their length, so that
    /// none can be moved into its neighbour.
    #[must_use]
    pub fn hash_after(&self, before: &str) -> String {
        let mut context = Context::new(&SHA256);
        let mut put = |field: Option<&str>| {
            let length = field.map_or(u64::MAX, |text| text.len() as u64);
            context.update(&length.to_be_bytes());
            context.update(field.unwrap_or_default().as_bytes());
        };
        let (no, at, actor) = (self.no.to_string(), self.at.0.to_string(), self.actor.text());
        for field in [before, &no, &at, &actor, &self.action, &self.kind, &self.subject] {
            put(Some(field));
        }
        for field in [&self.unit, &self.reason, &self.address] {
            put(field.as_deref());
        }
        put(Some(&self.detail));
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

pub(crate) async fn append(tx: &mut Transaction<'_, Any>, audit: &Audit) -> Result<(), StoreError> {
    let last = sqlx::query("SELECT no, hash FROM audit ORDER BY no DESC LIMIT 1").fetch_optional(&mut **tx).await?;
    let (no, before): (u64, String) = match &last {
        Some(row) => (unsigned::<u64>(row, "no")? + 1, row.try_get("hash")?),
        None => (1, String::new()),
    };
    let mut line = AuditRow {
        no,
        at: audit.at,
        actor: audit.actor,
        action: audit.action.to_owned(),
        kind: audit.kind.clone(),
        subject: audit.subject.clone(),
        unit: audit.unit.clone(),
        reason: audit.reason.clone(),
        address: audit.address.clone(),
        detail: audit.detail.as_str().to_owned(),
        hash: String::new(),
    };
    line.hash = line.hash_after(&before);
    sqlx::query(
        "INSERT INTO audit (no, at, actor, action, kind, subject, unit, reason, address, detail, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(i64::try_from(no).unwrap_or(i64::MAX))
    .bind(line.at.0)
    .bind(line.actor.text().into_owned())
    .bind(line.action)
    .bind(line.kind)
    .bind(line.subject)
    .bind(line.unit)
    .bind(line.reason)
    .bind(line.address)
    .bind(line.detail)
    .bind(line.hash)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the column list and the row reader together; `$rest` is what follows FROM.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT no, at, actor, action, kind, subject, unit, reason, address, detail, hash FROM audit ", $rest)
    };
}

fn line(row: &AnyRow) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        no: unsigned(row, "no")?,
        at: instant(row, "at")?,
        actor: word("audit", row, "actor", Author::parse)?,
        action: row.try_get("action")?,
        kind: row.try_get("kind")?,
        subject: row.try_get("subject")?,
        unit: row.try_get("unit")?,
        reason: row.try_get("reason")?,
        address: row.try_get("address")?,
        detail: row.try_get("detail")?,
        hash: row.try_get("hash")?,
    })
}

impl Store {
    /// Lines before the number `before`, the last one first.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn audit_before(&self, before: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sqlx::query(select!("WHERE no < $1 ORDER BY no DESC LIMIT $2"))
            .bind(i64::try_from(before).unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(line).collect()
    }

    /// Reads the whole log and looks whether every line fits the one before.
    pub async fn verify_audit(&self) -> Result<Chain, StoreError> {
        let mut rows = sqlx::query(select!("ORDER BY no")).fetch(&self.readers);
        let (mut lines, mut last) = (0, String::new());
        while let Some(row) = rows.try_next().await? {
            let line = line(&row)?;
            lines += 1;
            if line.no != lines || line.hash_after(&last) != line.hash {
                return Ok(Chain::Broken { no: lines });
            }
            last = line.hash;
        }
        Ok(Chain::Whole { lines, last })
    }
}
