//! The one writer: takes all units that wait, carries them out in one transaction, commits once.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    sync::Arc,
};

use bangban_domain::{ConversationId, Timestamp, words::Stage};
use sqlx::{Any, AnyPool, AssertSqlSafe, Row, Transaction};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{Change, Committed, Lane, NewEntry, Published, StoreError, Unit, Written};

/// Called with each committed batch's new entries, in commit order, before the commits are acknowledged.
pub type Publisher = Box<dyn FnMut(&[Published]) + Send>;

/// Units in one transaction: bounds how long the last of them waits for the first.
const BATCH: usize = 256;

type Waiting = (Unit, oneshot::Sender<Result<Committed, StoreError>>);

#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Waiting>,
    /// Taken by the one who closes.
    task: Arc<Mutex<Option<Task>>>,
}

struct Task {
    stop: oneshot::Sender<()>,
    handle: JoinHandle<()>,
}

impl Writer {
    /// `lock` lives as long as the task.
    pub(crate) fn start(pool: AnyPool, lock: File, queue: usize, publisher: Publisher) -> Self {
        let (sender, receiver) = mpsc::channel(queue);
        let (stop, stopped) = oneshot::channel();
        let handle = tokio::spawn(run(pool, lock, receiver, stopped, publisher));
        Self { queue: sender, task: Arc::new(Mutex::new(Some(Task { stop, handle }))) }
    }

