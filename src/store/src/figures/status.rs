//! What an agent was on a day, and whom they served.

use bangban_domain::{
    AgentId, Timestamp,
    figures::timeline::{Change, Line, Service},
};
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::{
    Store, StoreError,
    archive::Archive,
    read::{id, instant, optional_instant, word},
};

fn line(row: &AnyRow) -> Result<Line, StoreError> {
    Ok(Line {
        at: instant(row, "at")?,
        change: word("figure_status", row, "change", Change::parse)?,
        until: optional_instant(row, "until_at")?,
    })
}

impl Store {
    /// Since when each agent has the status that holds after a start: their last choice or, when a short break came after it,
    /// the end of that, at the latest `now`, because a start ends it. Whoever has never chosen is not among them.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn status_since(&self, now: Timestamp) -> Result<Vec<(AgentId, Timestamp)>, StoreError> {
        const LAST: &str = "FROM figure_status s WHERE s.agent = a.id AND s.change IN ('online', 'break', 'offline') \
             ORDER BY s.at DESC, s.id DESC LIMIT 1";
        let sql =
            format!("SELECT a.id, (SELECT s.at {LAST}) AS at, (SELECT s.until_at {LAST}) AS until_at FROM agent a");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.readers).await?;
        let since = |row: &AnyRow| {
            let ended = optional_instant(row, "until_at")?.map(|until| until.min(now));
            let Some(at) = ended.or(optional_instant(row, "at")?) else { return Ok(None) };
            Ok(Some((id("agent", row, "id")?, at)))
        };
        rows.iter().filter_map(|row| since(row).transpose()).collect()
    }
}

impl Archive {
    /// The log of an agent from `from` to `to`, and before that what was said last of status, break and console.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for the read below.
    pub async fn status_lines(&self, agent: AgentId, from: Timestamp, to: Timestamp) -> Result<Vec<Line>, StoreError> {
        // A choice ends a short break, and says nothing of the console: each is looked for by itself.
        let before = [
            "SELECT at, change, until_at FROM figure_status WHERE agent = $1 AND at < $2 AND until_at IS NULL \
             AND change IN ('online', 'break', 'offline') ORDER BY at DESC, id DESC LIMIT 1",
            "SELECT at, change, until_at FROM figure_status WHERE agent = $1 AND at < $2 AND until_at IS NOT NULL \
             ORDER BY at DESC, id DESC LIMIT 1",
            "SELECT at, change, until_at FROM figure_status WHERE agent = $1 AND at < $2 \
             AND change IN ('connected', 'disconnected') ORDER BY at DESC, id DESC LIMIT 1",
        ];
        let mut lines = Vec::new();
        for sql in before {
            let row = sqlx::query(sql).bind(agent.to_string()).bind(from.0).fetch_optional(&self.readers).await?;
            lines.extend(row.as_ref().map(line).transpose()?);
        }
        lines.sort_by_key(|line| line.at);
        let sql =
            "SELECT at, change, until_at FROM figure_status WHERE agent = $1 AND at >= $2 AND at < $3 ORDER BY at, id";
        let rows = sqlx::query(sql).bind(agent.to_string()).bind(from.0).bind(to.0).fetch_all(&self.readers).await?;
        for row in &rows {
            lines.push(line(row)?);
        }
        Ok(lines)
    }

    /// Whom an agent served between `from` and `to`.
    pub async fn services(&self, agent: AgentId, from: Timestamp, to: Timestamp) -> Result<Vec<Service>, StoreError> {
        let sql = "SELECT conversation, ended_at, served_until FROM figure_offer \
                   WHERE agent = $1 AND result = 'accepted' AND ended_at < $2 \
                   AND (served_until IS NULL OR served_until > $3) ORDER BY ended_at, offer";
        let rows = sqlx::query(sql).bind(agent.to_string()).bind(to.0).bind(from.0).fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(Service {
                    conversation: id("figure_offer", row, "conversation")?,
                    from: instant(row, "ended_at")?,
                    to: optional_instant(row, "served_until")?,
                })
            })
            .collect()
    }
}
