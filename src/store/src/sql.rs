//! Statements over many rows. There are few different numbers of rows, so that there are few different texts and the
//! database prepares each of them once.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use sqlx::{Any, AssertSqlSafe, any::AnyArguments, query::Query};

use crate::place::Engine;

/// Most rows of one statement: with 7 columns far below the 32 766 parameters that SQLite takes.
const MOST: usize = 512;

/// See [`chunks`].
const SHORT: usize = 64;

/// The texts made so far, by what stands before and after the rows and how many rows there are.
pub(crate) struct Statements {
    engine: Engine,
    texts: HashMap<(&'static str, &'static str, usize), Arc<str>>,
}

impl Statements {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, texts: HashMap::new() }
    }

    /// New rows: `into` is the table with its columns.
    pub(crate) fn insert(
        &mut self,
        into: &'static str,
        rows: usize,
        columns: usize,
    ) -> Query<'static, Any, AnyArguments> {
        let before = self.engine.insert_into();
        self.put_together([before, into, " VALUES "], rows, columns, "")
    }

    /// `before`, then `rows` times `($1, ..)`, then `after`. Nothing but placeholders is put together.
    pub(crate) fn over_rows(
        &mut self,
        before: &'static str,
        rows: usize,
        columns: usize,
        after: &'static str,
    ) -> Query<'static, Any, AnyArguments> {
        self.put_together(["", before, ""], rows, columns, after)
    }

    fn put_together(
        &mut self,
        before: [&'static str; 3],
        rows: usize,
        columns: usize,
        after: &'static str,
    ) -> Query<'static, Any, AnyArguments> {
        let text = self.texts.entry((before[1], after, rows)).or_insert_with(|| {
            let mut text = before.concat();
            for row in 0..rows {
                text += if row == 0 { "(" } else { ", (" };
                for column in 1..=columns {
                    if column > 1 {
                        text += ", ";
                    }
                    text += &self.engine.placeholder(row * columns + column);
                }
                text += ")";
            }
            text += after;
            text.into()
        });
        sqlx::query(AssertSqlSafe(Arc::clone(text)))
    }
}

/// Cuts rows into few statements, of which there are few different sizes: powers of two; of the short ones, which are the
/// dearer the fewer rows share them, all of three binary digits and zeros.
pub(crate) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = match rows.len() {
            0 => return None,
            n if n > SHORT => 1 << n.ilog2(),
            n => n & (0b111 << n.ilog2().saturating_sub(2)),
        };
        let (chunk, rest) = rows.split_at(size.min(MOST));
        rows = rest;
        Some(chunk)
    })
}

/// The same rows, the last one repeated until their number is a power of two: for questions, where that does no harm.
pub(crate) fn padded<T>(rows: &[T]) -> impl Iterator<Item = impl Iterator<Item = &T>> {
    rows.chunks(MOST).map(|chunk| {
        let missing = chunk.len().next_power_of_two() - chunk.len();
        chunk.iter().chain(std::iter::repeat_n(chunk.last(), missing).flatten())
    })
}

/// Adds the condition that the team is one of these; see [`one_of`].
pub(crate) fn one_of_teams(sql: &mut String, first: usize, teams: Option<&[String]>) -> Vec<String> {
    one_of(sql, "team", first, teams)
}

/// Adds the condition that the column is one of these, with places from `$first` on; gives what is bound to them. The number
/// of places is rounded up, and the last one said again, so that there are few different texts.
pub(crate) fn one_of(sql: &mut String, column: &'static str, first: usize, list: Option<&[String]>) -> Vec<String> {
    let Some(list) = list else { return Vec::new() };
    let count = list.len().max(1).next_power_of_two();
    let places: Vec<String> = (0..count).map(|n| format!("${}", first + n)).collect();
    // Writing into a string does not fail. Only placeholders are put together.
    let _ = write!(sql, " AND {column} IN ({})", places.join(", "));
    (0..count).map(|n| list.get(n).or(list.last()).cloned().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use sqlx::Execute as _;

    use super::*;

    #[test]
    fn rows_are_cut_into_few_statements_of_few_sizes() {
        let sizes = |n: usize| chunks(&vec![(); n]).map(<[()]>::len).collect::<Vec<_>>();
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(11), [10, 1]);
        assert_eq!(sizes(63), [56, 7]);
        assert_eq!(sizes(509), [256, 128, 64, 56, 5]);
        assert_eq!(sizes(1_030), [512, 512, 6]);
        let different: std::collections::BTreeSet<usize> = (1..=MOST).flat_map(sizes).collect();
        assert_eq!(different.len(), 23);
        assert!((1..=MOST).all(|n| sizes(n).len() <= 5 && sizes(n).iter().sum::<usize>() == n));
    }

    #[test]
    fn questions_are_filled_up_with_their_last_row() {
        let rows =
            |n: i32| padded(&(1..=n).collect::<Vec<_>>()).map(|rows| rows.copied().collect()).collect::<Vec<Vec<_>>>();
        assert_eq!(rows(5), [vec![1, 2, 3, 4, 5, 5, 5, 5]]);
        assert_eq!(rows(513).iter().map(Vec::len).collect::<Vec<_>>(), [512, 1]);
        assert!(rows(0).is_empty());
    }

    #[test]
    fn placeholders_are_numbered_through() {
        let mut statements = Statements::new(Engine::Postgres);
        assert_eq!(statements.over_rows("A ", 2, 3, " Z").sql(), "A ($1, $2, $3), ($4, $5, $6) Z");
        assert_eq!(statements.over_rows("B ", 3, 1, "").sql(), "B ($1), ($2), ($3)");
        assert_eq!(statements.insert("t (a, b)", 2, 2).sql(), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)");
        assert_eq!(Statements::new(Engine::Sqlite).over_rows("A ", 2, 2, "").sql(), "A (?, ?), (?, ?)");
    }
}
