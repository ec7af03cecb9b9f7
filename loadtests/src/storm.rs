//! `reconnect-storm`: the server dies under many subscribed connections, comes back, and all resume at once.

use std::{
    cell::{Cell, RefCell},
    process::{Child, Command as Process},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::{ConversationId, words::Channel};
use bangban_protocol::{Answer, Command, EventBody, Snapshot};
use clap::Args;
use serde::Serialize;
use tokio::{
    net::TcpStream,
    sync::{Notify, Semaphore},
    task::spawn_local,
    time::{Instant, sleep, timeout},
};

use crate::{
    Common,
    book::gaps,
    check_open_files,
    client::{Client, is_busy},
    figures::Latencies,
    http::Http,
    office::first_citizen,
    source::Source,
};

/// Connections that are being opened at the same time, before the storm.
const AT_ONCE: usize = 64;

/// A client that could not connect waits so long, then twice as long, up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How long the server may be away.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug, Args)]
pub(crate) struct Storm {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many connections.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Starts the server (by `sh`); this program starts it, kills it with SIGKILL and starts it again. Without it, somebody
    /// else has to restart the server once the program says so.
    #[arg(long)]
    server_command: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    command: &'static str,
    connections: u32,
    /// From the first broken connection until the server could be connected to again.
    down_seconds: f64,
    /// From then until the last connection had resumed its conversation.
    all_resumed_seconds: f64,
    /// The same for single connections.
    resumed_p50_seconds: Option<f64>,
    resumed_p99_seconds: Option<f64>,
    /// Attempts to connect that failed after the server was back.
    failed_attempts: u32,
    /// Messages that had not been acknowledged when the server died, and were sent again.
    repeated: u32,
    acknowledged: u32,
    lost: u32,
    duplicated: u32,
    out_of_order: u32,
}

impl Report {
    pub(crate) const fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.out_of_order == 0
    }
}

/// What all connections share.
struct Weather {
    common: Common,
    /// Those that stand before the storm.
    standing: Cell<u32>,
    /// All stand: everybody sends once more.
    go: Notify,
    /// Messages of that moment that were acknowledged.
    promised: Cell<u32>,
    /// Half of them were: the server dies.
    half: Notify,
    broke: Cell<Option<Instant>>,
    back: Cell<Option<Instant>>,
    resumed: RefCell<Vec<Instant>>,
    failed_attempts: Cell<u32>,
    repeated: Cell<u32>,
}

/// What one connection found at the end.
#[derive(Default)]
struct Found {
    acknowledged: u32,
    lost: u32,
    duplicated: u32,
    out_of_order: u32,
}

