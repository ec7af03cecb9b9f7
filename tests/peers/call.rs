//! A call from page to page: the mixer takes each side's sound and gives it to the other, sample by sample.

use std::collections::HashMap;

use bangban_domain::{CallId, window::Medium};
use bangban_protocol::{Answer, CallAct, CallState, Command, EventBody, Snapshot, Topic};
use bangban_tests::{Client, Engine, PATIENCE, TestServer};
use bytes::Bytes;
use tokio::time::timeout;

use crate::{
    browser::{ALAW, Browser},
    page::PACE,
};

/// Frames of 20 ms that have to come through.
const FRAMES: usize = 50;

/// After so many frames one looks whether it is so.
const LOOK: usize = 10;

/// One side of a call.
struct Side {
    client: Client,
    browser: Browser,
}

const fn act(act: CallAct) -> Command {
    Command::Call { act }
}

impl Side {
    fn sent(&self) -> &[Bytes] {
        self.browser.sent(Medium::Voice)
    }

    /// Everything that it has heard, one after the other.
    fn heard(&self) -> Vec<u8> {
        let packets = self.browser.received("0");
        packets.iter().flat_map(|packet| packet.payload.iter().copied()).collect()
    }
}

/// Which of these frames stand in what was heard, as they were sent, in the order in which they do.
fn found(frames: &[Bytes], heard: &[u8]) -> Vec<usize> {
    let begin = |part: &[u8]| *part.first_chunk::<8>().unwrap();
    let known: HashMap<_, _> = frames.iter().enumerate().map(|(n, frame)| (begin(frame), n)).collect();
    let frame_at = |part: &[u8]| known.get(&begin(part)).copied().filter(|n| part == frames[*n]);
    heard.windows(ALAW).filter_map(frame_at).collect()
}

/// Lets both speak and hear until it is so.
async fn until(sides: &mut [Side; 2], what: &str, is_so: impl Fn(&[Side; 2]) -> bool) {
    let turns = async {
        let mut pace = tokio::time::interval(PACE);
        while !is_so(sides) {
            for _ in 0..LOOK {
                pace.tick().await;
                for side in sides.iter_mut().filter(|side| side.browser.is_connected()) {
                    side.browser.send(Medium::Voice).await;
                }
            }
        }
    };
    assert!(timeout(PATIENCE, turns).await.is_ok(), "waited for: {what}");
}

/// Offers the sound of this page; the server's answer is taken.
async fn connect(client: &mut Client, call: CallId, is_rung: bool) -> Browser {
    client.ok(act(CallAct::Prepare { call })).await;
    let mut browser = Browser::of_a_call().await;
    let (sdp, _) = browser.offer().await;
    let offer = if is_rung { CallAct::Answer { call, sdp } } else { CallAct::Connect { call, sdp } };
    match client.ok(act(offer)).await {
        Answer::CallSound { sdp } => browser.agree(&sdp).await,
        other => panic!("{other:?}"),
    }
    browser
}

#[tokio::test]
async fn citizen_and_agent_hear_each_other_and_not_themselves_also_after_a_reload() {
    let settings = [("BANGBAN__MEDIA__LISTEN", "127.0.0.1:0"), ("BANGBAN__CALLS__LISTEN", "127.0.0.1")];
    let server = TestServer::with(Engine::Sqlite, &settings).await;
    let mut citizen = server.citizen("demo-citizen-1").await;
    let mut agent = server.staff("agent1001").await;
    agent.subscribe(Topic::Calls, None).await;
    let conversation = citizen.open().await;
    let Answer::CallOpened { call } = citizen.ok(act(CallAct::Start { conversation })).await else { panic!("a call") };
    let browser = connect(&mut citizen, call, false).await;
    let citizen = Side { client: citizen, browser };
    agent.accept().await;
    agent
        .event("it rings", |event| match &event.body {
            EventBody::Calls { view } => view.rings.iter().any(|ring| ring.call == call).then_some(()),
            _ => None,
        })
        .await;
    agent.ok(act(CallAct::Rings { call })).await;
    let browser = connect(&mut agent, call, true).await;
    let mut sides = [citizen, Side { client: agent, browser }];
    let hear_each_other = |[one, other]: &[Side; 2]| {
        found(other.sent(), &one.heard()).len() >= FRAMES && found(one.sent(), &other.heard()).len() >= FRAMES
    };
    until(&mut sides, "both hear each other", hear_each_other).await;
    for (n, side) in sides.iter().enumerate() {
        assert_eq!(found(side.sent(), &side.heard()), Vec::<usize>::new(), "nobody hears themselves");
        let frames = found(sides[1 - n].sent(), &side.heard());
        assert!(frames.is_sorted(), "{frames:?}");
    }

    // The citizen's page is loaded anew: another connection for the same leg.
    let token = server.citizen_token("demo-citizen-1").await;
    let mut again = Client::connect(server.address, &token).await;
    let browser = connect(&mut again, call, false).await;
    let old = std::mem::replace(&mut sides[0], Side { client: again, browser });
    old.browser.close().await;
    until(&mut sides, "both hear each other again", hear_each_other).await;

    let [citizen, agent] = &mut sides;
    let (_, Snapshot::Call { view }) = agent.client.subscribe(Topic::Call(call), None).await else { panic!("a call") };
    assert_eq!(view.state, CallState::Talking);
    citizen.client.ok(act(CallAct::HangUp { call })).await;
    agent
        .client
        .event("the end", |event| match &event.body {
            EventBody::Call { view } => (view.state == CallState::Ended).then_some(()),
            _ => None,
        })
        .await;
}
