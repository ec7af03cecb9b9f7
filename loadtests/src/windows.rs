//! `windows`: virtual windows of a citizen who shares a screen and speaks, and two who watch: the agent and a supervisor. They
//! are asked for, agreed to and joined by the public protocol; the browsers are played by `str0m`, which decrypts what comes.
//! Measured: what a forwarded packet costs the server, what is lost, and how late packets come.
//!
//! With `--cycles` windows are opened, joined and ended one after the other instead, and what is left of them is counted.
//!
//! Start the server with as many `--load-agents` as rooms, `--load-capacity 1`, `BANGBAN__MEDIA__LISTEN=127.0.0.1:0` and the
//! limits out of the way (docs/performance.md).

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bangban_browser::{Browser, Stream, Turn, streams};
use bangban_domain::{
    WindowId,
    window::{Origin, Purpose, Seat},
};
use bangban_protocol::{Answer, Command, EventBody, Identity, MediaLine, Snapshot, Topic};
use clap::Args;
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    Common, check_open_files,
    client::Client,
    figures::Latencies,
    http::Http,
    office::{self, Agent, Citizen},
    process::{Process, dropped_at},
    source::Source,
};

/// Who watch one window.
const VIEWERS: u64 = 2;
/// Before anything is counted: key frames have been asked for and given.
const WARM: Duration = Duration::from_secs(2);
/// After the last packet: what is on its way arrives, and what was lost is repaired.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a browser may take to be connected and given its legs.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Windows {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Windows that are open at the same time; as many `--load-agents` are needed.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=500))]
    rooms: u32,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    duration: u64,
    /// Opens, joins and ends so many windows one after the other, instead of measuring what flows.
    #[arg(long, default_value_t = 0, requires = "metrics")]
    cycles: u32,
    /// Where the server's metrics are (`http.metrics_listen`): what its media threads have counted is reported too.
    #[arg(long, value_parser = crate::address)]
    metrics: Option<SocketAddr>,
}

/// What the media threads have counted (`bangban_media_total`), and how many windows and connections they have.
type Counted = BTreeMap<String, u64>;

/// Packets that the server threw away, by these counters: the system would not take them, or too many came at once.
const DROPS: [&str; 2] = ["unsent", "over_budget"];

/// Windows before memory is looked at: whatever is made once has been made.
const SETTLE: u32 = 100;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    rooms: u32,
    /// By the citizens.
    sent_per_second: f64,
    /// To agents and supervisors.
    forwarded_per_second: f64,
    /// Of what should have been forwarded, in percent.
    lost_percent: f64,
    /// Everything that the server's process did meanwhile, by what it forwarded.
    server_cpu_us_per_forwarded: f64,
    /// In percent of one core.
    server_cpu_percent: f64,
    others_cpu_percent: f64,
    /// From one browser to the other; this program looks at its sockets every 0.2 ms.
    latency_p50_ms: Option<f64>,
    latency_p99_ms: Option<f64>,
    latency_max_ms: Option<f64>,
    /// From "a window, please" to both viewers' legs, of one after the other.
    opened_p50_ms: Option<f64>,
    opened_max_ms: Option<f64>,
    server_rss_kib: u64,
    server_rss_kib_per_room: u64,
    /// Packets of the measured time that the server threw away, apart from what was lost on the way (`--metrics`).
    server_dropped: Option<u64>,
    /// Packets of the measured time that came to the server's media port and found no room there.
    socket_dropped: u64,
    /// What the media threads counted in the measured time, each as `media_...` (`--metrics`).
    #[serde(flatten)]
    media: Counted,
}

/// Of `--cycles`.
#[derive(Debug, Serialize)]
pub(crate) struct Cycled {
    command: &'static str,
    cycles: u32,
    /// From "a window, please" until it is over, with a browser of each side that has joined.
    cycle_p50_ms: Option<f64>,
    cycle_p99_ms: Option<f64>,
    /// What the media threads have afterwards.
    windows_left: u64,
    connections_left: u64,
    /// Connections that ended otherwise than their window did.
    failed: u64,
    /// Resident memory after the first 100 windows, and at the end.
    server_rss_kib_at_first: u64,
    server_rss_kib: u64,
}

/// What is printed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Flow(Box<Report>),
    Cycles(Cycled),
}

