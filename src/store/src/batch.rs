//! What happens in one transaction: number the entries of all units, carry out the changes, write the entries.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bangban_domain::{
    ConversationId, Timestamp, history,
    ledger::{Owing, Promised},
    words::Stage,
};
use futures_util::TryStreamExt as _;
use sqlx::{Any, Row as _, Transaction};
use uuid::Uuid;

use crate::{
    Author, Change, Committed, ConversationRow, Event, NewEntry, Owed, StoreError, Written, bot, change, figures,
    heads::{Head, Heads, Recent, WINDOW, client_hash, note_change},
    ledger::Asking,
    read,
    sql::{Statements, chunks, padded},
    writer::Waiting,
};

/// One result per unit; of a unit with an error nothing was done.
pub(crate) type Done = Vec<Result<Committed, StoreError>>;

/// Whose client id it is. The text borrows from the units.
type ClientKey<'a> = (ConversationId, Author, &'a str);

/// Entries by client id: number and instant of the first one.
type Known<'a> = HashMap<ClientKey<'a>, (u64, Timestamp)>;

/// Carries out the units in a transaction that the caller commits.
pub(crate) async fn carry_out(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    units: &[Waiting],
    heads: &mut Heads,
    numbers: &AtomicI64,
) -> Result<Done, StoreError> {
    load_heads(tx, statements, units, heads).await?;
    let known = find_repeated(tx, units, heads).await?;
    let mut plan = number(units, heads, &known, numbers);
    for step in &plan.steps {
        match step {
            Step::Change(change) => change::carry_out(tx, statements, change).await?,
            Step::Open(row, no) => change::open(tx, row, *no).await?,
            Step::Asked { at, entry } => bot::asked(tx, *at, entry).await?,
            Step::Rude(at) => bot::was_rude(tx, *at).await?,
            Step::Answer { conversation, clock_no, at, by } => {
                sqlx::query("UPDATE ledger SET answered_at = $1, answered_by = $2 WHERE conversation = $3 AND no = $4")
                    .bind(at.0)
                    .bind(by.text().into_owned())
                    .bind(conversation.to_string())
                    .bind(clock_no)
                    .execute(&mut **tx)
                    .await?;
            }
        }
    }
    // Neighbours in the index become neighbours in time.
    plan.entries.sort_unstable_by_key(|one| (one.thread, one.entry.lane, one.seq));
    insert_entries(tx, statements, &plan.entries).await?;
    insert_lines(tx, statements, &plan.lines).await?;
    Ok(plan.done)
}

/// A step of the transaction before its entries are written.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Change(&'a Change),
    /// A new conversation under this number.
    Open(&'a ConversationRow, i64),
    /// The first human response to a clock.
    Answer {
        conversation: ConversationId,
        clock_no: i64,
        at: Timestamp,
        by: Author,
    },
    /// Somebody was only rude to the bot.
    Rude(Timestamp),
    /// The bot answered with this knowledge entry.
    Asked {
        at: Timestamp,
        entry: &'a str,
    },
}

/// An entry with the numbers of its thread and in it.
struct Numbered<'a> {
    entry: &'a NewEntry,
    thread: i64,
    seq: u64,
    /// Number of the next response that begins with it.
    asks: Option<u32>,
}

/// A line of the event log.
pub(crate) struct Line<'a> {
    pub(crate) event: Cow<'a, Event>,
    /// Of a promise that has no row yet: number of its thread, and what was promised.
    pub(crate) promised: Option<(i64, Arc<Promised>)>,
}

impl<'a> From<&'a Event> for Line<'a> {
    fn from(event: &'a Event) -> Self {
        Self { event: Cow::Borrowed(event), promised: None }
    }
}

impl From<Event> for Line<'_> {
    fn from(event: Event) -> Self {
        Self { event: Cow::Owned(event), promised: None }
    }
}

/// What the transaction has to do.
struct Plan<'a> {
    steps: Vec<Step<'a>>,
    entries: Vec<Numbered<'a>>,
    lines: Vec<Line<'a>>,
    done: Done,
}

