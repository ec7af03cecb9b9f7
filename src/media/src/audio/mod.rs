//! The sound of three-way calls (docs/calls.md "Sound", decision 0007): every leg of a call, a telephone by RTP or a
//! browser by WebRTC, hears what the matrix of its call says, G.711 at 8 kHz, mixed every 20 ms.
//!
//! ```text
//!  SIP ──open_rtp, connect_rtp──►┐                    ┌──► mixing thread (calls, their legs' sockets)  ◄──► telephones
//!  server ──open_browser────────►├─► Mixer (handle) ──┼──► mixing thread ...            ▲ │
//!         ──set_mix, play, dial─►┘                    └──► voice thread (str0m, one UDP port) ◄──────────► browsers
//!              ▲                                             │
//!              └───────── AudioEvent ◄── herald thread ◄─────┘
//! ```
//!
//! [`Mixer`] is the shell. The core, [`Conference`], is without I/O and clock: datagrams and ticks go in, datagrams and
//! notes come out. Who hears whom is decided elsewhere (`bangban_domain::call`) and told whole by [`Mixer::set_mix`].
//!
//! Invariants: nobody hears anything that the matrix does not say; a matrix holds whole from one tick on; a tick neither
//! waits, logs nor allocates; a telephone's sound is taken from the address that its session description names and from
//! nowhere else; whatever the network sends, memory is bounded and other calls go on.
//!
//! Deliberately absent: SIP, recording, codecs other than G.711, resampling.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use bangban_domain::call::LegId;

mod arriving;
mod browsers;
mod conference;
mod counters;
mod dtmf;
mod g711;
mod jitter;
mod leg;
mod mixer;
mod mixing;
mod notes;
mod pace;
mod ports;
mod prompt;
mod realtime;
mod rtcp;
mod rtp;
mod talk;
#[cfg(test)]
mod tests;
mod tone;
mod voice;
mod wav;

pub use conference::{Conference, MAX_LEGS};
pub use counters::Counters;
pub use leg::{Outgoing, Patience, Seed};
pub use mixer::{MAX_OPEN, Mixer};
pub use prompt::Prompts;
pub use voice::MAX_BROWSERS;

/// Sound a second: 8 kHz (ITU-T G.711).
pub const RATE: u32 = 8_000;
/// Samples of one tick.
pub const FRAME: usize = 160;
/// How often it is mixed.
pub const TICK: Duration = Duration::from_millis(20);

/// How calls sound and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MixerConfig {
    /// Mixing threads; what one carries is in docs/performance.md.
    pub threads: usize,
    /// From which ports telephones are served: each leg has an even one for RTP and the next for RTCP.
    pub rtp_ports: RangeInclusive<u16>,
    /// The machine's address of these ports, and of the browsers' port.
    pub bind: IpAddr,
    /// What telephones and browsers are told to send to; another than `bind` with a router in between.
    pub public: IpAddr,
    /// The one UDP port of all browsers. 0: any that is free.
    pub browser_port: u16,
    /// The browsers' port as they are told it, when a router gives it another number. 0: the same.
    pub browser_public_port: u16,
    /// A telephone of which nothing is heard for so long is lost: 30 s.
    pub rtp_timeout: Duration,
    /// The same, while it is not to send anything (it is on hold): 5 min.
    pub held_timeout: Duration,
    /// A browser of which nothing is heard for so long has lost its link: 5 s.
    pub link_timeout: Duration,
    /// A folder with recordings in place of ours, `NAME.wav` for each `Prompt` and `music.wav`: 8 kHz, one channel, PCM of
    /// 16 bits, A-law or µ-law. What is not there stays ours.
    pub prompts: Option<PathBuf>,
    /// Whether mixing threads ask the system for real time (`SCHED_RR`), else for priority (nice).
    pub is_realtime_wanted: bool,
}

impl Default for MixerConfig {
    fn default() -> Self {
        Self {
            threads: 1,
            rtp_ports: 20_000..=23_999,
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            public: IpAddr::V4(Ipv4Addr::LOCALHOST),
            browser_port: 0,
            browser_public_port: 0,
            rtp_timeout: Duration::from_secs(30),
            held_timeout: Duration::from_secs(5 * 60),
            link_timeout: Duration::from_secs(5),
            prompts: None,
            is_realtime_wanted: true,
        }
    }
}

/// How a telephone's sound is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// A-law, payload type 8: what the telephone network of China speaks.
    Pcma,
    /// µ-law, payload type 0.
    Pcmu,
}

impl Codec {
    /// The static payload type (RFC 3551, section 6).
    #[must_use]
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    /// The codec of a static payload type.
    #[must_use]
    pub const fn of_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            8 => Some(Self::Pcma),
            0 => Some(Self::Pcmu),
            _ => None,
        }
    }
}

