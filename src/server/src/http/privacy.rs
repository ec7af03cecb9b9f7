//! Reveal, retention, and everything about one person (docs/privacy.md). What looks at or changes personal data leaves a
//! line in the audit log before it is answered.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json,
    body::Body as Bytes,
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bangban_domain::{
    AgentId, CitizenId, Timestamp, citizen::shown_name, conversation, privacy::Data, rights::Action, words::CitizenKind,
};
use bangban_protocol::{Reveal, Revealed};
use bangban_store::{Author, CitizenRow, ErasureRow, RunRow};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    bearer::Bearer,
    client::Client,
    input::{Body, Named},
    openapi::Refusal,
    refused::Refused,
    staff::By,
};
use crate::{
    app::{App, reason},
    privacy::{people::Act, retention::Part},
};

/// Shows one masked thing to the one who asks, for a minute
#[utoipa::path(
    post, path = "/api/staff/reveal", tag = "privacy", security(("staff" = [])), request_body = Reveal,
    responses(
        (status = 200, body = Revealed),
        (status = 404, description = "No such conversation, entry or value", body = Refusal),
    ),
)]
pub(super) async fn reveal(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Bearer(who): Bearer,
    Body(wanted): Body<Reveal>,
) -> Result<Response, Refused> {
    let shown = app.reveal(&who, &wanted, client.address).await?;
    Ok(no_store(Json(shown)))
}

/// Nobody between us and the one who asks may keep it.
fn no_store(answer: impl axum::response::IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

// --- retention ----------------------------------------------------------------------------------------------------

/// What became of one kind of data in a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartView {
    /// ordinary, personal or sensitive.
    class: &'static str,
    /// Days that it is kept.
    days: u32,
    /// What is older goes.
    before: Timestamp,
    /// How much went, or would.
    deleted: u64,
    /// How much stayed, because it is under legal hold.
    held: u64,
}

fn parts(report: &BTreeMap<Data, Part>) -> BTreeMap<String, PartView> {
    let view = |data: Data, part: &Part| PartView {
        class: data.class().as_str(),
        days: part.days,
        before: part.before,
        deleted: part.deleted,
        held: part.held,
    };
    report.iter().map(|(data, part)| (data.as_str().to_owned(), view(*data, part))).collect()
}

/// A run of retention.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunView {
    /// 1, 2, ...
    no: u64,
    /// Begin.
    started_at: Timestamp,
    /// End; null: it goes on, or was cut off and will go on.
    finished_at: Option<Timestamp>,
    /// `schedule`, or the id of who asked for it.
    cause: String,
    /// By kind of data.
    parts: BTreeMap<String, PartView>,
}

fn run_view(row: RunRow) -> RunView {
    let report = serde_json::from_str(row.report.as_str()).unwrap_or_default();
    let RunRow { no, started_at, finished_at, cause, .. } = row;
    RunView { no, started_at, finished_at, cause, parts: parts(&report) }
}

/// The last runs.
#[derive(Serialize, ToSchema)]
pub(super) struct Runs {
    /// The last one first, at most 100.
    runs: Vec<RunView>,
    /// What a run would delete now, by kind of data.
    next: BTreeMap<String, PartView>,
}

/// The last runs of retention, and what the next one would delete
#[utoipa::path(
    get, path = "/api/admin/retention/runs", tag = "privacy", security(("staff" = [])),
    responses((status = 200, body = Runs)),
)]
pub(super) async fn runs(State(app): State<Arc<App>>, Bearer(who): Bearer) -> Result<Json<Runs>, Refused> {
    app.require_city(&who, &[Action::ManageRetention, Action::ReadAudit])?;
    let runs = app.store.archive().retention_runs(100).await.map_err(|error| Refused::internal(&error))?;
    let next = app.retention.preview().await.map_err(|error| Refused::internal(&format!("{error:#}")))?;
    Ok(Json(Runs { runs: runs.into_iter().map(run_view).collect(), next: parts(&next) }))
}

/// Deletes what is due now instead of tonight
#[utoipa::path(
    post, path = "/api/admin/retention/runs", tag = "privacy", security(("staff" = [])),
    responses((status = 200, description = "It has come to its end", body = RunView)),
)]
pub(super) async fn run(State(app): State<Arc<App>>, Bearer(who): Bearer) -> Result<Json<RunView>, Refused> {
    let staff = app.require_city(&who, &[Action::ManageRetention])?;
    let by = Author::Agent(staff.id);
    // To its end, whoever waits for it.
    let task = tokio::spawn(async move { app.retention.run(by).await });
    let row = task.await.map_err(|error| Refused::internal(&error))?;
    Ok(Json(run_view(row.map_err(|error| Refused::internal(&format!("{error:#}")))?)))
}

