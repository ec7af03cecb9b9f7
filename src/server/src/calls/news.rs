//! What the desk and the calls tell each other, and what neither may miss however full its mailbox is. Only the last word
//! on each conversation and socket counts, so it is bounded by what there is.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bangban_domain::{AgentId, ConversationId};
use bangban_protocol::CallBrief;
use dashmap::{DashMap, DashSet};
use tokio::sync::Notify;

/// What the desk has to know of the call of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// As views show it.
    pub brief: CallBrief,
    /// Somebody is to serve it, so that they can be rung.
    pub is_asking: bool,
    /// ... but for this one, who could not be.
    pub missed_by: Option<AgentId>,
    /// Who leads it, or is rung to.
    pub operator: Option<AgentId>,
    /// Who leads it, and is there.
    pub led_by: Option<AgentId>,
    /// Somebody has led it.
    pub was_led: bool,
}

/// See the module.
#[derive(Default)]
pub struct News {
    /// Calls that have not ended, by conversation.
    pub(super) said: DashMap<ConversationId, Said>,
    /// Sockets that carry sound or listen to calls.
    pub(super) sitting: DashSet<u64>,
    /// Who speaks in a call, whatever their part, or wraps one up.
    pub(super) talking: DashSet<AgentId>,
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Sockets that have gone.
    pub(super) lost: BTreeSet<u64>,
    /// Conversations that may be served by somebody else now, or closed.
    pub(super) changed: BTreeSet<ConversationId>,
    /// Nobody will serve these at this hour.
    pub(super) closed: BTreeSet<ConversationId>,
    /// Somebody has done something with the task of a call-back.
    pub(super) are_backs_changed: bool,
}

impl News {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Sets that are whole after every statement.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call of a conversation.
    #[must_use]
    pub fn said(&self, conversation: ConversationId) -> Option<Said> {
        self.said.get(&conversation).map(|said| said.clone())
    }

    /// Conversations with a call.
    #[must_use]
    pub fn conversations(&self) -> Vec<ConversationId> {
        self.said.iter().map(|said| *said.key()).collect()
    }

    /// Does somebody speak in a call, or wrap one up?
    #[must_use]
    pub fn is_talking(&self, agent: AgentId) -> bool {
        self.talking.contains(&agent)
    }

    /// All who do.
    #[must_use]
    pub fn talking(&self) -> Vec<AgentId> {
        self.talking.iter().map(|agent| *agent).collect()
    }

    /// The conversation is not what it was.
    pub fn changed(&self, conversation: ConversationId) {
        if self.said.contains_key(&conversation) {
            self.pending().changed.insert(conversation);
            self.wake.notify_one();
        }
    }

    /// Nobody serves at this hour.
    pub fn closed(&self, conversation: ConversationId) {
        self.pending().closed.insert(conversation);
        self.wake.notify_one();
    }

    /// Somebody has taken the task of a call-back on, or ended it; the rows say so.
    pub fn backs_changed(&self) {
        self.pending().are_backs_changed = true;
        self.wake.notify_one();
    }

    /// The socket has gone.
    pub fn lost(&self, socket: u64) {
        if self.sitting.contains(&socket) {
            self.pending().lost.insert(socket);
            self.wake.notify_one();
        }
    }

    /// Returns when there may be something.
    pub(super) async fn come(&self) {
        self.wake.notified().await;
    }

    pub(super) fn take(&self) -> Pending {
        std::mem::take(&mut self.pending())
    }
}
