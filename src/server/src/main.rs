//! `bangban`: the command line.

use std::{
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::words::Role;
use bangban_server::{
    app::{App, DEMO_PASSWORD},
    clock::Clock,
    config::{Config, HoursKey, LogFormat},
    http,
};
use clap::{Parser, Subcommand};
use tokio::{net::TcpListener, time::timeout};
use tracing_subscriber::EnvFilter;

/// Real-time assisted help for a one-stop government portal.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server.
    Serve {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Demo accounts and tokens for anybody: never on a network that you do not trust.
        #[arg(long)]
        demo: bool,
    },
    /// Reads the configuration as `serve` would, says what is wrong with it, and ends.
    CheckConfig {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

/// How long connections get to finish after a signal, and then the store: together less than the 10 s after which
/// service managers kill.
const FINISH: Duration = Duration::from_secs(7);
const CLOSE: Duration = Duration::from_millis(1_500);

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::CheckConfig { config } => {
            Config::load(config.as_deref()).map(|_| println!("configuration is valid")).map_err(Into::into)
        }
        Command::Serve { config, demo } => serve(config, demo),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(file: Option<PathBuf>, demo: bool) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    let filter = EnvFilter::try_new(&config.log.level).context("configuration: log.level")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    let address = &config.http.listen;
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} (http.listen)"))?;
    let app = App::start(&config, Clock::system(), demo).await?;
    let greeting = greeting(listener.local_addr()?, demo.then_some(&*app), config.service.hours);
    // Nobody has to listen.
    if let Err(error) = std::io::stdout().write_all(greeting.as_bytes()) {
        tracing::debug!(%error, "no standard output");
    }
    let listener = axum::serve::ListenerExt::tap_io(listener, |socket| {
        // A reply must not wait for the next one.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let service = http::router(Arc::clone(&app)).into_make_service_with_connect_info::<SocketAddr>();
    let stopping = app.stopping.clone();
    let served = axum::serve(listener, service).with_graceful_shutdown(stopping.cancelled_owned());
    let mut served = tokio::spawn(served.into_future());
    tokio::select! {
        ended = &mut served => ended??,
        () = stop_signal() => {}
    }
    tracing::info!("stopping");
    app.stop();
    let finished = async {
        app.sessions.wait().await;
        served.await
    };
    match timeout(FINISH, finished).await {
        Ok(ended) => ended??,
        Err(_) => tracing::warn!(sessions = app.sessions.len(), "not all connections ended in time"),
    }
    // What was acknowledged is on disk already; what else was accepted gets this chance.
    if timeout(CLOSE, app.store.close()).await.is_err() {
        tracing::warn!("the store did not finish in time");
    }
    Ok(())
}

/// What `serve` says first. Programs read the address at the end of the first line.
fn greeting(mut address: SocketAddr, demo: Option<&App>, hours: HoursKey) -> String {
    if address.ip().is_unspecified() {
        // Where a browser on this machine finds it.
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let mut text = format!("Bangban serves the protocol of docs/protocol.md on ws://{address}/ws\n");
    let mut line = |name: &str, value: &str| text += &format!("  {name:<13}{value}\n");
    if demo.is_some() {
        line("demo portal", &format!("http://{address}/demo-portal.html"));
    }
    line("widget", &format!("http://{address}/widget.html"));
    line("console", &format!("http://{address}/console"));
    line("board", &format!("http://{address}/board"));
    if let Some(app) = demo {
        line("agents", &app.demo_logins(Role::Agent).join(", "));
        line("supervisor", &app.demo_logins(Role::Supervisor).join(", "));
        line("password", DEMO_PASSWORD);
    }
    let humans = match hours {
        HoursKey::Calendar => "humans answer in the periods of working days (service.hours = \"calendar\")",
        HoursKey::Always => "humans answer round the clock (service.hours = \"always\"; the default is \"calendar\")",
        HoursKey::Never => "humans never answer (service.hours = \"never\"; the default is \"calendar\")",
    };
    line("hours", humans);
    text
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "only Ctrl-C stops the server");
            drop(tokio::signal::ctrl_c().await);
        }
    }
}
