//! The accounts and open sessions as they are now. Read at every `hello`, request and command, so that a change of rights
//! holds from the moment at which it is durable, whatever an older token says.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bangban_domain::{AgentId, StaffSessionId, Timestamp};
use bangban_protocol::{ErrorCode, WireError};
use bangban_store::{SessionRow, StaffRow, Store, StoreError};
use dashmap::DashMap;

use crate::auth::Staff;

/// May a member of staff go on who has said who they are before?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As they came.
    Good,
    /// With other rights, or another name: they have to come again.
    Changed,
    /// Their session or account is over.
    Ended,
}

/// See the module.
#[derive(Default)]
pub struct Accounts {
    by_id: DashMap<AgentId, Arc<StaffRow>>,
    sessions: DashMap<StaffSessionId, SessionRow>,
    /// Rises with every change that is put here by itself, and is held while it is.
    changes: Mutex<u64>,
    /// [`Store::account_changes`] of what was read last.
    read: AtomicU64,
}

impl Accounts {
    /// Reads all again. What another node commits meanwhile may be missed: then [`Accounts::is_behind`] says so.
    ///
    /// # Errors
    /// Whatever the store says; then everything stays as it was.
    pub async fn reload(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let before = *self.changes();
            let count = store.account_changes().await?;
            let (staff, sessions) = (store.staff().await?, store.open_sessions(now).await?);
            let changes = self.changes();
            // What was put here while the rows were read is newer than they are.
            if *changes == before {
                self.replace(staff, sessions);
                self.read.store(count, Ordering::Relaxed);
                return Ok(());
            }
        }
    }

    /// Has something changed since all was read? Also if it was put here by itself.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn is_behind(&self, store: &Store) -> Result<bool, StoreError> {
        Ok(store.account_changes().await? != self.read.load(Ordering::Relaxed))
    }

    /// The map and the number are whole after every statement.
    fn changes(&self) -> MutexGuard<'_, u64> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_one(&self, change: impl FnOnce()) {
        let mut changes = self.changes();
        *changes += 1;
        change();
    }

    fn replace(&self, staff: Vec<StaffRow>, sessions: Vec<SessionRow>) {
        let known: Vec<AgentId> = staff.iter().map(|row| row.id).collect();
        self.by_id.retain(|id, _| known.contains(id));
        for row in staff {
            self.by_id.insert(row.id, Arc::new(row));
        }
        let open: Vec<StaffSessionId> = sessions.iter().map(|row| row.id).collect();
        self.sessions.retain(|id, _| open.contains(id));
        for row in sessions {
            self.sessions.insert(row.id, row);
        }
    }

    /// An account, closed ones too.
    #[must_use]
    pub fn get(&self, id: AgentId) -> Option<Arc<StaffRow>> {
        self.by_id.get(&id).map(|row| Arc::clone(&row))
    }

    /// May the account log in?
    #[must_use]
    pub fn is_open(&self, id: AgentId) -> bool {
        self.by_id.get(&id).is_some_and(|row| row.is_active)
    }

    /// An account that is durable now.
    pub fn put(&self, row: StaffRow) {
        self.change_one(|| drop(self.by_id.insert(row.id, Arc::new(row))));
    }

    /// All accounts, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<StaffRow>> {
        self.by_id.iter().map(|row| Arc::clone(&row)).collect()
    }

    /// Display name.
    #[must_use]
    pub fn name(&self, id: AgentId) -> Option<String> {
        self.by_id.get(&id).map(|row| row.name.clone())
    }

    /// Whom a token of ours speaks for, as they are now.
    ///
    /// # Errors
    /// `unauthenticated` if the session has ended or the account is closed.
    pub fn principal(
        &self,
        id: AgentId,
        session: StaffSessionId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Staff, WireError> {
        let ended = || WireError::new(ErrorCode::Unauthenticated, "the session has ended");
        let is_open = self.sessions.get(&session).is_some_and(|row| row.agent == id && row.ends_at > now);
        let row = self.get(id).filter(|row| row.is_active && is_open).ok_or_else(ended)?;
        Ok(Staff { id, name: row.name.clone(), grants: row.grants.clone(), session, expires_at })
    }

    /// Changes what is durable now.
    pub fn change(&self, id: AgentId, change: impl FnOnce(&mut StaffRow)) {
        self.change_one(|| {
            if let Some(mut row) = self.by_id.get_mut(&id) {
                change(Arc::make_mut(&mut row));
            }
        });
    }

    /// An account by its staff number, closed ones too.
    #[must_use]
    pub fn by_login(&self, login: &str) -> Option<Arc<StaffRow>> {
        self.by_id.iter().find(|row| row.login == login).map(|row| Arc::clone(&row))
    }

    /// How one who came before stands now.
    #[must_use]
    pub fn standing(&self, who: &Staff, now: Timestamp) -> Standing {
        let is_open = self.sessions.get(&who.session).is_some_and(|row| row.agent == who.id && row.ends_at > now);
        match self.by_id.get(&who.id).filter(|row| row.is_active && is_open) {
            None => Standing::Ended,
            Some(row) if row.grants != who.grants || row.name != who.name => Standing::Changed,
            Some(_) => Standing::Good,
        }
    }

    /// The open sessions of an account, last begun first.
    #[must_use]
    pub fn sessions_of(&self, id: AgentId) -> Vec<SessionRow> {
        let mut sessions: Vec<SessionRow> =
            self.sessions.iter().filter(|row| row.agent == id).map(|row| row.clone()).collect();
        sessions.sort_by_key(|row| (std::cmp::Reverse(row.began_at), row.id));
        sessions
    }

    /// An open session.
    #[must_use]
    pub fn session(&self, id: StaffSessionId) -> Option<SessionRow> {
        self.sessions.get(&id).map(|row| row.clone())
    }

    /// A session that is durable now.
    pub fn began(&self, row: SessionRow) {
        self.change_one(|| drop(self.sessions.insert(row.id, row)));
    }

    /// Where and when a session was renewed.
    pub fn renewed(&self, id: StaffSessionId, at: Timestamp, address: &str) {
        self.change_one(|| {
            if let Some(mut row) = self.sessions.get_mut(&id) {
                row.seen_at = at;
                address.clone_into(&mut row.address);
            }
        });
    }

    /// A session that is over.
    pub fn ended(&self, id: StaffSessionId) {
        self.change_one(|| drop(self.sessions.remove(&id)));
    }
}
