//! The writer: takes all units that wait, gives them to a lane as one batch, publishes and answers what came of it.
//!
//! PostgreSQL has two lanes, so that one batch can be prepared while another one waits for the disk. A batch has its
//! conversations, citizens and agents for itself: a unit that touches one of those in a batch on its way waits for that
//! batch, and every later unit of the same waits behind it. So the order within a conversation is the order in which
//! units came, no two transactions ever touch the same row, and a unit may touch any number of conversations, or none.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bangban_domain::{AgentId, CitizenId, ConversationId, FileId};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, OptionFuture},
    stream::FuturesUnordered,
};
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::{
    AlertChange, Change, Committed, ContinuationChange, PrivacyChange, Published, StoreError, Unit, Written,
    batch::Done,
    checkpoint::{Checkpoints, Running},
    heads::{Cache, Heads},
    lane::{Health, Lane},
    pace::Pace,
};

/// Called with each committed batch's new entries, in commit order, before the commits are acknowledged.
pub type Publisher = Box<dyn FnMut(&[Published]) + Send>;

/// Units in one transaction: bounds how long the last of them waits for the first.
const BATCH: usize = 512;

/// See [`Cache::new`]: at most 32 MiB.
const CACHE: usize = 1 << 20;

/// A unit and who waits for it.
pub(crate) struct Waiting {
    pub(crate) unit: Unit,
    pub(crate) reply: oneshot::Sender<Result<Committed, StoreError>>,
}

/// What the writer has done since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transactions that were committed: as many flushes to the disk.
    pub transactions: u64,
    /// Units that were committed.
    pub units: u64,
    /// Entries that were written.
    pub entries: u64,
}

/// Why nothing can be committed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Another process has taken the database over.
    Deposed,
    /// The writer's task ended by a fault of ours, which the log has.
    Failed,
}

#[derive(Default)]
struct Counters {
    transactions: AtomicU64,
    units: AtomicU64,
    entries: AtomicU64,
}

/// The way to the writer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Waiting>,
    counters: Arc<Counters>,
    ended: watch::Receiver<bool>,
    /// Taken by the one who closes.
    task: Arc<Mutex<Option<Task>>>,
}

struct Task {
    stop: oneshot::Sender<()>,
    handle: JoinHandle<()>,
}

impl Writer {
    /// `lock` lives as long as the task.
    pub(crate) fn start(
        lanes: Vec<Lane>,
        health: Arc<Health>,
        checkpoints: Checkpoints,
        lock: Option<File>,
        queue: usize,
        publisher: Publisher,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(queue);
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = watch::channel(false);
        let counters = Arc::<Counters>::default();
        let owner = Owner {
            has_several: lanes.len() > 1,
            idle: lanes,
            flights: FuturesUnordered::new(),
            waiting: Vec::with_capacity(BATCH),
            taken: HashMap::new(),
            cache: Cache::new(CACHE),
            health,
            checkpoints,
            copying: None,
            pace: Pace::new(Instant::now()),
            pause: None,
            counters: Arc::clone(&counters),
            publisher,
            end,
        };
        let handle = tokio::spawn(async move {
            owner.run(receiver, stopped).await;
            drop(lock);
        });
        Self { queue: sender, counters, ended, task: Arc::new(Mutex::new(Some(Task { stop, handle }))) }
    }

    /// Units are carried out in the order of these calls.
    pub(crate) fn enqueue(&self, unit: Unit) -> Result<oneshot::Receiver<Result<Committed, StoreError>>, StoreError> {
        unit.check()?;
        let (reply, result) = oneshot::channel();
        self.queue.try_send(Waiting { unit, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        Ok(result)
    }

    /// As [`Writer::enqueue`], then waits for the result; waits for room in a full queue too.
    pub(crate) async fn commit_in_turn(&self, unit: Unit) -> Result<Committed, StoreError> {
        unit.check()?;
        let (reply, result) = oneshot::channel();
        self.queue.send(Waiting { unit, reply }).await.map_err(|_| StoreError::Closed)?;
        result.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub(crate) fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            transactions: get(&self.counters.transactions),
            units: get(&self.counters.units),
            entries: get(&self.counters.entries),
        }
    }

    pub(crate) async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        if ended.wait_for(|ended| *ended).await.is_ok() {
            return Ended::Deposed;
        }
        if self.task.lock().await.is_some() {
            return Ended::Failed;
        }
        // Closed in the ordinary way.
        std::future::pending().await
    }

    pub(crate) async fn close(&self) {
        if let Some(Task { stop, handle }) = self.task.lock().await.take() {
            // A receiver that is gone has stopped already.
            let _ = stop.send(());
            if let Err(error) = handle.await {
                tracing::error!(%error, "the writer ended badly");
            }
        }
    }
}

