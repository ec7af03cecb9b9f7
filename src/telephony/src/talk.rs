//! A call that stands: whatever the other side says within it, session timers, and its end.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bangban_domain::call::LegId;
use bangban_media::audio::RtpRemote;
use rsipstack::{
    dialog::{
        dialog::{DialogState, DialogStateReceiver, TerminatedReason, TransactionHandle},
        invite_dialog::InviteDialog,
    },
    sip::{Header, Method, Request, Response, StatusCode, StatusCodeKind, prelude::*},
};
use tokio::task::JoinHandle;

use crate::{
    Dialled, Event,
    clock::now,
    headers::{self, kind, of_answer, of_session},
    identity,
    sdp::{self, Ours, Remote, Unfit},
    shared::{LegOrder, Orders, Shared},
    timers::{self, Agreed, Due, SessionTimer},
};

/// When both have offered at once, we try again then (RFC 3261, section 14.1: 2.1 to 4 s for who began the call).
const GLARE: Duration = Duration::from_secs(3);
/// So long a telephone that has asked for a transfer waits to be told that it worked.
const TRANSFER: Duration = Duration::from_secs(30);

/// Our side of the sound.
pub(crate) struct Sound {
    pub(crate) ours: Ours,
    /// What we said last.
    pub(crate) said: String,
    /// From where they signal.
    pub(crate) signalled_from: IpAddr,
    /// They have put us on hold.
    pub(crate) is_held: bool,
}

/// Why sound cannot go.
#[derive(Debug)]
pub(crate) enum NoSound {
    Unfit(Unfit),
    Mixer(bangban_media::audio::Refused),
}

impl fmt::Display for NoSound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit(unfit) => unfit.fmt(f),
            Self::Mixer(refused) => refused.fmt(f),
        }
    }
}

/// Lets sound go as was agreed.
pub(crate) fn connect(shared: &Shared, leg: LegId, sound: &Sound, remote: &Remote) -> Result<(), NoSound> {
    if !shared.same_family(remote.address.ip()) {
        return Err(NoSound::Unfit(Unfit::NoAddress));
    }
    let remote = RtpRemote {
        address: remote.address,
        rtcp: remote.rtcp,
        signalled_from: Some(sound.signalled_from),
        codec: remote.codec,
        dtmf: remote.dtmf,
        direction: remote.ours(),
    };
    shared.mixer.connect_rtp(leg, remote).map_err(NoSound::Mixer)
}

/// A call that has been answered, as its two makers hand it over.
pub(crate) struct Answered {
    pub(crate) shared: Arc<Shared>,
    pub(crate) leg: LegId,
    pub(crate) dialog: InviteDialog,
    pub(crate) states: DialogStateReceiver,
    pub(crate) orders: Orders,
    pub(crate) sound: Sound,
    pub(crate) agreed: Agreed,
    pub(crate) allows_update: bool,
    /// We have offered, and their answer comes in the ACK of the INVITE with this number.
    pub(crate) answer_in: Option<u32>,
}

/// Why it is over.
enum End {
    /// We were told to.
    Ours,
    HungUp,
    Lost,
}

/// A request of ours that shows whether they live.
type Refresh = (Method, JoinHandle<rsipstack::Result<Option<Response>>>);

pub(crate) struct Talk {
    call: Answered,
    timer: SessionTimer,
    /// What we ask for, when they want longer sessions than we do.
    interval: Duration,
    refresh: Option<Refresh>,
    /// Since when they wait to be told what became of the transfer that they have asked for.
    referred_at: Option<Instant>,
}

impl Talk {
    pub(crate) fn new(call: Answered) -> Self {
        let timer = SessionTimer::new(now(), call.agreed);
        let interval = call.shared.config.timing.session;
        Self { call, timer, interval, refresh: None, referred_at: None }
    }

