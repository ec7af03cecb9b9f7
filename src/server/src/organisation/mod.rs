//! What is administered, as this node has it now. Read at the start; after that whatever has changed is read again: at once
//! after a change of our own, when another node says so, and every [`LOOK`] in any case.
//!
//! Whoever decides takes one snapshot and keeps it for the decision: it never changes under their hands.

pub mod command;
mod demo;
pub mod import;
pub mod sheet;

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use bangban_domain::{
    Timestamp,
    org::{Body, CITY, Directory, GENERAL, Kind, Record, Team, Unit, UnitKind},
};
use bangban_search::Index;
use bangban_store::{Audit, Author, Change, Json, RecordChange, RecordRow, Store, StoreError, Unit as Work};
use serde_json::value::to_raw_value;
use tokio::{
    sync::{Mutex, Notify},
    task::spawn_blocking,
    time::timeout,
};

use crate::catalogue::{Basis, Catalogue, index};
pub use demo::{
    DemoStaff, demo_staff, directory as demo_directory, entries as demo_entries, seed as seed_demo,
    seed_roster as seed_demo_roster,
};

/// A change of another node is seen after this time at the latest.
pub const LOOK: Duration = Duration::from_secs(10);

/// See the module.
pub struct Organisation {
    store: Store,
    current: ArcSwap<Catalogue>,
    /// The counts of what `current` is made of. Held while it is made anew, so that an older state never replaces a newer.
    known: Mutex<HashMap<String, u64>>,
    /// One change at a time: each is judged by what the one before has made.
    changing: Mutex<()>,
    /// Items are called differently than the index knows.
    renamed: Notify,
    /// What rights are judged by.
    directory: Arc<ArcSwap<Directory>>,
}

impl Organisation {
    /// Everything, from the rows.
    ///
    /// # Errors
    /// Whatever the store says; [`StoreError::Corrupt`] names a row that cannot be read.
    pub async fn load(store: Store, basis: Basis, directory: Arc<ArcSwap<Directory>>) -> Result<Self, StoreError> {
        let basis = Arc::new(basis);
        let empty = Catalogue::new(Directory::default(), Arc::clone(&basis), Arc::new(Index::build(Vec::new())));
        let mut this = Self {
            store,
            current: ArcSwap::from_pointee(empty),
            known: Mutex::default(),
            changing: Mutex::default(),
            renamed: Notify::new(),
            directory,
        };
        this.refresh().await?;
        this.make_index().await;
        // The index is of today.
        this.renamed = Notify::new();
        for problem in this.current().directory().problems() {
            tracing::warn!(%problem, "a record contradicts the others");
        }
        Ok(this)
    }

    async fn make_index(&self) {
        let current = self.current();
        let made = spawn_blocking(move || index(current.directory(), current.basis())).await;
        match made {
            Ok(index) => {
                let _turn = self.known.lock().await;
                self.current.store(Arc::new(self.current().with_index(Arc::new(index))));
            }
            Err(error) => tracing::error!(%error, "the index could not be made; the old one stays"),
        }
    }

    /// Everything as it is now.
    #[must_use]
    pub fn current(&self) -> Arc<Catalogue> {
        self.current.load_full()
    }

    /// Reads what has changed; says which kinds.
    ///
    /// # Errors
    /// Whatever the store says; what is known stays.
    pub async fn refresh(&self) -> Result<Vec<Kind>, StoreError> {
        let mut known = self.known.lock().await;
        let counts = self.store.change_counts().await?;
        let current = self.current();
        let mut reads = Vec::new();
        for kind in Kind::ALL.iter().copied() {
            let (before, now) = (known.get(kind.as_str()).copied(), counts.get(kind.as_str()).copied());
            if before.is_some() && before == now || now.is_none() && current.directory().count(kind) == 0 {
                continue;
            }
            let rows = match before {
                None => Rows::All(self.store.records(kind).await?),
                Some(since) => Rows::Changed(self.store.records_changed(kind, since).await?),
            };
            reads.push((kind, rows));
        }
        let changed: Vec<Kind> = reads.iter().map(|(kind, _)| *kind).collect();
        if !changed.is_empty() {
            // A large catalogue takes longer than those may wait who are served by the runtime's threads.
            let made = spawn_blocking(move || {
                let directory = reads.into_iter().try_fold(current.directory().clone(), take_over)?;
                Ok::<_, StoreError>(Catalogue::new(directory, Arc::clone(current.basis()), current.shared_index()))
            });
            let next = made.await.map_err(|error| {
                tracing::error!(%error, "what has changed could not be taken over");
                StoreError::Closed
            })??;
            self.directory.store(Arc::new(next.directory().clone()));
            self.current.store(Arc::new(next));
        }
        if changed.contains(&Kind::Item) {
            self.renamed.notify_one();
        }
        *known = counts;
        Ok(changed)
    }

    /// Waits until nobody else changes anything. Held from looking at [`Organisation::current`] until [`Organisation::refresh`]
    /// after the commit.
    pub async fn change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }
}

