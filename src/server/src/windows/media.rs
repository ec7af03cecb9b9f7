//! The media threads as the windows use them: orders of a window are carried out in their order and nobody waits for them but
//! the page that asked; whatever comes back for one browser goes straight to its socket.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use bangban_domain::{
    ParticipantId, Timestamp, WindowId,
    time::{HOUR, MINUTE, Millis},
    window::Medium,
};
use bangban_media::{Asked, Config, Event, Link, Quality, Refused, Sfu, StartError, turn_credentials};
use bangban_protocol::{
    Answer, ErrorCode, EventBody, IcePolicy, IceServer, MediaLeg, MediaLine, MediaLink, MediaProbe, Topic, WireError,
};
use dashmap::DashMap;
use tokio::sync::{mpsc, oneshot};

use super::owner::Place;
use crate::{
    config::{self, ConfigError},
    desk::new_id,
    hub::{Hub, Socket},
};

/// Events and measurements that may wait.
const QUEUE: usize = 1_024;

/// Credentials for TURN are good for longer than any window lasts: coturn looks at them again at every renewal.
const TURN_VALID: Millis = 4 * HOUR;

/// A look at the network takes seconds.
const CHECK_VALID: Millis = 2 * MINUTE;

/// Why the media port is not there.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system.
    #[error("media.listen, media.public")]
    Start(#[from] StartError),
}

/// Something that a media thread has to do after what its window had it do before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MediaOrder {
    Publish {
        window: WindowId,
        participant: ParticipantId,
        medium: Medium,
        is_on: bool,
    },
    Leave {
        window: WindowId,
        participant: ParticipantId,
    },
    Close {
        window: WindowId,
    },
    /// A page offers: for the first time (`is_new`), or on the connection that it has.
    Offer {
        place: Place,
        sdp: String,
        lines: Vec<MediaLine>,
        is_new: bool,
    },
    /// A page answers to an offer of ours.
    Answer {
        place: Place,
        number: u32,
        sdp: String,
    },
}

impl MediaOrder {
    pub(super) const fn window(&self) -> WindowId {
        match self {
            Self::Publish { window, .. }
            | Self::Leave { window, .. }
            | Self::Close { window }
            | Self::Offer { place: (window, _), .. }
            | Self::Answer { place: (window, _), .. } => *window,
        }
    }

    /// Does a page wait for what the thread says?
    pub(super) const fn is_of_page(&self) -> bool {
        matches!(self, Self::Offer { .. } | Self::Answer { .. })
    }

    /// What has been decided is ordered until a thread takes it; a page whose offer is turned away is told, and tries again.
    const fn decided(&self) -> Option<Self> {
        match *self {
            Self::Publish { window, participant, medium, is_on } => {
                Some(Self::Publish { window, participant, medium, is_on })
            }
            Self::Leave { window, participant } => Some(Self::Leave { window, participant }),
            Self::Close { window } => Some(Self::Close { window }),
            Self::Offer { .. } | Self::Answer { .. } => None,
        }
    }
}

/// An order, and whoever has to hear what became of it.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) order: MediaOrder,
    pub(super) heard: Option<oneshot::Sender<Given>>,
}

/// An order that a media thread has; it has carried it out when the answer comes.
#[derive(Debug)]
pub(super) enum Given {
    /// What was decided.
    Order(Asked<()>),
    /// A page's offer: the answer is for the page.
    Offer(Asked<String>),
    /// A page's answer.
    Answer(Asked<()>),
}

impl Given {
    fn turned_away(&self) -> Option<Refused> {
        match self {
            Self::Order(asked) | Self::Answer(asked) => asked.turned_away(),
            Self::Offer(asked) => asked.turned_away(),
        }
    }

    /// What a command is answered once this is done, if it would be answered `answer` without it.
    async fn answered(self, answer: Answer) -> Result<Answer, WireError> {
        match self {
            Self::Order(asked) => {
                if let Err(error) = asked.await {
                    tracing::error!(%error, "the media threads do not work");
                }
                Ok(answer)
            }
            Self::Offer(asked) => asked.await.map(|sdp| Answer::WindowAnswer { sdp }).map_err(refused),
            Self::Answer(asked) => asked.await.map(|()| answer).map_err(refused),
        }
    }
}

/// The answer of a command when the media threads have done all that follows from it.
pub(super) async fn when_done(answer: Answer, orders: Vec<oneshot::Receiver<Given>>) -> Result<Answer, WireError> {
    let mut answer = answer;
    for order in orders {
        // Orders are given up only with the windows.
        let given = order.await.map_err(|_| refused(Refused::Stopped))?;
        answer = given.answered(answer).await?;
    }
    Ok(answer)
}

