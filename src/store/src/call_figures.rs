//! Rows of calls of a time, page by page, for the figures of calls (docs/figures.md). What each figure is,
//! `domain::call::figures` says; here nothing is counted.

use bangban_domain::{
    Timestamp,
    call::{
        AttemptRow, CallRow, LegRow, RequestRow, WrapUpRow,
        sound::{HeardLeg, LegSound},
    },
};

use sqlx::Row as _;

use crate::{
    Archive, StoreError,
    call::{attempt, call, heard, leg, request, sound, wrap_up},
};

/// A place among the requests in the order in which they were decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestPlace {
    /// When it was decided.
    pub at: Timestamp,
    /// The call, as in rows.
    pub call: String,
    /// Number in the call.
    pub number: u32,
}

impl RequestPlace {
    /// Before all that were decided at `from` or later.
    #[must_use]
    pub const fn before(from: Timestamp) -> Self {
        Self { at: from, call: String::new(), number: 0 }
    }

    /// Of a request; `None`: it is not decided.
    #[must_use]
    pub fn of(row: &RequestRow) -> Option<Self> {
        Some(Self { at: row.ended_at?, call: row.call.to_string(), number: row.number })
    }
}

/// A place among the calls in the order in which they began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallPlace {
    /// When it began.
    pub at: Timestamp,
    /// The call, as in rows.
    pub call: String,
}

impl CallPlace {
    /// Before all that began at `from` or later.
    #[must_use]
    pub const fn before(from: Timestamp) -> Self {
        Self { at: from, call: String::new() }
    }

    /// Of a call.
    #[must_use]
    pub fn of(row: &CallRow) -> Self {
        Self { at: row.began_at, call: row.call.to_string() }
    }
}

/// A leg of a call as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLeg {
    /// Its row.
    pub row: LegRow,
    /// How it sounded; `None`: nothing was measured.
    pub sound: Option<LegSound>,
    /// Code of the department for which they were asked to come; `None`: they came without a request.
    pub department: Option<String>,
}

