//! Virtual windows on the wire: what one browser of a window publishes (camera, voice, screen) goes to the others of the
//! same window, packet by packet, VP8 and Opus, never decoded (docs/windows.md, decision 0005).
//!
//! ```text
//!   server ──join, offer, answer, publish, leave, close──► Sfu ──► Shard (one thread each) ◄──► one UDP port
//!      ▲                                                              │
//!      └───────── Event: Offer, Legs, Link, Quality ◄─────────────────┘
//! ```
//!
//! [`Sfu`] is the shell: threads, socket, mailboxes. The core of each thread is without I/O and clock: datagrams, commands
//! and instants go in, datagrams and [`Event`]s come out. Who may publish what is decided elsewhere
//! (`bangban_domain::window`): nothing is forwarded before [`Sfu::publish`] said so.
//!
//! A browser makes the first offer, with its own media, and may offer again (ICE restart). Everything that it receives is
//! on *legs*, media lines that we offer: one for each source that plays at the same time, kept and given to another source
//! when theirs is over, so that coming and going needs no negotiation. [`Event::Legs`] says whose media a leg carries.
//!
//! Invariants: a packet leaves its window never; a viewer's stream begins with a key frame; an address is believed only
//! once its signature was right; whatever the network sends, memory is bounded and other windows go on.
//!
//! No type of the library below (`str0m`) is in the public interface.

pub mod audio;
mod budget;
mod clock;
mod counters;
mod directory;
mod mailbox;
mod net;
mod peer;
mod probe;
mod quality;
mod rtc;
mod sdp;
mod senders;
mod sfu;
mod shard;
mod splice;
mod stun;
mod turn;
mod vp8;

use bangban_domain::{ParticipantId, WindowId, window::Medium};

pub use counters::Counters;
pub use probe::Probe;
pub use quality::{LegQuality, Quality};
pub use sdp::{MAX_CANDIDATES, MAX_MEDIA, MAX_SDP};
#[cfg(feature = "testing")]
pub use sfu::Standing;
pub use sfu::{Asked, Config, Sfu, StartError};
pub use shard::{MAX_PEERS, MAX_WINDOWS};
pub use turn::{TurnCredentials, turn_credentials};

/// Why something is impossible now. It has then changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No session description at all.
    #[error("not a session description")]
    NotSdp,
    /// More than any browser sends.
    #[error("too many {what}: {most} at most")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many may be.
        most: usize,
    },
    /// It says nothing that one could agree to.
    #[error("the session description cannot be agreed to")]
    BadSdp,
    /// A media line is named that is not there, or is of another kind, or twice.
    #[error("the media lines do not fit the session description")]
    BadMedia,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoChance,
    /// Nobody of that id is connected in this window.
    #[error("nobody of that id is connected")]
    UnknownPeer,
    /// The answer is to an offer that is not open any more.
    #[error("the answer is to an older offer")]
    StaleAnswer,
    /// As many as may be.
    #[error("full: {most} {what}")]
    Full {
        /// Of what.
        what: &'static str,
        /// How many may be.
        most: usize,
    },
    /// Too much waits already; to be tried again.
    #[error("busy")]
    Busy,
    /// The media threads have stopped.
    #[error("stopped")]
    Stopped,
}

/// Which of a description's media lines carries what: its `mid` and the medium.
pub type Lines = Vec<(String, Medium)>;

/// Whose media a media line carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// The media line in our offers.
    pub mid: String,
    /// Whose.
    pub participant: ParticipantId,
    /// What.
    pub medium: Medium,
}

/// How a browser's connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It stands.
    Up,
    /// Nothing comes any more; it may come back, by itself or with an ICE restart.
    Interrupted,
    /// It did not come up within 30 s, or not come back within 20 s, or broke a rule: it is forgotten.
    Over,
}

/// What the server has to tell a browser, or to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// To be told to the browser, whose answer goes to [`Sfu::answer`].
    Offer {
        /// Where.
        window: WindowId,
        /// Who.
        participant: ParticipantId,
        /// Which offer; the answer names it.
        number: u32,
        /// The description.
        sdp: String,
    },
    /// To be told to the browser: all that it receives now.
    Legs {
        /// Where.
        window: WindowId,
        /// Who.
        participant: ParticipantId,
        /// Whose media is where; lines that are not here carry nothing.
        legs: Vec<Leg>,
    },
    /// A browser's connection has changed.
    Link {
        /// Where.
        window: WindowId,
        /// Who.
        participant: ParticipantId,
        /// How it is.
        link: Link,
    },
    /// How well it goes, every 5 s for each connection.
    Quality {
        /// Where.
        window: WindowId,
        /// Who.
        participant: ParticipantId,
        /// Of each medium.
        quality: Quality,
    },
}
