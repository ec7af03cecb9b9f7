//! A server for a test: telephony and a mixer, orders by hand, events in order.

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use bangban_domain::{
    CallId,
    call::{LegId, Number},
};
use bangban_media::audio::{AudioEvent, Mixer, MixerConfig};
use bangban_telephony::{Config, Counters, Event, InviteId, Order, PhoneBook, Secret, Telephony, Trunk};
use tokio::sync::mpsc;

/// Nothing that a test waits for takes longer, unless it says so.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// T1 of the tests: everything that waits for 64 of it takes 1.6 s.
pub(crate) const T1: Duration = Duration::from_millis(25);

struct Book(HashMap<String, Secret>);

impl PhoneBook for Book {
    fn secret(&self, user: &str) -> Option<Secret> {
        self.0.get(user).cloned()
    }
}

pub(crate) struct Desk {
    pub(crate) telephony: Telephony,
    pub(crate) mixer: Mixer,
    events: mpsc::Receiver<Event>,
    /// Kept, so that the mixer can tell what it likes.
    _audio: mpsc::Receiver<AudioEvent>,
    /// Events that nobody has asked for yet.
    unasked: VecDeque<Event>,
    call: CallId,
    legs: u16,
    /// By then the last transaction is over: 64 of T1, and some.
    patience: Duration,
}

pub(crate) fn number(text: &str) -> Number {
    Number::parse(text).expect("5 to 20 digits")
}

impl Desk {
    /// On a free port of this machine; one trunk `city` at 127.0.0.2, telephones 8001 to 8009 at 127.0.0.3 with the password
    /// `secret-USER`.
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_ports(41_000..=48_999, change).await
    }

    /// The same with these ports for sound.
    pub(crate) async fn with_ports(rtp_ports: RangeInclusive<u16>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), number("12345"));
        config.timing.t1 = T1;
        config.trunks = vec![Trunk::new("city", "127.0.0.2:5999".parse().expect("an address"))];
        config.phones = vec!["127.0.0.3/32".parse().expect("a network")];
        config.ticket_header = Some("X-Ticket".to_owned());
        change(&mut config);
        let book = (8001..8010).map(|user| (user.to_string(), Secret::Password(format!("secret-{user}")))).collect();
        let (audio_events, audio) = mpsc::channel(1024);
        let mixer = Mixer::start(
            MixerConfig {
                rtp_ports,
                bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
                public: IpAddr::V4(Ipv4Addr::LOCALHOST),
                ..MixerConfig::default()
            },
            audio_events,
        )
        .expect("a mixer");
        let patience = SOON.max(config.timing.t1 * 100);
        let (to_us, events) = mpsc::channel(4096);
        let telephony =
            Telephony::start(config, Arc::new(Book(book)), mixer.clone(), to_us).await.expect("telephony starts");
        let call = "cl_0190a6b0000070008000000000000001".parse().expect("an id");
        Self { telephony, mixer, events, _audio: audio, unasked: VecDeque::new(), call, legs: 0, patience }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.telephony.address()
    }

    pub(crate) const fn call(&self) -> CallId {
        self.call
    }

    /// A leg that was not there before.
    pub(crate) fn leg(&mut self) -> LegId {
        self.legs += 1;
        LegId { call: self.call, no: self.legs }
    }

    pub(crate) fn order(&self, order: Order) {
        self.telephony.order(order).expect("there is room for an order");
    }

    /// The first event that `pick` wants; others are kept.
    pub(crate) async fn event<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        self.event_within(SOON, what, pick).await
    }

    pub(crate) async fn event_within<T>(
        &mut self,
        time: Duration,
        what: &str,
        pick: impl Fn(&Event) -> Option<T>,
    ) -> T {
        if let Some(at) = self.unasked.iter().position(|event| pick(event).is_some()) {
            return self.unasked.remove(at).and_then(|event| pick(&event)).expect("it was there");
        }
        let found = tokio::time::timeout(time, async {
            while let Some(event) = self.events.recv().await {
                match pick(&event) {
                    Some(found) => return Some(found),
                    None => self.unasked.push_back(event),
                }
            }
            None
        });
        match found.await {
            Ok(Some(found)) => found,
            _ => panic!("{what} did not happen; {:?} did, {:?}", self.unasked, self.telephony.counters()),
        }
    }

    pub(crate) async fn expect(&mut self, event: Event) {
        let what = format!("{event:?}");
        self.event(&what, |one| (*one == event).then_some(())).await;
    }

    pub(crate) async fn invited(&mut self) -> InviteId {
        self.event("an invitation", |event| match event {
            Event::Invited { invite, .. } => Some(*invite),
            _ => None,
        })
        .await
    }

    /// Events that nobody has asked for.
    pub(crate) fn others(&mut self) -> Vec<Event> {
        while let Ok(event) = self.events.try_recv() {
            self.unasked.push_back(event);
        }
        self.unasked.drain(..).collect()
    }

    /// Nothing is left: no call, dialog, transaction or leg. (A leg has its port; ports are counted while they rest.)
    pub(crate) async fn is_empty(&mut self) {
        let empty = tokio::time::timeout(self.patience, async {
            loop {
                let Counters { calls, dialogs, transactions, .. } = self.telephony.counters();
                if (calls, dialogs, transactions, self.mixer.counters().legs) == (0, 0, 0, 0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if empty.await.is_err() {
            panic!("left over: {:?}, {:?}", self.telephony.counters(), self.mixer.counters());
        }
    }
}
