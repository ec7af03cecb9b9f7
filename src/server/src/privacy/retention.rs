//! Deletes what nobody may keep any longer (个人信息保护法 article 19): every day at a quiet hour, in small batches, and
//! never what is under legal hold.
//!
//! Each batch is one unit with its proof, a line of the audit log that says what was deleted, when and by which rule, with
//! the hashes of the ids. Whatever is cut off between two batches, the next run finds the rest: what is due is asked
//! anew, and nothing is due twice. Bytes of files are deleted by the sweeper, which looks at rows that say so.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use bangban_domain::{
    Timestamp,
    calendar::Calendar,
    org::Kind,
    privacy::{Data, Rules},
    time::{DAY, HOUR},
};
use bangban_store::{
    Archive, Audit, Author, Chain, Change, Due, Overdue, PRUNE, PrivacyChange, Pruned, RunRow, Store, Unit,
};
use metrics::{counter, gauge};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{hashed, json};
use crate::{clock::Clock, config::Privacy, files::Files};

/// So much goes with one unit of the writer, which has others to serve.
const BATCH: u32 = 100;

/// What became of one kind of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Days that it is kept.
    pub days: u32,
    /// What is older goes.
    pub before: Timestamp,
    /// How much went, or would.
    pub deleted: u64,
    /// How much stayed, because it is under legal hold.
    pub held: u64,
}

/// What a run has done so far, by kind of data.
pub type Report = BTreeMap<Data, Part>;

/// See the module.
pub struct Retention {
    store: Store,
    files: Arc<Files>,
    clock: Clock,
    keys: Privacy,
    stopping: CancellationToken,
    /// One run at a time.
    running: Mutex<()>,
}

/// The rules as records and configuration have them now.
///
/// # Errors
/// Whatever the database says; a record that cannot be read deletes nothing by mistake.
pub async fn rules(archive: &Archive, keys: &Privacy, now: Timestamp) -> anyhow::Result<Rules> {
    #[derive(Deserialize)]
    struct Days {
        days: u32,
    }
    #[derive(Deserialize)]
    struct Hold {
        subject: String,
        #[serde(default)]
        until: Option<Timestamp>,
    }
    let mut days: BTreeMap<Data, u32> = Data::ALL.iter().map(|data| (*data, keys.days(*data))).collect();
    for (id, body) in archive.bodies(Kind::Retention).await? {
        let Some(data) = Data::parse(&id) else { continue };
        let set: Days = serde_json::from_str(&body).with_context(|| format!("retention record {id}"))?;
        days.insert(data, set.days);
    }
    let mut holds = Vec::new();
    for (id, body) in archive.bodies(Kind::LegalHold).await? {
        let hold: Hold = serde_json::from_str(&body).with_context(|| format!("legal hold {id}"))?;
        holds.push((hold.subject, hold.until));
    }
    Ok(Rules::new(days, holds, now))
}

/// What is found by pages; the audit log goes by its own rule.
const fn overdue(data: Data) -> Option<Overdue> {
    Some(match data {
        Data::Threads => Overdue::Threads,
        Data::Files => Overdue::Files,
        Data::People => Overdue::People,
        Data::Receipts => Overdue::Receipts,
        Data::Messages => Overdue::Messages,
        Data::Sessions => Overdue::Sessions,
        Data::Audit => return None,
    })
}

/// What would go now; nothing is changed.
///
/// # Errors
/// Whatever the database says.
pub async fn preview(archive: &Archive, rules: &Rules, now: Timestamp) -> anyhow::Result<Report> {
    let mut report = Report::new();
    for data in Data::ALL {
        let Some(mut part) = part(rules, *data, now) else { continue };
        match overdue(*data) {
            Some(what) => {
                let mut after: Option<Due> = None;
                loop {
                    let page = archive.overdue(what, part.before, after.as_ref(), BATCH).await?;
                    let held = page.iter().filter(|due| is_held(rules, due)).count() as u64;
                    part.held += held;
                    part.deleted += page.len() as u64 - held;
                    after = page.last().cloned();
                    if page.len() < BATCH as usize {
                        break;
                    }
                }
            }
            None => part.deleted = lines_to_go(archive, rules, part.before).await?.map_or(0, |(_, count)| count),
        }
        report.insert(*data, part);
    }
    Ok(report)
}

fn part(rules: &Rules, data: Data, now: Timestamp) -> Option<Part> {
    let (days, before) = rules.days(data).zip(rules.expires_before(data, now))?;
    Some(Part { days, before, deleted: 0, held: 0 })
}

fn is_held(rules: &Rules, due: &Due) -> bool {
    rules.is_held(due.citizen.as_deref(), due.conversation.as_deref())
}

