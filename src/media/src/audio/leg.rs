//! One leg of a call: what arrives from it and what goes to it. Without I/O and clock.

use std::net::{IpAddr, SocketAddr};

use super::{
    Codec, FRAME, RtpRemote,
    arriving::Arriving,
    dtmf, g711,
    notes::Notes,
    prompt::Player,
    rtcp::{self, MAX_REPORT, Report},
    rtp::{self, HEADER, Packet},
};

/// After so many packets from one port (1 s) sound is taken from no other.
const SETTLED: u32 = 50;
/// Ticks between two reports: 5 s, between half and one and a half (RFC 3550, 6.2).
const REPORT_EVERY: u64 = 250;
const QUALITY_EVERY: u64 = 250;
/// The longest datagram that goes to a telephone.
pub(crate) const MAX_PACKET: usize = HEADER + FRAME;

/// What makes a leg's stream unlike any other: chosen at random, so that nobody can guess it (RFC 3550, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// The stream.
    pub ssrc: u32,
    /// Number of the first packet.
    pub number: u16,
    /// Timestamp of the first packet.
    pub timestamp: u32,
}

/// How long something may be silent, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// While it is to send.
    pub talking: u64,
    /// While it is not.
    pub held: u64,
}

/// A telephone, and where its sound comes from.
#[derive(Debug)]
struct Phone {
    remote: RtpRemote,
    /// Where its sound was seen to come from.
    seen: Option<SocketAddr>,
    packets: u32,
}

impl Phone {
    fn new(remote: RtpRemote) -> Self {
        Self { remote, seen: None, packets: 0 }
    }

    fn is_known(&self, host: IpAddr) -> bool {
        self.remote.address.ip() == host || self.remote.signalled_from == Some(host)
    }

    /// Is sound from there its own? It is believed where its description says, from whatever port (symmetric RTP,
    /// RFC 4961); once settled, from one port only.
    fn accepts(&mut self, from: SocketAddr) -> bool {
        if self.seen != Some(from) {
            if self.packets >= SETTLED || !self.is_known(from.ip()) {
                return false;
            }
            self.seen = Some(from);
        }
        self.packets = self.packets.saturating_add(1);
        true
    }

    fn accepts_report(&self, from: SocketAddr) -> bool {
        self.seen.map_or_else(|| self.is_known(from.ip()), |seen| seen.ip() == from.ip())
    }

    /// Where its sound goes; `None`: nowhere.
    fn destination(&self) -> Option<SocketAddr> {
        let address = self.remote.address;
        let is_wanted = self.remote.direction.sends() && !address.ip().is_unspecified() && address.port() != 0;
        is_wanted.then(|| self.seen.unwrap_or(address))
    }

    fn report_destination(&self) -> Option<SocketAddr> {
        let address = self.seen.unwrap_or(self.remote.address);
        if address.ip().is_unspecified() || address.port() == 0 {
            return None;
        }
        let next = SocketAddr::new(address.ip(), address.port().checked_add(1)?);
        Some(match self.seen {
            // Behind a NAT, what is written in the description leads nowhere.
            Some(seen) if seen != self.remote.address => next,
            _ => self.remote.rtcp.unwrap_or(next),
        })
    }
}

/// What is on the other side.
#[derive(Debug)]
enum Side {
    /// A telephone that nothing was agreed with yet.
    Coming,
    Phone(Phone),
    /// A browser: connection and packets are the voice thread's. Nothing goes to it before something came.
    Browser {
        is_up: bool,
    },
}

