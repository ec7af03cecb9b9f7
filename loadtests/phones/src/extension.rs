//! A light telephone on a desk, when there are to be hundreds: it registers with a password (RFC 7616, MD5), answers every call at
//! once, and hangs up when it is told to by the other side. It has a port for sound, says nothing, and hears nothing.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use md5::{Digest as _, Md5};
use tokio::{
    net::UdpSocket,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    SOON,
    message::{Message, param},
};

/// T1 of RFC 3261: what is not acknowledged is said again after it, then after twice as long, at most every 4 s.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// An answer that nobody acknowledges is given up after 64 of T1.
const GIVE_UP: u32 = 64;

/// What it has done.
#[derive(Debug, Default)]
struct Counts {
    answered: AtomicU64,
    ended: AtomicU64,
    unacknowledged: AtomicU64,
}

/// See the module. It ends with its guard; its registration stays until its time is over.
pub struct Extension {
    counts: Arc<Counts>,
    task: JoinHandle<()>,
    _sound: std::net::UdpSocket,
}

impl Drop for Extension {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A call that was answered.
struct Call {
    answer: String,
    /// Until it is acknowledged: when it is said again, and how long after the last time.
    again: Option<(Instant, Duration)>,
    began: Instant,
}

impl Extension {
    /// Registers at `server` from this address of the machine.
    ///
    /// # Errors
    /// No socket, no answer, or a refusal.
    pub async fn register(server: SocketAddr, from: IpAddr, user: &str, password: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind((from, 0)).await?;
        // Sound that comes is for nobody, but its port is there.
        let sound = std::net::UdpSocket::bind((from, 0))?;
        let at = socket.local_addr()?;
        let first = exchange(&socket, server, &ask(server, at, user, 1, "")).await?;
        let challenge = first.header("WWW-Authenticate").unwrap_or_default();
        let of = |name| param(challenge, name).ok_or_else(|| io::Error::other("the registrar asks for no password"));
        let (realm, nonce) = (of("realm")?, of("nonce")?);
        let hash = |text: &str| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let uri = format!("sip:{server}");
        let (secret, what) = (hash(&format!("{user}:{realm}:{password}")), hash(&format!("REGISTER:{uri}")));
        let response = hash(&format!("{secret}:{nonce}:00000001:bangban:auth:{what}"));
        let proof = format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"bangban\"\r\n"
        );
        let second = exchange(&socket, server, &ask(server, at, user, 2, &proof)).await?;
        if second.status() != Some(200) {
            return Err(io::Error::other(format!("the registrar says {:?}", second.status())));
        }
        let counts = Arc::new(Counts::default());
        let sound_at = sound.local_addr()?;
        let task = tokio::spawn(serve(socket, sound_at, Arc::clone(&counts)));
        Ok(Self { counts, task, _sound: sound })
    }

    /// Calls that it has answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.counts.answered.load(Ordering::Relaxed)
    }

    /// Calls that the other side has ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.counts.ended.load(Ordering::Relaxed)
    }

    /// Calls whose answer was never acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.counts.unacknowledged.load(Ordering::Relaxed)
    }
}

fn ask(server: SocketAddr, at: SocketAddr, user: &str, number: u32, more: &str) -> String {
    let at_port = at.port();
    format!(
        "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKr{number}-{at_port};rport\r\n\
         From: <sip:{user}@{server}>;tag=r{at_port}\r\nTo: <sip:{user}@{server}>\r\nCall-ID: register-{at}\r\n\
         CSeq: {number} REGISTER\r\nContact: <sip:{user}@{at}>\r\nExpires: 3600\r\nMax-Forwards: 70\r\n{more}\
         Content-Length: 0\r\n\r\n"
    )
}

