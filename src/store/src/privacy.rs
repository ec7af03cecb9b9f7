//! What is deleted because its time is over or its person asked for it, and what is read for that. Who decides what goes is
//! the server; here each change is carried out in the transaction of the line of the audit log that proves it.

use bangban_domain::{AgentId, CitizenId, ConversationId, FileId, Timestamp};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Archive, Json, StoreError, action, call, knowledge, learning, outbox, quality,
    read::{id, instant, optional_instant, unsigned, word},
    task, window,
};

/// A change of what is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum PrivacyChange {
    /// Threads of closed conversations with all that was written in and about them, and their files; the rows of the
    /// conversations stay for the figures.
    Threads {
        /// Which.
        conversations: Vec<ConversationId>,
        /// Now.
        at: Timestamp,
    },
    /// Files that messages carry. The sweeper of unsent files deletes their bytes and then their rows.
    Files {
        /// Which.
        files: Vec<FileId>,
        /// Now.
        at: Timestamp,
    },
    /// Names and telephones.
    People {
        /// Whose.
        citizens: Vec<CitizenId>,
        /// Now.
        at: Timestamp,
    },
    /// Rows of receipts.
    Receipts(Vec<String>),
    /// Messages of the outbox that were sent, given up or dropped.
    Messages(Vec<String>),
    /// Ended sessions of staff.
    Sessions(Vec<String>),
    /// Lines of the audit log up to this one.
    Audit {
        /// The last one that goes.
        up_to: u64,
        /// Now.
        at: Timestamp,
    },
    /// Inserts or updates.
    Run(RunRow),
    /// Inserts or updates.
    Erasure(ErasureRow),
    /// Everything of one person: as [`PrivacyChange::Threads`], and the conversations belong to nobody any more. Refused
    /// with [`StoreError::StillOpen`] unless exactly these are the person's conversations and all of them are closed.
    Erase {
        /// Whose.
        citizen: CitizenId,
        /// The nobody that the conversations belong to from now on; a new id.
        into: CitizenId,
        /// All of theirs.
        conversations: Vec<ConversationId>,
        /// Now.
        at: Timestamp,
    },
}

/// What a thread has on average.
const ROWS_OF_A_THREAD: usize = 32;

impl PrivacyChange {
    /// See `Change::rows`.
    pub(crate) const fn rows(&self) -> usize {
        match self {
            Self::Threads { conversations, .. } | Self::Erase { conversations, .. } => {
                ROWS_OF_A_THREAD * conversations.len()
            }
            Self::Files { files, .. } => files.len(),
            Self::People { citizens, .. } => citizens.len(),
            Self::Receipts(ids) | Self::Messages(ids) | Self::Sessions(ids) => ids.len(),
            Self::Audit { .. } | Self::Run(_) | Self::Erasure(_) => 1,
        }
    }
}

/// One run of retention.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// 1, 2, ...
    pub no: u64,
    /// Begin.
    pub started_at: Timestamp,
    /// End; `None`: it goes on, or was cut off.
    pub finished_at: Option<Timestamp>,
    /// `schedule`, `command` or the id of a member of staff.
    pub cause: String,
    /// JSON.
    pub report: Json,
}

/// A wish to erase a person's data.
#[derive(Debug, Clone, PartialEq)]
pub struct ErasureRow {
    /// Made by the server.
    pub id: String,
    /// Whose data.
    pub citizen: CitizenId,
    /// Who asked.
    pub asked_by: AgentId,
    /// When.
    pub asked_at: Timestamp,
    /// Why.
    pub reason: String,
    /// What became of it.
    pub state: ErasureState,
    /// Who confirmed or refused it.
    pub decided: Option<(AgentId, Timestamp)>,
    /// JSON: what was erased.
    pub proof: Option<Json>,
}

/// What became of a wish to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureState {
    /// Waits for a second person.
    Asked,
    /// Carried out.
    Done,
    /// Not carried out.
    Refused,
}

