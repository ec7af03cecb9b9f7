//! Entries as a file: import with a look before, and export. What is imported waits for a second person, as everything does.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use bangban_domain::{
    AgentId, Timestamp,
    knowledge::{Content, Head, OpenState, Origin, RevisionState, Step},
    org::{Audience, Directory},
    rights::Action,
};
use bangban_protocol::{BadRow, ImportReport, WireError};
use bangban_store::{Audit, Author, Change, KnowledgeChange, KnowledgeEntry, KnowledgeQuery, KnowledgeRevision, Unit};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{
    App, internal,
    knowledge::{Keeper, new_entry_id},
    store_error,
};
use crate::{
    organisation::sheet::{self, Format},
    privacy::json,
};

/// Rows of one unit of the store.
pub(super) const PART: usize = 200;

/// Bad rows that are told.
const MOST_BAD: usize = 1_000;

/// Kind of a file of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EntryFormat {
    Csv,
    Xlsx,
    /// One JSON object in each line.
    Jsonl,
}

impl EntryFormat {
    /// The table that it is, if it is one.
    pub(crate) const fn table(self) -> Option<Format> {
        match self {
            Self::Csv => Some(Format::Csv),
            Self::Xlsx => Some(Format::Xlsx),
            Self::Jsonl => None,
        }
    }
}

/// A file of entries that somebody sends.
pub(crate) struct EntryUpload {
    pub(crate) format: EntryFormat,
    pub(crate) bytes: Bytes,
    /// Only look.
    pub(crate) dry_run: bool,
    /// Import the good rows although there are bad ones.
    pub(crate) skip_bad: bool,
}

/// An entry as a file writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct FileEntry {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    question: String,
    similar: Vec<String>,
    answer: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    spoken: String,
    /// The main item; those of `items` follow it.
    item: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    situations: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    districts: Vec<String>,
    /// Code or name of the unit; empty: that of the item.
    department: String,
    audience: String,
    source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    clause: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    valid_from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    valid_to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    supersedes: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    base: String,
}

/// Columns of a table: name in JSON and in Chinese.
pub(crate) const COLUMNS: [(&str, &str); 16] = [
    ("id", "条目编号"),
    ("question", "标准问题"),
    ("similar", "相似问法"),
    ("answer", "答复口径"),
    ("spoken", "播报短答"),
    ("items", "事项"),
    ("situations", "情形"),
    ("districts", "适用区"),
    ("department", "责任单位"),
    ("audience", "适用对象"),
    ("source", "依据"),
    ("clause", "条款"),
    ("validFrom", "生效时间"),
    ("validTo", "失效时间"),
    ("supersedes", "替代条目"),
    ("base", "补充的市级条目"),
];

/// What is wrong with a row: the column and the problem.
pub(super) type Problem = (String, String);

pub(super) fn bad(field: &str, problem: impl Into<String>) -> Problem {
    (field.to_owned(), problem.into())
}

/// Counts a bad row and tells it, if not too many are told already.
pub(super) fn note(report: &mut ImportReport, row: u32, (field, problem): Problem) {
    report.bad_rows += 1;
    if report.bad.len() < MOST_BAD {
        report.bad.push(BadRow { row, field, problem });
    }
}

/// Where each column of a table stands, by its name in JSON or in Chinese; the `needed` ones have to be there.
pub(super) fn columns(
    header: &[String],
    known: &[(&str, &str)],
    needed: &[usize],
) -> Result<BTreeMap<usize, usize>, String> {
    let mut places = BTreeMap::new();
    for (place, name) in header.iter().enumerate().filter(|(_, name)| !name.trim().is_empty()) {
        let name = name.trim().trim_start_matches('\u{feff}');
        let column = known.iter().position(|(json, chinese)| name.eq_ignore_ascii_case(json) || name == *chinese);
        let column =
            column.ok_or_else(|| format!("has an unknown column {:?}", name.chars().take(40).collect::<String>()))?;
        if places.insert(column, place).is_some() {
            return Err(format!("has the column {} twice", known[column].0));
        }
    }
    match needed.iter().find(|column| !places.contains_key(column)) {
        Some(missing) => Err(format!("has no column {} ({})", known[*missing].0, known[*missing].1)),
        None => Ok(places),
    }
}

/// Is anything in the row?
pub(super) fn is_full(cells: &[String]) -> bool {
    cells.iter().any(|cell| !cell.trim().is_empty())
}

