//! What the tasks of this crate have in common: the legs that stand, and everything that a leg needs.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bangban_domain::call::LegId;
use bangban_media::audio::Mixer;
use rsipstack::{
    dialog::{
        authenticate::Credential, dialog::DialogStateReceiver, dialog_layer::DialogLayer, invite_dialog::InviteDialog,
    },
    sip::{StatusCode, Uri},
};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Event, InviteId, PhoneBook, Refusal,
    config::{Config, Transport},
    digest::Gatekeeper,
    headers::kind,
    limits::Door,
    registrar::Registrar,
    timers::Wanted,
    trunks::Trunks,
    wire::Outgoing,
};

/// How long a telephone may take to hear that its transfer worked, before it is hung up.
const NOTIFY: Duration = Duration::from_secs(1);
/// Orders that wait for one leg.
const LEG_ORDERS: usize = 16;

/// What a leg's task is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LegOrder {
    /// The invitation is this leg.
    Take(LegId),
    /// It is refused.
    Refuse(Refusal),
    /// Answer.
    Accept,
    /// Be gone. Somebody else has answered?
    End { is_elsewhere: bool },
}

pub(crate) type Orders = mpsc::Receiver<LegOrder>;

/// A lock that a panic elsewhere does not close.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Calls that stand, ring or wait for a decision.
    pub(crate) calls: AtomicUsize,
    pub(crate) invited: AtomicU64,
    pub(crate) rung: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) wrong_passwords: AtomicU64,
}

impl Counts {
    pub(crate) fn one(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Our address as others reach it.
    pub(crate) public: SocketAddr,
    pub(crate) layer: Arc<DialogLayer>,
    pub(crate) mixer: Mixer,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) book: Arc<dyn PhoneBook>,
    pub(crate) registrar: Arc<Mutex<Registrar>>,
    pub(crate) trunks: Arc<Mutex<Trunks>>,
    pub(crate) keeper: Mutex<Gatekeeper>,
    pub(crate) door: Mutex<Door>,
    pub(crate) outgoing: Outgoing,
    pub(crate) counts: Arc<Counts>,
    legs: Mutex<HashMap<LegId, mpsc::Sender<LegOrder>>>,
    invites: Mutex<HashMap<InviteId, mpsc::Sender<LegOrder>>>,
    next: AtomicU64,
    /// Every task that has something to give back.
    pub(crate) tasks: TaskTracker,
    /// All is over.
    pub(crate) stop: CancellationToken,
}

