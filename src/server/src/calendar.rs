//! `bangban calendar`: the official calendar from the command line. Explaining and counting only read, also beside a server
//! that runs; without a database they go by the configuration alone.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use bangban_domain::{
    Timestamp,
    calendar::{self, Calendar, CalendarFile, DayKind, YearDays},
    org::{Body, CalendarYear, Directory, Kind, Record},
    task::{self, TaskKind},
    time::{DAY, MINUTE},
};
use bangban_store::{Archive, Author, Store, StoreError};
use clap::Subcommand;
use jiff::{Span, civil::Date};

use crate::{
    clock::Clock,
    config::Config,
    organisation::{self, Put},
};

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// Takes over the years of a file, while no server runs on the database: {"years": {"2027": {"days_off": [{"date",
    /// "name"}], "work_days": [..]}}}. (While it runs: the calendar page of the administration.)
    Import {
        /// The file.
        file: PathBuf,
        /// Only says what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Says of each day what it is, and when humans answer.
    Explain {
        /// First day; without it, today.
        #[arg(long)]
        from: Option<Date>,
        /// So many days.
        #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=800))]
        days: u16,
        /// Of this team; without it, of the city.
        #[arg(long)]
        team: Option<String>,
    },
    /// When something is due: prints the instant (ISO 8601), and on the error output what is provisional about it.
    Due {
        /// When it happened, e.g. 2026-09-28T10:00:00+08:00; its day is day 0.
        #[arg(long)]
        from: jiff::Timestamp,
        /// Working days until the end of whose service hours it has to be done.
        #[arg(long)]
        working_days: u16,
        /// By the hours of this team; without it, of the city.
        #[arg(long)]
        team: Option<String>,
        /// Also lists every day between, and how it counts.
        #[arg(long)]
        explain: bool,
    },
    /// Of each day, when a task of each kind is due that is opened on it, or whose policy takes effect on it: one line of
    /// "day gap correction policy", by the hours of the city.
    Deadlines {
        /// First day; without it, today.
        #[arg(long)]
        from: Option<Date>,
        /// So many days.
        #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=800))]
        days: u16,
    },
}

/// Carries the command out; prints what there is to say.
///
/// # Errors
/// One line that names what is wrong.
pub async fn run(config: &Config, command: CalendarCommand) -> anyhow::Result<()> {
    match command {
        CalendarCommand::Import { file, dry_run } => import(config, &file, dry_run).await,
        CalendarCommand::Explain { from, days, team } => {
            let calendar = of_team(config, team.as_deref()).await?;
            let first = from.unwrap_or_else(|| calendar::date_of(Clock::system().now()));
            let dates = first.series(Span::new().days(1)).take(usize::from(days));
            print!("{}", dates.map(|date| line(&calendar, date, "")).collect::<String>());
            Ok(())
        }
        CalendarCommand::Deadlines { from, days } => {
            let calendar = of_team(config, None).await?;
            let first = from.unwrap_or_else(|| calendar::date_of(Clock::system().now()));
            let dates = first.series(Span::new().days(1)).take(usize::from(days));
            print!("{}", dates.map(|date| deadlines(&calendar, date)).collect::<String>());
            Ok(())
        }
        CalendarCommand::Due { from, working_days, team, explain } => {
            let calendar = of_team(config, team.as_deref()).await?;
            let event = Timestamp(from.as_millisecond());
            let due = calendar.add_working_days(event, working_days);
            if explain {
                print!("{}", count(&calendar, event, due.at));
            }
            println!("{}", iso(due.at));
            if due.is_provisional {
                eprintln!(
                    "provisional: the holidays of a year that took part are not known yet; its weekdays were counted"
                );
            }
            Ok(())
        }
    }
}

/// The deadlines of one day. A policy is taken to be registered long before.
fn deadlines(calendar: &Calendar, date: Date) -> String {
    let day = calendar::midnight(date);
    let due = |kind, opened_at| iso(task::due(kind, opened_at, Some(day), calendar).at);
    let (gap, correction) = (due(TaskKind::Gap, day), due(TaskKind::Correction, day));
    format!("{date} {gap} {correction} {}\n", due(TaskKind::Policy, day - 365 * DAY))
}

/// Every day from the event to the deadline, and its number among the working days.
fn count(calendar: &Calendar, event: Timestamp, due: Timestamp) -> String {
    let (first, last) = (calendar::date_of(event), calendar::date_of(due));
    let mut text = line(calendar, first, "day 0");
    let mut counted = 0;
    for date in first.series(Span::new().days(1)).skip(1).take_while(|date| *date <= last) {
        if calendar.holidays().is_working_day(date) {
            counted += 1;
            text += &line(calendar, date, &format!("day {counted}"));
        } else {
            text += &line(calendar, date, "");
        }
    }
    text
}