/// What a batch has for itself while it is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Conversation(ConversationId),
    Citizen(CitizenId),
    Agent(AgentId),
    File(FileId),
    /// Records, accounts and the audit log, whose numbers follow each other.
    Administration,
}

/// Everything that a unit touches.
fn keys(unit: &Unit) -> impl Iterator<Item = Key> {
    let of_changes = unit.changes.iter().flat_map(|change| match change {
        Change::Citizen(row) => [Some(Key::Citizen(row.id)), None],
        Change::Staff(row) => [Some(Key::Agent(row.id)), None],
        Change::Status { agent, .. } => [Some(Key::Agent(*agent)), None],
        Change::NewConversation(row) => [Some(Key::Conversation(row.id)), Some(Key::Citizen(row.citizen))],
        Change::Conversation(row) => [Some(Key::Conversation(row.id)), None],
        Change::Clock(row) => [Some(Key::Conversation(row.conversation)), None],
        Change::Receipt(row) => [Some(Key::Conversation(row.conversation)), None],
        Change::Correction(row) => [Some(Key::Conversation(row.conversation)), None],
        Change::ReceiptSettled { conversation, .. } | Change::ReceiptReminded { conversation, .. } => {
            [Some(Key::Conversation(*conversation)), None]
        }
        Change::Step { conversation, .. }
        | Change::StrikeBreach { conversation, .. }
        | Change::Left { conversation, .. }
        | Change::Read { conversation, .. } => [Some(Key::Conversation(*conversation)), None],
        Change::File(change) => [Some(Key::File(change.file())), None],
        Change::Claim { visitor, citizen, .. } => [Some(Key::Citizen(*visitor)), Some(Key::Citizen(*citizen))],
        Change::Alert(AlertChange::Raise(row)) => [row.conversation.map(Key::Conversation), row.agent.map(Key::Agent)],
        Change::Helper(change) => [Some(Key::Conversation(change.conversation)), Some(Key::Agent(change.agent))],
        // One row, which only the desk changes, in its turns.
        Change::Alert(AlertChange::Acknowledge(..) | AlertChange::Clear(..)) => [None, None],
        Change::Continuation(ContinuationChange::New(row)) => [Some(Key::Conversation(row.conversation)), None],
        // One row, which knows by itself who came first.
        Change::Continuation(ContinuationChange::Redeem { .. } | ContinuationChange::Revoke { .. }) => [None, None],
        // Each row knows by itself who came first.
        Change::Outbox(_) | Change::Action(_) => [None, None],
        // Their owner changes them in its turns.
        Change::Window(_) | Change::Call(_) => [None, None],
        // Two who ask the same open one task.
        Change::Records(_)
        | Change::Account(_)
        | Change::Audit(_)
        | Change::Quality(_)
        | Change::Task(_)
        | Change::Knowledge(_)
        | Change::Guide(_)
        | Change::Learning(_)
        | Change::Bot(_) => [Some(Key::Administration), None],
        // See `keys_of`.
        Change::Privacy(_) | Change::Figures(_) | Change::AgentLog(_) => [None, None],
        Change::Draft { agent, conversation, .. } => [Some(Key::Conversation(*conversation)), Some(Key::Agent(*agent))],
    });
    let of_entries = unit.entries.iter().map(|entry| Key::Conversation(entry.conversation));
    let of_events = unit.events.iter().filter_map(|event| event.conversation.map(Key::Conversation));
    of_changes.flatten().chain(of_entries).chain(of_events).chain(unit.changes.iter().flat_map(keys_of))
}

/// Of what may touch any number of rows.
fn keys_of(change: &Change) -> Vec<Key> {
    let conversations = |ids: &[ConversationId]| ids.iter().map(|id| Key::Conversation(*id)).collect();
    let change = match change {
        Change::Privacy(change) => change,
        Change::Claim { conversations: ids, .. } => return conversations(ids),
        Change::Figures(rows) => return conversations(&rows.conversations),
        _ => return Vec::new(),
    };
    match change {
        PrivacyChange::Threads { conversations: ids, .. } => conversations(ids),
        PrivacyChange::Files { files, .. } => files.iter().map(|id| Key::File(*id)).collect(),
        PrivacyChange::People { citizens, .. } => citizens.iter().map(|id| Key::Citizen(*id)).collect(),
        PrivacyChange::Erase { citizen, into, conversations: ids, .. } => {
            let mut keys: Vec<Key> = conversations(ids);
            keys.extend([Key::Citizen(*citizen), Key::Citizen(*into)]);
            keys
        }
        // Nobody else writes these rows any more.
        PrivacyChange::Receipts(_) | PrivacyChange::Messages(_) | PrivacyChange::Sessions(_) => Vec::new(),
        PrivacyChange::Audit { .. } | PrivacyChange::Run(_) | PrivacyChange::Erasure(_) => vec![Key::Administration],
    }
}

