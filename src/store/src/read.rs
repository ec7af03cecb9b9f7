//! Reads. Every list is bounded, by its `limit` or by what is open at one time.

use std::{collections::HashMap, str::FromStr};

use bangban_domain::{
    AgentId, CitizenId, ConversationId, Timestamp,
    ledger::{PolicyRef, Promise},
    words::{Channel, CitizenKind, Language, Outcome, SlaStep, Stage},
};
use sqlx::{Row, any::AnyRow};

use crate::{
    CitizenRow, ConversationRow, EntryRow, Lane, LedgerRow, Store, StoreError,
    place::Engine,
    sql::{Statements, padded},
};

pub(crate) fn id<T: FromStr>(table: &'static str, row: &AnyRow, column: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Corrupt { table, what: format!("{column} is {text:?}") })
}

pub(crate) fn optional_id<T: FromStr>(
    table: &'static str,
    row: &AnyRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| StoreError::Corrupt { table, what: format!("{column} is {text:?}") }))
        .transpose()
}

pub(crate) fn word<T>(
    table: &'static str,
    row: &AnyRow,
    column: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    parse(&text).ok_or_else(|| StoreError::Corrupt { table, what: format!("{column} is {text:?}") })
}

pub(crate) fn optional_word<T>(
    table: &'static str,
    row: &AnyRow,
    column: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| parse(&text).ok_or_else(|| StoreError::Corrupt { table, what: format!("{column} is {text:?}") }))
        .transpose()
}

pub(crate) fn unsigned<T: TryFrom<i64>>(row: &AnyRow, column: &str) -> Result<T, StoreError> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| StoreError::Corrupt { table: "?", what: format!("{column} is {number}") })
}

pub(crate) fn instant(row: &AnyRow, column: &str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp(row.try_get(column)?))
}

pub(crate) fn optional_instant(row: &AnyRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
}

/// Keeps column list and row reader together; `$rest` is what follows FROM.
macro_rules! select_conversation {
    ($rest:literal) => {
        concat!(
            "SELECT id, citizen, item, team, channel, stage, agent, outcome, stars, comment, opened_at, closed_at, ",
            "clock_no, slot_starts_at, slot_ends_at, call_back_phone, citizen_read, agent_read, hall, ticket, ",
            "head_start, at_head, last_agent FROM conversation ",
            $rest
        )
    };
}
pub(crate) use select_conversation;

/// As above, for the rows that only this file reads.
macro_rules! select {
    (ledger $rest:literal) => {
        concat!(
            "SELECT l.conversation, l.no, l.promise, l.policy, l.policy_version, l.team, l.asked_at, l.due_at, l.step, l.breached_at, l.answered_at, ",
            "l.left_at FROM ledger l ",
            $rest
        )
    };
    (entry $rest:literal) => {
        concat!("SELECT seq, at, client_id, body FROM entry WHERE conversation = (SELECT no FROM conversation WHERE id = $1) \
             AND lane = $2 ", $rest)
    };
}

pub(crate) fn conversation(row: &AnyRow) -> Result<ConversationRow, StoreError> {
    const T: &str = "conversation";
    let slot = optional_instant(row, "slot_starts_at")?.zip(optional_instant(row, "slot_ends_at")?);
    Ok(ConversationRow {
        id: id(T, row, "id")?,
        citizen: id(T, row, "citizen")?,
        item: row.try_get("item")?,
        team: row.try_get("team")?,
        channel: word(T, row, "channel", Channel::parse)?,
        hall: row.try_get("hall")?,
        ticket: row.try_get("ticket")?,
        stage: word(T, row, "stage", Stage::parse)?,
        agent: optional_id(T, row, "agent")?,
        outcome: optional_word(T, row, "outcome", Outcome::parse)?,
        stars: row.try_get::<Option<i64>, _>("stars")?.and_then(|stars| u8::try_from(stars).ok()),
        comment: row.try_get("comment")?,
        opened_at: instant(row, "opened_at")?,
        closed_at: optional_instant(row, "closed_at")?,
        clock_no: unsigned(row, "clock_no")?,
        slot,
        call_back_phone: row.try_get("call_back_phone")?,
        citizen_read: unsigned(row, "citizen_read")?,
        agent_read: unsigned(row, "agent_read")?,
        head_start: row.try_get("head_start")?,
        at_head: row.try_get::<i64, _>("at_head")? != 0,
        last_agent: optional_id(T, row, "last_agent")?,
    })
}

