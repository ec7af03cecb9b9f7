//! `calls`: the sound of many three-way calls, mixed by the mixer itself in this process, with a real pair of ports for each
//! leg. Telephones that all speak are played by one thread. Measured: ticks that were late, what a call costs, and what the
//! telephones heard: every frame, and no silence.
//!
//! No server is needed. Mixing in real time needs the right to it (docs/calls.md, "Sound"); whether it was given is said.

use std::{
    fs,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bangban_domain::{
    CallId,
    call::{Ear, LegId, Sound},
};
use bangban_media::audio::{AudioEvent, Counters, FRAME, Mixer, MixerConfig, RtpRemote};
use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::check_open_files;

/// Caller, operator, professional.
const LEGS: u16 = 3;
/// Before anything is counted: every jitter buffer plays.
const WARM: Duration = Duration::from_secs(2);
const FRAME_TIME: Duration = Duration::from_millis(20);
/// A telephone's turn comes so long after that of the one before it, round and round in 20 ms.
const SLICES: usize = 20;
/// A-law of silence.
const SILENCE: u8 = 0xd5;
/// A loud tone in A-law, nearly: 8 samples a turn, so 1 kHz.
const HUM: [u8; 8] = [0xd5, 0xb2, 0xbf, 0xb2, 0xd5, 0x32, 0x3f, 0x32];

#[derive(Debug, Args)]
pub(crate) struct Calls {
    /// Three-way calls at the same time.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=2_500))]
    conferences: u16,
    /// Mixing threads.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    duration: u64,
    /// Does not ask the system for real time.
    #[arg(long)]
    without_realtime: bool,
    /// Prints the result as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    conferences: u16,
    threads: u8,
    is_realtime: bool,
    ticks: u64,
    /// Begun 5 ms late or more.
    late_ticks: u64,
    /// Since the beginning, of all threads the sum.
    longest_tick_ms: f64,
    /// Of the mixing threads, in percent of one core.
    mixing_cpu_percent: f64,
    /// What one three-way call costs in one tick, sockets and all.
    us_per_conference_and_tick: f64,
    /// By all telephones.
    packets_sent: u64,
    packets_mixed: u64,
    packets_heard: u64,
    /// In the time that was measured: what the mixer says of what telephones sent.
    lost: u64,
    late: u64,
    concealed: u64,
    /// Frames without any sound, though two speak.
    silent_frames: u64,
    unsent: u64,
    stray: u64,
}

impl Report {
    /// Everybody heard the others all the time. Late ticks are measured, and harm only what is heard.
    pub(crate) const fn is_clean(&self) -> bool {
        let lost = self.packets_mixed.saturating_sub(self.packets_heard) + self.lost + self.concealed;
        self.silent_frames == 0 && self.stray == 0 && lost * 1_000 <= self.packets_mixed
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "telephones send at a pace")]
fn sleep_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(now()));
}

/// The three telephones of one call, behind one gateway.
struct Gateway {
    socket: UdpSocket,
    /// The mixer's ports.
    servers: [SocketAddr; LEGS as usize],
    number: u16,
    timestamp: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    sent: u64,
    frames: u64,
    silent: u64,
}