/// Decides what becomes of every entry. Pure: the order of the units is the order in which they count.
fn number<'a>(units: &'a [Waiting], heads: &mut Heads, known: &Known<'a>, numbers: &AtomicI64) -> Plan<'a> {
    let mut plan = Plan {
        steps: Vec::new(),
        entries: Vec::with_capacity(units.len()),
        lines: Vec::new(),
        done: Vec::with_capacity(units.len()),
    };
    for Waiting { unit, .. } in units {
        let is_new =
            |id| unit.changes.iter().any(|change| matches!(change, Change::NewConversation(row) if row.id == id));
        let mut conversations = unit.entries.iter().map(|entry| entry.conversation);
        if let Some(unknown) = conversations.find(|id| !heads.contains_key(id) && !is_new(*id)) {
            plan.done.push(Err(StoreError::UnknownConversation(unknown)));
            continue;
        }
        for change in &unit.changes {
            if let Change::NewConversation(row) = change {
                let no = numbers.fetch_add(1, Ordering::Relaxed) + 1;
                heads.insert(row.id, Head::new(no, row.stage));
                plan.steps.push(Step::Open(row, no));
            } else {
                note_change(heads, change);
                plan.steps.push(Step::Change(change));
            }
        }
        let mut entries = Vec::with_capacity(unit.entries.len());
        let mut owed = Vec::new();
        for entry in &unit.entries {
            let Some(head) = heads.get_mut(&entry.conversation) else { continue };
            let follows = !entry.follows || matches!(entries.last(), Some(Written::New { .. }));
            if !follows || entry.only_in.is_some_and(|stage| stage != head.stage) {
                entries.push(Written::Skipped);
                continue;
            }
            if let Some(client_id) = &entry.client_id {
                let is_first = head.clients.insert(client_hash(entry.author, client_id));
                if !is_first && let Some((seq, at)) = first_of(entry, client_id, known, &plan.entries) {
                    entries.push(Written::Duplicate { seq, at });
                    continue;
                }
            }
            let seq = head.next(entry.lane);
            let answered = entry.answers && head.clock_open;
            if answered {
                head.clock_open = false;
                plan.steps.push(Step::Answer {
                    conversation: entry.conversation,
                    clock_no: head.clock_no,
                    at: entry.at,
                    by: entry.author,
                });
                plan.lines.extend(answered_event(entry, head.clock_no).map(Line::from));
            }
            let mut asks = None;
            match (entry.author, &entry.owes) {
                (Author::Citizen, Some(promised)) => {
                    asks = head.wrote(entry.at, promised);
                    owed.extend(asks.map(|no| Owed { entry: entries.len(), no, is_open: true }));
                }
                (Author::Agent(by), _) if entry.answers => {
                    if let Some((no, what, untold)) = head.replied(entry.at, by) {
                        owed.push(Owed { entry: entries.len(), no, is_open: false });
                        let promised = untold.map(|promised| (head.no, promised));
                        plan.lines.push(Line { event: Cow::Owned(line_of(entry, what)), promised });
                    }
                }
                _ => {}
            }
            if let Some(turn) = entry.turn {
                plan.lines.push(line_of(entry, history::Event::BotReplied { turn }).into());
            }
            if let Some(about) = &entry.about {
                plan.steps.push(Step::Asked { at: entry.at, entry: about });
            }
            if entry.rude {
                plan.steps.push(Step::Rude(entry.at));
            }
            entries.push(Written::New { seq, answered });
            plan.entries.push(Numbered { entry, thread: head.no, seq, asks });
        }
        for event in &unit.events {
            match about_promise(event) {
                // What it speaks of was kept before it came here.
                Some((id, About::Open(no))) if !heads.get(&id).is_some_and(|head| head.owes(no)) => continue,
                Some((id, About::Open(_))) => plan.lines.extend(told(id, heads)),
                Some((id, About::End)) => plan.lines.extend(released(id, event, heads).into_iter().flatten()),
                None => {}
            }
            plan.lines.push(event.into());
        }
        plan.done.push(Ok(Committed { entries, owed }));
    }
    plan
}

/// What the log says of a clock that an entry stopped.
fn answered_event(entry: &NewEntry, clock_no: i64) -> Option<Event> {
    let Author::Agent(by) = entry.author else { return None };
    let what = history::Event::Answered { no: u32::try_from(clock_no).ok()?, at: entry.at, by };
    Some(Event { conversation: Some(entry.conversation), at: entry.at, actor: entry.author, what })
}

