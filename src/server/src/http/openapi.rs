//! The description of the REST interface, `/api/openapi.json`, and the page that shows it, `/api/docs`.
//!
//! A route is described where it is written, and `routes` in `mod.rs` is the only list of routes, so that none can be
//! served without being described. To add one:
//!
//! 1. over the handler: `#[utoipa::path(get, path = "/api/admin/teams", tag = "admin", security(("staff" = [])),
//!    responses((status = 200, body = Vec<TeamView>)))]`; its types derive `utoipa::ToSchema`, a query `IntoParams`;
//!    it takes its input by the extractors of `input.rs`, which refuse in our form and name the field;
//! 2. in `routes`: `.routes(routes!(admin::teams))`, with all methods of one path in one `routes!`;
//! 3. `INSTA_UPDATE=always cargo test -p bangban-server --lib http::openapi`, read the difference, commit the snapshot.
//!
//! Only what is particular to a route is written there: [`complete`] adds the refusals that all have in common.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bangban_protocol::WireError;
use serde::Serialize;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        Content, HeaderBuilder, ObjectBuilder, OpenApi as Description, Ref, RefOr, ResponseBuilder,
        path::Operation,
        schema::Type,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::pages;
use crate::app::App;

/// Body of every refusal.
#[derive(Serialize, ToSchema)]
pub(super) struct Refusal {
    /// Why.
    pub(super) error: WireError,
}

/// What is not said by a single route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bangban",
        description = "REST interface of the assisted-help server. Conversations run over the WebSocket /ws \
                       (docs/protocol.md). Refusals carry {error: {code, field, detail, retryable}}: `code` is for \
                       programs, `field` names what is wrong, `detail` is for developers.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "session", description = "Tokens and the WebSocket"),
        (name = "account", description = "One's own account as a member of staff"),
        (name = "admin", description = "Administration"),
        (name = "files", description = "Uploads (tus 1.0.0) and downloads; docs/files.md"),
        (name = "privacy", description = "Masked data, retention, one person's data, the audit log; docs/privacy.md"),
        (name = "figures", description = "Figures, the rows behind them, agents' days; docs/figures.md"),
        (name = "calls", description = "Calls: departments, duty and figures; docs/calls.md"),
        (name = "tasks", description = "Tasks with deadlines, policies, and what is told to people; docs/tasks.md"),
        (name = "quality", description = "Inspection of conversations; docs/administration.md"),
        (name = "knowledge", description = "Entries of the knowledge base; docs/knowledge.md"),
        (name = "bot", description = "What 小申 decides by: thresholds and words; docs/bot.md"),
        (name = "staffing", description = "How many agents a team needs; docs/administration.md"),
        (name = "server", description = "Configuration, health and this description"),
    ),
    components(schemas(Refusal)),
)]
struct Base;

/// The description before any route is added.
pub(super) fn base() -> Description {
    let mut base = Base::openapi();
    base.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let bearer = |who: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(who));
        SecurityScheme::Http(scheme.build())
    };
    let components = base.components.get_or_insert_default();
    components.add_security_scheme("citizen", bearer("The portal's token of a citizen (docs/operations.md)"));
    components.add_security_scheme("staff", bearer("The token of a log-in of staff (POST /api/staff/login)"));
    base
}

/// What a refusal with this status means, wherever it may come.
const COMMON: [(Need, &str, &str); 8] = [
    (Need::Input, "400", "A field is missing, malformed or out of bounds"),
    (Need::Token, "401", "No token, not one of ours, or its time is over"),
    (Need::Token, "403", "Your role does not allow it"),
    (Need::Body, "408", "The body came too slowly"),
    (Need::Body, "413", "The body is too long"),
    (Need::Nothing, "429", "Too many requests: come back after Retry-After"),
    (Need::Nothing, "500", "Our fault; logged"),
    (Need::Nothing, "503", "The server is at its limit or stops: try again"),
];

/// What a route has to have for a refusal to be possible.
enum Need {
    Nothing,
    Token,
    Input,
    Body,
}

