//! `bangban-faults`: faults while citizens and agents talk, and then everything is read back. `make faults`; see
//! docs/testing.md.

#![expect(clippy::unwrap_used, reason = "a run that cannot go on shall say where")]

mod flushes;
mod kinds;
mod outbox;
mod run;
mod speaker;
mod verdict;
mod world;

use std::process::ExitCode;

use bangban_tests::Engine;
use clap::{Parser, ValueEnum};

use crate::{
    kinds::Kind,
    run::{Plan, run},
};

/// Harms a server of its own in many ways while clients talk, and compares what is kept with what was promised.
#[derive(Parser)]
struct Arguments {
    /// How many faults.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    faults: u32,
    /// The same seed gives the same faults in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which database.
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Database,
    /// Citizens who talk; as many agents serve them.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=8))]
    pairs: u32,
    /// Connections that come back at once after the server was killed.
    #[arg(long, default_value_t = 5000)]
    crowd: usize,
    /// Only faults of these kinds.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { faults, seed, database, pairs, crowd, only } = Arguments::parse();
    let on = match database {
        Database::Sqlite => Engine::Sqlite,
        Database::Postgres => Engine::Postgres,
    };
    let only = if only.is_empty() { Kind::ALL.to_vec() } else { only };
    let summary = run(Plan { only, faults, seed, on, pairs, crowd }).await;
    println!("{}", serde_json::to_string(&summary).unwrap());
    if summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind once; the long run is `make faults`.
    async fn every_promise_is_kept(on: Engine) {
        let summary = run(Plan { only: Kind::ALL.to_vec(), faults: 20, seed: 1, on, pairs: 2, crowd: 60 }).await;
        assert!(summary.is_clean(), "{summary:#?}");
        assert!(summary.verdict.acknowledged > 100 && summary.verdict.acknowledged_to_agents > 0, "{summary:#?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_promise_is_kept_on_sqlite() {
        every_promise_is_kept(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_promise_is_kept_on_postgres() {
        every_promise_is_kept(Engine::Postgres).await;
    }
}
