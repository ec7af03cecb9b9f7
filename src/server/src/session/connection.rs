//! The life of a welcomed connection. One task reads, carries out and writes:
//!
//! ```text
//! socket ──read──> queue ──begin──> handed over (messages, any number) ──┐
//!                       └──────────> alone (one, when none is handed over)┴─> out ──one flush──> socket
//! hub ─────────────────────────────────────────────────────────────────────────┘
//! ```
//! Invariants: commands begin in the order in which they were read; at most `IN_FLIGHT` of them wait for their answers,
//! then reading pauses; replies and events of one wake-up share one flush; what was accepted is carried out to the end,
//! also if the other side has gone.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::ws::{Message, WebSocket},
};
use bangban_domain::Timestamp;
use bangban_protocol::{Answer, Command, ErrorCode, EventBody, Frame, Request, Topic, WireError, close_code};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};

use tracing::{Level, Span};

use super::{
    Close, FAREWELL, GOING_AWAY,
    facts::{Facts, facts},
    frames, member,
    rates::Typing,
    span::Labels,
};
use crate::{
    app::{App, Begun, First, Pending},
    auth::Principal,
    hub::{Ended, Holder, Member, Socket},
    staff::Standing,
    telemetry::{count_command, word},
};

/// A socket from which nothing came for so many pings is dead.
const SILENT_PINGS: u32 = 3;

/// So many frames that are not of the protocol end the connection.
const BAD_FRAMES: u32 = 10;

/// Commands of one connection that wait for their answers; then reading pauses.
const IN_FLIGHT: usize = 32;

const TOO_SLOW: Close = (close_code::TOO_SLOW, "too slow");
const RIGHTS_CHANGED: Close = (close_code::RIGHTS_CHANGED, "rights changed");
const TOKEN_EXPIRED: Close = (close_code::TOKEN_EXPIRED, "token expired");

/// The token is not worth anything any more.
const TAKEN_BACK: Close = (close_code::UNAUTHENTICATED, "taken back");

/// A command on its way.
struct Job {
    labels: Labels,
    /// None while nobody wants its details: see [`span`](super::span).
    span: Span,
    rest: Pending,
}

/// A command that reads before the writer can have it.
struct Reading {
    labels: Labels,
    span: Span,
    first: First,
}

type Done = (u32, Result<Answer, WireError>);

impl Future for Job {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done> {
        let job = &mut *self;
        let _inside = job.span.enter();
        let rest = job.rest.as_mut();
        let result = ready!(job.labels.carry(|| rest.poll(context)));
        note(job.labels.name, &result);
        Poll::Ready((job.labels.reference, result))
    }
}

/// For the log and the metrics; what was asked and answered is in neither.
fn note(name: &'static str, result: &Result<Answer, WireError>) {
    count_command(name, result.as_ref().err());
    match result {
        Ok(_) => tracing::debug!("carried out"),
        Err(error) => tracing::debug!(code = word(error.code), field = error.field, "refused"),
    }
}

/// Leaves the hub, however the session ends.
struct Membership<'a> {
    app: &'a App,
    member: Member,
    socket: Arc<Socket>,
}

impl<'a> Membership<'a> {
    fn new(app: &'a App, who: &Principal) -> Self {
        let member = member(who);
        app.metrics.sessions(member).increment(1.0);
        let socket = app.hub.open(member, app.socket_queue);
        if let Principal::Citizen(citizen) = who {
            app.hub.hold(&socket, Holder::of(citizen));
        }
        Self { app, member, socket }
    }
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        self.app.hub.close(&self.socket);
        self.app.left(&self.socket);
        self.app.metrics.sessions(self.member).decrement(1.0);
    }
}

pub(super) struct Connection<'a> {
    app: &'a Arc<App>,
    who: Arc<Principal>,
    member: Membership<'a>,
    queue: VecDeque<(Timestamp, Request)>,
    alone: Option<Job>,
    reading: Option<Reading>,
    handed_over: FuturesUnordered<Job>,
    out: Vec<Message>,
    bad_frames: u32,
    silent_pings: u32,
    typing: Typing,
}

