//! Rows of uploaded files. Like every change theirs go through the writer; a message that carries a file and the mark
//! that it does so are one unit, which is refused as a whole if the file has gone.

use std::{fmt, str::FromStr};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, FileId, ParseIdError, Timestamp,
    time::Millis,
    words::{FileKind, FileState},
};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Store, StoreError,
    read::{id, instant, unsigned, word},
};

/// Who uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileOwner {
    /// The citizen of the conversation.
    Citizen(CitizenId),
    /// A member of staff.
    Staff(AgentId),
}

impl fmt::Display for FileOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Citizen(id) => id.fmt(f),
            Self::Staff(id) => id.fmt(f),
        }
    }
}

impl FromStr for FileOwner {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Citizen).or_else(|_| text.parse().map(Self::Staff))
    }
}

/// One upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Id.
    pub id: FileId,
    /// Where it may be sent.
    pub conversation: ConversationId,
    /// Who may send it.
    pub owner: FileOwner,
    /// What it is to people.
    pub kind: FileKind,
    /// Name.
    pub name: String,
    /// What it is served as; empty until it was checked.
    pub mime: String,
    /// Bytes: announced, then stored.
    pub size: u64,
    /// Where it stands.
    pub state: FileState,
    /// Width and height of a picture that was checked.
    pub sides: Option<(u32, u32)>,
    /// Length of a voice message.
    pub duration_ms: Option<u32>,
    /// Begin of the upload.
    pub made_at: Timestamp,
    /// Until then somebody has to send it.
    pub kept_until: Timestamp,
    /// The client id of the message that carries it.
    pub attached_as: Option<String>,
}

/// A change of a file's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// An upload begins.
    New(FileRow),
    /// Checked and stored; takes name, type, size, sides and time from the row, if it is still uploading.
    Ready(FileRow),
    /// A message carries it. Refused with [`StoreError::FileGone`] if it is not ready, if another message does, or if that
    /// message carries another file (two pages of one person may both have uploaded it).
    Attach {
        /// Which.
        file: FileId,
        /// The message's.
        client_id: String,
    },
    /// Given up, unless a message carries it.
    Drop(FileId),
    /// The row of one that was given up is not needed any more.
    Forget(FileId),
}

impl FileChange {
    /// Whose row it changes.
    pub(crate) const fn file(&self) -> FileId {
        match self {
            Self::New(row) | Self::Ready(row) => row.id,
            Self::Attach { file, .. } | Self::Drop(file) | Self::Forget(file) => *file,
        }
    }
}

/// What one person has uploaded lately, refused and cancelled uploads included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A number as the databases keep it; none of ours is as large as that.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &FileChange) -> Result<(), StoreError> {
    let query = match change {
        FileChange::New(row) => sqlx::query(
            "INSERT INTO file (id, conversation, owner, kind, name, mime, size, state, duration_ms, made_at, kept_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(row.id.to_string())
        .bind(row.conversation.to_string())
        .bind(row.owner.to_string())
        .bind(row.kind.as_str())
        .bind(row.name.clone())
        .bind(row.mime.clone())
        .bind(number(row.size))
        .bind(row.state.as_str())
        .bind(row.duration_ms.map(i64::from))
        .bind(row.made_at.0)
        .bind(row.kept_until.0),
        FileChange::Ready(row) => sqlx::query(
            "UPDATE file SET name = $1, mime = $2, size = $3, width = $4, height = $5, kept_until = $6, \
             state = 'ready' WHERE id = $7 AND state = 'uploading'",
        )
        .bind(row.name.clone())
        .bind(row.mime.clone())
        .bind(number(row.size))
        .bind(row.sides.map(|(width, _)| i64::from(width)))
        .bind(row.sides.map(|(_, height)| i64::from(height)))
        .bind(row.kept_until.0)
        .bind(row.id.to_string()),
        FileChange::Attach { file, client_id } => {
            let done = sqlx::query(
                "UPDATE file SET attached_as = $1 WHERE id = $2 AND state = 'ready' \
                 AND (attached_as IS NULL OR attached_as = $1) \
                 AND NOT EXISTS (SELECT 1 FROM file o WHERE o.conversation = file.conversation \
                 AND o.owner = file.owner AND o.attached_as = $1 AND o.id <> file.id)",
            )
            .bind(client_id.clone())
            .bind(file.to_string())
            .execute(&mut **tx)
            .await?;
            return if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::FileGone(*file)) };
        }
        FileChange::Drop(file) => {
            sqlx::query("UPDATE file SET state = 'gone' WHERE id = $1 AND attached_as IS NULL").bind(file.to_string())
        }
        FileChange::Forget(file) => {
            sqlx::query("DELETE FROM file WHERE id = $1 AND state = 'gone'").bind(file.to_string())
        }
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Keeps the column list and the row reader together; `$rest` is what follows FROM.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, conversation, owner, kind, name, mime, size, state, width, height, duration_ms, made_at, \
             kept_until, attached_as FROM file ",
            $rest
        )
    };
}

fn optional<T: TryFrom<i64>>(row: &AnyRow, column: &str) -> Result<Option<T>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.and_then(|number| T::try_from(number).ok()))
}

fn file(row: &AnyRow) -> Result<FileRow, StoreError> {
    const T: &str = "file";
    Ok(FileRow {
        id: id(T, row, "id")?,
        conversation: id(T, row, "conversation")?,
        owner: id(T, row, "owner")?,
        kind: word(T, row, "kind", FileKind::parse)?,
        name: row.try_get("name")?,
        mime: row.try_get("mime")?,
        size: unsigned(row, "size")?,
        state: word(T, row, "state", FileState::parse)?,
        sides: optional(row, "width")?.zip(optional(row, "height")?),
        duration_ms: optional(row, "duration_ms")?,
        made_at: instant(row, "made_at")?,
        kept_until: instant(row, "kept_until")?,
        attached_as: row.try_get("attached_as")?,
    })
}

impl Store {
    /// One file.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn file(&self, id: FileId) -> Result<Option<FileRow>, StoreError> {
        let row = sqlx::query(select!("WHERE id = $1")).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(file).transpose()
    }

    /// The file that a message of `owner` carries.
    pub async fn file_sent_as(
        &self,
        conversation: ConversationId,
        owner: FileOwner,
        client_id: &str,
    ) -> Result<Option<FileRow>, StoreError> {
        let row = sqlx::query(select!("WHERE conversation = $1 AND owner = $2 AND attached_as = $3"))
            .bind(conversation.to_string())
            .bind(owner.to_string())
            .bind(client_id.to_owned())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(file).transpose()
    }

    /// Files that nobody has sent in time, the oldest first.
    pub async fn abandoned_files(&self, now: Timestamp, limit: u32) -> Result<Vec<FileRow>, StoreError> {
        let rows = sqlx::query(select!("WHERE attached_as IS NULL AND kept_until <= $1 ORDER BY kept_until LIMIT $2"))
            .bind(now.0)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(file).collect()
    }

    /// What `owner` has begun to upload within `span` before `now`.
    pub async fn uploaded(&self, owner: FileOwner, now: Timestamp, span: Millis) -> Result<Uploaded, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes FROM file \
             WHERE owner = $1 AND made_at > $2",
        )
        .bind(owner.to_string())
        .bind((now - span).0)
        .fetch_one(&self.readers)
        .await?;
        Ok(Uploaded { files: unsigned(&row, "files")?, bytes: unsigned(&row, "bytes")? })
    }
}
