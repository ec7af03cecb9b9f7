//! Asks the trunks whether they are there (OPTIONS, RFC 3261, section 11).

use std::{sync::Arc, time::Duration};

use rsipstack::{
    sip::{Method, SipMessage, StatusCodeKind, Uri, typed},
    transaction::{
        key::{TransactionKey, TransactionRole},
        make_tag,
        transaction::Transaction,
    },
};

use crate::{
    Event,
    config::{Transport, Trunk},
    headers::address_of,
    shared::{Shared, lock},
};

/// Nobody who works needs longer to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks one trunk until all is over, at once for the first time.
pub(crate) async fn ping(shared: Arc<Shared>, at: usize, trunk: Trunk) {
    let every = shared.config.timing.ping;
    let mut seq = 1;
    loop {
        let asked = tokio::time::Instant::now();
        let status = tokio::select! {
            status = ask(&shared, &trunk, seq) => status,
            () = shared.stop.cancelled() => return,
        };
        seq += 1;
        let change = match status {
            Some(status) => lock(&shared.trunks).answered(at, status),
            None => lock(&shared.trunks).missed(at),
        };
        if let Some(is_up) = change {
            tracing::info!(trunk = trunk.name, is_up, "trunk");
            shared.tell(Event::Trunk { name: trunk.name.clone(), is_up }).await;
        }
        tokio::select! {
            () = tokio::time::sleep_until(asked + every) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

/// What it answers; `None`: nothing.
async fn ask(shared: &Shared, trunk: &Trunk, seq: u32) -> Option<u16> {
    let mut tx = options(shared, trunk, seq)?;
    let patience = PATIENCE.min(shared.config.timing.ping);
    let answered = async {
        tx.send().await.ok()?;
        while let Some(message) = tx.receive().await {
            if let SipMessage::Response(response) = message
                && response.status_code.kind() != StatusCodeKind::Provisional
            {
                return Some(u16::from(response.status_code));
            }
        }
        None
    };
    // 408 is the library's own: nothing came.
    tokio::time::timeout(patience, answered).await.ok().flatten().filter(|status| *status != 408)
}

fn options(shared: &Shared, trunk: &Trunk, seq: u32) -> Option<Transaction> {
    let endpoint = &shared.layer.endpoint;
    let parameter = match trunk.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
    };
    let target = Uri::try_from(format!("sip:{}{parameter}", trunk.address).as_str()).ok()?;
    let via = endpoint.get_via(Some(address_of(trunk.transport, shared.public)), None).ok()?;
    let from = typed::From { display_name: None, uri: shared.contact(trunk.transport), params: Vec::new() };
    let to = typed::To { display_name: None, uri: target.clone(), params: Vec::new() };
    let request = endpoint.make_request(Method::Options, target, via, from.with_tag(make_tag()), to, seq, None);
    let key = TransactionKey::from_request(&request, TransactionRole::Client).ok()?;
    let mut tx = Transaction::new_client(key, request, endpoint.clone(), None);
    tx.destination = Some(address_of(trunk.transport, trunk.address));
    Some(tx)
}
