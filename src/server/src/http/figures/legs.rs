//! The legs of calls, with how they sounded (docs/calls.md "Sound"): page by page, and as a file.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use bangban_domain::{
    Timestamp,
    call::{CallPart, sound::LegOrder},
};
use bangban_protocol::{CallLegRows, CallSound};
use bangban_store::CallPlace;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    calls::{MOST, PAGE},
    export::{check_size, note},
    table::{self, Cell},
};
use crate::{
    app::{App, CallFilter, FiledLeg, LegFilter, LegList, LegPlace},
    http::{admin::items::File, input::Params, openapi::Refusal, refused::Refused, staff::ByStaff},
    organisation::sheet::Format,
};

/// What the columns of a sound are called.
pub(super) const SOUND: [&str; 9] = [
    "丢包 ‰",
    "最差 5 秒丢包 ‰",
    "对方报告丢包 ‰",
    "平均抖动 毫秒",
    "最大抖动 毫秒",
    "往返 毫秒",
    "迟到包",
    "补偿帧 20 毫秒",
    "混音迟到次数",
];

/// The columns of [`SOUND`]; empty: nothing was measured.
pub(super) fn sound(sound: Option<&CallSound>) -> [Cell; SOUND.len()] {
    let Some(sound) = sound else { return std::array::from_fn(|_| Cell::Empty) };
    let loss = (sound.loss.hits * 1_000).checked_div(sound.loss.of);
    let numbers = [
        loss,
        loss.map(|_| sound.worst_loss),
        sound.heard_loss,
        sound.jitter_ms,
        sound.worst_jitter_ms,
        sound.round_trip_ms,
        Some(sound.late),
        Some(sound.concealed),
        Some(sound.late_ticks),
    ];
    numbers.map(number)
}

fn number(number: Option<u64>) -> Cell {
    number.and_then(|number| i64::try_from(number).ok()).map_or(Cell::Empty, Cell::Number)
}

/// Declares a query: what both questions have in common, and what one of them has more.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(in crate::http) struct $name {
            /// First day in Shanghai, e.g. `2026-11-23`: by it counts when a call began.
            #[param(value_type = String, format = Date)]
            from: Date,
            /// Last day.
            #[param(value_type = String, format = Date)]
            to: Date,
            /// Code of a unit: it and those below.
            unit: Option<String>,
            /// Only legs of this part.
            #[param(inline)]
            part: Option<CallPart>,
            /// Only legs of this telephone or member of staff: a `key` of them.
            #[param(max_length = 64)]
            party: Option<String>,
            $($(#[$field_doc])* $field: $type,)*
        }

        impl $name {
            /// Of which calls, and which of their legs.
            fn filters(&self) -> (CallFilter, LegFilter) {
                let calls = CallFilter {
                    from: self.from,
                    to: self.to,
                    unit: self.unit.clone(),
                    party: self.party.clone(),
                    ..CallFilter::default()
                };
                (calls, LegFilter { part: self.part, is_poor: self.poor })
            }
        }
    };
}

query! {
    /// Which legs, and in which order.
    WantedLegRows {
        /// Only legs that were disturbed for 5 s at least.
        #[serde(default)]
        #[param(required = false)]
        poor: bool,
        /// Who sounded worst first, or the latest call.
        #[serde(default = "worst")]
        #[param(inline, required = false)]
        order: LegOrder,
        /// `next` of the page before.
        #[param(max_length = 200)]
        after: Option<String>,
        /// At most so many; 50 if nothing is said.
        #[param(minimum = 1, maximum = 500)]
        limit: Option<u32>,
    }
}

query! {
    /// Which calls, and how.
    WantedLegs {
        /// Only legs that were disturbed for 5 s at least; otherwise also those that were not measured.
        #[serde(default)]
        #[param(required = false)]
        poor: bool,
        /// Kind of the file.
        #[param(value_type = String, pattern = "^(csv|xlsx)$")]
        format: Format,
    }
}

const fn worst() -> LegOrder {
    LegOrder::Worst
}