    /// Until it is over; tells why, unless we were told to end it.
    pub(crate) async fn run(mut self, is_held: bool) {
        self.held(is_held).await;
        let end = self.listen().await;
        if let Some((_, refresh)) = self.refresh.take() {
            refresh.abort();
        }
        let (leg, shared) = (self.call.leg, Arc::clone(&self.call.shared));
        let transferred = matches!(end, End::Ours) && self.referred_at.is_some();
        shared.end_dialog(self.call.dialog, self.call.states, transferred);
        match end {
            End::Ours => {}
            End::HungUp => shared.tell(Event::HungUp(leg)).await,
            End::Lost => shared.tell(Event::MediaLost(leg)).await,
        }
    }

    async fn listen(&mut self) -> End {
        // Who hung up with the ACK was heard by whoever followed the INVITE.
        let state = self.call.dialog.state();
        if state.is_terminated()
            && let Some(end) = self.heard(state).await
        {
            return end;
        }
        loop {
            let (at, due) = self.timer.due();
            let transfer_over_at = self.referred_at.map(|since| since + TRANSFER);
            tokio::select! {
                order = self.call.orders.recv() => match order {
                    Some(LegOrder::End { .. }) | None => return End::Ours,
                    Some(LegOrder::Take(_) | LegOrder::Refuse(_) | LegOrder::Accept) => {}
                },
                state = self.call.states.recv() => {
                    let Some(state) = state else { return End::Lost };
                    if let Some(end) = self.heard(state).await {
                        return end;
                    }
                }
                (method, response) = finished(&mut self.refresh) => {
                    self.refresh = None;
                    if !self.refreshed(method, response) {
                        return End::Lost;
                    }
                }
                () = tokio::time::sleep_until(at.into()) => match due {
                    Due::Over => return End::Lost,
                    Due::Refresh | Due::Ask => self.begin_refresh(due),
                },
                () = until(transfer_over_at) => {
                    self.referred_at = None;
                    self.tell_transfer(StatusCode::ServiceUnavailable, "terminated;reason=noresource");
                }
            }
        }
    }

    async fn heard(&mut self, state: DialogState) -> Option<End> {
        match state {
            DialogState::Terminated(_, why) => {
                return Some(match why {
                    TerminatedReason::UacBye | TerminatedReason::UasBye => End::HungUp,
                    _ => End::Lost,
                });
            }
            DialogState::Confirmed(..) => return self.acknowledged().await,
            DialogState::Updated(_, request, handle) => self.offered(&request, &handle).await,
            DialogState::Info(_, request, handle) => self.informed(&request, &handle).await,
            DialogState::Refer(_, request, handle) => self.referred(&request, &handle).await,
            DialogState::Options(_, _, handle) => {
                let headers = vec![Header::Allow(headers::ALLOW.into())];
                respond(&handle, StatusCode::OK, headers, None).await;
            }
            DialogState::Notify(_, _, handle) => respond(&handle, StatusCode::OK, Vec::new(), None).await,
            DialogState::Calling(_) | DialogState::Trying(_) | DialogState::Early(..) | DialogState::WaitAck(..) => {}
            // Refused before they come to a call.
            DialogState::Message(..) | DialogState::Publish(..) => {}
        }
        None
    }

    /// The ACK is there: perhaps with the answer to our offer.
    async fn acknowledged(&mut self) -> Option<End> {
        let awaited = self.call.answer_in?;
        let ack = self.call.dialog.last_remote_ack().filter(|ack| cseq(ack) == Some(awaited))?;
        self.call.answer_in = None;
        let read = sdp::read(&ack.body).map_err(NoSound::Unfit);
        match read.and_then(|remote| self.connect(&remote).map(|()| remote.holds())) {
            Ok(holds) => {
                self.held(holds).await;
                None
            }
            Err(why) => {
                tracing::info!(leg = %self.call.leg, %why, "answer in the ACK is of no use");
                Some(End::HungUp)
            }
        }
    }