/// Who sends, as our side of the session description says it (RFC 3264, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both.
    SendRecv,
    /// We send; nothing is expected.
    SendOnly,
    /// We do not send.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// Do we send?
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Do we expect something?
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// What was agreed with a telephone about its sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpRemote {
    /// Where its session description says that it receives RTP. Unspecified or port 0 (the old way to hold): nothing is sent.
    pub address: SocketAddr,
    /// Where it receives RTCP (`a=rtcp`); `None`: the next port.
    pub rtcp: Option<SocketAddr>,
    /// Where its SIP comes from, when that may be another host: behind a NAT, sound comes from there too.
    pub signalled_from: Option<IpAddr>,
    /// What we send; it may send both.
    pub codec: Codec,
    /// Payload type of `telephone-event` (RFC 4733); `None`: keys are sent as tones.
    pub dtmf: Option<u8>,
    /// Who sends.
    pub direction: Direction,
}

impl RtpRemote {
    /// Both send A-law; keys are sent as events of payload type 101.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            rtcp: None,
            signalled_from: None,
            codec: Codec::Pcma,
            dtmf: Some(101),
            direction: Direction::SendRecv,
        }
    }
}

/// What the server has to know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AudioEvent {
    /// Somebody has begun to speak.
    Heard(LegId),
    /// ... and has been silent for 600 ms.
    Silent(LegId),
    /// Somebody has pressed a key: `0` to `9`, `*`, `#`, `A` to `D`.
    Digit(LegId, char),
    /// Nothing has come from somebody for as long as may be. Told once until something comes again.
    MediaLost(LegId),
    /// The last prompt that was to be played to somebody is over. Tones are not told.
    PromptEnded(LegId),
    /// A browser's connection stands, for the first time or again.
    LinkUp(LegId),
    /// A browser's connection has gone, or did not come up within 30 s.
    LinkLost(LegId),
    /// How it went, every 5 s and at the end.
    Quality {
        /// Whose.
        leg: LegId,
        /// Of the time since the last one.
        quality: Quality,
        /// The leg is over; nothing more is told of it.
        is_last: bool,
    },
}

/// How what a leg sends has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// Packets that came.
    pub received: u32,
    /// Packets that did not.
    pub lost: u32,
    /// Packets that came when their time was over.
    pub late: u32,
    /// Frames of 20 ms that were made up, because nothing was there.
    pub concealed: u32,
    /// Ticks of its mixing thread that began 5 ms late or more.
    pub late_ticks: u32,
    /// Interarrival jitter (RFC 3550, 6.4.1). Telephones are read every 20 ms, so less than that does not show.
    pub jitter: Duration,
    /// There and back (RTCP); `None`: not known.
    pub round_trip: Option<Duration>,
    /// What the other side says is lost of what we send, 0 to 1; `None`: not known.
    pub peer_loss: Option<f32>,
}

impl Quality {
    /// Lost of what was sent, 0 to 1.
    #[must_use]
    pub fn loss(&self) -> f32 {
        let sent = self.received.saturating_add(self.lost);
        if sent == 0 { 0.0 } else { self.lost as f32 / sent as f32 }
    }

    /// Together with the time after it: counts are added, the larger jitter holds, and what was heard last of the rest.
    #[must_use]
    pub(crate) fn followed_by(self, next: Self) -> Self {
        Self {
            received: self.received.saturating_add(next.received),
            lost: self.lost.saturating_add(next.lost),
            late: self.late.saturating_add(next.late),
            concealed: self.concealed.saturating_add(next.concealed),
            late_ticks: self.late_ticks.saturating_add(next.late_ticks),
            jitter: self.jitter.max(next.jitter),
            round_trip: next.round_trip.or(self.round_trip),
            peer_loss: next.peer_loss.or(self.peer_loss),
        }
    }
}

/// Why something is impossible now. It has then changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody has opened it, or it was closed.
    #[error("no such leg")]
    UnknownLeg,
    /// It is a browser's and cannot be a telephone's, or the other way round.
    #[error("the leg is of another kind")]
    OtherKind,
    /// No pair of ports is free.
    #[error("no RTP port is free")]
    NoPort,
    /// As many as may be.
    #[error("full: {most} {what}")]
    Full {
        /// Of what.
        what: &'static str,
        /// How many may be.
        most: usize,
    },
    /// Something that was agreed cannot be.
    #[error("{field} cannot be")]
    BadRemote {
        /// Which field of [`RtpRemote`].
        field: &'static str,
    },
    /// A browser's session description.
    #[error("the browser's session description: {0}")]
    Sdp(crate::Refused),
    /// Too much waits already; to be tried again.
    #[error("busy")]
    Busy,
    /// The threads have stopped.
    #[error("stopped")]
    Stopped,
}

/// Why it could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The range has no even port followed by an odd one.
    #[error("rtp_ports {0}-{1}: no pair of an even port and the next")]
    NoPorts(u16, u16),
    /// Telephones cannot be told to send to it.
    #[error("public {0}: telephones cannot send there")]
    NoAddress(IpAddr),
    /// No socket for browsers.
    #[error("cannot open the browsers' port {address}")]
    Socket {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A recording that cannot be played.
    #[error("prompt {path}: {why}")]
    Prompt {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No thread.
    #[error("cannot start a thread for sound")]
    Thread(#[source] std::io::Error),
}
