//! One browser's connection: three media that it may send, whatever comes, and when a key frame is asked of it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use async_trait::async_trait;
use bangban_domain::window::Medium;
use bangban_protocol::MediaLine;
use bytes::Bytes;
use rtc::{
    ice::mdns::MulticastDnsMode,
    interceptor::{Attribute, Interceptor, Packet as Inner, Slot, StreamInfo, TaggedPacket, TwccSenderBuilder},
    media_stream::MediaStreamTrack,
    rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication,
    rtp,
    rtp_transceiver::{
        RTCRtpTransceiverDirection, RTCRtpTransceiverInit,
        rtp_sender::{
            RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
        },
    },
    sansio::Protocol,
    shared::error::Error,
};
use tokio::sync::watch;
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, TrackLocalEvent, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState,
        RTCSessionDescription, Registry, SettingEngineBuilder, register_default_interceptors,
    },
    rtp_transceiver::RtpSender,
};

use crate::picture::Film;

/// A packet as it came: its number goes on beyond 16 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) number: u64,
    pub(crate) timestamp: u32,
    pub(crate) payload: Bytes,
}

/// What has come, by the stream's number (SSRC), in the order of arrival.
pub(crate) type Streams = HashMap<u32, Vec<Packet>>;

/// What one line of it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Opus,
    Vp8,
    /// Of calls: one line both ways.
    Alaw,
}

/// What it sends of one medium.
struct Sending {
    medium: Medium,
    codec: Codec,
    ssrc: u32,
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    payload_type: Option<u8>,
    film: Film,
    next: u16,
    timestamp: u32,
    /// Somebody asks for a key frame.
    is_asked: Arc<AtomicBool>,
    /// Payloads, in order.
    sent: Vec<Bytes>,
}

/// See the module.
pub(crate) struct Browser {
    connection: Arc<dyn PeerConnection>,
    sending: Vec<Sending>,
    state: watch::Receiver<RTCPeerConnectionState>,
    heard: watch::Receiver<Streams>,
    /// Which media line a stream comes on, by the server's offers.
    lines: BTreeMap<String, u32>,
}

struct Handler {
    state: watch::Sender<RTCPeerConnectionState>,
    heard: Arc<watch::Sender<Streams>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let heard = Arc::clone(&self.heard);
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    heard.send_modify(|streams| note(streams, &packet));
                }
            }
        });
    }
}

/// Numbers go on from the newest that has come, whichever side of it they are on.
fn note(streams: &mut Streams, packet: &rtp::Packet) {
    let packets = streams.entry(packet.header.ssrc).or_default();
    let newest = packets.iter().map(|packet| packet.number).max().unwrap_or(1 << 16);
    let low = u64::from(packet.header.sequence_number);
    let around = [0, 1, 2].map(|turn| ((newest >> 16) + turn).saturating_sub(1) * (1 << 16) + low);
    let number = around.into_iter().min_by_key(|number| number.abs_diff(newest)).unwrap();
    packets.push(Packet { number, timestamp: packet.header.timestamp, payload: packet.payload.clone() });
}

/// Bytes of a packet of Opus, its number among them.
const OPUS: usize = 80;
/// 20 ms of 8 000 Hz.
pub(crate) const ALAW: usize = 160;

impl Codec {
    const fn name(self) -> &'static str {
        match self {
            Self::Opus => "audio/opus",
            Self::Vp8 => "video/VP8",
            Self::Alaw => "audio/PCMA",
        }
    }

    const fn kind(self) -> RtpCodecKind {
        match self {
            Self::Opus | Self::Alaw => RtpCodecKind::Audio,
            Self::Vp8 => RtpCodecKind::Video,
        }
    }

    /// Ticks of the timestamp a second, and channels (RFC 7587, 7741, 3551).
    const fn clock(self) -> (u32, u16) {
        match self {
            Self::Opus => (48_000, 2),
            Self::Vp8 => (90_000, 0),
            Self::Alaw => (8_000, 0),
        }
    }

    /// From one packet of a voice, or one picture, to the next: 20 ms and 40 ms.
    const fn ticks(self) -> u32 {
        match self {
            Self::Opus => 960,
            Self::Vp8 => 3_600,
            Self::Alaw => 160,
        }
    }
}

impl Browser {
    /// With nothing to be sent yet; voice first, as docs/windows.md says.
    pub(crate) async fn new() -> Self {
        let media = [Medium::Voice, Medium::Camera, Medium::Screen];
        let codec = |medium| if medium == Medium::Voice { Codec::Opus } else { Codec::Vp8 };
        Self::with(&media.map(|medium| (medium, codec(medium)))).await
    }

    /// With the one line of a call (docs/calls.md).
    pub(crate) async fn of_a_call() -> Self {
        Self::with(&[(Medium::Voice, Codec::Alaw)]).await
    }

