//! Virtual windows: the state of those that stand, the record of those that are over, and consents.

use bangban_domain::{
    AgentId, CitizenId, ConversationId, ParticipantId, Timestamp, WindowId,
    window::{Consent, ConsentText, EndedBecause, Kept, Origin, Person, Purpose, Seat, State},
};
use serde::{Deserialize, Serialize};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Archive, Json, Store, StoreError,
    read::{id, instant, optional_id, optional_instant, optional_word, unsigned, word},
};

const T: &str = "virtual_window";

/// A change of windows.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowChange {
    /// Inserts or updates one that stands. Consents have changes of their own.
    Stands {
        /// Which.
        window: WindowId,
        /// When it was opened.
        opened_at: Timestamp,
        /// Its state.
        kept: Box<Kept>,
    },
    /// The citizen has agreed.
    ConsentGiven {
        /// In which window.
        window: WindowId,
        /// To what.
        consent: Consent,
    },
    /// The citizen has taken it back.
    ConsentEnded {
        /// In which window.
        window: WindowId,
        /// What for.
        purpose: Purpose,
        /// When.
        at: Timestamp,
    },
    /// It is over.
    Ended {
        /// Which.
        window: WindowId,
        /// Why.
        because: EndedBecause,
        /// When.
        at: Timestamp,
        /// How well it went.
        quality: Json,
    },
}

/// A window, as it is remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRow {
    /// Which.
    pub window: WindowId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Who was helped.
    pub citizen: Option<CitizenId>,
    /// Who served.
    pub agent: AgentId,
    /// From where.
    pub origin: Origin,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Since when both sides saw each other.
    pub live_at: Option<Timestamp>,
    /// End.
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub because: Option<EndedBecause>,
    /// How well it went, once it is over.
    pub quality: Option<Json>,
    /// What the citizen has agreed to, with the instant at which they took it back.
    pub consents: Vec<(Consent, Option<Timestamp>)>,
}

