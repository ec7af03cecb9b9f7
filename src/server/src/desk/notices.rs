//! What the desk must learn even when its mailbox is full: who has a console, whose first reply is durable, whose account
//! has changed, and that other things that are administered have.
//!
//! Only the last word on each agent and conversation counts, so the set is bounded by their number and nothing is ever
//! refused; the desk takes all of it at the begin of each turn.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bangban_domain::{AgentId, ConversationId, Timestamp, ledger::Terms};
use bangban_protocol::UnitCode;
use tokio::sync::{Notify, watch};

use super::{owed::OpenPromises, silence::Silence};

/// See the module.
pub struct Notices {
    pending: Mutex<Pending>,
    wake: Notify,
    /// How many have had their turn.
    done: watch::Sender<u64>,
    pub(super) silence: Silence,
    pub(super) owed: OpenPromises,
}

/// What has not been taken yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// How many there have been.
    pub(super) count: u64,
    /// When the reply that stopped the clock was read.
    pub(super) replied: BTreeMap<ConversationId, Timestamp>,
    /// Idle conversations in which somebody wrote, and when.
    pub(super) spoken: BTreeMap<ConversationId, Timestamp>,
    /// Next responses that were answered after a step of theirs was told.
    pub(super) kept: BTreeSet<ConversationId>,
    /// Is there a console?
    pub(super) present: BTreeMap<AgentId, bool>,
    /// Has something changed of what is administered?
    pub(super) changed: bool,
    /// Whose account has changed.
    pub(super) accounts: BTreeSet<AgentId>,
    /// Conversations whose window has changed.
    pub(super) windows: BTreeSet<ConversationId>,
    /// Conversations whose call has changed.
    pub(super) calls: BTreeSet<ConversationId>,
    /// Who begins or ends to speak in a call.
    pub(super) in_call: BTreeSet<AgentId>,
    /// Conversations whose operator said nothing of the call in time, and who that was.
    pub(super) unsaid: BTreeSet<(ConversationId, AgentId)>,
    /// Conversations whose caller has pressed a rating, 1 to 5.
    pub(super) rated: BTreeMap<ConversationId, u8>,
    /// Units whose board somebody wants to see.
    pub(super) boards: BTreeSet<UnitCode>,
    /// Units whose alerts somebody wants to see.
    pub(super) alerts: BTreeSet<UnitCode>,
    /// Too few professionals are reached: so many of a thousand requests; `Some(None)`: enough again.
    pub(super) connect_rate: Option<Option<i64>>,
    /// Call-backs that are overdue, by the unit that owes them.
    pub(super) overdue_call_backs: Option<BTreeMap<String, i64>>,
}

impl Default for Notices {
    fn default() -> Self {
        let done = watch::channel(0).0;
        Self {
            pending: Mutex::default(),
            wake: Notify::new(),
            done,
            silence: Silence::default(),
            owed: OpenPromises::default(),
        }
    }
}