impl ErasureState {
    /// As in rows and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Asked, Self::Done, Self::Refused].into_iter().find(|state| state.as_str() == text)
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &PrivacyChange) -> Result<(), StoreError> {
    match change {
        PrivacyChange::Threads { conversations, at } => {
            for conversation in conversations {
                delete_thread(tx, *conversation, *at).await?;
            }
        }
        PrivacyChange::Files { files, at } => {
            for file in files {
                sqlx::query(
                    "UPDATE file SET state = 'gone', attached_as = NULL, name = '', kept_until = $1 WHERE id = $2",
                )
                .bind(at.0)
                .bind(file.to_string())
                .execute(&mut **tx)
                .await?;
            }
        }
        PrivacyChange::People { citizens, at } => {
            for citizen in citizens {
                sqlx::query(
                    "UPDATE citizen SET name = '', level = '', phone = NULL, credit_code = NULL, language = NULL, \
                     forgotten_at = $1 WHERE id = $2",
                )
                .bind(at.0)
                .bind(citizen.to_string())
                .execute(&mut **tx)
                .await?;
            }
        }
        PrivacyChange::Receipts(receipts) => {
            for receipt in receipts {
                let sql = "DELETE FROM receipt WHERE receipt = $1 AND state <> 'open'";
                sqlx::query(sql).bind(receipt.clone()).execute(&mut **tx).await?;
            }
        }
        PrivacyChange::Messages(messages) => {
            for message in messages {
                let sql = "DELETE FROM outbox WHERE id = $1 AND state <> 'waiting'";
                sqlx::query(sql).bind(message.clone()).execute(&mut **tx).await?;
            }
        }
        PrivacyChange::Sessions(sessions) => {
            for session in sessions {
                let sql = "DELETE FROM staff_refresh WHERE session = $1";
                sqlx::query(sql).bind(session.clone()).execute(&mut **tx).await?;
                let sql = "DELETE FROM staff_session WHERE id = $1";
                sqlx::query(sql).bind(session.clone()).execute(&mut **tx).await?;
            }
        }
        PrivacyChange::Audit { up_to, at } => return delete_audit(tx, *up_to, *at).await,
        PrivacyChange::Run(row) => return write_run(tx, row).await,
        PrivacyChange::Erasure(row) => return write_erasure(tx, row).await,
        PrivacyChange::Erase { citizen, into, conversations, at } => {
            return erase(tx, *citizen, *into, conversations, *at).await;
        }
    }
    Ok(())
}

/// Only of one that is closed: nobody can continue it any more.
async fn delete_thread(
    tx: &mut Transaction<'_, Any>,
    conversation: ConversationId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let key = conversation.to_string();
    // The next entry, if there ever is one, gets the next number.
    let done = sqlx::query(
        "UPDATE conversation SET comment = NULL, call_back_phone = NULL, ticket = NULL, pruned_at = $1, \
         seq_floor = COALESCE((SELECT MAX(e.seq) FROM entry e WHERE e.conversation = conversation.no AND e.lane = 0), seq_floor), \
         note_seq_floor = COALESCE((SELECT MAX(e.seq) FROM entry e WHERE e.conversation = conversation.no AND e.lane = 1), note_seq_floor) \
         WHERE id = $2 AND stage = 'closed'",
    )
    .bind(at.0)
    .bind(key.clone())
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let sql = "DELETE FROM entry WHERE conversation = (SELECT no FROM conversation WHERE id = $1)";
    sqlx::query(sql).bind(key.clone()).execute(&mut **tx).await?;
    quality::forget(tx, &key).await?;
    task::forget(tx, &key).await?;
    outbox::forget(tx, &key).await?;
    action::forget(tx, &key).await?;
    window::forget(tx, &key).await?;
    call::forget(tx, &key).await?;
    knowledge::forget(tx, &key).await?;
    learning::forget(tx, &key).await?;
    sqlx::query("DELETE FROM draft WHERE conversation = $1").bind(key.clone()).execute(&mut **tx).await?;
    sqlx::query("DELETE FROM continuation WHERE conversation = $1").bind(key.clone()).execute(&mut **tx).await?;
    let sql = "UPDATE alert SET text = NULL, note = NULL WHERE conversation = $1";
    sqlx::query(sql).bind(key.clone()).execute(&mut **tx).await?;
    // What people wrote; the values stay, as the rows do.
    let sql = "UPDATE ledger_correction SET reason = '' WHERE conversation = $1";
    sqlx::query(sql).bind(key.clone()).execute(&mut **tx).await?;
    let sql = "UPDATE file SET state = 'gone', attached_as = NULL, name = '', kept_until = $1 WHERE conversation = $2";
    sqlx::query(sql).bind(at.0).bind(key).execute(&mut **tx).await?;
    Ok(())
}

