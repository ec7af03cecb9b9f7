//! Rows behind a number, and agents' days, as files. That one was asked for is a line of the audit log before the first byte.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use bangban_domain::{
    AgentId, Timestamp,
    figures::{Definition, Field, Figure, Part, Row, Table},
    words::Channel,
};
use bangban_protocol::{ErrorCode, FigureRow, WireError};
use bangban_store::{Audit, Author, Change, RowQuery, Unit};
use futures_util::stream;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    days, query,
    table::{self, Cell, Rows},
};
use crate::{
    app::{App, Filter, store_error},
    http::{admin::items::File, input::Params, openapi::Refusal, refused::Refused, staff::ByStaff},
    organisation::sheet::Format,
    privacy::json,
};

/// Rows that are read at one time.
const PAGE: u32 = 2_000;

/// Rows of a workbook: it is in memory before it goes out.
const MOST_IN_WORKBOOK: u64 = 200_000;

query! {
    /// Which rows, and how.
    WantedFile {
        /// Behind which figure.
        #[param(inline)]
        figure: Figure,
        /// All of them, those in the numerator, or the others.
        #[serde(default = "super::all")]
        #[param(inline, required = false)]
        part: Part,
        /// Kind of the file.
        #[param(value_type = String, pattern = "^(csv|xlsx)$")]
        format: Format,
    }
}

query! {
    /// Whose days, and how.
    WantedDaysFile {
        /// Kind of the file.
        #[param(value_type = String, pattern = "^(csv|xlsx)$")]
        format: Format,
    }
}

/// What a column of a row is called.
const fn title(field: Field) -> &'static str {
    match field {
        Field::ClockNo => "人工请求序号",
        Field::Request => "所属人工请求序号",
        Field::AskedAt => "请求人工时间",
        Field::DueAt => "应响应时间",
        Field::AnsweredAt => "人工首次响应时间",
        Field::LeftAt => "离开时间",
        Field::MeasuredAt => "更正前的响应时间",
        Field::CorrectedAt => "更正时间",
        Field::ExcusedAt => "更正为不计的时间",
        Field::OfferedAt => "派单时间",
        Field::FirstAt => "首次派单时间",
        Field::EndedAt => "派单结束时间",
        Field::ServedUntil => "服务至",
        Field::IsTransfer => "是否转接",
        Field::BeganAt => "开始时间",
        Field::HumanAt => "首次请求人工或留言时间",
        Field::ServedAt => "首次接起时间",
        Field::ClosedAt => "办结时间",
        Field::ReopenedAt => "继续时间",
        Field::Stars => "评价",
        Field::RatedAt => "评价时间",
        Field::MadeAt => "留言时间",
        Field::SlotStartsAt => "约定时段开始",
        Field::SlotEndsAt => "约定时段结束",
        Field::SettledAt => "了结时间",
        Field::LastAt => "最后提问时间",
        Field::Questions => "提问次数",
        Field::SolvedAt => "表示已解决时间",
        Field::ReturnedAt => "再来时间",
    }
}

const fn is_number(field: Field) -> bool {
    matches!(field, Field::ClockNo | Field::Request | Field::IsTransfer | Field::Stars | Field::Questions)
}

fn header(table: Table) -> Vec<String> {
    let fixed = [
        "计入时间",
        "计入分子",
        "用时（毫秒）",
        "会话",
        "序号或编号",
        "技能组",
        "技能组名称",
        "事项",
        "事项名称",
        "来源",
        "帮办人员",
        "帮办人员姓名",
    ];
    let fields = table.fields().iter().map(|field| format!("{} {field}", title(*field)));
    let words = table.words().iter().map(ToString::to_string);
    fixed.iter().map(|name| (*name).to_owned()).chain(fields).chain(words).collect()
}

fn cells(table: Table, row: FigureRow) -> Vec<Cell> {
    let number = |field: &Field| match row.numbers.get(field.as_str()) {
        None => Cell::Empty,
        Some(number) if is_number(*field) => Cell::Number(*number),
        Some(at) => Cell::Instant(Timestamp(*at)),
    };
    let fields = table.fields().iter().map(number);
    let words = table.words().iter().map(|word| Cell::text(row.words.get(word.as_str()).cloned().unwrap_or_default()));
    let rest: Vec<Cell> = fields.chain(words).collect();
    let fixed = [
        Cell::Instant(row.at),
        Cell::Number(row.hit.into()),
        row.span.map_or(Cell::Empty, Cell::Number),
        Cell::text(row.conversation.to_string()),
        Cell::text(row.key),
        Cell::text(row.team),
        Cell::text(row.team_name),
        Cell::text(row.item.unwrap_or_default()),
        Cell::text(row.item_name.unwrap_or_default()),
        Cell::text(row.channel.as_str()),
        Cell::text(row.agent.map(|agent| agent.to_string()).unwrap_or_default()),
        Cell::text(row.agent_name.unwrap_or_default()),
    ];
    fixed.into_iter().chain(rest).collect()
}

