//! Import of items and of departments' telephones: what a file would change, and the change itself, in parts.
//!
//! Nothing is written before every row has been looked at. Then each part of [`PART`] rows is one unit, so that the messages
//! of conversations that come meanwhile wait for one part at most. A part is whole or not there at all; after a crash the
//! same file is imported again, and what was there before is found unchanged.

use std::collections::{HashMap, HashSet};

use bangban_domain::{
    Timestamp,
    org::{Body, Directory, Invalid, Kind, check_id},
};
use bangban_protocol::{BadRow, ImportReport};
use bangban_store::{Audit, Author, Change, Json, RecordChange, Store, StoreError, Unit};
use serde_json::value::to_raw_value;

use super::{
    json,
    numbers::NumberRow,
    sheet::{Row, RowProblem, problem},
};

/// Rows of one unit.
const PART: usize = 200;

/// Bad rows that are told.
const MOST_BAD: usize = 1_000;

/// What a file would change.
pub struct Plan {
    /// What is told of it.
    pub report: ImportReport,
    kind: Kind,
    /// Code, the version that the change is made from, and what it says.
    changes: Vec<(String, u64, Body)>,
}

/// Looks at every row of items. `may` says whether the item may be put into this unit, and taken out of it.
pub fn plan(directory: &Directory, rows: &[Row], may: impl Fn(&str, &str) -> bool) -> Plan {
    let names = Names::of(directory);
    let read = |row: &Row| {
        let (code, item) = row.item(|field, text| names.code_of(directory, field, text))?;
        Ok((code, Body::Item(item)))
    };
    let judge = |code: &str, body: &Body| {
        let new = if let Body::Item(item) = body { Some(&item.department) } else { None };
        let old = directory.item(code).map(|item| &item.department);
        let is_allowed = old.into_iter().chain(new).all(|unit| may(unit, code));
        is_allowed.then_some(()).ok_or_else(|| problem("department", "you may not administer items of this unit"))
    };
    looked_at(directory, Kind::Item, rows, read, judge)
}

/// Looks at every row of telephones. `may` says whether those of a unit may be changed.
pub fn plan_numbers(directory: &Directory, rows: &[NumberRow], may: impl Fn(&str) -> bool) -> Plan {
    let names = Names::of(directory);
    let read = |row: &NumberRow| {
        let (code, number) = row.transfer_number(|field, text| names.code_of(directory, field, text))?;
        Ok((code, Body::TransferNumber(number)))
    };
    let judge = |code: &str, body: &Body| {
        let new = if let Body::TransferNumber(number) = body { Some(&number.unit) } else { None };
        let old = directory.transfer_number(code).map(|number| &number.unit);
        let is_allowed = old.into_iter().chain(new).all(|unit| may(unit));
        is_allowed.then_some(()).ok_or_else(|| problem("unit", "you may not administer telephones of this unit"))
    };
    let mut plan = looked_at(directory, Kind::TransferNumber, rows, read, judge);
    // Two rows with the same telephone of a unit: each fits what is there, and not the other.
    let mut seen = HashSet::new();
    let mut changes = std::mem::take(&mut plan.changes);
    changes.retain(|(code, from, body)| {
        let Body::TransferNumber(number) = body else { return true };
        let digits: String = number.number.chars().filter(char::is_ascii_digit).collect();
        let is_first = seen.insert((number.unit.clone(), digits));
        if !is_first {
            let row = rows.iter().find(|row| row.code() == code).map_or(0, |row| row.number);
            plan.report.bad_rows += 1;
            if *from == 0 {
                plan.report.new -= 1;
            } else {
                plan.report.changed -= 1;
            }
            if plan.report.bad.len() < MOST_BAD {
                let problem = "stands in an earlier row of the same unit".to_owned();
                plan.report.bad.push(BadRow { row, field: "number".to_owned(), problem });
            }
        }
        is_first
    });
    Plan { changes, ..plan }
}

