//! Actions that a citizen confirmed. A row is there before the office is asked, and is settled once: whoever comes second, or
//! too late, is refused, with everything else in their unit.

use bangban_domain::{
    ActionId, CitizenId, ConversationId, Timestamp,
    action::{ActionState, Walk},
};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Store, StoreError,
    read::{id, instant, optional_instant, unsigned, word},
};

const T: &str = "action";

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRow {
    /// The key by which the office knows it.
    pub id: ActionId,
    /// Where it was confirmed.
    pub conversation: ConversationId,
    /// Position of the entry that was confirmed.
    pub asked_seq: u64,
    /// For whom.
    pub citizen: CitizenId,
    /// What.
    pub walk: Walk,
    /// Where it stands.
    pub state: ActionState,
    /// When it was confirmed.
    pub confirmed_at: Timestamp,
    /// When it is looked up next.
    pub due_at: Timestamp,
    /// How often it was.
    pub looks: u32,
    /// When it was over.
    pub settled_at: Option<Timestamp>,
}

/// A change of actions. Refused with [`StoreError::ActionOutdated`] if it is not there any more for which it was meant.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionChange {
    /// Confirmed; refused if the same entry was confirmed before.
    Confirmed(Box<ActionRow>),
    /// Looked up without an end.
    Looked {
        /// Which.
        id: ActionId,
        /// Where it stands now: `Acting` or `Unknown`.
        state: ActionState,
        /// When it is looked up next.
        due_at: Timestamp,
    },
    /// Over.
    Settled {
        /// Which.
        id: ActionId,
        /// `Done` or `Failed`.
        state: ActionState,
        /// When.
        at: Timestamp,
    },
}

fn corrupt(error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt { table: T, what: format!("walk: {error}") }
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &ActionChange) -> Result<(), StoreError> {
    let (id, query) = match change {
        ActionChange::Confirmed(row) => {
            let walk = serde_json::to_string(&row.walk).map_err(|error| corrupt(&error))?;
            let sql = "INSERT INTO action (id, conversation, asked_seq, citizen, kind, walk, state, confirmed_at, due_at, \
                       looks) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
            let query = sqlx::query(sql)
                .bind(row.id.to_string())
                .bind(row.conversation.to_string())
                .bind(i64::try_from(row.asked_seq).unwrap_or(i64::MAX))
                .bind(row.citizen.to_string())
                .bind(row.walk.kind.as_str())
                .bind(walk)
                .bind(row.state.as_str())
                .bind(row.confirmed_at.0)
                .bind(row.due_at.0)
                .bind(i64::from(row.looks));
            (row.id, query)
        }
        ActionChange::Looked { id, state, due_at } => {
            let sql = "UPDATE action SET state = $1, due_at = $2, looks = looks + 1 \
                       WHERE id = $3 AND state IN ('acting', 'unknown')";
            (*id, sqlx::query(sql).bind(state.as_str()).bind(due_at.0).bind(id.to_string()))
        }
        ActionChange::Settled { id, state, at } => {
            let sql = "UPDATE action SET state = $1, settled_at = $2 WHERE id = $3 AND state IN ('acting', 'unknown')";
            (*id, sqlx::query(sql).bind(state.as_str()).bind(at.0).bind(id.to_string()))
        }
    };
    match query.execute(&mut **tx).await?.rows_affected() {
        0 => Err(StoreError::ActionOutdated(id)),
        _ => Ok(()),
    }
}

/// Of a conversation whose thread is deleted.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, conversation: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM action WHERE conversation = $1").bind(conversation.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

fn row(row: &AnyRow) -> Result<ActionRow, StoreError> {
    let walk: String = row.try_get("walk")?;
    Ok(ActionRow {
        id: id(T, row, "id")?,
        conversation: id(T, row, "conversation")?,
        asked_seq: unsigned(row, "asked_seq")?,
        citizen: id(T, row, "citizen")?,
        walk: serde_json::from_str(&walk).map_err(|error| corrupt(&error))?,
        state: word(T, row, "state", ActionState::parse)?,
        confirmed_at: instant(row, "confirmed_at")?,
        due_at: instant(row, "due_at")?,
        looks: unsigned(row, "looks")?,
        settled_at: optional_instant(row, "settled_at")?,
    })
}

macro_rules! actions {
    ($rest:literal) => {
        concat!(
            "SELECT id, conversation, asked_seq, citizen, walk, state, confirmed_at, due_at, looks, settled_at ",
            "FROM action ",
            $rest
        )
    };
}

impl Store {
    /// An action.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn action(&self, id: ActionId) -> Result<Option<ActionRow>, StoreError> {
        let found = sqlx::query(actions!("WHERE id = $1")).bind(id.to_string()).fetch_optional(&self.readers).await?;
        found.as_ref().map(row).transpose()
    }

    /// Actions without an end that are to be looked up, the longest due first.
    pub async fn actions_due(&self, now: Timestamp, most: u32) -> Result<Vec<ActionRow>, StoreError> {
        let sql = actions!("WHERE state IN ('acting', 'unknown') AND due_at <= $1 ORDER BY due_at, id LIMIT $2");
        let rows = sqlx::query(sql).bind(now.0).bind(i64::from(most)).fetch_all(&self.readers).await?;
        rows.iter().map(row).collect()
    }

    /// When the next one is to be looked up.
    pub async fn next_action(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT MIN(due_at) AS at FROM action WHERE state IN ('acting', 'unknown')";
        let found = sqlx::query(sql).fetch_one(&self.readers).await?;
        optional_instant(&found, "at")
    }

    /// How many actions a citizen has confirmed since then.
    pub async fn actions_since(&self, citizen: CitizenId, since: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) AS n FROM action WHERE citizen = $1 AND confirmed_at > $2";
        let found = sqlx::query(sql).bind(citizen.to_string()).bind(since.0).fetch_one(&self.readers).await?;
        unsigned(&found, "n")
    }
}