/// What of [`Kept`] has no column of its own.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    asked_by: Somebody,
    state: Stands,
    agent_agrees: bool,
    invited: Option<AgentId>,
    seats: Vec<(Seat, ParticipantId, Somebody)>,
    snapshots: u32,
    is_in_call: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Somebody {
    Citizen(CitizenId),
    Staff(AgentId),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stands {
    Booked(Timestamp),
    Asked(Timestamp),
    Consented(Timestamp),
    Live(Timestamp),
}

impl From<Person> for Somebody {
    fn from(person: Person) -> Self {
        match person {
            Person::Citizen(id) => Self::Citizen(id),
            Person::Staff(id) => Self::Staff(id),
        }
    }
}

impl From<Somebody> for Person {
    fn from(somebody: Somebody) -> Self {
        match somebody {
            Somebody::Citizen(id) => Self::Citizen(id),
            Somebody::Staff(id) => Self::Staff(id),
        }
    }
}

impl From<State> for Stands {
    fn from(state: State) -> Self {
        match state {
            State::Booked { at } => Self::Booked(at),
            State::Asked { until } => Self::Asked(until),
            State::Consented { until } => Self::Consented(until),
            State::Live { since } => Self::Live(since),
        }
    }
}

impl From<Stands> for State {
    fn from(stands: Stands) -> Self {
        match stands {
            Stands::Booked(at) => Self::Booked { at },
            Stands::Asked(until) => Self::Asked { until },
            Stands::Consented(until) => Self::Consented { until },
            Stands::Live(since) => Self::Live { since },
        }
    }
}

impl From<&Kept> for Rest {
    fn from(kept: &Kept) -> Self {
        Self {
            asked_by: kept.asked_by.into(),
            state: kept.state.into(),
            agent_agrees: kept.agent_agrees,
            invited: kept.invited,
            seats: kept.seats.iter().map(|(seat, one, who)| (*seat, *one, (*who).into())).collect(),
            snapshots: kept.snapshots,
            is_in_call: kept.is_in_call,
        }
    }
}

fn corrupt(error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt { table: T, what: format!("kept: {error}") }
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &WindowChange) -> Result<(), StoreError> {
    let query = match change {
        WindowChange::Stands { window, opened_at, kept } => {
            let live_at = match kept.state {
                State::Live { since } => Some(since.0),
                State::Booked { .. } | State::Asked { .. } | State::Consented { .. } => None,
            };
            let rest = serde_json::to_string(&Rest::from(&**kept)).map_err(|error| corrupt(&error))?;
            sqlx::query(
                "INSERT INTO virtual_window (id, conversation, citizen, agent, origin, opened_at, kept, live_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (id) DO UPDATE SET citizen = excluded.citizen, agent = excluded.agent, \
                 kept = excluded.kept, live_at = excluded.live_at",
            )
            .bind(window.to_string())
            .bind(kept.conversation.to_string())
            .bind(kept.citizen.map(|id| id.to_string()))
            .bind(kept.agent.to_string())
            .bind(kept.origin.as_str())
            .bind(opened_at.0)
            .bind(rest)
            .bind(live_at)
        }
        WindowChange::ConsentGiven { window, consent } => sqlx::query(
            "INSERT INTO window_consent (window_id, purpose, text_id, text_version, given_at) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (window_id, purpose, given_at) DO UPDATE SET text_id = excluded.text_id, \
             text_version = excluded.text_version, ended_at = NULL",
        )
        .bind(window.to_string())
        .bind(consent.purpose.as_str())
        .bind(consent.text.id.clone())
        .bind(i64::from(consent.text.version))
        .bind(consent.at.0),
        WindowChange::ConsentEnded { window, purpose, at } => sqlx::query(
            "UPDATE window_consent SET ended_at = $1 WHERE window_id = $2 AND purpose = $3 AND ended_at IS NULL",
        )
        .bind(at.0)
        .bind(window.to_string())
        .bind(purpose.as_str()),
        WindowChange::Ended { window, because, at, quality } => sqlx::query(
            "UPDATE virtual_window SET kept = NULL, ended_at = $1, because = $2, quality = $3 \
             WHERE id = $4 AND ended_at IS NULL",
        )
        .bind(at.0)
        .bind(because.as_str())
        .bind(quality.as_str().to_owned())
        .bind(window.to_string()),
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Of a conversation whose thread is deleted.
pub(crate) async fn forget(tx: &mut Transaction<'_, Any>, conversation: &str) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM window_consent WHERE window_id IN (SELECT id FROM virtual_window WHERE conversation = $1)",
        "DELETE FROM virtual_window WHERE conversation = $1",
    ] {
        sqlx::query(sql).bind(conversation.to_owned()).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Windows of one citizen are another's, or nobody's, from now on.
pub(crate) async fn hand_on(tx: &mut Transaction<'_, Any>, from: &str, to: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE virtual_window SET citizen = $1 WHERE citizen = $2")
        .bind(to.to_owned())
        .bind(from.to_owned())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn consent(row: &AnyRow) -> Result<(Consent, Option<Timestamp>), StoreError> {
    let text = ConsentText { id: row.try_get("text_id")?, version: unsigned(row, "text_version")? };
    let purpose = word("window_consent", row, "purpose", Purpose::parse)?;
    Ok((Consent { purpose, text, at: instant(row, "given_at")? }, optional_instant(row, "ended_at")?))
}

fn window(row: &AnyRow) -> Result<WindowRow, StoreError> {
    let quality: Option<String> = row.try_get("quality")?;
    let quality = quality.map(serde_json::value::RawValue::from_string).transpose();
    Ok(WindowRow {
        window: id(T, row, "id")?,
        conversation: id(T, row, "conversation")?,
        citizen: optional_id(T, row, "citizen")?,
        agent: id(T, row, "agent")?,
        origin: word(T, row, "origin", Origin::parse)?,
        opened_at: instant(row, "opened_at")?,
        live_at: optional_instant(row, "live_at")?,
        ended_at: optional_instant(row, "ended_at")?,
        because: optional_word(T, row, "because", EndedBecause::parse)?,
        quality: quality.map_err(|error| corrupt(&error))?.map(Json),
        consents: Vec::new(),
    })
}

impl Store {
    /// Windows that have not ended, with the instants at which they were opened, in that order.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn open_windows(&self) -> Result<Vec<(WindowId, Timestamp, Kept)>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, conversation, citizen, agent, origin, opened_at, kept, live_at, ended_at, because, quality \
             FROM virtual_window WHERE ended_at IS NULL ORDER BY opened_at, id",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut open = Vec::with_capacity(rows.len());
        for row in &rows {
            let known = window(row)?;
            let rest: String = row.try_get("kept")?;
            let rest: Rest = serde_json::from_str(&rest).map_err(|error| corrupt(&error))?;
            let consents = consents(&self.readers, known.window).await?;
            let kept = Kept {
                conversation: known.conversation,
                origin: known.origin,
                asked_by: rest.asked_by.into(),
                state: rest.state.into(),
                citizen: known.citizen,
                agent: known.agent,
                agent_agrees: rest.agent_agrees,
                invited: rest.invited,
                consents: consents.into_iter().filter(|(_, ended)| ended.is_none()).map(|(one, _)| one).collect(),
                seats: rest.seats.into_iter().map(|(seat, one, who)| (seat, one, who.into())).collect(),
                snapshots: rest.snapshots,
                is_in_call: rest.is_in_call,
            };
            open.push((known.window, known.opened_at, kept));
        }
        Ok(open)
    }
}

impl Archive {
    /// Windows of a citizen, in whatever conversation, the oldest first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn windows_of(&self, citizen: CitizenId) -> Result<Vec<WindowRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, conversation, citizen, agent, origin, opened_at, live_at, ended_at, because, quality \
             FROM virtual_window WHERE citizen = $1 ORDER BY opened_at, id",
        )
        .bind(citizen.to_string())
        .fetch_all(&self.readers)
        .await?;
        let mut windows = Vec::with_capacity(rows.len());
        for row in &rows {
            let known = window(row)?;
            let consents = consents(&self.readers, known.window).await?;
            windows.push(WindowRow { consents, ..known });
        }
        Ok(windows)
    }
}

/// In the order in which they were given.
async fn consents(readers: &sqlx::AnyPool, window: WindowId) -> Result<Vec<(Consent, Option<Timestamp>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT purpose, text_id, text_version, given_at, ended_at FROM window_consent WHERE window_id = $1 \
         ORDER BY given_at, purpose",
    )
    .bind(window.to_string())
    .fetch_all(readers)
    .await?;
    rows.iter().map(consent).collect()
}