impl Archive {
    /// Requests that were decided after a place and before `to`, at most so many, in order.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn decided_requests(
        &self,
        after: &RequestPlace,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<RequestRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT call_id, number, part, asked_by, item, department, ring_order, candidates, asked_at, answered_by, \
             answered_round, ended_at, result FROM call_request \
             WHERE ended_at < $4 AND (ended_at > $1 OR (ended_at = $1 AND (call_id > $2 OR (call_id = $2 AND number > $3)))) \
             ORDER BY ended_at, call_id, number LIMIT $5",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(i64::from(after.number))
        .bind(to.0)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(request).collect()
    }

    /// Attempts of the requests after one place and up to another, that one included; of a call the first one first.
    pub async fn attempts_of_requests(
        &self,
        after: &RequestPlace,
        until: &RequestPlace,
    ) -> Result<Vec<AttemptRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.call_id, a.leg, a.part, a.agent, a.telephone, a.request, a.round, a.rung_at, a.ringing_at, \
             a.ended_at, a.cause, a.declined FROM call_request r JOIN call_attempt a ON a.call_id = r.call_id AND a.request = r.number \
             WHERE (r.ended_at > $1 OR (r.ended_at = $1 AND (r.call_id > $2 OR (r.call_id = $2 AND r.number > $3)))) \
             AND (r.ended_at < $4 OR (r.ended_at = $4 AND (r.call_id < $5 OR (r.call_id = $5 AND r.number <= $6)))) \
             ORDER BY a.call_id, a.leg",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(i64::from(after.number))
        .bind(until.at.0)
        .bind(until.call.clone())
        .bind(i64::from(until.number))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(attempt).collect()
    }

    /// Of the legs that answered the requests after one place and up to another, that one included, those that were
    /// measured.
    pub async fn sound_of_requests(
        &self,
        after: &RequestPlace,
        until: &RequestPlace,
    ) -> Result<Vec<HeardLeg>, StoreError> {
        let rows = sqlx::query(
            "SELECT l.call_id, l.leg, l.part, l.quality \
             FROM call_request r JOIN call_leg l ON l.call_id = r.call_id AND l.leg = r.answered_by \
             WHERE (r.ended_at > $1 OR (r.ended_at = $1 AND (r.call_id > $2 OR (r.call_id = $2 AND r.number > $3)))) \
             AND (r.ended_at < $4 OR (r.ended_at = $4 AND (r.call_id < $5 OR (r.call_id = $5 AND r.number <= $6)))) \
             AND l.quality IS NOT NULL ORDER BY l.call_id, l.leg",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(i64::from(after.number))
        .bind(until.at.0)
        .bind(until.call.clone())
        .bind(i64::from(until.number))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(heard).collect()
    }

    /// Of the legs of the calls after one place and up to another, that one included, those that were measured.
    pub async fn sound_of_calls(&self, after: &CallPlace, until: &CallPlace) -> Result<Vec<HeardLeg>, StoreError> {
        let rows = sqlx::query(
            "SELECT l.call_id, l.leg, l.part, l.quality FROM phone_call c JOIN call_leg l ON l.call_id = c.id \
             WHERE (c.began_at > $1 OR (c.began_at = $1 AND c.id > $2)) \
             AND (c.began_at < $3 OR (c.began_at = $3 AND c.id <= $4)) AND l.quality IS NOT NULL \
             ORDER BY l.call_id, l.leg",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(until.at.0)
        .bind(until.call.clone())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(heard).collect()
    }

    /// All legs of the calls after one place and up to another, that one included, in the order of the calls' ids.
    pub async fn legs_of_calls(&self, after: &CallPlace, until: &CallPlace) -> Result<Vec<CallLeg>, StoreError> {
        let rows = sqlx::query(
            "SELECT l.call_id, l.leg, l.part, l.agent, l.telephone, l.joined_at, l.ended_at, l.because, l.quality, \
             r.department FROM phone_call c JOIN call_leg l ON l.call_id = c.id \
             LEFT JOIN call_request r ON r.call_id = l.call_id AND r.answered_by = l.leg \
             WHERE (c.began_at > $1 OR (c.began_at = $1 AND c.id > $2)) \
             AND (c.began_at < $3 OR (c.began_at = $3 AND c.id <= $4)) ORDER BY l.call_id, l.leg",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(until.at.0)
        .bind(until.call.clone())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| Ok(CallLeg { row: leg(row)?, sound: sound(row)?, department: row.try_get("department")? }))
            .collect()
    }

    /// Calls that began after a place and before `to`, at most so many, in order, with the codes of their teams.
    pub async fn calls_begun(
        &self,
        after: &CallPlace,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CallRow, String)>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, origin, conversation, team, item, is_first, began_at, answered_at, operator, stars, ended_at, \
             because FROM phone_call WHERE began_at < $3 AND (began_at > $1 OR (began_at = $1 AND id > $2)) \
             ORDER BY began_at, id LIMIT $4",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(to.0)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(call).collect()
    }

    /// Operators' legs and all wrap-ups of the calls after one place and up to another, that one included.
    pub async fn operators_times(
        &self,
        after: &CallPlace,
        until: &CallPlace,
    ) -> Result<(Vec<LegRow>, Vec<WrapUpRow>), StoreError> {
        let legs = sqlx::query(
            "SELECT l.call_id, l.leg, l.part, l.agent, l.telephone, l.joined_at, l.ended_at, l.because \
             FROM phone_call c JOIN call_leg l ON l.call_id = c.id \
             WHERE l.part = 'operator' AND (c.began_at > $1 OR (c.began_at = $1 AND c.id > $2)) \
             AND (c.began_at < $3 OR (c.began_at = $3 AND c.id <= $4)) ORDER BY l.call_id, l.leg",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(until.at.0)
        .bind(until.call.clone())
        .fetch_all(&self.readers)
        .await?;
        let wrap_ups = sqlx::query(
            "SELECT w.call_id, w.agent, w.began_at, w.until_at, w.ended_at, w.how, w.disposition \
             FROM phone_call c JOIN call_wrap_up w ON w.call_id = c.id \
             WHERE (c.began_at > $1 OR (c.began_at = $1 AND c.id > $2)) \
             AND (c.began_at < $3 OR (c.began_at = $3 AND c.id <= $4)) ORDER BY w.call_id, w.began_at, w.agent",
        )
        .bind(after.at.0)
        .bind(after.call.clone())
        .bind(until.at.0)
        .bind(until.call.clone())
        .fetch_all(&self.readers)
        .await?;
        Ok((legs.iter().map(leg).collect::<Result<_, _>>()?, wrap_ups.iter().map(wrap_up).collect::<Result<_, _>>()?))
    }
}
