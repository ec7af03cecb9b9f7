//! Session descriptions of telephones (RFC 8866) and how one is answered (RFC 3264). Text in, text out.
//!
//! One line of sound, G.711; A-law before µ-law, because the telephone network here speaks it. Every other media line is
//! refused in its place, as RFC 3264 section 6 wants.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use bangban_media::audio::{Codec, Direction};

/// More than any telephone sends.
const MAX_BYTES: usize = 16 * 1024;
/// Media lines of one description.
const MAX_MEDIA: usize = 16;
/// The payload type of keys in what we offer (RFC 4733).
const OUR_DTMF: u8 = 101;

/// Why nothing can be agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Not a session description.
    #[error("not a session description")]
    NotSdp,
    /// Too long, or too many media lines.
    #[error("too large")]
    TooLarge,
    /// No line of sound that is open.
    #[error("no sound")]
    NoSound,
    /// Encrypted sound, or sound that is not RTP.
    #[error("not plain RTP")]
    NotRtp,
    /// Neither A-law nor µ-law.
    #[error("no G.711")]
    NoCodec,
    /// No address, or a name.
    #[error("no address")]
    NoAddress,
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Where it receives; unspecified: it wants nothing (the old way to hold).
    pub(crate) address: SocketAddr,
    /// Where it receives RTCP, if it says so (RFC 3605).
    pub(crate) rtcp: Option<SocketAddr>,
    /// What we send it.
    pub(crate) codec: Codec,
    /// Its payload type of keys.
    pub(crate) dtmf: Option<u8>,
    /// Who sends, as it says it.
    direction: Direction,
    /// Its media lines in order: the one that is taken, and of each other what is needed to refuse it.
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Taken,
    /// Kind, protocol and formats as they came.
    Refused(String, String, String),
}

impl Remote {
    /// Who sends, as our side says it (RFC 3264, section 6.1).
    pub(crate) fn ours(&self) -> Direction {
        match (self.direction, self.address.ip().is_unspecified()) {
            (Direction::Inactive, _) | (Direction::RecvOnly, true) => Direction::Inactive,
            (Direction::SendOnly | Direction::SendRecv, true) | (Direction::SendOnly, false) => Direction::RecvOnly,
            (Direction::RecvOnly, false) => Direction::SendOnly,
            (Direction::SendRecv, false) => Direction::SendRecv,
        }
    }

    /// Have they put us on hold? They do not want to hear us, and play their own music or nothing.
    pub(crate) fn holds(&self) -> bool {
        !self.ours().sends()
    }
}