impl Notices {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store has stopped the conversation's clock with a reply that was read at `at`.
    pub fn replied(&self, conversation: ConversationId, at: Timestamp) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.replied.insert(conversation, at);
        self.wake.notify_one();
    }

    /// Citizen or agent wrote in a conversation at `at`. Only the end of an idle time takes the lock.
    pub fn spoke(&self, conversation: ConversationId, at: Timestamp) {
        if self.silence.spoke(conversation, at) {
            let mut pending = self.pending();
            pending.count += 1;
            pending.spoken.insert(conversation, at);
            self.wake.notify_one();
        }
    }

    /// A message of `asked_at` has begun a next response.
    pub fn owed(&self, conversation: ConversationId, no: u32, asked_at: Timestamp, terms: &Terms) {
        if self.owed.begin(conversation, no, asked_at, terms.clone()) {
            self.wake.notify_one();
        }
    }

    /// A next response was given. Only one that somebody has been told of takes the lock.
    pub fn kept(&self, conversation: ConversationId, no: u32) {
        if self.owed.end(conversation, no) {
            let mut pending = self.pending();
            pending.count += 1;
            pending.kept.insert(conversation);
            self.wake.notify_one();
        }
    }

    /// The agent's first console has come, or the last one has gone. Gives the number for [`Notices::heard`].
    pub fn present(&self, agent: AgentId, present: bool) -> u64 {
        let mut pending = self.pending();
        pending.count += 1;
        pending.present.insert(agent, present);
        self.wake.notify_one();
        pending.count
    }

    /// A conversation's window is not what it was, or there is none any more.
    pub fn window(&self, conversation: ConversationId) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.windows.insert(conversation);
        self.wake.notify_one();
    }

    /// Too few professionals are reached by three-way calls: so many of a thousand requests of the last hour; `None`: enough.
    pub fn connect_rate(&self, permille: Option<i64>) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.connect_rate = Some(permille);
        self.wake.notify_one();
    }

    /// Units that owe callers a call-back for too long, and how many.
    pub fn overdue_call_backs(&self, owed: BTreeMap<String, i64>) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.overdue_call_backs = Some(owed);
        self.wake.notify_one();
    }

    /// A conversation's call is not what it was, or there is none any more.
    pub fn call(&self, conversation: ConversationId) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.calls.insert(conversation);
        self.wake.notify_one();
    }

    /// Somebody begins to speak in a call, or is done with it.
    pub fn in_call(&self, agent: AgentId) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.in_call.insert(agent);
        self.wake.notify_one();
    }

    /// The caller has pressed how it was, 1 to 5.
    pub fn call_rated(&self, conversation: ConversationId, stars: u8) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.rated.insert(conversation, stars);
        self.wake.notify_one();
    }

    /// The time of a wrap-up was over.
    pub fn call_unsaid(&self, conversation: ConversationId, agent: AgentId) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.unsaid.insert((conversation, agent));
        self.wake.notify_one();
    }

    /// Somebody wants to see a unit's board. Gives the number for [`Notices::heard`].
    pub fn board(&self, unit: UnitCode) -> u64 {
        let mut pending = self.pending();
        pending.count += 1;
        pending.boards.insert(unit);
        self.wake.notify_one();
        pending.count
    }

    /// Somebody wants to see a unit's alerts. Gives the number for [`Notices::heard`].
    pub fn alerts(&self, unit: UnitCode) -> u64 {
        let mut pending = self.pending();
        pending.count += 1;
        pending.alerts.insert(unit);
        self.wake.notify_one();
        pending.count
    }

    /// Teams, policies, items or accounts are not what they were. Gives the number for [`Notices::heard`].
    pub fn changed(&self) -> u64 {
        let mut pending = self.pending();
        pending.count += 1;
        pending.changed = true;
        self.wake.notify_one();
        pending.count
    }

    /// An account has changed: teams, rights, capacity, name, or whether it may log in.
    pub fn account(&self, agent: AgentId) {
        let mut pending = self.pending();
        pending.count += 1;
        pending.accounts.insert(agent);
        self.wake.notify_one();
    }

    /// Returns when the notice with this number has had its turn, and what followed from it is published.
    pub async fn heard(&self, number: u64) {
        // The sender lives as long as `self`.
        drop(self.done.subscribe().wait_for(|done| *done >= number).await);
    }

    pub(super) fn take(&self) -> Pending {
        let mut pending = self.pending();
        let count = pending.count;
        std::mem::replace(&mut *pending, Pending { count, ..Pending::default() })
    }

    /// All that was taken up to this number has had its turn.
    pub(super) fn done(&self, count: u64) {
        self.done.send_replace(count);
    }

    /// Returns when there is something to take, at once if it came before.
    pub(super) async fn come(&self) {
        self.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_word_counts_and_no_wake_up_is_lost() {
        let notices = Notices::default();
        let (agent, conversation) = (AgentId::new(1), ConversationId::new(2));
        notices.present(agent, true);
        notices.replied(conversation, Timestamp(5));
        notices.changed();
        let last = notices.present(agent, false);
        notices.come().await;
        let taken = notices.take();
        assert_eq!(taken.present, BTreeMap::from([(agent, false)]));
        assert_eq!(taken.replied, BTreeMap::from([(conversation, Timestamp(5))]));
        assert!(taken.changed);
        notices.done(taken.count);
        notices.heard(last).await;
        assert_eq!(notices.take(), Pending { count: 4, ..Pending::default() });
    }
}
