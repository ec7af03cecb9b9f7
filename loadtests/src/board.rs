//! `board`: many agents, many who wait, things that happen all the time, and supervisors who watch. Measured: how old the board
//! is that arrives, how long none comes, and what it costs the server.
//!
//! The agents are on a break, so that those who wait stay waiting; what happens are requests for a human and their
//! cancellations.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use bangban_domain::{
    ConversationId, Timestamp,
    words::{AgentStatus, Channel},
};
use bangban_protocol::{Answer, Command, EventBody, Identity, Snapshot, Topic};
use clap::Args;
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    Common, check_open_files,
    client::{Client, is_busy},
    figures::Latencies,
    http::Http,
    office::first_citizen,
    process::Process,
    source::Source,
};

/// Citizens and agents who come at the same time.
const AT_ONCE: usize = 32;

/// Citizens who ask for a human and go back to the bot, over and over.
const FICKLE: u32 = 200;

/// Before anything is measured: the last ones have come.
const PAUSE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(crate) struct Board {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Agents; the server must have been started with so many `--load-agents`.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Citizens who wait for a human and have closed the page.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    waiting: u32,
    /// Requests and cancellations a second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
    /// Supervisors who watch the city's board.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    watchers: u32,
    /// Seconds of each of the three runs.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    duration: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    agents: u32,
    waiting: u32,
    events_per_second: f64,
    watchers: u32,
    boards: u32,
    board_bytes: usize,
    /// From the instant that a board speaks of to its arrival.
    behind_p50_ms: Option<f64>,
    behind_p99_ms: Option<f64>,
    behind_max_ms: Option<f64>,
    /// Between two boards of one watcher.
    between_max_ms: Option<f64>,
    /// Of what happened: request to answer.
    event_p99_ms: Option<f64>,
    /// In percent of one core: nothing happens, things happen and nobody watches, things happen and all watch.
    server_cpu_percent_still: f64,
    server_cpu_percent_unwatched: f64,
    server_cpu_percent_watched: f64,
    others_cpu_percent: f64,
    refused: u32,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.boards > 0
    }
}

/// What all see.
#[derive(Default)]
struct Seen {
    events: RefCell<Latencies>,
    behind: RefCell<Latencies>,
    between: RefCell<Latencies>,
    happened: Cell<u32>,
    refused: Cell<u32>,
    boards: Cell<u32>,
    bytes: Cell<usize>,
    is_measured: Cell<bool>,
}

#[expect(clippy::disallowed_methods, reason = "the server's clock and ours are the same machine's")]
fn age(as_of: Timestamp) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(u64::try_from(as_of.0).unwrap_or_default()))
}

impl Board {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        check_open_files(self.agents + self.watchers + FICKLE)?;
        let server = Process::find(self.common.pid, self.common.url.port())?;
        let (url, length) = (self.common.url, Duration::from_secs(self.duration));
        let mut http = Http::connect(url).await?;
        let mut people = on_break(&mut http, url, self.agents).await?;
        eprintln!("{} agents are on a break", self.agents);
        let first = first_citizen();
        wait_for_a_human(&mut http, url, first, self.waiting).await?;
        eprintln!("{} citizens wait", self.waiting);
        sleep(PAUSE).await;

        let still = self.measure(server, length).await;
        let seen = Rc::new(Seen::default());
        let beat = Duration::from_secs_f64(f64::from(FICKLE) / f64::from(self.events));
        for n in 0..FICKLE {
            let token = http.citizen(first + self.waiting + n).await?;
            people.push(spawn_local(fickle(url, n, token, beat, Rc::clone(&seen))));
        }
        sleep(PAUSE).await;
        let unwatched = self.measure(server, length).await;

        let supervisor = http.staff("super1").await?;
        for n in 0..self.watchers {
            people.push(spawn_local(watch(url, n, supervisor.token.clone(), Rc::clone(&seen))));
        }
        sleep(PAUSE).await;
        anyhow::ensure!(people.iter().all(|one| !one.is_finished()), "somebody has lost their connection");
        seen.is_measured.set(true);
        let watched = self.measure(server, length).await;
        seen.is_measured.set(false);
        for one in people {
            if one.is_finished() {
                one.await??;
            }
        }
        let percent = |cpu: f64| cpu * 100.0 / length.as_secs_f64();
        let (mut behind, mut between) = (seen.behind.borrow_mut(), seen.between.borrow_mut());
        Ok(Report {
            command: "board",
            agents: self.agents,
            waiting: self.waiting,
            events_per_second: f64::from(seen.happened.get()) / length.as_secs_f64(),
            watchers: self.watchers,
            boards: seen.boards.get(),
            board_bytes: seen.bytes.get(),
            behind_p50_ms: behind.percentile_ms(0.5),
            behind_p99_ms: behind.percentile_ms(0.99),
            behind_max_ms: behind.percentile_ms(1.0),
            between_max_ms: between.percentile_ms(1.0),
            event_p99_ms: seen.events.borrow_mut().percentile_ms(0.99),
            server_cpu_percent_still: percent(still.0),
            server_cpu_percent_unwatched: percent(unwatched.0),
            server_cpu_percent_watched: percent(watched.0),
            others_cpu_percent: percent(watched.1),
            refused: seen.refused.get(),
        })
    }

    /// CPU seconds of the server and of others while nothing is done here but what goes on already.
    async fn measure(&self, server: Process, length: Duration) -> (f64, f64) {
        let begin = server.cpu();
        sleep(length).await;
        let used = begin.until(server.cpu());
        (used.server, used.others)
    }
}

