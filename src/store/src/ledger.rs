//! The ledger: what was promised to whom, what became of it, and what was corrected.

use std::sync::Arc;

use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    ledger::{PolicyRef, Promise, Promised, Running, Terms},
};
use serde::{Deserialize, Serialize};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Author, Store, StoreError,
    read::{id, instant, optional_instant, policy, unsigned, word},
};

/// What a correction says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answered at this instant.
    Answered(Timestamp),
    /// In no figure.
    Excused,
    /// What was measured counts again.
    Withdrawn,
}

impl Verdict {
    /// As in rows and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::Excused => "excused",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The instant that counts.
    #[must_use]
    pub const fn answered_at(self) -> Option<Timestamp> {
        match self {
            Self::Answered(at) => Some(at),
            Self::Excused | Self::Withdrawn => None,
        }
    }
}

/// A correction of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectionRow {
    /// Whose.
    pub conversation: ConversationId,
    /// Of what.
    pub promise: Promise,
    /// Which one.
    pub no: u32,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Author,
    /// What counts.
    pub verdict: Verdict,
    /// Why; empty once the thread was deleted.
    pub reason: String,
}

/// A row of the ledger with all that explains it.
#[derive(Debug, Clone, PartialEq)]
pub struct PromiseRow {
    /// Of what.
    pub promise: Promise,
    /// 1, 2, ...: next responses are counted apart from requests for a human.
    pub no: u32,
    /// Begin.
    pub asked_at: Timestamp,
    /// End.
    pub due_at: Timestamp,
    /// When it was due before a year's holidays were published.
    pub due_before: Option<Timestamp>,
    /// By which policy; `None`: the configuration's.
    pub policy: Option<PolicyRef>,
    /// Of a next response: the service time that is counted, and the steps.
    pub terms: Option<Terms>,
    /// Of a next response: how many steps were reached.
    pub reached: u32,
    /// Of the others: when the agent was warned, supervisors alerted, the promise broken.
    pub stepped: [Option<Timestamp>; 3],
    /// What counts.
    pub answered_at: Option<Timestamp>,
    /// Who answered.
    pub answered_by: Option<AgentId>,
    /// Left, or not owed any more.
    pub left_at: Option<Timestamp>,
    /// What was measured, if it was corrected.
    pub measured_at: Option<Timestamp>,
    /// When it was corrected.
    pub corrected_at: Option<Timestamp>,
    /// Is it in no figure?
    pub is_excused: bool,
}

impl PromiseRow {
    /// Does it still run? Then there is nothing to correct yet.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.answered_at.is_none() && self.left_at.is_none() && self.corrected_at.is_none()
    }
}

/// A left message and its slot.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotRow {
    /// The receipt.
    pub receipt: String,
    /// Begin.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// A human's response.
    pub answered_at: Option<Timestamp>,
    /// Taken back by the citizen, or dealt with.
    pub settled_at: Option<Timestamp>,
}

/// All that was promised in one conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerOf {
    /// By when they were asked for.
    pub rows: Vec<PromiseRow>,
    /// Call-backs.
    pub slots: Vec<SlotRow>,
    /// In their order.
    pub corrections: Vec<CorrectionRow>,
}

/// The column `owes` of an entry: the next response that begins with it. Until something follows from it, or it is over, it
/// stands nowhere else.
#[derive(Serialize, Deserialize)]
pub(crate) struct Asking<P = Arc<Promised>> {
    pub(crate) no: u32,
    pub(crate) asked_at: Timestamp,
    pub(crate) promised: P,
}

impl Asking {
    pub(crate) fn text(no: u32, asked_at: Timestamp, promised: &Promised) -> Result<String, StoreError> {
        serde_json::to_string(&Asking { no, asked_at, promised }).map_err(|error| corrupt(&error))
    }

    pub(crate) fn read(row: &AnyRow) -> Result<Option<Self>, StoreError> {
        let text: Option<String> = row.try_get("owes")?;
        text.map(|text| serde_json::from_str(&text).map_err(|error| corrupt(&error))).transpose()
    }
}

/// Of a conversation `c` with humans: the last promise of its rows, and the last one of its thread.
macro_rules! select_asking {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, COALESCE((SELECT MAX(p.no) FROM promise p WHERE p.thread = c.no), 0) AS told, \
             (SELECT e.owes FROM entry e WHERE e.conversation = c.no AND e.lane = 0 AND e.owes IS NOT NULL \
             ORDER BY e.seq DESC LIMIT 1) AS owes \
             FROM conversation c WHERE c.stage IN ('waiting', 'offered', 'serving')",
            $rest
        )
    };
}

