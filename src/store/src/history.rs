//! The event log and what belongs to it: ledger and receipts of one conversation.

use bangban_domain::{
    ConversationId, history,
    words::{HandOnChannel, ReceiptState},
};
use serde_json::Value;
use sqlx::{Row, any::AnyRow};

use crate::{
    Author, Event, LedgerRow, ReceiptRow, Store, StoreError,
    read::{id, instant, ledger, optional_id, optional_instant, optional_word, word},
};

fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { table: "event", what: what.to_string() }
}

/// What a row carries beside the kind.
pub(crate) fn detail(event: &history::Event) -> Result<String, StoreError> {
    let mut json = serde_json::to_value(event).map_err(corrupt)?;
    Ok(json.get_mut("detail").map(Value::take).unwrap_or_default().to_string())
}

pub(crate) fn event(row: &AnyRow) -> Result<Event, StoreError> {
    let (kind, detail): (String, String) = (row.try_get("kind")?, row.try_get("detail")?);
    let detail: Value = serde_json::from_str(&detail).map_err(corrupt)?;
    Ok(Event {
        conversation: optional_id("event", row, "conversation")?,
        at: instant(row, "at")?,
        actor: word("event", row, "actor", Author::parse)?,
        what: serde_json::from_value(serde_json::json!({ "kind": kind, "detail": detail })).map_err(corrupt)?,
    })
}

pub(crate) fn receipt(row: &AnyRow) -> Result<ReceiptRow, StoreError> {
    const T: &str = "receipt";
    Ok(ReceiptRow {
        receipt: row.try_get("receipt")?,
        conversation: id(T, row, "conversation")?,
        hand_on: optional_word(T, row, "hand_on", HandOnChannel::parse)?,
        made_at: instant(row, "made_at")?,
        state: word(T, row, "state", ReceiptState::parse)?,
        settled_at: optional_instant(row, "settled_at")?,
        reminded_at: optional_instant(row, "reminded_at")?,
    })
}

impl Store {
    /// The events of a conversation in the order in which they were committed; `history::History::replay` takes them.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn events_of(&self, conversation: ConversationId) -> Result<Vec<Event>, StoreError> {
        let sql = "SELECT id, conversation, at, actor, kind, detail FROM event \
                   WHERE conversation = $1 AND kind <> 'reply_kept' \
                   UNION ALL SELECT e.id, e.conversation, e.at, e.actor, e.kind, e.detail FROM promise p \
                   JOIN event e ON e.id = p.kept WHERE p.thread = (SELECT no FROM conversation WHERE id = $1) ORDER BY 1";
        let rows = sqlx::query(sql).bind(conversation.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(event).collect()
    }

    /// All clocks of a conversation, in order.
    pub async fn ledger_of(&self, conversation: ConversationId) -> Result<Vec<LedgerRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT conversation, no, promise, policy, policy_version, team, asked_at, due_at, step, breached_at, answered_at, left_at FROM ledger \
             WHERE conversation = $1 ORDER BY no",
        )
        .bind(conversation.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(ledger).collect()
    }

    /// All receipts of a conversation, in order of making.
    pub async fn receipts_of(&self, conversation: ConversationId) -> Result<Vec<ReceiptRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT receipt, conversation, hand_on, made_at, state, settled_at, reminded_at FROM receipt \
             WHERE conversation = $1 ORDER BY made_at, receipt",
        )
        .bind(conversation.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(receipt).collect()
    }

    /// All receipts whose promise still stands: what a starting server keeps in memory.
    pub async fn open_receipts(&self) -> Result<Vec<ReceiptRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT receipt, conversation, hand_on, made_at, state, settled_at, reminded_at FROM receipt \
             WHERE state = 'open' ORDER BY made_at, receipt",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(receipt).collect()
    }
}
