//! One browser's connection: what it publishes, and the legs on which it receives.

use std::time::{Duration, Instant};

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use str0m::{
    Rtc,
    change::SdpPendingOffer,
    format::Codec,
    media::{KeyframeRequestKind, MediaKind, Mid, Pt},
    rtp::Ssrc,
};

use crate::{Leg, quality::Gauge, rtc::Way, splice::Splice};

/// Camera, voice, screen.
pub(crate) const MEDIA: usize = Medium::ALL.len();

/// A key frame is asked for again after so long, and twice as long every further time ...
const ASK_AGAIN: Duration = Duration::from_millis(300);
/// ... up to this. A screen on which nothing moves may send nothing for long.
const ASK_AGAIN_AT_MOST: Duration = Duration::from_secs(5);

/// Place of a medium in arrays of [`MEDIA`].
pub(crate) const fn place(medium: Medium) -> usize {
    match medium {
        Medium::Camera => 0,
        Medium::Voice => 1,
        Medium::Screen => 2,
    }
}

pub(crate) const fn kind(medium: Medium) -> MediaKind {
    match medium {
        Medium::Voice => MediaKind::Audio,
        Medium::Camera | Medium::Screen => MediaKind::Video,
    }
}

const fn codec(kind: MediaKind) -> Codec {
    match kind {
        MediaKind::Audio => Codec::Opus,
        MediaKind::Video => Codec::Vp8,
    }
}

/// RFC 7587 and RFC 7741: ticks of the timestamp a second.
pub(crate) const fn ticks(kind: MediaKind) -> u32 {
    match kind {
        MediaKind::Audio => 48_000,
        MediaKind::Video => 90_000,
    }
}

/// Is the connection there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It has never been; given up then.
    New {
        until: Instant,
    },
    Up,
    /// Given up then.
    Down {
        until: Instant,
    },
}

/// One media line on which the browser receives.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    /// Whose medium it carries; `None`: free for the next one.
    pub(crate) source: Option<(ParticipantId, Medium)>,
    /// Once the browser has agreed to it.
    pub(crate) stream: Option<(Ssrc, Pt)>,
    pub(crate) splice: Splice,
    /// Nothing goes out before a picture that needs no other.
    pub(crate) waits_for_key_frame: bool,
}

impl Receiving {
    pub(crate) fn new(mid: Mid, source: (ParticipantId, Medium)) -> Self {
        let kind = kind(source.1);
        Self {
            mid,
            kind,
            source: Some(source),
            stream: None,
            splice: Splice::new(ticks(kind)),
            waits_for_key_frame: kind == MediaKind::Video,
        }
    }

    /// From now on it carries this; or the same from another connection.
    pub(crate) fn begin(&mut self, source: (ParticipantId, Medium)) {
        self.source = Some(source);
        self.splice.cut();
        self.waits_for_key_frame = self.kind == MediaKind::Video;
    }
}

/// A key frame that somebody waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) ask_at: Instant,
    interval: Duration,
}

pub(crate) struct Peer {
    pub(crate) window: WindowId,
    pub(crate) participant: ParticipantId,
    pub(crate) rtc: Rtc,
    pub(crate) way: Way,
    pub(crate) state: State,
    /// Where it publishes what.
    pub(crate) lines: [Option<Mid>; MEDIA],
    /// The streams that were seen on these lines.
    streams: Vec<(Ssrc, Medium)>,
    /// Who receives what of it: peer and leg.
    pub(crate) subscribers: [Vec<(usize, usize)>; MEDIA],
    wanted: [Option<Wanted>; MEDIA],
    asked_at: [Option<Instant>; MEDIA],
    pub(crate) legs: Vec<Receiving>,
    /// The offer that waits for an answer, and the legs that it brings.
    pub(crate) pending: Option<(SdpPendingOffer, Vec<Receiving>)>,
    pub(crate) offers: u32,
    /// As it was told last.
    pub(crate) told: Vec<Leg>,
    /// When the library wants to be asked.
    pub(crate) timer: Instant,
    pub(crate) is_dirty: bool,
    pub(crate) gauge: Gauge,
}

