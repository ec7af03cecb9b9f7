//! Items as a table: CSV and XLSX, as people edit them. One row an item; the first row names the columns, in Chinese or by
//! their names in JSON, in any order.
//!
//! A list is separated by `|`, the parts of a pair by `:`; `\` before one of them takes its meaning. What a spreadsheet would
//! take for a formula (it begins with `=`, `+`, `-`, `@`) is written with `'` before it, and read without.

use std::io::Cursor;

use bangban_domain::org::{Audience, Item, Number, Situation};
use calamine::{Data, Reader as _, Xlsx};
use encoding_rs::{Encoding, GB18030, UTF_8};
use rust_xlsxwriter::{Format as CellFormat, Workbook, XlsxError};

/// A file's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated, or by tabs; UTF-8, UTF-16 with its mark, or GB18030.
    Csv,
    /// The first sheet of a workbook.
    Xlsx,
}

impl Format {
    /// Of a file with this name.
    #[must_use]
    pub fn of(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// Ending of its name.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// A file that is no table, or not of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Not text that we know.
    #[error("is neither UTF-8, UTF-16 nor GB18030")]
    Encoding,
    /// Not a table.
    #[error("cannot be read as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// Not a workbook.
    #[error("cannot be read as XLSX: {0}")]
    Xlsx(#[from] calamine::XlsxError),
    /// More than a table of items needs.
    #[error("unpacks to more than {0} MiB")]
    TooLarge(u64),
    /// Nothing in it.
    #[error("has no row of column names")]
    Empty,
    /// A column that nobody knows.
    #[error("has an unknown column {0:?}")]
    Unknown(String),
    /// One that stands there twice.
    #[error("has the column {0} twice")]
    Twice(&'static str),
    /// One that has to be there.
    #[error("has no column {0} ({1})")]
    Missing(&'static str, &'static str),
    /// The table could not be made.
    #[error("cannot be written: {0}")]
    Write(#[from] XlsxError),
}

/// A column: its name in JSON, in Chinese, and whether it has to be there.
pub(super) type Column = (&'static str, &'static str, bool);

/// Columns of a table of items.
const COLUMNS: [Column; 15] = [
    ("code", "事项编码", true),
    ("name", "事项名称", true),
    ("nameEn", "英文名称", false),
    ("aliases", "别名", false),
    ("situations", "情形", false),
    ("department", "主管部门", true),
    ("districts", "办理区", false),
    ("audience", "服务对象", true),
    ("team", "技能组", true),
    ("highFrequency", "高频事项", false),
    ("hotPolicy", "热点政策", false),
    ("directLine", "直转专线", false),
    ("delegated", "委托事项", false),
    ("virtualWindow", "虚拟窗口", false),
    ("numbers", "转接号码", false),
];

/// Most of a workbook, unpacked.
const MOST_MIB: u64 = 512;

/// A row of a table (of items, if nothing else is said), by the number that a spreadsheet shows, or the line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<const N: usize = { COLUMNS.len() }> {
    /// 2, 3, ...
    pub number: u32,
    /// By column, in the order of the table's columns; one that the file has not is empty.
    pub(super) cells: [String; N],
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The column's name in JSON.
    pub field: String,
    /// In English.
    pub problem: String,
}

pub(super) fn problem(field: &str, text: impl Into<String>) -> RowProblem {
    RowProblem { field: field.to_owned(), problem: text.into() }
}

// --- reading --------------------------------------------------------------------------------------------------

/// The rows of a file, without empty ones.
///
/// # Errors
/// [`SheetError`] if it is no table of items.
pub fn read(format: Format, bytes: &[u8]) -> Result<Vec<Row>, SheetError> {
    rows(format, bytes, &COLUMNS)
}

/// As [`read`], of a table with other columns.
pub(super) fn rows<const N: usize>(
    format: Format,
    bytes: &[u8],
    columns: &[Column; N],
) -> Result<Vec<Row<N>>, SheetError> {
    let mut lines = lines(format, bytes)?.into_iter();
    let (_, header) = lines.next().ok_or(SheetError::Empty)?;
    let places = places(header.iter().map(String::as_str), columns)?;
    Ok(lines.filter_map(|(number, cells)| row(number, &places, |place| cells.get(place).cloned())).collect())
}

/// A line of a table: its number and its cells.
pub(crate) type Line = (u32, Vec<String>);

/// The lines of a table, the names of its columns first.
pub(crate) fn lines(format: Format, bytes: &[u8]) -> Result<Vec<Line>, SheetError> {
    match format {
        Format::Csv => read_csv(bytes),
        Format::Xlsx => read_xlsx(bytes),
    }
}

pub(crate) fn text_of(bytes: &[u8]) -> Result<String, SheetError> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return decoded(encoding, &bytes[length..]);
    }
    decoded(UTF_8, bytes).or_else(|_| decoded(GB18030, bytes))
}

fn decoded(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, SheetError> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(std::borrow::Cow::into_owned).ok_or(SheetError::Encoding)
}

fn read_csv(bytes: &[u8]) -> Result<Vec<Line>, SheetError> {
    let text = text_of(bytes)?;
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains('\t') && !first.contains(',') { b'\t' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record?;
        let number = record.position().map_or(0, |begin| line(&text, begin));
        lines.push((number, record.iter().map(str::to_owned).collect()));
    }
    Ok(lines)
}

/// The line of a record; its position is before the empty lines above it.
fn line(text: &str, begin: &csv::Position) -> u32 {
    let rest = usize::try_from(begin.byte()).ok().and_then(|byte| text.get(byte..)).unwrap_or_default();
    let above = rest.bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| *byte == b'\n');
    u32::try_from(begin.line()).unwrap_or(u32::MAX).saturating_add(u32::try_from(above.count()).unwrap_or(u32::MAX))
}