    /// Units are carried out in the order of these calls.
    pub(crate) fn enqueue(&self, unit: Unit) -> Result<oneshot::Receiver<Result<Committed, StoreError>>, StoreError> {
        let (reply, result) = oneshot::channel();
        self.queue.try_send((unit, reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        Ok(result)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
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

async fn run(
    pool: AnyPool,
    lock: File,
    mut queue: mpsc::Receiver<Waiting>,
    mut stopped: oneshot::Receiver<()>,
    mut publisher: Publisher,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            taken = queue.recv_many(&mut batch, BATCH) => if taken == 0 { break },
            _ = &mut stopped => { queue.close(); continue }
        }
        let (units, replies): (Vec<Unit>, Vec<_>) = batch.drain(..).unzip();
        match carry_out(&pool, &units).await {
            Ok(done) => answer(done, replies, &mut publisher),
            // One bad unit must not take the others with it.
            Err(error) if units.len() > 1 => {
                tracing::warn!(%error, units = units.len(), "a batch failed, its units are tried one by one");
                for (unit, reply) in units.iter().zip(replies) {
                    match carry_out(&pool, std::slice::from_ref(unit)).await {
                        Ok(done) => answer(done, vec![reply], &mut publisher),
                        Err(error) => drop(reply.send(Err(error))),
                    }
                }
            }
            Err(error) => {
                if let Some(reply) = replies.into_iter().next() {
                    drop(reply.send(Err(error)));
                }
            }
        }
    }
    pool.close().await;
    drop(lock);
}

struct Done {
    results: Vec<Result<Committed, StoreError>>,
    published: Vec<Published>,
}

fn answer(done: Done, replies: Vec<oneshot::Sender<Result<Committed, StoreError>>>, publisher: &mut Publisher) {
    if !done.published.is_empty() {
        publisher(&done.published);
    }
    for (reply, result) in replies.into_iter().zip(done.results) {
        // Whoever asked may have gone; the commit stands.
        drop(reply.send(result));
    }
}

/// What the batch has to know of a conversation.
struct Head {
    stage: Stage,
    last: [u64; 2],
    clock_no: i64,
    clock_open: bool,
    changed: bool,
}

type ClientKey = (ConversationId, String, String);

async fn carry_out(pool: &AnyPool, units: &[Unit]) -> Result<Done, StoreError> {
    // Waits for another process that writes (a backup, a person with a shell) instead of failing after the first read.
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut heads = load_heads(&mut tx, units).await?;
    let mut known = load_known(&mut tx, units).await?;
    let mut done = Done { results: Vec::with_capacity(units.len()), published: Vec::new() };
    let mut answers: Vec<(ConversationId, i64, Timestamp, String)> = Vec::new();

    for unit in units {
        if let Some(unknown) = unknown_conversation(unit, &heads) {
            done.results.push(Err(StoreError::UnknownConversation(unknown)));
            continue;
        }
        for change in &unit.changes {
            carry_out_change(&mut tx, change).await?;
            note_change(&mut heads, change);
        }
        let mut entries = Vec::with_capacity(unit.entries.len());
        for entry in &unit.entries {
            let Some(head) = heads.get_mut(&entry.conversation) else {
                return Err(StoreError::UnknownConversation(entry.conversation));
            };
            let follows = !entry.follows || matches!(entries.last(), Some(Written::New { .. }));
            if !follows || entry.only_in.is_some_and(|stage| stage != head.stage) {
                entries.push(Written::Skipped);
                continue;
            }
            if let Some(client_id) = &entry.client_id {
                let key = (entry.conversation, entry.author.text(), client_id.clone());
                if let Some((seq, at)) = known.get(&key) {
                    entries.push(Written::Duplicate { seq: *seq, at: *at });
                    continue;
                }
                known.insert(key, (head.last[lane_index(entry.lane)] + 1, entry.at));
            }
            let last = &mut head.last[lane_index(entry.lane)];
            *last += 1;
            let seq = *last;
            head.changed = true;
            let answered = entry.answers && head.clock_open;
            if answered {
                head.clock_open = false;
                answers.push((entry.conversation, head.clock_no, entry.at, entry.author.text()));
            }
            entries.push(Written::New { seq, answered });
            done.published.push(Published { seq, entry: entry.clone() });
        }
        done.results.push(Ok(Committed { entries }));
    }

    insert_entries(&mut tx, &done.published).await?;
    update_heads(&mut tx, &heads).await?;
    for (conversation, no, at, by) in answers {
        sqlx::query("UPDATE ledger SET answered_at = $1, answered_by = $2 WHERE conversation = $3 AND no = $4")
            .bind(at.0)
            .bind(by)
            .bind(conversation.to_string())
            .bind(no)
            .execute(&mut *tx)
            .await?;
    }
    let accepted = units.iter().zip(&done.results).filter(|(_, result)| result.is_ok());
    insert_events(&mut tx, accepted.flat_map(|(unit, _)| &unit.events)).await?;
    tx.commit().await?;
    Ok(done)
}

const fn lane_index(lane: Lane) -> usize {
    match lane {
        Lane::Public => 0,
        Lane::Notes => 1,
    }
}

fn unknown_conversation(unit: &Unit, heads: &HashMap<ConversationId, Head>) -> Option<ConversationId> {
    let new: HashSet<ConversationId> = unit
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::NewConversation(row) => Some(row.id),
            _ => None,
        })
        .collect();
    unit.entries.iter().map(|entry| entry.conversation).find(|id| !heads.contains_key(id) && !new.contains(id))
}

fn note_change(heads: &mut HashMap<ConversationId, Head>, change: &Change) {
    match change {
        Change::NewConversation(row) => {
            let head = Head { stage: row.stage, last: [0, 0], clock_no: 0, clock_open: false, changed: false };
            heads.insert(row.id, head);
        }
        Change::Conversation(row) => {
            if let Some(head) = heads.get_mut(&row.id) {
                head.stage = row.stage;
            }
        }
        Change::Clock(row) => {
            if let Some(head) = heads.get_mut(&row.conversation) {
                head.clock_no = i64::from(row.no);
                head.clock_open = true;
            }
        }
        Change::Left { conversation, .. } => {
            if let Some(head) = heads.get_mut(conversation) {
                head.clock_open = false;
            }
        }
        Change::Citizen(_)
        | Change::Staff(_)
        | Change::Step { .. }
        | Change::StrikeBreach { .. }
        | Change::Read { .. }
        | Change::Draft { .. }
        | Change::Status { .. }
        | Change::Receipt(_) => {}
    }
}

