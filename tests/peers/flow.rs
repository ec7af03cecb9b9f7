//! What is published comes to the others whole, from a key frame on, and stays with its participant.

use bangban_domain::window::{EndedBecause, Medium, Purpose, Seat};
use bangban_protocol::{Command, ErrorCode, EventBody, MediaLink, ThreadBody, WindowState};
use bytes::Bytes;

use crate::{
    browser::Packet,
    page::{Page, assert_true, assert_whole, until, until_connected},
    picture::begins_key_frame,
    scene::{Live, Scene, counted, server},
};

/// So many packets of each medium are enough to know.
const SOME: usize = 60;

#[tokio::test]
async fn picture_and_voice_come_whole_also_to_who_comes_late_and_end_with_who_leaves() {
    let mut live = Scene::live().await;
    let [they, clerk] = live.ids();
    for medium in [Medium::Voice, Medium::Camera, Medium::Screen] {
        live.citizen.publish(medium, true).await;
    }
    live.agent.publish(Medium::Voice, true).await;
    let Live { server, citizen, agent, .. } = &mut live;
    until(&mut [citizen, agent], "three media", |pages| {
        let all = [Medium::Voice, Medium::Camera, Medium::Screen];
        all.iter().all(|medium| pages[1].received(they, *medium).len() >= SOME)
            && pages[0].received(clerk, Medium::Voice).len() >= SOME
    })
    .await;
    for medium in [Medium::Voice, Medium::Camera, Medium::Screen] {
        assert_whole(&agent.received(they, medium), citizen.browser.sent(medium), medium);
    }
    assert_whole(&citizen.received(clerk, Medium::Voice), agent.browser.sent(Medium::Voice), Medium::Voice);
    assert_eq!((agent.view.state, agent.links.as_slice()), (WindowState::Live, &[MediaLink::Up][..]));

    let asked = counted(server, "key_frames_asked").await;
    let mut late = live.second_clerk().await;
    late.publish(Medium::Voice, true).await;
    let who = late.participant;
    let (citizen, agent) = (&mut live.citizen, &mut live.agent);
    until(&mut [citizen, agent, &mut late], "the late one sees", |pages| {
        [Medium::Camera, Medium::Screen].iter().all(|medium| pages[2].received(they, *medium).len() >= SOME)
            && pages[2].received(clerk, Medium::Voice).len() >= SOME
            && pages[1].received(who, Medium::Voice).len() >= SOME
    })
    .await;
    for medium in [Medium::Camera, Medium::Screen] {
        let began = assert_whole(&late.received(they, medium), citizen.browser.sent(medium), medium);
        assert!(began > SOME, "from the middle of what was sent: {began}");
    }
    // Nobody shows a key frame by itself: it was asked for, once for each picture.
    let asked_since = counted(&live.server, "key_frames_asked").await - asked;
    assert!((2..=12).contains(&asked_since), "{asked_since}");

    let window = live.window;
    late.client.ok(Command::LeaveWindow { window }).await;
    let (citizen, agent) = (&mut live.citizen, &mut live.agent);
    until(&mut [citizen, agent], "their legs end", |pages| {
        pages.iter().all(|page| page.receives().iter().all(|(from, _)| *from != who))
    })
    .await;
    assert_eq!(live.agent.receives().len(), 3, "the others' stay");
    assert_eq!(live.agent.view.seats.len(), 2);
    assert_eq!(counted(&live.server, "peers").await, 2);
    let before = live.agent.received(they, Medium::Screen).len();
    let (citizen, agent) = (&mut live.citizen, &mut live.agent);
    until(&mut [citizen, agent], "it goes on", |pages| pages[1].received(they, Medium::Screen).len() >= before + SOME)
        .await;
    assert_whole(&agent.received(they, Medium::Screen), citizen.browser.sent(Medium::Screen), Medium::Screen);
    assert_eq!(counted(&live.server, "panics").await, 0);
}

