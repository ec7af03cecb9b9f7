//! Accounts of staff, their second factor and their sessions. Passwords, refresh tokens and recovery codes are here as
//! hashes only.

use std::collections::HashMap;

use bangban_domain::{
    AgentId, StaffSessionId, Timestamp,
    rights::Grant,
    words::{AgentStatus, Role, SessionEnd, SignIn},
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Store, StoreError,
    read::{id, instant, optional_instant, optional_word, unsigned, word},
    record::count,
};

/// Membership in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Team code.
    pub team: String,
    /// 1 (learns it) .. 5 (teaches it).
    pub level: u8,
}

impl Membership {
    /// Of usual experience.
    #[must_use]
    pub fn new(team: impl Into<String>) -> Self {
        Self { team: team.into(), level: 3 }
    }
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRow {
    /// Id.
    pub id: AgentId,
    /// 1, 2, ...
    pub version: u64,
    /// Staff number.
    pub login: String,
    /// Display name.
    pub name: String,
    /// Code of the unit that they belong to; `None`: the city.
    pub unit: Option<String>,
    /// What they may do, and where; the first one is their main part.
    pub grants: Vec<Grant>,
    /// PHC string; empty: no password fits.
    pub password_hash: String,
    /// The password is good for one log-in and has to be changed then.
    pub must_change: bool,
    /// Second factor, sealed.
    pub totp: Option<String>,
    /// Last step whose code was taken.
    pub totp_step: u64,
    /// Conversations at once.
    pub capacity: u32,
    /// Last chosen status.
    pub status: AgentStatus,
    /// Teams.
    pub teams: Vec<Membership>,
    /// What else they can do.
    pub skills: Vec<String>,
    /// What they speak beside the standard language.
    pub languages: Vec<String>,
    /// May they log in?
    pub is_active: bool,
    /// Log-ins are refused until then.
    pub locked_until: Timestamp,
}

impl StaffRow {
    /// An account without password and rights.
    #[must_use]
    pub fn new(id: AgentId, login: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id,
            version: 1,
            login: login.into(),
            name: name.into(),
            unit: None,
            grants: Vec::new(),
            password_hash: String::new(),
            must_change: false,
            totp: None,
            totp_step: 0,
            capacity: 1,
            status: AgentStatus::Online,
            teams: Vec::new(),
            skills: Vec::new(),
            languages: Vec::new(),
            is_active: true,
            locked_until: Timestamp(0),
        }
    }

    /// With a role in the whole city.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.grants.push(Grant { role, unit: None, items: Vec::new() });
        self
    }
}

/// One log-in of one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Id.
    pub id: StaffSessionId,
    /// Whose.
    pub agent: AgentId,
    /// How they showed who they are.
    pub way: SignIn,
    /// Begin.
    pub began_at: Timestamp,
    /// Last renewal.
    pub seen_at: Timestamp,
    /// The end, whatever happens.
    pub ends_at: Timestamp,
    /// What the browser calls itself.
    pub device: String,
    /// Network address of the last renewal.
    pub address: String,
    /// Over since then, and why.
    pub ended: Option<(Timestamp, SessionEnd)>,
}

/// A change of accounts and sessions.
#[derive(Debug, Clone, PartialEq)]
pub enum StaffChange {
    /// What administrators change of an account: everything but status, password, second factor and lock. A new one
    /// (`from` 0) is written whole.
    Edited {
        /// After the change; its version is `from` + 1.
        row: Box<StaffRow>,
        /// The version that the change was made from.
        from: u64,
    },
    /// A new password.
    Password {
        /// Whose.
        agent: AgentId,
        /// PHC string.
        hash: String,
        /// For one log-in.
        must_change: bool,
    },
    /// A new second factor with its recovery codes, or none any more.
    Totp {
        /// Whose.
        agent: AgentId,
        /// Sealed secret.
        secret: Option<String>,
        /// Hashes; they replace all earlier ones.
        recovery: Vec<String>,
        /// The step of the code by which it was confirmed.
        step: u64,
    },
    /// A code was taken: no code of this step or an earlier one is taken again.
    TotpUsed {
        /// Whose.
        agent: AgentId,
        /// Which step.
        step: u64,
    },
    /// A recovery code was taken.
    RecoveryUsed {
        /// Whose.
        agent: AgentId,
        /// Which.
        hash: String,
        /// When.
        at: Timestamp,
    },
    /// A log-in, with the hash of its first refresh token.
    Began(Box<SessionRow>, String),
    /// A renewal.
    Renewed {
        /// Which.
        session: StaffSessionId,
        /// When.
        at: Timestamp,
        /// From where.
        address: String,
        /// Hash of the refresh token that was used.
        used: String,
        /// Hash of the next one.
        next: String,
    },
    /// Over.
    Ended {
        /// Which.
        session: StaffSessionId,
        /// When.
        at: Timestamp,
        /// Why.
        why: SessionEnd,
    },
    /// Log-ins are refused until then.
    Locked {
        /// Staff number, which need not exist.
        login: String,
        /// 0: not any more.
        until: Timestamp,
    },
    /// Forgets sessions that ended before this instant.
    Forget(Timestamp),
}

