//! With telephones that others have written.

use std::{net::SocketAddr, time::Duration};

use bangban_domain::call::{Cause, Ear, Failure, LegId, Sound};
use bangban_phones::{Baresip, Sipp, last_second, level};
use bangban_telephony::{Config, Event, Order, Target, Trunk};

use crate::desk::{Desk, number};

/// Trunk and telephones are on this machine.
fn here(config: &mut Config) {
    let net = "127.0.0.1/32".parse().expect("a network");
    config.trunks = vec![Trunk::new("city", "127.0.0.1:5999".parse().expect("an address"))];
    config.trunks[0].sources = vec![net];
    config.phones = vec![net];
    // What is asked of their side too: half a second, as the RFC has it.
    config.timing.t1 = Duration::from_millis(500);
    config.timing.ping = Duration::from_secs(3600);
}

async fn takes(desk: &mut Desk) -> LegId {
    let (invite, leg) = (desk.invited().await, desk.leg());
    desk.order(Order::Take { invite, leg });
    desk.order(Order::Accept(leg));
    leg
}

fn all_hear_each_other(desk: &Desk, legs: &[LegId]) {
    let ear = |leg: &LegId| {
        let hears = legs.iter().filter(|other| *other != leg).copied().collect();
        Ear { leg: *leg, hears, sound: Sound::Silence }
    };
    desk.mixer.set_mix(desk.call(), legs.iter().map(ear).collect());
}

