//! The handle: sockets and tasks, orders in, counters out.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use bangban_media::audio::Mixer;
use rsipstack::{
    EndpointBuilder,
    dialog::dialog_layer::DialogLayer,
    sip::Method,
    transaction::endpoint::{Endpoint, EndpointOption},
    transport::{SipConnection, TransportLayer, tcp::TcpConnection, udp::UdpConnection},
};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    runtime::Handle,
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Busy, Event, Order, PhoneBook,
    clock::now,
    config::{Config, Transport},
    digest::Gatekeeper,
    headers::{address_of, kind},
    incoming,
    limits::{Door, Sources},
    outbound::{self, Wish},
    pinging, registering,
    registrar::Registrar,
    shared::{Counts, LegOrder, Parts, Shared, lock},
    trunks::Trunks,
    wire::{Gate, GuardedSocket, Incoming, Locator, Outgoing},
};

/// A burst of a second at 400 calls a second fits in.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// Who takes nothing that we send for so long has its connection closed: it would hold up what others are sent.
const STALLED: Duration = Duration::from_secs(10);
/// A connection on which nothing comes is looked after so often.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// A connection on which nothing comes for so long is closed: twice the longest registration of a telephone that keeps it open.
const IDLE: Duration = Duration::from_secs(2 * 3600);

/// Why it could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting that cannot be.
    #[error("{field}: {why}")]
    Setting {
        /// Which.
        field: String,
        /// Why.
        why: &'static str,
    },
    /// A socket could not be opened.
    #[error("cannot listen on {address} by {protocol}")]
    Socket {
        /// Where.
        address: SocketAddr,
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The library refused.
    #[error("SIP could not be set up: {0}")]
    Library(String),
    /// The system gives no random numbers.
    #[error("no random numbers")]
    Random,
}

/// What is there now, and what was counted since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Calls by telephone that stand, ring, or wait for a decision.
    pub calls: u64,
    /// Dialogs of SIP; more than calls for the 32 s in which ends are confirmed.
    pub dialogs: u64,
    /// Transactions that are open.
    pub transactions: u64,
    /// Telephones that are registered.
    pub registrations: u64,
    /// Trunks that are known to work.
    pub trunks_up: u64,
    /// Calls that came in and were put to the server.
    pub invited: u64,
    /// Calls that were made.
    pub rung: u64,
    /// Calls that were answered, in both directions.
    pub answered: u64,
    /// Calls that were refused without asking the server: no room, not from a trunk, nothing to agree to.
    pub refused: u64,
    /// Messages from strangers, or more than one may send.
    pub dropped: u64,
    /// Messages that are no SIP, or lack what every message has.
    pub unreadable: u64,
    /// Messages that the library could not bear.
    pub panics: u64,
    /// Registrations with a wrong name or password.
    pub wrong_passwords: u64,
}

/// Everything by telephone. A handle: clones are the same.
#[derive(Clone)]
pub struct Telephony {
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
    runtime: Handle,
}

impl std::fmt::Debug for Telephony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telephony").field("bind", &self.shared.public).finish_non_exhaustive()
    }
}