    async fn with(media: &[(Medium, Codec)]) -> Self {
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().unwrap();
        let registry = register_default_interceptors(Registry::new(), &mut engine).unwrap();
        // As every browser does, it numbers its packets across all streams (transport-wide congestion control).
        let registry = registry.with(Slot::TwccSender, TwccSenderBuilder::new().build());
        let registry = registry.with(Slot::from(14_000), KeyFrames::default());
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(true)
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .build();
        let (state, state_now) = watch::channel(RTCPeerConnectionState::New);
        let (heard, heard_now) = watch::channel(Streams::new());
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .with_handler(Arc::new(Handler { state, heard: Arc::new(heard) }))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .unwrap();
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let mut sending = Vec::new();
        for (medium, codec) in media {
            sending.push(Sending::new(&*connection, *medium, *codec).await);
        }
        Self { connection, sending, state: state_now, heard: heard_now, lines: BTreeMap::new() }
    }

    /// Its offer, and which media line carries what.
    pub(crate) async fn offer(&self) -> (String, Vec<MediaLine>) {
        let offer = self.connection.create_offer(None).await.unwrap();
        self.connection.set_local_description(offer.clone()).await.unwrap();
        let mids = offer.sdp.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        let lines = mids.zip(&self.sending).map(|(mid, one)| MediaLine { mid: mid.to_owned(), medium: one.medium });
        let lines = lines.collect();
        (offer.sdp, lines)
    }

    /// The next offer begins anew with ICE, as after a change of network.
    pub(crate) async fn restart_ice(&self) {
        self.connection.restart_ice().await.unwrap();
    }

    pub(crate) async fn agree(&mut self, answer: &str) {
        self.lines.extend(streams_of(answer));
        let answer = RTCSessionDescription::answer(answer.to_owned()).unwrap();
        self.connection.set_remote_description(answer).await.unwrap();
        for one in &mut self.sending {
            one.payload_type = one.agreed().await;
        }
    }

    /// Its answer to an offer of the server's.
    pub(crate) async fn answer(&mut self, offer: &str) -> String {
        self.lines.extend(streams_of(offer));
        let offer = RTCSessionDescription::offer(offer.to_owned()).unwrap();
        self.connection.set_remote_description(offer).await.unwrap();
        let answer = self.connection.create_answer(None).await.unwrap();
        self.connection.set_local_description(answer.clone()).await.unwrap();
        answer.sdp
    }

    pub(crate) fn is_connected(&self) -> bool {
        *self.state.borrow() == RTCPeerConnectionState::Connected
    }

    /// The next 20 ms of a voice, or the next picture: a key frame, if it is the first or one was asked for.
    pub(crate) async fn send(&mut self, medium: Medium) {
        let one = self.sending.iter_mut().find(|one| one.medium == medium).unwrap();
        let payloads = match one.codec {
            Codec::Opus => vec![opus(one.sent.len())],
            Codec::Alaw => vec![alaw(one.ssrc, one.sent.len())],
            Codec::Vp8 => {
                let is_asked = one.is_asked.swap(false, Ordering::Relaxed) || one.sent.is_empty();
                one.film.picture(is_asked)
            }
        };
        let last = payloads.len() - 1;
        for (n, payload) in payloads.into_iter().enumerate() {
            let header = rtp::header::Header {
                version: 2,
                ssrc: one.ssrc,
                payload_type: one.payload_type.unwrap(),
                sequence_number: one.next,
                timestamp: one.timestamp,
                marker: n == last,
                ..rtp::header::Header::default()
            };
            one.next = one.next.wrapping_add(1);
            one.track.write_rtp(rtp::Packet { header, payload: payload.clone() }).await.unwrap();
            one.sent.push(payload);
        }
        one.timestamp = one.timestamp.wrapping_add(one.codec.ticks());
    }

    /// Everything that was sent of a medium.
    pub(crate) fn sent(&self, medium: Medium) -> &[Bytes] {
        &self.sending.iter().find(|one| one.medium == medium).unwrap().sent
    }

    /// The stream on which it sends a medium.
    pub(crate) fn stream(&self, medium: Medium) -> u32 {
        self.sending.iter().find(|one| one.medium == medium).unwrap().ssrc
    }

    /// The stream that comes on a media line.
    pub(crate) fn stream_on(&self, mid: &str) -> Option<u32> {
        self.lines.get(mid).copied()
    }

    /// What has come on a media line, in the order of its numbers. Whoever asks twice gets a repeat twice, which counts once;
    /// another packet under the same number would stay.
    pub(crate) fn received(&self, mid: &str) -> Vec<Packet> {
        let heard = self.heard.borrow();
        let mut packets = self.lines.get(mid).and_then(|ssrc| heard.get(ssrc)).cloned().unwrap_or_default();
        packets.sort_by_key(|packet| packet.number);
        packets.dedup();
        packets
    }

