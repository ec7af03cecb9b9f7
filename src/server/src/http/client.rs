//! Who asks, and how safely: the other end of the connection or, behind proxies that we trust, whom they name. Pure, and
//! the only place that decides it: limits, the log-in throttle and the "secure" of answers all ask here.
//!
//! Every proxy adds at the right end of its header the address that it saw, so the header is read from the right: what a
//! trusted hop wrote is believed, and the first address that is no trusted hop is the client. What stands further left
//! was sent by the client itself. Only the one header that the proxies are known to write is looked at
//! (`http.forwarded_header`): they would pass the other one on as the client sent it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Does it speak TLS with us?
    pub is_tls: bool,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Their address; an IPv4 address in IPv6's dress is written as IPv4.
    pub address: IpAddr,
    /// Is the way from them to us encrypted, as far as we know?
    pub is_secure: bool,
}

/// `http.forwarded_header`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies in front of us.
#[derive(Debug, Clone)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<IpNet>,
    /// What they write.
    pub header: ForwardedHeader,
}

impl Proxies {
    /// An address or a network, as in `http.trusted_proxies`.
    #[must_use]
    pub fn network(text: &str) -> Option<IpNet> {
        text.parse().ok().or_else(|| text.parse().map(|address: IpAddr| address.to_canonical().into()).ok())
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Who asks, of a request that came over this connection with these headers.
    #[must_use]
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Client {
        let mut client = Client { address: peer.address.ip().to_canonical(), is_secure: peer.is_tls };
        if !self.trust(client.address) {
            return client;
        }
        match self.header {
            ForwardedHeader::XForwardedFor => {
                for hop in from_the_right(headers, "x-forwarded-for", ',') {
                    let Some(address) = node(hop) else { break };
                    client.address = address;
                    if !self.trust(address) {
                        break;
                    }
                }
                if let Some(scheme) = from_the_right(headers, "x-forwarded-proto", ',').next() {
                    client.is_secure = scheme.eq_ignore_ascii_case("https");
                }
            }
            ForwardedHeader::Forwarded => {
                for hop in from_the_right(headers, "forwarded", ',') {
                    let Some(address) = parameter(hop, "for").and_then(node) else { break };
                    client.address = address;
                    if let Some(scheme) = parameter(hop, "proto") {
                        client.is_secure = scheme.eq_ignore_ascii_case("https");
                    }
                    if !self.trust(address) {
                        break;
                    }
                }
            }
        }
        client
    }
}

/// The parts of a header, which may come in several lines, last one first. An unreadable line is one part that is nothing.
fn from_the_right<'a>(headers: &'a HeaderMap, name: &str, separator: char) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    lines.rev().flat_map(move |line| split_from_the_right(line, separator))
}

/// Splits where the separator is in no quotes, counted from the right: an open quote at the left, which the client may
/// have sent, cannot swallow what a proxy has written.
fn split_from_the_right(line: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let mut is_quoted = false;
        let cut = line.char_indices().rev().find(|(_, sign)| {
            is_quoted ^= *sign == '"';
            *sign == separator && !is_quoted
        });
        let (left, part) = match cut {
            Some((at, _)) => (Some(&line[..at]), &line[at + separator.len_utf8()..]),
            None => (None, line),
        };
        rest = left;
        Some(part.trim())
    })
}

