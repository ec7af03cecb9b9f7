//! What the windows must never miss, however full their mailbox is: that a socket has gone on which somebody sat, and that a
//! conversation with a window has changed. Only the last word counts, so it is bounded by what there is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bangban_domain::ConversationId;
use bangban_protocol::WindowBrief;
use dashmap::{DashMap, DashSet};
use tokio::sync::Notify;

/// See the module.
#[derive(Default)]
pub struct News {
    /// Windows as the views of their conversations show them.
    pub(super) briefs: DashMap<ConversationId, WindowBrief>,
    /// Sockets on which somebody sits.
    pub(super) sitting: DashSet<u64>,
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Sockets that have gone.
    pub(super) lost: BTreeSet<u64>,
    /// Conversations that may be another agent's now, or closed.
    pub(super) changed: BTreeSet<ConversationId>,
    /// Conversations whose people speak by telephone, or not any more.
    pub(super) in_call: BTreeMap<ConversationId, bool>,
}

impl News {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Sets that are whole after every statement.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The window of a conversation.
    #[must_use]
    pub fn brief(&self, conversation: ConversationId) -> Option<WindowBrief> {
        self.briefs.get(&conversation).map(|brief| brief.clone())
    }

    /// Conversations with a window.
    #[must_use]
    pub fn conversations(&self) -> Vec<ConversationId> {
        self.briefs.iter().map(|brief| *brief.key()).collect()
    }

    /// The conversation is not what it was.
    pub fn changed(&self, conversation: ConversationId) {
        if self.briefs.contains_key(&conversation) {
            self.pending().changed.insert(conversation);
            self.wake.notify_one();
        }
    }

    /// The people of the conversation speak by telephone, or not any more.
    pub fn in_call(&self, conversation: ConversationId, is_in_call: bool) {
        self.pending().in_call.insert(conversation, is_in_call);
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
