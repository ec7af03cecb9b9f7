//! Figures, the rows behind them, agents' days (docs/figures.md). `App::sight` says what somebody may count.

pub(super) mod calls;
pub(super) mod export;
pub(super) mod legs;
pub(super) mod table;

use std::sync::Arc;

use axum::{Json, extract::State};
use bangban_domain::{
    AgentId, ConversationId, Timestamp,
    figures::{Definition, Figure, Part},
    words::Channel,
};
use bangban_protocol::{AgentDays, FigureGroup, FigureRows, FigureScope, FiguresView, HistoryView, LiveFigures};
use bangban_store::RowQuery;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    input::{Named, Params},
    openapi::Refusal,
    refused::Refused,
    staff::ByStaff,
};
use crate::app::{App, Filter};

/// Rows of one page.
const PAGE: u32 = 50;
const MOST: u32 = 500;

/// Declares a query: what all questions have in common, and what one of them has more.
macro_rules! query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(in crate::http) struct $name {
            /// First day in Shanghai, e.g. `2026-11-23`.
            #[param(value_type = String, format = Date)]
            from: Date,
            /// Last day.
            #[param(value_type = String, format = Date)]
            to: Date,
            /// Code of a unit: it and those below.
            unit: Option<String>,
            /// Code of a team.
            team: Option<String>,
            /// Code of an item; empty: of none.
            item: Option<String>,
            /// Where from.
            #[param(inline)]
            channel: Option<Channel>,
            /// Id of an agent.
            #[param(value_type = Option<String>)]
            agent: Option<AgentId>,
            /// Hour of the day, in Shanghai.
            #[param(minimum = 0, maximum = 23)]
            hour: Option<u8>,
            $($(#[$field_doc])* $field: $type,)*
        }

        impl $name {
            fn filter(&self) -> Filter {
                Filter {
                    from: self.from,
                    to: self.to,
                    unit: self.unit.clone(),
                    team: self.team.clone(),
                    item: self.item.clone(),
                    channel: self.channel,
                    agent: self.agent,
                    hour: self.hour,
                }
            }
        }
    };
}
use query;

query! {
    /// What to count.
    Wanted {
        /// By what to show it apart.
        #[serde(default)]
        #[param(inline, required = false)]
        by: FigureGroup,
    }
}

query! {
    /// Whose days.
    WantedDays {}
}

query! {
    /// Which rows.
    WantedRows {
        /// Behind which figure.
        #[param(inline)]
        figure: Figure,
        /// All of them, those in the numerator, or the others.
        #[serde(default = "all")]
        #[param(inline, required = false)]
        part: Part,
        /// `next` of the page before.
        after: Option<String>,
        /// At most so many; 50 if nothing is said.
        #[param(minimum = 1, maximum = 500)]
        limit: Option<u32>,
    }
}

const fn all() -> Part {
    Part::Of
}

/// What `next` said.
fn place(text: &str) -> Option<(Timestamp, String)> {
    let (at, key) = text.split_once('.')?;
    (key.len() <= 100 && !key.contains('\0')).then_some(())?;
    Some((Timestamp(at.parse().ok()?), key.to_owned()))
}

/// What one may look at, and the definitions of all figures
#[utoipa::path(
    get, path = "/api/figures/scope", operation_id = "figure_scope", tag = "figures", security(("staff" = [])),
    responses((status = 200, body = FigureScope)),
)]
pub(super) async fn scope(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<FigureScope>, Refused> {
    Ok(Json(app.figure_scope(&app.sight(&who.staff)?)))
}

/// The figures of some days, of as many days before, and apart
#[utoipa::path(
    get, path = "/api/figures", operation_id = "figures", tag = "figures", security(("staff" = [])), params(Wanted),
    responses(
        (status = 200, body = FiguresView),
        (status = 404, description = "No such unit", body = Refusal),
    ),
)]
pub(super) async fn figures(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<Wanted>,
) -> Result<Json<FiguresView>, Refused> {
    Ok(Json(app.figures(&app.sight(&who.staff)?, &wanted.filter(), wanted.by).await?))
}

/// The rows behind a number
#[utoipa::path(
    get, path = "/api/figures/rows", operation_id = "figure_rows", tag = "figures", security(("staff" = [])),
    params(WantedRows),
    responses(
        (status = 200, body = FigureRows),
        (status = 404, description = "No such unit", body = Refusal),
    ),
)]
pub(super) async fn rows(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedRows>,
) -> Result<Json<FigureRows>, Refused> {
    let limit = wanted.limit.unwrap_or(PAGE);
    if !(1..=MOST).contains(&limit) {
        return Err(Refused::field("limit", "must be 1 to 500"));
    }
    let wrong = || Refused::field("after", "is not what `next` of another page said");
    let after = wanted.after.as_deref().map(|text| place(text).ok_or_else(wrong)).transpose()?;
    let selection = app.selection(&app.sight(&who.staff)?, &wanted.filter())?;
    let definition: &Definition = wanted.figure.definition();
    let query = RowQuery { definition, part: wanted.part, selection: &selection, after, limit };
    Ok(Json(app.figure_page(&query).await?))
}

/// What happened to a conversation: its log, without what is personal
#[utoipa::path(
    get, path = "/api/figures/history/{id}", operation_id = "figure_history", tag = "figures",
    security(("staff" = [])), params(("id" = ConversationId, Path, description = "Which conversation")),
    responses(
        (status = 200, body = HistoryView),
        (status = 404, description = "No conversation that you may see", body = Refusal),
    ),
)]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Named(id): Named<ConversationId>,
) -> Result<Json<HistoryView>, Refused> {
    Ok(Json(app.history(&who.staff, id).await?))
}

/// What agents were, and whom they served
#[utoipa::path(
    get, path = "/api/figures/agents", operation_id = "agent_days", tag = "figures", security(("staff" = [])),
    params(WantedDays),
    responses(
        (status = 200, body = AgentDays),
        (status = 404, description = "No such unit", body = Refusal),
    ),
)]
pub(super) async fn agents(
    State(app): State<Arc<App>>,
    who: ByStaff,
    Params(wanted): Params<WantedDays>,
) -> Result<Json<AgentDays>, Refused> {
    Ok(Json(days(&app, &who, &wanted.filter()).await?))
}

/// One day of one's people, or a week of one person.
async fn days(app: &App, who: &ByStaff, filter: &Filter) -> Result<AgentDays, Refused> {
    let days = filter.to.since(filter.from).map_or(0, |span| span.get_days());
    let most = if filter.agent.is_some() { 31 } else { 1 };
    if days >= most {
        return Err(Refused::field("to", "one day, or with an agent at most 31"));
    }
    Ok(app.agent_days(&app.sight(&who.staff)?, filter).await?)
}

/// Today's requests as the city's board shows them, for `bangban figures recompute --live`
#[utoipa::path(
    get, path = "/api/figures/live", operation_id = "live_figures", tag = "figures", security(("staff" = [])),
    responses(
        (status = 200, body = LiveFigures),
        (status = 404, description = "There is no board yet", body = Refusal),
    ),
)]
pub(super) async fn live(State(app): State<Arc<App>>, who: ByStaff) -> Result<Json<LiveFigures>, Refused> {
    Ok(Json(app.live_figures(&who.staff)?))
}
