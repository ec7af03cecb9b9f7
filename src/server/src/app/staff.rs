//! Log-ins of staff: sessions with their refresh tokens, passwords, second factors. Who may is decided before these are
//! called, unless they say so.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::{
    AgentId, StaffSessionId, Timestamp,
    time::{DAY, MINUTE, Millis, SECOND},
    words::{SessionEnd, SignIn},
};
use bangban_protocol::{Identity, LoginReply};
use bangban_store::{Audit, Author, Change, Json, SessionRow, StaffChange, StaffRow, StoreError, Unit};
use serde_json::{Value, value::to_raw_value};
use tokio::time::sleep;

use super::App;
use crate::{
    desk::new_id,
    staff::{Caller, Totp, fingerprint, random_token},
};

/// A refresh token that comes again within this time is no theft: two tabs have renewed together, or the first answer
/// was lost on its way.
const GRACE: Millis = 30 * SECOND;

/// Sessions that are over are kept so long, for whoever asks where a person was logged in.
const KEPT: Millis = 180 * DAY;

/// Longest name of a browser that is kept, in characters.
const LONGEST_DEVICE: usize = 300;

/// How often accounts are compared with the store, should another node's word have been lost.
const LOOK: Duration = Duration::from_secs(10);

/// A session's tokens.
#[derive(Debug)]
pub struct SignedIn {
    /// For the page.
    pub reply: LoginReply,
    /// For the cookie.
    pub refresh: String,
    /// How long the cookie is worth something.
    pub lasts: Millis,
}

/// Why there is no new token.
#[derive(Debug)]
pub enum NoRenewal {
    /// Log in again.
    Over,
    /// Our fault.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for NoRenewal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A line of the audit log about an account.
pub(super) struct Told<'a> {
    pub(super) actor: Author,
    pub(super) action: &'static str,
    pub(super) account: &'a StaffRow,
    pub(super) address: Option<&'a str>,
    pub(super) reason: Option<String>,
    pub(super) detail: Value,
}

impl Told<'_> {
    pub(super) fn at(self, at: Timestamp) -> anyhow::Result<Change> {
        Ok(Change::Audit(Audit {
            at,
            actor: self.actor,
            action: self.action,
            kind: "staff".to_owned(),
            subject: self.account.id.to_string(),
            unit: self.account.unit.clone(),
            reason: self.reason,
            address: self.address.map(str::to_owned),
            detail: Json(to_raw_value(&self.detail)?),
        }))
    }
}

