//! Review points as a file: import with a look before, and export. They are in force at once, as those are that somebody
//! writes on the page.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bangban_domain::{
    knowledge::{MAX_POINTS, PointSubject, ReviewPoint},
    org::Directory,
    rights::Action,
};
use bangban_protocol::{ImportReport, WireError};
use bangban_store::{Audit, Author, Change, KnowledgeChange, PointRow, Unit};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{
    App, internal,
    knowledge::Keeper,
    knowledge_file::{EntryFormat, EntryUpload, Names, PART, Problem, bad, columns, is_full, note},
    store_error,
};
use crate::{auth::Staff, desk::new_id, organisation::sheet, privacy::json};

/// Review points that are read at one time.
const PAGE: u32 = 500;

/// Columns of a table: name in JSON and in Chinese.
pub(crate) const POINT_COLUMNS: [(&str, &str); 8] = [
    ("id", "要点编号"),
    ("item", "事项"),
    ("situation", "情形"),
    ("subject", "类别"),
    ("name", "条件或材料"),
    ("rule", "审查规则"),
    ("source", "依据"),
    ("place", "顺序"),
];

/// A review point as a file writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct FilePoint {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    item: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    situation: String,
    subject: String,
    name: String,
    rule: String,
    source: String,
    /// Without one: after the others of its item.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
}

/// Id, place and what a row says.
type Row = (u32, Result<(String, Option<u32>, ReviewPoint), Problem>);

impl FilePoint {
    fn of(row: PointRow) -> Self {
        let ReviewPoint { item, situation, subject, name, rule, source } = row.point;
        Self {
            id: row.id,
            item,
            situation,
            subject: subject.as_str().to_owned(),
            name,
            rule,
            source,
            place: Some(row.place),
        }
    }

    /// Texts of the columns of a table.
    pub(crate) fn cells(self) -> [String; POINT_COLUMNS.len()] {
        let subject = if self.subject == PointSubject::Condition.as_str() { "条件" } else { "材料" };
        let place = self.place.map(|place| place.to_string()).unwrap_or_default();
        [self.id, self.item, self.situation, subject.to_owned(), self.name, self.rule, self.source, place]
    }

    /// A row of a table.
    fn of_cells(cells: &HashMap<usize, &String>) -> Result<Self, Problem> {
        let text = |column: usize| cells.get(&column).map(|text| sheet::unguarded(text)).unwrap_or_default();
        let place = match text(7).as_str() {
            "" => None,
            number => Some(number.parse().map_err(|_| bad("place", "must be a number"))?),
        };
        let (id, item, situation, subject) = (text(0), text(1), text(2), text(3));
        Ok(Self { id, item, situation, subject, name: text(4), rule: text(5), source: text(6), place })
    }

    fn point(self, directory: &Directory, names: &Names) -> Result<(String, Option<u32>, ReviewPoint), Problem> {
        let subject = match self.subject.trim() {
            "条件" => PointSubject::Condition,
            "材料" => PointSubject::Material,
            word => PointSubject::parse(word)
                .ok_or_else(|| bad("subject", "must be condition (条件) or material (材料)"))?,
        };
        let item = self.item.trim();
        let point = ReviewPoint {
            item: names.item(item).unwrap_or(item).to_owned(),
            situation: self.situation.trim().to_owned(),
            subject,
            name: self.name.trim().to_owned(),
            rule: self.rule.trim().to_owned(),
            source: self.source.trim().to_owned(),
        };
        point.check(directory).map_err(|error| (error.field, error.problem))?;
        if self.place.is_some_and(|place| place > MAX_PLACE) {
            return Err(bad("place", format!("must be at most {MAX_PLACE}")));
        }
        Ok((self.id.trim().to_owned(), self.place, point))
    }
}

/// Largest place in a list.
const MAX_PLACE: u32 = 100_000;

