//! What happens in one transaction: number the entries of all units, carry out the changes, write the entries.

use std::{borrow::Cow, collections::HashMap};

use bangban_domain::{ConversationId, Timestamp, history, words::Stage};
use sqlx::{Any, Row as _, Transaction};
use uuid::Uuid;

use crate::{
    Author, Change, Committed, Event, NewEntry, StoreError, Written, change,
    heads::{Head, Heads, note_change},
    read,
    sql::{Statements, chunks, padded},
    writer::Waiting,
};

/// One result per unit; of a unit with an error nothing was done.
pub(crate) type Done = Vec<Result<Committed, StoreError>>;

/// Why the transaction must be rolled back.
pub(crate) enum Trouble {
    /// The database refused.
    Error(StoreError),
    /// A client id was used before: do it again and look for them first.
    Repeated,
}

impl<E: Into<StoreError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Whose client id it is. The text borrows from the units.
type ClientKey<'a> = (ConversationId, Author, &'a str);

/// Entries by client id: number and instant of the first one.
type Known<'a> = HashMap<ClientKey<'a>, (u64, Timestamp)>;

/// Carries out the units in a transaction that the caller commits.
///
/// Whether a client id was used before is looked up only with `look`: hardly ever one was, so that the caller first
/// tries without. The unique index then leaves repeated entries out, and that shows.
pub(crate) async fn carry_out(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    units: &[Waiting],
    heads: &mut Heads,
    look: bool,
) -> Result<Done, Trouble> {
    load_heads(tx, statements, units, heads).await?;
    let known = if look { load_known(tx, statements, units).await? } else { Known::new() };
    let plan = number(units, heads, known);
    for step in &plan.steps {
        match step {
            Step::Change(change) => change::carry_out(tx, change).await?,
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
    if insert_entries(tx, statements, &plan.entries).await? < plan.entries.len() as u64 {
        return Err(Trouble::Repeated);
    }
    insert_events(tx, statements, &plan.events).await?;
    Ok(plan.done)
}

/// A step of the transaction before its entries are written.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Change(&'a Change),
    /// The first human response to a clock.
    Answer {
        conversation: ConversationId,
        clock_no: i64,
        at: Timestamp,
        by: Author,
    },
}

/// What the transaction has to do.
struct Plan<'a> {
    steps: Vec<Step<'a>>,
    entries: Vec<(&'a NewEntry, u64)>,
    events: Vec<Cow<'a, Event>>,
    done: Done,
}

/// Decides what becomes of every entry. Pure: the order of the units is the order in which they count.
fn number<'a>(units: &'a [Waiting], heads: &mut Heads, mut known: Known<'a>) -> Plan<'a> {
    let mut plan = Plan {
        steps: Vec::new(),
        entries: Vec::with_capacity(units.len()),
        events: Vec::new(),
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
            note_change(heads, change);
            plan.steps.push(Step::Change(change));
        }
        let mut entries = Vec::with_capacity(unit.entries.len());
        for entry in &unit.entries {
            let Some(head) = heads.get_mut(&entry.conversation) else { continue };
            let follows = !entry.follows || matches!(entries.last(), Some(Written::New { .. }));
            if !follows || entry.only_in.is_some_and(|stage| stage != head.stage) {
                entries.push(Written::Skipped);
                continue;
            }
            if let Some(client_id) = &entry.client_id {
                let key = (entry.conversation, entry.author, client_id.as_str());
                if let Some(&(seq, at)) = known.get(&key) {
                    entries.push(Written::Duplicate { seq, at });
                    continue;
                }
                known.insert(key, (head.last[entry.lane.index()] + 1, entry.at));
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
                plan.events.extend(answered_event(entry, head.clock_no).map(Cow::Owned));
            }
            entries.push(Written::New { seq, answered });
            plan.entries.push((entry, seq));
        }
        plan.events.extend(unit.events.iter().map(Cow::Borrowed));
        plan.done.push(Ok(Committed { entries }));
    }
    plan
}

/// What the log says of a clock that an entry stopped.
fn answered_event(entry: &NewEntry, clock_no: i64) -> Option<Event> {
    let Author::Agent(by) = entry.author else { return None };
    let what = history::Event::Answered { no: u32::try_from(clock_no).ok()?, at: entry.at, by };
    Some(Event { conversation: Some(entry.conversation), at: entry.at, actor: entry.author, what })
}

