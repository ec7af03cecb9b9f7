//! Every request that begins something: sorted, refused, or given to a task of its own.

use std::{
    future::Future as _,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use rsipstack::{
    dialog::{dialog::Dialog, invite_dialog::InviteDialog},
    sip::{Header, Method, StatusCode, prelude::*},
    transaction::{TransactionReceiver, transaction::Transaction},
};

use crate::{
    clock::now,
    headers::{self, ALLOW, is_in_dialog, kind},
    identity,
    inbound::{self, Invitation},
    limits::NoRoom,
    registering, sdp,
    shared::{Counts, Shared, lock},
    timers,
};

/// Sorts until all is over.
pub(crate) async fn serve(shared: Arc<Shared>, mut incoming: TransactionReceiver) {
    loop {
        tokio::select! {
            tx = incoming.recv() => match tx {
                Some(tx) => sort(&shared, tx),
                None => return,
            },
            () = shared.stop.cancelled() => return,
        }
    }
}

/// Never waits: what would is gone on with by a task of its own.
fn sort(shared: &Arc<Shared>, tx: Transaction) {
    // What has no place in a call does not come to it: while the library has a MESSAGE it lets nobody hang up, and a number that
    // it has seen makes it deaf for lower ones.
    let has_no_place = matches!(tx.original.method, Method::Message | Method::Publish | Method::Subscribe);
    if is_in_dialog(&tx.original) && !has_no_place {
        return within(shared, tx);
    }
    match tx.original.method {
        Method::Invite => match invitation(shared, &tx) {
            Ok(invitation) => inbound::begin(shared, tx, invitation),
            Err(no) => {
                Counts::one(&shared.counts.refused);
                tracing::info!(status = u16::from(no.status.clone()), why = no.why, "call refused");
                reply(shared, tx, no.status, no.headers);
            }
        },
        Method::Register => registering::register(shared, tx),
        Method::Options => {
            let headers = vec![
                Header::Allow(ALLOW.into()),
                Header::Accept("application/sdp".into()),
                Header::Supported("timer".into()),
            ];
            reply(shared, tx, StatusCode::OK, headers);
        }
        // Of calls that are over, or never were.
        Method::Bye | Method::Info | Method::Update | Method::Refer | Method::Notify | Method::PRack => {
            reply(shared, tx, StatusCode::CallTransactionDoesNotExist, Vec::new());
        }
        Method::Ack | Method::Cancel => {}
        Method::Message | Method::Publish | Method::Subscribe => {
            reply(shared, tx, StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())]);
        }
    }
}

/// A request within a call goes to its dialog, which answers by the leg's task or itself.
fn within(shared: &Arc<Shared>, tx: Transaction) {
    let Some(dialog) = dialog_of(shared, &tx) else {
        let shared = Arc::clone(shared);
        shared.clone().tasks.spawn(async move {
            match awaited(&shared, &tx).await {
                Some(dialog) => handled(shared, dialog, tx).await,
                None if tx.original.method == Method::Ack => {}
                None => reply(&shared, tx, StatusCode::CallTransactionDoesNotExist, Vec::new()),
            }
        });
        return;
    };
    let mut work = Box::pin(handled(Arc::clone(shared), dialog, tx));
    // The first step is taken here and now, since the library ignores what comes later than a higher number, and of two tasks the
    // second may be the quicker one.
    if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        shared.tasks.spawn(work);
    }
}

fn dialog_of(shared: &Shared, tx: &Transaction) -> Option<InviteDialog> {
    match shared.layer.match_dialog(tx)? {
        Dialog::Invite(dialog) => Some(dialog),
        _ => None,
    }
}

/// The library knows a call that we made a moment after it has acknowledged its answer: whoever hangs up at once is sooner.
async fn awaited(shared: &Shared, tx: &Transaction) -> Option<InviteDialog> {
    for wait in [2, 8, 30, 60] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        if let Some(dialog) = dialog_of(shared, tx) {
            return Some(dialog);
        }
    }
    None
}

async fn handled(shared: Arc<Shared>, mut dialog: InviteDialog, mut tx: Transaction) {
    let method = tx.original.method;
    let patience = shared.config.timing.t1 * 4;
    let is_first = matches!(method, Method::Bye | Method::Ack | Method::PRack);
    if !is_first && let Err((status, headers)) = confirmed(&dialog, patience).await {
        return reply(&shared, tx, status, headers);
    }
    if let Err(error) = dialog.handle(&mut tx).await {
        tracing::debug!(error = kind(&error), "a request within a call was not answered");
    }
    if tx.last_response.is_some() || method == Method::Ack {
        return;
    }
    // Later than a higher number: refused (RFC 3261, section 12.2.2), except that whoever hangs up means it.
    if method != Method::Bye {
        return reply(&shared, tx, StatusCode::ServerInternalError, Vec::new());
    }
    reply(&shared, tx, StatusCode::OK, Vec::new());
    // It may also be a call of ours whose answer is still being read.
    let _ = confirmed(&dialog, patience).await;
    if let Err(error) = dialog.bye().await {
        tracing::debug!(error = kind(&error), "a call whose other side hung up was over already");
    }
}

