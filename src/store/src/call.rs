//! Three-way calls: the rows that the rules tell, what operators write down of a call, and the call-backs that are owed.
//! Column names are those of `migrations/0034_calls.sql`; `domain::call::rows` says what each means.

use bangban_domain::{
    AgentId, CallId, CitizenId, ConversationId, TaskId, TeamId, Timestamp,
    call::{
        About, AttemptRow, CallEnd, CallOrigin, CallPart, CallRow, Cause, DeclineReason, Disposition, Kept, LegEnd,
        LegId, LegRow, Number, Order, Party, RequestEnd, RequestRow, Row, WrapUpEnd, WrapUpRow,
        sound::{HeardLeg, LegSound},
    },
};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Archive, Author, Store, StoreError,
    read::{id, instant, optional_id, optional_instant, optional_word, unsigned, word},
    task,
};

const CALL: &str = "phone_call";
const REQUEST: &str = "call_request";
const ATTEMPT: &str = "call_attempt";
const LEG: &str = "call_leg";
const WRAP_UP: &str = "call_wrap_up";
const BACK: &str = "call_back";

/// A change of calls.
#[derive(Debug, Clone, PartialEq)]
pub enum CallChange {
    /// A row of the rules, in place of the one with the same key. Teams have codes in rows.
    Row {
        /// The row.
        row: Box<Row>,
        /// Code of its team, of [`Row::Call`].
        team: Option<String>,
    },
    /// What is needed beside the rows after a restart.
    State {
        /// Which call.
        call: CallId,
        /// The router looks for an operator.
        is_asked: bool,
        /// It is over but for a prompt.
        closing: Option<CallEnd>,
    },
    /// What came with it from the city's system.
    Ticket {
        /// Which call.
        call: CallId,
        /// The number of the work order or ticket.
        ticket: String,
    },
    /// What the operator wrote, for the wrap-up that they ended last.
    Note {
        /// After which call.
        call: CallId,
        /// Who.
        agent: AgentId,
        /// Masked; may be empty.
        note: String,
        /// A work order that was made elsewhere.
        work_order: Option<String>,
    },
    /// How a leg has sounded, in place of what its row said of it.
    Heard {
        /// Which.
        leg: LegId,
        /// From its beginning on.
        sound: LegSound,
    },
    /// Somebody is to be called back.
    Owed(CallBackRow),
    /// They were.
    Settled {
        /// Of which call.
        call: CallId,
        /// Which request; `None`: for an operator.
        request: Option<u32>,
        /// When.
        at: Timestamp,
        /// Who called, for the history of the task.
        by: Author,
    },
    /// The citizen of a conversation was reached: all that its calls owe is done.
    SettledAll {
        /// Which.
        conversation: ConversationId,
        /// When.
        at: Timestamp,
        /// Who called, for the history of the tasks.
        by: Author,
    },
}

/// Somebody who is to be called back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallBackRow {
    /// From which call.
    pub call: CallId,
    /// Of which request; `None`: for an operator.
    pub request: Option<u32>,
    /// About what.
    pub about: Option<About>,
    /// By whom, best.
    pub agent: Option<AgentId>,
    /// Since when.
    pub owed_at: Timestamp,
    /// By then.
    pub due_at: Timestamp,
    /// It was done.
    pub settled_at: Option<Timestamp>,
}

impl CallBackRow {
    /// What the key of its task is ([`crate::TaskRow::same`]): no two call-backs are one task.
    #[must_use]
    pub fn same(&self) -> String {
        format!("{}/{}", self.call, self.request.unwrap_or(0))
    }

    /// The call, and the request, whose call-back is the task with this key.
    #[must_use]
    pub fn of_same(same: &str) -> Option<(CallId, Option<u32>)> {
        let (call, request) = same.split_once('/')?;
        let request: u32 = request.parse().ok()?;
        Some((call.parse().ok()?, Some(request).filter(|number| *number > 0)))
    }
}

/// A call-back that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedCallBack {
    /// The row.
    pub row: CallBackRow,
    /// The conversation of its call.
    pub conversation: Option<ConversationId>,
    /// The task that it is; `None`: it was owed before call-backs were tasks.
    pub task: Option<OwedTask>,
}

/// The task of a call-back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedTask {
    /// Which.
    pub id: TaskId,
    /// What a step names.
    pub version: u64,
    /// Who has taken it on.
    pub assignee: Option<AgentId>,
    /// How often the caller was rung in vain.
    pub tried: u64,
}

