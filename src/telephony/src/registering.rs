//! REGISTER: of our telephones, and our own at trunks that want it.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rsipstack::{
    dialog::registration::Registration,
    sip::{Header, Request, StatusCode, Uri, prelude::*},
    transaction::transaction::Transaction,
};

use crate::{
    Event,
    clock::now,
    config::{Transport, Trunk},
    digest::{Credentials, Rejected},
    headers::{self, kind, source},
    identity,
    incoming::reply,
    registrar::{self, Ask, Contact, Flow, Refused},
    shared::{Counts, Shared, lock},
};

/// Addresses in one REGISTER that are looked at.
const MAX_CONTACTS: usize = 16;
/// A trunk that refuses us is asked again after so long, and twice as long each time up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// A telephone registers.
pub(crate) fn register(shared: &Arc<Shared>, tx: Transaction) {
    match answer(shared, &tx) {
        Ok((headers, event)) => {
            if let Some(event) = event {
                let shared = Arc::clone(shared);
                shared.clone().tasks.spawn(async move { shared.tell(event).await });
            }
            reply(shared, tx, StatusCode::OK, headers);
        }
        Err((status, headers)) => reply(shared, tx, status, headers),
    }
}

type Answer = Result<(Vec<Header>, Option<Event>), (StatusCode, Vec<Header>)>;

fn answer(shared: &Shared, tx: &Transaction) -> Answer {
    let plain = |status: StatusCode| (status, Vec::new());
    let request = &tx.original;
    let flow = source(tx).ok_or_else(|| plain(StatusCode::BadRequest))?;
    if !shared.config.phones.iter().any(|net| net.contains(&flow.peer.ip())) {
        return Err(plain(StatusCode::Forbidden));
    }
    let to = request.to_header().map_err(|_| plain(StatusCode::BadRequest))?;
    let user = identity::user_of(to.value()).ok_or_else(|| plain(StatusCode::BadRequest))?;
    admit(shared, request, &user)?;
    let asked = ask(request, user.clone(), flow).ok_or_else(|| plain(StatusCode::BadRequest))?;
    let registered = lock(&shared.registrar).register(now(), asked);
    let registered = registered.map_err(|refused| match refused {
        Refused::TooBrief { least } => {
            (StatusCode::IntervalTooBrief, vec![Header::MinExpires(least.to_string().into())])
        }
        Refused::OutOfOrder => plain(StatusCode::ServerInternalError),
        Refused::Full => plain(StatusCode::ServiceUnavailable),
        Refused::TooMany => plain(StatusCode::Forbidden),
    })?;
    let headers =
        registered.contacts.iter().map(|(uri, seconds)| Header::Contact(format!("<{uri}>;expires={seconds}").into()));
    let event = match (registered.is_new, registered.is_gone) {
        (true, _) => Some(Event::Registered(user)),
        (_, true) => Some(Event::Unregistered(user)),
        _ => None,
    };
    Ok((headers.collect(), event))
}

/// Is it who it says it is?
fn admit(shared: &Shared, request: &Request, user: &str) -> Result<(), (StatusCode, Vec<Header>)> {
    let credentials = headers::values(&request.headers, "Authorization");
    let credentials = credentials.iter().map(|value| Credentials::read(value)).find_map(Result::ok);
    let mut keeper = lock(&shared.keeper);
    let now = now();
    let checked = match &credentials {
        // Whose address it is, they must be (RFC 3261, section 10.3, item 4).
        Some(credentials) if credentials.username == user => {
            let secret = shared.book.secret(user);
            keeper.check(now, credentials, "REGISTER", secret.as_ref())
        }
        Some(_) => Err(Rejected::Wrong),
        None => Err(Rejected::Challenge { is_stale: false }),
    };
    let is_stale = match checked {
        Ok(()) => return Ok(()),
        Err(Rejected::Challenge { is_stale }) => is_stale,
        Err(Rejected::Wrong | Rejected::Malformed) => {
            Counts::one(&shared.counts.wrong_passwords);
            tracing::info!("a telephone's registration was refused: wrong name or password");
            return Err((StatusCode::Forbidden, Vec::new()));
        }
    };
    let mut random = [0; 12];
    if SystemRandom::new().fill(&mut random).is_err() {
        return Err((StatusCode::ServerInternalError, Vec::new()));
    }
    let challenge = keeper.challenge(now, random, is_stale);
    Err((StatusCode::Unauthorized, challenge.into_iter().map(|value| Header::WwwAuthenticate(value.into())).collect()))
}