/// Waits until the library takes requests for this call; it leaves those that come sooner without any answer, and they may overtake
/// the ACK, which another task reads, or even its own note that it has answered the call.
async fn confirmed(dialog: &InviteDialog, patience: Duration) -> Result<(), (StatusCode, Vec<Header>)> {
    let settled = async {
        loop {
            match dialog.state() {
                state if state.is_confirmed() => return Ok(()),
                state if state.is_terminated() => return Err((StatusCode::CallTransactionDoesNotExist, Vec::new())),
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    // It may come again, as RFC 3311 section 5.2 has it.
    let again = || Err((StatusCode::ServerInternalError, vec![Header::RetryAfter("1".into())]));
    tokio::time::timeout(patience, settled).await.unwrap_or_else(|_| again())
}

/// Answers by a task of its own.
pub(crate) fn reply(shared: &Arc<Shared>, mut tx: Transaction, status: StatusCode, headers: Vec<Header>) {
    shared.tasks.spawn(async move {
        let is_invite = tx.original.method == Method::Invite;
        if let Err(error) = tx.reply_with(status, headers, None).await {
            tracing::debug!(error = kind(&error), "an answer could not be sent");
            return;
        }
        // Sent again until the other side has heard it.
        while is_invite && tx.receive().await.is_some() {}
    });
}

/// Why an INVITE is refused before the rules see it.
struct No {
    status: StatusCode,
    headers: Vec<Header>,
    why: &'static str,
}

impl No {
    const fn new(status: StatusCode, why: &'static str) -> Self {
        Self { status, headers: Vec::new(), why }
    }
}

fn invitation(shared: &Arc<Shared>, tx: &Transaction) -> Result<Invitation, No> {
    let request = &tx.original;
    let source = headers::source(tx).ok_or(No::new(StatusCode::BadRequest, "no source"))?;
    // A telephone of ours calls by the panel only: its calls would be nobody's.
    let trunk = lock(&shared.trunks).of_source(source.peer.ip(), source.peer.port()).map(str::to_owned);
    let trunk = trunk.ok_or(No::new(StatusCode::Forbidden, "not a trunk"))?;
    let calls = shared.counts.calls.load(std::sync::atomic::Ordering::Relaxed);
    let admitted = lock(&shared.door).admit(now(), calls);
    admitted.map_err(|no: NoRoom| No::new(StatusCode::ServiceUnavailable, no.as_str()))?;
    let unsupported = headers::unsupported(&request.headers);
    if !unsupported.is_empty() {
        let headers = vec![Header::Unsupported(unsupported.join(", ").into())];
        return Err(No { status: StatusCode::BadExtension, headers, why: "extension" });
    }
    let called = identity::number_of(&request.uri.to_string());
    let called = called.ok_or(No::new(StatusCode::NotFound, "no number"))?;
    let offer = match headers::content_type(request).as_deref() {
        None => None,
        Some("application/sdp") => {
            let read = sdp::read(&request.body).and_then(|remote| {
                if shared.same_family(remote.address.ip()) { Ok(remote) } else { Err(sdp::Unfit::NoAddress) }
            });
            Some(read.map_err(|unfit| {
                tracing::info!(why = %unfit, "offer refused");
                No::new(StatusCode::NotAcceptableHere, "offer")
            })?)
        }
        Some(_) => {
            let headers = vec![Header::Accept("application/sdp".into())];
            return Err(No { status: StatusCode::UnsupportedMediaType, headers, why: "body" });
        }
    };
    let said = headers::said(&request.headers);
    let agreed = timers::called(said, shared.wanted()).map_err(|short| No {
        status: StatusCode::SessionIntervalTooSmall,
        headers: vec![Header::MinSE(short.least.to_string().into())],
        why: "session timer",
    })?;
    let own = shared.config.ticket_header.as_deref().and_then(|name| headers::value(&request.headers, name));
    let user_to_user = headers::value(&request.headers, "User-to-User");
    let from = request.from_header().map(|from| from.value().to_owned()).ok();
    let privacy = headers::value(&request.headers, "Privacy");
    Ok(Invitation {
        called,
        caller: identity::caller(
            &headers::values(&request.headers, "P-Asserted-Identity"),
            from.as_deref(),
            privacy.as_deref(),
        ),
        ticket: identity::ticket(own.as_deref(), user_to_user.as_deref()),
        trunk,
        source,
        offer,
        agreed,
        is_timer_supported: said.is_supported,
        allows_update: headers::allows_update(&request.headers),
        wants_reliable: headers::words(&request.headers, "Require").iter().any(|word| word == "100rel"),
    })
}
