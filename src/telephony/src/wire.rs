//! Between the network and the library: who may send us anything at all, what is not SIP, and what every message of ours has.
//!
//! All of it happens before a transaction exists: a stranger costs us a look at an address.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use rsipstack::{
    Result,
    dialog::DialogId,
    platform::net::UdpSocket,
    sip::{Header, Method, SipMessage, StatusCode, Uri, prelude::*},
    transaction::{
        endpoint::{MessageInspector, TargetLocator, TransportEventInspector},
        key::{TransactionKey, TransactionRole},
    },
    transport::{SipAddr, SipConnection, TransportEvent},
};
use tokio::sync::mpsc;

use crate::{
    Event,
    clock::now,
    config::{Limits, Transport},
    headers::{address_of, flow_of, is_in_dialog},
    identity,
    limits::Sources,
    registrar::{Flow, Registrar},
    shared::{Counts, lock},
    trunks::Trunks,
};

/// What a source is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Trunk,
    /// A network where our telephones are.
    Phones,
    Stranger,
}

/// Who may send us anything.
pub(crate) struct Gate {
    pub(crate) trunks: Arc<Mutex<Trunks>>,
    pub(crate) registrar: Arc<Mutex<Registrar>>,
    pub(crate) phones: Vec<IpNet>,
    pub(crate) limits: Limits,
    pub(crate) counts: Arc<Counts>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) sources: Mutex<Sources>,
    pub(crate) connections: Mutex<HashSet<SocketAddr>>,
}

impl Gate {
    fn source(&self, ip: IpAddr) -> Source {
        if lock(&self.trunks).knows(ip) {
            return Source::Trunk;
        }
        if self.phones.iter().any(|net| net.contains(&ip)) { Source::Phones } else { Source::Stranger }
    }

    /// May a message from there be read?
    fn admits(&self, ip: IpAddr) -> bool {
        let per_second = match self.source(ip) {
            Source::Trunk => self.limits.trunk_messages,
            Source::Phones => self.limits.phone_messages,
            Source::Stranger => 0,
        };
        let is_admitted = per_second > 0 && lock(&self.sources).admit(now(), ip, per_second);
        if !is_admitted {
            Counts::one(&self.counts.dropped);
        }
        is_admitted
    }

    /// A connection from there: counted until [`Gate::disconnected`].
    pub(crate) fn connected(&self, peer: SocketAddr) -> bool {
        let mut connections = lock(&self.connections);
        let of_this = connections.iter().filter(|one| one.ip() == peer.ip()).count();
        if self.source(peer.ip()) == Source::Stranger || of_this >= self.limits.connections {
            Counts::one(&self.counts.dropped);
            return false;
        }
        connections.insert(peer)
    }

    /// It has closed. Connections that we have made are not counted.
    pub(crate) fn disconnected(&self, peer: SocketAddr) {
        lock(&self.connections).remove(&peer);
    }

    /// May this message make something happen?
    fn lets_pass(&self, message: &SipMessage, from: Flow) -> bool {
        if from.transport == Transport::Tcp && !self.admits(from.peer.ip()) {
            return false;
        }
        if !is_readable(message) {
            Counts::one(&self.counts.unreadable);
            return false;
        }
        let SipMessage::Request(request) = message else { return true };
        let passes = match self.source(from.peer.ip()) {
            Source::Trunk => true,
            Source::Phones => {
                matches!(request.method, Method::Register | Method::Options)
                    || is_in_dialog(request)
                    || lock(&self.registrar).knows(from)
            }
            Source::Stranger => false,
        };
        if !passes {
            Counts::one(&self.counts.dropped);
        }
        passes
    }

    /// Nobody waits for this: it is told in order unless the server is far behind.
    fn tell(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            let events = self.events.clone();
            tokio::spawn(async move { events.send(event).await });
        }
    }
}

/// Has it everything that a dialog or transaction will read of it? The library reads these headers again and again, and not
/// everywhere with care.
fn is_readable(message: &SipMessage) -> bool {
    let reads = || -> Option<()> {
        match message {
            SipMessage::Request(request) => {
                TransactionKey::from_request(request, TransactionRole::Server).ok()?;
                DialogId::try_from((request, TransactionRole::Server)).ok()?;
                if request.cseq_header().ok()?.method().ok()? != request.method {
                    return None;
                }
            }
            SipMessage::Response(response) => {
                TransactionKey::from_response(response, TransactionRole::Client).ok()?;
                // Not asked of requests: `Contact: *` of a REGISTER is no address.
                response.typed_contact_headers().ok()?;
            }
        }
        message.from_header().ok()?.typed().ok()?;
        message.to_header().ok()?.typed().ok()?;
        message.cseq_header().ok()?.typed().ok()?;
        Some(())
    };
    matches!(catch_unwind(AssertUnwindSafe(reads)), Ok(Some(())))
}

/// The socket: what comes from nowhere that we know, too often, or is no SIP ends here.
pub(crate) struct GuardedSocket {
    pub(crate) socket: tokio::net::UdpSocket,
    pub(crate) gate: Arc<Gate>,
}

impl GuardedSocket {
    /// The library reads datagrams on one task for all: a message that it cannot bear would make us deaf.
    fn is_message(&self, datagram: &[u8]) -> bool {
        if datagram.iter().all(u8::is_ascii_whitespace) {
            // A keep-alive (RFC 5626, section 3.5.1), which it answers.
            return true;
        }
        match catch_unwind(|| SipMessage::try_from(datagram).is_ok()) {
            Ok(true) => true,
            Ok(false) => {
                Counts::one(&self.gate.counts.unreadable);
                false
            }
            Err(_) => {
                Counts::one(&self.gate.counts.panics);
                false
            }
        }
    }
}

