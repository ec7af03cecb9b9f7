//! Packets are lost on the way, and come nevertheless; and it is said on whose way they were lost.

use bangban_domain::window::{Medium, Purpose, Seat};
use bangban_protocol::{Command, QualityLight};
use bangban_tests::{Rows, Way};
use serde_json::Value;

use crate::{
    page::{Page, assert_whole, until},
    scene::{Scene, counted, server},
};

/// Lost on each way: one of so many packets of every stream, repeats too.
const EACH: u32 = 12;
/// So many have to be lost before it is over.
const LOST: usize = 20;
/// A loss that disturbs: a fifth.
const MANY: u32 = 5;

#[tokio::test]
async fn what_is_lost_on_either_way_is_asked_for_again_and_comes() {
    let server = server().await;
    let mut scene = Scene::open(&server).await;
    let window = scene.ask().await;
    scene.agree(window, &[Purpose::Window, Purpose::Screen]).await;
    let ([mut citizen, mut agent], _) = scene.sit_by_links(window).await;
    citizen.publish(Medium::Screen, true).await;
    let they = citizen.participant;
    let received = |page: &Page| page.received(they, Medium::Screen).len();
    until(&mut [&mut citizen, &mut agent], "a screen", |pages| received(pages[1]) >= 30).await;

    // The screen's own stream on each way, and what of it is lost.
    let streams = [citizen.browser.stream(Medium::Screen), agent.stream_of(they, Medium::Screen).unwrap()];
    let lost = |page: &Page, way: Way| {
        let all = page.link().lost(way);
        let own = streams[way as usize];
        all.into_iter().filter(move |(stream, _)| *stream == own).map(|(_, number)| number)
    };
    for (n, way) in [Way::ToServer, Way::ToClient].into_iter().enumerate() {
        let link = if way == Way::ToServer { citizen.link() } else { agent.link() };
        link.lose(way, EACH);
        until(&mut [&mut citizen, &mut agent], "losses", |pages| lost(pages[n], way).count() >= LOST).await;
        citizen.link().pass();
        agent.link().pass();
    }
    let so_far = citizen.browser.sent(Medium::Screen).len();
    // A gap is seen by what comes after it, and repaired a round trip later.
    until(&mut [&mut citizen, &mut agent], "repairs", |pages| {
        let came = pages[1].received(they, Medium::Screen);
        let numbers = came.first().zip(came.last()).map(|(first, last)| last.number - first.number + 1);
        numbers == Some(came.len() as u64) && came.len() >= so_far
    })
    .await;
    let came = agent.received(they, Medium::Screen);
    assert_whole(&came, citizen.browser.sent(Medium::Screen), Medium::Screen);
    // Between the first and the last none is missing, so all that was lost has come by a repeat: on the way to the
    // viewer under its own number.
    for number in lost(&agent, Way::ToClient) {
        assert!(came.iter().any(|packet| packet.number & 0xffff == u64::from(number)), "{number}");
    }
    assert_eq!(counted(&server, "failed").await, 0);
}

#[tokio::test]
async fn a_way_that_loses_much_is_shown_and_kept_as_that_seats_and_nobody_elses() {
    let server = server().await;
    let mut scene = Scene::open(&server).await;
    let window = scene.ask().await;
    scene.agree(window, &[Purpose::Window, Purpose::Screen]).await;
    let ([mut citizen, mut agent], _) = scene.sit_by_links(window).await;
    citizen.publish(Medium::Screen, true).await;
    let they = citizen.participant;
    citizen.link().lose(Way::ToServer, MANY);
    let light =
        |page: &Page, seat: Seat| page.view.seats.iter().find(|one| one.seat == seat).and_then(|one| one.quality);
    until(&mut [&mut citizen, &mut agent], "two lights", |pages| {
        let is_shown = |page: &Page| light(page, Seat::Citizen) == Some(QualityLight::Poor);
        is_shown(pages[0]) && is_shown(pages[1]) && light(pages[1], Seat::Agent).is_some()
    })
    .await;
    assert_eq!(light(&agent, Seat::Agent), Some(QualityLight::Good), "nothing is lost on their way");
    assert!(!agent.received(they, Medium::Screen).is_empty(), "it is seen nevertheless");

    agent.client.ok(Command::EndWindow { window }).await;
    let quality = Rows::of(&server.database.url()).await.window_quality(window).await;
    let worst = |seat: &str, direction: &str| {
        let seats = quality["seats"].as_array().unwrap();
        let seat = seats.iter().find(|one| one["seat"] == seat).unwrap_or_else(|| panic!("no {seat}: {quality}"));
        let is_that = |leg: &&Value| leg["direction"] == direction && leg["medium"] == "screen";
        let leg = seat["legs"].as_array().unwrap().iter().find(is_that);
        let leg = leg.unwrap_or_else(|| panic!("{seat} {direction} nothing: {quality}"));
        (leg["worstLoss"].as_f64().unwrap_or_default(), leg["repeats"].as_u64().unwrap())
    };
    let ((sent, repeats), (seen, _)) = (worst("citizen", "sends"), worst("agent", "receives"));
    assert!((0.1..0.4).contains(&sent) && repeats > 0, "a fifth, and they were asked for again: {quality}");
    assert!(seen < 0.1, "{quality}");
}