/// Leaves the line of the audit log on a file.
pub(super) async fn note(
    app: &App,
    who: &ByStaff,
    subject: &str,
    unit: Option<String>,
    detail: &serde_json::Value,
) -> Result<(), Refused> {
    let line = Audit {
        at: app.clock.now(),
        actor: Author::Agent(who.staff.id),
        action: "figures.export",
        kind: "figures".to_owned(),
        subject: subject.to_owned(),
        unit,
        reason: None,
        address: Some(who.caller.address.clone()),
        detail: json(detail),
    };
    app.store.commit(Unit { changes: vec![Change::Audit(line)], ..Unit::default() }).await.map_err(store_error)?;
    Ok(())
}

/// The same for a file of these rows.
async fn tell(
    app: &App,
    who: &ByStaff,
    subject: &str,
    filter: &Filter,
    more: serde_json::Value,
) -> Result<(), Refused> {
    let detail = serde_json::json!({
        "from": filter.from.to_string(), "to": filter.to.to_string(), "unit": filter.unit, "team": filter.team,
        "item": filter.item, "channel": filter.channel, "agent": filter.agent, "hour": filter.hour, "more": more,
    });
    note(app, who, subject, filter.unit.clone(), &detail).await
}

/// Does a file of this kind take so many rows?
///
/// # Errors
/// `too_large`.
pub(super) fn check_size(format: Format, count: u64) -> Result<(), Refused> {
    if format == Format::Csv || count <= MOST_IN_WORKBOOK {
        return Ok(());
    }
    let detail = format!("a workbook has at most {MOST_IN_WORKBOOK} rows, these are {count}: ask for CSV");
    Err(WireError { field: Some("format".to_owned()), ..WireError::new(ErrorCode::TooLarge, detail) }.into())
}

/// The rows behind a number, as a file
#[utoipa::path(
    get, path = "/api/figures/rows/export", operation_id = "export_figure_rows", tag = "figures",
    security(("staff" = [])), params(WantedFile),
    responses(
        (status = 200, description = "The file", content(
            (inline(File) = "text/csv"),
            (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 404, description = "No such unit", body = Refusal),
        (status = 413, description = "More rows than a workbook may have: ask for CSV", body = Refusal),
    ),
)]
pub(in crate::http) async fn rows(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedFile>,
) -> Result<Response, Refused> {
    let filter = wanted.filter();
    let selection = app.selection(&app.sight(&who.staff)?, &filter)?;
    let definition: &'static Definition = wanted.figure.definition();
    let query = RowQuery { definition, part: wanted.part, selection: &selection, after: None, limit: 1 };
    let count = app.figure_page(&query).await?.count;
    check_size(wanted.format, count)?;
    let more = serde_json::json!({ "part": wanted.part, "rows": count });
    tell(&app, &who, definition.figure.as_str(), &filter, more).await?;
    let name = format!("{}-{}-{}", definition.figure, wanted.from, wanted.to);
    let now = app.clock.now();
    let asked = Arc::new((app, selection, wanted.part));
    // The first page begins nowhere.
    let rows = table::pages(None, move |after| {
        let asked = Arc::clone(&asked);
        async move {
            let (app, selection, part) = &*asked;
            let query = RowQuery { definition, part: *part, selection, after, limit: PAGE };
            let rows = app.figure_rows(&query, now).await?;
            let at = |row: &Row| Timestamp(row.number(definition.kind.at()).unwrap_or_default());
            let last = rows.last().filter(|_| rows.len() == PAGE as usize).map(|row| Some((at(row), row.key.clone())));
            let shown = |row| cells(definition.kind.table(), app.row_view(definition, row, now));
            Ok((rows.iter().map(shown).collect(), last))
        }
    });
    table::file(wanted.format, &name, header(definition.kind.table()), rows).await
}

/// What agents were and whom they served, as a file: one row for each stretch and for each conversation
#[utoipa::path(
    get, path = "/api/figures/agents/export", operation_id = "export_agent_days", tag = "figures",
    security(("staff" = [])), params(WantedDaysFile),
    responses(
        (status = 200, description = "The file", content(
            (inline(File) = "text/csv"),
            (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 404, description = "No such unit", body = Refusal),
    ),
)]
pub(in crate::http) async fn agents(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedDaysFile>,
) -> Result<Response, Refused> {
    let filter = wanted.filter();
    let found = days(&app, &who, &filter).await?;
    tell(&app, &who, "agents", &filter, serde_json::json!({ "agents": found.agents.len() })).await?;
    let mut rows = Rows::new();
    for day in found.agents {
        let row = |from: Timestamp, to: Timestamp, what: &str, conversation: String| {
            vec![
                Cell::text(day.agent.to_string()),
                Cell::text(day.name.clone()),
                Cell::text(what),
                Cell::Instant(from),
                Cell::Instant(to),
                Cell::Number(to.since(from)),
                Cell::text(conversation),
            ]
        };
        rows.extend(day.stretches.iter().map(|one| row(one.from, one.to, &one.state, String::new())));
        rows.extend(day.services.iter().map(|one| row(one.from, one.to, "serving", one.conversation.to_string())));
    }
    let header = ["帮办人员", "姓名", "状态 state", "开始", "结束", "时长（毫秒）", "会话"].map(str::to_owned).to_vec();
    let name = format!("agents-{}-{}", wanted.from, wanted.to);
    table::file(wanted.format, &name, header, stream::iter([Ok(rows)])).await
}
