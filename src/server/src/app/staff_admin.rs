//! Administration of accounts: who sees which, who may change what, and what follows at once.

use bangban_domain::{AgentId, Timestamp, rights::Action, words::SessionEnd};
use bangban_protocol::{ErrorCode, StaffBody, StaffView, TeamLevel, WireError};
use bangban_store::{Author, Change, Membership, SessionRow, StaffChange, StaffRow, Unit};

use super::{App, forbidden, staff::Told, store_error};
use crate::{
    auth::Staff,
    desk::new_id,
    staff::{At, Caller, change, oidc::Person},
};

/// Most grants, teams, skills and languages of an account.
const MOST: usize = 20;

/// Longest name, skill and language, in characters.
const LONGEST: usize = 50;

/// Most conversations at once.
const MOST_CAPACITY: u32 = 20;

fn no_such() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such account")
}

impl App {
    /// An account as administrators see it.
    #[must_use]
    pub fn staff_view(&self, row: &StaffRow) -> StaffView {
        let sessions = self.accounts.sessions_of(row.id);
        let now = self.clock.now();
        StaffView {
            id: row.id,
            version: row.version,
            login: row.login.clone(),
            name: row.name.clone(),
            unit: row.unit.clone(),
            grants: row.grants.clone(),
            teams: row.teams.iter().map(|one| TeamLevel { team: one.team.clone(), level: one.level }).collect(),
            skills: row.skills.clone(),
            languages: row.languages.clone(),
            capacity: row.capacity,
            is_active: row.is_active,
            has_totp: row.totp.is_some(),
            has_password: !row.password_hash.is_empty(),
            must_change_password: row.must_change,
            locked_until: self.door.locked_until(&row.login, now),
            sessions: u32::try_from(sessions.len()).unwrap_or(u32::MAX),
            seen_at: sessions.iter().map(|session| session.seen_at).max(),
        }
    }

    /// The accounts that one may see, by staff number: those of units whose staff one manages, or whose administration
    /// one may read.
    #[must_use]
    pub fn staff_seen_by(&self, who: &Staff) -> Vec<std::sync::Arc<StaffRow>> {
        let mut seen = self.accounts.all();
        seen.retain(|row| self.sees_account(who, row));
        seen.sort_by(|one, other| one.login.cmp(&other.login));
        seen
    }

    fn sees_account(&self, who: &Staff, row: &StaffRow) -> bool {
        let at = At::unit(row.unit.as_deref());
        self.may(who, Action::ManageStaff, at) || self.may(who, Action::ReadAdministration, at)
    }

    /// An account that one may see.
    ///
    /// # Errors
    /// `not_found`, also for one that is not for these eyes.
    pub fn account_seen_by(&self, who: &Staff, id: AgentId) -> Result<std::sync::Arc<StaffRow>, WireError> {
        self.accounts.get(id).filter(|row| self.sees_account(who, row)).ok_or_else(no_such)
    }

    /// An account whose log-in one may manage: everything that it may do lies in units that one manages.
    ///
    /// # Errors
    /// `not_found` if one may not even see it, else `forbidden`.
    pub fn account_managed_by(&self, who: &Staff, id: AgentId) -> Result<std::sync::Arc<StaffRow>, WireError> {
        let row = self.account_seen_by(who, id)?;
        let manages = |unit: Option<&str>| self.may(who, Action::ManageStaff, At::unit(unit));
        if change::manages_all(&row, manages) { Ok(row) } else { Err(forbidden()) }
    }

    /// A new account, without a password yet.
    ///
    /// # Errors
    /// `forbidden`, or the field that is wrong.
    pub async fn add_account(
        &self,
        who: &Staff,
        caller: &Caller,
        body: StaffBody,
        reason: Option<String>,
    ) -> Result<StaffRow, WireError> {
        let row = self.as_row(StaffRow::new(AgentId::new(new_id()), "", ""), body)?;
        self.keep(who, caller, None, row, reason).await
    }

    /// Changes an account that is at this version.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `outdated`, or the field that is wrong.
    pub async fn change_account(
        &self,
        who: &Staff,
        caller: &Caller,
        id: AgentId,
        version: u64,
        body: StaffBody,
        reason: Option<String>,
    ) -> Result<StaffRow, WireError> {
        let before = self.account_seen_by(who, id)?;
        if before.version != version {
            return Err(store_error(bangban_store::StoreError::StaffOutdated(id)));
        }
        let row = self.as_row(StaffRow::clone(&before), body)?;
        self.keep(who, caller, Some(&before), row, reason).await
    }

