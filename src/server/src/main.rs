//! `bangban`: the command line.

use std::{
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use bangban_domain::words::Role;
use bangban_server::{
    app::{App, DEMO_PASSWORD},
    bot_eval::{self, BotCommand},
    calendar::{self, CalendarCommand},
    clock::Clock,
    config::{Config, HoursKey},
    files::Files,
    http,
    load::LoadAgents,
    organisation,
    privacy::{Retention, retention},
    recompute::{Recompute, recompute},
    simulate::{self, Plan},
    telemetry::{install_metrics, start_log},
    tls::{Certificates, Date, Pair},
    user::UserCommand,
    word_check::WordCheck,
};
use bangban_store::{Archive, Author, Chain, Ended, Store};
use clap::{Parser, Subcommand};
use jiff::civil::Date as Day;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Each message takes some dozens of short-lived allocations, made on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        /// With `--demo`: made-up calls of the last 14 days, so that their figures show something.
        #[arg(long, requires = "demo")]
        history: bool,
        #[command(flatten)]
        load: LoadAgents,
    },
    /// Reads the configuration as `serve` would, says what is wrong with it, and ends.
    CheckConfig {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Also connects to the database and checks that it keeps what it acknowledges.
        #[arg(long)]
        connect: bool,
    },
    /// Accounts of staff, while no server runs on the database.
    User {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        #[command(subcommand)]
        command: UserCommand,
    },
    /// The official calendar: holidays, make-up days, deadlines.
    Calendar {
        /// A TOML file over the defaults.
        #[arg(long, global = true)]
        config: Option<PathBuf>,
        #[command(subcommand)]
        command: CalendarCommand,
    },
    /// Runs the router in virtual time and compares how long people wait with the formulas; says how many agents keep the
    /// promise (docs/performance.md).
    Simulate(Box<Plan>),
    /// 小申: how well it does, and why it says what it says (docs/bot.md).
    Bot {
        #[command(subcommand)]
        command: BotCommand,
    },
    /// The audit log.
    Audit {
        #[command(subcommand)]
        what: AuditCommand,
    },
    /// What is over its time.
    Retention {
        #[command(subcommand)]
        what: RetentionCommand,
    },
    /// The published figures.
    Figures {
        #[command(subcommand)]
        what: FiguresCommand,
    },
    /// Brings the database up to date, as `serve` does at its start, and lists its migrations.
    Migrate {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Only lists them.
        #[arg(long)]
        list: bool,
    },
    /// Imports into the database of a server that does not run; one that runs takes files by its REST interface.
    Import {
        #[command(subcommand)]
        what: Import,
    },
    /// Exports from the database of a server that does not run.
    Export {
        #[command(subcommand)]
        what: Export,
    },
}

