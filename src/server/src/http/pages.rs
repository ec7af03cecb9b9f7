//! The web pages, out of the binary: `web-agent/dist` as it was when the binary was built. A debug build reads the files
//! when they are asked for, so that a rebuilt page needs no rebuilt server.

use std::{
    io::Write as _,
    sync::{Arc, LazyLock},
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bangban_domain::words::Role;
use bangban_protocol::{ErrorCode, WireError};
use dashmap::DashMap;
use flate2::{Compression, write::GzEncoder};
use rust_embed::{Embed, EmbeddedFile};

use super::{
    refused::Refused,
    security::{Framing, ONE_FILE, PLAIN, REPLAY_POLICY, host, page_policy},
};
use crate::app::{App, DEMO_PASSWORD};

#[derive(Embed)]
#[folder = "../../web-agent/dist"]
#[allow_missing = true]
struct Web;

/// The stand-in for a portal and a form of it; served in the demo only.
const DEMO_PAGES: [&str; 2] = ["demo-portal.html", "demo-form.html"];

/// The file that pages of other origins load.
const LOADER: &str = "bangban.js";

/// The one that they load besides when their citizen lets a clerk see them.
const RECORDER: &str = "bangban-browse.js";

/// Shows such a page to a clerk.
const REPLAY: &str = "replay.html";

/// What every build has; while one is missing, the build is.
const PAGES: [&str; 11] = [
    "widget.html",
    "receipt.html",
    "console.html",
    "operator.html",
    "board.html",
    "figures.html",
    "admin.html",
    "apidocs.html",
    REPLAY,
    RECORDER,
    LOADER,
];

/// Where to go from here
#[utoipa::path(
    get, path = "/", tag = "server",
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
)]
pub(super) async fn landing(State(app): State<Arc<App>>) -> Response {
    let (portal, accounts) = if app.demo {
        let portal = r#"<li><a href="/demo-portal.html"><strong>演示门户</strong>以办事人身份体验：选择事项，点击“在线帮办”</a></li>"#;
        let hall = r#"<li><a href="/widget.html?channel=kiosk&amp;hall=pudong-1"><strong>大厅自助机</strong>在办事大厅的设备上提问，离开后自动清除</a></li>"#;
        let accounts = format!(
            r#"<h2>演示账号</h2><div class="notice"><p>帮办员 <code>{}</code>；督导 <code>{}</code>；口令均为 <code>{DEMO_PASSWORD}</code></p><p>人物、企业和办件均为虚构。演示模式任何人都能登录，请勿对外开放，勿填写真实个人信息。</p></div>"#,
            app.demo_logins(Role::Agent),
            app.demo_logins(Role::Supervisor),
        );
        (portal.to_owned() + hall, accounts)
    } else {
        (String::new(), String::new())
    };
    let page = include_str!("landing.html").replace("{{portal}}", &portal).replace("{{accounts}}", &accounts);
    html(StatusCode::OK, page)
}

fn html(status: StatusCode, page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, PLAIN),
    ];
    (status, headers, page).into_response()
}

/// Everything that has no route of its own: a file of the web build, or nothing.
pub(super) async fn file(State(app): State<Arc<App>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return not_found(&headers);
    }
    let path = match uri.path().trim_start_matches('/') {
        "console" => "console.html",
        "operator" => "operator.html",
        "board" => "board.html",
        "figures" => "figures.html",
        "admin" => "admin.html",
        path => path,
    };
    // The build's own notes (.vite/) are nobody's business.
    let is_hidden = path.split('/').any(|part| part.is_empty() || part.starts_with('.'));
    if is_hidden || (DEMO_PAGES.contains(&path) && !app.demo) {
        return not_found(&headers);
    }
    page(path, &app, &headers)
}

/// A file of the web build.
pub(super) fn page(path: &str, app: &App, headers: &HeaderMap) -> Response {
    match Web::get(path) {
        Some(found) => answer(path, Asset::new(path, found, accepts_gzip(headers)), headers, &app.portal_origins),
        None if PAGES.contains(&path) || DEMO_PAGES.contains(&path) => {
            html(StatusCode::SERVICE_UNAVAILABLE, include_str!("unbuilt.html").to_owned())
        }
        None => not_found(headers),
    }
}

/// A page for people, JSON for programs.
fn not_found(headers: &HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepts.is_some_and(|value| value.contains("text/html")) {
        return html(StatusCode::NOT_FOUND, include_str!("not_found.html").to_owned());
    }
    Refused::new(StatusCode::NOT_FOUND, WireError::new(ErrorCode::NotFound, "no such page")).into_response()
}

/// A file and what is said of it.
struct Asset {
    body: Bytes,
    is_packed: bool,
    etag: String,
    kind: String,
}

/// Packed files with the tag of the version that was packed: each is packed once, when it is first asked for, because a
/// portal's rush would ask for the same ones again and again.
static PACKED: LazyLock<DashMap<String, (String, Bytes)>> = LazyLock::new(DashMap::new);

/// Shorter files gain nothing.
const WORTH_PACKING: usize = 1024;

