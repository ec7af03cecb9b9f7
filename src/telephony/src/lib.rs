//! Telephones: the city's PBX by trunks, desk phones by our registrar, and every call of either as a leg
//! (docs/calls.md, decision 0006).
//!
//! ```text
//!   server ──Order──► Telephony ──► tasks ──► one per leg ◄──► SIP over UDP and TCP
//!      ▲                                │                 │
//!      └──────────── Event ◄────────────┴─────────────────┘──► Mixer (ports, remote addresses)
//! ```
//!
//! What is decided about a call is decided elsewhere (`bangban_domain::call`); this crate carries orders out and reports. It
//! refuses by itself only what the rules never see: unknown sources, too many calls, what is not SIP.
//!
//! What decides here is without I/O and clock, in a module of its own each: session descriptions, digest and nonces, the
//! table of registered telephones, session timers, limits, which trunk to take, who is calling. The shells around read the
//! time in one place.
//!
//! Invariants: a leg is reported to have ended once and never after an order ended it; its port and dialog are given back
//! whatever the other side does; a source that is in no list starts nothing; no log has a number, a credential or a message.
//!
//! No type of the library below (`rsipstack`) is in the public interface. Absent on purpose: early media (the mixer plays
//! ringback), REFER towards the PBX, our own re-INVITE for hold (the mixer holds).

mod clock;
mod config;
mod digest;
mod handle;
mod headers;
mod identity;
mod inbound;
mod incoming;
mod limits;
mod outbound;
mod pinging;
mod registering;
mod registrar;
mod sdp;
mod shared;
mod talk;
mod timers;
mod trunks;
mod wire;

use std::fmt;

use bangban_domain::call::{Cause, Failure, LegId, Number};

pub use config::{Algorithm, Config, Limits, Login, Timing, Transport, Trunk};
pub use handle::{Counters, StartError, Telephony};

/// An INVITE that waits for a decision; unique while the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InviteId(pub u64);

/// What was dialled or asked for, as it came: perhaps an extension too short to be a [`Number`]. Hidden from `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Dialled(String);

impl Dialled {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialled(***)")
    }
}

/// The password of a telephone, or what digest makes of it. Hidden from `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Password(String),
    /// `H(user:realm:password)` in lower-case hexadecimal (RFC 7616, section 3.4.2), so that the password need not be kept.
    Hashed {
        /// By MD5.
        md5: String,
        /// By SHA-256.
        sha256: String,
    },
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Who may register a telephone. Asked with every registration, on a task that must not wait: from memory only.
pub trait PhoneBook: Send + Sync + 'static {
    /// The secret of the telephone with this user name; `None`: there is none.
    fn secret(&self, user: &str) -> Option<Secret>;
}

/// Whom to ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A registered telephone, by its user name: everywhere it is registered, who answers first has the call.
    Phone(String),
    /// A number, by the first trunk that works.
    Number(Number),
}

/// Why an incoming call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 486.
    Busy,
    /// 503 with `Retry-After`.
    Full {
        /// In seconds.
        retry_after: u32,
    },
    /// 403.
    Forbidden,
    /// 404: no such number here.
    NoSuchNumber,
}

/// What the server wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The call is ours, as this leg: the caller hears it ring. If they have hung up in the meantime, [`Event::HungUp`] says so.
    Take {
        /// Which.
        invite: InviteId,
        /// As what.
        leg: LegId,
    },
    /// It is not.
    Refuse {
        /// Which.
        invite: InviteId,
        /// Why.
        because: Refusal,
    },
    /// 200 to the caller's INVITE: they hear the mixer from now on.
    Accept(LegId),
    /// Ring somebody.
    Ring {
        /// Which leg it will be.
        leg: LegId,
        /// Whom.
        target: Target,
        /// The number that is shown to them; `None`: the trunk's or our own.
        caller: Option<Number>,
        /// The hotline's ticket, told to the other side's system (RFC 7433, or the header of [`Config::ticket_header`]).
        ticket: Option<String>,
    },
    /// Ring them no more. Final: nothing is told of this leg any more.
    Cancel {
        /// Whom.
        leg: LegId,
        /// Why; [`Cause::Elsewhere`] is told to the telephone (RFC 3326).
        because: Cause,
    },
    /// Hang up. Final: nothing is told of this leg any more.
    HangUp(LegId),
    /// The telephone with this user name is no longer one of ours: its registrations go.
    Forget(String),
}

/// What the server has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody calls; to be answered by [`Order::Take`] or [`Order::Refuse`] within [`Timing::decision`], else 503.
    Invited {
        /// Which.
        invite: InviteId,
        /// What they dialled.
        called: Number,
        /// Who calls, if the network says so (RFC 3325, else `From`) and they do not hide it (RFC 3323).
        caller: Option<Number>,
        /// The hotline's ticket, if the PBX gives one.
        ticket: Option<String>,
        /// By which trunk.
        trunk: String,
    },
    /// The other side rings (any 18x).
    Ringing(LegId),
    /// The other side is there.
    Answered(LegId),
    /// The other side will not come.
    Failed(LegId, Failure),
    /// They hung up (BYE), or gave up before they were answered (CANCEL).
    HungUp(LegId),
    /// Their telephone does not answer to us any more: no ACK, or no life at the session timer.
    MediaLost(LegId),
    /// Their telephone has put us on hold, or goes on.
    PeerHeld(LegId, bool),
    /// A key, told by INFO; keys in RTP (RFC 4733) are told by the mixer.
    Digit(LegId, char),
    /// Their telephone asks for a transfer (REFER). It is told that we try; hanging the leg up within 30 s tells it that it worked.
    Referred {
        /// Whose.
        leg: LegId,
        /// To whom.
        to: Dialled,
    },
    /// The telephone with this user name can be rung from now on.
    Registered(String),
    /// ... not any more.
    Unregistered(String),
    /// A trunk works from now on, or does not.
    Trunk {
        /// Which.
        name: String,
        /// Does it?
        is_up: bool,
    },
}

/// As many orders wait as may; to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many orders wait")]
pub struct Busy;
