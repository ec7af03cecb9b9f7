//! Three-way calls: the one owner of their rules (`bangban_domain::call`), and what joins them to the world (docs/calls.md).
//!
//! ```text
//!  sessions ──Envelope──► Owner ──unit──► store                first what is durable,
//!  desk, sockets ─News──►   │ ──orders──► mixer, telephony      then what sounds and rings,
//!  clock ─────────────────► │ ──events──► sockets, desk         then what is told
//!                           ▲
//!        mixer, telephony ──┘ who rings, answers, speaks, presses keys, hangs up
//! ```
//!
//! As with the windows, all that waits is decided together and its effects become one unit. If that fails, every command of
//! the turn is refused and the core is made from the rows again: sound cannot be kept, so every call ends as with the end
//! of a node, and whoever was on the line is called back.
//!
//! A call belongs to a conversation: one that a citizen speaks in, or one of channel `call` that the hotline's call has
//! opened, so that queue, clock, ledger, board and figures are those of every other request.

mod backs;
mod effects;
mod hotline;
mod lines;
mod lines_telephony;
mod news;
mod obey;
mod owner;
mod plans;
mod views;

use std::sync::Arc;

use bangban_domain::{
    CallId, ConversationId, Timestamp,
    call::{Refusal, Settings},
};
use bangban_media::audio::Mixer;
use bangban_protocol::{Answer, CallAct, ErrorCode, IcePolicy, IceServer, WireError};
use bangban_store::{Store, StoreError};
use bangban_telephony::Telephony;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Principal,
    clock::Clock,
    config::Config,
    desk::{Desk, Notices, Shared},
    hub::{Hub, Socket},
    organisation::Organisation,
    staff::Rights,
};

pub use hotline::Callers;
use lines::Lines;
pub(crate) use lines_telephony::telephony_config;
pub use news::{News, Said};
use owner::Owner;

/// What somebody wants.
enum Wish {
    /// Something of a call.
    Act(CallAct),
    /// To hear what concerns oneself.
    LookAtMine,
    /// To hear of one call.
    Look(CallId),
}

/// What comes into the mailbox.
enum Envelope {
    /// From a connection.
    Wish { who: Arc<Principal>, socket: Arc<Socket>, wish: Wish, reply: oneshot::Sender<Result<Answer, WireError>> },
    /// A call of the hotline has its conversation.
    Hotline(hotline::Arrival),
}

/// What a browser needs besides our address, at an instant.
pub type Ways = Box<dyn Fn(Timestamp) -> (Vec<IceServer>, IcePolicy) + Send + Sync>;

/// What the owner needs of the world.
pub struct World {
    /// Time.
    pub clock: Clock,
    /// Rows.
    pub store: Store,
    /// Sockets.
    pub hub: Arc<Hub>,
    /// Conversations as they are now.
    pub shared: Arc<Shared>,
    /// What the desk has to hear.
    pub notices: Arc<Notices>,
    /// The desk, which opens conversations for the hotline's calls.
    pub desk: Desk,
    /// Accounts, and what they may do.
    pub rights: Arc<Rights>,
    /// Items, teams and telephones.
    pub organisation: Arc<Organisation>,
    /// Who calls, as a citizen.
    pub callers: Callers,
    /// What is looked up of a browser's way to us.
    pub ice: Ways,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
}

/// The way to the calls.
pub struct Calls {
    /// `None`: there are none here.
    mailbox: Option<mpsc::Sender<Envelope>>,
    mixer: Option<Mixer>,
    telephony: Option<Telephony>,
}

impl Calls {
    /// Opens the ports of telephones and browsers, makes the calls from their rows, and starts.
    ///
    /// # Errors
    /// A port cannot be opened, or whatever the store says.
    pub async fn start(config: &Config, world: World) -> anyhow::Result<Self> {
        if !config.calls.enabled {
            return Ok(Self { mailbox: None, mixer: None, telephony: None });
        }
        let (sender, receiver) = mpsc::channel(config.limits.mailbox);
        let (lines, heard) = Lines::start(config).await?;
        let (mixer, telephony) = (lines.mixer(), lines.telephony());
        let settings = settings(config);
        let mut owner = Owner::new(world, lines, settings, config.calls.clone(), sender.downgrade());
        owner.rebuild().await?;
        tokio::spawn(owner.run(receiver, heard));
        Ok(Self { mailbox: Some(sender), mixer: Some(mixer), telephony })
    }

    /// Carries out a command of a connection; what it changes is durable when its answer is there.
    ///
    /// # Errors
    /// A refusal; `busy` if too much waits.
    pub async fn give(&self, who: Arc<Principal>, socket: Arc<Socket>, act: CallAct) -> Result<Answer, WireError> {
        self.wish(who, socket, Wish::Act(act)).await
    }

