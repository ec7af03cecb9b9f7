//! What conversations teach: labels of threads that are closed, and the regression set.

use bangban_domain::{AgentId, ConversationId, Timestamp, learning::LabelKind};
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction, any::AnyRow};

use crate::{
    Store, StoreError,
    read::{id, instant, optional_instant, unsigned, word},
    sql::one_of,
};

/// A label with where it comes from. Its question has no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRow {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Position of the entry of the thread that says it.
    pub seq: u64,
    /// What became of the question.
    pub kind: LabelKind,
    /// The question.
    pub question: String,
    /// The conversation's item.
    pub item: Option<String>,
    /// Who owes its answers.
    pub unit: String,
    /// The knowledge entry.
    pub entry: Option<String>,
    /// Which revision of it.
    pub revision: Option<u32>,
    /// When it was said.
    pub at: Timestamp,
    /// When an editor made something of it.
    pub taken_at: Option<Timestamp>,
}

/// A question with the entry that is right for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegressionRow {
    /// Id.
    pub id: String,
    /// The question.
    pub question: String,
    /// Id of the entry.
    pub entry: String,
    /// The page's item when it is asked.
    pub item: Option<String>,
    /// Grown from labels, not written by an editor.
    pub is_learnt: bool,
    /// When.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: AgentId,
}

/// A change of what was learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LearningChange {
    /// Labels of threads that were closed until then; those that are known stay as they are.
    Learnt {
        /// Each.
        labels: Vec<LabelRow>,
        /// Threads that were closed until then have been read.
        until: Timestamp,
    },
    /// An editor made something of these.
    Taken {
        /// Conversation and position of each.
        labels: Vec<(ConversationId, u64)>,
        /// When.
        at: Timestamp,
    },
    /// A question of the regression set; the same question with the same entry is there once.
    Keep(Box<RegressionRow>),
    /// Not any more.
    Drop(String),
}

/// Which labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelQuery {
    /// Of these units; `None`: of all.
    pub units: Option<Vec<String>>,
    /// Since then.
    pub since: Timestamp,
    /// Of these kinds.
    pub kinds: Vec<LabelKind>,
    /// Only those of which nobody has made anything yet.
    pub is_open: bool,
}

impl LearningChange {
    /// What people have written.
    pub(crate) fn texts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Learnt { labels, .. } => labels.iter().map(|row| ("question", row.question.as_str())).collect(),
            Self::Keep(row) => vec![("question", row.question.as_str()), ("entry", row.entry.as_str())],
            Self::Taken { .. } | Self::Drop(_) => Vec::new(),
        }
    }

    /// See [`crate::Change::rows`].
    pub(crate) const fn rows(&self) -> usize {
        match self {
            Self::Learnt { labels, .. } => 1 + labels.len(),
            Self::Taken { labels, .. } => labels.len(),
            Self::Keep(_) | Self::Drop(_) => 1,
        }
    }
}