fn read_xlsx(bytes: &[u8]) -> Result<Vec<Line>, SheetError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(calamine::XlsxError::Zip)?;
    let mut size = 0;
    for n in 0..archive.len() {
        size += archive.by_index_raw(n).map_err(calamine::XlsxError::Zip)?.size();
    }
    if size > MOST_MIB * 1024 * 1024 {
        return Err(SheetError::TooLarge(MOST_MIB));
    }
    let mut workbook = Xlsx::new(Cursor::new(bytes))?;
    let range = workbook.worksheet_range_at(0).ok_or(SheetError::Empty)??;
    let first = range.start().map_or(0, |(row, _)| row);
    Ok((first + 1..).zip(range.rows()).map(|(number, line)| (number, line.iter().map(cell).collect())).collect())
}

/// What a person sees in it.
fn cell(data: &Data) -> String {
    match data {
        Data::Bool(value) => if *value { "true" } else { "false" }.to_owned(),
        // A code of digits only became a number.
        #[expect(clippy::cast_possible_truncation, reason = "whole and far below the limits of i64")]
        Data::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => (*value as i64).to_string(),
        other => other.to_string(),
    }
}

/// Where each column stands.
fn places<'a, const N: usize>(
    header: impl Iterator<Item = &'a str>,
    columns: &[Column; N],
) -> Result<[Option<usize>; N], SheetError> {
    let mut places = [None; N];
    for (place, name) in header.enumerate() {
        let name = name.trim();
        if name.is_empty() {
            continue;
        }
        let known = columns.iter().position(|(json, chinese, _)| name.eq_ignore_ascii_case(json) || name == *chinese);
        let column = known.ok_or_else(|| SheetError::Unknown(name.chars().take(40).collect()))?;
        if places[column].replace(place).is_some() {
            return Err(SheetError::Twice(columns[column].0));
        }
    }
    if places.iter().all(Option::is_none) {
        return Err(SheetError::Empty);
    }
    match columns.iter().zip(&places).find(|((.., is_needed), place)| *is_needed && place.is_none()) {
        Some(((json, chinese, _), _)) => Err(SheetError::Missing(json, chinese)),
        None => Ok(places),
    }
}