#[tokio::test]
async fn a_page_that_is_loaded_anew_keeps_seat_and_participant_and_the_others_go_on() {
    let mut live = Scene::live().await;
    let [they, _] = live.ids();
    live.citizen.publish(Medium::Screen, true).await;
    let Live { server, window, citizen, agent } = &mut live;
    let enough = |page: &Page| page.received(they, Medium::Screen).len() >= SOME;
    until(&mut [citizen, agent], "a screen", |pages| enough(pages[1])).await;
    assert_whole(&agent.received(they, Medium::Screen), citizen.browser.sent(Medium::Screen), Medium::Screen);
    let (offers, last) = (agent.offers, agent.received(they, Medium::Screen).last().unwrap().clone());

    let token = server.citizen_token("demo-citizen-1").await;
    let again = bangban_tests::Client::connect(server.address, &token).await;
    let again = Page::sit(again, *window, Seat::Citizen).await;
    let old = std::mem::replace(citizen, again);
    old.close().await;
    assert_eq!((citizen.is_resumed, citizen.participant), (true, they));
    until_connected(&mut [citizen, agent]).await;
    citizen.sends.push(Medium::Screen);
    let from = agent.received(they, Medium::Screen).len();
    until(&mut [citizen, agent], "the new page's screen", |pages| {
        pages[1].received(they, Medium::Screen).len() >= from + SOME
    })
    .await;
    // What was on its way from the old page may still have come.
    let received = agent.received(they, Medium::Screen);
    let sent = citizen.browser.sent(Medium::Screen);
    let is_new = |packet: &Packet| packet.number > last.number && begins_key_frame(&packet.payload);
    let new = received.iter().position(is_new).expect("the new page's first picture");
    assert_whole(&received[new..], sent, Medium::Screen);
    let jump = received[new].timestamp.wrapping_sub(received[new - 1].timestamp);
    assert!((1..90_000 * 30).contains(&jump), "time goes on as it passed: {jump}");
    assert_eq!(agent.offers, offers, "nothing had to be agreed upon anew");
    assert_eq!(counted(server, "peers").await, 2);
}

#[tokio::test]
async fn who_loses_only_the_link_to_the_server_is_seen_and_heard_all_the_time() {
    let mut live = Scene::live().await;
    let [they, clerk] = live.ids();
    live.citizen.publish(Medium::Screen, true).await;
    let Live { server, citizen, agent, .. } = &mut live;
    let is_away = |page: &Page| page.view.seats.iter().any(|seat| seat.participant == they && seat.is_away);
    until(&mut [citizen, agent], "a screen", |pages| pages[1].received(they, Medium::Screen).len() >= SOME).await;
    citizen.client = server.citizen("demo-citizen-1").await;
    until(&mut [citizen, agent], "the link is lost", |pages| is_away(pages[1])).await;
    let from = agent.received(they, Medium::Screen).len();
    until(&mut [citizen, agent], "a screen without a link", |pages| {
        pages[1].received(they, Medium::Screen).len() >= from + SOME
    })
    .await;
    citizen.sit_again(Seat::Citizen).await;
    assert_eq!((citizen.is_resumed, citizen.participant), (true, they));
    // What is offered from now on comes by the new link.
    agent.publish(Medium::Voice, true).await;
    until(&mut [citizen, agent], "a voice, and nobody away", |pages| {
        pages[0].received(clerk, Medium::Voice).len() >= SOME && !is_away(pages[1])
    })
    .await;
    assert_whole(&agent.received(they, Medium::Screen), citizen.browser.sent(Medium::Screen), Medium::Screen);
    assert_whole(&citizen.received(clerk, Medium::Voice), agent.browser.sent(Medium::Voice), Medium::Voice);
    assert_eq!((counted(server, "peers").await, counted(server, "failed").await), (2, 0));
}

