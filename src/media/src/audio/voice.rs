//! The core of the voice thread: browsers' connections, each with one line of A-law in both directions. No socket, no
//! clock: offers, datagrams, frames and instants go in; datagrams, packets and events come out.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bangban_domain::call::LegId;
use str0m::{
    Candidate, Event as RtcEvent, IceConnectionState, Input, Rtc,
    change::SdpOffer,
    config::DtlsCert,
    media::{MediaKind, Mid, Pt},
    rtp::{RtpPacket, RtpWrite, Ssrc},
};

use super::{AudioEvent, Codec, FRAME, counters::Cells};
use crate::{
    Refused,
    budget::Budget,
    counters::{add, count},
    rtc::{Handed, Way, drain, guarded, hand_in},
    sdp,
    senders::{Senders, Whose},
};

/// Browsers on the voice thread; each takes a twentieth of a percent of a processor.
pub const MAX_BROWSERS: usize = 1_000;
/// How long a connection may take to come up.
const COME_UP: Duration = Duration::from_secs(30);
/// How long one that has gone is kept: its page may only be on another network.
const KEEP: Duration = Duration::from_secs(60);
/// Events that wait: some of every browser.
const MOST_EVENTS: usize = 8 * MAX_BROWSERS;
const TELL_QUALITY: Duration = Duration::from_secs(5);
/// Without anything to do.
const IDLE: Duration = Duration::from_secs(3_600);

/// A packet of a browser, decrypted.
pub(crate) struct Said {
    pub(crate) is_marked: bool,
    pub(crate) payload_type: u8,
    pub(crate) number: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Arc<[u8]>,
}

impl From<RtpPacket> for Said {
    fn from(packet: RtpPacket) -> Self {
        let header = &packet.header;
        Self {
            is_marked: header.marker,
            payload_type: *header.payload_type,
            number: header.sequence_number,
            timestamp: header.timestamp,
            ssrc: *header.ssrc,
            payload: packet.payload,
        }
    }
}

/// What a browser has said, for its mixing thread.
pub(crate) enum Upwards {
    Packet(LegId, Said),
    /// What it says of what it hears: how long there and back takes, and what is lost, 0 to 1.
    Heard(LegId, Option<Duration>, Option<f32>),
}

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New { until: Instant },
    Up,
    Down { until: Instant },
}

struct Peer {
    leg: LegId,
    rtc: Rtc,
    way: Way,
    mid: Mid,
    /// Our stream and its payload type, once it stands.
    stream: Option<(Ssrc, Pt)>,
    number: u64,
    timestamp: u32,
    state: State,
    heard_at: Instant,
    /// When the library wants to be asked.
    timer: Instant,
    is_dirty: bool,
}

impl Peer {
    fn next_deadline(&self, link_timeout: Duration) -> Instant {
        let state = match self.state {
            State::Up => self.heard_at + link_timeout,
            State::New { until } | State::Down { until } => until,
        };
        self.timer.min(state)
    }
}

pub(crate) struct Voice {
    /// What browsers are told to send to.
    public: SocketAddr,
    link_timeout: Duration,
    cells: Arc<Cells>,
    peers: Vec<Option<Peer>>,
    vacant: Vec<usize>,
    by_leg: HashMap<LegId, usize>,
    senders: Senders,
    /// By which our connections are known, made once.
    certificate: Option<DtlsCert>,
    budget: Budget,
    packets: Vec<RtpPacket>,
    dirty: Vec<usize>,
    pub(crate) outgoing: Vec<(SocketAddr, Vec<u8>)>,
    pub(crate) upwards: Vec<Upwards>,
    pub(crate) events: VecDeque<AudioEvent>,
    /// Not later than the first deadline of a connection.
    next: Instant,
}

impl Voice {
    pub(crate) fn new(public: SocketAddr, link_timeout: Duration, cells: Arc<Cells>, now: Instant) -> Self {
        Self {
            public,
            link_timeout,
            cells,
            peers: Vec::new(),
            vacant: Vec::new(),
            by_leg: HashMap::new(),
            senders: Senders::default(),
            certificate: str0m::crypto::from_feature_flags().dtls_provider.generate_certificate(),
            budget: Budget::default(),
            packets: Vec::new(),
            dirty: Vec::new(),
            outgoing: Vec::new(),
            upwards: Vec::new(),
            events: VecDeque::new(),
            next: now + IDLE,
        }
    }

    pub(crate) const fn next_deadline(&self) -> Instant {
        self.next
    }

    // --- commands ---------------------------------------------------------------------------------------------