async fn delete_audit(tx: &mut Transaction<'_, Any>, up_to: u64, at: Timestamp) -> Result<(), StoreError> {
    let hash: Option<String> = sqlx::query_scalar("SELECT hash FROM audit WHERE no = $1")
        .bind(number(up_to))
        .fetch_optional(&mut **tx)
        .await?;
    // Gone already.
    let Some(hash) = hash else { return Ok(()) };
    sqlx::query("DELETE FROM audit WHERE no <= $1").bind(number(up_to)).execute(&mut **tx).await?;
    sqlx::query(
        "INSERT INTO audit_anchor (id, no, hash, at) VALUES (1, $1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET no = excluded.no, hash = excluded.hash, at = excluded.at",
    )
    .bind(number(up_to))
    .bind(hash)
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_run(tx: &mut Transaction<'_, Any>, row: &RunRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO retention_run (no, started_at, finished_at, cause, report) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (no) DO UPDATE SET finished_at = excluded.finished_at, report = excluded.report",
    )
    .bind(number(row.no))
    .bind(row.started_at.0)
    .bind(row.finished_at.map(|at| at.0))
    .bind(row.cause.clone())
    .bind(row.report.as_str().to_owned())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_erasure(tx: &mut Transaction<'_, Any>, row: &ErasureRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO erasure (id, citizen, asked_by, asked_at, reason, state, decided_by, decided_at, proof) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, decided_by = excluded.decided_by, \
         decided_at = excluded.decided_at, proof = excluded.proof",
    )
    .bind(row.id.clone())
    .bind(row.citizen.to_string())
    .bind(row.asked_by.to_string())
    .bind(row.asked_at.0)
    .bind(row.reason.clone())
    .bind(row.state.as_str())
    .bind(row.decided.map(|(by, _)| by.to_string()))
    .bind(row.decided.map(|(_, at)| at.0))
    .bind(row.proof.as_ref().map(|proof| proof.as_str().to_owned()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn erase(
    tx: &mut Transaction<'_, Any>,
    citizen: CitizenId,
    into: CitizenId,
    conversations: &[ConversationId],
    at: Timestamp,
) -> Result<(), StoreError> {
    let (old, new) = (citizen.to_string(), into.to_string());
    let closed: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM conversation WHERE citizen = $1 AND stage = 'closed'")
        .bind(old.clone())
        .fetch_one(&mut **tx)
        .await?;
    let all: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM conversation WHERE citizen = $1")
        .bind(old.clone())
        .fetch_one(&mut **tx)
        .await?;
    if closed != all || usize::try_from(all).ok() != Some(conversations.len()) {
        return Err(StoreError::StillOpen(citizen));
    }
    for conversation in conversations {
        delete_thread(tx, *conversation, at).await?;
    }
    // Kind and channel are in the figures.
    sqlx::query(
        "INSERT INTO citizen (id, name, kind, level, phone, anonymous, seen_at, forgotten_at) \
         SELECT $1, '', kind, '', NULL, anonymous, $2, $2 FROM citizen WHERE id = $3",
    )
    .bind(new.clone())
    .bind(at.0)
    .bind(old.clone())
    .execute(&mut **tx)
    .await?;
    for sql in [
        "UPDATE conversation SET citizen = $1 WHERE citizen = $2",
        "UPDATE file SET owner = $1 WHERE owner = $2",
        "UPDATE citizen SET claimed_by = $1 WHERE claimed_by = $2",
    ] {
        sqlx::query(sql).bind(new.clone()).bind(old.clone()).execute(&mut **tx).await?;
    }
    // Those in which they were helped by a code belong to conversations of others.
    window::hand_on(tx, &old, &new).await?;
    // The event log names the citizen once, where the conversation began.
    sqlx::query(
        "UPDATE event SET detail = REPLACE(detail, $1, $2) \
         WHERE conversation IN (SELECT id FROM conversation WHERE citizen = $2) AND kind <> 'reply_kept'",
    )
    .bind(old.clone())
    .bind(new)
    .execute(&mut **tx)
    .await?;
    sqlx::query("DELETE FROM continuation WHERE citizen = $1").bind(old.clone()).execute(&mut **tx).await?;
    outbox::forget(tx, &old).await?;
    sqlx::query("DELETE FROM citizen WHERE id = $1").bind(old).execute(&mut **tx).await?;
    Ok(())
}

/// Something whose time is over: its id, the person and the conversation that a hold may name, and where the next page
/// begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Id.
    pub id: String,
    /// Whose.
    pub citizen: Option<String>,
    /// Of which conversation.
    pub conversation: Option<String>,
    /// Its place in the order.
    pub at: Timestamp,
}

/// Kinds of data that [`Overdue::page`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// Closed conversations that still have a thread.
    Threads,
    /// Files in closed conversations.
    Files,
    /// Citizens of whom nothing is left but themselves.
    People,
    /// Settled receipts.
    Receipts,
    /// Messages that were sent, given up or dropped.
    Messages,
    /// Ended sessions of staff.
    Sessions,
}

impl Overdue {
    const fn sql(self) -> &'static str {
        match self {
            Self::Threads => {
                "SELECT id, citizen, id AS conversation, closed_at AS at FROM conversation \
                 WHERE pruned_at IS NULL AND closed_at IS NOT NULL AND stage = 'closed' AND closed_at < $1 \
                 AND (closed_at > $2 OR closed_at = $2 AND id > $3) ORDER BY closed_at, id LIMIT $4"
            }
            Self::Files => {
                "SELECT f.id, c.citizen, f.conversation, f.made_at AS at FROM file f \
                 JOIN conversation c ON c.id = f.conversation \
                 WHERE f.attached_as IS NOT NULL AND c.stage = 'closed' AND f.made_at < $1 \
                 AND (f.made_at > $2 OR f.made_at = $2 AND f.id > $3) ORDER BY f.made_at, f.id LIMIT $4"
            }
            Self::People => {
                "SELECT id, id AS citizen, CAST(NULL AS TEXT) AS conversation, seen_at AS at FROM citizen \
                 WHERE forgotten_at IS NULL AND seen_at < $1 \
                 AND (seen_at > $2 OR seen_at = $2 AND id > $3) \
                 AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.citizen = citizen.id AND c.pruned_at IS NULL) \
                 ORDER BY seen_at, id LIMIT $4"
            }
            Self::Receipts => {
                "SELECT r.receipt AS id, c.citizen, r.conversation, r.made_at AS at FROM receipt r \
                 JOIN conversation c ON c.id = r.conversation \
                 WHERE r.state <> 'open' AND r.made_at < $1 AND COALESCE(r.settled_at, r.made_at) < $1 \
                 AND (r.made_at > $2 OR r.made_at = $2 AND r.receipt > $3) ORDER BY r.made_at, r.receipt LIMIT $4"
            }
            Self::Messages => {
                // The addressee is a conversation, a citizen, or nobody whose data may be held.
                "SELECT o.id, COALESCE(c.citizen, o.addressee) AS citizen, c.id AS conversation, o.settled_at AS at \
                 FROM outbox o LEFT JOIN conversation c ON c.id = o.addressee \
                 WHERE o.settled_at IS NOT NULL AND o.state <> 'waiting' AND o.settled_at < $1 \
                 AND (o.settled_at > $2 OR o.settled_at = $2 AND o.id > $3) ORDER BY o.settled_at, o.id LIMIT $4"
            }
            Self::Sessions => {
                "SELECT id, CAST(NULL AS TEXT) AS citizen, CAST(NULL AS TEXT) AS conversation, ends_at AS at \
                 FROM staff_session WHERE ends_at < $1 AND (ends_at > $2 OR ends_at = $2 AND id > $3) \
                 ORDER BY ends_at, id LIMIT $4"
            }
        }
    }
}

