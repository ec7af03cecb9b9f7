//! Browsers, played by `str0m` as well, in windows of a real [`Sfu`] on real sockets: what is published comes to the others
//! of the window whole and in order, begins with a key frame, and goes nowhere else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod descriptions;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use bangban_domain::{ParticipantId, WindowId, window::Medium};
use bangban_media::{Config, Event, Leg, Lines, Refused, Sfu};
use str0m::{
    Candidate, Event as RtcEvent, Input, Output, Rtc,
    change::{SdpAnswer, SdpOffer},
    format::Codec,
    ice::{StunMessage, TransId},
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};
use tokio::sync::mpsc;

/// Far beyond what anything here takes; who waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "browsers have clocks")]
fn now() -> Instant {
    Instant::now()
}

/// What a browser has received: number of the picture, whether it is a key frame, number of the packet.
type Heard = (u32, bool, u64);

struct Browser {
    window: WindowId,
    participant: ParticipantId,
    rtc: Rtc,
    /// Name and password by which the server takes requests for this connection.
    credentials: (String, String),
    socket: UdpSocket,
    address: SocketAddr,
    screen: Option<Mid>,
    is_connected: bool,
    /// A key frame is asked for.
    is_asked: bool,
    heard: Vec<Heard>,
    sent: u32,
}

impl Browser {
    async fn join(sfu: &Sfu, window: u128, participant: u128) -> Self {
        let socket = socket();
        let address = socket.local_addr().unwrap();
        let mut rtc =
            Rtc::builder().clear_codecs().enable_opus(true, false).enable_vp8(true).set_rtp_mode(true).build(now());
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let (window, participant) = (WindowId::new(window), ParticipantId::new(participant));
        let mut browser = Self {
            window,
            participant,
            rtc,
            credentials: (String::new(), String::new()),
            socket,
            address,
            screen: None,
            is_connected: false,
            is_asked: false,
            heard: Vec::new(),
            sent: 0,
        };
        let mut change = browser.rtc.sdp_api();
        let voice = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let screen = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, pending) = change.apply().unwrap();
        let lines: Lines = vec![(voice.to_string(), Medium::Voice), (screen.to_string(), Medium::Screen)];
        let answer = sfu.join(window, participant, offer.to_sdp_string(), lines).await.unwrap();
        let said = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        browser.credentials = (said("a=ice-ufrag:"), said("a=ice-pwd:"));
        browser.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
        browser.screen = Some(screen);
        browser
    }

    /// Its network is another one: everything goes through another socket. The server is asked over it, as a browser does
    /// before it uses a way, and answers. Returns the old socket.
    fn move_on(&mut self, server: SocketAddr, nominates: bool) -> UdpSocket {
        let old = std::mem::replace(&mut self.socket, socket());
        let (name, password) = &self.credentials;
        let name = format!("{name}:{}", self.rtc.direct_api().local_ice_credentials().ufrag);
        let mut bytes = vec![0; 256];
        let message = StunMessage::binding_request(&name, TransId::new(), true, 1, 1, nominates);
        let length = message.to_bytes(Some(password.as_bytes()), &mut bytes, sign).unwrap();
        self.socket.set_nonblocking(false).unwrap();
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        self.socket.send_to(&bytes[..length], server).unwrap();
        let length = self.socket.recv(&mut bytes).unwrap();
        assert!(StunMessage::parse(&bytes[..length]).unwrap().is_successful_binding_response());
        self.socket.set_nonblocking(true).unwrap();
        while old.recv(&mut [0; 2_048]).is_ok() {}
        old
    }

    fn turn(&mut self, server: SocketAddr) {
        let mut buffer = [0; 2_048];
        while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            let contents = buffer[..length].try_into().unwrap();
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            self.rtc.handle_input(Input::Receive(now(), receive)).unwrap();
            self.drain(server);
        }
        self.rtc.handle_input(Input::Timeout(now())).unwrap();
        self.drain(server);
    }

    fn drain(&mut self, server: SocketAddr) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(datagram) => {
                    self.socket.send_to(&datagram.contents, server).unwrap();
                }
                Output::Event(RtcEvent::Connected) => self.is_connected = true,
                Output::Event(RtcEvent::KeyframeRequest(_)) => self.is_asked = true,
                Output::Event(RtcEvent::RtpPacket(packet)) => {
                    let number = u32::from_be_bytes(packet.payload[2..6].try_into().unwrap());
                    self.heard.push((number, packet.payload[1] & 1 == 0, *packet.seq_no));
                }
                Output::Event(_) => {}
            }
        }
    }

    /// A picture in one packet (RFC 7741); a key frame if one is asked for.
    fn show(&mut self, server: SocketAddr) {
        self.sent += 1;
        let tag = if std::mem::take(&mut self.is_asked) { 0x50 } else { 0x51 };
        let payload = [&[0x10, tag][..], &self.sent.to_be_bytes(), &[7; 1_000]].concat();
        let pt = self.rtc.codec_config().find(|one| one.spec().codec == Codec::Vp8).unwrap().pt();
        let (number, at) = (u64::from(self.sent), now());
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.screen.unwrap(), None).unwrap();
        let write = RtpWrite::new(pt, number.into(), self.sent * 3_000, at, payload.as_slice());
        stream.write_rtp(write.marker(true).nackable(true));
        self.turn(server);
    }

    fn assert_whole(&self) {
        assert!(self.heard[0].1, "begins with {:?}", self.heard[0]);
        for two in self.heard.windows(2) {
            assert_eq!((two[1].0, two[1].2), (two[0].0 + 1, two[0].2 + 1), "in order, none missing");
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// What came there of pictures, sound and reports: their first byte is above that of STUN and DTLS (RFC 7983).
fn media_at(socket: &UdpSocket) -> usize {
    let mut buffer = [0; 2_048];
    std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|_| buffer[0])).filter(|first| *first >= 128).count()
}

