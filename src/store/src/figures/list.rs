//! The rows behind a number, page by page.

use bangban_domain::{
    Timestamp,
    figures::{Definition, Part, Row, Shape, Table},
    words::Channel,
};
use sqlx::{Row as _, any::AnyRow};

use super::{Selection, Sql, count::condition};
use crate::{
    StoreError,
    archive::Archive,
    read::{id, optional_id, word},
};

/// Which rows, and where the page begins.
#[derive(Debug, Clone)]
pub struct RowQuery<'a> {
    /// Behind this figure.
    pub definition: &'a Definition,
    /// Which of them.
    pub part: Part,
    /// Of what was counted.
    pub selection: &'a Selection,
    /// After this row: the instant by which it is counted, and its key.
    pub after: Option<(Timestamp, String)>,
    /// At most so many.
    pub limit: u32,
}

/// The columns of a table, in SQL.
pub(super) fn columns(table: Table) -> String {
    let mut columns = format!(
        "{} AS row_key, conversation, team, item, channel, CAST({} AS TEXT) AS row_agent",
        table.key(),
        table.agent()
    );
    for field in table.fields() {
        columns += &format!(", {field}");
    }
    for word in table.words() {
        columns += &format!(", {word}");
    }
    columns
}

pub(super) fn row(table: Table, row: &AnyRow) -> Result<Row, StoreError> {
    let name = table.name();
    let mut read = Row {
        table,
        key: row.try_get("row_key")?,
        conversation: id(name, row, "conversation")?,
        team: row.try_get("team")?,
        item: row.try_get("item")?,
        channel: word(name, row, "channel", Channel::parse)?,
        agent: optional_id(name, row, "row_agent")?,
        numbers: Default::default(),
        words: Default::default(),
    };
    for field in table.fields() {
        if let Some(number) = row.try_get::<Option<i64>, _>(field.as_str())? {
            read.numbers.insert(*field, number);
        }
    }
    for word in table.words() {
        if let Some(text) = row.try_get::<Option<String>, _>(word.as_str())? {
            read.words.insert(*word, text);
        }
    }
    Ok(read)
}

impl Archive {
    /// Rows behind a number in the order of the instant by which they are counted. The numbers of all pages together are the
    /// figure: both are made of the same condition.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn figure_rows(&self, query: &RowQuery<'_>, now: Timestamp) -> Result<Vec<Row>, StoreError> {
        let RowQuery { definition, part, selection, after, limit } = query;
        let (table, at) = (definition.kind.table(), definition.kind.at().as_str());
        let mut sql = Sql::new(format!("SELECT {}", columns(table)));
        sql.rows_of(definition.kind, selection, now).push(" AND ");
        condition(&mut sql, definition.shape.of(), now);
        if let Shape::Rate { hits, .. } = &definition.shape {
            match part {
                Part::Of => {}
                Part::Hits => condition(sql.push(" AND "), hits, now),
                Part::Rest => {
                    // Not `NOT`: what is unknown is not a hit.
                    condition(sql.push(" AND CASE WHEN "), hits, now);
                    sql.push(" THEN 0 ELSE 1 END = 1");
                }
            }
        }
        if let Some((after, key)) = after {
            sql.push(&format!(" AND ({at} > ")).number(after.0);
            sql.push(&format!(" OR ({at} = ")).number(after.0);
            sql.push(&format!(" AND {} > ", table.key())).text(key).push("))");
        }
        sql.push(&format!(" ORDER BY {at}, {} LIMIT ", table.key())).number(i64::from(*limit));
        let rows = sql.query().fetch_all(&self.readers).await?;
        rows.iter().map(|one| row(table, one)).collect()
    }
}
