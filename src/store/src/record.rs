//! What is administered. A change names the version that it was made from; one that comes second is refused and loses
//! nothing. Every state is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bangban_domain::{Timestamp, org::Kind};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{
    Author, Json, Store, StoreError,
    read::{instant, unsigned, word},
    sql::{Statements, chunks, padded},
};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// Kind.
    pub kind: Kind,
    /// Code, unique within its kind.
    pub id: String,
    /// Number within its kind, never used twice.
    pub no: u64,
    /// 1, 2, ...
    pub version: u64,
    /// Code of the unit that owns it; `None`: the city's.
    pub unit: Option<String>,
    /// JSON.
    pub body: String,
    /// Last change.
    pub changed_at: Timestamp,
}

/// A state that a record had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordVersion {
    /// 1, 2, ...
    pub version: u64,
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub actor: Author,
    /// JSON; `None`: removed.
    pub body: Option<String>,
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordChange {
    /// Kind.
    pub kind: Kind,
    /// Code.
    pub id: String,
    /// The version that it was made from; 0: there is none yet.
    pub from: u64,
    /// Code of the unit that owns it from now on.
    pub unit: Option<String>,
    /// JSON; `None`: remove it.
    pub body: Option<Json>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Author,
}

/// What is known of a record that is about to change.
#[derive(Clone, Copy)]
struct Known {
    no: i64,
    /// The last one; 0: never was.
    version: i64,
    is_there: bool,
}

type Key<'a> = (Kind, &'a str);

/// A state that a record gets by the changes of one unit.
struct State<'a> {
    change: &'a RecordChange,
    no: i64,
    version: i64,
    count: i64,
}

/// Carries out changes of records, in order.
///
/// # Errors
/// [`StoreError::Outdated`] if a record has another version than the change was made from.
pub(crate) async fn carry_out(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    changes: &[RecordChange],
) -> Result<(), StoreError> {
    let mut known = look_up(tx, statements, changes).await?;
    // By kind: its count now, and the number after the last one that a record of it ever had.
    let mut kinds: BTreeMap<Kind, (i64, i64)> = BTreeMap::new();
    for kind in changes.iter().map(|change| change.kind).collect::<BTreeSet<_>>() {
        kinds.insert(kind, (count(tx, kind.as_str()).await?, next_no(tx, kind).await?));
    }
    let mut states = Vec::with_capacity(changes.len());
    for change in changes {
        let Some((count, next_no)) = kinds.get_mut(&change.kind) else { continue };
        let known = known.entry((change.kind, &change.id)).or_insert_with(|| {
            *next_no += 1;
            Known { no: *next_no - 1, version: 0, is_there: false }
        });
        let current = if known.is_there { known.version } else { 0 };
        if u64::try_from(current).ok() != Some(change.from) {
            return Err(StoreError::Outdated { kind: change.kind, id: change.id.clone() });
        }
        known.version += 1;
        known.is_there = change.body.is_some();
        states.push(State { change, no: known.no, version: known.version, count: *count });
    }
    write(tx, statements, &states).await
}

/// One more change of something; gives how many there have been.
pub(crate) async fn count(tx: &mut Transaction<'_, Any>, what: &'static str) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "INSERT INTO change_count (what, count) VALUES ($1, 1) \
         ON CONFLICT (what) DO UPDATE SET count = change_count.count + 1 RETURNING count",
    )
    .bind(what)
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.try_get("count")?)
}

async fn look_up<'a>(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    changes: &'a [RecordChange],
) -> Result<HashMap<Key<'a>, Known>, StoreError> {
    let by_key: HashMap<(&str, &str), Key<'a>> = changes
        .iter()
        .map(|change| ((change.kind.as_str(), change.id.as_str()), (change.kind, change.id.as_str())))
        .collect();
    let mut known = HashMap::with_capacity(changes.len());
    for rows in padded(changes) {
        let rows: Vec<_> = rows.collect();
        let mut query = statements.over_rows(
            "WITH wanted (kind, id) AS (VALUES ",
            rows.len(),
            2,
            ") SELECT v.kind, v.id, v.no, MAX(v.version) AS version, \
             CAST(MAX(CASE WHEN r.id IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS is_there \
             FROM wanted JOIN record_version AS v ON v.kind = wanted.kind AND v.id = wanted.id \
             LEFT JOIN record AS r ON r.kind = wanted.kind AND r.id = wanted.id GROUP BY v.kind, v.id, v.no",
        );
        for change in rows {
            query = query.bind(change.kind.as_str()).bind(change.id.clone());
        }
        for row in query.fetch_all(&mut **tx).await? {
            let (kind, id): (String, String) = (row.try_get("kind")?, row.try_get("id")?);
            let Some(key) = by_key.get(&(kind.as_str(), id.as_str())) else { continue };
            let is_there = row.try_get::<i64, _>("is_there")? == 1;
            known.insert(*key, Known { no: row.try_get("no")?, version: row.try_get("version")?, is_there });
        }
    }
    Ok(known)
}

