//! Calls that we make: to telephones of ours and by trunks.

use std::{net::SocketAddr, time::Duration};

use bangban_domain::call::{Cause, Failure, LegId};
use bangban_telephony::{Event, Login, Order, Target, Trunk};
use md5::{Digest as _, Md5};

use crate::{
    desk::{Desk, number},
    peer::{Peer, sdp},
    registering::Phone,
};

/// A trunk that a test answers for, and one more beside it.
async fn trunks(count: usize, change: impl FnOnce(&mut bangban_telephony::Config)) -> (Desk, Vec<Peer>) {
    let mut peers = Vec::new();
    for n in 0..count {
        let socket = std::net::UdpSocket::bind(format!("127.0.0.{}:0", n + 2)).expect("a free port");
        peers.push(socket.local_addr().expect("an address"));
    }
    let desk = Desk::start(|config| {
        config.trunks = peers.iter().enumerate().map(|(n, at)| Trunk::new(&format!("t{n}"), *at)).collect();
        // Nobody pings while a test listens.
        config.timing.ping = Duration::from_secs(3600);
        config.timing.trunk_patience = Duration::from_millis(200);
        config.phones = vec!["127.0.0.9/32".parse().expect("a network")];
        change(config);
    })
    .await;
    let mut sockets = Vec::new();
    for at in peers {
        sockets.push(Peer::at(at, desk.address()).await);
    }
    (desk, sockets)
}

