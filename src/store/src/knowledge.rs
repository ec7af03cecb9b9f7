//! Entries of the knowledge base, their revisions and sources, and review points. A step names the version that it was made
//! from; one that comes second is refused. Who may take which step is asked before (`bangban_domain::knowledge`, the server).
//!
//! A revision may name the task that it fulfils: what follows from its publication is carried out in this transaction.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    knowledge::{Content, EntryState, Head, OpenState, Origin, ReviewPoint, RevisionState, Span, answer_key},
};
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction, any::AnyRow};

use crate::{
    KnowledgeFileChange, OutboxRow, Store, StoreError, knowledge_files, outbox,
    read::{id, instant, optional_id, optional_instant, optional_word, unsigned, word},
    record::count,
    sql::one_of,
};

/// What the count of changes is called by which others see that entries have changed.
const COUNTED_AS: &str = "knowledge";

/// Most words of a search.
const MOST_WORDS: usize = 5;

/// Revisions of an entry that are read at one time, the newest first.
const REVISIONS: i64 = 200;

/// An entry beside what its revisions say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeEntry {
    /// Where it stands.
    pub head: Head,
    /// Where it comes from.
    pub origin: Origin,
    /// Question of the revision that people look at first.
    pub question: String,
    /// Its items.
    pub items: Vec<String>,
    /// Conversations whose answer it is.
    pub sources: u32,
    /// Begin.
    pub created_at: Timestamp,
    /// Last step.
    pub changed_at: Timestamp,
}

/// A revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeRevision {
    /// Of which entry.
    pub entry: String,
    /// 1, 2, ...
    pub no: u32,
    /// What has become of it.
    pub state: RevisionState,
    /// What it says.
    pub content: Content,
    /// All who have written in it.
    pub authors: Vec<AgentId>,
    /// Who sent it back or published it.
    pub reviewer: Option<AgentId>,
    /// Why.
    pub reason: Option<String>,
    /// The task that it fulfils.
    pub task: Option<String>,
    /// Begin.
    pub made_at: Timestamp,
    /// Last time that somebody wrote in it.
    pub saved_at: Timestamp,
    /// Since when it waits, or waited, for a second person.
    pub submitted_at: Option<Timestamp>,
    /// When it was sent back or published.
    pub decided_at: Option<Timestamp>,
}

/// An answer that an agent writes back (rule 10). With an equal one, about the same items and of the same unit, it is a further source of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteBack {
    /// Id of the entry, if there is no equal one.
    pub id: String,
    /// Who owns the answer.
    pub unit: String,
    /// Question and answer, without personal data.
    pub content: Content,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Who answered.
    pub agent: AgentId,
    /// When.
    pub at: Timestamp,
}

/// A conversation whose answer was written back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Which.
    pub conversation: ConversationId,
    /// Who answered.
    pub agent: AgentId,
    /// When.
    pub at: Timestamp,
    /// What was asked, without personal data; empty when the thread is gone.
    pub question: String,
}

/// What became of an answer that somebody wrote back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBack {
    /// The source.
    pub source: SourceRow,
    /// The entry, as it is now.
    pub entry: KnowledgeEntry,
    /// Why it was sent back, if it was.
    pub reason: Option<String>,
}

/// A review point with its place in the item's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointRow {
    /// Id.
    pub id: String,
    /// 1, 2, ...
    pub version: u64,
    /// Place.
    pub place: u32,
    /// What it says.
    pub point: ReviewPoint,
    /// Last change.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: AgentId,
}

/// A change of entries or review points.
#[derive(Debug, Clone, PartialEq)]
pub enum KnowledgeChange {
    /// A new entry (version 1), or one after a step, with the revision that the step is about. Refused with
    /// [`StoreError::KnowledgeOutdated`] unless it follows the version that is there, and with [`StoreError::FileGone`] if
    /// a file of the revision is not there any more.
    Step {
        /// After the step. Its question and items are of the content.
        entry: Box<KnowledgeEntry>,
        /// The revision after the step.
        revision: Option<Box<KnowledgeRevision>>,
        /// What people look at first from now on.
        shown: Box<Content>,
    },
    /// An answer of an agent.
    WriteBack(Box<WriteBack>),
    /// Those whose conversations an entry comes from are told: of the citizens each in their conversation, of the agents each
    /// once.
    Tell {
        /// Which entry.
        entry: String,
        /// What the citizens are told; addressee, id and the question are theirs.
        citizens: Option<Box<OutboxRow>>,
        /// What the agents are told; addressee and id are theirs.
        agents: Box<OutboxRow>,
    },
    /// A picture or document of answers.
    File(KnowledgeFileChange),
    /// A review point, new (version 1) or changed. Refused with [`StoreError::KnowledgeOutdated`].
    Point(Box<PointRow>),
    /// A review point is none any more.
    DropPoint {
        /// Which.
        id: String,
        /// The version that it was.
        version: u64,
    },
}

