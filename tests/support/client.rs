//! A client of the protocol, typed.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
};

use bangban_domain::{ConversationId, Timestamp, words::Channel};
use bangban_protocol::{
    Answer, Command, ConversationView, EventBody, Frame, Identity, MyConversation, OfferView, Request, Snapshot,
    ThreadBody, ThreadEntry, Topic, VERSION, WireError,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};

use crate::PATIENCE;

/// The connection is over; the code if the server gave one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone(pub Option<u16>);

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Where.
    pub topic: Topic,
    /// Position on the topic.
    pub seq: Option<u64>,
    /// What.
    pub body: EventBody,
}

/// A welcomed connection.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u32,
    events: VecDeque<Event>,
    answers: HashMap<u32, Result<Answer, WireError>>,
    /// Who the server says that this is.
    pub me: Identity,
    /// A citizen's conversations at the time of the welcome.
    pub conversations: Vec<MyConversation>,
}

impl Client {
    /// Connects, through a proxy or directly, and says hello.
    ///
    /// # Errors
    /// If the connection breaks, or it or the hello is refused.
    pub async fn try_connect(address: SocketAddr, token: &str) -> Result<Self, Gone> {
        let connecting = tokio_tungstenite::connect_async(format!("ws://{address}/ws"));
        let (socket, _) = timeout(PATIENCE, connecting).await.expect("a connection").map_err(|_| Gone(None))?;
        // Replaced by the welcome.
        let me = Identity::Citizen {
            id: bangban_domain::CitizenId::new(0),
            name: String::new(),
            kind: bangban_domain::words::CitizenKind::Person,
            anonymous: false,
            continuation: None,
            language: None,
        };
        let (events, answers) = (VecDeque::new(), HashMap::new());
        let mut client = Self { socket, next: 0, events, answers, me, conversations: Vec::new() };
        let hello = client.post(Command::Hello { token: token.to_owned(), protocol: VERSION }).await?;
        match client.answer(hello).await? {
            Ok(Answer::Welcome { me, conversations, .. }) => Ok(Self { me, conversations, ..client }),
            // While the server cannot read its rows it refuses; whoever must get in says so (`connect`).
            _ => Err(Gone(None)),
        }
    }

    /// Connects and says hello.
    pub async fn connect(address: SocketAddr, token: &str) -> Self {
        Self::try_connect(address, token).await.expect("a connection")
    }

    /// Sends a request without waiting for its answer; gives its number.
    ///
    /// # Errors
    /// If the connection is over.
    pub async fn post(&mut self, body: Command) -> Result<u32, Gone> {
        self.next += 1;
        let request = serde_json::to_string(&Request { reference: self.next, body }).unwrap();
        match timeout(PATIENCE, self.socket.send(Message::text(request))).await.expect("room to write") {
            Ok(()) => Ok(self.next),
            Err(_) => Err(Gone(None)),
        }
    }

    /// Sends something that may not be a command at all; gives the answer as it came.
    pub async fn raw(&mut self, body: Value) -> Result<Answer, WireError> {
        self.next += 1;
        let request = serde_json::json!({ "ref": self.next, "body": body }).to_string();
        self.socket.send(Message::text(request)).await.unwrap();
        self.answer(self.next).await.expect("a connection")
    }