fn ring(desk: &Desk, leg: LegId, to: &str) {
    let target = Target::Number(number(to));
    desk.order(Order::Ring { leg, target, caller: None, ticket: Some("GD-1".to_owned()) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_rings_answers_and_hangs_up() {
    let (mut desk, mut peers) = trunks(1, |_| {}).await;
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let peer = &mut peers[0];
    let invite = peer.invited().await;
    assert!(invite.first.contains("sip:02162345678@"), "{}", invite.first);
    assert_eq!(invite.get("User-to-User"), "47442d31;encoding=hex");
    assert_eq!(invite.get("X-Ticket"), "GD-1");
    assert!(invite.get("From").contains("sip:12345@") && invite.get("P-Asserted-Identity").contains("sip:12345@"));
    assert!(!invite.get("Call-ID").contains("restsend"), "{}", invite.get("Call-ID"));
    assert!(invite.body.contains("RTP/AVP 8 0 101"), "{}", invite.body);
    peer.answer(&invite, "100 Trying", "", "").await;
    peer.answer(&invite, "183 Session Progress", "", "").await;
    desk.expect(Event::Ringing(leg)).await;
    peer.answer(&invite, "180 Ringing", "", "").await;
    peer.answer(&invite, "200 OK", &sdp(peer.at, "sendrecv"), "").await;
    peer.request("ACK").await;
    desk.expect(Event::Answered(leg)).await;
    let mut dialog = peer.called(&invite);
    peer.within(&mut dialog, "BYE", "", "").await;
    peer.status_of(200, "BYE").await;
    desk.expect(Event::HungUp(leg)).await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_and_hangs_up_in_the_same_breath_is_gone() {
    let (mut desk, mut peers) = trunks(1, |_| {}).await;
    let peer = &mut peers[0];
    for _ in 0..20 {
        let leg = desk.leg();
        ring(&desk, leg, "02162345678");
        let invite = peer.invited().await;
        peer.answer(&invite, "180 Ringing", "", "").await;
        desk.expect(Event::Ringing(leg)).await;
        peer.answer(&invite, "200 OK", &sdp(peer.at, "sendrecv"), "").await;
        let mut dialog = peer.called(&invite);
        peer.message("an ACK", |message| message.method() == Some("ACK") && dialog.has(message)).await;
        peer.within(&mut dialog, "BYE", "", "").await;
        peer.status_in(200, "BYE", &dialog).await;
        desk.expect(Event::Answered(leg)).await;
        desk.expect(Event::HungUp(leg)).await;
    }
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_not_to_come_has_its_cause() {
    let (mut desk, mut peers) = trunks(1, |_| {}).await;
    let peer = &mut peers[0];
    for (status, cause) in [
        ("486 Busy Here", Failure::Busy),
        ("603 Decline", Failure::Declined),
        ("408 Request Timeout", Failure::Unreachable),
        ("404 Not Found", Failure::Unreachable),
        ("480 Temporarily Unavailable", Failure::Unreachable),
        ("503 Service Unavailable", Failure::Congested),
        ("500 Server Internal Error", Failure::Broken),
        ("302 Moved Temporarily", Failure::Broken),
        ("407 Proxy Authentication Required", Failure::Broken),
    ] {
        let leg = desk.leg();
        ring(&desk, leg, "02162345678");
        let invite = peer.invited().await;
        peer.answer(&invite, status, "", "").await;
        peer.request("ACK").await;
        desk.expect(Event::Failed(leg, cause)).await;
    }
    // It rang and the network gave up.
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let invite = peer.invited().await;
    peer.answer(&invite, "180 Ringing", "", "").await;
    peer.answer(&invite, "408 Request Timeout", "", "").await;
    desk.expect(Event::Failed(leg, Failure::NoAnswer)).await;
    // An answer with which nothing can be done is hung up.
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let invite = peer.invited().await;
    peer.answer(&invite, "200 OK", "v=0\r\n", "").await;
    desk.expect(Event::Failed(leg, Failure::Broken)).await;
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_is_cancelled_and_told_when_somebody_else_has() {
    let (mut desk, mut peers) = trunks(1, |_| {}).await;
    let peer = &mut peers[0];
    for because in [Cause::NoAnswer, Cause::Elsewhere] {
        let leg = desk.leg();
        ring(&desk, leg, "02162345678");
        let invite = peer.invited().await;
        peer.answer(&invite, "180 Ringing", "", "").await;
        desk.expect(Event::Ringing(leg)).await;
        desk.order(Order::Cancel { leg, because });
        let cancel = peer.request("CANCEL").await;
        let reason = (because == Cause::Elsewhere).then_some("SIP;cause=200;text=\"Call completed elsewhere\"");
        assert_eq!(cancel.find("Reason"), reason);
        peer.answer(&cancel, "200 OK", "", "").await;
        peer.answer(&invite, "487 Request Terminated", "", "").await;
        peer.request("ACK").await;
    }
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let (mut desk, mut peers) = trunks(1, |_| {}).await;
    let peer = &mut peers[0];
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let invite = peer.invited().await;
    peer.answer(&invite, "180 Ringing", "", "").await;
    desk.expect(Event::Ringing(leg)).await;
    desk.order(Order::Cancel { leg, because: Cause::Cancelled });
    let cancel = peer.request("CANCEL").await;
    peer.answer(&invite, "200 OK", &sdp(peer.at, "sendrecv"), "").await;
    peer.answer(&cancel, "200 OK", "", "").await;
    peer.request("ACK").await;
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;

    // The same, cancelled before anything was heard: CANCEL may not go before a provisional answer (RFC 3261, 9.1).
    let leg = desk.leg();
    ring(&desk, leg, "02162345679");
    let invite = peer.invited().await;
    desk.order(Order::Cancel { leg, because: Cause::Cancelled });
    let call_id = invite.get("Call-ID").to_owned();
    peer.has_nothing(|message| message.method() == Some("CANCEL") && message.get("Call-ID") == call_id).await;
    peer.answer(&invite, "200 OK", &sdp(peer.at, "sendrecv"), "").await;
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_address_is_given_up_and_leaves_nothing() {
    let (mut desk, peers) = trunks(1, |_| {}).await;
    drop(peers);
    let cancelled = desk.leg();
    ring(&desk, cancelled, "02162345678");
    desk.order(Order::Cancel { leg: cancelled, because: Cause::NoProgress });
    // Not given up by anybody: by the library, after 64 of T1.
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    desk.expect(Event::Failed(leg, Failure::Unreachable)).await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_trunk_is_taken_when_the_first_says_503_or_nothing() {
    let (mut desk, mut peers) = trunks(2, |_| {}).await;
    let (mut first, mut second) = (peers.remove(0), peers.remove(0));
    let answer = async |desk: &mut Desk, second: &mut Peer, leg| {
        let invite = second.invited().await;
        second.answer(&invite, "200 OK", &sdp(second.at, "sendrecv"), "").await;
        desk.expect(Event::Answered(leg)).await;
        desk.order(Order::HangUp(leg));
        let bye = second.request("BYE").await;
        second.answer(&bye, "200 OK", "", "").await;
    };
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let invite = first.invited().await;
    first.answer(&invite, "503 Service Unavailable", "", "").await;
    answer(&mut desk, &mut second, leg).await;
    // 486 is the number's own word: not asked again elsewhere.
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let busy = first.invited().await;
    first.answer(&busy, "486 Busy Here", "", "").await;
    desk.expect(Event::Failed(leg, Failure::Busy)).await;
    // Silent: passed over after its patience, and from then on the last choice.
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    answer(&mut desk, &mut second, leg).await;
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    answer(&mut desk, &mut second, leg).await;
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trunks_are_pinged_and_told_to_be_up_and_down() {
    let (mut desk, mut peers) = trunks(2, |config| config.timing.ping = Duration::from_millis(200)).await;
    let (mut first, mut second) = (peers.remove(0), peers.remove(0));
    let told = |name: &str, is_up| Event::Trunk { name: name.to_owned(), is_up };
    let ping = first.request("OPTIONS").await;
    first.answer(&ping, "405 Method Not Allowed", "", "").await;
    desk.expect(told("t0", true)).await;
    let ping = second.request("OPTIONS").await;
    second.answer(&ping, "503 Service Unavailable", "", "").await;
    desk.expect(told("t1", false)).await;
    // Two without answer, and the first is down; calls go by it nevertheless, as there is no other.
    desk.expect(told("t0", false)).await;
    assert_eq!(desk.telephony.counters().trunks_up, 0);
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let invite = first.invited().await;
    first.answer(&invite, "486 Busy Here", "", "").await;
    desk.expect(Event::Failed(leg, Failure::Busy)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_asks_for_a_password_gets_it_and_one_that_wants_it_our_registration() {
    let login = Login { user: "bangban".to_owned(), password: "pbx-secret".to_owned() };
    let (mut desk, mut peers) = trunks(1, |config| {
        config.trunks[0].login = Some(login);
        config.trunks[0].registers = true;
        config.trunks[0].number = Some(number("02112345000"));
    })
    .await;
    let peer = &mut peers[0];
    let hex = |text: &str| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let is_proven = |value: &str, method: &str| {
        let get = |name: &str| {
            let rest = value.split(&format!("{name}=")).nth(1).expect(name);
            rest.trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned()
        };
        let (a1, a2) = (hex("bangban:pbx:pbx-secret"), hex(&format!("{method}:{}", get("uri"))));
        let (nonce, cnonce) = (get("nonce"), get("cnonce"));
        assert_eq!(hex(&format!("{a1}:{nonce}:00000001:{cnonce}:auth:{a2}")), get("response"), "{value}");
    };
    let challenge = "Digest realm=\"pbx\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"";
    let register = peer.request("REGISTER").await;
    peer.answer(&register, "401 Unauthorized", "", &format!("WWW-Authenticate: {challenge}\r\n")).await;
    let register = peer.message("proof", |message| message.find("Authorization").is_some()).await;
    is_proven(register.get("Authorization"), "REGISTER");
    peer.answer(&register, "200 OK", "", "Expires: 600\r\n").await;

    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let invite = peer.invited().await;
    assert!(invite.get("From").contains("sip:02112345000@"), "{}", invite.get("From"));
    peer.answer(&invite, "407 Proxy Authentication Required", "", &format!("Proxy-Authenticate: {challenge}\r\n"))
        .await;
    let invite = peer.message("proof", |message| message.find("Proxy-Authorization").is_some()).await;
    is_proven(invite.get("Proxy-Authorization"), "INVITE");
    peer.answer(&invite, "200 OK", &sdp(peer.at, "sendrecv"), "").await;
    desk.expect(Event::Answered(leg)).await;
    desk.order(Order::HangUp(leg));
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_is_rung_wherever_it_is_registered_on_the_way_it_came() {
    let mut desk = Desk::start(|_| {}).await;
    let leg = desk.leg();
    let target = || Target::Phone("8001".to_owned());
    desk.order(Order::Ring { leg, target: target(), caller: None, ticket: None });
    desk.expect(Event::Failed(leg, Failure::Unreachable)).await;

    let mut first = Phone::new(&desk, "8001").await;
    // Behind a NAT: it names an address where nobody is.
    first.contact = Some("sip:8001@192.0.2.55:5060".to_owned());
    let mut second = Phone::new(&desk, "8001").await;
    assert_eq!(first.register(600).await.status(), Some(200));
    assert_eq!(second.register(600).await.status(), Some(200));
    let leg = desk.leg();
    desk.order(Order::Ring { leg, target: target(), caller: Some(number("13800000001")), ticket: None });
    let other = second.peer.invited().await;
    assert!(other.get("From").contains("sip:13800000001@"), "{}", other.get("From"));
    second.peer.answer(&other, "180 Ringing", "", "").await;
    desk.expect(Event::Ringing(leg)).await;
    let invite = first.peer.invited().await;
    assert!(invite.first.contains("sip:8001@192.0.2.55"), "{}", invite.first);
    // It answers with that same address as its contact.
    let ok = sdp(first.peer.at, "sendrecv");
    first.peer.answer_as(&invite, "200 OK", &ok, "", "sip:8001@192.0.2.55:5060").await;
    first.peer.request("ACK").await;
    desk.expect(Event::Answered(leg)).await;
    let cancel = second.peer.request("CANCEL").await;
    assert!(cancel.get("Reason").contains("cause=200"));
    second.peer.answer(&cancel, "200 OK", "", "").await;
    second.peer.answer(&other, "487 Request Terminated", "", "").await;
    desk.order(Order::HangUp(leg));
    let bye = first.peer.request("BYE").await;
    first.peer.answer(&bye, "200 OK", "", "").await;
    desk.expect(Event::Registered("8001".to_owned())).await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_places_one_that_declines_speaks_for_both_and_a_longer_session_is_granted() {
    let mut desk = Desk::start(|_| {}).await;
    let (mut first, mut second) = (Phone::new(&desk, "8001").await, Phone::new(&desk, "8001").await);
    first.register(600).await;
    second.register(600).await;
    let ring = |desk: &Desk, leg| {
        desk.order(Order::Ring { leg, target: Target::Phone("8001".to_owned()), caller: None, ticket: None });
    };
    let leg = desk.leg();
    ring(&desk, leg);
    let (one, two) = (first.peer.invited().await, second.peer.invited().await);
    second.peer.answer(&two, "180 Ringing", "", "").await;
    desk.expect(Event::Ringing(leg)).await;
    first.peer.answer(&one, "603 Decline", "", "").await;
    desk.expect(Event::Failed(leg, Failure::Declined)).await;
    let cancel = second.peer.request("CANCEL").await;
    assert_eq!(cancel.find("Reason"), None);
    second.peer.answer(&cancel, "200 OK", "", "").await;
    second.peer.answer(&two, "487 Request Terminated", "", "").await;

    let leg = desk.leg();
    ring(&desk, leg);
    let two = second.peer.invited().await;
    second.peer.answer(&two, "486 Busy Here", "", "").await;
    let one = first.peer.invited().await;
    assert_eq!(one.get("Session-Expires"), "1800");
    first.peer.answer(&one, "422 Session Interval Too Small", "", "Min-SE: 3600\r\n").await;
    let one = first.peer.message("INVITE", |message| message.find("Session-Expires") == Some("3600")).await;
    first.peer.answer(&one, "200 OK", &sdp(first.peer.at, "sendrecv"), "").await;
    desk.expect(Event::Answered(leg)).await;
    desk.order(Order::HangUp(leg));
    let bye = first.peer.request("BYE").await;
    first.peer.answer(&bye, "200 OK", "", "").await;
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_hangs_up_what_stands_and_frees_the_port() {
    let (mut desk, mut peers) = trunks(1, |_| {}).await;
    let peer = &mut peers[0];
    let leg = desk.leg();
    ring(&desk, leg, "02162345678");
    let invite = peer.invited().await;
    peer.answer(&invite, "200 OK", &sdp(peer.at, "sendrecv"), "").await;
    desk.expect(Event::Answered(leg)).await;
    let address: SocketAddr = desk.address();
    let stopping = tokio::spawn(desk.telephony.clone().stop());
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    stopping.await.expect("it stops");
    let silent = async {
        while desk.mixer.counters().legs > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::desk::SOON, silent).await.expect("its port is given back");
    let free = async {
        while std::net::TcpListener::bind(address).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::desk::SOON, free).await.expect("the port is free");
}