async fn next_no(tx: &mut Transaction<'_, Any>, kind: Kind) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT MAX(no) AS no FROM record_version WHERE kind = $1")
        .bind(kind.as_str())
        .fetch_one(&mut **tx)
        .await?;
    Ok(row.try_get::<Option<i64>, _>("no")?.map_or(0, |no| no + 1))
}

async fn write(
    tx: &mut Transaction<'_, Any>,
    statements: &mut Statements,
    states: &[State<'_>],
) -> Result<(), StoreError> {
    for rows in chunks(states) {
        let into = "record_version (kind, id, version, no, at, actor, body, count)";
        let mut query = statements.insert(into, rows.len(), 8);
        for State { change, no, version, count } in rows {
            query = query
                .bind(change.kind.as_str())
                .bind(change.id.clone())
                .bind(*version)
                .bind(*no)
                .bind(change.at.0)
                .bind(change.actor.text().into_owned())
                .bind(change.body.as_ref().map(|body| body.as_str().to_owned()))
                .bind(*count);
        }
        query.execute(&mut **tx).await?;
    }
    // The last state of each is what it is now.
    let mut last = BTreeMap::new();
    for state in states {
        last.insert((state.change.kind, &state.change.id), state);
    }
    let (stay, go): (Vec<_>, Vec<_>) = last.into_values().partition(|state| state.change.body.is_some());
    for rows in chunks(&stay) {
        let mut query = statements.over_rows(
            "INSERT INTO record (kind, id, no, version, unit, body, changed_at) VALUES ",
            rows.len(),
            7,
            " ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, unit = excluded.unit, \
             body = excluded.body, changed_at = excluded.changed_at",
        );
        for State { change, no, version, .. } in rows.iter().copied() {
            query = query
                .bind(change.kind.as_str())
                .bind(change.id.clone())
                .bind(*no)
                .bind(*version)
                .bind(change.unit.clone())
                .bind(change.body.as_ref().map(|body| body.as_str().to_owned()))
                .bind(change.at.0);
        }
        query.execute(&mut **tx).await?;
    }
    for State { change, .. } in go {
        sqlx::query("DELETE FROM record WHERE kind = $1 AND id = $2")
            .bind(change.kind.as_str())
            .bind(change.id.clone())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

fn record(row: &AnyRow) -> Result<RecordRow, StoreError> {
    Ok(RecordRow {
        kind: word("record", row, "kind", Kind::parse)?,
        id: row.try_get("id")?,
        no: unsigned(row, "no")?,
        version: unsigned(row, "version")?,
        unit: row.try_get("unit")?,
        body: row.try_get("body")?,
        changed_at: instant(row, "changed_at")?,
    })
}

impl Store {
    /// All records of a kind, in the order in which they were made.
    ///
    /// # Errors
    /// Whatever the database says; the same holds for every read below.
    pub async fn records(&self, kind: Kind) -> Result<Vec<RecordRow>, StoreError> {
        let rows =
            sqlx::query("SELECT kind, id, no, version, unit, body, changed_at FROM record WHERE kind = $1 ORDER BY no")
                .bind(kind.as_str())
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(record).collect()
    }

    /// How often each kind of record has changed; one that never has, is missing.
    pub async fn change_counts(&self) -> Result<HashMap<String, u64>, StoreError> {
        let rows = sqlx::query("SELECT what, count FROM change_count").fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((row.try_get("what")?, unsigned(row, "count")?))).collect()
    }

    /// Records of a kind that have changed since its count was `since`; without a row: removed.
    pub async fn records_changed(
        &self,
        kind: Kind,
        since: u64,
    ) -> Result<Vec<(String, Option<RecordRow>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT v.id AS changed, r.kind, r.id, r.no, r.version, r.unit, r.body, r.changed_at \
             FROM (SELECT DISTINCT id FROM record_version WHERE kind = $1 AND count > $2) AS v \
             LEFT JOIN record AS r ON r.kind = $1 AND r.id = v.id",
        )
        .bind(kind.as_str())
        .bind(i64::try_from(since).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let is_there = row.try_get::<Option<String>, _>("id")?.is_some();
                Ok((row.try_get("changed")?, is_there.then(|| record(row)).transpose()?))
            })
            .collect()
    }

    /// Every state of one record, the last one first.
    pub async fn record_versions(&self, kind: Kind, id: &str) -> Result<Vec<RecordVersion>, StoreError> {
        let rows = sqlx::query(
            "SELECT version, at, actor, body FROM record_version WHERE kind = $1 AND id = $2 ORDER BY version DESC",
        )
        .bind(kind.as_str())
        .bind(id.to_owned())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(RecordVersion {
                    version: unsigned(row, "version")?,
                    at: instant(row, "at")?,
                    actor: word("record_version", row, "actor", Author::parse)?,
                    body: row.try_get("body")?,
                })
            })
            .collect()
    }
}
