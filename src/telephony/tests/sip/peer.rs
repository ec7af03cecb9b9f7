//! A telephone by hand: one UDP socket, every message written and read here.

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use crate::desk::SOON;

pub(crate) struct Peer {
    socket: UdpSocket,
    pub(crate) at: SocketAddr,
    to: SocketAddr,
    count: u32,
    /// Messages that were read before they were asked for.
    unasked: Vec<Message>,
    /// Calls that have come, by Call-ID.
    calls: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) first: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Self { first, headers: lines.filter_map(header).collect(), body: body.to_owned() }
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("{} has no {name}", self.first))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    /// Of an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        self.first.strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
    }

    /// Of a request.
    pub(crate) fn method(&self) -> Option<&str> {
        self.first.strip_suffix(" SIP/2.0")?.split(' ').next()
    }

    fn tag(&self, name: &str) -> String {
        let value = self.get(name);
        value.split(";tag=").nth(1).unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
    }
}

/// A call of a [`Peer`], as caller or as called.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    call_id: String,
    ours: String,
    theirs: String,
    target: String,
    cseq: u32,
    invite_branch: String,
    invite_uri: String,
}

pub(crate) fn sdp(at: SocketAddr, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n",
        ip = at.ip(),
        port = 30_000
    )
}

impl Peer {
    pub(crate) async fn new(ip: &str, to: SocketAddr) -> Self {
        Self::at(SocketAddr::new(ip.parse::<IpAddr>().expect("an address"), 0), to).await
    }

    pub(crate) async fn at(at: SocketAddr, to: SocketAddr) -> Self {
        let socket = UdpSocket::bind(at).await.expect("a socket");
        let at = socket.local_addr().expect("an address");
        Self { socket, at, to, count: 0, unasked: Vec::new(), calls: Vec::new() }
    }

    pub(crate) async fn send(&self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.to).await.expect("it can be sent");
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    async fn receive(&self) -> Message {
        let mut buffer = vec![0; 65_536];
        let (len, _) = self.socket.recv_from(&mut buffer).await.expect("it can be received");
        Message::read(&String::from_utf8_lossy(&buffer[..len]))
    }

    /// The next message that `wants` wants. What comes again is read again.
    pub(crate) async fn message(&mut self, what: &str, wants: impl Fn(&Message) -> bool) -> Message {
        if let Some(at) = self.unasked.iter().position(&wants) {
            return self.unasked.remove(at);
        }
        let found = tokio::time::timeout(SOON, async {
            loop {
                let message = self.receive().await;
                if wants(&message) {
                    return message;
                }
                self.unasked.push(message);
            }
        });
        match found.await {
            Ok(message) => message,
            Err(_) => {
                let firsts: Vec<&str> = self.unasked.iter().map(|message| message.first.as_str()).collect();
                panic!("{what} did not come to {}; {firsts:?} did", self.at)
            }
        }
    }

    pub(crate) async fn status(&mut self, status: u16) -> Message {
        self.message(&status.to_string(), |message| message.status() == Some(status)).await
    }

    /// The answer with this status to a request of this method.
    pub(crate) async fn status_of(&mut self, status: u16, method: &str) -> Message {
        let wants = |message: &Message| message.status() == Some(status) && message.get("CSeq").ends_with(method);
        self.message(&format!("{status} to {method}"), wants).await
    }

    pub(crate) async fn request(&mut self, method: &str) -> Message {
        self.message(method, |message| message.method() == Some(method)).await
    }

    /// The answer with this status to the last request of this call: what is sent again of older ones does not count.
    pub(crate) async fn status_in(&mut self, status: u16, method: &str, dialog: &Dialog) -> Message {
        let cseq = format!("{} {method}", dialog.cseq);
        let call_id = dialog.call_id.clone();
        let wants = |message: &Message| {
            message.status() == Some(status) && message.get("CSeq") == cseq && message.get("Call-ID") == call_id
        };
        self.message(&format!("{status} to {cseq}"), wants).await
    }

    /// Nothing that `wants` wants has come so far: what was sent before was answered by then.
    pub(crate) async fn has_nothing(&mut self, wants: impl Fn(&Message) -> bool) {
        self.options().await;
        assert!(!self.unasked.iter().any(&wants), "{:?}", self.unasked);
    }

    /// The INVITE of a call that has not come before: those of others may be sent again.
    pub(crate) async fn invited(&mut self) -> Message {
        let known = self.calls.clone();
        let is_new = |message: &Message| {
            message.method() == Some("INVITE") && !known.iter().any(|call_id| call_id == message.get("Call-ID"))
        };
        let invite = self.message("a new INVITE", is_new).await;
        self.calls.push(invite.get("Call-ID").to_owned());
        invite
    }

    /// Asks for life, and waits for it.
    pub(crate) async fn options(&mut self) {
        let n = self.next();
        let (at, port) = (self.at, self.at.port());
        self.send(&format!(
            "OPTIONS sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bKo{port}x{n}\r\nFrom: <sip:o@{at}>;tag=o\r\n\
             To: <sip:bangban@{}>\r\nCall-ID: o{port}x{n}\r\nCSeq: {n} OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            self.to, self.to
        ))
        .await;
        let wanted = format!("{n} OPTIONS");
        self.message("life", |message| message.status() == Some(200) && message.get("CSeq") == wanted).await;
    }