    fn connect(&self, remote: &Remote) -> Result<(), NoSound> {
        connect(&self.call.shared, self.call.leg, &self.call.sound, remote)
    }

    async fn held(&mut self, is_held: bool) {
        if std::mem::replace(&mut self.call.sound.is_held, is_held) != is_held {
            self.call.shared.tell(Event::PeerHeld(self.call.leg, is_held)).await;
        }
    }

    /// re-INVITE or UPDATE: hold, another address or codec, or only a refresh.
    async fn offered(&mut self, request: &Request, handle: &TransactionHandle) {
        let is_invite = request.method == Method::Invite;
        let is_ours_open = matches!(self.refresh, Some((Method::Invite, _))) || self.call.answer_in.is_some();
        if is_ours_open {
            // Glare (RFC 3261, section 14.2; RFC 3311, section 5.2).
            return respond(handle, StatusCode::RequestPending, Vec::new(), None).await;
        }
        let said = headers::said(&request.headers);
        let agreed = match timers::called(said, self.call.shared.wanted()) {
            Ok(agreed) => agreed,
            Err(short) => {
                let headers = vec![Header::MinSE(short.least.to_string().into())];
                return respond(handle, StatusCode::SessionIntervalTooSmall, headers, None).await;
            }
        };
        let mut headers = of_answer(&agreed, said.is_supported);
        let (body, holds) = match headers::content_type(request).as_deref() {
            None if is_invite => {
                self.call.answer_in = cseq(request);
                (Some(self.say(Ours::offer)), self.call.sound.is_held)
            }
            None => {
                headers.retain(|header| !matches!(header, Header::ContentType(_)));
                (None, self.call.sound.is_held)
            }
            Some("application/sdp") => {
                let read = sdp::read(&request.body).map_err(NoSound::Unfit);
                match read.and_then(|remote| self.connect(&remote).map(|()| remote)) {
                    Ok(remote) => (Some(self.say(|ours| ours.answer(&remote))), remote.holds()),
                    Err(why) => {
                        tracing::info!(leg = %self.call.leg, %why, "offer refused");
                        return respond(handle, StatusCode::NotAcceptableHere, Vec::new(), None).await;
                    }
                }
            }
            Some(_) => {
                let headers = vec![Header::Accept("application/sdp".into())];
                return respond(handle, StatusCode::UnsupportedMediaType, headers, None).await;
            }
        };
        respond(handle, StatusCode::OK, headers, body).await;
        self.timer.lived(now(), agreed);
        self.held(holds).await;
    }

    /// What we say, with another version when it is something else than before (RFC 3264, section 8).
    fn say(&mut self, describe: impl Fn(&Ours) -> String) -> String {
        let sound = &mut self.call.sound;
        let mut text = describe(&sound.ours);
        if text != sound.said {
            sound.ours.version += 1;
            text = describe(&sound.ours);
            sound.said.clone_from(&text);
        }
        text
    }

    async fn informed(&self, request: &Request, handle: &TransactionHandle) {
        let Some(kind) = headers::content_type(request) else {
            return respond(handle, StatusCode::OK, Vec::new(), None).await;
        };
        match identity::key(&kind, &request.body) {
            Some(key) => {
                respond(handle, StatusCode::OK, Vec::new(), None).await;
                self.call.shared.tell(Event::Digit(self.call.leg, key)).await;
            }
            None => respond(handle, StatusCode::UnsupportedMediaType, Vec::new(), None).await,
        }
    }

