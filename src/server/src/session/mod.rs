//! One WebSocket, from its `hello` to its close code.

mod connection;
mod facts;
mod frames;
mod rates;
mod span;

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bangban_protocol::{Command, ErrorCode, Request, VERSION, WireError, close_code};
use futures_util::SinkExt;
use tokio::time::timeout;

use crate::{app::App, auth::Principal, hub::Member, telemetry::count_close};
use connection::Connection;
pub use rates::Rates;
pub use span::command_span;

/// A frame of more bytes ends the connection; one of more than `MAX_FRAME` is answered with an error.
pub const ABSURD_FRAME: usize = 1024 * 1024;

/// `hello` has to come within this time.
const HELLO: Duration = Duration::from_secs(10);

/// Pings to staff, whose loss counts in seconds (rule 2), and to the others.
const STAFF_PING: u32 = 5;
const CITIZEN_PING: u32 = 15;

/// How long the other side gets to take the last frames, and then to answer our closing.
const FAREWELL: Duration = Duration::from_secs(2);

/// A close code and its reason.
type Close = (u16, &'static str);

const GOING_AWAY: Close = (close_code::GOING_AWAY, "the server stops");

/// Serves a socket until it ends.
pub async fn serve(app: Arc<App>, mut socket: WebSocket) {
    // Boxed, as everything that is not the life of an idle session: it shall not keep room for it.
    let ended = match Box::pin(hello(&app, &mut socket)).await {
        Ok((who, reference)) => welcomed(&app, Arc::new(who), reference, &mut socket).await,
        Err(refused) => refused,
    };
    Box::pin(part(&mut socket, ended)).await;
}

/// Serves one who has said a good `hello`; says why it ended, if we ended it.
async fn welcomed(app: &Arc<App>, who: Arc<Principal>, reference: u32, socket: &mut WebSocket) -> Option<Close> {
    let ping_seconds = match *who {
        Principal::Staff(_) => STAFF_PING,
        Principal::Citizen(_) => CITIZEN_PING,
    };
    let answer = Box::pin(async {
        let welcome = app.welcome(&who, ping_seconds).await;
        let is_welcome = welcome.is_ok();
        (is_welcome, socket.send(Message::Text(frames::reply(reference, welcome))).await.is_ok())
    });
    let (is_welcome, is_sent) = answer.await;
    let ended = match (is_welcome, is_sent) {
        (true, true) => Connection::run(app, Arc::clone(&who), ping_seconds, socket).await,
        (false, true) => Some((close_code::GOING_AWAY, "not now")),
        (_, false) => None,
    };
    if is_welcome {
        app.goodbye(&who);
    }
    ended
}

/// Says why we close, and stays until the other side has answered: a connection with unread bytes that is dropped takes
/// the reason with it. `None`: they have said goodbye, or are not there to hear ours.
async fn part(socket: &mut WebSocket, why: Option<Close>) {
    let farewell = async {
        let Some((code, reason)) = why else {
            return drop(SinkExt::close(socket).await);
        };
        count_close(code);
        tracing::debug!(code, reason, "the server closes a session");
        if socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // Whoever does not answer has gone.
    timeout(FAREWELL, farewell).await.ok();
}

/// Waits for a good `hello`; a bad one is answered and refused with a close code. `None`: the other side has gone.
async fn hello(app: &App, socket: &mut WebSocket) -> Result<(Principal, u32), Option<Close>> {
    let text = tokio::select! {
        () = app.stopping.cancelled() => return Err(Some(GOING_AWAY)),
        received = timeout(HELLO, first_text(socket)) => match received {
            Err(_) => return Err(Some((close_code::UNAUTHENTICATED, "no hello in time"))),
            Ok(received) => received?,
        },
    };
    let (reference, refusal) = match frames::parse(&text) {
        Ok(Request { reference, body: Command::Hello { token, protocol: VERSION } }) => {
            match app.identify(&token).await {
                Ok(who) => return Ok((who, reference)),
                Err(error) => (reference, error),
            }
        }
        Ok(Request { reference, body: Command::Hello { .. } }) => {
            let detail = format!("this server speaks protocol {VERSION}");
            (reference, WireError::new(ErrorCode::UnsupportedProtocol, detail))
        }
        Ok(Request { reference, .. }) => {
            (reference, WireError::new(ErrorCode::Unauthenticated, "the first request is hello"))
        }
        Err(bad) => bad,
    };
    let why = match refusal.code {
        ErrorCode::TokenExpired => (close_code::TOKEN_EXPIRED, "token expired"),
        // Not the client's fault: it comes again.
        ErrorCode::Busy => (close_code::GOING_AWAY, "not now"),
        ErrorCode::UnsupportedProtocol => (close_code::PROTOCOL, "protocol version"),
        _ => (close_code::UNAUTHENTICATED, "no valid hello"),
    };
    match socket.send(Message::Text(frames::reply(reference, Err(refusal)))).await {
        Ok(()) => Err(Some(why)),
        Err(_) => Err(None),
    }
}

async fn first_text(socket: &mut WebSocket) -> Result<axum::extract::ws::Utf8Bytes, Option<Close>> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Some((close_code::PROTOCOL, "binary"))),
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(_)) => return Err(Some((close_code::PROTOCOL, "unreadable"))),
        }
    }
}

/// Whose socket it is, for the hub.
fn member(who: &Principal) -> Member {
    match who {
        Principal::Citizen(_) => Member::Citizen,
        Principal::Staff(staff) if staff.serves() => Member::Agent(staff.id),
        Principal::Staff(staff) => Member::Watcher(staff.id),
    }
}