impl KnowledgeChange {
    /// What people have written, by the name of its field.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (content, reason) = match self {
            Self::Step { shown, revision, .. } => {
                (Some(&**shown), revision.as_ref().and_then(|revision| revision.reason.as_deref()))
            }
            Self::WriteBack(one) => (Some(&one.content), None),
            Self::Tell { .. } | Self::File(_) | Self::Point(_) | Self::DropPoint { .. } => (None, None),
        };
        let of_content = content.into_iter().flat_map(|content| {
            let similar = content.similar.iter().map(|one| ("similar", one.as_str()));
            similar.chain([
                ("question", content.question.as_str()),
                ("answer", content.answer.as_str()),
                ("source", content.source.as_str()),
            ])
        });
        of_content.chain(reason.map(|reason| ("reason", reason)))
    }
}

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnowledgeQuery {
    /// Of these units; `None`: of all.
    pub units: Option<Vec<String>>,
    /// Where it stands at this instant.
    pub state: Option<(EntryState, Timestamp)>,
    /// What is open of it.
    pub open: Option<OpenState>,
    /// About this item.
    pub item: Option<String>,
    /// Where it comes from.
    pub origin: Option<Origin>,
    /// In which all these words stand, in small letters; of more than five the first five.
    pub words: Vec<String>,
    /// Those that come after this one, the last changed first.
    pub before: Option<(Timestamp, String)>,
}

/// How many entries of a unit stand somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeCount {
    /// Code of the unit.
    pub unit: String,
    /// Where.
    pub state: EntryState,
    /// So many.
    pub entries: u64,
    /// Of these so many have a revision that waits for a second person.
    pub in_review: u64,
}

macro_rules! columns {
    () => {
        "e.id, e.unit, e.origin, e.version, e.last_no, e.open_no, e.open_state, e.live_no, e.live_from, e.live_to, \
         e.before_no, e.before_from, e.before_to, e.retired_at, e.question, e.items, e.sources, e.created_at, e.changed_at"
    };
}

macro_rules! revision_columns {
    () => {
        "r.entry, r.no, r.state, r.content, r.authors, r.reviewer, r.reason, r.task, r.made_at, r.saved_at, \
         r.submitted_at, r.decided_at"
    };
}

