//! `bangban`: the command line.

use std::{path::PathBuf, process::ExitCode};

use bangban_server::config::Config;
use clap::{Parser, Subcommand};

/// Real-time assisted help for a one-stop government portal.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads the configuration as `serve` would, says what is wrong with it, and ends.
    CheckConfig {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::CheckConfig { config } => match Config::load(config.as_deref()) {
            Ok(_) => {
                println!("configuration is valid");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
    }
}