/// What accounts and sessions are called where changes are counted; no kind of record has this name.
const COUNTED_AS: &str = "staff";

impl StaffChange {
    /// Has whoever keeps accounts and open sessions in memory to read them again? A renewal is looked up where it comes.
    const fn is_counted(&self) -> bool {
        !matches!(self, Self::Renewed { .. } | Self::Forget(_))
    }
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt { table: "agent", what: error.to_string() })
}

fn list<T: DeserializeOwned>(table: &'static str, row: &AnyRow, column: &str) -> Result<Vec<T>, StoreError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| StoreError::Corrupt { table, what: format!("{column}: {error}") })
}

/// `Change::Staff`: written whole; a known one keeps its status and lock.
pub(crate) async fn put(tx: &mut Transaction<'_, Any>, row: &StaffRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO agent (id, login, name, password_hash, capacity, status, status_at, version, unit, skills, \
         languages, is_active, must_change) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (id) DO UPDATE SET login = excluded.login, name = excluded.name, \
         password_hash = excluded.password_hash, capacity = excluded.capacity, version = excluded.version, \
         unit = excluded.unit, skills = excluded.skills, languages = excluded.languages, \
         is_active = excluded.is_active, must_change = excluded.must_change",
    )
    .bind(row.id.to_string())
    .bind(row.login.clone())
    .bind(row.name.clone())
    .bind(row.password_hash.clone())
    .bind(i64::from(row.capacity))
    .bind(row.status.as_str())
    .bind(i64::try_from(row.version).unwrap_or(i64::MAX))
    .bind(row.unit.clone())
    .bind(json(&row.skills)?)
    .bind(json(&row.languages)?)
    .bind(i64::from(row.is_active))
    .bind(i64::from(row.must_change))
    .execute(&mut **tx)
    .await?;
    put_lists(tx, row).await
}