fn line_of(entry: &NewEntry, what: history::Event) -> Event {
    Event { conversation: Some(entry.conversation), at: entry.at, actor: entry.author, what }
}

/// What an event of the desk means for the promise of its conversation.
enum About {
    /// Something follows from the one of this number, if it is still open.
    Open(u32),
    /// Who is done, or back with the bot, is owed no answer any more.
    End,
}

fn about_promise(event: &Event) -> Option<(ConversationId, About)> {
    use history::Event::{Closed, Finished, ReplyMoved, ReplyStepped, RequestCancelled};
    let about = match event.what {
        ReplyStepped { no, .. } | ReplyMoved { no, .. } => About::Open(no),
        Closed { .. } | Finished {} | RequestCancelled {} => About::End,
        _ => return None,
    };
    Some((event.conversation?, about))
}

/// The begin of the open promise, unless the log has it.
fn told(id: ConversationId, heads: &mut Heads) -> Option<Line<'static>> {
    let head = heads.get_mut(&id)?;
    let at = head.owing.since?;
    let (what, promised) = head.tell()?;
    let event = Event { conversation: Some(id), at, actor: Author::Citizen, what };
    Some(Line { event: Cow::Owned(event), promised: Some((head.no, promised)) })
}

fn released(id: ConversationId, end: &Event, heads: &mut Heads) -> [Option<Line<'static>>; 2] {
    let told = told(id, heads);
    let no = heads.get_mut(&id).and_then(|head| head.owing.over());
    let released = |no| Event { what: history::Event::ReplyReleased { no, at: end.at }, ..end.clone() }.into();
    [told, no.map(released)]
}

/// Rises with every call, so that a conversation's events sort as they were committed.
#[expect(clippy::disallowed_methods, reason = "the order of commits is known only here")]
fn event_id() -> String {
    format!("ev_{:032x}", Uuid::now_v7().as_u128())
}

/// The entry that a client id was first used for: in the thread, or earlier in this batch.
fn first_of(entry: &NewEntry, client_id: &str, known: &Known<'_>, batch: &[Numbered<'_>]) -> Option<(u64, Timestamp)> {
    let is_same = |other: &NewEntry| {
        other.conversation == entry.conversation && other.author == entry.author && other.client_id == entry.client_id
    };
    let in_batch = || batch.iter().find(|other| is_same(other.entry)).map(|other| (other.seq, other.entry.at));
    known.get(&(entry.conversation, entry.author, client_id)).copied().or_else(in_batch)
}