    /// Calls; `more` are further headers, each with its end of line.
    pub(crate) async fn invite(&mut self, called: &str, body: &str, more: &str) -> Dialog {
        let n = self.next();
        let (at, to, port) = (self.at, self.to, self.at.port());
        let dialog = Dialog {
            call_id: format!("in{port}x{n}"),
            ours: format!("t{port}x{n}"),
            theirs: String::new(),
            target: format!("sip:bangban@{to}"),
            cseq: 1,
            invite_branch: format!("z9hG4bKi{port}x{n}"),
            invite_uri: format!("sip:{called}@{to}"),
        };
        let from = if more.contains("From:") {
            String::new()
        } else {
            format!("From: <sip:13800000001@{at}>;tag={}\r\n", dialog.ours)
        };
        let kind =
            if body.is_empty() || more.contains("Content-Type:") { "" } else { "Content-Type: application/sdp\r\n" };
        self.send(&format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch={branch}\r\n{from}To: <{uri}>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\nContact: <sip:peer@{at}>\r\nMax-Forwards: 70\r\n{kind}{more}\
             Content-Length: {len}\r\n\r\n{body}",
            uri = dialog.invite_uri,
            branch = dialog.invite_branch,
            call_id = dialog.call_id,
            len = body.len()
        ))
        .await;
        dialog
    }

    /// The 200 to the INVITE, acknowledged.
    pub(crate) async fn answered(&mut self, dialog: &mut Dialog) -> Message {
        let ok = self.status_in(200, "INVITE", dialog).await;
        dialog.learn(&ok);
        self.ack(dialog, "").await;
        ok
    }

    pub(crate) async fn ack(&mut self, dialog: &Dialog, body: &str) {
        let cseq = dialog.cseq;
        self.send_within(dialog, "ACK", cseq, body, "").await;
    }

    /// The ACK of an INVITE that was refused.
    pub(crate) async fn ack_refusal(&self, dialog: &Dialog, refusal: &Message) {
        self.send(&dialog.of_invite("ACK", self.at, refusal.get("To"))).await;
    }

    pub(crate) async fn cancel(&self, dialog: &Dialog) {
        self.send(&dialog.of_invite("CANCEL", self.at, &format!("<{}>", dialog.invite_uri))).await;
    }

    /// A request within the call; its number is the call's next.
    pub(crate) async fn within(&mut self, dialog: &mut Dialog, method: &str, body: &str, more: &str) {
        dialog.cseq += 1;
        let cseq = dialog.cseq;
        self.send_within(dialog, method, cseq, body, more).await;
    }

    async fn send_within(&mut self, dialog: &Dialog, method: &str, cseq: u32, body: &str, more: &str) {
        let n = self.next();
        let at = self.at;
        let kind =
            if body.is_empty() || more.contains("Content-Type:") { "" } else { "Content-Type: application/sdp\r\n" };
        self.send(&format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bKw{port}x{n}\r\n\
             From: <sip:peer@{at}>;tag={ours}\r\nTo: <sip:bangban@x>;tag={theirs}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:peer@{at}>\r\nMax-Forwards: 70\r\n{kind}{more}Content-Length: {len}\r\n\r\n{body}",
            target = dialog.target,
            port = at.port(),
            ours = dialog.ours,
            theirs = dialog.theirs,
            call_id = dialog.call_id,
            len = body.len()
        ))
        .await;
    }

    /// Answers a request of theirs.
    pub(crate) async fn answer(&self, request: &Message, status: &str, body: &str, more: &str) {
        self.answer_as(request, status, body, more, &format!("sip:peer@{}", self.at)).await;
    }

    /// The same from somebody who believes to be elsewhere.
    pub(crate) async fn answer_as(&self, request: &Message, status: &str, body: &str, more: &str, contact: &str) {
        let via: String = request.all("Via").iter().map(|value| format!("Via: {value}\r\n")).collect();
        let to = request.get("To");
        let to = if to.contains(";tag=") || status.starts_with("100") {
            to.to_owned()
        } else {
            format!("{to};tag={}", self.tag())
        };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        self.send(&format!(
            "SIP/2.0 {status}\r\n{via}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <{contact}>\r\n\
             {kind}{more}Content-Length: {}\r\n\r\n{body}",
            request.get("From"),
            request.get("Call-ID"),
            request.get("CSeq"),
            body.len()
        ))
        .await;
    }

    fn tag(&self) -> String {
        format!("u{}", self.at.port())
    }

    /// The call that an INVITE of theirs has begun, once it was answered.
    pub(crate) fn called(&self, invite: &Message) -> Dialog {
        let contact = invite.get("Contact");
        Dialog {
            call_id: invite.get("Call-ID").to_owned(),
            ours: self.tag(),
            theirs: invite.tag("From"),
            target: contact.trim_matches(['<', '>']).to_owned(),
            cseq: 0,
            invite_branch: String::new(),
            invite_uri: String::new(),
        }
    }
}

impl Dialog {
    /// Leaves out a number (CSeq): of a request that is still on its way.
    pub(crate) const fn skip_number(&mut self) {
        self.cseq += 1;
    }

    /// Is it a message of this call?
    pub(crate) fn has(&self, message: &Message) -> bool {
        message.get("Call-ID") == self.call_id
    }

    /// What an answer says of the other side.
    pub(crate) fn learn(&mut self, ok: &Message) {
        self.theirs = ok.tag("To");
        if let Some(contact) = ok.find("Contact") {
            self.target = contact.trim_matches(['<', '>']).to_owned();
        }
    }

    fn of_invite(&self, method: &str, at: SocketAddr, to: &str) -> String {
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch={branch}\r\nFrom: <sip:13800000001@{at}>;tag={ours}\r\n\
             To: {to}\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            uri = self.invite_uri,
            branch = self.invite_branch,
            ours = self.ours,
            call_id = self.call_id
        )
    }
}