impl Gateway {
    fn open(mixer: &Mixer, n: u16) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let call = CallId::new(u128::from(n) + 1);
        let leg = |no| LegId { call, no };
        let mut servers = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); LEGS as usize];
        for (no, server) in (1..).zip(&mut servers) {
            *server = mixer.open_rtp(leg(no))?;
            mixer.connect_rtp(leg(no), RtpRemote::new(socket.local_addr()?))?;
        }
        let others = |no: u16| (1..=LEGS).filter(|other| *other != no).map(leg).collect();
        let ears = (1..=LEGS).map(|no| Ear { leg: leg(no), hears: others(no), sound: Sound::Silence }).collect();
        mixer.set_mix(call, ears);
        Ok(Self { socket, servers, number: n, timestamp: 0 })
    }

    /// Each says a frame.
    fn say(&mut self, heard: &mut Heard) {
        let mut packet = [0; 12 + FRAME];
        packet[..2].copy_from_slice(&[0x80, 8]);
        packet[2..4].copy_from_slice(&self.number.to_be_bytes());
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        for (place, code) in packet[12..].iter_mut().enumerate() {
            *code = HUM[place % HUM.len()];
        }
        for server in &self.servers {
            packet[8..12].copy_from_slice(&u32::from(server.port()).to_be_bytes());
            heard.sent += u64::from(self.socket.send_to(&packet, server).is_ok());
        }
        self.number = self.number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
    }

    fn hear(&self, heard: &mut Heard) {
        let mut bytes = [0; 512];
        loop {
            match self.socket.recv(&mut bytes) {
                Ok(length) if length == 12 + FRAME && bytes[1] & 0x7f == 8 => {
                    heard.frames += 1;
                    heard.silent += u64::from(bytes[12..length].iter().all(|code| *code == SILENCE));
                }
                // Reports go to the next port, which nobody has here.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    }
}

/// Every telephone says a frame every 20 ms and hears what has come, until then.
fn talk(gateways: &mut [Gateway], until: Instant, heard: &mut Heard) {
    let mut at = now();
    let slice = gateways.len().div_ceil(SLICES).max(1);
    while at < until {
        let mut turn = at;
        for some in gateways.chunks_mut(slice) {
            sleep_until(turn);
            for gateway in some {
                gateway.hear(heard);
                gateway.say(heard);
            }
            turn += FRAME_TIME / SLICES as u32;
        }
        at += FRAME_TIME;
        sleep_until(at);
    }
}

/// Nanoseconds that the mixing threads have run.
fn mixing_time() -> u64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
    let is_mixer = |path: &PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("mixer-"));
    let time = |path: PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|run| run.parse::<u64>().ok()).unwrap_or(0)
    };
    tasks.flatten().map(|task| task.path()).filter(is_mixer).map(time).sum()
}

impl Calls {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        // A pair of ports for each leg, and a socket for each call.
        check_open_files(u32::from(self.conferences) * (2 * u32::from(LEGS) + 1))?;
        let (sender, mut events) = mpsc::channel(65_536);
        let first = 10_000;
        let config = MixerConfig {
            threads: self.threads.into(),
            rtp_ports: first..=first + self.conferences * LEGS * 2 + 999,
            bind: Ipv4Addr::LOCALHOST.into(),
            public: Ipv4Addr::LOCALHOST.into(),
            is_realtime_wanted: !self.without_realtime,
            ..MixerConfig::default()
        };
        let mixer = Mixer::start(config, sender)?;
        let gateways = (0..self.conferences).map(|n| Gateway::open(&mixer, n)).collect::<anyhow::Result<Vec<_>>>();
        let mut gateways = gateways.context("a leg could not be opened")?;
        talk(&mut gateways, now() + WARM, &mut Heard::default());
        let qualities = |events: &mut mpsc::Receiver<AudioEvent>| {
            let told = std::iter::from_fn(|| events.try_recv().ok());
            told.fold((0, 0, 0), |(lost, late, concealed), event| match event {
                AudioEvent::Quality { quality, .. } => (
                    lost + u64::from(quality.lost),
                    late + u64::from(quality.late),
                    concealed + u64::from(quality.concealed),
                ),
                _ => (lost, late, concealed),
            })
        };
        qualities(&mut events);
        let (before, run, mut heard) = (mixer.counters(), mixing_time(), Heard::default());
        talk(&mut gateways, now() + Duration::from_secs(self.duration), &mut heard);
        let (after, run) = (mixer.counters(), mixing_time() - run);
        let (lost, late, concealed) = qualities(&mut events);
        let since = |of: fn(&Counters) -> u64| of(&after) - of(&before);
        let ticks = since(|counters| counters.ticks);
        Ok(Report {
            command: "calls",
            conferences: self.conferences,
            threads: self.threads,
            is_realtime: mixer.is_realtime(),
            ticks,
            late_ticks: since(|counters| counters.late_ticks),
            longest_tick_ms: after.longest_tick_nanos as f64 / 1e6,
            mixing_cpu_percent: run as f64 / 1e7 / self.duration as f64,
            us_per_conference_and_tick: run as f64 * f64::from(self.threads)
                / 1e3
                / ticks.max(1) as f64
                / f64::from(self.conferences),
            packets_sent: heard.sent,
            packets_mixed: since(|counters| counters.sent),
            packets_heard: heard.frames,
            lost,
            late,
            concealed,
            silent_frames: heard.silent,
            unsent: since(|counters| counters.unsent),
            stray: since(|counters| counters.stray),
        })
    }
}
