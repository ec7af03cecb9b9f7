//! `bangban figures recompute`: three ways to the same numbers, compared. The rows that were written with the events against
//! those that the event log tells; the figures that SQL counts against those that the definitions count over the retold rows;
//! today's requests on the live board of a running server against the rows.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::Context as _;
use bangban_domain::{
    CitizenId, ConversationId, Timestamp,
    calendar::Calendar,
    figures::{By, Figure, Kind, Row, Tallies, Tally, retell::Retold, rows::day_of, tally},
    time::{DAY, HOUR},
};
use bangban_protocol::{LiveFigures, LiveLine};
use bangban_store::{Archive, Change, RowsOf, Selection, Store, Unit};
use jiff::civil::Date;

use crate::config::Config;

/// Citizens whose conversations are told together.
const AT_ONCE: u32 = 200;

/// Differences that are listed.
const LISTED: usize = 20;

/// The board is asked so often until it and the rows speak of the same moment.
const TRIES: usize = 5;

/// What to compare.
#[derive(Debug, Clone, Default)]
pub struct Recompute {
    /// This day in Shanghai only; else everything.
    pub day: Option<Date>,
    /// Write rows that differ anew from the log; no server may run.
    pub repair: bool,
    /// Address of a running server, and a token of somebody who watches the city.
    pub live: Option<(String, String)>,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Conversations that were told again.
    pub conversations: usize,
    /// Rows that were compared.
    pub rows: usize,
    /// Figures that were compared, by team.
    pub figures: usize,
    /// What differs; empty: nothing.
    pub differences: Vec<String>,
    /// More that are not listed.
    pub more: usize,
    /// Conversations that were written anew.
    pub repaired: usize,
}

impl Found {
    fn differs(&mut self, what: impl FnOnce() -> String) {
        if self.differences.len() < LISTED {
            self.differences.push(what());
        } else {
            self.more += 1;
        }
    }

    /// Nothing differs, or what did was repaired.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.differences.is_empty()
    }

    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = format!(
            "{} conversations told again from the log: {} rows and {} numbers compared\n",
            self.conversations, self.rows, self.figures
        );
        for difference in &self.differences {
            // Writing into a text cannot fail.
            let _ = writeln!(text, "differs: {difference}");
        }
        if self.more > 0 {
            let _ = writeln!(text, "... and {} more", self.more);
        }
        if self.repaired > 0 {
            let _ = writeln!(text, "{} conversations written anew", self.repaired);
        }
        text
    }
}

/// Compares, and repairs if that is wanted.
///
/// # Errors
/// Whatever the database or the server says.
pub async fn recompute(config: &Config, wanted: &Recompute, now: Timestamp) -> anyhow::Result<Found> {
    let database = config.database();
    let store = match wanted.repair {
        true => Some(Store::open(&database, config.limits.mailbox, Box::new(|_| {})).await?),
        false => None,
    };
    let archive = Archive::open(&database).await?;
    let time = wanted.day.map_or((Timestamp(0), Timestamp(i64::MAX / 2)), |day| (day_of(day), day_of(day) + DAY));
    let mut found = Found::default();
    let told = rows(&archive, store.as_ref(), time, now, &mut found).await?;
    if let Some(store) = &store {
        if wanted.day.is_none() {
            status(&archive, store).await?;
        }
        store.close().await;
        return Ok(found);
    }
    figures(&archive, told, time, now, &mut found).await?;
    if let Some((address, token)) = &wanted.live {
        board(&archive, address, token, &mut found).await?;
    }
    Ok(found)
}

/// Compares rows, and gives the figures of the retold ones by team.
async fn rows(
    archive: &Archive,
    store: Option<&Store>,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
    found: &mut Found,
) -> anyhow::Result<Tallies> {
    let mut figures = Tallies::new();
    let mut after: Option<CitizenId> = None;
    // An event stands in the log a moment after the instant that it speaks of.
    let around = (from - HOUR, to + HOUR);
    loop {
        let citizens = archive.citizens_between(around, after, AT_ONCE).await?;
        let Some(last) = citizens.last() else { return Ok(figures) };
        after = Some(*last);
        let mut told = Retold::default();
        for event in archive.events_of_citizens(&citizens).await? {
            if let Some(conversation) = event.conversation {
                told.tell(conversation, event.at, &event.what);
            }
        }
        let told = told.rows();
        for (team, line) in tally::count(&told, (from, to), By::Team, now) {
            let known = figures.entry(team).or_default();
            for (figure, tally) in line {
                known.entry(figure).or_default().add(&tally);
            }
        }
        let differing = compare(&told, &archive.rows_of_citizens(&citizens).await?, store.is_none(), found);
        if let Some(store) = store.filter(|_| !differing.is_empty()) {
            found.repaired += differing.len();
            let rows = told.into_iter().filter(|row| differing.contains(&row.conversation)).collect();
            let changes = vec![Change::Figures(RowsOf { conversations: differing, rows })];
            store.commit(Unit { changes, ..Unit::default() }).await?;
        }
    }
}

