//! What the rest of the crate reads of SIP messages and puts into them: the only place that knows how the library names headers.

use std::net::SocketAddr;

use rsipstack::{
    sip::{Header, Headers, Request, Transport as SipTransport, prelude::*},
    transaction::transaction::Transaction,
    transport::SipAddr,
};

use crate::{
    config::Transport,
    registrar::Flow,
    timers::{self, Agreed, Said},
};

/// What we understand, for `Allow` (RFC 3261, section 20.5).
pub(crate) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REFER, NOTIFY, REGISTER, PRACK";
/// What an INVITE may require of us; PRACK is never needed, as what we send before an answer is not reliable.
const EXTENSIONS: [&str; 2] = ["timer", "100rel"];

/// The value of the first header of that name.
pub(crate) fn value(headers: &Headers, name: &str) -> Option<String> {
    values(headers, name).into_iter().next()
}

/// Compact forms that the library does not know (RFC 3261, section 20; RFC 4028; RFC 3515).
const COMPACT: [(&str, &str); 4] =
    [("session-expires", "x"), ("refer-to", "r"), ("supported", "k"), ("content-type", "c")];

/// The values of all headers of that name, in order.
pub(crate) fn values(headers: &Headers, name: &str) -> Vec<String> {
    let lower = name.to_ascii_lowercase();
    let compact = COMPACT.iter().find(|(long, _)| *long == lower).map(|(_, short)| *short);
    let is_it = |header: &&Header| {
        header.name().eq_ignore_ascii_case(name)
            || compact.is_some_and(|short| header.name().eq_ignore_ascii_case(short))
    };
    headers.iter().filter(is_it).map(|header| header.value().trim().to_owned()).collect()
}

/// Words of a header that is a list, in lower case.
pub(crate) fn words(headers: &Headers, name: &str) -> Vec<String> {
    let all = values(headers, name);
    let words = all.iter().flat_map(|value| value.split(','));
    words.map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()).collect()
}

/// What is said about session timers (RFC 4028).
pub(crate) fn said(headers: &Headers) -> Said {
    let expires = value(headers, "Session-Expires").and_then(|value| timers::read_expires(&value));
    let least = value(headers, "Min-SE");
    Said {
        expires: expires.map(|(seconds, _)| seconds),
        refresher: expires.and_then(|(_, refresher)| refresher),
        least: least.and_then(|value| value.split(';').next()?.trim().parse().ok()),
        is_supported: words(headers, "Supported").iter().any(|word| word == "timer"),
    }
}

/// What an INVITE requires that we do not understand (RFC 3261, section 8.2.2.3).
pub(crate) fn unsupported(headers: &Headers) -> Vec<String> {
    let required = words(headers, "Require");
    required.into_iter().filter(|word| !EXTENSIONS.contains(&word.as_str())).collect()
}

/// Does the other side take UPDATE?
pub(crate) fn allows_update(headers: &Headers) -> bool {
    words(headers, "Allow").iter().any(|word| word == "update")
}

/// The body's kind, without parameters, in lower case; `None`: no body.
pub(crate) fn content_type(request: &Request) -> Option<String> {
    if request.body.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let value = value(&request.headers, "Content-Type").unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// A header that the library has no name for, or whose type does not matter.
pub(crate) fn other(name: &str, value: &str) -> Header {
    Header::Other(name.to_owned(), value.to_owned())
}

/// Those of an answer with a session description.
pub(crate) fn of_answer(agreed: &Agreed, is_supported: bool) -> Vec<Header> {
    let mut headers = vec![
        Header::ContentType("application/sdp".into()),
        Header::Allow(ALLOW.into()),
        Header::Supported("timer".into()),
    ];
    if let Some(value) = agreed.answer() {
        headers.push(Header::SessionExpires(value.into()));
        // They must know that they are expected to refresh (RFC 4028, section 9).
        if is_supported {
            headers.push(Header::Require("timer".into()));
        }
    }
    headers
}

/// Those of a request that asks for a session timer.
pub(crate) fn of_session(
    interval: std::time::Duration,
    least: std::time::Duration,
    refresher: Option<&str>,
) -> Vec<Header> {
    let refresher = refresher.map(|who| format!(";refresher={who}")).unwrap_or_default();
    vec![
        Header::Allow(ALLOW.into()),
        Header::Supported("timer".into()),
        Header::SessionExpires(format!("{}{refresher}", interval.as_secs()).into()),
        Header::MinSE(least.as_secs().to_string().into()),
    ]
}

/// Where an address of the library is.
pub(crate) fn flow_of(address: &SipAddr) -> Option<Flow> {
    let transport = match address.r#type {
        Some(SipTransport::Tcp) => Transport::Tcp,
        Some(SipTransport::Udp) | None => Transport::Udp,
        Some(_) => return None,
    };
    Some(Flow { transport, peer: address.get_socketaddr().ok()? })
}

