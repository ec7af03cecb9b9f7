//! Pictures and documents of answers: their rows, and which revisions have them. A revision and its use of a file are written
//! in one unit, and a file that a revision uses is never given up: both are changes of the administration, of which the writer
//! carries out one after the other.

use bangban_domain::{
    AgentId, FileId, Timestamp,
    knowledge::{AnswerFile, FileUse, RevisionState, UNUSED_FILE_KEPT},
    time::Millis,
    words::{FileKind, FileState},
};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    KnowledgeRevision, Store, StoreError, Uploaded,
    read::{id, instant, optional_instant, unsigned, word},
};

/// A picture or document of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeFile {
    /// Id.
    pub id: FileId,
    /// Who uploaded it.
    pub owner: AgentId,
    /// What it is to people.
    pub kind: FileKind,
    /// Name.
    pub name: String,
    /// What it is served as; empty until it was checked.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// Where it stands.
    pub state: FileState,
    /// Width and height of a picture that was checked.
    pub sides: Option<(u32, u32)>,
    /// Begin of the upload.
    pub made_at: Timestamp,
    /// Until then it is kept although no revision has it.
    pub kept_until: Timestamp,
}

impl KnowledgeFile {
    /// As it stands beside an answer.
    #[must_use]
    pub fn answer_file(&self) -> AnswerFile {
        let (width, height) = self.sides.unzip();
        AnswerFile { file: self.id, kind: self.kind, name: self.name.clone(), size: self.size, width, height }
    }
}

/// A change of a file's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnowledgeFileChange {
    /// An upload begins.
    New(KnowledgeFile),
    /// Checked and stored; takes name, type, size and sides from the row.
    Ready(KnowledgeFile),
    /// Given up, unless a revision has it.
    Drop(FileId),
    /// The row of one that was given up is not needed any more.
    Forget(FileId),
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &KnowledgeFileChange) -> Result<(), StoreError> {
    let query = match change {
        KnowledgeFileChange::New(row) => sqlx::query(
            "INSERT INTO kb_file (id, owner, kind, name, mime, size, state, made_at, kept_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(row.id.to_string())
        .bind(row.owner.to_string())
        .bind(row.kind.as_str())
        .bind(row.name.clone())
        .bind(row.mime.clone())
        .bind(number(row.size))
        .bind(row.state.as_str())
        .bind(row.made_at.0)
        .bind(row.kept_until.0),
        KnowledgeFileChange::Ready(row) => sqlx::query(
            "UPDATE kb_file SET state = 'ready', name = $1, mime = $2, size = $3, width = $4, height = $5 \
             WHERE id = $6 AND state = 'uploading'",
        )
        .bind(row.name.clone())
        .bind(row.mime.clone())
        .bind(number(row.size))
        .bind(row.sides.map(|(width, _)| i64::from(width)))
        .bind(row.sides.map(|(_, height)| i64::from(height)))
        .bind(row.id.to_string()),
        KnowledgeFileChange::Drop(file) => sqlx::query(
            "UPDATE kb_file SET state = 'gone' WHERE id = $1 \
             AND NOT EXISTS (SELECT 1 FROM kb_file_use u WHERE u.file = kb_file.id)",
        )
        .bind(file.to_string()),
        KnowledgeFileChange::Forget(file) => {
            sqlx::query("DELETE FROM kb_file WHERE id = $1 AND state = 'gone'").bind(file.to_string())
        }
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

/// The files of a revision from now on. What it had and has no more is kept for a while ([`UNUSED_FILE_KEPT`]).
pub(crate) async fn put_uses(tx: &mut Transaction<'_, Any>, revision: &KnowledgeRevision) -> Result<(), StoreError> {
    let (entry, no) = (&revision.entry, i64::from(revision.no));
    let before = sqlx::query("DELETE FROM kb_file_use WHERE entry = $1 AND no = $2 RETURNING file")
        .bind(entry.clone())
        .bind(no)
        .fetch_all(&mut **tx)
        .await?;
    for row in before {
        sqlx::query("UPDATE kb_file SET kept_until = $1 WHERE id = $2 AND kept_until < $1")
            .bind((revision.saved_at + UNUSED_FILE_KEPT).0)
            .bind(row.try_get::<String, _>("file")?)
            .execute(&mut **tx)
            .await?;
    }
    for file in &revision.content.files {
        let done = sqlx::query(
            "INSERT INTO kb_file_use (entry, no, file, valid_from) SELECT $1, CAST($2 AS BIGINT), id, \
             CAST($3 AS BIGINT) FROM kb_file WHERE id = $4 AND state = 'ready'",
        )
        .bind(entry.clone())
        .bind(no)
        .bind(revision.content.valid_from.map(|at| at.0))
        .bind(file.file.to_string())
        .execute(&mut **tx)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::FileGone(file.file));
        }
    }
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner, kind, name, mime, size, state, width, height, made_at, kept_until FROM kb_file ",
            $rest
        )
    };
}

