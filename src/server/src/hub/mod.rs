//! Fan-out to the sockets of this process: who listens to what, and which citizens are there. A frame is serialised once
//! for all listeners.

mod socket;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use axum::extract::ws::Utf8Bytes;
use bangban_domain::{AgentId, ConversationId, Timestamp};
use bangban_protocol::{EventBody, Frame, Topic};
use bangban_store::NewEntry;
use dashmap::DashMap;
use serde::Serialize;
use serde_json::value::RawValue;

pub use socket::{Ended, Member, Socket};

/// A connection listens to at most so many topics.
pub const MAX_TOPICS: usize = 64;

/// Local fan-out.
pub struct Hub {
    next: AtomicU64,
    /// Which life of this process's counters events belong to.
    epoch: u64,
    is_ending: AtomicBool,
    sockets: DashMap<u64, Arc<Socket>>,
    topics: DashMap<Topic, Vec<Arc<Socket>>>,
}

impl Hub {
    /// `epoch` must differ from that of every earlier start on the same data.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        let (sockets, topics) = (DashMap::new(), DashMap::new());
        Self { next: AtomicU64::new(1), epoch, is_ending: AtomicBool::new(false), sockets, topics }
    }

    /// See [`Hub::new`].
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A new socket with room for this many frames. [`Hub::close`] must follow.
    #[must_use]
    pub fn open(&self, member: Member, queue: usize) -> Arc<Socket> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let socket = Arc::new(Socket::new(number, member, queue));
        self.sockets.insert(number, Arc::clone(&socket));
        // First seen, then asked: either this or `end_all` finds the other.
        if self.is_ending.load(Ordering::SeqCst) {
            socket.end(Ended::GoingAway);
        }
        socket
    }

    /// Forgets a socket.
    pub fn close(&self, socket: &Socket) {
        self.sockets.remove(&socket.number);
        let topics = std::mem::take(&mut *socket.topics());
        for topic in topics {
            self.leave_quietly(socket, topic);
        }
    }

    /// Every socket is told that the server stops, those that are still to come too.
    pub fn end_all(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
        for socket in &self.sockets {
            socket.end(Ended::GoingAway);
        }
    }

    /// From now on the socket gets the topic's events. Joining twice is joining once. False if it listens to
    /// [`MAX_TOPICS`] already.
    pub fn join(&self, socket: &Arc<Socket>, topic: Topic) -> bool {
        {
            let mut topics = socket.topics();
            if !topics.contains(&topic) {
                if topics.len() >= MAX_TOPICS {
                    return false;
                }
                topics.push(topic);
            }
        }
        let mut listeners = self.topics.entry(topic).or_default();
        if listeners.iter().any(|other| other.number == socket.number) {
            return true;
        }
        let is_first = socket.member == Member::Citizen && !has_citizen(&listeners);
        listeners.push(Arc::clone(socket));
        if is_first {
            self.present(topic, true, &listeners);
        }
        true
    }

    /// No more.
    pub fn leave(&self, socket: &Socket, topic: Topic) {
        socket.topics().retain(|other| *other != topic);
        self.leave_quietly(socket, topic);
    }

    fn leave_quietly(&self, socket: &Socket, topic: Topic) {
        if let Some(mut listeners) = self.topics.get_mut(&topic) {
            let had_citizen = has_citizen(&listeners);
            listeners.retain(|other| other.number != socket.number);
            if had_citizen && !has_citizen(&listeners) {
                self.present(topic, false, &listeners);
            }
        }
        self.topics.remove_if(&topic, |_, listeners| listeners.is_empty());
    }

    /// Said while the list is locked, so that nobody hears coming and going in the wrong order.
    fn present(&self, topic: Topic, online: bool, listeners: &[Arc<Socket>]) {
        if matches!(topic, Topic::Conversation(_)) {
            let body = EventBody::CitizenPresence { online };
            send(listeners, &Frame::Event { topic, epoch: self.epoch, seq: None, body });
        }
    }

    /// Does anybody listen?
    #[must_use]
    pub fn has_listeners(&self, topic: Topic) -> bool {
        self.topics.contains_key(&topic)
    }

    /// Has the citizen a page open on this conversation?
    #[must_use]
    pub fn citizen_online(&self, conversation: ConversationId) -> bool {
        self.topics.get(&Topic::Conversation(conversation)).is_some_and(|listeners| has_citizen(&listeners))
    }

    /// Of all agents, only this one may go on reading the conversation: being allowed to read ends with serving.
    pub fn only_agent(&self, conversation: ConversationId, agent: Option<AgentId>) {
        for topic in [Topic::Conversation(conversation), Topic::Notes(conversation)] {
            if let Some(mut listeners) = self.topics.get_mut(&topic) {
                listeners.retain(|socket| match socket.member {
                    Member::Agent(other) => Some(other) == agent,
                    Member::Citizen | Member::Supervisor => true,
                });
            }
            self.topics.remove_if(&topic, |_, listeners| listeners.is_empty());
        }
    }

    /// Sends an event to all who listen; never waits.
    pub fn publish(&self, topic: Topic, seq: Option<u64>, body: EventBody) {
        let Some(listeners) = self.topics.get(&topic) else { return };
        send(&listeners, &Frame::Event { topic, epoch: self.epoch, seq, body });
    }

    /// Sends a durable entry. Its JSON is there already and is copied: the bytes are those of [`Hub::publish`] with
    /// [`EventBody::Entry`].
    pub fn publish_entry(&self, topic: Topic, seq: u64, entry: &NewEntry) {
        let Some(listeners) = self.topics.get(&topic) else { return };
        let NewEntry { at, from, client_id, body, .. } = entry;
        let entry = EntryText { seq, at: *at, from: &from.0, client_id: client_id.as_deref(), body: &body.0 };
        let body = EntryEvent { kind: "entry", entry };
        send(&listeners, &EntryFrame { topic, epoch: self.epoch, seq, body });
    }
}