/// `2026-12-01` or `2026-12-01 09:00`, in Shanghai.
fn instant(field: &str, text: &str) -> Result<Option<Timestamp>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = text.replace(' ', "T");
    let at = text
        .parse::<jiff::civil::DateTime>()
        .or_else(|_| text.parse::<jiff::civil::Date>().map(|date| date.to_datetime(jiff::civil::Time::midnight())));
    let at = at.ok().and_then(|at| jiff::tz::Offset::constant(8).to_timestamp(at).ok());
    at.map(|at| Some(Timestamp(at.as_millisecond())))
        .ok_or_else(|| bad(field, "must be a day or a time, e.g. 2026-12-01 09:00"))
}

fn shown(at: Option<Timestamp>) -> String {
    let local = |at: Timestamp| {
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
        jiff::tz::Offset::constant(8).to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
    };
    at.map(local).unwrap_or_default()
}

fn audience(text: &str) -> Result<Audience, Problem> {
    match text {
        "" | "个人和企业" => Ok(Audience::Both),
        "个人" => Ok(Audience::Person),
        "企业" => Ok(Audience::Enterprise),
        word => Audience::parse(word).ok_or_else(|| bad("audience", "must be person, enterprise or both")),
    }
}

impl FileEntry {
    /// The entry as a file writes it.
    pub(crate) fn of(id: &str, unit: &str, content: Content) -> Self {
        let mut items = content.items.into_iter();
        Self {
            id: id.to_owned(),
            question: content.question,
            similar: content.similar,
            answer: content.answer,
            spoken: content.spoken,
            item: items.next().unwrap_or_default(),
            items: items.collect(),
            situations: content.situations,
            districts: content.districts,
            department: unit.to_owned(),
            audience: content.audience.as_str().to_owned(),
            source: content.source,
            clause: content.clause,
            valid_from: shown(content.valid_from),
            valid_to: shown(content.valid_to),
            supersedes: content.supersedes.unwrap_or_default(),
            base: content.base.unwrap_or_default(),
        }
    }

    /// Texts of the columns of a table.
    pub(crate) fn cells(self) -> [String; COLUMNS.len()] {
        let items = std::iter::once(self.item).filter(|item| !item.is_empty()).chain(self.items).collect::<Vec<_>>();
        [
            self.id,
            self.question,
            self.similar.join("|"),
            self.answer,
            self.spoken,
            items.join("|"),
            self.situations.join("|"),
            self.districts.join("|"),
            self.department,
            self.audience,
            self.source,
            self.clause,
            self.valid_from,
            self.valid_to,
            self.supersedes,
            self.base,
        ]
    }

    /// A row of a table.
    fn of_cells(cells: &HashMap<usize, &String>) -> Self {
        let text = |column: usize| cells.get(&column).map(|text| sheet::unguarded(text)).unwrap_or_default();
        let list = |column: usize| {
            let text = text(column);
            text.split(['|', '｜']).map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect::<Vec<_>>()
        };
        Self {
            id: text(0),
            question: text(1),
            similar: list(2),
            answer: text(3),
            spoken: text(4),
            item: String::new(),
            items: list(5),
            situations: list(6),
            districts: list(7),
            department: text(8),
            audience: text(9),
            source: text(10),
            clause: text(11),
            valid_from: text(12),
            valid_to: text(13),
            supersedes: text(14),
            base: text(15),
        }
    }

    /// What it says, and who owns it. People write names as well as codes.
    fn content(self, directory: &Directory, names: &Names) -> Result<(String, String, Content), Problem> {
        let items: Vec<String> = std::iter::once(self.item)
            .chain(self.items)
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .map(|item| names.items.get(&item).cloned().unwrap_or(item))
            .collect();
        let unit = match self.department.trim() {
            "" => items.first().and_then(|item| directory.item(item)).map(|item| item.department.clone()),
            named if directory.unit(named).is_some() => Some(named.to_owned()),
            named => names.units.get(named).cloned(),
        };
        let unit = unit.ok_or_else(|| bad("department", "is no unit"))?;
        let unit_name = directory.unit(&unit).map(|unit| unit.name.clone()).unwrap_or_default();
        let district = |code: String| names.units.get(&code).cloned().unwrap_or(code);
        let optional = |text: String| Some(text).filter(|text| !text.is_empty());
        let content = Content {
            question: self.question.trim().to_owned(),
            similar: self.similar.iter().map(|one| one.trim().to_owned()).collect(),
            answer: self.answer.trim().to_owned(),
            spoken: self.spoken.trim().to_owned(),
            items,
            situations: self.situations,
            districts: self.districts.into_iter().map(district).collect(),
            audience: audience(self.audience.trim())?,
            source: optional(self.source.trim().to_owned()).unwrap_or(unit_name),
            clause: self.clause.trim().to_owned(),
            valid_from: instant("validFrom", self.valid_from.trim())?,
            valid_to: instant("validTo", self.valid_to.trim())?,
            supersedes: optional(self.supersedes),
            base: optional(self.base),
            files: Vec::new(),
        };
        content.check().map_err(|error| (error.field, error.problem))?;
        content.check_owner(&unit, directory).map_err(|error| {
            let field = if error.field == "unit" { "department".to_owned() } else { error.field };
            (field, error.problem)
        })?;
        let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if self.id.len() > 64 || !self.id.bytes().all(is_code) {
            return Err(bad("id", "must be 1 to 64 small letters, digits, \"-\", \"_\" or \".\""));
        }
        Ok((self.id, unit, content))
    }
}

