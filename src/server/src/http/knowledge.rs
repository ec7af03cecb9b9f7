//! The knowledge base (docs/knowledge.md). Who may do what is asked by `App`.

use std::{str::FromStr, sync::Arc};

use axum::{
    Json,
    body::Body as Stream,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bangban_domain::{
    ConversationId,
    knowledge::{Content, EntryState, OpenState, Origin},
};
use bangban_protocol::{
    EntryChanges, EntryCounts, EntryDraft, EntryNew, EntryPage, EntryRelative, EntryStepOrder, EntryView, ImportReport,
    WrittenBackPage,
};
use bangban_store::KnowledgeQuery;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admin::items::File,
    figures::table::{self, Cell},
    input::{Body, Named, Params},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::{App, ENTRY_COLUMNS, EntryFormat, EntryUpload, FileEntry, Keeper, WantedEntries};

/// Largest file of entries.
pub(super) const MAX_FILE: usize = 64 * 1024 * 1024;

/// Entries of an export that are read at one time.
const PAGE: u32 = 200;

/// Longest entry: 50 similar questions and an answer of 4 000 characters.
pub(super) const MAX_ENTRY: usize = 256 * 1024;

impl ByStaff {
    pub(super) fn keeper(&self) -> Keeper<'_> {
        Keeper { staff: &self.staff, address: &self.caller.address }
    }
}

/// The id of an entry in a path.
pub(super) struct EntryId(pub(super) String);

impl FromStr for EntryId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_id = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte));
        if is_id { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Where it stands.
    #[param(inline)]
    state: Option<EntryState>,
    /// What is open of it.
    #[param(inline)]
    open: Option<OpenState>,
    /// Code of the unit; those below it too.
    #[param(max_length = 64)]
    unit: Option<String>,
    /// Code of the item.
    #[param(max_length = 64)]
    item: Option<String>,
    /// Where it comes from.
    #[param(inline)]
    origin: Option<Origin>,
    /// Words that stand in it, at most five count.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Those that come after this one.
    #[param(max_length = 64)]
    before: Option<String>,
}

fn at_most(field: &str, text: Option<&String>, most: usize) -> Result<(), Refused> {
    match text {
        Some(text) if text.chars().count() > most || text.contains('\0') => {
            Err(Refused::field(field, &format!("must have at most {most} characters")))
        }
        _ => Ok(()),
    }
}

/// Entries of one's units, the last changed first
#[utoipa::path(
    get, path = "/api/knowledge/entries", operation_id = "list_entries", tag = "knowledge", security(("staff" = [])), params(Wanted),
    responses(
        (status = 200, body = EntryPage),
        (status = 404, description = "`before` is none", body = Refusal),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<Wanted>,
) -> Result<Json<EntryPage>, Refused> {
    let Wanted { state, open, unit, item, origin, q, before } = wanted;
    for (field, text) in [("unit", &unit), ("item", &item), ("before", &before)] {
        at_most(field, text.as_ref(), 64)?;
    }
    at_most("q", q.as_ref(), 200)?;
    let words = q.unwrap_or_default();
    let wanted = WantedEntries { state, open, unit, item, origin, words, before };
    Ok(Json(app.knowledge_entries(&who.staff, wanted).await?))
}

/// Makes an entry; its first revision is a draft
#[utoipa::path(
    post, path = "/api/knowledge/entries", operation_id = "make_entry", tag = "knowledge", security(("staff" = [])),
    request_body = EntryNew,
    responses((status = 200, body = EntryView)),
)]
pub(super) async fn make(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(put): Body<EntryNew>,
) -> Result<Json<EntryView>, Refused> {
    Ok(Json(app.make_entry(&who.keeper(), put).await?))
}

/// An entry with its revisions and sources
#[utoipa::path(
    get, path = "/api/knowledge/entries/{id}", operation_id = "read_entry", tag = "knowledge", security(("staff" = [])),
    params(("id" = String, Path, description = "Which")),
    responses((status = 200, body = EntryView), (status = 404, description = "None that you may see", body = Refusal)),
)]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(id)): Named<EntryId>,
) -> Result<Json<EntryView>, Refused> {
    Ok(Json(app.knowledge_entry(&who.staff, &id).await?))
}