    async fn keep(
        &self,
        who: &Staff,
        caller: &Caller,
        before: Option<&StaffRow>,
        mut after: StaffRow,
        reason: Option<String>,
    ) -> Result<StaffRow, WireError> {
        // One change after the other, so that two administrators cannot take each other's rights in the same moment.
        let _turn = self.changing_accounts.lock().await;
        let others = self.accounts.all();
        let others: Vec<&StaffRow> = others.iter().filter(|row| row.id != after.id).map(|row| &**row).collect();
        let manages = |unit: Option<&str>| self.may(who, Action::ManageStaff, At::unit(unit));
        let unit_of_team = |team: &str| self.rights.unit_of_team(team);
        change::check(who.id, before, &after, &others, manages, unit_of_team)
            .map_err(|denied| WireError::new(ErrorCode::Forbidden, denied.to_string()))?;
        let from = before.map_or(0, |before| before.version);
        after.version = from + 1;
        let now = self.clock.now();
        let actor = Author::Agent(who.id);
        let address = Some(caller.address.as_str());
        let edited = StaffChange::Edited { row: Box::new(after.clone()), from };
        let told = Told {
            actor,
            action: if before.is_some() { "staff.change" } else { "staff.add" },
            account: &after,
            address,
            reason,
            detail: serde_json::json!({ "before": before.map(audited), "after": audited(&after) }),
        };
        let closes = before.is_some_and(|before| before.is_active) && !after.is_active;
        let sessions = if closes { self.accounts.sessions_of(after.id) } else { Vec::new() };
        let changes = || -> anyhow::Result<Vec<Change>> {
            let mut changes = vec![Change::Account(edited), told.at(now)?];
            changes.extend(self.ending(&after, &sessions, SessionEnd::Closed, actor, address)?);
            Ok(changes)
        };
        let changes = changes().map_err(|error| super::internal(&error))?;
        self.store.commit(Unit { changes, ..Unit::default() }).await.map_err(store_error)?;
        // What others have changed of it meanwhile (password, second factor) stays.
        match before {
            None => self.accounts.put(after.clone()),
            Some(_) => self.accounts.change(after.id, |row| {
                let StaffRow { password_hash, must_change, totp, totp_step, status, locked_until, .. } = row.clone();
                *row = StaffRow { password_hash, must_change, totp, totp_step, status, locked_until, ..after.clone() };
            }),
        }
        self.have_ended(after.id, &sessions);
        Ok(after)
    }

    /// An account without any rights for one whom the organisation's own log-in knows and we do not (`oidc.create`).
    ///
    /// # Errors
    /// If the staff number is none, or the store says so.
    pub async fn account_of_stranger(
        &self,
        person: &Person,
        caller: &Caller,
    ) -> anyhow::Result<std::sync::Arc<StaffRow>> {
        let body = StaffBody {
            login: person.login.clone(),
            name: person.name.clone().unwrap_or_else(|| person.login.clone()),
            unit: None,
            grants: Vec::new(),
            teams: Vec::new(),
            skills: Vec::new(),
            languages: Vec::new(),
            capacity: 1,
            is_active: true,
        };
        let row = self.as_row(StaffRow::new(AgentId::new(new_id()), "", ""), body)?;
        let told = Told {
            actor: Author::System,
            action: "staff.add",
            account: &row,
            address: Some(&caller.address),
            reason: Some("oidc.create".to_owned()),
            detail: serde_json::json!({ "before": null, "after": audited(&row) }),
        };
        let edited = StaffChange::Edited { row: Box::new(row.clone()), from: 0 };
        let changes = vec![Change::Account(edited), told.at(self.clock.now())?];
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.accounts.put(row.clone());
        Ok(std::sync::Arc::new(row))
    }

