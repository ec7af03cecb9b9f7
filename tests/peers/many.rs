//! Windows come and go.

use bangban_domain::window::{Medium, Purpose};
use bangban_protocol::Command;

use crate::{
    page::until,
    scene::{Scene, counted, server},
};

/// With pictures that flow; a thousand without are `bangban-load windows --cycles 1000`.
const WINDOWS: usize = 30;

#[tokio::test]
async fn windows_that_were_seen_and_are_over_leave_nothing() {
    let server = server().await;
    let mut scene = Scene::open(&server).await;
    let mut held = Vec::new();
    for n in 0..WINDOWS {
        let window = scene.ask().await;
        scene.agree(window, &[Purpose::Window]).await;
        let conversation = scene.conversation;
        let [mut citizen, mut agent] = scene.sit(window).await;
        citizen.publish(Medium::Camera, true).await;
        let they = citizen.participant;
        until(&mut [&mut citizen, &mut agent], "pictures", |pages| pages[1].received(they, Medium::Camera).len() >= 3)
            .await;
        assert_eq!((counted(&server, "windows").await, counted(&server, "peers").await), (1, 2));
        // One way or the other.
        let (closes, command) = match n % 3 {
            0 => (&mut citizen, Command::LeaveWindow { window }),
            1 => (&mut citizen, Command::WithdrawConsent { window, purpose: Purpose::Window }),
            _ => (&mut agent, Command::EndWindow { window }),
        };
        closes.client.ok(command).await;
        assert_eq!((counted(&server, "windows").await, counted(&server, "peers").await), (0, 0), "{n}");
        held.push(open_files(server.pid()));
        citizen.browser.close().await;
        agent.browser.close().await;
        scene = Scene { conversation, citizen: citizen.client, agent: agent.client };
    }
    let (first, last) = (held[0], held[WINDOWS - 1]);
    assert!(last <= first + 4, "files are left open: {held:?}");
    for what in ["failed", "panics", "unsent"] {
        assert_eq!(counted(&server, what).await, 0, "{what}");
    }
}

fn open_files(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}
