//! Figures of calls, and the requests behind them.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use bangban_domain::{Timestamp, call::figures::ConnectBy, figures::Part};
use bangban_protocol::{CallFiguresView, CallRequestRows, CountedRequest};
use bangban_store::RequestPlace;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    all,
    export::{check_size, note},
    legs,
    table::{self, Cell, Rows},
};
use crate::{
    app::{App, CallFilter},
    http::{admin::items::File, input::Params, openapi::Refusal, refused::Refused, staff::ByStaff},
    organisation::sheet::Format,
};

/// Rows of one page, and of one part of a file.
pub(super) const PAGE: u32 = 50;
pub(super) const MOST: u32 = 500;
const PART: usize = 2_000;

/// Declares a query: what all questions have in common, and what one of them has more.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(in crate::http) struct $name {
            /// First day in Shanghai, e.g. `2026-11-23`: by it counts when a request was decided.
            #[param(value_type = String, format = Date)]
            from: Date,
            /// Last day.
            #[param(value_type = String, format = Date)]
            to: Date,
            /// Code of a unit: it and those below.
            unit: Option<String>,
            /// Code of an item; empty: of none.
            item: Option<String>,
            /// Hour of the day in which it was asked, in Shanghai.
            #[param(minimum = 0, maximum = 23)]
            hour: Option<u8>,
            /// Only requests that rang this telephone or professional: a `key` of them.
            #[param(max_length = 64)]
            party: Option<String>,
            $($(#[$field_doc])* $field: $type,)*
        }

        impl $name {
            fn filter(&self) -> CallFilter {
                CallFilter {
                    from: self.from,
                    to: self.to,
                    unit: self.unit.clone(),
                    item: self.item.clone(),
                    hour: self.hour,
                    party: self.party.clone(),
                }
            }
        }
    };
}

query! {
    /// What to count.
    Wanted {
        /// By what to show the connect rate apart.
        #[serde(default = "nothing")]
        #[param(inline, required = false)]
        by: ConnectBy,
    }
}

query! {
    /// Which requests.
    WantedRows {
        /// All of them, those that were answered, or the others.
        #[serde(default = "all")]
        #[param(inline, required = false)]
        part: Part,
        /// `next` of the page before.
        #[param(max_length = 100)]
        after: Option<String>,
        /// At most so many; 50 if nothing is said.
        #[param(minimum = 1, maximum = 500)]
        limit: Option<u32>,
    }
}

query! {
    /// Which requests, and how.
    WantedFile {
        /// All of them, those that were answered, or the others.
        #[serde(default = "all")]
        #[param(inline, required = false)]
        part: Part,
        /// Kind of the file.
        #[param(value_type = String, pattern = "^(csv|xlsx)$")]
        format: Format,
    }
}

const fn nothing() -> ConnectBy {
    ConnectBy::Nothing
}

/// What `next` said.
fn place(text: &str) -> Option<RequestPlace> {
    let mut parts = text.splitn(3, '.');
    let at = Timestamp(parts.next()?.parse().ok()?);
    let call = parts.next().filter(|call| call.len() <= 64 && !call.contains('\0'))?.to_owned();
    Some(RequestPlace { at, call, number: parts.next()?.parse().ok()? })
}

/// Connect rate, telephones and professionals, causes and ring times of some days, the connect rate of as many days before;
/// how calls were answered, and how long operators had them
#[utoipa::path(
    get, path = "/api/figures/calls", tag = "calls", security(("staff" = [])), params(Wanted),
    responses(
        (status = 200, body = CallFiguresView),
        (status = 404, description = "No such unit", body = Refusal),
    ),
)]
pub(in crate::http) async fn figures(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<Wanted>,
) -> Result<Json<CallFiguresView>, Refused> {
    let selection = app.call_selection(&who.staff, wanted.filter())?;
    Ok(Json(app.call_figures(&selection, wanted.by).await?))
}

