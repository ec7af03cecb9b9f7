//! The audit log: lines that carry the hash of themselves and of the line before, so that a line that was changed, taken
//! out or put in later does not fit any more. Written in the transaction of what they tell.

use aws_lc_rs::digest::{Context, SHA256};
use bangban_domain::Timestamp;
use futures_util::TryStreamExt as _;
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Archive, Author, Json, Store, StoreError,
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
        // None yet, or all are deleted.
        None => anchor(&mut **tx).await?.map_or((1, String::new()), |(no, hash)| (no + 1, hash)),
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

/// Number and hash of the last line that retention has deleted.
async fn anchor(connection: impl sqlx::Executor<'_, Database = Any>) -> Result<Option<(u64, String)>, StoreError> {
    let row = sqlx::query("SELECT no, hash FROM audit_anchor").fetch_optional(connection).await?;
    row.map(|row| Ok((unsigned(&row, "no")?, row.try_get("hash")?))).transpose()
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

/// Which lines are wanted; what is empty or `None` leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// `system` or the id of a member of staff.
    pub actor: String,
    /// Begin of the action: `data.` finds `data.reveal`.
    pub action: String,
    /// Kind of what it was done to.
    pub kind: String,
    /// Its id.
    pub subject: String,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

impl Store {
    /// Lines before the number `before`, the last one first.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn audit_before(&self, before: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.archive().audit(&AuditFilter::default(), before, limit).await
    }

    /// Reads the whole log and looks whether every line fits the one before.
    pub async fn verify_audit(&self) -> Result<Chain, StoreError> {
        Ok(self.archive().verify_audit(None).await?.0)
    }
}

impl Archive {
    /// Lines before the number `before` that the filter lets through, the last one first.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn audit(&self, filter: &AuditFilter, before: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE no < $1 AND ($2 = '' OR actor = $2) AND ($3 = '' OR SUBSTR(action, 1, LENGTH($3)) = $3) \
             AND ($4 = '' OR kind = $4) AND ($5 = '' OR subject = $5) AND at >= $6 AND at < $7 \
             ORDER BY no DESC LIMIT $8"
        ))
        .bind(i64::try_from(before).unwrap_or(i64::MAX))
        .bind(filter.actor.clone())
        .bind(filter.action.clone())
        .bind(filter.kind.clone())
        .bind(filter.subject.clone())
        .bind(filter.from.map_or(i64::MIN, |at| at.0))
        .bind(filter.to.map_or(i64::MAX, |at| at.0))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(line).collect()
    }

    /// Number of the first line that is there.
    pub async fn first_audit_line(&self) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query("SELECT no FROM audit ORDER BY no LIMIT 1").fetch_optional(&self.readers).await?;
        row.map(|row| unsigned(&row, "no")).transpose()
    }

    /// One line.
    pub async fn audit_line(&self, no: u64) -> Result<Option<AuditRow>, StoreError> {
        let row = sqlx::query(select!("WHERE no = $1"))
            .bind(i64::try_from(no).unwrap_or(i64::MAX))
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(line).transpose()
    }

    /// Reads the whole log and looks whether every line fits the one before, from the anchor on if old lines were deleted;
    /// and whether `expect`, the hash of a line that somebody has written down, is in it: a tail that was cut off fits
    /// otherwise.
    pub async fn verify_audit(&self, expect: Option<&str>) -> Result<(Chain, bool), StoreError> {
        let begin = anchor(&self.readers).await?;
        let (begins_at, hash) = begin.clone().map_or((1, String::new()), |(no, hash)| (no + 1, hash));
        let mut rows = sqlx::query(select!("ORDER BY no")).fetch(&self.readers);
        let (mut lines, mut next, mut last) = (0, begins_at, hash);
        let mut is_found = expect.is_none();
        let mut broken = None;
        // What the log itself says was deleted last.
        let mut pruned = None;
        while let Some(row) = rows.try_next().await? {
            let line = line(&row)?;
            if line.no != next || line.hash_after(&last) != line.hash {
                broken = Some(next);
                break;
            }
            if line.action == PRUNE {
                pruned = Pruned::of(&line.detail).map(|pruned| (pruned.up_to, pruned.hash));
            }
            is_found |= expect == Some(line.hash.as_str());
            lines += 1;
            next += 1;
            last = line.hash;
        }
        drop(rows);
        if anchor(&self.readers).await? != begin {
            // Lines were deleted meanwhile.
            return Box::pin(self.verify_audit(expect)).await;
        }
        // The anchor is a row like any other: the log itself has to know of it.
        let broken = broken.or((begin != pruned).then_some(begins_at));
        Ok(match broken {
            Some(no) => (Chain::Broken { no }, false),
            None => (Chain::Whole { lines, last }, is_found),
        })
    }
}

/// The line by which retention tells that older lines are gone.
pub const PRUNE: &str = "audit.prune";

/// Its detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Number of the last line that is gone.
    pub up_to: u64,
    /// Its hash.
    pub hash: String,
}

impl Pruned {
    /// As the line has it: `{"upTo": .., "hash": ..}`.
    ///
    /// # Errors
    /// None that can happen: a number and a text can always be written.
    pub fn detail(&self) -> Result<Json, serde_json::Error> {
        let value = serde_json::json!({ "upTo": self.up_to, "hash": self.hash });
        Ok(Json(serde_json::value::to_raw_value(&value)?))
    }

    fn of(detail: &str) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_str(detail).ok()?;
        Some(Self { up_to: value["upTo"].as_u64()?, hash: value["hash"].as_str()?.to_owned() })
    }
}