/// A refusal as it is described.
fn refusal(status: &str, meaning: &str) -> RefOr<utoipa::openapi::Response> {
    let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Refusal"))));
    let mut response = ResponseBuilder::new().description(meaning).content("application/json", body);
    if status == "429" {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait"));
        response = response.header("Retry-After", header.build());
    }
    response.build().into()
}

/// Names every operation after its method and path, and adds the refusals that it shares with others and does not describe
/// itself.
fn complete(description: &mut Description) {
    for (path, item) in &mut description.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
            ("options", &mut item.options),
            ("head", &mut item.head),
            ("patch", &mut item.patch),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let words = path.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            operation.operation_id = Some(std::iter::once(method).chain(words).collect::<Vec<_>>().join("_"));
            for (need, status, meaning) in &COMMON {
                if is_possible(need, operation) {
                    let responses = &mut operation.responses.responses;
                    responses.entry((*status).to_owned()).or_insert_with(|| refusal(status, meaning));
                }
            }
        }
    }
}

fn is_possible(need: &Need, operation: &Operation) -> bool {
    let has_parameters = operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    match need {
        Need::Nothing => true,
        Need::Token => operation.security.is_some(),
        Need::Input => has_parameters || operation.request_body.is_some(),
        Need::Body => operation.request_body.is_some(),
    }
}

/// The description of the routes that are served, written once.
#[derive(Clone)]
pub(super) struct Written(Bytes);

impl Written {
    pub(super) fn new(mut description: Description) -> Self {
        complete(&mut description);
        // Maps of texts: it can always be written.
        Self(serde_json::to_vec(&description).unwrap_or_default().into())
    }
}

/// This description
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")),
)]
pub(super) async fn json(Extension(Written(json)): Extension<Written>) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ([kind, (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))], json).into_response()
}

/// The page that shows this description
#[utoipa::path(
    get, path = "/api/docs", tag = "server",
    responses(
        (status = 200, description = "A page", content_type = "text/html"),
        (status = 304, description = "The page that you have"),
    ),
)]
pub(super) async fn docs(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    pages::page("apidocs.html", &app, &headers)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use axum::Router;
    use serde_json::Value;

    use super::super::routes;
    use super::*;

    const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

    fn described() -> (Router<Arc<App>>, Value) {
        let (router, mut description) = routes(true).split_for_parts();
        complete(&mut description);
        (router, serde_json::to_value(&description).unwrap())
    }

    /// The paths that axum knows. It has no list of them, but prints one for debugging.
    fn served(router: &Router<Arc<App>>) -> BTreeSet<String> {
        let text = format!("{router:?}");
        let parts = text.split('"').skip(1).step_by(2);
        parts.filter(|part| part.starts_with('/') && !part.contains("__private")).map(str::to_owned).collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let (router, description) = described();
        let described: BTreeSet<String> = description["paths"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(served(&router), described);
        // What the comparison reads really is the list of routes.
        let more = router.route("/api/secret", axum::routing::get(|| async {}));
        assert!(served(&more).contains("/api/secret"));
    }

    #[test]
    fn the_description_is_the_committed_one() {
        let (_, mut description) = described();
        description["info"]["version"] = "-".into();
        insta::assert_json_snapshot!("openapi", description);
    }

    #[test]
    fn every_operation_says_what_it_is_and_how_it_refuses() {
        let (_, description) = described();
        let mut names = BTreeMap::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for method in METHODS.iter().filter(|method| item[**method].is_object()) {
                let (operation, name) = (&item[*method], format!("{method} {path}"));
                assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{name}: no summary");
                assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}: one tag");
                let id = operation["operationId"].as_str().unwrap();
                assert_eq!(names.insert(id.to_owned(), name.clone()), None, "{id} is said of two");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status < &"400".to_owned()), "{name}: no success");
                for (status, response) in responses.iter().filter(|(status, _)| *status >= &"400".to_owned()) {
                    let schema = &response["content"]["application/json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Refusal", "{name}: {status}");
                }
                for status in ["429", "500", "503"] {
                    assert!(responses.contains_key(status), "{name}: {status}");
                }
                for status in ["401", "403"] {
                    assert!(!operation["security"].is_array() || responses.contains_key(status), "{name}: {status}");
                }
            }
        }
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        let (_, description) = described();
        let text = description.to_string();
        for name in text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(description["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