/// Reads an offer, or an answer to ours.
///
/// # Errors
/// When nothing in it can be agreed to.
pub(crate) fn read(body: &[u8]) -> Result<Remote, Unfit> {
    if body.len() > MAX_BYTES {
        return Err(Unfit::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| Unfit::NotSdp)?;
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    if lines.next() != Some("v=0") {
        return Err(Unfit::NotSdp);
    }
    let mut session = Section::default();
    let mut media: Vec<Media<'_>> = Vec::new();
    for line in lines {
        let Some((kind, value)) = line.split_once('=') else { return Err(Unfit::NotSdp) };
        if kind == "m" {
            if media.len() == MAX_MEDIA {
                return Err(Unfit::TooLarge);
            }
            media.push(Media::read(value).ok_or(Unfit::NotSdp)?);
            continue;
        }
        media.last_mut().map_or(&mut session, |media| &mut media.section).take(kind, value);
    }
    agree(&session, &media)
}

fn agree(session: &Section, media: &[Media<'_>]) -> Result<Remote, Unfit> {
    let mut taken: Option<Remote> = None;
    let mut why = Unfit::NoSound;
    let mut lines = Vec::with_capacity(media.len());
    for one in media {
        let read = if taken.is_none() { one.remote(session) } else { Err(Unfit::NoSound) };
        match read {
            Ok(remote) => {
                taken = Some(remote);
                lines.push(Line::Taken);
            }
            Err(unfit) => {
                if one.kind == "audio" && one.port != 0 {
                    why = unfit;
                }
                lines.push(Line::Refused(one.kind.to_owned(), one.protocol.to_owned(), one.formats.to_owned()));
            }
        }
    }
    let mut remote = taken.ok_or(why)?;
    remote.lines = lines;
    Ok(remote)
}

/// What stands for the whole session or for one media line.
#[derive(Default)]
struct Section {
    address: Option<Option<IpAddr>>,
    direction: Option<Direction>,
    dtmf: Vec<u8>,
    rtcp: Option<(u16, Option<IpAddr>)>,
}

impl Section {
    fn take(&mut self, kind: &str, value: &str) {
        match (kind, value) {
            ("c", _) => self.address = Some(address(value)),
            ("a", "sendrecv") => self.direction = Some(Direction::SendRecv),
            ("a", "sendonly") => self.direction = Some(Direction::SendOnly),
            ("a", "recvonly") => self.direction = Some(Direction::RecvOnly),
            ("a", "inactive") => self.direction = Some(Direction::Inactive),
            ("a", _) => {
                if let Some(map) = value.strip_prefix("rtpmap:") {
                    self.dtmf.extend(key_events(map));
                } else if let Some(port) = value.strip_prefix("rtcp:") {
                    self.rtcp = rtcp(port);
                }
            }
            _ => {}
        }
    }
}

/// `IN IP4 192.0.2.1`, perhaps with a TTL; a name is none.
fn address(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    let (Some("IN"), Some("IP4" | "IP6"), Some(address)) = (words.next(), words.next(), words.next()) else {
        return None;
    };
    address.split('/').next()?.parse().ok()
}

/// `101 telephone-event/8000`: the payload type.
fn key_events(map: &str) -> Option<u8> {
    let (payload_type, encoding) = map.split_once(' ')?;
    let payload_type = payload_type.parse().ok().filter(|t| (96..=127).contains(t))?;
    encoding.trim().eq_ignore_ascii_case("telephone-event/8000").then_some(payload_type)
}

/// `40001`, or `40001 IN IP4 192.0.2.1`.
fn rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let (port, rest) = value.split_once(' ').unwrap_or((value, ""));
    Some((port.parse().ok().filter(|port| *port != 0)?, address(rest)))
}

struct Media<'a> {
    kind: &'a str,
    port: u16,
    protocol: &'a str,
    formats: &'a str,
    section: Section,
}

impl<'a> Media<'a> {
    /// `audio 40000 RTP/AVP 8 0 101`.
    fn read(value: &'a str) -> Option<Self> {
        let mut words = value.splitn(4, ' ');
        let (kind, port, protocol, formats) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let is_token = |word: &str| !word.is_empty() && word.len() <= 64 && word.bytes().all(|b| b.is_ascii_graphic());
        if !is_token(kind)
            || !is_token(protocol)
            || formats.len() > 512
            || !formats.bytes().all(|b| (32..127).contains(&b))
        {
            return None;
        }
        // A number of ports (RFC 8866, 5.14) is for layered sound; the first is the one.
        let port = port.split('/').next()?.parse().ok()?;
        Some(Self { kind, port, protocol, formats, section: Section::default() })
    }

    fn remote(&self, session: &Section) -> Result<Remote, Unfit> {
        if self.kind != "audio" || self.port == 0 {
            return Err(Unfit::NoSound);
        }
        if self.protocol != "RTP/AVP" && self.protocol != "RTP/AVPF" {
            return Err(Unfit::NotRtp);
        }
        let formats: Vec<u8> = self.formats.split_ascii_whitespace().filter_map(|format| format.parse().ok()).collect();
        let codec = [Codec::Pcma, Codec::Pcmu]
            .into_iter()
            .find(|codec| formats.contains(&codec.payload_type()))
            .ok_or(Unfit::NoCodec)?;
        let ip = self.section.address.or(session.address).flatten().ok_or(Unfit::NoAddress)?;
        let dtmf = self.section.dtmf.iter().copied().find(|payload_type| formats.contains(payload_type));
        Ok(Remote {
            address: SocketAddr::new(ip, self.port),
            rtcp: self.section.rtcp.map(|(port, other)| SocketAddr::new(other.unwrap_or(ip), port)),
            codec,
            dtmf,
            direction: self.section.direction.or(session.direction).unwrap_or(Direction::SendRecv),
            lines: Vec::new(),
        })
    }
}

