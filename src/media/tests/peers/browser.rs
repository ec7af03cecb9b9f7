//! A browser, played by the `webrtc` crate: somebody else's implementation of everything that goes over the wire.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use bangban_media::{Lines, Refused, Sfu};
use bytes::{BufMut, Bytes, BytesMut};
use rtc::{
    ice::mdns::MulticastDnsMode,
    interceptor::Slot,
    media_stream::MediaStreamTrack,
    peer_connection::configuration::offer_answer_options::RTCOfferOptions,
    rtp,
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind},
    },
};
use tokio::sync::{mpsc, watch};
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, TrackLocalEvent, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
        RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
        register_default_interceptors,
    },
    rtp_transceiver::RtpTransceiver,
};

use crate::key_frames::KeyFrameRequests;

/// A packet as it arrived; what it says of itself was written by [`Browser::send`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub from: u128,
    pub medium: Medium,
    pub number: u32,
    pub is_key_frame: bool,
    pub sequence: u16,
    pub timestamp: u32,
}

struct Handler {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    heard: mpsc::Sender<Heard>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event
                    && let Some(one) = read(&packet)
                {
                    // A test that does not listen does not care.
                    heard.try_send(one).ok();
                }
            }
        });
    }
}

struct Own {
    track: Arc<TrackLocalStaticRTP>,
    transceiver: Arc<dyn RtpTransceiver>,
    ssrc: u32,
    sequence: u16,
}

pub struct Browser {
    pub window: WindowId,
    pub participant: ParticipantId,
    pc: Arc<dyn PeerConnection>,
    own: HashMap<Medium, Own>,
    pub heard: mpsc::Receiver<Heard>,
    pub state: watch::Receiver<RTCPeerConnectionState>,
    gathered: watch::Receiver<bool>,
    /// Key frames that it was asked for, of its screen.
    asked: Arc<AtomicU64>,
    /// Where it sends instead of to the server.
    by_way_of: Option<SocketAddr>,
    number: u32,
}

fn codec(medium: Medium) -> (RtpCodecKind, RTCRtpCodec) {
    let (kind, mime_type, clock_rate, channels) = match medium {
        Medium::Voice => (RtpCodecKind::Audio, "audio/opus", 48_000, 2),
        Medium::Camera | Medium::Screen => (RtpCodecKind::Video, "video/VP8", 90_000, 0),
    };
    let codec = RTCRtpCodec { mime_type: mime_type.to_owned(), clock_rate, channels, ..RTCRtpCodec::default() };
    (kind, codec)
}

impl Browser {
    pub async fn new(window: u128, participant: u128) -> Self {
        Self::by_way_of(window, participant, None).await
    }