/// The state of an entry at instant `$2`: [`Head::state`] as SQL (a test holds them together).
macro_rules! state {
    () => {
        "CASE WHEN (e.retired_at IS NOT NULL AND e.retired_at <= $2) OR (e.live_no IS NULL AND e.open_no IS NULL) \
         THEN 'retired' WHEN e.live_no IS NULL THEN e.open_state \
         WHEN e.live_from <= $2 AND (e.live_to IS NULL OR e.live_to > $2) THEN 'published' \
         WHEN e.live_from > $2 AND e.before_no IS NOT NULL AND e.before_from <= $2 \
         AND (e.before_to IS NULL OR e.before_to > $2) THEN 'published' \
         WHEN e.live_from > $2 THEN 'scheduled' ELSE 'expired' END"
    };
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn key(answer: &str) -> String {
    digest(&SHA256, answer_key(answer).as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn joined(items: &[String]) -> String {
    let inner = items.iter().map(|item| format!("{item},")).collect::<String>();
    format!(",{inner}")
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt { table: "kb_revision", what: error.to_string() })
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &KnowledgeChange) -> Result<(), StoreError> {
    match change {
        KnowledgeChange::Step { entry, revision, shown } => {
            let count = count(tx, COUNTED_AS).await?;
            put_entry(tx, entry, shown, count).await?;
            if let Some(revision) = revision {
                put_revision(tx, revision).await?;
            }
            Ok(())
        }
        KnowledgeChange::WriteBack(one) => write_back(tx, one).await,
        KnowledgeChange::Tell { entry, citizens, agents } => tell(tx, entry, citizens.as_deref(), agents).await,
        KnowledgeChange::File(change) => knowledge_files::carry_out(tx, change).await,
        KnowledgeChange::Point(row) => put_point(tx, row).await,
        KnowledgeChange::DropPoint { id, version } => {
            let sql = "DELETE FROM review_point WHERE id = $1 AND version = $2";
            let done = sqlx::query(sql).bind(id.clone()).bind(number(*version)).execute(&mut **tx).await?;
            if done.rows_affected() == 0 { Err(StoreError::KnowledgeOutdated(id.clone())) } else { Ok(()) }
        }
    }
}

async fn put_entry(
    tx: &mut Transaction<'_, Any>,
    entry: &KnowledgeEntry,
    shown: &Content,
    count: i64,
) -> Result<(), StoreError> {
    let head = &entry.head;
    let sql = if head.version == 1 {
        "INSERT INTO kb_entry (id, unit, origin, version, last_no, open_no, open_state, live_no, live_from, live_to, \
         before_no, before_from, before_to, retired_at, question, items, words, answer_key, sources, created_at, \
         changed_at, count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
         $19, $20, $21, $22) ON CONFLICT DO NOTHING"
    } else {
        // Sources are counted by what is written back, also while somebody writes.
        "UPDATE kb_entry SET unit = $2, origin = $3, version = $4, last_no = $5, open_no = $6, open_state = $7, \
         live_no = $8, live_from = $9, live_to = $10, before_no = $11, before_from = $12, before_to = $13, \
         retired_at = $14, question = $15, items = $16, words = $17, answer_key = $18, \
         sources = CASE WHEN sources > $19 THEN sources ELSE $19 END, created_at = $20, changed_at = $21, count = $22 \
         WHERE id = $1 AND version = $4 - 1"
    };
    let (live, before) = (head.live, head.before);
    let done = sqlx::query(sql)
        .bind(head.id.clone())
        .bind(head.unit.clone())
        .bind(entry.origin.as_str())
        .bind(number(head.version))
        .bind(i64::from(head.last))
        .bind(head.open.map(|(no, _)| i64::from(no)))
        .bind(head.open.map(|(_, state)| state.as_str()))
        .bind(live.map(|span| i64::from(span.no)))
        .bind(live.map(|span| span.from.0))
        .bind(live.and_then(|span| span.to).map(|to| to.0))
        .bind(before.map(|span| i64::from(span.no)))
        .bind(before.map(|span| span.from.0))
        .bind(before.and_then(|span| span.to).map(|to| to.0))
        .bind(head.retired_at.map(|at| at.0))
        .bind(shown.question.clone())
        .bind(joined(&shown.items))
        .bind(shown.words())
        .bind(key(&shown.answer))
        .bind(i64::from(entry.sources))
        .bind(entry.created_at.0)
        .bind(entry.changed_at.0)
        .bind(count)
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 0 { Err(StoreError::KnowledgeOutdated(head.id.clone())) } else { Ok(()) }
}

async fn put_revision(tx: &mut Transaction<'_, Any>, row: &KnowledgeRevision) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO kb_revision (entry, no, state, content, authors, reviewer, reason, task, made_at, saved_at, \
         submitted_at, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (entry, no) DO UPDATE SET state = excluded.state, content = excluded.content, \
         authors = excluded.authors, reviewer = excluded.reviewer, reason = excluded.reason, task = excluded.task, \
         saved_at = excluded.saved_at, submitted_at = excluded.submitted_at, decided_at = excluded.decided_at",
    )
    .bind(row.entry.clone())
    .bind(i64::from(row.no))
    .bind(row.state.as_str())
    .bind(json(&row.content)?)
    .bind(json(&row.authors)?)
    .bind(row.reviewer.map(|id| id.to_string()))
    .bind(row.reason.clone())
    .bind(row.task.clone())
    .bind(row.made_at.0)
    .bind(row.saved_at.0)
    .bind(row.submitted_at.map(|at| at.0))
    .bind(row.decided_at.map(|at| at.0))
    .execute(&mut **tx)
    .await?;
    knowledge_files::put_uses(tx, row).await
}