    /// Lifts the lock that wrong attempts have put on a staff number.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn unlock(&self, row: &StaffRow, who: &Staff, caller: &Caller) -> anyhow::Result<()> {
        let told = Told {
            actor: Author::Agent(who.id),
            action: "staff.unlock",
            account: row,
            address: Some(&caller.address),
            reason: None,
            detail: serde_json::Value::Null,
        };
        let lifted = StaffChange::Locked { login: row.login.clone(), until: Timestamp(0) };
        let changes = vec![Change::Account(lifted), told.at(self.clock.now())?];
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.door.lift(&row.login);
        self.accounts.change(row.id, |row| row.locked_until = Timestamp(0));
        self.hub.tell_of_account(row.id);
        Ok(())
    }

    /// The open sessions of an account, all or one.
    ///
    /// # Errors
    /// `not_found`.
    pub fn sessions_to_end(
        &self,
        id: AgentId,
        session: Option<bangban_domain::StaffSessionId>,
    ) -> Result<Vec<SessionRow>, WireError> {
        let mut sessions = self.accounts.sessions_of(id);
        if let Some(session) = session {
            sessions.retain(|row| row.id == session);
            if sessions.is_empty() {
                return Err(WireError::new(ErrorCode::NotFound, "no such session"));
            }
        }
        Ok(sessions)
    }

    /// The account with what was written, if all of it can be taken.
    fn as_row(&self, row: StaffRow, body: StaffBody) -> Result<StaffRow, WireError> {
        let StaffBody { login, name, unit, grants, teams, skills, languages, capacity, is_active } = body;
        let login = login.trim().to_owned();
        let is_login = (2..=64).contains(&login.len())
            && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_login {
            return Err(WireError::field("body.login", "must be 2 to 64 letters, digits, dots, lines or hyphens"));
        }
        let name = some_text("body.name", &name)?;
        self.known_unit("body.unit", unit.as_deref())?;
        let catalogue = self.catalogue();
        at_most("body.grants", grants.len())?;
        at_most("body.teams", teams.len())?;
        for (n, grant) in grants.iter().enumerate() {
            self.known_unit(&format!("body.grants[{n}].unit"), grant.unit.as_deref())?;
            if let Some(item) = grant.items.iter().find(|item| catalogue.item(item).is_none()) {
                return Err(WireError::field(format!("body.grants[{n}].items"), format!("no such item: {item}")));
            }
            if grants[..n].contains(grant) {
                return Err(WireError::field(format!("body.grants[{n}]"), "stands there twice"));
            }
        }
        for (n, TeamLevel { team, level }) in teams.iter().enumerate() {
            if catalogue.team(team).is_none() {
                return Err(WireError::field(format!("body.teams[{n}].team"), "no such team"));
            }
            if !(1..=5).contains(level) {
                return Err(WireError::field(format!("body.teams[{n}].level"), "must be 1 to 5"));
            }
            if teams[..n].iter().any(|other| other.team == *team) {
                return Err(WireError::field(format!("body.teams[{n}].team"), "stands there twice"));
            }
        }
        if !(1..=MOST_CAPACITY).contains(&capacity) {
            return Err(WireError::field("body.capacity", format!("must be 1 to {MOST_CAPACITY}")));
        }
        let mut teams: Vec<Membership> =
            teams.into_iter().map(|TeamLevel { team, level }| Membership { team, level }).collect();
        teams.sort_by(|one, other| one.team.cmp(&other.team));
        let skills = texts("body.skills", skills)?;
        let languages = texts("body.languages", languages)?;
        Ok(StaffRow { login, name, unit, grants, teams, skills, languages, capacity, is_active, ..row })
    }

    fn known_unit(&self, field: &str, unit: Option<&str>) -> Result<(), WireError> {
        match unit {
            Some(code) if !self.rights.knows_unit(code) => Err(WireError::field(field, "no such unit")),
            _ => Ok(()),
        }
    }
}

fn some_text(field: &str, text: &str) -> Result<String, WireError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST {
        return Err(WireError::field(field, format!("must have 1 to {LONGEST} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(WireError::field(field, "must be one line of text"));
    }
    Ok(text.to_owned())
}

fn at_most(field: &str, count: usize) -> Result<(), WireError> {
    if count > MOST { Err(WireError::field(field, format!("at most {MOST}"))) } else { Ok(()) }
}

fn texts(field: &str, texts: Vec<String>) -> Result<Vec<String>, WireError> {
    at_most(field, texts.len())?;
    texts.iter().enumerate().map(|(n, text)| some_text(&format!("{field}[{n}]"), text)).collect()
}

/// What the audit log keeps of an account.
fn audited(row: &StaffRow) -> serde_json::Value {
    let teams: Vec<_> =
        row.teams.iter().map(|one| serde_json::json!({ "team": one.team, "level": one.level })).collect();
    serde_json::json!({
        "login": row.login,
        "name": row.name,
        "unit": row.unit,
        "grants": row.grants,
        "teams": teams,
        "skills": row.skills,
        "languages": row.languages,
        "capacity": row.capacity,
        "isActive": row.is_active,
    })
}