/// Rises with every call, so that a conversation's events sort as they were committed.
#[expect(clippy::disallowed_methods, reason = "the order of commits is known only here")]
fn event_id() -> String {
    format!("ev_{:032x}", Uuid::now_v7().as_u128())
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
        .flat_map(|waiting| &waiting.unit.entries)
        .map(|entry| entry.conversation)
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
            ") SELECT c.id, c.stage, c.clock_no, c.seq_floor, c.note_seq_floor, \
             (SELECT e.seq FROM entry e WHERE e.conversation = c.id AND e.lane = 0 ORDER BY e.seq DESC LIMIT 1) AS seq, \
             (SELECT e.seq FROM entry e WHERE e.conversation = c.id AND e.lane = 1 ORDER BY e.seq DESC LIMIT 1) AS note_seq, \
             CASE WHEN l.no IS NOT NULL AND l.answered_at IS NULL AND l.left_at IS NULL THEN 1 ELSE 0 END AS running \
             FROM conversation c LEFT JOIN ledger l ON l.conversation = c.id AND l.no = c.clock_no \
             WHERE c.id IN (SELECT id FROM wanted)",
        );
        for id in ids {
            query = query.bind(id.to_string());
        }
        for row in query.fetch_all(&mut **tx).await? {
            let last = |column, floor| -> Result<u64, StoreError> {
                let there = row.try_get::<Option<i64>, _>(column)?.unwrap_or(0);
                let last = there.max(row.try_get(floor)?);
                u64::try_from(last).map_err(|_| StoreError::Corrupt { table: "entry", what: format!("seq is {last}") })
            };
            let head = Head {
                stage: read::word("conversation", &row, "stage", Stage::parse)?,
                last: [last("seq", "seq_floor")?, last("note_seq", "note_seq_floor")?],
                clock_no: row.try_get("clock_no")?,
                clock_open: row.try_get::<i64, _>("running")? == 1,
            };
            heads.insert(read::id("conversation", &row, "id")?, head);
        }
    }
    Ok(())
}

/// Looks the client ids of the units up.
async fn load_known<'a>(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    units: &'a [Waiting],
) -> Result<Known<'a>, StoreError> {
    let keys: Vec<ClientKey<'_>> = units
        .iter()
        .flat_map(|waiting| &waiting.unit.entries)
        .filter_map(|entry| Some((entry.conversation, entry.author, entry.client_id.as_deref()?)))
        .collect();
    let mut known = Known::new();
    let mut offset = 0;
    for rows in padded(&keys) {
        let rows: Vec<_> = rows.collect();
        let mut query = statements.over_rows(
            "WITH wanted (n, conversation, author, client_id) AS (VALUES ",
            rows.len(),
            4,
            ") SELECT w.n, e.seq, e.at FROM wanted w JOIN entry e \
             ON e.conversation = w.conversation AND e.author = w.author AND e.client_id = w.client_id",
        );
        for (n, (conversation, author, client_id)) in (offset..).zip(&rows) {
            query = query
                .bind(n)
                .bind(conversation.to_string())
                .bind(author.text().into_owned())
                .bind((*client_id).to_owned());
        }
        offset += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        for row in query.fetch_all(&mut **tx).await? {
            // Rows that only fill up repeat the last one.
            let n: i64 = row.try_get("n")?;
            let key = usize::try_from(n).ok().map(|n| keys[n.min(keys.len() - 1)]);
            let Some(key) = key else { continue };
            known.insert(key, (read::unsigned(&row, "seq")?, Timestamp(row.try_get("at")?)));
        }
    }
    Ok(known)
}

/// How many were written: those whose client id was there are left out.
async fn insert_entries(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    entries: &[(&NewEntry, u64)],
) -> Result<u64, StoreError> {
    let mut written = 0;
    for rows in chunks(entries) {
        let mut query = statements.over_rows(
            "INSERT INTO entry (conversation, lane, seq, at, author, client_id, body) VALUES ",
            rows.len(),
            7,
            " ON CONFLICT (conversation, author, client_id) WHERE client_id IS NOT NULL DO NOTHING",
        );
        for (entry, seq) in rows {
            query = query
                .bind(entry.conversation.to_string())
                .bind(entry.lane.number())
                .bind(i64::try_from(*seq).unwrap_or(i64::MAX))
                .bind(entry.at.0)
                .bind(entry.author.text().into_owned())
                .bind(entry.client_id.clone())
                .bind(entry.text());
        }
        written += query.execute(&mut **tx).await?.rows_affected();
    }
    Ok(written)
}

async fn insert_events(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    events: &[Cow<'_, Event>],
) -> Result<(), StoreError> {
    for rows in chunks(events) {
        let mut query = statements.over_rows(
            "INSERT INTO event (id, conversation, at, actor, kind, detail) VALUES ",
            rows.len(),
            6,
            "",
        );
        for event in rows {
            query = query
                .bind(event_id())
                .bind(event.conversation.map(|id| id.to_string()))
                .bind(event.at.0)
                .bind(event.actor.text().into_owned())
                .bind(event.what.kind())
                .bind(crate::history::detail(&event.what)?);
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