#[async_trait::async_trait]
impl UdpSocket for GuardedSocket {
    async fn recv_from(&self, buf: &mut [u8]) -> Result<(usize, SocketAddr)> {
        loop {
            let (len, from) = match self.socket.recv_from(buf).await {
                Ok(received) => received,
                Err(error) => {
                    tracing::debug!(%error, "a datagram could not be received");
                    tokio::task::yield_now().await;
                    continue;
                }
            };
            if self.gate.admits(from.ip()) && self.is_message(&buf[..len]) {
                return Ok((len, from));
            }
        }
    }

    async fn send_to(&self, buf: &[u8], to: SocketAddr) -> Result<usize> {
        Ok(self.socket.send_to(buf, to).await?)
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }
}

/// What the library asks about every message before it does anything with it.
pub(crate) struct Incoming {
    pub(crate) gate: Arc<Gate>,
}

#[async_trait::async_trait]
impl TransportEventInspector for Incoming {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        match &event {
            TransportEvent::Incoming(message, _, from) => {
                let from = flow_of(from)?;
                self.gate.lets_pass(message, from).then_some(event)
            }
            TransportEvent::New(_) => Some(event),
            TransportEvent::Closed(connection) => {
                self.closed(connection);
                Some(event)
            }
        }
    }
}

impl Incoming {
    fn closed(&self, connection: &SipConnection) {
        let Some(flow) = connection.get_remote_addr().and_then(flow_of) else { return };
        self.gate.disconnected(flow.peer);
        let gone = lock(&self.gate.registrar).closed(flow);
        for user in gone {
            self.gate.tell(Event::Unregistered(user));
        }
    }
}

/// Where the telephone is that believes to be somewhere else: requests within a call go by the flow of its registration.
pub(crate) struct Locator {
    pub(crate) registrar: Arc<Mutex<Registrar>>,
}

#[async_trait::async_trait]
impl TargetLocator for Locator {
    async fn locate(&self, uri: &Uri) -> Result<SipAddr> {
        let place = identity::place_of(&uri.to_string());
        let flow = place.and_then(|place| lock(&self.registrar).flow_to(&place));
        match flow {
            Some(flow) => Ok(address_of(flow.transport, flow.peer)),
            None => SipAddr::try_from(uri),
        }
    }
}

/// A CANCEL is sent at the latest when the other side has said something, which it does within 32 s or never.
const KEPT: Duration = Duration::from_secs(64);

/// What one message of a call is to say beside what the library writes.
#[derive(Debug, Clone, Copy)]
enum Remark {
    /// Its CANCEL: somebody else has answered.
    Elsewhere,
    /// Its 503: when to come back, in seconds.
    RetryAfter(u32),
}

/// What every message of ours has.
#[derive(Clone)]
pub(crate) struct Outgoing {
    /// By Call-ID, and since when.
    remarks: Arc<Mutex<HashMap<String, (Instant, Remark)>>>,
    retry_after: u32,
}

impl Outgoing {
    pub(crate) fn new(retry_after: u32) -> Self {
        Self { remarks: Arc::new(Mutex::new(HashMap::new())), retry_after }
    }

    /// The CANCEL of this call is to say that somebody else has answered (RFC 3326): no missed call, then.
    pub(crate) fn answered_elsewhere(&self, call_id: &str) {
        self.remark(call_id, Remark::Elsewhere);
    }

    /// The 503 of this call is to name this time.
    pub(crate) fn come_back_after(&self, call_id: &str, seconds: u32) {
        self.remark(call_id, Remark::RetryAfter(seconds));
    }

    fn remark(&self, call_id: &str, remark: Remark) {
        let now = now();
        let mut remarks = lock(&self.remarks);
        remarks.retain(|_, (since, _)| now.saturating_duration_since(*since) < KEPT);
        remarks.insert(call_id.to_owned(), (now, remark));
    }

    fn remark_of(&self, message: &SipMessage) -> Option<Remark> {
        let call_id = message.call_id_header().ok()?.value();
        lock(&self.remarks).get(call_id).map(|(_, remark)| *remark)
    }
}

impl MessageInspector for Outgoing {
    fn before_send(&self, mut message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        let is_cancel = matches!(&message, SipMessage::Request(request) if request.method == Method::Cancel);
        let is_503 = matches!(
            &message,
            SipMessage::Response(response) if response.status_code == StatusCode::ServiceUnavailable
        );
        if !is_cancel && !is_503 {
            return message;
        }
        let remark = self.remark_of(&message);
        let headers = message.headers_mut();
        if is_cancel && matches!(remark, Some(Remark::Elsewhere)) {
            headers.unique_push(Header::Reason("SIP;cause=200;text=\"Call completed elsewhere\"".into()));
        }
        if is_503 && !headers.iter().any(|header| matches!(header, Header::RetryAfter(_))) {
            let seconds = match remark {
                Some(Remark::RetryAfter(seconds)) => seconds,
                Some(Remark::Elsewhere) | None => self.retry_after,
            };
            headers.push(Header::RetryAfter(seconds.to_string().into()));
        }
        message
    }

    fn after_received(&self, message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        message
    }
}