#[derive(Subcommand)]
enum Import {
    /// Service items (docs/administration.md has the columns). Nothing is imported if a row is bad.
    Items {
        /// A file that ends in .csv or .xlsx.
        file: PathBuf,
        /// Only says what would be done.
        #[arg(long)]
        dry_run: bool,
        /// Imports the good rows although there are bad ones.
        #[arg(long)]
        skip_bad: bool,
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum Export {
    /// Service items.
    Items {
        /// A file that ends in .csv or .xlsx; is overwritten.
        file: PathBuf,
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum FiguresCommand {
    /// Counts them again from the event log and compares with the stored rows, with what SQL counts and, if asked, with the
    /// live board; exit code 1 if anything differs. A server may run meanwhile.
    Recompute {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        /// This day in Shanghai only, e.g. 2026-11-24.
        #[arg(long)]
        day: Option<Day>,
        /// Writes rows that differ anew from the log; the server must not run.
        #[arg(long, conflicts_with = "live")]
        repair: bool,
        /// Address of the running server, whose board is compared too; the environment has a token of somebody who watches
        /// the whole city in BANGBAN_TOKEN.
        #[arg(long, value_name = "URL")]
        live: Option<String>,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Reads the whole log and looks whether every line fits the one before; exit code 1 if one does not. A server may run
    /// meanwhile.
    Verify {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        /// The hash of a line that somebody has written down (the server's own log has one every day): it must be in the
        /// log, else its end was cut off.
        #[arg(long, value_name = "HASH")]
        expect: Option<String>,
    },
}

#[derive(Subcommand)]
enum RetentionCommand {
    /// Deletes what is due, as the server does every day; the server must not run. (While it runs: POST
    /// /api/admin/retention/runs.)
    Run {
        /// A TOML file over the defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Only says what would be deleted. A server may run meanwhile.
        #[arg(long)]
        dry_run: bool,
    },
}

/// How long connections get to finish after a signal, and then the store: together less than the 10 s after which
/// service managers kill.
const FINISH: Duration = Duration::from_secs(7);
const CLOSE: Duration = Duration::from_millis(1_500);

/// How often metrics are summed up while nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::CheckConfig { config, connect } => check(config, connect),
        Command::Simulate(plan) => simulate::command(&plan),
        Command::Bot { command } => bot_eval::run(command).map(|said| print!("{said}")),
        Command::Migrate { config, list } => migrate(config, list),
        Command::Audit { what: AuditCommand::Verify { config, expect } } => verify_audit(config, expect),
        Command::Retention { what: RetentionCommand::Run { config, dry_run } } => run_retention(config, dry_run),
        Command::Figures { what: FiguresCommand::Recompute { config, day, repair, live } } => {
            recompute_figures(config, day, repair, live)
        }
        Command::User { config, command } => user(config, command),
        Command::Calendar { config, command } => official_calendar(config, command),
        Command::Serve { config, demo, history, load } => serve(config, (demo, history), load),
        Command::Import { what: Import::Items { file, dry_run, skip_bad, config } } => {
            import_items(config, &file, dry_run, skip_bad)
        }
        Command::Export { what: Export::Items { file, config } } => export_items(config, &file),
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
async fn check(file: Option<PathBuf>, connect: bool) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    if connect {
        bangban_store::check(&config.database()).await?;
        if let Some(redis) = config.redis() {
            redis.check().await.context("bus.url")?;
        }
    }
    if let Some(files) = config.tls() {
        let pair = Pair::read(&files)?;
        pair.check_time(Clock::system().now())?;
        println!("the certificate is good until {}", Date(pair.ends_at()));
    }
    if let Some(path) = Some(&config.service.word_list).filter(|path| !path.is_empty()) {
        let (check, _) = WordCheck::open(path.as_ref())?;
        println!("the word list has {} words", check.len());
    }
    println!("configuration is valid");
    Ok(())
}

#[tokio::main]
async fn migrate(file: Option<PathBuf>, list: bool) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    for migration in bangban_store::migrate(&config.database(), list).await? {
        let state = match (migration.was_applied, list) {
            (true, _) => "was there",
            (false, true) => "is missing",
            (false, false) => "applied",
        };
        println!("{:04} {} {state}", migration.version, migration.description);
    }
    Ok(())
}

#[tokio::main]
async fn verify_audit(file: Option<PathBuf>, expect: Option<String>) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    let archive = Archive::open(&config.database()).await?;
    match archive.verify_audit(expect.as_deref()).await? {
        (Chain::Broken { no }, _) => anyhow::bail!("line {no} does not fit the one before: the log was changed"),
        (Chain::Whole { .. }, false) => {
            anyhow::bail!("every line fits, but none has the hash that was expected: the end of the log was cut off")
        }
        (Chain::Whole { lines, last }, true) => {
            println!("{lines} lines, every one fits the one before; the last one has the hash {last}");
            Ok(())
        }
    }
}

#[tokio::main]
async fn recompute_figures(
    file: Option<PathBuf>,
    day: Option<Day>,
    repair: bool,
    live: Option<String>,
) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    let live = match live {
        Some(address) => Some((address, std::env::var("BANGBAN_TOKEN").context("BANGBAN_TOKEN")?)),
        None => None,
    };
    let found = recompute(&config, &Recompute { day, repair, live }, Clock::system().now()).await?;
    print!("{}", found.told());
    anyhow::ensure!(found.is_sound(), "the figures differ");
    Ok(())
}

#[tokio::main]
async fn run_retention(file: Option<PathBuf>, dry_run: bool) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    start_log(&config.log)?;
    let clock = Clock::system();
    let report = if dry_run {
        let archive = Archive::open(&config.database()).await?;
        let rules = retention::rules(&archive, &config.privacy, clock.now()).await?;
        retention::preview(&archive, &rules, clock.now()).await?
    } else {
        let store = Store::open(&config.database(), config.limits.mailbox, Box::new(|_| {})).await?;
        let stopping = CancellationToken::new();
        let files = Files::start(&config, clock.clone(), store.clone(), stopping.clone(), TaskTracker::new())?;
        let retention = Retention::new(store.clone(), files, clock, config.privacy.clone(), stopping.clone());
        let done = retention.run(Author::System).await;
        stopping.cancel();
        store.close().await;
        serde_json::from_str(done?.report.as_str())?
    };
    let verb = if dry_run { "would go" } else { "deleted" };
    for (data, part) in report {
        println!("{data:<10} kept {:>5} days: {} {verb}, {} under legal hold", part.days, part.deleted, part.held);
    }
    Ok(())
}

#[tokio::main]
async fn import_items(config: Option<PathBuf>, file: &Path, dry_run: bool, skip_bad: bool) -> anyhow::Result<()> {
    organisation::command::import_items(&Config::load(config.as_deref())?, file, dry_run, skip_bad).await
}

#[tokio::main]
async fn export_items(config: Option<PathBuf>, file: &Path) -> anyhow::Result<()> {
    organisation::command::export_items(&Config::load(config.as_deref())?, file).await
}

#[tokio::main]
async fn user(file: Option<PathBuf>, command: UserCommand) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    print!("{}", bangban_server::user::run(&config, command).await?);
    Ok(())
}

#[tokio::main]
async fn official_calendar(file: Option<PathBuf>, command: CalendarCommand) -> anyhow::Result<()> {
    calendar::run(&Config::load(file.as_deref())?, command).await
}