fn row<const N: usize>(
    number: u32,
    places: &[Option<usize>; N],
    cell: impl Fn(usize) -> Option<String>,
) -> Option<Row<N>> {
    let read = |place: Option<usize>| place.and_then(&cell).map_or_else(String::new, |text| unguarded(&text));
    let cells = places.map(read);
    cells.iter().any(|text| !text.is_empty()).then_some(Row { number, cells })
}

impl Row {
    /// The row as an item and its code. `code_of` finds the code of a unit or team by what somebody called it.
    ///
    /// # Errors
    /// The first cell that cannot be read.
    pub fn item(&self, code_of: impl Fn(&str, &str) -> Option<String>) -> Result<(String, Item), RowProblem> {
        let [
            code,
            name,
            name_en,
            aliases,
            situations,
            department,
            districts,
            audience,
            team,
            high_frequency,
            hot_policy,
            direct_line,
            delegated,
            virtual_window,
            numbers,
        ] = &self.cells;
        let refer = |field: &str, text: &str| {
            if text.is_empty() {
                return Err(problem(field, "is missing"));
            }
            code_of(field, text).ok_or_else(|| problem(field, format!("there is no {text:?}")))
        };
        if code.is_empty() {
            return Err(problem("code", "is missing"));
        }
        let pairs =
            |field, text: &str| list(text).iter().map(|part| pair(field, part)).collect::<Result<Vec<_>, RowProblem>>();
        let item = Item {
            name: name.clone(),
            name_en: name_en.clone(),
            aliases: list(aliases).iter().map(|part| plain(part)).collect(),
            situations: pairs("situations", situations)?
                .into_iter()
                .map(|(code, name)| Situation { code, name })
                .collect(),
            department: refer("department", department)?,
            districts: list(districts).iter().map(|part| refer("districts", &plain(part))).collect::<Result<_, _>>()?,
            audience: read_audience(audience)?,
            team: refer("team", team)?,
            high_frequency: flag("highFrequency", high_frequency)?,
            hot_policy: flag("hotPolicy", hot_policy)?,
            direct_line: flag("directLine", direct_line)?,
            delegated: flag("delegated", delegated)?,
            virtual_window: flag("virtualWindow", virtual_window)?,
            numbers: pairs("numbers", numbers)?.into_iter().map(|(label, number)| Number { label, number }).collect(),
        };
        Ok((code.clone(), item))
    }
}

fn read_audience(text: &str) -> Result<Audience, RowProblem> {
    match text {
        "个人" => Ok(Audience::Person),
        "企业" => Ok(Audience::Enterprise),
        "个人和企业" => Ok(Audience::Both),
        word => Audience::parse(word).ok_or_else(|| problem("audience", "must be 个人, 企业 or 个人和企业")),
    }
}

pub(super) fn flag(field: &str, text: &str) -> Result<bool, RowProblem> {
    match text.to_ascii_lowercase().as_str() {
        "是" | "true" | "yes" | "1" => Ok(true),
        "否" | "false" | "no" | "0" | "" => Ok(false),
        _ => Err(problem(field, "must be 是 or 否")),
    }
}