struct Hall {
    sfu: Sfu,
    events: mpsc::Receiver<Event>,
    legs: BTreeMap<ParticipantId, Vec<Leg>>,
    offers: u32,
}

impl Hall {
    fn open(threads: usize) -> Self {
        str0m::crypto::from_feature_flags().install_process_default();
        let (sender, events) = mpsc::channel(10_000);
        let config = Config { bind: "127.0.0.1:0".parse().unwrap(), public: None, threads };
        let sfu = Sfu::start(&config, &sender).unwrap();
        Self { sfu, events, legs: BTreeMap::new(), offers: 0 }
    }

    async fn publish(&self, browser: &Browser, is_on: bool) {
        self.sfu.publish(browser.window, browser.participant, Medium::Screen, is_on).await.unwrap();
    }

    async fn turn(&mut self, browsers: &mut [&mut Browser]) {
        for browser in browsers.iter_mut() {
            browser.turn(self.sfu.address());
        }
        while let Ok(event) = self.events.try_recv() {
            match event {
                Event::Offer { window, participant, number, sdp } => {
                    let browser = browsers.iter_mut().find(|one| one.participant == participant).unwrap();
                    let answer = browser.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(&sdp).unwrap()).unwrap();
                    self.sfu.answer(window, participant, number, answer.to_sdp_string()).await.unwrap();
                    self.offers += 1;
                }
                Event::Legs { participant, legs, .. } => {
                    self.legs.insert(participant, legs);
                }
                Event::Link { .. } | Event::Quality { .. } => {}
            }
        }
        // The media thread needs a processor too.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// The first of the browsers shows its screen meanwhile, if it `shows`.
    async fn until(
        &mut self,
        browsers: &mut [&mut Browser],
        shows: bool,
        what: &str,
        is_done: impl Fn(&Self, &[&mut Browser]) -> bool,
    ) {
        let end = now() + PATIENCE;
        while !is_done(self, browsers) {
            assert!(now() < end, "waited for {what}");
            if shows {
                browsers[0].show(self.sfu.address());
            }
            self.turn(browsers).await;
        }
    }

    async fn until_connected(&mut self, browsers: &mut [&mut Browser]) {
        self.until(browsers, false, "connections", |_, all| all.iter().all(|one| one.is_connected)).await;
    }

