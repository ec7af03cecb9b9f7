//! A browser, played by `str0m`, in one call with a telephone.

use std::time::Instant;

use str0m::{
    Candidate, Event as RtcEvent, Input, Output, Rtc,
    change::SdpAnswer,
    media::{Direction as MediaDirection, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};

use super::*;
use crate::{
    Refused as SdpRefused,
    audio::{Refused, realtime},
};

struct Browser {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    server: SocketAddr,
    mid: Mid,
    hum: Hum,
    is_connected: bool,
    sent: u64,
    heard: Vec<i16>,
}

fn now() -> Instant {
    crate::clock::now()
}

async fn answer(line: &Line, no: u16, offer: &str) -> Result<String, Refused> {
    line.mixer.open_browser(leg(no), offer).await
}

impl Browser {
    async fn join(line: &Line, no: u16, hertz: f32) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let address = socket.local_addr().unwrap();
        // As Chromium does it: Opus first, then the others.
        let config =
            Rtc::builder().clear_codecs().enable_opus(true, false).enable_pcmu(true, false).enable_pcma(true, false);
        let mut rtc = config.set_rtp_mode(true).build(now());
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut change = rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, MediaDirection::SendRecv, None, None, None);
        let (offer, pending) = change.apply().unwrap();
        let answer = answer(line, no, &offer.to_sdp_string()).await.unwrap();
        assert!(answer.contains("PCMA") && !answer.contains("opus") && !answer.contains("PCMU"), "{answer}");
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
        let hum = Hum { hertz, at: 0 };
        let server = line.mixer.browser_address();
        Self { rtc, socket, address, server, mid, hum, is_connected: false, sent: 0, heard: Vec::new() }
    }

    fn say(&mut self) {
        let codes = self.hum.frame(Codec::Pcma);
        let pt = self.rtc.codec_config().find(|one| one.spec().codec == str0m::format::Codec::PCMA).unwrap().pt();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None).unwrap();
        let timestamp = u32::try_from(self.sent).unwrap() * FRAME as u32;
        stream.write_rtp(RtpWrite::new(pt, self.sent.into(), timestamp, now(), codes.as_slice()));
        self.sent += 1;
        self.rtc.handle_input(Input::Timeout(now())).unwrap();
    }

    /// Frames that came.
    fn turn(&mut self) -> usize {
        let mut buffer = [0; 2_048];
        if let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            let contents = buffer[..length].try_into().unwrap();
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            self.rtc.handle_input(Input::Receive(now(), receive)).unwrap();
        }
        let mut frames = self.drain();
        self.rtc.handle_input(Input::Timeout(now())).unwrap();
        frames += self.drain();
        frames
    }

    fn drain(&mut self) -> usize {
        let mut frames = 0;
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return frames,
                Output::Transmit(datagram) => {
                    self.socket.send_to(&datagram.contents, self.server).unwrap();
                }
                Output::Event(RtcEvent::Connected) => self.is_connected = true,
                Output::Event(RtcEvent::RtpPacket(packet)) => {
                    assert_eq!((*packet.header.payload_type, packet.payload.len()), (8, FRAME));
                    let mut samples = [0; FRAME];
                    g711::decode(Codec::Pcma, &packet.payload, &mut samples);
                    self.heard.extend(samples);
                    frames += 1;
                }
                Output::Event(_) => {}
            }
        }
    }

    fn level(&self, hertz: f32) -> f32 {
        level_of_last_second(&self.heard, hertz)
    }

    /// Until it has connected; it says its first frames, which the mixer waits for.
    fn connect(&mut self) {
        let until = realtime::micros() + 60_000_000;
        while !self.is_connected {
            self.turn();
            assert!(realtime::micros() < until);
        }
        (0..3).for_each(|_| self.say());
        self.drain();
    }

    /// Hears and says so many frames; so does a telephone.
    fn pass(&mut self, phone: &mut Phone, ticks: usize) {
        let until = realtime::micros() + 60_000_000;
        for _ in 0..ticks {
            phone.hear();
            phone.say();
            let mut frames = 0;
            while frames == 0 {
                frames = self.turn();
                assert!(realtime::micros() < until);
            }
            (0..frames).for_each(|_| self.say());
            self.drain();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_browser_and_a_telephone_hear_each_other_also_after_a_reload() {
    let mut line = Line::new(30_900, |_| {});
    let mut browser = Browser::join(&line, 1, 440.0).await;
    let mut phone = Phone::join(&line, 2, Codec::Pcmu, Some(800.0));
    line.mixer.set_mix(leg(1).call, all(&[1, 2]));
    browser.connect();
    browser.pass(&mut phone, 80);
    assert_eq!(line.events.recv().await.unwrap(), AudioEvent::LinkUp(leg(1)));
    assert!(browser.level(800.0) >= HEARD && browser.level(440.0) <= UNHEARD);
    assert!(phone.level(440.0) >= HEARD && phone.level(800.0) <= UNHEARD);
    assert_eq!(line.mixer.counters().browsers, 1);

    // The page is loaded anew: another connection for the same leg.
    let mut again = Browser::join(&line, 1, 1_300.0).await;
    again.connect();
    drop(browser);
    again.pass(&mut phone, 80);
    assert!(again.level(800.0) >= HEARD && again.level(1_300.0) <= UNHEARD);
    assert!(phone.level(1_300.0) >= HEARD && phone.level(440.0) <= UNHEARD);
    let counters = line.mixer.counters();
    assert_eq!((counters.browsers, counters.legs), (1, 2));

    line.mixer.close(leg(1));
    let closed = async {
        while !matches!(line.events.recv().await.unwrap(), AudioEvent::Quality { leg: one, .. } if one == leg(1)) {}
    };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
    let gone = |_| {
        line.mixer.counters().browsers == 0 || {
            std::thread::park_timeout(Duration::from_millis(10));
            false
        }
    };
    assert!((0..6_000).any(gone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_browser_that_falls_silent_has_lost_its_link_and_may_come_back() {
    let mut line = Line::new(30_950, |config| config.link_timeout = Duration::from_millis(300));
    let mut browser = Browser::join(&line, 1, 440.0).await;
    line.mixer.set_mix(leg(1).call, all(&[1]));
    browser.connect();
    let next = async |line: &mut Line| {
        let next = async {
            loop {
                let event = line.events.recv().await.unwrap();
                if matches!(event, AudioEvent::LinkUp(_) | AudioEvent::LinkLost(_)) {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.unwrap()
    };
    assert_eq!(next(&mut line).await, AudioEvent::LinkUp(leg(1)));
    assert_eq!(next(&mut line).await, AudioEvent::LinkLost(leg(1)));
    browser.say();
    browser.drain();
    assert_eq!(next(&mut line).await, AudioEvent::LinkUp(leg(1)));
}

#[tokio::test]
async fn offers_that_cannot_be_are_refused_and_leave_nothing() {
    let line = Line::new(30_960, |_| {});
    let bad = |why| Err(Refused::Sdp(why));
    assert_eq!(answer(&line, 1, "hello").await, bad(SdpRefused::NotSdp));
    let offer = |codec: &str, direction, with_video| {
        let config = Rtc::builder().clear_codecs();
        let config = if codec == "opus" { config.enable_opus(true, false) } else { config.enable_pcma(true, false) };
        let mut rtc = config.enable_vp8(true).build(now());
        let mut change = rtc.sdp_api();
        change.add_media(MediaKind::Audio, direction, None, None, None);
        if with_video {
            change.add_media(MediaKind::Video, direction, None, None, None);
        }
        change.apply().unwrap().0.to_sdp_string()
    };
    let both = MediaDirection::SendRecv;
    assert_eq!(answer(&line, 1, &offer("opus", both, false)).await, bad(SdpRefused::BadMedia), "no A-law");
    assert_eq!(answer(&line, 1, &offer("pcma", both, true)).await, bad(SdpRefused::BadMedia), "a picture");
    assert_eq!(
        answer(&line, 1, &offer("pcma", MediaDirection::SendOnly, false)).await,
        bad(SdpRefused::BadMedia),
        "who does not hear"
    );
    line.mixer.open_rtp(leg(2)).unwrap();
    assert_eq!(answer(&line, 2, &offer("pcma", both, false)).await, Err(Refused::OtherKind));
    assert!(answer(&line, 1, &offer("pcma", both, false)).await.is_ok());
    assert_eq!(line.mixer.open_rtp(leg(1)), Err(Refused::OtherKind));
    let remote = RtpRemote::new("127.0.0.1:4000".parse().unwrap());
    assert_eq!(line.mixer.connect_rtp(leg(1), remote), Err(Refused::OtherKind));
}
