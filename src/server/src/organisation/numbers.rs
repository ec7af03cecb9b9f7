//! Telephones of departments (转接号码) as a table, as items are in [`super::sheet`].

use bangban_domain::org::{TransferNumber, USUAL_RANK};

use super::sheet::{
    Column, Format, Row, RowProblem, SheetError, escaped, flag, guarded, list, plain, problem, rows, table,
};

const COLUMNS: [Column; 10] = [
    ("code", "号码编码", true),
    ("label", "名称", true),
    ("number", "号码", true),
    ("unit", "所属单位", true),
    ("districts", "受理区", false),
    ("items", "事项", false),
    ("rank", "次序", false),
    ("directLine", "三方直转", false),
    ("isOff", "停用", false),
    ("note", "备注", false),
];

/// A row of such a table.
pub type NumberRow = Row<{ COLUMNS.len() }>;

/// The rows of a file, without empty ones.
///
/// # Errors
/// [`SheetError`] if it is no table of telephones.
pub fn read(format: Format, bytes: &[u8]) -> Result<Vec<NumberRow>, SheetError> {
    rows(format, bytes, &COLUMNS)
}

/// A file of these telephones.
///
/// # Errors
/// If a workbook cannot be made.
pub fn write<'a>(
    format: Format,
    numbers: impl Iterator<Item = (&'a str, &'a TransferNumber)>,
) -> Result<Vec<u8>, SheetError> {
    table(format, &COLUMNS, numbers.map(|(code, number)| cells(code, number)))
}

fn cells(code: &str, number: &TransferNumber) -> [String; COLUMNS.len()] {
    let list = |texts: &[String]| texts.iter().map(|text| escaped(text)).collect::<Vec<_>>().join("|");
    let flag = |value: bool| if value { "是" } else { "否" }.to_owned();
    [
        code.to_owned(),
        number.label.clone(),
        number.number.clone(),
        number.unit.clone(),
        list(&number.districts),
        list(&number.items),
        number.rank.to_string(),
        flag(number.direct_line),
        flag(number.is_off),
        number.note.clone(),
    ]
    .map(guarded)
}

impl NumberRow {
    /// What its row says of its code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.cells[0]
    }

    /// The row as a telephone and its code. `code_of` finds the code of a unit or item by what somebody called it.
    ///
    /// # Errors
    /// The first cell that cannot be read.
    pub fn transfer_number(
        &self,
        code_of: impl Fn(&str, &str) -> Option<String>,
    ) -> Result<(String, TransferNumber), RowProblem> {
        let [code, label, number, unit, districts, items, rank, direct_line, is_off, note] = &self.cells;
        let refer = |field: &str, text: &str| {
            code_of(field, text).ok_or_else(|| problem(field, format!("there is no {text:?}")))
        };
        for (field, text) in [("code", code), ("unit", unit)] {
            if text.is_empty() {
                return Err(problem(field, "is missing"));
            }
        }
        let many = |field: &str, text: &str| {
            list(text).iter().map(|part| refer(field, &plain(part))).collect::<Result<Vec<_>, _>>()
        };
        let rank = match rank.as_str() {
            "" => USUAL_RANK,
            text => text.parse().map_err(|_| problem("rank", "must be 1 to 999"))?,
        };
        let number = TransferNumber {
            label: label.clone(),
            number: number.clone(),
            unit: refer("unit", unit)?,
            districts: many("districts", districts)?,
            items: many("items", items)?,
            rank,
            direct_line: flag("directLine", direct_line)?,
            is_off: flag("isOff", is_off)?,
            note: note.clone(),
        };
        Ok((code.clone(), number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::{demo_directory, import::plan_numbers};

    fn header() -> String {
        COLUMNS.map(|(json, ..)| json).join(",") + "\n"
    }

    #[test]
    fn what_was_exported_is_unchanged() {
        let directory = demo_directory().unwrap();
        let count = u32::try_from(directory.transfer_numbers().count()).unwrap();
        assert!(count > 0);
        for format in [Format::Csv, Format::Xlsx] {
            let file = write(format, directory.transfer_numbers()).unwrap();
            let plan = plan_numbers(&directory, &read(format, &file).unwrap(), |_| true);
            assert_eq!((plan.report.rows, plan.report.unchanged, plan.report.bad), (count, count, Vec::new()));
        }
    }

    #[test]
    fn people_may_write_names_and_what_cannot_be_imported_is_named() {
        let directory = demo_directory().unwrap();
        let lines = "a,窗口甲,021-00009001,上海市公安局,徐汇区,居住证办理|residence-permit-none,,是,,\n\
                     b,窗口乙,021-00009002,上海市公安局,徐汇区|pudong,居住证办理,5,是,,\n\
                     c,窗口丙,12,police,,,,,,\n\
                     d,窗口丁,021-00009003,police,,,1000,,,\n\
                     e,窗口戊,021-00009004,nowhere,,,,,,\n\
                     f,窗口己,021 0000 9002,police,,,,,,\n\
                     g,窗口庚,021-00009005,tax,,,,,,\n\
                     b,窗口辛,021-00009006,police,,,,,,\n\
                     h,窗口壬,021-00009007,police,,,,也许,,\n";
        let rows = read(Format::Csv, (header() + lines).as_bytes()).unwrap();
        let plan = plan_numbers(&directory, &rows, |unit| unit != "tax");
        let bad: Vec<_> = plan.report.bad.iter().map(|bad| (bad.row, bad.field.as_str())).collect();
        let expected = [
            (2, "items"),
            (4, "number"),
            (5, "rank"),
            (6, "unit"),
            (8, "unit"),
            (9, "code"),
            (10, "directLine"),
            (7, "number"),
        ];
        assert_eq!(bad, expected);
        assert_eq!((plan.report.new, plan.report.rows), (1, 9));
        assert!(!plan.may_go_on(false) && plan.may_go_on(true));
    }
}
