//! Who calls and about what: what the headers of a trusted trunk say, and what ours say. Text in, text out.

use bangban_domain::call::Number;

use crate::registrar::Place;

/// Longer tickets are none.
const MAX_TICKET: usize = 64;

/// The user of an address: `sip:10086@pbx;x=y`, `"A" <sip:...>;tag=1`, `tel:+86-21-12345;phone-context=...`. In the form in
/// which it was sent, percent signs decoded.
pub(crate) fn user_of(value: &str) -> Option<String> {
    let uri = uri_of(value)?;
    let (scheme, rest) = uri.split_once(':')?;
    let user = match scheme.to_ascii_lowercase().as_str() {
        "tel" => rest.split([';', '?']).next()?,
        "sip" | "sips" => rest.split_once('@')?.0,
        _ => return None,
    };
    // `user;phone-context=..@host` and `user:password@host`.
    let user = user.split([';', ':']).next()?;
    let user = decoded(user)?;
    (!user.is_empty() && user.len() <= 64).then_some(user)
}

/// User, host and port of an address, by which two addresses are the same.
pub(crate) fn place_of(value: &str) -> Option<Place> {
    let uri = uri_of(value)?;
    let (scheme, rest) = uri.split_once(':')?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "sip" | "sips") {
        return None;
    }
    let (user, rest) = rest.split_once('@').unwrap_or(("", rest));
    let user = decoded(user.split([';', ':']).next()?)?.to_ascii_lowercase();
    let host_port = rest.split([';', '?']).next()?;
    let (host, port) = match host_port.strip_prefix('[') {
        Some(six) => {
            let (host, port) = six.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => host_port.split_once(':').map_or((host_port, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!host.is_empty()).then(|| Place { user, host: host.to_ascii_lowercase(), port })
}

/// What stands between angle brackets, or before the first parameter.
fn uri_of(value: &str) -> Option<&str> {
    let value = value.trim();
    // A display name in quotation marks may have an angle bracket in it.
    let after_name = match value.strip_prefix('"') {
        Some(quoted) => {
            let mut is_escaped = false;
            let end = quoted.find(|c| {
                let ends = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            })?;
            &quoted[end + 1..]
        }
        None => value,
    };
    match after_name.split_once('<') {
        Some((_, rest)) => rest.split_once('>').map(|(uri, _)| uri.trim()),
        None => Some(after_name.trim()),
    }
}

fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}

/// Who calls (RFC 3325): what the network asserts, else what `From` says; nobody when they hide it (RFC 3323).
pub(crate) fn caller(asserted: &[String], from: Option<&str>, privacy: Option<&str>) -> Option<Number> {
    let hides = privacy.is_some_and(|value| {
        value
            .split([';', ','])
            .any(|word| matches!(word.trim().to_ascii_lowercase().as_str(), "id" | "user" | "header"))
    });
    if hides {
        return None;
    }
    let asserted = asserted.iter().flat_map(|value| value.split(',')).filter_map(number_of).next();
    asserted.or_else(|| from.and_then(number_of))
}

/// The number in an address.
pub(crate) fn number_of(value: &str) -> Option<Number> {
    Number::parse(&user_of(value)?.replace(['(', ')', '.'], ""))
}

/// The hotline's ticket: our own header, else `User-to-User` (RFC 7433).
pub(crate) fn ticket(own: Option<&str>, user_to_user: Option<&str>) -> Option<String> {
    own.map(str::trim).and_then(as_ticket).or_else(|| user_to_user.and_then(of_user_to_user))
}

fn as_ticket(text: &str) -> Option<String> {
    let is_fit = (1..=MAX_TICKET).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':'));
    is_fit.then(|| text.to_owned())
}