/// The open promise that only the thread has.
fn untold(row: &AnyRow) -> Result<Option<(ConversationId, Asking)>, StoreError> {
    let told: u32 = unsigned(row, "told")?;
    let asking = Asking::read(row)?.filter(|asking| asking.no > told);
    asking.map(|asking| Ok((id("conversation", row, "id")?, asking))).transpose()
}

pub(crate) fn terms_text(terms: &Terms) -> Result<String, StoreError> {
    serde_json::to_string(terms).map_err(|error| corrupt(&error))
}

fn corrupt(error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt { table: "promise", what: error.to_string() }
}

fn terms(row: &AnyRow) -> Result<Terms, StoreError> {
    serde_json::from_str(&row.try_get::<String, _>("terms")?).map_err(|error| corrupt(&error))
}

fn agent(row: &AnyRow) -> Result<Option<AgentId>, StoreError> {
    Ok(row.try_get::<Option<String>, _>("answered_by")?.and_then(|id| id.parse().ok()))
}

pub(crate) async fn correct(tx: &mut Transaction<'_, Any>, row: &CorrectionRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ledger_correction (conversation, promise, no, made_at, made_by, verdict, answered_at, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.conversation.to_string())
    .bind(row.promise.as_str())
    .bind(i64::from(row.no))
    .bind(row.at.0)
    .bind(row.by.text().into_owned())
    .bind(row.verdict.as_str())
    .bind(row.verdict.answered_at().map(|at| at.0))
    .bind(row.reason.clone())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn first_response(row: &AnyRow) -> Result<PromiseRow, StoreError> {
    Ok(PromiseRow {
        promise: word("ledger", row, "promise", Promise::parse)?,
        no: unsigned(row, "no")?,
        asked_at: instant(row, "asked_at")?,
        due_at: instant(row, "due_at")?,
        due_before: None,
        policy: policy(row)?,
        terms: None,
        reached: 0,
        stepped: [
            optional_instant(row, "warned_at")?,
            optional_instant(row, "alerted_at")?,
            optional_instant(row, "breached_at")?,
        ],
        answered_at: optional_instant(row, "answered_at")?,
        answered_by: agent(row)?,
        left_at: optional_instant(row, "left_at")?,
        measured_at: optional_instant(row, "measured_at")?,
        corrected_at: optional_instant(row, "corrected_at")?,
        is_excused: optional_instant(row, "excused_at")?.is_some(),
    })
}

fn next_response(row: &AnyRow) -> Result<PromiseRow, StoreError> {
    let terms = terms(row)?;
    Ok(PromiseRow {
        promise: Promise::NextResponse,
        no: unsigned(row, "no")?,
        asked_at: instant(row, "asked_at")?,
        due_at: instant(row, "due_at")?,
        due_before: optional_instant(row, "due_before")?,
        policy: terms.policy.clone(),
        terms: Some(terms),
        reached: unsigned(row, "step")?,
        stepped: [None; 3],
        answered_at: optional_instant(row, "answered_at")?,
        answered_by: agent(row)?,
        left_at: optional_instant(row, "left_at")?,
        measured_at: optional_instant(row, "measured_at")?,
        corrected_at: optional_instant(row, "corrected_at")?,
        is_excused: optional_instant(row, "excused_at")?.is_some(),
    })
}

/// A next response from which nothing has followed yet.
fn running(Asking { no, asked_at, promised }: Asking) -> PromiseRow {
    let terms = promised.terms.clone();
    PromiseRow {
        promise: Promise::NextResponse,
        no,
        asked_at,
        due_at: terms.due_at(),
        due_before: None,
        policy: terms.policy.clone(),
        terms: Some(terms),
        reached: 0,
        stepped: [None; 3],
        answered_at: None,
        answered_by: None,
        left_at: None,
        measured_at: None,
        corrected_at: None,
        is_excused: false,
    }
}

fn slot(row: &AnyRow) -> Result<SlotRow, StoreError> {
    Ok(SlotRow {
        receipt: row.try_get("receipt")?,
        starts_at: instant(row, "slot_starts_at")?,
        ends_at: instant(row, "slot_ends_at")?,
        answered_at: optional_instant(row, "answered_at")?,
        settled_at: optional_instant(row, "settled_at")?,
    })
}

fn correction(row: &AnyRow) -> Result<CorrectionRow, StoreError> {
    let verdict = match (row.try_get::<String, _>("verdict")?.as_str(), optional_instant(row, "answered_at")?) {
        ("answered", Some(at)) => Verdict::Answered(at),
        ("excused", _) => Verdict::Excused,
        ("withdrawn", _) => Verdict::Withdrawn,
        (other, _) => {
            return Err(StoreError::Corrupt { table: "ledger_correction", what: format!("verdict is {other:?}") });
        }
    };
    Ok(CorrectionRow {
        conversation: id("ledger_correction", row, "conversation")?,
        promise: word("ledger_correction", row, "promise", Promise::parse)?,
        no: unsigned(row, "no")?,
        at: instant(row, "made_at")?,
        by: word("ledger_correction", row, "made_by", Author::parse)?,
        verdict,
        reason: row.try_get("reason")?,
    })
}

impl Store {
    /// The open next responses, each with the steps that it has reached.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn open_promises(&self) -> Result<Vec<(ConversationId, Running)>, StoreError> {
        let sql = "SELECT conversation, no, asked_at, terms, step FROM promise \
                   WHERE answered_at IS NULL AND left_at IS NULL";
        let rows = sqlx::query(sql).fetch_all(&self.readers).await?;
        let threads = sqlx::query(select_asking!("")).fetch_all(&self.readers).await?;
        let told = |row: &AnyRow| {
            let running = Running {
                no: unsigned(row, "no")?,
                asked_at: instant(row, "asked_at")?,
                terms: terms(row)?,
                reached: usize::try_from(row.try_get::<i64, _>("step")?).unwrap_or_default(),
            };
            Ok((id("promise", row, "conversation")?, running))
        };
        let mut running = rows.iter().map(told).collect::<Result<Vec<_>, StoreError>>()?;
        for row in &threads {
            running.extend(untold(row)?.map(|(id, Asking { no, asked_at, promised })| {
                (id, Running { no, asked_at, terms: promised.terms.clone(), reached: 0 })
            }));
        }
        Ok(running)
    }

    /// All that was promised in a conversation, and what was corrected.
    pub async fn promises_of(&self, conversation: ConversationId) -> Result<LedgerOf, StoreError> {
        let key = conversation.to_string();
        let sql = "SELECT promise, no, asked_at, due_at, policy, policy_version, warned_at, alerted_at, breached_at, \
                   answered_at, answered_by, left_at, measured_at, corrected_at, excused_at \
                   FROM ledger WHERE conversation = $1";
        let requests = sqlx::query(sql).bind(key.clone()).fetch_all(&self.readers).await?;
        let sql = "SELECT no, asked_at, due_at, due_before, terms, step, answered_at, answered_by, left_at, measured_at, \
                   corrected_at, excused_at FROM promise WHERE thread = (SELECT no FROM conversation WHERE id = $1)";
        let replies = sqlx::query(sql).bind(key.clone()).fetch_all(&self.readers).await?;
        let sql = select_asking!(" AND c.id = $1");
        let thread = sqlx::query(sql).bind(key.clone()).fetch_optional(&self.readers).await?;
        let open = thread.as_ref().map(untold).transpose()?.flatten();
        let sql = "SELECT receipt, slot_starts_at, slot_ends_at, answered_at, settled_at FROM figure_message \
                   WHERE conversation = $1 ORDER BY made_at, receipt";
        let slots = sqlx::query(sql).bind(key.clone()).fetch_all(&self.readers).await?;
        let sql = "SELECT conversation, promise, no, made_at, made_by, verdict, answered_at, reason FROM ledger_correction \
                   WHERE conversation = $1 ORDER BY made_at";
        let corrections = sqlx::query(sql).bind(key).fetch_all(&self.readers).await?;
        let rows = requests.iter().map(first_response).chain(replies.iter().map(next_response));
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        rows.extend(open.map(|(_, asking)| running(asking)));
        rows.sort_by_key(|row| (row.asked_at, row.promise, row.no));
        Ok(LedgerOf {
            rows,
            slots: slots.iter().map(slot).collect::<Result<_, _>>()?,
            corrections: corrections.iter().map(correction).collect::<Result<_, _>>()?,
        })
    }
}
