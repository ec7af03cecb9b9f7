//! Quality inspection (docs/administration.md). Who may take which step is asked by `App`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
    response::Response,
};
use bangban_domain::{AgentId, InspectionId, quality::InspectionState};
use bangban_protocol::{
    DrawOrder, Drawn, ErrorCode, InspectionAppeal, InspectionDecision, InspectionLine, InspectionPage, InspectionPut,
    InspectionThread, InspectionView, QualityGroup, QualityResults, WireError,
};
use bangban_store::InspectionQuery;
use futures_util::stream;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    admin::items::File,
    figures::table::{self, Cell, Rows},
    input::{Body, Named, Params, RowNo},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::{
    app::{App, Inspector, WantedInspections},
    organisation::sheet::Format,
};

/// Longest inspection: 50 comments of 1 000 characters.
pub(super) const MAX_INSPECTION: usize = 256 * 1024;

/// Rows of an export that are read at one time.
const PAGE: u32 = 500;

impl ByStaff {
    fn inspector(&self) -> Inspector<'_> {
        Inspector { staff: &self.staff, address: &self.caller.address }
    }
}

/// Which inspections.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// In this state.
    #[param(inline)]
    state: Option<InspectionState>,
    /// Code of the team.
    #[param(max_length = 64)]
    team: Option<String>,
    /// Whose work.
    #[param(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// Those that come after this one.
    #[param(value_type = Option<String>)]
    before: Option<InspectionId>,
}

/// Inspections of one's units, the newest drawn first
#[utoipa::path(
    get, path = "/api/quality/inspections", tag = "quality", security(("staff" = [])), params(Wanted),
    responses(
        (status = 200, body = InspectionPage),
        (status = 404, description = "`before` is none", body = Refusal),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Wanted { state, team, agent, before }): Params<Wanted>,
) -> Result<Json<InspectionPage>, Refused> {
    if team.as_ref().is_some_and(|team| team.len() > 64 || team.contains('\0')) {
        return Err(Refused::field("team", "must be a code"));
    }
    Ok(Json(app.inspections(&who.staff, WantedInspections { state, team, agent, before }).await?))
}

/// Of one's own.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// Those that come after this one.
    #[param(value_type = Option<String>)]
    before: Option<InspectionId>,
}

/// The results of one's own work, the newest drawn first
#[utoipa::path(
    get, path = "/api/quality/mine", tag = "quality", security(("staff" = [])), params(After),
    responses(
        (status = 200, body = InspectionPage),
        (status = 404, description = "`before` is none", body = Refusal),
    ),
)]
pub(super) async fn mine(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(After { before }): Params<After>,
) -> Result<Json<InspectionPage>, Refused> {
    Ok(Json(app.my_inspections(&who.staff, before).await?))
}

/// An inspection with its score card
#[utoipa::path(
    get, path = "/api/quality/inspections/{id}", tag = "quality", security(("staff" = [])),
    params(("id" = InspectionId, Path, description = "Which")),
    responses((status = 200, body = InspectionView), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<InspectionId>,
) -> Result<Json<InspectionView>, Refused> {
    Ok(Json(app.inspection(&who.staff, id).await?))
}

/// Which part of a thread.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// Entries before this position.
    #[param(value_type = Option<u64>)]
    before: Option<RowNo>,
}