impl Peer {
    pub(crate) fn new(window: WindowId, participant: ParticipantId, rtc: Rtc, now: Instant, state: State) -> Self {
        Self {
            window,
            participant,
            rtc,
            way: Way::default(),
            state,
            lines: [None; MEDIA],
            streams: Vec::new(),
            subscribers: Default::default(),
            wanted: [None; MEDIA],
            asked_at: [None; MEDIA],
            legs: Vec::new(),
            pending: None,
            offers: 0,
            told: Vec::new(),
            timer: now,
            is_dirty: false,
            gauge: Gauge::default(),
        }
    }

    /// Whose stream a packet belongs to.
    pub(crate) fn medium_of(&mut self, ssrc: Ssrc) -> Option<Medium> {
        if let Some((_, medium)) = self.streams.iter().find(|(known, _)| *known == ssrc) {
            return Some(*medium);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let medium = self.medium_on(mid)?;
        // A browser that changes its streams all the time keeps the newest.
        if self.streams.len() == 4 * MEDIA {
            self.streams.remove(0);
        }
        self.streams.push((ssrc, medium));
        Some(medium)
    }

    pub(crate) fn medium_on(&self, mid: Mid) -> Option<Medium> {
        Medium::ALL.iter().copied().find(|medium| self.lines[place(*medium)] == Some(mid))
    }

    /// What a leg needs to be written to, once the browser has agreed to it.
    pub(crate) fn stream_of(&mut self, leg: &Receiving) -> Option<(Ssrc, Pt)> {
        let wanted = codec(leg.kind);
        let pt = self.rtc.codec_config().find(|params| params.spec().codec == wanted)?.pt();
        let ssrc = self.rtc.direct_api().stream_tx_by_mid(leg.mid, None)?.ssrc();
        Some((ssrc, pt))
    }

    // --- key frames -------------------------------------------------------------------------------------------

    /// Somebody needs a picture that needs no other. Asked at once, unless that has just been done.
    pub(crate) fn want_key_frame(&mut self, medium: Medium, now: Instant) {
        let soonest = self.asked_at[place(medium)].map_or(now, |at| at + ASK_AGAIN);
        self.wanted[place(medium)] = Some(Wanted { ask_at: soonest.max(now), interval: ASK_AGAIN });
    }

    pub(crate) fn has_key_frame(&mut self, medium: Medium) {
        self.wanted[place(medium)] = None;
    }

    /// It was asked for; what was wanted before anything came could not be.
    pub(crate) const fn is_key_frame_on_its_way(&self, medium: Medium) -> bool {
        self.wanted[place(medium)].is_some() && self.asked_at[place(medium)].is_some()
    }

    /// Asks for what is due; how many were asked for.
    pub(crate) fn ask_key_frames(&mut self, now: Instant) -> u64 {
        let mut asked = 0;
        for medium in Medium::ALL.iter().copied() {
            let at = place(medium);
            let Some(wanted) = self.wanted[at].filter(|wanted| wanted.ask_at <= now) else { continue };
            let next = (wanted.interval * 2).min(ASK_AGAIN_AT_MOST);
            self.wanted[at] = Some(Wanted { ask_at: now + wanted.interval, interval: next });
            let newest = self.streams.iter().rev().find(|(_, one)| *one == medium).map(|(ssrc, _)| *ssrc);
            let mut api = self.rtc.direct_api();
            if let Some(stream) = newest.and_then(|ssrc| api.stream_rx(&ssrc)) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
                self.asked_at[at] = Some(now);
                asked += 1;
            }
        }
        asked
    }

    pub(crate) fn next_deadline(&self) -> Instant {
        let given_up = match self.state {
            State::Up => None,
            State::New { until } | State::Down { until } => Some(until),
        };
        let wanted = self.wanted.iter().flatten().map(|wanted| wanted.ask_at);
        wanted.chain(given_up).fold(self.timer, Instant::min)
    }

    /// What it receives now, in the order of its lines.
    pub(crate) fn carried(&self) -> Vec<Leg> {
        let open = self.legs.iter().filter(|leg| leg.stream.is_some());
        open.filter_map(|leg| {
            let (participant, medium) = leg.source?;
            Some(Leg { mid: leg.mid.to_string(), participant, medium })
        })
        .collect()
    }
}
