//! What is administered, as this node has it now. Read at the start; after that whatever has changed is read again: at once
//! after a change of our own, when another node says so, and every [`LOOK`] in any case.
//!
//! Whoever decides takes one snapshot and keeps it for the decision: it never changes under their hands.

pub mod command;
mod demo;
mod demo_calls;
pub mod import;
pub mod numbers;
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
    time::{DAY, MINUTE, Millis},
};
use bangban_store::{
    Audit, Author, BotChange, Change, Json, KnowledgeEntry, RecordChange, RecordRow, Store, StoreError, Unit as Work,
};
use serde_json::value::to_raw_value;
use tokio::{
    sync::{Mutex, Notify},
    task::spawn_blocking,
};

use crate::{
    catalogue::{Asked, Basis, Catalogue},
    clock::Clock,
    connectors::actions::ItemActions,
    guides::Guides,
    known::Entries,
};
pub use demo::{
    DemoStaff, demo_staff, directory as demo_directory, frequent as demo_frequent, knowledge as demo_knowledge,
    seed as seed_demo, seed_guides as seed_demo_guides, seed_knowledge as seed_demo_knowledge,
    seed_roster as seed_demo_roster,
};
pub use demo_calls::{is_demo_call, seed_calls as seed_demo_calls};

/// A change of another node is seen after this time at the latest.
pub const LOOK: Duration = Duration::from_secs(10);

/// What is asked most is counted over this time.
pub const ASKED_FOR: Millis = 7 * DAY;

/// And not more often than this.
const COUNT_EVERY: Millis = 10 * MINUTE;

/// So many entries are among those that are asked most, of all items together.
const MOST_ASKED: u32 = 2_000;

/// See the module.
pub struct Organisation {
    store: Store,
    current: ArcSwap<Catalogue>,
    /// The counts of what `current` is made of. Held while it is made anew, so that an older state never replaces a newer.
    known: Mutex<HashMap<String, u64>>,
    /// One change at a time: each is judged by what the one before has made.
    changing: Mutex<()>,
    /// Every entry that holds, will hold or is a candidate, and the count of changes that they are the state of. Held while
    /// they are made anew.
    entries: Mutex<(u64, Entries)>,
    /// The count of changes that the guides in force are the state of. Held while they are read.
    guides: Mutex<Option<u64>>,
    /// The count of changes that thresholds and words are the state of. Held while they are read.
    bot: Mutex<Option<u64>>,
    /// When it was counted what is asked most.
    counted_at: Mutex<Option<Timestamp>>,
    /// Entries have changed.
    other_knowledge: Notify,
    /// Items are called differently than the index knows, or their units have other rules.
    renamed: Notify,
    /// What rights are judged by.
    directory: Arc<ArcSwap<Directory>>,
}

impl Organisation {
    /// Everything, from the rows.
    ///
    /// # Errors
    /// Whatever the store says; [`StoreError::Corrupt`] names a row that cannot be read.
    pub async fn load(
        store: Store,
        basis: Basis,
        directory: Arc<ArcSwap<Directory>>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let basis = Arc::new(basis);
        let empty = Catalogue::new(Directory::default(), Arc::clone(&basis), Arc::default());
        let mut this = Self {
            store,
            current: ArcSwap::from_pointee(empty),
            known: Mutex::default(),
            changing: Mutex::default(),
            entries: Mutex::default(),
            guides: Mutex::default(),
            bot: Mutex::default(),
            counted_at: Mutex::default(),
            other_knowledge: Notify::new(),
            renamed: Notify::new(),
            directory,
        };
        this.refresh().await?;
        this.renew_bot().await?;
        this.renew_knowledge(now, true).await?;
        this.renew_guides().await?;
        this.renew_asked(now).await?;
        // It is of today.
        this.renamed = Notify::new();
        for problem in this.current().directory().problems() {
            tracing::warn!(%problem, "a record contradicts the others");
        }
        Ok(this)
    }

