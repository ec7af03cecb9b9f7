//! The ways to people: telephones by `bangban_telephony`, pages and all sound by `bangban_media::audio`. Here is known by
//! which way a leg goes; the rules never see it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
};

use bangban_domain::call::{Cause, Ear, LegId, Number, Prompt};
use bangban_media::audio::{AudioEvent, Mixer, Refused};
use bangban_protocol::{ErrorCode, WireError};
use bangban_telephony::{Busy, Event, InviteId, Order, Refusal, Target, Telephony};
use tokio::sync::mpsc;

use crate::{config::Config, windows};

/// Events that may wait.
const QUEUE: usize = 4_096;

/// Something that has to be done once what it follows from is durable.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Errand {
    /// The call by this INVITE is ours.
    Take(InviteId, LegId),
    /// It is not.
    Refuse(InviteId, Refusal),
    /// The caller's telephone is answered; a page is there already.
    Accept(LegId),
    /// A telephone on the desk of this user.
    RingPhone { leg: LegId, user: String, caller: Option<Number>, ticket: Option<String> },
    /// A number by the trunks.
    RingNumber { leg: LegId, number: Number, caller: Option<Number>, ticket: Option<String> },
    /// No more.
    Cancel(LegId, Cause),
    /// The leg is over, whoever ended it.
    HangUp(LegId),
    /// The other side has gone by itself: only its sound is to be closed.
    Close(LegId),
    /// Who hears whom.
    Mix(bangban_domain::CallId, Vec<Ear>),
    /// A prompt.
    Play(LegId, Prompt),
    /// Keys.
    Dial(LegId, String),
}

/// By which way a leg goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Telephone,
    Page,
}

/// What comes from the lines.
pub(super) struct Heard {
    pub(super) audio: mpsc::Receiver<AudioEvent>,
    pub(super) telephones: mpsc::Receiver<Event>,
}

/// Gives an order to the telephones.
pub(super) type Orders = Box<dyn Fn(Order) -> Result<(), Busy> + Send + Sync>;

/// See the module.
pub(super) struct Lines {
    mixer: Mixer,
    /// `None`: there are no telephones.
    orders: Option<Orders>,
    telephony: Option<Telephony>,
    ways: BTreeMap<LegId, Way>,
    /// Registered telephones, by user name.
    registered: BTreeSet<String>,
    /// Are there trunks?
    has_trunks: bool,
    /// Orders that found the telephones busy, in their order.
    owed: VecDeque<Order>,
}

impl Lines {
    pub(super) async fn start(config: &Config) -> anyhow::Result<(Self, Heard)> {
        let (heard_audio, audio) = mpsc::channel(QUEUE);
        let (heard_telephones, telephones) = mpsc::channel(QUEUE);
        let mut keys = config.calls.mixer()?;
        if keys.public.is_unspecified() {
            keys.public = windows::own_address(SocketAddr::new(keys.bind, 0));
        }
        let mixer = Mixer::start(keys, heard_audio)?;
        let telephony = super::lines_telephony::start(config, &mixer, heard_telephones).await?;
        let orders = telephony.clone().map(|telephony| {
            let orders: Orders = Box::new(move |order| telephony.order(order));
            orders
        });
        let lines = Self {
            mixer,
            has_trunks: orders.is_some() && !config.telephony.trunks.is_empty(),
            orders,
            telephony,
            ways: BTreeMap::new(),
            registered: BTreeSet::new(),
            owed: VecDeque::new(),
        };
        Ok((lines, Heard { audio, telephones }))
    }

    pub(super) fn mixer(&self) -> Mixer {
        self.mixer.clone()
    }

    pub(super) fn telephony(&self) -> Option<Telephony> {
        self.telephony.clone()
    }

    /// Has this member of staff a telephone that can be rung?
    pub(super) fn has_telephone(&self, user: &str) -> bool {
        self.registered.contains(user)
    }

    pub(super) fn registered(&mut self, user: String, is_there: bool) {
        if is_there {
            self.registered.insert(user);
        } else {
            self.registered.remove(&user);
        }
    }

