//! What an installation says about its telephones.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bangban_domain::call::Number;
use ipnet::IpNet;

/// All of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where we listen, by UDP and by TCP.
    pub bind: SocketAddr,
    /// Our address as telephones and the PBX reach it; `None`: that of [`Config::bind`], which must then be one.
    pub public: Option<IpAddr>,
    /// The ways to the telephone network, best first: a call goes by the first that works.
    pub trunks: Vec<Trunk>,
    /// Networks from which telephones may register. None: there are no desk phones.
    pub phones: Vec<IpNet>,
    /// The realm of the telephones' passwords.
    pub realm: String,
    /// How a telephone may prove its password, best first. Many desk phones know MD5 only, and some stumble over a second
    /// challenge, so MD5 alone is the default (RFC 8760 asks for SHA-256 before it).
    pub algorithms: Vec<Algorithm>,
    /// Our own number, shown where nothing else is.
    pub number: Number,
    /// The header that carries the hotline's ticket beside `User-to-User`, for example `X-Ticket`.
    pub ticket_header: Option<String>,
    /// How long things take.
    pub timing: Timing,
    /// How much of them.
    pub limits: Limits,
}

impl Config {
    /// The defaults: no trunks, no telephones, everything by the numbers of [`Timing`] and [`Limits`].
    #[must_use]
    pub fn new(bind: SocketAddr, number: Number) -> Self {
        Self {
            bind,
            public: None,
            trunks: Vec::new(),
            phones: Vec::new(),
            realm: "bangban".to_owned(),
            algorithms: vec![Algorithm::Md5],
            number,
            ticket_header: None,
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

/// One way to the telephone network.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Its name in logs and on the board.
    pub name: String,
    /// Where calls go to.
    pub address: SocketAddr,
    /// By what.
    pub transport: Transport,
    /// From where calls come, beside [`Trunk::address`].
    pub sources: Vec<IpNet>,
    /// If the other side asks for a password.
    pub login: Option<Login>,
    /// Must we register there? Needs [`Trunk::login`].
    pub registers: bool,
    /// The number shown to those who are called by this trunk; `None`: [`Config::number`].
    pub number: Option<Number>,
}

impl Trunk {
    /// By UDP, without password.
    #[must_use]
    pub fn new(name: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            address,
            transport: Transport::Udp,
            sources: Vec::new(),
            login: None,
            registers: false,
            number: None,
        }
    }
}

/// A name and a password at a trunk. The password is hidden from `Debug`.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How SIP goes over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// By datagrams.
    Udp,
    /// By connections.
    Tcp,
}

/// How a password is proven (RFC 7616).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// As RFC 2617 had it; every telephone knows it.
    Md5,
    /// Better.
    Sha256,
}

/// How long things take; the defaults are ours where no RFC is named.
#[derive(Debug, Clone)]
pub struct Timing {
    /// T1 of RFC 3261 (section 17.1.1.1): 500 ms. Everything that waits for the other side of a transaction follows: it is
    /// given up after 64 of it (32 s).
    pub t1: Duration,
    /// The server decides about an incoming call: 5 s.
    pub decision: Duration,
    /// A trunk that says nothing at all is passed over after 1 s, so that the second is tried within the 2 s of the rules.
    pub trunk_patience: Duration,
    /// Trunks are asked whether they are there (OPTIONS): 30 s. They have as long as this to answer, 4 s at most.
    pub ping: Duration,
    /// So many pings without answer and a trunk is down: 2.
    pub pings_missed: u32,
    /// The session timer that we ask for (RFC 4028, section 4): 30 min. Without one on the other side they are asked for
    /// life as often (OPTIONS in the dialog).
    pub session: Duration,
    /// The shortest one that we take (RFC 4028, section 5): 90 s.
    pub session_least: Duration,
    /// A telephone's registration holds so long at most: 1 h.
    pub registration_most: Duration,
    /// ... and at least: 60 s; less is answered with 423.
    pub registration_least: Duration,
    /// A nonce may be used so long: 5 min.
    pub nonce: Duration,
    /// When we stop, calls that stand have so long to be hung up: 3 s.
    pub farewell: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            decision: Duration::from_secs(5),
            trunk_patience: Duration::from_secs(1),
            ping: Duration::from_secs(30),
            pings_missed: 2,
            session: Duration::from_secs(1800),
            session_least: Duration::from_secs(90),
            registration_most: Duration::from_secs(3600),
            registration_least: Duration::from_secs(60),
            nonce: Duration::from_secs(300),
            farewell: Duration::from_secs(3),
        }
    }
}

/// How much of it; more is refused.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls by telephone at once, in both directions, those that ring counted: 2 000. More: 503.
    pub calls: usize,
    /// New calls from outside in a second: 500, and twice that at once. More: 503.
    pub calls_per_second: u32,
    /// Messages in a second from one address of a trunk: 10 000. More are dropped.
    pub trunk_messages: u32,
    /// Messages in a second from one address of a telephone: 100. More are dropped.
    pub phone_messages: u32,
    /// Telephones that are registered: 5 000. More: 503.
    pub phones: usize,
    /// Places where one telephone is registered: 4; the oldest gives way.
    pub contacts: usize,
    /// Connections (TCP) from one address: 64.
    pub connections: usize,
    /// What `Retry-After` says, in seconds: 5.
    pub retry_after: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 2_000,
            calls_per_second: 500,
            trunk_messages: 10_000,
            phone_messages: 100,
            phones: 5_000,
            contacts: 4,
            connections: 64,
            retry_after: 5,
        }
    }
}