/// Parts between separators that are not escaped; the escapes stay.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut begin, mut is_escaped) = (Vec::new(), 0, false);
    for (place, letter) in text.char_indices() {
        if letter == separator && !is_escaped {
            parts.push(&text[begin..place]);
            begin = place + letter.len_utf8();
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    parts.push(&text[begin..]);
    parts
}

pub(super) fn list(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { split(text, '|').into_iter().map(str::trim).collect() }
}

fn pair(field: &str, text: &str) -> Result<(String, String), RowProblem> {
    match split(text, ':')[..] {
        [one, other] => Ok((plain(one.trim()), plain(other.trim()))),
        _ => Err(problem(field, "must be pairs with \":\" between, separated by \"|\"")),
    }
}

/// Without escapes.
pub(super) fn plain(text: &str) -> String {
    let (mut plain, mut is_escaped) = (String::with_capacity(text.len()), false);
    for letter in text.chars() {
        if letter == '\\' && !is_escaped {
            is_escaped = true;
        } else {
            plain.push(letter);
            is_escaped = false;
        }
    }
    plain
}

// --- writing --------------------------------------------------------------------------------------------------

pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '|' | ':') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// Would a spreadsheet take it for a formula?
fn is_dangerous(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

pub(crate) fn guarded(text: String) -> String {
    if is_dangerous(&text) { format!("'{text}") } else { text }
}

pub(crate) fn unguarded(text: &str) -> String {
    let text = text.trim();
    text.strip_prefix('\'').filter(|rest| is_dangerous(rest)).unwrap_or(text).to_owned()
}

fn cells(code: &str, item: &Item) -> [String; COLUMNS.len()] {
    let joined = |parts: Vec<String>| parts.join("|");
    let list = |texts: &[String]| joined(texts.iter().map(|text| escaped(text)).collect());
    let pair = |one: &str, other: &str| format!("{}:{}", escaped(one), escaped(other));
    let flag = |value: bool| if value { "是" } else { "否" }.to_owned();
    let audience = match item.audience {
        Audience::Person => "个人",
        Audience::Enterprise => "企业",
        Audience::Both => "个人和企业",
    };
    [
        code.to_owned(),
        item.name.clone(),
        item.name_en.clone(),
        list(&item.aliases),
        joined(item.situations.iter().map(|one| pair(&one.code, &one.name)).collect()),
        item.department.clone(),
        list(&item.districts),
        audience.to_owned(),
        item.team.clone(),
        flag(item.high_frequency),
        flag(item.hot_policy),
        flag(item.direct_line),
        flag(item.delegated),
        flag(item.virtual_window),
        joined(item.numbers.iter().map(|one| pair(&one.label, &one.number)).collect()),
    ]
    .map(guarded)
}

/// A file of these items.
///
/// # Errors
/// If a workbook cannot be made.
pub fn write<'a>(format: Format, items: impl Iterator<Item = (&'a str, &'a Item)>) -> Result<Vec<u8>, SheetError> {
    table(format, &COLUMNS, items.map(|(code, item)| cells(code, item)))
}

