//! Calls from the city's PBX, until they are answered or not.

use bangban_domain::call::Cause;
use bangban_telephony::{Event, Order, Refusal};

use crate::{
    desk::{Desk, number},
    peer::{Peer, sdp},
};

async fn trunk(desk: &Desk) -> Peer {
    Peer::new("127.0.0.2", desk.address()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_put_to_the_server_answered_and_hung_up_by_either_side() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = trunk(&desk).await;
    for is_ours in [true, false] {
        let leg = desk.leg();
        let more = "P-Asserted-Identity: <tel:+86-21-5432-1000>\r\nUser-to-User: 47442d31;encoding=hex\r\n";
        let mut dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), more).await;
        peer.status(100).await;
        let invite = desk
            .event("an invitation", |event| match event {
                Event::Invited { invite, called, caller, ticket, trunk } => {
                    assert_eq!((called, caller), (&number("12345"), &Some(number("+862154321000"))));
                    assert_eq!((ticket.as_deref(), trunk.as_str()), (Some("GD-1"), "city"));
                    Some(*invite)
                }
                _ => None,
            })
            .await;
        desk.order(Order::Take { invite, leg });
        peer.status(180).await;
        desk.order(Order::Accept(leg));
        let ok = peer.answered(&mut dialog).await;
        assert!(ok.body.contains("m=audio ") && ok.body.contains("RTP/AVP 8 101"), "{}", ok.body);
        assert!(ok.get("Allow").contains("UPDATE") && ok.get("User-Agent") == "Bangban");
        if is_ours {
            desk.order(Order::HangUp(leg));
            let bye = peer.request("BYE").await;
            peer.answer(&bye, "200 OK", "", "").await;
        } else {
            peer.within(&mut dialog, "BYE", "", "").await;
            peer.status_in(200, "BYE", &dialog).await;
            desk.expect(Event::HungUp(leg)).await;
        }
    }
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticket_comes_by_our_own_header_and_who_hides_is_not_shown() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = trunk(&desk).await;
    let more = "X-Ticket: GD-2026/7\r\nPrivacy: id\r\nP-Asserted-Identity: <sip:02154321000@pbx>\r\n";
    let dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), more).await;
    let (invite, caller, ticket) = desk
        .event("an invitation", |event| match event {
            Event::Invited { invite, caller, ticket, .. } => Some((*invite, caller.clone(), ticket.clone())),
            _ => None,
        })
        .await;
    assert_eq!((caller, ticket.as_deref()), (None, Some("GD-2026/7")));
    desk.order(Order::Refuse { invite, because: Refusal::Busy });
    peer.status_in(486, "INVITE", &dialog).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_has_its_status_and_503_says_when_to_come_back() {
    let mut desk = Desk::start(|config| config.timing.decision = std::time::Duration::from_millis(200)).await;
    let mut peer = trunk(&desk).await;
    for (because, status) in [
        (Some(Refusal::Busy), 486),
        (Some(Refusal::Forbidden), 403),
        (Some(Refusal::NoSuchNumber), 404),
        (Some(Refusal::Full { retry_after: 17 }), 503),
        (None, 503),
    ] {
        let dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
        let invite = desk.invited().await;
        if let Some(because) = because {
            desk.order(Order::Refuse { invite, because });
        }
        let refusal = peer.status_in(status, "INVITE", &dialog).await;
        peer.ack_refusal(&dialog, &refusal).await;
        if status == 503 {
            let wanted = if because.is_some() { "17" } else { "5" };
            assert_eq!(refusal.get("Retry-After"), wanted);
        }
        if because.is_none() {
            // Too late: whoever takes it hears that it is over.
            let leg = desk.leg();
            desk.order(Order::Take { invite, leg });
            desk.expect(Event::HungUp(leg)).await;
        }
    }
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_agreed_never_reaches_the_server() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = trunk(&desk).await;
    let good = sdp(peer.at, "sendrecv");
    for (called, body, more, status) in [
        ("nobody", good.as_str(), "", 404),
        ("12345", "hello", "", 488),
        ("12345", &good.replace("RTP/AVP 8 101", "RTP/AVP 18"), "", 488),
        ("12345", &good.replace("RTP/AVP", "RTP/SAVP"), "", 488),
        ("12345", &good.replace("IP4 127.0.0.2", "IP6 ::1"), "", 488),
        ("12345", "x", "Content-Type: text/plain\r\n", 415),
        ("12345", &good, "Require: timer, sec-agree\r\n", 420),
        ("12345", &good, "Supported: timer\r\nSession-Expires: 89\r\n", 422),
    ] {
        let dialog = peer.invite(called, body, more).await;
        let refusal = peer.status_in(status, "INVITE", &dialog).await;
        peer.ack_refusal(&dialog, &refusal).await;
        match status {
            415 => assert_eq!(refusal.get("Accept"), "application/sdp"),
            420 => assert_eq!(refusal.get("Unsupported"), "sec-agree"),
            422 => assert_eq!(refusal.get("Min-SE"), "90"),
            _ => {}
        }
    }
    assert_eq!(desk.telephony.counters().refused, 8);
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_give_up_before_the_decision_while_it_rings_and_too_late() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = trunk(&desk).await;
    // Before: whoever takes it hears that it is over.
    let dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    peer.cancel(&dialog).await;
    peer.status_of(200, "CANCEL").await;
    let gone = peer.status_in(487, "INVITE", &dialog).await;
    peer.ack_refusal(&dialog, &gone).await;
    desk.order(Order::Take { invite, leg });
    desk.expect(Event::HungUp(leg)).await;

    // While it rings.
    let dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    peer.status(180).await;
    peer.cancel(&dialog).await;
    peer.status_of(200, "CANCEL").await;
    let gone = peer.status_in(487, "INVITE", &dialog).await;
    peer.ack_refusal(&dialog, &gone).await;
    desk.expect(Event::HungUp(leg)).await;
    // An order that crosses it does nothing.
    desk.order(Order::Accept(leg));

    // Too late: the call stands until it is hung up.
    let mut dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Accept(leg));
    let ok = peer.status_in(200, "INVITE", &dialog).await;
    peer.cancel(&dialog).await;
    peer.status_of(200, "CANCEL").await;
    dialog.learn(&ok);
    peer.ack(&dialog, "").await;
    peer.within(&mut dialog, "BYE", "", "").await;
    peer.status_in(200, "BYE", &dialog).await;
    desk.expect(Event::HungUp(leg)).await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_may_end_it_while_it_rings_and_before_the_ack() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = trunk(&desk).await;
    let dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Cancel { leg, because: Cause::Cancelled });
    let refusal = peer.status_in(480, "INVITE", &dialog).await;
    peer.ack_refusal(&dialog, &refusal).await;

    // No BYE before the ACK (RFC 3261, section 15).
    let mut dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Accept(leg));
    let ok = peer.status_in(200, "INVITE", &dialog).await;
    desk.order(Order::HangUp(leg));
    peer.has_nothing(|message| message.method() == Some("BYE")).await;
    dialog.learn(&ok);
    peer.ack(&dialog, "").await;
    let bye = peer.request("BYE").await;
    peer.answer(&bye, "200 OK", "", "").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_never_acknowledged_is_sent_again_and_the_call_ends_by_64_t1() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = trunk(&desk).await;
    let dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Accept(leg));
    for _ in 0..3 {
        peer.status_in(200, "INVITE", &dialog).await;
    }
    desk.expect(Event::MediaLost(leg)).await;
    peer.request("BYE").await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_without_offer_is_answered_with_ours_and_their_answer_comes_in_the_ack() {
    let mut desk = Desk::start(|_| {}).await;
    let mut peer = trunk(&desk).await;
    for (answer, is_good) in [(sdp(peer.at, "sendonly"), true), (String::new(), false)] {
        let mut dialog = peer.invite("12345", "", "").await;
        let (invite, leg) = (desk.invited().await, desk.leg());
        desk.order(Order::Take { invite, leg });
        desk.order(Order::Accept(leg));
        let ok = peer.status_in(200, "INVITE", &dialog).await;
        assert!(ok.body.contains("RTP/AVP 8 0 101"), "{}", ok.body);
        dialog.learn(&ok);
        peer.ack(&dialog, &answer).await;
        if is_good {
            desk.expect(Event::PeerHeld(leg, true)).await;
            peer.within(&mut dialog, "BYE", "", "").await;
        } else {
            let bye = peer.request("BYE").await;
            peer.answer(&bye, "200 OK", "", "").await;
        }
        desk.expect(Event::HungUp(leg)).await;
    }
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_may_be_and_those_of_a_node_that_drains_find_503() {
    let mut desk = Desk::start(|config| config.limits.calls = 1).await;
    let mut peer = trunk(&desk).await;
    let mut first = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Accept(leg));
    peer.answered(&mut first).await;
    let second = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let full = peer.status_in(503, "INVITE", &second).await;
    assert_eq!(full.get("Retry-After"), "5");
    peer.ack_refusal(&second, &full).await;
    // The one that stands is not touched, and a drained node keeps it too.
    desk.telephony.drain();
    peer.within(&mut first, "BYE", "", "").await;
    peer.status_in(200, "BYE", &first).await;
    desk.expect(Event::HungUp(leg)).await;
    let third = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
    let full = peer.status_in(503, "INVITE", &third).await;
    peer.ack_refusal(&third, &full).await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_given_back_and_without_one_a_call_finds_503() {
    let port = bangban_phones::free_port();
    let mut desk = Desk::with_ports(port..=port + 1, |_| {}).await;
    let mut peer = trunk(&desk).await;
    let mut answered = 0;
    let twice = async {
        while answered < 2 {
            let mut dialog = peer.invite("12345", &sdp(peer.at, "sendrecv"), "").await;
            let (invite, leg) = (desk.invited().await, desk.leg());
            desk.order(Order::Take { invite, leg });
            desk.order(Order::Accept(leg));
            let is_final = |message: &crate::peer::Message| {
                dialog.has(message) && message.status().is_some_and(|status| status >= 200)
            };
            let answer = peer.message("an answer", is_final).await;
            if answer.status() == Some(503) {
                // Only while the port of the first call rests (2 s).
                assert_eq!(answered, 1);
                peer.ack_refusal(&dialog, &answer).await;
                desk.expect(Event::HungUp(leg)).await;
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
            assert_eq!(answer.status(), Some(200));
            answered += 1;
            dialog.learn(&answer);
            peer.ack(&dialog, "").await;
            peer.within(&mut dialog, "BYE", "", "").await;
            peer.status_in(200, "BYE", &dialog).await;
            desk.expect(Event::HungUp(leg)).await;
        }
    };
    tokio::time::timeout(crate::desk::SOON, twice).await.expect("the port is given back");
    desk.is_empty().await;
}
