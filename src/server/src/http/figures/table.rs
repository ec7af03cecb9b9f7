//! Tables as files, written row by row: CSV goes out as it is made; a workbook is put together in a thread of its own, which
//! keeps finished rows in a temporary file. What a spreadsheet would take for a formula is written with `'` before it.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bangban_domain::Timestamp;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use rust_xlsxwriter::{Format as CellFormat, Workbook, XlsxError};
use tokio::sync::mpsc;

use crate::{
    http::refused::Refused,
    organisation::sheet::{Format, guarded},
};

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) enum Cell {
    Empty,
    Text(String),
    Number(i64),
    /// Written in Shanghai's time, to the millisecond.
    Instant(Timestamp),
}

impl Cell {
    pub(in crate::http) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }

    fn shown(self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => guarded(text),
            Self::Number(number) => number.to_string(),
            Self::Instant(at) => instant(at),
        }
    }
}

/// `2026-11-24 09:00:00.123`
fn instant(at: Timestamp) -> String {
    let shanghai = jiff::tz::Offset::constant(8);
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    shanghai.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

pub(in crate::http) type Rows = Vec<Vec<Cell>>;

/// Rows that are read one page after the other: `page` gives those at a place and the next place, `None` where there are no more.
/// An error is the last that comes.
pub(super) fn pages<Place, Page>(
    first: Place,
    page: impl Fn(Place) -> Page,
) -> impl Stream<Item = Result<Rows, Refused>>
where
    Page: Future<Output = Result<(Rows, Option<Place>), Refused>>,
{
    stream::try_unfold((Some(first), page), |(place, page)| async move {
        let Some(place) = place else { return Ok(None) };
        let read = page(place);
        let (rows, next) = read.await?;
        Ok(Some((rows, (next, page))))
    })
}

/// Pages in the making.
const AHEAD: usize = 4;

/// A file of these pages of rows.
pub(in crate::http) async fn file(
    format: Format,
    name: &str,
    header: Vec<String>,
    pages: impl Stream<Item = Result<Rows, Refused>> + Send + 'static,
) -> Result<Response, Refused> {
    let body = match format {
        Format::Csv => {
            // The mark tells spreadsheets that it is UTF-8.
            let first = format!("\u{feff}{}", csv_line(header.into_iter().map(Cell::text)));
            let lines = |rows: Rows| rows.into_iter().map(csv_line).collect::<String>();
            let broken = |_| std::io::Error::other("the rest of the table cannot be read");
            let rest = pages.map_ok(move |rows| Bytes::from(lines(rows))).map_err(broken);
            Body::from_stream(stream::once(async move { Ok(Bytes::from(first)) }).chain(rest))
        }
        Format::Xlsx => Body::from(workbook(header, pages).await?),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}.{}\"", format.ending())) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn csv_line(cells: impl IntoIterator<Item = Cell>) -> String {
    let fields: Vec<String> = cells.into_iter().map(|cell| quoted(&cell.shown())).collect();
    fields.join(",") + "\r\n"
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

async fn workbook(
    header: Vec<String>,
    pages: impl Stream<Item = Result<Rows, Refused>> + Send + 'static,
) -> Result<Vec<u8>, Refused> {
    let (sender, receiver) = mpsc::channel::<Rows>(AHEAD);
    let made = tokio::task::spawn_blocking(move || write(header, receiver));
    let mut pages = std::pin::pin!(pages);
    while let Some(rows) = pages.next().await {
        // The receiver ends early only with an error, which `made` tells.
        if sender.send(rows?).await.is_err() {
            break;
        }
    }
    drop(sender);
    made.await.map_err(|error| Refused::internal(&error))?.map_err(|error| Refused::internal(&error))
}

fn write(header: Vec<String>, mut pages: mpsc::Receiver<Rows>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    let bold = CellFormat::new().set_bold();
    sheet.set_freeze_panes(1, 0)?;
    for (column, name) in (0..).zip(header) {
        sheet.write_string_with_format(0, column, name, &bold)?;
    }
    let mut line = 1;
    while let Some(rows) = pages.blocking_recv() {
        for row in rows {
            for (column, cell) in (0..).zip(row) {
                match cell {
                    Cell::Empty => {}
                    #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds are far below 2^53")]
                    Cell::Number(number) => _ = sheet.write_number(line, column, number as f64)?,
                    other => _ = sheet.write_string(line, column, other.shown())?,
                }
            }
            line += 1;
        }
    }
    workbook.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Reader as _, Xlsx};

    use super::*;

    fn pages() -> impl Stream<Item = Result<Rows, Refused>> + Send + 'static {
        let page = |n: i64| {
            vec![
                vec![Cell::text("=HYPERLINK(1)"), Cell::Number(n), Cell::Instant(Timestamp(1_795_482_000_123))],
                vec![Cell::text("徐汇, \"x\""), Cell::Empty, Cell::text("-1+1")],
            ]
        };
        stream::iter([Ok(page(1)), Ok(page(2))])
    }

    async fn bytes(format: Format) -> Vec<u8> {
        let header = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let Ok(response) = file(format, "x", header, pages()).await else { panic!("no file") };
        axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn no_cell_of_either_file_is_a_formula_or_two_cells() {
        let csv = String::from_utf8(bytes(Format::Csv).await).unwrap();
        let page = |n| format!("'=HYPERLINK(1),{n},2026-11-24 09:00:00.123\r\n\"徐汇, \"\"x\"\"\",,'-1+1\r\n");
        assert_eq!(csv, format!("\u{feff}a,b,c\r\n{}{}", page(1), page(2)));

        let mut book = Xlsx::new(Cursor::new(bytes(Format::Xlsx).await)).unwrap();
        let range = book.worksheet_range_at(0).unwrap().unwrap();
        let rows: Vec<Vec<String>> = range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[1], ["'=HYPERLINK(1)", "1", "2026-11-24 09:00:00.123"]);
        assert_eq!(rows[4], ["徐汇, \"x\"", "", "'-1+1"]);
    }
}