/// The last line of the audit log that may go, and how many go with it.
async fn lines_to_go(archive: &Archive, rules: &Rules, before: Timestamp) -> anyhow::Result<Option<(u64, u64)>> {
    let held: Vec<String> = rules.held().map(str::to_owned).collect();
    let Some(up_to) = archive.audit_overdue(before, &held).await? else { return Ok(None) };
    let first = archive.first_audit_line().await?.unwrap_or(up_to);
    Ok(Some((up_to, up_to + 1 - first)))
}

/// Ids of one batch as a change of rows.
fn deletion(data: Data, due: &[Due], at: Timestamp) -> anyhow::Result<PrivacyChange> {
    let ids = || due.iter().map(|due| due.id.clone());
    Ok(match data {
        Data::Threads => {
            PrivacyChange::Threads { conversations: ids().map(|id| id.parse()).collect::<Result<_, _>>()?, at }
        }
        Data::Files => PrivacyChange::Files { files: ids().map(|id| id.parse()).collect::<Result<_, _>>()?, at },
        Data::People => PrivacyChange::People { citizens: ids().map(|id| id.parse()).collect::<Result<_, _>>()?, at },
        Data::Receipts => PrivacyChange::Receipts(ids().collect()),
        Data::Messages => PrivacyChange::Messages(ids().collect()),
        Data::Sessions => PrivacyChange::Sessions(ids().collect()),
        Data::Audit => anyhow::bail!("lines of the audit log go by number"),
    })
}

impl Retention {
    /// Runs when asked to; [`Retention::daily`] asks by the clock.
    #[must_use]
    pub fn new(store: Store, files: Arc<Files>, clock: Clock, keys: Privacy, stopping: CancellationToken) -> Self {
        Self { store, files, clock, keys, stopping, running: Mutex::new(()) }
    }

    /// Runs every day at the quiet hour, until the server stops. A run that was cut off is gone on with at once.
    pub async fn daily(&self) {
        // Before anything else: what follows may take longer than until then.
        let mut next = self.next_run();
        let was_cut_off = match self.store.archive().retention_runs(1).await {
            Ok(runs) => runs.first().is_some_and(|run| run.finished_at.is_none()),
            Err(error) => {
                tracing::error!(%error, "runs of retention cannot be read");
                false
            }
        };
        if was_cut_off {
            self.run_and_tell().await;
        }
        self.tell_audit().await;
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.clock.sleep_until(next) => {}
            }
            next = self.next_run();
            self.run_and_tell().await;
            self.tell_audit().await;
        }
    }

    /// The next quiet hour.
    fn next_run(&self) -> Timestamp {
        let now = self.clock.now();
        let today = Calendar::day_start(now) + i64::from(self.keys.retention_hour) * HOUR;
        if today > now { today } else { today + DAY }
    }

    async fn run_and_tell(&self) {
        if let Err(error) = self.run(Author::System).await {
            tracing::error!(%error, "retention did not come to its end, the next run goes on");
        }
    }

    /// The rules as they are now.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn rules(&self) -> anyhow::Result<Rules> {
        rules(&self.store.archive(), &self.keys, self.clock.now()).await
    }

    /// What would go now.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn preview(&self) -> anyhow::Result<Report> {
        preview(&self.store.archive(), &self.rules().await?, self.clock.now()).await
    }

    /// Deletes what is due. Waits for a run that is under way.
    ///
    /// # Errors
    /// What could not be done is left to the next run.
    pub async fn run(&self, by: Author) -> anyhow::Result<RunRow> {
        let _one = self.running.lock().await;
        let archive = self.store.archive();
        let now = self.clock.now();
        let rules = self.rules().await?;
        let last = archive.retention_runs(1).await?.into_iter().next();
        let cause = match by {
            Author::Agent(agent) => agent.to_string(),
            Author::System | Author::Citizen | Author::Bot => "schedule".to_owned(),
        };
        let begun = match last {
            // Cut off: what it has done counts.
            Some(run) if run.finished_at.is_none() => run,
            last => RunRow {
                no: last.map_or(1, |run| run.no + 1),
                started_at: now,
                finished_at: None,
                cause,
                report: json(&Report::new()),
            },
        };
        let mut run = Run { retention: self, archive, rules, row: begun, report: Report::new(), by, now };
        run.go().await?;
        Ok(run.row)
    }

    /// Verifies the audit log and tells its last hash to the log and the metrics, which are kept elsewhere: who cuts lines
    /// off at its end cannot take that back.
    async fn tell_audit(&self) {
        match self.store.verify_audit().await {
            Ok(Chain::Whole { lines, last }) => {
                gauge!("bangban_audit_lines").set(lines as f64);
                gauge!("bangban_audit_broken").set(0.0);
                tracing::info!(lines, last, "the audit log is whole");
            }
            Ok(Chain::Broken { no }) => {
                gauge!("bangban_audit_broken").set(1.0);
                tracing::error!(no, "the audit log is broken: a line was changed or taken out");
            }
            Err(error) => tracing::error!(%error, "the audit log cannot be verified"),
        }
    }
}