impl<'a> Connection<'a> {
    /// Serves until one side ends it; says why if it was ours.
    pub(super) async fn run(
        app: &'a Arc<App>,
        who: Arc<Principal>,
        ping_seconds: u32,
        socket: &mut WebSocket,
    ) -> Option<Close> {
        let member = Membership::new(app, &who);
        let mut connection = Self {
            app,
            who,
            member,
            queue: VecDeque::new(),
            alone: None,
            reading: None,
            handed_over: FuturesUnordered::new(),
            out: Vec::new(),
            bad_frames: 0,
            silent_pings: 0,
            typing: Typing::default(),
        };
        let pause = Duration::from_secs(ping_seconds.into());
        let mut ping = interval_at(Instant::now() + pause, pause);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = connection.serve(socket, &mut ping).await;
        connection.finish().await;
        if ended.is_some_and(|(code, _)| code != close_code::TOO_SLOW && code != close_code::SILENT) {
            connection.collect();
            // The closing follows, and whoever does not take it has gone.
            timeout(FAREWELL, connection.write(socket, FAREWELL)).await.ok();
        }
        ended
    }

    async fn serve(&mut self, socket: &mut WebSocket, ping: &mut Interval) -> Option<Close> {
        let patience = ping.period() * SILENT_PINGS;
        loop {
            self.advance();
            let ended = self.collect();
            if ended == Some(Ended::TooSlow) {
                return Some(TOO_SLOW);
            }
            if !self.out.is_empty()
                && let ControlFlow::Break(end) = self.write(socket, patience).await
            {
                return end;
            }
            match ended {
                Some(Ended::GoingAway) => return Some(GOING_AWAY),
                Some(Ended::TakenBack) => return Some(TAKEN_BACK),
                Some(Ended::RightsChanged) => return Some(RIGHTS_CHANGED),
                Some(Ended::TooSlow) | None => {}
            }
            if self.member.socket.has_to_look_again()
                && let ControlFlow::Break(end) = self.check_standing(self.app.clock.now())
            {
                return end;
            }
            let others_are_done = self.handed_over.is_empty();
            tokio::select! {
                received = socket.next(), if self.in_flight() < IN_FLIGHT => {
                    if let ControlFlow::Break(end) = self.receive_all(socket, received) {
                        return end;
                    }
                }
                done = rest_of(&mut self.alone), if others_are_done && self.alone.is_some() => {
                    self.alone = None;
                    self.answer(done);
                }
                first = read(&mut self.reading), if self.reading.is_some() => self.hand_over(first),
                Some(done) = self.handed_over.next() => self.answer(done),
                () = self.member.socket.changed() => {}
                _ = ping.tick() => {
                    if let ControlFlow::Break(end) = self.tick() {
                        return end;
                    }
                }
            }
        }
    }

    fn in_flight(&self) -> usize {
        self.queue.len()
            + usize::from(self.alone.is_some())
            + usize::from(self.reading.is_some())
            + self.handed_over.len()
    }

    fn answer(&mut self, (reference, result): Done) {
        // What a command changed was told before it is answered, and is written in this order: whoever hangs up hears how the
        // call ended before they hear that they have hung up.
        self.take_events();
        self.out.push(Message::Text(frames::reply(reference, result)));
    }

    /// What had to be read first has been read.
    fn hand_over(&mut self, first: Result<Pending, WireError>) {
        let Some(Reading { labels, span, .. }) = self.reading.take() else { return };
        match first {
            Ok(rest) => self.handed_over.push(Job { labels, span, rest }),
            Err(refusal) => {
                let refused = Err(refusal);
                span.in_scope(|| note(labels.name, &refused));
                self.answer((labels.reference, refused));
            }
        }
    }