    /// Joins the topic of what concerns oneself.
    ///
    /// # Errors
    /// As [`Calls::give`].
    pub async fn look_at_mine(&self, who: Arc<Principal>, socket: Arc<Socket>) -> Result<Answer, WireError> {
        self.wish(who, socket, Wish::LookAtMine).await
    }

    /// Joins the topic of a call, for one who may look on.
    ///
    /// # Errors
    /// As [`Calls::give`].
    pub async fn look(&self, who: Arc<Principal>, socket: Arc<Socket>, call: CallId) -> Result<Answer, WireError> {
        self.wish(who, socket, Wish::Look(call)).await
    }

    async fn wish(&self, who: Arc<Principal>, socket: Arc<Socket>, wish: Wish) -> Result<Answer, WireError> {
        let none = || WireError::new(ErrorCode::NotFound, "there are no calls here (calls.enabled)");
        let mailbox = self.mailbox.as_ref().ok_or_else(none)?;
        let (reply, answer) = oneshot::channel();
        mailbox.try_send(Envelope::Wish { who, socket, wish, reply }).map_err(|_| busy())?;
        answer.await.unwrap_or_else(|_| Err(busy()))
    }

    /// Are there any?
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.mailbox.is_some()
    }

    /// Wishes that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mailbox.as_ref().map_or(0, |mailbox| mailbox.max_capacity() - mailbox.capacity())
    }

    /// What mixers and telephones have counted, by name.
    #[must_use]
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        let mut counted = Vec::new();
        if let Some(mixer) = &self.mixer {
            counted.extend(mixer.counters().named());
        }
        if let Some(telephony) = &self.telephony {
            let now = telephony.counters();
            counted.extend([
                ("telephone_calls", now.calls),
                ("telephone_dialogs", now.dialogs),
                ("telephones", now.registrations),
                ("trunks_up", now.trunks_up),
                ("telephone_refused", now.refused),
                ("telephone_dropped", now.dropped),
            ]);
        }
        counted
    }

    /// Hangs up by telephone what still stands, and closes its ports.
    pub async fn stop(&self) {
        if let Some(telephony) = self.telephony.clone() {
            telephony.stop().await;
        }
    }
}

/// The numbers of the rules, as far as an installation may set them.
fn settings(config: &Config) -> Settings {
    let keys = &config.calls;
    let seconds = |seconds: u32| i64::from(seconds) * bangban_domain::time::SECOND;
    Settings {
        ring: seconds(keys.ring_seconds),
        parallel_after: (keys.parallel_after_seconds > 0).then(|| seconds(keys.parallel_after_seconds)),
        wrap_up: seconds(keys.wrap_up_seconds),
        call_back_within: i64::from(keys.call_back_hours) * bangban_domain::time::HOUR,
        most_calls: Some(keys.most_calls).filter(|most| *most > 0),
        ..Settings::default()
    }
}

fn busy() -> WireError {
    WireError::new(ErrorCode::Busy, "the calls are at their limit")
}

fn not_found() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such call")
}

fn no_conversation() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such conversation")
}

fn forbidden() -> WireError {
    WireError::new(ErrorCode::Forbidden, "your part in the call does not allow it")
}

fn internal(error: &StoreError) -> WireError {
    if error.is_retryable() {
        return WireError::new(ErrorCode::Busy, error.to_string());
    }
    tracing::error!(%error, "the store refused");
    WireError::new(ErrorCode::Internal, "the server could not store it")
}

/// What a client is told of it; none of it is personal.
fn refused(refusal: &Refusal) -> WireError {
    let (code, field) = match refusal {
        Refusal::NotOpen(_) | Refusal::NoWrapUp => (ErrorCode::NotFound, None),
        Refusal::NoLeg(_) => (ErrorCode::NotFound, Some("leg")),
        Refusal::Full | Refusal::Draining => (ErrorCode::Busy, None),
        Refusal::NotYours | Refusal::NotAllowed(..) => (ErrorCode::Forbidden, None),
        Refusal::NotForLeg(_) => (ErrorCode::BadRequest, Some("leg")),
        Refusal::BadDigits => (ErrorCode::BadRequest, Some("digits")),
        Refusal::HasOne(_)
        | Refusal::WrongState
        | Refusal::NobodyElse
        | Refusal::Requesting
        | Refusal::Busy(_)
        | Refusal::TooMany => (ErrorCode::InvalidStage, None),
        // Ids are ours: this comes of a mistake of ours.
        Refusal::KnownAlready(_) => (ErrorCode::Internal, None),
    };
    WireError { field: field.map(ToOwned::to_owned), ..WireError::new(code, refusal.to_string()) }
}

/// The conversation that an act is about, if it is about one before there is a call.
#[must_use]
pub const fn conversation_of(act: &CallAct) -> Option<ConversationId> {
    match act {
        CallAct::Start { conversation } | CallAct::Place { conversation, .. } => Some(*conversation),
        _ => None,
    }
}