fn rows(format: EntryFormat, bytes: &[u8], directory: &Directory) -> Result<Vec<Row>, String> {
    let names = Names::of(directory);
    let Some(table) = format.table() else {
        let text = sheet::text_of(bytes).map_err(|error| error.to_string())?;
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let read = |line: &str| {
            serde_json::from_str::<FilePoint>(line)
                // The position only: the complaint may repeat what was sent.
                .map_err(|error| bad("", format!("is no review point (column {})", error.column())))
                .and_then(|one| one.point(directory, &names))
        };
        return Ok(lines.map(|(number, line)| (number, read(line))).collect());
    };
    let mut lines = sheet::lines(table, bytes).map_err(|error| error.to_string())?.into_iter();
    let (_, header) = lines.next().ok_or("has no row of column names")?;
    let places = columns(&header, &POINT_COLUMNS, &[1, 3, 4, 5, 6])?;
    let row = |(number, cells): (u32, Vec<String>)| {
        let cells: HashMap<usize, &String> =
            places.iter().filter_map(|(column, place)| Some((*column, cells.get(*place)?))).collect();
        (number, FilePoint::of_cells(&cells).and_then(|one| one.point(directory, &names)))
    };
    Ok(lines.filter(|(_, cells)| is_full(cells)).map(row).collect())
}

impl App {
    /// Imports review points. What stands in the way is in the answer, by row.
    ///
    /// # Errors
    /// `forbidden`; `bad_request` for a file that is none of review points; whatever the store says.
    pub(crate) async fn import_points(
        self: &Arc<Self>,
        who: &Keeper<'_>,
        upload: EntryUpload,
    ) -> Result<ImportReport, WireError> {
        self.require_somewhere(who.staff, Action::EditKnowledge)?;
        let EntryUpload { format, bytes, dry_run, skip_bad } = upload;
        let directory = self.directory();
        let read = spawn_blocking(move || rows(format, &bytes, &directory)).await.map_err(|error| internal(&error))?;
        let rows = read.map_err(|problem| WireError::field("file", problem))?;
        let (mut report, mut changes) = (ImportReport::default(), Vec::new());
        let mut plan = Plan::default();
        for (number, row) in rows {
            report.rows += 1;
            let planned = match row {
                Ok(row) => self.plan_point(who, &mut plan, number, row).await?,
                Err(problem) => Err(problem),
            };
            match planned {
                Ok(Some(row)) => {
                    *(if row.version == 1 { &mut report.new } else { &mut report.changed }) += 1;
                    changes.push(row);
                }
                Ok(None) => report.unchanged += 1,
                Err(problem) => note(&mut report, number, problem),
            }
        }
        if dry_run || report.bad_rows > 0 && !skip_bad {
            return Ok(report);
        }
        let parts = changes.len().div_ceil(PART);
        for (part, rows) in (1..).zip(changes.chunks(PART)) {
            let put = |row: &PointRow| Change::Knowledge(KnowledgeChange::Point(Box::new(row.clone())));
            let mut unit: Vec<Change> = rows.iter().map(put).collect();
            let detail = serde_json::json!({ "part": part, "parts": parts, "points": rows.len() });
            unit.push(Change::Audit(Audit {
                at: self.clock.now(),
                actor: Author::Agent(who.staff.id),
                action: "review_point.import",
                kind: "review_point".to_owned(),
                subject: format!("{part}/{parts}"),
                unit: None,
                reason: None,
                address: Some(who.address.to_owned()),
                detail: json(&detail),
            }));
            self.store.commit_in_turn(Unit { changes: unit, ..Unit::default() }).await.map_err(store_error)?;
        }
        report.imported = true;
        Ok(report)
    }