async fn put_lists(tx: &mut Transaction<'_, Any>, row: &StaffRow) -> Result<(), StoreError> {
    let id = row.id.to_string();
    sqlx::query("DELETE FROM agent_team WHERE agent = $1").bind(id.clone()).execute(&mut **tx).await?;
    for Membership { team, level } in &row.teams {
        sqlx::query("INSERT INTO agent_team (agent, team, level) VALUES ($1, $2, $3)")
            .bind(id.clone())
            .bind(team.clone())
            .bind(i64::from(*level))
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query("DELETE FROM agent_grant WHERE agent = $1").bind(id.clone()).execute(&mut **tx).await?;
    for (grant, no) in row.grants.iter().zip(1_i64..) {
        sqlx::query("INSERT INTO agent_grant (agent, no, role, unit, items) VALUES ($1, $2, $3, $4, $5)")
            .bind(id.clone())
            .bind(no)
            .bind(grant.role.as_str())
            .bind(grant.unit.clone())
            .bind(json(&grant.items)?)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

pub(crate) async fn carry_out(tx: &mut Transaction<'_, Any>, change: &StaffChange) -> Result<(), StoreError> {
    if change.is_counted() {
        count(tx, COUNTED_AS).await?;
    }
    let query = match change {
        StaffChange::Edited { row, from } => return edit(tx, row, *from).await,
        StaffChange::Password { agent, hash, must_change } => {
            sqlx::query("UPDATE agent SET password_hash = $1, must_change = $2 WHERE id = $3")
                .bind(hash.clone())
                .bind(i64::from(*must_change))
                .bind(agent.to_string())
        }
        StaffChange::Totp { agent, secret, recovery, step } => {
            sqlx::query("DELETE FROM agent_recovery WHERE agent = $1")
                .bind(agent.to_string())
                .execute(&mut **tx)
                .await?;
            for hash in recovery {
                sqlx::query("INSERT INTO agent_recovery (agent, hash) VALUES ($1, $2)")
                    .bind(agent.to_string())
                    .bind(hash.clone())
                    .execute(&mut **tx)
                    .await?;
            }
            sqlx::query("UPDATE agent SET totp = $1, totp_step = $2 WHERE id = $3")
                .bind(secret.clone())
                .bind(i64::try_from(*step).unwrap_or(i64::MAX))
                .bind(agent.to_string())
        }
        StaffChange::TotpUsed { agent, step } => {
            sqlx::query("UPDATE agent SET totp_step = $1 WHERE id = $2 AND totp_step < $1")
                .bind(i64::try_from(*step).unwrap_or(i64::MAX))
                .bind(agent.to_string())
        }
        StaffChange::RecoveryUsed { agent, hash, at } => {
            sqlx::query("UPDATE agent_recovery SET used_at = $1 WHERE agent = $2 AND hash = $3 AND used_at IS NULL")
                .bind(at.0)
                .bind(agent.to_string())
                .bind(hash.clone())
        }
        StaffChange::Began(row, refresh) => {
            sqlx::query(
                "INSERT INTO staff_session (id, agent, way, began_at, seen_at, ends_at, device, address) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(row.id.to_string())
            .bind(row.agent.to_string())
            .bind(row.way.as_str())
            .bind(row.began_at.0)
            .bind(row.seen_at.0)
            .bind(row.ends_at.0)
            .bind(row.device.clone())
            .bind(row.address.clone())
            .execute(&mut **tx)
            .await?;
            new_refresh(row.id, refresh)
        }
        StaffChange::Renewed { session, at, address, used, next } => {
            // A use within the grace of another one does not move the first use.
            sqlx::query("UPDATE staff_refresh SET used_at = $1 WHERE hash = $2 AND used_at IS NULL")
                .bind(at.0)
                .bind(used.clone())
                .execute(&mut **tx)
                .await?;
            sqlx::query("UPDATE staff_session SET seen_at = $1, address = $2 WHERE id = $3")
                .bind(at.0)
                .bind(address.clone())
                .bind(session.to_string())
                .execute(&mut **tx)
                .await?;
            new_refresh(*session, next)
        }
        StaffChange::Ended { session, at, why } => {
            sqlx::query("UPDATE staff_session SET ended_at = $1, why = $2 WHERE id = $3 AND ended_at IS NULL")
                .bind(at.0)
                .bind(why.as_str())
                .bind(session.to_string())
        }
        StaffChange::Locked { login, until } => {
            sqlx::query("UPDATE agent SET locked_until = $1 WHERE login = $2").bind(until.0).bind(login.clone())
        }
        StaffChange::Forget(before) => {
            sqlx::query(
                "DELETE FROM staff_refresh WHERE session IN \
                 (SELECT id FROM staff_session WHERE ended_at < $1 OR ends_at < $1)",
            )
            .bind(before.0)
            .execute(&mut **tx)
            .await?;
            sqlx::query("DELETE FROM staff_session WHERE ended_at < $1 OR ends_at < $1").bind(before.0)
        }
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

fn new_refresh(session: StaffSessionId, hash: &str) -> sqlx::query::Query<'static, Any, sqlx::any::AnyArguments> {
    sqlx::query("INSERT INTO staff_refresh (hash, session) VALUES ($1, $2)")
        .bind(hash.to_owned())
        .bind(session.to_string())
}

/// # Errors
/// [`StoreError::LoginTaken`], [`StoreError::StaffOutdated`].
async fn edit(tx: &mut Transaction<'_, Any>, row: &StaffRow, from: u64) -> Result<(), StoreError> {
    let other = sqlx::query("SELECT id FROM agent WHERE login = $1 AND id <> $2")
        .bind(row.login.clone())
        .bind(row.id.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    if other.is_some() {
        return Err(StoreError::LoginTaken);
    }
    if from == 0 {
        return put(tx, row).await;
    }
    let done = sqlx::query(
        "UPDATE agent SET login = $1, name = $2, capacity = $3, version = version + 1, unit = $4, skills = $5, \
         languages = $6, is_active = $7 WHERE id = $8 AND version = $9",
    )
    .bind(row.login.clone())
    .bind(row.name.clone())
    .bind(i64::from(row.capacity))
    .bind(row.unit.clone())
    .bind(json(&row.skills)?)
    .bind(json(&row.languages)?)
    .bind(i64::from(row.is_active))
    .bind(row.id.to_string())
    .bind(i64::try_from(from).unwrap_or(i64::MAX))
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::StaffOutdated(row.id));
    }
    put_lists(tx, row).await
}

/// Keeps the column list and the row reader together; `$rest` is what follows FROM.
macro_rules! select {
    (agent $rest:literal) => {
        concat!(
            "SELECT id, version, login, name, unit, password_hash, must_change, totp, totp_step, capacity, status, ",
            "skills, languages, is_active, locked_until FROM agent ",
            $rest
        )
    };
    (session $rest:literal) => {
        concat!(
            "SELECT s.id, s.agent, s.way, s.began_at, s.seen_at, s.ends_at, s.device, s.address, s.ended_at, s.why ",
            "FROM staff_session s ",
            $rest
        )
    };
}

fn member(row: &AnyRow) -> Result<StaffRow, StoreError> {
    Ok(StaffRow {
        id: id("agent", row, "id")?,
        version: unsigned(row, "version")?,
        login: row.try_get("login")?,
        name: row.try_get("name")?,
        unit: row.try_get("unit")?,
        grants: Vec::new(),
        password_hash: row.try_get("password_hash")?,
        must_change: row.try_get::<i64, _>("must_change")? == 1,
        totp: row.try_get("totp")?,
        totp_step: unsigned(row, "totp_step")?,
        capacity: unsigned(row, "capacity")?,
        status: word("agent", row, "status", AgentStatus::parse)?,
        teams: Vec::new(),
        skills: list("agent", row, "skills")?,
        languages: list("agent", row, "languages")?,
        is_active: row.try_get::<i64, _>("is_active")? == 1,
        locked_until: instant(row, "locked_until")?,
    })
}

fn session(row: &AnyRow) -> Result<SessionRow, StoreError> {
    const T: &str = "staff_session";
    let ended_at = optional_instant(row, "ended_at")?;
    Ok(SessionRow {
        id: id(T, row, "id")?,
        agent: id(T, row, "agent")?,
        way: word(T, row, "way", SignIn::parse)?,
        began_at: instant(row, "began_at")?,
        seen_at: instant(row, "seen_at")?,
        ends_at: instant(row, "ends_at")?,
        device: row.try_get("device")?,
        address: row.try_get("address")?,
        ended: ended_at.zip(optional_word(T, row, "why", SessionEnd::parse)?),
    })
}

impl Store {
    /// All staff with teams and grants, by staff number.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn staff(&self) -> Result<Vec<StaffRow>, StoreError> {
        let rows = sqlx::query(select!(agent "ORDER BY login")).fetch_all(&self.readers).await?;
        let mut all = rows.iter().map(member).collect::<Result<Vec<_>, _>>()?;
        let places: HashMap<AgentId, usize> = all.iter().zip(0..).map(|(member, n)| (member.id, n)).collect();
        let teams = sqlx::query("SELECT agent, team, level FROM agent_team ORDER BY agent, team")
            .fetch_all(&self.readers)
            .await?;
        for row in &teams {
            if let Some(place) = places.get(&id("agent_team", row, "agent")?) {
                all[*place].teams.push(Membership { team: row.try_get("team")?, level: unsigned(row, "level")? });
            }
        }
        let grants = sqlx::query("SELECT agent, role, unit, items FROM agent_grant ORDER BY agent, no")
            .fetch_all(&self.readers)
            .await?;
        for row in &grants {
            if let Some(place) = places.get(&id("agent_grant", row, "agent")?) {
                all[*place].grants.push(Grant {
                    role: word("agent_grant", row, "role", Role::parse)?,
                    unit: row.try_get("unit")?,
                    items: list("agent_grant", row, "items")?,
                });
            }
        }
        Ok(all)
    }

    /// How often accounts and sessions have changed, so that whoever keeps them in memory knows whether to read again.
    pub async fn account_changes(&self) -> Result<u64, StoreError> {
        Ok(self.change_counts().await?.get(COUNTED_AS).copied().unwrap_or(0))
    }

    /// Sessions that neither ended nor reached their end before `now`, last begun first.
    pub async fn open_sessions(&self, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
        let rows =
            sqlx::query(select!(session "WHERE s.ended_at IS NULL AND s.ends_at > $1 ORDER BY s.began_at DESC, s.id"))
                .bind(now.0)
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(session).collect()
    }

    /// The session that a refresh token belongs to, and when the token was used, if it was.
    pub async fn session_of_refresh(&self, hash: &str) -> Result<Option<(SessionRow, Option<Timestamp>)>, StoreError> {
        let row = sqlx::query(
            "SELECT s.id, s.agent, s.way, s.began_at, s.seen_at, s.ends_at, s.device, s.address, s.ended_at, s.why, \
             r.used_at FROM staff_refresh r JOIN staff_session s ON s.id = r.session WHERE r.hash = $1",
        )
        .bind(hash.to_owned())
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(|row| Ok((session(row)?, optional_instant(row, "used_at")?))).transpose()
    }

    /// Is it one of the agent's recovery codes that were not used yet?
    pub async fn has_recovery(&self, agent: AgentId, hash: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT hash FROM agent_recovery WHERE agent = $1 AND hash = $2 AND used_at IS NULL")
            .bind(agent.to_string())
            .bind(hash.to_owned())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// How many recovery codes are left.
    pub async fn recoveries_left(&self, agent: AgentId) -> Result<u32, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM agent_recovery WHERE agent = $1 AND used_at IS NULL")
            .bind(agent.to_string())
            .fetch_one(&self.readers)
            .await?;
        unsigned(&row, "n")
    }
}