/// Of one connection.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) window: WindowId,
    pub(super) participant: ParticipantId,
    pub(super) quality: Quality,
}

/// What comes of the media threads while the windows do not take it.
pub(super) struct Measurements {
    events: mpsc::Receiver<Event>,
}

/// See the module.
pub(super) struct Media {
    sfu: Option<Sfu>,
    turn_urls: Vec<String>,
    turn_secret: String,
    policy: IcePolicy,
    /// Where each participant's page is now.
    pub(super) pages: DashMap<(WindowId, ParticipantId), Arc<Socket>>,
}

impl Media {
    /// There are no windows here.
    pub(super) fn none() -> Self {
        Self {
            sfu: None,
            turn_urls: Vec::new(),
            turn_secret: String::new(),
            policy: IcePolicy::All,
            pages: DashMap::new(),
        }
    }

    pub(super) fn start(keys: &config::Media) -> Result<(Self, Measurements), MediaError> {
        let (bind, public) = keys.addresses()?;
        let public = public.or_else(|| bind.ip().is_unspecified().then(|| SocketAddr::new(own_address(bind), 0)));
        let (sender, events) = mpsc::channel(QUEUE);
        let sfu = Sfu::start(&Config { bind, public, threads: keys.threads }, &sender)?;
        tracing::info!(address = %sfu.address(), "the media port is open");
        let media = Self {
            sfu: Some(sfu),
            turn_urls: keys.turn_urls.clone(),
            turn_secret: keys.turn_secret.clone(),
            policy: keys.policy,
            ..Self::none()
        };
        Ok((media, Measurements { events }))
    }

    /// Of tests: the media thread of a window stands still.
    #[cfg(test)]
    pub(super) fn stand_still(&self, window: WindowId) -> Option<bangban_media::Standing> {
        self.sfu.as_ref().map(|sfu| sfu.stand_still(window))
    }

    pub(super) fn counted(&self) -> Vec<(&'static str, u64)> {
        self.sfu.as_ref().map(|sfu| sfu.counters().named()).unwrap_or_default()
    }

    /// What a browser needs besides our address.
    pub(super) fn ice(&self, participant: ParticipantId, now: Timestamp) -> (Vec<IceServer>, IcePolicy) {
        self.ice_for(participant, now, TURN_VALID)
    }

    /// What a browser needs to see whether it would reach us. The relay is told a name that is nobody's.
    pub(super) fn check(&self, now: Timestamp) -> Result<Answer, WireError> {
        let valid = Duration::from_millis(CHECK_VALID.unsigned_abs());
        let probe = self.sfu.as_ref().ok_or(Refused::Stopped).and_then(|sfu| sfu.probe(valid)).map_err(refused)?;
        let (ice_servers, policy) = self.ice_for(ParticipantId::new(new_id()), now, CHECK_VALID);
        let probe = MediaProbe {
            address: probe.address.ip().to_string(),
            port: probe.address.port(),
            ufrag: probe.ufrag,
            password: probe.password,
        };
        Ok(Answer::WindowCheck { probe, ice_servers, policy })
    }

    fn ice_for(&self, participant: ParticipantId, now: Timestamp, valid: Millis) -> (Vec<IceServer>, IcePolicy) {
        if self.turn_urls.is_empty() {
            return (Vec::new(), self.policy);
        }
        let made = turn_credentials(self.turn_secret.as_bytes(), participant, now, valid);
        let server =
            IceServer { urls: self.turn_urls.clone(), username: Some(made.username), credential: Some(made.password) };
        (vec![server], self.policy)
    }

    /// Puts an order into the mailbox of its media thread, and waits for nothing.
    ///
    /// # Errors
    /// The order, if it is to be given again: the thread has too much to do.
    pub(super) fn give(&self, owed: Owed) -> Result<(), Owed> {
        let Owed { order, heard } = owed;
        let again = order.decided();
        let given = self.ask(order);
        if let (Some(Refused::Busy), Some(order)) = (given.turned_away(), again) {
            return Err(Owed { order, heard });
        }
        match heard {
            // Whoever asked may have gone.
            Some(heard) => drop(heard.send(given)),
            None => {
                if let Some(error) = given.turned_away() {
                    tracing::error!(%error, "the media threads do not work");
                }
            }
        }
        Ok(())
    }