/// Which revisions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Compared {
    /// Number of the revision.
    to: u32,
    /// Number of the older one; without it everything is told.
    from: Option<u32>,
}

/// What a revision changes against an older one
#[utoipa::path(
    get, path = "/api/knowledge/entries/{id}/changes", operation_id = "compare_revisions", tag = "knowledge",
    security(("staff" = [])), params(("id" = String, Path, description = "Which"), Compared),
    responses(
        (status = 200, body = EntryChanges),
        (status = 404, description = "None that you may see, or no such revision", body = Refusal),
    ),
)]
pub(super) async fn changes(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(id)): Named<EntryId>,
    Params(Compared { to, from }): Params<Compared>,
) -> Result<Json<EntryChanges>, Refused> {
    Ok(Json(app.entry_changes(&who.staff, &id, to, from).await?))
}

/// Writes in the open draft, or begins the next revision
#[utoipa::path(
    put, path = "/api/knowledge/entries/{id}/draft", operation_id = "save_entry", tag = "knowledge", security(("staff" = [])),
    request_body = EntryDraft, params(("id" = String, Path, description = "Which")),
    responses(
        (status = 200, body = EntryView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "It waits for its review, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn draft(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(id)): Named<EntryId>,
    Body(put): Body<EntryDraft>,
) -> Result<Json<EntryView>, Refused> {
    Ok(Json(app.save_draft(&who.keeper(), &id, put).await?))
}

/// Takes a step: submits, sends back, publishes, restores, retires
#[utoipa::path(
    post, path = "/api/knowledge/entries/{id}/steps", operation_id = "step_entry", tag = "knowledge", security(("staff" = [])),
    request_body = EntryStepOrder, params(("id" = String, Path, description = "Which")),
    responses(
        (status = 200, body = EntryView),
        (status = 404, description = "None that you may see", body = Refusal),
        (status = 409, description = "The entry stands elsewhere, or somebody else was faster", body = Refusal),
    ),
)]
pub(super) async fn step(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(EntryId(id)): Named<EntryId>,
    Body(order): Body<EntryStepOrder>,
) -> Result<Json<EntryView>, Refused> {
    Ok(Json(app.entry_step(&who.keeper(), &id, order).await?))
}

/// What somebody is about to save.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryCheck {
    /// Id of the entry, if there is one already.
    #[serde(default)]
    #[schema(max_length = 64)]
    id: Option<String>,
    /// What it says.
    content: Content,
}

/// Entries that a text would be a duplicate of, contradict, or be near to
#[utoipa::path(
    post, path = "/api/knowledge/check", operation_id = "check_entry", tag = "knowledge", security(("staff" = [])),
    request_body = EntryCheck,
    responses((status = 200, body = Vec<EntryRelative>)),
)]
pub(super) async fn relatives(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(EntryCheck { id, content }): Body<EntryCheck>,
) -> Result<Json<Vec<EntryRelative>>, Refused> {
    Ok(Json(app.knowledge_relatives(&who.staff, id.as_deref().unwrap_or_default(), &content)?))
}

/// How many entries of each of one's units stand where
#[utoipa::path(
    get, path = "/api/knowledge/counts", operation_id = "count_entries", tag = "knowledge", security(("staff" = [])),
    responses((status = 200, body = Vec<EntryCounts>)),
)]
pub(super) async fn counts(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<Vec<EntryCounts>>, Refused> {
    Ok(Json(app.knowledge_counts(&who.staff).await?))
}

/// Of one's own.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// Those that come after the answer of this conversation.
    #[param(value_type = Option<String>)]
    before: Option<ConversationId>,
}

/// What became of the answers that one wrote back, the newest first
#[utoipa::path(
    get, path = "/api/knowledge/written-back", operation_id = "written_back", tag = "knowledge", security(("staff" = [])),
    params(After),
    responses(
        (status = 200, body = WrittenBackPage),
        (status = 404, description = "`before` is none", body = Refusal),
    ),
)]
pub(super) async fn written_back(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(After { before }): Params<After>,
) -> Result<Json<WrittenBackPage>, Refused> {
    Ok(Json(app.written_back(&who.staff, before).await?))
}

