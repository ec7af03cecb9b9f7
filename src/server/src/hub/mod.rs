//! Fan-out to the sockets of this process: who listens to what, and which citizens are there. A frame is serialised once
//! for all listeners, and for the other nodes. What those publish comes in through [`Hub::pass_on`]; the numbers of durable
//! entries tell whether something is missing between.

mod relay;
mod socket;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use axum::extract::ws::Utf8Bytes;
use bangban_bus::Bus;
use bangban_domain::{AgentId, ConversationId};
use bangban_protocol::{EventBody, Frame, PersonView, ThreadEntry, Topic};
use bangban_store::{Author, Json, NewEntry};
use dashmap::{DashMap, DashSet};
use tokio::sync::Notify;

use crate::{masking, staff::Rights};

pub(crate) use relay::Relay;
pub use socket::{Ended, Holder, Member, Socket};

/// A connection listens to at most so many topics.
pub const MAX_TOPICS: usize = 64;

/// Local fan-out.
pub struct Hub {
    next: AtomicU64,
    /// Which life of this process's counters events belong to.
    epoch: u64,
    bus: Bus,
    rights: Arc<Rights>,
    is_ending: AtomicBool,
    /// Do agents see who else reads?
    shows_monitors: AtomicBool,
    sockets: DashMap<u64, Arc<Socket>>,
    /// Those whose token can be taken back.
    held: DashMap<u64, (Holder, Arc<Socket>)>,
    topics: DashMap<Topic, Listeners>,
    /// Conversations whose citizen has a page open, on whatever node.
    present: DashSet<ConversationId>,
    behind: Behind,
}

/// Who listens to a topic here.
#[derive(Default)]
struct Listeners {
    sockets: Vec<Arc<Socket>>,
    /// Up to here they have every durable entry, from a snapshot or sent; `None`: not known yet, or nothing durable.
    position: Option<u64>,
    /// The last one that was sent to all of them: whatever a snapshot held for one of them, another may lack it.
    sent: Option<u64>,
}

impl Listeners {
    fn was_sent(&self, seq: u64) -> bool {
        self.sent.is_some_and(|sent| seq <= sent)
    }

    fn has_hole_before(&self, seq: u64) -> bool {
        self.position.max(self.sent).is_some_and(|last| seq > last + 1)
    }

    fn send(&mut self, seq: u64, said: &Said) {
        self.sent = Some(seq);
        self.position = self.position.map(|position| position.max(seq));
        send(&self.sockets, said);
    }
}

/// An event as its listeners see it: written once, or twice if something of it is masked.
pub(crate) struct Said {
    text: Utf8Bytes,
    masked: Option<Masked>,
}

/// For staff other than the author.
struct Masked {
    text: Utf8Bytes,
    author: Option<AgentId>,
}

impl From<Utf8Bytes> for Said {
    fn from(text: Utf8Bytes) -> Self {
        Self { text, masked: None }
    }
}

impl Said {
    /// An event with an entry of another node, or read from the store.
    fn entry(topic: Topic, epoch: u64, entry: ThreadEntry) -> Option<Self> {
        let event = |entry: ThreadEntry| {
            text_of(&Frame::Event { topic, epoch, seq: Some(entry.seq), body: EventBody::Entry { entry } })
        };
        let hidden = masking::masked(entry.clone());
        let masked = if hidden.masked {
            Some(Masked { author: masking::author(&entry.from), text: event(hidden)? })
        } else {
            None
        };
        Some(Self { text: event(entry)?, masked })
    }

    fn for_member(&self, member: Member) -> &Utf8Bytes {
        match (&self.masked, member.staff()) {
            (Some(masked), Some(reader)) if masked.author != Some(reader) => &masked.text,
            _ => &self.text,
        }
    }
}

/// Topics that miss entries, which have to be read from the store.
#[derive(Default)]
struct Behind {
    topics: Mutex<BTreeSet<Topic>>,
    wake: Notify,
}

