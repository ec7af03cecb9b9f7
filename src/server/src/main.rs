//! `bangban`: the command line.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use bangban_server::{
    app::{App, DEMO_PASSWORD},
    clock::Clock,
    config::{Config, LogFormat},
    http,
};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
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
    let mut greeting =
        format!("Bangban serves the protocol of docs/protocol.md on ws://{}/ws\n", listener.local_addr()?);
    if demo {
        greeting += &format!("demo accounts agent1001 .. agent1006, super1; password {DEMO_PASSWORD}\n");
    }
    // Nobody has to listen.
    if let Err(error) = std::io::stdout().write_all(greeting.as_bytes()) {
        tracing::debug!(%error, "no standard output");
    }
    let store = app.store.clone();
    let served = axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |socket| {
            // A reply must not wait for the next one.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
        }),
        http::router(app),
    );
    tokio::select! {
        ended = served => ended?,
        () = stop_signal() => {}
    }
    // What was accepted is finished; sockets are closed by the end of the process and resume.
    store.close().await;
    Ok(())
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
