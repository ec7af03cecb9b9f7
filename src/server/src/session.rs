//! One WebSocket: reads requests in order, writes replies and events with one flush per wake-up, and notices when the
//! other side has gone.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bangban_domain::Timestamp;
use bangban_protocol::{Answer, Command, ErrorCode, EventBody, Frame, Request, Topic, VERSION, WireError, close_code};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::{app::App, auth::Principal, hub::Inbox};

/// `hello` has to come within this time.
const HELLO: Duration = Duration::from_secs(10);

/// Pings to staff, whose loss counts in seconds (rule 2), and to the others.
const STAFF_PING: u32 = 5;
const CITIZEN_PING: u32 = 15;

/// A socket from which nothing came for so many pings is dead.
const SILENT_PINGS: u32 = 3;

/// So many frames that are not of the protocol end the connection.
const BAD_FRAMES: u32 = 10;

/// Serves a socket until it ends.
pub async fn serve(app: Arc<App>, mut socket: WebSocket) {
    let Ok(Ok((who, reference))) = timeout(HELLO, hello(&app, &mut socket)).await else {
        close(&mut socket, close_code::UNAUTHENTICATED, "hello").await;
        return;
    };
    let inbox = app.hub.open(app.socket_queue);
    let session = inbox.session;
    let mut connection = Connection { app: Arc::clone(&app), who, topics: HashSet::new(), bad_frames: 0 };
    // Whatever ends the run, the desk hears of it.
    let ended = connection.run(&mut socket, inbox, reference).await;
    app.hub.close(session, connection.topics.drain());
    app.goodbye(&connection.who).await;
    if let Some((code, reason)) = ended {
        close(&mut socket, code, reason).await;
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    // The other side may have gone already.
    drop(socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await);
}

fn text_of(frame: &Frame) -> Message {
    match serde_json::to_string(frame) {
        Ok(text) => Message::Text(text.into()),
        Err(error) => {
            tracing::error!(%error, "a frame cannot be written as JSON");
            Message::Text(Utf8Bytes::from_static("{}"))
        }
    }
}

fn reply(reference: u32, result: Result<Answer, WireError>) -> Message {
    text_of(&match result {
        Ok(ok) => Frame::Reply { reference, ok },
        Err(error) => Frame::Failure { reference, error },
    })
}

/// The request, or its number (0 if unreadable) and what is wrong with it.
fn parse(text: &str) -> Result<Request, (u32, WireError)> {
    #[derive(Deserialize)]
    struct OnlyRef {
        #[serde(rename = "ref")]
        reference: u32,
    }
    serde_json::from_str(text).map_err(|error| {
        let reference = serde_json::from_str::<OnlyRef>(text).map_or(0, |only| only.reference);
        (reference, WireError::new(ErrorCode::BadRequest, error.to_string()))
    })
}

/// Waits for a good `hello`; a bad one is answered and ends the connection.
async fn hello(app: &App, socket: &mut WebSocket) -> Result<(Principal, u32), ()> {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let (reference, refusal) = match parse(&text) {
            Ok(Request { reference, body: Command::Hello { token, protocol: VERSION } }) => {
                match app.auth.verify(&token, app.clock.now()) {
                    Ok(who) => return Ok((who, reference)),
                    Err(error) => (reference, error),
                }
            }
            Ok(Request { reference, body: Command::Hello { .. } }) => {
                let detail = format!("this server speaks protocol {VERSION}");
                (reference, WireError::new(ErrorCode::UnsupportedProtocol, detail))
            }
            Ok(Request { reference, .. }) => {
                (reference, WireError::new(ErrorCode::Unauthenticated, "the first request is hello"))
            }
            Err(bad) => bad,
        };
        drop(socket.send(reply(reference, Err(refusal))).await);
        return Err(());
    }
    Err(())
}