impl Storm {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        check_open_files(self.connections)?;
        let mut server = match &self.server_command {
            Some(command) => Some(Server::start(command, &self.common).await?),
            None => None,
        };
        let weather = Rc::new(Weather {
            common: self.common.clone(),
            standing: Cell::new(0),
            go: Notify::new(),
            promised: Cell::new(0),
            half: Notify::new(),
            broke: Cell::new(None),
            back: Cell::new(None),
            resumed: RefCell::default(),
            failed_attempts: Cell::new(0),
            repeated: Cell::new(0),
        });
        let mut http = Http::connect(self.common.url).await?;
        let first = first_citizen();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut connections = Vec::new();
        for n in 0..self.connections {
            let permit = Arc::clone(&room).acquire_owned().await?;
            let token = http.citizen(first + n).await?;
            let weather = Rc::clone(&weather);
            connections.push(spawn_local(async move {
                let boat = Boat::launch(&weather, n, token).await?;
                drop(permit);
                boat.sail(&weather).await
            }));
        }
        drop(room.acquire_many(u32::try_from(AT_ONCE)?).await?);
        anyhow::ensure!(weather.standing.get() == self.connections, "{} connections stand", weather.standing.get());
        weather.go.notify_waiters();
        match &mut server {
            // While the other half of the messages is on its way.
            Some(server) => {
                timeout(PATIENCE, weather.half.notified()).await.context("no answers before the storm")?;
                server.restart(&self.common).await?;
            }
            None => eprintln!("{} connections stand: restart the server now", self.connections),
        }
        let mut report = Report {
            command: "reconnect-storm",
            connections: self.connections,
            down_seconds: 0.0,
            all_resumed_seconds: 0.0,
            resumed_p50_seconds: None,
            resumed_p99_seconds: None,
            failed_attempts: weather.failed_attempts.get(),
            repeated: 0,
            acknowledged: 0,
            lost: 0,
            duplicated: 0,
            out_of_order: 0,
        };
        for one in connections {
            let found = one.await??;
            report.acknowledged += found.acknowledged;
            report.lost += found.lost;
            report.duplicated += found.duplicated;
            report.out_of_order += found.out_of_order;
        }
        let broke = weather.broke.get().context("no connection broke")?;
        let back = weather.back.get().context("the server did not come back")?;
        let mut spans = Latencies::default();
        weather.resumed.borrow().iter().for_each(|at| spans.add(at.saturating_duration_since(back)));
        let seconds = |ms: Option<f64>| ms.map(|ms| ms / 1e3);
        Ok(Report {
            down_seconds: back.saturating_duration_since(broke).as_secs_f64(),
            all_resumed_seconds: seconds(spans.percentile_ms(1.0)).unwrap_or(0.0),
            resumed_p50_seconds: seconds(spans.percentile_ms(0.5)),
            resumed_p99_seconds: seconds(spans.percentile_ms(0.99)),
            failed_attempts: weather.failed_attempts.get(),
            repeated: weather.repeated.get(),
            ..report
        })
    }
}

/// One citizen.
struct Boat {
    client: Client,
    n: u32,
    token: String,
    conversation: ConversationId,
    /// The last position that it has seen.
    seq: u64,
    out_of_order: u32,
}

fn said(conversation: ConversationId, client_id: &str) -> Command {
    Command::Send { conversation, client_id: client_id.to_owned(), text: "你好".to_owned(), entry: None }
}

impl Boat {
    async fn launch(weather: &Weather, n: u32, token: String) -> anyhow::Result<Self> {
        let (mut client, _) = Client::connect(weather.common.url, Source(n), None, &token).await?;
        let open =
            Command::OpenConversation { item: None, district: None, channel: Channel::Pc, hall: None, ticket: None };
        let Answer::Opened { conversation } = client.ask(open).await? else { anyhow::bail!("not opened") };
        let (seq, _) = client.join(conversation, None).await?;
        weather.standing.set(weather.standing.get() + 1);
        Ok(Self { client, n, token, conversation, seq, out_of_order: 0 })
    }

    async fn sail(mut self, weather: &Weather) -> anyhow::Result<Found> {
        self.wait_for_the_storm(weather).await?;
        // It is not known whether this one arrives.
        let promised = self.say_until_broken(weather).await;
        let now = Instant::now();
        weather.broke.set(Some(weather.broke.get().map_or(now, |at| at.min(now))));
        self.reconnect(weather).await?;
        weather.resumed.borrow_mut().push(Instant::now());
        if promised.is_none() {
            weather.repeated.set(weather.repeated.get() + 1);
        }
        let Answer::Sent { seq, .. } = self.say().await? else { anyhow::bail!("not sent") };
        let thread = self.client.whole_thread(self.conversation).await?;
        let kept: Vec<u64> =
            thread.iter().filter(|entry| entry.client_id.as_deref() == Some("storm")).map(|entry| entry.seq).collect();
        let is_kept = kept.contains(&seq) && promised.is_none_or(|promised| promised == seq);
        Ok(Found {
            acknowledged: 1,
            lost: u32::from(!is_kept),
            duplicated: u32::try_from(kept.len().saturating_sub(1))?,
            out_of_order: self.out_of_order + gaps(&thread),
        })
    }