/// The value of `name=value` or `name="value"` among those of one hop.
fn parameter<'a>(hop: &'a str, name: &str) -> Option<&'a str> {
    let value = split_from_the_right(hop, ';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// An address, with or without a port; `unknown` and names that hide one (`_hidden`) are none.
fn node(text: &str) -> Option<IpAddr> {
    let address = match text.strip_prefix('[') {
        Some(rest) => IpAddr::V6(rest.split_once(']')?.0.parse().ok()?),
        None => match text.parse() {
            Ok(address) => address,
            Err(_) => IpAddr::V4(text.split_once(':')?.0.parse::<Ipv4Addr>().ok()?),
        },
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, header: ForwardedHeader, lines: &[(&'static str, &str)]) -> (String, bool) {
        let trusted = ["192.0.2.1", "10.0.0.0/8", "2001:db8:ffff::/48"];
        let trusted = trusted.iter().map(|text| Proxies::network(text).unwrap()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let peer = Peer { address: SocketAddr::new(peer.parse().unwrap(), 9999), is_tls: false };
        let Client { address, is_secure } = Proxies { trusted, header }.client(peer, &headers);
        (address.to_string(), is_secure)
    }

    #[test]
    fn who_is_forwarded_is_believed_as_far_as_trusted_proxies_have_written_it() {
        let xff = "x-forwarded-for";
        for (peer, sent, expected) in [
            // Nobody whom we trust: whatever is said.
            ("198.51.100.9", vec!["203.0.113.7"], "198.51.100.9"),
            ("::ffff:198.51.100.9", vec!["203.0.113.7"], "198.51.100.9"),
            // Said nothing.
            ("192.0.2.1", vec![], "192.0.2.1"),
            ("192.0.2.1", vec![""], "192.0.2.1"),
            // One proxy, in every dress.
            ("192.0.2.1", vec!["203.0.113.7"], "203.0.113.7"),
            ("::ffff:192.0.2.1", vec!["203.0.113.7"], "203.0.113.7"),
            ("192.0.2.1", vec!["203.0.113.7:4711"], "203.0.113.7"),
            ("192.0.2.1", vec!["2001:db8::5"], "2001:db8::5"),
            ("192.0.2.1", vec!["[2001:db8::5]:4711"], "2001:db8::5"),
            ("192.0.2.1", vec!["::ffff:203.0.113.7"], "203.0.113.7"),
            ("2001:db8:ffff::1", vec!["203.0.113.7"], "203.0.113.7"),
            // The client sent some itself, in the same line or in one of its own.
            ("192.0.2.1", vec!["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
            ("192.0.2.1", vec!["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
            ("192.0.2.1", vec!["10.9.9.9, 203.0.113.7"], "203.0.113.7"),
            ("192.0.2.1", vec!["\", 203.0.113.7"], "203.0.113.7"),
            // Several proxies.
            ("192.0.2.1", vec!["1.1.1.1, 203.0.113.7, 10.0.0.2,10.0.0.3"], "203.0.113.7"),
            ("192.0.2.1", vec!["1.1.1.1, 203.0.113.7", "10.0.0.2", "10.0.0.3"], "203.0.113.7"),
            // Only proxies: the one that is furthest away.
            ("192.0.2.1", vec!["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
            // What is none ends it: the nearest that is known counts.
            ("192.0.2.1", vec!["unknown"], "192.0.2.1"),
            ("192.0.2.1", vec!["203.0.113.7, unknown, 10.0.0.3"], "10.0.0.3"),
            ("192.0.2.1", vec!["203.0.113.7,"], "192.0.2.1"),
            ("192.0.2.1", vec!["203.0.113.7", "\u{ff}"], "192.0.2.1"),
            ("192.0.2.1", vec!["203.0.113.7.evil.example"], "192.0.2.1"),
        ] {
            let lines: Vec<_> = sent.iter().map(|value| (xff, *value)).collect();
            assert_eq!(client(peer, ForwardedHeader::XForwardedFor, &lines).0, expected, "{peer} {sent:?}");
        }
    }

    #[test]
    fn the_standard_s_header_is_read_the_same_way() {
        for (sent, expected) in [
            (vec!["for=203.0.113.7"], ("203.0.113.7", false)),
            (vec!["For=\"[2001:db8:cafe::17]:4711\";proto=https"], ("2001:db8:cafe::17", true)),
            (vec!["proto=https; by=10.0.0.1 ;for=\"203.0.113.7:80\""], ("203.0.113.7", true)),
            (vec!["for=1.1.1.1;proto=https, for=203.0.113.7;proto=http"], ("203.0.113.7", false)),
            (vec!["for=1.1.1.1", "for=203.0.113.7;proto=https, for=10.0.0.2;proto=http"], ("203.0.113.7", true)),
            // The client has left a quote open.
            (vec!["for=\"1.1.1.1, for=203.0.113.7"], ("203.0.113.7", false)),
            (vec!["for=_hidden, for=10.0.0.2"], ("10.0.0.2", false)),
            (vec!["for=unknown"], ("192.0.2.1", false)),
            (vec!["203.0.113.7"], ("192.0.2.1", false)),
            (vec!["xfor=203.0.113.7"], ("192.0.2.1", false)),
        ] {
            let lines: Vec<_> = sent.iter().map(|value| ("forwarded", *value)).collect();
            let (address, is_secure) = client("192.0.2.1", ForwardedHeader::Forwarded, &lines);
            assert_eq!((address.as_str(), is_secure), expected, "{sent:?}");
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_the_client_s_own_and_not_looked_at() {
        let both = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=1.1.1.1;proto=https")];
        assert_eq!(client("192.0.2.1", ForwardedHeader::XForwardedFor, &both), ("203.0.113.7".into(), false));
        let both = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=203.0.113.7")];
        assert_eq!(client("192.0.2.1", ForwardedHeader::Forwarded, &both), ("203.0.113.7".into(), false));
    }

    #[test]
    fn a_trusted_proxy_says_whether_the_client_came_by_tls() {
        for (peer, sent, expected) in [
            ("192.0.2.1", vec!["https"], true),
            ("192.0.2.1", vec!["HTTPS"], true),
            ("192.0.2.1", vec!["http"], false),
            ("192.0.2.1", vec!["https, http"], false),
            ("192.0.2.1", vec!["https", "http"], false),
            ("192.0.2.1", vec![], false),
            ("198.51.100.9", vec!["https"], false),
        ] {
            let lines: Vec<_> = sent.iter().map(|value| ("x-forwarded-proto", *value)).collect();
            assert_eq!(client(peer, ForwardedHeader::XForwardedFor, &lines).1, expected, "{peer} {sent:?}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        for (text, expected) in [
            ("10.0.0.1", Some("10.0.0.1/32")),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("::1", Some("::1/128")),
            ("fd00::/8", Some("fd00::/8")),
            ("10.0.0.0/33", None),
            ("proxy.example", None),
            ("", None),
        ] {
            let network = Proxies::network(text).map(|network| network.to_string());
            assert_eq!(network.as_deref(), expected, "{text}");
        }
    }
}
