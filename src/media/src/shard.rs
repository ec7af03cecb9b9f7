//! The core of one media thread: its windows, their connections, and whose datagram is whose. No socket, no clock: bytes,
//! commands and instants go in; datagrams to send and events come out.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use str0m::{
    Candidate, Event as RtcEvent, IceConnectionState, Input, Rtc,
    change::{SdpAnswer, SdpOffer},
    config::DtlsCert,
    media::{Direction, MediaKind, Mid},
    rtp::{RtpPacket, RtpWrite},
};

use crate::{
    Event, Lines, Link, Refused,
    budget::Budget,
    counters::{Cells, add, count},
    directory::Directory,
    peer::{MEDIA, Peer, Receiving, State, kind, place},
    probe::Prober,
    rtc::{Handed, agreed, drain, guarded, hand_in},
    sdp,
    senders::{Senders, Whose},
    vp8,
};

/// Windows on one media thread; a hundred of them keep a processor busy.
pub const MAX_WINDOWS: usize = 1_000;
/// Connections of one window; there are four seats.
pub const MAX_PEERS: usize = 8;
/// How long a connection may take to come up.
const COME_UP: Duration = Duration::from_secs(30);
/// How long one that has gone may take to come back: as long as its seat is kept (`bangban_domain::window`).
const COME_BACK: Duration = Duration::from_secs(20);
/// How often quality is told.
pub(crate) const TELL_QUALITY: Duration = Duration::from_secs(5);
/// Without anything to do.
const IDLE: Duration = Duration::from_secs(3_600);

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was for somebody here, or for nobody.
    Here,
    /// It belongs to another media thread.
    Belongs(usize),
}

#[derive(Debug, Default)]
struct Room {
    peers: Vec<usize>,
    /// What may be seen and heard of whom, also while they reload their page.
    published: BTreeMap<ParticipantId, [bool; MEDIA]>,
}

pub(crate) struct Shard {
    number: usize,
    /// What browsers are told to send to.
    public: SocketAddr,
    directory: Arc<Directory>,
    cells: Arc<Cells>,
    rooms: HashMap<WindowId, Room>,
    peers: Vec<Option<Peer>>,
    vacant: Vec<usize>,
    by_participant: HashMap<(WindowId, ParticipantId), usize>,
    senders: Senders,
    /// By which our connections are known, made once: to make one takes longer than all the rest of joining.
    certificate: Option<DtlsCert>,
    budget: Budget,
    prober: Prober,
    /// Media packets of the connection that is being drained.
    packets: Vec<RtpPacket>,
    /// Connections that were written to.
    dirty: Vec<usize>,
    pub(crate) outgoing: Vec<(SocketAddr, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    /// Not later than the first deadline of a connection.
    next: Instant,
}

impl Shard {
    pub(crate) fn new(
        number: usize,
        public: SocketAddr,
        directory: Arc<Directory>,
        cells: Arc<Cells>,
        prober: Prober,
        now: Instant,
    ) -> Self {
        Self {
            number,
            public,
            directory,
            cells,
            rooms: HashMap::new(),
            peers: Vec::new(),
            vacant: Vec::new(),
            by_participant: HashMap::new(),
            senders: Senders::default(),
            certificate: str0m::crypto::from_feature_flags().dtls_provider.generate_certificate(),
            budget: Budget::default(),
            prober,
            packets: Vec::new(),
            dirty: Vec::new(),
            outgoing: Vec::new(),
            events: Vec::new(),
            next: now + IDLE,
        }
    }

    pub(crate) const fn next_deadline(&self) -> Instant {
        self.next
    }

    // --- commands ---------------------------------------------------------------------------------------------

