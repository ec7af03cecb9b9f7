//! What conversations teach (docs/bot.md, "Learning"). Who may do what is asked by `App`.

use std::{str::FromStr, sync::Arc};

use axum::{Json, extract::State, http::StatusCode, response::Response};
use bangban_protocol::{ClusterOrder, ClusterPage, Lowered, RegressionImported, RegressionNew, RegressionPage};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    admin::items::File,
    input::{Body, Named},
    knowledge::{EntryId, lines},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::App;

/// Longest order: a thousand labels.
pub(super) const MAX_ORDER: usize = 256 * 1024;

/// Longest file of the regression set.
pub(super) const MAX_FILE: usize = 512 * 1024;

/// What became of a cluster.
#[derive(Serialize, ToSchema)]
pub(super) struct ClusterUsed {
    /// The task that was opened, or joined.
    task: Option<String>,
    /// The entry whose draft has the wordings.
    entry: Option<String>,
}

/// The id of a question of the regression set in a path.
pub(super) struct QuestionId(String);

impl FromStr for QuestionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_id =
            (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_id { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// Questions of one's units that had no good answer, joined by meaning
#[utoipa::path(
    get, path = "/api/learning/clusters", operation_id = "question_clusters", tag = "knowledge", security(("staff" = [])),
    responses((status = 200, body = ClusterPage)),
)]
pub(super) async fn clusters(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<ClusterPage>, Refused> {
    Ok(Json(app.question_clusters(&who.staff).await?))
}

/// Makes a gap task or similar questions of a cluster, or puts it aside
#[utoipa::path(
    post, path = "/api/learning/clusters", operation_id = "use_cluster", tag = "knowledge", security(("staff" = [])),
    request_body = ClusterOrder,
    responses(
        (status = 200, body = ClusterUsed),
        (status = 404, description = "A label that you may not use, or none", body = Refusal),
        (status = 409, description = "The entry waits for its review, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn use_cluster(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(order): Body<ClusterOrder>,
) -> Result<Json<ClusterUsed>, Refused> {
    let used = app.use_cluster(&who.keeper(), order).await?;
    Ok(Json(ClusterUsed { task: used.task.map(|task| task.to_string()), entry: used.entry }))
}

/// The regression set as 小申 answers it now, and what it may grow by
#[utoipa::path(
    get, path = "/api/learning/regression", operation_id = "regression_set", tag = "knowledge", security(("staff" = [])),
    responses((status = 200, body = RegressionPage)),
)]
pub(super) async fn regression(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<RegressionPage>, Refused> {
    Ok(Json(app.regression_page(&who.staff).await?))
}

/// Keeps a question in the regression set
#[utoipa::path(
    post, path = "/api/learning/regression", operation_id = "keep_question", tag = "knowledge", security(("staff" = [])),
    request_body = RegressionNew,
    responses(
        (status = 204, description = "It is in the set"),
        (status = 404, description = "A label that you may not use, or none", body = Refusal),
    ),
)]
pub(super) async fn keep(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(new): Body<RegressionNew>,
) -> Result<StatusCode, Refused> {
    app.keep_question(&who.keeper(), new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a question out of the regression set
#[utoipa::path(
    delete, path = "/api/learning/regression/{id}", operation_id = "drop_question", tag = "knowledge", security(("staff" = [])),
    params(("id" = String, Path, description = "Which")),
    responses(
        (status = 204, description = "It is not in the set any more"),
        (status = 404, description = "No such question", body = Refusal),
    ),
)]
pub(super) async fn forget(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(QuestionId(id)): Named<QuestionId>,
) -> Result<StatusCode, Refused> {
    app.drop_question(&who.keeper(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The regression set as a file: a line `{"q", "e", "item"}` for each question
#[utoipa::path(
    get, path = "/api/learning/regression/export", operation_id = "export_questions", tag = "knowledge",
    security(("staff" = [])),
    responses((status = 200, body = String, content_type = "application/jsonl", description = "The file")),
)]
pub(super) async fn export(State(app): State<Arc<App>>, who: ByStaff) -> Result<Response, Refused> {
    let all = app.export_questions(&who.staff).await?;
    Ok(lines(stream::iter([Ok(all)]), "attachment; filename=\"regression.jsonl\""))
}

/// Adds the questions of a file in the form of the export; all of them or none
#[utoipa::path(
    post, path = "/api/learning/regression/import", operation_id = "import_questions", tag = "knowledge",
    security(("staff" = [])),
    request_body(content = inline(File), content_type = "application/octet-stream", description = "The file"),
    responses((status = 200, body = RegressionImported)),
)]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    who: ByStaff,
    File(bytes): File,
) -> Result<Json<RegressionImported>, Refused> {
    Ok(Json(app.import_questions(&who.keeper(), &bytes).await?))
}

/// Questions of the regression set that publishing what is open of an entry would answer worse
#[utoipa::path(
    get, path = "/api/knowledge/entries/{id}/lowered", operation_id = "lowered_questions", tag = "knowledge",
    security(("staff" = [])), params(("id" = String, Path, description = "Which")),
    responses(
        (status = 200, body = Vec<Lowered>),
        (status = 404, description = "None that you may see", body = Refusal),
    ),
)]
pub(super) async fn lowered(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(id)): Named<EntryId>,
) -> Result<Json<Vec<Lowered>>, Refused> {
    Ok(Json(app.lowered_by_waiting(&who.staff, &id).await?))
}