    /// Packets of any media.
    pub(crate) fn received_at_all(&self) -> usize {
        self.heard.borrow().values().map(Vec::len).sum()
    }

    /// As a page that is closed: nobody is told.
    pub(crate) async fn close(self) {
        self.connection.close().await.unwrap();
    }
}

impl Sending {
    async fn new(connection: &dyn PeerConnection, medium: Medium, codec: Codec) -> Self {
        let (kind, (clock_rate, channels)) = (codec.kind(), codec.clock());
        let wanted = RTCRtpCodec { mime_type: codec.name().to_owned(), clock_rate, channels, ..RTCRtpCodec::default() };
        let ssrc = fastrand::u32(1..);
        let rtx = (kind == RtpCodecKind::Video).then(|| RTCRtpRtxParameters { ssrc: fastrand::u32(1..) });
        let rtp_coding_parameters =
            RTCRtpCodingParameters { ssrc: Some(ssrc), rtx, ..RTCRtpCodingParameters::default() };
        let encoding =
            RTCRtpEncodingParameters { rtp_coding_parameters, codec: wanted, ..RTCRtpEncodingParameters::default() };
        let name = |what: &str| format!("{what}-{medium:?}");
        let track = MediaStreamTrack::new(name("stream"), name("track"), name("label"), kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let direction = match codec {
            Codec::Opus | Codec::Vp8 => RTCRtpTransceiverDirection::Sendonly,
            Codec::Alaw => RTCRtpTransceiverDirection::Sendrecv,
        };
        let init = RTCRtpTransceiverInit { direction, ..Default::default() };
        let transceiver = connection.add_transceiver_from_track(Arc::clone(&track) as _, Some(init)).await.unwrap();
        let sender = transceiver.sender().await.unwrap().unwrap();
        let is_asked = Arc::new(AtomicBool::new(false));
        let (listening, asked) = (Arc::clone(&track), Arc::clone(&is_asked));
        tokio::spawn(async move {
            while let Some(event) = listening.poll().await {
                if let TrackLocalEvent::OnRtcpPacket(_) = event {
                    asked.store(true, Ordering::Relaxed);
                }
            }
        });
        let (film, payload_type, next) = (Film::default(), None, fastrand::u16(..));
        Self { medium, codec, ssrc, track, sender, payload_type, film, next, timestamp: 0, is_asked, sent: Vec::new() }
    }

    /// The payload type that both sides have agreed to.
    async fn agreed(&self) -> Option<u8> {
        let codecs = self.sender.get_parameters().await.unwrap().rtp_parameters.codecs;
        let codec = codecs.iter().find(|one| one.rtp_codec.mime_type.eq_ignore_ascii_case(self.codec.name()));
        codec.map(|codec| codec.payload_type)
    }
}

/// A packet of a voice whose bytes say which it is.
fn opus(number: usize) -> Bytes {
    let number = u32::try_from(number).unwrap().to_be_bytes();
    // A table of contents byte as Chromium's (RFC 6716, 3.1).
    Bytes::from([&[0x78][..], &number, &[0x5a; OPUS - 5]].concat())
}

/// 20 ms of a soft noise that no other frame has: A-law's smallest amplitudes (ITU-T G.711), so that sums do not clip.
fn alaw(voice: u32, number: usize) -> Bytes {
    let mut noise = fastrand::Rng::with_seed(u64::from(voice) << 32 | number as u64);
    (0..ALAW).map(|_| if noise.bool() { 0x50 | noise.u8(..16) } else { 0xd0 | noise.u8(..16) }).collect()
}

/// Media lines of an offer, with the first stream on each.
fn streams_of(offer: &str) -> impl Iterator<Item = (String, u32)> {
    offer.split("\r\nm=").skip(1).filter_map(|section| {
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"))?;
        let ssrc = section.lines().find_map(|line| line.strip_prefix("a=ssrc:"))?;
        Some((mid.to_owned(), ssrc.split(' ').next()?.parse().ok()?))
    })
}

/// Lets requests for key frames through to whoever sends; the library keeps all feedback to itself otherwise.
#[derive(Default)]
struct KeyFrames {
    coming: VecDeque<TaggedPacket>,
    going: VecDeque<TaggedPacket>,
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for KeyFrames {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Inner::Rtcp(all) = &packet.message.packet {
            let asked: Vec<_> = all.iter().filter(|one| one.as_any().is::<PictureLossIndication>()).cloned().collect();
            if asked.is_empty() {
                return Ok(());
            }
            packet.message.packet = Inner::Rtcp(asked);
            packet.message.add(Attribute::DeliverToApplication);
        }
        self.coming.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.coming.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.going.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.going.pop_front()
    }
}

impl Interceptor for KeyFrames {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