/// Reads the heads that are not in memory.
async fn load_heads(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    units: &[Waiting],
    heads: &mut Heads,
) -> Result<(), StoreError> {
    let mut missing: Vec<ConversationId> = units
        .iter()
        .flat_map(|Waiting { unit, .. }| {
            let told = unit.events.iter().filter_map(|event| about_promise(event).map(|(id, _)| id));
            unit.entries.iter().map(|entry| entry.conversation).chain(told)
        })
        .filter(|id| !heads.contains_key(id))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    for ids in padded(&missing) {
        let ids: Vec<_> = ids.collect();
        let mut query = statements.over_rows(
            "WITH wanted (id) AS (VALUES ",
            ids.len(),
            1,
            ") SELECT c.id, c.no, c.stage, c.clock_no, c.seq_floor, c.note_seq_floor, \
             (SELECT e.seq FROM entry e WHERE e.conversation = c.no AND e.lane = 0 ORDER BY e.seq DESC LIMIT 1) AS seq, \
             (SELECT e.seq FROM entry e WHERE e.conversation = c.no AND e.lane = 1 ORDER BY e.seq DESC LIMIT 1) AS note_seq, \
             CASE WHEN l.no IS NOT NULL AND l.answered_at IS NULL AND l.left_at IS NULL THEN 1 ELSE 0 END AS running, \
             COALESCE((SELECT MAX(p.no) FROM promise p WHERE p.thread = c.no), 0) AS promised, \
             (SELECT MAX(p.asked_at) FROM promise p WHERE p.thread = c.no AND p.answered_at IS NULL \
             AND p.left_at IS NULL) AS owed_since, \
             CASE WHEN c.stage IN ('waiting', 'offered', 'serving') THEN (SELECT e.owes FROM entry e \
             WHERE e.conversation = c.no AND e.lane = 0 AND e.owes IS NOT NULL ORDER BY e.seq DESC LIMIT 1) END AS owes, \
             CASE WHEN c.stage IN ('waiting', 'offered', 'serving') THEN (SELECT e.at FROM entry e \
             WHERE e.conversation = c.no AND e.lane = 0 AND e.author LIKE 'ag%' ORDER BY e.seq DESC LIMIT 1) END AS replied_at \
             FROM conversation c LEFT JOIN ledger l ON l.conversation = c.id AND l.no = c.clock_no \
             WHERE c.id IN (SELECT id FROM wanted)",
        );
        for id in &ids {
            query = query.bind(id.to_string());
        }
        for row in query.fetch_all(&mut **tx).await? {
            let last = |column, floor| -> Result<u64, StoreError> {
                let there = row.try_get::<Option<i64>, _>(column)?.unwrap_or(0);
                let last = there.max(row.try_get(floor)?);
                u64::try_from(last).map_err(|_| StoreError::Corrupt { table: "entry", what: format!("seq is {last}") })
            };
            let told = read::unsigned(&row, "promised")?;
            let untold = Asking::read(&row)?.filter(|asking| asking.no > told);
            let head = Head {
                no: row.try_get("no")?,
                stage: read::word("conversation", &row, "stage", Stage::parse)?,
                last: [last("seq", "seq_floor")?, last("note_seq", "note_seq_floor")?],
                clock_no: row.try_get("clock_no")?,
                clock_open: row.try_get::<i64, _>("running")? == 1,
                owing: Owing {
                    last: untold.as_ref().map_or(told, |asking| asking.no),
                    since: match &untold {
                        Some(asking) => Some(asking.asked_at),
                        None => read::optional_instant(&row, "owed_since")?,
                    },
                    replied_at: read::optional_instant(&row, "replied_at")?,
                },
                untold: untold.map(|asking| asking.promised),
                clients: Recent::default(),
            };
            heads.insert(read::id("conversation", &row, "id")?, head);
        }
    }
    load_clients(tx, statements, &missing, heads).await
}

/// Reads the client ids that [`Recent`] has to know.
async fn load_clients(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    loaded: &[ConversationId],
    heads: &mut Heads,
) -> Result<(), StoreError> {
    let threads: HashMap<i64, ConversationId> =
        loaded.iter().filter_map(|id| heads.get(id).map(|head| (head.no, *id))).collect();
    // Number of the thread, and in each lane the last position that need not be known.
    let mut ends: Vec<[i64; 3]> = Vec::with_capacity(threads.len());
    for (no, id) in &threads {
        let Some(head) = heads.get(id) else { continue };
        let after = head.last.map(|last| i64::try_from(last.saturating_sub(WINDOW)).unwrap_or(i64::MAX));
        ends.push([*no, after[0], after[1]]);
    }
    ends.sort_unstable();
    for ends in chunks(&ends) {
        let mut query = statements.over_rows(
            "WITH wanted (no, after, note_after) AS (VALUES ",
            ends.len(),
            3,
            ") SELECT e.conversation, e.author, e.client_id FROM wanted w JOIN entry e \
             ON e.conversation = w.no AND e.lane = 0 AND e.seq > w.after WHERE e.client_id IS NOT NULL \
             UNION ALL SELECT e.conversation, e.author, e.client_id FROM wanted w JOIN entry e \
             ON e.conversation = w.no AND e.lane = 1 AND e.seq > w.note_after WHERE e.client_id IS NOT NULL",
        );
        for number in ends.iter().flatten() {
            query = query.bind(*number);
        }
        // One by one: after a start these may be many.
        let mut rows = query.fetch(&mut **tx);
        while let Some(row) = rows.try_next().await? {
            let author = read::word("entry", &row, "author", Author::parse)?;
            let hash = client_hash(author, &row.try_get::<String, _>("client_id")?);
            let thread = threads.get(&row.try_get("conversation")?);
            if let Some(head) = thread.and_then(|id| heads.get_mut(id)) {
                head.clients.insert(hash);
            }
        }
    }
    Ok(())
}

