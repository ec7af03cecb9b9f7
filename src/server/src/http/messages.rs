//! What is told to people and systems (docs/tasks.md): the outbox, its templates, one's own reminders, and what a citizen does
//! not want. Who may see what is asked by `App`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use bangban_domain::{
    NoticeId,
    task::{MessageChannel, OutboxState},
    words::Language,
};
use bangban_protocol::{ErrorCode, OutboxPage, TemplateOrder, TemplateView, WantedChannels, WireError};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    bearer::Bearer,
    input::{Body, Named, Params},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::{
    app::{App, WantedMessages},
    auth::{Citizen, Principal},
};

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// In this state.
    #[param(inline)]
    state: Option<OutboxState>,
    /// By this channel.
    #[param(inline)]
    channel: Option<MessageChannel>,
    /// Those that come after this one.
    #[param(value_type = Option<String>)]
    before: Option<NoticeId>,
    /// The language of the texts.
    #[param(inline)]
    language: Option<Language>,
}

/// What is told to people and systems, the newest first; to whom, masked
#[utoipa::path(
    get, path = "/api/messages", tag = "tasks", security(("staff" = [])), params(Wanted),
    responses((status = 200, body = OutboxPage), (status = 404, description = "`before` is none", body = Refusal)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Wanted { state, channel, before, language }): Params<Wanted>,
) -> Result<Json<OutboxPage>, Refused> {
    let language = language.unwrap_or(Language::Chinese);
    Ok(Json(app.outbox(&who.staff, WantedMessages { state, channel, before }, language).await?))
}

/// Sends a message again that was given up
#[utoipa::path(
    post, path = "/api/messages/{id}/replay", tag = "tasks", security(("staff" = [])),
    params(("id" = NoticeId, Path, description = "Which")),
    responses(
        (status = 204, description = "It is sent again"),
        (status = 404, description = "No such message", body = Refusal),
        (status = 409, description = "It is not given up", body = Refusal),
    ),
)]
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<NoticeId>,
) -> Result<StatusCode, Refused> {
    app.replay(&who.worker(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of one's own.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Mine {
    /// Those that come after this one.
    #[param(value_type = Option<String>)]
    before: Option<NoticeId>,
    /// The language of the texts.
    #[param(inline)]
    language: Option<Language>,
}

/// What one was reminded of, the newest first
#[utoipa::path(
    get, path = "/api/messages/mine", tag = "tasks", security(("staff" = [])), params(Mine),
    responses((status = 200, body = OutboxPage), (status = 404, description = "`before` is none", body = Refusal)),
)]
pub(super) async fn mine(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Mine { before, language }): Params<Mine>,
) -> Result<Json<OutboxPage>, Refused> {
    Ok(Json(app.inbox(&who.staff, before, language.unwrap_or(Language::Chinese)).await?))
}

/// The words of all messages
#[utoipa::path(
    get, path = "/api/templates", tag = "tasks", security(("staff" = [])),
    responses((status = 200, body = Vec<TemplateView>)),
)]
pub(super) async fn templates(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<Vec<TemplateView>>, Refused> {
    Ok(Json(app.templates(&who.staff).await?))
}

/// Other words for a message
#[utoipa::path(
    put, path = "/api/templates", tag = "tasks", security(("staff" = [])), request_body = TemplateOrder,
    responses(
        (status = 200, body = Vec<TemplateView>),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn put_template(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(order): Body<TemplateOrder>,
) -> Result<Json<Vec<TemplateView>>, Refused> {
    Ok(Json(app.put_template(&who.worker(), order).await?))
}

/// The citizen of a token: a second device decides nothing for its owner.
fn citizen(who: Principal) -> Result<Citizen, Refused> {
    match who {
        Principal::Citizen(citizen) if citizen.continuation.is_none() => Ok(citizen),
        _ => Err(WireError::new(ErrorCode::Forbidden, "only the citizen may do this").into()),
    }
}

/// What one wants to be told by
#[utoipa::path(
    get, path = "/api/citizen/channels", tag = "tasks", security(("citizen" = [])),
    responses((status = 200, body = WantedChannels)),
)]
pub(super) async fn channels(
    State(app): State<Arc<App>>,
    Bearer(who): Bearer,
) -> Result<Json<WantedChannels>, Refused> {
    Ok(Json(app.wanted_channels(&citizen(who)?).await?))
}

/// Changes that
#[utoipa::path(
    put, path = "/api/citizen/channels", tag = "tasks", security(("citizen" = [])), request_body = WantedChannels,
    responses((status = 200, body = WantedChannels)),
)]
pub(super) async fn want_channels(
    State(app): State<Arc<App>>,
    Bearer(who): Bearer,
    Body(wanted): Body<WantedChannels>,
) -> Result<Json<WantedChannels>, Refused> {
    Ok(Json(app.want_channels(&citizen(who)?, wanted).await?))
}