    /// Begins what may begin.
    fn advance(&mut self) {
        while self.alone.is_none()
            && self.reading.is_none()
            && let Some((at, Request { reference, body })) = self.queue.pop_front()
        {
            let Facts { name, conversation, .. } = facts(&body);
            let labels = Labels { reference, name, conversation, who: Arc::clone(&self.who) };
            let span = if tracing::enabled!(Level::DEBUG) { labels.span() } else { Span::none() };
            let begin = || self.app.begin(&self.who, &self.member.socket, at, body);
            match span.in_scope(|| labels.carry(begin)) {
                Begun::Done(result) => {
                    span.in_scope(|| note(name, &result));
                    self.answer((reference, result));
                }
                Begun::HandedOver(rest) => self.handed_over.push(Job { labels, span, rest }),
                Begun::Reading(first) => self.reading = Some(Reading { labels, span, first }),
                // It has just begun, and may log anything.
                Begun::Alone(rest) => self.alone = Some(Job { span: labels.span(), labels, rest }),
            }
        }
        if self.queue.is_empty() {
            // An idle connection keeps no room.
            self.queue = VecDeque::new();
        }
    }

    /// Carries out what was accepted; the socket is not needed for it.
    async fn finish(&mut self) {
        loop {
            self.advance();
            if self.reading.is_some() {
                let first = read(&mut self.reading).await;
                self.hand_over(first);
            } else if let Some(done) = self.handed_over.next().await {
                self.answer(done);
            } else if self.alone.is_some() {
                let done = rest_of(&mut self.alone).await;
                self.alone = None;
                self.answer(done);
            } else {
                return;
            }
        }
    }

    /// Events that are there.
    fn take_events(&mut self) -> Option<Ended> {
        let (frames, ended) = self.member.socket.take();
        self.out.extend(frames.into_iter().map(Message::Text));
        ended
    }

    /// Events and answers that are there, without waiting.
    fn collect(&mut self) -> Option<Ended> {
        let ended = self.take_events();
        while let Some(Some(done)) = self.handed_over.next().now_or_never() {
            self.answer(done);
        }
        ended
    }

    /// All that waits, with one flush. Gives up on a socket that takes nothing for `patience`, or for which more waits
    /// meanwhile than there is room.
    async fn write(&mut self, socket: &mut WebSocket, patience: Duration) -> ControlFlow<Option<Close>> {
        let out = std::mem::take(&mut self.out);
        self.app.metrics.frames_out.increment(out.len() as u64);
        self.app.metrics.flushes.increment(1);
        let all = async {
            for message in out {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            written = all => match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(None),
            },
            () = self.member.socket.too_slow() => ControlFlow::Break(Some(TOO_SLOW)),
            () = sleep(patience) => ControlFlow::Break(Some((close_code::SILENT, "takes nothing"))),
        }
    }

    fn tick(&mut self) -> ControlFlow<Option<Close>> {
        // Nothing can be heard while reading pauses.
        self.silent_pings = if self.in_flight() < IN_FLIGHT { self.silent_pings + 1 } else { 0 };
        if self.silent_pings > SILENT_PINGS {
            return ControlFlow::Break(Some((close_code::SILENT, "silent")));
        }
        let now = self.app.clock.now();
        self.check_standing(now)?;
        let (topic, epoch, body) = (Topic::Session, self.app.hub.epoch(), EventBody::Tick { now });
        let tick = frames::text_of(&Frame::Event { topic, epoch, seq: None, body });
        self.out.extend([Message::Ping(Bytes::new()), Message::Text(tick)]);
        ControlFlow::Continue(())
    }