/// What is needed to make [`Shared`].
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) public: SocketAddr,
    pub(crate) layer: Arc<DialogLayer>,
    pub(crate) mixer: Mixer,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) book: Arc<dyn PhoneBook>,
    pub(crate) registrar: Arc<Mutex<Registrar>>,
    pub(crate) trunks: Arc<Mutex<Trunks>>,
    pub(crate) keeper: Gatekeeper,
    pub(crate) door: Door,
    pub(crate) outgoing: Outgoing,
    pub(crate) counts: Arc<Counts>,
    pub(crate) stop: CancellationToken,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            config: parts.config,
            public: parts.public,
            layer: parts.layer,
            mixer: parts.mixer,
            events: parts.events,
            book: parts.book,
            registrar: parts.registrar,
            trunks: parts.trunks,
            keeper: Mutex::new(parts.keeper),
            door: Mutex::new(parts.door),
            outgoing: parts.outgoing,
            counts: parts.counts,
            legs: Mutex::new(HashMap::new()),
            invites: Mutex::new(HashMap::new()),
            next: AtomicU64::new(1),
            tasks: TaskTracker::new(),
            stop: parts.stop,
        }
    }

    /// Tells the server; waits for it when it is behind.
    pub(crate) async fn tell(&self, event: Event) {
        // The server has gone: nobody wants to know.
        let _ = self.events.send(event).await;
    }

    /// A number that was not given before.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// What session timer we want.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted { interval: self.config.timing.session, least: self.config.timing.session_least }
    }

    /// Our address for the other side of a call, with the transport by which it is reached.
    pub(crate) fn contact(&self, transport: Transport) -> Uri {
        self.uri("bangban", transport)
    }

    /// An address at ours.
    pub(crate) fn uri(&self, user: &str, transport: Transport) -> Uri {
        use rsipstack::sip::{Auth, Param, Scheme, Transport as SipTransport};
        let params = match transport {
            Transport::Udp => Vec::new(),
            Transport::Tcp => vec![Param::Transport(SipTransport::Tcp)],
        };
        Uri {
            scheme: Some(Scheme::Sip),
            auth: Some(Auth { user: user.to_owned(), password: None }),
            host_with_port: self.public.into(),
            params,
            headers: Vec::new(),
        }
    }

    /// Our name and password at a trunk.
    pub(crate) fn credential(&self, trunk: &str) -> Option<Credential> {
        let login = self.config.trunks.iter().find(|one| one.name == trunk)?.login.as_ref()?;
        Some(Credential {
            username: login.user.clone(),
            password: login.password.clone(),
            realm: None,
            auth_username: None,
        })
    }

    /// May sound come from there?
    pub(crate) fn same_family(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.public.is_ipv4()
    }

    /// Gives an order to a leg. `None`: there is no such leg any more.
    pub(crate) fn to_leg(&self, leg: LegId, order: LegOrder) -> Option<Result<(), crate::Busy>> {
        let sender = lock(&self.legs).get(&leg).cloned()?;
        send(&sender, order)
    }

    /// The same for one that nobody has decided on. Decided once: it is not known any more then.
    pub(crate) fn to_invite(&self, invite: InviteId, order: LegOrder) -> Option<Result<(), crate::Busy>> {
        // Sent under the lock: whoever takes the invitation out of the books afterwards finds the order in its mailbox.
        let mut invites = lock(&self.invites);
        let sender = invites.remove(&invite)?;
        let sent = send(&sender, order);
        if let (LegOrder::Take(leg), Some(Ok(()))) = (order, &sent) {
            lock(&self.legs).insert(leg, sender);
        }
        sent
    }

    /// Nobody can decide on it any more; what was decided is in its mailbox.
    pub(crate) fn close_invite(&self, invite: InviteId) {
        lock(&self.invites).remove(&invite);
    }

    /// Legs that stand or ring.
    pub(crate) fn legs(&self) -> Vec<LegId> {
        lock(&self.legs).keys().copied().collect()
    }

    /// An invitation has come.
    pub(crate) fn open_invite(self: &Arc<Self>) -> (InviteId, Orders, Place) {
        let invite = InviteId(self.number());
        let (sender, orders) = mpsc::channel(LEG_ORDERS);
        lock(&self.invites).insert(invite, sender);
        (invite, orders, Place::new(self, Some(invite), None))
    }

    /// Somebody is to be rung. `None`: the leg stands already.
    pub(crate) fn open_leg(self: &Arc<Self>, leg: LegId) -> Option<(Orders, Place)> {
        let (sender, orders) = mpsc::channel(LEG_ORDERS);
        let mut legs = lock(&self.legs);
        if legs.contains_key(&leg) {
            return None;
        }
        legs.insert(leg, sender);
        drop(legs);
        Some((orders, Place::new(self, None, Some(leg))))
    }

    /// The dialog is over for us: BYE, whatever state it is in, and it is forgotten. By itself; nobody waits. A telephone that
    /// had asked for a transfer is told before that it worked.
    pub(crate) fn end_dialog(
        self: &Arc<Self>,
        dialog: InviteDialog,
        mut states: DialogStateReceiver,
        transferred: bool,
    ) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            // No BYE before the ACK (RFC 3261, section 15); without one the library ends the call by itself.
            while dialog.state().waiting_ack() && states.recv().await.is_some() {}
            if transferred {
                let told = dialog.notify_refer(StatusCode::OK, "terminated;reason=noresource");
                let _ = tokio::time::timeout(NOTIFY, told).await;
            }
            if let Err(error) = dialog.hangup().await {
                tracing::debug!(error = kind(&error), "BYE failed");
            }
            shared.layer.remove_dialog(&dialog.id());
        });
    }
}

fn send(sender: &mpsc::Sender<LegOrder>, order: LegOrder) -> Option<Result<(), crate::Busy>> {
    match sender.try_send(order) {
        Ok(()) => Some(Ok(())),
        Err(mpsc::error::TrySendError::Full(_)) => Some(Err(crate::Busy)),
        Err(mpsc::error::TrySendError::Closed(_)) => None,
    }
}

/// A call's place in the books: given back with its port when its task ends, also by a panic.
pub(crate) struct Place {
    shared: Arc<Shared>,
    invite: Option<InviteId>,
    leg: Option<LegId>,
}

impl Place {
    fn new(shared: &Arc<Shared>, invite: Option<InviteId>, leg: Option<LegId>) -> Self {
        shared.counts.calls.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(shared), invite, leg }
    }

    /// The invitation is this leg from now on.
    pub(crate) fn is_leg(&mut self, leg: LegId) {
        self.leg = Some(leg);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(invite) = self.invite {
            lock(&self.shared.invites).remove(&invite);
        }
        if let Some(leg) = self.leg {
            lock(&self.shared.legs).remove(&leg);
            self.shared.mixer.close(leg);
        }
        self.shared.counts.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