impl App {
    /// A new session of one who has shown who they are.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn begin_session(&self, account: &StaffRow, way: SignIn, caller: &Caller) -> anyhow::Result<SignedIn> {
        let now = self.clock.now();
        let row = SessionRow {
            id: StaffSessionId::new(new_id()),
            agent: account.id,
            way,
            began_at: now,
            seen_at: now,
            ends_at: now + self.sign_in.longest,
            device: caller.device.chars().take(LONGEST_DEVICE).collect(),
            address: caller.address.clone(),
            ended: None,
        };
        let refresh = random_token()?;
        let told = Told {
            actor: Author::Agent(account.id),
            action: "staff.login",
            account,
            address: Some(&caller.address),
            reason: None,
            detail: serde_json::json!({ "session": row.id, "way": way }),
        };
        let began = StaffChange::Began(Box::new(row.clone()), fingerprint(&refresh));
        let changes = vec![Change::Account(began), told.at(now)?];
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.accounts.began(row.clone());
        tracing::info!(agent = %account.id, session = %row.id, way = way.as_str(), "logged in");
        self.signed_in(account, &row, refresh, now)
    }

    fn signed_in(
        &self,
        account: &StaffRow,
        session: &SessionRow,
        refresh: String,
        now: Timestamp,
    ) -> anyhow::Result<SignedIn> {
        let (token, expires_at) = self.auth.staff_token(account.id, session.id, session.ends_at, now)?;
        let me = Identity::Staff {
            id: account.id,
            name: account.name.clone(),
            role: account.grants.first().map(|grant| grant.role),
            grants: account.grants.clone(),
        };
        let lasts = self.sign_in.idle.min(session.ends_at.since(now));
        Ok(SignedIn { reply: LoginReply { token, expires_at, me }, refresh, lasts })
    }

    /// New tokens for a refresh token, which is used up by this.
    ///
    /// # Errors
    /// [`NoRenewal::Over`] if the token is unknown, its session is over or was idle for too long, or the token was used
    /// before: then somebody has a copy, and the session ends for all who hold one.
    pub async fn renew_session(&self, refresh: &str, caller: &Caller) -> Result<SignedIn, NoRenewal> {
        // One after the other: of two that bring the same token, one is the second.
        let _turn = self.sign_in.renewing.lock().await;
        let now = self.clock.now();
        let used = fingerprint(refresh);
        let Some((session, used_at)) = self.store.session_of_refresh(&used).await? else { return Err(NoRenewal::Over) };
        let is_open = session.ended.is_none()
            && session.ends_at > now
            && now.since(session.seen_at) < self.sign_in.idle
            && self.accounts.session(session.id).is_some();
        let account = self.accounts.get(session.agent).filter(|account| account.is_active && is_open);
        let Some(account) = account else { return Err(NoRenewal::Over) };
        if used_at.is_some_and(|at| now.since(at) >= GRACE) {
            tracing::warn!(agent = %account.id, session = %session.id, "a refresh token came a second time");
            self.end_sessions(&account, &[session], SessionEnd::Replayed, Author::System, Some(&caller.address))
                .await?;
            return Err(NoRenewal::Over);
        }
        let next = random_token()?;
        let renewed = StaffChange::Renewed {
            session: session.id,
            at: now,
            address: caller.address.clone(),
            used,
            next: fingerprint(&next),
        };
        let changes = vec![Change::Account(renewed)];
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.accounts.renewed(session.id, now, &caller.address);
        Ok(self.signed_in(&account, &session, next, now)?)
    }

    /// Ends sessions of an account: their tokens are worth nothing from now on and their sockets are closed, on every
    /// node.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn end_sessions(
        &self,
        account: &StaffRow,
        sessions: &[SessionRow],
        why: SessionEnd,
        actor: Author,
        address: Option<&str>,
    ) -> anyhow::Result<()> {
        if sessions.is_empty() {
            return Ok(());
        }
        let changes = self.ending(account, sessions, why, actor, address)?;
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.have_ended(account.id, sessions);
        Ok(())
    }

    /// The rows of [`App::end_sessions`]; [`App::have_ended`] follows when they are durable.
    pub(super) fn ending(
        &self,
        account: &StaffRow,
        sessions: &[SessionRow],
        why: SessionEnd,
        actor: Author,
        address: Option<&str>,
    ) -> anyhow::Result<Vec<Change>> {
        let now = self.clock.now();
        let mut changes = Vec::with_capacity(sessions.len() * 2);
        for session in sessions {
            changes.push(Change::Account(StaffChange::Ended { session: session.id, at: now, why }));
            let action = if why == SessionEnd::LoggedOut { "staff.logout" } else { "staff.session_end" };
            let detail = serde_json::json!({ "session": session.id, "why": why });
            changes.push(Told { actor, action, account, address, reason: None, detail }.at(now)?);
        }
        Ok(changes)
    }

    pub(super) fn have_ended(&self, agent: AgentId, sessions: &[SessionRow]) {
        for session in sessions {
            self.accounts.ended(session.id);
        }
        self.account_changed(agent);
    }

    /// What follows from a durable change of an account or its sessions: its sockets look again, the other nodes are told,
    /// the desk knows.
    pub(super) fn account_changed(&self, agent: AgentId) {
        self.hub.look_again(agent);
        self.hub.tell_of_account(agent);
        self.notices.account(agent);
    }

    /// Reads the accounts again if they have changed in the store.
    ///
    /// # Errors
    /// Whatever the store says.
    async fn catch_up_with_accounts(&self) -> Result<(), StoreError> {
        if self.accounts.is_behind(&self.store).await? {
            self.read_accounts().await;
        }
        Ok(())
    }

    /// Another node, or nobody knows who, has changed accounts: reads them and lets every socket look again.
    pub(crate) async fn read_accounts(&self) {
        let before: HashMap<AgentId, Arc<StaffRow>> =
            self.accounts.all().into_iter().map(|account| (account.id, account)).collect();
        match self.accounts.reload(&self.store, self.clock.now()).await {
            Ok(()) => {
                for account in self.accounts.all() {
                    // A session may have ended although the account is the same.
                    self.hub.look_again(account.id);
                    let was = before.get(&account.id).map_or(Timestamp(0), |row| row.locked_until);
                    self.follow_lock(&account, was);
                    if before.get(&account.id) != Some(&account) {
                        self.notices.account(account.id);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "the accounts cannot be read; those that are known stay"),
        }
    }

    /// An account that was locked by wrong passwords on another node, or unlocked there, is so here too.
    fn follow_lock(&self, account: &StaffRow, was: Timestamp) {
        let now = self.clock.now();
        if account.locked_until > now {
            self.door.lock(&account.login, account.locked_until);
        } else if was > now {
            self.door.lift(&account.login);
        }
    }

    /// Keeps a new password and ends the account's other sessions. The caller has checked it.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn set_password(
        &self,
        account: &StaffRow,
        hash: String,
        must_change: bool,
        by: (Author, Option<&str>),
        keep: Option<StaffSessionId>,
    ) -> anyhow::Result<()> {
        let now = self.clock.now();
        let (actor, address) = by;
        let mut others = self.accounts.sessions_of(account.id);
        others.retain(|session| Some(session.id) != keep);
        let mut changes =
            vec![Change::Account(StaffChange::Password { agent: account.id, hash: hash.clone(), must_change })];
        let detail = serde_json::json!({ "oneTime": must_change });
        changes.push(Told { actor, action: "staff.password", account, address, reason: None, detail }.at(now)?);
        changes.extend(self.ending(account, &others, SessionEnd::Password, actor, address)?);
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.accounts.change(account.id, |row| {
            row.password_hash = hash;
            row.must_change = must_change;
        });
        self.have_ended(account.id, &others);
        Ok(())
    }

    /// Keeps a second factor, whose first code was right, and gives its recovery codes, which are shown once.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn set_totp(
        &self,
        account: &StaffRow,
        totp: &Totp,
        step: u64,
        address: &str,
    ) -> anyhow::Result<Vec<String>> {
        let now = self.clock.now();
        let sealed = self.auth.seal().close(&totp_purpose(account.id), &totp.bytes())?;
        let codes = (0..10).map(|_| recovery_code()).collect::<anyhow::Result<Vec<String>>>()?;
        let recovery = codes.iter().map(|code| recovery_hash(account.id, code)).collect();
        let told = Told {
            actor: Author::Agent(account.id),
            action: "staff.totp",
            account,
            address: Some(address),
            reason: None,
            detail: serde_json::json!({ "on": true }),
        };
        let secret = Some(sealed.clone());
        let changes =
            vec![Change::Account(StaffChange::Totp { agent: account.id, secret, recovery, step }), told.at(now)?];
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.accounts.change(account.id, |row| {
            row.totp = Some(sealed);
            row.totp_step = step;
        });
        Ok(codes)
    }

    /// Takes the second factor away: by its holder, or by an administrator, which ends all sessions.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn drop_totp(&self, account: &StaffRow, actor: Author, address: Option<&str>) -> anyhow::Result<()> {
        let now = self.clock.now();
        let is_own = actor == Author::Agent(account.id);
        let sessions = if is_own { Vec::new() } else { self.accounts.sessions_of(account.id) };
        let dropped = StaffChange::Totp { agent: account.id, secret: None, recovery: Vec::new(), step: 0 };
        let detail = serde_json::json!({ "on": false });
        let told = Told { actor, action: "staff.totp", account, address, reason: None, detail };
        let mut changes = vec![Change::Account(dropped), told.at(now)?];
        changes.extend(self.ending(account, &sessions, SessionEnd::Factor, actor, address)?);
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        self.accounts.change(account.id, |row| {
            row.totp = None;
            row.totp_step = 0;
        });
        self.have_ended(account.id, &sessions);
        Ok(())
    }

    /// Is it the account's code of this moment, or one of its recovery codes? It is used up by this.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn take_code(&self, account: &StaffRow, code: &str) -> anyhow::Result<Option<SignIn>> {
        let _turn = self.sign_in.renewing.lock().await;
        let now = self.clock.now();
        let code = code.replace([' ', '-'], "");
        // As it is now that it is our turn: another attempt may have used the same code.
        let Some(account) = self.accounts.get(account.id) else { return Ok(None) };
        let Some(sealed) = &account.totp else { return Ok(None) };
        let secret: Vec<u8> =
            self.auth.seal().open(&totp_purpose(account.id), sealed).context(
                "the second factor was sealed with another auth.staff_secret; an administrator can reset it",
            )?;
        if let Some(step) = Totp::new(secret).accept(&code, account.totp_step, now) {
            let used = StaffChange::TotpUsed { agent: account.id, step };
            self.store.commit(Unit { changes: vec![Change::Account(used)], ..Unit::default() }).await?;
            self.accounts.change(account.id, |row| row.totp_step = step);
            return Ok(Some(SignIn::Totp));
        }
        let hash = recovery_hash(account.id, &code);
        if code.len() == RECOVERY && self.store.has_recovery(account.id, &hash).await? {
            let used = StaffChange::RecoveryUsed { agent: account.id, hash, at: now };
            let told = Told {
                actor: Author::Agent(account.id),
                action: "staff.recovery",
                account: &account,
                address: None,
                reason: None,
                detail: serde_json::json!({ "left": self.store.recoveries_left(account.id).await? - 1 }),
            };
            let changes = vec![Change::Account(used), told.at(now)?];
            self.store.commit(Unit { changes, ..Unit::default() }).await?;
            return Ok(Some(SignIn::Recovery));
        }
        Ok(None)
    }

    /// Too many wrong attempts have locked a staff number.
    pub(crate) async fn have_locked(&self, login: &str, until: Timestamp) {
        let Some(account) = self.accounts.by_login(login) else { return };
        tracing::warn!(agent = %account.id, "locked after too many wrong attempts");
        let told = Told {
            actor: Author::System,
            action: "staff.lock",
            account: &account,
            address: None,
            reason: None,
            detail: serde_json::json!({ "until": until }),
        };
        let kept = async {
            let locked = Change::Account(StaffChange::Locked { login: login.to_owned(), until });
            let changes = vec![locked, told.at(self.clock.now())?];
            self.store.commit(Unit { changes, ..Unit::default() }).await?;
            anyhow::Ok(())
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "a lock is not kept over a restart");
        }
        self.accounts.change(account.id, |row| row.locked_until = until);
        self.hub.tell_of_account(account.id);
    }

    /// Forgets sessions that have been over for long. Called once a day.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn forget_sessions(&self) -> anyhow::Result<()> {
        let before = self.clock.now() - KEPT;
        let changes = vec![Change::Account(StaffChange::Forget(before))];
        self.store.commit(Unit { changes, ..Unit::default() }).await?;
        Ok(())
    }
}