/// Which file, and what to do with it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WantedImport {
    /// Its kind.
    #[param(value_type = String, pattern = "^(csv|xlsx|jsonl)$")]
    pub(super) format: EntryFormat,
    /// Only say what would be done.
    #[serde(default)]
    #[param(required = false)]
    pub(super) dry_run: bool,
    /// Import the good rows although there are bad ones.
    #[serde(default)]
    #[param(required = false)]
    pub(super) skip_bad: bool,
}

/// Imports entries from a file; they wait for a second person
///
/// Nothing is imported if there is a bad row, unless `skipBad`; docs/knowledge.md has the columns.
#[utoipa::path(
    post, path = "/api/knowledge/import", operation_id = "import_entries", tag = "knowledge", security(("staff" = [])),
    params(WantedImport),
    request_body(content = inline(File), content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 200, body = ImportReport),
        (status = 409, description = "Somebody else has changed an entry meanwhile; parts before it stay", body = Refusal),
    ),
)]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedImport { format, dry_run, skip_bad }): Params<WantedImport>,
    File(bytes): File,
) -> Result<Json<ImportReport>, Refused> {
    Ok(Json(app.import_entries(&who.keeper(), EntryUpload { format, bytes, dry_run, skip_bad }).await?))
}

/// How.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedExport {
    /// Kind of the file.
    #[param(value_type = String, pattern = "^(csv|xlsx|jsonl)$")]
    format: EntryFormat,
}

/// The next entries; `None`: there are no more.
async fn next(
    (app, query): (Arc<App>, Option<KnowledgeQuery>),
) -> Option<(Result<Vec<FileEntry>, Refused>, (Arc<App>, Option<KnowledgeQuery>))> {
    let mut query = query?;
    match app.exported_entries(&mut query, PAGE).await {
        Ok(rows) => {
            let rest = (rows.len() == PAGE as usize).then_some(query);
            Some((Ok(rows), (app, rest)))
        }
        Err(error) => Some((Err(error.into()), (app, None))),
    }
}

/// Entries of one's units as a file that can be imported again: what is open of each, else what holds
#[utoipa::path(
    get, path = "/api/knowledge/export", operation_id = "export_entries", tag = "knowledge", security(("staff" = [])),
    params(WantedExport),
    responses((status = 200, description = "The file", content(
        (inline(File) = "text/csv"),
        (inline(File) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (inline(File) = "application/jsonl"),
    ))),
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(WantedExport { format }): Params<WantedExport>,
) -> Result<Response, Refused> {
    let query = KnowledgeQuery { units: app.seen_units(&who.staff)?, ..KnowledgeQuery::default() };
    let pages = stream::unfold((app, Some(query)), next);
    if let Some(format) = format.table() {
        let header = ENTRY_COLUMNS.iter().map(|(_, chinese)| (*chinese).to_owned()).collect();
        let cells = |rows: Vec<FileEntry>| rows.into_iter().map(|row| row.cells().map(Cell::text).to_vec()).collect();
        return table::file(format, "knowledge", header, pages.map_ok(cells)).await;
    }
    Ok(lines(pages, "attachment; filename=\"knowledge.jsonl\""))
}

/// A file with a line of JSON for each row.
pub(super) fn lines<T: Serialize + Send + 'static>(
    pages: impl futures_util::Stream<Item = Result<Vec<T>, Refused>> + Send + 'static,
    disposition: &'static str,
) -> Response {
    let lines = |rows: Vec<T>| {
        rows.iter().map(|row| serde_json::to_string(row).map(|line| line + "\n")).collect::<Result<String, _>>()
    };
    let broken = |_| std::io::Error::other("the rest of the rows cannot be read");
    let body = pages.map(move |rows| rows.map_err(broken).and_then(|rows| lines(rows).map_err(std::io::Error::other)));
    let mut response = Stream::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    response
}