/// Codes by the names that people write; names that two have are none.
pub(super) struct Names {
    units: HashMap<String, String>,
    items: HashMap<String, String>,
}

impl Names {
    /// The code of the item that is called so.
    pub(super) fn item(&self, name: &str) -> Option<&str> {
        self.items.get(name).map(String::as_str)
    }

    pub(super) fn of(directory: &Directory) -> Self {
        fn unique<'a>(named: impl Iterator<Item = (&'a str, &'a str)>) -> HashMap<String, String> {
            let (mut codes, mut twice) = (HashMap::new(), HashSet::new());
            for (name, code) in named {
                if codes.insert(name.to_owned(), code.to_owned()).is_some() {
                    twice.insert(name.to_owned());
                }
            }
            codes.retain(|name, _| !twice.contains(name));
            codes
        }
        Self {
            units: unique(directory.units().map(|(code, unit)| (unit.name.as_str(), code))),
            items: unique(directory.items().map(|(code, item)| (item.name.as_str(), code))),
        }
    }
}

/// A row of a file, or what is wrong with it.
type Row = (u32, Result<(String, String, Content), Problem>);

/// Reads the rows of a file.
fn rows(format: EntryFormat, bytes: &[u8], directory: &Directory) -> Result<Vec<Row>, String> {
    let names = Names::of(directory);
    let Some(table) = format.table() else {
        let text = sheet::text_of(bytes).map_err(|error| error.to_string())?;
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let read = |line: &str| {
            serde_json::from_str::<FileEntry>(line)
                // The position only: the complaint may repeat what was sent.
                .map_err(|error| bad("", format!("is no entry (column {})", error.column())))
                .and_then(|one| one.content(directory, &names))
        };
        return Ok(lines.map(|(number, line)| (number, read(line))).collect());
    };
    let mut lines = sheet::lines(table, bytes).map_err(|error| error.to_string())?.into_iter();
    let (_, header) = lines.next().ok_or("has no row of column names")?;
    let places = columns(&header, &COLUMNS, &[1, 3])?;
    let row = |(number, cells): (u32, Vec<String>)| {
        let cells: HashMap<usize, &String> =
            places.iter().filter_map(|(column, place)| Some((*column, cells.get(*place)?))).collect();
        (number, FileEntry::of_cells(&cells).content(directory, &names))
    };
    Ok(lines.filter(|(_, cells)| is_full(cells)).map(row).collect())
}

impl App {
    /// Imports entries. What stands in the way is in the answer, by row. New and changed entries wait for a second person.
    ///
    /// # Errors
    /// `forbidden`; `bad_request` for a file that is none of entries; whatever the store says.
    pub(crate) async fn import_entries(
        self: &Arc<Self>,
        who: &Keeper<'_>,
        upload: EntryUpload,
    ) -> Result<ImportReport, WireError> {
        self.require_somewhere(who.staff, Action::EditKnowledge)?;
        let EntryUpload { format, bytes, dry_run, skip_bad } = upload;
        let directory = self.directory();
        let read = spawn_blocking(move || rows(format, &bytes, &directory)).await.map_err(|error| internal(&error))?;
        let rows = read.map_err(|problem| WireError::field("file", problem))?;
        let mut report = ImportReport::default();
        let (mut changes, mut seen) = (Vec::new(), HashMap::new());
        for (number, row) in rows {
            report.rows += 1;
            let planned = match row {
                Ok(row) => self.plan_entry(who, row, number, &mut seen).await?,
                Err(problem) => Err(problem),
            };
            match planned {
                Ok(Some(change)) => {
                    let is_new = matches!(&change, KnowledgeChange::Step { entry, .. } if entry.head.version == 1);
                    *(if is_new { &mut report.new } else { &mut report.changed }) += 1;
                    changes.push(change);
                }
                Ok(None) => report.unchanged += 1,
                Err(problem) => note(&mut report, number, problem),
            }
        }
        if dry_run || report.bad_rows > 0 && !skip_bad {
            return Ok(report);
        }
        let parts = changes.len().div_ceil(PART);
        let mut changes = changes.into_iter();
        for part in 1..=parts {
            let mut unit: Vec<Change> = changes.by_ref().take(PART).map(Change::Knowledge).collect();
            let detail = serde_json::json!({ "part": part, "parts": parts, "entries": unit.len() });
            unit.push(Change::Audit(Audit {
                at: self.clock.now(),
                actor: Author::Agent(who.staff.id),
                action: "knowledge.import",
                kind: "entry".to_owned(),
                subject: format!("{part}/{parts}"),
                unit: None,
                reason: None,
                address: Some(who.address.to_owned()),
                detail: json(&detail),
            }));
            let done = self.store.commit_in_turn(Unit { changes: unit, ..Unit::default() }).await;
            self.organisation.knowledge_changed();
            done.map_err(store_error)?;
        }
        report.imported = true;
        Ok(report)
    }