#[tokio::main]
async fn serve(file: Option<PathBuf>, (demo, history): (bool, bool), load: LoadAgents) -> anyhow::Result<()> {
    let config = Config::load(file.as_deref())?;
    start_log(&config.log)?;
    let listener = listen("http.listen", &config.http.listen).await?;
    let metrics = match config.http.metrics_listen.as_str() {
        "" => None,
        address => Some((listen("http.metrics_listen", address).await?, install_metrics()?)),
    };
    let clock = Clock::system();
    let certificates = match config.tls() {
        Some(files) => {
            let (certificates, watched) = Certificates::open(&files)?;
            certificates.warn_if_over(clock.now());
            let certificates = Arc::new(certificates);
            let (kept, clock) = (Arc::clone(&certificates), clock.clone());
            tokio::spawn(async move { kept.keep_fresh(watched, clock).await });
            Some(certificates)
        }
        None => None,
    };
    let app = App::start(&config, clock, demo, load).await?;
    // Before anybody looks, who would take a part of it for the whole.
    if history && let Err(error) = app.seed_demo_calls().await {
        tracing::warn!(%error, "the demo has no past calls");
    }
    let scheme = if certificates.is_some() { Scheme::Tls } else { Scheme::Plain };
    let mut greeting = greeting(scheme, listener.local_addr()?, demo.then_some(&*app), config.service.hours);
    if let Some((listener, _)) = &metrics {
        greeting += &line("metrics", &format!("http://{}/metrics", listener.local_addr()?));
    }
    // Nobody has to listen.
    if let Err(error) = std::io::stdout().write_all(greeting.as_bytes()) {
        tracing::debug!(%error, "no standard output");
    }
    let routes = http::router(Arc::clone(&app));
    let mut served = tokio::spawn(http::serve(listener, certificates, routes, app.stopping.clone()));
    if let Some((listener, handle)) = metrics {
        tokio::spawn(serve_metrics(listener, Arc::clone(&app), handle));
    }
    let mut store_ended = None;
    tokio::select! {
        ended = &mut served => ended?,
        () = stop_signal() => {}
        why = app.store.ended() => store_ended = Some(why),
    }
    tracing::info!("stopping");
    app.stop();
    let finished = async {
        app.sessions.wait().await;
        served.await
    };
    match timeout(FINISH, finished).await {
        Ok(ended) => ended?,
        Err(_) => tracing::warn!(sessions = app.sessions.len(), "not all connections ended in time"),
    }
    app.leave_bus().await;
    // What was acknowledged is on disk already; what else was accepted gets this chance.
    if timeout(CLOSE, app.store.close()).await.is_err() {
        tracing::warn!("the store did not finish in time");
    }
    match store_ended {
        None => Ok(()),
        Some(Ended::Deposed) => anyhow::bail!("another server has taken over the database"),
        Some(Ended::Failed) => {
            anyhow::bail!("the writer has failed (the log says how); what it acknowledged is durable")
        }
    }
}

async fn listen(key: &str, address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({key})"))
}

/// Until the process ends, so that the end can be watched too.
async fn serve_metrics(listener: TcpListener, app: Arc<App>, handle: PrometheusHandle) {
    let tidy = handle.clone();
    tokio::spawn(async move {
        // Recorded values are kept one by one until somebody sums them up.
        loop {
            tokio::time::sleep(UPKEEP).await;
            tidy.run_upkeep();
        }
    });
    http::serve(listener, None, http::metrics_router(app, handle), CancellationToken::new()).await;
}

/// How browsers come.
#[derive(Clone, Copy)]
enum Scheme {
    Plain,
    Tls,
}

/// What `serve` says first. Programs read the address at the end of the first line.
fn greeting(scheme: Scheme, mut address: SocketAddr, demo: Option<&App>, hours: HoursKey) -> String {
    if address.ip().is_unspecified() {
        // Where a browser on this machine finds it.
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let (pages, sockets) = match scheme {
        Scheme::Plain => ("http", "ws"),
        Scheme::Tls => ("https", "wss"),
    };
    let mut text = format!("Bangban serves the protocol of docs/protocol.md on {sockets}://{address}/ws\n");
    if demo.is_some() {
        text += &line("demo portal", &format!("{pages}://{address}/demo-portal.html"));
    }
    text += &line("widget", &format!("{pages}://{address}/widget.html"));
    text += &line("console", &format!("{pages}://{address}/console"));
    text += &line("board", &format!("{pages}://{address}/board"));
    text += &line("interface", &format!("{pages}://{address}/api/docs"));
    if let Some(app) = demo {
        for role in Role::ALL {
            text += &line(role.as_str(), &app.demo_logins(*role));
        }
        text += &line("password", DEMO_PASSWORD);
    }
    let humans = match hours {
        HoursKey::Calendar => "humans answer in the periods of working days (service.hours = \"calendar\")",
        HoursKey::Always => "humans answer round the clock (service.hours = \"always\"; the default is \"calendar\")",
        HoursKey::Never => "humans never answer (service.hours = \"never\"; the default is \"calendar\")",
    };
    text + &line("hours", humans)
}

fn line(name: &str, value: &str) -> String {
    format!("  {name:<13}{value}\n")
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