impl Outcome {
    pub(crate) fn is_clean(&self) -> bool {
        match self {
            Self::Flow(report) => {
                report.forwarded_per_second > 0.0
                    && report.lost_percent == 0.0
                    && report.server_dropped.unwrap_or(0) + report.socket_dropped == 0
            }
            Self::Cycles(cycled) => cycled.windows_left + cycled.connections_left + cycled.failed == 0,
        }
    }
}

/// Nothing, if the metrics are not known.
async fn counted(metrics: Option<SocketAddr>) -> anyhow::Result<Counted> {
    let Some(address) = metrics else { return Ok(Counted::new()) };
    let page = Http::connect(address).await.context("--metrics")?.metrics().await?;
    let named = page.into_iter().filter_map(|(name, n)| {
        let what = name.strip_prefix("bangban_media")?.trim_start_matches("_total");
        let what = what.strip_prefix("{what=\"")?.strip_suffix("\"}")?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers")]
        Some((what.to_owned(), n as u64))
    });
    Ok(named.collect())
}

/// Joins with a browser as whoever sits there; also gives the server's media port.
async fn connect(client: &mut Client, window: WindowId) -> anyhow::Result<(Browser, u16)> {
    let (mut browser, sdp) = Browser::new(now())?;
    let lines = browser.lines().map(|(mid, medium)| MediaLine { mid, medium }).to_vec();
    let Answer::WindowAnswer { sdp } = client.ask(Command::ConnectWindow { window, sdp, lines }).await? else {
        anyhow::bail!("not connected")
    };
    browser.accept(&sdp)?;
    let candidate = sdp.lines().find_map(|line| line.strip_prefix("a=candidate:")).context("no candidate")?;
    let port = candidate.split(' ').nth(5).context("no port")?.parse()?;
    Ok((browser, port))
}

/// A citizen, and those who watch.
struct Room {
    citizen: Browser,
    viewers: [Browser; 2],
}

struct Load {
    begin: Instant,
    rooms: Vec<Room>,
    buffer: Vec<u8>,
    latencies: Option<Latencies>,
    /// The server's media port.
    port: u16,
}

impl Load {
    /// All browsers once.
    fn turn(&mut self, streams: Option<&[Stream; 2]>) -> anyhow::Result<()> {
        let (begin, latencies) = (self.begin, &mut self.latencies);
        let mut late = |span| {
            if let Some(latencies) = latencies.as_mut() {
                latencies.add(span);
            }
        };
        for room in &mut self.rooms {
            let mut at = Turn { now: now(), begin, buffer: &mut self.buffer, late: &mut late };
            room.citizen.turn(&mut at)?;
            if let Some(streams) = streams {
                room.citizen.publish(streams, &mut at)?;
            }
            for viewer in &mut room.viewers {
                at.now = now();
                viewer.turn(&mut at)?;
            }
        }
        nap();
        Ok(())
    }

    fn run(&mut self, length: Duration, streams: Option<&[Stream; 2]>) -> anyhow::Result<()> {
        let end = now() + length;
        while now() < end {
            self.turn(streams)?;
        }
        Ok(())
    }

    /// Packets that citizens have sent, and that viewers have got.
    fn counts(&self) -> (u64, u64) {
        let sent = self.rooms.iter().flat_map(|room| room.citizen.sent).sum();
        let received = self.rooms.iter().flat_map(|room| &room.viewers).map(|viewer| viewer.received).sum();
        (sent, received)
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "browsers look at their sockets at a pace")]
fn nap() {
    std::thread::sleep(Duration::from_micros(200));
}

impl Windows {
    pub(crate) async fn run(&self) -> anyhow::Result<Outcome> {
        str0m::crypto::from_feature_flags().install_process_default();
        if self.cycles > 0 {
            return Ok(Outcome::Cycles(self.cycle().await?));
        }
        Ok(Outcome::Flow(Box::new(self.flow().await?)))
    }