    async fn wait_for_the_storm(&mut self, weather: &Weather) -> anyhow::Result<()> {
        tokio::select! {
            biased;
            () = weather.go.notified() => Ok(()),
            ended = self.client.idle(None) => Err(ended.err().context("idle")?).context("before the storm"),
        }
    }

    /// Sends the message; again, where the server has no room: all speak at the same moment.
    async fn say(&mut self) -> anyhow::Result<Answer> {
        loop {
            match self.client.ask(said(self.conversation, "storm")).await {
                Err(error) if is_busy(&error) => sleep(BACK_OFF.0).await,
                answer => return answer,
            }
        }
    }

    /// Sends a message and stays until the connection breaks; the position, if it was promised before.
    async fn say_until_broken(&mut self, weather: &Weather) -> Option<u64> {
        let mut promised = None;
        if let Ok(Answer::Sent { seq, .. }) = self.say().await {
            promised = Some(seq);
            weather.promised.set(weather.promised.get() + 1);
            if weather.promised.get() == weather.standing.get().div_ceil(2) {
                weather.half.notify_one();
            }
        }
        while let Ok(event) = self.client.event().await {
            self.see(&event);
        }
        promised
    }

    fn see(&mut self, event: &EventBody) {
        if let EventBody::Entry { entry } = event {
            self.out_of_order += u32::from(entry.seq != self.seq + 1);
            self.seq = entry.seq;
        }
    }

    /// Connects again, however often it takes, and catches up.
    async fn reconnect(&mut self, weather: &Weather) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut pause = BACK_OFF.0;
        while !self.resumed(weather).await? {
            anyhow::ensure!(began.elapsed() < PATIENCE, "the server stays away");
            if weather.back.get().is_some() {
                weather.failed_attempts.set(weather.failed_attempts.get() + 1);
            }
            // Spread, as the pages do it, but by number, so that two runs do the same.
            sleep(pause + pause.mul_f64(f64::from(self.n % 97) / 97.0)).await;
            pause = (pause * 2).min(BACK_OFF.1);
        }
        Ok(())
    }

    /// One attempt.
    async fn resumed(&mut self, weather: &Weather) -> anyhow::Result<bool> {
        let Ok((client, _)) = Client::connect(weather.common.url, Source(self.n), None, &self.token).await else {
            return Ok(false);
        };
        self.client = client;
        if weather.back.get().is_none() {
            weather.back.set(Some(Instant::now()));
        }
        match self.client.join(self.conversation, Some(self.seq)).await {
            Ok((_, Snapshot::Conversation { entries, reset, .. })) => {
                self.out_of_order += u32::from(reset);
                for entry in entries {
                    self.see(&EventBody::Entry { entry });
                }
                Ok(true)
            }
            Ok(_) => anyhow::bail!("not a thread"),
            Err(_) => Ok(false),
        }
    }
}

/// A server that this program started.
struct Server {
    child: Child,
    command: String,
}

impl Server {
    async fn start(command: &str, common: &Common) -> anyhow::Result<Self> {
        let server = Self { child: spawn(command)?, command: command.to_owned() };
        server.wait(common).await?;
        Ok(server)
    }

    async fn wait(&self, common: &Common) -> anyhow::Result<()> {
        let up = async {
            while TcpStream::connect(common.url).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), up).await.with_context(|| format!("nobody listens on {}", common.url))
    }

    async fn restart(&mut self, common: &Common) -> anyhow::Result<()> {
        self.child.kill().context("killing the server")?;
        self.child.wait()?;
        self.child = spawn(&self.command)?;
        self.wait(common).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(command: &str) -> anyhow::Result<Child> {
    // `exec`: the signal shall hit the server and not the shell.
    let child = Process::new("sh").arg("-c").arg(format!("exec {command}")).stdout(std::process::Stdio::null()).spawn();
    child.context("--server-command")
}