/// A call with the code of its team, because teams are numbered anew with each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCall {
    /// As the rules know it; the team is the general one.
    pub kept: Kept,
    /// Code of its team.
    pub team: String,
    /// See [`CallChange::Ticket`].
    pub ticket: Option<String>,
}

/// A call as an export of its citizen has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCall {
    /// The call.
    pub row: CallRow,
    /// Code of its team.
    pub team: String,
    /// What operators wrote: when, note, work order.
    pub notes: Vec<(Timestamp, String, Option<String>)>,
}

fn leg_no(no: u16) -> i64 {
    i64::from(no)
}

fn party(party: Option<&Party>) -> (Option<String>, Option<String>) {
    match party {
        None => (None, None),
        Some(Party::Agent(agent)) => (Some(agent.to_string()), None),
        Some(Party::Number(number)) => (None, Some(number.as_str().to_owned())),
    }
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &CallChange) -> Result<(), StoreError> {
    let query = match change {
        CallChange::Row { row, team } => return write(tx, row, team.as_deref()).await,
        CallChange::State { call, is_asked, closing } => {
            sqlx::query("UPDATE phone_call SET is_asked = $1, closing = $2 WHERE id = $3")
                .bind(i64::from(*is_asked))
                .bind(closing.map(|end| end.as_str()))
                .bind(call.to_string())
        }
        CallChange::Ticket { call, ticket } => {
            sqlx::query("UPDATE phone_call SET ticket = $1 WHERE id = $2").bind(ticket.clone()).bind(call.to_string())
        }
        CallChange::Note { call, agent, note, work_order } => sqlx::query(
            "UPDATE call_wrap_up SET note = $1, work_order = $2 WHERE call_id = $3 AND agent = $4 AND began_at = \
             (SELECT MAX(w.began_at) FROM call_wrap_up w WHERE w.call_id = $3 AND w.agent = $4)",
        )
        .bind((!note.is_empty()).then(|| note.clone()))
        .bind(work_order.clone())
        .bind(call.to_string())
        .bind(agent.to_string()),
        CallChange::Heard { leg, sound } => {
            let quality = serde_json::to_string(sound)
                .map_err(|error| StoreError::Corrupt { table: LEG, what: format!("quality: {error}") })?;
            sqlx::query("UPDATE call_leg SET quality = $1 WHERE call_id = $2 AND leg = $3")
                .bind(quality)
                .bind(leg.call.to_string())
                .bind(leg_no(leg.no))
        }
        CallChange::Owed(row) => sqlx::query(
            "INSERT INTO call_back (call_id, request, item, department, agent, owed_at, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (call_id, request) DO NOTHING",
        )
        .bind(row.call.to_string())
        .bind(i64::from(row.request.unwrap_or(0)))
        .bind(row.about.as_ref().and_then(|about| about.item.clone()))
        .bind(row.about.as_ref().map(|about| about.department.clone()))
        .bind(row.agent.map(|id| id.to_string()))
        .bind(row.owed_at.0)
        .bind(row.due_at.0),
        CallChange::Settled { call, request, at, by } => {
            let settled = sqlx::query(
                "UPDATE call_back SET settled_at = $1 WHERE call_id = $2 AND request = $3 AND settled_at IS NULL \
                 RETURNING call_id, request",
            )
            .bind(at.0)
            .bind(call.to_string())
            .bind(i64::from(request.unwrap_or(0)));
            let settled = settled.fetch_all(&mut **tx).await?;
            return reached(tx, &settled, *at, *by).await;
        }
        CallChange::SettledAll { conversation, at, by } => {
            let settled = sqlx::query(
                "UPDATE call_back SET settled_at = $1 WHERE settled_at IS NULL AND call_id IN \
                 (SELECT id FROM phone_call WHERE conversation = $2) RETURNING call_id, request",
            )
            .bind(at.0)
            .bind(conversation.to_string());
            let settled = settled.fetch_all(&mut **tx).await?;
            return reached(tx, &settled, *at, *by).await;
        }
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

/// The tasks of call-backs that were settled are done, unless somebody has ended them by hand.
async fn reached(
    tx: &mut Transaction<'_, Any>,
    settled: &[AnyRow],
    at: Timestamp,
    by: Author,
) -> Result<(), StoreError> {
    for row in settled {
        let (call, request): (String, i64) = (row.try_get("call_id")?, row.try_get("request")?);
        task::called_back(tx, &format!("{call}/{request}"), at, by).await?;
    }
    Ok(())
}

async fn write(tx: &mut Transaction<'_, Any>, row: &Row, team: Option<&str>) -> Result<(), StoreError> {
    let query = match row {
        Row::Call(row) => sqlx::query(
            "INSERT INTO phone_call (id, origin, conversation, team, item, is_first, began_at, answered_at, operator, \
             stars, ended_at, because) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (id) DO UPDATE SET conversation = excluded.conversation, item = excluded.item, \
             answered_at = excluded.answered_at, operator = excluded.operator, stars = excluded.stars, \
             ended_at = excluded.ended_at, because = excluded.because",
        )
        .bind(row.call.to_string())
        .bind(row.origin.as_str())
        .bind(row.conversation.map(|id| id.to_string()))
        .bind(team.unwrap_or_default().to_owned())
        .bind(row.item.clone())
        .bind(i64::from(row.is_first))
        .bind(row.began_at.0)
        .bind(row.answered_at.map(|at| at.0))
        .bind(row.operator.map(|id| id.to_string()))
        .bind(row.stars.map(i64::from))
        .bind(row.ended_at.map(|at| at.0))
        .bind(row.because.map(|end| end.as_str())),
        Row::Request(row) => sqlx::query(
            "INSERT INTO call_request (call_id, number, part, asked_by, item, department, ring_order, candidates, \
             asked_at, answered_by, answered_round, ended_at, result) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (call_id, number) DO UPDATE SET answered_by = excluded.answered_by, \
             answered_round = excluded.answered_round, ended_at = excluded.ended_at, result = excluded.result",
        )
        .bind(row.call.to_string())
        .bind(i64::from(row.number))
        .bind(row.part.as_str())
        .bind(row.by.map(|id| id.to_string()))
        .bind(row.about.item.clone())
        .bind(row.about.department.clone())
        .bind(row.order.as_str())
        .bind(i64::from(row.candidates))
        .bind(row.asked_at.0)
        .bind(row.answered_by.map(|leg| leg_no(leg.no)))
        .bind(row.answered_round.map(i64::from))
        .bind(row.ended_at.map(|at| at.0))
        .bind(row.result.map(|end| end.as_str())),
        Row::Attempt(row) => {
            let (agent, telephone) = party(row.party.as_ref());
            sqlx::query(
                "INSERT INTO call_attempt (call_id, leg, part, agent, telephone, request, round, rung_at, ringing_at, \
                 ended_at, cause, declined) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                 ON CONFLICT (call_id, leg) DO UPDATE SET ringing_at = excluded.ringing_at, \
                 ended_at = excluded.ended_at, cause = excluded.cause, declined = excluded.declined",
            )
            .bind(row.leg.call.to_string())
            .bind(leg_no(row.leg.no))
            .bind(row.part.as_str())
            .bind(agent)
            .bind(telephone)
            .bind(row.request.map(i64::from))
            .bind(i64::from(row.round))
            .bind(row.rung_at.0)
            .bind(row.ringing_at.map(|at| at.0))
            .bind(row.ended_at.map(|at| at.0))
            .bind(row.cause.map(|cause| cause.as_str()))
            .bind(row.declined.map(|why| why.as_str()))
        }
        Row::Leg(row) => {
            let (agent, telephone) = party(row.party.as_ref());
            sqlx::query(
                "INSERT INTO call_leg (call_id, leg, part, agent, telephone, joined_at, ended_at, because) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (call_id, leg) DO UPDATE SET part = excluded.part, ended_at = excluded.ended_at, \
                 because = excluded.because",
            )
            .bind(row.leg.call.to_string())
            .bind(leg_no(row.leg.no))
            .bind(row.part.as_str())
            .bind(agent)
            .bind(telephone)
            .bind(row.joined_at.0)
            .bind(row.ended_at.map(|at| at.0))
            .bind(row.because.map(|end| end.as_str()))
        }
        Row::WrapUp(row) => sqlx::query(
            "INSERT INTO call_wrap_up (call_id, agent, began_at, until_at, ended_at, how, disposition) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (call_id, agent, began_at) DO UPDATE SET ended_at = excluded.ended_at, how = excluded.how, \
             disposition = excluded.disposition",
        )
        .bind(row.call.to_string())
        .bind(row.agent.to_string())
        .bind(row.began_at.0)
        .bind(row.until.0)
        .bind(row.ended_at.map(|at| at.0))
        .bind(row.end.map(|end| end.as_str()))
        .bind(row.disposition.map(|one| one.as_str())),
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

/// What was written down of the calls of a conversation whose thread is deleted; the rows that are counted stay.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, conversation: &str) -> Result<(), StoreError> {
    for sql in [
        "UPDATE call_wrap_up SET note = NULL, work_order = NULL WHERE call_id IN \
         (SELECT id FROM phone_call WHERE conversation = $1)",
        "UPDATE phone_call SET ticket = NULL WHERE conversation = $1",
    ] {
        sqlx::query(sql).bind(conversation.to_owned()).execute(&mut **tx).await?;
    }
    Ok(())
}

fn optional_number<T: TryFrom<i64>>(table: &'static str, row: &AnyRow, column: &str) -> Result<Option<T>, StoreError> {
    let number: Option<i64> = row.try_get(column)?;
    let wrong = |number| StoreError::Corrupt { table, what: format!("{column} is {number}") };
    number.map(|number| T::try_from(number).map_err(|_| wrong(number))).transpose()
}

fn party_of(table: &'static str, row: &AnyRow) -> Result<Option<Party>, StoreError> {
    if let Some(agent) = optional_id(table, row, "agent")? {
        return Ok(Some(Party::Agent(agent)));
    }
    let telephone: Option<String> = row.try_get("telephone")?;
    let wrong = || StoreError::Corrupt { table, what: "telephone is no number".to_owned() };
    telephone.map(|text| Number::parse(&text).map(Party::Number).ok_or_else(wrong)).transpose()
}

fn leg_of(table: &'static str, row: &AnyRow) -> Result<LegId, StoreError> {
    Ok(LegId { call: id(table, row, "call_id")?, no: unsigned(row, "leg")? })
}

/// With the code of its team.
pub(crate) fn call(row: &AnyRow) -> Result<(CallRow, String), StoreError> {
    let is_first: i64 = row.try_get("is_first")?;
    let read = CallRow {
        call: id(CALL, row, "id")?,
        origin: word(CALL, row, "origin", CallOrigin::parse)?,
        conversation: optional_id(CALL, row, "conversation")?,
        team: TeamId(0),
        item: row.try_get("item")?,
        is_first: is_first != 0,
        began_at: instant(row, "began_at")?,
        answered_at: optional_instant(row, "answered_at")?,
        operator: optional_id(CALL, row, "operator")?,
        stars: optional_number(CALL, row, "stars")?,
        ended_at: optional_instant(row, "ended_at")?,
        because: optional_word(CALL, row, "because", CallEnd::parse)?,
    };
    Ok((read, row.try_get("team")?))
}

pub(crate) fn request(row: &AnyRow) -> Result<RequestRow, StoreError> {
    let call: CallId = id(REQUEST, row, "call_id")?;
    Ok(RequestRow {
        call,
        number: unsigned(row, "number")?,
        part: word(REQUEST, row, "part", CallPart::parse)?,
        by: optional_id(REQUEST, row, "asked_by")?,
        about: About { item: row.try_get("item")?, department: row.try_get("department")? },
        order: word(REQUEST, row, "ring_order", Order::parse)?,
        candidates: unsigned(row, "candidates")?,
        asked_at: instant(row, "asked_at")?,
        answered_by: optional_number(REQUEST, row, "answered_by")?.map(|no| LegId { call, no }),
        answered_round: optional_number(REQUEST, row, "answered_round")?,
        ended_at: optional_instant(row, "ended_at")?,
        result: optional_word(REQUEST, row, "result", RequestEnd::parse)?,
    })
}

pub(crate) fn attempt(row: &AnyRow) -> Result<AttemptRow, StoreError> {
    Ok(AttemptRow {
        leg: leg_of(ATTEMPT, row)?,
        part: word(ATTEMPT, row, "part", CallPart::parse)?,
        party: party_of(ATTEMPT, row)?,
        request: optional_number(ATTEMPT, row, "request")?,
        round: unsigned(row, "round")?,
        rung_at: instant(row, "rung_at")?,
        ringing_at: optional_instant(row, "ringing_at")?,
        ended_at: optional_instant(row, "ended_at")?,
        cause: optional_word(ATTEMPT, row, "cause", Cause::parse)?,
        declined: optional_word(ATTEMPT, row, "declined", DeclineReason::parse)?,
    })
}

pub(crate) fn leg(row: &AnyRow) -> Result<LegRow, StoreError> {
    Ok(LegRow {
        leg: leg_of(LEG, row)?,
        part: word(LEG, row, "part", CallPart::parse)?,
        party: party_of(LEG, row)?,
        joined_at: instant(row, "joined_at")?,
        ended_at: optional_instant(row, "ended_at")?,
        because: optional_word(LEG, row, "because", LegEnd::parse)?,
    })
}

pub(crate) fn wrap_up(row: &AnyRow) -> Result<WrapUpRow, StoreError> {
    Ok(WrapUpRow {
        call: id(WRAP_UP, row, "call_id")?,
        agent: id(WRAP_UP, row, "agent")?,
        began_at: instant(row, "began_at")?,
        until: instant(row, "until_at")?,
        ended_at: optional_instant(row, "ended_at")?,
        end: optional_word(WRAP_UP, row, "how", WrapUpEnd::parse)?,
        disposition: optional_word(WRAP_UP, row, "disposition", Disposition::parse)?,
    })
}

/// How a leg sounded; `None`: it was not measured.
pub(crate) fn sound(row: &AnyRow) -> Result<Option<LegSound>, StoreError> {
    let quality: Option<String> = row.try_get("quality")?;
    let sound = quality.map(|text| serde_json::from_str(&text)).transpose();
    sound.map_err(|error| StoreError::Corrupt { table: LEG, what: format!("quality: {error}") })
}

/// A leg that was measured.
pub(crate) fn heard(row: &AnyRow) -> Result<HeardLeg, StoreError> {
    Ok(HeardLeg {
        leg: leg_of(LEG, row)?,
        part: word(LEG, row, "part", CallPart::parse)?,
        sound: sound(row)?.unwrap_or_default(),
    })
}

fn call_back(row: &AnyRow) -> Result<CallBackRow, StoreError> {
    let department: Option<String> = row.try_get("department")?;
    let item: Option<String> = row.try_get("item")?;
    Ok(CallBackRow {
        call: id(BACK, row, "call_id")?,
        request: Some(unsigned(row, "request")?).filter(|number| *number > 0),
        about: department.map(|department| About { item, department }),
        agent: optional_id(BACK, row, "agent")?,
        owed_at: instant(row, "owed_at")?,
        due_at: instant(row, "due_at")?,
        settled_at: optional_instant(row, "settled_at")?,
    })
}

impl Store {
    /// Calls that have not ended, with what of them was open, in the order in which they began.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn open_calls(&self) -> Result<Vec<KeptCall>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, origin, conversation, team, item, is_first, began_at, answered_at, operator, stars, ended_at, \
             because, is_asked, closing, ticket FROM phone_call WHERE ended_at IS NULL ORDER BY began_at, id",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut open = Vec::with_capacity(rows.len());
        for row in &rows {
            let (call, team) = call(row)?;
            let is_asked: i64 = row.try_get("is_asked")?;
            let kept = Kept {
                requests: self.requests_of(call.call, true).await?,
                attempts: self.attempts_of(call.call, true).await?,
                legs: self.legs_of(call.call, true).await?,
                is_asked: is_asked != 0,
                is_closing: optional_word(CALL, row, "closing", CallEnd::parse)?,
                call,
            };
            open.push(KeptCall { kept, team, ticket: row.try_get("ticket")? });
        }
        Ok(open)
    }

    /// The conversation that a call is part of; `None`: there is no such call, or it has none.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn conversation_of_call(&self, call: CallId) -> Result<Option<ConversationId>, StoreError> {
        let row = sqlx::query("SELECT conversation FROM phone_call WHERE id = $1")
            .bind(call.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.map_or(Ok(None), |row| optional_id(CALL, &row, "conversation"))
    }

    /// Requests of a call, the first one first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn requests_of(&self, call: CallId, only_open: bool) -> Result<Vec<RequestRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT call_id, number, part, asked_by, item, department, ring_order, candidates, asked_at, answered_by, \
             answered_round, ended_at, result FROM call_request WHERE call_id = $1 AND ($2 = 0 OR ended_at IS NULL) \
             ORDER BY number",
        )
        .bind(call.to_string())
        .bind(i64::from(only_open))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(request).collect()
    }

    /// Attempts of a call, the first one first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn attempts_of(&self, call: CallId, only_open: bool) -> Result<Vec<AttemptRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT call_id, leg, part, agent, telephone, request, round, rung_at, ringing_at, ended_at, cause, declined \
             FROM call_attempt WHERE call_id = $1 AND ($2 = 0 OR ended_at IS NULL) ORDER BY leg",
        )
        .bind(call.to_string())
        .bind(i64::from(only_open))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(attempt).collect()
    }

    /// Legs of a call, the first one first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn legs_of(&self, call: CallId, only_open: bool) -> Result<Vec<LegRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT call_id, leg, part, agent, telephone, joined_at, ended_at, because FROM call_leg \
             WHERE call_id = $1 AND ($2 = 0 OR ended_at IS NULL) ORDER BY leg",
        )
        .bind(call.to_string())
        .bind(i64::from(only_open))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(leg).collect()
    }

    /// Wrap-ups that have not ended.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn open_wrap_ups(&self) -> Result<Vec<WrapUpRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT call_id, agent, began_at, until_at, ended_at, how, disposition FROM call_wrap_up \
             WHERE ended_at IS NULL ORDER BY until_at, call_id",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(wrap_up).collect()
    }

    /// Call-backs that are owed, the first due one first, with the conversations of their calls and the tasks that they are.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn owed_call_backs(&self) -> Result<Vec<OwedCallBack>, StoreError> {
        let rows = sqlx::query(
            "SELECT b.call_id, b.request, b.item, b.department, b.agent, b.owed_at, b.due_at, b.settled_at, \
             c.conversation, t.id AS task, t.version, t.assignee, \
             (SELECT COUNT(*) FROM task_event e WHERE e.task = t.id AND e.what = 'tried') AS tried \
             FROM call_back b JOIN phone_call c ON c.id = b.call_id \
             LEFT JOIN task t ON t.kind = 'call_back' AND t.item = COALESCE(b.item, '') \
             AND t.same = b.call_id || '/' || CAST(b.request AS TEXT) AND t.state IN ('open', 'working') \
             WHERE b.settled_at IS NULL ORDER BY b.due_at, b.call_id, b.request",
        )
        .fetch_all(&self.readers)
        .await?;
        let read = |row: &AnyRow| {
            let task = match optional_id(BACK, row, "task")? {
                Some(id) => Some(OwedTask {
                    id,
                    version: unsigned(row, "version")?,
                    assignee: optional_id(BACK, row, "assignee")?,
                    tried: unsigned(row, "tried")?,
                }),
                None => None,
            };
            Ok(OwedCallBack { row: call_back(row)?, conversation: optional_id(CALL, row, "conversation")?, task })
        };
        rows.iter().map(read).collect()
    }
}