    /// Takes over which entries have changed, and makes anew what is known; without `always` only if something has changed.
    ///
    /// # Errors
    /// Whatever the store says; what is known stays.
    pub async fn renew_knowledge(&self, now: Timestamp, always: bool) -> Result<(), StoreError> {
        let mut kept = self.entries.lock().await;
        let (count, changed) = self.store.knowledge_changed(kept.0).await?;
        let mut is_other = always;
        for (entry, revisions) in changed {
            // Most changes are drafts, which nobody answers with.
            let before = kept.1.get(&entry.head.id);
            is_other |= before.map_or(!revisions.is_empty(), |before| {
                let holds = |entry: &KnowledgeEntry| (entry.head.live, entry.head.before, entry.head.retired_at);
                before.1 != revisions || holds(&before.0) != holds(&entry)
            });
            if revisions.is_empty() {
                kept.1.remove(&entry.head.id);
            } else {
                kept.1.insert(entry.head.id.clone(), Arc::new((entry, revisions)));
            }
        }
        kept.0 = count;
        if !is_other {
            return Ok(());
        }
        // Takes longer than those may wait who are served by the runtime's threads.
        let (entries, current) = (kept.1.clone(), self.current());
        let made = spawn_blocking(move || {
            let directory = current.directory();
            if always {
                current.knowledge().anew(&entries, directory, now)
            } else {
                current.knowledge().then(&entries, directory, now)
            }
        });
        let made = made.await;
        match made {
            Ok(knowledge) => {
                let _turn = self.known.lock().await;
                self.current.store(Arc::new(self.current().with_knowledge(Arc::new(knowledge))));
            }
            Err(error) => tracing::error!(%error, "the index could not be made; the old one stays"),
        }
        Ok(())
    }

    /// Takes over which guides are in force, if that has changed.
    ///
    /// # Errors
    /// Whatever the store says; what is known stays.
    pub async fn renew_guides(&self) -> Result<(), StoreError> {
        let mut count = self.guides.lock().await;
        let Some((now, guides)) = self.store.guides_in_force(*count).await? else { return Ok(()) };
        let _turn = self.known.lock().await;
        self.current.store(Arc::new(self.current().with_guides(Arc::new(Guides::of(guides)))));
        *count = Some(now);
        Ok(())
    }

    /// Takes over the thresholds and words that hold, if they have changed.
    ///
    /// # Errors
    /// Whatever the store says; what is known stays.
    pub async fn renew_bot(&self) -> Result<(), StoreError> {
        let mut count = self.bot.lock().await;
        let Some((now, holds, words)) = self.store.bot_settings(*count).await? else { return Ok(()) };
        // Whoever makes the entries anew begins from what is known when they begin.
        let _entries = self.entries.lock().await;
        let current = self.current();
        let made = spawn_blocking(move || {
            let knowledge = current.knowledge();
            knowledge.by(knowledge.settings().next(holds.as_ref(), words))
        });
        match made.await {
            Ok(knowledge) => {
                let _turn = self.known.lock().await;
                self.current.store(Arc::new(self.current().with_knowledge(Arc::new(knowledge))));
                *count = Some(now);
            }
            Err(error) => tracing::error!(%error, "thresholds and words could not be taken over; the old ones stay"),
        }
        Ok(())
    }

    /// Counts anew what was asked most in the last [`ASKED_FOR`], and forgets what is older than twice that; not more often than
    /// every [`COUNT_EVERY`].
    ///
    /// # Errors
    /// Whatever the store says; what is known stays.
    pub async fn renew_asked(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut counted = self.counted_at.lock().await;
        if counted.is_some_and(|at| now.since(at) < COUNT_EVERY) {
            return Ok(());
        }
        let since = now - ASKED_FOR;
        let rows = self.store.asked_since(since, MOST_ASKED).await?;
        let forget = Change::Bot(BotChange::ForgetAsked(since - ASKED_FOR));
        self.store.commit(Work { changes: vec![forget], ..Work::default() }).await?;
        let _turn = self.known.lock().await;
        let current = self.current();
        let asked = Asked {
            counted: rows.into_iter().map(|(entry, _)| entry).collect(),
            examples: current.shared_asked().examples.clone(),
        };
        self.current.store(Arc::new(current.with_asked(Arc::new(asked))));
        *counted = Some(now);
        Ok(())
    }