impl Telephony {
    /// Opens the sockets and begins. Events wait when nobody takes them, and what they tell of with them. Within a runtime of
    /// tokio; the log of `rsipstack` must be off below `warn`, as it has whole messages.
    ///
    /// # Errors
    /// [`StartError`] names the setting or the address.
    pub async fn start(
        config: Config,
        book: Arc<dyn PhoneBook>,
        mixer: Mixer,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, StartError> {
        check(&config)?;
        let stop = CancellationToken::new();
        let counts = Arc::new(Counts::default());
        let timing = config.timing.clone();
        let limits = config.limits.clone();
        let began = now();
        let registrar = Arc::new(Mutex::new(Registrar::new(
            timing.registration_least,
            timing.registration_most,
            limits.phones,
            limits.contacts,
        )));
        let trunks = Arc::new(Mutex::new(Trunks::new(&config.trunks, timing.pings_missed)));
        let gate = Arc::new(Gate {
            trunks: Arc::clone(&trunks),
            registrar: Arc::clone(&registrar),
            phones: config.phones.clone(),
            limits: limits.clone(),
            counts: Arc::clone(&counts),
            events: events.clone(),
            sources: Mutex::new(Sources::new()),
            connections: Mutex::new(HashSet::new()),
        });

        let (udp, tcp) = sockets(config.bind)?;
        let port = udp.local_addr().map_err(|source| no_socket(config.bind, "UDP", source))?.port();
        let public = SocketAddr::new(config.public.unwrap_or(config.bind.ip()), port);
        let outgoing = Outgoing::new(limits.retry_after);
        let transport = TransportLayer::new(stop.child_token());
        transport.set_stream_idle_timeout(IDLE);
        let guarded = Arc::new(GuardedSocket { socket: udp, gate: Arc::clone(&gate) });
        let connection = UdpConnection::from_socket(guarded, Some(public), Some(stop.child_token()));
        let connection = connection.await.map_err(|error| StartError::Library(error.to_string()))?;
        transport.add_transport(SipConnection::Udp(connection));
        let endpoint = EndpointBuilder::new()
            .with_user_agent("Bangban")
            .with_allows(vec![
                Method::Invite,
                Method::Ack,
                Method::Bye,
                Method::Cancel,
                Method::Options,
                Method::Info,
                Method::Update,
                Method::Refer,
                Method::Notify,
                Method::Register,
                Method::PRack,
            ])
            .with_transport_layer(transport)
            .with_cancel_token(stop.child_token())
            .with_option(EndpointOption {
                t1: timing.t1,
                t2: timing.t1 * 8,
                t4: timing.t1 * 10,
                t1x64: timing.t1 * 64,
                callid_suffix: Some("bangban".to_owned()),
                ..EndpointOption::default()
            })
            .with_inspector(Box::new(outgoing.clone()))
            .with_transport_inspector(Box::new(Incoming { gate: Arc::clone(&gate) }))
            .with_target_locator(Box::new(Locator { registrar: Arc::clone(&registrar) }))
            .build();
        let incoming = endpoint.incoming_transactions().map_err(|error| StartError::Library(error.to_string()))?;
        let mut key = [0; 32];
        SystemRandom::new().fill(&mut key).map_err(|_| StartError::Random)?;
        let shared = Arc::new(Shared::new(Parts {
            public,
            layer: Arc::new(DialogLayer::new(endpoint.inner.clone())),
            mixer,
            events,
            book,
            registrar,
            trunks,
            keeper: Gatekeeper::new(&config.realm, &config.algorithms, &key, began, timing.nonce),
            door: Door::new(began, limits.calls_per_second, limits.calls),
            outgoing,
            counts,
            stop,
            config,
        }));
        let telephony = Self { shared, endpoint: Arc::new(endpoint), runtime: Handle::current() };
        telephony.begin(incoming, tcp, gate);
        Ok(telephony)
    }

    fn begin(&self, incoming: rsipstack::transaction::TransactionReceiver, tcp: TcpListener, gate: Arc<Gate>) {
        let shared = &self.shared;
        let endpoint = Arc::clone(&self.endpoint);
        tokio::spawn(async move { endpoint.serve().await });
        tokio::spawn(incoming::serve(Arc::clone(shared), incoming));
        tokio::spawn(accept(Arc::clone(shared), Arc::clone(&self.endpoint), tcp, gate));
        tokio::spawn(registering::end_registrations(Arc::clone(shared)));
        for (at, trunk) in shared.config.trunks.iter().enumerate() {
            tokio::spawn(pinging::ping(Arc::clone(shared), at, trunk.clone()));
            if trunk.registers {
                tokio::spawn(registering::at_trunk(Arc::clone(shared), trunk.clone()));
            }
        }
    }

    /// Where we listen, as others reach it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.public
    }

    /// Gives an order; never waits. Orders to one leg are carried out in their order.
    ///
    /// # Errors
    /// [`Busy`]: too many orders to the same leg wait.
    pub fn order(&self, order: Order) -> Result<(), Busy> {
        let shared = &self.shared;
        match order {
            Order::Take { invite, leg } => match shared.to_invite(invite, LegOrder::Take(leg)) {
                Some(sent) => sent,
                None => {
                    // It is over already: whoever takes it must hear so.
                    self.tell(Event::HungUp(leg));
                    Ok(())
                }
            },
            Order::Refuse { invite, because } => shared.to_invite(invite, LegOrder::Refuse(because)).unwrap_or(Ok(())),
            Order::Accept(leg) => shared.to_leg(leg, LegOrder::Accept).unwrap_or(Ok(())),
            Order::Cancel { leg, because } => {
                let is_elsewhere = because == bangban_domain::call::Cause::Elsewhere;
                shared.to_leg(leg, LegOrder::End { is_elsewhere }).unwrap_or(Ok(()))
            }
            Order::HangUp(leg) => shared.to_leg(leg, LegOrder::End { is_elsewhere: false }).unwrap_or(Ok(())),
            Order::Ring { leg, target, caller, ticket } => {
                if let Some((orders, place)) = shared.open_leg(leg) {
                    let ring = outbound::ring(Arc::clone(shared), leg, Wish { target, caller, ticket }, orders, place);
                    shared.tasks.spawn_on(ring, &self.runtime);
                }
                Ok(())
            }
            Order::Forget(user) => {
                if lock(&shared.registrar).forget(&user) {
                    self.tell(Event::Unregistered(user));
                }
                Ok(())
            }
        }
    }

    fn tell(&self, event: Event) {
        let shared = Arc::clone(&self.shared);
        self.runtime.spawn(async move { shared.tell(event).await });
    }