    /// What one row changes; `None`: nothing.
    async fn plan_entry(
        &self,
        who: &Keeper<'_>,
        (id, unit, mut content): (String, String, Content),
        number: u32,
        seen: &mut HashMap<String, u32>,
    ) -> Result<Result<Option<KnowledgeChange>, Problem>, WireError> {
        if !self.may_keep(who.staff, Action::EditKnowledge, &unit, &content.items) {
            return Ok(Err(bad("department", "you may not keep entries of this unit and these items")));
        }
        let known = match id.as_str() {
            "" => None,
            id => self.store.knowledge_entry(id).await.map_err(store_error)?,
        };
        let id = if id.is_empty() { new_entry_id() } else { id };
        if let Some(first) = seen.insert(id.clone(), number) {
            return Ok(Err(bad("id", format!("stands in row {first} already"))));
        }
        for (field, other) in [("supersedes", &content.supersedes), ("base", &content.base)] {
            let Some(other) = other else { continue };
            if *other == id || self.store.knowledge_entry(other).await.map_err(store_error)?.is_none() {
                return Ok(Err(bad(field, "is no other entry")));
            }
        }
        if let Err(problem) = self.fill_files(who.staff, &mut content).await? {
            return Ok(Err(bad("answer", problem)));
        }
        let now = self.clock.now();
        let Some(entry) = known else {
            let mut head = Head::new(id, unit);
            head.open = Some((1, OpenState::InReview));
            return Ok(Ok(Some(step(head, Origin::Import, None, content, who.staff.id, 1, now))));
        };
        if entry.head.unit != unit || !self.may_keep(who.staff, Action::EditKnowledge, &unit, &entry.items) {
            return Ok(Err(bad("department", format!("the entry belongs to {}", entry.head.unit))));
        }
        let before = self.shown(&entry.head).await?;
        if before == content {
            return Ok(Ok(None));
        }
        if entry.head.open.is_some() {
            return Ok(Err(bad("id", "has a draft or a revision that waits; finish that first")));
        }
        let (mut head, _) = match entry.head.step(Step::Save, who.staff.id, &[], now) {
            Ok(next) => next,
            Err(_) => return Ok(Err(bad("id", "cannot be changed now"))),
        };
        let no = head.last;
        head.open = Some((no, OpenState::InReview));
        let (origin, entry) = (entry.origin, Some(entry));
        Ok(Ok(Some(step(head, origin, entry.as_ref(), content, who.staff.id, no, now))))
    }

    /// Entries of one's units as a file writes them, page by page: what is open of each, else what holds.
    pub(crate) async fn exported_entries(
        &self,
        query: &mut KnowledgeQuery,
        limit: u32,
    ) -> Result<Vec<FileEntry>, WireError> {
        let entries = self.store.knowledge(query, limit).await.map_err(store_error)?;
        if let Some(last) = entries.last() {
            query.before = Some((last.changed_at, last.head.id.clone()));
        }
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let content = self.shown(&entry.head).await?;
            rows.push(FileEntry::of(&entry.head.id, &entry.head.unit, content));
        }
        Ok(rows)
    }
}