/// The conversations whose rows differ.
fn compare(told: &[Row], stored: &[Row], lists: bool, found: &mut Found) -> Vec<ConversationId> {
    type Key<'a> = (bangban_domain::figures::Table, &'a str);
    fn by_key(rows: &[Row]) -> BTreeMap<Key<'_>, &Row> {
        rows.iter().map(|row| ((row.table, row.key.as_str()), row)).collect()
    }
    let (told, stored) = (by_key(told), by_key(stored));
    let mut differing = Vec::new();
    let mut conversations: Vec<ConversationId> = told.values().map(|row| row.conversation).collect();
    conversations.dedup();
    conversations.sort_unstable();
    conversations.dedup();
    found.conversations += conversations.len();
    found.rows += told.len();
    for (key, row) in &told {
        let there = stored.get(key);
        if there != Some(row) {
            differing.push(row.conversation);
            if lists {
                let there = there.map_or_else(|| "nothing".to_owned(), |row| row.line());
                found.differs(|| format!("the log tells {}; stored is {there}", row.line()));
            }
        }
    }
    for (key, row) in stored.iter().filter(|(key, _)| !told.contains_key(key)) {
        differing.push(row.conversation);
        if lists {
            found.differs(|| format!("the log tells nothing of {} {}", key.0.name(), key.1));
        }
    }
    differing.sort_unstable();
    differing.dedup();
    differing
}

/// Agents' lines of the log, written anew.
async fn status(archive: &Archive, store: &Store) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let lines = archive.agent_events(&after, 1_000).await?;
        let Some((last, _)) = lines.last() else { return Ok(()) };
        after.clone_from(last);
        store.commit(Unit { changes: vec![Change::AgentLog(lines)], ..Unit::default() }).await?;
    }
}

/// SQL against the definitions.
async fn figures(
    archive: &Archive,
    told: Tallies,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
    found: &mut Found,
) -> anyhow::Result<()> {
    let counted = archive.figures(Kind::ALL, &Selection::all(from, to), By::Team, now).await?;
    let teams: Vec<&String> = told.keys().chain(counted.keys().filter(|team| !told.contains_key(*team))).collect();
    for team in teams {
        for figure in Figure::ALL {
            let of =
                |tallies: &Tallies| tallies.get(team).and_then(|line| line.get(figure)).cloned().unwrap_or_default();
            let (told, counted): (Tally, Tally) = (of(&told), of(&counted));
            found.figures += 1;
            if told != counted {
                found.differs(|| {
                    format!(
                        "{figure} of team {team}: the log gives {} of {} (sum {}), SQL {} of {} (sum {})",
                        told.hits, told.of, told.sum, counted.hits, counted.of, counted.sum
                    )
                });
            }
        }
    }
    Ok(())
}

/// The live board against the rows of its moment. While much happens the two may speak of different moments: a difference
/// counts if it is still there when asked again.
async fn board(archive: &Archive, address: &str, token: &str, found: &mut Found) -> anyhow::Result<()> {
    let url = format!("{}/api/figures/live", address.trim_end_matches('/'));
    let client = reqwest::Client::new();
    let mut differences = Vec::new();
    for _ in 0..TRIES {
        let answer = client.get(&url).bearer_auth(token).send().await?.error_for_status().context("the live board")?;
        let live: LiveFigures = answer.json().await?;
        let today = Selection::all(Calendar::day_start(live.as_of), live.as_of + 1);
        let counted = archive.figures(&[Kind::Request], &today, By::Team, live.as_of).await?;
        differences = board_differences(&live, &counted);
        if differences.is_empty() {
            break;
        }
    }
    found.figures += 3;
    for difference in differences {
        found.differs(|| difference);
    }
    Ok(())
}

fn board_differences(live: &LiveFigures, counted: &Tallies) -> Vec<String> {
    let line = |team: Option<&str>| {
        let mut line = LiveLine::default();
        for (_, tallies) in counted.iter().filter(|(code, _)| team.is_none_or(|team| *code == team)) {
            let of = |figure| tallies.get(&figure).cloned().unwrap_or_default();
            let rate: Tally = of(Figure::WithinMinute);
            line.hits += rate.hits;
            line.decided += rate.of;
            line.short_abandons += of(Figure::ShortAbandons).of;
        }
        line
    };
    let mut differences = Vec::new();
    for (team, shown) in &live.teams {
        let counted = line(Some(team.as_str()).filter(|team| !team.is_empty()));
        if *shown != counted {
            differences.push(format!("the board of {team:?} shows {shown:?}, the rows give {counted:?}"));
        }
    }
    differences
}
