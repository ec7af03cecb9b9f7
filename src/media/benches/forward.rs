//! Processor time of the media threads per forwarded packet: windows of one publisher (VP8 of 100 packets of 1 200 bytes and
//! Opus of 50 packets of 80 bytes a second) and two viewers, on real sockets. The browsers are played by one thread of this
//! program, which is not counted.
//!
//! `WINDOWS=5,20,40 SECONDS=8 cargo bench -p bangban-media`

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use bangban_domain::{ParticipantId, WindowId, window::Medium};
use bangban_media::{Config, Event, Lines, Sfu};
use str0m::{
    Candidate, Event as RtcEvent, Input, Output, Rtc,
    change::SdpOffer,
    format::Codec,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};
use tokio::sync::mpsc;

const VIEWERS: usize = 2;

/// What a publisher sends of one medium.
struct Stream {
    medium: Medium,
    codec: Codec,
    every: Duration,
    ticks: u32,
    payload: Vec<u8>,
}

fn streams() -> [Stream; 2] {
    let key_frame = |size: usize| [&[0x10, 0x50][..], &vec![7; size - 2]].concat();
    let second = Duration::from_secs(1);
    [
        Stream { medium: Medium::Voice, codec: Codec::Opus, every: second / 50, ticks: 960, payload: vec![7; 80] },
        Stream {
            medium: Medium::Screen,
            codec: Codec::Vp8,
            every: second / 100,
            ticks: 900,
            payload: key_frame(1_200),
        },
    ]
}

struct Browser {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    window: WindowId,
    participant: ParticipantId,
    mids: BTreeMap<Medium, Mid>,
    is_connected: bool,
    received: u64,
    due: [Instant; 2],
    sent: [u64; 2],
    timer: Instant,
}

impl Browser {
    fn new(window: u128, participant: u128, now: Instant) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("a socket that does not block");
        let address = socket.local_addr().expect("an address");
        let mut rtc =
            Rtc::builder().clear_codecs().enable_opus(true, false).enable_vp8(true).set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("a candidate"));
        Self {
            rtc,
            socket,
            address,
            window: WindowId::new(window),
            participant: ParticipantId::new(participant),
            mids: BTreeMap::new(),
            is_connected: false,
            received: 0,
            due: [now; 2],
            sent: [0; 2],
            timer: now,
        }
    }

    async fn join(&mut self, sfu: &Sfu) {
        let mut change = self.rtc.sdp_api();
        for (medium, kind) in [(Medium::Voice, MediaKind::Audio), (Medium::Screen, MediaKind::Video)] {
            self.mids.insert(medium, change.add_media(kind, Direction::SendOnly, None, None, None));
        }
        let (offer, pending) = change.apply().expect("an offer");
        let lines: Lines = self.mids.iter().map(|(medium, mid)| (mid.to_string(), *medium)).collect();
        let answer = sfu.join(self.window, self.participant, offer.to_sdp_string(), lines).await.expect("an answer");
        let answer = str0m::change::SdpAnswer::from_sdp_string(&answer).expect("an answer");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("agreement");
    }

    fn answer(&mut self, offer: &str) -> String {
        let offer = SdpOffer::from_sdp_string(offer).expect("an offer");
        self.rtc.sdp_api().accept_offer(offer).expect("an answer").to_sdp_string()
    }

    fn turn(&mut self, server: SocketAddr, now: Instant, buffer: &mut [u8]) {
        let mut is_awake = self.timer <= now;
        while let Ok((length, source)) = self.socket.recv_from(buffer) {
            let Ok(contents) = buffer[..length].try_into() else { continue };
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            self.rtc.handle_input(Input::Receive(now, receive)).expect("a datagram");
            is_awake = true;
            self.drain(server, now);
        }
        if is_awake {
            self.rtc.handle_input(Input::Timeout(now)).expect("time");
            self.drain(server, now);
        }
    }

    fn drain(&mut self, server: SocketAddr, now: Instant) {
        loop {
            match self.rtc.poll_output().expect("a connection") {
                Output::Timeout(at) => {
                    self.timer = at.max(now + Duration::from_micros(500));
                    return;
                }
                Output::Transmit(datagram) => {
                    self.socket.send_to(&datagram.contents, server).expect("a datagram sent");
                }
                Output::Event(RtcEvent::Connected) => self.is_connected = true,
                Output::Event(RtcEvent::RtpPacket(_)) => self.received += 1,
                Output::Event(_) => {}
            }
        }
    }

    fn publish(&mut self, streams: &[Stream; 2], server: SocketAddr, now: Instant) {
        for (n, stream) in streams.iter().enumerate() {
            if self.due[n] > now {
                continue;
            }
            self.due[n] += stream.every;
            let pt = self.rtc.codec_config().find(|one| one.spec().codec == stream.codec).expect("a codec").pt();
            let timestamp = u32::try_from(self.sent[n] % (1 << 20)).unwrap_or(0) * stream.ticks;
            let mid = self.mids[&stream.medium];
            let mut api = self.rtc.direct_api();
            let sender = api.stream_tx_by_mid(mid, None).expect("a stream");
            let is_video = stream.codec == Codec::Vp8;
            let write = RtpWrite::new(pt, self.sent[n].into(), timestamp, now, stream.payload.as_slice());
            sender.write_rtp(write.marker(true).nackable(is_video));
            self.sent[n] += 1;
            self.rtc.handle_input(Input::Timeout(now)).expect("time");
            self.drain(server, now);
        }
    }
}

