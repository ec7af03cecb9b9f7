//! What browsers are told and asked: security headers on every answer, content policies of the pages, and the origin of
//! a WebSocket.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use bangban_protocol::{ErrorCode, WireError};

use super::refused::Refused;

/// The value of `http.portal_origins` that lets any page embed the widget.
pub const ANY_ORIGIN: &str = "*";

const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
);

/// An answer that is no page has nothing to load and nothing to be framed.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Headers that every answer carries; what a handler has set itself stays.
pub(super) async fn add_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::CONTENT_SECURITY_POLICY, NO_PAGE),
    ] {
        headers.entry(name).or_insert(value);
    }
    response
}

/// Who may put a page into a frame.
pub(super) enum Framing<'a> {
    /// Nobody.
    Nobody,
    /// Our own pages and these origins.
    Portals(&'a [String]),
}

/// Content-Security-Policy of one of our pages. `host` is the request's `Host`: older browsers (Safari 14) do not take
/// `'self'` to mean our own WebSocket.
pub(super) fn page_policy(host: Option<&str>, framing: &Framing<'_>) -> HeaderValue {
    let sockets = host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default();
    let ancestors = match framing {
        Framing::Nobody => "'none'".to_owned(),
        Framing::Portals(origins) if origins.iter().any(|origin| origin == ANY_ORIGIN) => ANY_ORIGIN.to_owned(),
        Framing::Portals(origins) => {
            let list = origins.iter().map(String::as_str);
            std::iter::once("'self'").chain(list).collect::<Vec<_>>().join(" ")
        }
    };
    // The charts' tooltips carry style attributes; no script may be inline.
    let policy = format!(
        "default-src 'self'; connect-src 'self'{sockets}; img-src 'self' data: blob:; media-src 'self' blob:; \
         style-src 'self'; style-src-attr 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors {ancestors}"
    );
    // Configured origins and `host` were checked, so this holds.
    HeaderValue::try_from(policy).unwrap_or(NO_PAGE)
}

/// Content-Security-Policy of a page without scripts.
pub(super) const PLAIN: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// Content-Security-Policy of the demo portal, which is one file with its script and style inside and carries nobody's
/// data.
pub(super) const ONE_FILE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
);

/// Content-Security-Policy of the page that shows a citizen's page to a clerk: what it shows comes from elsewhere, so it
/// loads nothing and reaches nobody. Styles are those of the page that is shown.
pub(super) const REPLAY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'",
);

/// The request's `Host`, if it is one: nothing else gets into a header of ours.
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    is_authority(host).then_some(host)
}

fn is_authority(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte))
}

/// `https://host` or `https://host:8443`, nothing behind it.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(is_authority) && text.to_ascii_lowercase() == text
}

/// Refuses a request that a foreign page makes: see [`may_connect`].
pub(super) fn check_origin(headers: &HeaderMap, portals: &[String]) -> Result<(), Refused> {
    if may_connect(headers, portals) {
        return Ok(());
    }
    let error = WireError::new(ErrorCode::Forbidden, "pages of this origin may not ask (http.portal_origins)");
    Err(Refused::new(StatusCode::FORBIDDEN, WireError { field: Some("Origin".to_owned()), ..error }))
}

/// May a WebSocket be opened, or a citizen's request be made, from there? Browsers always say their page's origin; a request without one comes from a
/// program, which could say anything. Our own pages have our `Host`; others must be listed by name, because "*" is about
/// frames only: a page in the widget's frame still has our origin.
pub(super) fn may_connect(headers: &HeaderMap, portals: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if portals.iter().any(|portal| portal == origin && portal != ANY_ORIGIN) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    host(headers).is_some_and(|host| bare(host) == bare(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_socket_comes_from_our_own_pages_a_listed_portal_or_a_program() {
        let portals = ["https://portal.example".to_owned(), ANY_ORIGIN.to_owned()];
        for (host, origin, expected) in [
            ("help.example", None, true),
            ("help.example", Some("https://help.example"), true),
            ("help.example:443", Some("https://help.example"), true),
            ("HELP.example", Some("https://help.example:443"), true),
            ("127.0.0.1:8080", Some("http://127.0.0.1:8080"), true),
            ("[::1]:8080", Some("http://[::1]:8080"), true),
            ("help.example", Some("https://portal.example"), true),
            ("help.example", Some("https://portal.example.evil"), false),
            ("help.example", Some("https://evil.example"), false),
            ("help.example:8443", Some("https://help.example"), false),
            ("help.example", Some("https://help.example:8443"), false),
            ("help.example:80", Some("https://help.example"), false),
            ("help.example", Some("null"), false),
            ("help.example", Some("*"), false),
            ("help.example", Some("file://help.example"), false),
        ] {
            assert_eq!(may_connect(&headers(host, origin), &portals), expected, "{origin:?} at {host}");
        }
    }

    #[test]
    fn an_origin_has_a_scheme_a_host_and_nothing_more() {
        for (text, expected) in [
            ("https://portal.example", true),
            ("http://127.0.0.1:8080", true),
            ("https://portal.example/", false),
            ("https://Portal.example", false),
            ("portal.example", false),
            ("https://", false),
            ("https://a b", false),
            ("https://a;script-src *", false),
        ] {
            assert_eq!(is_origin(text), expected, "{text}");
        }
    }

    #[test]
    fn only_the_listed_portals_may_frame_the_widget_and_nobody_the_console() {
        let policy = |framing: &Framing<'_>| page_policy(Some("help.example"), framing).to_str().unwrap().to_owned();
        let portals = ["https://a.example".to_owned(), "https://b.example:8443".to_owned()];
        let widget = policy(&Framing::Portals(&portals));
        assert!(widget.ends_with("frame-ancestors 'self' https://a.example https://b.example:8443"), "{widget}");
        assert!(widget.contains("connect-src 'self' ws://help.example wss://help.example;"), "{widget}");
        assert!(!widget.contains("script-src") && widget.starts_with("default-src 'self';"), "{widget}");
        assert!(policy(&Framing::Portals(&[])).ends_with("frame-ancestors 'self'"));
        assert!(policy(&Framing::Portals(&[ANY_ORIGIN.to_owned()])).ends_with("frame-ancestors *"));
        assert!(policy(&Framing::Nobody).ends_with("frame-ancestors 'none'"));
    }

    #[test]
    fn a_host_that_is_none_gets_into_no_header() {
        assert_eq!(host(&headers("help.example:8080", None)), Some("help.example:8080"));
        assert_eq!(host(&headers("x; script-src *", None)), None);
        assert_eq!(host(&HeaderMap::new()), None);
    }
}