fn send(listeners: &[Arc<Socket>], frame: &impl Serialize) {
    match serde_json::to_string(frame) {
        Ok(text) => {
            let frame = Utf8Bytes::from(text);
            for socket in listeners {
                socket.push(frame.clone());
            }
        }
        Err(error) => tracing::error!(%error, "an event cannot be written as JSON"),
    }
}

fn has_citizen(listeners: &[Arc<Socket>]) -> bool {
    listeners.iter().any(|socket| socket.member == Member::Citizen)
}

/// [`Frame::Event`] with an [`EventBody::Entry`] whose parts are JSON already.
#[derive(Serialize)]
struct EntryFrame<'a> {
    topic: Topic,
    epoch: u64,
    seq: u64,
    body: EntryEvent<'a>,
}

#[derive(Serialize)]
struct EntryEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    entry: EntryText<'a>,
}

/// A `ThreadEntry`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryText<'a> {
    seq: u64,
    at: Timestamp,
    from: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    body: &'a RawValue,
}

#[cfg(test)]
mod tests {
    use bangban_protocol::{Party, ThreadBody, ThreadEntry};
    use bangban_store::{Author, Lane};

    use super::*;
    use crate::desk::entry;

    const CONVERSATION: ConversationId = ConversationId::new(1);
    const TOPIC: Topic = Topic::Conversation(CONVERSATION);

    fn tick(n: i64) -> EventBody {
        EventBody::Tick { now: Timestamp(n) }
    }

    fn agent(n: u128) -> Member {
        Member::Agent(AgentId::new(n))
    }

    /// What the socket was told of the citizen.
    fn presence(socket: &Socket) -> Vec<bool> {
        let (frames, _) = socket.take();
        let online = |frame: &Utf8Bytes| match serde_json::from_str(frame).unwrap() {
            Frame::Event { body: EventBody::CitizenPresence { online }, .. } => Some(online),
            _ => None,
        };
        frames.iter().filter_map(online).collect()
    }