/// By which policy a row of the ledger was promised.
pub(crate) fn policy(row: &AnyRow) -> Result<Option<PolicyRef>, StoreError> {
    let id: Option<String> = row.try_get("policy")?;
    let version: Option<i64> = row.try_get("policy_version")?;
    let version = version.and_then(|version| u64::try_from(version).ok());
    Ok(id.zip(version).map(|(id, version)| PolicyRef { id, version }))
}

pub(crate) fn ledger(row: &AnyRow) -> Result<LedgerRow, StoreError> {
    Ok(LedgerRow {
        conversation: id("ledger", row, "conversation")?,
        no: unsigned(row, "no")?,
        promise: word("ledger", row, "promise", Promise::parse)?,
        policy: policy(row)?,
        team: row.try_get("team")?,
        asked_at: instant(row, "asked_at")?,
        due_at: instant(row, "due_at")?,
        step: word("ledger", row, "step", SlaStep::parse)?,
        breached_at: optional_instant(row, "breached_at")?,
        answered_at: optional_instant(row, "answered_at")?,
        left_at: optional_instant(row, "left_at")?,
    })
}

pub(crate) fn entry(row: &AnyRow) -> Result<EntryRow, StoreError> {
    Ok(EntryRow {
        seq: unsigned(row, "seq")?,
        at: instant(row, "at")?,
        client_id: row.try_get("client_id")?,
        body: row.try_get("body")?,
    })
}

impl Store {
    /// Does the database answer?
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// One conversation.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationRow>, StoreError> {
        let row = sqlx::query(select_conversation!("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(conversation).transpose()
    }

    /// All that are not closed: what a starting server keeps in memory.
    pub async fn open_conversations(&self) -> Result<Vec<ConversationRow>, StoreError> {
        let rows = sqlx::query(select_conversation!("WHERE stage <> 'closed' ORDER BY opened_at, id"))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(conversation).collect()
    }

    /// A citizen's conversations, newest first: all open ones and those opened or closed after `since`.
    pub async fn conversations_of(
        &self,
        citizen: CitizenId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        let rows = sqlx::query(select_conversation!(
            "WHERE citizen = $1 AND (stage <> 'closed' OR opened_at >= $2 OR closed_at >= $2) ORDER BY opened_at DESC, id DESC LIMIT $3"))
        .bind(citizen.to_string())
        .bind(since.0)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(conversation).collect()
    }

    /// One citizen.
    pub async fn citizen(&self, citizen: CitizenId) -> Result<Option<CitizenRow>, StoreError> {
        let row = sqlx::query(
            "SELECT id, name, kind, level, phone, credit_code, language, anonymous, seen_at FROM citizen WHERE id = $1",
        )
        .bind(citizen.to_string())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| {
            Ok(CitizenRow {
                id: id("citizen", &row, "id")?,
                name: row.try_get("name")?,
                kind: word("citizen", &row, "kind", CitizenKind::parse)?,
                level: row.try_get("level")?,
                phone: row.try_get("phone")?,
                credit_code: row.try_get("credit_code")?,
                language: optional_word("citizen", &row, "language", Language::parse)?,
                anonymous: row.try_get::<i64, _>("anonymous")? == 1,
                seen_at: instant(&row, "seen_at")?,
            })
        })
        .transpose()
    }

    /// A thread after a position, oldest first.
    pub async fn entries_after(
        &self,
        conversation: ConversationId,
        lane: Lane,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query(select!(entry "AND seq > $3 ORDER BY seq LIMIT $4"))
            .bind(conversation.to_string())
            .bind(lane.number())
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(entry).collect()
    }