macro_rules! columns {
    () => {
        "SELECT conversation, seq, kind, question, item, unit, entry, revision, at, taken_at FROM label "
    };
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &LearningChange) -> Result<(), StoreError> {
    match change {
        LearningChange::Learnt { labels, until } => {
            for row in labels {
                sqlx::query(
                    "INSERT INTO label (conversation, seq, kind, question, item, unit, entry, revision, at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
                )
                .bind(row.conversation.to_string())
                .bind(number(row.seq))
                .bind(row.kind.as_str())
                .bind(row.question.clone())
                .bind(row.item.clone())
                .bind(row.unit.clone())
                .bind(row.entry.clone())
                .bind(row.revision.map(i64::from))
                .bind(row.at.0)
                .execute(&mut **tx)
                .await?;
            }
            sqlx::query(
                "INSERT INTO learnt (what, at) VALUES ('threads', $1) ON CONFLICT (what) DO UPDATE SET at = \
                 CASE WHEN learnt.at > excluded.at THEN learnt.at ELSE excluded.at END",
            )
            .bind(until.0)
            .execute(&mut **tx)
            .await?;
        }
        LearningChange::Taken { labels, at } => {
            for (conversation, seq) in labels {
                sqlx::query("UPDATE label SET taken_at = $1 WHERE conversation = $2 AND seq = $3 AND taken_at IS NULL")
                    .bind(at.0)
                    .bind(conversation.to_string())
                    .bind(number(*seq))
                    .execute(&mut **tx)
                    .await?;
            }
        }
        LearningChange::Keep(row) => {
            sqlx::query(
                "INSERT INTO regression (id, question, entry, item, origin, made_at, made_by) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            )
            .bind(row.id.clone())
            .bind(row.question.clone())
            .bind(row.entry.clone())
            .bind(row.item.clone())
            .bind(if row.is_learnt { "label" } else { "editor" })
            .bind(row.made_at.0)
            .bind(row.made_by.to_string())
            .execute(&mut **tx)
            .await?;
        }
        LearningChange::Drop(id) => {
            sqlx::query("DELETE FROM regression WHERE id = $1").bind(id.clone()).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Labels go with the thread.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, conversation: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM label WHERE conversation = $1").bind(conversation.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

fn optional_number(row: &AnyRow, column: &str) -> Result<Option<u32>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.and_then(|number| u32::try_from(number).ok()))
}

fn label(row: &AnyRow) -> Result<LabelRow, StoreError> {
    const T: &str = "label";
    Ok(LabelRow {
        conversation: id(T, row, "conversation")?,
        seq: unsigned(row, "seq")?,
        kind: word(T, row, "kind", LabelKind::parse)?,
        question: row.try_get("question")?,
        item: row.try_get("item")?,
        unit: row.try_get("unit")?,
        entry: row.try_get("entry")?,
        revision: optional_number(row, "revision")?,
        at: instant(row, "at")?,
        taken_at: optional_instant(row, "taken_at")?,
    })
}

fn kept(row: &AnyRow) -> Result<RegressionRow, StoreError> {
    let origin: String = row.try_get("origin")?;
    Ok(RegressionRow {
        id: row.try_get("id")?,
        question: row.try_get("question")?,
        entry: row.try_get("entry")?,
        item: row.try_get("item")?,
        is_learnt: origin == "label",
        made_at: instant(row, "made_at")?,
        made_by: id("regression", row, "made_by")?,
    })
}

impl Store {
    /// Threads that were closed until then have been read.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn learnt_until(&self) -> Result<Timestamp, StoreError> {
        let row = sqlx::query("SELECT at FROM learnt WHERE what = 'threads'").fetch_optional(&self.readers).await?;
        row.map_or(Ok(Timestamp(0)), |row| instant(&row, "at"))
    }

    /// Conversations that were closed after an instant (of those of that instant the ones behind an id) and have their threads,
    /// the first closed first.
    pub async fn closed_after(
        &self,
        (at, id_): (Timestamp, &str),
        limit: u32,
    ) -> Result<Vec<(ConversationId, Timestamp)>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, closed_at FROM conversation WHERE pruned_at IS NULL AND closed_at IS NOT NULL \
             AND (closed_at > $1 OR (closed_at = $1 AND id > $2)) ORDER BY closed_at, id LIMIT $3",
        )
        .bind(at.0)
        .bind(id_.to_owned())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((id("conversation", row, "id")?, instant(row, "closed_at")?))).collect()
    }

    /// A label.
    pub async fn label(&self, conversation: ConversationId, seq: u64) -> Result<Option<LabelRow>, StoreError> {
        let sql = concat!(columns!(), "WHERE conversation = $1 AND seq = $2");
        let found = sqlx::query(sql).bind(conversation.to_string()).bind(number(seq));
        found.fetch_optional(&self.readers).await?.as_ref().map(label).transpose()
    }

    /// The labels of a conversation, in the order of its thread.
    pub async fn labels_of(&self, conversation: ConversationId) -> Result<Vec<LabelRow>, StoreError> {
        let sql = concat!(columns!(), "WHERE conversation = $1 ORDER BY seq");
        let found = sqlx::query(sql).bind(conversation.to_string());
        found.fetch_all(&self.readers).await?.iter().map(label).collect()
    }

    /// Labels, the newest first.
    pub async fn labels(&self, query: &LabelQuery, limit: u32) -> Result<Vec<LabelRow>, StoreError> {
        let mut sql = concat!(columns!(), "WHERE at >= $1").to_owned();
        if query.is_open {
            sql += " AND taken_at IS NULL";
        }
        let kinds: Vec<String> = query.kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let kinds = one_of(&mut sql, "kind", 3, Some(&kinds));
        let units = one_of(&mut sql, "unit", 3 + kinds.len(), query.units.as_deref());
        sql += " ORDER BY at DESC, conversation, seq LIMIT $2";
        let mut found = sqlx::query(AssertSqlSafe(sql)).bind(query.since.0).bind(i64::from(limit));
        for one in kinds.into_iter().chain(units) {
            found = found.bind(one);
        }
        found.fetch_all(&self.readers).await?.iter().map(label).collect()
    }

    /// How people asked what an entry answered, by labels that say that it did, the newest first.
    pub async fn learnt_wordings(&self, entry: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let rows =
            sqlx::query("SELECT question FROM label WHERE entry = $1 AND kind <> 'unsolved' ORDER BY at DESC LIMIT $2")
                .bind(entry.to_owned())
                .bind(i64::from(limit))
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(|row| Ok(row.try_get("question")?)).collect()
    }

    /// The regression set, the newest first; of one entry, or all.
    pub async fn regression_set(&self, entry: Option<&str>, limit: u32) -> Result<Vec<RegressionRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, question, entry, item, origin, made_at, made_by FROM regression \
             WHERE ($1 = '' OR entry = $1) ORDER BY made_at DESC, id DESC LIMIT $2",
        )
        .bind(entry.unwrap_or_default().to_owned())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(kept).collect()
    }
}
