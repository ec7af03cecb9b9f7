//! Guided dialogues and their revisions. Like an entry's, a step names the version that it was made from, and one that comes
//! second is refused.

use bangban_domain::{
    AgentId, Timestamp,
    guide::Guide,
    knowledge::{Head, OpenState, Origin, RevisionState, Span},
};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Store, StoreError,
    read::{instant, optional_id, optional_instant, optional_word, unsigned, word},
    record::count,
};

/// What the count of changes is called by which others see that guides have changed.
const COUNTED_AS: &str = "guide";

/// Revisions of a guide that are read at one time, the newest first.
const REVISIONS: i64 = 100;

/// A guide beside what its revisions say. Its head's id is the item, and its end is only ever the one of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuideRow {
    /// Where it stands.
    pub head: Head,
    /// Where it comes from.
    pub origin: Origin,
    /// Begin.
    pub created_at: Timestamp,
    /// Last step.
    pub changed_at: Timestamp,
}

/// A revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuideRevision {
    /// Code of the item.
    pub item: String,
    /// 1, 2, ...
    pub no: u32,
    /// What has become of it.
    pub state: RevisionState,
    /// What it says.
    pub content: Guide,
    /// All who have written in it.
    pub authors: Vec<AgentId>,
    /// Who sent it back or published it.
    pub reviewer: Option<AgentId>,
    /// Why.
    pub reason: Option<String>,
    /// Begin.
    pub made_at: Timestamp,
    /// Last time that somebody wrote in it.
    pub saved_at: Timestamp,
    /// Since when it waits, or waited, for a second person.
    pub submitted_at: Option<Timestamp>,
    /// When it was sent back or published.
    pub decided_at: Option<Timestamp>,
}

/// A new guide (version 1), or one after a step, with the revision that the step is about. Refused with
/// [`StoreError::KnowledgeOutdated`] unless it follows the version that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideChange {
    /// After the step.
    pub guide: Box<GuideRow>,
    /// The revision after the step.
    pub revision: Option<Box<GuideRevision>>,
}

impl GuideChange {
    /// What people have written beside the content, which is JSON.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.revision.as_ref().and_then(|revision| revision.reason.as_deref())
    }
}

macro_rules! guides {
    ($rest:literal) => {
        concat!(
            "SELECT item, origin, version, last_no, open_no, open_state, live_no, live_from, retired_at, created_at, ",
            "changed_at FROM guide ",
            $rest
        )
    };
}

macro_rules! revisions {
    ($rest:literal) => {
        concat!(
            "SELECT r.item, r.no, r.state, r.content, r.authors, r.reviewer, r.reason, r.made_at, r.saved_at, ",
            "r.submitted_at, r.decided_at FROM guide_revision r ",
            $rest
        )
    };
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Corrupt { table: "guide_revision", what: error.to_string() })
}

fn from_json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    let corrupt = |error| StoreError::Corrupt { table: "guide_revision", what: format!("{column}: {error}") };
    serde_json::from_str(&text).map_err(corrupt)
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &GuideChange) -> Result<(), StoreError> {
    let GuideRow { head, origin, created_at, changed_at } = &*change.guide;
    let sql = if head.version == 1 {
        "INSERT INTO guide (item, origin, version, last_no, open_no, open_state, live_no, live_from, retired_at, \
         created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING"
    } else {
        "UPDATE guide SET origin = $2, version = $3, last_no = $4, open_no = $5, open_state = $6, live_no = $7, \
         live_from = $8, retired_at = $9, created_at = $10, changed_at = $11 WHERE item = $1 AND version = $3 - 1"
    };
    let done = sqlx::query(sql)
        .bind(head.id.clone())
        .bind(origin.as_str())
        .bind(i64::try_from(head.version).unwrap_or(i64::MAX))
        .bind(i64::from(head.last))
        .bind(head.open.map(|(no, _)| i64::from(no)))
        .bind(head.open.map(|(_, state)| state.as_str()))
        .bind(head.live.map(|span| i64::from(span.no)))
        .bind(head.live.map(|span| span.from.0))
        .bind(head.retired_at.map(|at| at.0))
        .bind(created_at.0)
        .bind(changed_at.0)
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::KnowledgeOutdated(head.id.clone()));
    }
    count(tx, COUNTED_AS).await?;
    match &change.revision {
        Some(revision) => put_revision(tx, revision).await,
        None => Ok(()),
    }
}