    /// A page comes, or comes back with a new connection: the old one is forgotten. The answer.
    pub(crate) fn open(&mut self, now: Instant, leg: LegId, offer: &str) -> Result<String, Refused> {
        let known = self.by_leg.get(&leg).copied();
        if known.is_none() && self.peers.len() - self.vacant.len() == MAX_BROWSERS {
            return Err(Refused::Full { what: "browsers", most: MAX_BROWSERS });
        }
        let mut config = Rtc::builder()
            .clear_codecs()
            .enable_pcma(true, false)
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_stats_interval(Some(TELL_QUALITY));
        if let Some(certificate) = self.certificate.clone() {
            config = config.set_dtls_cert(certificate);
        }
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(self.public, "udp").map_err(|_| Refused::BadSdp)?);
        let (answer, mid) = guarded(&self.cells.panics, || accept(&mut rtc, offer)).ok_or(Refused::BadSdp)??;
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        let peer = Peer {
            leg,
            rtc,
            way: Way::default(),
            mid,
            stream: None,
            number: 0,
            timestamp: 0,
            state: State::New { until: now + COME_UP },
            heard_at: now,
            timer: now,
            is_dirty: false,
        };
        self.close(leg);
        let id = self.put(peer);
        self.by_leg.insert(leg, id);
        self.senders.name(id, &ufrag);
        self.tell_size();
        self.drive(id, now);
        Ok(answer)
    }

    /// The leg is over.
    pub(crate) fn close(&mut self, leg: LegId) {
        if let Some(id) = self.by_leg.get(&leg).copied() {
            self.remove(id);
        }
    }

    /// What is to be heard next.
    pub(crate) fn say(&mut self, now: Instant, leg: LegId, codes: &[u8; FRAME]) {
        let Some(id) = self.by_leg.get(&leg).copied() else { return };
        let Some(peer) = self.peers[id].as_mut() else { return };
        peer.timestamp = peer.timestamp.wrapping_add(FRAME as u32);
        let (Some((ssrc, pt)), State::Up) = (peer.stream, peer.state) else { return };
        peer.number += 1;
        let is_first = peer.number == 1;
        let mut api = peer.rtc.direct_api();
        let Some(stream) = api.stream_tx(&ssrc) else { return };
        let write = RtpWrite::new(pt, peer.number.into(), peer.timestamp, now, codes.as_slice()).marker(is_first);
        stream.write_rtp(write);
        if !peer.is_dirty {
            peer.is_dirty = true;
            self.dirty.push(id);
        }
    }

    // --- datagrams and time -----------------------------------------------------------------------------------

    pub(crate) fn receive(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) {
        let (id, is_known) = match self.senders.whose(&source, bytes) {
            Whose::Known(id) => (id, true),
            Whose::Asked(id) if self.budget.take(now, source.ip()) => (id, false),
            Whose::Asked(_) => return,
            Whose::Nobody(_) => {
                if self.budget.take(now, source.ip()) {
                    count(&self.cells.stray);
                }
                return;
            }
        };
        let way = (source, self.public);
        let Some(peer) = self.peers[id].as_mut() else { return };
        match hand_in(&mut peer.rtc, &self.cells.panics, now, way, bytes, is_known) {
            Handed::Taken => {
                peer.heard_at = now;
                peer.way.heard(source, bytes);
                if !is_known {
                    self.senders.believe(id, source);
                }
                self.follow(id, now, Some(source));
            }
            Handed::Unknown | Handed::Forged => count(&self.cells.stray),
            Handed::Failed => self.fail(id),
        }
    }

    /// Everything that is due.
    pub(crate) fn pass_time(&mut self, now: Instant) {
        self.flush(now);
        if now < self.next {
            return;
        }
        self.next = now + IDLE;
        for id in 0..self.peers.len() {
            let Some(peer) = self.peers[id].as_mut() else { continue };
            match peer.state {
                State::New { until } | State::Down { until } if until <= now => {
                    self.fail(id);
                    continue;
                }
                State::Up if peer.heard_at + self.link_timeout <= now => self.go_down(id, now),
                State::New { .. } | State::Down { .. } | State::Up => {}
            }
            let Some(deadline) = self.peers[id].as_ref().map(|peer| peer.next_deadline(self.link_timeout)) else {
                continue;
            };
            if deadline <= now {
                self.drive(id, now);
            } else {
                self.next = self.next.min(deadline);
            }
        }
        self.flush(now);
    }

    /// Lets those go on who were written to.
    pub(crate) fn flush(&mut self, now: Instant) {
        while let Some(id) = self.dirty.pop() {
            if let Some(peer) = self.peers[id].as_mut() {
                peer.is_dirty = false;
                self.drive(id, now);
            }
        }
    }

    fn drive(&mut self, id: usize, now: Instant) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        match guarded(&self.cells.panics, || peer.rtc.handle_input(Input::Timeout(now)).is_ok()) {
            Some(true) => self.follow(id, now, None),
            Some(false) | None => self.fail(id),
        }
    }

    /// Asks the library what follows, and hands on what came: `from` there, if it was a datagram.
    fn follow(&mut self, id: usize, now: Instant, from: Option<SocketAddr>) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        let (outgoing, packets) = (&mut self.outgoing, &mut self.packets);
        let mut noted = Vec::new();
        let (rtc, way) = (&mut peer.rtc, (&mut peer.way, from));
        let timer = guarded(&self.cells.panics, || drain(rtc, now, way, outgoing, packets, &mut noted)).flatten();
        let Some(timer) = timer.filter(|_| peer.rtc.is_alive()) else {
            self.packets.clear();
            self.fail(id);
            return;
        };
        peer.timer = timer;
        let leg = peer.leg;
        add(&self.cells.received, u64::try_from(self.packets.len()).unwrap_or(0));
        self.upwards.extend(self.packets.drain(..).map(|packet| Upwards::Packet(leg, packet.into())));
        for event in noted {
            self.note(id, &event, now);
        }
        if let Some(peer) = self.peers[id].as_mut() {
            // What was away and is heard is there again.
            if matches!(peer.state, State::Down { .. }) && peer.heard_at == now {
                self.come_up(id);
            }
        }
        if let Some(peer) = self.peers[id].as_ref() {
            self.next = self.next.min(peer.next_deadline(self.link_timeout));
        }
    }

    fn note(&mut self, id: usize, event: &RtcEvent, now: Instant) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        match event {
            RtcEvent::Connected => {
                let pt = peer.rtc.codec_config().find(|params| params.spec().codec == str0m::format::Codec::PCMA);
                let pt = pt.map(|params| params.pt());
                let ssrc = peer.rtc.direct_api().stream_tx_by_mid(peer.mid, None).map(|stream| stream.ssrc());
                peer.stream = ssrc.zip(pt);
                self.come_up(id);
            }
            RtcEvent::IceConnectionStateChange(IceConnectionState::Disconnected) if peer.state == State::Up => {
                self.go_down(id, now);
            }
            RtcEvent::MediaEgressStats(stats) if stats.rtt.is_some() || stats.loss.is_some() => {
                self.upwards.push(Upwards::Heard(peer.leg, stats.rtt, stats.loss));
            }
            _ => {}
        }
    }

    fn come_up(&mut self, id: usize) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        peer.state = State::Up;
        let leg = peer.leg;
        self.tell(AudioEvent::LinkUp(leg));
    }

    fn go_down(&mut self, id: usize, now: Instant) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        peer.state = State::Down { until: now + KEEP };
        let leg = peer.leg;
        self.tell(AudioEvent::LinkLost(leg));
    }

    /// The newest stay, when nobody takes them for minutes.
    fn tell(&mut self, event: AudioEvent) {
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    // --- connections ------------------------------------------------------------------------------------------

    fn put(&mut self, peer: Peer) -> usize {
        if let Some(id) = self.vacant.pop() {
            self.peers[id] = Some(peer);
            return id;
        }
        self.peers.push(Some(peer));
        self.peers.len() - 1
    }

    fn remove(&mut self, id: usize) {
        let Some(peer) = self.peers[id].take() else { return };
        self.vacant.push(id);
        self.dirty.retain(|other| *other != id);
        self.by_leg.remove(&peer.leg);
        self.senders.forget(id);
        self.tell_size();
    }

    /// A connection is over for good; its leg may have another.
    fn fail(&mut self, id: usize) {
        let Some(peer) = self.peers[id].as_ref() else { return };
        let (leg, is_told) = (peer.leg, matches!(peer.state, State::Down { .. }));
        self.remove(id);
        if !is_told {
            self.tell(AudioEvent::LinkLost(leg));
        }
    }

    fn tell_size(&self) {
        let browsers = self.peers.len() - self.vacant.len();
        self.cells.browsers.store(u64::try_from(browsers).unwrap_or(0), std::sync::atomic::Ordering::Relaxed);
    }
}

/// The answer to an offer and its line, if it is one voice in both directions that can be A-law.
fn accept(rtc: &mut Rtc, offer: &str) -> Result<(String, Mid), Refused> {
    sdp::check(offer)?;
    let mid = {
        let mut media = sdp::media(offer);
        match (media.next(), media.next()) {
            (Some(("audio", mid)), None) if mid.len() <= 16 => Mid::from(mid),
            _ => return Err(Refused::BadMedia),
        }
    };
    let offer = SdpOffer::from_sdp_string(offer).map_err(|_| Refused::BadSdp)?;
    let answer = rtc.sdp_api().accept_offer(offer).map_err(|_| Refused::BadSdp)?;
    let is_alaw = |pt: &Pt| **pt == Codec::Pcma.payload_type();
    let is_agreed = rtc.media(mid).is_some_and(|media| {
        media.kind() == MediaKind::Audio && media.direction().is_sending() && media.remote_pts().iter().any(is_alaw)
    });
    if is_agreed { Ok((answer.to_sdp_string(), mid)) } else { Err(Refused::BadMedia) }
}