    /// May the other side go on? Asked at every frame and ping, and when the account has changed.
    fn check_standing(&self, now: Timestamp) -> ControlFlow<Option<Close>> {
        let end = match &*self.who {
            Principal::Citizen(citizen) if citizen.expires_at <= now => TOKEN_EXPIRED,
            Principal::Staff(staff) if staff.expires_at <= now => TOKEN_EXPIRED,
            Principal::Citizen(_) => return ControlFlow::Continue(()),
            Principal::Staff(staff) => match self.app.accounts.standing(staff, now) {
                Standing::Good => return ControlFlow::Continue(()),
                Standing::Changed => RIGHTS_CHANGED,
                Standing::Ended => (close_code::SESSION_ENDED, "session ended"),
            },
        };
        ControlFlow::Break(Some(end))
    }

    /// The connection goes on with the next token of its session.
    fn renew(&mut self, token: &str, at: Timestamp) -> Result<Answer, WireError> {
        let Principal::Staff(staff) = &*self.who else {
            return Err(WireError::new(ErrorCode::Forbidden, "only staff renew their tokens"));
        };
        let next = self.app.auth.renewed(staff, token, at)?;
        self.who = Arc::new(Principal::Staff(next));
        Ok(Answer::Done)
    }

    /// What was received, and what else is there already.
    fn receive_all(
        &mut self,
        socket: &mut WebSocket,
        first: Option<Result<Message, axum::Error>>,
    ) -> ControlFlow<Option<Close>> {
        let mut received = Some(first);
        let mut count = 0;
        while let Some(next) = received {
            match next {
                Some(Ok(message)) => self.receive(message)?,
                // Too long, not UTF-8, or against RFC 6455; if the connection broke, nobody hears it.
                Some(Err(_)) => return ControlFlow::Break(Some((close_code::PROTOCOL, "unreadable"))),
                None => return ControlFlow::Break(None),
            }
            count += 1;
            let has_room = count < IN_FLIGHT && self.in_flight() < IN_FLIGHT;
            received = if has_room { socket.next().now_or_never() } else { None };
        }
        ControlFlow::Continue(())
    }

    fn receive(&mut self, message: Message) -> ControlFlow<Option<Close>> {
        // What counts for the minute is when the frame was read (rule 1).
        let at = self.app.clock.now();
        self.silent_pings = 0;
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return ControlFlow::Continue(()),
            Message::Close(_) => return ControlFlow::Break(None),
            Message::Binary(_) => return ControlFlow::Break(Some((close_code::PROTOCOL, "binary"))),
        };
        self.app.metrics.frames_in.increment(1);
        self.check_standing(at)?;
        match frames::parse(&text) {
            Ok(request) => self.accept(at, request),
            Err((reference, error)) => {
                count_command("unreadable", Some(&error));
                self.answer((reference, Err(error)));
                self.bad_frames += 1;
                if self.bad_frames >= BAD_FRAMES {
                    return ControlFlow::Break(Some((close_code::PROTOCOL, "malformed")));
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn accept(&mut self, at: Timestamp, request: Request) {
        let reference = request.reference;
        let facts = facts(&request.body);
        if let Err(refusal) = self.app.rates.take(&self.who, at, &facts) {
            count_command(facts.name, Some(&refusal));
            self.answer((reference, Err(refusal)));
            return;
        }
        if let Command::Typing { conversation, typing } = request.body
            && !self.typing.pass(at, conversation, typing)
        {
            count_command(facts.name, None);
            self.answer((reference, Ok(Answer::Done)));
            return;
        }
        if let Command::Renew { token } = &request.body {
            let renewed = self.renew(token, at);
            count_command(facts.name, renewed.as_ref().err());
            self.answer((reference, renewed));
            return;
        }
        self.queue.push_back((at, request));
    }
}

/// Until the writer has the command that is reading.
async fn read(reading: &mut Option<Reading>) -> Result<Pending, WireError> {
    let Some(Reading { labels, span, first }) = reading else { return std::future::pending().await };
    std::future::poll_fn(|context| {
        let _inside = span.enter();
        labels.carry(|| first.as_mut().poll(context))
    })
    .await
}

/// The command that runs alone.
async fn rest_of(alone: &mut Option<Job>) -> Done {
    match alone {
        Some(job) => job.await,
        None => std::future::pending().await,
    }
}