    /// What the demo suggests as long as nothing was counted.
    pub async fn suggest_examples(&self, examples: Vec<String>) {
        let _turn = self.known.lock().await;
        let current = self.current();
        let asked = Asked { counted: current.shared_asked().counted.clone(), examples };
        self.current.store(Arc::new(current.with_asked(Arc::new(asked))));
    }

    /// Other things can be done about items from now on.
    pub async fn set_actions(&self, actions: ItemActions) {
        let _turn = self.known.lock().await;
        if *self.current().actions() != actions {
            self.current.store(Arc::new(self.current().with_actions(Arc::new(actions))));
        }
    }

    /// Other entries are in force from now on, or others wait for their review: seen to in the background, at once.
    pub fn knowledge_changed(&self) {
        self.other_knowledge.notify_one();
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
                let next = Catalogue::new(directory, Arc::clone(current.basis()), current.shared_knowledge());
                let next = next.with_guides(current.shared_guides()).with_asked(current.shared_asked());
                Ok::<_, StoreError>(next.with_actions(current.shared_actions()))
            });
            let next = made.await.map_err(|error| {
                tracing::error!(%error, "what has changed could not be taken over");
                StoreError::Closed
            })??;
            self.directory.store(Arc::new(next.directory().clone()));
            self.current.store(Arc::new(next));
        }
        // Units say whether what is written back is answered at once.
        if changed.contains(&Kind::Item) || changed.contains(&Kind::Unit) {
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

/// Makes anew what 小申 and the agents know: at once after a change of our own or when an entry begins or ends to hold, and
/// after [`LOOK`] what other nodes have changed. Until it is there, answers come from the old state.
///
/// `changed` is called when there is another catalogue than it was called for last, whoever made it: every desk is made anew then.
pub async fn watch_knowledge(organisation: Weak<Organisation>, clock: Clock, changed: impl Fn()) {
    let mut told: Option<Arc<Catalogue>> = None;
    loop {
        let Some(one) = organisation.upgrade() else { return };
        let edge = one.current().knowledge().next_change();
        let is_other = tokio::select! {
            () = one.renamed.notified() => true,
            () = clock.sleep_until(edge.unwrap_or(Timestamp(i64::MAX))), if edge.is_some() => true,
            () = one.other_knowledge.notified() => false,
            () = tokio::time::sleep(LOOK) => false,
        };
        let mut renewed = one.renew_knowledge(clock.now(), is_other).await;
        if renewed.is_ok() {
            renewed = one.renew_guides().await;
        }
        if renewed.is_ok() {
            renewed = one.renew_bot().await;
        }
        if renewed.is_ok() {
            renewed = one.renew_asked(clock.now()).await;
        }
        let current = one.current();
        if !told.as_ref().is_some_and(|told| Arc::ptr_eq(told, &current)) {
            changed();
            told = Some(current);
        }
        if let Err(error) = renewed {
            tracing::warn!(%error, "the entries cannot be read; those that are known stay");
            // Not lost: the next look reads them, and makes anew what time has changed.
            tokio::time::sleep(Duration::from_millis(500)).await;
            one.renamed.notify_one();
        }
    }
}

/// Looks again and again for what other nodes have changed.
pub async fn watch(organisation: Weak<Organisation>, changed: impl Fn(&[Kind])) {
    loop {
        let Some(one) = organisation.upgrade() else { return };
        tokio::time::sleep(LOOK).await;
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