    fn ask(&self, order: MediaOrder) -> Given {
        let Some(sfu) = &self.sfu else {
            return match order {
                MediaOrder::Offer { .. } => Given::Offer(Asked::stopped()),
                MediaOrder::Answer { .. } => Given::Answer(Asked::stopped()),
                MediaOrder::Publish { .. } | MediaOrder::Leave { .. } | MediaOrder::Close { .. } => {
                    Given::Order(Asked::stopped())
                }
            };
        };
        match order {
            MediaOrder::Publish { window, participant, medium, is_on } => {
                Given::Order(sfu.publish(window, participant, medium, is_on))
            }
            MediaOrder::Leave { window, participant } => Given::Order(sfu.leave(window, participant)),
            MediaOrder::Close { window } => Given::Order(sfu.close(window)),
            MediaOrder::Offer { place: (window, participant), sdp, lines, is_new } => {
                let lines = lines.into_iter().map(|line| (line.mid, line.medium)).collect();
                Given::Offer(if is_new {
                    sfu.join(window, participant, sdp, lines)
                } else {
                    sfu.offer(window, participant, sdp, lines)
                })
            }
            MediaOrder::Answer { place: (window, participant), number, sdp } => {
                Given::Answer(sfu.answer(window, participant, number, sdp))
            }
        }
    }

    /// Tells a browser; if its page is not there now, it will connect anew.
    fn tell(&self, hub: &Hub, window: WindowId, participant: ParticipantId, body: EventBody) {
        let page = self.pages.get(&(window, participant)).map(|page| Arc::clone(&page));
        if let Some(page) = page {
            hub.tell_one(&page, Topic::Session, body);
        }
    }
}

impl Measurements {
    /// Passes what is for browsers on to them, and what was measured to the windows; never waits for either, because the
    /// media threads take no commands while their events wait.
    pub(super) async fn pass_on(mut self, media: Arc<Media>, hub: Arc<Hub>, to: mpsc::Sender<Measured>) {
        while let Some(event) = self.events.recv().await {
            match event {
                Event::Offer { window, participant, number, sdp } => {
                    media.tell(&hub, window, participant, EventBody::WindowOffer { window, number, sdp });
                }
                Event::Legs { window, participant, legs } => {
                    let legs = legs.into_iter().map(|leg| MediaLeg {
                        mid: leg.mid,
                        participant: leg.participant,
                        medium: leg.medium,
                    });
                    let legs = legs.collect();
                    media.tell(&hub, window, participant, EventBody::WindowLegs { window, legs });
                }
                Event::Link { window, participant, link } => {
                    let link = match link {
                        Link::Up => MediaLink::Up,
                        Link::Interrupted => MediaLink::Interrupted,
                        Link::Over => MediaLink::Over,
                    };
                    media.tell(&hub, window, participant, EventBody::WindowLink { window, link });
                }
                Event::Quality { window, participant, quality } => {
                    // One that is lost is followed by the next within seconds.
                    to.try_send(Measured { window, participant, quality }).ok();
                }
            }
        }
    }
}

/// The address by which this machine reaches the network; without a network its own.
pub(crate) fn own_address(bind: SocketAddr) -> IpAddr {
    // An address for documentation (RFC 5737): nothing is sent, the system only chooses the way.
    let way = UdpSocket::bind((bind.ip(), 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    way.map(|address| address.ip()).ok().filter(|ip| !ip.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

fn refused(refused: Refused) -> WireError {
    let (code, field) = match refused {
        Refused::NotSdp | Refused::BadSdp => (ErrorCode::BadRequest, Some("sdp")),
        Refused::TooLarge { .. } => (ErrorCode::TooLarge, Some("sdp")),
        Refused::BadMedia => (ErrorCode::BadRequest, Some("lines")),
        Refused::UnknownPeer => (ErrorCode::InvalidStage, None),
        Refused::StaleAnswer => (ErrorCode::Outdated, Some("number")),
        Refused::NoChance => (ErrorCode::Internal, None),
        Refused::Full { .. } | Refused::Busy | Refused::Stopped => (ErrorCode::Busy, None),
    };
    WireError { field: field.map(ToOwned::to_owned), ..WireError::new(code, refused.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_is_told_with_credentials_that_end_and_only_if_there_is_one() {
        let one = ParticipantId::new(1);
        assert_eq!(Media::none().ice(one, Timestamp(0)), (Vec::new(), IcePolicy::All));
        let urls = vec!["turns:turn.example:443?transport=tcp".to_owned()];
        let media = Media {
            turn_urls: urls.clone(),
            turn_secret: "a secret of the tests".to_owned(),
            policy: IcePolicy::Relay,
            ..Media::none()
        };
        let (servers, policy) = media.ice(one, Timestamp(0));
        assert_eq!((servers.len(), policy), (1, IcePolicy::Relay));
        assert_eq!(servers[0].urls, urls);
        assert_eq!(servers[0].username.as_deref(), Some("14400:pt_00000000000000000000000000000001"));
        assert_ne!(servers[0].credential, media.ice(ParticipantId::new(2), Timestamp(0)).0[0].credential);
    }
}