impl Behind {
    fn topics(&self) -> MutexGuard<'_, BTreeSet<Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of an entry of another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Its listeners have it, now or before; or there are none.
    On,
    /// Something before it is missing.
    Hole,
}

impl Hub {
    /// `epoch` must differ from that of every earlier start on the same data.
    #[must_use]
    pub fn new(epoch: u64, bus: Bus, rights: Arc<Rights>) -> Self {
        Self {
            next: AtomicU64::new(1),
            epoch,
            bus,
            rights,
            is_ending: AtomicBool::new(false),
            shows_monitors: AtomicBool::new(true),
            sockets: DashMap::new(),
            held: DashMap::new(),
            topics: DashMap::new(),
            present: DashSet::new(),
            behind: Behind::default(),
        }
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
        self.held.remove(&socket.number);
        let topics = std::mem::take(&mut *socket.topics());
        for topic in topics {
            self.leave_quietly(socket, topic);
        }
    }

    /// The socket was opened with this token.
    pub fn hold(&self, socket: &Arc<Socket>, holder: Holder) {
        if holder != Holder::default() {
            self.held.insert(socket.number, (holder, Arc::clone(socket)));
        }
    }

    /// Tokens that can be taken back and by which sockets are open here.
    #[must_use]
    pub fn held(&self) -> Vec<Holder> {
        self.held.iter().map(|one| one.0).collect()
    }