/// An entry with a revision that waits for a second person.
fn step(
    head: Head,
    origin: Origin,
    before: Option<&KnowledgeEntry>,
    content: Content,
    author: AgentId,
    no: u32,
    now: Timestamp,
) -> KnowledgeChange {
    let revision = KnowledgeRevision {
        entry: head.id.clone(),
        no,
        state: RevisionState::InReview,
        content: content.clone(),
        authors: vec![author],
        reviewer: None,
        reason: None,
        task: None,
        made_at: now,
        saved_at: now,
        submitted_at: Some(now),
        decided_at: None,
    };
    let entry = KnowledgeEntry {
        head,
        origin,
        question: content.question.clone(),
        items: content.items.clone(),
        sources: before.map_or(0, |entry| entry.sources),
        created_at: before.map_or(now, |entry| entry.created_at),
        changed_at: now,
    };
    KnowledgeChange::Step { entry: Box::new(entry), revision: Some(Box::new(revision)), shown: Box::new(content) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::demo_directory;

    fn read(format: EntryFormat, text: &str) -> Vec<Row> {
        rows(format, text.as_bytes(), &demo_directory().unwrap()).unwrap()
    }

    #[test]
    fn the_line_of_the_issue_is_taken_and_what_is_wrong_is_named_by_row_and_field() {
        let lines = concat!(
            r#"{"id":"kb-a","question":"怎么办？","similar":["咋办"],"answer":"在线办。","item":"residence-permit","department":"上海市公安局","audience":"person"}"#,
            "\n\n",
            r#"{"question":"","answer":"在线办。"}"#,
            "\n",
            r#"{"question":"怎么办？","answer":"在线办。","item":"residence-permit","audience":"all"}"#,
            "\n",
            r#"{"question":"怎么办？","answer":"在线办。","item":"residence-permit","validTo":"明天"}"#,
            "\n{oh\n",
        );
        let rows = read(EntryFormat::Jsonl, lines);
        let (number, Ok((id, unit, content))) = &rows[0] else { panic!("{:?}", rows[0]) };
        assert_eq!((*number, id.as_str(), unit.as_str()), (1, "kb-a", "police"));
        assert_eq!((&content.items[..], content.audience), (&["residence-permit".to_owned()][..], Audience::Person));
        assert_eq!(content.source, "上海市公安局", "the owner, where nothing else is said");
        let problems: Vec<(u32, &str)> = rows[1..]
            .iter()
            .map(|(number, row)| (*number, row.as_ref().err().map_or("", |(field, _)| field.as_str())))
            .collect();
        assert_eq!(problems, [(3, "department"), (4, "audience"), (5, "validTo"), (6, "")]);
    }

    #[test]
    fn a_table_says_the_same_with_names_in_chinese() {
        let table = "标准问题,答复口径,相似问法,事项,责任单位,适用对象,适用区,生效时间\n\
                     怎么办？,在线办。,咋办|怎样办,居住证办理,,个人,徐汇区,2026-12-01 09:00\n,,,,,,,\n";
        let rows = read(EntryFormat::Csv, table);
        let [(2, Ok((_, unit, content)))] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((unit.as_str(), &content.districts[..]), ("police", &["xuhui".to_owned()][..]));
        assert_eq!(content.similar, ["咋办", "怎样办"]);
        assert_eq!(content.valid_from, Some(Timestamp(1_796_086_800_000)));
        let unknown = rows_of("标准问题,答复口径,颜色\n");
        assert_eq!(unknown, Err("has an unknown column \"颜色\"".to_owned()));
        assert_eq!(rows_of("标准问题\n"), Err("has no column answer (答复口径)".to_owned()));
    }

    fn rows_of(table: &str) -> Result<usize, String> {
        rows(EntryFormat::Csv, table.as_bytes(), &demo_directory().unwrap()).map(|rows| rows.len())
    }

    #[test]
    fn what_was_exported_says_the_same_again() {
        let directory = demo_directory().unwrap();
        let line = r#"{"id":"kb-a","question":"怎么办？","similar":["=咋办","怎样办"],"answer":"- 一\n- 二","items":["residence-permit","id-card"],"districts":["xuhui"],"audience":"both","source":"令","clause":"第一条","validFrom":"2026-12-01 00:00"}"#;
        let rows = read(EntryFormat::Jsonl, line);
        let (_, Ok((id, unit, content))) = &rows[0] else { panic!("{:?}", rows[0]) };
        let again = FileEntry::of(id, unit, content.clone());
        assert_eq!(again.clone().content(&directory, &Names::of(&directory)).unwrap().2, *content);
        let cells = again.cells();
        let by_column: HashMap<usize, &String> = cells.iter().enumerate().collect();
        let (_, _, from_table) = FileEntry::of_cells(&by_column).content(&directory, &Names::of(&directory)).unwrap();
        assert_eq!(from_table, *content);
    }
}