#[tokio::test]
async fn after_a_change_of_network_ice_begins_anew_on_the_connection_that_there_is() {
    let server = server().await;
    let mut scene = Scene::open(&server).await;
    let window = scene.ask().await;
    scene.agree(window, &[Purpose::Window]).await;
    let ([mut citizen, mut agent], answer) = scene.sit_by_links(window).await;
    let mut names = vec![ice_name(&answer)];
    citizen.publish(Medium::Camera, true).await;
    agent.publish(Medium::Voice, true).await;
    let [they, clerk] = [citizen.participant, agent.participant];
    for turn in 0..3 {
        if turn > 0 {
            names.push(ice_name(&citizen.change_network().await));
        }
        // Only by the way that there is now can anything of now come, either way.
        let marks = (citizen.browser.sent(Medium::Camera).len(), agent.browser.sent(Medium::Voice).len());
        until(&mut [&mut citizen, &mut agent], "both see and hear each other", |pages| {
            let seen = pages[1].received(they, Medium::Camera);
            let heard = pages[0].received(clerk, Medium::Voice);
            is_of_now(&seen, pages[0].browser.sent(Medium::Camera), marks.0)
                && is_of_now(&heard, pages[1].browser.sent(Medium::Voice), marks.1)
        })
        .await;
    }
    names.dedup();
    assert_eq!(names.len(), 3, "a new name each time: {names:?}");
    // On the way that went some were lost; whatever came is in its place.
    assert_true(&agent.received(they, Medium::Camera), citizen.browser.sent(Medium::Camera), Medium::Camera);
    assert_true(&citizen.received(clerk, Medium::Voice), agent.browser.sent(Medium::Voice), Medium::Voice);
    assert_eq!((citizen.links.as_slice(), citizen.offers), (&[MediaLink::Up][..], 1), "it was never away");
    assert_eq!((counted(&server, "peers").await, counted(&server, "failed").await), (2, 0));
}

/// Is the newest that has come one of those that were sent well after the mark?
fn is_of_now(received: &[Packet], sent: &[Bytes], mark: usize) -> bool {
    received.last().is_some_and(|last| sent[mark..].iter().skip(SOME / 2).any(|one| *one == last.payload))
}

fn ice_name(sdp: &str) -> String {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().to_owned()
}

#[tokio::test]
async fn without_consent_not_one_packet_flows() {
    let server = server().await;
    let mut scene = Scene::open(&server).await;
    let window = scene.ask().await;
    // Neither side gets in while the citizen has not agreed.
    for (client, seat) in [(&mut scene.citizen, Seat::Citizen), (&mut scene.agent, Seat::Agent)] {
        let refused = client.refused(Command::TakeSeat { window, seat }).await;
        assert_eq!(refused.code, ErrorCode::InvalidStage);
    }
    scene.citizen.ok(Command::AnswerWindow { window, accepts: false }).await;
    let (_, thread) = scene.citizen.join(scene.conversation, None).await;
    let ended = thread.iter().any(|entry| {
        matches!(entry.body, ThreadBody::WindowEnded { because: EndedBecause::Declined, live_seconds: 0, .. })
    });
    assert!(ended, "{thread:?}");
    for what in ["peers", "windows", "forwarded"] {
        assert_eq!(counted(&server, what).await, 0, "{what}");
    }

    // Agreed to the window only: a page that sends its screen nevertheless shows it to nobody.
    let window = scene.ask().await;
    scene.agree(window, &[Purpose::Window]).await;
    let [mut citizen, mut agent] = scene.sit(window).await;
    let screen = Command::Publish { window, medium: Medium::Screen, on: true };
    let refused = citizen.client.refused(screen).await;
    assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::Forbidden, Some("purpose")));
    citizen.sends = vec![Medium::Screen, Medium::Voice];
    let mut looked = 0;
    until(&mut [&mut citizen, &mut agent], "packets that go nowhere", |pages| {
        looked += 1;
        pages[0].browser.sent(Medium::Screen).len() >= 2 * SOME && looked > SOME
    })
    .await;
    assert!(counted(&server, "withheld").await >= SOME as u64, "they came");
    assert_eq!((counted(&server, "forwarded").await, agent.browser.received_at_all()), (0, 0));

    // And what was agreed to ends with the consent.
    citizen.publish(Medium::Voice, true).await;
    let they = citizen.participant;
    until(&mut [&mut citizen, &mut agent], "a voice", |pages| pages[1].received(they, Medium::Voice).len() >= SOME)
        .await;
    let withdraw = Command::WithdrawConsent { window, purpose: Purpose::Window };
    citizen.client.ok(withdraw).await;
    let forwarded = counted(&server, "forwarded").await;
    let over = agent.client.event("the end", |event| match &event.body {
        EventBody::Window { view } => view.ended_because,
        _ => None,
    });
    assert_eq!(over.await, EndedBecause::ConsentWithdrawn);
    for _ in 0..SOME {
        citizen.browser.send(Medium::Voice).await;
    }
    for (what, expected) in [("peers", 0), ("windows", 0), ("forwarded", forwarded)] {
        assert_eq!(counted(&server, what).await, expected, "{what}");
    }
}