    /// These tokens have been taken back: their sockets end.
    pub fn end_held(&self, is_over: impl Fn(&Holder) -> bool) {
        for one in &self.held {
            let (holder, socket) = one.value();
            if is_over(holder) {
                socket.end(Ended::TakenBack);
            }
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
        let sockets = &mut listeners.sockets;
        if sockets.iter().any(|other| other.number == socket.number) {
            return true;
        }
        let is_first = socket.member == Member::Citizen && !has_citizen(sockets);
        sockets.push(Arc::clone(socket));
        if is_first {
            self.citizen_there(topic, true);
        }
        drop(listeners);
        self.tell_of_monitors(socket, topic);
        true
    }

    /// Members of staff who read a conversation here and now, who serves it included. Nobody if that is not to be seen.
    pub fn monitors(&self, conversation: ConversationId) -> Vec<PersonView> {
        if !self.shows_monitors.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let name = |id| PersonView { id, name: self.rights.accounts.name(id).unwrap_or_default() };
        self.staff_at(conversation).into_iter().map(name).collect()
    }

    /// By the configuration supervisors are not seen.
    pub fn hide_monitors(&self) {
        self.shows_monitors.store(false, Ordering::Relaxed);
    }

    /// A member of staff begins or ends to read a conversation: those who see its private lane see that. The lists must not
    /// be locked.
    fn tell_of_monitors(&self, socket: &Socket, topic: Topic) {
        if let Topic::Conversation(id) = topic
            && socket.member.staff().is_some()
            && self.shows_monitors.load(Ordering::Relaxed)
        {
            self.tell(Topic::Notes(id), EventBody::Monitors { people: self.monitors(id) });
        }
    }

    /// A socket that has joined has everything up to this entry from its snapshot.
    pub fn has_up_to(&self, topic: Topic, seq: u64) {
        if !is_numbered(topic) {
            return;
        }
        let Some(mut listeners) = self.topics.get_mut(&topic) else { return };
        match listeners.position {
            None => listeners.position = Some(seq),
            // Another one's snapshot held more than was sent to all.
            Some(position) if seq < position && !listeners.was_sent(position) => {
                listeners.position = Some(seq);
                self.is_behind(topic);
            }
            Some(_) => {}
        }
    }

    /// No more.
    pub fn leave(&self, socket: &Socket, topic: Topic) {
        socket.topics().retain(|other| *other != topic);
        self.leave_quietly(socket, topic);
    }

    fn leave_quietly(&self, socket: &Socket, topic: Topic) {
        if let Some(mut listeners) = self.topics.get_mut(&topic) {
            let sockets = &mut listeners.sockets;
            let had_citizen = has_citizen(sockets);
            sockets.retain(|other| other.number != socket.number);
            if had_citizen && !has_citizen(sockets) {
                self.citizen_there(topic, false);
            }
        }
        self.forget_if_empty(topic);
        self.tell_of_monitors(socket, topic);
    }

    fn forget_if_empty(&self, topic: Topic) {
        self.topics.remove_if(&topic, |_, listeners| listeners.sockets.is_empty());
    }

    /// Said while the list is locked, so that the last word is the true one. What the pages of all nodes make of it comes
    /// back by [`Hub::citizen_came_or_went`].
    fn citizen_there(&self, topic: Topic, is_there: bool) {
        if let Topic::Conversation(id) = topic {
            self.bus.set_present(&id.to_string(), is_there);
        }
    }

    /// The citizen's first page was opened, or the last one closed, on whatever node.
    pub(crate) fn citizen_came_or_went(&self, conversation: ConversationId, online: bool) {
        if online {
            self.present.insert(conversation);
        } else {
            self.present.remove(&conversation);
        }
        self.tell(Topic::Conversation(conversation), EventBody::CitizenPresence { online });
    }

    /// Sends what each node finds out by itself to those who listen here.
    pub(crate) fn tell(&self, topic: Topic, body: EventBody) {
        let Some(listeners) = self.topics.get(&topic) else { return };
        if let Some(text) = text_of(&Frame::Event { topic, epoch: self.epoch, seq: None, body }) {
            send(&listeners.sockets, &text.into());
        }
    }

    /// Has the citizen a page open on this conversation, on whatever node?
    #[must_use]
    pub fn citizen_online(&self, conversation: ConversationId) -> bool {
        let is_here = |listeners: &Listeners| has_citizen(&listeners.sockets);
        self.present.contains(&conversation)
            || self.topics.get(&Topic::Conversation(conversation)).is_some_and(|listeners| is_here(&listeners))
    }

    /// Of all staff, only the agent who serves the conversation and those who may read its team's go on reading it: being
    /// allowed to read ends with serving, and with the team.
    pub fn only_readers(&self, conversation: ConversationId, agent: Option<AgentId>, team: &str, item: Option<&str>) {
        self.end_reading(conversation, |who| Some(who) != agent && !self.rights.reads_team(who, team, item));
    }

    /// As [`Hub::only_readers`], for those among these.
    pub(crate) fn only_readers_of(
        &self,
        among: &BTreeSet<AgentId>,
        conversation: ConversationId,
        agent: Option<AgentId>,
        team: &str,
        item: Option<&str>,
    ) {
        let may = |who| Some(who) == agent || self.rights.reads_team(who, team, item);
        self.end_reading(conversation, |who| among.contains(&who) && !may(who));
    }

    /// These members of staff may not go on reading the conversation.
    fn end_reading(&self, conversation: ConversationId, who: impl Fn(AgentId) -> bool) {
        for topic in [Topic::Conversation(conversation), Topic::Notes(conversation)] {
            if let Some(mut listeners) = self.topics.get_mut(&topic) {
                listeners.sockets.retain(|socket| !socket.member.staff().is_some_and(&who));
            }
            self.forget_if_empty(topic);
        }
    }

    /// Tells the other nodes that the account or a session of it has changed.
    pub fn tell_of_account(&self, who: AgentId) {
        if self.bus.is_shared() {
            self.bus.publish(format!(r#"{{"account":"{who}"}}"#).into());
        }
    }

    /// The account or a session of it has changed: its sockets look whether they may go on.
    pub fn look_again(&self, who: AgentId) {
        for socket in self.sockets.iter().filter(|socket| socket.member.staff() == Some(who)) {
            socket.look_again();
        }
    }

    /// Sends to one socket, whether it listens to the topic or not.
    pub(crate) fn tell_one(&self, socket: &Socket, topic: Topic, body: EventBody) {
        if let Some(text) = text_of(&Frame::Event { topic, epoch: self.epoch, seq: None, body }) {
            socket.push(text);
        }
    }

    /// Sends to these sockets, written once.
    pub(crate) fn tell_some<'a>(&self, sockets: impl Iterator<Item = &'a Arc<Socket>>, topic: Topic, body: EventBody) {
        let mut sockets = sockets.peekable();
        if sockets.peek().is_none() {
            return;
        }
        if let Some(text) = text_of(&Frame::Event { topic, epoch: self.epoch, seq: None, body }) {
            for socket in sockets {
                socket.push(text.clone());
            }
        }
    }

    /// Does anybody listen here, or could on another node?
    pub(crate) fn is_listened_to(&self, topic: Topic) -> bool {
        self.topics.contains_key(&topic) || self.bus.is_shared()
    }

    /// The tree of units has changed: whoever looks on has to come again, and is let in where they may look now.
    pub fn end_watchers(&self) {
        for socket in self.sockets.iter().filter(|socket| matches!(socket.member, Member::Watcher(_))) {
            socket.end(Ended::RightsChanged);
        }
    }

    /// Sends an event to all who listen; never waits.
    pub fn publish(&self, topic: Topic, seq: Option<u64>, body: EventBody) {
        let listeners = self.topics.get(&topic);
        if listeners.is_none() && !self.bus.is_shared() {
            return;
        }
        let Some(text) = text_of(&Frame::Event { topic, epoch: self.epoch, seq, body }) else { return };
        if self.bus.is_shared() {
            self.bus.publish(text.clone().into());
        }
        if let Some(listeners) = listeners {
            send(&listeners.sockets, &text.into());
        }
    }

    /// Sends a durable entry. Its JSON is there already and is copied: the bytes are those of [`Hub::publish`] with
    /// [`EventBody::Entry`].
    pub fn publish_entry(&self, topic: Topic, seq: u64, entry: &NewEntry) {
        let listeners = self.topics.get_mut(&topic);
        if listeners.is_none() && !self.bus.is_shared() {
            return;
        }
        let Some(text) = written(entry_event(topic, self.epoch, seq, entry, None)) else { return };
        if self.bus.is_shared() {
            self.bus.publish(text.clone().into());
        }
        let Some(mut listeners) = listeners else { return };
        // It may have been read from the store meanwhile.
        if listeners.was_sent(seq) {
            return;
        }
        if listeners.has_hole_before(seq) {
            // Another node wrote before us and its word is not here yet.
            self.is_behind(topic);
            return;
        }
        let masked = match &entry.masked {
            Some(body) if listeners.sockets.iter().any(|socket| socket.member.staff().is_some()) => {
                let author = match entry.author {
                    Author::Agent(agent) => Some(agent),
                    Author::Citizen | Author::Bot | Author::System => None,
                };
                let Some(text) = written(entry_event(topic, self.epoch, seq, entry, Some(body))) else { return };
                Some(Masked { text, author })
            }
            Some(_) | None => None,
        };
        listeners.send(seq, &Said { text, masked });
    }

    // --- what other nodes have published ------------------------------------------------------------------------

    /// Sends what another node has published, or the store has kept, to those who listen here; each durable entry once and
    /// in order.
    pub(crate) fn pass_on(&self, topic: Topic, seq: Option<u64>, said: &Said) -> Passed {
        let Some(mut listeners) = self.topics.get_mut(&topic) else { return Passed::On };
        match seq.filter(|_| is_numbered(topic)) {
            None => send(&listeners.sockets, said),
            Some(seq) if listeners.was_sent(seq) => {}
            Some(seq) if listeners.has_hole_before(seq) => return Passed::Hole,
            Some(seq) => listeners.send(seq, said),
        }
        Passed::On
    }

    /// Does anybody but citizens listen to it here?
    pub(crate) fn has_staff(&self, topic: Topic) -> bool {
        let is_staff = |socket: &Arc<Socket>| socket.member.staff().is_some();
        self.topics.get(&topic).is_some_and(|listeners| listeners.sockets.iter().any(is_staff))
    }

    /// The last durable entry that the topic's listeners have, if it is known.
    pub(crate) fn position(&self, topic: Topic) -> Option<u64> {
        self.topics.get(&topic).and_then(|listeners| listeners.position.or(listeners.sent))
    }

    /// Everything that is listened to here may have missed entries.
    pub(crate) fn all_are_behind(&self) {
        let known = self.topics.iter().map(|one| *one.key()).filter(|topic| is_numbered(*topic));
        self.behind.topics().extend(known);
        self.behind.wake.notify_one();
    }

    /// The topic misses entries.
    pub(crate) fn is_behind(&self, topic: Topic) {
        self.behind.topics().insert(topic);
        self.behind.wake.notify_one();
    }

    /// Topics that miss entries, as soon as there are any.
    pub(crate) async fn those_behind(&self) -> BTreeSet<Topic> {
        loop {
            let topics = std::mem::take(&mut *self.behind.topics());
            if !topics.is_empty() {
                return topics;
            }
            self.behind.wake.notified().await;
        }
    }

    /// Staff who listen to the conversation here.
    pub(crate) fn staff_at(&self, conversation: ConversationId) -> BTreeSet<AgentId> {
        let mut staff = BTreeSet::new();
        for topic in [Topic::Conversation(conversation), Topic::Notes(conversation)] {
            if let Some(listeners) = self.topics.get(&topic) {
                staff.extend(listeners.sockets.iter().filter_map(|socket| socket.member.staff()));
            }
        }
        staff
    }
}

fn text_of(frame: &Frame) -> Option<Utf8Bytes> {
    written(serde_json::to_string(frame))
}

fn written(text: serde_json::Result<String>) -> Option<Utf8Bytes> {
    match text {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "an event cannot be written as JSON");
            None
        }
    }
}