/// Looks up the client ids that were used before. There are hardly ever any, so they are looked up one by one.
async fn find_repeated<'a>(
    tx: &mut Transaction<'_, Any>,
    units: &'a [Waiting],
    heads: &Heads,
) -> Result<Known<'a>, StoreError> {
    let mut known = Known::new();
    for entry in units.iter().flat_map(|waiting| &waiting.unit.entries) {
        let Some(client_id) = entry.client_id.as_deref() else { continue };
        let hash = client_hash(entry.author, client_id);
        let Some(head) = heads.get(&entry.conversation).filter(|head| head.clients.contains(hash)) else { continue };
        let sql = "SELECT seq, at FROM entry WHERE conversation = $1 AND author = $2 AND client_id = $3";
        let row = sqlx::query(sql)
            .bind(head.no)
            .bind(entry.author.text().into_owned())
            .bind(client_id.to_owned())
            .fetch_optional(&mut **tx)
            .await?;
        if let Some(row) = row {
            let first = (read::unsigned(&row, "seq")?, Timestamp(row.try_get("at")?));
            known.insert((entry.conversation, entry.author, client_id), first);
        }
    }
    Ok(known)
}

async fn insert_entries(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    entries: &[Numbered<'_>],
) -> Result<(), StoreError> {
    for rows in chunks(entries) {
        let mut query =
            statements.insert("entry (conversation, lane, seq, at, author, client_id, body, owes)", rows.len(), 8);
        for Numbered { entry, thread, seq, asks } in rows {
            let asking = |(no, promised): (u32, &Arc<Promised>)| Asking::text(no, entry.at, promised);
            let owes = asks.zip(entry.owes.as_ref()).map(asking).transpose()?;
            query = query
                .bind(thread)
                .bind(entry.lane.number())
                .bind(i64::try_from(*seq).unwrap_or(i64::MAX))
                .bind(entry.at.0)
                .bind(entry.author.text().into_owned())
                .bind(entry.client_id.clone())
                .bind(entry.text())
                .bind(owes);
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

async fn insert_lines(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    lines: &[Line<'_>],
) -> Result<(), StoreError> {
    for rows in chunks(lines) {
        let mut query = statements.insert("event (id, conversation, at, actor, kind, detail)", rows.len(), 6);
        let ids: Vec<String> = rows.iter().map(|_| event_id()).collect();
        for (id, Line { event, .. }) in ids.iter().zip(rows) {
            query = query
                .bind(id.clone())
                .bind(event.conversation.map(|id| id.to_string()))
                .bind(event.at.0)
                .bind(event.actor.text().into_owned())
                .bind(event.what.kind())
                .bind(crate::history::detail(&event.what)?);
        }
        query.execute(&mut **tx).await?;
        figures::note::note_all(tx, statements, ids.iter().zip(rows)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bangban_domain::AgentId;
    use serde_json::value::RawValue;
    use tokio::sync::oneshot;

    use super::*;
    use crate::{Json, Lane, Unit};

    #[test]
    fn a_client_id_that_only_looks_known_is_new() {
        let id = ConversationId::new(1);
        let agent = Author::Agent(AgentId::new(3));
        let null = || Json(RawValue::from_string("null".to_owned()).unwrap());
        let entry = |client_id: &str| NewEntry {
            conversation: id,
            lane: Lane::Public,
            at: Timestamp(5),
            author: agent,
            client_id: Some(client_id.to_owned()),
            from: null(),
            body: null(),
            masked: None,
            only_in: None,
            follows: false,
            turn: None,
            about: None,
            rude: false,
            owes: None,
            answers: false,
        };
        let unit = Unit { entries: vec![entry("a"), entry("b"), entry("a"), entry("b")], ..Unit::default() };
        let units = [Waiting { unit, reply: oneshot::channel().0 }];
        // Another id of the thread has the hash of "a"; the thread was asked and does not know "a".
        let mut head = Head::new(1, Stage::Serving);
        head.clients.insert(client_hash(agent, "a"));
        let mut heads = Heads::from([(id, head)]);
        let plan = number(&units, &mut heads, &Known::new(), &AtomicI64::new(1));
        let new = |seq| Written::New { seq, answered: false };
        let duplicate = |seq| Written::Duplicate { seq, at: Timestamp(5) };
        assert_eq!(plan.done[0].as_ref().unwrap().entries, [new(1), new(2), duplicate(1), duplicate(2)]);
        assert_eq!(plan.entries.len(), 2);
    }
}