/// A file of rows, whose cells are guarded.
pub(super) fn table<const N: usize>(
    format: Format,
    columns: &[Column; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<Vec<u8>, SheetError> {
    let header = columns.map(|(_, chinese, _)| chinese);
    match format {
        Format::Csv => {
            // The mark tells Excel that it is UTF-8.
            let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
            writer.write_record(header)?;
            for row in rows {
                writer.write_record(&row)?;
            }
            writer.into_inner().map_err(|error| SheetError::Csv(error.into_error().into()))
        }
        Format::Xlsx => {
            let mut workbook = Workbook::new();
            let sheet = workbook.add_worksheet_with_constant_memory()?;
            let bold = CellFormat::new().set_bold();
            sheet.set_freeze_panes(1, 2)?;
            for (column, name) in (0..).zip(header) {
                sheet.write_string_with_format(0, column, name, &bold)?;
            }
            for (line, row) in (1..).zip(rows) {
                for (column, text) in (0..).zip(row).filter(|(_, text)| !text.is_empty()) {
                    sheet.write_string(line, column, text)?;
                }
            }
            Ok(workbook.save_to_buffer()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nasty() -> Item {
        Item {
            name: "=HYPERLINK(\"http://x\")".to_owned(),
            name_en: "-1+1, \"quoted\"".to_owned(),
            aliases: vec!["a|b".to_owned(), "c:d\\".to_owned(), "'@e".to_owned(), "逗号，,".to_owned()],
            situations: vec![
                Situation { code: "first".to_owned(), name: "首次: 办理|新".to_owned() },
                Situation { code: "renew".to_owned(), name: "@延期".to_owned() },
            ],
            department: "police".to_owned(),
            districts: vec!["xuhui".to_owned(), "huangpu".to_owned()],
            audience: Audience::Both,
            team: "residence".to_owned(),
            high_frequency: true,
            hot_policy: false,
            direct_line: true,
            delegated: true,
            virtual_window: false,
            numbers: vec![Number { label: "窗口".to_owned(), number: "+86-021-23110000".to_owned() }],
        }
    }

    fn itself(_: &str, text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_written_is_read_again_and_no_cell_is_a_formula() {
        let plain = Item { name: "居住证办理".to_owned(), aliases: Vec::new(), ..nasty() };
        let items = [("nasty", nasty()), ("123", plain), ("apostrophe", Item { name: "''=x".to_owned(), ..nasty() })];
        for format in [Format::Csv, Format::Xlsx] {
            let file = write(format, items.iter().map(|(code, item)| (*code, item))).unwrap();
            let rows = read(format, &file).unwrap();
            assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 3, 4], "{format:?}");
            for (row, (code, item)) in rows.iter().zip(&items) {
                assert_eq!(row.item(itself).unwrap(), ((*code).to_owned(), item.clone()), "{format:?}");
            }
        }
        for cell in cells("nasty", &nasty()) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }

    const CSV: &str =
        "事项名称,code,服务对象,主管部门,team,highFrequency\n居住证办理,residence,个人,上海市公安局,residence,是\n";

    fn first_name(bytes: &[u8]) -> String {
        read(Format::Csv, bytes).unwrap()[0].item(itself).unwrap().1.name
    }

    #[test]
    fn every_encoding_that_offices_use_is_understood() {
        let with_mark = [&b"\xef\xbb\xbf"[..], CSV.as_bytes()].concat();
        let (gb, _, _) = GB18030.encode(CSV);
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(CSV.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for bytes in [CSV.as_bytes(), &with_mark, &gb, &utf16, CSV.replace(',', "\t").as_bytes()] {
            assert_eq!(first_name(bytes), "居住证办理");
        }
        assert!(matches!(read(Format::Csv, b"\xff\xff\xff"), Err(SheetError::Encoding)));
    }

    #[test]
    fn a_table_of_something_else_is_refused_whole() {
        for (text, expected) in [
            ("", "has no row of column names"),
            ("code,name\n", "has no column department (主管部门)"),
            ("code,事项编码\n", "has the column code twice"),
            ("code,colour\n", "has an unknown column \"colour\""),
        ] {
            assert_eq!(read(Format::Csv, text.as_bytes()).unwrap_err().to_string(), expected);
        }
        assert!(matches!(read(Format::Xlsx, b"PK no workbook"), Err(SheetError::Xlsx(_))));
    }

    #[test]
    fn a_bad_cell_is_named_by_row_and_column() {
        let header = "code,name,department,audience,team,highFrequency,situations\n";
        let table = format!(
            "{header}a,名,d,个人,t,,\n\nb,名,d,动物,t,,\nc,名,d,个人,t,也许,\n,名,d,个人,t,,\ne,名,d,个人,t,,首次\nf,名,nowhere,个人,t,,"
        );
        let rows = read(Format::Csv, table.as_bytes()).unwrap();
        let known = |_: &str, text: &str| (text != "nowhere").then(|| text.to_owned());
        let found: Vec<_> = rows
            .iter()
            .map(|row| row.item(known).err().map(|problem| format!("{} {}", row.number, problem.field)))
            .collect();
        let expected = [
            None,
            Some("4 audience"),
            Some("5 highFrequency"),
            Some("6 code"),
            Some("7 situations"),
            Some("8 department"),
        ];
        assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
    }
}
