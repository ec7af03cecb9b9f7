//! What 小申 decides by, as it is kept (docs/bot.md). Who may do what is asked by `App`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use bangban_domain::ConversationId;
use bangban_protocol::{
    Refitted, RudeMessages, ThresholdBack, ThresholdList, ThresholdPut, WhyTry, WhyView, WordList, WordPut,
    WordsImported,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    admin::items::File,
    input::{Body, Params, RowNo},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::App;

/// Longest list of words that is imported.
pub(super) const MAX_WORDS_FILE: usize = 256 * 1024;

/// The thresholds that hold and their history
#[utoipa::path(
    get, path = "/api/bot/thresholds", operation_id = "list_thresholds", tag = "bot", security(("staff" = [])),
    responses((status = 200, body = ThresholdList)),
)]
pub(super) async fn thresholds(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<ThresholdList>, Refused> {
    Ok(Json(app.threshold_list(&who.staff).await?))
}

/// Sets new thresholds; they hold at once
#[utoipa::path(
    post, path = "/api/bot/thresholds", operation_id = "set_thresholds", tag = "bot", security(("staff" = [])),
    request_body = ThresholdPut,
    responses(
        (status = 200, body = ThresholdList),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn set_thresholds(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(put): Body<ThresholdPut>,
) -> Result<Json<ThresholdList>, Refused> {
    Ok(Json(app.put_thresholds(&who.keeper(), put).await?))
}

/// Goes back to an earlier version; that makes a new one
#[utoipa::path(
    post, path = "/api/bot/thresholds/rollback", operation_id = "roll_back_thresholds", tag = "bot",
    security(("staff" = [])), request_body = ThresholdBack,
    responses(
        (status = 200, body = ThresholdList),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn roll_back(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(back): Body<ThresholdBack>,
) -> Result<Json<ThresholdList>, Refused> {
    Ok(Json(app.roll_back_thresholds(&who.keeper(), back).await?))
}

/// Fits calibrator and thresholds by labels, as every night; a new version holds if it is better
#[utoipa::path(
    post, path = "/api/bot/thresholds/refit", operation_id = "refit_thresholds", tag = "bot", security(("staff" = [])),
    responses(
        (status = 200, body = Refitted),
        (status = 409, description = "Somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn refit(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<Refitted>, Refused> {
    Ok(Json(app.refit_thresholds(&who.keeper()).await?))
}

/// How often 小申 was only insulted, by day, without anything of who did
#[utoipa::path(
    get, path = "/api/bot/rude", operation_id = "rude_messages", tag = "bot", security(("staff" = [])),
    responses((status = 200, body = RudeMessages)),
)]
pub(super) async fn rude(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<RudeMessages>, Refused> {
    Ok(Json(app.rude_messages(&who.staff).await?))
}

/// What 小申 said.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OfEntry {
    /// In which conversation.
    #[param(value_type = String)]
    conversation: ConversationId,
    /// Position of the entry in its thread.
    #[param(value_type = u64)]
    seq: RowNo,
}

/// Why 小申 said this
#[utoipa::path(
    get, path = "/api/bot/why", operation_id = "why_said", tag = "bot", security(("staff" = [])), params(OfEntry),
    responses(
        (status = 200, body = WhyView),
        (status = 404, description = "No conversation that you may read, or nothing that 小申 decided", body = Refusal),
    ),
)]
pub(super) async fn why(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(OfEntry { conversation, seq }): Params<OfEntry>,
) -> Result<Json<WhyView>, Refused> {
    Ok(Json(app.why_said(&who.staff, conversation, seq.0).await?))
}

/// Why a question would be answered as it would
#[utoipa::path(
    post, path = "/api/bot/why", operation_id = "why_asked", tag = "bot", security(("staff" = [])),
    request_body = WhyTry,
    responses((status = 200, body = WhyView)),
)]
pub(super) async fn try_question(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(wanted): Body<WhyTry>,
) -> Result<Json<WhyView>, Refused> {
    Ok(Json(app.why_asked(&who.staff, &wanted)?))
}

/// What is looked for in the list of words.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Looked {
    /// Part of a word, or of what is read instead.
    #[serde(default)]
    #[param(required = false, max_length = 20)]
    q: String,
}

/// Words that are read as others
#[utoipa::path(
    get, path = "/api/bot/words", operation_id = "list_words", tag = "bot", security(("staff" = [])), params(Looked),
    responses((status = 200, body = WordList)),
)]
pub(super) async fn words(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(Looked { q }): Params<Looked>,
) -> Result<Json<WordList>, Refused> {
    Ok(Json(app.word_list(&who.staff, &q).await?))
}

/// Adds a word, or reads it otherwise; that holds at once
#[utoipa::path(
    put, path = "/api/bot/words", operation_id = "put_word", tag = "bot", security(("staff" = [])),
    request_body = WordPut,
    responses((status = 200, body = WordList)),
)]
pub(super) async fn put_word(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(put): Body<WordPut>,
) -> Result<Json<WordList>, Refused> {
    Ok(Json(app.put_word(&who.keeper(), put).await?))
}

/// Which word.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OfWord {
    /// The word.
    #[param(max_length = 20)]
    word: String,
}

/// Takes a word out; that holds at once
#[utoipa::path(
    delete, path = "/api/bot/words", operation_id = "remove_word", tag = "bot", security(("staff" = [])),
    params(OfWord),
    responses(
        (status = 204, description = "It is read as it stands"),
        (status = 404, description = "The list does not have it", body = Refusal),
    ),
)]
pub(super) async fn remove_word(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(OfWord { word }): Params<OfWord>,
) -> Result<StatusCode, Refused> {
    app.drop_word(&who.keeper(), word.trim()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds the words of a file: a word, a tab and what is read instead, a pair a line; `#` begins a comment
#[utoipa::path(
    post, path = "/api/bot/words/import", operation_id = "import_words", tag = "bot", security(("staff" = [])),
    request_body(content = inline(File), content_type = "application/octet-stream", description = "The file"),
    responses((status = 200, body = WordsImported)),
)]
pub(super) async fn import_words(
    State(app): State<Arc<App>>,
    who: ByStaff,
    File(bytes): File,
) -> Result<Json<WordsImported>, Refused> {
    Ok(Json(app.import_words(&who.keeper(), &bytes).await?))
}