    /// What one row changes; `None`: nothing.
    async fn plan_point(
        &self,
        who: &Keeper<'_>,
        plan: &mut Plan,
        number: u32,
        (id, place, point): (String, Option<u32>, ReviewPoint),
    ) -> Result<Result<Option<PointRow>, Problem>, WireError> {
        if !self.may_edit_points(who.staff, &point.item) {
            return Ok(Err(bad("item", "you may not keep the review points of this item")));
        }
        let known = if id.is_empty() { None } else { self.store.review_point(&id).await.map_err(store_error)? };
        if known.as_ref().is_some_and(|known| known.point.item != point.item) {
            return Ok(Err(bad("item", "is another one than the review point has")));
        }
        if known.is_none() && !id.is_empty() && !is_id(&id) {
            return Ok(Err(bad("id", "must be 1 to 64 small letters, digits, \"-\", \"_\" or \".\"")));
        }
        if !id.is_empty()
            && let Some(first) = plan.ids.insert(id.clone(), number)
        {
            return Ok(Err(bad("id", format!("stands in row {first} already"))));
        }
        if !plan.items.contains_key(&point.item) {
            let there = self.store.review_points(&point.item, MAX_POINTS as u32 + 1).await.map_err(store_error)?;
            let last = there.iter().map(|row| row.place).max().unwrap_or(0);
            plan.items.insert(point.item.clone(), (there.len(), last));
        }
        let Some((count, last)) = plan.items.get_mut(&point.item) else { return Ok(Ok(None)) };
        let place = place.or(known.as_ref().map(|known| known.place)).unwrap_or_else(|| (*last + 1).min(MAX_PLACE));
        if known.as_ref().is_some_and(|known| known.point == point && known.place == place) {
            return Ok(Ok(None));
        }
        if known.is_none() {
            if *count >= MAX_POINTS {
                return Ok(Err(bad("item", format!("has {MAX_POINTS} review points already"))));
            }
            *count += 1;
        }
        *last = (*last).max(place);
        Ok(Ok(Some(PointRow {
            id: if id.is_empty() { format!("rp-{:032x}", new_id()) } else { id },
            version: known.map_or(1, |known| known.version + 1),
            place,
            point,
            changed_at: self.clock.now(),
            changed_by: who.staff.id,
        })))
    }

    /// Review points after one of them as a file writes them: of one item, or of all items.
    pub(crate) async fn exported_points(
        &self,
        staff: &Staff,
        item: Option<&str>,
        after: &mut String,
    ) -> Result<Option<Vec<FilePoint>>, WireError> {
        self.seen_units(staff)?;
        let rows = match item {
            Some(_) if !after.is_empty() => return Ok(None),
            Some(item) => self.store.review_points(item, MAX_POINTS as u32).await,
            None => self.store.all_review_points(after, PAGE).await,
        };
        let rows = rows.map_err(store_error)?;
        let Some(last) = rows.last() else { return Ok(None) };
        after.clone_from(&last.id);
        Ok(Some(rows.into_iter().map(FilePoint::of).collect()))
    }
}

/// What a file has said so far.
#[derive(Default)]
struct Plan {
    /// Ids, and in which row.
    ids: HashMap<String, u32>,
    /// How many review points an item has, and the last place.
    items: BTreeMap<String, (usize, u32)>,
}

fn is_id(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::demo_directory;

    #[test]
    fn a_table_and_lines_of_json_say_the_same_and_what_is_wrong_is_named() {
        let directory = demo_directory().unwrap();
        let table = "事项,类别,条件或材料,审查规则,依据,顺序\n居住证办理,材料,照片,一寸,条例,3\n居住证办理,文件,照片,一寸,条例,\n居住证办理,材料,照片,,条例,\n居住证办理,材料,照片,一寸,条例,三\n";
        let read = rows(EntryFormat::Csv, table.as_bytes(), &directory).unwrap();
        let (2, Ok((id, place, point))) = &read[0] else { panic!("{read:?}") };
        assert_eq!((id.as_str(), *place, point.item.as_str()), ("", Some(3), "residence-permit"));
        let problems: Vec<&str> =
            read[1..].iter().map(|(_, row)| row.as_ref().err().map_or("", |(field, _)| field.as_str())).collect();
        assert_eq!(problems, ["subject", "rule", "place"]);
        let line = serde_json::to_string(&FilePoint {
            item: "residence-permit".to_owned(),
            subject: "material".to_owned(),
            name: "照片".to_owned(),
            rule: "一寸".to_owned(),
            source: "条例".to_owned(),
            place: Some(3),
            ..FilePoint::default()
        });
        let again = rows(EntryFormat::Jsonl, line.unwrap().as_bytes(), &directory).unwrap();
        assert_eq!(again[0].1.as_ref().unwrap().2, *point);
        let missing = rows(EntryFormat::Csv, "事项,类别\n".as_bytes(), &directory);
        assert_eq!(missing.unwrap_err(), "has no column name (条件或材料)");
    }
}