// --- one person ---------------------------------------------------------------------------------------------------

/// Whom to find: in the body, so that no telephone number stands in an address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    /// Id of the person or of a conversation, a receipt, or a telephone number, exactly.
    q: String,
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// 4..=200 characters; goes to the audit log.
    reason: String,
}

/// A person as those see them who handle personal data.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonView {
    /// Id.
    id: CitizenId,
    /// Masked.
    name: String,
    /// Person or enterprise.
    kind: CitizenKind,
    /// Masked.
    phone: Option<String>,
    /// Real-name level.
    level: String,
    /// Last token.
    seen_at: Timestamp,
    /// How many conversations there are.
    conversations: usize,
    /// How many of them are not closed.
    open: usize,
    /// Under legal hold?
    held: bool,
    /// Erasure that waits for a second person.
    erasure: Option<ErasureView>,
}

/// People found.
#[derive(Serialize, ToSchema)]
pub(super) struct Found {
    /// At most 20.
    people: Vec<PersonView>,
}

/// A wish to erase.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErasureView {
    /// Id.
    id: String,
    /// Whose data.
    citizen: CitizenId,
    /// Who asked.
    asked_by: AgentId,
    /// When.
    asked_at: Timestamp,
    /// Why.
    reason: String,
    /// asked, done or refused.
    state: &'static str,
    /// Who confirmed or refused.
    decided_by: Option<AgentId>,
    /// When.
    decided_at: Option<Timestamp>,
    /// What was erased: counts and hashes of ids.
    #[schema(value_type = Option<Object>)]
    proof: Option<serde_json::Value>,
}

fn erasure_view(row: ErasureRow) -> ErasureView {
    let (decided_by, decided_at) = row.decided.unzip();
    ErasureView {
        id: row.id,
        citizen: row.citizen,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        reason: row.reason,
        state: row.state.as_str(),
        decided_by,
        decided_at,
        proof: row.proof.and_then(|proof| serde_json::from_str(proof.as_str()).ok()),
    }
}

impl App {
    async fn person_view(&self, row: CitizenRow) -> Result<PersonView, Refused> {
        let (conversations, open) = self.people.count(row.id).await?;
        Ok(PersonView {
            name: shown_name(&row.name, row.kind, row.anonymous),
            phone: row.phone.as_deref().map(conversation::masked_telephone),
            id: row.id,
            kind: row.kind,
            level: row.level,
            seen_at: row.seen_at,
            conversations,
            open,
            held: self.is_held(row.id).await?,
            erasure: self.people.waiting_erasure(row.id).await?.map(erasure_view),
        })
    }

    /// Is the person, or one of their conversations, under legal hold?
    async fn is_held(&self, id: CitizenId) -> Result<bool, Refused> {
        let failed = |error: anyhow::Error| Refused::internal(&format!("{error:#}"));
        let rules = self.retention.rules().await.map_err(failed)?;
        let conversations = self.store.archive().all_conversations_of(id).await;
        let conversations = conversations.map_err(|error| Refused::internal(&error))?;
        let person = id.to_string();
        Ok(rules.is_held(Some(&person), None)
            || conversations.iter().any(|id| rules.is_held(None, Some(&id.to_string()))))
    }
}

/// One who may handle personal data, and from where.
pub(super) struct Handling(Act);

impl FromRequestParts<Arc<App>> for Handling {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let Bearer(who) = Bearer::from_request_parts(parts, app).await?;
        let By(caller, _) = By::from_request_parts(parts, app).await?;
        let staff = app.require_city(&who, &[Action::HandlePersonalData])?;
        Ok(Self(Act { by: staff.id, address: caller.address, reason: None }))
    }
}

impl Handling {
    fn because(self, Because(reason): Because) -> Act {
        Act { reason: Some(reason), ..self.0 }
    }
}

/// A body that says why, and well enough.
pub(super) struct Because(String);

impl FromRequest<Arc<App>> for Because {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refused> {
        let Body(why) = Body::<Why>::from_request(request, app).await?;
        Ok(Self(reason(&why.reason)?))
    }
}