/// `48656c6c6f;encoding=hex;purpose=...`; without `encoding` it is hexadecimal, if it can be.
fn of_user_to_user(value: &str) -> Option<String> {
    let mut parts = value.split(';').map(str::trim);
    let data = parts.next()?.trim_matches('"');
    let encoding = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("encoding").then(|| value.trim().to_ascii_lowercase())
    });
    let bytes = (data.len() % 2 == 0).then(|| unhex(data)).flatten();
    match (encoding.as_deref(), bytes) {
        // A protocol discriminator (ITU-T Q.931, 4.5.30) may stand before the text: `00` is user-specific, `04` is text.
        (Some("hex") | None, Some(bytes)) => {
            let text = match bytes.split_first() {
                Some((0 | 4, rest)) => rest,
                _ => &bytes,
            };
            as_ticket(std::str::from_utf8(text).ok()?.trim())
        }
        (Some("hex"), None) => None,
        _ => as_ticket(data),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// The value of `User-to-User` that tells a ticket to the other side.
pub(crate) fn to_user_to_user(ticket: &str) -> Option<String> {
    use std::fmt::Write as _;
    let ticket = as_ticket(ticket)?;
    let mut value = String::new();
    for byte in ticket.bytes() {
        let _ = write!(value, "{byte:02x}");
    }
    value.push_str(";encoding=hex");
    Some(value)
}

/// A ticket that may stand in a header as it is.
pub(crate) fn to_own_header(ticket: &str) -> Option<String> {
    as_ticket(ticket)
}

/// What a key in INFO says: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`).
pub(crate) fn key(content_type: &str, body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let word = match content_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then_some(value)
        })?,
        "application/dtmf" => text,
        _ => return None,
    };
    let mut chars = word.trim().chars();
    let key = chars.next()?.to_ascii_uppercase();
    (chars.next().is_none() && matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<Number> {
        Number::parse(text)
    }

    #[test]
    fn the_network_knows_better_who_calls_than_the_telephone() {
        let asserted = |text: &str| vec![text.to_owned()];
        let from = Some("\"Zhang <3\" <sip:13800000001@pbx.example;user=phone>;tag=1");
        assert_eq!(caller(&[], from, None), number("13800000001"));
        assert_eq!(caller(&asserted("<sip:+862154321000@ims.example>"), from, None), number("+862154321000"));
        assert_eq!(caller(&asserted("<sip:front@x>, <tel:+86-21-5432-1000>"), from, None), number("+862154321000"));
        assert_eq!(caller(&asserted("<tel:(021)54321000;phone-context=+86>"), None, None), number("02154321000"));
        for privacy in ["id", "none;id", "user", "header; id"] {
            assert_eq!(caller(&asserted("<tel:02154321000>"), from, Some(privacy)), None, "{privacy}");
        }
        assert_eq!(caller(&[], from, Some("none")), number("13800000001"));
        assert_eq!(caller(&[], Some("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1"), None), None);
        assert_eq!(caller(&[], None, None), None);
    }

    #[test]
    fn users_are_found_in_every_kind_of_address() {
        for (value, user) in [
            ("sip:12345@192.0.2.1:5060;transport=tcp", Some("12345")),
            ("<sip:%2B8612345@x>;tag=a", Some("+8612345")),
            ("SIPS:a:secret@x", Some("a")),
            ("<sip:12345;phone-context=x@y>", Some("12345")),
            ("tel:12345;isub=1", Some("12345")),
            ("sip:192.0.2.1", None),
            ("mailto:a@b", None),
            ("<sip:a@b", None),
            ("\"open <sip:a@b>", None),
            ("sip:%zz@b", None),
            ("sip:%e4@b", None),
            ("", None),
        ] {
            assert_eq!(user_of(value).as_deref(), user, "{value}");
        }
    }

    #[test]
    fn places_are_the_same_whatever_stands_around_them() {
        let place = |text: &str| place_of(text).unwrap();
        assert_eq!(place("<sip:A@Host:5060;transport=udp>;expires=60"), place("sip:a@host:5060"));
        assert_ne!(place("sip:a@host"), place("sip:a@host:5060"));
        assert_eq!(place("sip:a@[2001:db8::1]:5060").host, "2001:db8::1");
        assert_eq!((place_of("sip:a@host:x"), place_of("tel:1"), place_of("sip:a@")), (None, None, None));
    }

    #[test]
    fn tickets_come_by_header_and_by_user_to_user_and_go_the_same_way() {
        assert_eq!(ticket(Some(" GD-2026/1129 "), None).as_deref(), Some("GD-2026/1129"));
        assert_eq!(ticket(None, Some("47442d31;encoding=hex")).as_deref(), Some("GD-1"));
        assert_eq!(ticket(None, Some("0447442d31")).as_deref(), Some("GD-1"));
        assert_eq!(ticket(None, Some("GD-1;encoding=text")).as_deref(), Some("GD-1"));
        assert_eq!(ticket(Some("no ticket at all"), Some("47442d31")).as_deref(), Some("GD-1"));
        assert_eq!(ticket(None, Some(&to_user_to_user("GD-2026/1129").unwrap())).as_deref(), Some("GD-2026/1129"));
        for bad in ["", ";", "GD 1;encoding=text", "zz;encoding=hex", "4;encoding=hex", "<script>", "ff00"] {
            assert_eq!(ticket(None, Some(bad)), None, "{bad}");
        }
        assert_eq!(ticket(Some(&"1".repeat(65)), None), None);
        assert_eq!((to_user_to_user("a\r\nX: y"), to_own_header("a b")), (None, None));
    }

    #[test]
    fn keys_come_by_info_in_both_ways() {
        assert_eq!(key("application/dtmf-relay", b"Signal= 5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(key("application/dtmf-relay;x=y", b"signal=#"), Some('#'));
        assert_eq!(key("Application/DTMF", b" d\r\n"), Some('D'));
        for (kind, body) in [
            ("application/dtmf", "12"),
            ("application/dtmf", ""),
            ("text/plain", "5"),
            ("application/dtmf-relay", "5"),
            ("application/dtmf", "x"),
        ] {
            assert_eq!(key(kind, body.as_bytes()), None, "{kind} {body}");
        }
    }
}
