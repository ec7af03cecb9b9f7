//! A citizen's own past: all conversations page by page, and one receipt with what belongs to it.

use std::collections::HashMap;

use bangban_domain::{CitizenId, ConversationId, Timestamp};

use crate::{
    ConversationRow, EntryRow, ReceiptRow, Store, StoreError,
    history::receipt,
    place::Engine,
    read::{conversation, entry, id, select_conversation},
    sql::{Statements, padded},
};

impl Store {
    /// A citizen's conversations, newest first; with `before` those that come after that one, which is theirs.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn past_of(
        &self,
        citizen: CitizenId,
        before: Option<&ConversationRow>,
        limit: u32,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        let query = match before {
            None => sqlx::query(select_conversation!("WHERE citizen = $1 ORDER BY opened_at DESC, id DESC LIMIT $2"))
                .bind(citizen.to_string())
                .bind(i64::from(limit)),
            Some(before) => sqlx::query(select_conversation!(
                "WHERE citizen = $1 AND (opened_at < $3 OR (opened_at = $3 AND id < $4)) \
                 ORDER BY opened_at DESC, id DESC LIMIT $2"
            ))
            .bind(citizen.to_string())
            .bind(i64::from(limit))
            .bind(before.opened_at.0)
            .bind(before.id.to_string()),
        };
        query.fetch_all(&self.readers).await?.iter().map(conversation).collect()
    }

    /// The ids of all of a citizen's conversations.
    pub async fn conversation_ids_of(&self, citizen: CitizenId) -> Result<Vec<ConversationId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM conversation WHERE citizen = $1 ORDER BY opened_at, id")
            .bind(citizen.to_string())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| id("conversation", row, "id")).collect()
    }

    /// The receipts of these conversations, each one's in order of making.
    pub async fn receipts_of_all(
        &self,
        conversations: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<ReceiptRow>>, StoreError> {
        // `$n` is understood by both databases.
        let mut statements = Statements::new(Engine::Postgres);
        let mut receipts: HashMap<_, Vec<ReceiptRow>> = HashMap::new();
        for ids in padded(conversations) {
            let ids: Vec<_> = ids.collect();
            let mut query = statements.over_rows(
                "WITH wanted (id) AS (VALUES ",
                ids.len(),
                1,
                ") SELECT receipt, conversation, hand_on, made_at, state, settled_at, reminded_at FROM receipt \
                 WHERE conversation IN (SELECT id FROM wanted) ORDER BY made_at, receipt",
            );
            for id in &ids {
                query = query.bind(id.to_string());
            }
            for row in query.fetch_all(&self.readers).await? {
                let row = receipt(&row)?;
                receipts.entry(row.conversation).or_default().push(row);
            }
        }
        Ok(receipts)
    }

    /// A receipt with its conversation. One question, whether there is such a receipt or not: how long it takes tells
    /// nobody which.
    pub async fn receipt(&self, number: &str) -> Result<Option<(ReceiptRow, ConversationRow)>, StoreError> {
        let row = sqlx::query(
            "SELECT r.receipt, r.conversation, r.hand_on, r.made_at, r.state, r.settled_at, r.reminded_at, \
             c.id, c.citizen, c.item, c.team, c.channel, c.stage, c.agent, c.outcome, c.stars, c.comment, c.opened_at, \
             c.closed_at, c.clock_no, c.slot_starts_at, c.slot_ends_at, c.call_back_phone, c.citizen_read, c.agent_read, \
             c.hall, c.ticket, c.head_start, c.at_head, c.last_agent FROM receipt r JOIN conversation c ON c.id = r.conversation WHERE r.receipt = $1",
        )
        .bind(number.to_owned())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| Ok((receipt(&row)?, conversation(&row)?))).transpose()
    }

    /// What staff have written in the shared lane from an instant on, oldest first.
    pub async fn said_by_staff(
        &self,
        conversation: ConversationId,
        from: Timestamp,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at, client_id, body FROM entry \
             WHERE conversation = (SELECT no FROM conversation WHERE id = $1) AND lane = 0 AND at >= $2 \
             AND author NOT IN ('citizen', 'bot', 'system') ORDER BY seq LIMIT $3",
        )
        .bind(conversation.to_string())
        .bind(from.0)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(entry).collect()
    }
}