    /// Their telephone wants to transfer (RFC 3515). The rules decide what it means.
    async fn referred(&mut self, request: &Request, handle: &TransactionHandle) {
        let target = headers::value(&request.headers, "Refer-To").unwrap_or_default();
        // With `Replaces` (RFC 5589, section 7) it would be two calls of ours: not yet.
        let is_attended = target.to_ascii_lowercase().contains("replaces=");
        let to = identity::user_of(&target).filter(|_| !is_attended);
        let Some(to) = to else {
            return respond(handle, StatusCode::Decline, Vec::new(), None).await;
        };
        if self.referred_at.is_some() {
            return respond(handle, StatusCode::RequestPending, Vec::new(), None).await;
        }
        respond(handle, StatusCode::Accepted, Vec::new(), None).await;
        self.referred_at = Some(now());
        self.tell_transfer(StatusCode::Trying, "active;expires=60");
        self.call.shared.tell(Event::Referred { leg: self.call.leg, to: Dialled(to) }).await;
    }

    fn tell_transfer(&self, status: StatusCode, subscription: &'static str) {
        let dialog = self.call.dialog.clone();
        self.call.shared.tasks.spawn(async move {
            if let Err(error) = dialog.notify_refer(status, subscription).await {
                tracing::debug!(error = kind(&error), "NOTIFY failed");
            }
        });
    }

    fn begin_refresh(&mut self, due: Due) {
        self.timer.tried();
        let dialog = self.call.dialog.clone();
        let least = self.call.shared.config.timing.session_least;
        let mut headers = of_session(self.interval, least, Some("uac"));
        let refresh: Refresh = if due == Due::Ask {
            (Method::Options, tokio::spawn(async move { dialog.request(Method::Options, None, None).await }))
        } else if self.call.allows_update {
            (Method::Update, tokio::spawn(async move { dialog.update(Some(headers), None).await }))
        } else {
            headers.push(Header::ContentType("application/sdp".into()));
            let body = self.call.sound.said.clone().into_bytes();
            (Method::Invite, tokio::spawn(async move { dialog.reinvite(Some(headers), Some(body)).await }))
        };
        self.refresh = Some(refresh);
    }

    /// Whether they live.
    fn refreshed(&mut self, method: Method, response: Option<Response>) -> bool {
        let Some(response) = response else {
            // It could not be sent; the session ends by its time if it never can.
            return true;
        };
        let now = now();
        let said = headers::said(&response.headers);
        match (u16::from(response.status_code.clone()), method) {
            // Nothing came back, or they do not know of the call.
            (408 | 481, _) => return false,
            (422, _) => {
                if let Some(longer) = timers::longer(said, self.interval) {
                    self.interval = longer;
                    self.begin_refresh(Due::Refresh);
                } else {
                    self.timer.lived_as_before(now);
                }
            }
            (405 | 501, Method::Update) => {
                self.call.allows_update = false;
                self.begin_refresh(Due::Refresh);
            }
            (491, _) => self.timer.try_again(now + GLARE),
            _ if response.status_code.kind() != StatusCodeKind::Successful => self.timer.lived_as_before(now),
            (_, Method::Options) => self.timer.lived_as_before(now),
            (_, _) => {
                self.timer.lived(now, timers::answered(said, self.call.shared.wanted()));
                if method == Method::Invite
                    && let Ok(remote) = sdp::read(&response.body)
                    && let Err(why) = self.connect(&remote)
                {
                    tracing::info!(leg = %self.call.leg, %why, "answer to a refresh is of no use");
                }
            }
        }
        true
    }
}

/// The number of a request.
pub(crate) fn cseq(request: &Request) -> Option<u32> {
    request.cseq_header().and_then(|cseq| cseq.seq()).ok()
}

async fn respond(handle: &TransactionHandle, status: StatusCode, headers: Vec<Header>, body: Option<String>) {
    if handle.respond(status, Some(headers), body.map(String::into_bytes)).await.is_err() {
        tracing::debug!("a request within a call had ended before it was answered");
    }
}

async fn finished(refresh: &mut Option<Refresh>) -> (Method, Option<Response>) {
    match refresh {
        Some((method, handle)) => {
            let response = handle.await.ok().and_then(Result::ok).flatten();
            (*method, response)
        }
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
