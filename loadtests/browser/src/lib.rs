//! A browser in a virtual window, as the load program and the bench of the media threads play it: it sends a screen and a
//! voice of about 1 Mbit/s or receives those of others, decrypts what comes and says how late it was. No clock of its own,
//! no thread: whoever plays it calls [`Browser::turn`] and [`Browser::publish`] with the instant.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bangban_domain::window::Medium;
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    format::Codec,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};

/// The end of a payload says when it was sent, in nanoseconds since [`Turn::begin`].
const STAMP: usize = 8;
/// The library is asked no more often than this.
const RESOLUTION: Duration = Duration::from_micros(500);

/// What a browser sends of one medium.
#[derive(Debug, Clone)]
pub struct Stream {
    /// What it is.
    pub medium: Medium,
    /// From one packet to the next.
    pub every: Duration,
    codec: Codec,
    ticks: u32,
    payload: Vec<u8>,
}

/// A voice of 50 packets of 80 bytes and a screen of 100 packets of 1 200 bytes a second, each a key frame by its first bytes.
#[must_use]
pub fn streams() -> [Stream; 2] {
    let second = Duration::from_secs(1);
    let key_frame = |size: usize| [&[0x10, 0x50][..], &vec![7; size - 2]].concat();
    let voice =
        Stream { medium: Medium::Voice, codec: Codec::Opus, every: second / 50, ticks: 960, payload: vec![7; 80] };
    let screen = Stream {
        medium: Medium::Screen,
        codec: Codec::Vp8,
        every: second / 100,
        ticks: 900,
        payload: key_frame(1_200),
    };
    [voice, screen]
}

/// What all browsers see of one instant.
pub struct Turn<'a> {
    /// The instant.
    pub now: Instant,
    /// From which payloads count.
    pub begin: Instant,
    /// Room for a datagram.
    pub buffer: &'a mut [u8],
    /// Hears of every packet how late it came.
    pub late: &'a mut dyn FnMut(Duration),
}

/// See the crate.
pub struct Browser {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    mids: [Mid; 2],
    pending: Option<SdpPendingOffer>,
    timer: Instant,
    /// Does the connection stand?
    pub is_connected: bool,
    /// Media packets that have come.
    pub received: u64,
    /// Packets of each of [`streams`] that were sent.
    pub sent: [u64; 2],
    /// When the next packet of each is to be sent.
    pub due: [Instant; 2],
}

impl Browser {
    /// With a port of its own, and its first offer.
    ///
    /// # Errors
    /// No port, or no offer.
    pub fn new(now: Instant) -> anyhow::Result<(Self, String)> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let mut rtc =
            Rtc::builder().clear_codecs().enable_opus(true, false).enable_vp8(true).set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        let mut change = rtc.sdp_api();
        let mids = [MediaKind::Audio, MediaKind::Video]
            .map(|kind| change.add_media(kind, Direction::SendOnly, None, None, None));
        let (offer, pending) = change.apply().context("an offer")?;
        let pending = Some(pending);
        let (is_connected, received, sent, due) = (false, 0, [0; 2], [now; 2]);
        let browser = Self { rtc, socket, address, mids, pending, timer: now, is_connected, received, sent, due };
        Ok((browser, offer.to_sdp_string()))
    }

    /// Which media line of its offer carries which of [`streams`].
    #[must_use]
    pub fn lines(&self) -> [(String, Medium); 2] {
        let [voice, screen] = self.mids.map(|mid| mid.to_string());
        [(voice, Medium::Voice), (screen, Medium::Screen)]
    }

    /// Takes the server's answer to its offer.
    ///
    /// # Errors
    /// It is none, or none was asked for.
    pub fn accept(&mut self, answer: &str) -> anyhow::Result<()> {
        let pending = self.pending.take().context("no offer is open")?;
        self.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(answer)?)?;
        Ok(())
    }

    /// Agrees to an offer of the server's.
    ///
    /// # Errors
    /// It is none.
    pub fn answer(&mut self, offer: &str) -> anyhow::Result<String> {
        Ok(self.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer)?)?.to_sdp_string())
    }

    /// Takes what has come, and does what is due.
    ///
    /// # Errors
    /// The connection is over.
    pub fn turn(&mut self, at: &mut Turn<'_>) -> anyhow::Result<()> {
        let mut is_awake = self.timer <= at.now;
        while let Ok((length, source)) = self.socket.recv_from(at.buffer) {
            let Ok(contents) = at.buffer[..length].try_into() else { continue };
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            self.rtc.handle_input(Input::Receive(at.now, receive))?;
            is_awake = true;
            self.drain(at)?;
        }
        if is_awake {
            self.rtc.handle_input(Input::Timeout(at.now))?;
            self.drain(at)?;
        }
        Ok(())
    }

    /// Sends what is due.
    ///
    /// # Errors
    /// The connection is over, or was never agreed upon.
    pub fn publish(&mut self, streams: &[Stream; 2], at: &mut Turn<'_>) -> anyhow::Result<()> {
        for (n, stream) in streams.iter().enumerate() {
            if self.due[n] > at.now {
                continue;
            }
            self.due[n] += stream.every;
            let codec = self.rtc.codec_config().find(|one| one.spec().codec == stream.codec);
            let pt = codec.context("no such codec was agreed upon")?.pt();
            let timestamp = u32::try_from(self.sent[n] % (1 << 20))? * stream.ticks;
            let mut payload = stream.payload.clone();
            let stamp = u64::try_from(at.now.duration_since(at.begin).as_nanos())?.to_be_bytes();
            let end = payload.len() - STAMP;
            payload[end..].copy_from_slice(&stamp);
            let mut api = self.rtc.direct_api();
            let sender = api.stream_tx_by_mid(self.mids[n], None).context("no stream")?;
            let is_video = stream.codec == Codec::Vp8;
            let write = RtpWrite::new(pt, self.sent[n].into(), timestamp, at.now, payload.as_slice());
            sender.write_rtp(write.marker(true).nackable(is_video));
            self.sent[n] += 1;
            self.rtc.handle_input(Input::Timeout(at.now))?;
            self.drain(at)?;
        }
        Ok(())
    }

    fn drain(&mut self, at: &mut Turn<'_>) -> anyhow::Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(timer) => {
                    self.timer = timer.max(at.now + RESOLUTION);
                    return Ok(());
                }
                Output::Transmit(datagram) => {
                    self.socket.send_to(&datagram.contents, datagram.destination)?;
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::RtpPacket(packet)) => {
                    self.received += 1;
                    if let Some(stamp) = packet.payload.last_chunk::<STAMP>() {
                        let sent = Duration::from_nanos(u64::from_be_bytes(*stamp));
                        (at.late)(at.now.duration_since(at.begin).saturating_sub(sent));
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}
