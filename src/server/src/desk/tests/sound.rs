//! What a call leaves of how it sounded: a page whose packets are lost on the way, through the real mixer to the rows.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use bangban_domain::call::{CallPart, figures::Rate, sound::HeardLeg};
use bangban_protocol::CallAct;
use bangban_store::CallPlace;
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    format::Codec,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};

use super::{
    calls::{Talk, act},
    *,
};

/// Whoever waits longer for anything here has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Half a second of what comes from the mixer: what was sent before has been counted.
const SETTLED: usize = 25;

#[expect(clippy::disallowed_methods, reason = "the library wants an instant, and the mixer's time is real")]
fn now() -> Instant {
    Instant::now()
}

/// The sound of a page.
struct Voice {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    is_connected: bool,
    heard: usize,
}

impl Voice {
    /// With its offer.
    fn new() -> (Self, String) {
        let ip = crate::windows::own_address(SocketAddr::from(([0, 0, 0, 0], 0)));
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let address = socket.local_addr().unwrap();
        let mut rtc = Rtc::builder().clear_codecs().enable_pcma(true, false).set_rtp_mode(true).build(now());
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut change = rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = change.apply().unwrap();
        let voice = Self { rtc, socket, address, mid, pending: Some(pending), is_connected: false, heard: 0 };
        (voice, offer.to_sdp_string())
    }

    fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    /// Takes what has come, if anything does within a moment.
    fn turn(&mut self) {
        let mut buffer = [0; 2_048];
        if let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            let contents = buffer[..length].try_into().unwrap();
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            self.rtc.handle_input(Input::Receive(now(), receive)).unwrap();
            self.drain();
        }
        self.rtc.handle_input(Input::Timeout(now())).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(datagram) => {
                    self.socket.send_to(&datagram.contents, datagram.destination).unwrap();
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::RtpPacket(_)) => self.heard += 1,
                Output::Event(_) => {}
            }
        }
    }

    fn turn_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let until = now() + PATIENCE;
        while !is_so(self) {
            self.turn();
            assert!(now() < until, "{what}");
        }
    }

    /// The packet of this number.
    fn say(&mut self, number: u64) {
        let pt = self.rtc.codec_config().find(|one| one.spec().codec == Codec::PCMA).unwrap().pt();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None).unwrap();
        let timestamp = u32::try_from(number).unwrap() * 160;
        stream.write_rtp(RtpWrite::new(pt, number.into(), timestamp, now(), [0x2a; 160].as_slice()));
        self.rtc.handle_input(Input::Timeout(now())).unwrap();
        self.drain();
    }
}

impl House {
    async fn sounds(&self) -> Vec<HeardLeg> {
        let all = CallPlace { at: Timestamp(i64::MAX), call: String::new() };
        self.app.store.archive().sound_of_calls(&CallPlace::before(Timestamp(0)), &all).await.unwrap()
    }
}

#[tokio::test]
async fn of_a_leg_that_loses_every_tenth_packet_a_tenth_is_lost_in_its_row() {
    let Talk { house, call, citizen, agent: _agent, .. } = Talk::open().await;
    let (mut voice, offer) = Voice::new();
    match house.must(&citizen, act(CallAct::Connect { call, sdp: offer })).await {
        Answer::CallSound { sdp } => voice.accept(&sdp),
        other => panic!("{other:?}"),
    }
    voice.turn_until("the connection", |voice| voice.is_connected);
    // 0 to 250, without 9, 19, ..., 249.
    (0..=250).filter(|number| number % 10 != 9).for_each(|number| voice.say(number));
    let heard = voice.heard;
    voice.turn_until("sound from the mixer", |voice| voice.heard >= heard + SETTLED);
    assert_eq!(house.sounds().await, [], "its row says it at its end");

    house.must(&citizen, act(CallAct::HangUp { call })).await;
    let until = now() + PATIENCE;
    let found = loop {
        let found = house.sounds().await;
        if !found.is_empty() {
            break found;
        }
        assert!(now() < until, "the row");
        house.calls_settle().await;
    };
    let [one] = found.as_slice() else { panic!("the agent's page has sent nothing: {found:?}") };
    assert_eq!((one.leg.call, one.leg.no, one.part), (call, 1, CallPart::Caller));
    assert_eq!(one.sound.loss(), Rate { hits: 25, of: 251 });
    assert!(one.sound.poor >= 1 && one.sound.worst_loss >= 99, "more than 8 % disturbs: {:?}", one.sound);
}