    /// Can a number be rung?
    pub(super) const fn has_trunks(&self) -> bool {
        self.has_trunks
    }

    /// Is the sound of this leg on a page?
    pub(super) fn is_page(&self, leg: LegId) -> bool {
        self.ways.get(&leg) == Some(&Way::Page)
    }

    /// The page's side of a leg: its offer, and what is to be told to it.
    pub(super) async fn open_page(&mut self, leg: LegId, offer: &str) -> Result<String, WireError> {
        let answer = self.mixer.open_browser(leg, offer).await.map_err(no_sound)?;
        self.ways.insert(leg, Way::Page);
        Ok(answer)
    }

    /// Carries one out. The legs that cannot be rung are told back.
    pub(super) fn carry_out(&mut self, errand: Errand) -> Option<LegId> {
        match errand {
            Errand::Take(invite, leg) => {
                self.ways.insert(leg, Way::Telephone);
                self.order(Order::Take { invite, leg });
            }
            Errand::Refuse(invite, because) => self.order(Order::Refuse { invite, because }),
            Errand::Accept(leg) if self.is_telephone(leg) => self.order(Order::Accept(leg)),
            Errand::Accept(_) => {}
            Errand::RingPhone { leg, user, caller, ticket } => {
                if self.orders.is_none() {
                    return Some(leg);
                }
                self.ways.insert(leg, Way::Telephone);
                self.order(Order::Ring { leg, target: Target::Phone(user), caller, ticket });
            }
            Errand::RingNumber { leg, number, caller, ticket } => {
                if !self.has_trunks {
                    return Some(leg);
                }
                self.ways.insert(leg, Way::Telephone);
                self.order(Order::Ring { leg, target: Target::Number(number), caller, ticket });
            }
            Errand::Cancel(leg, because) => {
                if self.is_telephone(leg) {
                    self.order(Order::Cancel { leg, because });
                }
                self.close(leg);
            }
            Errand::HangUp(leg) => {
                if self.is_telephone(leg) {
                    self.order(Order::HangUp(leg));
                }
                self.close(leg);
            }
            Errand::Close(leg) => self.close(leg),
            Errand::Mix(call, ears) => self.mixer.set_mix(call, ears),
            Errand::Play(leg, prompt) => self.mixer.play(leg, prompt),
            Errand::Dial(leg, digits) => self.mixer.dial(leg, &digits),
        }
        None
    }

    fn is_telephone(&self, leg: LegId) -> bool {
        self.ways.get(&leg) == Some(&Way::Telephone)
    }

    /// A telephone's sound is closed by the telephony, which opened it.
    fn close(&mut self, leg: LegId) {
        if self.ways.remove(&leg) == Some(Way::Page) {
            self.mixer.close(leg);
        }
    }

    fn order(&mut self, order: Order) {
        self.owed.push_back(order);
        self.pay();
    }

    /// Gives the orders that wait; false: the telephones are still busy.
    pub(super) fn pay(&mut self) -> bool {
        let Some(orders) = &self.orders else {
            self.owed.clear();
            return true;
        };
        while let Some(order) = self.owed.front() {
            if orders(order.clone()).is_err() {
                return false;
            }
            self.owed.pop_front();
        }
        true
    }

    /// Every leg that is still there is over.
    pub(super) fn end_all(&mut self) {
        let legs: Vec<LegId> = self.ways.keys().copied().collect();
        let calls: BTreeSet<_> = legs.iter().map(|leg| leg.call).collect();
        for leg in legs {
            self.carry_out(Errand::HangUp(leg));
        }
        for call in calls {
            self.mixer.set_mix(call, Vec::new());
        }
    }
}

fn no_sound(error: Refused) -> WireError {
    match error {
        Refused::Sdp(why) => WireError::field("sdp", why.to_string()),
        Refused::Busy | Refused::Full { .. } | Refused::NoPort => WireError::new(ErrorCode::Busy, error.to_string()),
        Refused::UnknownLeg | Refused::OtherKind | Refused::BadRemote { .. } | Refused::Stopped => {
            tracing::error!(%error, "a page has no sound");
            WireError::new(ErrorCode::Internal, "the server could not open the sound")
        }
    }
}