/// Sends a request until there is an answer.
async fn exchange(socket: &UdpSocket, server: SocketAddr, request: &str) -> io::Result<Message> {
    let answered = async {
        let mut bytes = vec![0; 8_192];
        loop {
            socket.send_to(request.as_bytes(), server).await?;
            let Ok(came) = timeout(T1, socket.recv_from(&mut bytes)).await else { continue };
            let message = Message::read(&bytes[..came?.0]);
            if let Some(message) = message.filter(|message| message.status().is_some_and(|status| status >= 200)) {
                return Ok(message);
            }
        }
    };
    timeout(SOON, answered).await.map_err(|_| io::Error::other("the registrar does not answer"))?
}

async fn serve(socket: UdpSocket, sound: SocketAddr, counts: Arc<Counts>) {
    let mut calls: HashMap<String, Call> = HashMap::new();
    let mut bytes = vec![0; 8_192];
    loop {
        let next = calls.values().filter_map(|call| Some(call.again?.0)).min();
        let alarm = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            came = socket.recv_from(&mut bytes) => {
                let Ok((length, from)) = came else { continue };
                let Some(message) = Message::read(&bytes[..length]) else { continue };
                for text in hear(&message, sound, &socket, &mut calls, &counts) {
                    // Said again by whoever misses it.
                    let _ = socket.send_to(text.as_bytes(), from).await;
                }
            }
            () = alarm => say_again(&socket, &mut calls, &counts).await,
        }
    }
}

/// What it says to something.
fn hear(
    message: &Message,
    sound: SocketAddr,
    socket: &UdpSocket,
    calls: &mut HashMap<String, Call>,
    counts: &Counts,
) -> Vec<String> {
    let (Some(method), Some(id)) = (message.method(), message.header("Call-ID")) else { return Vec::new() };
    match method {
        "INVITE" => {
            if let Some(call) = calls.get(id) {
                return vec![call.answer.clone()];
            }
            let answer = answer(message, sound, socket);
            let now = Instant::now();
            let call = Call { answer: answer.clone(), again: Some((now + T1, T1)), began: now };
            calls.insert(id.to_owned(), call);
            counts.answered.fetch_add(1, Ordering::Relaxed);
            vec![message.response("180 Ringing", "e", "", ""), answer]
        }
        "ACK" => {
            if let Some(call) = calls.get_mut(id) {
                call.again = None;
            }
            Vec::new()
        }
        "BYE" => {
            if calls.remove(id).is_some() {
                counts.ended.fetch_add(1, Ordering::Relaxed);
            }
            vec![message.response("200 OK", "e", "", "")]
        }
        // Too late: it was answered with the INVITE.
        _ => vec![message.response("200 OK", "e", "", "")],
    }
}

fn answer(invite: &Message, sound: SocketAddr, socket: &UdpSocket) -> String {
    let ip = sound.ip();
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
        sound.port()
    );
    let at = socket.local_addr().unwrap_or(sound);
    invite.response("200 OK", "e", &format!("Contact: <sip:e@{at}>\r\nContent-Type: application/sdp\r\n"), &body)
}

async fn say_again(socket: &UdpSocket, calls: &mut HashMap<String, Call>, counts: &Counts) {
    let now = Instant::now();
    calls.retain(|_, call| {
        let is_over = call.again.is_some() && now.duration_since(call.began) > T1 * GIVE_UP;
        if is_over {
            counts.unacknowledged.fetch_add(1, Ordering::Relaxed);
        }
        !is_over
    });
    for call in calls.values_mut() {
        if let Some((at, pause)) = call.again
            && at <= now
        {
            let pause = (pause * 2).min(T2);
            call.again = Some((now + pause, pause));
            let Some(to) = Message::read(call.answer.as_bytes()).and_then(|answer| via_of(&answer)) else { continue };
            // Said again until it is acknowledged.
            let _ = socket.send_to(call.answer.as_bytes(), to).await;
        }
    }
}

fn via_of(answer: &Message) -> Option<SocketAddr> {
    let via = answer.header("Via")?.strip_prefix("SIP/2.0/UDP ")?;
    via.split(';').next()?.trim().parse().ok()
}