    /// Until the browser is told that it receives so much.
    async fn until_received(&mut self, browsers: &mut [&mut Browser], who: ParticipantId, count: usize) {
        self.until(browsers, false, "legs", |hall, _| hall.legs.get(&who).map_or(0, Vec::len) == count).await;
    }

    /// Until each of the others has so many pictures.
    async fn until_seen(&mut self, browsers: &mut [&mut Browser], count: usize) {
        self.until(browsers, true, "pictures", |_, all| all[1..].iter().all(|one| one.heard.len() >= count)).await;
    }
}

#[tokio::test]
async fn viewers_see_the_screen_in_order_also_who_comes_late_and_nobody_else_does() {
    let mut hall = Hall::open(1);
    let mut citizen = Browser::join(&hall.sfu, 1, 1).await;
    let mut agent = Browser::join(&hall.sfu, 1, 2).await;
    let mut stranger = Browser::join(&hall.sfu, 2, 3).await;
    hall.until_connected(&mut [&mut citizen, &mut agent, &mut stranger]).await;
    // Nothing is published yet.
    for _ in 0..10 {
        citizen.show(hall.sfu.address());
    }
    hall.publish(&citizen, true).await;
    let who = agent.participant;
    hall.until_received(&mut [&mut citizen, &mut agent], who, 1).await;
    hall.until_seen(&mut [&mut citizen, &mut agent], 50).await;
    agent.assert_whole();
    assert!(agent.heard[0].0 > 10, "a picture from before it was published");
    let mut late = Browser::join(&hall.sfu, 1, 4).await;
    hall.until_connected(&mut [&mut late]).await;
    let who = late.participant;
    hall.until_received(&mut [&mut citizen, &mut late], who, 1).await;
    hall.until_seen(&mut [&mut citizen, &mut late], 50).await;
    late.assert_whole();
    hall.turn(&mut [&mut stranger]).await;
    assert_eq!(stranger.heard, [], "into another window");
    let counters = hall.sfu.counters();
    assert!(counters.withheld >= 1 && counters.forwarded >= 100, "{counters:?}");
    assert_eq!((counters.failed, counters.panics, counters.peers), (0, 0, 4));
}

#[tokio::test]
async fn a_page_that_is_loaded_anew_goes_on_where_it_was_without_a_new_offer() {
    let mut hall = Hall::open(2);
    let mut citizen = Browser::join(&hall.sfu, 1, 1).await;
    let mut agent = Browser::join(&hall.sfu, 1, 2).await;
    hall.until_connected(&mut [&mut citizen, &mut agent]).await;
    hall.publish(&citizen, true).await;
    let who = agent.participant;
    hall.until_received(&mut [&mut citizen, &mut agent], who, 1).await;
    hall.until_seen(&mut [&mut citizen, &mut agent], 20).await;
    let mut citizen = Browser::join(&hall.sfu, 1, 1).await;
    hall.until_connected(&mut [&mut citizen]).await;
    // What was still under way from the old page.
    hall.turn(&mut [&mut agent]).await;
    let (offers, last) = (hall.offers, agent.heard.last().unwrap().2);
    agent.heard.clear();
    hall.until_seen(&mut [&mut citizen, &mut agent], 20).await;
    agent.assert_whole();
    assert!((last + 1..last + 100).contains(&agent.heard[0].2), "numbers go on after {last}: {:?}", agent.heard[0]);
    assert_eq!((hall.offers, hall.sfu.counters().peers), (offers, 2));
    hall.publish(&citizen, false).await;
    hall.until_received(&mut [&mut citizen, &mut agent], who, 0).await;
}

