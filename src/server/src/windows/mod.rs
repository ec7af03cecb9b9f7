//! Virtual windows: the one owner of their rules (`bangban_domain::window`), and what joins them to the world
//! (docs/windows.md).
//!
//! ```text
//!  sessions ──Envelope──► Owner ──unit──► store       first what is durable,
//!  desk, sockets ─News──►   │ ──orders──► Sfu         then what may flow,
//!  clock ─────────────────► │ ──events──► sockets     then what is told
//!                           ▲                ▲
//!                 quality ──┴── Sfu ── offers, legs, links
//! ```
//!
//! Orders are put into the mailboxes of the media threads in their order, and nobody but the page that asked waits until they
//! are carried out: a media thread that is slow, or stands still, keeps back its own windows' packets and no decision.
//!
//! As with the desk, all that waits is decided together and its effects become one unit. If that fails, every command of the
//! turn is refused and the core is made from the rows again; all connections count as gone then, and pages come back to
//! their seats.
//!
//! What a window tells goes to sockets of this node only: its owner is here, and so are its packets.

mod effects;
mod media;
mod news;
mod obey;
mod owner;
mod quality;
mod relay;
mod texts;
mod views;

use std::sync::Arc;

use bangban_domain::{
    WindowId,
    window::{Refusal, Settings},
};
use bangban_protocol::{Answer, Command, ErrorCode, WireError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Principal,
    clock::Clock,
    config::Config,
    desk::{Notices, Shared},
    files::Files,
    hub::{Hub, Socket},
    organisation::Organisation,
    staff::Rights,
};
use bangban_store::{Store, StoreError};

use media::Media;
pub use media::MediaError;
pub(crate) use media::own_address;
pub use news::News;
use owner::Owner;
pub(crate) use relay::is_clean;
use texts::Texts;

/// What somebody wants.
enum Wish {
    /// One of the commands of windows, except `send_frames`.
    Command(Command),
    /// A piece of the citizen's page, checked.
    Frames { window: WindowId, page: u32, frames: String },
    /// To listen to a window.
    Look(WindowId),
}

struct Envelope {
    who: Arc<Principal>,
    socket: Arc<Socket>,
    wish: Wish,
    reply: oneshot::Sender<Result<Answer, WireError>>,
}

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
    /// Accounts, and what they may do.
    pub rights: Arc<Rights>,
    /// Names of items.
    pub organisation: Arc<Organisation>,
    /// Pictures for the thread.
    pub files: Arc<Files>,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
}

/// The way to the windows.
pub struct Windows {
    /// `None`: there are none here.
    mailbox: Option<mpsc::Sender<Envelope>>,
    media: Arc<Media>,
}

impl Windows {
    /// Opens the media port, makes the windows from their rows, and starts.
    ///
    /// # Errors
    /// The port cannot be opened, or whatever the store says.
    pub async fn start(config: &Config, world: World) -> anyhow::Result<Self> {
        if !config.media.enabled {
            return Ok(Self { mailbox: None, media: Arc::new(Media::none()) });
        }
        let (media, measured) = Media::start(&config.media)?;
        let media = Arc::new(media);
        let most_live = Some(config.media.most_live).filter(|most| *most > 0);
        let settings = Settings { most_live, ..Settings::default() };
        let mut owner = Owner::new(world, Arc::clone(&media), Texts::new()?, settings);
        owner.rebuild().await?;
        let (sender, receiver) = mpsc::channel(config.limits.mailbox);
        tokio::spawn(owner.run(receiver, measured));
        Ok(Self { mailbox: Some(sender), media })
    }

    /// Carries out a command of a connection; what it changes is durable when its answer is there.
    ///
    /// # Errors
    /// A refusal; `busy` if too much waits.
    pub async fn give(&self, who: Arc<Principal>, socket: Arc<Socket>, command: Command) -> Result<Answer, WireError> {
        self.wish(who, socket, Wish::Command(command)).await
    }

    /// Passes a piece of the citizen's page on, of which [`is_clean`] said that it may be.
    ///
    /// # Errors
    /// As [`Windows::give`].
    pub(crate) async fn pass_on(
        &self,
        who: Arc<Principal>,
        socket: Arc<Socket>,
        window: WindowId,
        page: u32,
        frames: String,
    ) -> Result<Answer, WireError> {
        self.wish(who, socket, Wish::Frames { window, page, frames }).await
    }

    /// Joins the topic of a window, for one who may look on.
    ///
    /// # Errors
    /// As [`Windows::give`].
    pub async fn look(&self, who: Arc<Principal>, socket: Arc<Socket>, window: WindowId) -> Result<Answer, WireError> {
        self.wish(who, socket, Wish::Look(window)).await
    }