async fn put_revision(tx: &mut Transaction<'_, Any>, row: &GuideRevision) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO guide_revision (item, no, state, content, authors, reviewer, reason, made_at, saved_at, \
         submitted_at, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (item, no) DO UPDATE SET state = excluded.state, content = excluded.content, \
         authors = excluded.authors, reviewer = excluded.reviewer, reason = excluded.reason, \
         saved_at = excluded.saved_at, submitted_at = excluded.submitted_at, decided_at = excluded.decided_at",
    )
    .bind(row.item.clone())
    .bind(i64::from(row.no))
    .bind(row.state.as_str())
    .bind(json(&row.content)?)
    .bind(json(&row.authors)?)
    .bind(row.reviewer.map(|id| id.to_string()))
    .bind(row.reason.clone())
    .bind(row.made_at.0)
    .bind(row.saved_at.0)
    .bind(row.submitted_at.map(|at| at.0))
    .bind(row.decided_at.map(|at| at.0))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn guide(row: &AnyRow) -> Result<GuideRow, StoreError> {
    const T: &str = "guide";
    let no = |column: &str| -> Result<Option<u32>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.and_then(|no| u32::try_from(no).ok()))
    };
    let live = no("live_no")?.zip(optional_instant(row, "live_from")?);
    Ok(GuideRow {
        head: Head {
            id: row.try_get("item")?,
            // Whoever owns the item owns its guide: asked when it is needed.
            unit: String::new(),
            version: unsigned(row, "version")?,
            last: unsigned(row, "last_no")?,
            open: no("open_no")?.zip(optional_word(T, row, "open_state", OpenState::parse)?),
            live: live.map(|(no, from)| Span { no, from, to: None }),
            before: None,
            retired_at: optional_instant(row, "retired_at")?,
        },
        origin: word(T, row, "origin", Origin::parse)?,
        created_at: instant(row, "created_at")?,
        changed_at: instant(row, "changed_at")?,
    })
}

fn revision(row: &AnyRow) -> Result<GuideRevision, StoreError> {
    const T: &str = "guide_revision";
    Ok(GuideRevision {
        item: row.try_get("item")?,
        no: unsigned(row, "no")?,
        state: word(T, row, "state", RevisionState::parse)?,
        content: from_json(row, "content")?,
        authors: from_json(row, "authors")?,
        reviewer: optional_id(T, row, "reviewer")?,
        reason: row.try_get("reason")?,
        made_at: instant(row, "made_at")?,
        saved_at: instant(row, "saved_at")?,
        submitted_at: optional_instant(row, "submitted_at")?,
        decided_at: optional_instant(row, "decided_at")?,
    })
}

impl Store {
    /// Every guide, by item: there are at most as many as items, and no more than some hundreds.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn guides(&self) -> Result<Vec<GuideRow>, StoreError> {
        sqlx::query(guides!("ORDER BY item")).fetch_all(&self.readers).await?.iter().map(guide).collect()
    }

    /// A guide.
    pub async fn guide(&self, item: &str) -> Result<Option<GuideRow>, StoreError> {
        let row = sqlx::query(guides!("WHERE item = $1")).bind(item.to_owned()).fetch_optional(&self.readers).await?;
        row.as_ref().map(guide).transpose()
    }

    /// A revision.
    pub async fn guide_revision(&self, item: &str, no: u32) -> Result<Option<GuideRevision>, StoreError> {
        let sql = revisions!("WHERE r.item = $1 AND r.no = $2");
        let row = sqlx::query(sql).bind(item.to_owned()).bind(i64::from(no)).fetch_optional(&self.readers).await?;
        row.as_ref().map(revision).transpose()
    }

    /// A guide's revisions, the newest first, at most 100.
    pub async fn guide_revisions(&self, item: &str) -> Result<Vec<GuideRevision>, StoreError> {
        let sql = revisions!("WHERE r.item = $1 ORDER BY r.no DESC LIMIT $2");
        let rows = sqlx::query(sql).bind(item.to_owned()).bind(REVISIONS).fetch_all(&self.readers).await?;
        rows.iter().map(revision).collect()
    }

    /// Every guide that is in force, with its revision, and the count of changes that this is the state of; `None`: nothing
    /// has changed since that count.
    pub async fn guides_in_force(
        &self,
        since: Option<u64>,
    ) -> Result<Option<(u64, Vec<(GuideRow, GuideRevision)>)>, StoreError> {
        // The count is read first: what comes between is read once more.
        let row = sqlx::query("SELECT count FROM change_count WHERE what = $1")
            .bind(COUNTED_AS)
            .fetch_optional(&self.readers)
            .await?;
        let count = row.map_or(Ok(0), |row| unsigned(&row, "count"))?;
        if since == Some(count) {
            return Ok(None);
        }
        let sql = revisions!("JOIN guide g ON g.item = r.item AND g.live_no = r.no WHERE g.retired_at IS NULL");
        let rows = sqlx::query(sql).fetch_all(&self.readers).await?;
        let mut guides = self.guides().await?;
        let mut found = Vec::new();
        for row in &rows {
            let revision = revision(row)?;
            // A step between the two reads is in the next count.
            let holds = |one: &GuideRow| one.head.id == revision.item;
            if let Some(at) = guides.iter().position(holds) {
                found.push((guides.swap_remove(at), revision));
            }
        }
        Ok(Some((count, found)))
    }
}