/// What goes to a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing<'a> {
    /// RTP to a telephone.
    Rtp(SocketAddr, &'a [u8]),
    /// RTCP to a telephone.
    Rtcp(SocketAddr, &'a [u8]),
    /// A frame of A-law to a browser.
    Voice(&'a [u8; FRAME]),
}

pub(crate) struct Leg {
    side: Side,
    pub(crate) arriving: Arriving,
    pub(crate) player: Player,
    pub(crate) notes: Notes,
    keys: dtmf::Sender,
    seed: Seed,
    number: u16,
    timestamp: u32,
    packets: u32,
    octets: u32,
    /// The next packet begins anew.
    is_first: bool,
    /// Since when something is expected, in microseconds.
    expected_since: u64,
    is_lost: bool,
    patience: Patience,
    until_report: u64,
    until_quality: u64,
}

impl Leg {
    pub(crate) fn phone(seed: Seed, patience: Patience, micros: u64) -> Self {
        Self::new(Side::Coming, seed, patience, micros)
    }

    pub(crate) fn browser(seed: Seed, patience: Patience, micros: u64) -> Self {
        Self::new(Side::Browser { is_up: false }, seed, patience, micros)
    }

    fn new(side: Side, seed: Seed, patience: Patience, micros: u64) -> Self {
        Self {
            side,
            arriving: Arriving::default(),
            player: Player::default(),
            notes: Notes::default(),
            keys: dtmf::Sender::default(),
            seed,
            number: seed.number,
            timestamp: seed.timestamp,
            packets: 0,
            octets: 0,
            is_first: true,
            expected_since: micros,
            is_lost: false,
            patience,
            // Spread, so that legs do not all report in the same tick.
            until_report: u64::from(seed.ssrc) % REPORT_EVERY + 1,
            until_quality: QUALITY_EVERY,
        }
    }

    /// What was agreed with the telephone.
    pub(crate) fn connect(&mut self, micros: u64, remote: RtpRemote) {
        self.expected_since = micros;
        match &mut self.side {
            Side::Phone(phone) if phone.remote.address == remote.address => phone.remote = remote,
            Side::Phone(phone) if remote.address.ip().is_unspecified() => phone.remote = remote,
            Side::Phone(_) | Side::Coming => {
                self.is_first = true;
                self.side = Side::Phone(Phone::new(remote));
            }
            Side::Browser { .. } => {}
        }
    }

    /// Does anybody hear what is sent to it?
    pub(crate) const fn is_connected(&self) -> bool {
        matches!(self.side, Side::Phone(_) | Side::Browser { is_up: true })
    }

    /// Keys towards a telephone; how many found no room.
    pub(crate) fn press(&mut self, keys: &str) -> usize {
        if matches!(self.side, Side::Browser { .. }) { 0 } else { self.keys.press(keys) }
    }

    // --- what comes -------------------------------------------------------------------------------------------

    /// A datagram on a telephone's RTP port; `false`: it is not its own, or no RTP.
    pub(crate) fn receive(&mut self, micros: u64, from: SocketAddr, bytes: &[u8]) -> bool {
        if rtp::is_rtcp(bytes) {
            return self.receive_report(micros, from, bytes);
        }
        let (Side::Phone(phone), Some(packet)) = (&mut self.side, Packet::parse(bytes)) else { return false };
        if !phone.accepts(from) {
            return false;
        }
        if phone.remote.direction.receives() {
            self.arriving.take(micros, &packet, phone.remote.dtmf, &mut self.notes);
        } else {
            self.arriving.heard_at = Some(micros);
        }
        true
    }

    /// A datagram on a telephone's RTCP port.
    pub(crate) fn receive_report(&mut self, micros: u64, from: SocketAddr, bytes: &[u8]) -> bool {
        let Side::Phone(phone) = &self.side else { return false };
        let Some(heard) = rtcp::parse(bytes, self.seed.ssrc).filter(|_| phone.accepts_report(from)) else {
            return false;
        };
        self.arriving.take_report(micros, &heard);
        true
    }

    /// A packet of a browser.
    pub(crate) fn receive_voice(&mut self, micros: u64, packet: &Packet<'_>) {
        if let Side::Browser { is_up } = &mut self.side {
            *is_up = true;
            self.arriving.take(micros, packet, None, &mut self.notes);
        }
    }

    // --- what goes --------------------------------------------------------------------------------------------

    /// Sends what is to be heard, and what else is due.
    pub(crate) fn send(&mut self, micros: u64, frame: &mut [i16; FRAME], mut send: impl FnMut(Outgoing<'_>)) {
        match &self.side {
            Side::Coming | Side::Browser { is_up: false } => return,
            Side::Browser { is_up: true } => {
                let mut codes = [0; FRAME];
                g711::encode(Codec::Pcma, frame, &mut codes);
                send(Outgoing::Voice(&codes));
            }
            Side::Phone(phone) => {
                let (codec, dtmf, destination) = (phone.remote.codec, phone.remote.dtmf, phone.destination());
                match destination {
                    Some(to) => {
                        let mut bytes = [0; MAX_PACKET];
                        let length = self.packet(codec, dtmf, frame, &mut bytes);
                        send(Outgoing::Rtp(to, &bytes[..length]));
                    }
                    None => self.is_first = true,
                }
                self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
                self.until_report -= 1;
                if self.until_report == 0 {
                    self.until_report = REPORT_EVERY / 2 + u64::from(self.timestamp.rotate_left(9)) % REPORT_EVERY;
                    self.report(micros, false, &mut send);
                }
            }
        }
        self.watch(micros);
    }

    /// The last words to a telephone.
    pub(crate) fn say_farewell(&mut self, micros: u64, mut send: impl FnMut(Outgoing<'_>)) {
        self.report(micros, true, &mut send);
        let quality = self.arriving.quality();
        self.notes.last_quality(quality);
    }

    fn packet(
        &mut self,
        codec: Codec,
        dtmf: Option<u8>,
        frame: &mut [i16; FRAME],
        bytes: &mut [u8; MAX_PACKET],
    ) -> usize {
        let event = if self.keys.is_pressing() {
            match dtmf {
                Some(payload_type) => self.keys.next_event().map(|event| (payload_type, event)),
                None => {
                    self.keys.next_tone(frame);
                    None
                }
            }
        } else {
            None
        };
        let mut codes = [0; FRAME];
        let packet = match &event {
            Some((payload_type, event)) => Packet {
                is_marked: event.is_first,
                payload_type: *payload_type,
                number: self.number,
                timestamp: self.timestamp.wrapping_sub(event.since),
                ssrc: self.seed.ssrc,
                payload: &event.payload,
            },
            None => {
                g711::encode(codec, frame, &mut codes);
                Packet {
                    is_marked: std::mem::take(&mut self.is_first),
                    payload_type: codec.payload_type(),
                    number: self.number,
                    timestamp: self.timestamp,
                    ssrc: self.seed.ssrc,
                    payload: &codes,
                }
            }
        };
        self.number = self.number.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        packet.write(bytes).unwrap_or(0)
    }

    fn report(&mut self, micros: u64, is_last: bool, send: &mut impl FnMut(Outgoing<'_>)) {
        let Side::Phone(phone) = &self.side else { return };
        let Some(to) = phone.report_destination() else { return };
        let block = self.arriving.block(micros);
        let name = name(self.seed);
        let report = Report {
            ssrc: self.seed.ssrc,
            micros,
            timestamp: self.timestamp,
            packets: self.packets,
            octets: self.octets,
            block,
            name: str::from_utf8(&name).unwrap_or(""),
            is_last,
        };
        let mut bytes = [0; MAX_REPORT];
        let length = rtcp::write(&report, &mut bytes);
        send(Outgoing::Rtcp(to, &bytes[..length]));
    }

    /// Is it still there, and how does it go?
    fn watch(&mut self, micros: u64) {
        let is_to_send = match &self.side {
            Side::Phone(phone) => phone.remote.direction.receives(),
            Side::Coming | Side::Browser { .. } => true,
        };
        let patience = if is_to_send { self.patience.talking } else { self.patience.held };
        let since = self.arriving.heard_at.map_or(self.expected_since, |at| at.max(self.expected_since));
        let is_lost = micros.saturating_sub(since) >= patience;
        if is_lost != self.is_lost {
            self.is_lost = is_lost;
            if is_lost {
                self.notes.lost();
            } else {
                self.notes.found();
            }
        }
        self.until_quality -= 1;
        if self.until_quality == 0 {
            self.until_quality = QUALITY_EVERY;
            let quality = self.arriving.quality();
            self.notes.quality(quality);
        }
    }
}

/// A canonical name that says nothing about anybody (RFC 7022).
fn name(seed: Seed) -> [u8; 16] {
    let mut name = [b'0'; 16];
    let mut rest = (u64::from(seed.ssrc) << 32) | u64::from(seed.timestamp ^ u32::from(seed.number));
    for letter in &mut name {
        *letter = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
    name
}