#[tokio::test]
async fn pictures_and_requests_go_where_the_browser_last_spoke_from_not_where_it_once_did() {
    let mut hall = Hall::open(1);
    let server = hall.sfu.address();
    let mut citizen = Browser::join(&hall.sfu, 1, 1).await;
    let mut agent = Browser::join(&hall.sfu, 1, 2).await;
    hall.until_connected(&mut [&mut citizen, &mut agent]).await;
    hall.publish(&citizen, true).await;
    let who = agent.participant;
    hall.until_received(&mut [&mut citizen, &mut agent], who, 1).await;
    hall.until_seen(&mut [&mut citizen, &mut agent], 20).await;

    // Who only looks on says which way is to be used.
    let old = agent.move_on(server, true);
    hall.until_seen(&mut [&mut citizen, &mut agent], 60).await;
    assert_eq!(media_at(&old), 0, "at an address that was left");

    // Whoever shows something is reached where it comes from, before they have said anything.
    let old = citizen.move_on(server, false);
    hall.until_seen(&mut [&mut citizen, &mut agent], 80).await;
    media_at(&old);
    let mut late = Browser::join(&hall.sfu, 1, 3).await;
    hall.until_connected(&mut [&mut late]).await;
    let who = late.participant;
    hall.until_received(&mut [&mut citizen, &mut late], who, 1).await;
    hall.until_seen(&mut [&mut citizen, &mut late], 20).await;
    late.assert_whole();
    assert_eq!(media_at(&old), 0, "the request for a key frame");
}

#[tokio::test]
async fn what_no_browser_sends_is_refused_and_what_strangers_send_is_counted() {
    let hall = Hall::open(1);
    let (window, who) = (WindowId::new(1), ParticipantId::new(1));
    for (sdp, refused) in [
        ("GET / HTTP/1.1".to_owned(), Refused::NotSdp),
        ("v=0\r\no=- 1 1 IN".to_owned(), Refused::BadSdp),
        (
            format!("v=0\r\n{}", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(65)),
            Refused::TooLarge { what: "candidates", most: 64 },
        ),
    ] {
        assert_eq!(hall.sfu.join(window, who, sdp, Lines::new()).await, Err(refused));
    }
    assert_eq!(hall.sfu.answer(window, who, 1, "v=0\r\n".to_owned()).await, Err(Refused::UnknownPeer));
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    let end = now() + PATIENCE;
    // Not more at once than the socket holds.
    while hall.sfu.counters().over_budget < 100 {
        assert!(now() < end, "{:?}", hall.sfu.counters());
        for _ in 0..50 {
            stranger.send_to(&[0x80; 100], hall.sfu.address()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let counters = hall.sfu.counters();
    assert!(counters.stray >= 200, "{counters:?}");
    assert_eq!((counters.refused, counters.panics, counters.peers), (4, 0, 0));
}

/// As connectivity checks are signed.
fn sign(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().try_into().unwrap()
}

#[tokio::test]
async fn whoever_sits_nowhere_yet_learns_whether_they_reach_the_port_and_nobody_else_does() {
    let hall = Hall::open(2);
    let probe = hall.sfu.probe(Duration::from_secs(120)).unwrap();
    assert_eq!(probe.address, hall.sfu.address());
    let name = format!("{}:theirs", probe.ufrag);
    let asked = |password: &str| {
        let mut bytes = vec![0; 256];
        let message = StunMessage::binding_request(&name, TransId::new(), true, 1, 1, true);
        let length = message.to_bytes(Some(password.as_bytes()), &mut bytes, sign).unwrap();
        bytes.truncate(length);
        bytes
    };
    let browser = UdpSocket::bind("127.0.0.1:0").unwrap();
    browser.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whichever of the two threads it comes to. The forged one gets no answer: the only answer is to the other.
    browser.send_to(&asked("another password of theirs"), probe.address).unwrap();
    browser.send_to(&asked(&probe.password), probe.address).unwrap();
    let mut answer = [0; 512];
    let (length, from) = browser.recv_from(&mut answer).unwrap();
    let answer = StunMessage::parse(&answer[..length]).unwrap();
    assert_eq!((from, answer.mapped_address()), (probe.address, Some(browser.local_addr().unwrap())));
    assert!(answer.is_successful_binding_response() && answer.verify(probe.password.as_bytes(), sign));
    let counters = hall.sfu.counters();
    assert_eq!((counters.probed, counters.stray, counters.peers, counters.windows), (1, 1, 0, 0));
}