/// Nanoseconds that the media threads have run.
fn processor_time() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads").flatten().map(|task| task.path());
    let is_media =
        |path: &PathBuf| std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("media-"));
    let time = |path: PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|run| run.parse::<u64>().ok()).unwrap_or(0)
    };
    tasks.filter(is_media).map(time).sum()
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "browsers send at a pace")]
fn nap() {
    sleep(Duration::from_micros(200));
}

struct Load {
    sfu: Sfu,
    events: mpsc::Receiver<Event>,
    /// Publisher and viewers of the first window, then of the second, ...
    browsers: Vec<Browser>,
}

impl Load {
    fn turn(&mut self, streams: Option<&[Stream; 2]>) {
        let (at, server) = (now(), self.sfu.address());
        let mut buffer = vec![0; 2_048];
        for (n, browser) in self.browsers.iter_mut().enumerate() {
            browser.turn(server, at, &mut buffer);
            if let Some(streams) = streams.filter(|_| n % (VIEWERS + 1) == 0) {
                browser.publish(streams, server, at);
            }
        }
        nap();
    }

    async fn answer_all(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            if let Event::Offer { window, participant, number, sdp } = event {
                let browser = self.browsers.iter_mut().find(|one| one.participant == participant).expect("a browser");
                let answer = browser.answer(&sdp);
                self.sfu.answer(window, participant, number, answer).await.expect("agreement");
            }
        }
    }
}

async fn measure(windows: usize, seconds: u64) {
    let (sender, events) = mpsc::channel(100_000);
    let config = Config { bind: "127.0.0.1:0".parse().expect("an address"), public: None, threads: 1 };
    let sfu = Sfu::start(&config, &sender).expect("the media thread");
    let mut load = Load { sfu, events, browsers: Vec::new() };
    for window in 1..=windows as u128 {
        for n in 0..=VIEWERS as u128 {
            let mut browser = Browser::new(window, window * 10 + n, now());
            browser.join(&load.sfu).await;
            load.browsers.push(browser);
        }
        for medium in [Medium::Voice, Medium::Screen] {
            let publisher = ParticipantId::new(window * 10);
            load.sfu.publish(WindowId::new(window), publisher, medium, true).await.expect("published");
        }
        while load.browsers.iter().any(|browser| !browser.is_connected) {
            load.turn(None);
            load.answer_all().await;
        }
    }
    let streams = streams();
    let begin = |load: &mut Load, streams: &[Stream; 2]| {
        let (windows, at) = (u32::try_from(windows).expect("few"), now());
        for (n, browser) in (0u32..).zip(load.browsers.iter_mut()) {
            // Evenly spaced over the time between two packets.
            let phase = n / 3;
            browser.due = [0, 1].map(|k: usize| at + streams[k].every * phase / windows);
        }
    };
    begin(&mut load, &streams);
    let warm = now() + Duration::from_secs(2);
    while now() < warm {
        load.turn(Some(&streams));
        load.answer_all().await;
    }
    let received = |load: &Load| load.browsers.iter().map(|browser| browser.received).sum::<u64>();
    let sent = |load: &Load| load.browsers.iter().flat_map(|browser| browser.sent).sum::<u64>();
    let (run, forwarded, from, to) = (processor_time(), load.sfu.counters().forwarded, sent(&load), received(&load));
    let end = now() + Duration::from_secs(seconds);
    while now() < end {
        load.turn(Some(&streams));
    }
    let run = processor_time() - run;
    let counters = load.sfu.counters();
    let forwarded = counters.forwarded - forwarded;
    let (from, to) = ((sent(&load) - from) * VIEWERS as u64, received(&load) - to);
    println!(
        "{windows:>4} windows: {:>6.2} µs per forwarded packet, {:>5.1} % of a core, {} forwarded/s, {} of {} received, {} unsent",
        run as f64 / 1_000.0 / forwarded.max(1) as f64,
        run as f64 / 10_000_000.0 / seconds as f64,
        forwarded / seconds,
        to,
        from,
        counters.unsent,
    );
}

fn main() {
    // `cargo test --benches` only wants to know whether it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    str0m::crypto::from_feature_flags().install_process_default();
    let windows = std::env::var("WINDOWS").unwrap_or_else(|_| "5,20,40".to_owned());
    let seconds = std::env::var("SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for windows in windows.split(',').filter_map(|text| text.parse().ok()) {
        runtime.block_on(measure(windows, seconds));
    }
}
