//! The media threads as the windows use them: orders are carried out in their order, whatever comes back for one browser goes
//! straight to its socket.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use bangban_domain::{
    ParticipantId, Timestamp, WindowId,
    time::{HOUR, Millis},
    window::Medium,
};
use bangban_media::{Config, Event, Link, Quality, Refused, Sfu, StartError, turn_credentials};
use bangban_protocol::{ErrorCode, EventBody, IcePolicy, IceServer, MediaLeg, MediaLine, MediaLink, Topic, WireError};
use dashmap::DashMap;
use tokio::sync::mpsc;

use crate::{
    config::{self, ConfigError},
    hub::{Hub, Socket},
};

/// Events and measurements that may wait.
const QUEUE: usize = 1_024;

/// Credentials for TURN are good for longer than any window lasts: coturn looks at them again at every renewal.
const TURN_VALID: Millis = 4 * HOUR;

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

/// Something that the media threads have to do after what they did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaOrder {
    Publish { window: WindowId, participant: ParticipantId, medium: Medium, is_on: bool },
    Leave { window: WindowId, participant: ParticipantId },
    Close { window: WindowId },
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

    fn sfu(&self) -> Result<&Sfu, Refused> {
        self.sfu.as_ref().ok_or(Refused::Stopped)
    }

    pub(super) fn counted(&self) -> Vec<(&'static str, u64)> {
        self.sfu.as_ref().map(|sfu| sfu.counters().named()).unwrap_or_default()
    }

    /// What a browser needs besides our address.
    pub(super) fn ice(&self, participant: ParticipantId, now: Timestamp) -> (Vec<IceServer>, IcePolicy) {
        if self.turn_urls.is_empty() {
            return (Vec::new(), self.policy);
        }
        let made = turn_credentials(self.turn_secret.as_bytes(), participant, now, TURN_VALID);
        let server =
            IceServer { urls: self.turn_urls.clone(), username: Some(made.username), credential: Some(made.password) };
        (vec![server], self.policy)
    }

    pub(super) async fn connect(
        &self,
        (window, participant): (WindowId, ParticipantId),
        sdp: String,
        lines: Vec<MediaLine>,
        is_new: bool,
    ) -> Result<String, WireError> {
        let lines = lines.into_iter().map(|line| (line.mid, line.medium)).collect();
        let sfu = self.sfu().map_err(refused)?;
        let answer = if is_new {
            sfu.join(window, participant, sdp, lines).await
        } else {
            sfu.offer(window, participant, sdp, lines).await
        };
        answer.map_err(refused)
    }

    pub(super) async fn answer(
        &self,
        (window, participant): (WindowId, ParticipantId),
        number: u32,
        sdp: String,
    ) -> Result<(), WireError> {
        self.sfu().map_err(refused)?.answer(window, participant, number, sdp).await.map_err(refused)
    }

    /// Returns when it is so.
    pub(super) async fn carry_out(&self, order: MediaOrder) -> Result<(), Refused> {
        let sfu = self.sfu()?;
        match order {
            MediaOrder::Publish { window, participant, medium, is_on } => {
                sfu.publish(window, participant, medium, is_on).await
            }
            MediaOrder::Leave { window, participant } => sfu.leave(window, participant).await,
            MediaOrder::Close { window } => sfu.close(window).await,
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
