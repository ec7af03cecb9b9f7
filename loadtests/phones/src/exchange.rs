//! The city's exchange, as far as a call that goes out needs one: it sends each number on to a telephone of its own, as a proxy
//! without state does (RFC 3261, section 16.11). A number that it does not know is answered with 404, OPTIONS with 200.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use md5::{Digest as _, Md5};
use tokio::{net::UdpSocket, task::JoinHandle};

use crate::message::{Message, param};

/// Begin of the branches that are ours; behind it is where a request came from.
const BRANCH: &str = "z9hG4bKex-";

type Routes = Arc<Mutex<HashMap<String, SocketAddr>>>;

/// See the module. It ends with its guard.
pub struct Exchange {
    /// Where it listens, by UDP.
    pub at: SocketAddr,
    routes: Routes,
    task: JoinHandle<()>,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Exchange {
    /// On a free port of this machine.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let at = socket.local_addr().expect("an address");
        let routes = Routes::default();
        let task = tokio::spawn(pass_on(socket, at, Arc::clone(&routes)));
        Self { at, routes, task }
    }

    /// Calls for this number go there from now on.
    pub fn route(&self, number: &str, to: SocketAddr) {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).insert(number.to_owned(), to);
    }
}

async fn pass_on(socket: UdpSocket, at: SocketAddr, routes: Routes) {
    let mut bytes = vec![0; 65_536];
    loop {
        // A port of a telephone that has gone: that it is unreachable is told to this socket.
        let Ok((length, from)) = socket.recv_from(&mut bytes).await else { continue };
        let Some(message) = Message::read(&bytes[..length]) else { continue };
        let sent = if message.method().is_some() {
            let route = |user: &str| routes.lock().unwrap_or_else(PoisonError::into_inner).get(user).copied();
            request(&message, from, at, route)
        } else {
            response(&message)
        };
        if let Some((text, to)) = sent {
            // It is sent again, as everything by UDP is.
            let _ = socket.send_to(text.as_bytes(), to).await;
        }
    }
}

/// What becomes of a request.
fn request(
    message: &Message,
    from: SocketAddr,
    at: SocketAddr,
    route: impl Fn(&str) -> Option<SocketAddr>,
) -> Option<(String, SocketAddr)> {
    let (user, place) = message.target()?;
    let to = if place.parse() == Ok(at) { route(user) } else { place.parse().ok() };
    match (message.method()?, to) {
        ("OPTIONS", _) => Some((message.response("200 OK", "exchange", "", ""), from)),
        ("ACK", None) => None,
        (_, None) => Some((message.response("404 Not Found", "exchange", "", ""), from)),
        (_, Some(to)) => {
            let branch = param(message.header("Via")?, "branch")?;
            // The same for an INVITE, its CANCEL and its ACK, as theirs is.
            let ours: String = Md5::digest(branch).iter().map(|byte| format!("{byte:02x}")).collect();
            let source = from.to_string().replace(':', "-");
            let via = format!("Via: SIP/2.0/UDP {at};branch={BRANCH}{source}-{ours}");
            Some((message.with_line(&via), to))
        }
    }
}

/// Back the way that its request came.
fn response(message: &Message) -> Option<(String, SocketAddr)> {
    let branch = param(message.header("Via")?, "branch")?.strip_prefix(BRANCH)?;
    let mut parts = branch.split('-');
    let source = format!("{}:{}", parts.next()?, parts.next()?).parse().ok()?;
    Some((message.without_via(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_number_is_sent_on_and_its_answer_comes_back() {
        let [server, at, telephone] = [5060, 5070, 5080].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let route = |user: &str| (user == "10001").then_some(telephone);
        let text = |method: &str, user: &str| {
            format!(
                "{method} sip:{user}@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {server};branch=z9hG4bKa\r\nFrom: a\r\nTo: b\r\n\
                 Call-ID: i\r\nCSeq: 1 {method}\r\n\r\n"
            )
        };
        let (invite, to) = request(&message(&text("INVITE", "10001")), server, at, route).unwrap();
        assert_eq!(to, telephone);
        let (cancel, _) = request(&message(&text("CANCEL", "10001")), server, at, route).unwrap();
        let via = |text: &str| message(text).header("Via").unwrap().to_owned();
        assert_eq!(via(&invite), via(&cancel), "it cancels that INVITE");
        let ringing = message(&invite).response("180 Ringing", "t", "", "");
        let (back, to) = response(&message(&ringing)).unwrap();
        assert_eq!((to, message(&back).headers("Via").count()), (server, 1));
        let joined = ringing.replace("\r\nVia: SIP/2.0/UDP 127.0.0.1:5060", ", SIP/2.0/UDP 127.0.0.1:5060");
        assert_ne!(joined, ringing);
        assert_eq!(response(&message(&joined)).unwrap(), (back, to), "in one line, as sipp has them");
        let (unknown, to) = request(&message(&text("INVITE", "10002")), server, at, route).unwrap();
        assert_eq!((message(&unknown).status(), to), (Some(404), server));
        let (alive, _) = request(&message(&text("OPTIONS", "bangban")), server, at, route).unwrap();
        assert_eq!(message(&alive).status(), Some(200));
        // Within a call it goes where the telephone said.
        let bye = text("BYE", "x").replace(&format!("x@{at}"), &format!("x@{telephone}"));
        assert_eq!(request(&message(&bye), server, at, route).unwrap().1, telephone);
    }
}
