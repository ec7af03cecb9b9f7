//! Rows of figures beside what the event log tells, and rows written anew from it.

use bangban_domain::{
    CitizenId, ConversationId, Timestamp,
    figures::{Field, Row, Table, Word},
};
use sqlx::{Any, Row as _, Transaction};

use super::{list, note};
use crate::{
    Event, Store, StoreError,
    archive::Archive,
    history,
    place::Engine,
    read::id,
    sql::{Statements, padded},
};

/// All rows of some conversations, to be written in place of those that are there.
#[derive(Debug, Clone, PartialEq)]
pub struct RowsOf {
    /// Which conversations.
    pub conversations: Vec<ConversationId>,
    /// Of the ledger's rows only what the figures have added to it is written: the rest is the ledger's own.
    pub rows: Vec<Row>,
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, repair: &RowsOf) -> Result<(), StoreError> {
    for conversation in &repair.conversations {
        for sql in [
            "DELETE FROM figure_episode WHERE conversation = $1",
            "DELETE FROM figure_offer WHERE conversation = $1",
            "DELETE FROM figure_message WHERE conversation = $1",
            "DELETE FROM figure_visit WHERE conversation = $1",
        ] {
            sqlx::query(sql).bind(conversation.to_string()).execute(&mut **tx).await?;
        }
    }
    for row in &repair.rows {
        if row.table == Table::Replies {
            reply(tx, row).await?;
        } else if row.table == Table::Requests {
            let sql = "UPDATE ledger SET item = $1, channel = $2, outcome = $3 \
                       WHERE conversation = $4 AND conversation || '/' || CAST(no AS TEXT) = $5";
            sqlx::query(sql)
                .bind(row.item.clone())
                .bind(row.channel.as_str())
                .bind(row.word(Word::Outcome).map(str::to_owned))
                .bind(row.conversation.to_string())
                .bind(row.key.clone())
                .execute(&mut **tx)
                .await?;
        } else {
            insert(tx, row).await?;
        }
    }
    Ok(())
}

/// The terms of a promise stand in no other table: its row is never made anew, only set right.
async fn reply(tx: &mut Transaction<'_, Any>, row: &Row) -> Result<(), StoreError> {
    let sql = "UPDATE promise SET team = $1, item = $2, channel = $3, outcome = $4, answered_by = $5, asked_at = $6, \
               due_at = $7, answered_at = $8, left_at = $9, measured_at = $10, corrected_at = $11, excused_at = $12 \
               WHERE thread = (SELECT no FROM conversation WHERE id = $13) AND conversation || '/' || CAST(no AS TEXT) = $14";
    let mut query = sqlx::query(sql)
        .bind(row.team.clone())
        .bind(row.item.clone())
        .bind(row.channel.as_str())
        .bind(row.word(Word::Outcome).map(str::to_owned))
        .bind(row.agent.map(|agent| agent.to_string()));
    for field in row.table.fields() {
        query = query.bind(row.number(*field));
    }
    query.bind(row.conversation.to_string()).bind(row.key.clone()).execute(&mut **tx).await?;
    Ok(())
}