    pub async fn by_way_of(window: u128, participant: u128, by_way_of: Option<SocketAddr>) -> Self {
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().unwrap();
        let registry = register_default_interceptors(Registry::new(), &mut engine).unwrap();
        let registry = registry.with(Slot::from(14_000), KeyFrameRequests::default());
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(true)
            .with_multicast_dns_mode(MulticastDnsMode::Disabled);
        let (gathered, gathered_now) = watch::channel(false);
        let (state, state_now) = watch::channel(RTCPeerConnectionState::New);
        let (heard, heard_now) = mpsc::channel(100_000);
        let pc = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::default().build())
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings.build())
            .with_handler(Arc::new(Handler { gathered, state, heard }))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .unwrap();
        let mut browser = Self {
            window: WindowId::new(window),
            participant: ParticipantId::new(participant),
            pc: Arc::new(pc),
            own: HashMap::new(),
            heard: heard_now,
            state: state_now,
            gathered: gathered_now,
            asked: Arc::default(),
            by_way_of,
            number: 0,
        };
        for medium in [Medium::Voice, Medium::Camera, Medium::Screen] {
            browser.add(medium).await;
        }
        browser
    }

    async fn add(&mut self, medium: Medium) {
        let (kind, codec) = codec(medium);
        let ssrc = u32::try_from(self.participant.raw()).unwrap() * 10 + u32::try_from(self.own.len()).unwrap() + 1;
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            format!("stream-{medium}"),
            format!("track-{medium}"),
            medium.to_string(),
            kind,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() },
                codec,
                ..RTCRtpEncodingParameters::default()
            }],
        )));
        let direction = RTCRtpTransceiverDirection::Sendonly;
        let init = RTCRtpTransceiverInit { direction, ..RTCRtpTransceiverInit::default() };
        let transceiver = self.pc.add_transceiver_from_track(Arc::clone(&track) as _, Some(init)).await.unwrap();
        if medium == Medium::Screen {
            let (track, asked) = (Arc::clone(&track), Arc::clone(&self.asked));
            tokio::spawn(async move {
                while let Some(event) = track.poll().await {
                    if let TrackLocalEvent::OnRtcpPacket(_) = event {
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        self.own.insert(medium, Own { track, transceiver, ssrc, sequence: 0 });
    }

    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Its description of itself, and what is where in it.
    pub async fn describe(&mut self, is_restart: bool) -> (String, Lines) {
        let options = is_restart.then(|| RTCOfferOptions { ice_restart: true, ..RTCOfferOptions::default() });
        let offer = self.pc.create_offer(options).await.unwrap();
        self.pc.set_local_description(offer).await.unwrap();
        self.gathered.wait_for(|is_done| *is_done).await.unwrap();
        let sdp = self.pc.local_description().await.unwrap().sdp;
        let mut lines = Lines::new();
        for (medium, own) in &self.own {
            lines.push((own.transceiver.mid().await.unwrap().unwrap(), *medium));
        }
        (sdp, lines)
    }

    pub async fn accept(&self, answer: String) {
        let answer = RTCSessionDescription::answer(self.detour(&answer)).unwrap();
        self.pc.set_remote_description(answer).await.unwrap();
    }

    pub async fn join(&mut self, sfu: &Sfu) -> Result<(), Refused> {
        let (offer, lines) = self.describe(false).await;
        let answer = sfu.join(self.window, self.participant, offer, lines).await?;
        self.accept(answer).await;
        Ok(())
    }

    pub async fn restart_ice(&mut self, sfu: &Sfu) -> Result<(), Refused> {
        let (offer, lines) = self.describe(true).await;
        let answer = sfu.offer(self.window, self.participant, offer, lines).await?;
        self.accept(answer).await;
        Ok(())
    }

    /// The answer to what the server offers.
    pub async fn answer(&self, sdp: &str) -> String {
        let offer = RTCSessionDescription::offer(self.detour(sdp)).unwrap();
        self.pc.set_remote_description(offer).await.unwrap();
        let answer = self.pc.create_answer(None).await.unwrap();
        self.pc.set_local_description(answer).await.unwrap();
        self.pc.local_description().await.unwrap().sdp
    }

    fn detour(&self, sdp: &str) -> String {
        let Some(by_way_of) = self.by_way_of else { return sdp.to_owned() };
        let line = |line: &str| {
            if !line.starts_with("a=candidate:") {
                return format!("{line}\r\n");
            }
            let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            (words[4], words[5]) = (by_way_of.ip().to_string(), by_way_of.port().to_string());
            format!("{}\r\n", words.join(" "))
        };
        sdp.lines().map(line).collect()
    }

    pub async fn wait_for(&mut self, wanted: RTCPeerConnectionState) {
        self.state.wait_for(|state| *state == wanted).await.unwrap();
    }

    /// One packet, which is a whole picture or 20 ms of voice.
    pub async fn send(&mut self, medium: Medium, is_key_frame: bool) -> u32 {
        self.number += 1;
        let number = self.number;
        let participant = self.participant.raw();
        let own = self.own.get_mut(&medium).unwrap();
        own.sequence = own.sequence.wrapping_add(1);
        let parameters = own.transceiver.sender().await.unwrap().unwrap().get_parameters().await.unwrap();
        let wanted = codec(medium).1.mime_type;
        let codecs = &parameters.rtp_parameters.codecs;
        let is_it = |codec: &&rtc::rtp_transceiver::rtp_sender::RTCRtpCodecParameters| {
            codec.rtp_codec.mime_type.eq_ignore_ascii_case(&wanted)
        };
        let payload_type = codecs.iter().find(is_it).unwrap().payload_type;
        let step = if medium == Medium::Voice { 960 } else { 3_000 };
        let header = rtp::header::Header {
            version: 2,
            marker: true,
            payload_type,
            sequence_number: own.sequence,
            timestamp: u32::from(own.sequence) * step,
            ssrc: own.ssrc,
            ..rtp::header::Header::default()
        };
        let payload = write(participant, medium, number, is_key_frame);
        let packet = rtp::Packet { header, payload, ..rtp::Packet::default() };
        own.track.write_rtp(packet).await.unwrap();
        number
    }

    pub async fn close(self) {
        self.pc.close().await.unwrap();
    }
}

const MARK: &[u8] = b"bangban";

/// A VP8 packet of one picture (RFC 7741), or something that takes the place of Opus, which nobody looks into.
fn write(from: u128, medium: Medium, number: u32, is_key_frame: bool) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_slice(&[0x10, if is_key_frame { 0x50 } else { 0x51 }]);
    bytes.put_slice(MARK);
    bytes.put_u128(from);
    bytes.put_u8(match medium {
        Medium::Camera => 0,
        Medium::Voice => 1,
        Medium::Screen => 2,
    });
    bytes.put_u32(number);
    bytes.resize(if medium == Medium::Voice { 80 } else { 1_000 }, 0x2a);
    bytes.freeze()
}

/// What [`write`] has written.
fn read(packet: &rtp::Packet) -> Option<Heard> {
    let bytes = packet.payload.get(2..)?.strip_prefix(MARK)?;
    Some(Heard {
        from: u128::from_be_bytes(bytes.get(..16)?.try_into().ok()?),
        medium: *[Medium::Camera, Medium::Voice, Medium::Screen].get(usize::from(*bytes.get(16)?))?,
        number: u32::from_be_bytes(bytes.get(17..21)?.try_into().ok()?),
        is_key_frame: packet.payload[1] & 1 == 0,
        sequence: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
    })
}
