//! Packets are lost on the way, and come nevertheless.

use bangban_domain::window::{Medium, Purpose, Seat};
use bangban_tests::Way;

use crate::{
    page::{Page, assert_whole, until, until_connected},
    scene::{Scene, counted},
};

/// Lost on each way: one of so many packets of every stream, repeats too.
const EACH: u32 = 12;
/// So many have to be lost before it is over.
const LOST: usize = 20;

#[tokio::test]
async fn what_is_lost_on_either_way_is_asked_for_again_and_comes() {
    let mut scene = Scene::open().await;
    let window = scene.ask().await;
    scene.agree(window, &[Purpose::Window, Purpose::Screen]).await;
    let Scene { server, citizen, agent, .. } = scene;
    let mut citizen = Page::sit_down(citizen, window, Seat::Citizen).await;
    citizen.connect_by_link().await;
    let mut agent = Page::sit_down(agent, window, Seat::Agent).await;
    agent.connect_by_link().await;
    until_connected(&mut [&mut citizen, &mut agent]).await;
    citizen.publish(Medium::Screen, true).await;
    let they = citizen.participant;
    let received = |page: &Page| page.received(they, Medium::Screen).len();
    until(&mut [&mut citizen, &mut agent], "a screen", |pages| received(pages[1]) >= 30).await;

    for way in [Way::ToServer, Way::ToClient] {
        let link = if way == Way::ToServer { citizen.link() } else { agent.link() };
        link.lose(way, EACH);
        until(&mut [&mut citizen, &mut agent], "losses", |pages| {
            let link = if way == Way::ToServer { pages[0].link() } else { pages[1].link() };
            link.lost(way).len() >= LOST
        })
        .await;
        citizen.link().pass();
        agent.link().pass();
    }
    let so_far = citizen.browser.sent(Medium::Screen).len();
    // A gap is seen by what comes after it, and repaired a round trip later.
    until(&mut [&mut citizen, &mut agent], "repairs", |pages| {
        let came = pages[1].received(they, Medium::Screen);
        let numbers = came.first().zip(came.last()).map(|(first, last)| last.number - first.number + 1);
        numbers == Some(came.len() as u64) && came.len() >= so_far.saturating_sub(10)
    })
    .await;
    let came = agent.received(they, Medium::Screen);
    assert_whole(&came, citizen.browser.sent(Medium::Screen), Medium::Screen);
    // Between the first and the last none is missing, so all that was lost has come by a repeat.
    for (link, way) in [(citizen.link(), Way::ToServer), (agent.link(), Way::ToClient)] {
        assert!(link.lost(way).len() >= LOST, "{way:?}");
    }
    assert_eq!(counted(&server, "failed").await, 0);
}
