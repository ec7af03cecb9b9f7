//! `idle`: what a connection costs while nothing happens.

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use bangban_domain::words::Channel;
use bangban_protocol::{Answer, Command};
use clap::Args;
use serde::Serialize;
use tokio::{sync::Semaphore, task::spawn_local, time::sleep};

use crate::{Common, check_open_files, client::Client, http::Http, process::Process, source::Source};

/// Connections that are being opened at the same time.
const AT_ONCE: usize = 64;

/// Quiet: the server used less than this part of one core in the last second.
const QUIET: f64 = 0.02;

#[derive(Debug, Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many connections.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Seconds that they stay open before memory is read: longer than the server's pause between pings (15 s), so that
    /// every connection has been written to.
    #[arg(long, default_value_t = 20)]
    hold: u64,
}

#[derive(Serialize)]
pub(crate) struct Report {
    command: &'static str,
    connections: u32,
    /// Still open when memory was read.
    open: u32,
    connect_seconds: f64,
    /// CPU of the server for token, connection, hello, conversation and subscription of one citizen.
    cpu_us_per_connection: f64,
    rss_before_kib: u64,
    rss_after_kib: u64,
    bytes_per_idle_connection: f64,
    /// CPU that the server used while nothing happened, in percent of one core.
    idle_cpu_percent: f64,
    /// CPU that others on this machine used meanwhile, in percent of one core.
    others_cpu_percent: f64,
}

impl Idle {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        check_open_files(self.connections)?;
        let server = Process::find(self.common.pid, self.common.url.port())?;
        // The first citizen warms up what every server has once.
        let mut http = Http::connect(self.common.url).await?;
        let token = http.citizen(0).await?;
        drop(subscribed(&self.common, 0, &token).await?);
        quiet(server).await;
        let rss_before_kib = server.rss_kib();
        let begin = server.cpu();
        let began = tokio::time::Instant::now();

        let room = Arc::new(Semaphore::new(AT_ONCE));
        let open = Rc::new(Cell::new(0_u32));
        let mut opening = Vec::with_capacity(self.connections as usize);
        for n in 1..=self.connections {
            // Before the token is asked for, so that this loop does not run ahead.
            let permit = Arc::clone(&room).acquire_owned().await?;
            let (common, open) = (self.common.clone(), Rc::clone(&open));
            let token = http.citizen(n).await?;
            opening.push(spawn_local(async move {
                let mut client = subscribed(&common, n, &token).await?;
                drop(permit);
                open.set(open.get() + 1);
                let stays = spawn_local(async move {
                    let ended = client.idle(None).await;
                    open.set(open.get() - 1);
                    ended
                });
                anyhow::Ok(stays)
            }));
        }
        let mut staying = Vec::with_capacity(opening.len());
        for one in opening {
            staying.push(one.await??);
        }
        let connect_seconds = began.elapsed().as_secs_f64();
        let cpu = begin.until(server.cpu());
        eprintln!("{} connections stand, waiting {} s", open.get(), self.hold);
        let begin = server.cpu();
        sleep(Duration::from_secs(self.hold)).await;
        let idle = begin.until(server.cpu());
        quiet(server).await;
        let rss_after_kib = server.rss_kib();
        let percent = |seconds: f64| seconds * 100.0 / self.hold.max(1) as f64;
        let report = Report {
            command: "idle",
            connections: self.connections,
            open: open.get(),
            connect_seconds,
            cpu_us_per_connection: cpu.server * 1e6 / f64::from(self.connections),
            rss_before_kib,
            rss_after_kib,
            bytes_per_idle_connection: (rss_after_kib as f64 - rss_before_kib as f64) * 1024.0
                / f64::from(self.connections),
            idle_cpu_percent: percent(idle.server),
            others_cpu_percent: percent(idle.others),
        };
        for one in staying {
            one.abort();
        }
        Ok(report)
    }
}

/// A citizen with an open conversation, subscribed to it.
async fn subscribed(common: &Common, n: u32, token: &str) -> anyhow::Result<Client> {
    let (mut client, _) = Client::connect(common.url, Source(n), None, token).await?;
    let open = Command::OpenConversation { item: None, district: None, channel: Channel::Pc, hall: None, ticket: None };
    let Answer::Opened { conversation } = client.ask(open).await? else { anyhow::bail!("not opened") };
    client.join(conversation, None).await?;
    Ok(client)
}

/// Returns when the server has had nothing to do for a second.
async fn quiet(server: Process) {
    loop {
        let begin = server.cpu();
        sleep(Duration::from_secs(1)).await;
        if begin.until(server.cpu()).server < QUIET {
            return;
        }
    }
}