/// A run under way.
struct Run<'a> {
    retention: &'a Retention,
    archive: Archive,
    rules: Rules,
    row: RunRow,
    report: Report,
    by: Author,
    now: Timestamp,
}

impl Run<'_> {
    async fn go(&mut self) -> anyhow::Result<()> {
        let done: Report = serde_json::from_str(self.row.report.as_str()).unwrap_or_default();
        for data in Data::ALL {
            let Some(mut part) = part(&self.rules, *data, self.now) else { continue };
            part.deleted = done.get(data).map_or(0, |part| part.deleted);
            self.report.insert(*data, part);
        }
        for data in self.report.keys().copied().collect::<Vec<_>>() {
            match overdue(data) {
                Some(what) => self.go_through(data, what).await?,
                None => self.shorten_audit().await?,
            }
            if matches!(data, Data::Threads | Data::Files) {
                // The rows say that they are gone; now their bytes.
                self.retention.files.sweep().await?;
            }
        }
        self.row.finished_at = Some(self.retention.clock.now());
        self.commit(None, None).await?;
        let deleted: u64 = self.report.values().map(|part| part.deleted).sum();
        let held: u64 = self.report.values().map(|part| part.held).sum();
        tracing::info!(run = self.row.no, deleted, held, "retention has come to its end");
        Ok(())
    }

    async fn go_through(&mut self, data: Data, what: Overdue) -> anyhow::Result<()> {
        let mut after: Option<Due> = None;
        loop {
            anyhow::ensure!(!self.retention.stopping.is_cancelled(), "the server stops");
            let before = self.report[&data].before;
            let page = self.archive.overdue(what, before, after.as_ref(), BATCH).await?;
            let is_last = page.len() < BATCH as usize;
            after = page.last().cloned();
            let (held, go): (Vec<Due>, Vec<Due>) = page.into_iter().partition(|due| is_held(&self.rules, due));
            if let Some(part) = self.report.get_mut(&data) {
                part.held += held.len() as u64;
            }
            if !go.is_empty() {
                let change = deletion(data, &go, self.now)?;
                let ids: Vec<String> = go.iter().map(|due| hashed(&due.id)).collect();
                self.delete(data, change, go.len() as u64, &ids).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn delete(&mut self, data: Data, change: PrivacyChange, count: u64, ids: &[String]) -> anyhow::Result<()> {
        let Some(part) = self.report.get_mut(&data) else { return Ok(()) };
        part.deleted += count;
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Proof<'a> {
            class: &'static str,
            days: u32,
            before: Timestamp,
            count: u64,
            ids: &'a [String],
        }
        let class = data.class().as_str();
        let proof = Proof { class, days: part.days, before: part.before, count, ids };
        let line = self.line("retention.delete", data.as_str(), json(&proof));
        self.commit(Some(change), Some(line)).await?;
        counter!("bangban_retention_deleted_total", "data" => data.as_str()).increment(count);
        Ok(())
    }

    async fn shorten_audit(&mut self) -> anyhow::Result<()> {
        let before = self.report[&Data::Audit].before;
        let Some((up_to, count)) = lines_to_go(&self.archive, &self.rules, before).await? else { return Ok(()) };
        let Some(last) = self.archive.audit_line(up_to).await? else { return Ok(()) };
        if let Some(part) = self.report.get_mut(&Data::Audit) {
            part.deleted += count;
        }
        let line = self.line(PRUNE, Data::Audit.as_str(), Pruned { up_to, hash: last.hash }.detail()?);
        let change = PrivacyChange::Audit { up_to, at: self.now };
        self.commit(Some(change), Some(line)).await?;
        counter!("bangban_retention_deleted_total", "data" => Data::Audit.as_str()).increment(count);
        Ok(())
    }

    fn line(&self, action: &'static str, kind: &str, detail: bangban_store::Json) -> Audit {
        Audit {
            at: self.retention.clock.now(),
            actor: self.by,
            action,
            kind: kind.to_owned(),
            subject: self.row.no.to_string(),
            unit: None,
            reason: None,
            address: None,
            detail,
        }
    }

    /// A batch, its proof and how far the run is: one unit.
    async fn commit(&mut self, change: Option<PrivacyChange>, line: Option<Audit>) -> anyhow::Result<()> {
        self.row.report = json(&self.report);
        let mut changes: Vec<Change> = change.map(Change::Privacy).into_iter().collect();
        changes.push(Change::Privacy(PrivacyChange::Run(self.row.clone())));
        changes.extend(line.map(Change::Audit));
        self.retention.store.commit(Unit { changes, ..Unit::default() }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