async fn write_back(tx: &mut Transaction<'_, Any>, one: &WriteBack) -> Result<(), StoreError> {
    // The writer carries out one after the other whatever concerns the administration, so nobody comes between.
    let equal = sqlx::query(
        "SELECT id FROM kb_entry WHERE answer_key = $1 AND unit = $2 AND items = $3 \
         AND (retired_at IS NULL OR retired_at > $4) AND (open_no IS NOT NULL OR live_no IS NOT NULL) \
         ORDER BY created_at, id LIMIT 1",
    )
    .bind(key(&one.content.answer))
    .bind(one.unit.clone())
    .bind(joined(&one.content.items))
    .bind(one.at.0)
    .fetch_optional(&mut **tx)
    .await?;
    let count = count(tx, COUNTED_AS).await?;
    let entry = match equal {
        Some(row) => row.try_get("id")?,
        None => {
            let mut head = Head::new(one.id.clone(), one.unit.clone());
            head.open = Some((1, OpenState::InReview));
            let entry = KnowledgeEntry {
                head,
                origin: Origin::WriteBack,
                question: one.content.question.clone(),
                items: one.content.items.clone(),
                sources: 0,
                created_at: one.at,
                changed_at: one.at,
            };
            put_entry(tx, &entry, &one.content, count).await?;
            let revision = KnowledgeRevision {
                entry: one.id.clone(),
                no: 1,
                state: RevisionState::InReview,
                content: one.content.clone(),
                authors: vec![one.agent],
                reviewer: None,
                reason: None,
                task: None,
                made_at: one.at,
                saved_at: one.at,
                submitted_at: Some(one.at),
                decided_at: None,
            };
            put_revision(tx, &revision).await?;
            one.id.clone()
        }
    };
    let is_new = sqlx::query(
        "INSERT INTO kb_source (entry, conversation, agent, at, question) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(entry.clone())
    .bind(one.conversation.to_string())
    .bind(one.agent.to_string())
    .bind(one.at.0)
    .bind(one.content.question.clone())
    .execute(&mut **tx)
    .await?
    .rows_affected()
        > 0;
    if is_new {
        let sql = "UPDATE kb_entry SET sources = sources + 1, count = $1 WHERE id = $2";
        sqlx::query(sql).bind(count).bind(entry).execute(&mut **tx).await?;
    }
    Ok(())
}

async fn tell(
    tx: &mut Transaction<'_, Any>,
    entry: &str,
    citizens: Option<&OutboxRow>,
    agents: &OutboxRow,
) -> Result<(), StoreError> {
    let sql =
        "SELECT conversation, agent, at, question AS asked FROM kb_source WHERE entry = $1 ORDER BY at, conversation";
    let sources = sqlx::query(sql).bind(entry.to_owned()).fetch_all(&mut **tx).await?;
    let sources = sources.iter().map(source).collect::<Result<Vec<_>, _>>()?;
    if let Some(tell) = citizens {
        // Without a question the thread is gone.
        for source in sources.iter().filter(|source| !source.question.is_empty()) {
            let row = OutboxRow {
                id: outbox::new_id(),
                addressee: source.conversation.to_string(),
                detail: outbox::with_question(&tell.detail, &source.question)?,
                ..tell.clone()
            };
            outbox::insert(tx, &row).await?;
        }
    }
    let names: BTreeSet<AgentId> = sources.iter().map(|source| source.agent).collect();
    for agent in names {
        let row = OutboxRow { id: outbox::new_id(), addressee: agent.to_string(), ..agents.clone() };
        outbox::insert(tx, &row).await?;
    }
    Ok(())
}

async fn put_point(tx: &mut Transaction<'_, Any>, row: &PointRow) -> Result<(), StoreError> {
    let sql = if row.version == 1 {
        "INSERT INTO review_point (id, item, situation, place, version, body, changed_at, changed_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
    } else {
        "UPDATE review_point SET item = $2, situation = $3, place = $4, version = $5, body = $6, changed_at = $7, \
         changed_by = $8 WHERE id = $1 AND version = $5 - 1"
    };
    let done = sqlx::query(sql)
        .bind(row.id.clone())
        .bind(row.point.item.clone())
        .bind(row.point.situation.clone())
        .bind(i64::from(row.place))
        .bind(number(row.version))
        .bind(json(&row.point)?)
        .bind(row.changed_at.0)
        .bind(row.changed_by.to_string())
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 0 { Err(StoreError::KnowledgeOutdated(row.id.clone())) } else { Ok(()) }
}

/// What was asked goes with the thread; that an answer came from it stays.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, conversation: &str) -> Result<(), StoreError> {
    let sql = "UPDATE kb_source SET question = '' WHERE conversation = $1";
    sqlx::query(sql).bind(conversation.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

fn span(row: &AnyRow, no: &str, from: &str, to: &str) -> Result<Option<Span>, StoreError> {
    let no = row.try_get::<Option<i64>, _>(no)?.and_then(|no| u32::try_from(no).ok());
    let to = optional_instant(row, to)?;
    Ok(no.zip(optional_instant(row, from)?).map(|(no, from)| Span { no, from, to }))
}

fn entry(row: &AnyRow) -> Result<KnowledgeEntry, StoreError> {
    const T: &str = "kb_entry";
    let open = row.try_get::<Option<i64>, _>("open_no")?.and_then(|no| u32::try_from(no).ok());
    let items: String = row.try_get("items")?;
    Ok(KnowledgeEntry {
        head: Head {
            id: row.try_get("id")?,
            unit: row.try_get("unit")?,
            version: unsigned(row, "version")?,
            last: unsigned(row, "last_no")?,
            open: open.zip(optional_word(T, row, "open_state", OpenState::parse)?),
            live: span(row, "live_no", "live_from", "live_to")?,
            before: span(row, "before_no", "before_from", "before_to")?,
            retired_at: optional_instant(row, "retired_at")?,
        },
        origin: word(T, row, "origin", Origin::parse)?,
        question: row.try_get("question")?,
        items: items.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect(),
        sources: unsigned(row, "sources")?,
        created_at: instant(row, "created_at")?,
        changed_at: instant(row, "changed_at")?,
    })
}

fn from_json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    let corrupt = |error| StoreError::Corrupt { table: "kb_revision", what: format!("{column}: {error}") };
    serde_json::from_str(&text).map_err(corrupt)
}

fn revision(row: &AnyRow) -> Result<KnowledgeRevision, StoreError> {
    const T: &str = "kb_revision";
    Ok(KnowledgeRevision {
        entry: row.try_get("entry")?,
        no: unsigned(row, "no")?,
        state: word(T, row, "state", RevisionState::parse)?,
        content: from_json(row, "content")?,
        authors: from_json(row, "authors")?,
        reviewer: optional_id(T, row, "reviewer")?,
        reason: row.try_get("reason")?,
        task: row.try_get("task")?,
        made_at: instant(row, "made_at")?,
        saved_at: instant(row, "saved_at")?,
        submitted_at: optional_instant(row, "submitted_at")?,
        decided_at: optional_instant(row, "decided_at")?,
    })
}

fn source(row: &AnyRow) -> Result<SourceRow, StoreError> {
    const T: &str = "kb_source";
    Ok(SourceRow {
        conversation: id(T, row, "conversation")?,
        agent: id(T, row, "agent")?,
        at: instant(row, "at")?,
        question: row.try_get("asked")?,
    })
}

fn point(row: &AnyRow) -> Result<PointRow, StoreError> {
    Ok(PointRow {
        id: row.try_get("id")?,
        version: unsigned(row, "version")?,
        place: unsigned(row, "place")?,
        point: from_json(row, "body")?,
        changed_at: instant(row, "changed_at")?,
        changed_by: id("review_point", row, "changed_by")?,
    })
}

/// A word as a pattern of `LIKE` whose escape is `\`.
fn pattern(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

impl Store {
    /// An entry.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM kb_entry e WHERE e.id = $1");
        let row = sqlx::query(sql).bind(id.to_owned()).fetch_optional(&self.readers).await?;
        row.as_ref().map(entry).transpose()
    }

    /// A revision.
    pub async fn knowledge_revision(&self, entry: &str, no: u32) -> Result<Option<KnowledgeRevision>, StoreError> {
        let sql = concat!("SELECT ", revision_columns!(), " FROM kb_revision r WHERE r.entry = $1 AND r.no = $2");
        let row = sqlx::query(sql).bind(entry.to_owned()).bind(i64::from(no)).fetch_optional(&self.readers).await?;
        row.as_ref().map(revision).transpose()
    }

    /// An entry's revisions, the newest first, at most 200.
    pub async fn knowledge_revisions(&self, entry: &str) -> Result<Vec<KnowledgeRevision>, StoreError> {
        let sql = concat!(
            "SELECT ",
            revision_columns!(),
            " FROM kb_revision r WHERE r.entry = $1 ORDER BY r.no DESC LIMIT $2"
        );
        let rows = sqlx::query(sql).bind(entry.to_owned()).bind(REVISIONS).fetch_all(&self.readers).await?;
        rows.iter().map(revision).collect()
    }

    /// Where an entry comes from, the newest first.
    pub async fn knowledge_sources(&self, entry: &str, limit: u32) -> Result<Vec<SourceRow>, StoreError> {
        let sql = "SELECT conversation, agent, at, question AS asked FROM kb_source WHERE entry = $1 \
                   ORDER BY at DESC, conversation DESC LIMIT $2";
        let rows = sqlx::query(sql).bind(entry.to_owned()).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter().map(source).collect()
    }

    /// What became of what somebody wrote back, the newest first.
    pub async fn written_back(
        &self,
        agent: AgentId,
        before: Option<(Timestamp, ConversationId)>,
        limit: u32,
    ) -> Result<Vec<WrittenBack>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            ", s.conversation, s.agent, s.at, s.question AS asked, (SELECT r.reason FROM kb_revision r \
             WHERE r.entry = e.id AND r.no = e.open_no AND r.state = 'draft') AS reason \
             FROM kb_source s JOIN kb_entry e ON e.id = s.entry WHERE s.agent = $1 \
             AND (s.at < $2 OR (s.at = $2 AND s.conversation < $3)) ORDER BY s.at DESC, s.conversation DESC LIMIT $4"
        );
        let (at, conversation) = before.map_or((i64::MAX, String::new()), |(at, id)| (at.0, id.to_string()));
        let rows = sqlx::query(sql)
            .bind(agent.to_string())
            .bind(at)
            .bind(conversation)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Ok(WrittenBack { source: source(row)?, entry: entry(row)?, reason: row.try_get("reason")? }))
            .collect()
    }

    /// When somebody wrote back the answer of a conversation; `None`: they did not.
    pub async fn written_back_of(
        &self,
        agent: AgentId,
        conversation: ConversationId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT at FROM kb_source WHERE agent = $1 AND conversation = $2 LIMIT 1";
        let row = sqlx::query(sql)
            .bind(agent.to_string())
            .bind(conversation.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| instant(&row, "at")).transpose()
    }

    /// Entries, the last changed first.
    pub async fn knowledge(&self, query: &KnowledgeQuery, limit: u32) -> Result<Vec<KnowledgeEntry>, StoreError> {
        let mut sql = concat!(
            "SELECT ",
            columns!(),
            " FROM kb_entry e WHERE (e.changed_at < $3 OR (e.changed_at = $3 AND e.id < $4)) AND ($1 = '' OR ",
            state!(),
            " = $1) AND ($5 = '' OR e.open_state = $5) AND ($6 = '' OR e.items LIKE $6 ESCAPE '\\') \
             AND ($7 = '' OR e.origin = $7) AND e.words LIKE $8 ESCAPE '\\' AND e.words LIKE $9 ESCAPE '\\' \
             AND e.words LIKE $10 ESCAPE '\\' AND e.words LIKE $11 ESCAPE '\\' AND e.words LIKE $12 ESCAPE '\\'"
        )
        .to_owned();
        let units = one_of(&mut sql, "e.unit", 14, query.units.as_deref());
        sql += " ORDER BY e.changed_at DESC, e.id DESC LIMIT $13";
        let (at, id) = query.before.clone().map_or((i64::MAX, String::new()), |(at, id)| (at.0, id));
        let mut found = sqlx::query(AssertSqlSafe(sql))
            .bind(query.state.map_or("", |(state, _)| state.as_str()))
            .bind(query.state.map_or(0, |(_, at)| at.0))
            .bind(at)
            .bind(id)
            .bind(query.open.map_or("", OpenState::as_str))
            .bind(query.item.as_ref().map(|item| pattern(&format!(",{item},"))).unwrap_or_default())
            .bind(query.origin.map_or("", Origin::as_str));
        for n in 0..MOST_WORDS {
            found = found.bind(query.words.get(n).map_or_else(|| "%".to_owned(), |word| pattern(word)));
        }
        found = found.bind(i64::from(limit));
        for unit in units {
            found = found.bind(unit);
        }
        found.fetch_all(&self.readers).await?.iter().map(entry).collect()
    }

    /// How many entries of each unit stand where at an instant.
    pub async fn knowledge_counts(
        &self,
        units: Option<&[String]>,
        at: Timestamp,
    ) -> Result<Vec<KnowledgeCount>, StoreError> {
        let mut inner =
            concat!("SELECT e.unit, e.open_state, ", state!(), " AS state FROM kb_entry e WHERE $1 = ''").to_owned();
        let units = one_of(&mut inner, "e.unit", 3, units);
        let sql = format!(
            "SELECT unit, state, COUNT(*) AS entries, \
             CAST(SUM(CASE WHEN open_state = 'in_review' THEN 1 ELSE 0 END) AS BIGINT) AS in_review \
             FROM ({inner}) AS seen GROUP BY unit, state ORDER BY unit, state"
        );
        let mut found = sqlx::query(AssertSqlSafe(sql)).bind("").bind(at.0);
        for unit in units {
            found = found.bind(unit);
        }
        let rows = found.fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(KnowledgeCount {
                    unit: row.try_get("unit")?,
                    state: word("kb_entry", row, "state", EntryState::parse)?,
                    entries: unsigned(row, "entries")?,
                    in_review: unsigned(row, "in_review")?,
                })
            })
            .collect()
    }

    /// Entries that have changed since a count of changes, with those of their revisions that hold or will hold, and those that agents wrote
    /// back and that wait for a second person. And the count that this is the state of.
    pub async fn knowledge_changed(
        &self,
        since: u64,
    ) -> Result<(u64, Vec<(KnowledgeEntry, Vec<KnowledgeRevision>)>), StoreError> {
        // The count is read first: what comes between is read once more.
        let row = sqlx::query("SELECT count FROM change_count WHERE what = $1")
            .bind(COUNTED_AS)
            .fetch_optional(&self.readers)
            .await?;
        let count = row.map_or(Ok(0), |row| unsigned(&row, "count"))?;
        if count == since {
            return Ok((count, Vec::new()));
        }
        let sql = concat!("SELECT ", columns!(), " FROM kb_entry e WHERE e.count > $1 ORDER BY e.id");
        let rows = sqlx::query(sql).bind(number(since)).fetch_all(&self.readers).await?;
        let heads = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let sql = concat!(
            "SELECT ",
            revision_columns!(),
            " FROM kb_revision r JOIN kb_entry e ON e.id = r.entry WHERE e.count > $1 \
             AND (r.no = e.live_no OR r.no = e.before_no OR (r.no = e.open_no AND e.open_state = 'in_review' \
             AND e.origin = 'write_back' AND e.live_no IS NULL))"
        );
        let rows = sqlx::query(sql).bind(number(since)).fetch_all(&self.readers).await?;
        let mut revisions: BTreeMap<String, Vec<KnowledgeRevision>> = BTreeMap::new();
        for row in &rows {
            let one = revision(row)?;
            revisions.entry(one.entry.clone()).or_default().push(one);
        }
        let with = |head: KnowledgeEntry| {
            let own = revisions.remove(&head.head.id).unwrap_or_default();
            (head, own)
        };
        Ok((count, heads.into_iter().map(with).collect()))
    }

    /// An item's review points, in their order.
    pub async fn review_points(&self, item: &str, limit: u32) -> Result<Vec<PointRow>, StoreError> {
        let sql = "SELECT id, version, place, body, changed_at, changed_by FROM review_point WHERE item = $1 \
                   ORDER BY place, id LIMIT $2";
        let rows = sqlx::query(sql).bind(item.to_owned()).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter().map(point).collect()
    }

    /// Review points of all items after one of them, by their ids.
    pub async fn all_review_points(&self, after: &str, limit: u32) -> Result<Vec<PointRow>, StoreError> {
        let sql = "SELECT id, version, place, body, changed_at, changed_by FROM review_point WHERE id > $1 \
                   ORDER BY id LIMIT $2";
        let rows = sqlx::query(sql).bind(after.to_owned()).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter().map(point).collect()
    }

    /// A review point.
    pub async fn review_point(&self, id: &str) -> Result<Option<PointRow>, StoreError> {
        let sql = "SELECT id, version, place, body, changed_at, changed_by FROM review_point WHERE id = $1";
        let row = sqlx::query(sql).bind(id.to_owned()).fetch_optional(&self.readers).await?;
        row.as_ref().map(point).transpose()
    }
}