    /// The last number of the shared lane and of the notes of each of these conversations; what is unknown is left out.
    pub async fn last_numbers(
        &self,
        conversations: &[ConversationId],
    ) -> Result<HashMap<ConversationId, [u64; 2]>, StoreError> {
        // `$n` is understood by both databases.
        let mut statements = Statements::new(Engine::Postgres);
        let mut numbers = HashMap::with_capacity(conversations.len());
        for ids in padded(conversations) {
            let ids: Vec<_> = ids.collect();
            let mut query = statements.over_rows(
                "WITH wanted (id) AS (VALUES ",
                ids.len(),
                1,
                ") SELECT c.id, \
                 (SELECT e.seq FROM entry e WHERE e.conversation = c.no AND e.lane = 0 ORDER BY e.seq DESC LIMIT 1) AS seq, \
                 (SELECT e.seq FROM entry e WHERE e.conversation = c.no AND e.lane = 1 ORDER BY e.seq DESC LIMIT 1) AS note_seq \
                 FROM conversation c WHERE c.id IN (SELECT id FROM wanted)",
            );
            for id in &ids {
                query = query.bind(id.to_string());
            }
            for row in query.fetch_all(&self.readers).await? {
                let last = |column| -> Result<u64, StoreError> {
                    let last = row.try_get::<Option<i64>, _>(column)?.unwrap_or(0);
                    u64::try_from(last)
                        .map_err(|_| StoreError::Corrupt { table: "entry", what: format!("seq is {last}") })
                };
                numbers.insert(id("conversation", &row, "id")?, [last("seq")?, last("note_seq")?]);
            }
        }
        Ok(numbers)
    }

    /// The last part of a thread before a position (`u64::MAX`: its end), oldest first.
    pub async fn entries_before(
        &self,
        conversation: ConversationId,
        lane: Lane,
        before: u64,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let rows = sqlx::query(select!(entry "AND seq < $3 ORDER BY seq DESC LIMIT $4"))
            .bind(conversation.to_string())
            .bind(lane.number())
            .bind(i64::try_from(before).unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().rev().map(entry).collect()
    }

    /// The last entry of the citizen in the shared lane.
    pub async fn last_of_citizen(&self, conversation: ConversationId) -> Result<Option<EntryRow>, StoreError> {
        let row = sqlx::query(select!(entry "AND author = 'citizen' ORDER BY seq DESC LIMIT 1"))
            .bind(conversation.to_string())
            .bind(Lane::Public.number())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(entry).transpose()
    }

    /// When citizen or agent wrote last in the shared lane.
    pub async fn spoken_at(&self, conversation: ConversationId) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(select!(entry "AND author NOT IN ('bot', 'system') ORDER BY seq DESC LIMIT 1"))
            .bind(conversation.to_string())
            .bind(Lane::Public.number())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.as_ref().map(entry).transpose()?.map(|entry| entry.at))
    }

    /// The last clock of a conversation.
    pub async fn last_clock(&self, conversation: ConversationId) -> Result<Option<LedgerRow>, StoreError> {
        let row = sqlx::query(select!(ledger "WHERE l.conversation = $1 ORDER BY l.no DESC LIMIT 1"))
            .bind(conversation.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(ledger).transpose()
    }

    /// Last clocks of all conversations that are not closed.
    pub async fn open_clocks(&self) -> Result<Vec<LedgerRow>, StoreError> {
        let rows = sqlx::query(select!(ledger
            "JOIN conversation c ON c.id = l.conversation AND c.clock_no = l.no WHERE c.stage <> 'closed'"))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(ledger).collect()
    }

    /// An agent's unsent text, or empty.
    pub async fn draft(&self, agent: AgentId, conversation: ConversationId) -> Result<String, StoreError> {
        let text: Option<String> = sqlx::query_scalar("SELECT text FROM draft WHERE agent = $1 AND conversation = $2")
            .bind(agent.to_string())
            .bind(conversation.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(text.unwrap_or_default())
    }

    /// Receipts made at or after `since`: the next one's number within a day.
    pub async fn receipts_since(&self, since: Timestamp) -> Result<u32, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM receipt WHERE made_at >= $1")
            .bind(since.0)
            .fetch_one(&self.readers)
            .await?;
        unsigned(&row, "n")
    }
}
