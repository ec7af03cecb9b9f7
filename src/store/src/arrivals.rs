//! When people asked a team for a human, how long they waited and how long they were served: what its staff is planned by.

use bangban_domain::{Timestamp, time::Millis};
use sqlx::Row as _;

use crate::{Store, StoreError, read::unsigned};

/// Length of what is counted together.
pub const HALF_HOUR: Millis = 1_800_000;

/// Requests of a team in a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrivals {
    /// Begin of each half hour in which somebody asked, and how many did.
    pub half_hours: Vec<(Timestamp, u64)>,
    /// All of them whose end is known.
    pub settled: u64,
    /// ... of whom so many left without an answer.
    pub lost: u64,
    /// What all of them waited together, until the answer or until they left.
    pub waited: Millis,
    /// Services that were accepted and have ended.
    pub services: u64,
    /// How long they took together.
    pub served: Millis,
}

impl Store {
    /// Requests of a team, asked at or after `from` and before `to`; without those out of scope.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn arrivals(&self, team: &str, from: Timestamp, to: Timestamp) -> Result<Arrivals, StoreError> {
        // Half hours of Shanghai are those of UTC.
        let rows = sqlx::query(
            "SELECT asked_at / 1800000 AS slot, COUNT(*) AS count FROM ledger \
             WHERE team = $1 AND asked_at >= $2 AND asked_at < $3 \
             AND (outcome IS NULL OR outcome NOT IN ('out_of_scope', 'abuse')) \
             GROUP BY asked_at / 1800000 ORDER BY slot",
        )
        .bind(team.to_owned())
        .bind(from.0)
        .bind(to.0)
        .fetch_all(&self.readers)
        .await?;
        let half_hour = |row| Ok((Timestamp(unsigned::<i64>(row, "slot")? * HALF_HOUR), unsigned(row, "count")?));
        let half_hours = rows.iter().map(half_hour).collect::<Result<Vec<_>, StoreError>>()?;
        let waits = sqlx::query(
            "SELECT COUNT(*) AS settled, COUNT(CASE WHEN answered_at IS NULL THEN 1 END) AS lost, \
             CAST(COALESCE(SUM(COALESCE(answered_at, left_at) - asked_at), 0) AS BIGINT) AS waited FROM ledger \
             WHERE team = $1 AND asked_at >= $2 AND asked_at < $3 AND COALESCE(answered_at, left_at) IS NOT NULL \
             AND (outcome IS NULL OR outcome NOT IN ('out_of_scope', 'abuse'))",
        )
        .bind(team.to_owned())
        .bind(from.0)
        .bind(to.0)
        .fetch_one(&self.readers)
        .await?;
        let services = sqlx::query(
            "SELECT COUNT(*) AS services, CAST(COALESCE(SUM(served_until - ended_at), 0) AS BIGINT) AS served \
             FROM figure_offer WHERE team = $1 AND ended_at >= $2 AND ended_at < $3 AND result = 'accepted' \
             AND served_until IS NOT NULL",
        )
        .bind(team.to_owned())
        .bind(from.0)
        .bind(to.0)
        .fetch_one(&self.readers)
        .await?;
        Ok(Arrivals {
            half_hours,
            settled: unsigned(&waits, "settled")?,
            lost: unsigned(&waits, "lost")?,
            waited: waits.try_get("waited")?,
            services: unsigned(&services, "services")?,
            served: services.try_get("served")?,
        })
    }
}