    /// A browser comes, or comes back with a new connection: what it was before is forgotten, what others receive of it
    /// goes on from the new one.
    pub(crate) fn join(
        &mut self,
        now: Instant,
        (window, participant): (WindowId, ParticipantId),
        offer: &str,
        lines: &Lines,
    ) -> Result<String, Refused> {
        let is_known = self.by_participant.contains_key(&(window, participant));
        match self.rooms.get(&window) {
            None if self.rooms.len() == MAX_WINDOWS => {
                return Err(Refused::Full { what: "windows", most: MAX_WINDOWS });
            }
            Some(room) if room.peers.len() == MAX_PEERS && !is_known => {
                return Err(Refused::Full { what: "connections", most: MAX_PEERS });
            }
            None | Some(_) => {}
        }
        let mut config = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_stats_interval(Some(TELL_QUALITY));
        if let Some(certificate) = self.certificate.clone() {
            config = config.set_dtls_cert(certificate);
        }
        let rtc = config.build(now);
        let mut peer = Peer::new(window, participant, rtc, now, State::New { until: now + COME_UP });
        let candidate = Candidate::host(self.public, "udp").map_err(|_| Refused::BadSdp)?;
        peer.rtc.add_local_candidate(candidate);
        let answer = accept(&self.cells.panics, &mut peer, offer, lines)?;
        self.forget(window, participant);
        let id = self.put(peer);
        self.by_participant.insert((window, participant), id);
        self.rooms.entry(window).or_default().peers.push(id);
        self.know_ufrag(id);
        self.restart_source(window, participant, now);
        self.rewire(window, now);
        self.drive(id, now);
        Ok(answer)
    }

    /// A browser offers again: an ICE restart, or other media lines of its own.
    pub(crate) fn offer(
        &mut self,
        now: Instant,
        (window, participant): (WindowId, ParticipantId),
        offer: &str,
        lines: &Lines,
    ) -> Result<String, Refused> {
        let id = self.find(window, participant)?;
        let peer = self.peers[id].as_mut().ok_or(Refused::UnknownPeer)?;
        let answer = match accept(&self.cells.panics, peer, offer, lines) {
            Ok(answer) => answer,
            Err(refused) => {
                self.drive(id, now);
                return Err(refused);
            }
        };
        // An offer of ours that was under way is void with it; what it would have brought is offered again.
        peer.pending = None;
        self.know_ufrag(id);
        self.rewire(window, now);
        self.drive(id, now);
        Ok(answer)
    }

    /// A browser agrees to our offer.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        (window, participant): (WindowId, ParticipantId),
        number: u32,
        answer: &str,
    ) -> Result<(), Refused> {
        sdp::check(answer)?;
        let id = self.find(window, participant)?;
        let peer = self.peers[id].as_mut().ok_or(Refused::UnknownPeer)?;
        if peer.offers != number || peer.pending.is_none() {
            return Err(Refused::StaleAnswer);
        }
        let read = guarded(&self.cells.panics, || SdpAnswer::from_sdp_string(answer).ok()).flatten();
        let answer = read.ok_or(Refused::BadSdp)?;
        let Some((pending, legs)) = peer.pending.take() else { return Err(Refused::StaleAnswer) };
        let taken = agreed(&self.cells.panics, &mut peer.rtc, |rtc| rtc.sdp_api().accept_answer(pending, answer).ok());
        if taken.is_none() {
            self.drive(id, now);
            return Err(Refused::BadSdp);
        }
        for mut leg in legs {
            leg.stream = peer.stream_of(&leg);
            peer.legs.push(leg);
        }
        self.rewire(window, now);
        self.drive(id, now);
        Ok(())
    }