/// One day, for people.
fn line(calendar: &Calendar, date: Date, remark: &str) -> String {
    let holidays = calendar.holidays();
    let (kind, name) = match holidays.kind(date) {
        DayKind::Weekday => ("working day", ""),
        DayKind::MakeUp(name) => ("make-up day", name),
        DayKind::Weekend => ("weekend", ""),
        DayKind::Holiday(name) => ("holiday", name),
    };
    let midnight = calendar::midnight(date);
    let open = calendar.open_between(midnight, midnight + 24 * 60 * MINUTE);
    let clock = |at: Timestamp| {
        let minutes = at.since(midnight) / MINUTE;
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    };
    let open: Vec<String> = open.iter().map(|(from, to)| format!("{}-{}", clock(*from), clock(*to))).collect();
    let hours = if open.is_empty() { "closed".to_owned() } else { open.join(" ") };
    let provisional = if holidays.is_provisional(date.year()) { "provisional" } else { "" };
    let notes: Vec<&str> = [name, remark, provisional].into_iter().filter(|note| !note.is_empty()).collect();
    let mut text = String::new();
    let weekday = date.strftime("%a");
    // Writing into a string does not fail.
    let _ = writeln!(text, "{}", format!("{date} {weekday}  {kind:<12} {hours:<24} {}", notes.join(", ")).trim_end());
    text
}

fn iso(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    instant.display_with_offset(calendar::OFFSET).to_string()
}

/// The calendar as the database has it; as configured if there is none.
async fn of_team(config: &Config, team: Option<&str>) -> anyhow::Result<Calendar> {
    let configured = config.calendar()?;
    let directory = match Archive::open(&config.database()).await {
        Ok(archive) => directory(&archive).await?,
        Err(StoreError::Missing(_)) => Directory::default(),
        Err(error) => return Err(error.into()),
    };
    if let Some(team) = team {
        ensure!(directory.team(team).is_some(), "--team: there is no team {team:?}");
    }
    let configured = configured.with_holidays(directory.holidays(configured.holidays()));
    Ok(directory.calendar(team, &configured))
}

/// What calendars are made of.
async fn directory(archive: &Archive) -> anyhow::Result<Directory> {
    let mut records = Vec::new();
    for kind in [Kind::Unit, Kind::Team, Kind::Notice, Kind::CalendarYear, Kind::SpecialHours] {
        for ((id, json), no) in archive.bodies(kind).await?.into_iter().zip(0..) {
            let body = Body::read(kind, &mut serde_json::Deserializer::from_str(&json))
                .with_context(|| format!("{kind} {id}"))?;
            records.push(Record { id, no, version: 1, changed_at: Timestamp(0), body });
        }
    }
    Ok(Directory::new(records))
}

async fn import(config: &Config, path: &Path, dry_run: bool) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(named)?;
    let file: CalendarFile = serde_json::from_str(&text).with_context(named)?;
    let years = file.years().with_context(named)?;
    ensure!(!years.is_empty(), "{}: years: has none", named());
    let store = Store::open(&config.database(), config.limits.mailbox, Box::new(|_| {}))
        .await
        .context("while a server runs, years are imported on the calendar page of its administration")?;
    let done = take_over(config, &store, years, dry_run, &named()).await;
    store.close().await;
    done
}

async fn take_over(
    config: &Config,
    store: &Store,
    years: BTreeMap<i16, YearDays>,
    dry_run: bool,
    from: &str,
) -> anyhow::Result<()> {
    let now = Clock::system().now();
    organisation::found(store, now).await?;
    let directory = organisation::read(store).await?;
    let known = directory.holidays(config.calendar()?.holidays());
    let mut changed = Vec::new();
    for (year, days) in years {
        let before = known.years().find(|(other, _)| *other == year).map(|(_, days)| days);
        let (off, worked) = (days.off.len(), days.worked.len());
        let word = match before {
            None => "new",
            Some(same) if *same == days => "unchanged",
            Some(_) => "changed",
        };
        println!("{year}: {off} days off, {worked} make-up days; {word}");
        if word == "unchanged" {
            continue;
        }
        let id = format!("{year:04}");
        let version = directory.record(Kind::CalendarYear, &id).map_or(0, |record| record.version);
        let year = CalendarYear { days_off: days.off, work_days: days.worked, source: String::new() };
        let body = Body::CalendarYear(year);
        body.check()?;
        directory.check(&id, &body)?;
        changed.push(Put { id, version, body });
    }
    if !dry_run {
        let reason = Some(format!("bangban calendar import {from}"));
        organisation::put(store, &directory, changed, now, Author::System, "calendar.import", reason).await?;
    }
    Ok(())
}