fn json(row: &AnyRow, column: &str) -> Result<Json, StoreError> {
    let text: String = row.try_get(column)?;
    let what = format!("{column} is no JSON");
    let value = serde_json::value::RawValue::from_string(text);
    Ok(Json(value.map_err(|_| StoreError::Corrupt { table: "?", what })?))
}

fn erasure(row: &AnyRow) -> Result<ErasureRow, StoreError> {
    const T: &str = "erasure";
    let decided_by: Option<String> = row.try_get("decided_by")?;
    let decided_by = decided_by.map(|text| {
        text.parse().map_err(|_| StoreError::Corrupt { table: T, what: format!("decided_by is {text:?}") })
    });
    let proof: Option<String> = row.try_get("proof")?;
    Ok(ErasureRow {
        id: row.try_get("id")?,
        citizen: id(T, row, "citizen")?,
        asked_by: id(T, row, "asked_by")?,
        asked_at: instant(row, "asked_at")?,
        reason: row.try_get("reason")?,
        state: word(T, row, "state", ErasureState::parse)?,
        decided: decided_by.transpose()?.zip(optional_instant(row, "decided_at")?),
        proof: if proof.is_some() { Some(json(row, "proof")?) } else { None },
    })
}

impl Archive {
    /// What of a kind is older than `before`, after a place in its order, the oldest first.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn overdue(
        &self,
        what: Overdue,
        before: Timestamp,
        after: Option<&Due>,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let rows = sqlx::query(what.sql())
            .bind(before.0)
            .bind(after.map_or(i64::MIN, |due| due.at.0))
            .bind(after.map_or_else(String::new, |due| due.id.clone()))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Due {
                    id: row.try_get("id")?,
                    citizen: row.try_get("citizen")?,
                    conversation: row.try_get("conversation")?,
                    at: instant(row, "at")?,
                })
            })
            .collect()
    }

    /// The last runs of retention, the last one first.
    pub async fn retention_runs(&self, limit: u32) -> Result<Vec<RunRow>, StoreError> {
        let sql = "SELECT no, started_at, finished_at, cause, report FROM retention_run ORDER BY no DESC LIMIT $1";
        let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(RunRow {
                    no: unsigned(row, "no")?,
                    started_at: instant(row, "started_at")?,
                    finished_at: optional_instant(row, "finished_at")?,
                    cause: row.try_get("cause")?,
                    report: json(row, "report")?,
                })
            })
            .collect()
    }

    /// Citizens with this telephone, from the portal or left for a call-back.
    pub async fn citizens_with_phone(&self, phone: &str, limit: u32) -> Result<Vec<CitizenId>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM citizen WHERE phone = $1 UNION SELECT citizen FROM conversation WHERE call_back_phone = $1 \
             ORDER BY 1 LIMIT $2",
        )
        .bind(phone.to_owned())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| id("citizen", row, "id")).collect()
    }

    /// The citizen who holds a receipt.
    pub async fn citizen_of_receipt(&self, receipt: &str) -> Result<Option<CitizenId>, StoreError> {
        let sql = "SELECT c.citizen FROM receipt r JOIN conversation c ON c.id = r.conversation WHERE r.receipt = $1";
        let row = sqlx::query(sql).bind(receipt.to_owned()).fetch_optional(&self.readers).await?;
        row.map(|row| id("conversation", &row, "citizen")).transpose()
    }

    /// Ids of all conversations of a citizen, the oldest first.
    pub async fn all_conversations_of(&self, citizen: CitizenId) -> Result<Vec<ConversationId>, StoreError> {
        let sql = "SELECT id FROM conversation WHERE citizen = $1 ORDER BY opened_at, id";
        let rows = sqlx::query(sql).bind(citizen.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| id("conversation", row, "id")).collect()
    }

    /// Receipts of a conversation with their state, the oldest first.
    pub async fn receipts_of(&self, conversation: ConversationId) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT receipt, state FROM receipt WHERE conversation = $1 ORDER BY made_at, receipt";
        let rows = sqlx::query(sql).bind(conversation.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get("receipt")?, row.try_get("state")?))).collect()
    }

    /// Ids of the files that messages of a conversation carry, the oldest first.
    pub async fn files_of(&self, conversation: ConversationId) -> Result<Vec<FileId>, StoreError> {
        let sql = "SELECT id FROM file WHERE conversation = $1 AND attached_as IS NOT NULL ORDER BY made_at, id";
        let rows = sqlx::query(sql).bind(conversation.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| id("file", row, "id")).collect()
    }

    /// Wishes to erase, open ones first, then the last ones.
    pub async fn erasures(&self, limit: u32) -> Result<Vec<ErasureRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, citizen, asked_by, asked_at, reason, state, decided_by, decided_at, proof FROM erasure \
             ORDER BY CASE state WHEN 'asked' THEN 0 ELSE 1 END, asked_at DESC, id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(erasure).collect()
    }

    /// The last wish to erase a person's data.
    pub async fn erasure_of(&self, citizen: CitizenId) -> Result<Option<ErasureRow>, StoreError> {
        let row = sqlx::query(
            "SELECT id, citizen, asked_by, asked_at, reason, state, decided_by, decided_at, proof FROM erasure \
             WHERE citizen = $1 ORDER BY asked_at DESC, id DESC LIMIT 1",
        )
        .bind(citizen.to_string())
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(erasure).transpose()
    }

    /// The last line of the audit log that retention may delete: every line up to it is older than `before`, and none of
    /// them is about one of `held`.
    pub async fn audit_overdue(&self, before: Timestamp, held: &[String]) -> Result<Option<u64>, StoreError> {
        let first = |row: AnyRow| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>("no")?);
        let young = sqlx::query("SELECT MIN(no) AS no FROM audit WHERE at >= $1").bind(before.0);
        let mut stays = first(young.fetch_one(&self.readers).await?)?;
        let last = first(sqlx::query("SELECT MAX(no) AS no FROM audit").fetch_one(&self.readers).await?)?;
        for subject in held {
            let sql = "SELECT MIN(no) AS no FROM audit WHERE kind IN ('citizen', 'conversation') AND subject = $1";
            let about = first(sqlx::query(sql).bind(subject.clone()).fetch_one(&self.readers).await?)?;
            stays = [stays, about].into_iter().flatten().min();
        }
        let oldest = first(sqlx::query("SELECT MIN(no) AS no FROM audit").fetch_one(&self.readers).await?)?;
        let up_to = stays.map(|no| no - 1).or(last);
        let is_there = up_to.zip(oldest).is_some_and(|(up_to, oldest)| up_to >= oldest);
        Ok(up_to.filter(|_| is_there).and_then(|no| u64::try_from(no).ok()))
    }
}