/// A batch on its way.
struct Batch {
    waiting: Vec<Waiting>,
    /// What it has for itself; not kept where there is only one lane.
    keys: Vec<Key>,
    heads: Heads,
    done: Done,
    transactions: u64,
}

struct Owner {
    has_several: bool,
    idle: Vec<Lane>,
    flights: FuturesUnordered<BoxFuture<'static, (Lane, Option<Batch>)>>,
    waiting: Vec<Waiting>,
    /// What is on its way, and on which lane.
    taken: HashMap<Key, usize>,
    cache: Cache,
    health: Arc<Health>,
    checkpoints: Checkpoints,
    copying: Option<Running>,
    pace: Pace,
    /// Until when what waits is gathered.
    pause: Option<Instant>,
    counters: Arc<Counters>,
    publisher: Publisher,
    end: watch::Sender<bool>,
}

impl Owner {
    async fn run(mut self, mut queue: mpsc::Receiver<Waiting>, stopped: oneshot::Receiver<()>) {
        let mut stopped = stopped.fuse();
        let mut is_open = true;
        loop {
            self.launch();
            if !is_open && self.waiting.is_empty() && self.flights.is_empty() {
                return;
            }
            let health = Arc::clone(&self.health);
            // While all lanes work, what comes gathers in the queue.
            let wants = is_open && (!self.idle.is_empty() || health.is_down() || *self.end.borrow());
            tokio::select! {
                biased;
                Some((lane, batch)) = self.flights.next(), if !self.flights.is_empty() => self.land(lane, batch),
                copied = async { OptionFuture::from(self.copying.as_mut()).await }, if self.copying.is_some() => {
                    self.copying = None;
                    if let Some(copied) = copied {
                        self.checkpoints.done(copied);
                    }
                }
                taken = queue.recv_many(&mut self.waiting, BATCH), if wants && self.waiting.len() < BATCH => {
                    is_open = taken > 0;
                }
                _ = &mut stopped => {
                    queue.close();
                    health.stopping.send_replace(true);
                }
                () = sleep_until(self.pause.unwrap_or_else(Instant::now)), if self.pause.is_some() => {}
                () = health.changed.notified() => {}
            }
        }
    }

    /// Sends idle lanes on their way with what waits; refuses what waits if there can be no lane for it.
    fn launch(&mut self) {
        if *self.end.borrow() {
            self.refuse(&StoreError::NotOwner);
        } else if self.health.is_down() {
            self.refuse(&StoreError::Unavailable("the writer is not connected".to_owned()));
        }
        if self.copying.is_none() && (self.flights.is_empty() || !self.checkpoints.must_wait()) {
            self.copying = self.checkpoints.start();
        }
        if self.checkpoints.must_wait() {
            return;
        }
        let now = Instant::now();
        self.pause = self.pace.wait(now).filter(|_| !self.waiting.is_empty() && self.waiting.len() < BATCH);
        if self.pause.is_some() {
            return;
        }
        while let Some(lane) = self.idle.pop() {
            let batch = self.next_batch();
            if batch.is_empty() {
                self.idle.push(lane);
                return;
            }
            self.pace.count(now, batch.len());
            let flight = self.fly(lane, batch);
            self.flights.push(flight);
        }
    }

    fn refuse(&mut self, error: &StoreError) {
        for waiting in self.waiting.drain(..) {
            // Whoever asked may have gone.
            drop(waiting.reply.send(Err(error.for_all().unwrap_or(StoreError::Closed))));
        }
    }

    /// What waits and touches nothing that is on its way, in the order in which it came. What would have to wait for a
    /// lane that was lost with an open commit is refused: nobody knows how long that takes.
    fn next_batch(&mut self) -> Vec<Waiting> {
        if !self.has_several {
            let size = self.waiting.len().min(BATCH);
            return self.waiting.drain(..size).collect();
        }
        let mut batch = Vec::new();
        let mut rest = Vec::new();
        let mut blocked = HashSet::new();
        for waiting in self.waiting.drain(..) {
            let is_free = |key| !self.taken.contains_key(&key) && !blocked.contains(&key);
            let is_stuck = |key| self.taken.get(&key).is_some_and(|lane| !self.health.is_connected(*lane));
            if batch.len() < BATCH && keys(&waiting.unit).all(is_free) {
                batch.push(waiting);
            } else if keys(&waiting.unit).any(is_stuck) {
                let error = StoreError::Unavailable("the connection was lost during a commit".to_owned());
                drop(waiting.reply.send(Err(error)));
            } else {
                blocked.extend(keys(&waiting.unit));
                rest.push(waiting);
            }
        }
        self.waiting = rest;
        batch
    }