    /// Windows that come and go.
    async fn cycle(&self) -> anyhow::Result<Cycled> {
        let url = self.common.url;
        let server = Process::find(self.common.pid, url.port())?;
        let mut people = office::open(url, 1, 1, None).await?;
        let (Some(citizen), Some(agent)) = (people.citizens.first_mut(), people.agents.first_mut()) else {
            anyhow::bail!("nobody is there");
        };
        let before = counted(self.metrics).await?;
        let mut spans = Latencies::default();
        let mut at_first = server.rss_kib();
        for n in 0..self.cycles {
            let asked = now();
            let window = consented(citizen, agent).await?;
            for client in [&mut citizen.client, &mut agent.client] {
                connect(client, window).await?;
            }
            for stream in streams() {
                citizen.client.ask(Command::Publish { window, medium: stream.medium, on: true }).await?;
            }
            agent.client.ask(Command::EndWindow { window }).await?;
            spans.add(asked.elapsed());
            if n == SETTLE {
                at_first = server.rss_kib();
            }
        }
        let after = counted(self.metrics).await?;
        let of = |counted: &Counted, what: &str| counted.get(what).copied().unwrap_or(0);
        Ok(Cycled {
            command: "windows",
            cycles: self.cycles,
            cycle_p50_ms: spans.percentile_ms(0.5),
            cycle_p99_ms: spans.percentile_ms(0.99),
            windows_left: of(&after, "windows"),
            connections_left: of(&after, "peers"),
            failed: of(&after, "failed") - of(&before, "failed"),
            server_rss_kib_at_first: at_first,
            server_rss_kib: server.rss_kib(),
        })
    }