/// The requests behind a number, with their attempts
#[utoipa::path(
    get, path = "/api/figures/calls/rows", tag = "calls", security(("staff" = [])), params(WantedRows),
    responses(
        (status = 200, body = CallRequestRows),
        (status = 404, description = "No such unit", body = Refusal),
    ),
)]
pub(in crate::http) async fn rows(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedRows>,
) -> Result<Json<CallRequestRows>, Refused> {
    let limit = wanted.limit.unwrap_or(PAGE);
    if !(1..=MOST).contains(&limit) {
        return Err(Refused::field("limit", "must be 1 to 500"));
    }
    let wrong = || Refused::field("after", "is not what `next` of another page said");
    let after = wanted.after.as_deref().map(|text| place(text).ok_or_else(wrong)).transpose()?;
    let selection = app.call_selection(&who.staff, wanted.filter())?;
    // Not before the first day, whatever the page says.
    let after = after.filter(|place| place.at >= selection.from);
    Ok(Json(app.call_rows(&selection, wanted.part, after, limit as usize).await?))
}

fn header() -> Vec<String> {
    let names = [
        "请求时间",
        "结束时间",
        "计入分子",
        "通话",
        "请求序号",
        "事项",
        "事项名称",
        "部门",
        "部门名称",
        "请求人",
        "候选数",
        "结果 result",
        "接通轮次",
        "轮次",
        "被叫",
        "开始呼叫",
        "振铃",
        "呼叫结束",
        "原因 cause",
        "拒接原因 declined",
    ];
    names.into_iter().chain(legs::SOUND).map(str::to_owned).collect()
}

/// One line for each attempt; a request that rang nobody has one too.
fn lines(request: CountedRequest) -> Rows {
    let own = [
        Cell::Instant(request.asked_at),
        Cell::Instant(request.ended_at),
        Cell::Number(request.is_hit.into()),
        Cell::text(request.call.to_string()),
        Cell::Number(request.number.into()),
        Cell::text(request.item.unwrap_or_default()),
        Cell::text(request.item_name.unwrap_or_default()),
        Cell::text(request.department),
        Cell::text(request.department_name),
        Cell::text(request.by_name.unwrap_or_default()),
        Cell::Number(request.candidates.into()),
        Cell::text(request.result.as_str()),
        request.answered_round.map_or(Cell::Empty, |round| Cell::Number(round.into())),
    ];
    let instant = |at: Option<Timestamp>| at.map_or(Cell::Empty, Cell::Instant);
    let mut rows: Rows = request
        .attempts
        .into_iter()
        .map(|one| {
            let more = [
                Cell::Number(one.round.into()),
                Cell::text(one.name),
                Cell::Instant(one.rung_at),
                instant(one.ringing_at),
                instant(one.ended_at),
                Cell::text(one.cause.map_or("", |cause| cause.as_str())),
                Cell::text(one.declined.map_or("", |why| why.as_str())),
            ];
            own.iter().cloned().chain(more).chain(legs::sound(one.sound.as_ref())).collect()
        })
        .collect();
    if rows.is_empty() {
        rows.push(own.into_iter().chain(std::iter::repeat_n(Cell::Empty, 7 + legs::SOUND.len())).collect());
    }
    rows
}

/// The requests behind a number as a file, one line for each attempt
#[utoipa::path(
    get, path = "/api/figures/calls/rows/export", tag = "calls", security(("staff" = [])), params(WantedFile),
    responses(
        (status = 200, description = "The file", content(
            (inline(File) = "text/csv"),
            (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 404, description = "No such unit", body = Refusal),
        (status = 413, description = "More rows than a workbook may have: ask for CSV", body = Refusal),
    ),
)]
pub(in crate::http) async fn export(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedFile>,
) -> Result<Response, Refused> {
    let filter = wanted.filter();
    let selection = app.call_selection(&who.staff, filter.clone())?;
    let count = app.call_count(&selection, wanted.part).await?;
    check_size(wanted.format, count)?;
    let detail = serde_json::json!({
        "from": filter.from.to_string(), "to": filter.to.to_string(), "unit": filter.unit, "item": filter.item,
        "hour": filter.hour, "party": filter.party, "part": wanted.part, "rows": count,
    });
    note(&app, &who, "calls", filter.unit, &detail).await?;
    let name = format!("calls-{}-{}", wanted.from, wanted.to);
    let first = RequestPlace::before(selection.from);
    let asked = Arc::new((app, selection, wanted.part));
    let rows = table::pages(first, move |place| {
        let asked = Arc::clone(&asked);
        async move {
            let (app, selection, part) = &*asked;
            let (requests, next) = app.call_requests(selection, *part, place, PART).await?;
            Ok((requests.into_iter().flat_map(lines).collect(), next))
        }
    });
    table::file(wanted.format, &name, header(), rows).await
}