type Person = JoinHandle<anyhow::Result<()>>;

async fn on_break(http: &mut Http, url: SocketAddr, agents: u32) -> anyhow::Result<Vec<Person>> {
    let mut people = Vec::new();
    for n in 1..=agents {
        let login = http.agent(n).await?;
        let Identity::Staff { id, .. } = login.me else { anyhow::bail!("load-agent-{n} is no member of staff") };
        let (mut client, _) = Client::connect(url, Source::agent(n), None, &login.token).await?;
        client.ask(Command::Subscribe { topic: Topic::Agent(id), after: None }).await?;
        client.ask(Command::SetStatus { status: AgentStatus::Break }).await?;
        people.push(spawn_local(async move { Err(client.idle(None).await.err().context("idle")?.into()) }));
    }
    Ok(people)
}

async fn open(url: SocketAddr, n: u32, token: &str) -> anyhow::Result<(Client, ConversationId)> {
    let (mut client, _) = Client::connect(url, Source(n), None, token).await?;
    let open = Command::OpenConversation { item: None, district: None, channel: Channel::Pc, hall: None, ticket: None };
    let Answer::Opened { conversation } = client.ask(open).await? else { anyhow::bail!("not opened") };
    Ok((client, conversation))
}

async fn wait_for_a_human(http: &mut Http, url: SocketAddr, first: u32, count: u32) -> anyhow::Result<()> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut coming = Vec::new();
    for n in 0..count {
        let permit = Arc::clone(&room).acquire_owned().await?;
        let token = http.citizen(first + n).await?;
        coming.push(spawn_local(async move {
            let _permit = permit;
            let (mut client, conversation) = open(url, n, &token).await?;
            loop {
                match client.ask(Command::RequestHuman { conversation }).await {
                    Ok(Answer::Queued { .. }) => return anyhow::Ok(()),
                    Ok(other) => anyhow::bail!("request_human was answered {other:?}"),
                    Err(error) if is_busy(&error) => sleep(Duration::from_millis(50)).await,
                    Err(error) => return Err(error),
                }
            }
        }));
    }
    for one in coming {
        one.await??;
    }
    Ok(())
}

/// Asks, and goes back to the bot, a beat apart.
async fn fickle(url: SocketAddr, n: u32, token: String, beat: Duration, seen: Rc<Seen>) -> anyhow::Result<()> {
    let (mut client, conversation) = open(url, n, &token).await?;
    let mut next = Instant::now() + beat.mul_f64(f64::from(n) / f64::from(FICKLE));
    let mut waits = false;
    loop {
        sleep_until(next).await;
        let wanted =
            if waits { Command::CancelRequest { conversation } } else { Command::RequestHuman { conversation } };
        let answer = client.ask(wanted).await;
        client.forget_events();
        match answer {
            Ok(_) => waits = !waits,
            Err(error) if is_busy(&error) => seen.refused.set(seen.refused.get() + 1),
            Err(error) => return Err(error),
        }
        if seen.is_measured.get() {
            seen.happened.set(seen.happened.get() + 1);
            seen.events.borrow_mut().add(next.elapsed());
        }
        next += beat;
    }
}

async fn watch(url: SocketAddr, n: u32, token: String, seen: Rc<Seen>) -> anyhow::Result<()> {
    let (mut client, _) = Client::connect(url, Source(n), None, &token).await?;
    let Answer::Subscribed { snapshot, .. } =
        client.ask(Command::Subscribe { topic: Topic::Board, after: None }).await?
    else {
        anyhow::bail!("no board")
    };
    if let Snapshot::Board { view } = *snapshot {
        seen.bytes.set(serde_json::to_vec(&view)?.len());
    }
    let mut last = Instant::now();
    loop {
        if let EventBody::Board { view } = client.event().await? {
            let between = last.elapsed();
            last = Instant::now();
            if seen.is_measured.get() {
                seen.behind.borrow_mut().add(age(view.as_of));
                seen.between.borrow_mut().add(between);
                seen.boards.set(seen.boards.get() + 1);
            }
        }
    }
}