    /// What may be seen or heard of somebody from now on.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        (window, participant): (WindowId, ParticipantId),
        medium: Medium,
        is_on: bool,
    ) {
        if is_on || self.rooms.contains_key(&window) {
            let room = self.rooms.entry(window).or_default();
            room.published.entry(participant).or_default()[place(medium)] = is_on;
            self.rewire(window, now);
        }
    }

    /// Somebody sits there no more.
    pub(crate) fn leave(&mut self, now: Instant, (window, participant): (WindowId, ParticipantId)) {
        self.forget(window, participant);
        if let Some(room) = self.rooms.get_mut(&window) {
            room.published.remove(&participant);
        }
        self.rewire(window, now);
    }

    /// The window is over.
    pub(crate) fn close(&mut self, window: WindowId) {
        let peers = self.rooms.get(&window).map(|room| room.peers.clone()).unwrap_or_default();
        for id in peers {
            self.remove(id);
        }
        self.rooms.remove(&window);
        self.tell_sizes();
    }

    // --- datagrams and time -----------------------------------------------------------------------------------

    pub(crate) fn receive(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) -> Taken {
        let (id, is_known) = match self.senders.whose(&source, bytes) {
            Whose::Known(id) => (id, true),
            Whose::Asked(id) => {
                if !self.budget.take(now, source.ip()) {
                    count(&self.cells.over_budget);
                    return Taken::Here;
                }
                (id, false)
            }
            Whose::Nobody(ufrag) => return self.pass_on(now, source, bytes, ufrag),
        };
        let way = (source, self.public);
        let Some(peer) = self.peers.get_mut(id).and_then(Option::as_mut) else { return Taken::Here };
        match hand_in(&mut peer.rtc, &self.cells.panics, now, way, bytes, is_known) {
            Handed::Taken => {
                peer.way.heard(source, bytes);
                if !is_known {
                    self.believe(id, source);
                }
                self.follow(id, now, Some(source));
            }
            Handed::Unknown => count(&self.cells.stray),
            Handed::Forged => count(&self.cells.forged),
            Handed::Failed => self.fail(id, now),
        }
        Taken::Here
    }

    /// What becomes of a datagram that is for nobody here.
    fn pass_on(&mut self, now: Instant, source: SocketAddr, bytes: &[u8], ufrag: Option<&str>) -> Taken {
        let elsewhere = ufrag.and_then(|ufrag| self.directory.by_ufrag(ufrag));
        let elsewhere = elsewhere.or_else(|| self.directory.by_address(&source));
        if let Some(shard) = elsewhere.filter(|shard| *shard != self.number) {
            count(&self.cells.handed_over);
            return Taken::Belongs(shard);
        }
        if !self.budget.take(now, source.ip()) {
            count(&self.cells.over_budget);
        } else if let Some(answer) = ufrag.and_then(|ufrag| self.prober.answer(now, ufrag, source, bytes)) {
            count(&self.cells.probed);
            self.outgoing.push((source, answer));
        } else {
            count(&self.cells.stray);
        }
        Taken::Here
    }

    fn believe(&mut self, id: usize, source: SocketAddr) {
        self.directory.put_address(source, self.number);
        if let Some(address) = self.senders.believe(id, source) {
            self.directory.remove_address(&address, self.number);
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
            let is_over = match peer.state {
                State::New { until } | State::Down { until } => until <= now,
                State::Up => false,
            };
            if is_over {
                self.fail(id, now);
                continue;
            }
            let deadline = peer.next_deadline();
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

    /// Lets the library do what is due, and forwards what came.
    fn drive(&mut self, id: usize, now: Instant) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        match guarded(&self.cells.panics, || peer.rtc.handle_input(Input::Timeout(now)).is_ok()) {
            Some(true) => self.follow(id, now, None),
            Some(false) | None => self.fail(id, now),
        }
    }

    /// Asks the library what follows, and forwards what came: `from` there, if it was a datagram.
    fn follow(&mut self, id: usize, now: Instant, from: Option<SocketAddr>) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        let asked = peer.ask_key_frames(now);
        add(&self.cells.key_frames_asked, asked);
        let (outgoing, packets) = (&mut self.outgoing, &mut self.packets);
        let mut noted = Vec::new();
        let (rtc, way) = (&mut peer.rtc, (&mut peer.way, from));
        let timer = guarded(&self.cells.panics, || drain(rtc, now, way, outgoing, packets, &mut noted)).flatten();
        let Some(timer) = timer.filter(|_| peer.rtc.is_alive()) else {
            self.packets.clear();
            self.fail(id, now);
            return;
        };
        peer.timer = timer;
        for event in noted {
            self.note(id, event, now);
        }
        self.forward(id, now);
        if let Some(peer) = self.peers[id].as_mut() {
            self.next = self.next.min(peer.next_deadline());
            if let Some(quality) = peer.gauge.tell(now) {
                let (window, participant) = (peer.window, peer.participant);
                self.events.push(Event::Quality { window, participant, quality });
            }
        }
    }

    fn note(&mut self, id: usize, event: RtcEvent, now: Instant) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        let (window, participant) = (peer.window, peer.participant);
        match event {
            RtcEvent::Connected => self.come_up(id, now),
            RtcEvent::IceConnectionStateChange(IceConnectionState::Disconnected) if peer.state == State::Up => {
                peer.state = State::Down { until: now + COME_BACK };
                self.events.push(Event::Link { window, participant, link: Link::Interrupted });
            }
            RtcEvent::IceConnectionStateChange(IceConnectionState::Connected | IceConnectionState::Completed)
                if matches!(peer.state, State::Down { .. }) =>
            {
                self.come_up(id, now);
            }
            RtcEvent::KeyframeRequest(request) => {
                let leg = peer.legs.iter().find(|leg| leg.mid == request.mid);
                if let Some((source, medium)) = leg.and_then(|leg| leg.source) {
                    self.want_key_frame(window, source, medium, now);
                }
            }
            RtcEvent::MediaIngressStats(stats) => {
                if let Some(medium) = peer.medium_on(stats.mid) {
                    peer.gauge.sends(medium, &stats);
                }
            }
            RtcEvent::MediaEgressStats(stats) => {
                let source = peer.legs.iter().find(|leg| leg.mid == stats.mid).and_then(|leg| leg.source);
                if let Some(source) = source {
                    peer.gauge.receives(source, &stats);
                }
            }
            RtcEvent::PeerStats(stats) => peer.gauge.whole(stats),
            _ => {}
        }
    }

    fn come_up(&mut self, id: usize, now: Instant) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        peer.state = State::Up;
        let (window, participant) = (peer.window, peer.participant);
        let sources: Vec<_> = peer.legs.iter().filter_map(|leg| leg.source).collect();
        self.events.push(Event::Link { window, participant, link: Link::Up });
        // Whatever was sent meanwhile is lost to it.
        for (source, medium) in sources {
            self.want_key_frame(window, source, medium, now);
        }
    }

    /// Hands what somebody has just sent to everybody who receives it. The payload is shared, not copied.
    fn forward(&mut self, id: usize, now: Instant) {
        let mut packets = std::mem::take(&mut self.packets);
        for packet in packets.drain(..) {
            self.forward_one(id, &packet, now);
        }
        self.packets = packets;
    }

    fn forward_one(&mut self, id: usize, packet: &RtpPacket, now: Instant) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        let Some(medium) = peer.medium_of(packet.header.ssrc) else { return };
        let at = place(medium);
        let is_video = kind(medium) == MediaKind::Video;
        let begins_key_frame = is_video && vp8::begins_key_frame(&packet.payload);
        if begins_key_frame {
            peer.has_key_frame(medium);
        }
        if peer.subscribers[at].is_empty() {
            count(&self.cells.withheld);
            return;
        }
        let mut is_key_frame_missing = false;
        for n in 0..self.peers[id].as_ref().map_or(0, |peer| peer.subscribers[at].len()) {
            let Some((viewer, leg)) = self.peers[id].as_ref().map(|peer| peer.subscribers[at][n]) else { break };
            let Some(peer) = self.peers[viewer].as_mut() else { continue };
            let Some(receiving) = peer.legs.get_mut(leg) else { continue };
            let (Some((ssrc, pt)), State::Up) = (receiving.stream, peer.state) else { continue };
            if receiving.waits_for_key_frame && !begins_key_frame {
                is_key_frame_missing = true;
                continue;
            }
            receiving.waits_for_key_frame = false;
            let Some(to) = receiving.splice.place(now, *packet.seq_no, packet.header.timestamp) else { continue };
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_tx(&ssrc) else { continue };
            let write = RtpWrite::new(pt, to.number.into(), to.timestamp, now, packet.payload.clone())
                .marker(packet.header.marker)
                .nackable(is_video);
            stream.write_rtp(write);
            count(&self.cells.forwarded);
            if !peer.is_dirty {
                peer.is_dirty = true;
                self.dirty.push(viewer);
            }
        }
        if is_key_frame_missing
            && let Some(peer) = self.peers[id].as_mut()
            && !peer.is_key_frame_on_its_way(medium)
        {
            peer.want_key_frame(medium, now);
        }
    }

    fn want_key_frame(&mut self, window: WindowId, source: ParticipantId, medium: Medium, now: Instant) {
        if kind(medium) != MediaKind::Video {
            return;
        }
        let Some(id) = self.by_participant.get(&(window, source)).copied() else { return };
        if let Some(peer) = self.peers[id].as_mut() {
            peer.want_key_frame(medium, now);
            if !peer.is_dirty {
                peer.is_dirty = true;
                self.dirty.push(id);
            }
        }
    }

    // --- who receives whom ------------------------------------------------------------------------------------

    /// Everybody receives what is published by the others of the window, on as few legs as that needs.
    fn rewire(&mut self, window: WindowId, now: Instant) {
        let Some(room) = self.rooms.get(&window) else { return };
        let published = room.published.iter().flat_map(|(who, media)| {
            let media = Medium::ALL.iter().copied().filter(|medium| media[place(*medium)]);
            media.map(|medium| (*who, medium))
        });
        let published: Vec<(ParticipantId, Medium)> = published.collect();
        let ids = room.peers.clone();
        if ids.is_empty() && published.is_empty() {
            self.rooms.remove(&window);
        }
        self.tell_sizes();
        let mut began = Vec::new();
        for id in ids.iter().copied() {
            began.extend(self.rewire_viewer(id, &published));
        }
        for id in ids.iter().copied() {
            let Some(who) = self.peers[id].as_ref().map(|peer| peer.participant) else { continue };
            let subscribers = self.subscribers_of(&ids, who);
            if let Some(peer) = self.peers[id].as_mut() {
                peer.subscribers = subscribers;
            }
        }
        for (source, medium) in began {
            self.want_key_frame(window, source, medium, now);
        }
    }

    /// The sources that begin to play for this viewer.
    fn rewire_viewer(&mut self, id: usize, published: &[(ParticipantId, Medium)]) -> Vec<(ParticipantId, Medium)> {
        let Some(peer) = self.peers[id].as_mut() else { return Vec::new() };
        let me = peer.participant;
        let wanted = || published.iter().copied().filter(|(who, _)| *who != me);
        let mut began = Vec::new();
        let coming = peer.pending.iter_mut().flat_map(|(_, legs)| legs);
        for leg in peer.legs.iter_mut().chain(coming) {
            leg.source = leg.source.filter(|source| wanted().any(|other| other == *source));
        }
        let mut missing = Vec::new();
        for source in wanted() {
            let coming = peer.pending.iter_mut().flat_map(|(_, legs)| legs);
            let mut legs: Vec<_> = peer.legs.iter_mut().chain(coming).collect();
            if legs.iter().any(|leg| leg.source == Some(source)) {
                continue;
            }
            match legs.iter_mut().find(|leg| leg.source.is_none() && leg.kind == kind(source.1)) {
                Some(leg) => {
                    leg.begin(source);
                    began.push(source);
                }
                None => missing.push(source),
            }
        }
        // The legs of an offer that was just agreed to begin now.
        began.extend(peer.legs.iter().filter(|leg| leg.waits_for_key_frame).filter_map(|leg| leg.source));
        if !missing.is_empty() && peer.pending.is_none() {
            self.make_offer(id, &missing);
        }
        self.tell_legs(id);
        began
    }

    fn make_offer(&mut self, id: usize, missing: &[(ParticipantId, Medium)]) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        let mut change = peer.rtc.sdp_api();
        let legs = missing.iter().map(|source| {
            let mid: Mid = change.add_media(kind(source.1), Direction::SendOnly, None, None, None);
            Receiving::new(mid, *source)
        });
        let legs: Vec<_> = legs.collect();
        let Some((offer, pending)) = change.apply() else { return };
        peer.pending = Some((pending, legs));
        peer.offers += 1;
        let (window, participant, number) = (peer.window, peer.participant, peer.offers);
        self.events.push(Event::Offer { window, participant, number, sdp: offer.to_sdp_string() });
    }

    fn tell_legs(&mut self, id: usize) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        let legs = peer.carried();
        if legs != peer.told {
            peer.told.clone_from(&legs);
            self.events.push(Event::Legs { window: peer.window, participant: peer.participant, legs });
        }
    }

    fn subscribers_of(&self, ids: &[usize], who: ParticipantId) -> [Vec<(usize, usize)>; MEDIA] {
        let mut subscribers: [Vec<(usize, usize)>; MEDIA] = Default::default();
        for viewer in ids.iter().copied() {
            let Some(peer) = self.peers[viewer].as_ref() else { continue };
            for (leg, receiving) in peer.legs.iter().enumerate() {
                if let Some((_, medium)) = receiving.source.filter(|(source, _)| *source == who) {
                    subscribers[place(medium)].push((viewer, leg));
                }
            }
        }
        subscribers
    }

    /// Somebody sends by another connection now: numbers and timestamps are new, and the first picture is needed anew.
    fn restart_source(&mut self, window: WindowId, who: ParticipantId, now: Instant) {
        let ids = self.rooms.get(&window).map(|room| room.peers.clone()).unwrap_or_default();
        for id in ids {
            let Some(peer) = self.peers[id].as_mut() else { continue };
            for leg in &mut peer.legs {
                if let Some(source) = leg.source.filter(|(source, _)| *source == who) {
                    leg.begin(source);
                }
            }
        }
        for medium in Medium::ALL.iter().copied() {
            self.want_key_frame(window, who, medium, now);
        }
    }

    // --- connections ------------------------------------------------------------------------------------------

    fn find(&self, window: WindowId, participant: ParticipantId) -> Result<usize, Refused> {
        self.by_participant.get(&(window, participant)).copied().ok_or(Refused::UnknownPeer)
    }

    fn put(&mut self, peer: Peer) -> usize {
        if let Some(id) = self.vacant.pop() {
            self.peers[id] = Some(peer);
            return id;
        }
        self.peers.push(Some(peer));
        self.peers.len() - 1
    }

    /// The name under which requests come; an ICE restart gives a new one.
    fn know_ufrag(&mut self, id: usize) {
        let Some(peer) = self.peers[id].as_mut() else { return };
        let ufrag = peer.rtc.direct_api().local_ice_credentials().ufrag;
        let before = self.senders.name_of(id).map(str::to_owned);
        if self.senders.name(id, &ufrag) {
            before.iter().for_each(|before| self.directory.remove_ufrag(before));
            self.directory.put_ufrag(ufrag, self.number);
        }
    }

    fn forget(&mut self, window: WindowId, participant: ParticipantId) {
        if let Ok(id) = self.find(window, participant) {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: usize) {
        let Some(peer) = self.peers[id].take() else { return };
        self.vacant.push(id);
        self.dirty.retain(|other| *other != id);
        self.by_participant.remove(&(peer.window, peer.participant));
        let known = self.senders.forget(id);
        known.addresses.iter().for_each(|address| self.directory.remove_address(address, self.number));
        known.ufrag.iter().for_each(|ufrag| self.directory.remove_ufrag(ufrag));
        if let Some(room) = self.rooms.get_mut(&peer.window) {
            room.peers.retain(|other| *other != id);
        }
    }

    /// A connection is over for good. What others receive of it stays open for the next one.
    fn fail(&mut self, id: usize, now: Instant) {
        let Some(peer) = self.peers[id].as_ref() else { return };
        let (window, participant) = (peer.window, peer.participant);
        count(&self.cells.failed);
        self.remove(id);
        self.events.push(Event::Link { window, participant, link: Link::Over });
        self.rewire(window, now);
    }

    fn tell_sizes(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        let peers = self.peers.len() - self.vacant.len();
        self.cells.peers.store(u64::try_from(peers).unwrap_or(u64::MAX), Relaxed);
        self.cells.windows.store(u64::try_from(self.rooms.len()).unwrap_or(u64::MAX), Relaxed);
    }
}