impl Asset {
    fn new(path: &str, file: EmbeddedFile, may_pack: bool) -> Self {
        let hash = file.metadata.sha256_hash();
        let digits: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let kind = file.metadata.mimetype();
        let is_text = kind.starts_with("text/") || kind == "application/json" || kind == "image/svg+xml";
        let mut asset = Self {
            // Weak, because the same tag goes with the packed bytes.
            etag: format!("W/\"{digits}\""),
            kind: if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() },
            is_packed: false,
            body: match file.data {
                std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
            },
        };
        if may_pack && is_text && asset.body.len() >= WORTH_PACKING {
            asset.pack(path);
        }
        asset
    }

    fn pack(&mut self, path: &str) {
        let known = PACKED.get(path).filter(|known| known.0 == self.etag).map(|known| known.1.clone());
        let packed = known.or_else(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            let packed = encoder.write_all(&self.body).and_then(|()| encoder.finish()).ok().map(Bytes::from)?;
            PACKED.insert(path.to_owned(), (self.etag.clone(), packed.clone()));
            Some(packed)
        });
        if let Some(packed) = packed {
            self.body = packed;
            self.is_packed = true;
        }
    }
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    let offers = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|offer| {
        let (name, rest) = offer.split_once(';').unwrap_or((offer, ""));
        let is_refused = matches!(rest.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        matches!(name.trim(), "gzip" | "*") && !is_refused
    })
}

fn answer(path: &str, asset: Asset, request: &HeaderMap, portals: &[String]) -> Response {
    // Names under assets/ carry a hash of what they hold.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if is_known(request, &asset.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::try_from(asset.kind).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        ([(header::CONTENT_TYPE, kind)], Body::from(asset.body)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if asset.is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Ok(etag) = HeaderValue::try_from(asset.etag) {
        headers.insert(header::ETAG, etag);
    }
    let policy = match path {
        path if DEMO_PAGES.contains(&path) => Some(ONE_FILE),
        REPLAY => Some(REPLAY_POLICY),
        "widget.html" => Some(page_policy(host(request), &Framing::Portals(portals))),
        path if path.ends_with(".html") => Some(page_policy(host(request), &Framing::Nobody)),
        _ => None,
    };
    if let Some(policy) = policy {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if path == LOADER || path == RECORDER {
        let any = HeaderValue::from_static("cross-origin");
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), any);
        // For portals that pin it with `integrity`, which needs `crossorigin`.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// Does the browser have this very version?
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let wanted = bare(etag);
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || bare(tag) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(kind: &str) -> Asset {
        let etag = "W/\"abc\"".to_owned();
        Asset { body: Bytes::from_static(b"x"), is_packed: false, etag, kind: kind.to_owned() }
    }

    fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn what_carries_a_hash_is_kept_for_ever_and_the_rest_is_asked_for_again() {
        let none = HeaderMap::new();
        let hashed = answer("assets/main-1a2b.js", asset("text/javascript"), &none, &[]);
        assert_eq!(header_of(&hashed, "cache-control"), "public, max-age=31536000, immutable");
        let page = answer("console.html", asset("text/html"), &none, &[]);
        assert_eq!(header_of(&page, "cache-control"), "no-cache");
        assert_eq!(header_of(&page, "etag"), "W/\"abc\"");
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        for (sent, status) in [
            ("W/\"abc\"", 304),
            ("\"abc\"", 304),
            ("\"old\", W/\"abc\"", 304),
            ("*", 304),
            ("\"abcd\"", 200),
            ("", 200),
        ] {
            let mut request = HeaderMap::new();
            request.insert(header::IF_NONE_MATCH, sent.parse().unwrap());
            let response = answer("board.html", asset("text/html"), &request, &[]);
            assert_eq!(response.status(), status, "{sent}");
            assert_eq!(header_of(&response, "etag"), "W/\"abc\"");
            assert!(header_of(&response, "content-security-policy").contains("frame-ancestors 'none'"));
        }
    }

    #[test]
    fn portals_load_the_script_and_frame_the_widget_and_nothing_else() {
        let portals = ["https://portal.example".to_owned()];
        let get = |path: &str| answer(path, asset("text/html"), &HeaderMap::new(), &portals);
        for script in [LOADER, RECORDER] {
            assert_eq!(header_of(&get(script), "cross-origin-resource-policy"), "cross-origin", "{script}");
        }
        assert_eq!(header_of(&get("widget.html"), "cross-origin-resource-policy"), "");
        let ancestors = |path| {
            let response = get(path);
            let policy = header_of(&response, "content-security-policy").to_owned();
            policy.split_once("frame-ancestors ").unwrap().1.to_owned()
        };
        assert_eq!(ancestors("widget.html"), "'self' https://portal.example");
        assert_eq!(ancestors(REPLAY), "'self'");
        for path in ["console.html", "operator.html", "board.html", "demo-portal.html", "demo-form.html"] {
            assert_eq!(ancestors(path), "'none'", "{path}");
        }
    }

    #[test]
    fn a_page_that_is_shown_to_a_clerk_reaches_nothing() {
        let response = answer(REPLAY, asset("text/html"), &HeaderMap::new(), &[]);
        let policy = header_of(&response, "content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("img-src data:;") && !policy.contains("connect-src") && !policy.contains("frame-src"));
    }

    #[test]
    fn only_who_can_unpack_gets_it_packed_and_always_the_present_version() {
        for (sent, expected) in
            [("gzip", true), ("br, gzip;q=0.5", true), ("*", true), ("br", false), ("gzip;q=0", false), ("", false)]
        {
            let mut request = HeaderMap::new();
            request.insert(header::ACCEPT_ENCODING, sent.parse().unwrap());
            assert_eq!(accepts_gzip(&request), expected, "{sent}");
        }
        let packed = |text: &'static str, etag: &str| {
            let body = Bytes::from_static(text.as_bytes());
            let mut asset = Asset { body, is_packed: false, etag: etag.to_owned(), kind: String::new() };
            asset.pack("test.js");
            assert!(asset.is_packed);
            let mut unpacked = String::new();
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*asset.body), &mut unpacked).unwrap();
            unpacked
        };
        assert_eq!(
            (packed("one", "1"), packed("one", "1"), packed("two", "2")),
            ("one".into(), "one".into(), "two".into())
        );
    }
}