async fn insert(tx: &mut Transaction<'_, Any>, row: &Row) -> Result<(), StoreError> {
    // Part of the key, in tables that count within a conversation.
    let (key, no) = match row.key.split_once('/') {
        Some((_, no)) => ("no", no.parse::<i64>().ok()),
        None if row.table == Table::Offers => ("offer", None),
        None => ("receipt", None),
    };
    let mut columns = vec![key, "conversation", "team", "item", "channel"];
    if row.table != Table::Visits {
        columns.push("agent");
    }
    columns.extend(row.table.fields().iter().map(|field: &Field| field.as_str()));
    columns.extend(row.table.words().iter().map(|word| word.as_str()));
    let places: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
    let text = format!("INSERT INTO {} ({}) VALUES ({})", row.table.name(), columns.join(", "), places.join(", "));
    let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
    query = match no {
        Some(no) => query.bind(no),
        None => query.bind(row.key.clone()),
    };
    query = query.bind(row.conversation.to_string()).bind(row.team.clone()).bind(row.item.clone());
    query = query.bind(row.channel.as_str());
    if row.table != Table::Visits {
        query = query.bind(row.agent.map(|agent| agent.to_string()));
    }
    for field in row.table.fields() {
        query = query.bind(row.number(*field));
    }
    for word in row.table.words() {
        query = query.bind(row.word(*word).map(str::to_owned));
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// An agent's lines of the log, as rows of figures; those that are there stay.
pub(crate) async fn carry_out_status(
    tx: &mut Transaction<'_, Any>,
    lines: &[(String, Event)],
) -> Result<(), StoreError> {
    for (id, event) in lines {
        sqlx::query("DELETE FROM figure_status WHERE id = $1").bind(id.clone()).execute(&mut **tx).await?;
        note::note(tx, id, event).await?;
    }
    Ok(())
}

impl Archive {
    /// Citizens, after the last one in order of their ids, of whose conversations the log tells something between `from` and
    /// `to`. All conversations of one citizen are told together.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn citizens_between(
        &self,
        (from, to): (Timestamp, Timestamp),
        after: Option<CitizenId>,
        limit: u32,
    ) -> Result<Vec<CitizenId>, StoreError> {
        // A call-back is counted at the begin of its slot, whether something happens then or not.
        let sql = "SELECT DISTINCT c.citizen FROM conversation c WHERE c.citizen > $1 AND (EXISTS \
                   (SELECT 1 FROM event e WHERE e.conversation = c.id AND e.kind <> 'reply_kept' AND e.at >= $2 \
                    AND e.at < $3) OR EXISTS \
                   (SELECT 1 FROM promise p WHERE p.thread = c.no AND p.asked_at >= $2 AND p.asked_at < $3) OR EXISTS \
                   (SELECT 1 FROM figure_message m WHERE m.conversation = c.id AND m.slot_starts_at >= $2 \
                    AND m.slot_starts_at < $3)) ORDER BY c.citizen LIMIT $4";
        let rows = sqlx::query(sql)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(from.0)
            .bind(to.0)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| id("conversation", row, "citizen")).collect()
    }

    /// The log of all conversations of these citizens, in its order.
    pub async fn events_of_citizens(&self, citizens: &[CitizenId]) -> Result<Vec<Event>, StoreError> {
        let mut events: Vec<(String, Event)> = Vec::new();
        // `$n` is understood by both databases.
        let mut statements = Statements::new(Engine::Postgres);
        for citizens in padded(citizens) {
            let citizens: Vec<_> = citizens.collect();
            let mut query = statements.over_rows(
                "WITH wanted (id) AS (VALUES ",
                citizens.len(),
                1,
                "), own (id, no) AS (SELECT c.id, c.no FROM conversation c WHERE c.citizen IN (SELECT id FROM wanted)) \
                 SELECT e.id, e.conversation, e.at, e.actor, e.kind, e.detail FROM event e \
                 WHERE e.conversation IN (SELECT id FROM own) AND e.kind <> 'reply_kept' \
                 UNION ALL SELECT e.id, e.conversation, e.at, e.actor, e.kind, e.detail FROM promise p \
                 JOIN event e ON e.id = p.kept WHERE p.thread IN (SELECT no FROM own)",
            );
            for citizen in citizens {
                query = query.bind(citizen.to_string());
            }
            for row in query.fetch_all(&self.readers).await? {
                events.push((row.try_get("id")?, history::event(&row)?));
            }
        }
        events.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(events.into_iter().map(|(_, event)| event).collect())
    }

    /// All rows of the figures of these citizens' conversations, in the order of their tables and keys.
    pub async fn rows_of_citizens(&self, citizens: &[CitizenId]) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for table in Table::ALL {
            let (key, its) = if table == Table::Replies { ("thread", "no") } else { ("conversation", "id") };
            let text = format!(
                "SELECT {} FROM {} WHERE {key} IN (SELECT {its} FROM conversation WHERE citizen = $1)",
                list::columns(table),
                table.name()
            );
            for citizen in citizens {
                let query = sqlx::query(sqlx::AssertSqlSafe(text.clone())).bind(citizen.to_string());
                for row in query.fetch_all(&self.readers).await? {
                    rows.push(list::row(table, &row)?);
                }
            }
        }
        rows.sort_by(|a, b| (a.table, &a.key).cmp(&(b.table, &b.key)));
        Ok(rows)
    }

    /// Lines of the log that are of no conversation, with their ids, after one of them.
    pub async fn agent_events(&self, after: &str, limit: u32) -> Result<Vec<(String, Event)>, StoreError> {
        let sql = "SELECT id, conversation, at, actor, kind, detail FROM event \
                   WHERE conversation IS NULL AND kind <> 'reply_kept' AND id > $1 ORDER BY id LIMIT $2";
        let rows = sqlx::query(sql).bind(after.to_owned()).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, history::event(row)?))).collect()
    }
}

impl Store {
    /// Requests that were made at or after `since`, oldest first, for the board of today: with where they came from, and how
    /// their conversation was closed after them.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn requests_since(&self, since: Timestamp) -> Result<Vec<Row>, StoreError> {
        let text = format!(
            "SELECT {} FROM ledger WHERE asked_at >= $1 ORDER BY asked_at, conversation",
            list::columns(Table::Requests)
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(since.0).fetch_all(&self.readers).await?;
        rows.iter().map(|row| list::row(Table::Requests, row)).collect()
    }
}
