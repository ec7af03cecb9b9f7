//! The handle.

use std::net::SocketAddr;

use bangban_domain::{
    CallId,
    call::{Ear, LegId, Prompt},
};
use tokio::sync::mpsc;

use super::{AudioEvent, Counters, MixerConfig, Refused, RtpRemote, StartError};

/// Mixes the sound of calls. A handle: clones are the same mixer, which stops when the last is dropped. No call waits for
/// anything.
#[derive(Debug, Clone)]
pub struct Mixer {}

impl Mixer {
    /// Opens the browsers' port and starts the threads. Events that nobody takes wait; those of quality are lost.
    ///
    /// # Errors
    /// [`StartError`] says what is missing.
    pub fn start(_config: MixerConfig, _events: mpsc::Sender<AudioEvent>) -> Result<Self, StartError> {
        Ok(Self {})
    }

    /// A pair of ports for a telephone's leg; what it is to be told to send to. Opened already: the same again.
    ///
    /// # Errors
    /// [`Refused::NoPort`], [`Refused::Full`], [`Refused::OtherKind`] or [`Refused::Stopped`].
    pub fn open_rtp(&self, _leg: LegId) -> Result<SocketAddr, Refused> {
        Err(Refused::Stopped)
    }

    /// What was agreed with the telephone: sound goes from now on. Again with every new agreement (re-INVITE).
    ///
    /// # Errors
    /// [`Refused::UnknownLeg`], [`Refused::OtherKind`] or [`Refused::BadRemote`].
    pub fn connect_rtp(&self, _leg: LegId, _remote: RtpRemote) -> Result<(), Refused> {
        Err(Refused::Stopped)
    }

    /// A browser's leg: its offer (one audio line, PCMA among its codecs); the answer is to be told to it. Open already: the
    /// new connection takes the place of the old one.
    ///
    /// # Errors
    /// [`Refused::Sdp`], [`Refused::Full`], [`Refused::OtherKind`], [`Refused::Busy`] or [`Refused::Stopped`].
    pub async fn open_browser(&self, _leg: LegId, _offer_sdp: &str) -> Result<String, Refused> {
        Err(Refused::Stopped)
    }

    /// The leg is over; its ports are free again after 2 s. Unknown: nothing.
    pub fn close(&self, _leg: LegId) {}

    /// Who hears whom, whole, from the next tick on. Legs that are not open yet are remembered; those that are not named
    /// hear nothing. Empty: the call is over.
    pub fn set_mix(&self, _call: CallId, _ears: Vec<Ear>) {}

    /// Plays something once, over whatever else they hear: tones at once, what is spoken after what is being said.
    pub fn play(&self, _leg: LegId, _prompt: Prompt) {}

    /// Presses keys towards a telephone, one after the other. What is no key is left out.
    pub fn dial(&self, _leg: LegId, _digits: &str) {}

    /// What is there now and was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters::default()
    }
}