/// The last 200 entries of the inspected conversation, or those before a position; the look is in the audit log
#[utoipa::path(
    get, path = "/api/quality/inspections/{id}/thread", tag = "quality", security(("staff" = [])),
    params(("id" = InspectionId, Path, description = "Which"), Part),
    responses((status = 200, body = InspectionThread), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(super) async fn thread(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<InspectionId>,
    Params(Part { before }): Params<Part>,
) -> Result<Json<InspectionThread>, Refused> {
    let before = before.map_or(u64::MAX, |before| before.0);
    Ok(Json(app.inspection_thread(&who.inspector(), id, before).await?))
}

/// Keeps an inspection that is not finished
#[utoipa::path(
    put, path = "/api/quality/inspections/{id}", tag = "quality", security(("staff" = [])), request_body = InspectionPut,
    params(("id" = InspectionId, Path, description = "Which")),
    responses(
        (status = 200, body = InspectionView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "It is inspected already, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn draft(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<InspectionId>,
    Body(put): Body<InspectionPut>,
) -> Result<Json<InspectionView>, Refused> {
    Ok(Json(app.inspect(&who.inspector(), id, put, false).await?))
}

/// Finishes an inspection: the agent sees it from now on
#[utoipa::path(
    post, path = "/api/quality/inspections/{id}/submit", tag = "quality", security(("staff" = [])),
    request_body = InspectionPut, params(("id" = InspectionId, Path, description = "Which")),
    responses(
        (status = 200, body = InspectionView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "It is inspected already, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn submit(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<InspectionId>,
    Body(put): Body<InspectionPut>,
) -> Result<Json<InspectionView>, Refused> {
    Ok(Json(app.inspect(&who.inspector(), id, put, true).await?))
}

/// The agent does not agree: once, within five working days
#[utoipa::path(
    post, path = "/api/quality/inspections/{id}/appeal", tag = "quality", security(("staff" = [])),
    request_body = InspectionAppeal, params(("id" = InspectionId, Path, description = "Which")),
    responses(
        (status = 200, body = InspectionView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "Done already, too late, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn appeal(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<InspectionId>,
    Body(appeal): Body<InspectionAppeal>,
) -> Result<Json<InspectionView>, Refused> {
    Ok(Json(app.appeal(&who.inspector(), id, appeal).await?))
}

/// A second person judges an appeal; both values are kept
#[utoipa::path(
    post, path = "/api/quality/inspections/{id}/decide", tag = "quality", security(("staff" = [])),
    request_body = InspectionDecision, params(("id" = InspectionId, Path, description = "Which")),
    responses(
        (status = 200, body = InspectionView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "Nobody has appealed, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<InspectionId>,
    Body(decision): Body<InspectionDecision>,
) -> Result<Json<InspectionView>, Refused> {
    Ok(Json(app.decide(&who.inspector(), id, decision).await?))
}

/// The code of a plan in the path.
pub(super) struct OfPlan(String);

impl<S: Send + Sync> FromRequestParts<S> for OfPlan {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await.ok();
        let code = path.map(|Path(code)| code).filter(|code| !code.contains('\0'));
        code.map(Self).ok_or_else(|| WireError::new(ErrorCode::NotFound, "no such plan").into())
    }
}

/// Draws once more of a week of conversations
#[utoipa::path(
    post, path = "/api/quality/plans/{plan}/draw", tag = "quality", security(("staff" = [])), request_body = DrawOrder,
    params(("plan" = String, Path, description = "Code of the plan")),
    responses(
        (status = 200, body = Drawn),
        (status = 404, description = "No plan that you may draw by", body = Refusal),
        (status = 409, description = "Somebody else draws at this moment", body = Refusal),
    ),
)]
pub(super) async fn draw(
    State(app): State<Arc<App>>,
    who: ByStaff,
    OfPlan(plan): OfPlan,
    Body(DrawOrder { day }): Body<DrawOrder>,
) -> Result<Json<Drawn>, Refused> {
    let day: Date = day.parse().map_err(|_| Refused::field("day", "must be a day, e.g. \"2026-11-24\""))?;
    if !(2_000..2_200).contains(&day.year()) {
        return Err(Refused::field("day", "must be in this century or the next"));
    }
    Ok(Json(app.draw_by_hand(&who.inspector(), &plan, day).await?))
}

/// Of which time.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedResults {
    /// First day on which inspections were submitted, in Shanghai, e.g. `2026-11-23`.
    #[param(value_type = String, format = Date)]
    from: Date,
    /// Last day.
    #[param(value_type = String, format = Date)]
    to: Date,
    /// Of whom apart.
    #[serde(default)]
    #[param(inline, required = false)]
    by: QualityGroup,
}

/// Results of agents, teams or units, the lowest mean first
#[utoipa::path(
    get, path = "/api/quality/results", tag = "quality", security(("staff" = [])), params(WantedResults),
    responses((status = 200, body = QualityResults)),
)]
pub(super) async fn results(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedResults { from, to, by }): Params<WantedResults>,
) -> Result<Json<QualityResults>, Refused> {
    Ok(Json(app.quality_results(&who.staff, from, to, by).await?))
}

/// Of which time, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedFile {
    /// First day on which inspections were submitted.
    #[param(value_type = String, format = Date)]
    from: Date,
    /// Last day.
    #[param(value_type = String, format = Date)]
    to: Date,
    /// Kind of the file.
    #[param(value_type = String, pattern = "^(csv|xlsx)$")]
    format: Format,
}

/// The columns of an export; what was written is in none of them.
const HEADER: [&str; 15] = [
    "抽样周",
    "抽样方案",
    "抽样原因",
    "会话",
    "技能组",
    "帮办人员",
    "帮办人员姓名",
    "办结时间",
    "状态",
    "质检员",
    "提交时间",
    "得分",
    "复核得分",
    "复核人",
    "最终得分",
];

fn cells((line, decider): (InspectionLine, Option<String>)) -> Vec<Cell> {
    let points = |score: Option<u32>| score.map_or(Cell::Empty, |score| Cell::Number(score.into()));
    vec![
        Cell::text(line.week),
        Cell::text(line.plan_name),
        Cell::text(line.reason.as_str()),
        Cell::text(line.conversation.to_string()),
        Cell::text(line.team_name),
        Cell::text(line.agent.to_string()),
        Cell::text(line.agent_name),
        Cell::Instant(line.closed_at),
        Cell::text(line.state.as_str()),
        Cell::text(line.inspector_name.unwrap_or_default()),
        line.submitted_at.map_or(Cell::Empty, Cell::Instant),
        points(line.score),
        points(line.decided_score),
        Cell::text(decider.unwrap_or_default()),
        points(line.decided_score.or(line.score)),
    ]
}

/// The next rows; `None`: there are no more.
async fn next(
    (app, query): (Arc<App>, Option<InspectionQuery>),
) -> Option<(Result<Rows, Refused>, (Arc<App>, Option<InspectionQuery>))> {
    let mut query = query?;
    match app.exported_page(&mut query, PAGE).await {
        Ok(rows) => {
            let rest = (rows.len() == PAGE as usize).then_some(query);
            Some((Ok(rows.into_iter().map(cells).collect()), (app, rest)))
        }
        Err(error) => Some((Err(error.into()), (app, None))),
    }
}

/// Submitted inspections as a file, one row each
#[utoipa::path(
    get, path = "/api/quality/results/export", tag = "quality", security(("staff" = [])), params(WantedFile),
    responses(
        (status = 200, description = "The file", content(
            (inline(File) = "text/csv"),
            (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
    ),
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedFile { from, to, format }): Params<WantedFile>,
) -> Result<Response, Refused> {
    let query = app.exported_inspections(&who.inspector(), from, to).await?;
    let header = HEADER.map(str::to_owned).to_vec();
    table::file(format, &format!("quality-{from}-{to}"), header, stream::unfold((app, Some(query)), next)).await
}
