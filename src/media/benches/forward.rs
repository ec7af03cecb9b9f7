//! Processor time of the media threads per forwarded packet: windows of one publisher (VP8 of 100 packets of 1 200 bytes and
//! Opus of 50 packets of 80 bytes a second) and two viewers, on real sockets. The browsers are played by one thread of this
//! program, which is not counted.
//!
//! `WINDOWS=5,20,40 SECONDS=8 cargo bench -p bangban-media`

use std::{
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use bangban_browser::{Browser, Stream, Turn, streams};
use bangban_domain::{ParticipantId, WindowId, window::Medium};
use bangban_media::{Config, Event, Sfu};
use tokio::sync::mpsc;

const VIEWERS: usize = 2;

/// Somebody in a window.
struct Person {
    window: WindowId,
    participant: ParticipantId,
    browser: Browser,
}

impl Person {
    async fn join(sfu: &Sfu, window: u128, participant: u128) -> Self {
        let (window, participant) = (WindowId::new(window), ParticipantId::new(participant));
        let (mut browser, offer) = Browser::new(now()).expect("a browser");
        let answer = sfu.join(window, participant, offer, browser.lines().to_vec()).await.expect("an answer");
        browser.accept(&answer).expect("agreement");
        Self { window, participant, browser }
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
    begin: Instant,
    /// Publisher and viewers of the first window, then of the second, ...
    people: Vec<Person>,
}

impl Load {
    fn turn(&mut self, streams: Option<&[Stream; 2]>) {
        let mut buffer = vec![0; 2_048];
        let mut at = Turn { now: now(), begin: self.begin, buffer: &mut buffer, late: &mut |_| {} };
        for (n, person) in self.people.iter_mut().enumerate() {
            person.browser.turn(&mut at).expect("a connection");
            if let Some(streams) = streams.filter(|_| n % (VIEWERS + 1) == 0) {
                person.browser.publish(streams, &mut at).expect("a connection");
            }
        }
        nap();
    }

    async fn answer_all(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            if let Event::Offer { window, participant, number, sdp } = event {
                let found = self.people.iter_mut().find(|one| (one.window, one.participant) == (window, participant));
                let answer = found.expect("somebody").browser.answer(&sdp).expect("an answer");
                self.sfu.answer(window, participant, number, answer).await.expect("agreement");
            }
        }
    }

    fn browsers(&self) -> impl Iterator<Item = &Browser> {
        self.people.iter().map(|person| &person.browser)
    }
}

async fn measure(windows: usize, seconds: u64) {
    let (sender, events) = mpsc::channel(100_000);
    let config = Config { bind: "127.0.0.1:0".parse().expect("an address"), public: None, threads: 1 };
    let sfu = Sfu::start(&config, &sender).expect("the media thread");
    let mut load = Load { sfu, events, begin: now(), people: Vec::new() };
    for window in 1..=windows as u128 {
        for n in 0..=VIEWERS as u128 {
            load.people.push(Person::join(&load.sfu, window, window * 10 + n).await);
        }
        for medium in [Medium::Voice, Medium::Screen] {
            let publisher = ParticipantId::new(window * 10);
            load.sfu.publish(WindowId::new(window), publisher, medium, true).await.expect("published");
        }
        while load.browsers().any(|browser| !browser.is_connected) {
            load.turn(None);
            load.answer_all().await;
        }
    }
    let streams = streams();
    let begin = |load: &mut Load, streams: &[Stream; 2]| {
        let (windows, at) = (u32::try_from(windows).expect("few"), now());
        for (n, person) in (0u32..).zip(&mut load.people) {
            // Evenly spaced over the time between two packets.
            let phase = n / 3;
            person.browser.due = [0, 1].map(|k: usize| at + streams[k].every * phase / windows);
        }
    };
    begin(&mut load, &streams);
    let warm = now() + Duration::from_secs(2);
    while now() < warm {
        load.turn(Some(&streams));
        load.answer_all().await;
    }
    let received = |load: &Load| load.browsers().map(|browser| browser.received).sum::<u64>();
    let sent = |load: &Load| load.browsers().flat_map(|browser| browser.sent).sum::<u64>();
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