fn side(row: &AnyRow, column: &str) -> Result<Option<u32>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.and_then(|number| u32::try_from(number).ok()))
}

fn file(row: &AnyRow) -> Result<KnowledgeFile, StoreError> {
    const T: &str = "kb_file";
    Ok(KnowledgeFile {
        id: id(T, row, "id")?,
        owner: id(T, row, "owner")?,
        kind: word(T, row, "kind", FileKind::parse)?,
        name: row.try_get("name")?,
        mime: row.try_get("mime")?,
        size: unsigned(row, "size")?,
        state: word(T, row, "state", FileState::parse)?,
        sides: side(row, "width")?.zip(side(row, "height")?),
        made_at: instant(row, "made_at")?,
        kept_until: instant(row, "kept_until")?,
    })
}

impl Store {
    /// A picture or document of answers.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn knowledge_file(&self, id: FileId) -> Result<Option<KnowledgeFile>, StoreError> {
        let row = sqlx::query(select!("WHERE id = $1")).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(file).transpose()
    }

    /// The revisions that have a file.
    pub async fn knowledge_file_uses(&self, id: FileId) -> Result<Vec<FileUse>, StoreError> {
        let rows = sqlx::query(
            "SELECT u.entry, u.valid_from, e.unit, e.retired_at, r.state, r.decided_at FROM kb_file_use u \
             JOIN kb_entry e ON e.id = u.entry JOIN kb_revision r ON r.entry = u.entry AND r.no = u.no \
             WHERE u.file = $1 ORDER BY u.entry, u.no",
        )
        .bind(id.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(FileUse {
                    entry: row.try_get("entry")?,
                    unit: row.try_get("unit")?,
                    retired_at: optional_instant(row, "retired_at")?,
                    state: word("kb_revision", row, "state", RevisionState::parse)?,
                    decided_at: optional_instant(row, "decided_at")?,
                    valid_from: optional_instant(row, "valid_from")?,
                })
            })
            .collect()
    }

    /// Files whose time is over and which no revision has, the oldest first.
    pub async fn unused_knowledge_files(&self, now: Timestamp, limit: u32) -> Result<Vec<KnowledgeFile>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE kept_until <= $1 AND NOT EXISTS (SELECT 1 FROM kb_file_use u WHERE u.file = kb_file.id) \
             ORDER BY kept_until LIMIT $2"
        ))
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(file).collect()
    }

    /// What somebody has begun to upload for answers within `span` before `now`.
    pub async fn uploaded_for_answers(
        &self,
        owner: AgentId,
        now: Timestamp,
        span: Millis,
    ) -> Result<Uploaded, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM kb_file \
             WHERE owner = $1 AND made_at > $2",
        )
        .bind(owner.to_string())
        .bind((now - span).0)
        .fetch_one(&self.readers)
        .await?;
        Ok(Uploaded { files: unsigned(&row, "files")?, bytes: unsigned(&row, "bytes")? })
    }
}
