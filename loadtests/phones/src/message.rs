//! As much of a SIP message (RFC 3261, section 7) as these telephones need: lines, and what stands in a header. Names are never
//! abbreviated here, as neither our server nor these telephones do it.

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Message(String);

impl Message {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        text.contains("\r\n\r\n").then(|| Self(text.to_owned()))
    }

    pub(crate) fn start(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// The method of a request; `None`: a response.
    pub(crate) fn method(&self) -> Option<&str> {
        let word = self.start().split(' ').next()?;
        (word != "SIP/2.0").then_some(word)
    }

    /// Status of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start().strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// Address and user of a request: `sip:USER@HOST:PORT`.
    pub(crate) fn target(&self) -> Option<(&str, &str)> {
        let uri = self.start().split(' ').nth(1)?.strip_prefix("sip:")?;
        let (user, place) = uri.split_once('@').unwrap_or(("", uri));
        Some((user, place.split([';', '?']).next().unwrap_or(place)))
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head().find_map(|line| value(line, name))
    }

    fn head(&self) -> impl Iterator<Item = &str> {
        self.0.lines().skip(1).take_while(|line| !line.is_empty())
    }

    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head().filter_map(move |line| value(line, name))
    }

    /// The same with one more line after the first.
    pub(crate) fn with_line(&self, line: &str) -> String {
        let (start, rest) = self.0.split_once("\r\n").unwrap_or((&self.0, ""));
        format!("{start}\r\n{line}\r\n{rest}")
    }

    /// The same without its first Via, whether the others stand in lines of their own or, as with sipp, behind it.
    pub(crate) fn without_via(&self) -> String {
        let mut is_done = false;
        let mut kept = String::with_capacity(self.0.len());
        for line in self.0.split_inclusive("\r\n") {
            match value(line, "Via") {
                Some(vias) if !is_done => {
                    is_done = true;
                    if let Some((_, others)) = vias.split_once(',') {
                        kept.push_str(&format!("Via: {}\r\n", others.trim_start()));
                    }
                }
                _ => kept.push_str(line),
            }
        }
        kept
    }

    /// A response to it with what every response has; `tag` is ours.
    pub(crate) fn response(&self, status: &str, tag: &str, more: &str, body: &str) -> String {
        let vias: String = self.headers("Via").map(|via| format!("Via: {via}\r\n")).collect();
        let of = |name| self.header(name).unwrap_or_default();
        let to = of("To");
        let tag = if to.contains(";tag=") { String::new() } else { format!(";tag={tag}") };
        format!(
            "SIP/2.0 {status}\r\n{vias}From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            of("From"),
            of("Call-ID"),
            of("CSeq"),
            body.len()
        )
    }
}

/// What the line says, if it is of the header of this name.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = line.split_once(':')?;
    key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
}

/// A value in a header, with or without quotation marks: `name="value"`.
pub(crate) fn param<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split([',', ';', ' ']).find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_answered_and_passed_on() {
        let text = "INVITE sip:02100000200@127.0.0.1:5060;x=y SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=1\r\nvia: SIP/2.0/UDP b\r\n\
                    From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 INVITE\r\n\r\nVia: no header";
        let message = Message::read(text.as_bytes()).unwrap();
        assert_eq!((message.method(), message.status()), (Some("INVITE"), None));
        assert_eq!(message.target(), Some(("02100000200", "127.0.0.1:5060")));
        assert_eq!(message.headers("Via").count(), 2);
        assert_eq!(message.header("Via").and_then(|via| param(via, "branch")), Some("1"));
        let answer = message.response("486 Busy Here", "t", "", "");
        assert!(
            answer.starts_with("SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP a;branch=1\r\nVia: SIP/2.0/UDP b\r\nFrom")
        );
        let answer = Message::read(answer.as_bytes()).unwrap();
        assert_eq!((answer.status(), answer.header("To")), (Some(486), Some("<sip:c@d>;tag=t")));
        let passed = Message::read(message.with_line("Via: SIP/2.0/UDP c").as_bytes()).unwrap();
        assert_eq!(passed.header("Via"), Some("SIP/2.0/UDP c"));
        assert_eq!(passed.without_via(), text);
        assert_eq!(param(r#"Digest realm="bangban", nonce="n", qop="auth""#, "nonce"), Some("n"));
    }
}