/// `$first, $first+1, ...`
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

fn values(rows: usize, columns: usize) -> String {
    (0..rows).map(|row| format!("({})", placeholders(row * columns + 1, columns))).collect::<Vec<_>>().join(", ")
}

async fn load_heads(
    tx: &mut Transaction<'_, Any>,
    units: &[Unit],
) -> Result<HashMap<ConversationId, Head>, StoreError> {
    let ids: HashSet<ConversationId> =
        units.iter().flat_map(|unit| &unit.entries).map(|entry| entry.conversation).collect();
    let mut heads = HashMap::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(heads);
    }
    let sql = format!(
        "SELECT c.id, c.stage, c.last_seq, c.last_note_seq, c.clock_no, \
                CASE WHEN l.no IS NOT NULL AND l.answered_at IS NULL AND l.left_at IS NULL THEN 1 ELSE 0 END AS running \
         FROM conversation c LEFT JOIN ledger l ON l.conversation = c.id AND l.no = c.clock_no \
         WHERE c.id IN ({})",
        placeholders(1, ids.len())
    );
    // Only placeholders were put together.
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for id in &ids {
        query = query.bind(id.to_string());
    }
    for row in query.fetch_all(&mut **tx).await? {
        let id = crate::read::id("conversation", &row, "id")?;
        let head = Head {
            stage: crate::read::word("conversation", &row, "stage", Stage::parse)?,
            last: [crate::read::unsigned(&row, "last_seq")?, crate::read::unsigned(&row, "last_note_seq")?],
            clock_no: row.try_get("clock_no")?,
            clock_open: row.try_get::<i64, _>("running")? == 1,
            changed: false,
        };
        heads.insert(id, head);
    }
    Ok(heads)
}

