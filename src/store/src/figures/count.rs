//! Figures counted in SQL.

use bangban_domain::{
    Timestamp,
    figures::{By, Figure, Is, Kind, Shape, Tallies},
};
use sqlx::Row as _;

use super::{Selection, Sql, key_of};
use crate::{StoreError, archive::Archive, read::unsigned};

/// A condition in SQL. Every part of it is a name of ours or a number.
pub(super) fn condition(sql: &mut Sql, is: &Is, now: Timestamp) {
    match is {
        Is::Set(field) => _ = sql.push(field.as_str()).push(" IS NOT NULL"),
        Is::Unset(field) => _ = sql.push(field.as_str()).push(" IS NULL"),
        Is::AtMost(a, b, span) => _ = sql.push(&format!("{a} <= {b} + {span}")),
        Is::After(a, b, span) => _ = sql.push(&format!("{a} > {b} + {span}")),
        Is::Over(field, span) => _ = sql.push(&format!("{field} + {span} < ")).number(now.0),
        Is::Between(field, least, most) => _ = sql.push(&format!("{field} BETWEEN {least} AND {most}")),
        Is::Word(word, texts) => _ = sql.push(&format!("{word} IN ({})", quoted(texts))),
        Is::NotWord(word, texts) => _ = sql.push(&format!("({word} IS NULL OR {word} NOT IN ({}))", quoted(texts))),
        Is::All(parts) => join(sql, parts, " AND ", now),
        Is::Any(parts) => join(sql, parts, " OR ", now),
    }
}

fn join(sql: &mut Sql, parts: &[Is], between: &str, now: Timestamp) {
    sql.push("(");
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            sql.push(between);
        }
        condition(sql, part, now);
    }
    sql.push(")");
}

/// Words of the definitions: letters and underscores.
fn quoted(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", ")
}

/// `, CAST(COALESCE(SUM(CASE WHEN .. THEN value ELSE 0 END), 0) AS BIGINT) AS name`
fn sum(sql: &mut Sql, conditions: &[&Is], value: &str, name: &str, now: Timestamp) {
    sql.push(", CAST(COALESCE(SUM(CASE WHEN ");
    for (place, is) in conditions.iter().enumerate() {
        if place > 0 {
            sql.push(" AND ");
        }
        condition(sql, is, now);
    }
    sql.push(&format!(" THEN {value} ELSE 0 END), 0) AS BIGINT) AS {name}"));
}

impl Archive {
    /// The figures of these kinds of rows, by `by`; as `domain::figures::tally::count` counts them.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn figures(
        &self,
        kinds: &[Kind],
        selection: &Selection,
        by: By,
        now: Timestamp,
    ) -> Result<Tallies, StoreError> {
        let sums = kinds.iter().map(|kind| self.sums(*kind, selection, by, now));
        let spans = kinds.iter().flat_map(|kind| Figure::of_kind(*kind)).filter_map(|definition| {
            let Shape::Span { of, from, to } = &definition.shape else { return None };
            let seconds = format!("({to} - {from} + 999) / 1000");
            Some(self.seconds((definition.figure, definition.kind), of, seconds, selection, by, now))
        });
        let (sums, spans) = futures_util::future::try_join(
            futures_util::future::try_join_all(sums),
            futures_util::future::try_join_all(spans),
        )
        .await?;
        let mut all = Tallies::new();
        for tallies in sums.into_iter().chain(spans) {
            for (key, line) in tallies {
                let known = all.entry(key).or_default();
                for (figure, tally) in line {
                    known.entry(figure).or_default().add(&tally);
                }
            }
        }
        Ok(all)
    }

    async fn sums(&self, kind: Kind, selection: &Selection, by: By, now: Timestamp) -> Result<Tallies, StoreError> {
        let mut sql = Sql::new(format!("SELECT {} AS k", key_of(by, kind)));
        for definition in Figure::of_kind(kind) {
            let name = definition.figure.as_str();
            sum(&mut sql, &[definition.shape.of()], "1", &format!("{name}_of"), now);
            match &definition.shape {
                Shape::Rate { of, hits } => sum(&mut sql, &[hits, of], "1", &format!("{name}_hits"), now),
                Shape::Count { .. } => {}
                Shape::Span { of, from, to } => {
                    sum(&mut sql, &[of], &format!("{to} - {from}"), &format!("{name}_sum"), now);
                    sql.push(", MAX(CASE WHEN ");
                    condition(&mut sql, of, now);
                    sql.push(&format!(" THEN {to} - {from} END) AS {name}_longest"));
                }
                Shape::Mean { of, field } => sum(&mut sql, &[of], field.as_str(), &format!("{name}_sum"), now),
            }
        }
        sql.rows_of(kind, selection, now).push(" GROUP BY 1");
        let mut tallies = Tallies::new();
        for row in sql.query().fetch_all(&self.readers).await? {
            let key: String = row.try_get("k")?;
            for definition in Figure::of_kind(kind) {
                let name = definition.figure.as_str();
                let of = unsigned(&row, &format!("{name}_of"))?;
                if of == 0 {
                    continue;
                }
                let tally = tallies.entry(key.clone()).or_default().entry(definition.figure).or_default();
                tally.of = of;
                match definition.shape {
                    Shape::Rate { .. } => tally.hits = unsigned(&row, &format!("{name}_hits"))?,
                    Shape::Count { .. } => {}
                    Shape::Span { .. } => {
                        tally.sum = row.try_get(format!("{name}_sum").as_str())?;
                        tally.longest = row.try_get(format!("{name}_longest").as_str())?;
                    }
                    Shape::Mean { .. } => tally.sum = row.try_get(format!("{name}_sum").as_str())?,
                }
            }
        }
        Ok(tallies)
    }

    /// How many took so many seconds begun: percentiles without sorting.
    async fn seconds(
        &self,
        (figure, kind): (Figure, Kind),
        of: &Is,
        seconds: String,
        selection: &Selection,
        by: By,
        now: Timestamp,
    ) -> Result<Tallies, StoreError> {
        let mut sql = Sql::new(format!("SELECT {} AS k, {seconds} AS seconds, COUNT(*) AS n", key_of(by, kind)));
        sql.rows_of(kind, selection, now).push(" AND ");
        condition(&mut sql, of, now);
        sql.push(" GROUP BY 1, 2");
        let mut tallies = Tallies::new();
        for row in sql.query().fetch_all(&self.readers).await? {
            let tally = tallies.entry(row.try_get("k")?).or_default().entry(figure).or_default();
            tally.seconds.insert(row.try_get("seconds")?, unsigned(&row, "n")?);
        }
        Ok(tallies)
    }
}