    /// What is there and was counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let (shared, counts) = (&self.shared, &self.shared.counts);
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Counters {
            calls: wide(counts.calls.load(Ordering::Relaxed)),
            dialogs: wide(shared.layer.len()),
            transactions: wide(self.endpoint.inner.get_stats().running_transactions),
            registrations: wide(lock(&shared.registrar).len()),
            trunks_up: wide(lock(&shared.trunks).up()),
            invited: counts.invited.load(Ordering::Relaxed),
            rung: counts.rung.load(Ordering::Relaxed),
            answered: counts.answered.load(Ordering::Relaxed),
            refused: counts.refused.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
            unreadable: counts.unreadable.load(Ordering::Relaxed),
            panics: counts.panics.load(Ordering::Relaxed),
            wrong_passwords: counts.wrong_passwords.load(Ordering::Relaxed),
        }
    }

    /// No new calls from outside from now on (503); those that stand go on.
    pub fn drain(&self) {
        lock(&self.shared.door).close();
    }

    /// Hangs up what stands, waits for [`crate::Timing::farewell`] at most, and is gone. All clones with it.
    pub async fn stop(self) {
        self.drain();
        for leg in self.shared.legs() {
            // Full or gone: its task ends with the rest below.
            let _ = self.shared.to_leg(leg, LegOrder::End { is_elsewhere: false });
        }
        self.shared.tasks.close();
        let _ = tokio::time::timeout(self.shared.config.timing.farewell, self.shared.tasks.wait()).await;
        self.shared.stop.cancel();
        self.endpoint.shutdown();
    }
}

/// Takes connections. Ours and not the library's, so that their number is bounded and a port that is taken is an error.
async fn accept(shared: Arc<Shared>, endpoint: Arc<Endpoint>, listener: TcpListener, gate: Arc<Gate>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => return,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                // Out of descriptors: others have to close first.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !gate.connected(from) {
            continue;
        }
        if let Err(error) = look_after(&stream) {
            tracing::debug!(%error, "options of a connection");
        }
        let local = address_of(Transport::Tcp, shared.public);
        match TcpConnection::from_stream(stream, local, Some(shared.stop.child_token())) {
            Ok(connection) => endpoint.inner.transport_layer.add_connection(SipConnection::Tcp(connection)),
            Err(error) => {
                gate.disconnected(from);
                tracing::debug!(error = kind(&error), "a connection was closed at once");
            }
        }
    }
}

fn look_after(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(STALLED).with_retries(3))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(STALLED))?;
    Ok(())
}

fn check(config: &Config) -> Result<(), StartError> {
    let no = |field: &str, why| Err(StartError::Setting { field: field.to_owned(), why });
    let public: IpAddr = config.public.unwrap_or(config.bind.ip());
    if public.is_unspecified() {
        return no("public", "must be an address that telephones can reach");
    }
    if public.is_ipv4() != config.bind.is_ipv4() {
        return no("public", "must be of the same kind as bind");
    }
    if config.realm.is_empty() || !config.realm.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
        return no("realm", "must be letters, digits and signs");
    }
    if config.algorithms.is_empty() {
        return no("algorithms", "must not be empty");
    }
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if config.ticket_header.as_deref().is_some_and(|name| !is_token(name)) {
        return no("ticket_header", "must be letters, digits and hyphens");
    }
    if config.timing.session < config.timing.session_least {
        return no("timing.session", "must not be less than timing.session_least");
    }
    let mut names = HashSet::new();
    for trunk in &config.trunks {
        let field = format!("trunks.{}", trunk.name);
        if !is_token(&trunk.name) || !names.insert(trunk.name.as_str()) {
            return no(&field, "names must be letters, digits and hyphens, and differ");
        }
        if trunk.registers && trunk.login.is_none() {
            return no(&field, "needs a login to register");
        }
        if trunk.address.is_ipv4() != config.bind.is_ipv4() || trunk.address.port() == 0 {
            return no(&field, "address must be one that bind can reach");
        }
    }
    Ok(())
}

fn no_socket(address: SocketAddr, protocol: &'static str, source: io::Error) -> StartError {
    StartError::Socket { address, protocol, source }
}

/// One port for both; port 0 is any that is free for both.
fn sockets(bind: SocketAddr) -> Result<(UdpSocket, TcpListener), StartError> {
    /// So many free ports for UDP may be taken for TCP.
    const TRIES: usize = 32;
    let mut tries = 0;
    loop {
        tries += 1;
        let udp = udp(bind).map_err(|source| no_socket(bind, "UDP", source))?;
        let address = udp.local_addr().map_err(|source| no_socket(bind, "UDP", source))?;
        match tcp(address) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if bind.port() == 0 && tries < TRIES => {}
            Err(source) => return Err(no_socket(address, "TCP", source)),
        }
    }
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Cut by the system to what it allows (net.core.rmem_max).
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}
