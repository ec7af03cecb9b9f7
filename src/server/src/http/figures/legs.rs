//! The legs of calls as a file, with how they sounded (docs/calls.md "Sound").

use std::sync::Arc;

use axum::{extract::State, response::Response};
use bangban_domain::Timestamp;
use bangban_protocol::CallSound;
use bangban_store::CallPlace;
use futures_util::stream;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    calls::note,
    export::check_size,
    table::{self, Cell, Rows},
};
use crate::{
    app::{App, CallFilter, CallSelection, FiledLeg},
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

/// Which calls, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct WantedLegs {
    /// First day in Shanghai, e.g. `2026-11-23`: by it counts when a call began.
    #[param(value_type = String, format = Date)]
    from: Date,
    /// Last day.
    #[param(value_type = String, format = Date)]
    to: Date,
    /// Code of a unit: it and those below.
    unit: Option<String>,
    /// Kind of the file.
    #[param(value_type = String, pattern = "^(csv|xlsx)$")]
    format: Format,
}

fn header() -> Vec<String> {
    let names = [
        "通话开始",
        "通话",
        "序号",
        "通话方",
        "人员或号码",
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
    let own = [
        Cell::Instant(leg.began_at),
        Cell::text(leg.row.leg.call.to_string()),
        Cell::Number(leg.row.leg.no.into()),
        Cell::text(leg.row.part.as_str()),
        Cell::text(leg.name.clone()),
        Cell::Instant(leg.row.joined_at),
        instant(leg.row.ended_at),
        Cell::text(leg.row.because.map_or("", |because| because.as_str())),
        number(heard.as_ref().map(|heard| heard.poor.of)),
        number(heard.as_ref().map(|heard| heard.poor.hits)),
    ];
    own.into_iter().chain(sound(heard.as_ref())).collect()
}

/// Where an export stands.
struct Reading {
    app: Arc<App>,
    selection: CallSelection,
    next: Option<CallPlace>,
}

impl Reading {
    /// The next rows; `None`: there are no more.
    async fn next(mut self) -> Option<(Result<Rows, Refused>, Self)> {
        let place = self.next.take()?;
        match self.app.call_legs(&self.selection, &place).await {
            Ok((legs, next)) => {
                self.next = next;
                Some((Ok(legs.iter().map(line).collect()), self))
            }
            Err(error) => Some((Err(error.into()), self)),
        }
    }
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
    let WantedLegs { from, to, unit, format } = wanted;
    let filter = CallFilter { from, to, unit: unit.clone(), ..CallFilter::default() };
    let selection = app.call_selection(&who.staff, filter)?;
    let first = CallPlace::before(selection.from);
    let (mut count, mut next) = (0_u64, Some(first.clone()));
    while let Some(place) = next.take() {
        let (legs, after) = app.call_legs(&selection, &place).await?;
        count += u64::try_from(legs.len()).unwrap_or(u64::MAX);
        next = after;
    }
    check_size(format, count)?;
    let detail = serde_json::json!({ "from": from.to_string(), "to": to.to_string(), "unit": unit, "rows": count });
    note(&app, &who, "call_legs", unit, &detail).await?;
    let reading = Reading { app, selection, next: Some(first) };
    table::file(format, &format!("call-legs-{from}-{to}"), header(), stream::unfold(reading, Reading::next)).await
}