impl Archive {
    /// Calls of a citizen, in whatever conversation, the oldest first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn calls_of(&self, citizen: CitizenId) -> Result<Vec<PastCall>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.id, c.origin, c.conversation, c.team, c.item, c.is_first, c.began_at, c.answered_at, c.operator, \
             c.stars, c.ended_at, c.because FROM phone_call c JOIN conversation o ON o.id = c.conversation \
             WHERE o.citizen = $1 ORDER BY c.began_at, c.id",
        )
        .bind(citizen.to_string())
        .fetch_all(&self.readers)
        .await?;
        let mut calls = Vec::with_capacity(rows.len());
        for row in &rows {
            let (row, team) = call(row)?;
            let notes = sqlx::query(
                "SELECT began_at, note, work_order FROM call_wrap_up \
                 WHERE call_id = $1 AND (note IS NOT NULL OR work_order IS NOT NULL) ORDER BY began_at",
            )
            .bind(row.call.to_string())
            .fetch_all(&self.readers)
            .await?;
            let read = |one: &AnyRow| {
                let note: Option<String> = one.try_get("note")?;
                Ok::<_, StoreError>((instant(one, "began_at")?, note.unwrap_or_default(), one.try_get("work_order")?))
            };
            let notes = notes.iter().map(read).collect::<Result<_, _>>()?;
            calls.push(PastCall { row, team, notes });
        }
        Ok(calls)
    }
}