    async fn frame(&mut self) -> Result<Frame, Gone> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(why))) => return Err(Gone(why.map(|CloseFrame { code, .. }| code.into()))),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Gone(None)),
            }
        }
    }

    /// Takes one frame from the connection: an event is kept, an answer too.
    ///
    /// # Errors
    /// If the connection is over.
    pub async fn turn(&mut self) -> Result<(), Gone> {
        match self.frame().await? {
            Frame::Event { topic, seq, body, .. } => self.events.push_back(Event { topic, seq, body }),
            Frame::Reply { reference, ok } => drop(self.answers.insert(reference, Ok(ok))),
            Frame::Failure { reference, error } => drop(self.answers.insert(reference, Err(error))),
        }
        Ok(())
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// If the connection is over.
    pub async fn answer(&mut self, reference: u32) -> Result<Result<Answer, WireError>, Gone> {
        loop {
            if let Some(answer) = self.answers.remove(&reference) {
                return Ok(answer);
            }
            self.turn().await?;
        }
    }

    /// An answer that has come already.
    pub fn answered(&mut self) -> Option<(u32, Result<Answer, WireError>)> {
        let reference = *self.answers.keys().min()?;
        Some((reference, self.answers.remove(&reference)?))
    }

    /// An event that has come already, oldest first.
    pub fn heard(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Sends a request and waits for the answer.
    pub async fn ask(&mut self, body: Command) -> Result<Answer, WireError> {
        let reference = self.post(body).await.expect("a connection");
        self.answer(reference).await.expect("a connection")
    }

    /// A request that is carried out.
    pub async fn ok(&mut self, body: Command) -> Answer {
        let what = format!("{body:?}");
        self.ask(body).await.unwrap_or_else(|error| panic!("{what} -> {error}"))
    }

    /// A request that is refused.
    pub async fn refused(&mut self, body: Command) -> WireError {
        let what = format!("{body:?}");
        match self.ask(body).await {
            Err(error) => error,
            Ok(answer) => panic!("{what} -> {answer:?}"),
        }
    }

    /// The first event, received already or still to come, of which `pick` makes something. It is taken; those before it
    /// stay.
    pub async fn event<T>(&mut self, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let mut looked_at = 0;
        let found = timeout(PATIENCE, async {
            loop {
                while looked_at < self.events.len() {
                    if let Some(found) = pick(&self.events[looked_at]) {
                        self.events.remove(looked_at);
                        return found;
                    }
                    looked_at += 1;
                }
                self.turn().await.unwrap_or_else(|gone| panic!("{gone:?} while waiting for: {what}"));
            }
        });
        found.await.unwrap_or_else(|_| panic!("no event: {what}"))
    }

    /// Nothing for which `pick` makes something has come, nor is it under way. An event that the server has published
    /// before it reads a request is written before the answer to the request after that one, so two are asked.
    pub async fn refute<T: std::fmt::Debug>(&mut self, what: &str, pick: impl FnMut(&Event) -> Option<T>) {
        for _ in 0..2 {
            self.ok(Command::Unsubscribe { topic: Topic::Session }).await;
        }
        if let Some(found) = self.events.iter().find_map(pick) {
            panic!("{what}: {found:?}");
        }
    }

    /// Reads to the end of the connection.
    pub async fn end(&mut self) -> Gone {
        loop {
            if let Err(gone) = self.turn().await {
                return gone;
            }
        }
    }

    /// Joins a topic.
    pub async fn subscribe(&mut self, topic: Topic, after: Option<u64>) -> (u64, Snapshot) {
        match self.ok(Command::Subscribe { topic, after }).await {
            Answer::Subscribed { seq, snapshot, .. } => (seq, *snapshot),
            other => panic!("{other:?}"),
        }
    }

    /// Joins a conversation: its state and what is in its thread after this position (all of it, if it is short).
    pub async fn join(&mut self, id: ConversationId, after: Option<u64>) -> (ConversationView, Vec<ThreadEntry>) {
        match self.subscribe(Topic::Conversation(id), after).await {
            (_, Snapshot::Conversation { view, entries, .. }) => (view, entries),
            other => panic!("{other:?}"),
        }
    }

    /// The whole thread, page by page.
    pub async fn whole_thread(&mut self, id: ConversationId) -> Vec<ThreadEntry> {
        let (_, mut thread) = self.join(id, None).await;
        while let Some(before) = thread.first().map(|entry| entry.seq).filter(|seq| *seq > 1) {
            match self.ok(Command::LoadEarlier { conversation: id, before }).await {
                Answer::Earlier { entries, .. } => {
                    assert!(!entries.is_empty(), "nothing before position {before}");
                    thread.splice(0..0, entries);
                }
                other => panic!("{other:?}"),
            }
        }
        thread
    }

    /// A citizen opens a conversation about residence permits.
    pub async fn open(&mut self) -> ConversationId {
        let command = Command::OpenConversation {
            item: Some("residence-permit".to_owned()),
            district: None,
            channel: Channel::Pc,
            hall: None,
            ticket: None,
        };
        match self.ok(command).await {
            Answer::Opened { conversation } => conversation,
            other => panic!("{other:?}"),
        }
    }

    /// A citizen asks for a human in service hours; gives the end of the promise.
    pub async fn request_human(&mut self, conversation: ConversationId) -> Timestamp {
        match self.ok(Command::RequestHuman { conversation }).await {
            Answer::Queued { due_at } => due_at,
            other => panic!("{other:?}"),
        }
    }

    /// Says something; gives its position.
    pub async fn say(&mut self, conversation: ConversationId, client_id: &str, text: &str) -> u64 {
        match self.ok(send(conversation, client_id, text)).await {
            Answer::Sent { seq, .. } => seq,
            other => panic!("{other:?}"),
        }
    }

    /// An agent waits for an offer.
    pub async fn offer(&mut self) -> OfferView {
        let Identity::Staff { id, .. } = self.me else { panic!("not an agent") };
        let topic = Topic::Agent(id);
        let (at, Snapshot::Agent { view }) = self.subscribe(topic, None).await else { panic!("no desk") };
        // Older desks may show an offer that is answered already.
        self.events.retain(|event| event.topic != topic || event.seq.is_some_and(|seq| seq > at));
        match view.offer {
            Some(offer) => offer,
            None => {
                self.event("an offer", |event| match &event.body {
                    EventBody::Agent { view } => view.offer.clone(),
                    _ => None,
                })
                .await
            }
        }
    }

    /// An agent waits for an offer and accepts it.
    pub async fn accept(&mut self) -> OfferView {
        let offer = self.offer().await;
        self.ok(Command::AcceptOffer { offer: offer.id }).await;
        offer
    }

    /// The thread's entry of which `pick` makes something, when it is published.
    pub async fn entry<T>(&mut self, what: &str, mut pick: impl FnMut(&ThreadEntry) -> Option<T>) -> T {
        self.event(what, |event| match &event.body {
            EventBody::Entry { entry } => pick(entry),
            _ => None,
        })
        .await
    }
}

/// A message.
#[must_use]
pub fn send(conversation: ConversationId, client_id: &str, text: &str) -> Command {
    Command::Send { conversation, client_id: client_id.to_owned(), text: text.to_owned(), entry: None }
}

/// What kinds of entries a thread has, as on the wire.
#[must_use]
pub fn kinds(thread: &[ThreadEntry]) -> Vec<String> {
    let kind = |entry: &ThreadEntry| {
        let body = serde_json::to_value(&entry.body).unwrap();
        body["type"].as_str().unwrap().to_owned()
    };
    thread.iter().map(kind).collect()
}

/// What people wrote in a thread, in order.
#[must_use]
pub fn texts(thread: &[ThreadEntry]) -> Vec<&str> {
    let said = thread.iter().filter(|entry| entry.client_id.is_some());
    said.filter_map(|entry| match &entry.body {
        ThreadBody::Text { text, .. } => Some(text.as_str()),
        _ => None,
    })
    .collect()
}