/// Why the server ends a connection; `None` if the other side did.
type End = Option<(u16, &'static str)>;

struct Connection {
    app: Arc<App>,
    who: Principal,
    topics: HashSet<Topic>,
    bad_frames: u32,
}

impl Connection {
    const fn ping_seconds(&self) -> u32 {
        match self.who {
            Principal::Staff(_) => STAFF_PING,
            Principal::Citizen(_) => CITIZEN_PING,
        }
    }

    const fn expires_at(&self) -> Timestamp {
        match &self.who {
            Principal::Staff(staff) => staff.expires_at,
            Principal::Citizen(citizen) => citizen.expires_at,
        }
    }

    async fn run(&mut self, socket: &mut WebSocket, mut inbox: Inbox, hello: u32) -> End {
        let welcome = self.app.welcome(&self.who, self.ping_seconds()).await;
        if socket.send(reply(hello, welcome)).await.is_err() {
            return None;
        }
        let pause = Duration::from_secs(self.ping_seconds().into());
        let mut ping = interval_at(Instant::now() + pause, pause);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        let mut frames = Vec::new();
        loop {
            tokio::select! {
                received = socket.recv() => {
                    silent = 0;
                    match received {
                        Some(Ok(message)) => match self.receive(socket, inbox.session, message).await {
                            ControlFlow::Continue(()) => {}
                            ControlFlow::Break(end) => return end,
                        },
                        // Too long a frame, or broken off.
                        Some(Err(_)) | None => return Some((close_code::PROTOCOL, "unreadable")),
                    }
                }
                taken = inbox.frames.recv_many(&mut frames, 64) => {
                    if taken == 0 || !write(socket, &mut frames).await {
                        return None;
                    }
                }
                changed = inbox.too_slow.changed() => {
                    if changed.is_err() || *inbox.too_slow.borrow() {
                        return Some((close_code::TOO_SLOW, "too slow"));
                    }
                }
                _ = ping.tick() => {
                    let now = self.app.clock.now();
                    silent += 1;
                    if silent > SILENT_PINGS {
                        return Some((close_code::SILENT, "silent"));
                    }
                    if self.expires_at() <= now {
                        return Some((close_code::TOKEN_EXPIRED, "token expired"));
                    }
                    let tick = Frame::Event {
                        topic: Topic::Session,
                        epoch: self.app.hub.epoch(),
                        seq: None,
                        body: EventBody::Tick { now },
                    };
                    if socket.send(Message::Ping(axum::body::Bytes::new())).await.is_err()
                        || socket.send(text_of(&tick)).await.is_err()
                    {
                        return None;
                    }
                }
            }
        }
    }

    async fn receive(
        &mut self,
        socket: &mut WebSocket,
        session: crate::hub::SessionId,
        message: Message,
    ) -> ControlFlow<End> {
        // What counts for the minute is when the frame was read (rule 1).
        let at = self.app.clock.now();
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return ControlFlow::Continue(()),
            Message::Close(_) => return ControlFlow::Break(None),
            Message::Binary(_) => return ControlFlow::Break(Some((close_code::PROTOCOL, "binary"))),
        };
        let (reference, result) = match parse(&text) {
            Ok(Request { reference, body }) => (reference, self.carry_out(session, at, body).await),
            Err((reference, error)) => {
                self.bad_frames += 1;
                (reference, Err(error))
            }
        };
        if socket.send(reply(reference, result)).await.is_err() {
            return ControlFlow::Break(None);
        }
        if self.bad_frames >= BAD_FRAMES {
            return ControlFlow::Break(Some((close_code::PROTOCOL, "malformed")));
        }
        ControlFlow::Continue(())
    }

    async fn carry_out(
        &mut self,
        session: crate::hub::SessionId,
        at: Timestamp,
        command: Command,
    ) -> Result<Answer, WireError> {
        match command {
            Command::Subscribe { topic, after } => {
                // First listen, then look: what happens between comes as an event that the snapshot may contain too.
                self.app.hub.join(session, topic);
                let answer = self.app.subscribe(&self.who, topic, after).await;
                if answer.is_ok() {
                    self.topics.insert(topic);
                } else if !self.topics.contains(&topic) {
                    self.app.hub.leave(session, topic);
                }
                answer
            }
            Command::Unsubscribe { topic } => {
                self.app.hub.leave(session, topic);
                self.topics.remove(&topic);
                Ok(Answer::Done)
            }
            other => self.app.execute(&self.who, at, other).await,
        }
    }
}

/// All that waits, one flush.
async fn write(socket: &mut WebSocket, frames: &mut Vec<Utf8Bytes>) -> bool {
    use futures_util::SinkExt as _;
    for frame in frames.drain(..) {
        if socket.feed(Message::Text(frame)).await.is_err() {
            return false;
        }
    }
    socket.flush().await.is_ok()
}