/// Nothing of a call is left; dialogs of telephones that vanished last 32 s.
async fn is_over(desk: &Desk) {
    let over = async {
        while desk.telephony.counters().calls > 0 || desk.mixer.counters().legs > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::desk::SOON, over).await.expect("calls end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_telephones_hear_exactly_the_others() {
    let mut desk = Desk::start(here).await;
    let local = "127.0.0.1:{port};transport=udp>;regint=0;answermode=auto";
    let phones = [
        Baresip::start("a", Some(440.0), "PCMA", local).await,
        Baresip::start("b", Some(800.0), "PCMU", local).await,
        Baresip::start("c", None, "PCMA", local).await,
    ];
    let mut legs = Vec::new();
    for phone in &phones {
        phone.command("dial", &format!("sip:12345@{}", desk.address())).await;
        legs.push(takes(&mut desk).await);
    }
    all_hear_each_other(&desk, &legs);
    tokio::time::sleep(Duration::from_secs(3)).await;
    for leg in legs {
        desk.order(Order::HangUp(leg));
    }
    is_over(&desk).await;
    let [a, b, c] = phones.map(|phone| {
        let heard = phone.heard();
        let second = last_second(&heard);
        (level(second, 440.0), level(second, 800.0))
    });
    let (there, not_there) = (-15.0, -60.0);
    assert!(a.1 >= there && a.0 <= not_there, "a hears 440 at {:.1} and 800 at {:.1} dBFS", a.0, a.1);
    assert!(b.0 >= there && b.1 <= not_there, "b hears 440 at {:.1} and 800 at {:.1} dBFS", b.0, b.1);
    assert!(c.0 >= there && c.1 >= there, "c hears 440 at {:.1} and 800 at {:.1} dBFS", c.0, c.1);
    assert_eq!(desk.others(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_registers_by_udp_and_tcp_and_is_rung_there() {
    let mut desk = Desk::start(here).await;
    for (user, transport) in [("8001", "udp"), ("8002", "tcp")] {
        let account =
            format!("{};transport={transport}>;auth_pass=secret-{user};regint=60;answermode=auto", desk.address());
        let phone = Baresip::start(user, Some(440.0), "PCMA", &account).await;
        desk.expect(Event::Registered(user.to_owned())).await;
        let leg = desk.leg();
        desk.order(Order::Ring { leg, target: Target::Phone(user.to_owned()), caller: None, ticket: None });
        desk.expect(Event::Answered(leg)).await;
        desk.order(Order::HangUp(leg));
        is_over(&desk).await;
        drop(phone);
        // A connection that closes takes its registration along; by UDP it lasts to its end.
        if transport == "tcp" {
            desk.expect(Event::Unregistered(user.to_owned())).await;
        }
    }
    let wrong = format!("{};transport=udp>;auth_pass=wrong;regint=60;answermode=auto", desk.address());
    let _wrong = Baresip::start("8003", None, "PCMA", &wrong).await;
    let refused = async {
        while desk.telephony.counters().wrong_passwords == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::desk::SOON, refused).await.expect("it is refused");
    assert_eq!(desk.telephony.counters().registrations, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_holds_goes_on_transfers_and_hangs_up() {
    let mut desk = Desk::start(here).await;
    let phone = Baresip::start("a", None, "PCMA", "127.0.0.1:{port};transport=udp>;regint=0;answermode=auto").await;
    phone.command("dial", &format!("sip:12345@{}", desk.address())).await;
    let leg = takes(&mut desk).await;
    // It is told that we have answered before it can hold.
    tokio::time::sleep(Duration::from_millis(300)).await;
    phone.command("hold", "").await;
    desk.expect(Event::PeerHeld(leg, true)).await;
    phone.command("resume", "").await;
    desk.expect(Event::PeerHeld(leg, false)).await;
    phone.command("transfer", &format!("sip:62345678@{}", desk.address())).await;
    // baresip holds before it transfers.
    let to = desk
        .event("a transfer", |event| match event {
            Event::Referred { to, .. } => Some(to.as_str().to_owned()),
            _ => None,
        })
        .await;
    assert_eq!(to, "62345678");
    phone.command("hangup", "").await;
    desk.expect(Event::HungUp(leg)).await;
    is_over(&desk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_that_dies_is_noticed_by_the_session_timer() {
    let mut desk = Desk::start(|config| {
        here(config);
        config.timing.t1 = Duration::from_millis(25);
        config.timing.session = Duration::from_secs(3);
        config.timing.session_least = Duration::from_secs(1);
    })
    .await;
    let mut phone = Baresip::start("a", None, "PCMA", "127.0.0.1:{port};transport=udp>;regint=0;answermode=auto").await;
    phone.command("dial", &format!("sip:12345@{}", desk.address())).await;
    let leg = takes(&mut desk).await;
    // It lives, asked for it once: it knows no session timers.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(desk.others(), []);
    phone.kill();
    desk.expect(Event::MediaLost(leg)).await;
    is_over(&desk).await;
    desk.is_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_silent_and_dead_numbers_are_hunted_through() {
    let to: SocketAddr = "127.0.0.1:5999".parse().expect("an address");
    let (busy, no_answer) = (
        Sipp::start("busy", None, &["-m", "2"]).listens().await,
        Sipp::start("no_answer", None, &["-m", "2"]).listens().await,
    );
    // One after the other, each by a trunk of its own.
    for (sipp, expected) in [(Some(busy), Some(Failure::Busy)), (Some(no_answer), None), (None, None)] {
        let at = sipp.as_ref().map_or(to, |sipp| sipp.at);
        let mut desk = Desk::start(|config| {
            here(config);
            config.trunks = vec![Trunk::new("city", at)];
        })
        .await;
        let leg = desk.leg();
        desk.order(Order::Ring { leg, target: Target::Number(number("62345678")), caller: None, ticket: None });
        match (expected, &sipp) {
            (Some(failure), _) => desk.expect(Event::Failed(leg, failure)).await,
            (None, Some(_)) => {
                desk.expect(Event::Ringing(leg)).await;
                desk.order(Order::Cancel { leg, because: Cause::NoAnswer });
            }
            (None, None) => desk.order(Order::Cancel { leg, because: Cause::NoProgress }),
        }
        if let Some(sipp) = sipp {
            sipp.went_well().await;
        }
        is_over(&desk).await;
        let others = desk.others();
        assert!(others.iter().all(|event| matches!(event, Event::Trunk { .. })), "{others:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls_of_sipp_leave_nothing() {
    // By hand with more: BANGBAN_SIPP=3200,400.
    let wish = std::env::var("BANGBAN_SIPP").unwrap_or_else(|_| "200,50".to_owned());
    let (count, rate) = wish.split_once(',').expect("calls,rate");
    let calls: u64 = count.parse().expect("a number of calls");
    let is_by_hand = std::env::var_os("BANGBAN_SIPP").is_some();
    let mut desk = Desk::start(|config| {
        here(config);
        if is_by_hand {
            // A machine that falls behind gets what was sent in a second at once, and that is more than may come in a second.
            config.limits.calls = 5_000;
            config.limits.calls_per_second = 5_000;
        } else {
            config.timing.t1 = Duration::from_millis(100);
        }
    })
    .await;
    let sipp = Sipp::start("caller", Some(desk.address()), &["-m", count, "-r", rate, "-l", "5000"]);
    let mut hung_up = 0;
    for _ in 0..calls {
        takes(&mut desk).await;
    }
    while hung_up < calls {
        desk.event("somebody hangs up", |event| matches!(event, Event::HungUp(_)).then_some(())).await;
        hung_up += 1;
    }
    sipp.went_well().await;
    assert_eq!(desk.others(), []);
    desk.is_empty().await;
    let counters = desk.telephony.counters();
    assert_eq!((counters.invited, counters.answered, counters.refused), (calls, calls, 0));
}