    async fn flow(&self) -> anyhow::Result<Report> {
        let (url, rooms) = (self.common.url, self.rooms);
        check_open_files(rooms * 5 + 1)?;
        let server = Process::find(self.common.pid, url.port())?;
        let mut people = office::open(url, rooms, rooms, None).await?;
        let login = Http::connect(url).await?.staff("super1").await?;
        let Identity::Staff { .. } = login.me else { anyhow::bail!("super1 is no member of staff") };
        let (mut supervisor, _) = Client::connect(url, Source::agent(rooms + 1), None, &login.token).await?;

        let before = server.rss_kib();
        let mut load = Load { begin: now(), rooms: Vec::new(), buffer: vec![0; 2_048], latencies: None, port: 0 };
        let mut opened = Latencies::default();
        for citizen in &mut people.citizens {
            let owns = |agent: &&mut Agent| agent.conversations.contains(&citizen.conversation);
            let agent = people.agents.iter_mut().find(owns).context("nobody serves a citizen")?;
            let asked = now();
            let window = agree(citizen, agent, &mut supervisor).await?;
            let viewers = [&mut agent.client, &mut supervisor];
            join(&mut load, window, &mut citizen.client, viewers).await?;
            opened.add(asked.elapsed());
        }

        let streams = streams();
        let start = now();
        for (n, room) in (0u32..).zip(&mut load.rooms) {
            // Evenly spaced over the time between two packets.
            room.citizen.due = [0, 1].map(|k: usize| start + streams[k].every * n / rooms);
        }
        load.run(WARM, Some(&streams))?;
        load.latencies = Some(Latencies::default());
        let (media, dropped) = (counted(self.metrics).await?, dropped_at(load.port));
        let ((sent, received), cpu) = (load.counts(), server.cpu());
        let length = Duration::from_secs(self.duration);
        load.run(length, Some(&streams))?;
        let used = cpu.until(server.cpu());
        load.run(DRAIN, None)?;
        let (sent, received) = (load.counts().0 - sent, load.counts().1 - received);
        let expected = sent * VIEWERS;
        let mut latencies = load.latencies.take().unwrap_or_default();
        let seconds = length.as_secs_f64();
        let rss = server.rss_kib();
        let socket_dropped = dropped_at(load.port) - dropped;
        // How many there are is no matter of the measured time.
        let since =
            counted(self.metrics).await?.into_iter().filter(|(what, _)| !matches!(&**what, "windows" | "peers"));
        let media: Counted =
            since.map(|(what, n)| (format!("media_{what}"), n - media.get(&what).copied().unwrap_or(0))).collect();
        let drops = DROPS.iter().filter_map(|what| media.get(&format!("media_{what}")));
        Ok(Report {
            command: "windows",
            rooms,
            sent_per_second: float(sent) / seconds,
            forwarded_per_second: float(received) / seconds,
            // Packets of the time before are among those that came, so that more than all can come.
            lost_percent: 100.0 * float(expected.saturating_sub(received)) / float(expected.max(1)),
            server_cpu_us_per_forwarded: used.server * 1e6 / float(received.max(1)),
            server_cpu_percent: used.server * 100.0 / seconds,
            others_cpu_percent: used.others * 100.0 / seconds,
            latency_p50_ms: latencies.percentile_ms(0.5),
            latency_p99_ms: latencies.percentile_ms(0.99),
            latency_max_ms: latencies.percentile_ms(1.0),
            opened_p50_ms: opened.percentile_ms(0.5),
            opened_max_ms: opened.percentile_ms(1.0),
            server_rss_kib: rss,
            server_rss_kib_per_room: rss.saturating_sub(before) / u64::from(rooms),
            server_dropped: self.metrics.is_some().then(|| drops.sum()),
            socket_dropped,
            media,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "packets of some minutes")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// A window that both sides have agreed to, and sit in.
async fn consented(citizen: &mut Citizen, agent: &mut Agent) -> anyhow::Result<WindowId> {
    let conversation = citizen.conversation;
    let ask = Command::AskWindow { conversation, origin: Origin::Conversation };
    let Answer::OpenedWindow { window } = citizen.client.ask(ask).await? else { anyhow::bail!("no window") };
    let topic = Command::Subscribe { topic: Topic::Window(window), after: None };
    let Answer::Subscribed { snapshot, .. } = citizen.client.ask(topic).await? else { anyhow::bail!("no window") };
    let Snapshot::Window { view, .. } = *snapshot else { anyhow::bail!("no window") };
    agent.client.ask(Command::AnswerWindow { window, accepts: true }).await?;
    for purpose in [Purpose::Window, Purpose::Screen] {
        let text = view.texts.iter().find(|text| text.purpose == purpose).context("no text to agree to")?;
        let consent = Command::Consent { window, purpose, text: text.id.clone(), version: text.version };
        citizen.client.ask(consent).await?;
    }
    citizen.client.ask(Command::TakeSeat { window, seat: Seat::Citizen }).await?;
    agent.client.ask(Command::TakeSeat { window, seat: Seat::Agent }).await?;
    Ok(window)
}

/// The same with a supervisor who watches.
async fn agree(citizen: &mut Citizen, agent: &mut Agent, supervisor: &mut Client) -> anyhow::Result<WindowId> {
    let window = consented(citizen, agent).await?;
    supervisor.ask(Command::TakeSeat { window, seat: Seat::Supervisor }).await?;
    Ok(window)
}

/// Connects all three, and lets the citizen be seen and heard; done when both viewers have been told their legs.
async fn join(
    load: &mut Load,
    window: WindowId,
    citizen: &mut Client,
    viewers: [&mut Client; 2],
) -> anyhow::Result<()> {
    let [agent, supervisor] = viewers;
    let mut browsers = Vec::new();
    for client in [&mut *citizen, &mut *agent, &mut *supervisor] {
        let (browser, port) = connect(client, window).await?;
        load.port = port;
        browsers.push(browser);
    }
    let Ok([citizens, agents, supervisors]) = <[Browser; 3]>::try_from(browsers) else { anyhow::bail!("three") };
    load.rooms.push(Room { citizen: citizens, viewers: [agents, supervisors] });
    for stream in streams() {
        citizen.ask(Command::Publish { window, medium: stream.medium, on: true }).await?;
    }
    let end = now() + PATIENCE;
    let mut clients = [agent, supervisor];
    let mut legs = [0; 2];
    loop {
        load.turn(None)?;
        let Some(room) = load.rooms.last_mut() else { return Ok(()) };
        for (n, client) in clients.iter_mut().enumerate() {
            let Ok(event) = timeout(Duration::from_millis(1), client.event()).await else { continue };
            match event? {
                EventBody::WindowOffer { window: of, number, sdp } if of == window => {
                    let sdp = room.viewers[n].answer(&sdp)?;
                    client.ask(Command::AnswerWindowOffer { window, number, sdp }).await?;
                }
                EventBody::WindowLegs { window: of, legs: told } if of == window => legs[n] = told.len(),
                _ => {}
            }
        }
        let is_connected = room.citizen.is_connected && room.viewers.iter().all(|viewer| viewer.is_connected);
        if is_connected && legs == [2, 2] {
            return Ok(());
        }
        anyhow::ensure!(now() < end, "a window did not come up: connected {is_connected}, legs {legs:?}");
    }
}