/// How long log-ins last; what must not happen twice at once.
pub struct SignInRules {
    /// Without a renewal.
    pub idle: Millis,
    /// In any case.
    pub longest: Millis,
    /// Roles that have to show a second factor.
    pub needs_factor: Vec<bangban_domain::words::Role>,
    /// Held while a token or a code is used up.
    renewing: tokio::sync::Mutex<()>,
}

impl SignInRules {
    /// From the configuration.
    #[must_use]
    pub fn new(keys: &crate::config::Auth) -> Self {
        Self {
            idle: i64::from(keys.staff_idle_minutes) * MINUTE,
            longest: i64::from(keys.staff_session_hours) * 60 * MINUTE,
            needs_factor: keys.totp_required.clone(),
            renewing: tokio::sync::Mutex::new(()),
        }
    }
}

/// See [`LOOK`].
pub(super) async fn watch_accounts(app: Weak<App>) {
    loop {
        sleep(LOOK).await;
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = app.catch_up_with_accounts().await {
            tracing::warn!(%error, "whether accounts have changed cannot be read");
        }
    }
}

fn totp_purpose(agent: AgentId) -> String {
    format!("totp {agent}")
}

/// Length of a recovery code without its mark.
const RECOVERY: usize = 10;

/// 50 bits; guesses are throttled like passwords.
fn recovery_code() -> anyhow::Result<String> {
    let signs: String = random_token()?.chars().filter(char::is_ascii_alphanumeric).collect();
    let signs: String = signs.to_ascii_lowercase().chars().take(RECOVERY).collect();
    Ok(format!("{}-{}", &signs[..RECOVERY / 2], &signs[RECOVERY / 2..]))
}

fn recovery_hash(agent: AgentId, code: &str) -> String {
    fingerprint(&format!("{agent}\n{}", code.replace('-', "").to_ascii_lowercase()))
}

#[cfg(test)]
mod tests;