fn send(sockets: &[Arc<Socket>], said: &Said) {
    for socket in sockets {
        socket.push(said.for_member(socket.member).clone());
    }
}

/// [`Frame::Event`] with an [`EventBody::Entry`]. Put together from its parts: of all frames this one is written most
/// often, and most of it is JSON already. With the masked body it says that it is masked.
fn entry_event(
    topic: Topic,
    epoch: u64,
    seq: u64,
    entry: &NewEntry,
    masked: Option<&Json>,
) -> serde_json::Result<String> {
    let (from, body) = (entry.from.as_str(), masked.unwrap_or(&entry.body).as_str());
    let mut text = String::with_capacity(from.len() + body.len() + 256);
    let at = entry.at.0;
    // Writing to a string does not fail.
    let _ = write!(text, r#"{{"topic":"{topic}","epoch":{epoch},"seq":{seq},"body":{{"type":"entry","entry":{{"#);
    let _ = write!(text, r#""seq":{seq},"at":{at},"from":{from},"#);
    if let Some(client_id) = &entry.client_id {
        let client_id = serde_json::to_string(client_id)?;
        let _ = write!(text, r#""clientId":{client_id},"#);
    }
    let masked = if masked.is_some() { r#","masked":true"# } else { "" };
    let _ = write!(text, r#""body":{body}{masked}}}}}}}"#);
    Ok(text)
}

/// Are the topic's events kept, with gapless numbers?
const fn is_numbered(topic: Topic) -> bool {
    matches!(topic, Topic::Conversation(_) | Topic::Notes(_))
}

fn has_citizen(listeners: &[Arc<Socket>]) -> bool {
    listeners.iter().any(|socket| socket.member == Member::Citizen)
}

#[cfg(test)]
mod tests {
    use bangban_bus::{CANARY, Ending, Inbox, Net, Settings};
    use bangban_domain::{Timestamp, words::Role};
    use bangban_protocol::{Party, ThreadBody, ThreadEntry};
    use bangban_store::{Author, Lane, StaffRow};

    use super::*;
    use crate::desk::entry;

    /// Reads the conversations of every team.
    const SUPERVISOR: Member = Member::Watcher(AgentId::new(99));

    fn supervised() -> Arc<Rights> {
        let rights = Rights::default();
        rights.accounts.put(StaffRow::new(AgentId::new(99), "super1", "吴督导").with_role(Role::Supervisor));
        Arc::new(rights)
    }

    const CONVERSATION: ConversationId = ConversationId::new(1);
    const TOPIC: Topic = Topic::Conversation(CONVERSATION);

    /// A node of its own.
    struct Alone {
        hub: Hub,
        inbox: Inbox,
        _ending: Ending,
    }

    impl Alone {
        fn new(epoch: u64) -> Self {
            let (bus, inbox, ending) = Bus::memory(Settings { node: 1, canary: CANARY }, &Net::default());
            Self { hub: Hub::new(epoch, bus, supervised()), inbox, _ending: ending }
        }

        /// The next word on whether the citizen is there.
        async fn presence(&mut self) {
            loop {
                let presence = self.inbox.next().await.unwrap().presence;
                for (key, online) in &presence {
                    self.hub.citizen_came_or_went(key.parse().unwrap(), *online);
                }
                if !presence.is_empty() {
                    return;
                }
            }
        }
    }

    fn tick(n: i64) -> EventBody {
        EventBody::Tick { now: Timestamp(n) }
    }

    fn note() -> NewEntry {
        entry(CONVERSATION, Lane::Public, Timestamp(9), Author::System, &Party::System, &ThreadBody::Finished)
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

    #[tokio::test]
    async fn a_durable_entry_goes_out_in_the_same_bytes_as_any_other_event() {
        let Alone { hub, .. } = Alone::new(7);
        let socket = hub.open(agent(1), 10);
        hub.join(&socket, TOPIC);
        let bodies = [
            (
                Party::Citizen,
                ThreadBody::Text {
                    text: "“引号” \"\\ \u{0}\n😀".to_owned(),
                    entry: None,
                    revision: None,
                    files: Vec::new(),
                },
            ),
            (
                Party::Agent { id: AgentId::new(3), name: "王芳".to_owned() },
                ThreadBody::Text {
                    text: "好".to_owned(),
                    entry: Some("e1".to_owned()),
                    revision: Some(3),
                    files: Vec::new(),
                },
            ),
        ];
        let mut seq = 8;
        for (from, body) in bodies {
            for client_id in [Some("a\"b".to_owned()), None] {
                let mut stored = entry(CONVERSATION, Lane::Public, Timestamp(9), Author::Citizen, &from, &body);
                stored.client_id.clone_from(&client_id);
                hub.publish_entry(TOPIC, seq, &stored);
                let (from, body) = (from.clone(), body.clone());
                let entry = ThreadEntry { seq, at: Timestamp(9), from, client_id, body, masked: false };
                hub.publish(TOPIC, Some(seq), EventBody::Entry { entry });
                let (frames, _) = socket.take();
                assert_eq!(frames.len(), 2);
                assert_eq!(frames[0], frames[1]);
                assert!(frames[0].contains(r#""body":{"type":"entry","entry":{"seq":"#), "{}", frames[0]);
                seq += 1;
            }
        }
    }

    #[tokio::test]
    async fn a_slow_session_is_told_to_go_and_the_others_miss_nothing() {
        let Alone { hub, .. } = Alone::new(7);
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

    #[tokio::test]
    async fn who_left_hears_nothing_and_leaves_nothing_behind() {
        let Alone { hub, .. } = Alone::new(1);
        let socket = hub.open(SUPERVISOR, 2);
        hub.join(&socket, Topic::Board);
        hub.close(&socket);
        hub.publish(Topic::Board, None, tick(1));
        assert_eq!(socket.take(), (Vec::new(), None));
        assert!(hub.topics.is_empty() && hub.sockets.is_empty());
    }

    #[tokio::test]
    async fn a_connection_listens_to_sixty_four_topics_and_no_more() {
        let Alone { hub, .. } = Alone::new(1);
        let socket = hub.open(SUPERVISOR, 2);
        let topic = |n| Topic::Conversation(ConversationId::new(n));
        for n in 0..64 {
            assert!(hub.join(&socket, topic(n)), "{n}");
        }
        assert!(!hub.join(&socket, topic(64)) && !hub.topics.contains_key(&topic(64)));
        assert!(hub.join(&socket, topic(0)), "again");
        hub.leave(&socket, topic(0));
        assert!(hub.join(&socket, topic(64)));
    }

    #[tokio::test]
    async fn the_citizen_is_there_from_the_first_page_to_the_last() {
        let mut alone = Alone::new(1);
        let staff = alone.hub.open(agent(1), 20);
        alone.hub.join(&staff, TOPIC);
        assert!(!alone.hub.citizen_online(CONVERSATION), "an agent is no citizen");
        let [one, two] = [(); 2].map(|()| alone.hub.open(Member::Citizen, 20));
        alone.hub.join(&one, TOPIC);
        assert!(alone.hub.citizen_online(CONVERSATION));
        alone.presence().await;
        alone.hub.join(&two, TOPIC);
        alone.hub.close(&one);
        assert!(alone.hub.citizen_online(CONVERSATION));
        assert_eq!(presence(&staff), [true], "the second page changes nothing");
        alone.hub.leave(&two, TOPIC);
        alone.presence().await;
        assert!(!alone.hub.citizen_online(CONVERSATION));
        alone.hub.join(&two, TOPIC);
        alone.presence().await;
        alone.hub.close(&two);
        alone.presence().await;
        assert_eq!(presence(&staff), [false, true, false]);
    }

    #[tokio::test]
    async fn an_agent_who_serves_no_more_hears_no_more() {
        let Alone { hub, .. } = Alone::new(1);
        let [before, after] = [1, 2].map(|n| hub.open(agent(n), 20));
        let board = hub.open(SUPERVISOR, 20);
        let citizen = hub.open(Member::Citizen, 20);
        for socket in [&before, &after, &board] {
            hub.join(socket, TOPIC);
            hub.join(socket, Topic::Notes(CONVERSATION));
        }
        hub.join(&citizen, TOPIC);
        for socket in [&before, &after, &board, &citizen] {
            socket.take();
        }
        hub.only_readers(CONVERSATION, Some(AgentId::new(2)), "general", None);
        hub.publish(TOPIC, None, tick(1));
        hub.publish(Topic::Notes(CONVERSATION), None, tick(2));
        let heard = [&before, &after, &board, &citizen].map(|socket| socket.take().0.len());
        assert_eq!(heard, [0, 2, 2, 1]);
        hub.only_readers(CONVERSATION, None, "general", None);
        hub.publish(TOPIC, None, tick(3));
        assert_eq!(after.take().0.len(), 0);
    }

    #[tokio::test]
    async fn staff_hear_what_is_masked_and_authors_and_citizens_what_was_written() {
        let Alone { hub, .. } = Alone::new(1);
        let members = [Member::Citizen, Member::Agent(AgentId::new(1)), Member::Agent(AgentId::new(2)), SUPERVISOR];
        let sockets = members.map(|member| hub.open(member, 20));
        for socket in &sockets {
            hub.join(socket, TOPIC);
            socket.take();
        }
        let agent = (Author::Agent(AgentId::new(1)), Party::Agent { id: AgentId::new(1), name: "李敏".to_owned() });
        let mut seq = 0;
        for ((author, from), text, expected) in [
            ((Author::Citizen, Party::Citizen), "电话13800138001", [true, false, false, false]),
            (agent, "电话13800138001", [true, true, false, false]),
            ((Author::Citizen, Party::Citizen), "谢谢", [true, true, true, true]),
        ] {
            seq += 1;
            let body = ThreadBody::Text { text: text.to_owned(), entry: None, revision: None, files: Vec::new() };
            let mine = entry(CONVERSATION, Lane::Public, Timestamp(9), author, &from, &body);
            let theirs = ThreadEntry { seq, at: Timestamp(9), from, client_id: None, body, masked: false };
            hub.publish_entry(TOPIC, seq, &mine);
            let texts = |socket: &Arc<Socket>| socket.take().0.iter().map(|text| text.as_str()).collect::<String>();
            let heard = sockets.each_ref().map(texts);
            assert_eq!(heard.each_ref().map(|frame| frame.contains(text)), expected, "{heard:?}");
            for frame in &heard {
                let parsed: Frame = serde_json::from_str(frame).unwrap();
                assert_eq!(serde_json::to_string(&parsed).unwrap(), *frame, "as the protocol writes it");
                let Frame::Event { body: EventBody::Entry { entry }, .. } = parsed else { panic!("{frame}") };
                assert_eq!(entry.masked, !frame.contains(text));
            }
            // What another node wrote is heard in the same way.
            seq += 1;
            let said = Said::entry(TOPIC, hub.epoch(), ThreadEntry { seq, ..theirs }).unwrap();
            assert_eq!(hub.pass_on(TOPIC, Some(seq), &said), Passed::On);
            let again = sockets.each_ref().map(texts);
            assert_eq!(again.each_ref().map(|frame| frame.contains(text)), expected, "{again:?}");
        }
    }

    #[tokio::test]
    async fn what_comes_from_elsewhere_is_sent_once_and_a_hole_before_it_is_found() {
        let Alone { hub, .. } = Alone::new(1);
        let socket = hub.open(Member::Citizen, 20);
        let text = |n: u64| Utf8Bytes::from(n.to_string());
        let pass = |n| hub.pass_on(TOPIC, Some(n), &text(n).into());
        assert_eq!((pass(3), hub.position(TOPIC)), (Passed::On, None), "nobody listens");
        hub.join(&socket, TOPIC);
        assert_eq!((pass(4), hub.position(TOPIC)), (Passed::On, Some(4)));
        hub.has_up_to(TOPIC, 4);
        hub.has_up_to(TOPIC, 9);
        assert_eq!(
            [4, 5, 5, 7, 6, 7].map(pass),
            [Passed::On, Passed::On, Passed::On, Passed::Hole, Passed::On, Passed::On]
        );
        let heard: Vec<String> = socket.take().0.iter().map(ToString::to_string).collect();
        assert_eq!(heard, ["4", "5", "6", "7"]);
        // An own entry that comes before its predecessor of another node waits too.
        let mine = |seq| hub.publish_entry(TOPIC, seq, &note());
        mine(9);
        assert_eq!((hub.those_behind().await, socket.take().0.len()), (BTreeSet::from([TOPIC]), 0));
        assert_eq!(pass(8), Passed::On);
        mine(9);
        assert_eq!((hub.position(TOPIC), socket.take().0.len()), (Some(9), 2));
        hub.all_are_behind();
        assert_eq!(hub.those_behind().await, BTreeSet::from([TOPIC]));
    }

    #[tokio::test]
    async fn what_one_snapshot_held_and_another_did_not_reaches_both() {
        let Alone { hub, .. } = Alone::new(1);
        let [late, early] = [(); 2].map(|()| hub.open(Member::Citizen, 20));
        for socket in [&late, &early] {
            hub.join(socket, TOPIC);
            socket.take();
        }
        // Entry 5 is durable and not published yet: one look came before it, one after.
        hub.has_up_to(TOPIC, 5);
        hub.has_up_to(TOPIC, 4);
        assert_eq!(hub.those_behind().await, BTreeSet::from([TOPIC]));
        assert_eq!(hub.pass_on(TOPIC, Some(5), &Utf8Bytes::from("5").into()), Passed::On, "read from the store");
        hub.publish_entry(TOPIC, 5, &note());
        assert_eq!([late.take().0.len(), early.take().0.len()], [1, 1], "once for each");
        hub.has_up_to(TOPIC, 4);
        assert_eq!(hub.position(TOPIC), Some(5), "it was sent to all since");
    }

    #[tokio::test]
    async fn all_are_told_that_the_server_stops_those_who_come_late_too() {
        let Alone { hub, .. } = Alone::new(1);
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