fn looked_at<const N: usize>(
    directory: &Directory,
    kind: Kind,
    rows: &[Row<N>],
    read: impl Fn(&Row<N>) -> Result<(String, Body), RowProblem>,
    judge: impl Fn(&str, &Body) -> Result<(), RowProblem>,
) -> Plan {
    let mut plan = Plan { report: ImportReport::default(), kind, changes: Vec::new() };
    let mut seen: HashMap<String, u32> = HashMap::with_capacity(rows.len());
    for row in rows {
        plan.report.rows += 1;
        let looked =
            read(row).and_then(|(code, body)| look(directory, &code, &body, &seen, &judge).map(|()| (code, body)));
        match looked {
            Ok((code, body)) => {
                seen.insert(code.clone(), row.number);
                match directory.record(kind, &code) {
                    None => {
                        plan.report.new += 1;
                        plan.changes.push((code, 0, body));
                    }
                    Some(record) if record.body == body => plan.report.unchanged += 1,
                    Some(record) => {
                        plan.report.changed += 1;
                        plan.changes.push((code, record.version, body));
                    }
                }
            }
            Err(RowProblem { field, problem }) => {
                plan.report.bad_rows += 1;
                if plan.report.bad.len() < MOST_BAD {
                    plan.report.bad.push(BadRow { row: row.number, field, problem });
                }
            }
        }
    }
    plan
}

fn look(
    directory: &Directory,
    code: &str,
    body: &Body,
    seen: &HashMap<String, u32>,
    judge: impl Fn(&str, &Body) -> Result<(), RowProblem>,
) -> Result<(), RowProblem> {
    check_id(body.kind(), code).map_err(|error| problem("code", error.problem))?;
    if let Some(first) = seen.get(code) {
        return Err(problem("code", format!("stands in row {first} already")));
    }
    let misfit = |error: Invalid| RowProblem { field: error.field, problem: error.problem };
    body.check().and_then(|()| directory.check(code, body)).map_err(misfit)?;
    judge(code, body)
}

/// Codes of units and teams by what people call them.
struct Names {
    units: HashMap<String, String>,
    teams: HashMap<String, String>,
    items: HashMap<String, String>,
}

impl Names {
    fn of(directory: &Directory) -> Self {
        Self {
            units: unique(directory.units().map(|(code, unit)| (unit.name.as_str(), code))),
            teams: unique(directory.teams().map(|(code, team)| (team.name.as_str(), code))),
            items: unique(directory.items().map(|(code, item)| (item.name.as_str(), code))),
        }
    }

    fn code_of(&self, directory: &Directory, field: &str, text: &str) -> Option<String> {
        let (is_code, names) = match field {
            "team" => (directory.team(text).is_some(), &self.teams),
            "items" => (directory.item(text).is_some(), &self.items),
            _ => (directory.unit(text).is_some(), &self.units),
        };
        if is_code { Some(text.to_owned()) } else { names.get(text).cloned() }
    }
}

/// Without names that two have.
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

impl Plan {
    /// Is there anything to be written, and nothing in the way?
    #[must_use]
    pub fn may_go_on(&self, skip_bad: bool) -> bool {
        self.report.bad_rows == 0 || skip_bad
    }

