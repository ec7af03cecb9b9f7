//! `bangban-load`: many citizens and agents against a running server, by the public protocol only. Start the server with
//! `serve --demo --load-agents M` and `BANGBAN__SERVICE__HOURS=always`; `--help` tells every option. (`calls` is about the mixer alone and runs it here.)
//!
//! One thread, so that on a small machine the server keeps the other core; every number is measured, none is computed
//! from another run.

mod board;
mod book;
mod calls;
mod chat;
mod client;
mod figures;
mod hotline;
mod http;
mod idle;
mod import;
mod knowledge;
mod office;
mod overload;
mod process;
mod slow;
mod socket;
mod source;
mod storm;
mod talker;
mod windows;

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

/// Load on a Bangban server, by its public protocol.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Opens authenticated and subscribed connections and measures what they cost the server while nothing happens.
    Idle(idle::Idle),
    /// Citizens and agents talk; afterwards every thread is read back and compared with what was acknowledged.
    Chat(chat::Chat),
    /// The server dies and comes back; all connections resume at once.
    ReconnectStorm(storm::Storm),
    /// Citizens stop reading while their agents write.
    SlowReaders(slow::Slow),
    /// A table of items is imported while a citizen and an agent talk.
    Import(import::Import),
    /// A large knowledge base is kept: saving, lists, and how soon 小申 says what was published.
    Knowledge(knowledge::Knowledge),
    /// Supervisors watch many agents and many who wait.
    Board(board::Board),
    /// Twice what the server can serve is offered: refusals, memory, and how quick it is before and after.
    Overload(overload::Overload),
    /// Virtual windows: a citizen's screen and voice go to two who watch.
    Windows(windows::Windows),
    /// Three-way calls: telephones that speak, mixed in this process; no server is needed.
    Calls(calls::Calls),
    /// Calls by SIP through the whole server: a burst of callers, then three-way calls; every count is compared.
    Hotline(hotline::Hotline),
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
struct Common {
    /// Where the server is, e.g. `http://127.0.0.1:8080`.
    #[arg(long, value_parser = address)]
    url: SocketAddr,
    /// The server's process; by default the one that listens on the port of --url.
    #[arg(long)]
    pid: Option<u32>,
    /// Prints the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let mut found = host.to_socket_addrs().with_context(|| format!("{host:?} is not HOST:PORT"))?;
    found.find(SocketAddr::is_ipv4).context("no IPv4 address")
}

/// Files that are open besides the connections.
const OTHER_FILES: u32 = 64;

/// Says what to do if so many connections cannot be open in one process.
fn check_open_files(connections: u32) -> anyhow::Result<()> {
    let limit = process::open_files_limit();
    anyhow::ensure!(
        connections.saturating_add(OTHER_FILES) <= limit,
        "{connections} connections need {} open files, the limit is {limit}: raise it (ulimit -n) here and for the \
         server, or ask for at most {}",
        connections + OTHER_FILES,
        limit.saturating_sub(OTHER_FILES)
    );
    Ok(())
}

fn print(result: &impl Serialize, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(result)?);
    } else if let serde_json::Value::Object(fields) = serde_json::to_value(result)? {
        for (name, value) in fields {
            println!("{name:28} {value}");
        }
    }
    Ok(())
}

/// Runs a command and prints what it measured. A run that found harm is a failure.
async fn run(command: Command) -> anyhow::Result<()> {
    let is_clean = match command {
        Command::Idle(idle) => {
            print(&idle.run().await?, idle.common.json)?;
            true
        }
        Command::Chat(chat) => {
            let report = chat.run().await?;
            print(&report, chat.common.json)?;
            report.is_clean()
        }
        Command::ReconnectStorm(storm) => {
            let report = storm.run().await?;
            print(&report, storm.common.json)?;
            report.is_clean()
        }
        Command::SlowReaders(slow) => {
            let report = slow.run().await?;
            print(&report, slow.common.json)?;
            report.is_clean()
        }
        Command::Import(import) => {
            let report = import.run().await?;
            print(&report, import.common.json)?;
            report.is_clean()
        }
        Command::Knowledge(knowledge) => {
            let report = knowledge.run().await?;
            print(&report, knowledge.common.json)?;
            report.is_clean()
        }
        Command::Board(board) => {
            let report = board.run().await?;
            print(&report, board.common.json)?;
            report.is_clean()
        }
        Command::Overload(overload) => {
            let report = overload.run().await?;
            print(&report, overload.common.json)?;
            report.is_clean()
        }
        Command::Windows(windows) => {
            let report = windows.run().await?;
            print(&report, windows.common.json)?;
            report.is_clean()
        }
        Command::Hotline(hotline) => {
            let report = hotline.run().await?;
            print(&report, hotline.common.json)?;
            report.is_clean()
        }
        Command::Calls(calls) => {
            let report = calls.run().await?;
            print(&report, calls.json)?;
            report.is_clean()
        }
    };
    anyhow::ensure!(is_clean, "harm was done: see the result");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match tokio::task::LocalSet::new().run_until(run(command)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bangban-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_taken_from_every_form_of_url() {
        for url in ["http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws", "127.0.0.1:8080"] {
            assert_eq!(address(url).unwrap().to_string(), "127.0.0.1:8080");
        }
        assert!(address("http://127.0.0.1").is_err());
        Arguments::command().debug_assert();
    }

    use clap::CommandFactory as _;
}