/// The answer to an offer, if it is one that a browser could have made and its lines are as it says.
fn accept(panics: &AtomicU64, peer: &mut Peer, offer: &str, lines: &Lines) -> Result<String, Refused> {
    sdp::check(offer)?;
    let there: Vec<_> = sdp::media(offer).collect();
    // Only pictures and voices: whatever else is said goes by the server.
    if there.iter().any(|(kind, _)| !matches!(*kind, "audio" | "video")) {
        return Err(Refused::BadMedia);
    }
    let mut places = [None; MEDIA];
    for (mid, medium) in lines {
        let kind = if kind(*medium) == MediaKind::Audio { "audio" } else { "video" };
        let is_free = places[place(*medium)].is_none() && lines.iter().filter(|(other, _)| other == mid).count() == 1;
        if !is_free || !there.contains(&(kind, mid.as_str())) || mid.len() > 16 {
            return Err(Refused::BadMedia);
        }
        places[place(*medium)] = Some(Mid::from(mid.as_str()));
    }
    let answer = agreed(panics, &mut peer.rtc, |rtc| {
        let offer = SdpOffer::from_sdp_string(offer).ok()?;
        Some(rtc.sdp_api().accept_offer(offer).ok()?.to_sdp_string())
    });
    let answer = answer.ok_or(Refused::BadSdp)?;
    peer.lines = places;
    Ok(answer)
}