    /// Writes it, part by part.
    ///
    /// # Errors
    /// Whatever the store says; the parts before stay.
    pub async fn carry_out(
        self,
        store: &Store,
        actor: Author,
        address: Option<String>,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<ImportReport, StoreError> {
        let Self { mut report, kind, changes } = self;
        let action = if kind == Kind::Item { "items.import" } else { "transfer_numbers.import" };
        let corrupt = |error: serde_json::Error| StoreError::Corrupt { table: "record", what: error.to_string() };
        let parts = changes.len().div_ceil(PART);
        let mut changes = changes.into_iter();
        for part in 1..=parts {
            let rows: Vec<(String, u64, Body)> = changes.by_ref().take(PART).collect();
            let codes = |is_new: bool| {
                let wanted = rows.iter().filter(move |(_, from, _)| (*from == 0) == is_new);
                wanted.map(|(code, ..)| code.as_str()).collect::<Vec<_>>()
            };
            // Every state stands in `record_version`: here the codes are enough.
            let detail = serde_json::json!({
                "part": part, "parts": parts, "new": codes(true), "changed": codes(false),
            });
            let audit = Audit {
                at: now,
                actor,
                action,
                kind: kind.as_str().to_owned(),
                subject: format!("{part}/{parts}"),
                unit: None,
                reason: reason.clone(),
                address: address.clone(),
                detail: Json(to_raw_value(&detail).map_err(corrupt)?),
            };
            let records = rows.into_iter().map(|(id, from, body)| {
                let unit = match &body {
                    Body::Item(item) => Some(item.department.clone()),
                    Body::TransferNumber(number) => Some(number.unit.clone()),
                    _ => None,
                };
                let body = Some(json(&body).map_err(corrupt)?);
                Ok(RecordChange { kind, id, from, unit, body, at: now, actor })
            });
            let records = records.collect::<Result<Vec<_>, StoreError>>()?;
            let changes = vec![Change::Records(records), Change::Audit(audit)];
            store.commit_in_turn(Unit { changes, ..Unit::default() }).await?;
        }
        report.imported = true;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::{
        demo_directory,
        sheet::{Format, read, write},
    };

    fn rows(directory: &Directory, change: impl Fn(String) -> String) -> Vec<Row> {
        let file = write(Format::Csv, directory.items()).unwrap();
        read(Format::Csv, change(String::from_utf8(file).unwrap()).as_bytes()).unwrap()
    }

    #[test]
    fn what_was_exported_is_unchanged() {
        let directory = demo_directory().unwrap();
        for format in [Format::Csv, Format::Xlsx] {
            let file = write(format, directory.items()).unwrap();
            let plan = plan(&directory, &read(format, &file).unwrap(), |_, _| true);
            assert_eq!((plan.report.rows, plan.report.unchanged, plan.report.bad), (520, 520, Vec::new()));
            assert!(plan.changes.is_empty());
        }
    }

    #[test]
    fn new_and_changed_rows_are_told_apart_and_people_may_write_names() {
        let directory = demo_directory().unwrap();
        let rows = rows(&directory, |table| {
            let table = table.replacen("居住证办理", "居住证申领", 1);
            table + "new-item,新事项,,,,上海市公安局,徐汇区|pudong,个人,居住与户籍,,,,,\n"
        });
        let plan = plan(&directory, &rows, |_, _| true);
        assert_eq!((plan.report.new, plan.report.changed, plan.report.unchanged), (1, 1, 519));
        let (code, from, Body::Item(item)) = plan.changes.last().unwrap() else { panic!("not an item") };
        assert_eq!((code.as_str(), *from, item.department.as_str()), ("new-item", 0, "police"));
        assert_eq!(
            (item.team.as_str(), &item.districts[..]),
            ("residence", &["xuhui".to_owned(), "pudong".to_owned()][..])
        );
        assert_eq!(plan.changes[0].1, 1, "made from the version that is there");
    }

    #[test]
    fn bad_rows_stand_in_the_way_and_are_named() {
        let directory = demo_directory().unwrap();
        let good = "residence-permit,居住证办理,,,,police,,个人,residence,是,,,,\n";
        let table = |lines: &str| {
            let header = "code,name,nameEn,aliases,situations,department,districts,audience,team,highFrequency,\
                          hotPolicy,directLine,virtualWindow,numbers\n";
            read(Format::Csv, format!("{header}{lines}").as_bytes()).unwrap()
        };
        let lines = format!(
            "{good}{good}X Y,名,,,,police,,个人,residence,,,,,\nb,名,,,,police,police,个人,residence,,,,,\n\
             c,名,,,,nowhere,,个人,residence,,,,,\nd,名,,,,police,,个人,residence,,,是,,\ne,名,,,,tax,,个人,residence,,,,,\n"
        );
        let plan = plan(&directory, &table(&lines), |unit, _| unit != "tax");
        let bad: Vec<_> = plan.report.bad.iter().map(|bad| (bad.row, bad.field.as_str())).collect();
        assert_eq!(
            bad,
            [(3, "code"), (4, "code"), (5, "districts[0]"), (6, "department"), (7, "numbers"), (8, "department"),]
        );
        assert_eq!(plan.report.bad[0].problem, "stands in row 2 already");
        assert!(!plan.may_go_on(false) && plan.may_go_on(true));
        assert_eq!((plan.report.changed, plan.changes.len()), (1, 1));
    }
}
