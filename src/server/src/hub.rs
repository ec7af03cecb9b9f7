//! Fan-out to the sockets of this process: who listens to what. A frame is serialised once for all listeners; a session
//! whose queue is full is told to go and resume, so that nobody's slowness costs others memory or time.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::Utf8Bytes;
use bangban_protocol::{EventBody, Frame, Topic};
use dashmap::DashMap;
use tokio::sync::{mpsc, watch};

/// One socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(u64);

/// The hub's end of a socket.
#[derive(Clone)]
struct Listener {
    session: SessionId,
    frames: mpsc::Sender<Utf8Bytes>,
    /// Set once the session is too slow; the session closes its socket.
    too_slow: watch::Sender<bool>,
}

/// The session's end.
pub struct Inbox {
    /// Its number.
    pub session: SessionId,
    /// What to write.
    pub frames: mpsc::Receiver<Utf8Bytes>,
    /// Becomes true when a frame had to be dropped.
    pub too_slow: watch::Receiver<bool>,
}

/// Local fan-out.
pub struct Hub {
    next: AtomicU64,
    /// Which life of this process's counters events belong to.
    epoch: u64,
    sessions: DashMap<SessionId, Listener>,
    topics: DashMap<Topic, Vec<Listener>>,
}

impl Hub {
    /// `epoch` must differ from that of every earlier start on the same data.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self { next: AtomicU64::new(1), epoch, sessions: DashMap::new(), topics: DashMap::new() }
    }

    /// See [`Hub::new`].
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A new socket with a queue of this many frames.
    #[must_use]
    pub fn open(&self, queue: usize) -> Inbox {
        let session = SessionId(self.next.fetch_add(1, Ordering::Relaxed));
        let (frames, inbox) = mpsc::channel(queue);
        let (too_slow, slow) = watch::channel(false);
        self.sessions.insert(session, Listener { session, frames, too_slow });
        Inbox { session, frames: inbox, too_slow: slow }
    }

    /// Forgets a socket.
    pub fn close(&self, session: SessionId, topics: impl IntoIterator<Item = Topic>) {
        for topic in topics {
            self.leave(session, topic);
        }
        self.sessions.remove(&session);
    }

    /// From now on the socket gets the topic's events. Joining twice is joining once.
    pub fn join(&self, session: SessionId, topic: Topic) {
        let Some(listener) = self.sessions.get(&session).map(|listener| listener.clone()) else { return };
        let mut listeners = self.topics.entry(topic).or_default();
        if listeners.iter().all(|other| other.session != session) {
            listeners.push(listener);
        }
    }

    /// No more.
    pub fn leave(&self, session: SessionId, topic: Topic) {
        if let Some(mut listeners) = self.topics.get_mut(&topic) {
            listeners.retain(|listener| listener.session != session);
        }
        self.topics.remove_if(&topic, |_, listeners| listeners.is_empty());
    }

    /// Does anybody listen?
    #[must_use]
    pub fn has_listeners(&self, topic: Topic) -> bool {
        self.topics.contains_key(&topic)
    }

    /// Sends an event to all who listen; never waits.
    pub fn publish(&self, topic: Topic, seq: Option<u64>, body: EventBody) {
        let Some(listeners) = self.topics.get(&topic) else { return };
        match serde_json::to_string(&Frame::Event { topic, epoch: self.epoch, seq, body }) {
            Ok(text) => {
                let frame = Utf8Bytes::from(text);
                for listener in listeners.iter() {
                    if listener.frames.try_send(frame.clone()).is_err() {
                        listener.too_slow.send_replace(true);
                    }
                }
            }
            Err(error) => tracing::error!(%topic, %error, "an event cannot be written as JSON"),
        }
    }
}

#[cfg(test)]
mod tests {
    use bangban_domain::{ConversationId, Timestamp};

    use super::*;

    fn tick(n: i64) -> EventBody {
        EventBody::Tick { now: Timestamp(n) }
    }

    #[test]
    fn a_slow_session_is_told_to_go_and_the_others_miss_nothing() {
        let hub = Hub::new(7);
        let topic = Topic::Conversation(ConversationId::new(1));
        let mut slow = hub.open(2);
        let mut quick = hub.open(10);
        hub.join(slow.session, topic);
        hub.join(quick.session, topic);
        hub.join(quick.session, topic);
        for n in 0..3 {
            hub.publish(topic, None, tick(n));
        }
        assert!(*slow.too_slow.borrow() && !*quick.too_slow.borrow());
        let texts: Vec<_> = std::iter::from_fn(|| quick.frames.try_recv().ok()).collect();
        assert_eq!(texts.len(), 3, "joined twice, served once");
        assert!(texts[2].contains(r#""epoch":7,"body":{"type":"tick","now":2}"#), "{}", texts[2]);
        assert_eq!(std::iter::from_fn(|| slow.frames.try_recv().ok()).count(), 2);
    }

    #[test]
    fn who_left_hears_nothing_and_leaves_nothing_behind() {
        let hub = Hub::new(1);
        let mut inbox = hub.open(2);
        hub.join(inbox.session, Topic::Board);
        assert!(hub.has_listeners(Topic::Board));
        hub.close(inbox.session, [Topic::Board]);
        hub.publish(Topic::Board, None, tick(1));
        assert!(inbox.frames.try_recv().is_err());
        assert!(hub.topics.is_empty() && hub.sessions.is_empty());
    }
}
