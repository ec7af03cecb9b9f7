//! What the other side says within a call, and how it is noticed that it says nothing any more.

use std::time::Duration;

use bangban_domain::call::LegId;
use bangban_telephony::{Config, Event, Order};

use crate::{
    desk::Desk,
    peer::{Dialog, Message, Peer, sdp},
};

/// A call that stands, taken with these headers in its INVITE.
async fn call(change: impl FnOnce(&mut Config), more: &str) -> (Desk, Peer, Dialog, LegId, Message) {
    let mut desk = Desk::start(change).await;
    let mut peer = Peer::new("127.0.0.2", desk.address()).await;
    let mut dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), more).await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Accept(leg));
    let ok = peer.answered(&mut dialog).await;
    (desk, peer, dialog, leg, ok)
}

async fn hang_up(desk: &mut Desk, peer: &mut Peer, leg: LegId) {
    desk.order(Order::HangUp(leg));
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_are_told_and_answered_with_their_other_side() {
    let (mut desk, mut peer, mut dialog, leg, _) = call(|_| {}, "").await;
    let held = sdp(peer.at, "sendrecv").replace("c=IN IP4 127.0.0.2", "c=IN IP4 0.0.0.0");
    for (body, answer, is_held, is_news) in [
        (sdp(peer.at, "sendonly"), "a=recvonly", true, true),
        (sdp(peer.at, "sendrecv"), "a=sendrecv", false, true),
        (sdp(peer.at, "inactive"), "a=inactive", true, true),
        (held, "a=recvonly", true, false),
        (sdp(peer.at, "sendrecv"), "a=sendrecv", false, true),
    ] {
        peer.within(&mut dialog, "INVITE", &body, "").await;
        let ok = peer.status_in(200, "INVITE", &dialog).await;
        assert!(ok.body.contains(answer), "{answer}: {}", ok.body);
        peer.ack(&dialog, "").await;
        if is_news {
            desk.expect(Event::PeerHeld(leg, is_held)).await;
        }
    }
    // By UPDATE as well; one that cannot be agreed to changes nothing.
    peer.within(&mut dialog, "UPDATE", &sdp(peer.at, "sendonly"), "").await;
    assert!(peer.status_in(200, "UPDATE", &dialog).await.body.contains("a=recvonly"));
    desk.expect(Event::PeerHeld(leg, true)).await;
    peer.within(&mut dialog, "UPDATE", "v=0\r\n", "").await;
    peer.status_in(488, "UPDATE", &dialog).await;
    hang_up(&mut desk, &mut peer, leg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_description_has_another_version_only_when_it_is_another_one() {
    let (mut desk, mut peer, mut dialog, leg, ok) = call(|_| {}, "").await;
    let origin = |message: &Message| message.body.lines().find(|line| line.starts_with("o=")).map(str::to_owned);
    peer.within(&mut dialog, "UPDATE", &sdp(peer.at, "sendrecv"), "").await;
    let same = peer.status_in(200, "UPDATE", &dialog).await;
    assert_eq!(origin(&same), origin(&ok));
    peer.within(&mut dialog, "UPDATE", &sdp(peer.at, "sendonly"), "").await;
    let other = peer.status_in(200, "UPDATE", &dialog).await;
    assert_ne!(origin(&other), origin(&ok));
    desk.expect(Event::PeerHeld(leg, true)).await;
    // re-INVITE without offer: ours, and their answer in the ACK.
    peer.within(&mut dialog, "INVITE", "", "").await;
    let ours = peer.status_in(200, "INVITE", &dialog).await;
    assert!(ours.body.contains("RTP/AVP 8 0 101"), "{}", ours.body);
    // Until it is there, nobody else offers.
    let mut second = dialog.clone();
    peer.within(&mut second, "UPDATE", &sdp(peer.at, "sendrecv"), "").await;
    peer.status_in(491, "UPDATE", &second).await;
    peer.ack(&dialog, &sdp(peer.at, "sendrecv")).await;
    desk.expect(Event::PeerHeld(leg, false)).await;
    hang_up(&mut desk, &mut peer, leg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_by_info_life_by_options_and_what_has_no_place_in_a_call() {
    let (mut desk, mut peer, mut dialog, leg, _) = call(|_| {}, "").await;
    peer.within(&mut dialog, "INFO", "Signal=5\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay\r\n").await;
    peer.status_in(200, "INFO", &dialog).await;
    desk.expect(Event::Digit(leg, '5')).await;
    peer.within(&mut dialog, "INFO", "x", "Content-Type: text/plain\r\n").await;
    peer.status_in(415, "INFO", &dialog).await;
    peer.within(&mut dialog, "OPTIONS", "", "").await;
    let wants = |message: &Message| {
        message.status() == Some(200) && message.find("Allow").is_some() && message.get("CSeq").ends_with("OPTIONS")
    };
    peer.message("200 to OPTIONS", wants).await;
    for method in ["MESSAGE", "SUBSCRIBE"] {
        peer.within(&mut dialog, method, "hello", "Content-Type: text/plain\r\n").await;
        peer.status_in(405, method, &dialog).await;
    }
    // Of a call that never was.
    let mut other = peer.called(&Message::read(
        "INVITE sip:x SIP/2.0\r\nCall-ID: none\r\nFrom: <sip:x@y>;tag=z\r\nContact: <sip:x@y>\r\n\r\n",
    ));
    peer.within(&mut other, "BYE", "", "").await;
    peer.status_in(481, "BYE", &other).await;
    hang_up(&mut desk, &mut peer, leg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_before_a_call_is_answered_may_come_again_and_ends_nothing() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = Peer::new("127.0.0.2", desk.address()).await;
    let mut dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    let mut early = dialog.clone();
    early.learn(&peer.status(180).await);
    peer.within(&mut early, "INFO", "Signal=5\r\n", "Content-Type: application/dtmf-relay\r\n").await;
    assert_eq!(peer.status_in(500, "INFO", &early).await.get("Retry-After"), "1");
    desk.order(Order::Accept(leg));
    peer.answered(&mut dialog).await;
    hang_up(&mut desk, &mut peer, leg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_a_higher_number_is_refused_but_who_hangs_up_is_heard() {
    let (mut desk, mut peer, mut dialog, leg, _) = call(|_| {}, "").await;
    let (mut info, mut bye) = (dialog.clone(), dialog.clone());
    bye.skip_number();
    dialog.skip_number();
    dialog.skip_number();
    peer.within(&mut dialog, "OPTIONS", "", "").await;
    peer.status_in(200, "OPTIONS", &dialog).await;
    peer.within(&mut info, "INFO", "Signal=5\r\n", "Content-Type: application/dtmf-relay\r\n").await;
    peer.status_in(500, "INFO", &info).await;
    peer.within(&mut bye, "BYE", "", "").await;
    peer.status_in(200, "BYE", &bye).await;
    desk.expect(Event::HungUp(leg)).await;
    let ours = peer.request("BYE").await;
    peer.answer(&ours, "481 Call/Transaction Does Not Exist", "", "").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_is_told_tried_and_confirmed_when_the_leg_is_let_go() {
    let (mut desk, mut peer, mut dialog, leg, _) = call(|_| {}, "").await;
    let attended = "Refer-To: <sip:801@x?Replaces=1%3Bto-tag%3D2>\r\n";
    peer.within(&mut dialog, "REFER", "", attended).await;
    peer.status_in(603, "REFER", &dialog).await;
    peer.within(&mut dialog, "REFER", "", "Refer-To: <sip:801@x>\r\n").await;
    peer.status_in(202, "REFER", &dialog).await;
    let notify = peer.request("NOTIFY").await;
    assert!(notify.body.starts_with("SIP/2.0 100") && notify.get("Event") == "refer", "{}", notify.body);
    assert!(notify.get("Subscription-State").starts_with("active"));
    peer.answer(&notify, "200 OK", "", "").await;
    let to = desk
        .event("a transfer", |event| match event {
            Event::Referred { leg: of, to } if *of == leg => Some(to.as_str().to_owned()),
            _ => None,
        })
        .await;
    assert_eq!(to, "801");
    desk.order(Order::HangUp(leg));
    let notify = peer
        .message("NOTIFY 200", |message| message.method() == Some("NOTIFY") && message.body.starts_with("SIP/2.0 200"))
        .await;
    assert!(notify.get("Subscription-State").starts_with("terminated"));
    peer.answer(&notify, "200 OK", "", "").await;
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

/// Sessions of 3 s: refreshed at 1.5 s, over at 2 s.
fn short(config: &mut Config) {
    config.timing.session = Duration::from_secs(3);
    config.timing.session_least = Duration::from_secs(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_was_to_refresh_and_does_not_is_lost() {
    let (mut desk, mut peer, mut dialog, leg, ok) = call(short, "Supported: timer\r\nSession-Expires: 3\r\n").await;
    assert_eq!((ok.get("Session-Expires"), ok.get("Require")), ("3;refresher=uac", "timer"));
    // Refreshed once, it goes on.
    peer.within(&mut dialog, "UPDATE", "", "Supported: timer\r\nSession-Expires: 3;refresher=uac\r\n").await;
    let ok = peer.status_in(200, "UPDATE", &dialog).await;
    assert_eq!((ok.get("Session-Expires"), ok.body.as_str()), ("3;refresher=uac", ""));
    desk.expect(Event::MediaLost(leg)).await;
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_refresh_by_update_or_invite_and_hear_who_has_forgotten_the_call() {
    let wish = "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\nSession-Expires: 3;refresher=uas\r\n";
    let (mut desk, mut peer, _, leg, ok) = call(short, wish).await;
    assert_eq!(ok.get("Session-Expires"), "3;refresher=uas");
    let update = peer.request("UPDATE").await;
    assert_eq!((update.get("Session-Expires"), update.body.as_str()), ("3;refresher=uac", ""));
    // It does not know it after all: asked by INVITE, with the description as it was.
    peer.answer(&update, "501 Not Implemented", "", "").await;
    let invite = peer.request("INVITE").await;
    assert_eq!(invite.body, ok.body);
    peer.answer(&invite, "200 OK", &sdp(peer.at, "sendrecv"), "Session-Expires: 3;refresher=uac\r\n").await;
    peer.request("ACK").await;
    let first = invite.get("CSeq").to_owned();
    let again = peer
        .message("a second INVITE", |message| message.method() == Some("INVITE") && message.get("CSeq") != first)
        .await;
    peer.answer(&again, "481 Call/Transaction Does Not Exist", "", "").await;
    desk.expect(Event::MediaLost(leg)).await;
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "481 Call/Transaction Does Not Exist", "", "").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_knows_no_session_timers_is_asked_for_life_and_lost_when_there_is_none() {
    let (mut desk, mut peer, _, leg, ok) = call(short, "").await;
    assert_eq!((ok.find("Session-Expires"), ok.find("Require")), (None, None));
    let options = peer.request("OPTIONS").await;
    // Whatever it says, it lives.
    peer.answer(&options, "405 Method Not Allowed", "", "").await;
    let first = options.get("CSeq").to_owned();
    peer.message("a second OPTIONS", |message| message.method() == Some("OPTIONS") && message.get("CSeq") != first)
        .await;
    drop(peer);
    desk.expect(Event::MediaLost(leg)).await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}
