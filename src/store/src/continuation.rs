//! One-time codes for a second device, and whether the tokens that we gave are still worth something.

use bangban_domain::{CitizenId, ContinuationId, ConversationId, Timestamp};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Store, StoreError,
    place::Engine,
    read::{id, instant, optional_instant},
    sql::{Statements, padded},
};

/// One way to a second device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContinuationRow {
    /// Id.
    pub id: ContinuationId,
    /// The conversation to go on with.
    pub conversation: ConversationId,
    /// Whose.
    pub citizen: CitizenId,
    /// What the long code gives with the server's secret.
    pub code: String,
    /// What the short code gives with it.
    pub short_code: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The codes can be used before.
    pub expires_at: Timestamp,
    /// End of the token that they give.
    pub token_until: Timestamp,
    /// Use.
    pub redeemed_at: Option<Timestamp>,
    /// End before its time.
    pub revoked_at: Option<Timestamp>,
}

/// A change of such a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContinuationChange {
    /// A new one. Earlier ones of the same citizen for the same conversation that were not used end by it, and those whose
    /// tokens are over are deleted.
    New(ContinuationRow),
    /// Used. Refused with [`StoreError::CodeGone`] if it was used or taken back before, or its time is over: of two that use
    /// the same code at the same time, one succeeds.
    Redeem {
        /// Which.
        id: ContinuationId,
        /// When.
        at: Timestamp,
    },
    /// Taken back; once.
    Revoke {
        /// Which.
        id: ContinuationId,
        /// When.
        at: Timestamp,
    },
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &ContinuationChange) -> Result<(), StoreError> {
    match change {
        ContinuationChange::New(row) => {
            sqlx::query("DELETE FROM continuation WHERE token_until <= $1")
                .bind(row.made_at.0)
                .execute(&mut **tx)
                .await?;
            sqlx::query(
                "UPDATE continuation SET revoked_at = $1 WHERE conversation = $2 AND citizen = $3 \
                 AND redeemed_at IS NULL AND revoked_at IS NULL",
            )
            .bind(row.made_at.0)
            .bind(row.conversation.to_string())
            .bind(row.citizen.to_string())
            .execute(&mut **tx)
            .await?;
            sqlx::query(
                "INSERT INTO continuation (id, conversation, citizen, code, short_code, made_at, expires_at, \
                 token_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(row.id.to_string())
            .bind(row.conversation.to_string())
            .bind(row.citizen.to_string())
            .bind(row.code.clone())
            .bind(row.short_code.clone())
            .bind(row.made_at.0)
            .bind(row.expires_at.0)
            .bind(row.token_until.0)
            .execute(&mut **tx)
            .await?;
        }
        ContinuationChange::Redeem { id, at } => {
            let done = sqlx::query(
                "UPDATE continuation SET redeemed_at = $1 WHERE id = $2 AND redeemed_at IS NULL \
                 AND revoked_at IS NULL AND expires_at > $1",
            )
            .bind(at.0)
            .bind(id.to_string())
            .execute(&mut **tx)
            .await?;
            if done.rows_affected() != 1 {
                return Err(StoreError::CodeGone);
            }
        }
        ContinuationChange::Revoke { id, at } => {
            sqlx::query("UPDATE continuation SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
                .bind(at.0)
                .bind(id.to_string())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// Keeps the column list and the row reader together; `$rest` is what follows FROM.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, conversation, citizen, code, short_code, made_at, expires_at, token_until, redeemed_at, \
             revoked_at FROM continuation ",
            $rest
        )
    };
}

fn continuation(row: &AnyRow) -> Result<ContinuationRow, StoreError> {
    const T: &str = "continuation";
    Ok(ContinuationRow {
        id: id(T, row, "id")?,
        conversation: id(T, row, "conversation")?,
        citizen: id(T, row, "citizen")?,
        code: row.try_get("code")?,
        short_code: row.try_get("short_code")?,
        made_at: instant(row, "made_at")?,
        expires_at: instant(row, "expires_at")?,
        token_until: instant(row, "token_until")?,
        redeemed_at: optional_instant(row, "redeemed_at")?,
        revoked_at: optional_instant(row, "revoked_at")?,
    })
}

impl Store {
    /// One way to a second device.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn continuation(&self, id: ContinuationId) -> Result<Option<ContinuationRow>, StoreError> {
        let row = sqlx::query(select!("WHERE id = $1")).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(continuation).transpose()
    }

    /// The one that a code, long or short, belongs to, used or not.
    pub async fn continuation_by_code(&self, code: &str) -> Result<Option<ContinuationRow>, StoreError> {
        let row = sqlx::query(select!("WHERE code = $1 OR short_code = $1"))
            .bind(code.to_owned())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(continuation).transpose()
    }

    /// Which of these have been taken back, or are not there any more because their tokens are over.
    pub async fn revoked_among(&self, ids: &[ContinuationId]) -> Result<Vec<ContinuationId>, StoreError> {
        let mut standing = std::collections::HashSet::with_capacity(ids.len());
        // `$n` is understood by both databases.
        let mut statements = Statements::new(Engine::Postgres);
        for some in padded(ids) {
            let some: Vec<_> = some.collect();
            let mut query = statements.over_rows(
                "WITH wanted (id) AS (VALUES ",
                some.len(),
                1,
                ") SELECT id FROM continuation WHERE revoked_at IS NULL AND id IN (SELECT id FROM wanted)",
            );
            for one in &some {
                query = query.bind(one.to_string());
            }
            for row in query.fetch_all(&self.readers).await? {
                standing.insert(id::<ContinuationId>("continuation", &row, "id")?);
            }
        }
        Ok(ids.iter().copied().filter(|id| !standing.contains(id)).collect())
    }

    /// Which of these visitors have turned out to be citizens.
    pub async fn claimed_among(&self, visitors: &[CitizenId]) -> Result<Vec<CitizenId>, StoreError> {
        let mut claimed = Vec::new();
        let mut statements = Statements::new(Engine::Postgres);
        for some in padded(visitors) {
            let some: Vec<_> = some.collect();
            let mut query = statements.over_rows(
                "WITH wanted (id) AS (VALUES ",
                some.len(),
                1,
                ") SELECT id FROM citizen WHERE claimed_by IS NOT NULL AND id IN (SELECT id FROM wanted)",
            );
            for one in &some {
                query = query.bind(one.to_string());
            }
            for row in query.fetch_all(&self.readers).await? {
                claimed.push(id("citizen", &row, "id")?);
            }
        }
        Ok(claimed)
    }
}