/// Finds a person who asks for their data
#[utoipa::path(
    post, path = "/api/admin/citizens/find", tag = "privacy", security(("staff" = [])), request_body = Find,
    responses((status = 200, body = Found)),
)]
pub(super) async fn find(
    State(app): State<Arc<App>>,
    Handling(act): Handling,
    Body(Find { q }): Body<Find>,
) -> Result<Response, Refused> {
    let mut people = Vec::new();
    for row in app.people.find(&q).await? {
        app.people.tell(&act, "citizen.read", row.id).await?;
        people.push(app.person_view(row).await?);
    }
    Ok(no_store(Json(Found { people })))
}

/// Everything about one person as a ZIP archive
#[utoipa::path(
    post, path = "/api/admin/citizens/{id}/export", tag = "privacy", security(("staff" = [])), request_body = Why,
    params(("id" = CitizenId, Path, description = "Whose data")),
    responses(
        (status = 200, description = "A ZIP archive: JSON, files, and a page to read", content_type = "application/zip"),
        (status = 404, description = "No such person", body = Refusal),
    ),
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    by: Handling,
    Named(id): Named<CitizenId>,
    why: Because,
) -> Result<Response, Refused> {
    let parts = app.people.export(id, &by.because(why)).await?;
    let parts = stream::unfold(parts, |mut parts| async move { Some((parts.recv().await?, parts)) });
    let mut response = no_store(Bytes::from_stream(parts));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{id}.zip\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Asks for the erasure of a person's data; somebody else has to confirm it
#[utoipa::path(
    post, path = "/api/admin/citizens/{id}/erase", tag = "privacy", security(("staff" = [])), request_body = Why,
    params(("id" = CitizenId, Path, description = "Whose data")),
    responses(
        (status = 202, body = ErasureView),
        (status = 404, description = "No such person", body = Refusal),
        (status = 409, description = "Under legal hold (field hold), a conversation is open (field conversations), or asked for already", body = Refusal),
    ),
)]
pub(super) async fn erase(
    State(app): State<Arc<App>>,
    by: Handling,
    Named(id): Named<CitizenId>,
    why: Because,
) -> Result<Response, Refused> {
    let row = app.people.ask_erasure(id, &by.because(why), app.is_held(id).await?).await?;
    Ok((StatusCode::ACCEPTED, Json(erasure_view(row))).into_response())
}

/// Confirms an erasure that somebody else has asked for
#[utoipa::path(
    post, path = "/api/admin/citizens/{id}/erase/confirm", tag = "privacy", security(("staff" = [])), request_body = Why,
    params(("id" = CitizenId, Path, description = "Whose data")),
    responses(
        (status = 200, description = "Erased; with the proof", body = ErasureView),
        (status = 404, description = "Nobody has asked for it", body = Refusal),
        (status = 409, description = "Under legal hold (field hold), or a conversation is open (field conversations)", body = Refusal),
    ),
)]
pub(super) async fn confirm_erasure(
    State(app): State<Arc<App>>,
    by: Handling,
    Named(id): Named<CitizenId>,
    why: Because,
) -> Result<Json<ErasureView>, Refused> {
    let row = app.people.confirm_erasure(id, &by.because(why), app.is_held(id).await?).await?;
    Ok(Json(erasure_view(row)))
}

/// Refuses an erasure
#[utoipa::path(
    post, path = "/api/admin/citizens/{id}/erase/refuse", tag = "privacy", security(("staff" = [])), request_body = Why,
    params(("id" = CitizenId, Path, description = "Whose data")),
    responses(
        (status = 200, body = ErasureView),
        (status = 404, description = "Nobody has asked for it", body = Refusal),
    ),
)]
pub(super) async fn refuse_erasure(
    State(app): State<Arc<App>>,
    by: Handling,
    Named(id): Named<CitizenId>,
    why: Because,
) -> Result<Json<ErasureView>, Refused> {
    Ok(Json(erasure_view(app.people.refuse_erasure(id, &by.because(why)).await?)))
}

/// Wishes to erase.
#[derive(Serialize, ToSchema)]
pub(super) struct Erasures {
    /// Open ones first, at most 100.
    erasures: Vec<ErasureView>,
}

/// Erasures that were asked for, with what became of them
#[utoipa::path(
    get, path = "/api/admin/erasures", tag = "privacy", security(("staff" = [])),
    responses((status = 200, body = Erasures)),
)]
pub(super) async fn erasures(State(app): State<Arc<App>>, Bearer(who): Bearer) -> Result<Json<Erasures>, Refused> {
    app.require_city(&who, &[Action::HandlePersonalData, Action::ReadAudit])?;
    let rows = app.people.erasures().await?;
    Ok(Json(Erasures { erasures: rows.into_iter().map(erasure_view).collect() }))
}