/// From where a request came.
pub(crate) fn source(tx: &Transaction) -> Option<Flow> {
    tx.connection.as_ref().and_then(|connection| connection.get_remote_addr()).and_then(flow_of)
}

/// The same for the library.
pub(crate) fn address_of(transport: Transport, peer: SocketAddr) -> SipAddr {
    let r#type = match transport {
        Transport::Udp => SipTransport::Udp,
        Transport::Tcp => SipTransport::Tcp,
    };
    SipAddr { r#type: Some(r#type), addr: peer.into() }
}

/// What went wrong, for logs: the library's own words may have parts of messages in them.
pub(crate) fn kind(error: &rsipstack::Error) -> &'static str {
    match error {
        rsipstack::Error::SipMessageError(_) => "message",
        rsipstack::Error::DnsResolutionError(_) => "name",
        rsipstack::Error::TransportLayerError(..) => "transport",
        rsipstack::Error::TransactionError(..) => "transaction",
        rsipstack::Error::EndpointError(_) => "endpoint",
        rsipstack::Error::DialogError(..) => "dialog",
        rsipstack::Error::IoError(_) => "network",
        rsipstack::Error::AddrParseError(_) => "address",
        rsipstack::Error::Error(_) => "other",
    }
}

/// `To` has a tag: the request is within a dialog.
pub(crate) fn is_in_dialog(request: &Request) -> bool {
    request.to_header().and_then(|to| to.tag()).ok().flatten().is_some()
}

#[cfg(test)]
mod tests {
    use rsipstack::sip::SipMessage;

    use super::*;
    use crate::timers::Refresher;

    fn request(more: &str) -> Request {
        let text = format!(
            "INVITE sip:12345@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:12345@192.0.2.9>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{more}\r\n"
        );
        match SipMessage::try_from(text.as_str()).unwrap() {
            SipMessage::Request(request) => request,
            SipMessage::Response(_) => unreachable!("a request was written"),
        }
    }

    #[test]
    fn session_timers_are_read_in_long_and_short() {
        let long = request("Session-Expires: 600;refresher=uas\r\nMin-SE: 120\r\nSupported: replaces, Timer\r\n");
        let said = super::said(&long.headers);
        assert_eq!(
            (said.expires, said.refresher, said.least, said.is_supported),
            (Some(600), Some(Refresher::Uas), Some(120), true)
        );
        let short = request("x: 600\r\nk: timer\r\n");
        let said = super::said(&short.headers);
        assert_eq!((said.expires, said.refresher, said.is_supported), (Some(600), None, true));
        assert_eq!(super::said(&request("").headers), Said::default());
    }

    #[test]
    fn what_is_required_and_not_known_is_named() {
        assert_eq!(unsupported(&request("Require: timer, foo\r\nRequire: 100rel,bar\r\n").headers), ["foo", "bar"]);
        assert_eq!(unsupported(&request("Proxy-Require: foo\r\n").headers), Vec::<String>::new());
    }

    #[test]
    fn bodies_are_told_by_their_kind() {
        let with = |more: &str, body: &str| {
            let mut request = request(more);
            request.body = body.as_bytes().to_vec();
            content_type(&request)
        };
        assert_eq!(with("Content-Type: Application/SDP; x=y\r\n", "v=0").as_deref(), Some("application/sdp"));
        assert_eq!(with("c: application/sdp\r\n", "v=0").as_deref(), Some("application/sdp"));
        assert_eq!(with("Content-Type: application/sdp\r\n", " \r\n"), None);
        assert_eq!(with("", "x").as_deref(), Some(""));
        assert!(!is_in_dialog(&request("")));
    }
}
