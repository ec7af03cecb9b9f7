//! The hub's end of one socket: what waits to be written, and whether the socket has to end. Small, because tens of
//! thousands are idle: a queue that is empty has no memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use bangban_domain::{AgentId, CitizenId, ContinuationId};
use bangban_protocol::Topic;
use tokio::sync::Notify;

use crate::auth::Citizen;

/// Whose socket it is, as far as the hub has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// A citizen.
    Citizen,
    /// A member of staff who answers citizens.
    Agent(AgentId),
    /// Another one, who looks on.
    Watcher(AgentId),
}

impl Member {
    /// Which member of staff, if it is one.
    #[must_use]
    pub const fn staff(self) -> Option<AgentId> {
        match self {
            Self::Agent(id) | Self::Watcher(id) => Some(id),
            Self::Citizen => None,
        }
    }
}

/// By which token of ours a citizen's socket was opened, if it can be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holder {
    /// A visitor, until they log in.
    pub visitor: Option<CitizenId>,
    /// A second device, until its right is taken back.
    pub second_device: Option<ContinuationId>,
}

impl Holder {
    /// Of this citizen's token.
    #[must_use]
    pub fn of(citizen: &Citizen) -> Self {
        Self { visitor: citizen.anonymous.then_some(citizen.id), second_device: citizen.continuation }
    }
}

/// Why the server ends a socket from outside the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A frame had no room any more: the client has to reconnect and resume.
    TooSlow,
    /// The server stops.
    GoingAway,
    /// The token that it was opened with was taken back.
    TakenBack,
    /// What the person may hear has changed.
    RightsChanged,
}

#[derive(Debug, Default)]
struct Queue {
    frames: Vec<Utf8Bytes>,
    ended: Option<Ended>,
    /// The account has changed.
    look_again: bool,
}

/// One socket.
#[derive(Debug)]
pub struct Socket {
    pub(super) number: u64,
    pub(super) member: Member,
    /// What it listens to; the hub keeps it.
    pub(super) topics: Mutex<Vec<Topic>>,
    limit: usize,
    queue: Mutex<Queue>,
    changed: Notify,
}

impl Socket {
    pub(super) fn new(number: u64, member: Member, limit: usize) -> Self {
        let queue = Mutex::new(Queue::default());
        Self { number, member, topics: Mutex::new(Vec::new()), limit, queue, changed: Notify::new() }
    }

    /// No other socket of this process has it.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Is it open, and does it listen to this?
    pub fn listens_to(&self, topic: Topic) -> bool {
        self.topics().contains(&topic)
    }

    // Both locks guard plain lists that are whole after every statement, so a panic elsewhere has not harmed them.

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn topics(&self) -> MutexGuard<'_, Vec<Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame; never waits. One that finds no room ends the socket, so that nobody's slowness costs others memory.
    pub(super) fn push(&self, frame: Utf8Bytes) {
        let mut queue = self.queue();
        if queue.ended == Some(Ended::TooSlow) {
            return;
        }
        if queue.frames.len() < self.limit {
            queue.frames.push(frame);
        } else {
            queue.ended = Some(Ended::TooSlow);
            queue.frames = Vec::new();
        }
        drop(queue);
        self.changed.notify_one();
    }

    pub(super) fn end(&self, why: Ended) {
        self.queue().ended.get_or_insert(why);
        self.changed.notify_one();
    }

    pub(super) fn look_again(&self) {
        self.queue().look_again = true;
        self.changed.notify_one();
    }

    /// Has the account or its session changed since the last question?
    pub fn has_to_look_again(&self) -> bool {
        std::mem::take(&mut self.queue().look_again)
    }

    /// All that waits, in order, and whether the socket has to end.
    pub fn take(&self) -> (Vec<Utf8Bytes>, Option<Ended>) {
        let mut queue = self.queue();
        (std::mem::take(&mut queue.frames), queue.ended)
    }

    /// Returns when [`Socket::take`] may have something new. For the one session that owns the socket.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns when a frame has found no room.
    pub async fn too_slow(&self) {
        while self.queue().ended != Some(Ended::TooSlow) {
            self.changed.notified().await;
        }
    }
}
