//! Conversations of one's units: found, and read.

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_domain::{AgentId, ConversationId, Timestamp, time::DAY, words::Outcome};
use bangban_protocol::{FoundConversations, Transcript};
use bangban_store::Wanted;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::{App, Search, searched},
    http::{
        input::{Body, Named, Params, RowNo},
        openapi::Refusal,
        refused::Refused,
        staff::ByStaff,
    },
};

/// Longest time that is searched for a word.
const LONGEST: i64 = 92 * DAY;

/// Which conversations. In a body, because what is looked for may be somebody's name.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct WantedConversations {
    /// A word that was said, as one may see it.
    #[serde(default)]
    #[schema(max_length = 50)]
    q: String,
    /// Opened at or after, in milliseconds since 1970; if nothing is said, 31 days before `to`.
    from: Option<i64>,
    /// Opened before; if nothing is said, now.
    to: Option<i64>,
    /// Code of the team.
    #[serde(default)]
    team: String,
    /// Code of the item.
    #[serde(default)]
    item: String,
    /// Who served it last.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// How it ended.
    outcome: Option<Outcome>,
    /// Rated with so many stars at most.
    #[schema(minimum = 1, maximum = 5)]
    stars_at_most: Option<u8>,
    /// Those that come after this one.
    #[schema(value_type = Option<String>)]
    before: Option<ConversationId>,
}

/// Conversations that one may read, the newest first
#[utoipa::path(
    post, path = "/api/admin/conversations/find", operation_id = "find_conversations", tag = "admin",
    security(("staff" = [])), request_body = WantedConversations,
    responses(
        (status = 200, body = FoundConversations),
        (status = 404, description = "`before` is none", body = Refusal),
    ),
)]
pub(in crate::http) async fn find(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Body(found): Body<WantedConversations>,
) -> Result<Json<FoundConversations>, Refused> {
    let WantedConversations { q, from, to, team, item, agent, outcome, stars_at_most, before } = found;
    for (field, code) in [("team", &team), ("item", &item)] {
        if code.len() > 64 || code.contains('\0') {
            return Err(Refused::field(field, "must be a code"));
        }
    }
    if stars_at_most.is_some_and(|stars| !(1..=5).contains(&stars)) {
        return Err(Refused::field("starsAtMost", "must be 1 to 5"));
    }
    let word = searched(&q)?;
    let to = to.map_or_else(|| app.clock.now() + 1, Timestamp);
    let from = from.map_or(Timestamp(to.0.saturating_sub(31 * DAY)), Timestamp);
    if from >= to {
        return Err(Refused::field("from", "must be before to"));
    }
    if word.is_some() && to.0.saturating_sub(from.0) > LONGEST {
        return Err(Refused::field("from", "a word is looked for in at most 92 days"));
    }
    let item = Some(item).filter(|item| !item.is_empty());
    let wanted = Wanted { from, to, before: None, teams: None, item, agent, outcome, stars_at_most, word };
    Ok(Json(app.find(&who.staff, Search { wanted, team, before }).await?))
}

/// Which part of a thread.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Part {
    /// Entries before this position.
    #[param(value_type = Option<u64>)]
    before: Option<RowNo>,
}

/// The last 100 entries of a thread, or those before a position, with its notes; the look is in the audit log
#[utoipa::path(
    get, path = "/api/admin/conversations/{id}", operation_id = "read_conversation", tag = "admin",
    security(("staff" = [])), params(("id" = String, Path, description = "The conversation"), Part),
    responses(
        (status = 200, body = Transcript),
        (status = 404, description = "No such conversation", body = Refusal),
    ),
)]
pub(in crate::http) async fn read(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<ConversationId>,
    Params(Part { before }): Params<Part>,
) -> Result<Json<Transcript>, Refused> {
    Ok(Json(app.transcript(&who.staff, id, before.map_or(u64::MAX, |before| before.0)).await?))
}