/// Looks again and again for what other nodes have changed, and makes the bot's index anew when items are called
/// differently; until it is there, answers come from the old one.
pub async fn watch(organisation: Weak<Organisation>, changed: impl Fn(&[Kind])) {
    loop {
        let Some(one) = organisation.upgrade() else { return };
        let is_renamed = timeout(LOOK, one.renamed.notified()).await.is_ok();
        if is_renamed {
            one.make_index().await;
            changed(&[]);
            continue;
        }
        // Who changes something here reads it again at the end; the half of an import is nobody's business.
        let Ok(_turn) = one.changing.try_lock() else { continue };
        match one.refresh().await {
            Ok(kinds) if kinds.is_empty() => {}
            Ok(kinds) => changed(&kinds),
            Err(error) => tracing::warn!(%error, "the records cannot be read; those that are known stay"),
        }
    }
}

/// All records, for who needs nothing that follows from them.
///
/// # Errors
/// Whatever the store says; [`StoreError::Corrupt`] names a row that cannot be read.
pub async fn read(store: &Store) -> Result<Directory, StoreError> {
    let mut records = Vec::new();
    for kind in Kind::ALL {
        records.extend(store.records(*kind).await?);
    }
    Ok(Directory::new(records.into_iter().map(record).collect::<Result<Vec<_>, _>>()?))
}

/// What was read of a kind of record.
enum Rows {
    /// All there are.
    All(Vec<RecordRow>),
    /// Those that have changed; without a row: removed.
    Changed(Vec<(String, Option<RecordRow>)>),
}

/// The directory with what was read of a kind.
fn take_over(directory: Directory, (kind, rows): (Kind, Rows)) -> Result<Directory, StoreError> {
    match rows {
        Rows::All(rows) => Ok(directory.with_all(kind, rows.into_iter().map(record).collect::<Result<Vec<_>, _>>()?)),
        Rows::Changed(rows) => {
            let read = |(id, row): (String, Option<RecordRow>)| Ok((id, row.map(record).transpose()?));
            Ok(directory.with(kind, rows.into_iter().map(read).collect::<Result<Vec<_>, StoreError>>()?))
        }
    }
}

/// A row as the type of its kind.
fn record(row: RecordRow) -> Result<Record, StoreError> {
    let mut json = serde_json::Deserializer::from_str(&row.body);
    let body = Body::read(row.kind, &mut json)
        .map_err(|error| StoreError::Corrupt { table: "record", what: format!("{} {}: {error}", row.kind, row.id) })?;
    Ok(Record { id: row.id, no: row.no, version: row.version, changed_at: row.changed_at, body })
}

/// A body as JSON.
///
/// # Errors
/// None for the types of `bangban_domain::org`; whatever the serialiser says.
pub fn json(body: &Body) -> Result<Json, serde_json::Error> {
    to_raw_value(body).map(Json)
}

/// The city and the team of whoever asks without an item: without them there is nothing to add others to.
fn first() -> [(String, Body); 2] {
    let city = Unit {
        name: "上海市".to_owned(),
        kind: UnitKind::City,
        parent: None,
        district: None,
        line: None,
        hours: None,
        answers_at_once: false,
    };
    let general = Team {
        name: "综合帮办".to_owned(),
        name_en: "General help".to_owned(),
        unit: CITY.to_owned(),
        hours: None,
        slot_minutes: None,
        slot_capacity: None,
        skill: String::new(),
        least_level: None,
    };
    [(CITY.to_owned(), Body::Unit(city)), (GENERAL.to_owned(), Body::Team(general))]
}

/// Makes what every installation has, if it is not there yet.
///
/// # Errors
/// Whatever the store says.
pub async fn found(store: &Store, now: Timestamp) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for (id, body) in first() {
        if !store.records(body.kind()).await?.iter().any(|row| row.id == id) {
            missing.push((id, body));
        }
    }
    make(store, missing, now, "organisation.found").await
}

/// A record as it is to be.
pub struct Put {
    /// Its code.
    pub id: String,
    /// What it is changed from; 0: it is new.
    pub version: u64,
    /// What it says.
    pub body: Body,
}

/// New records of the server's own, with one line of the audit log.
async fn make(store: &Store, records: Vec<(String, Body)>, now: Timestamp, why: &'static str) -> anyhow::Result<()> {
    let records = records.into_iter().map(|(id, body)| Put { id, version: 0, body }).collect();
    // Nobody to refer to but each other.
    put(store, &Directory::default(), records, now, Author::System, why, None).await
}

/// Records as they are to be, with one line of the audit log; all or none. The store must have no other owner.
///
/// # Errors
/// Names the first field that cannot be taken; [`StoreError::Outdated`]; whatever else the store says.
pub async fn put(
    store: &Store,
    directory: &Directory,
    records: Vec<Put>,
    now: Timestamp,
    actor: Author,
    why: &'static str,
    reason: Option<String>,
) -> anyhow::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let made = serde_json::json!({ "records": records.len() });
    let changes = records.into_iter().map(|Put { id, version, body }| {
        body.check()?;
        let unit = directory.owner(&body).map(str::to_owned);
        let (kind, body) = (body.kind(), Some(json(&body)?));
        Ok(RecordChange { kind, id, from: version, unit, body, at: now, actor })
    });
    let changes = changes.collect::<anyhow::Result<Vec<_>>>()?;
    let audit = Audit {
        at: now,
        actor,
        action: why,
        kind: "organisation".to_owned(),
        subject: CITY.to_owned(),
        unit: None,
        reason,
        address: None,
        detail: Json(to_raw_value(&made)?),
    };
    store.commit(Work { changes: vec![Change::Records(changes), Change::Audit(audit)], ..Work::default() }).await?;
    Ok(())
}