    fn fly(&mut self, mut lane: Lane, waiting: Vec<Waiting>) -> BoxFuture<'static, (Lane, Option<Batch>)> {
        let mut heads = Heads::with_capacity(waiting.len());
        let mut all_keys = Vec::new();
        for key in waiting.iter().flat_map(|waiting| keys(&waiting.unit)) {
            if let Key::Conversation(id) = key
                && let Some(head) = self.cache.take(id)
            {
                heads.insert(id, head);
            }
            if self.has_several && self.taken.insert(key, lane.no()).is_none() {
                all_keys.push(key);
            }
        }
        let mut batch = Batch { waiting, keys: all_keys, heads, done: Vec::new(), transactions: 0 };
        async move {
            carry_out(&mut lane, &mut batch).await;
            (lane, Some(batch))
        }
        .boxed()
    }

    /// Publishes and answers; brings the lane back if it was lost.
    fn land(&mut self, mut lane: Lane, batch: Option<Batch>) {
        if let Some(batch) = batch {
            self.answer(batch);
        }
        if !lane.is_owner() {
            tracing::error!("another server has taken over the database: this one stops writing");
            self.end.send_replace(true);
        } else if lane.is_connected() {
            self.idle.push(lane);
        } else if !*self.health.stopping.borrow() {
            let back = async move {
                // If it fails, the store is being closed or has another owner: `land` sees which.
                drop(lane.come_back().await);
                (lane, None)
            };
            self.flights.push(back.boxed());
        }
    }

    fn answer(&mut self, batch: Batch) {
        let Batch { waiting, keys, heads, done, transactions } = batch;
        for key in &keys {
            self.taken.remove(key);
        }
        self.cache.put(heads);
        let mut published = Vec::with_capacity(waiting.len());
        let mut answers = Vec::with_capacity(waiting.len());
        let (mut units, mut pages) = (0, 0);
        for (Waiting { unit, reply }, result) in waiting.into_iter().zip(done) {
            if let Ok(committed) = &result {
                units += 1;
                let rows = unit.changes.iter().map(Change::rows).sum::<usize>() + unit.entries.len();
                pages += 2 * (rows + committed.owed.len()) as u64;
                let entries = unit.entries.into_iter().zip(&committed.entries).enumerate();
                let owed = |place| committed.owed.iter().find(|owed| owed.entry == place).copied();
                published.extend(entries.filter_map(|(place, (entry, written))| match written {
                    Written::New { seq, answered } => {
                        Some(Published { seq: *seq, entry, answered: *answered, owed: owed(place) })
                    }
                    Written::Duplicate { .. } | Written::Skipped => None,
                }));
            }
            answers.push((reply, result));
        }
        // Each entry changes a page of its thread's index, each change one of its row; a transaction some more.
        self.checkpoints.count(4 * transactions + pages);
        self.counters.transactions.fetch_add(transactions, Ordering::Relaxed);
        self.counters.units.fetch_add(units, Ordering::Relaxed);
        self.counters.entries.fetch_add(published.len() as u64, Ordering::Relaxed);
        if !published.is_empty() {
            (self.publisher)(&published);
        }
        for (reply, result) in answers {
            // Whoever asked may have gone; the commit stands.
            drop(reply.send(result));
        }
    }
}

/// One transaction for all units. If one of them is bad, the batch is halved until the bad one is alone, so that it
/// takes no other with it.
async fn carry_out(lane: &mut Lane, batch: &mut Batch) {
    // Ends of the parts that are still to do, the next one last.
    let mut ends = vec![batch.waiting.len()];
    while let Some(end) = ends.pop() {
        let begin = batch.done.len();
        match lane.commit(&batch.waiting[begin..end], &mut batch.heads).await {
            Ok(done) => {
                batch.transactions += 1;
                batch.done.extend(done);
            }
            Err(error) => {
                batch.heads.clear();
                if let Some(copy) = error.for_all() {
                    let left = batch.waiting.len() - begin;
                    batch.done.extend((0..left).map(|_| Err(copy.for_all().unwrap_or(StoreError::Closed))));
                    return;
                }
                if end - begin == 1 {
                    batch.done.push(Err(error));
                } else {
                    tracing::warn!(%error, units = end - begin, "a batch failed, its halves are tried");
                    ends.push(end);
                    ends.push(begin + (end - begin) / 2);
                }
            }
        }
    }
}