    #[test]
    fn a_durable_entry_goes_out_in_the_same_bytes_as_any_other_event() {
        let hub = Hub::new(7);
        let socket = hub.open(agent(1), 10);
        hub.join(&socket, TOPIC);
        let bodies = [
            (Party::Citizen, ThreadBody::Text { text: "“引号” \"\\ \u{0}\n😀".to_owned(), entry: None }),
            (
                Party::Agent { id: AgentId::new(3), name: "王芳".to_owned() },
                ThreadBody::Text { text: "好".to_owned(), entry: Some("e1".to_owned()) },
            ),
        ];
        for (seq, (from, body)) in (8..).zip(bodies) {
            for client_id in [Some("a\"b".to_owned()), None] {
                let mut stored = entry(CONVERSATION, Lane::Public, Timestamp(9), Author::Citizen, &from, &body);
                stored.client_id.clone_from(&client_id);
                hub.publish_entry(TOPIC, seq, &stored);
                let (from, body) = (from.clone(), body.clone());
                let entry = ThreadEntry { seq, at: Timestamp(9), from, client_id, body };
                hub.publish(TOPIC, Some(seq), EventBody::Entry { entry });
                let (frames, _) = socket.take();
                assert_eq!(frames.len(), 2);
                assert_eq!(frames[0], frames[1]);
                assert!(frames[0].contains(r#""body":{"type":"entry","entry":{"seq":"#), "{}", frames[0]);
            }
        }
    }

    #[test]
    fn a_slow_session_is_told_to_go_and_the_others_miss_nothing() {
        let hub = Hub::new(7);
        let slow = hub.open(agent(1), 2);
        let quick = hub.open(agent(2), 10);
        hub.join(&slow, TOPIC);
        hub.join(&quick, TOPIC);
        hub.join(&quick, TOPIC);
        for n in 0..3 {
            hub.publish(TOPIC, None, tick(n));
        }
        let (texts, ended) = quick.take();
        assert_eq!((texts.len(), ended), (3, None), "joined twice, served once");
        assert!(texts[2].contains(r#""epoch":7,"body":{"type":"tick","now":2}"#), "{}", texts[2]);
        // It has missed something, so the rest is worth nothing: it resumes.
        assert_eq!(slow.take(), (Vec::new(), Some(Ended::TooSlow)));
    }

    #[test]
    fn who_left_hears_nothing_and_leaves_nothing_behind() {
        let hub = Hub::new(1);
        let socket = hub.open(Member::Supervisor, 2);
        hub.join(&socket, Topic::Board);
        assert!(hub.has_listeners(Topic::Board));
        hub.close(&socket);
        hub.publish(Topic::Board, None, tick(1));
        assert_eq!(socket.take(), (Vec::new(), None));
        assert!(hub.topics.is_empty() && hub.sockets.is_empty());
    }

    #[test]
    fn a_connection_listens_to_sixty_four_topics_and_no_more() {
        let hub = Hub::new(1);
        let socket = hub.open(Member::Supervisor, 2);
        let topic = |n| Topic::Conversation(ConversationId::new(n));
        for n in 0..64 {
            assert!(hub.join(&socket, topic(n)), "{n}");
        }
        assert!(!hub.join(&socket, topic(64)) && !hub.has_listeners(topic(64)));
        assert!(hub.join(&socket, topic(0)), "again");
        hub.leave(&socket, topic(0));
        assert!(hub.join(&socket, topic(64)));
    }

    #[test]
    fn the_citizen_is_there_from_the_first_page_to_the_last() {
        let hub = Hub::new(1);
        let staff = hub.open(agent(1), 20);
        hub.join(&staff, TOPIC);
        assert!(!hub.citizen_online(CONVERSATION), "an agent is no citizen");
        let [one, two] = [(); 2].map(|()| hub.open(Member::Citizen, 20));
        hub.join(&one, TOPIC);
        assert!(hub.citizen_online(CONVERSATION));
        hub.join(&two, TOPIC);
        hub.join(&two, Topic::Conversation(ConversationId::new(2)));
        hub.close(&one);
        assert!(hub.citizen_online(CONVERSATION));
        assert_eq!(presence(&staff), [true], "the second page changes nothing");
        hub.leave(&two, TOPIC);
        assert!(!hub.citizen_online(CONVERSATION));
        hub.join(&two, TOPIC);
        hub.close(&two);
        assert_eq!(presence(&staff), [false, true, false]);
    }

    #[test]
    fn an_agent_who_serves_no_more_hears_no_more() {
        let hub = Hub::new(1);
        let [before, after] = [1, 2].map(|n| hub.open(agent(n), 20));
        let board = hub.open(Member::Supervisor, 20);
        let citizen = hub.open(Member::Citizen, 20);
        for socket in [&before, &after, &board] {
            hub.join(socket, TOPIC);
            hub.join(socket, Topic::Notes(CONVERSATION));
        }
        hub.join(&citizen, TOPIC);
        for socket in [&before, &after, &board, &citizen] {
            socket.take();
        }
        hub.only_agent(CONVERSATION, Some(AgentId::new(2)));
        hub.publish(TOPIC, None, tick(1));
        hub.publish(Topic::Notes(CONVERSATION), None, tick(2));
        let heard = [&before, &after, &board, &citizen].map(|socket| socket.take().0.len());
        assert_eq!(heard, [0, 2, 2, 1]);
        hub.only_agent(CONVERSATION, None);
        hub.publish(TOPIC, None, tick(3));
        assert_eq!(after.take().0.len(), 0);
    }

    #[test]
    fn all_are_told_that_the_server_stops_those_who_come_late_too() {
        let hub = Hub::new(1);
        let [early, slow] = [(); 2].map(|()| hub.open(Member::Citizen, 1));
        hub.join(&slow, TOPIC);
        hub.publish(TOPIC, None, tick(1));
        hub.publish(TOPIC, None, tick(2));
        hub.end_all();
        assert_eq!(early.take().1, Some(Ended::GoingAway));
        assert_eq!(slow.take().1, Some(Ended::TooSlow), "the first reason stays");
        assert_eq!(hub.open(Member::Citizen, 1).take().1, Some(Ended::GoingAway));
    }
}