/// Our side of one leg: what is said of it with every description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ours {
    /// Where we receive.
    pub(crate) address: SocketAddr,
    /// The session's number: the same for the whole call.
    pub(crate) session: u64,
    /// The description's: one more whenever it is another one (RFC 3264, section 8).
    pub(crate) version: u64,
}

impl Ours {
    /// An offer: both codecs, A-law first, keys as events.
    pub(crate) fn offer(&self) -> String {
        let mut text = self.head();
        self.sound(&mut text, &[Codec::Pcma, Codec::Pcmu], Some(OUR_DTMF), Direction::SendRecv);
        text
    }

    /// An answer: what we take of the other side's offer, line by line.
    pub(crate) fn answer(&self, remote: &Remote) -> String {
        let mut text = self.head();
        for line in &remote.lines {
            match line {
                Line::Taken => self.sound(&mut text, &[remote.codec], remote.dtmf, remote.ours()),
                Line::Refused(kind, protocol, formats) => {
                    let _ = write!(text, "m={kind} 0 {protocol} {formats}\r\n");
                }
            }
        }
        text
    }

    fn head(&self) -> String {
        let (ip, session, version) = (self.address.ip(), self.session, self.version);
        let family = family(ip);
        format!("v=0\r\no=- {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n")
    }

    fn sound(&self, text: &mut String, codecs: &[Codec], dtmf: Option<u8>, direction: Direction) {
        let _ = write!(text, "m=audio {} RTP/AVP", self.address.port());
        for payload_type in codecs.iter().map(|codec| codec.payload_type()).chain(dtmf) {
            let _ = write!(text, " {payload_type}");
        }
        text.push_str("\r\n");
        for codec in codecs {
            let name = match codec {
                Codec::Pcma => "PCMA",
                Codec::Pcmu => "PCMU",
            };
            let _ = write!(text, "a=rtpmap:{} {name}/8000\r\n", codec.payload_type());
        }
        if let Some(payload_type) = dtmf {
            let _ = write!(text, "a=rtpmap:{payload_type} telephone-event/8000\r\na=fmtp:{payload_type} 0-15\r\n");
        }
        let word = match direction {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        };
        let _ = write!(text, "a=ptime:20\r\na={word}\r\n");
    }
}