async fn load_known(
    tx: &mut Transaction<'_, Any>,
    units: &[Unit],
) -> Result<HashMap<ClientKey, (u64, Timestamp)>, StoreError> {
    let keys: Vec<(&NewEntry, &String)> = units
        .iter()
        .flat_map(|unit| &unit.entries)
        .filter_map(|entry| entry.client_id.as_ref().map(|client_id| (entry, client_id)))
        .collect();
    let mut known = HashMap::new();
    if keys.is_empty() {
        return Ok(known);
    }
    let sql = format!(
        "WITH wanted (conversation, author, client_id) AS (VALUES {}) \
         SELECT e.conversation, e.author, e.client_id, e.seq, e.at FROM wanted w \
         JOIN entry e ON e.conversation = w.conversation AND e.author = w.author AND e.client_id = w.client_id",
        values(keys.len(), 3)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (entry, client_id) in keys {
        query = query.bind(entry.conversation.to_string()).bind(entry.author.text()).bind(client_id.clone());
    }
    for row in query.fetch_all(&mut **tx).await? {
        let key = (crate::read::id("entry", &row, "conversation")?, row.try_get("author")?, row.try_get("client_id")?);
        known.insert(key, (crate::read::unsigned(&row, "seq")?, Timestamp(row.try_get("at")?)));
    }
    Ok(known)
}

async fn insert_entries(tx: &mut Transaction<'_, Any>, entries: &[Published]) -> Result<(), StoreError> {
    // 7 columns each; SQLite takes 32 766 parameters.
    for chunk in entries.chunks(1_000) {
        let sql = format!(
            "INSERT INTO entry (conversation, lane, seq, at, author, client_id, body) VALUES {}",
            values(chunk.len(), 7)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for Published { seq, entry } in chunk {
            query = query
                .bind(entry.conversation.to_string())
                .bind(entry.lane.number())
                .bind(i64::try_from(*seq).unwrap_or(i64::MAX))
                .bind(entry.at.0)
                .bind(entry.author.text())
                .bind(entry.client_id.clone())
                .bind(entry.body.clone());
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

async fn update_heads(tx: &mut Transaction<'_, Any>, heads: &HashMap<ConversationId, Head>) -> Result<(), StoreError> {
    let changed: Vec<_> = heads.iter().filter(|(_, head)| head.changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "WITH head (id, seq, note_seq) AS (VALUES {}) \
         UPDATE conversation SET last_seq = (SELECT seq FROM head WHERE head.id = conversation.id), \
                last_note_seq = (SELECT note_seq FROM head WHERE head.id = conversation.id) \
         WHERE id IN (SELECT id FROM head)",
        values(changed.len(), 3)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (id, head) in changed {
        query = query
            .bind(id.to_string())
            .bind(i64::try_from(head.last[0]).unwrap_or(i64::MAX))
            .bind(i64::try_from(head.last[1]).unwrap_or(i64::MAX));
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn insert_events<'a>(
    tx: &mut Transaction<'_, Any>,
    events: impl Iterator<Item = &'a crate::Event>,
) -> Result<(), StoreError> {
    let events: Vec<_> = events.collect();
    for chunk in events.chunks(1_000) {
        let sql =
            format!("INSERT INTO event (id, conversation, at, actor, kind, detail) VALUES {}", values(chunk.len(), 6));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for event in chunk {
            query = query
                .bind(event.id.clone())
                .bind(event.conversation.map(|id| id.to_string()))
                .bind(event.at.0)
                .bind(event.actor.clone())
                .bind(event.kind)
                .bind(event.detail.clone());
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

async fn carry_out_change(tx: &mut Transaction<'_, Any>, change: &Change) -> Result<(), StoreError> {
    let query = match change {
        Change::Citizen(row) => sqlx::query(
            "INSERT INTO citizen (id, name, kind, level, phone, seen_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, level = excluded.level, \
             phone = excluded.phone, seen_at = excluded.seen_at",
        )
        .bind(row.id.to_string())
        .bind(row.name.clone())
        .bind(row.kind.as_str())
        .bind(row.level.clone())
        .bind(row.phone.clone())
        .bind(row.seen_at.0),
        Change::Staff(row) => {
            sqlx::query(
                "INSERT INTO agent (id, login, name, role, password_hash, capacity, status, status_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 0) \
                 ON CONFLICT (id) DO UPDATE SET login = excluded.login, name = excluded.name, role = excluded.role, \
                 password_hash = excluded.password_hash, capacity = excluded.capacity",
            )
            .bind(row.id.to_string())
            .bind(row.login.clone())
            .bind(row.name.clone())
            .bind(row.role.as_str())
            .bind(row.password_hash.clone())
            .bind(i64::from(row.capacity))
            .bind(row.status.as_str())
            .execute(&mut **tx)
            .await?;
            sqlx::query("DELETE FROM agent_team WHERE agent = $1").bind(row.id.to_string()).execute(&mut **tx).await?;
            for team in &row.teams {
                sqlx::query("INSERT INTO agent_team (agent, team) VALUES ($1, $2)")
                    .bind(row.id.to_string())
                    .bind(team.clone())
                    .execute(&mut **tx)
                    .await?;
            }
            return Ok(());
        }
        Change::NewConversation(row) => sqlx::query(
            "INSERT INTO conversation (id, citizen, item, team, channel, stage, opened_at, clock_no, last_seq, \
             last_note_seq, citizen_read, agent_read) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0)",
        )
        .bind(row.id.to_string())
        .bind(row.citizen.to_string())
        .bind(row.item.clone())
        .bind(row.team.clone())
        .bind(row.channel.as_str())
        .bind(row.stage.as_str())
        .bind(row.opened_at.0),
        Change::Conversation(row) => sqlx::query(
            "UPDATE conversation SET team = $1, stage = $2, agent = $3, outcome = $4, stars = $5, comment = $6, \
             closed_at = $7, clock_no = $8, slot_starts_at = $9, slot_ends_at = $10, call_back_phone = $11 \
             WHERE id = $12",
        )
        .bind(row.team.clone())
        .bind(row.stage.as_str())
        .bind(row.agent.map(|id| id.to_string()))
        .bind(row.outcome.map(|outcome| outcome.as_str()))
        .bind(row.stars.map(i64::from))
        .bind(row.comment.clone())
        .bind(row.closed_at.map(|at| at.0))
        .bind(i64::from(row.clock_no))
        .bind(row.slot.map(|slot| slot.0.0))
        .bind(row.slot.map(|slot| slot.1.0))
        .bind(row.call_back_phone.clone())
        .bind(row.id.to_string()),
        Change::Clock(row) => sqlx::query(
            "INSERT INTO ledger (conversation, no, team, asked_at, due_at, step) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(row.conversation.to_string())
        .bind(i64::from(row.no))
        .bind(row.team.clone())
        .bind(row.asked_at.0)
        .bind(row.due_at.0)
        .bind(row.step.as_str()),
        Change::Step { conversation, no, step, at } => sqlx::query(
            "UPDATE ledger SET step = $1, \
             warned_at = CASE WHEN $1 = 'warned' THEN $2 ELSE warned_at END, \
             alerted_at = CASE WHEN $1 = 'alerted' THEN $2 ELSE alerted_at END, \
             breached_at = CASE WHEN $1 = 'breached' THEN $2 ELSE breached_at END \
             WHERE conversation = $3 AND no = $4",
        )
        .bind(step.as_str())
        .bind(at.0)
        .bind(conversation.to_string())
        .bind(i64::from(*no)),
        Change::StrikeBreach { conversation, no } => {
            sqlx::query("UPDATE ledger SET step = 'alerted', breached_at = NULL WHERE conversation = $1 AND no = $2")
                .bind(conversation.to_string())
                .bind(i64::from(*no))
        }
        Change::Left { conversation, no, at } => {
            sqlx::query("UPDATE ledger SET left_at = $1 WHERE conversation = $2 AND no = $3 AND answered_at IS NULL")
                .bind(at.0)
                .bind(conversation.to_string())
                .bind(i64::from(*no))
        }
        Change::Read { conversation, by_agent, seq } => {
            let seq = i64::try_from(*seq).unwrap_or(i64::MAX);
            let sql = if *by_agent {
                "UPDATE conversation SET agent_read = $1 WHERE id = $2 AND agent_read < $1"
            } else {
                "UPDATE conversation SET citizen_read = $1 WHERE id = $2 AND citizen_read < $1"
            };
            sqlx::query(sql).bind(seq).bind(conversation.to_string())
        }
        Change::Draft { agent, conversation, text, .. } if text.is_empty() => {
            sqlx::query("DELETE FROM draft WHERE agent = $1 AND conversation = $2")
                .bind(agent.to_string())
                .bind(conversation.to_string())
        }
        Change::Draft { agent, conversation, text, at } => sqlx::query(
            "INSERT INTO draft (agent, conversation, text, saved_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (agent, conversation) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at",
        )
        .bind(agent.to_string())
        .bind(conversation.to_string())
        .bind(text.clone())
        .bind(at.0),
        Change::Status { agent, status, at } => {
            sqlx::query("UPDATE agent SET status = $1, status_at = $2 WHERE id = $3")
                .bind(status.as_str())
                .bind(at.0)
                .bind(agent.to_string())
        }
        Change::Receipt(row) => sqlx::query(
            "INSERT INTO receipt (receipt, conversation, kind, hand_on, made_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(row.receipt.clone())
        .bind(row.conversation.to_string())
        .bind(if row.hand_on.is_some() { "hand_on" } else { "message" })
        .bind(row.hand_on.map(|channel| channel.as_str()))
        .bind(row.made_at.0),
    };
    query.execute(&mut **tx).await?;
    Ok(())
}