/// The legs of the calls that began in a time and were measured, who sounded worst first
#[utoipa::path(
    get, path = "/api/figures/calls/legs", operation_id = "call_legs", tag = "calls", security(("staff" = [])),
    params(WantedLegRows),
    responses(
        (status = 200, body = CallLegRows),
        (status = 404, description = "No such unit", body = Refusal),
    ),
)]
pub(in crate::http) async fn rows(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedLegRows>,
) -> Result<Json<CallLegRows>, Refused> {
    let limit = wanted.limit.unwrap_or(PAGE);
    if !(1..=MOST).contains(&limit) {
        return Err(Refused::field("limit", "must be 1 to 500"));
    }
    let wrong = |_| Refused::field("after", "is not what `next` of another page said");
    let after = wanted.after.as_deref().map(|text| text.parse::<LegPlace>().map_err(wrong)).transpose()?;
    let (calls, filter) = wanted.filters();
    let selection = app.call_selection(&who.staff, calls)?;
    let list = LegList { filter, order: wanted.order, after, limit: limit as usize };
    Ok(Json(app.call_leg_rows(&selection, &list).await?))
}

fn header() -> Vec<String> {
    let names = [
        "通话开始",
        "通话",
        "序号",
        "通话方",
        "人员或号码",
        "部门",
        "部门名称",
        "加入时间",
        "离开时间",
        "离开原因",
        "测量次数",
        "音质差次数",
    ];
    names.into_iter().chain(SOUND).map(str::to_owned).collect()
}

fn line(leg: &FiledLeg) -> Vec<Cell> {
    let heard = leg.sound.as_ref().map(CallSound::from);
    let instant = |at: Option<Timestamp>| at.map_or(Cell::Empty, Cell::Instant);
    let (department, department_name) = leg.department.clone().unwrap_or_default();
    let own = [
        Cell::Instant(leg.began_at),
        Cell::text(leg.row.leg.call.to_string()),
        Cell::Number(leg.row.leg.no.into()),
        Cell::text(leg.row.part.as_str()),
        Cell::text(leg.name.clone()),
        Cell::text(department),
        Cell::text(department_name),
        Cell::Instant(leg.row.joined_at),
        instant(leg.row.ended_at),
        Cell::text(leg.row.because.map_or("", |because| because.as_str())),
        number(heard.as_ref().map(|heard| heard.poor.of)),
        number(heard.as_ref().map(|heard| heard.poor.hits)),
    ];
    own.into_iter().chain(sound(heard.as_ref())).collect()
}

/// The legs of the calls that began in a time as a file, with how they sounded
#[utoipa::path(
    get, path = "/api/figures/calls/legs/export", operation_id = "export_call_legs", tag = "calls",
    security(("staff" = [])), params(WantedLegs),
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
    Params(wanted): Params<WantedLegs>,
) -> Result<Response, Refused> {
    let (calls, filter) = wanted.filters();
    let WantedLegs { from, to, unit, part, party, poor, format } = wanted;
    let selection = app.call_selection(&who.staff, calls)?;
    let first = CallPlace::before(selection.from);
    let (mut count, mut next) = (0_u64, Some(first.clone()));
    while let Some(place) = next.take() {
        let (legs, after) = app.call_legs(&selection, &place).await?;
        count += legs.iter().filter(|leg| filter.is_meant(&selection, leg)).count() as u64;
        next = after;
    }
    check_size(format, count)?;
    let detail = serde_json::json!({
        "from": from.to_string(), "to": to.to_string(), "unit": unit, "part": part, "party": party, "poor": poor,
        "rows": count,
    });
    note(&app, &who, "call_legs", unit, &detail).await?;
    let asked = Arc::new((app, selection, filter));
    let rows = table::pages(first, move |place| {
        let asked = Arc::clone(&asked);
        async move {
            let (app, selection, filter) = &*asked;
            let (legs, next) = app.call_legs(selection, &place).await?;
            Ok((legs.iter().filter(|leg| filter.is_meant(selection, leg)).map(line).collect(), next))
        }
    });
    table::file(format, &format!("call-legs-{from}-{to}"), header(), rows).await
}