const fn family(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Ours = Ours {
        address: SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9)), 20_000),
        session: 7,
        version: 1,
    };

    fn offer(media: &str) -> String {
        format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}")
    }

    fn remote(media: &str) -> Remote {
        read(offer(media).as_bytes()).unwrap()
    }

    #[test]
    fn a_law_is_taken_before_mu_law_whatever_their_order() {
        assert_eq!(remote("m=audio 40000 RTP/AVP 0 8\r\n").codec, Codec::Pcma);
        assert_eq!(remote("m=audio 40000 RTP/AVP 18 0\r\n").codec, Codec::Pcmu);
        assert_eq!(remote("m=audio 40000 RTP/AVP 8\r\n").address, "192.0.2.1:40000".parse().unwrap());
    }

    #[test]
    fn the_media_lines_own_address_and_direction_come_before_the_sessions() {
        let one = read(
            b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\na=sendonly\nt=0 0\nm=audio 40000 RTP/AVP 8\nc=IN IP4 192.0.2.2/127\na=inactive\n",
        )
        .unwrap();
        assert_eq!(one.address, "192.0.2.2:40000".parse().unwrap());
        assert_eq!(one.ours(), Direction::Inactive);
        let two =
            read(b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\na=sendonly\nt=0 0\nm=audio 1 RTP/AVP 8\n");
        assert_eq!(two.unwrap().ours(), Direction::RecvOnly);
    }

    /// RFC 3264, section 6.1 and 8.4; RFC 2543's way to hold.
    #[test]
    fn every_direction_is_answered_with_its_other_side() {
        for (theirs, ours, holds) in [
            ("sendrecv", Direction::SendRecv, false),
            ("sendonly", Direction::RecvOnly, true),
            ("recvonly", Direction::SendOnly, false),
            ("inactive", Direction::Inactive, true),
        ] {
            let remote = remote(&format!("m=audio 40000 RTP/AVP 8\r\na={theirs}\r\n"));
            assert_eq!((remote.ours(), remote.holds()), (ours, holds), "{theirs}");
        }
        let old = remote("m=audio 40000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n");
        assert_eq!((old.ours(), old.holds()), (Direction::RecvOnly, true));
        let answer = OURS.answer(&old);
        assert!(answer.contains("a=recvonly\r\n"), "{answer}");
    }

    #[test]
    fn keys_are_told_with_the_payload_type_of_the_offer() {
        let with = remote("m=audio 40000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\n");
        assert_eq!(with.dtmf, Some(97));
        assert!(OURS.answer(&with).contains("m=audio 20000 RTP/AVP 8 97\r\n"));
        let unlisted = remote("m=audio 40000 RTP/AVP 8\r\na=rtpmap:97 telephone-event/8000\r\n");
        assert_eq!(unlisted.dtmf, None);
        let wide = remote("m=audio 40000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/48000\r\n");
        assert_eq!(wide.dtmf, None);
        assert_eq!(
            remote("m=audio 40000 RTP/AVP 8\r\na=rtcp:40011\r\n").rtcp,
            Some("192.0.2.1:40011".parse().unwrap())
        );
    }

    #[test]
    fn an_answer_has_a_line_for_every_line_of_the_offer() {
        let remote = remote(
            "m=video 50000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 8\r\nm=audio 40000 RTP/AVP 8\r\nm=audio 40002 RTP/AVP 0\r\n",
        );
        assert_eq!(remote.address.port(), 40_000);
        let answer = OURS.answer(&remote);
        let media: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(
            media,
            ["m=video 0 RTP/AVP 96", "m=audio 0 RTP/AVP 8", "m=audio 20000 RTP/AVP 8", "m=audio 0 RTP/AVP 0"]
        );
    }

    #[test]
    fn what_cannot_be_agreed_says_why() {
        for (body, why) in [
            (String::new(), Unfit::NotSdp),
            ("hello".to_owned(), Unfit::NotSdp),
            ("v=0\r\nnonsense\r\n".to_owned(), Unfit::NotSdp),
            (offer("m=audio x RTP/AVP 8\r\n"), Unfit::NotSdp),
            (offer("m=audio 70000 RTP/AVP 8\r\n"), Unfit::NotSdp),
            (offer("m=audio 40000 RTP/AVP\r\n"), Unfit::NotSdp),
            (offer(""), Unfit::NoSound),
            (offer("m=audio 0 RTP/AVP 8\r\n"), Unfit::NoSound),
            (offer("m=video 40000 RTP/AVP 96\r\n"), Unfit::NoSound),
            (offer("m=audio 40000 RTP/SAVP 8\r\n"), Unfit::NotRtp),
            (offer("m=audio 40000 RTP/AVP 18 96\r\n"), Unfit::NoCodec),
            (offer("m=audio 40000 RTP/AVP 8\r\nc=IN IP4 phone.example\r\n"), Unfit::NoAddress),
            (offer(&"m=audio 40000 RTP/AVP 8\r\n".repeat(17)), Unfit::TooLarge),
            (offer(&"a=x\r\n".repeat(4_000)), Unfit::TooLarge),
        ] {
            assert_eq!(read(body.as_bytes()), Err(why), "{}", body.chars().take(120).collect::<String>());
        }
        assert_eq!(read(b"v=0\r\n\xff\xfe"), Err(Unfit::NotSdp));
    }

    #[test]
    fn our_offer_can_be_read_and_says_a_law_mu_law_and_keys() {
        let text = OURS.offer();
        assert!(text.contains("m=audio 20000 RTP/AVP 8 0 101\r\n"), "{text}");
        let read = read(text.as_bytes()).unwrap();
        assert_eq!((read.codec, read.dtmf, read.ours()), (Codec::Pcma, Some(101), Direction::SendRecv));
        let six = Ours { address: "[2001:db8::1]:20000".parse().unwrap(), ..OURS };
        assert!(six.offer().contains("c=IN IP6 2001:db8::1\r\n"));
    }
}