    async fn wish(&self, who: Arc<Principal>, socket: Arc<Socket>, wish: Wish) -> Result<Answer, WireError> {
        let none = || WireError::new(ErrorCode::NotFound, "there are no virtual windows here (media.enabled)");
        let mailbox = self.mailbox.as_ref().ok_or_else(none)?;
        let (reply, answer) = oneshot::channel();
        mailbox.try_send(Envelope { who, socket, wish, reply }).map_err(|_| busy())?;
        answer.await.unwrap_or_else(|_| Err(busy()))
    }

    /// What a browser needs besides our address, at an instant: the same for windows and calls.
    pub(crate) fn ways(&self) -> crate::calls::Ways {
        let media = Arc::clone(&self.media);
        Box::new(move |now| media.ice(bangban_domain::ParticipantId::new(crate::desk::new_id()), now))
    }

    /// Wishes that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mailbox.as_ref().map_or(0, |mailbox| mailbox.max_capacity() - mailbox.capacity())
    }

    /// Of tests: the media thread of a window stands still until the answer is dropped.
    #[cfg(test)]
    pub(crate) fn stand_still(&self, window: WindowId) -> Option<bangban_media::Standing> {
        self.media.stand_still(window)
    }

    /// What the media threads have counted, by name.
    #[must_use]
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        self.media.counted()
    }
}

/// Every command that the owner of the windows carries out as it is: the one list of them, as a pattern.
macro_rules! window_command {
    () => {
        Command::AskWindow { .. }
            | Command::BookWindow { .. }
            | Command::AnswerWindow { .. }
            | Command::CancelWindow { .. }
            | Command::Consent { .. }
            | Command::WithdrawConsent { .. }
            | Command::MakeWindowCode { .. }
            | Command::EnterWindowCode { .. }
            | Command::InviteToWindow { .. }
            | Command::CheckWindow { .. }
            | Command::TakeSeat { .. }
            | Command::ConnectWindow { .. }
            | Command::RestartWindowLink { .. }
            | Command::AnswerWindowOffer { .. }
            | Command::Publish { .. }
            | Command::LeaveWindow { .. }
            | Command::EndWindow { .. }
            | Command::RemoveFromWindow { .. }
            | Command::Point { .. }
            | Command::Draw { .. }
            | Command::UndoInk { .. }
            | Command::ClearInk { .. }
            | Command::FreezeWindow { .. }
            | Command::KeepSnapshot { .. }
            | Command::Browse { .. }
            | Command::SeeForm { .. }
            | Command::Highlight { .. }
            | Command::Propose { .. }
            | Command::AnswerProposal { .. }
            | Command::Bind { .. }
    };
}
pub(crate) use window_command;

fn busy() -> WireError {
    WireError::new(ErrorCode::Busy, "the windows are at their limit")
}

fn not_found() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such window")
}

fn forbidden() -> WireError {
    WireError::new(ErrorCode::Forbidden, "your part in the window does not allow it")
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
        Refusal::NotOpen(_) => (ErrorCode::NotFound, None),
        Refusal::ProposalGone(_) => (ErrorCode::NotFound, Some("proposal")),
        Refusal::WrongCode => (ErrorCode::NotFound, Some("code")),
        Refusal::Full | Refusal::Draining => (ErrorCode::Busy, None),
        Refusal::NotYours | Refusal::NotSeated(_) | Refusal::NotAllowed(..) => (ErrorCode::Forbidden, None),
        Refusal::NoConsent(_) => (ErrorCode::Forbidden, Some("purpose")),
        Refusal::OnlyCitizen(_) => (ErrorCode::Forbidden, Some("kind")),
        Refusal::TimePassed => (ErrorCode::BadRequest, Some("at")),
        Refusal::TooLarge => (ErrorCode::BadRequest, None),
        Refusal::OutdatedText => (ErrorCode::Outdated, Some("text")),
        Refusal::StaleStroke => (ErrorCode::Outdated, Some("number")),
        Refusal::TooManyCodes { .. } | Refusal::TooFast => (ErrorCode::RateLimited, None),
        Refusal::HasOne(_)
        | Refusal::WrongState
        | Refusal::SeatTaken(_)
        | Refusal::ScreenTaken
        | Refusal::InCall
        | Refusal::NoPicture
        | Refusal::NotBrowsing
        | Refusal::TooMany => (ErrorCode::InvalidStage, None),
        // Ids and codes are ours: these come of a mistake of ours.
        Refusal::KnownAlready(_) | Refusal::CodeTaken => (ErrorCode::Internal, None),
    };
    WireError { field: field.map(ToOwned::to_owned), ..WireError::new(code, refusal.to_string()) }
}
