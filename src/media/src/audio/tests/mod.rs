//! Telephones with real sockets, and browsers played by `str0m`, in calls of a real [`Mixer`]: what each hears is looked at
//! by frequency. Telephones send a packet for each that they receive, so their time is the mixer's, however slow it is.

mod browser;
mod phones;

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use bangban_domain::{
    CallId,
    call::{Ear, LegId, Sound},
};
use tokio::sync::mpsc;

use super::{AudioEvent, Codec, FRAME, Mixer, MixerConfig, RtpRemote, g711, rtp::Packet, tone::level};

/// Far beyond what anything here takes; who waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// What others say is at least so loud: it is sent at -12 dBFS.
const HEARD: f32 = -15.0;
/// What nobody hears is less.
const UNHEARD: f32 = -60.0;

struct Line {
    mixer: Mixer,
    events: mpsc::Receiver<AudioEvent>,
}

impl Line {
    /// Each test has ports of its own.
    fn new(first_port: u16, change: impl FnOnce(&mut MixerConfig)) -> Self {
        let (sender, events) = mpsc::channel(4_096);
        let mut config = MixerConfig {
            rtp_ports: first_port..=first_port + 99,
            bind: Ipv4Addr::LOCALHOST.into(),
            public: Ipv4Addr::LOCALHOST.into(),
            ..MixerConfig::default()
        };
        change(&mut config);
        Self { mixer: Mixer::start(config, sender).unwrap(), events }
    }

    /// Waits for an event; others are dropped.
    fn wait_for(&mut self, is_it: impl Fn(&AudioEvent) -> bool) -> AudioEvent {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let next = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if is_it(&event) {
                    return event;
                }
            }
        };
        runtime.block_on(async { tokio::time::timeout(PATIENCE, next).await }).unwrap()
    }
}

const fn leg(no: u16) -> LegId {
    LegId { call: CallId::new(1), no }
}

/// Each of them hears all others.
fn all(numbers: &[u16]) -> Vec<Ear> {
    let others = |no: u16| numbers.iter().copied().filter(|other| *other != no).map(leg).collect();
    numbers.iter().map(|no| Ear { leg: leg(*no), hears: others(*no), sound: Sound::Silence }).collect()
}

/// Somebody who hums one tone all the time, at -12 dBFS.
#[derive(Debug, Clone)]
struct Hum {
    hertz: f32,
    at: usize,
}

impl Hum {
    fn frame(&mut self, codec: Codec) -> [u8; FRAME] {
        let sample = |n: usize| {
            let turn = std::f64::consts::TAU * f64::from(self.hertz) / 8_000.0;
            (8_231.0 * (turn * (self.at + n) as f64).sin()) as i16
        };
        let samples: Vec<i16> = (0..FRAME).map(sample).collect();
        self.at += FRAME;
        let mut codes = [0; FRAME];
        g711::encode(codec, &samples, &mut codes);
        codes
    }
}

struct Phone {
    rtp: UdpSocket,
    server: SocketAddr,
    remote: RtpRemote,
    hum: Option<Hum>,
    number: u16,
    timestamp: u32,
    heard: Vec<i16>,
    /// Keys that came: event, is it the end, its timestamp.
    keys: Vec<(u8, bool, u32)>,
}

impl Phone {
    /// A leg of the call, agreed with; it hums, if it has a tone.
    fn join(line: &Line, no: u16, codec: Codec, hertz: Option<f32>) -> Self {
        let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
        rtp.set_read_timeout(Some(PATIENCE)).unwrap();
        let server = line.mixer.open_rtp(leg(no)).unwrap();
        let remote = RtpRemote { codec, ..RtpRemote::new(rtp.local_addr().unwrap()) };
        line.mixer.connect_rtp(leg(no), remote.clone()).unwrap();
        let hum = hertz.map(|hertz| Hum { hertz, at: 0 });
        Self { rtp, server, remote, hum, number: 1, timestamp: 1_000, heard: Vec::new(), keys: Vec::new() }
    }

    fn send(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) {
        let packet = Packet {
            is_marked: false,
            payload_type,
            number: self.number,
            timestamp,
            ssrc: self.server.port().into(),
            payload,
        };
        let mut bytes = [0; 256];
        let length = packet.write(&mut bytes).unwrap();
        self.rtp.send_to(&bytes[..length], self.server).unwrap();
        self.number += 1;
    }

    /// A frame of what it says.
    fn say(&mut self) {
        let codec = self.remote.codec;
        if let Some(codes) = self.hum.as_mut().map(|hum| hum.frame(codec)) {
            self.send(codec.payload_type(), self.timestamp, &codes);
        }
        self.timestamp += FRAME as u32;
    }

    /// The next packet of RTP from the server.
    fn hear(&mut self) {
        let mut bytes = [0; 512];
        let (length, from) = self.rtp.recv_from(&mut bytes).unwrap();
        assert_eq!(from, self.server);
        let packet = Packet::parse(&bytes[..length]).unwrap();
        if packet.payload_type == 101 {
            self.keys.push((packet.payload[0], packet.payload[1] & 0x80 != 0, packet.timestamp));
            return;
        }
        assert_eq!(packet.payload_type, self.remote.codec.payload_type());
        let mut samples = [0; FRAME];
        g711::decode(self.remote.codec, packet.payload, &mut samples);
        self.heard.extend(samples);
    }

    fn level(&self, hertz: f32) -> f32 {
        level_of_last_second(&self.heard, hertz)
    }
}

/// The level of a tone in the last second, in the half in which it is softer: a machine that is too busy for a moment makes
/// a click, which has a little of every tone.
fn level_of_last_second(heard: &[i16], hertz: f32) -> f32 {
    let (first, second) = heard[heard.len() - 8_000..].split_at(4_000);
    level(first, hertz).min(level(second, hertz))
}

/// So many ticks pass: each hears a frame and says one.
fn pass(phones: &mut [&mut Phone], ticks: usize) {
    for _ in 0..ticks {
        for phone in phones.iter_mut() {
            phone.hear();
            phone.say();
        }
    }
}

/// Long enough that a change of the mix, and what was on its way, is over; then a second to be looked at.
fn settle(phones: &mut [&mut Phone]) {
    pass(phones, 65);
}