/// What it asks for; `None`: nonsense.
fn ask(request: &Request, user: String, flow: Flow) -> Option<registrar::Request> {
    let call_id = request.call_id_header().ok()?.value().to_owned();
    let cseq = request.cseq_header().ok()?.seq().ok()?;
    let of_all = headers::value(&request.headers, "Expires");
    let of_all: Option<u32> = match of_all {
        // More than the number can be is as long as may be.
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => Some(text.parse().unwrap_or(u32::MAX)),
        Some(_) | None => None,
    };
    let contacts: Vec<_> = request.contact_headers().into_iter().map(|contact| contact.value().to_owned()).collect();
    let ask = if contacts.iter().any(|value| value.trim() == "*") {
        (contacts.len() == 1 && of_all == Some(0)).then_some(Ask::RemoveAll)?
    } else if contacts.is_empty() {
        Ask::List
    } else {
        let typed = request.typed_contact_headers().ok()?;
        if typed.len() > MAX_CONTACTS {
            return None;
        }
        let contact = |contact: &rsipstack::sip::typed::Contact| {
            let uri = contact.uri.to_string();
            Some((Contact { place: identity::place_of(&uri)?, uri }, contact.expires().or(of_all)))
        };
        Ask::Keep(typed.iter().map(contact).collect::<Option<_>>()?)
    };
    Some(registrar::Request { user, call_id, cseq, flow, ask })
}

/// Tells when registrations end.
pub(crate) async fn end_registrations(shared: Arc<Shared>) {
    /// New registrations may end before the next known one: looked at as often as the shortest may end.
    const LOOK: Duration = Duration::from_secs(1);
    loop {
        let next = lock(&shared.registrar).next_end().unwrap_or_else(|| now() + LOOK).min(now() + LOOK);
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            () = shared.stop.cancelled() => return,
        }
        let gone = lock(&shared.registrar).end(now());
        for user in gone {
            shared.tell(Event::Unregistered(user)).await;
        }
    }
}

/// Keeps us registered at a trunk.
pub(crate) async fn at_trunk(shared: Arc<Shared>, trunk: Trunk) {
    let transport = match trunk.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
    };
    let Ok(server) = Uri::try_from(format!("sip:{}{transport}", trunk.address).as_str()) else { return };
    let user = trunk.login.as_ref().map(|login| login.user.clone()).unwrap_or_default();
    let mut registration = Registration::new(shared.layer.endpoint.clone(), shared.credential(&trunk.name));
    registration.contact = Some(rsipstack::sip::typed::Contact {
        display_name: None,
        uri: shared.uri(&user, trunk.transport),
        params: Vec::new(),
    });
    let mut wait = AGAIN.0;
    loop {
        let answer = tokio::select! {
            answer = registration.register(server.clone(), Some(600)) => answer,
            () = shared.stop.cancelled() => return,
        };
        let next = match answer {
            Ok(response) if response.status_code == StatusCode::OK => {
                wait = AGAIN.0;
                Duration::from_secs(u64::from(registration.expires().max(20)) * 3 / 4)
            }
            Ok(response) => {
                let status = u16::from(response.status_code);
                tracing::warn!(trunk = trunk.name, status, "not registered at the trunk");
                next_wait(&mut wait)
            }
            Err(error) => {
                tracing::warn!(trunk = trunk.name, error = kind(&error), "not registered at the trunk");
                next_wait(&mut wait)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = shared.stop.cancelled() => {
                let _ = tokio::time::timeout(Duration::from_secs(1), registration.register(server, Some(0))).await;
                return;
            }
        }
    }
}

fn next_wait(wait: &mut Duration) -> Duration {
    let next = *wait;
    *wait = (next * 2).min(AGAIN.1);
    next
}
